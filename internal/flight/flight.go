// Package flight runs one function per key at a time and gives its result to everyone
// who asks meanwhile, and keeps results out of the store that an invalidation has
// overtaken.
package flight

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/xcache-go/xcache/driver"
)

// A Group runs one function per key at a time and gives its result to everyone
// who asks meanwhile. Unlike x/sync/singleflight it ends the function's context
// when nobody waits any more, hands a panic to the callers instead of ending the
// process, and refuses a function that would wait for itself. The zero value is
// ready.
type Group struct {
	mu sync.Mutex
	// byKey has the flights that have not ended, by their full keys.
	byKey   map[string][]*Flight
	closed  bool
	running sync.WaitGroup
	// underWay counts the flights that have not ended.
	underWay atomic.Int64
	// landed counts the flights that have ended.
	landed atomic.Uint64
}

// A Key names what callers can share: the same key, read as the same
// type.
type Key struct {
	Full string
	As   reflect.Type
	// LoadOnly: the flight neither reads nor writes the cache.
	LoadOnly bool
}

// A Flight is a function that runs, and those who wait for its result.
type Flight struct {
	key    Key
	cancel context.CancelCauseFunc
	done   chan struct{}
	// What the function returned, once done is closed.
	result   any
	err      error
	panicked *PanicError

	// Under Group.mu:

	waiting int
	// detached: nobody joins, and nothing is stored.
	detached bool
	// stored is open while the result is on its way to the store, else nil.
	stored chan struct{}

	mu sync.Mutex
	// waitsFor are the flights that the function waits for.
	waitsFor []*Flight
}

// A PanicError is what a caller of GetOrSet panics with when its loader did: it
// keeps the loader's stack, which is not that of the goroutine that dies.
type PanicError struct {
	value any
	stack []byte
}

func (p *PanicError) Error() string {
	return fmt.Sprintf("%v\n\nin the loader of GetOrSet:\n%s", p.value, p.stack)
}

// Unwrap returns what the loader panicked with, if it was an error.
func (p *PanicError) Unwrap() error {
	err, _ := p.value.(error)
	return err
}

// What Do returns of a function that did not return a result, and to one that would
// wait for itself.
var (
	ErrExited = errors.New("xcache: the loader ended its goroutine (runtime.Goexit) instead of returning")
	ErrCycle  = errors.New("xcache: the loader asks for a key whose load waits for this loader; read what it needs from elsewhere")
)

// UnderWay reports whether there are flights that have not ended.
func (f *Group) UnderWay() bool { return f.underWay.Load() > 0 }

// Landed returns how many flights have ended.
func (f *Group) Landed() uint64 { return f.landed.Load() }

// Do returns the result of the flight under key, starting one with fn if there
// is none. It returns ctx's error when that ends first, driver.ErrClosed after close, and
// ErrCycle to the function of a flight that this one waits for.
func (f *Group) Do(ctx context.Context, key Key, fn func(context.Context, *Flight) (any, error)) (any, error) {
	inside := Of(ctx)
	fl := f.join(ctx, key, fn)
	if fl == nil {
		return nil, driver.ErrClosed
	}
	if inside != nil {
		inside.wait(fl)
		defer inside.waited(fl)
		if fl.waitsOn(inside) {
			f.leave(fl)
			return nil, ErrCycle
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
func (f *Group) join(ctx context.Context, key Key, fn func(context.Context, *Flight) (any, error)) *Flight {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil
	}
	for _, fl := range f.byKey[key.Full] {
		if fl.key == key && !fl.detached {
			fl.waiting++
			return fl
		}
	}
	fl := &Flight{key: key, waiting: 1, done: make(chan struct{})}
	detached, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	fl.cancel = cancel
	if f.byKey == nil {
		f.byKey = make(map[string][]*Flight)
	}
	f.byKey[key.Full] = append(f.byKey[key.Full], fl)
	f.underWay.Add(1)
	f.running.Go(func() { f.run(context.WithValue(detached, contextKey{}, fl), fl, fn) })
	return fl
}

// leave is called by a caller that gives up. The last one to go ends the
// flight's context, and the next to come starts a flight of its own.
func (f *Group) leave(fl *Flight) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if fl.waiting--; fl.waiting == 0 {
		fl.cancel(nil)
		fl.detached = true
	}
}

// Close refuses new flights, ends the contexts of those under way (driver.ErrClosed is
// the cause), and waits for their functions to return.
func (f *Group) Close() {
	f.mu.Lock()
	f.closed = true
	for _, ofKey := range f.byKey {
		for _, fl := range ofKey {
			fl.cancel(driver.ErrClosed)
		}
	}
	f.mu.Unlock()
	f.running.Wait()
}

func (f *Group) run(ctx context.Context, fl *Flight, fn func(context.Context, *Flight) (any, error)) {
	returned := false
	defer func() {
		if !returned {
			if value := recover(); value != nil {
				fl.panicked = &PanicError{value, debug.Stack()}
			} else {
				fl.err = ErrExited
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

func (f *Group) remove(fl *Flight) {
	full := fl.key.Full
	rest := slices.DeleteFunc(f.byKey[full], func(other *Flight) bool { return other == fl })
	if len(rest) == 0 {
		delete(f.byKey, full)
	} else {
		f.byKey[full] = rest
	}
}

// contextKey is the key under which the context of a flight's function has
// the flight.
type contextKey struct{}

// Of returns the flight whose function has ctx, or nil.
func Of(ctx context.Context) *Flight {
	fl, _ := ctx.Value(contextKey{}).(*Flight)
	return fl
}

// wait tells that the function of fl waits for another flight, until waited does.
func (fl *Flight) wait(other *Flight) {
	fl.mu.Lock()
	defer fl.mu.Unlock()
	fl.waitsFor = append(fl.waitsFor, other)
}

func (fl *Flight) waited(other *Flight) {
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
func (fl *Flight) waitsOn(target *Flight) bool {
	seen := make(map[*Flight]bool)
	var reaches func(*Flight) bool
	reaches = func(from *Flight) bool {
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
