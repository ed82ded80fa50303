package flight

import (
	"context"
	"slices"

	"github.com/xcache-go/xcache/driver"
)

// Invalidate calls remove, which takes away the values of full keys, or changes
// when they expire. Loads of these keys that began before it returns store nothing
// after that: what they loaded may be what remove was to take away. Its error is
// ctx's, and then remove has not been called, or that of remove.
func (f *Group) Invalidate(ctx context.Context, remove func() error, keys ...string) error {
	if err := f.detachKeys(ctx, keys); err != nil {
		return err
	}
	defer func() { _ = f.detachKeys(ctx, keys) }()
	return remove()
}

// InvalidateAll is invalidate for the full keys that match, and those that do are
// any that remove may take away.
func (f *Group) InvalidateAll(ctx context.Context, remove func() error, match func(full string) bool) error {
	if err := f.detachMatching(ctx, match); err != nil {
		return err
	}
	defer func() { _ = f.detachMatching(ctx, match) }()
	return remove()
}

// InvalidateExpired is invalidate for those of the entries that have expired
// already, whose write takes away what is there.
func (f *Group) InvalidateExpired(ctx context.Context, write func() error, entries []driver.Entry) error {
	if f.underWay.Load() == 0 || !slices.ContainsFunc(entries, func(e driver.Entry) bool { return driver.Expired(e.TTL) }) {
		return write()
	}
	keys := make([]string, len(entries))
	for i := range entries {
		keys[i] = entries[i].Key
	}
	return f.Invalidate(ctx, write, keys...)
}

// detachKeys sees to it that the flights of full keys store nothing, and that the
// next caller starts new ones. It waits for those that are storing now. The error
// is ctx's.
func (f *Group) detachKeys(ctx context.Context, keys []string) error {
	if f.underWay.Load() == 0 {
		return nil
	}
	f.mu.Lock()
	var storing []<-chan struct{}
	for _, key := range keys {
		storing = appendDetached(storing, f.byKey[key], Of(ctx))
	}
	f.mu.Unlock()
	return waitFor(ctx, storing)
}

// detachMatching is detachKeys for the full keys that match.
func (f *Group) detachMatching(ctx context.Context, match func(full string) bool) error {
	if f.underWay.Load() == 0 {
		return nil
	}
	f.mu.Lock()
	var storing []<-chan struct{}
	for full, ofKey := range f.byKey {
		if match(full) {
			storing = appendDetached(storing, ofKey, Of(ctx))
		}
	}
	f.mu.Unlock()
	return waitFor(ctx, storing)
}

// appendDetached detaches flights, and appends what is closed when those that are
// storing have done so, but for the flight whose own doing this is.
func appendDetached(storing []<-chan struct{}, ofKey []*Flight, own *Flight) []<-chan struct{} {
	for _, fl := range ofKey {
		fl.detached = true
		if fl.stored != nil && fl != own {
			storing = append(storing, fl.stored)
		}
	}
	return storing
}

func waitFor(ctx context.Context, storing []<-chan struct{}) error {
	for _, stored := range storing {
		select {
		case <-stored:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// Store calls write, which puts what a flight loaded into the store, and reports
// whether it did: not if the flight was detached.
func (f *Group) Store(fl *Flight, write func()) bool {
	f.mu.Lock()
	if fl.detached {
		f.mu.Unlock()
		return false
	}
	stored := make(chan struct{})
	fl.stored = stored
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		fl.stored = nil
		f.mu.Unlock()
		close(stored)
	}()
	write()
	return true
}
