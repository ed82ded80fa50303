package flight

import (
	"context"
	"errors"
	"time"
)

// Start starts a flight under key. The flight belongs to the group and not to a caller,
// and so goes on without callers. Start does nothing if there is a flight under key
// already, after Close, and during the pause that follows a failure: see FirstPause.
// failed is called once if the function fails, panics or exceeds a Limit, but not after
// an end by Close.
func (f *Group) Start(ctx context.Context, key Key, failed func(error), fn func(context.Context, *Flight) (any, error)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed || f.flying(key) || f.pauses.has(key) {
		return
	}
	f.begin(ctx, key, fn).failed = failed
}

// StartMany is Start for several different keys. fn is as for DoMany, and runs once for the
// keys without a flight and without a pause. failed gets the place of the key in keys.
func (f *Group) StartMany(ctx context.Context, keys []Key, failed func(i int, err error), fn func(ctx context.Context, own []int, flights []*Flight) []Result) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return
	}
	var own []int
	for i, key := range keys {
		if !f.flying(key) && !f.pauses.has(key) {
			own = append(own, i)
		}
	}
	if len(own) == 0 {
		return
	}
	for n, fl := range f.beginMany(ctx, keys, own, fn) {
		fl.failed = func(err error) { failed(own[n], err) }
	}
}

// flying reports whether a key has a flight, sealed or not.
func (f *Group) flying(key Key) bool { return f.find(key) != nil || f.findAs(key, true) != nil }

// ErrSoftTimeout is the error of a caller who leaves a flight after SoftLoadTimeout. The
// flight goes on.
var ErrSoftTimeout = errors.New("xcache: the loader takes longer than SoftLoadTimeout")

// A Soft is the time that a caller waits for flights before they go on without the caller.
type Soft struct {
	After time.Duration
	// Of says for which of several keys the caller leaves the flight. nil means all keys.
	Of func(i int) bool
	// Failed is told of the failure of the flight of a key that the caller has left.
	Failed func(i int, err error)
}

// timer returns a channel that is closed after the time. Without a Soft the channel is nil.
func (s *Soft) timer() (timeout <-chan struct{}, stop func()) {
	if s == nil {
		return nil, func() {}
	}
	after := make(chan struct{})
	timer := time.AfterFunc(s.After, func() { close(after) })
	return after, func() { timer.Stop() }
}

// wait waits for a flight, and leaves the flight if ctx ends first. After the timeout,
// the flight belongs to the group, which reports its failure.
func (f *Group) wait(ctx context.Context, fl *Flight, timeout <-chan struct{}, failed func(error)) error {
	select {
	case <-fl.done:
		return nil
	case <-ctx.Done():
		f.leave(fl)
		return ctx.Err()
	case <-timeout:
	}
	if f.adopt(fl, failed) {
		return ErrSoftTimeout
	}
	<-fl.done
	return nil
}

// adopt makes a flight belong to the group, in the place of a caller. adopt returns false
// if the flight has landed.
func (f *Group) adopt(fl *Flight, failed func(error)) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if fl.landed {
		return false
	}
	if fl.failed == nil {
		fl.failed = failed
	} else {
		fl.waiting--
	}
	return true
}
