// Package health shows what a service says about its cache.
package health

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/xcache-go/xcache"
)

// Status tells whether the cache answers, for dashboards and alerts. No probe
// that restarts the service, or takes traffic from it, should ask for it.
func Status(cache *xcache.Cache) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), time.Second)
		defer cancel()
		if err := cache.Ping(ctx); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "the cache answers")
	}
}

// Check is for the start of a service. It returns an error for what waiting
// does not mend, such as a wrong password. A cache that is down is logged, and
// the service starts without it.
func Check(ctx context.Context, cache *xcache.Cache, log *slog.Logger) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	err := cache.Ping(ctx)
	if errors.Is(err, xcache.ErrAuth) {
		return err
	}
	if err != nil {
		log.Warn("starting without the cache", "error", err)
	}
	return nil
}
