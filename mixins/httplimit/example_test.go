package httplimit_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/mixins"
	"github.com/xcache-go/xcache/mixins/httplimit"
)

func ExampleNew() {
	c, err := xcache.OpenDSN("memory://")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	limits, err := mixins.NewRateLimits(c)
	if err != nil {
		fmt.Println(err)
		return
	}
	limit, err := httplimit.New(limits, httplimit.Options{
		Subject: func(r *http.Request) string { return r.Header.Get("Api-Key") },
		Limits:  []mixins.RateLimit{{Limit: 1, Window: time.Minute}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	api := limit(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello") }))
	for range 2 {
		request := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
		request.Header.Set("Api-Key", "secret")
		answer := httptest.NewRecorder()
		api.ServeHTTP(answer, request)
		fmt.Println(answer.Code, answer.Header().Get("RateLimit-Policy"), answer.Header().Get("RateLimit-Remaining"))
	}
	// Output:
	// 200 1;w=60 0
	// 429 1;w=60 0
}
