package flight

import (
	"context"
	"maps"
	"slices"

	"github.com/xcache-go/xcache/driver"
)

// Invalidate calls remove, which deletes the values of full keys, or changes their TTLs.
// Loads of these keys that began before the return of remove store nothing afterwards,
// because remove may have been meant for the loaded values. If ctx ends first, Invalidate
// returns its error without a call of remove. Otherwise, Invalidate returns the error of
// remove.
func (f *Group) Invalidate(ctx context.Context, remove func() error, keys ...string) error {
	if err := f.detachKeys(ctx, keys); err != nil {
		return err
	}
	defer func() { _ = f.detachKeys(ctx, keys) }()
	return remove()
}

// InvalidateAll is Invalidate for the full keys that match. match must be true for every
// key that remove may delete.
func (f *Group) InvalidateAll(ctx context.Context, remove func() error, match func(full string) bool) error {
	if err := f.detachMatching(ctx, match); err != nil {
		return err
	}
	defer func() { _ = f.detachMatching(ctx, match) }()
	return remove()
}

// InvalidateTags is Invalidate for the loads of values that depend on one of the tags.
func (f *Group) InvalidateTags(ctx context.Context, remove func() error, tags []string) error {
	if err := f.detachTagged(ctx, tags); err != nil {
		return err
	}
	defer func() { _ = f.detachTagged(ctx, tags) }()
	return remove()
}

// DependOn records the full keys of the tags that the result of a flight depends on, before
// their generations are read.
func (f *Group) DependOn(fl *Flight, tags []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	fl.tags = tags
}

// Detach makes a flight take no new callers, and store nothing. The next caller starts another
// flight.
func (f *Group) Detach(fl *Flight) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.detach(fl)
}

func (f *Group) detach(fl *Flight) {
	fl.detached = true
	f.open(fl)
}

// InvalidateExpired is Invalidate for the entries with an expired TTL, because a write of
// such an entry deletes its key.
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

// detachKeys detaches the flights of full keys, so that the flights store nothing, and the
// next callers start new flights. detachKeys waits for flights that are storing, until ctx
// ends.
func (f *Group) detachKeys(ctx context.Context, keys []string) error {
	if f.underWay.Load() == 0 {
		return nil
	}
	f.mu.Lock()
	var storing []<-chan struct{}
	for _, key := range keys {
		storing = f.appendDetached(storing, f.byKey[key], Of(ctx))
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
	keys := slices.Collect(maps.Keys(f.byKey))
	f.mu.Unlock()
	// match may call functions of the program, which may panic, or use the cache.
	return f.detachKeys(ctx, slices.DeleteFunc(keys, func(full string) bool { return !match(full) }))
}

// detachTagged is detachKeys for the flights whose results depend on one of the tags.
func (f *Group) detachTagged(ctx context.Context, tags []string) error {
	if f.underWay.Load() == 0 {
		return nil
	}
	f.mu.Lock()
	var storing []<-chan struct{}
	for _, ofKey := range f.byKey {
		for _, fl := range ofKey {
			if slices.ContainsFunc(fl.tags, func(tag string) bool { return slices.Contains(tags, tag) }) {
				storing = f.appendDetached(storing, []*Flight{fl}, Of(ctx))
			}
		}
	}
	f.mu.Unlock()
	return waitFor(ctx, storing)
}

// appendDetached detaches flights, and appends the stored channels of the flights that
// are storing. The flight own, and flights that are stored together with own, are
// skipped: their function would wait for itself.
func (f *Group) appendDetached(storing []<-chan struct{}, ofKey []*Flight, own *Flight) []<-chan struct{} {
	for _, fl := range ofKey {
		if fl.behind != nil { // its function has not begun
			continue
		}
		f.detach(fl)
		if fl.stored != nil && (own == nil || fl.stored != own.stored) {
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

// Store calls write, which stores the result of a flight, and returns true. If the flight
// is detached, Store returns false without a call of write.
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
