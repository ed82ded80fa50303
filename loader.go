package xcache

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/xcache-go/xcache/internal/flight"
)

// ErrLoadTimeout is the error of callers whose loader takes longer than LoadTimeout. The
// error also matches context.DeadlineExceeded.
var ErrLoadTimeout = errors.New("xcache: the loader takes longer than LoadTimeout")

// LoadTimeout limits the time of the loaders of GetOrSet, GetOrSetMany and Load of a view.
// After d the context of the loader ends, every waiting caller gets ErrLoadTimeout, and the
// next caller loads anew, even if the loader ignores its context and hangs. A result or a
// panic that comes later is dropped. Close still waits until the loader returns. Without
// LoadTimeout, a loader may take as long as a caller waits, and five minutes in a view with
// StaleFor, StaleOnError or EarlyRefresh.
func LoadTimeout(d time.Duration) Option {
	return func(s *settings) error {
		if d <= 0 {
			return errors.New("xcache: LoadTimeout needs a positive duration")
		}
		s.loadTimeout = d
		return nil
	}
}

// LoadedTTL makes the result of a loader expire after d, whatever TTL the call of GetOrSet
// or GetOrSetMany says. The loader calls LoadedTTL with its context, when the loader knows
// how long the result may be used: until a token expires, or as long as Cache-Control
// allows.
//
//	token, err := tokens.GetOrSet(ctx, "api", func(ctx context.Context) (Token, error) {
//		t, err := fetchToken(ctx)
//		if err != nil {
//			return Token{}, err
//		}
//		return t, xcache.LoadedTTL(ctx, time.Until(t.Expires))
//	})
//
// In a loader of GetOrSetMany, d is for the keys that the call names. A call without keys
// is for all other keys of the load. d is as in TTL: NoExpiry is for ever, and with d <= 0
// the value is returned and not stored. WithJitter shortens d as any TTL. The last call
// counts. LoadedTTL returns an error if ctx is not the context of a loader, or if the loader
// has returned. In a loader of Load, which stores nothing, LoadedTTL has no effect. LoadedTTL
// may be called concurrently.
func LoadedTTL(ctx context.Context, d time.Duration, keys ...string) error {
	l, ok := ctx.Value(loadingKey{}).(*loading)
	if !ok {
		return errors.New("xcache: LoadedTTL needs the context that a loader was given")
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		return errors.New("xcache: LoadedTTL was called when its loader had returned")
	}
	if l.ttls == nil {
		l.ttls = make(map[string]time.Duration)
	}
	if len(keys) == 0 {
		l.ttls[""] = d // no key is empty
	}
	for _, key := range keys {
		l.ttls[key] = d
	}
	return nil
}

// A loading is one call of a loader. The zero value is ready to use.
type loading struct {
	// own are the leases that this load has for itself, or nil.
	own *ownLeases
	// outer is the load whose loader asks for this one, or nil.
	outer *loading

	mu    sync.Mutex
	ended bool
	// ttls has the TTLs that the loader has chosen, by user keys. "" is all other keys.
	ttls map[string]time.Duration
	// old returns the old value of a user key, boxed and for its caller alone, or nil. The loader of
	// GetOrSet has one key, whose name old ignores. Without old values, old is nil.
	old func(key string) any
}

type loadingKey struct{}

// begin returns the context of a loader whose result is that of flights. The caller calls
// end when the loader has returned. Callers may join the flights until end, which seals them: the
// questions to the server behind that are for the callers who have come by then.
func (l *loading) begin(ctx context.Context, c *core, flights []*flight.Flight) (_ context.Context, end func()) {
	l.outer, _ = ctx.Value(loadingKey{}).(*loading)
	ctx = context.WithValue(withoutMemo(ctx), loadingKey{}, l)
	for _, fl := range flights {
		c.shared.flights.Unseal(fl)
	}
	done := func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.ended = true
		for _, fl := range flights {
			c.shared.flights.Seal(fl)
		}
	}
	if c.loadTimeout == 0 {
		return ctx, done
	}
	stop := c.shared.flights.Limit(flights, c.loadTimeout, fmt.Errorf("%w: %w", ErrLoadTimeout, context.DeadlineExceeded))
	ctx, cancel := context.WithTimeoutCause(ctx, c.loadTimeout, ErrLoadTimeout)
	return ctx, func() {
		done()
		stop()
		cancel()
	}
}

// timedOutLoad returns the error of a loader whose context has ended by LoadTimeout.
func timedOutLoad(ctx context.Context, err error) error {
	if errors.Is(err, context.DeadlineExceeded) && errors.Is(context.Cause(ctx), ErrLoadTimeout) {
		return fmt.Errorf("%w: %w", ErrLoadTimeout, err)
	}
	return err
}

// options returns the options of the write of a key.
func (l *loading) options(key string, opts []SetOption) []SetOption {
	l.mu.Lock()
	defer l.mu.Unlock()
	d, ok := l.ttls[key]
	if !ok {
		d, ok = l.ttls[""]
	}
	if !ok {
		return opts
	}
	chosen := []SetOption{TTL(d)}
	for _, o := range opts {
		if o.kind == optionTags || o.kind == optionTagging {
			chosen = append(chosen, o)
		}
	}
	return chosen
}

// load returns the result of a loader, without a value beside an error.
func (l *loading) load(ctx context.Context, c *core, fl *flight.Flight, load func(context.Context) (any, error)) (any, error) {
	ctx, end := l.begin(ctx, c, []*flight.Flight{fl})
	defer end()
	began := time.Now()
	defer l.own.renew(ctx)()
	value, err := load(ctx)
	if old := l.unmodified("", err); old != nil {
		value, err = old, nil
	}
	if err != nil {
		return nil, timedOutLoad(ctx, err)
	}
	c.stale.loadTime.add(began)
	return value, nil
}
