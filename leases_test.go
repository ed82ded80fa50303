package xcache_test

import (
	"context"
	"errors"
	"slices"
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
		"Delete":               func(ctx context.Context, c *xcache.Cache) error { return second(c.Delete(ctx, "k")) },
		"Delete of several":    func(ctx context.Context, c *xcache.Cache) error { return second(c.Delete(ctx, "j", "k")) },
		"Delete in a pipeline": func(ctx context.Context, c *xcache.Cache) error { p := c.Pipeline(); p.Delete("k"); return p.Exec(ctx) },
		"Delete in a transaction": func(ctx context.Context, c *xcache.Cache) error {
			p := c.Pipeline()
			p.Delete("k")
			return p.ExecAtomic(ctx)
		},
		"Delete in Watch": func(ctx context.Context, c *xcache.Cache) error {
			return c.Watch(ctx, func(_ context.Context, tx *xcache.Tx) error {
				tx.Pipeline().Delete("k")
				return nil
			}, "k")
		},
		"Set in a pipeline, expired": func(ctx context.Context, c *xcache.Cache) error {
			p := c.Pipeline()
			xcache.For[string](c).In(p).Set("k", "", xcache.TTL(-1))
			return p.Exec(ctx)
		},
		"Swap in a pipeline, expired": func(ctx context.Context, c *xcache.Cache) error {
			p := c.Pipeline()
			set := xcache.For[string](c).In(p)
			set.Set("k", "")
			set.Swap("k", "", xcache.TTL(-1))
			return p.Exec(ctx)
		},
		"set and renamed in Watch": func(ctx context.Context, c *xcache.Cache) error {
			return c.Watch(ctx, func(_ context.Context, tx *xcache.Tx) error {
				xcache.For[string](c).In(tx.Pipeline()).Set("k", "new")
				tx.Pipeline().Rename("k", "l")
				return nil
			}, "k")
		},
		"SetMany, expired": func(ctx context.Context, c *xcache.Cache) error {
			return xcache.For[string](c).SetMany(ctx, map[string]string{"j": "", "k": ""}, xcache.TTL(-1))
		},
		"ExpireAt": func(ctx context.Context, c *xcache.Cache) error {
			return second(c.ExpireAt(ctx, "k", time.Now().Add(-time.Second)))
		},
		"DeletePattern":        func(ctx context.Context, c *xcache.Cache) error { return second(c.DeletePattern(ctx, "k*")) },
		"DeletePattern of one": func(ctx context.Context, c *xcache.Cache) error { return second(c.DeletePattern(ctx, "k")) },
		"DeletePattern, class": func(ctx context.Context, c *xcache.Cache) error { return second(c.DeletePattern(ctx, "[j-l]")) },
		"Clear":                func(ctx context.Context, c *xcache.Cache) error { return second(c.Clear(ctx)) },
		"ClearAllVersions":     func(ctx context.Context, c *xcache.Cache) error { return second(c.ClearAllVersions(ctx)) },
		"FlushDB":              func(ctx context.Context, c *xcache.Cache) error { return c.FlushDB(ctx) },
		"Expire":               func(ctx context.Context, c *xcache.Cache) error { return second(c.Expire(ctx, "k", 0)) },
		"Touch":                func(ctx context.Context, c *xcache.Cache) error { return second(c.Touch(ctx, "k", xcache.TTL(-1))) },
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
	for name, err := range store.Scan(ctx, driver.LeasePattern("*")) {
		require.NoError(t, err)
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

// A namespace is invalidated as a whole.
func TestAClearOfANamespaceElsewhereKeepsALoadedValueOut(t *testing.T) {
	ctx := t.Context()
	one, other, _ := twoCaches(t)
	inside, outside := xcache.For[string](one.Namespace("n")), xcache.For[string](one)
	cleared := func(context.Context) (string, error) { return "old", second(other.Namespace("n").Clear(ctx)) }
	require.NoError(t, second(inside.GetOrSet(ctx, "k", cleared)))
	require.ErrorIs(t, second(inside.Get(ctx, "k")), xcache.ErrNotFound)
	require.NoError(t, second(outside.GetOrSet(ctx, "k", cleared)))
	require.NoError(t, second(outside.Get(ctx, "k")), "the key is outside of the namespace")
}

// What takes no value away leaves the loads of other processes alone.
func TestWhatInvalidatesNothingLeavesLoadsElsewhereAlone(t *testing.T) {
	for name, call := range map[string]func(ctx context.Context, c *xcache.Cache) error{
		"Delete of another key":   func(ctx context.Context, c *xcache.Cache) error { return second(c.Delete(ctx, "j")) },
		"DeletePattern of others": func(ctx context.Context, c *xcache.Cache) error { return second(c.DeletePattern(ctx, "j*")) },
		"Expire":                  func(ctx context.Context, c *xcache.Cache) error { return second(c.Expire(ctx, "k", time.Hour)) },
		"Touch": func(ctx context.Context, c *xcache.Cache) error {
			return second(c.Touch(ctx, "k", xcache.TTL(time.Hour)))
		},
		"Persist":                    func(ctx context.Context, c *xcache.Cache) error { return second(c.Persist(ctx, "k")) },
		"Clear of another namespace": func(ctx context.Context, c *xcache.Cache) error { return second(c.Namespace("n").Clear(ctx)) },
		"a transaction that lost": func(ctx context.Context, c *xcache.Cache) error {
			lost := 0
			err := c.Watch(ctx, func(ctx context.Context, tx *xcache.Tx) error {
				if lost++; lost > 1 {
					return errStop
				}
				tx.Pipeline().Delete("k")
				return xcache.For[string](c).Set(ctx, "other", "")
			}, "other")
			require.ErrorIs(t, err, errStop)
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			one, other, _ := twoCaches(t)
			v := xcache.For[string](one)
			require.NoError(t, second(v.GetOrSet(ctx, "k", func(context.Context) (string, error) { return "loaded", call(ctx, other) })))
			require.NoError(t, second(v.Get(ctx, "k")))
		})
	}
}

var errStop = errors.New("stop")

// A forbiddingStore is a store whose user may not take leases away.
type forbiddingStore struct{ *memory.Store }

func (s forbiddingStore) Do(ctx context.Context, cmds []*driver.Cmd, how driver.How) error {
	if err := forbid(cmds, how); err != nil {
		return err
	}
	cmds = slices.DeleteFunc(slices.Clone(cmds), func(cmd *driver.Cmd) bool { return cmd.Err != nil })
	return s.Store.Do(ctx, cmds, how)
}

func forbid(cmds []*driver.Cmd, how driver.How) error {
	forbidden := driver.Fail(driver.ErrAuth, driver.NotApplied, nil)
	for _, cmd := range cmds {
		if cmd.Name != driver.CmdLeaseRevoke {
			continue
		}
		if how == driver.Atomic {
			return forbidden
		}
		cmd.Err = forbidden
	}
	return nil
}

func (s forbiddingStore) Watch(ctx context.Context, keys ...string) (driver.Transaction, error) {
	tx, err := s.Store.Watch(ctx, keys...)
	return &forbiddingTransaction{tx, nil}, err
}

// A forbiddingTransaction is over, as on a server, when a transaction was refused.
type forbiddingTransaction struct {
	driver.Transaction
	refused error
}

func (t *forbiddingTransaction) Do(ctx context.Context, cmds []*driver.Cmd, how driver.How) error {
	if t.refused == nil {
		t.refused = forbid(cmds, how)
	}
	if t.refused != nil {
		return t.refused
	}
	return t.Transaction.Do(ctx, cmds, how)
}

// A user who may not take leases away goes without them.
func TestAUserWithoutLeasesRemovesValues(t *testing.T) {
	ctx := t.Context()
	store, err := memory.NewStore(memory.Options{})
	require.NoError(t, err)
	c := newCache(t, forbiddingStore{store})
	for name, remove := range map[string]func() error{
		"Exec":       func() error { p := c.Pipeline(); p.Delete("k"); return p.Exec(ctx) },
		"ExecAtomic": func() error { p := c.Pipeline(); p.Delete("k"); return p.ExecAtomic(ctx) },
		"Rename":     func() error { return c.Rename(ctx, "k", "l") },
		"Watch": func() error {
			return c.Watch(ctx, func(_ context.Context, tx *xcache.Tx) error { tx.Pipeline().Delete("k"); return nil }, "k")
		},
	} {
		require.NoError(t, xcache.For[string](c).Set(ctx, "k", "v"))
		require.NoError(t, remove(), name)
		require.ErrorIs(t, second(xcache.For[string](c).Get(ctx, "k")), xcache.ErrNotFound, name)
	}
}

// A Delete whose lease could not be taken away may have to be made again.
func TestARevocationThatFailsIsAnUnknownOutcome(t *testing.T) {
	ctx := t.Context()
	store, err := memory.NewStore(memory.Options{})
	require.NoError(t, err)
	c := newCache(t, failingRevocations{store})
	require.NoError(t, xcache.For[string](c).Set(ctx, "k", "v"))
	p := c.Pipeline()
	removed, other := p.Delete("k"), p.Has("j")
	require.ErrorIs(t, p.Exec(ctx), xcache.ErrUnknownOutcome)
	require.ErrorIs(t, removed.Err(), xcache.ErrOutOfMemory)
	require.NoError(t, other.Err(), "it takes no value away")
}

type failingRevocations struct{ *memory.Store }

func (s failingRevocations) Do(ctx context.Context, cmds []*driver.Cmd, how driver.How) error {
	err := s.Store.Do(ctx, cmds, how)
	for _, cmd := range cmds {
		if cmd.Name == driver.CmdLeaseRevoke {
			cmd.Err = driver.Fail(driver.ErrOutOfMemory, driver.NotApplied, nil)
		}
	}
	return err
}

// A revocationFails is a store that cannot take leases away.
type revocationFails struct{ *fakeStore }

func (s revocationFails) Caps() driver.Caps {
	caps := s.fakeStore.Caps()
	caps.Commander = s
	return caps
}

func (s revocationFails) Do(ctx context.Context, cmds []*driver.Cmd, how driver.How) error {
	err := s.fakeStore.Do(ctx, cmds, how)
	for _, cmd := range cmds {
		if cmd.Name == driver.CmdLeaseRevoke {
			cmd.Err = driver.Fail(xcache.ErrUnavailable, driver.NotApplied, errors.New("away"))
		}
	}
	return err
}

// What Take has taken is nowhere else, so the error has the value, also in a pipeline.
func TestTakeWithoutItsRevocationKeepsTheValue(t *testing.T) {
	v := xcache.For[string](newCache(t, revocationFails{newFakeStore(t)}))
	require.NoError(t, v.SetMany(t.Context(), map[string]string{"a": "precious", "b": "precious"}))
	_, direct := v.Take(t.Context(), "a")
	p := v.Pipeline()
	taken := v.In(p).Take("b")
	require.Error(t, p.Exec(t.Context()))
	_, queued := taken.Value()
	for name, err := range map[string]error{"Take": direct, "Take in a pipeline": queued} {
		unread, ok := errors.AsType[*xcache.UnreadReplyError](err)
		require.True(t, ok, "%s: %v", name, err)
		require.Contains(t, string(unread.Reply.Data), "precious", name)
	}
}
