// Package flight runs one function per key at a time, and gives its result to all
// concurrent callers. A result that an invalidation has overtaken is not stored.
package flight

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"reflect"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/xcache-go/xcache/driver"
)

// A Group runs one function per key at a time, and gives its result to all concurrent
// callers. x/sync/singleflight differs in three ways. A Group cancels the context of a
// function without waiting callers. A Group passes a panic to the callers instead of ending
// the process. A Group refuses a function that would wait for itself. The zero value is
// ready to use.
type Group struct {
	mu sync.Mutex
	// byKey has the flights in progress, by their full keys.
	byKey   map[string][]*Flight
	closed  bool
	running sync.WaitGroup
	// underWay counts the flights in progress.
	underWay atomic.Int64
	// landed counts the flights that have ended.
	landed atomic.Uint64
	// pauses are of the flights that belong to the group.
	pauses pauses
}

// A Key identifies a flight that callers can share: the same key, read as the same type.
type Key struct {
	Full string
	As   reflect.Type
	// LoadOnly marks a flight that neither reads nor writes the cache.
	LoadOnly bool
}

// A Flight is a running function, with its waiting callers.
type Flight struct {
	key    Key
	cancel context.CancelCauseFunc
	done   chan struct{}
	// failed is told of the failure of a flight that belongs to the group, or is nil.
	failed func(error)
	// The result of the function, once done is closed.
	result   any
	err      error
	panicked *PanicError

	// Under Group.mu:

	// waiting counts the callers, the flight behind this one, and the group if it is an owner.
	waiting int
	// joined tells that a caller has joined the flight after the begin of its function.
	joined bool
	// detached flights take no new callers, and store nothing.
	detached bool
	// sealed flights take no new callers: see Group.Seal.
	sealed bool
	// behind is the sealed flight whose end this flight awaits before it begins, or nil.
	behind *Flight
	// opened is closed when the flights behind this one may begin, and is nil without such flights.
	opened chan struct{}
	// leader is the flight whose result is that of this one, or nil. followers have this one as
	// their leader.
	leader    *Flight
	followers []*Flight
	// landed flights have their results.
	landed bool
	// tags are the full keys of the tags that the result depends on.
	tags []string
	// stored is an open channel while the result is being stored, and nil otherwise.
	stored chan struct{}

	mu sync.Mutex
	// waitsFor has the flights that the function waits for.
	waitsFor []*Flight
}

// A PanicError is the value of a caller's panic after a panic of its loader. The error has
// the loader's stack, because the caller's goroutine has another stack.
type PanicError struct {
	value any
	stack []byte
}

func (p *PanicError) Error() string {
	return fmt.Sprintf("%v\n\nin the loader of GetOrSet:\n%s", p.value, p.stack)
}

// Unwrap returns the value of the loader's panic if the value is an error, and nil
// otherwise.
func (p *PanicError) Unwrap() error {
	err, _ := p.value.(error)
	return err
}

// ErrExited is the result of a function that did not return. ErrCycle is the error for a
// function that would wait for itself.
var (
	ErrExited = errors.New("xcache: the loader ended its goroutine (runtime.Goexit) instead of returning")
	ErrCycle  = errors.New("xcache: the loader asks for a key whose load waits for this loader; read what it needs from elsewhere")
)

// UnderWay reports whether there are flights in progress.
func (f *Group) UnderWay() bool { return f.underWay.Load() > 0 }

// Landed returns the number of flights that have ended.
func (f *Group) Landed() uint64 { return f.landed.Load() }

// Do returns the result of the flight under key. If there is no flight, Do starts a flight
// with fn. Do returns the error of ctx if ctx ends first, and driver.ErrClosed after Close.
// Do returns ErrCycle to the function of a flight that this flight waits for. With soft, which
// may be nil, Do returns ErrSoftTimeout if the flight takes too long.
func (f *Group) Do(ctx context.Context, key Key, soft *Soft, fn func(context.Context, *Flight) (any, error)) (any, error) {
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
	timeout, stop := soft.timer()
	defer stop()
	if err := f.wait(ctx, fl, timeout, func(err error) { soft.Failed(0, err) }); err != nil {
		return nil, err
	}
	if fl.panicked != nil {
		panic(fl.panicked)
	}
	return fl.result, fl.err
}

// join adds the caller to the flight under key, and returns the flight, or nil after Close.
func (f *Group) join(ctx context.Context, key Key, fn func(context.Context, *Flight) (any, error)) *Flight {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil
	}
	if fl := f.find(key); fl != nil {
		fl.waiting++
		fl.joined = true
		return fl
	}
	return f.begin(ctx, key, fn)
}

// begin starts a flight, and counts one waiter: a caller, or the group.
func (f *Group) begin(ctx context.Context, key Key, fn func(context.Context, *Flight) (any, error)) *Flight {
	fl := &Flight{key: key, waiting: 1, done: make(chan struct{})}
	detached, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	fl.cancel = cancel
	turn := f.add(fl, fl)
	f.running.Go(func() {
		if f.mayBegin(detached, fl, fl, turn) {
			f.run(context.WithValue(detached, contextKey{}, fl), fl, fn)
		}
	})
	return fl
}

// find returns the flight that callers of a key share, or nil.
func (f *Group) find(key Key) *Flight { return f.findAs(key, false) }

// findAs returns the sealed flight of a key, or the one that takes callers, or nil.
func (f *Group) findAs(key Key, sealed bool) *Flight {
	for _, fl := range f.byKey[key.Full] {
		if fl.key == key && !fl.detached && fl.sealed == sealed {
			return fl
		}
	}
	return nil
}

// add adds a flight that is about to begin, and whose function has the context of first.
func (f *Group) add(fl, first *Flight) turn {
	t := turn{behind: f.findAs(fl.key, true)}
	if t.behind != nil {
		if t.behind.opened == nil {
			t.behind.opened = make(chan struct{})
		}
		t.opened = t.behind.opened
		fl.behind = t.behind
		t.behind.waiting++
		first.wait(t.behind)
	}
	if f.byKey == nil {
		f.byKey = make(map[string][]*Flight)
	}
	f.byKey[fl.key.Full] = append(f.byKey[fl.key.Full], fl)
	f.underWay.Add(1)
	return t
}

// land ends flights with their results, except for flights that have landed before.
func (f *Group) land(flights []*Flight, results []Result, panicked *PanicError) {
	f.report(f.end(flights, results, panicked, false), panicked)
}

// report reports the failures of flights.
func (f *Group) report(failed []*Flight, panicked *PanicError) {
	for _, fl := range failed {
		if panicked != nil {
			fl.failed(panicked)
		} else {
			fl.failed(fl.err)
		}
	}
}

// end is land without the reports of failures. end returns the flights whose failure is
// to be reported. A flight that is being stored does not end if unstored is set.
func (f *Group) end(flights []*Flight, results []Result, panicked *PanicError, unstored bool) (failed []*Flight) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, fl := range flights {
		if fl.landed || unstored && fl.stored != nil {
			continue
		}
		for _, follower := range fl.followers {
			failed = f.endWith(failed, follower, results[i], panicked)
		}
		failed = f.endWith(failed, fl, results[i], panicked)
	}
	return failed
}

// endWith ends a flight with its result, and appends the flight to failed if its failure is to be
// reported.
func (f *Group) endWith(failed []*Flight, fl *Flight, result Result, panicked *PanicError) []*Flight {
	switch {
	case panicked == nil && result.Err == nil:
		f.pauses.succeeded(fl.key)
	case fl.leader != nil && fl.leader.failed != nil: // which reports the failure
	case fl.failed != nil && !f.closed:
		failed = append(failed, fl)
		f.pauses.failed(fl.key)
	}
	fl.landed = true
	fl.result, fl.err, fl.panicked = result.Value, result.Err, panicked
	f.underWay.Add(-1)
	f.landed.Add(1)
	f.detach(fl)
	f.remove(fl)
	fl.cancel(result.Err)
	close(fl.done)
	return failed
}

// Land gives the callers of a flight its result before its function returns. The function must
// not store the result afterwards.
func (f *Group) Land(fl *Flight, result Result) { f.land([]*Flight{fl}, []Result{result}, nil) }

// Limit lands flights with err after d, whatever their function does: callers get err,
// the context of the function ends, and the result of the function is dropped. The
// function calls stop when the limit is not needed any more. A flight that is being stored
// has no limit: an invalidation waits for the end of such a flight. Close waits for the
// function all the same.
func (f *Group) Limit(flights []*Flight, d time.Duration, err error) (stop func()) {
	results := make([]Result, len(flights))
	for i := range results {
		results[i].Err = err
	}
	timer := time.AfterFunc(d, func() { f.report(f.end(flights, results, nil, true), nil) })
	return func() { timer.Stop() }
}

// leave removes a caller that stops waiting. When the last caller leaves, the context of
// the flight ends, and the next caller starts another flight.
func (f *Group) leave(fl *Flight) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.left(fl)
}

// left is leave. A flight without callers leaves the flight that it waits for.
func (f *Group) left(fl *Flight) {
	for fl != nil {
		if fl.waiting--; fl.waiting > 0 {
			return
		}
		fl.cancel(nil)
		f.detach(fl)
		awaited := cmp.Or(fl.leader, fl.behind)
		fl.behind = nil
		fl = awaited
	}
}

// Close refuses new flights, cancels the contexts of the flights in progress
// (driver.ErrClosed is the cause), and waits for their functions to return.
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
	var panicked *PanicError
	result := Result{Err: ErrExited}
	returned := false
	defer func() {
		if !returned {
			if value := recover(); value != nil {
				panicked = &PanicError{value, debug.Stack()}
			}
		}
		f.land([]*Flight{fl}, []Result{result}, panicked)
	}()
	value, err := fn(ctx, fl)
	result = Result{value, err}
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

// contextKey is the key of the flight in the context of its function.
type contextKey struct{}

// Of returns the flight of the function that has ctx, or nil.
func Of(ctx context.Context) *Flight {
	fl, _ := ctx.Value(contextKey{}).(*Flight)
	return fl
}

// wait records that the function of fl waits for another flight. waited removes the record.
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

// waitsOn reports whether the function of fl waits for target, directly or through other
// flights. Flights of several caches may wait for each other, so that no lock covers all of
// them. If two callers close a cycle at the same time, at least one of them detects the
// cycle.
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
