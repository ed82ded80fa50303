package boltdriver

import (
	"bytes"
	"context"
	"errors"
	"math"
	"strconv"
	"time"

	"github.com/xcache-go/xcache/driver"
)

// What the store can do besides the four methods. All of it is one transaction.
var _ interface {
	driver.Expirer
	driver.Counter
	driver.Swapper
	driver.Mover
	driver.Scanner
	driver.Flusher
	driver.Pinger
	driver.Limiter
} = (*store)(nil)

// GetTTL implements driver.Expirer.
func (s *store) GetTTL(ctx context.Context, keys []string, dst []driver.Value) error {
	return s.read(ctx, keys, func(r *records, i int) {
		if found, ok := r.get(keys[i]); ok {
			dst[i].Data, dst[i].TTL = bytes.Clone(found.data), found.ttl(r.now)
		} else {
			dst[i].Err = driver.ErrNotFound
		}
	})
}

// TTL implements driver.Expirer.
func (s *store) TTL(ctx context.Context, keys []string, dst []driver.Value) error {
	return s.read(ctx, keys, func(r *records, i int) {
		if found, ok := r.get(keys[i]); ok {
			dst[i].TTL = found.ttl(r.now)
		} else {
			dst[i].Err = driver.ErrNotFound
		}
	})
}

// Expire implements driver.Expirer.
func (s *store) Expire(ctx context.Context, entries []driver.Entry) error {
	if len(entries) == 0 {
		return nil
	}
	own := append([]driver.Entry(nil), entries...)
	err := s.update(ctx, func(r *records) error {
		for i := range own {
			own[i].Err = expire(r, own[i].Key, own[i].TTL)
		}
		return nil
	})
	if err == nil {
		for i := range own {
			entries[i].Err = own[i].Err
		}
	}
	return err
}

func expire(r *records, key string, ttl time.Duration) error {
	found, ok := r.get(key)
	switch {
	case !ok:
		return driver.ErrNotFound
	case driver.Expired(ttl):
		r.remove(key)
	case r.deadline(ttl, found) != found.deadline:
		r.put(key, encode(found.data), r.deadline(ttl, found))
	}
	return nil
}

// Incr implements driver.Counter.
func (s *store) Incr(ctx context.Context, key string, delta int64) (int64, error) {
	return s.count(ctx, key, delta, func(*records) (int64, error) { return 0, driver.ErrNotFound })
}

// IncrInit implements driver.Counter.
func (s *store) IncrInit(ctx context.Context, key string, delta, init int64, ttl time.Duration) (int64, error) {
	if ttl == driver.KeepTTL {
		return 0, driver.Fail(driver.ErrSyntax, driver.NotApplied, errors.New("a counter that may be missing has no TTL to keep"))
	}
	return s.count(ctx, key, delta, func(r *records) (int64, error) {
		sum, err := add(init, delta)
		if err == nil {
			err = check(key)
		}
		if err == nil {
			r.set(key, encode(strconv.AppendInt(nil, sum, 10)), ttl)
		}
		return sum, err
	})
}

// count adds delta to the number at key, or calls missing if there is none.
func (s *store) count(ctx context.Context, key string, delta int64, missing func(*records) (int64, error)) (int64, error) {
	var sum int64
	err := s.update(ctx, func(r *records) (err error) {
		found, ok := r.get(key)
		if !ok {
			sum, err = missing(r)
			return err
		}
		n, err := strconv.ParseInt(string(found.data), 10, 64)
		if err != nil || strconv.FormatInt(n, 10) != string(found.data) {
			return driver.Fail(driver.ErrWrongType, driver.NotApplied, nil)
		}
		if sum, err = add(n, delta); err == nil {
			r.put(key, encode(strconv.AppendInt(nil, sum, 10)), found.deadline)
		}
		return err
	})
	if err != nil {
		return 0, err
	}
	return sum, nil
}

func add(n, delta int64) (int64, error) {
	if delta > 0 && n > math.MaxInt64-delta || delta < 0 && n < math.MinInt64-delta {
		return 0, driver.Fail(driver.ErrOverflow, driver.NotApplied, nil)
	}
	return n + delta, nil
}

// Swap implements driver.Swapper.
func (s *store) Swap(ctx context.Context, e *driver.Entry, old *driver.Value) error {
	key, encoded, ttl := e.Key, encode(e.Value), e.TTL
	previous := driver.Value{Err: driver.ErrNotFound}
	err := s.update(ctx, func(r *records) error {
		if err := check(key); err != nil {
			return err
		}
		if found, ok := r.get(key); ok {
			previous = driver.Value{Data: append([]byte{}, found.data...)}
		}
		r.set(key, encoded, ttl)
		return nil
	})
	if err == nil {
		*old = previous
	}
	return err
}

// CompareAndSwap implements driver.Swapper.
func (s *store) CompareAndSwap(ctx context.Context, e *driver.Entry, old []byte) (bool, error) {
	key, encoded, ttl := e.Key, encode(e.Value), e.TTL
	return s.compare(ctx, key, old, func(r *records) { r.set(key, encoded, ttl) })
}

// CompareAndDelete implements driver.Swapper.
func (s *store) CompareAndDelete(ctx context.Context, key string, old []byte) (bool, error) {
	return s.compare(ctx, key, old, func(r *records) { r.remove(key) })
}

// compare calls change if a key holds old, and reports whether it does.
func (s *store) compare(ctx context.Context, key string, old []byte, change func(*records)) (bool, error) {
	old = bytes.Clone(old)
	same := false
	err := s.update(ctx, func(r *records) error {
		if found, ok := r.get(key); ok && bytes.Equal(found.data, old) {
			same = true
			change(r)
		}
		return nil
	})
	return same && err == nil, err
}

// Rename implements driver.Mover.
func (s *store) Rename(ctx context.Context, from, to string) error {
	_, err := s.rename(ctx, from, to, driver.Always)
	return err
}

// RenameNX implements driver.Mover.
func (s *store) RenameNX(ctx context.Context, from, to string) (bool, error) {
	return s.rename(ctx, from, to, driver.IfAbsent)
}

func (s *store) rename(ctx context.Context, from, to string, cond driver.Cond) (bool, error) {
	moved := false
	err := s.update(ctx, func(r *records) error {
		if err := check(to); err != nil {
			return err
		}
		found, ok := r.get(from)
		if !ok {
			return driver.ErrNotFound
		}
		if _, exists := r.get(to); exists && cond == driver.IfAbsent {
			return nil
		}
		moved = true
		if from != to {
			encoded := encode(found.data)
			r.remove(from)
			r.put(to, encoded, found.deadline)
		}
		return nil
	})
	return moved && err == nil, err
}
