package xcache_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/memory"
)

// twoCaches returns two caches on one store that know nothing of each other, as two processes.
func twoCaches(t *testing.T) (one, other *xcache.Cache, store *memory.Store) {
	t.Helper()
	store, err := memory.NewStore(memory.Options{})
	require.NoError(t, err)
	return newCache(t, store), newCache(t, revokingStore{store}), store
}

// A revokingStore is a store whose Delete leaves leases alone, as that of servers does.
type revokingStore struct{ *memory.Store }

func (s revokingStore) Limits() driver.Limits {
	limits := s.Store.Limits()
	limits.DeleteRevokes = false
	return limits
}

func TestAnInvalidationElsewhereKeepsALoadedValueOut(t *testing.T) {
	for name, invalidate := range map[string]func(ctx context.Context, c *xcache.Cache) error{
		"Delete":                func(ctx context.Context, c *xcache.Cache) error { return second(c.Delete(ctx, "k")) },
		"Delete of several":     func(ctx context.Context, c *xcache.Cache) error { return second(c.Delete(ctx, "j", "k")) },
		"Delete in a pipeline":  func(ctx context.Context, c *xcache.Cache) error { p := c.Pipeline(); p.Delete("k"); return p.Exec(ctx) },
		"Delete in a namespace": func(ctx context.Context, c *xcache.Cache) error { return second(c.Delete(ctx, "k")) },
		"DeletePattern":         func(ctx context.Context, c *xcache.Cache) error { return second(c.DeletePattern(ctx, "k*")) },
		"DeletePattern of one":  func(ctx context.Context, c *xcache.Cache) error { return second(c.DeletePattern(ctx, "k")) },
		"DeletePattern, class":  func(ctx context.Context, c *xcache.Cache) error { return second(c.DeletePattern(ctx, "[j-l]")) },
		"Clear":                 func(ctx context.Context, c *xcache.Cache) error { return second(c.Clear(ctx)) },
		"ClearAllVersions":      func(ctx context.Context, c *xcache.Cache) error { return second(c.ClearAllVersions(ctx)) },
		"FlushDB":               func(ctx context.Context, c *xcache.Cache) error { return c.FlushDB(ctx) },
		"Expire":                func(ctx context.Context, c *xcache.Cache) error { return second(c.Expire(ctx, "k", 0)) },
		"Touch":                 func(ctx context.Context, c *xcache.Cache) error { return second(c.Touch(ctx, "k", xcache.TTL(-1))) },
		"Set, expired": func(ctx context.Context, c *xcache.Cache) error {
			return xcache.For[string](c).Set(ctx, "k", "", xcache.TTL(-1))
		},
		"set and renamed": func(ctx context.Context, c *xcache.Cache) error {
			require.NoError(t, xcache.For[string](c).Set(ctx, "k", "new"))
			return c.Rename(ctx, "k", "l")
		},
		"set and compared": func(ctx context.Context, c *xcache.Cache) error {
			require.NoError(t, xcache.For[string](c).Set(ctx, "k", "new"))
			return second(xcache.For[string](c).CompareAndDelete(ctx, "k", "new"))
		},
		"set and moved to a version": func(ctx context.Context, c *xcache.Cache) error {
			require.NoError(t, xcache.For[string](c).Set(ctx, "k", "new"))
			return second(c.IncrVersion(ctx, "k", 1))
		},
	} {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			one, other, _ := twoCaches(t)
			v := xcache.For[string](one)
			got, err := v.GetOrSet(ctx, "k", func(context.Context) (string, error) {
				require.NoError(t, invalidate(ctx, other))
				return "old", nil
			})
			require.NoError(t, err)
			require.Equal(t, "old", got)
			require.ErrorIs(t, second(v.Get(ctx, "k")), xcache.ErrNotFound)
			require.NoError(t, second(v.GetOrSet(ctx, "k", text("new"))))
			require.NoError(t, second(v.GetOrSet(ctx, "k", func(context.Context) (string, error) { panic("it is stored") })))
		})
	}
}

func TestLeasesAreNoKeys(t *testing.T) {
	ctx := t.Context()
	one, other, store := twoCaches(t)
	got, err := xcache.For[string](one).GetOrSet(ctx, "k", func(context.Context) (string, error) {
		require.NoError(t, second(xcache.For[string](other).Add(ctx, driver.LeaseName(":1:j")[len(":1:"):], "a key of the user's")))
		for key, err := range other.Keys(ctx, "*") {
			require.NoError(t, err)
			require.Fail(t, "Keys yields a lease", key)
		}
		n, err := other.DeletePattern(ctx, "j*")
		require.NoError(t, err)
		require.Zero(t, n)
		return "loaded", nil
	})
	require.NoError(t, err)
	require.Equal(t, "loaded", got)
	require.NoError(t, second(other.Has(ctx, "k")))
	var names []string
	for name := range store.Scan(ctx, driver.LeasePattern("*")) {
		names = append(names, name)
	}
	require.Len(t, names, 1, "that of the user's, and no lease, which the fill has ended")
}

// Loads of several processes share a lease, so that the first to come back stores its value.
func TestTheFirstOfSeveralLoadsStores(t *testing.T) {
	ctx := t.Context()
	one, other, _ := twoCaches(t)
	got, err := xcache.For[string](one).GetOrSet(ctx, "k", func(context.Context) (string, error) {
		return "slow", second(xcache.For[string](other).GetOrSet(ctx, "k", text("fast")))
	})
	require.NoError(t, err)
	require.Equal(t, "fast", got)
}

func TestALoadWithoutALeaseReturnsTheValueAndDoesNotStore(t *testing.T) {
	ctx := t.Context()
	var heard listener
	s, c := newFake(t, xcache.WithObserver(&heard))
	s.before = func(_ context.Context, method string, _ []string) error {
		if method == "Lease" {
			return driver.Fail(driver.ErrOutOfMemory, driver.NotApplied, &clientError{1})
		}
		return nil
	}
	got, err := xcache.For[string](c).GetOrSet(ctx, "k", text("loaded"))
	require.NoError(t, err)
	require.Equal(t, "loaded", got)
	require.Len(t, heard.events, 1)
	require.ErrorIs(t, heard.events[0].Err, xcache.ErrOutOfMemory)
	require.Empty(t, s.stored(t))
}

// A driver without leases has what the process knows alone.
func TestWithoutLeasesAnInvalidationElsewhereGoesUnnoticed(t *testing.T) {
	ctx := t.Context()
	s := newFakeStore(t)
	s.caps = func(caps *driver.Caps) { caps.Commander = nil }
	one, other := newCache(t, s), newCache(t, s)
	require.ErrorContains(t, one.Require("leases"), "leases")
	got, err := xcache.For[string](one).GetOrSet(ctx, "k", func(context.Context) (string, error) {
		return "old", second(other.Delete(ctx, "k"))
	}, xcache.TTL(time.Hour))
	require.NoError(t, err)
	require.Equal(t, "old", got)
	require.NoError(t, second(one.Delete(ctx, "k")))
}
