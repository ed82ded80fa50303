package redis

import (
	"context"
	"sync"
	"sync/atomic"
)

// workers are the goroutines that send requests for callers who must be able to
// leave before the reply is there. One that has no work waits for some: its
// stack has grown to what go-redis needs already. A new goroutine for each call
// costs three times as much.
type workers struct {
	client  *client
	maxIdle int32

	jobs    chan job
	idle    atomic.Int32
	closed  atomic.Bool
	running sync.WaitGroup
}

// A job without a request ends the goroutine that gets it.
type job struct {
	request *request
	ctx     context.Context
}

func newWorkers(client *client, maxIdle int) *workers {
	return &workers{
		client:  client,
		maxIdle: int32(maxIdle),
		jobs:    make(chan job),
	}
}

// run sends a request on another goroutine, which tells request.finished, or,
// if the caller has abandoned it, recycles it.
func (w *workers) run(ctx context.Context, r *request) {
	j := job{r, ctx}
	select {
	case w.jobs <- j:
	default:
		w.running.Go(func() { w.work(j) })
	}
}

func (w *workers) work(j job) {
	for j.request != nil {
		if abandoned := j.request.send(j.ctx, w.client); abandoned {
			j.request.release()
		} else {
			j.request.finished <- struct{}{}
		}
		if w.idle.Add(1) > w.maxIdle || w.closed.Load() {
			j = job{}
		} else {
			j = <-w.jobs
		}
		w.idle.Add(-1)
	}
}

// close waits for all goroutines to end. The client must have been closed, or
// they end when the deadlines of their requests do.
func (w *workers) close() {
	w.closed.Store(true)
	ended := make(chan struct{})
	go func() {
		w.running.Wait()
		close(ended)
	}()
	for {
		select {
		case w.jobs <- job{}: // one that waits for work ends
		case <-ended:
			return
		}
	}
}
