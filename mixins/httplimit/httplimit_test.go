package httplimit_test

import (
	"context"
	"errors"
	"math"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/memory"
	"github.com/xcache-go/xcache/mixins"
	"github.com/xcache-go/xcache/mixins/httplimit"
)

func newLimits(t *testing.T) (*xcache.Cache, *mixins.RateLimits) {
	t.Helper()
	c, err := xcache.OpenDSN("memory://")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	limits, err := mixins.NewRateLimits(c)
	require.NoError(t, err)
	return c, limits
}

func byKey(r *http.Request) string { return r.Header.Get("Api-Key") }

// get sends a request with an API key to a handler behind limits, which answers 204.
func get(t *testing.T, limits *mixins.RateLimits, options httplimit.Options, key string) *httptest.ResponseRecorder {
	t.Helper()
	options.Subject = byKey
	limit, err := httplimit.New(limits, options)
	require.NoError(t, err)
	request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)
	request.Header.Set("Api-Key", key)
	answer := httptest.NewRecorder()
	limit(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })).ServeHTTP(answer, request)
	return answer
}

// fields returns the header fields that tell about limits.
func fields(answer *httptest.ResponseRecorder) []string {
	var values []string
	for _, name := range []string{"RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset", "RateLimit-Policy", "Retry-After"} {
		values = append(values, answer.Header().Get(name))
	}
	return values
}

func TestRequestsAboveTheLimitAreAnswered429(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, limits := newLimits(t)
		const policy = "2;w=60, 10;w=1;burst=5"
		options := httplimit.Options{Limits: []mixins.RateLimit{{Limit: 2, Window: time.Minute}, {Limit: 10, Window: time.Second, Burst: 5}}}
		for left := range 2 {
			answer := get(t, limits, options, "a")
			require.Equal(t, http.StatusNoContent, answer.Code)
			require.Equal(t, []string{"2", []string{"1", "0"}[left], "60", policy, ""}, fields(answer))
		}
		time.Sleep(500 * time.Millisecond)
		answer := get(t, limits, options, "a")
		require.Equal(t, http.StatusTooManyRequests, answer.Code)
		require.Equal(t, "Too Many Requests\n", answer.Body.String())
		require.Equal(t, []string{"2", "0", "60", policy, "60"}, fields(answer), "59.5 s are 60")
		require.Equal(t, http.StatusNoContent, get(t, limits, options, "b").Code, "another subject")
		time.Sleep(time.Minute)
		require.Equal(t, http.StatusNoContent, get(t, limits, options, "a").Code)
	})
}

func TestRequestsWithoutASubjectAreNotLimited(t *testing.T) {
	_, limits := newLimits(t)
	options := httplimit.Options{Limits: []mixins.RateLimit{{Limit: 1, Window: time.Minute}}}
	for range 3 {
		answer := get(t, limits, options, "")
		require.Equal(t, http.StatusNoContent, answer.Code)
		require.Equal(t, make([]string, 5), fields(answer))
	}
}

func TestCostAndAnAnswerOfTheProgramsOwn(t *testing.T) {
	_, limits := newLimits(t)
	options := httplimit.Options{
		Limits:  []mixins.RateLimit{{Limit: 5, Window: time.Minute}},
		Cost:    func(*http.Request) int { return 3 },
		Refused: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }),
	}
	require.Equal(t, "2", get(t, limits, options, "a").Header().Get("RateLimit-Remaining"))
	answer := get(t, limits, options, "a")
	require.Equal(t, http.StatusTeapot, answer.Code)
	require.Equal(t, []string{"5", "2", "60", "5;w=60", "60"}, fields(answer))
}

func TestRequestsAreServedWhenTheLimitsCannotBeAsked(t *testing.T) {
	c, limits := newLimits(t)
	require.NoError(t, c.Close())
	options := httplimit.Options{Limits: []mixins.RateLimit{{Limit: 1, Window: time.Minute}}}
	require.Equal(t, http.StatusNoContent, get(t, limits, options, "a").Code)
	options.Failed = func(w http.ResponseWriter, _ *http.Request, err error) bool {
		require.ErrorIs(t, err, xcache.ErrClosed)
		w.WriteHeader(http.StatusServiceUnavailable)
		return false
	}
	require.Equal(t, http.StatusServiceUnavailable, get(t, limits, options, "a").Code)
}

func TestRequestsOfAnImpossibleCostAreNotServed(t *testing.T) {
	_, limits := newLimits(t)
	for _, cost := range []int{-1, 6} {
		options := httplimit.Options{
			Limits: []mixins.RateLimit{{Limit: 5, Window: time.Minute}},
			Cost:   func(*http.Request) int { return cost },
		}
		require.Equal(t, http.StatusInternalServerError, get(t, limits, options, "a").Code, cost)
		options.Failed = func(w http.ResponseWriter, _ *http.Request, err error) bool {
			require.ErrorIs(t, err, xcache.ErrSyntax)
			w.WriteHeader(http.StatusRequestEntityTooLarge)
			return false
		}
		require.Equal(t, http.StatusRequestEntityTooLarge, get(t, limits, options, "a").Code, cost)
	}
}

// A refusing store answers rate limits with an error.
type refusing struct {
	*memory.Store
	err error
}

func (s *refusing) Do(context.Context, []*driver.Cmd, driver.How) error { return s.err }

// By default a request is served without limits while the store is down, and only then.
func TestOnlyAnOutageServesRequestsWithoutLimits(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want int
	}{
		{driver.Fail(xcache.ErrUnavailable, driver.NotApplied, nil), http.StatusNoContent},
		{driver.Fail(xcache.ErrUnavailable, driver.Unknown, nil), http.StatusNoContent},
		{driver.Fail(xcache.ErrReadOnly, driver.NotApplied, nil), http.StatusNoContent},
		{driver.Fail(xcache.ErrOutOfMemory, driver.NotApplied, nil), http.StatusNoContent},
		{driver.Fail(xcache.ErrAuth, driver.NotApplied, nil), http.StatusNoContent},
		{driver.Fail(xcache.ErrCrossSlot, driver.NotApplied, nil), http.StatusInternalServerError},
		{driver.Fail(xcache.ErrInvalidKey, driver.NotApplied, nil), http.StatusInternalServerError},
		{driver.Fail(xcache.ErrWrongType, driver.NotApplied, nil), http.StatusInternalServerError},
		{errors.New("some other error"), http.StatusInternalServerError},
	} {
		t.Run(tt.err.Error(), func(t *testing.T) {
			store, err := memory.NewStore(memory.Options{})
			require.NoError(t, err)
			c, err := xcache.New(&refusing{store, tt.err})
			require.NoError(t, err)
			defer func() { require.NoError(t, c.Close()) }()
			limits, err := mixins.NewRateLimits(c)
			require.NoError(t, err)
			options := httplimit.Options{Limits: []mixins.RateLimit{{Limit: 1, Window: time.Minute}}}
			require.Equal(t, tt.want, get(t, limits, options, "a").Code)
			options.Failed = func(http.ResponseWriter, *http.Request, error) bool { return true }
			require.Equal(t, http.StatusNoContent, get(t, limits, options, "a").Code, "Failed decides")
		})
	}
}

// A telling store answers a rate limit with its numbers.
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

func TestTheLongestTimeIsNotNegative(t *testing.T) {
	store, err := memory.NewStore(memory.Options{})
	require.NoError(t, err)
	c, err := xcache.New(&telling{store, []int64{0, 0, math.MaxInt64, math.MaxInt64}})
	require.NoError(t, err)
	defer func() { require.NoError(t, c.Close()) }()
	limits, err := mixins.NewRateLimits(c)
	require.NoError(t, err)
	answer := get(t, limits, httplimit.Options{Limits: []mixins.RateLimit{{Limit: 1, Window: time.Second}}}, "a")
	require.Equal(t, http.StatusTooManyRequests, answer.Code)
	require.Equal(t, "9223372037", answer.Header().Get("Retry-After"))
}

// No unit is taken for a request whose context has ended, so the request is not served.
func TestARequestThatHasEndedIsNotServed(t *testing.T) {
	_, limits := newLimits(t)
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	late, done := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer done()
	for _, tt := range []struct {
		name string
		ctx  context.Context
		want int
		body string
	}{
		{"the client has left", cancelled, http.StatusOK, ""}, // the recorder's status for no answer
		{"a deadline has passed", late, http.StatusServiceUnavailable, "Service Unavailable\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			limit, err := httplimit.New(limits, httplimit.Options{
				Subject: byKey,
				Limits:  []mixins.RateLimit{{Limit: 1, Window: time.Minute}},
				Failed: func(http.ResponseWriter, *http.Request, error) bool {
					require.Fail(t, "Failed is called")
					return true
				},
			})
			require.NoError(t, err)
			request := httptest.NewRequestWithContext(tt.ctx, http.MethodGet, "/", http.NoBody)
			request.Header.Set("Api-Key", "a")
			answer := httptest.NewRecorder()
			limit(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { require.Fail(t, "the request is served") })).ServeHTTP(answer, request)
			require.Equal(t, tt.want, answer.Code)
			require.Equal(t, tt.body, answer.Body.String())
		})
	}
}

func TestOptionsThatLackSomethingAreRefused(t *testing.T) {
	_, limits := newLimits(t)
	minute := []mixins.RateLimit{{Limit: 1, Window: time.Minute}}
	for name, test := range map[string]struct {
		limits  *mixins.RateLimits
		options httplimit.Options
		want    string
	}{
		"no handle":  {nil, httplimit.Options{Subject: byKey, Limits: minute}, "mixins.NewRateLimits"},
		"no subject": {limits, httplimit.Options{Limits: minute}, "Subject is required"},
		"no limits":  {limits, httplimit.Options{Subject: byKey}, "Limits is required"},
		"no window":  {limits, httplimit.Options{Subject: byKey, Limits: []mixins.RateLimit{{Limit: 1}}}, "the window of"},
	} {
		_, err := httplimit.New(test.limits, test.options)
		require.ErrorContains(t, err, test.want, name)
	}
}
