package flight

import (
	"context"
	"errors"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/xcache-go/xcache/driver"
)

// A Result is the result of a function of several flights, for one of the flights.
type Result struct {
	Value any
	Err   error
}

// DoMany is Do for several different keys. A key with a flight shares that flight. fn
// runs once for all other keys: fn gets their places in keys, and their flights, and
// returns their results in the same order. DoMany returns the results of all keys.
//
// The context of fn ends when all callers that wait for any of its flights have left. With soft,
// which may be nil, a flight that takes too long has the result ErrSoftTimeout.
func (f *Group) DoMany(ctx context.Context, keys []Key, soft *Soft, fn func(ctx context.Context, own []int, flights []*Flight) []Result) ([]Result, error) {
	inside := Of(ctx)
	flights := f.joinMany(ctx, keys, fn)
	if flights == nil {
		return nil, driver.ErrClosed
	}
	left := 0 // the earlier flights are done
	defer func() {
		for _, fl := range flights[left:] {
			f.leave(fl)
		}
	}()
	if inside != nil {
		for _, fl := range flights {
			inside.wait(fl)
			defer inside.waited(fl)
			if fl.waitsOn(inside) {
				return nil, ErrCycle
			}
		}
	}
	results := make([]Result, len(keys))
	timeout, stop := soft.timer()
	defer stop()
	for i, fl := range flights {
		within := timeout
		if soft != nil && soft.Of != nil && !soft.Of(i) {
			within = nil
		}
		left++
		err := f.wait(ctx, fl, within, func(err error) { soft.Failed(i, err) })
		if errors.Is(err, ErrSoftTimeout) {
			results[i] = Result{Err: err}
			continue
		}
		if err != nil {
			return nil, err
		}
		if fl.panicked != nil {
			panic(fl.panicked)
		}
		results[i] = Result{fl.result, fl.err}
	}
	return results, nil
}

// joinMany adds the caller to the flights under keys, and starts the missing flights.
// joinMany returns nil after Close.
func (f *Group) joinMany(ctx context.Context, keys []Key, fn func(context.Context, []int, []*Flight) []Result) []*Flight {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil
	}
	all := make([]*Flight, len(keys))
	var own []int
	for i, key := range keys {
		if all[i] = f.find(key); all[i] == nil {
			own = append(own, i)
		} else {
			all[i].waiting++
			all[i].joined = true
		}
	}
	if len(own) == 0 {
		return all
	}
	for n, fl := range f.beginMany(ctx, keys, own, fn) {
		all[own[n]] = fl
	}
	return all
}

// beginMany starts flights under the keys own, and counts one waiter for each flight.
func (f *Group) beginMany(ctx context.Context, keys []Key, own []int, fn func(context.Context, []int, []*Flight) []Result) []*Flight {
	detached, leave := cancelledBy(context.WithoutCancel(ctx), len(own))
	started, turns := make([]*Flight, len(own)), make([]turn, len(own))
	for n, i := range own {
		fl := &Flight{key: keys[i], waiting: 1, done: make(chan struct{})}
		var once sync.Once
		fl.cancel = func(cause error) { once.Do(func() { leave(cause) }) }
		if n > 0 { // the first has the context of the function
			fl.waitsFor = []*Flight{started[0]}
		}
		started[n] = fl
		turns[n] = f.add(fl, started[0])
	}
	f.running.Go(func() {
		var places []int
		var flights []*Flight
		for n, fl := range started {
			if f.mayBegin(detached, fl, started[0], turns[n]) {
				places, flights = append(places, own[n]), append(flights, fl)
			}
		}
		if len(flights) == 0 {
			return
		}
		first := flights[0]
		if first != started[0] {
			for _, fl := range flights {
				fl.waited(started[0])
			}
			for _, fl := range flights[1:] {
				fl.wait(first)
			}
		}
		f.runMany(context.WithValue(detached, contextKey{}, first), flights, func(ctx context.Context) []Result { return fn(ctx, places, flights) })
	})
	return started
}

// cancelledBy returns a context that ends with the n-th call of leave.
func cancelledBy(ctx context.Context, n int) (_ context.Context, leave func(cause error)) {
	ctx, cancel := context.WithCancelCause(ctx)
	var left atomic.Int64
	return ctx, func(cause error) {
		if left.Add(1) == int64(n) {
			cancel(cause)
		}
	}
}

func (f *Group) runMany(ctx context.Context, flights []*Flight, fn func(context.Context) []Result) {
	var panicked *PanicError
	results := make([]Result, len(flights))
	for i := range results {
		results[i].Err = ErrExited
	}
	returned := false
	defer func() {
		if !returned {
			if value := recover(); value != nil {
				panicked = &PanicError{value, debug.Stack()}
			}
		}
		f.land(flights, results, panicked)
	}()
	copy(results, fn(ctx))
	returned = true
}

// StoreMany is Store for the flights of one function. write gets the flights that
// are not detached, and is not called if there are none.
func (f *Group) StoreMany(flights []*Flight, write func(attached []*Flight)) {
	f.mu.Lock()
	attached := slices.DeleteFunc(slices.Clone(flights), func(fl *Flight) bool { return fl.detached })
	stored := make(chan struct{})
	for _, fl := range attached {
		fl.stored = stored
	}
	f.mu.Unlock()
	if len(attached) == 0 {
		return
	}
	defer func() {
		f.mu.Lock()
		for _, fl := range attached {
			fl.stored = nil
		}
		f.mu.Unlock()
		close(stored)
	}()
	write(attached)
}
