package observing_test

import (
	"context"
	"expvar"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"time"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/docs/examples/observing"
	_ "github.com/xcache-go/xcache/drivers/memory"
)

func Example() {
	metrics := expvar.NewMap("cache")
	cache, err := xcache.OpenDSN("memory://", xcache.WithObserver(observing.All{
		observing.Trace{},
		observing.Metrics{Map: metrics},
		observing.Log{Logger: logger(), Slow: 100 * time.Millisecond},
	}))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer cache.Close()

	ctx := context.Background()
	names := xcache.For[string](cache)
	_ = names.Set(ctx, "42", "Ann")
	_, _ = names.Get(ctx, "42")
	_, _ = names.Get(ctx, "43") // a miss
	numbers := xcache.For[int](cache)
	_, _ = numbers.Get(ctx, "42") // not a number
	_, _ = numbers.GetOrSet(ctx, "42", func(context.Context) (int, error) { return 42, nil })

	for _, name := range []string{"set.calls", "get.calls", "get.hits", "get.misses", "get.errors"} {
		fmt.Println(name, metrics.Get(name))
	}
	// Output:
	// level=WARN msg="cache operation failed" driver=memory op=get keys=1
	// level=WARN msg="cache operation failed" driver=memory op=get keys=1
	// level=WARN msg="cache: unreadable value replaced" driver=memory server=""
	// set.calls 1
	// get.calls 4
	// get.hits 1
	// get.misses 1
	// get.errors 2
}

// logger leaves out what differs from run to run.
func logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey || a.Key == "duration" || a.Key == "error" {
				return slog.Attr{}
			}
			return a
		},
	}))
}

func ExamplePage() {
	cache, err := xcache.OpenDSN("memory://?max_entries=1000&max_bytes=1MiB")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer cache.Close()

	response := httptest.NewRecorder()
	observing.Page(cache).ServeHTTP(response, httptest.NewRequest(http.MethodGet, "/cache", nil))
	fmt.Print(response.Code, " ", response.Body)
	// Output:
	// 200 {"driver":"memory","contents":{"entries":0,"bytes":0,"max_entries":1000,"max_bytes":1048576,"evictions":0,"expirations":0}}
}
