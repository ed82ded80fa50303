package xcache

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
)

// flights runs one function per key at a time and gives its result to everyone
// who asks meanwhile. Unlike x/sync/singleflight it ends the function's context
// when nobody waits any more, hands a panic to the callers instead of ending the
// process, and refuses a function that would wait for itself. The zero value is
// ready.
type flights struct {
	mu sync.Mutex
	// byKey has the flights that have not ended, by their full keys.
	byKey   map[string][]*flight
	closed  bool
	running sync.WaitGroup
	// underWay counts the flights that have not ended.
	underWay atomic.Int64
	// landed counts the flights that have ended.
	landed atomic.Uint64
}

// A flightKey names what callers can share: the same key, read as the same
// type.
type flightKey struct {
	full string
	as   reflect.Type
	// loadOnly: the flight neither reads nor writes the cache.
	loadOnly bool
}

type flight struct {
	key    flightKey
	cancel context.CancelCauseFunc
	done   chan struct{}
	// What the function returned, once done is closed.
	result   any
	err      error
	panicked *loadPanicError

	// Under flights.mu:

	waiting int
	// detached: nobody joins, and nothing is stored.
	detached bool
	// stored is open while the result is on its way to the store, else nil.
	stored chan struct{}

	mu sync.Mutex
	// waitsFor are the flights that the function waits for.
	waitsFor []*flight
}

// A loadPanicError is what a caller of GetOrSet panics with when its loader did: it
// keeps the loader's stack, which is not that of the goroutine that dies.
type loadPanicError struct {
	value any
	stack []byte
}

func (p *loadPanicError) Error() string {
	return fmt.Sprintf("%v\n\nin the loader of GetOrSet:\n%s", p.value, p.stack)
}

// Unwrap returns what the loader panicked with, if it was an error.
func (p *loadPanicError) Unwrap() error {
	err, _ := p.value.(error)
	return err
}

var (
	errLoaderExited = errors.New("xcache: the loader ended its goroutine (runtime.Goexit) instead of returning")
	errLoadCycle    = errors.New("xcache: the loader asks for a key whose load waits for this loader; read what it needs from elsewhere")
)

// do returns the result of the flight under key, starting one with fn if there
// is none. It returns ctx's error when that ends first, ErrClosed after close, and
// errLoadCycle to the function of a flight that this one waits for.
func (f *flights) do(ctx context.Context, key flightKey, fn func(context.Context, *flight) (any, error)) (any, error) {
	inside := flightOf(ctx)
	fl := f.join(ctx, key, fn)
	if fl == nil {
		return nil, ErrClosed
	}
	if inside != nil {
		inside.wait(fl)
		defer inside.waited(fl)
		if fl.waitsOn(inside) {
			f.leave(fl)
			return nil, errLoadCycle
		}
	}
	select {
	case <-fl.done:
	case <-ctx.Done():
		f.leave(fl)
		return nil, ctx.Err()
	}
	if fl.panicked != nil {
		panic(fl.panicked)
	}
	return fl.result, fl.err
}

// join returns the flight under key, with the caller among those who wait for it;
// nil after close.
func (f *flights) join(ctx context.Context, key flightKey, fn func(context.Context, *flight) (any, error)) *flight {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil
	}
	for _, fl := range f.byKey[key.full] {
		if fl.key == key && !fl.detached {
			fl.waiting++
			return fl
		}
	}
	fl := &flight{key: key, waiting: 1, done: make(chan struct{})}
	detached, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	fl.cancel = cancel
	if f.byKey == nil {
		f.byKey = make(map[string][]*flight)
	}
	f.byKey[key.full] = append(f.byKey[key.full], fl)
	f.underWay.Add(1)
	f.running.Go(func() { f.run(context.WithValue(detached, flightContextKey{}, fl), fl, fn) })
	return fl
}

// leave is called by a caller that gives up. The last one to go ends the
// flight's context, and the next to come starts a flight of its own.
func (f *flights) leave(fl *flight) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if fl.waiting--; fl.waiting == 0 {
		fl.cancel(nil)
		fl.detached = true
	}
}

// close refuses new flights, ends the contexts of those under way (ErrClosed is
// the cause), and waits for their functions to return.
func (f *flights) close() {
	f.mu.Lock()
	f.closed = true
	for _, ofKey := range f.byKey {
		for _, fl := range ofKey {
			fl.cancel(ErrClosed)
		}
	}
	f.mu.Unlock()
	f.running.Wait()
}

func (f *flights) run(ctx context.Context, fl *flight, fn func(context.Context, *flight) (any, error)) {
	returned := false
	defer func() {
		if !returned {
			if value := recover(); value != nil {
				fl.panicked = &loadPanicError{value, debug.Stack()}
			} else {
				fl.err = errLoaderExited
			}
		}
		f.mu.Lock()
		f.remove(fl)
		f.underWay.Add(-1)
		f.landed.Add(1)
		f.mu.Unlock()
		fl.cancel(nil)
		close(fl.done)
	}()
	fl.result, fl.err = fn(ctx, fl)
	returned = true
}

func (f *flights) remove(fl *flight) {
	full := fl.key.full
	rest := slices.DeleteFunc(f.byKey[full], func(other *flight) bool { return other == fl })
	if len(rest) == 0 {
		delete(f.byKey, full)
	} else {
		f.byKey[full] = rest
	}
}

// flightContextKey is the key under which the context of a flight's function has
// the flight.
type flightContextKey struct{}

// flightOf returns the flight whose function has ctx, or nil.
func flightOf(ctx context.Context) *flight {
	fl, _ := ctx.Value(flightContextKey{}).(*flight)
	return fl
}

// wait tells that the function of fl waits for another flight, until waited does.
func (fl *flight) wait(other *flight) {
	fl.mu.Lock()
	defer fl.mu.Unlock()
	fl.waitsFor = append(fl.waitsFor, other)
}

func (fl *flight) waited(other *flight) {
	fl.mu.Lock()
	defer fl.mu.Unlock()
	if i := slices.Index(fl.waitsFor, other); i >= 0 {
		fl.waitsFor = slices.Delete(fl.waitsFor, i, i+1)
	}
}

// waitsOn reports whether the function of fl waits for one of target's, or for
// that of a flight that does, and so on. Flights of several caches may wait for
// each other, so that no lock covers all of them: of two callers that close a
// circle at the same time, either or both see it.
func (fl *flight) waitsOn(target *flight) bool {
	seen := make(map[*flight]bool)
	var reaches func(*flight) bool
	reaches = func(from *flight) bool {
		if from == target {
			return true
		}
		if seen[from] {
			return false
		}
		seen[from] = true
		from.mu.Lock()
		next := slices.Clone(from.waitsFor)
		from.mu.Unlock()
		return slices.ContainsFunc(next, reaches)
	}
	return reaches(fl)
}
