package soak

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/mixins"
)

// startCoordination starts the callers that lock, hold permits, take units of rate limits, publish and
// subscribe.
func (d *deployment) startCoordination() {
	held := &holders{}
	for range 3 {
		locks, err := mixins.NewLocks(d.cache) // each caller has a handle of its own, like a process
		require.NoError(d.t, err)
		d.atEnd = append(d.atEnd, locks.Close)
		d.caller("lock", func(c *caller) { c.lock(locks, held) })
	}
	permits := &permits{now: map[*mixins.Permit]permit{}}
	for range 3 {
		semaphores, err := mixins.NewSemaphores(d.cache)
		require.NoError(d.t, err)
		d.atEnd = append(d.atEnd, semaphores.Close)
		d.caller("permit", func(c *caller) { c.holdPermits(semaphores, permits) })
	}
	units := &units{}
	for range 2 {
		d.caller("ratelimit", func(c *caller) { c.limit(units) })
	}
	messages := &messages{published: map[int64]bool{}}
	d.caller("publish", func(c *caller) { c.publish(messages) })
	d.caller("subscribe", func(c *caller) { c.subscribe(messages) })
}

// holders are the locks that callers hold, and the last fence.
type holders struct {
	mu    sync.Mutex
	now   map[*mixins.Lock]mark
	fence int64 // of the last lock
	at    mark
}

const lockName = "shared"

func (c *caller) lock(locks *mixins.Locks, held *holders) {
	const lease = 3 * time.Second
	c.run(func() {
		m := c.begin()
		options := mixins.LockOptions{Lease: lease}
		acquire := locks.TryAcquire
		operation := "TryAcquire"
		if c.chance(50) {
			operation, acquire, options.Wait = "Acquire", locks.Acquire, 300*time.Millisecond
		}
		ctx, lock, err := acquire(context.Background(), lockName, options)
		c.figures.called(operation, 0, false)
		if c.became(operation, m, err) != done {
			return
		}
		c.enter(held, lock, m.loss)
		stay := time.Duration(c.random.Int64N(int64(20 * time.Millisecond)))
		if c.chance(1) {
			stay = 4 * lease / 3 // longer than the lease, so that the lease is renewed
		}
		select {
		case <-ctx.Done():
		case <-c.ending:
		case <-time.After(stay):
		}
		held.mu.Lock()
		delete(held.now, lock)
		held.mu.Unlock()
		m = c.begin()
		err = lock.Release(ctx)
		c.figures.called("Release", 0, false)
		c.became("Release", m, err)
	})
}

// enter checks a new holder of a lock against the other holders: no two may rely on the
// lock at a time, and each fence is greater than the fence before.
func (c *caller) enter(held *holders, lock *mixins.Lock, at mark) {
	type contradiction struct {
		since mark
		text  string
	}
	var found *contradiction
	held.mu.Lock()
	for other, since := range held.now {
		if theirs, own := other.Left(), lock.Left(); theirs > 0 && own > 0 {
			found = &contradiction{since, "two hold the lock: one for " + theirs.String() + ", one for " + own.String()}
		}
	}
	if lock.Left() > 0 {
		if found == nil && lock.Fence() <= held.fence {
			found = &contradiction{held.at, "the fence of a lock went back"}
		}
		held.fence, held.at = lock.Fence(), at
	}
	if held.now == nil {
		held.now = map[*mixins.Lock]mark{}
	}
	held.now[lock] = at
	held.mu.Unlock()
	if found != nil {
		c.judge(found.since, "%s", found.text)
		return
	}
	c.count(c.losses.window.since(at))
}

// permits are the permits that callers hold.
type permits struct {
	mu  sync.Mutex
	now map[*mixins.Permit]permit
}

type permit struct {
	weight int
	at     mark
}

const (
	semaphoreName = "shared"
	capacity      = 3
)

func (c *caller) holdPermits(semaphores *mixins.Semaphores, held *permits) {
	const lease = 3 * time.Second
	c.run(func() {
		m := c.begin()
		options := mixins.SemaphoreOptions{Weight: 1 + c.random.IntN(2), Lease: lease}
		acquire, operation := semaphores.TryAcquire, "TryAcquire of a permit"
		if c.chance(50) {
			operation, acquire, options.Wait = "Acquire of a permit", semaphores.Acquire, 300*time.Millisecond
		}
		ctx, taken, err := acquire(context.Background(), semaphoreName, capacity, options)
		c.figures.called(operation, 0, false)
		if c.became(operation, m, err) != done {
			return
		}
		c.use(held, taken, permit{options.Weight, m.loss})
		stay := time.Duration(c.random.Int64N(int64(60 * time.Millisecond)))
		if c.chance(1) {
			stay = 4 * lease / 3 // longer than the lease, so that the lease is renewed
		}
		select {
		case <-ctx.Done():
		case <-c.ending:
		case <-time.After(stay):
		}
		held.mu.Lock()
		delete(held.now, taken)
		held.mu.Unlock()
		m = c.begin()
		err = taken.Release(ctx)
		c.figures.called("Release of a permit", 0, false)
		c.became("Release of a permit", m, err)
	})
}

// use checks a new permit against the other permits: the weights of all held permits are
// no more than the capacity.
func (c *caller) use(held *permits, taken *mixins.Permit, p permit) {
	held.mu.Lock()
	held.now[taken] = p
	weight, since := 0, p.at
	for other, theirs := range held.now {
		if other.Left() > 0 { // and so the permit was held when the loop began, too
			weight += theirs.weight
			if theirs.at.changes < since.changes {
				since = theirs.at
			}
		}
	}
	held.mu.Unlock()
	if weight > capacity {
		c.judge(since, "permits of %d are held, of %d", weight, capacity)
		return
	}
	c.count(c.losses.window.since(p.at))
}

// units are the units that callers took of a rate limit.
type units struct {
	mu    sync.Mutex
	taken []taken
}

type taken struct {
	began, ended time.Time
	at           mark
}

const subject = "everybody"

func (c *caller) limit(u *units) {
	limits, err := mixins.NewRateLimits(c.cache)
	require.NoError(c.t, err)
	limit := mixins.RateLimit{Limit: 10, Window: time.Second}
	c.run(func() {
		began := time.Now()
		var result mixins.RateResult
		became, at := c.call("Allow", func(ctx context.Context) (err error) {
			result, err = limits.Allow(ctx, subject, limit)
			return err
		})
		ended := time.Now()
		if became != done || !result.Allowed {
			return
		}
		u.mu.Lock()
		u.taken = append(u.taken, taken{began, ended, at})
		u.taken = u.taken[max(0, len(u.taken)-20*limit.Limit):]
		// Counted are only units that were certainly taken within one window. A unit whose call
		// ended later may have been taken later, if this caller had to wait for the mutex.
		within, oldest := 0, at
		for _, t := range u.taken {
			if t.began.After(ended.Add(-limit.Window)) && !t.ended.After(ended) {
				if within == 0 {
					oldest = t.at
				}
				within++
			}
		}
		u.mu.Unlock()
		if within > limit.Limit {
			c.judge(oldest, "%d units were taken within %v, of %d", within, limit.Window, limit.Limit)
			return
		}
		c.count(c.losses.window.since(oldest))
	})
}

// messages are the published messages.
type messages struct {
	mu        sync.Mutex
	next      int64
	published map[int64]bool // false for a refused message
}

const channel = "news"

func (c *caller) publish(s *messages) {
	channels, err := mixins.NewPubSub[item](c.cache)
	require.NoError(c.t, err)
	c.run(func() {
		s.mu.Lock()
		s.next++
		n := s.next
		s.published[n] = true
		delete(s.published, n-remembered)
		s.mu.Unlock()
		became, _ := c.call("Publish", func(ctx context.Context) error {
			_, err := channels.Publish(ctx, channel, item{channel, n})
			return err
		})
		if became == refused {
			s.mu.Lock()
			s.published[n] = false
			s.mu.Unlock()
		}
	})
}

// subscribe checks that a subscriber hears each message once at most.
func (c *caller) subscribe(s *messages) {
	channels, err := mixins.NewPubSub[item](c.cache)
	require.NoError(c.t, err)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	c.running.Go(func() {
		<-c.ending
		cancel()
	})
	heard, oldest := map[int64]bool{}, int64(0)
	for ctx.Err() == nil {
		m := c.begin()
		for message, err := range channels.Subscribe(ctx, mixins.SubscribeOptions{}, channel) {
			if err != nil {
				if ctx.Err() == nil {
					c.became("Subscribe", m, err)
				} else if !errors.Is(err, context.Canceled) {
					c.unexplained("Subscribe whose context has ended: %v", err)
				}
				continue
			}
			switch message.Event {
			case mixins.Published:
				n, _ := c.find(channel, message.Value, nil)
				s.mu.Lock()
				published := s.published[n]
				s.mu.Unlock()
				if !published || heard[n] {
					c.wrong("message %d was heard, of which published is %v and heard before is %v", n, published, heard[n])
				}
				heard[n] = true
				for ; oldest <= n-remembered; oldest++ { // numbers that were not heard have no entry
					delete(heard, oldest)
				}
				c.figures.messages.Add(1)
				c.succeeded.Add(1)
			case mixins.Gap:
				c.figures.gaps.Add(1)
			}
			m = c.begin()
		}
	}
}
