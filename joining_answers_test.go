package xcache_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/memory"
)

// A distantStore is a store whose answers take a second to arrive. A full one stores no loaded value.
type distantStore struct {
	*memory.Store
	full bool
}

func (s distantStore) Get(ctx context.Context, keys []string, dst []driver.Value) error {
	defer time.Sleep(time.Second)
	return s.Store.Get(ctx, keys, dst)
}

func (s distantStore) GetTTL(ctx context.Context, keys []string, dst []driver.Value) error {
	defer time.Sleep(time.Second)
	return s.Store.GetTTL(ctx, keys, dst)
}

func (s distantStore) Do(ctx context.Context, cmds []*driver.Cmd, how driver.How) error {
	defer time.Sleep(time.Second)
	var sent []*driver.Cmd
	for _, cmd := range cmds {
		if s.full && cmd.Name == driver.CmdLeaseFill {
			cmd.Err = xcache.ErrTooLarge
		} else {
			sent = append(sent, cmd)
		}
	}
	return s.Store.Do(ctx, sent, how)
}

// A row of a database, which a load takes three seconds to read: a caller who
// looks the key up first can still join. Row 0 does not exist.
type row struct{ version, loads atomic.Int64 }

func (r *row) load(context.Context) (int64, error) {
	r.loads.Add(1)
	version := r.version.Load()
	time.Sleep(3 * time.Second)
	if version == 0 {
		return 0, xcache.ErrNotFound
	}
	return version, nil
}

// get reads the row k through a cache.
func (r *row) get(ctx context.Context, v *xcache.View[int64], many bool) (int64, error) {
	if !many {
		return v.GetOrSet(ctx, "k", r.load, xcache.Tags("t"))
	}
	got, err := v.GetOrSetMany(ctx, []string{"other", "k"}, func(ctx context.Context, missing []string) (map[string]int64, error) {
		values := map[string]int64{"other": 1}
		if !slices.Contains(missing, "k") {
			time.Sleep(3 * time.Second)
		} else if version, err := r.load(ctx); err == nil {
			values["k"] = version
		}
		return values, nil
	}, xcache.Tags("t"))
	if _, ok := got["k"]; !ok && err == nil {
		err = xcache.ErrNotFound
	}
	return got["k"], err
}

// A row changes, and another process invalidates its key. A caller who comes behind that gets no
// answer from before, whatever the load that the caller joins waits for at the time.
func TestNoCallerGetsAnAnswerFromBeforeAnInvalidationElsewhere(t *testing.T) {
	views := map[string][]xcache.Option{
		"":                          nil,
		"OneLoader":                 {xcache.OneLoader(time.Minute)},
		"OneLoader for a moment":    {xcache.OneLoader(time.Millisecond)},
		"full":                      nil,
		"NegativeTTL":               {xcache.NegativeTTL(time.Minute)},
		"OneLoader and NegativeTTL": {xcache.OneLoader(time.Minute), xcache.NegativeTTL(time.Minute)},
		"StaleOnError":              {xcache.WithTTL(time.Minute), xcache.StaleOnError(time.Minute)},
	}
	invalidations := map[string]func(context.Context, *xcache.Cache) error{
		"Delete":         func(ctx context.Context, c *xcache.Cache) error { return second(c.Delete(ctx, "k")) },
		"Invalidate":     func(ctx context.Context, c *xcache.Cache) error { return c.Invalidate(ctx, "k") },
		"InvalidateTags": func(ctx context.Context, c *xcache.Cache) error { return c.InvalidateTags(ctx, "t") },
	}
	// What another process does before, and when.
	befores := map[string]func(ctx context.Context, r *row, v *xcache.View[int64]) error{
		"nothing": func(context.Context, *row, *xcache.View[int64]) error { return nil },
		"a value that is of no use": func(ctx context.Context, _ *row, v *xcache.View[int64]) error {
			return errors.Join(v.Set(ctx, "k", -1, xcache.Tags("t")), v.InvalidateTags(ctx, "t"))
		},
		"a load": func(ctx context.Context, r *row, v *xcache.View[int64]) error {
			if err := second(r.get(ctx, v, false)); !errors.Is(err, xcache.ErrNotFound) {
				return err
			}
			return nil
		},
		"a write": func(ctx context.Context, r *row, v *xcache.View[int64]) error {
			time.Sleep(3 * time.Second / 2)
			version := r.version.Load()
			if version == 0 {
				return nil
			}
			return v.Set(ctx, "k", version, xcache.Tags("t"))
		},
	}
	for _, view := range slices.Sorted(maps.Keys(views)) {
		for _, how := range slices.Sorted(maps.Keys(invalidations)) {
			if how == "Invalidate" && view != "StaleOnError" {
				continue // is a Delete
			}
			for _, before := range slices.Sorted(maps.Keys(befores)) {
				for _, many := range []bool{false, true} {
					t.Run(fmt.Sprintf("%s/%s/%s/many %t", view, how, before, many), func(t *testing.T) {
						opts := append([]xcache.Option{tagged(t)}, views[view]...)
						full := view == "full"
						for first := range int64(2) {
							if first == 0 && how == "InvalidateTags" && strings.Contains(view, "Negative") {
								continue // a value that is missing has no tags
							}
							for at := time.Second / 8; at < 15*time.Second; at += time.Second {
								synctest.Test(t, func(t *testing.T) {
									testInvalidationElsewhere(t, full, opts, first, at, many, befores[before], invalidations[how])
								})
							}
						}
					})
				}
			}
		}
	}
}

func testInvalidationElsewhere(t *testing.T, full bool, opts []xcache.Option, first int64, at time.Duration, many bool, before func(context.Context, *row, *xcache.View[int64]) error, invalidate func(context.Context, *xcache.Cache) error) {
	store, err := memory.NewStore(memory.Options{})
	require.NoError(t, err)
	here, elsewhere := newCache(t, distantStore{store, full}, opts...), newCache(t, revokingStore{store}, opts...)
	v := xcache.For[int64](here)
	r := new(row)
	r.version.Store(first)
	ctx := t.Context()
	var callers sync.WaitGroup
	callers.Go(func() { assert.NoError(t, before(ctx, r, xcache.For[int64](elsewhere))) })
	synctest.Wait()
	for i := range 8 { // loads of other keys end, and some callers join the load of this one
		callers.Go(func() {
			time.Sleep(time.Duration(i) * time.Second / 4)
			assert.NoError(t, second(v.GetOrSet(ctx, strconv.Itoa(i), func(context.Context) (int64, error) { return 0, nil })))
		})
		callers.Go(func() {
			time.Sleep(time.Duration(i) * time.Second / 4)
			if err := second(r.get(ctx, v, many)); !errors.Is(err, xcache.ErrNotFound) {
				assert.NoError(t, err)
			}
		})
	}
	time.Sleep(at)
	r.version.Add(1)
	assert.NoError(t, invalidate(ctx, elsewhere))
	got, err := r.get(ctx, v, many)
	callers.Wait()
	require.NoError(t, err, "row %d, invalidated at %s", first, at)
	require.Equal(t, first+1, got, "row %d, invalidated at %s", first, at)
	require.LessOrEqual(t, r.loads.Load(), int64(4), "loads")
}
