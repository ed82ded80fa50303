// Package workers runs requests for callers who may leave before the reply comes.
package workers

import (
	"sync"
	"sync/atomic"
)

// A Pool is a set of goroutines that run requests for their callers. Idle goroutines are
// kept, because their stacks have grown to the needs of a client library. A new goroutine
// for each call would cost three times as much.
type Pool[Job any] struct {
	work    func(Job)
	maxIdle int32

	orders  chan order[Job]
	idle    atomic.Int32
	closed  atomic.Bool
	running sync.WaitGroup
}

// An order is a job, or tells the receiving goroutine to end.
type order[Job any] struct {
	job Job
	end bool
}

// NewPool returns a pool whose jobs are run by work. maxIdle is the limit of idle
// goroutines. The number of busy goroutines has no limit.
func NewPool[Job any](maxIdle int, work func(Job)) *Pool[Job] {
	return &Pool[Job]{work: work, maxIdle: int32(min(maxIdle, 1<<20)), orders: make(chan order[Job])} //nolint:gosec // bounded
}

// Run runs a job on another goroutine. Run may be called concurrently, but not after Close.
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

// Close waits for all jobs. Close is called once.
func (p *Pool[Job]) Close() {
	p.closed.Store(true)
	ended := make(chan struct{})
	go func() {
		p.running.Wait()
		close(ended)
	}()
	for {
		select {
		case p.orders <- order[Job]{end: true}: // an idle goroutine ends
		case <-ended:
			return
		}
	}
}
