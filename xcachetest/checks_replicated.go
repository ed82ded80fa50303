package xcachetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
)

// replicatedRounds is the number of writes that a read must see: with few writes, a
// replica that lags by less than a round trip is not noticed.
const replicatedRounds = 100

// replicatedChecks has the checks of stores that read from replicas, and of views that
// read from the primary.
func replicatedChecks() []check {
	return []check{
		{
			name:  "replicated/primary-is-like-the-store",
			rule:  "Primary always gives the same store, which has every feature, command and limit of the replicated one, and is not replicated itself",
			needs: needs(replicated),
			run: func(s *subject) error {
				primary := s.caps.Replicated.Primary()
				errs := []error{that(s.caps.Replicated.Primary() == primary, "Primary gave two different stores")}
				caps := driver.CapsOf(primary)
				for _, name := range capabilityNames() {
					if name == replicated {
						errs = append(errs, that(!has(caps, name), "the primary is replicated itself"))
					} else if has(s.caps, name) {
						errs = append(errs, that(has(caps, name), "the primary has no %s, the store has", name))
					}
				}
				if caps.Commander != nil && s.caps.Commander != nil {
					got, want := caps.Commander.Commands().Names(), s.caps.Commander.Commands().Names()
					errs = append(errs, that(slices.Equal(got, want), "the primary runs %v, the store %v", got, want))
				}
				got, want := caps.Limits, s.caps.Limits
				return errors.Join(append(errs,
					expect(got.KeyLength, want.KeyLength, "Limits.KeyLength of the primary"),
					expect(got.ValueSize, want.ValueSize, "Limits.ValueSize of the primary"),
					expect(got.TTLResolution, want.TTLResolution, "Limits.TTLResolution of the primary"))...)
			},
		},
		{
			name:  "replicated/primary-sees-every-write",
			rule:  "what is read from Primary is what was written last",
			needs: needs(replicated),
			run: func(s *subject) error {
				key := s.key("k")
				primary := s.with(s.caps.Replicated.Primary())
				for i := range s.rounds(replicatedRounds) {
					want := strconv.Itoa(i)
					err := errors.Join(s.set(key, want, long), primary.wantValue(key, want), primary.wantTTL(key, long))
					if i%2 == 0 {
						err = errors.Join(err, s.wantDeleted(1, key), primary.wantMiss(key))
					}
					if err != nil {
						return fmt.Errorf("round %d: %w", i, err)
					}
				}
				return nil
			},
		},
		{
			name:  "replicated/writes-see-every-write",
			rule:  "what writes after reading (Swap, CompareAndSwap, conditions, Incr) reads what was written last",
			needs: needs(replicated, swapper, counter),
			run: func(s *subject) error {
				key := s.key("k")
				for i := range s.rounds(replicatedRounds) {
					old := strconv.Itoa(i)
					err := errors.Join(s.set(key, old, long), s.wantSwap(key, "1000", long, old), s.wantIncr(key, 1, 1001),
						s.wantCAS(key, "1001", "done", long, true), s.wantSet(driver.IfAbsent, key, "v", long, driver.ErrNotStored),
						s.wantDeleted(1, key), s.wantSet(driver.IfPresent, key, "v", long, driver.ErrNotStored))
					if err != nil {
						return fmt.Errorf("round %d: %w", i, err)
					}
				}
				return nil
			},
		},
		{
			name:  "replicated/scan-sees-every-write",
			rule:  "Scan yields what was written before it began: what is deleted by pattern must be found",
			needs: needs(replicated, scanner),
			run: func(s *subject) error {
				for i := range s.rounds(replicatedRounds) {
					key := s.key("k")
					err := errors.Join(s.set(key, "v", long), s.wantScan("*", key), s.wantDeleted(1, key), s.wantScan("*"))
					if err != nil {
						return fmt.Errorf("round %d: %w", i, err)
					}
				}
				return nil
			},
		},
		cacheCheck("cache/read-primary", "a view with ReadPrimary reads what was written last, on any store", nil, func(ctx context.Context, c *cached) error {
			own := c.texts.With(xcache.ReadPrimary())
			for i := range c.rounds(replicatedRounds) {
				want := strconv.Itoa(i)
				err := errors.Join(c.texts.Set(ctx, "k", want), c.wantText(own, "k", want), is(own.Has(ctx, "k"))("Has", true, nil))
				found, getErr := own.GetMany(ctx, []string{"k", "none"})
				err = errors.Join(err, getErr, expect(found["k"], want, "what GetMany found"), c.wantMovedOn(ctx, own))
				if err != nil {
					return fmt.Errorf("round %d: %w", i, err)
				}
			}
			return nil
		}),
	}
}

// wantMovedOn deletes k, and wants own, a view that reads its own writes, to miss k.
func (c *cached) wantMovedOn(ctx context.Context, own *xcache.View[string]) error {
	removed, err := c.Delete(ctx, "k")
	_, getErr := own.Get(ctx, "k")
	return errors.Join(err, expect(removed, 1, "keys deleted"), c.wantErr(getErr, xcache.ErrNotFound, "Get of a deleted key"))
}
