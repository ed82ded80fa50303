// Package observing is the worked example of the guide on observing: metrics in
// expvar, spans in the execution trace and a log line for what failed or was
// slow, all of it from the standard library.
package observing

import (
	"context"
	"encoding/json"
	"errors"
	"expvar"
	"log/slog"
	"net/http"
	"runtime/trace"
	"slices"
	"time"

	"github.com/xcache-go/xcache"
)

// Metrics counts operations in an expvar.Map.
type Metrics struct{ Map *expvar.Map }

// Start implements xcache.Observer.
func (m Metrics) Start(ctx context.Context, _ *xcache.Operation) context.Context { return ctx }

// End implements xcache.Observer.
func (m Metrics) End(_ context.Context, op *xcache.Operation) {
	m.Map.Add(op.Name+".calls", 1)
	m.Map.Add(op.Name+".hits", int64(op.Hits))
	m.Map.Add(op.Name+".misses", int64(op.Misses))
	m.Map.Add(op.Name+".bytes", int64(op.Bytes))
	m.Map.AddFloat(op.Name+".seconds", op.Duration.Seconds())
	if Failed(op) {
		m.Map.Add(op.Name+".errors", 1)
	}
}

// Log writes a line for each operation that failed or took as long as Slow.
type Log struct {
	Logger *slog.Logger
	Slow   time.Duration
}

// Start implements xcache.Observer.
func (l Log) Start(ctx context.Context, _ *xcache.Operation) context.Context { return ctx }

// End implements xcache.Observer.
func (l Log) End(ctx context.Context, op *xcache.Operation) {
	level, message := slog.LevelInfo, "slow cache operation"
	switch {
	case Failed(op):
		level, message = slog.LevelWarn, "cache operation failed"
	case op.Duration < l.Slow:
		return
	}
	l.Logger.LogAttrs(ctx, level, message,
		slog.String("driver", op.Driver), slog.String("op", op.Name), slog.Int("keys", op.Keys),
		slog.Duration("duration", op.Duration), slog.Any("error", op.Err))
}

// Event implements xcache.EventObserver.
func (l Log) Event(e xcache.Event) {
	l.Logger.LogAttrs(context.Background(), slog.LevelWarn, "cache: "+string(e.Kind),
		slog.String("driver", e.Driver), slog.String("server", e.Server), slog.Any("error", e.Err))
}

// Trace makes each operation a task of the execution trace (go tool trace). A
// tracer such as OpenTelemetry's has the same shape: the context carries the
// span from Start to End, and through the driver to the client.
type Trace struct{}

type taskKey struct{}

// Start implements xcache.Observer.
func (Trace) Start(ctx context.Context, op *xcache.Operation) context.Context {
	ctx, task := trace.NewTask(ctx, "xcache."+op.Name)
	return context.WithValue(ctx, taskKey{}, task)
}

// End implements xcache.Observer.
func (Trace) End(ctx context.Context, _ *xcache.Operation) {
	if task, ok := ctx.Value(taskKey{}).(*trace.Task); ok {
		task.End()
	}
}

// All is several observers as one. The last one to start is the first to end.
type All []xcache.Observer

// Start implements xcache.Observer.
func (all All) Start(ctx context.Context, op *xcache.Operation) context.Context {
	for _, o := range all {
		ctx = o.Start(ctx, op) //nolint:fatcontext // each one gets the context of the one before
	}
	return ctx
}

// End implements xcache.Observer.
func (all All) End(ctx context.Context, op *xcache.Operation) {
	for _, o := range slices.Backward(all) {
		o.End(ctx, op)
	}
}

// Event implements xcache.EventObserver.
func (all All) Event(e xcache.Event) {
	for _, o := range all {
		if o, ok := o.(xcache.EventObserver); ok {
			o.Event(e)
		}
	}
}

// Page shows an operator what a cache is connected to.
func Page(cache *xcache.Cache) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		inspection, err := cache.Inspect()
		if err != nil {
			http.Error(w, err.Error(), http.StatusNotImplemented) // the driver does not tell
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(inspection) // the client may have gone
	})
}

// Failed reports whether an operation failed. A miss is none.
func Failed(op *xcache.Operation) bool {
	return op.Err != nil && !errors.Is(op.Err, xcache.ErrNotFound)
}
