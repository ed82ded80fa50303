package clustered

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/failure"
	"github.com/xcache-go/xcache/drivers/internal/servererror"
)

const (
	// minInterval is the least time from the end of a refresh to the next refresh.
	// The interval doubles with each refresh that finds nothing new, up to
	// maxInterval.
	minInterval = 100 * time.Millisecond
	maxInterval = 800 * time.Millisecond
	// urgentInterval is the maximum while a primary fails or is silent for less time
	// than a failover takes: its callers wait for the successor.
	urgentInterval = 200 * time.Millisecond
	// backoffReset is the time without a refresh after which the interval is
	// minInterval again.
	backoffReset = 5 * time.Second
	// hedgeDelay is the time that a node has to answer before another node is asked, too.
	hedgeDelay = 100 * time.Millisecond
)

// A refreshing is a goroutine that learns the topology from the nodes.
type refreshing struct {
	done chan struct{} // closed at the end
	err  error         // valid after the end
}

// refresh starts a goroutine that learns the topology, unless a refresh is under way or
// ended less than an interval ago. The result is the refresh under way, or nil.
func (r *router) refresh() *refreshing {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.refreshing != nil || r.closing.Err() != nil {
		return r.refreshing
	}
	since := time.Since(r.refreshed)
	if since < r.interval {
		return nil
	}
	if since > backoffReset {
		r.interval = minInterval
	}
	f := &refreshing{done: make(chan struct{})}
	r.refreshing = f
	r.running.Go(func() { r.refreshFrom(f) })
	return f
}

// refreshFrom learns the topology, and does so again after an interval while calls on
// some primary fail: those calls may wait for a reply, and only a new topology shows that
// another server has taken the place of the primary.
func (r *router) refreshFrom(f *refreshing) {
	for {
		changed, err := r.relearn()
		r.learnt.Store(int64(time.Since(r.epoch)))
		r.mu.Lock()
		f.err, r.lastErr = err, err
		r.refreshing, r.refreshed = nil, time.Now()
		longest, failing := maxInterval, r.hasFailingPrimary()
		if failing {
			longest = urgentInterval
		}
		if r.interval = min(2*r.interval, longest); changed {
			r.interval = minInterval
		}
		// The clients of a cluster notice a failure at the same time.
		r.interval += rand.N(r.interval / 4)
		interval := r.interval
		r.mu.Unlock()
		close(f.done)
		if !failing {
			return
		}
		timer := time.NewTimer(interval)
		select {
		case <-r.closing.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
		r.mu.Lock()
		if r.refreshing != nil { // another goroutine learns the topology
			r.mu.Unlock()
			return
		}
		f = &refreshing{done: make(chan struct{})}
		r.refreshing = f
		r.mu.Unlock()
	}
}

// hasFailingPrimary reports whether a primary has recently begun to fail calls, or to
// leave calls without a reply. r.mu is held.
func (r *router) hasFailingPrimary() bool {
	t := r.topology.Load()
	if t == nil {
		return false
	}
	now := time.Now()
	return slices.ContainsFunc(t.primaries(), func(s *server) bool {
		failing, silent := s.failing.Load(), s.silence.lasted(now)
		return failing != 0 && now.Sub(r.epoch)-time.Duration(failing) < 2*gracePeriod || 0 < silent && silent < 2*gracePeriod
	})
}

// known returns the topology, and learns the first topology.
func (r *router) known(ctx context.Context) (*topology, error) {
	if t := r.topology.Load(); t != nil {
		return t, nil
	}
	if err := r.learn(ctx); err != nil {
		return nil, err
	}
	return r.topology.Load(), nil
}

// learn waits for the first topology. The error tells why there is none.
func (r *router) learn(ctx context.Context) error {
	f := r.refresh()
	if f == nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.topology.Load() != nil {
			return nil
		}
		if r.lastErr == nil {
			return driver.Fail(driver.ErrClosed, driver.NotApplied, nil)
		}
		return r.lastErr // a moment ago
	}
	var end <-chan time.Time
	if _, ok := ctx.Deadline(); !ok {
		timer := time.NewTimer(r.timeout)
		defer timer.Stop()
		end = timer.C
	}
	select {
	case <-f.done:
		return f.err
	case <-ctx.Done():
		return failure.OfContext(ctx, false)
	case <-end:
		return driver.Fail(driver.ErrUnavailable, driver.NotApplied, errNobody)
	}
}

// errNobody is a cluster of which no node answers.
var errNobody = errors.New("no node of the cluster has said who has which slots")

// relearn asks one node after the other until a node answers: healthy servers first, then
// the seeds of the DSN, then servers that fail, each group in random order. The next node
// is asked, too, if a node has not answered within hedgeDelay.
func (r *router) relearn() (changed bool, err error) {
	ctx, cancel := failure.Bound(r.closing, time.Now().Add(r.timeout), r.timeout)
	var asking sync.WaitGroup
	defer asking.Wait()
	defer cancel()

	type answer struct {
		from *server
		view view
		err  error
	}
	servers := r.candidates()
	answers := make(chan answer, len(servers))
	due := 0
	ask := func() {
		s := servers[0]
		servers = servers[1:]
		due++
		asking.Go(func() {
			v, err := s.slots(ctx)
			if err == nil {
				s.gate.LeaveAnswered() // the answer proves no more: the server may serve no other call
			} else {
				s.gate.Leave()
			}
			answers <- answer{s, v, err}
		})
	}
	defer func() {
		for _, s := range servers { // not asked
			s.gate.Leave()
		}
	}()
	var reason error
	for due > 0 || len(servers) > 0 {
		if due == 0 {
			ask()
		}
		var next <-chan time.Time
		if len(servers) > 0 {
			timer := time.NewTimer(hedgeDelay)
			defer timer.Stop()
			next = timer.C
		}
		select {
		case a := <-answers:
			due--
			if a.err == nil {
				return r.install(a.view, a.from), nil
			}
			if reason == nil || isTransient(reason) {
				reason = a.err
			}
		case <-next:
			ask()
		}
	}
	var e *driver.Error
	switch {
	case r.closing.Err() != nil:
		return false, driver.Fail(driver.ErrClosed, driver.NotApplied, nil)
	case reason == nil:
		reason = errNobody
	}
	if !errors.As(reason, &e) {
		return false, driver.Fail(driver.ErrUnavailable, driver.NotApplied, reason).Retryable()
	}
	told := *e
	told.Outcome = driver.NotApplied // CLUSTER SLOTS changes nothing
	if errors.Is(e.Kind, errors.ErrUnsupported) && !servererror.IsNoDatabase(reason) {
		told.Err = fmt.Errorf("the server is not a node of a cluster; a DSN without +cluster is for one like this: %w", e.Err)
	}
	return false, &told
}

// candidates returns the servers in the order in which relearn asks them. One call is
// counted at each server.
func (r *router) candidates() []*server {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	var healthy, failing, seeds []*server
	for _, addr := range r.settings.Seeds {
		if r.servers[addr] == nil {
			seeds = append(seeds, r.at(addr))
		}
	}
	for _, s := range r.servers {
		switch {
		case slices.Contains(seeds, s):
		case s.failing.Load() != 0, s.silence.lasted(now) > 0:
			failing = append(failing, s)
		default:
			healthy = append(healthy, s)
		}
	}
	for _, list := range [][]*server{healthy, failing, seeds} {
		rand.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	}
	all := slices.Concat(healthy, seeds, failing)
	for _, s := range all {
		s.gate.Enter() // the gate is open: servers leave the map before their gates shut
	}
	return all
}

// slots asks a server which servers have which slots.
func (s *server) slots(ctx context.Context) (view, error) {
	reply, err := s.node.Query(ctx, "CLUSTER", "SLOTS")
	if err != nil {
		return nil, err
	}
	v, err := parseSlots(&reply, s.addr)
	if err == nil && len(v) == 0 {
		err = errNobody
	}
	return v, err
}
