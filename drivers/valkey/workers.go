package valkey

import (
	"context"
	"sync"
	"sync/atomic"
)

// workers are the goroutines that send requests for callers who must be able to
// leave before the reply is there. valkey-go lets a caller leave only on a
// connection that it uses from two goroutines of its own, which takes longer; and
// then it listens to one context, where a call without a deadline has two ends.
type workers struct {
	jobs    chan job
	closing chan struct{}
	idle    atomic.Int32
	running sync.WaitGroup
}

type job struct {
	request *request
	ctx     context.Context
	link    *link
}

// maxIdle is how many workers without work are kept.
const maxIdle = 64

func newWorkers() *workers {
	return &workers{jobs: make(chan job), closing: make(chan struct{})}
}

// run sends a request on another goroutine, which tells request.finished, or,
// if the caller has abandoned it, drops it.
func (w *workers) run(ctx context.Context, r *request, l *link) {
	j := job{r, ctx, l}
	select {
	case w.jobs <- j:
	default:
		w.running.Go(func() { w.work(j) })
	}
}

func (w *workers) work(j job) {
	for {
		abandoned := j.request.send(j.ctx, j.link)
		if abandoned {
			j.link.abandoned.Add(-1)
		} else {
			j.request.finished <- struct{}{}
		}
		if w.idle.Add(1) > maxIdle {
			w.idle.Add(-1)
			return
		}
		select {
		case j = <-w.jobs:
			w.idle.Add(-1)
		case <-w.closing:
			return
		}
	}
}

// close waits for all goroutines to end, which they do when the connections are
// closed, or when the deadlines of their requests have passed.
func (w *workers) close() {
	close(w.closing)
	w.running.Wait()
}
