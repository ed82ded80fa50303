package boltdriver

import (
	"context"
	"errors"
	"sync/atomic"

	bolt "go.etcd.io/bbolt"

	"github.com/xcache-go/xcache/driver"
)

// batch is how many jobs one transaction does at most.
const batch = 256

// A job is a call that waits for the writer.
type job struct {
	// do makes the changes. Its error is the answer to the call, and leaves the
	// transaction as it is. It touches nothing of the caller's. nil only opens the file.
	do    func(*records) error
	owner atomic.Uint32
	err   error      // the answer
	done  chan error // of capacity 1
}

// Who has a job: it waits until the writer takes it, or the caller gives it up.
const (
	waiting = iota
	taken
	givenUp
)

// update has the writer call do in a transaction, together with the jobs of others that
// wait at the same time, and returns when that is on the disk.
func (s *store) update(ctx context.Context, do func(*records) error) error {
	if err := ctx.Err(); err != nil {
		return driver.Fail(err, driver.NotApplied, nil)
	}
	j := &job{do: do, done: make(chan error, 1)}
	select {
	case s.jobs <- j:
	case <-ctx.Done():
		return driver.Fail(ctx.Err(), driver.NotApplied, nil)
	case <-s.closing:
		return driver.Fail(driver.ErrClosed, driver.NotApplied, nil)
	}
	select {
	case err := <-j.done:
		return err
	case <-ctx.Done():
		if j.owner.CompareAndSwap(waiting, givenUp) || do == nil {
			return driver.Fail(ctx.Err(), driver.NotApplied, nil)
		}
		return driver.Fail(ctx.Err(), driver.Unknown, nil)
	}
}

// write does the jobs until the store is closed.
func (s *store) write() {
	defer close(s.stopped)
	for {
		select {
		case <-s.closing:
			return
		case j := <-s.jobs:
			s.commit(s.gather(j))
		}
	}
}

// gather returns a job and those that wait beside it.
func (s *store) gather(first *job) []*job {
	jobs := []*job{first}
	for len(jobs) < batch {
		select {
		case j := <-s.jobs:
			jobs = append(jobs, j)
		default:
			return jobs
		}
	}
	return jobs
}

// commit does jobs in one transaction, and answers them.
func (s *store) commit(jobs []*job) {
	err := s.transact(jobs)
	for _, j := range jobs {
		if err != nil {
			j.done <- err
		} else {
			j.done <- j.err
		}
	}
}

// transact does jobs in one transaction. Its error is that of all of them.
func (s *store) transact(jobs []*job) error {
	db := s.db.Load()
	if db == nil {
		var err error
		if db, err = s.file.open(); err != nil {
			return failure(driver.NotApplied, err)
		}
		s.db.Store(db)
	}
	tx, err := db.Begin(true)
	if err != nil {
		return failure(driver.NotApplied, err)
	}
	r := recordsOf(tx, s.file.bucket)
	r.sweep()
	for _, j := range jobs {
		if j.do != nil && r.err == nil && j.owner.CompareAndSwap(waiting, taken) {
			j.err = j.do(r)
		}
	}
	if r.err != nil || !r.changed {
		if err := errors.Join(r.err, tx.Rollback()); err != nil {
			return failure(driver.NotApplied, err)
		}
		return nil
	}
	return finish(tx)
}

// finish commits a transaction.
func finish(tx *bolt.Tx) error {
	if err := tx.Commit(); err != nil {
		return failure(driver.Unknown, err)
	}
	return nil
}
