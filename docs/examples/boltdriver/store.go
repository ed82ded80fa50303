package boltdriver

import (
	"bytes"
	"context"
	"errors"
	"sync/atomic"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/xcache-go/xcache/driver"
)

// checkEvery is after how many keys of a batch a context is looked at.
const checkEvery = 256

// A store implements driver.Store. Reads run in the goroutine of the caller. Writes, and
// opening the file, run in the goroutine of the writer: bbolt has one writing transaction
// at a time, and waits for locks and disks without looking at a context.
type store struct {
	file    file
	db      atomic.Pointer[bolt.DB] // nil until the first call
	jobs    chan *job
	closing chan struct{}
	stopped chan struct{}
}

func newStore(f file) *store {
	s := &store{file: f, jobs: make(chan *job), closing: make(chan struct{}), stopped: make(chan struct{})}
	go s.write()
	return s
}

// Limits implements driver.Limiter. Keys stand behind a deadline in one of the buckets,
// and values in the other.
func (s *store) Limits() driver.Limits {
	return driver.Limits{
		KeyLength: bolt.MaxKeySize - deadlineLength,
		ValueSize: bolt.MaxValueSize - deadlineLength,
		OwnData:   true,
		// The zero value would say a millisecond, up to which a TTL is rounded then.
		TTLResolution: time.Nanosecond,
	}
}

func (s *store) Get(ctx context.Context, keys []string, dst []driver.Value) error {
	return s.read(ctx, keys, func(r *records, i int) {
		if found, ok := r.get(keys[i]); ok {
			dst[i].Data = bytes.Clone(found.data) // what bbolt gives lasts as long as the transaction
		} else {
			dst[i].Err = driver.ErrNotFound
		}
	})
}

func (s *store) Set(ctx context.Context, entries []driver.Entry) error {
	if len(entries) == 0 {
		return nil
	}
	// The entries are the caller's again when the call returns, which it may do before
	// the writer is done: hence the copies.
	own := make([]driver.Entry, len(entries))
	for i, e := range entries {
		e.Value = encode(e.Value)
		own[i] = e
	}
	err := s.update(ctx, func(r *records) error {
		for i := range own {
			own[i].Err = set(r, &own[i])
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

// set stores an entry whose value encode has returned.
func set(r *records, e *driver.Entry) error {
	if err := check(e.Key); err != nil {
		return err
	}
	if e.Cond != driver.Always {
		if _, exists := r.get(e.Key); exists != (e.Cond == driver.IfPresent) {
			return driver.ErrNotStored
		}
	}
	r.set(e.Key, e.Value, e.TTL)
	return nil
}

func (s *store) Delete(ctx context.Context, keys []string) (removed int, err error) {
	if len(keys) == 0 {
		return 0, nil
	}
	keys = append([]string(nil), keys...)
	count := 0
	err = s.update(ctx, func(r *records) error {
		for _, key := range keys {
			if _, ok := r.get(key); ok {
				r.remove(key)
				count++
			}
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return count, nil
}

// Ping implements driver.Pinger: it opens the file, if that is not done yet.
func (s *store) Ping(ctx context.Context) error {
	return s.view(ctx, func(*records) {})
}

// Close implements driver.Store.
func (s *store) Close() error {
	close(s.closing)
	<-s.stopped
	if db := s.db.Load(); db != nil {
		if err := db.Close(); err != nil {
			return failure(driver.NotApplied, err)
		}
	}
	return nil
}

// read calls one for each of keys, in one transaction.
func (s *store) read(ctx context.Context, keys []string, one func(r *records, i int)) error {
	if len(keys) == 0 {
		return nil
	}
	var ended error
	err := s.view(ctx, func(r *records) {
		for i := range keys {
			if i%checkEvery == checkEvery-1 && ctx.Err() != nil {
				ended = driver.Fail(ctx.Err(), driver.NotApplied, nil)
				return
			}
			one(r, i)
		}
	})
	return errors.Join(ended, err)
}

// view calls do in a transaction that reads.
func (s *store) view(ctx context.Context, do func(*records)) error {
	if err := ctx.Err(); err != nil {
		return driver.Fail(err, driver.NotApplied, nil)
	}
	db := s.db.Load()
	if db == nil {
		if err := s.update(ctx, nil); err != nil { // which opens it
			return err
		}
		db = s.db.Load()
	}
	tx, err := db.Begin(false)
	if err != nil {
		return failure(driver.NotApplied, err)
	}
	r := recordsOf(tx, s.file.bucket)
	do(r)
	if err := errors.Join(r.err, tx.Rollback()); err != nil {
		return failure(driver.NotApplied, err)
	}
	return nil
}

// check returns the error of a key that the file cannot hold. The core has checked keys
// already, by Limits; bbolt would fail the whole transaction.
func check(key string) error {
	if key == "" || len(key) > bolt.MaxKeySize-deadlineLength {
		return driver.Fail(driver.ErrInvalidKey, driver.NotApplied, errors.New("keys have from 1 to 32760 bytes"))
	}
	return nil
}
