package xcache_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
)

// writes are the operations with a SetOption, from the view of the store: each writes one
// entry to an existing key, or to a new key if the operation requires a new key.
var writes = map[string]func(ctx context.Context, v *xcache.View[string], opts ...xcache.SetOption) error{
	"Set": func(ctx context.Context, v *xcache.View[string], opts ...xcache.SetOption) error {
		return v.Set(ctx, "text", "x", opts...)
	},
	"SetMany": func(ctx context.Context, v *xcache.View[string], opts ...xcache.SetOption) error {
		return v.SetMany(ctx, map[string]string{"text": "x"}, opts...)
	},
	"Add": func(ctx context.Context, v *xcache.View[string], opts ...xcache.SetOption) error {
		return second(v.Add(ctx, "new", "x", opts...))
	},
	"Replace": func(ctx context.Context, v *xcache.View[string], opts ...xcache.SetOption) error {
		return second(v.Replace(ctx, "text", "x", opts...))
	},
	"Swap": func(ctx context.Context, v *xcache.View[string], opts ...xcache.SetOption) error {
		return second(v.Swap(ctx, "text", "x", opts...))
	},
	"CompareAndSwap": func(ctx context.Context, v *xcache.View[string], opts ...xcache.SetOption) error {
		return second(v.CompareAndSwap(ctx, "text", "hello", "x", opts...))
	},
	"Touch": func(ctx context.Context, v *xcache.View[string], opts ...xcache.SetOption) error {
		return second(v.Touch(ctx, "text", opts...))
	},
	"IncrInit": func(ctx context.Context, v *xcache.View[string], opts ...xcache.SetOption) error {
		return second(v.IncrInit(ctx, "counter", 1, 1, opts...))
	},
	"GetOrSet": func(ctx context.Context, v *xcache.View[string], opts ...xcache.SetOption) error {
		return second(v.GetOrSet(ctx, "new", func(context.Context) (string, error) { return "x", nil }, opts...))
	},
}

// onlyNew has the writes to new keys, which refuse KeepTTL.
var onlyNew = map[string]bool{"Add": true, "IncrInit": true, "GetOrSet": true}

// kept returns a TTL as the store hears of it: GetOrSet stores by a command, in milliseconds.
func kept(write string, ttl time.Duration) time.Duration {
	if write != "GetOrSet" || ttl > xcache.NoExpiry-time.Millisecond {
		return ttl
	}
	return (max(ttl, 0) + time.Millisecond - 1).Truncate(time.Millisecond)
}

const smallest = time.Duration(-1 << 63)

func TestSetOptionReachesTheStore(t *testing.T) {
	for name, write := range writes {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // time stands still, so the time until t is exact
				now := time.Now()
				for _, test := range []struct {
					name string
					opts []xcache.SetOption
					want time.Duration
				}{
					{"none", nil, 42 * time.Minute},
					{"TTL", []xcache.SetOption{xcache.TTL(time.Second)}, time.Second},
					{"TTL below a millisecond", []xcache.SetOption{xcache.TTL(1)}, 1},
					{"TTL of a century", []xcache.SetOption{xcache.TTL(100 * 365 * 24 * time.Hour)}, 100 * 365 * 24 * time.Hour},
					{"TTL of 30 days and a second", []xcache.SetOption{xcache.TTL(30*24*time.Hour + time.Second)}, 30*24*time.Hour + time.Second},
					{"NoExpiry", []xcache.SetOption{xcache.TTL(xcache.NoExpiry)}, driver.NoExpiry},
					{"zero TTL", []xcache.SetOption{xcache.TTL(0)}, 0},
					{"negative TTL", []xcache.SetOption{xcache.TTL(-time.Hour)}, -time.Hour},
					{"smallest TTL, which is KeepTTL to a driver", []xcache.SetOption{xcache.TTL(smallest)}, -1},
					{"ExpireAt", []xcache.SetOption{xcache.ExpireAt(now.Add(90 * time.Second))}, 90 * time.Second},
					{"ExpireAt in the past", []xcache.SetOption{xcache.ExpireAt(now.Add(-time.Second))}, -time.Second},
					{"ExpireAt far in the past", []xcache.SetOption{xcache.ExpireAt(time.Time{})}, -1},
					{"ExpireAt far in the future", []xcache.SetOption{xcache.ExpireAt(now.AddDate(5000, 0, 0))}, driver.NoExpiry},
				} {
					s, c := newFake(t, xcache.WithTTL(42*time.Minute))
					v := xcache.For[string](c)
					fill(t, v)
					s.reset()
					require.NoError(t, write(t.Context(), v, test.opts...))
					got := s.written()
					require.Len(t, got, 1, "%s", test.name)
					require.Equal(t, kept(name, test.want), got[0].TTL, "%s", test.name)
				}
			})
		})
	}
}

func TestKeepTTL(t *testing.T) {
	for name, write := range writes {
		t.Run(name, func(t *testing.T) {
			s, c := newFake(t)
			v := xcache.For[string](c)
			fill(t, v)
			s.reset()
			err := write(t.Context(), v, xcache.KeepTTL())
			if !onlyNew[name] {
				require.NoError(t, err)
				got := s.written()
				require.Len(t, got, 1)
				require.Equal(t, driver.KeepTTL, got[0].TTL)
				return
			}
			require.ErrorContains(t, err, "KeepTTL")
			oneLine(t, err)
			require.Empty(t, s.written(), "calls of the store")
		})
	}
}

func TestBadSetOptionsAreRefusedBeforeIO(t *testing.T) {
	for name, write := range writes {
		t.Run(name, func(t *testing.T) {
			s, c := newFake(t)
			v := xcache.For[string](c)
			fill(t, v)
			s.reset()
			for _, test := range []struct {
				opts []xcache.SetOption
				want string
			}{
				{[]xcache.SetOption{xcache.TTL(time.Second), xcache.TTL(time.Second)}, "more than one"},
				{[]xcache.SetOption{xcache.TTL(time.Second), xcache.KeepTTL()}, "more than one"},
				{[]xcache.SetOption{xcache.ExpireAt(time.Now()), xcache.TTL(time.Second), xcache.KeepTTL()}, "more than one"},
				{[]xcache.SetOption{{}}, "empty SetOption"},
			} {
				err := write(t.Context(), v, test.opts...)
				require.ErrorContains(t, err, test.want)
				oneLine(t, err)
			}
			require.Zero(t, s.total()-s.count("Get"), "writes, as GetOrSet looks first")
		})
	}
}

func TestBadSetOptionIsRefusedForNoValuesToo(t *testing.T) {
	_, c := newFake(t)
	require.Error(t, xcache.For[string](c).SetMany(t.Context(), nil, xcache.SetOption{}), "it was taken")
}

func TestJitterShortensAndNeverEnds(t *testing.T) {
	for _, test := range []struct {
		fraction  float64
		opt       xcache.SetOption
		low, high time.Duration
		varies    bool
	}{
		{0.1, xcache.TTL(100 * time.Second), 90 * time.Second, 100 * time.Second, true},
		{1, xcache.TTL(100 * time.Second), 1, 100 * time.Second, true},
		{1, xcache.TTL(1), 1, 1, false},
		{1, xcache.TTL(3), 1, 3, true},
		{1, xcache.TTL(xcache.NoExpiry - 1), 1, xcache.NoExpiry - 1, true},
		{1, xcache.TTL(xcache.NoExpiry), xcache.NoExpiry, xcache.NoExpiry, false},
		{1, xcache.TTL(0), 0, 0, false},
		{1, xcache.TTL(-time.Second), -time.Second, -time.Second, false},
		{0, xcache.TTL(time.Second), time.Second, time.Second, false},
	} {
		for name, write := range writes {
			s, c := newFake(t, xcache.WithJitter(test.fraction))
			v := xcache.For[string](c)
			seen := make(map[time.Duration]bool)
			for range 100 {
				require.NoError(t, v.FlushDB(t.Context()))
				fill(t, v)
				s.reset()
				require.NoError(t, write(t.Context(), v, test.opt))
				ttl := s.written()[0].TTL
				require.GreaterOrEqual(t, ttl, test.low, "%s with jitter %v: TTL", name, test.fraction)
				require.LessOrEqual(t, ttl, kept(name, test.high), "%s with jitter %v: TTL", name, test.fraction)
				seen[ttl] = true
			}
			require.Equal(t, len(seen) > 1, test.varies && kept(name, test.low) != kept(name, test.high), "%s with jitter %v of %v: different TTLs", name, test.fraction, test.high)
		}
	}
}

func TestJitterIsDrawnForEachKeyOfABatch(t *testing.T) {
	s, c := newFake(t, xcache.WithJitter(0.5))
	values := make(map[string]string)
	for _, key := range manyKeys(50) {
		values[key] = "x"
	}
	require.NoError(t, xcache.For[string](c).SetMany(t.Context(), values))
	seen := make(map[time.Duration]bool)
	for _, e := range s.written() {
		seen[e.TTL] = true
	}
	require.GreaterOrEqual(t, len(seen), 10, "different TTLs of 50 keys")
}

// Alone, TTL has the resolution of the store. In a pipeline TTL is PTTL, in milliseconds.
func TestTTLIsAsExactAsTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, c := newFake(t)
		const odd = time.Second + 123*time.Nanosecond
		require.NoError(t, xcache.For[string](c).Set(t.Context(), "k", "x", xcache.TTL(odd)))
		ttl, err := c.TTL(t.Context(), "k")
		require.NoError(t, err)
		require.Equal(t, odd, ttl)
		require.NoError(t, second(c.Expire(t.Context(), "k", odd+1)))
		ttl, err = c.TTL(t.Context(), "k")
		require.NoError(t, err)
		require.Equal(t, odd+1, ttl)
		p := c.Pipeline()
		queued := p.TTL("k")
		require.NoError(t, p.Exec(t.Context()))
		requireValue(t, time.Second+time.Millisecond, queued)
	})
}

func TestExpireIsExact(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := newFake(t, xcache.WithJitter(1))
		v := xcache.For[string](c)
		fill(t, v)
		s.reset()
		ctx := t.Context()
		now := time.Now()
		for _, test := range []struct {
			run  func() error
			want time.Duration
		}{
			{func() error { return second(c.Expire(ctx, "text", time.Minute)) }, time.Minute},
			{func() error { return second(c.Expire(ctx, "text", xcache.NoExpiry)) }, driver.NoExpiry},
			{func() error { return second(c.ExpireAt(ctx, "text", now.Add(time.Hour))) }, time.Hour},
			{func() error { return second(c.ExpireAt(ctx, "text", now.AddDate(5000, 0, 0))) }, driver.NoExpiry},
			{func() error { return second(c.Persist(ctx, "text")) }, driver.NoExpiry},
			{func() error { return second(c.Expire(ctx, "text", smallest)) }, -1},
			{func() error { return second(c.ExpireAt(ctx, "text", time.Time{})) }, -1},
		} {
			s.reset()
			require.NoError(t, test.run())
			got := s.written()
			require.Len(t, got, 1)
			require.Equal(t, test.want, got[0].TTL)
		}
	})
}

func TestExpiryIsByTheClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, c := newFake(t)
		v := xcache.For[string](c)
		ctx := t.Context()
		require.NoError(t, v.Set(ctx, "default", "x"))
		require.NoError(t, v.Set(ctx, "second", "x", xcache.TTL(time.Second)))
		require.NoError(t, v.Set(ctx, "ever", "x", xcache.TTL(xcache.NoExpiry)))
		time.Sleep(time.Second)
		require.ErrorIs(t, second(v.Get(ctx, "second")), xcache.ErrNotFound)
		require.NoError(t, second(v.Get(ctx, "default")))
		time.Sleep(xcache.DefaultTTL - 2*time.Second)
		require.NoError(t, second(v.Get(ctx, "default")))
		require.NoError(t, second(v.Touch(ctx, "default")))
		time.Sleep(xcache.DefaultTTL - time.Nanosecond)
		require.NoError(t, second(v.Get(ctx, "default")))
		time.Sleep(time.Nanosecond)
		require.ErrorIs(t, second(v.Get(ctx, "default")), xcache.ErrNotFound)
		time.Sleep(1000 * time.Hour)
		require.NoError(t, second(v.Get(ctx, "ever")))
	})
}
