package xcachetest

import (
	"context"
	"errors"

	"github.com/xcache-go/xcache"
)

// servesStale reads a value of another writer. The TTL of the value is less than the
// buffer, so that the value is stale from the beginning.
func servesStale(ctx context.Context, c *cached) error {
	v := c.texts.With(xcache.StaleFor(long))
	none := xcache.ErrNotFound
	errs := []error{
		c.set(c.full("k"), `"old"`, long/2), c.wantText(c.texts, "k", "old"),
		is(v.Get(ctx, "k"))("Get of a stale value", "", none), is(v.Has(ctx, "k"))("Has of a stale value", false, nil), is(v.TTL(ctx, "k"))("TTL of a stale value", 0, none),
		is(v.Touch(ctx, "k"))("Touch of a stale value", false, nil),
	}
	many, err := v.GetMany(ctx, []string{"k", "none"})
	errs = append(errs, err, expect(len(many), 0, "stale values of GetMany"))

	load := func(context.Context) (string, error) { return "new", nil }
	errs = append(errs, is(v.GetOrSet(ctx, "k", load, xcache.TTL(medium)))("GetOrSet of a stale value", "old", nil),
		c.eventually(func() error { return c.wantText(v, "k", "new") }), c.wantText(c.texts, "k", "new"), c.wantCacheTTL("k", medium+long))
	left, err := v.TTL(ctx, "k")
	errs = append(errs, err, that(left > 0 && left <= medium, "the TTL of a valid value is %v, want at most %v", left, medium), refreshesMany(ctx, c, v), refreshAfterDelete(ctx, c, v))
	return errors.Join(errs...)
}

// refreshesMany is GetOrSetMany of a valid, a stale, and a missing value.
func refreshesMany(ctx context.Context, c *cached, v *xcache.View[string]) error {
	err := c.set(c.full("stale"), `"old"`, long/2)
	got, manyErr := v.GetOrSetMany(ctx, []string{"k", "stale", "missing"}, func(_ context.Context, keys []string) (map[string]string, error) {
		values := map[string]string{}
		for _, key := range keys {
			values[key] = "loaded"
		}
		return values, nil
	})
	return errors.Join(err, manyErr, expect(got["k"], "new", "valid value"), expect(got["stale"], "old", "stale value"), expect(got["missing"], "loaded", "missing value"),
		c.eventually(func() error { return c.wantText(v, "stale", "loaded") }))
}

// refreshAfterDelete lets another cache delete a stale value during the load of the
// value.
func refreshAfterDelete(ctx context.Context, c *cached, v *xcache.View[string]) error {
	other, err := c.cache()
	if err != nil {
		return err
	}
	deleted := make(chan error, 1)
	errs := []error{
		c.set(c.full("gone"), `"old"`, long/2),
		is(v.GetOrSet(ctx, "gone", func(context.Context) (string, error) {
			_, err := other.Delete(noDeadline, "gone")
			select {
			case deleted <- err:
			default: // if the next call joins the load, the load runs again
			}
			return "dead", err
		}))("GetOrSet of a stale value", "old", nil), <-deleted,
	}
	// When this load is over, the refresh is over, too: the load waits for the refresh, or
	// begins later.
	got, err := v.GetOrSet(ctx, "gone", func(context.Context) (string, error) { return "new", nil })
	errs = append(errs, err, that(got == "dead" || got == "new", "GetOrSet during the refresh = %q", got))
	stored, err := v.Get(ctx, "gone")
	if errors.Is(err, xcache.ErrNotFound) {
		err = nil
	}
	return errors.Join(append(errs, err, that(stored != "dead", "a value is back that was loaded before its key was deleted"))...)
}
