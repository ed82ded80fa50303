// Package failopen shows a service that goes on while its cache is down.
package failopen

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/xcache-go/xcache"
)

// Open opens a cache whose failures are misses.
func Open(dsn string) (*xcache.Cache, error) {
	return xcache.OpenDSN(dsn,
		xcache.WithOnError(xcache.OnErrorMiss),
		xcache.WithBreaker(xcache.Breaker{}), // with the defaults
		xcache.WithMaxInFlight(200),
	)
}

// Profile is loaded from the database while the cache is down.
func Profile(ctx context.Context, c *xcache.Cache, id string, load func(context.Context) (string, error)) (string, error) {
	return xcache.For[string](c.Namespace("profile")).GetOrSet(ctx, id, load, xcache.TTL(time.Minute))
}

// LogOut must not be told that the session is gone when it is not.
func LogOut(ctx context.Context, c *xcache.Cache, session string) error {
	strict := c.With(xcache.WithOnError(xcache.OnErrorFail))
	_, err := strict.Namespace("session").Delete(ctx, session)
	return err
}

// RefuseWhileOpen answers a request that cannot be served without the cache.
func RefuseWhileOpen(w http.ResponseWriter, err error) {
	if open, ok := errors.AsType[*xcache.BreakerOpenError](err); ok {
		w.Header().Set("Retry-After", strconv.Itoa(1+int(open.RetryAfter.Seconds())))
	}
	http.Error(w, "try again later", http.StatusServiceUnavailable)
}

// Page shows what was hidden, and the circuits.
func Page(c *xcache.Cache) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		inspection, err := c.Inspect()
		if err != nil {
			http.Error(w, err.Error(), http.StatusNotImplemented)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"failed_open": c.FailedOpen(), "circuits": inspection.Circuits}) // the client may have gone
	}
}
