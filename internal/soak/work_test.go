package soak

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/mixins"
)

// startWork starts the callers that do work once, and the callers that handle the entries
// of a stream.
func (d *deployment) startWork() {
	works := &works{results: map[string]result{}}
	for range 2 {
		once, err := mixins.NewOnce[item](d.cache) // each caller has a handle of its own, like a process
		require.NoError(d.t, err)
		d.atEnd = append(d.atEnd, once.Close)
		d.caller("once", func(c *caller) { c.doOnce(once, works) })
	}
	jobs := &jobs{added: map[int64]bool{}, handled: map[int64]bool{}, open: map[int64]job{}}
	d.caller("addjob", func(c *caller) { c.addJobs(jobs) })
	for range 2 {
		d.caller("consume", func(c *caller) { c.consume(jobs) })
	}
}

// works are the results of work. Several callers use each key.
type works struct {
	mu       sync.Mutex
	attempts int64
	next     int64 // a number for each piece of work
	results  map[string]result
}

type result struct {
	n  int64
	at mark
}

// attemptsOnAKey is how often callers ask for the work of a key.
const attemptsOnAKey = 10

func (c *caller) doOnce(once *mixins.Once[item], w *works) {
	c.run(func() {
		w.mu.Lock()
		key := fmt.Sprintf("work:%d", w.attempts/attemptsOnAKey)
		w.attempts++
		delete(w.results, fmt.Sprintf("work:%d", w.attempts/attemptsOnAKey-remembered))
		w.mu.Unlock()
		options := mixins.OnceOptions{TTL: 15 * time.Minute, Lease: 3 * time.Second}
		if c.chance(50) {
			options.Wait = 300 * time.Millisecond
		}
		m := c.begin()
		got, err := once.Do(context.Background(), key, options, func(context.Context) (item, error) {
			time.Sleep(time.Duration(c.random.Int64N(int64(20 * time.Millisecond))))
			if c.chance(10) {
				return item{}, errHandler
			}
			w.mu.Lock()
			defer w.mu.Unlock()
			w.next++
			return item{key, w.next}, nil
		})
		c.figures.called("Once.Do", 0, false)
		if c.became("Once.Do", m, err) != done {
			return
		}
		n, _ := c.find(key, got, nil)
		w.mu.Lock()
		first, known := w.results[key]
		if !known {
			w.results[key] = result{n, m.loss}
		}
		w.mu.Unlock()
		if known && first.n != n {
			c.judge(first.at, "the work %s has two results: %d and %d", key, first.n, n)
			return
		}
		c.count(c.losses.window.since(m.loss))
	})
}

// jobs are the entries of a stream that a group of consumers handles.
type jobs struct {
	mu      sync.Mutex
	next    int64
	added   map[int64]bool // all jobs but refused jobs
	order   []int64        // the order of the added jobs
	handled map[int64]bool
	open    map[int64]job // acknowledged jobs that nobody has handled
}

// A job is the moment at which an entry was added.
type job struct {
	at    mark
	since time.Duration
}

const (
	jobsKey = "shared:jobs"
	// openJobs is how far the newest job may be ahead of the oldest open job. keptJobs is
	// more, so that no open job is trimmed.
	openJobs, keptJobs = 100, 300
)

func (c *caller) addJobs(s *jobs) {
	streams, err := mixins.NewStreams[item](c.cache)
	require.NoError(c.t, err)
	c.run(func() {
		if c.review(s) > openJobs {
			return
		}
		s.mu.Lock()
		s.next++
		n := s.next
		s.added[n] = true
		s.mu.Unlock()
		became, at := c.call("XAdd of a job", func(ctx context.Context) error {
			_, err := streams.XAdd(ctx, jobsKey, mixins.XAddOptions{Trim: mixins.MaxLen(keptJobs)}, map[string]item{"job": {jobsKey, n}})
			return err
		})
		s.mu.Lock()
		defer s.mu.Unlock()
		if became == refused {
			delete(s.added, n)
			return
		}
		if became == done && !s.handled[n] {
			s.open[n] = job{at, c.watch.Elapsed()}
		}
		if s.order = append(s.order, n); len(s.order) > remembered {
			delete(s.added, s.order[0])
			delete(s.handled, s.order[0])
			s.order = slices.Delete(s.order, 0, 1)
		}
	})
}

// review checks the open jobs, and returns how far the newest job is ahead of the oldest
// open job.
func (c *caller) review(s *jobs) (ahead int64) {
	late := map[int64]job{}
	s.mu.Lock()
	for n, j := range s.open {
		switch {
		case c.losses.window.since(j.at): // the job may be lost, or its acknowledgement
			delete(s.open, n)
		case c.watch.Elapsed()-j.since > recoveryLimit:
			late[n] = j
			delete(s.open, n)
		default:
			ahead = max(ahead, s.next-n)
		}
	}
	s.mu.Unlock()
	for n, j := range late {
		c.judge(j.at, "job %d was added, and nobody has handled the job", n)
	}
	return ahead
}

// consume handles jobs, some of them at the second attempt.
func (c *caller) consume(s *jobs) {
	streams, err := mixins.NewStreams[item](c.cache)
	require.NoError(c.t, err)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	c.running.Go(func() {
		<-c.ending
		cancel()
	})
	handle := func(_ context.Context, e mixins.Delivered[item]) error {
		if e.Deliveries == 1 && c.chance(5) {
			return errHandler
		}
		n, _ := c.find(jobsKey, e.Fields["job"], nil)
		s.mu.Lock()
		added := s.added[n]
		isOpen := s.open[n]
		s.handled[n] = true
		delete(s.open, n)
		s.mu.Unlock()
		if !added {
			c.wrong("job %d was handled, which was never added", n)
		}
		c.succeeded.Add(1)
		c.count(c.losses.window.since(isOpen.at))
		return nil
	}
	for ctx.Err() == nil {
		m := c.begin()
		err := streams.Consume(ctx, jobsKey, "workers", c.name, handle, mixins.ConsumeOptions{MinIdle: 2 * time.Second, Observe: func(e mixins.ConsumeEvent) {
			c.figures.called("Consume: "+string(e.Kind), 0, false)
		}})
		if ctx.Err() == nil {
			c.became("Consume", m, err)
		} else if !errors.Is(err, context.Canceled) {
			c.unexplained("Consume whose context has ended: %v", err)
		}
	}
}
