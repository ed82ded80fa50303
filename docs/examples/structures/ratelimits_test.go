package structures_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/mixins"
	"github.com/xcache-go/xcache/mixins/httplimit"
)

func Example_quota() {
	ctx := context.Background()
	c, err := xcache.OpenDSN("memory://")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	limits, err := mixins.NewRateLimits(c) // once, at start-up
	if err != nil {
		fmt.Println(err)
		return
	}

	for range 3 {
		fmt.Println(search(ctx, limits, "42"))
	}
	fmt.Println(login(ctx, limits, "ann", "192.0.2.7", func() bool { return true }))

	limit, err := httplimit.New(limits, httplimit.Options{
		Subject: func(r *http.Request) string { return r.Header.Get("Api-Key") },
		Limits:  []mixins.RateLimit{{Limit: 100, Window: time.Minute}, {Limit: 10, Window: time.Second, Burst: 5}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	api := limit(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "hello") }))

	request := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
	request.Header.Set("Api-Key", "secret")
	answer := httptest.NewRecorder()
	api.ServeHTTP(answer, request)
	fmt.Println(answer.Header().Get("RateLimit-Limit"), answer.Header().Get("RateLimit-Remaining"), answer.Header().Get("RateLimit-Policy"))
	// Output:
	// <nil>
	// <nil>
	// come back later
	// <nil>
	// 10 4 100;w=60, 10;w=1;burst=5
}

// search serves a user who may search twice at once, ten times a minute, and 1000 times a day.
func search(ctx context.Context, limits *mixins.RateLimits, user string) error {
	minute := mixins.RateLimit{Limit: 10, Window: time.Minute, Burst: 2}
	day := mixins.RateLimit{Limit: 1000, Window: 24 * time.Hour}
	result, err := limits.Allow(ctx, "search:"+user, minute, day)
	if err != nil {
		return err
	}
	if !result.Allowed {
		return errors.New("come back later") // after result.RetryAfter()
	}
	return nil
}

// login checks a password, five times an hour for an account and thirty times for an address.
func login(ctx context.Context, limits *mixins.RateLimits, account, address string, check func() bool) error {
	result, err := limits.Allow(ctx, "{login}"+account,
		mixins.RateLimit{Limit: 5, Window: time.Hour},
		mixins.RateLimit{Limit: 30, Window: time.Hour, Subject: "{login}" + address})
	if err != nil {
		return err
	}
	if !result.Allowed || !check() {
		return errors.New("not now, or not you")
	}
	return limits.Forget(ctx, "{login}"+account)
}
