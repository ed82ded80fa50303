package xcachetest

import (
	"context"
	"errors"
	"time"

	"github.com/xcache-go/xcache/mixins"
)

// A streamWait is XREAD or XREADGROUP with BLOCK, for new entries.
type streamWait struct {
	name string
	read func(ctx context.Context, s *mixins.Streams[string], block time.Duration) (streamEntries, error)
}

var streamWaits = []streamWait{
	{"XREAD", func(ctx context.Context, s *mixins.Streams[string], block time.Duration) (streamEntries, error) {
		return s.XRead(ctx, mixins.XReadOptions{Block: block}, mixins.Behind(keyA, "$"), mixins.Behind(keyB, "$"))
	}},
	{"XREADGROUP", func(ctx context.Context, s *mixins.Streams[string], block time.Duration) (streamEntries, error) {
		return s.XReadGroup(ctx, "g", "c", mixins.XReadGroupOptions{Block: block}, mixins.Behind(keyA, ">"), mixins.Behind(keyB, ">"))
	}},
}

// streamWaitChecks has the checks of reads of streams that wait for an entry.
func streamWaitChecks() []check {
	var checks []check
	for _, w := range streamWaits {
		checks = append(checks, check{
			name:  "waits/" + w.name,
			rule:  w.name + " with BLOCK waits until one of its streams has an entry, and returns that; none when its time has passed, and the error of its context when that ends, with nothing lost",
			needs: needs(commander, "XADD", "XGROUP", "XREAD", "XREADGROUP", "XPENDING"),
			run:   func(s *subject) error { return s.streamWaits(w) },
		})
	}
	return checks
}

func (s *subject) streamWaits(w streamWait) error {
	if s.caps.Exclusive == nil && !s.caps.Commander.Commands().Has("BLPOP") {
		return &inapplicableError{"the store does not run commands that wait"}
	}
	c, err := s.cache()
	if err != nil {
		return err
	}
	streams, err := mixins.NewStreams[string](c.Cache)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(noDeadline, long)
	defer cancel()
	var errs []error
	for _, key := range []string{keyA, keyB} {
		_, err := streams.XAdd(ctx, key, mixins.XAddOptions{ID: "1"}, streamFields{"f": "before"})
		errs = append(errs, err, streams.XGroupCreate(ctx, key, "g", "$", mixins.XGroupCreateOptions{}))
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	got, err := w.read(ctx, streams, 20*time.Millisecond)
	errs = append(errs, that(err == nil && len(got) == 0, "without an entry within its time: %v, %v", got, err))

	type result struct {
		got streamEntries
		err error
	}
	leaving, leave := context.WithCancel(ctx)
	results := make(chan result, 1)
	wait := func(ctx context.Context) {
		got, err := w.read(ctx, streams, mixins.Forever)
		results <- result{got, err}
	}
	go wait(leaving)
	time.Sleep(toWait)
	leave()
	left := <-results
	errs = append(errs, that(errors.Is(left.err, context.Canceled), "a caller who left: %v, %v", left.got, left.err))

	go wait(ctx)
	for range 4 { // XREAD misses an entry that is added before its call
		time.Sleep(toWait)
		if _, err := streams.XAdd(ctx, keyB, mixins.XAddOptions{}, streamFields{"f": "woken"}); err != nil {
			return err
		}
		select {
		case woken := <-results:
			entries := woken.got[keyB]
			ok := woken.err == nil && len(woken.got) == 1 && len(entries) > 0 && entries[0].Fields["f"] == "woken"
			errs = append(errs, that(ok, "a caller who waits while an entry is added: %v, %v", woken.got, woken.err))
			if w.name == "XREADGROUP" {
				pending, err := streams.XPending(ctx, keyB, "g")
				errs = append(errs, err, that(pending.Count == len(entries), "%d entries were returned, and %d are pending", len(entries), pending.Count))
			}
			return errors.Join(errs...)
		case <-time.After(time.Second):
		}
	}
	return errors.Join(append(errs, errors.New("a caller who waits is not woken"))...)
}
