package xcachetest

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/codec"
	"github.com/xcache-go/xcache/driver"
)

// cacheTagChecks has the checks of values that depend on tags.
func cacheTagChecks() []check {
	return []check{
		tagCheck("tags/invalidated", "InvalidateTags makes misses of the values with one of the tags, and of no others, whatever wrote and reads them", func(ctx context.Context, c *cached) error {
			p := c.Pipeline()
			queued := c.texts.In(p).Set("queued", "v", xcache.Tags("b"))
			err := errors.Join(
				c.texts.SetMany(ctx, map[string]string{"a1": "v", "a2": "v"}, xcache.Tags("a"), xcache.TTL(long)),
				c.texts.Set(ctx, "both", "v", xcache.Tags("a", "b")), c.texts.Set(ctx, "none", "v"),
				is(c.texts.Add(ctx, "added", "v", xcache.Tags("b")))("Add", true, nil), p.Exec(ctx), queued.Err())
			err = errors.Join(err, wantTexts(ctx, c, "both", "none", "a1", "a2", "added", "queued"),
				c.InvalidateTags(ctx, "a"), c.wantNone("both", "a1", "a2"), wantTexts(ctx, c, "none", "added", "queued"),
				c.InvalidateTags(ctx, "b", "c"), c.wantNone("added", "queued"), wantTexts(ctx, c, "none"))
			return errors.Join(err, is(c.texts.Add(ctx, "both", "new", xcache.Tags("a")))("Add of a key whose value is invalid", true, nil), c.wantText(c.texts, "both", "new"), c.wantNone("a1", "a2"))
		}),
		tagCheck("tags/no-stale-read", "no read that begins after InvalidateTags has returned gives a value from before, whoever loads meanwhile", invalidatesForAll),
		tagCheck("tags/evicted", "a value whose tag is gone is a miss", func(ctx context.Context, c *cached) error {
			err := c.texts.Set(ctx, "k", "v", xcache.Tags("a"))
			n, deleteErr := c.store.Delete(ctx, []string{c.cachePrefix() + ":tag:a"})
			return errors.Join(err, deleteErr, expect(n, 1, "keys of the tag"), c.wantNone("k"))
		}),
	}
}

func tagCheck(name, rule string, run func(ctx context.Context, c *cached) error) check {
	return check{name: name, rule: rule, needs: needs(driver.CmdGeneration), run: func(s *subject) error {
		chain, err := codec.New(codec.Config{Format: codec.Tagged})
		if err != nil {
			return err
		}
		c, err := s.cache(xcache.WithCodec(chain))
		if err != nil {
			return err
		}
		return run(noDeadline, c)
	}}
}

// wantTexts wants the value v for all keys, from Get, GetMany and a pipeline.
func wantTexts(ctx context.Context, c *cached, keys ...string) error {
	many, err := c.texts.GetMany(ctx, keys)
	errs := []error{err}
	p := c.Pipeline()
	queued := c.texts.In(p).GetMany(keys)
	errs = append(errs, p.Exec(ctx))
	batch, err := queued.Value()
	errs = append(errs, err)
	for _, key := range keys {
		errs = append(errs, c.wantText(c.texts, key, "v"), that(many[key] == "v", "GetMany gives %q for %q, want v", many[key], key),
			that(batch[key] == "v", "a pipelined GetMany gives %q for %q, want v", batch[key], key))
	}
	return errors.Join(errs...)
}

// invalidatesForAll lets one caller change a source and invalidate, while other callers
// load from the source.
func invalidatesForAll(ctx context.Context, c *cached) error {
	const rounds = 50
	var source atomic.Int64
	var over atomic.Bool
	v := xcache.For[int64](c.Cache)
	load := func(context.Context) (int64, error) { return source.Load(), nil }
	return together(4, func(i int) error {
		if i > 0 {
			for !over.Load() {
				if _, err := v.GetOrSet(ctx, "k", load, xcache.Tags("a", strconv.Itoa(i))); err != nil {
					return fmt.Errorf("GetOrSet: %w", err)
				}
			}
			return nil
		}
		defer over.Store(true)
		for range rounds {
			want := source.Add(1)
			if err := c.InvalidateTags(ctx, "a"); err != nil {
				return err
			}
			got, err := v.Get(ctx, "k")
			if err == nil && got < want {
				return errors.New("a value of " + strconv.FormatInt(got, 10) + " after an invalidation at " + strconv.FormatInt(want, 10))
			}
			if err != nil && !errors.Is(err, xcache.ErrNotFound) {
				return err
			}
		}
		return nil
	})
}
