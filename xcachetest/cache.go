package xcachetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/xcache-go/xcache"
)

// A cached is the subject's store behind a Cache with a prefix of this check. The methods
// are for the checks of cache-level rules. The keys are user keys.
type cached struct {
	*subject
	*xcache.Cache
	texts *xcache.View[string]
}

// cache returns a Cache on the store. The subject closes the store, so the Cache is not
// closed. op_timeout is far away, because a machine may stop the server, or this process, for
// seconds. Options have another op_timeout, and a store may bound its calls itself.
func (s *subject) cache(opts ...xcache.Option) (*cached, error) {
	c, err := xcache.New(s.store, append([]xcache.Option{xcache.WithPrefix(s.cachePrefix()), xcache.WithOpTimeout(farAway)}, opts...)...)
	if err != nil {
		return nil, fmt.Errorf("xcache.New: %w", err)
	}
	s.usedCache = true
	return &cached{s, c, xcache.For[string](c)}, nil
}

// cachePrefix is the beginning of every key of the check, and has no colon.
func (s *subject) cachePrefix() string { return strings.TrimSuffix(s.prefix, ":") }

// full returns the full key of a user key of version 1.
func (c *cached) full(key string) string { return c.cachePrefix() + ":1:" + key }

// clearCaches deletes the keys that caches of the check have stored, if the store can scan.
func (s *subject) clearCaches() error {
	if !s.usedCache || s.caps.Scanner == nil {
		return nil
	}
	var keys []string
	for key, err := range s.caps.Scanner.Scan(noDeadline, s.cachePrefix()+"*") {
		if err != nil {
			return err
		}
		keys = append(keys, key)
	}
	_, err := s.store.Delete(noDeadline, keys)
	return err
}

// cacheCheck returns a check that runs on a Cache.
func cacheCheck(name, rule string, needed []string, run func(ctx context.Context, c *cached) error) check {
	return check{name: name, rule: rule, needs: needed, run: func(s *subject) error {
		c, err := s.cache()
		if err != nil {
			return err
		}
		return run(noDeadline, c)
	}}
}

func (c *cached) wantText(view *xcache.View[string], key, want string) error {
	got, err := view.Get(noDeadline, key)
	if err != nil || got != want {
		return fmt.Errorf("Get(%q) = %q, %w, want %q", key, got, orNone(err), want)
	}
	return nil
}

func (c *cached) wantNone(keys ...string) error {
	var errs []error
	for _, key := range keys {
		got, err := c.texts.Get(noDeadline, key)
		errs = append(errs, that(isBare(err, xcache.ErrNotFound), "Get(%q) = %q, %v, want the bare ErrNotFound", key, got, err))
	}
	return errors.Join(errs...)
}

// wantCacheTTL is wantTTL for a user key.
func (c *cached) wantCacheTTL(key string, want time.Duration) error {
	return c.wantTTL(c.full(key), want)
}

// wantKeys compares the user keys that match a pattern.
func wantKeys(c *xcache.Cache, pattern string, want ...string) error {
	var got []string
	for key, err := range c.Keys(noDeadline, pattern) {
		if err != nil {
			return fmt.Errorf("Keys(%q): %w", pattern, err)
		}
		got = append(got, key)
	}
	slices.Sort(got)
	slices.Sort(want)
	return that(slices.Equal(got, want), "Keys(%q) = %q, want %q", pattern, got, want)
}

// is takes the results of an operation and compares them: is(c.Has(ctx, key))
// ("Has", true, nil).
func is[T comparable](got T, err error) func(what string, want T, wantErr error) error {
	return func(what string, want T, wantErr error) error {
		if got == want && errors.Is(err, wantErr) {
			return nil
		}
		return fmt.Errorf("%s = %v, %w, want %v, %v", what, got, orNone(err), want, errText(wantErr))
	}
}

// ok wants no error.
func ok(what string, err error) error {
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}
