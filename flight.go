package xcache

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"runtime/debug"
	"sync"
	"sync/atomic"
)

// flights runs one function per key at a time and gives its result to everyone
// who asks meanwhile. Unlike x/sync/singleflight it ends the function's context
// when nobody waits any more, and hands a panic to the callers instead of
// ending the process. The zero value is ready.
type flights struct {
	mu      sync.Mutex
	byKey   map[flightKey]*flight
	closed  bool
	running sync.WaitGroup
	// landed counts the flights that have ended.
	landed atomic.Uint64
}

// A flightKey names what callers can share: the same key, read as the same
// type.
type flightKey struct {
	full string
	as   reflect.Type
}

type flight struct {
	waiting  int
	cancel   context.CancelCauseFunc
	done     chan struct{}
	result   any
	err      error
	panicked *loadPanicError
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

var errLoaderExited = errors.New("xcache: the loader ended its goroutine (runtime.Goexit) instead of returning")

// do returns the result of the flight under key, starting one with fn if there
// is none. It returns ctx's error when that ends first, ErrClosed after close.
func (f *flights) do(ctx context.Context, key flightKey, fn func(context.Context) (any, error)) (any, error) {
	f.mu.Lock()
	if f.closed {
		f.mu.Unlock()
		return nil, ErrClosed
	}
	fl := f.byKey[key]
	if fl == nil {
		fl = &flight{done: make(chan struct{})}
		var detached context.Context
		detached, fl.cancel = context.WithCancelCause(context.WithoutCancel(ctx))
		if f.byKey == nil {
			f.byKey = make(map[flightKey]*flight)
		}
		f.byKey[key] = fl
		f.running.Go(func() { f.run(detached, key, fl, fn) })
	}
	fl.waiting++
	f.mu.Unlock()

	select {
	case <-fl.done:
	case <-ctx.Done():
		f.leave(key, fl)
		return nil, ctx.Err()
	}
	if fl.panicked != nil {
		panic(fl.panicked)
	}
	return fl.result, fl.err
}

// leave is called by a caller that gives up. The last one to go ends the
// flight's context, and the next to come starts a flight of its own.
func (f *flights) leave(key flightKey, fl *flight) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if fl.waiting--; fl.waiting == 0 {
		fl.cancel(nil)
		if f.byKey[key] == fl {
			delete(f.byKey, key)
		}
	}
}

// close refuses new flights, ends the contexts of those under way (ErrClosed is
// the cause), and waits for their functions to return.
func (f *flights) close() {
	f.mu.Lock()
	f.closed = true
	for _, fl := range f.byKey {
		fl.cancel(ErrClosed)
	}
	f.mu.Unlock()
	f.running.Wait()
}

func (f *flights) run(ctx context.Context, key flightKey, fl *flight, fn func(context.Context) (any, error)) {
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
		if f.byKey[key] == fl {
			delete(f.byKey, key)
		}
		f.landed.Add(1)
		f.mu.Unlock()
		fl.cancel(nil)
		close(fl.done)
	}()
	fl.result, fl.err = fn(ctx)
	returned = true
}
