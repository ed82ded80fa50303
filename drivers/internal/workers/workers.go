// Package workers runs the requests of callers who must be able to leave before
// the reply is there.
package workers

import (
	"sync"
	"sync/atomic"
)

// A Pool is the goroutines of a store that send requests for their callers. One
// that has no work waits for some: its stack has grown to what a client library
// needs already. A new goroutine for each call costs three times as much.
type Pool[Job any] struct {
	work    func(Job)
	maxIdle int32

	orders  chan order[Job]
	idle    atomic.Int32
	closed  atomic.Bool
	running sync.WaitGroup
}

// An order is a job, or that the goroutine that gets it ends.
type order[Job any] struct {
	job Job
	end bool
}

// NewPool returns a pool that does jobs by work, and keeps up to maxIdle goroutines
// that have none. There is no limit to those that have some.
func NewPool[Job any](maxIdle int, work func(Job)) *Pool[Job] {
	return &Pool[Job]{work: work, maxIdle: int32(min(maxIdle, 1<<20)), orders: make(chan order[Job])} //nolint:gosec // bounded
}

// Run does a job on another goroutine. It may be called concurrently, but not after
// Close.
func (p *Pool[Job]) Run(job Job) {
	o := order[Job]{job: job}
	select {
	case p.orders <- o:
	default:
		p.running.Go(func() { p.serve(o) })
	}
}

func (p *Pool[Job]) serve(o order[Job]) {
	for !o.end {
		p.work(o.job)
		if p.idle.Add(1) > p.maxIdle || p.closed.Load() {
			o = order[Job]{end: true}
		} else {
			o = <-p.orders
		}
		p.idle.Add(-1)
	}
}

// Close waits for all jobs to be done. It is called once.
func (p *Pool[Job]) Close() {
	p.closed.Store(true)
	ended := make(chan struct{})
	go func() {
		p.running.Wait()
		close(ended)
	}()
	for {
		select {
		case p.orders <- order[Job]{end: true}: // one that waits for work ends
		case <-ended:
			return
		}
	}
}
