package mixins_test

import (
	"context"
	"errors"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/memory"
	"github.com/xcache-go/xcache/mixins"
)

func newRateLimits(t *testing.T, c *xcache.Cache) *mixins.RateLimits {
	t.Helper()
	limits, err := mixins.NewRateLimits(c)
	require.NoError(t, err)
	return limits
}

// ownKeys returns a cache with a key layout of the program's own, which has no place for the keys
// of those who coordinate.
func ownKeys(t *testing.T) *xcache.Cache {
	t.Helper()
	return openTest(t, "memory://").With(xcache.WithKeyFunc(func(_ string, _ int, key string) string { return key }, nil))
}

// wantAllowed wants a unit to be taken, or to be had after a time.
func wantAllowed(t *testing.T, limits *mixins.RateLimits, after time.Duration, limit mixins.RateLimit) {
	t.Helper()
	result, err := limits.Allow(t.Context(), "s", limit)
	require.NoError(t, err)
	require.Equal(t, after == 0, result.Allowed)
	require.Equal(t, after, result.RetryAfter())
}

func TestASlidingWindowFreesUnitsOneWindowLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limits := newRateLimits(t, openTest(t, "memory://"))
		limit := mixins.RateLimit{Limit: 3, Window: time.Minute}
		for range 3 {
			wantAllowed(t, limits, 0, limit)
			time.Sleep(10 * time.Second)
		}
		wantAllowed(t, limits, 30*time.Second, limit)
		time.Sleep(30*time.Second - time.Microsecond)
		wantAllowed(t, limits, time.Microsecond, limit)
		time.Sleep(time.Microsecond)
		wantAllowed(t, limits, 0, limit)
		wantAllowed(t, limits, 10*time.Second, limit)
		time.Sleep(time.Minute)
		result, err := limits.AllowN(t.Context(), "s", 3, limit)
		require.NoError(t, err)
		require.Equal(t, mixins.RateResult{Allowed: true, Limits: []mixins.RateState{{RateLimit: limit, Reset: time.Minute}}}, result)
	})
}

// Units of a sixtieth of the window are free together, at the end of the last, so that a busy
// limit is 61 numbers at most.
func TestASlidingWindowJoinsUnitsOfASixtieth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limits := newRateLimits(t, openTest(t, "memory://"))
		limit := mixins.RateLimit{Limit: 2, Window: time.Minute}
		wantAllowed(t, limits, 0, limit)
		time.Sleep(900 * time.Millisecond)
		wantAllowed(t, limits, 0, limit)
		result, err := limits.Allow(t.Context(), "s", limit)
		require.NoError(t, err)
		require.GreaterOrEqual(t, result.RetryAfter(), 59100*time.Millisecond)
		require.LessOrEqual(t, result.RetryAfter(), time.Minute)
	})
}

func TestABurstIsRefilledEvenly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limits := newRateLimits(t, openTest(t, "memory://"))
		limit := mixins.RateLimit{Limit: 7, Window: 7 * time.Second, Burst: 3}
		for range 3 {
			wantAllowed(t, limits, 0, limit)
		}
		for range 5 {
			result, err := limits.Allow(t.Context(), "s", limit)
			require.NoError(t, err)
			require.False(t, result.Allowed)
			require.InDelta(t, time.Second, result.RetryAfter(), float64(2*time.Microsecond))
			time.Sleep(result.RetryAfter())
			wantAllowed(t, limits, 0, limit)
		}
		time.Sleep(2 * time.Second)
		result, err := limits.AllowN(t.Context(), "s", 2, limit)
		require.NoError(t, err)
		require.True(t, result.Allowed)
		time.Sleep(time.Hour)
		result, err = limits.AllowN(t.Context(), "s", 0, limit)
		require.NoError(t, err)
		require.Equal(t, mixins.RateState{RateLimit: limit, Remaining: 3}, result.Limits[0])
	})
}

func TestARetryIsAllowedAfterTheTimeToldForAnyRate(t *testing.T) {
	for _, limit := range []mixins.RateLimit{
		{Limit: 3, Window: time.Second, Burst: 1},
		{Limit: 7, Window: time.Hour, Burst: 3},
		{Limit: 999_983, Window: time.Second, Burst: 999_983},
		{Limit: 1 << 40, Window: 24 * time.Hour, Burst: 1 << 30},
		{Limit: 11, Window: 365 * 24 * time.Hour, Burst: 2},
		{Limit: 5, Window: 30 * 24 * time.Hour},
	} {
		synctest.Test(t, func(t *testing.T) {
			limits := newRateLimits(t, openTest(t, "memory://"))
			n := max(1, limit.Burst)
			for range 20 {
				result, err := limits.AllowN(t.Context(), "s", n, limit)
				require.NoError(t, err)
				if after := result.RetryAfter(); after > 0 {
					require.False(t, result.Allowed)
					time.Sleep(after)
					result, err = limits.AllowN(t.Context(), "s", n, limit)
					require.NoError(t, err)
				}
				require.True(t, result.Allowed, "%+v", limit)
			}
		})
	}
}

func TestOneRefusalTakesNothingOfTheOthers(t *testing.T) {
	limits := newRateLimits(t, openTest(t, "memory://"))
	few, many := mixins.RateLimit{Limit: 1, Window: time.Hour}, mixins.RateLimit{Limit: 5, Window: time.Hour, Burst: 5}
	elsewhere := mixins.RateLimit{Limit: 9, Window: time.Hour, Subject: "all"}
	for i := range 3 {
		result, err := limits.Allow(t.Context(), "s", many, few, elsewhere)
		require.NoError(t, err)
		require.Equal(t, i == 0, result.Allowed)
		require.Equal(t, []int{4, 0, 8}, []int{result.Limits[0].Remaining, result.Limits[1].Remaining, result.Limits[2].Remaining})
		require.Equal(t, few, result.Tightest().RateLimit)
	}
	result, err := limits.Allow(t.Context(), "other", few, elsewhere)
	require.NoError(t, err)
	require.True(t, result.Allowed)
	require.Equal(t, 7, result.Limits[1].Remaining)
	require.NoError(t, limits.Forget(t.Context(), "s"))
	result, err = limits.Allow(t.Context(), "s", few)
	require.NoError(t, err)
	require.True(t, result.Allowed)
}

func TestRateLimitsAreBesideTheKeysOfValues(t *testing.T) {
	c := openTest(t, "memory://")
	limits := newRateLimits(t, c)
	limit := mixins.RateLimit{Limit: 1, Window: time.Hour}
	wantAllowed(t, limits, 0, limit)
	_, err := c.Clear(t.Context())
	require.NoError(t, err)
	result, err := limits.Allow(t.Context(), "s", limit)
	require.NoError(t, err)
	require.False(t, result.Allowed, "Clear leaves it alone")
	limits = newRateLimits(t, c.Namespace("tenant"))
	wantAllowed(t, limits, 0, limit)
}

func TestRateLimitsThatAreNone(t *testing.T) {
	limits := newRateLimits(t, openTest(t, "memory://"))
	good := mixins.RateLimit{Limit: 2, Window: time.Second}
	for name, test := range map[string]struct {
		n      int
		limits []mixins.RateLimit
	}{
		"no limits":          {1, nil},
		"a limit of 0":       {1, []mixins.RateLimit{{Window: time.Second}}},
		"a huge limit":       {1, []mixins.RateLimit{{Limit: 1<<50 + 1, Window: time.Second}}},
		"no window":          {1, []mixins.RateLimit{good, {Limit: 2}}},
		"half a millisecond": {1, []mixins.RateLimit{{Limit: 2, Window: time.Millisecond / 2}}},
		"a window of ages":   {1, []mixins.RateLimit{{Limit: 2, Window: 400 * 24 * time.Hour}}},
		"a negative burst":   {1, []mixins.RateLimit{{Limit: 2, Window: time.Second, Burst: -1}}},
		"a large burst":      {1, []mixins.RateLimit{{Limit: 2, Window: time.Second, Burst: 3}}},
		"n above the limit":  {3, []mixins.RateLimit{good}},
		"n above the burst":  {2, []mixins.RateLimit{{Limit: 2, Window: time.Second, Burst: 1}}},
		"a negative n":       {-1, []mixins.RateLimit{good}},
		"one twice":          {1, []mixins.RateLimit{good, good}},
	} {
		_, err := limits.AllowN(t.Context(), "s", test.n, test.limits...)
		require.ErrorIs(t, err, xcache.ErrSyntax, name)
	}
	_, err := limits.Allow(t.Context(), "", good)
	require.ErrorIs(t, err, xcache.ErrInvalidKey)
	result, err := limits.AllowN(t.Context(), "s", 0, good)
	require.NoError(t, err)
	require.Equal(t, 2, result.Limits[0].Remaining)
	_, err = mixins.NewRateLimits(ownKeys(t))
	require.ErrorIs(t, err, errors.ErrUnsupported)
}

// A telling store answers rate limits with its numbers.
type telling struct {
	*memory.Store
	numbers []int64
}

func (s *telling) Do(_ context.Context, cmds []*driver.Cmd, _ driver.How) error {
	items := make([]driver.Reply, len(s.numbers))
	for i, n := range s.numbers {
		items[i] = driver.IntReply(n)
	}
	cmds[0].Reply = driver.ArrayReply(items...)
	return nil
}

// A clock that was set far back makes no time negative.
func TestTimesOfLimitsAreNeverNegative(t *testing.T) {
	for _, tt := range []struct {
		name         string
		microseconds int64
		want         time.Duration
	}{
		{"some", 1500, 1500 * time.Microsecond},
		{"none", 0, 0},
		{"negative", -1, 0},
		{"more than a duration", math.MaxInt64, math.MaxInt64 / 1000 * 1000},
		{"more, and positive without a bound", math.MaxInt64/1000 + 1, math.MaxInt64 / 1000 * 1000},
	} {
		t.Run(tt.name, func(t *testing.T) {
			store, err := memory.NewStore(memory.Options{})
			require.NoError(t, err)
			c, err := xcache.New(&telling{store, []int64{0, 0, tt.microseconds, tt.microseconds}})
			require.NoError(t, err)
			defer func() { require.NoError(t, c.Close()) }()
			result, err := newRateLimits(t, c).Allow(t.Context(), "s", mixins.RateLimit{Limit: 1, Window: time.Second})
			require.NoError(t, err)
			require.Equal(t, tt.want, result.RetryAfter())
			require.Equal(t, tt.want, result.Limits[0].Reset)
		})
	}
}

// A named limit goes on when its numbers change, unless the algorithm changes.
func TestANamedLimitGoesOnWithinItsAlgorithm(t *testing.T) {
	for _, tt := range []struct {
		name      string
		from, to  mixins.RateLimit
		remaining int
	}{
		{"a longer limit of a window", mixins.RateLimit{Limit: 5, Window: time.Minute}, mixins.RateLimit{Limit: 8, Window: time.Minute}, 5},
		{"from a window to a burst", mixins.RateLimit{Limit: 5, Window: time.Minute}, mixins.RateLimit{Limit: 5, Window: time.Minute, Burst: 5}, 5},
		{"from a burst to a window", mixins.RateLimit{Limit: 5, Window: time.Minute, Burst: 5}, mixins.RateLimit{Limit: 5, Window: time.Minute}, 5},
		{"a larger burst", mixins.RateLimit{Limit: 5, Window: time.Minute, Burst: 3}, mixins.RateLimit{Limit: 5, Window: time.Minute, Burst: 5}, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				limits := newRateLimits(t, openTest(t, "memory://"))
				tt.from.Name, tt.to.Name = "n", "n"
				result, err := limits.AllowN(t.Context(), "s", 3, tt.from)
				require.NoError(t, err)
				require.True(t, result.Allowed)
				result, err = limits.AllowN(t.Context(), "s", 0, tt.to)
				require.NoError(t, err)
				require.Equal(t, tt.remaining, result.Limits[0].Remaining)
			})
		})
	}
}
