package xcache_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
)

func TestTake(t *testing.T) {
	for name, caps := range map[string]func(*driver.Caps){
		"by a command":      nil,
		"without Commander": func(caps *driver.Caps) { caps.Commander = nil },
	} {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			s := newFakeStore(t)
			s.caps = caps
			v := xcache.For[int](newCache(t, s))
			_, err := v.Take(ctx, "k")
			require.Equal(t, xcache.ErrNotFound, err, "bare")
			require.NoError(t, v.Set(ctx, "k", 7))
			got, err := v.Take(ctx, "k")
			require.NoError(t, err)
			require.Equal(t, 7, got)
			require.Empty(t, s.stored(t))

			require.NoError(t, v.Set(ctx, "k", 8))
			p := v.Pipeline()
			first, second := v.In(p).Take("k"), v.In(p).Take("k")
			require.NoError(t, p.Exec(ctx))
			got, err = first.Value()
			require.NoError(t, err)
			require.Equal(t, 8, got)
			require.Equal(t, xcache.ErrNotFound, second.Err())
		})
	}
}

func TestTakeOfWhatItCannotReadKeepsTheBytes(t *testing.T) {
	s, c := newFake(t)
	require.NoError(t, xcache.For[string](c).Set(t.Context(), "k", "text"))
	_, err := xcache.For[int](c).Take(t.Context(), "k")
	require.ErrorIs(t, err, xcache.ErrCorrupt)
	unread, ok := errors.AsType[*xcache.UnreadReplyError](err)
	require.True(t, ok)
	require.Equal(t, `"text"`, string(unread.Reply.Data))
	require.Empty(t, s.stored(t), "the value is taken")
}

func TestTakeIsToldToTheObserver(t *testing.T) {
	var seen hitCounts
	_, c := newFake(t, xcache.WithObserver(&seen))
	v := xcache.For[string](c)
	require.NoError(t, v.Set(t.Context(), "k", "v"))
	_, _ = v.Take(t.Context(), "k")
	_, _ = v.Take(t.Context(), "k")
	require.Equal(t, []string{"set 0 0", "take 1 0", "take 0 1"}, seen.list)
}

// hitCounts is an observer that keeps the name, hits and misses of each operation.
type hitCounts struct{ list []string }

func (*hitCounts) Start(ctx context.Context, _ *xcache.Operation) context.Context { return ctx }

func (o *hitCounts) End(_ context.Context, op *xcache.Operation) {
	o.list = append(o.list, fmt.Sprintf("%s %d %d", op.Name, op.Hits, op.Misses))
}

func TestWhatIsLoadedDuringATakeIsNotStored(t *testing.T) {
	_, c := newFake(t)
	v := xcache.For[string](c)
	got, err := v.GetOrSet(t.Context(), "k", func(ctx context.Context) (string, error) {
		_, err := v.Take(ctx, "k")
		assert.ErrorIs(t, err, xcache.ErrNotFound)
		return "old", nil
	})
	require.NoError(t, err)
	require.Equal(t, "old", got)
	require.ErrorIs(t, second(v.Get(t.Context(), "k")), xcache.ErrNotFound)
}

// slidingReads are the reads that renew TTLs.
var slidingReads = map[string]func(ctx context.Context, v *xcache.View[string], key string) (string, error){
	"Get": func(ctx context.Context, v *xcache.View[string], key string) (string, error) {
		return v.Get(ctx, key)
	},
	"GetOr": func(ctx context.Context, v *xcache.View[string], key string) (string, error) {
		return v.GetOr(ctx, key, "default")
	},
	"GetMany": func(ctx context.Context, v *xcache.View[string], key string) (string, error) {
		found, err := v.GetMany(ctx, []string{"none", key})
		return found[key], err
	},
	"GetOrSet": func(ctx context.Context, v *xcache.View[string], key string) (string, error) {
		return v.GetOrSet(ctx, key, text("loaded"))
	},
	"Get in a pipeline": func(ctx context.Context, v *xcache.View[string], key string) (string, error) {
		p := v.Pipeline()
		r := v.In(p).Get(key)
		err := p.Exec(ctx)
		value, _ := r.Value()
		return value, err
	},
	"GetOr in a pipeline": func(ctx context.Context, v *xcache.View[string], key string) (string, error) {
		p := v.Pipeline()
		r := v.In(p).GetOr(key, "default")
		err := p.Exec(ctx)
		value, _ := r.Value()
		return value, err
	},
}

func TestSlidingRenewsTheTTLOfHits(t *testing.T) {
	for _, caps := range []func(*driver.Caps){nil, func(caps *driver.Caps) { caps.Commander = nil }} {
		for name, read := range slidingReads {
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					ctx := t.Context()
					s := newFakeStore(t)
					s.caps = caps
					v := xcache.For[string](newCache(t, s)).With(xcache.Sliding(time.Hour))
					require.NoError(t, v.Set(ctx, "k", "v", xcache.TTL(time.Minute)))
					ttl, err := v.TTL(ctx, "k")
					require.NoError(t, err)
					require.Equal(t, time.Minute, ttl, "a write has its own TTL")
					for range 3 {
						time.Sleep(59 * time.Second)
						got, err := read(ctx, v, "k")
						require.NoError(t, err)
						require.Equal(t, "v", got)
						ttl, err := v.TTL(ctx, "k")
						require.NoError(t, err)
						require.Equal(t, time.Hour, ttl)
						time.Sleep(59 * time.Minute)
					}
					time.Sleep(time.Minute)
					require.Empty(t, s.stored(t), "an hour after the last read")
				})
			})
		}
	}
}

// A read of a key that another caller loads leaves the load alone: it has no TTL to renew.
func TestSlidingMissesKeepNoLoadFromBeingStored(t *testing.T) {
	_, c := newFake(t)
	v := xcache.For[string](c).With(xcache.Sliding(time.Hour))
	_, err := v.GetOrSet(t.Context(), "k", func(ctx context.Context) (string, error) {
		for name, read := range slidingReads {
			if name != "GetOrSet" { // which would wait for itself
				_, _ = read(ctx, v, "k")
			}
		}
		return "loaded", nil
	})
	require.NoError(t, err)
	got, err := v.Get(t.Context(), "k")
	require.NoError(t, err)
	require.Equal(t, "loaded", got)
}

func TestSlidingIsJittered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, c := newFake(t, xcache.WithJitter(0.5), xcache.Sliding(time.Hour))
		v := xcache.For[string](c)
		require.NoError(t, v.Set(t.Context(), "k", "v"))
		ttls := make(map[time.Duration]bool)
		for range 10 {
			_, err := v.Get(t.Context(), "k")
			require.NoError(t, err)
			ttl, err := v.TTL(t.Context(), "k")
			require.NoError(t, err)
			require.LessOrEqual(t, ttl, time.Hour)
			require.GreaterOrEqual(t, ttl, 30*time.Minute)
			ttls[ttl] = true
		}
		require.Greater(t, len(ttls), 1)
	})
}

func TestSlidingInATransactionReadsPlainly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCache(t, newFakeStore(t).store, xcache.Sliding(time.Hour))
		v := xcache.For[string](c)
		require.NoError(t, v.Set(t.Context(), "k", "v", xcache.TTL(time.Minute)))
		require.NoError(t, c.Watch(t.Context(), func(ctx context.Context, tx *xcache.Tx) error {
			got, err := v.WithTx(tx).Get(ctx, "k")
			assert.Equal(t, "v", got)
			return err
		}, "k"))
		ttl, err := c.TTL(t.Context(), "k")
		require.NoError(t, err)
		require.Equal(t, time.Minute, ttl)
	})
}

func TestSlidingThatCannotBe(t *testing.T) {
	ctx := t.Context()
	s, c := newFake(t)
	for _, d := range []time.Duration{0, -1, xcache.NoExpiry} {
		require.ErrorContains(t, second(xcache.For[string](c.With(xcache.Sliding(d))).Get(ctx, "k")), "Sliding needs a positive duration")
	}
	v := xcache.For[string](c.With(xcache.Sliding(time.Hour)))
	p := v.Pipeline()
	many := v.In(p).GetMany([]string{"k"})
	require.Error(t, p.Exec(ctx))
	require.ErrorIs(t, many.Err(), errors.ErrUnsupported)

	s.caps = func(caps *driver.Caps) { caps.Commander, caps.Expirer = nil, nil }
	_, err := xcache.New(s, xcache.Sliding(time.Hour))
	require.ErrorIs(t, err, errors.ErrUnsupported)
	require.ErrorContains(t, err, "Sliding")
}

// A view that slides and one that deletes at the same time leave no key without a TTL.
func TestSlidingAmongWriters(t *testing.T) {
	s, c := newFake(t)
	v := xcache.For[int](c)
	sliding := v.With(xcache.Sliding(time.Hour))
	var writers sync.WaitGroup
	for i := range 4 {
		writers.Go(func() {
			for range 200 {
				assert.NoError(t, v.Set(t.Context(), "k", i))
				if _, err := sliding.Get(t.Context(), "k"); !errors.Is(err, xcache.ErrNotFound) {
					assert.NoError(t, err)
				}
				if _, err := v.Take(t.Context(), "k"); !errors.Is(err, xcache.ErrNotFound) {
					assert.NoError(t, err)
				}
			}
		})
	}
	writers.Wait()
	require.Empty(t, s.stored(t))
}

func TestTakeKeepsALoadThatBeganBeforeOut(t *testing.T) {
	ctx := t.Context()
	one, other, _ := twoCaches(t)
	v, taking := xcache.For[string](one), xcache.For[string](other)
	got, err := v.GetOrSet(ctx, "k", func(context.Context) (string, error) {
		require.NoError(t, taking.Set(ctx, "k", "theirs"))
		return "old", second(taking.Take(ctx, "k"))
	})
	require.NoError(t, err)
	require.Equal(t, "old", got)
	require.ErrorIs(t, second(v.Get(ctx, "k")), xcache.ErrNotFound)
}

func TestTakeCostsOneRoundTrip(t *testing.T) {
	s, c := newFake(t)
	v := xcache.For[string](c)
	require.NoError(t, v.Set(t.Context(), "k", "v"))
	s.reset()
	require.Equal(t, "v", first(v.Take(t.Context(), "k")))
	require.Equal(t, 1, s.total())
}

// A lease that cannot be revoked makes the outcome unknown, and the value is in the error.
func TestTakeOfALeaseThatStaysKeepsTheValue(t *testing.T) {
	ctx := t.Context()
	s := newFakeStore(t)
	s.caps = func(caps *driver.Caps) { caps.Commander = stubborn{s} }
	v := xcache.For[string](newCache(t, s))
	require.ErrorIs(t, second(v.Take(ctx, "none")), xcache.ErrUnavailable)
	require.NoError(t, v.Set(ctx, "k", "v"))
	_, err := v.Take(ctx, "k")
	require.ErrorIs(t, err, xcache.ErrUnknownOutcome)
	unread, ok := errors.AsType[*xcache.UnreadReplyError](err)
	require.True(t, ok)
	require.Equal(t, `"v"`, string(unread.Reply.Data))
}

// A stubborn store does not revoke leases.
type stubborn struct{ *fakeStore }

func (s stubborn) Do(ctx context.Context, cmds []*driver.Cmd, how driver.How) error {
	var rest []*driver.Cmd
	for _, cmd := range cmds {
		if cmd.Name == driver.CmdLeaseRevoke {
			cmd.Err = driver.Fail(driver.ErrUnavailable, driver.NotApplied, &clientError{1})
		} else {
			rest = append(rest, cmd)
		}
	}
	return s.fakeStore.Do(ctx, rest, how)
}

// A read that renews a TTL is a read all the same: what it has read is still there.
func TestSlidingReadsInAPipelineFailAsReads(t *testing.T) {
	for name, test := range map[string]struct {
		spoil func(s *fakeStore)
		want  error
		opens bool
	}{
		"the server is down": {func(s *fakeStore) { s.failWith(errDown) }, xcache.ErrUnavailable, true},
		"the tags cannot be read": {func(s *fakeStore) {
			s.before = func(_ context.Context, method string, _ []string) error {
				if method == "Get" {
					return errDown
				}
				return nil
			}
		}, xcache.ErrUnavailable, true},
		"the value cannot be read": {func(s *fakeStore) {
			_ = s.store.Set(context.Background(), []driver.Entry{{Key: ":1:k", Value: []byte("{"), TTL: time.Hour}})
		}, xcache.ErrCorrupt, false},
	} {
		t.Run(name, func(t *testing.T) {
			s, c := newFake(t, tagged(t), xcache.Sliding(time.Hour))
			v := xcache.For[string](c)
			require.NoError(t, v.Set(t.Context(), "k", "value", xcache.Tags("t")))
			test.spoil(s)
			var unread *xcache.UnreadReplyError
			for _, policy := range []xcache.ErrorPolicy{xcache.OnErrorFail, xcache.OnErrorMiss} {
				v := v.With(xcache.WithOnError(policy))
				p := v.Pipeline()
				got, or := v.In(p).Get("k"), v.In(p).GetOr("k", "default")
				err := p.Exec(t.Context())
				if policy == xcache.OnErrorMiss && test.opens {
					require.NoError(t, err)
					require.Equal(t, xcache.ErrNotFound, got.Err())
					require.Equal(t, "default", first(or.Value()))
					continue
				}
				for _, err := range []error{err, got.Err(), or.Err()} {
					require.ErrorIs(t, err, test.want)
					require.False(t, errors.As(err, &unread), "%v", err)
				}
			}
		})
	}
}
