package xcache_test

import (
	"context"
	"errors"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
)

// An outage makes the deletions of a fake store fail, until it ends.
type outage struct {
	s *fakeStore
}

// begin makes every deletion fail with err, and no other call.
func (o outage) begin(err error) {
	o.s.mu.Lock()
	defer o.s.mu.Unlock()
	o.s.before = func(_ context.Context, method string, _ []string) error {
		if method == "Delete" || method == "Do" {
			return err
		}
		return nil
	}
}

// end lets the store work again.
func (o outage) end() {
	o.s.mu.Lock()
	defer o.s.mu.Unlock()
	o.s.before = nil
}

// kinds returns the kinds of events, in their order.
func kinds(r *eventRecorder) (all []driver.EventKind) {
	for _, e := range r.list() {
		all = append(all, e.Kind)
	}
	return all
}

var errAway = driver.Fail(xcache.ErrUnavailable, driver.NotApplied, errors.New("connection refused"))

// duringOutage runs a test in a bubble, on a cache that repeats deletions, and that holds two keys with a tag, in an outage.
func duringOutage(t *testing.T, test func(t *testing.T, o outage, v *xcache.View[string], events *eventRecorder), opts ...xcache.Option) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		events := new(eventRecorder)
		s, c := newFake(t, append([]xcache.Option{tagged(t), xcache.WithInvalidateRetry(), xcache.WithObserver(events)}, opts...)...)
		v := xcache.For[string](c)
		require.NoError(t, v.SetMany(t.Context(), map[string]string{"a": "old", "b": "old"}, xcache.Tags("t")))
		o := outage{s}
		o.begin(errAway)
		test(t, o, v, events)
	})
}

// deletions are the ways to delete the keys a and b of duringOutage.
var deletions = map[string]func(ctx context.Context, v *xcache.View[string]) error{
	"Delete": func(ctx context.Context, v *xcache.View[string]) error { return second(v.Delete(ctx, "a", "b")) },
	"Delete one by one": func(ctx context.Context, v *xcache.View[string]) error {
		return errors.Join(second(v.Delete(ctx, "a")), second(v.Delete(ctx, "b")))
	},
	"InvalidateTags": func(ctx context.Context, v *xcache.View[string]) error { return v.InvalidateTags(ctx, "t") },
	"a pipeline": func(ctx context.Context, v *xcache.View[string]) error {
		p := v.Pipeline()
		deleted := p.Delete("a", "b")
		return errors.Join(p.Exec(ctx), deleted.Err())
	},
}

func TestDeletionThatFailedIsRepeated(t *testing.T) {
	for name, remove := range deletions {
		t.Run(name, func(t *testing.T) {
			duringOutage(t, func(t *testing.T, o outage, v *xcache.View[string], events *eventRecorder) {
				err := remove(t.Context(), v)
				require.ErrorIs(t, err, xcache.ErrUnavailable)
				require.ErrorIs(t, err, xcache.ErrInvalidationPending)
				require.Contains(t, err.Error(), "the invalidation is repeated in the background")
				require.NotZero(t, v.PendingInvalidations())

				time.Sleep(time.Minute)
				require.NotZero(t, v.PendingInvalidations(), "the server is still away")
				o.end()
				time.Sleep(1100 * time.Millisecond)
				require.Zero(t, v.PendingInvalidations())
				for _, key := range []string{"a", "b"} {
					require.ErrorIs(t, second(v.Get(t.Context(), key)), xcache.ErrNotFound)
				}
				require.Equal(t, []driver.EventKind{driver.InvalidationsPending, driver.InvalidationsDelivered}, kinds(events))
			})
		})
	}
}

func TestWhichFailuresOfDeletionsAreRepeated(t *testing.T) {
	tests := map[string]struct {
		err      error
		repeated bool
	}{
		"unavailable":     {errAway, true},
		"read-only":       {driver.Fail(xcache.ErrReadOnly, driver.NotApplied, nil), true},
		"unknown outcome": {driver.Fail(xcache.ErrUnavailable, driver.Unknown, nil), true},
		"cancelled":       {driver.Fail(context.Canceled, driver.Unknown, nil), true},
		"op_timeout":      {driver.Fail(context.DeadlineExceeded, driver.Unknown, nil), true},
		"refused":         {driver.Fail(xcache.ErrAuth, driver.NotApplied, nil), false},
		"unsupported":     {driver.Fail(errors.ErrUnsupported, driver.NotApplied, nil), false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			duringOutage(t, func(t *testing.T, o outage, v *xcache.View[string], _ *eventRecorder) {
				o.begin(tt.err)
				_, err := v.Delete(t.Context(), "a", "b")
				require.Error(t, err)
				require.Equal(t, tt.repeated, errors.Is(err, xcache.ErrInvalidationPending))
				require.Equal(t, tt.repeated, v.PendingInvalidations() == 2)
				o.end()
			})
		})
	}
}

func TestWhichDeletionsAreNotRepeated(t *testing.T) {
	tests := map[string]func(ctx context.Context, v *xcache.View[string]) error{
		"ExecAtomic": func(ctx context.Context, v *xcache.View[string]) error {
			p := v.Pipeline()
			p.Delete("a", "b")
			return p.ExecAtomic(ctx)
		},
		"DeletePattern": func(ctx context.Context, v *xcache.View[string]) error { return second(v.DeletePattern(ctx, "*")) },
		"Clear":         func(ctx context.Context, v *xcache.View[string]) error { return second(v.Clear(ctx)) },
		"a bad key":     func(ctx context.Context, v *xcache.View[string]) error { return second(v.Delete(ctx, "")) },
	}
	for name, remove := range tests {
		t.Run(name, func(t *testing.T) {
			duringOutage(t, func(t *testing.T, o outage, v *xcache.View[string], _ *eventRecorder) {
				err := remove(t.Context(), v)
				require.Error(t, err)
				require.NotErrorIs(t, err, xcache.ErrInvalidationPending)
				require.Zero(t, v.PendingInvalidations())
				o.end()
			})
		})
	}
	t.Run("without the option", func(t *testing.T) {
		s, c := newFake(t)
		outage{s}.begin(errAway)
		_, err := c.Delete(t.Context(), "a")
		require.NotErrorIs(t, err, xcache.ErrInvalidationPending)
		require.Zero(t, c.PendingInvalidations())
	})
}

func TestNewerWriteTakesThePlaceOfADeletion(t *testing.T) {
	tests := map[string]func(ctx context.Context, v *xcache.View[string]) error{
		"Set": func(ctx context.Context, v *xcache.View[string]) error { return v.Set(ctx, "a", "new") },
		"SetMany": func(ctx context.Context, v *xcache.View[string]) error {
			return v.SetMany(ctx, map[string]string{"a": "new"})
		},
		"Swap": func(ctx context.Context, v *xcache.View[string]) error { return second(v.Swap(ctx, "a", "new")) },
		"CompareAndSwap": func(ctx context.Context, v *xcache.View[string]) error {
			return second(v.With(xcache.ReadPrimary()).CompareAndSwap(ctx, "a", "old", "new"))
		},
	}
	for name, write := range tests {
		t.Run(name, func(t *testing.T) {
			duringOutage(t, func(t *testing.T, o outage, v *xcache.View[string], _ *eventRecorder) {
				require.ErrorIs(t, second(v.Delete(t.Context(), "a", "b")), xcache.ErrInvalidationPending)
				o.end()
				require.NoError(t, write(t.Context(), v))
				require.Equal(t, 1, v.PendingInvalidations(), "b")
				time.Sleep(time.Minute)
				got, err := v.Get(t.Context(), "a")
				require.NoError(t, err)
				require.Equal(t, "new", got)
				require.ErrorIs(t, second(v.Get(t.Context(), "b")), xcache.ErrNotFound)
			})
		})
	}
	for name, queue := range map[string]func(p *xcache.Pipeline, v *xcache.View[string]){
		"a pipelined Set":    func(p *xcache.Pipeline, v *xcache.View[string]) { v.In(p).Set("a", "new") },
		"a pipelined Delete": func(p *xcache.Pipeline, _ *xcache.View[string]) { p.Delete("a") },
	} {
		t.Run(name, func(t *testing.T) {
			duringOutage(t, func(t *testing.T, o outage, v *xcache.View[string], _ *eventRecorder) {
				require.ErrorIs(t, second(v.Delete(t.Context(), "a")), xcache.ErrInvalidationPending)
				o.end()
				p := v.Pipeline()
				queue(p, v)
				require.NoError(t, p.Exec(t.Context()))
				require.Zero(t, v.PendingInvalidations())
			})
		})
	}
}

func TestDeletionWaitsOncePerKeyAndNotWithoutBound(t *testing.T) {
	duringOutage(t, func(t *testing.T, o outage, v *xcache.View[string], _ *eventRecorder) {
		for range 100 {
			require.ErrorIs(t, second(v.Delete(t.Context(), "a")), xcache.ErrInvalidationPending)
		}
		require.Equal(t, 1, v.PendingInvalidations())
		keys := make([]string, xcache.MaxPendingInvalidations-1)
		for i := range keys {
			keys[i] = strconv.Itoa(i)
		}
		require.ErrorIs(t, second(v.Delete(t.Context(), keys...)), xcache.ErrInvalidationPending)
		require.Equal(t, xcache.MaxPendingInvalidations, v.PendingInvalidations())
		err := second(v.Delete(t.Context(), "one more"))
		require.ErrorIs(t, err, xcache.ErrUnavailable)
		require.NotErrorIs(t, err, xcache.ErrInvalidationPending)
		require.ErrorIs(t, second(v.Delete(t.Context(), "a")), xcache.ErrInvalidationPending, "waits already")
		o.end()
		time.Sleep(10 * time.Second)
		require.Zero(t, v.PendingInvalidations())
	})
}

// A Delete that fails while an older failure of its key is made good waits on.
func TestDeletionThatFailsDuringARepetitionIsRepeated(t *testing.T) {
	duringOutage(t, func(t *testing.T, o outage, v *xcache.View[string], _ *eventRecorder) {
		require.ErrorIs(t, second(v.Delete(t.Context(), "a")), xcache.ErrInvalidationPending)
		repetitions := 0
		o.s.mu.Lock()
		o.s.before = func(ctx context.Context, method string, _ []string) error {
			if method == "Delete" {
				return errAway // of the caller's own
			}
			if method == "Do" {
				if repetitions++; repetitions == 1 {
					return second(v.Delete(ctx, "a")) // fails, and so does the attempt
				}
			}
			return nil
		}
		o.s.mu.Unlock()
		time.Sleep(5 * time.Second)
		require.Zero(t, v.PendingInvalidations())
		require.Equal(t, 2, repetitions)
		o.end()
	})
}

func TestDeletionThatIsRefusedLaterIsDropped(t *testing.T) {
	duringOutage(t, func(t *testing.T, o outage, v *xcache.View[string], events *eventRecorder) {
		require.ErrorIs(t, second(v.Delete(t.Context(), "a")), xcache.ErrInvalidationPending)
		o.begin(driver.Fail(xcache.ErrAuth, driver.NotApplied, errors.New("NOPERM")))
		time.Sleep(5 * time.Second)
		require.Zero(t, v.PendingInvalidations())
		require.Contains(t, kinds(events), driver.InvalidationDropped)
		o.end()
	})
}

func TestDroppedDeletionIsRepeated(t *testing.T) {
	duringOutage(t, func(t *testing.T, o outage, v *xcache.View[string], _ *eventRecorder) {
		n, err := v.Delete(t.Context(), "a", "b")
		require.NoError(t, err)
		require.Zero(t, n)
		require.Equal(t, 2, v.PendingInvalidations())
		p := v.Pipeline()
		p.Delete("c")
		require.NoError(t, p.Exec(t.Context()))
		require.Equal(t, 3, v.PendingInvalidations())
		o.end()
		time.Sleep(5 * time.Second)
		require.ErrorIs(t, second(v.Get(t.Context(), "a")), xcache.ErrNotFound)
	}, xcache.WithOnError(xcache.OnErrorMiss))
}

func TestCloseTriesDeletionsOnceMore(t *testing.T) {
	for name, back := range map[string]bool{"the server is back": true, "the server is away": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newFakeStore(t)
				c, err := xcache.New(s, xcache.WithInvalidateRetry())
				require.NoError(t, err)
				v := xcache.For[string](c)
				require.NoError(t, v.Set(t.Context(), "a", "old"))
				o := outage{s}
				o.begin(errAway)
				require.ErrorIs(t, second(c.Delete(t.Context(), "a")), xcache.ErrInvalidationPending)
				if back {
					o.end()
					require.NoError(t, c.Close())
					require.Equal(t, 2, s.count("Delete")+s.count("Do"), "the failure, and its repetition")
					return
				}
				require.ErrorContains(t, c.Close(), "1 key could not be deleted")
			})
		})
	}
}

func TestInvalidateOfADSN(t *testing.T) {
	c, err := xcache.OpenDSN("memory://?invalidate=retry")
	require.NoError(t, err)
	require.NoError(t, c.Close())
	_, err = xcache.OpenDSN("memory://?invalidate=later")
	require.ErrorContains(t, err, "invalidate")
}

// An Add in a pipeline that stores nothing leaves the old value, whose deletion is still to come.
func TestAnAddThatStoresNothingIsNoLaterWrite(t *testing.T) {
	duringOutage(t, func(t *testing.T, o outage, v *xcache.View[string], _ *eventRecorder) {
		_, err := v.Delete(t.Context(), "a")
		require.ErrorIs(t, err, xcache.ErrInvalidationPending)
		o.end()
		p := v.Pipeline()
		added := v.In(p).Add("a", "new")
		require.NoError(t, p.Exec(t.Context()))
		stored, err := added.Value()
		require.NoError(t, err)
		require.False(t, stored)
		require.Equal(t, 1, v.PendingInvalidations())
		time.Sleep(time.Minute)
		_, err = v.Get(t.Context(), "a")
		require.ErrorIs(t, err, xcache.ErrNotFound)
	})
}

// A slowSet is a store whose replies to Set come late.
type slowSet struct{ *fakeStore }

func (s slowSet) Set(ctx context.Context, entries []driver.Entry) error {
	err := s.fakeStore.Set(ctx, entries)
	time.Sleep(time.Second)
	return err
}

func TestAWriteThatBeganBeforeADeleteIsNoLaterWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFakeStore(t)
		v := xcache.For[string](newCache(t, slowSet{s}, xcache.WithInvalidateRetry()))
		set := make(chan error)
		go func() { set <- v.Set(t.Context(), "a", "old") }()
		time.Sleep(100 * time.Millisecond)
		o := outage{s}
		o.begin(errAway)
		_, err := v.Delete(t.Context(), "a")
		require.ErrorIs(t, err, xcache.ErrInvalidationPending)
		require.NoError(t, <-set)
		o.end()
		time.Sleep(time.Minute)
		_, err = v.Get(t.Context(), "a")
		require.ErrorIs(t, err, xcache.ErrNotFound)
	})
}

// A later deletion would take the claim of another caller.
func TestDeletionsInAKeySpaceAreNotRepeated(t *testing.T) {
	duringOutage(t, func(t *testing.T, o outage, v *xcache.View[string], _ *eventRecorder) {
		claims := xcache.For[string](v.KeySpace("claim"))
		require.NotErrorIs(t, second(claims.Delete(t.Context(), "k")), xcache.ErrInvalidationPending)
		p := claims.Pipeline()
		deleted := p.Delete("k")
		require.Error(t, p.Exec(t.Context()))
		require.NotErrorIs(t, deleted.Err(), xcache.ErrInvalidationPending)
		require.Zero(t, v.PendingInvalidations())
		o.end()
		require.NoError(t, claims.Set(t.Context(), "k", "of another"))
		time.Sleep(time.Minute)
		require.Equal(t, "of another", first(claims.Get(t.Context(), "k")))
	})
}
