package redis

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/connection"
	"github.com/xcache-go/xcache/drivers/internal/exchange"
	"github.com/xcache-go/xcache/drivers/internal/failure"
	"github.com/xcache-go/xcache/drivers/internal/settings"
)

// A pool has the sessions with one server, and makes them when they are needed. It
// is the wire of a store that has a server of its own.
//
// go-redis' own pool does not tell which connection a call has, makes connections in
// goroutines that outlive Close, and after some failures leaves it to one of them to
// notice that the server is back.
type pool struct {
	dialer connection.Dialer
	logins *connection.Logins
	clock  *exchange.Clock
	size   int // how many sessions there are at most

	ctx     context.Context // ends with the pool
	cancel  context.CancelFunc
	running sync.WaitGroup // attempts to make a session, and to have one log in anew

	mu       sync.Mutex
	sessions []*session // all of them
	idle     []*session // those without a call, the last used one at the end
	making   int        // attempts
	waiting  []*waiter  // callers, in their order
	closed   bool
	silent   time.Time // when the last exchange began that had no reply for op_timeout
	misledAt time.Time // when the server was last found to have another role
}

// A waiter is a call without a session.
type waiter struct {
	// ready gets a session, or nil if there may be one to be had.
	ready chan *session
}

// perCPU is how many sessions there are for each CPU if the DSN does not say.
const perCPU = 10

// newPool returns a pool without sessions. Its clock is still to be set.
func newPool(s *settings.Settings, dial dialFunc) *pool {
	p := &pool{dialer: connection.Dialer{Settings: s, Dial: dial, Native: nativeError}, size: s.PoolSize}
	if p.size == 0 {
		p.size = perCPU * runtime.GOMAXPROCS(0)
	}
	p.logins = connection.NewLogins(s, p.renewIdle)
	p.ctx, p.cancel = context.WithCancel(context.Background())
	return p
}

// Exchange implements exchange.Wire.
func (p *pool) Exchange(c *exchange.Call) {
	s, err := p.acquire(c)
	if err != nil {
		c.Err = err
		return
	}
	s.exchange(c)
	p.release(s)
}

// Failure implements exchange.Wire.
func (p *pool) Failure(c *exchange.Call, _ bool) error { return failureOf(c.Err) }

// Watch implements exchange.Wire. It interrupts the calls that have ended.
func (p *pool) Watch(now time.Time) (again bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.sessions {
		again = s.interrupt(now) || again
	}
	return again || len(p.waiting) > 0 || p.making > 0
}

// Disconnect implements exchange.Wire.
func (p *pool) Disconnect() {
	p.cancel()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, s := range p.sessions {
		s.leave()
	}
}

// Close implements exchange.Wire.
func (p *pool) Close() error {
	p.Disconnect()
	p.logins.Close()
	p.running.Wait()
	for _, s := range p.sessions {
		s.close()
	}
	return nil
}

func errClosed() error { return driver.Fail(driver.ErrClosed, driver.NotApplied, nil) }

// acquire returns a session for a call, of which it is the only one.
func (p *pool) acquire(c *exchange.Call) (*session, error) {
	p.mu.Lock()
	for {
		switch n := len(p.idle); {
		case p.closed:
			p.mu.Unlock()
			return nil, errClosed()
		case n > 0:
			s := p.idle[n-1]
			p.idle = p.idle[:n-1]
			doubtful := s.heard.Before(p.silent) || s.made.Before(p.misledAt)
			p.mu.Unlock()
			if !doubtful && s.fit() == nil {
				return s, nil
			}
			s.close()
			p.mu.Lock()
			p.forget(s)
		case len(p.sessions)+p.making < p.size:
			return p.create(c)
		default:
			s, err := p.await(c)
			if s != nil || err != nil {
				return s, err
			}
			p.mu.Lock()
		}
	}
}

// release takes a session back from a call.
func (p *pool) release(s *session) {
	if !s.usable() {
		s.close()
		p.mu.Lock()
		p.forget(s)
		p.mu.Unlock()
		return
	}
	if p.renews(s) {
		return
	}
	p.mu.Lock()
	p.offer(s)
	p.mu.Unlock()
}

// offer gives a session to who waits for one, or to who comes next. p.mu is locked.
func (p *pool) offer(s *session) {
	if p.closed {
		return // Close closes it
	}
	if w := p.first(); w != nil {
		w.ready <- s
		return
	}
	p.idle = append(p.idle, s)
}

// forget takes a session off the list, whose place may be taken. p.mu is locked.
func (p *pool) forget(s *session) {
	if i := slices.Index(p.sessions, s); i >= 0 {
		p.sessions = slices.Delete(p.sessions, i, i+1)
	}
	p.invite()
}

// invite tells who waits for a session that one may be had. p.mu is locked.
func (p *pool) invite() {
	if w := p.first(); w != nil {
		w.ready <- nil
	}
}

// first takes the first of those who wait off the list; nil if there is none. p.mu is
// locked.
func (p *pool) first() *waiter {
	if len(p.waiting) == 0 {
		return nil
	}
	w := p.waiting[0]
	p.waiting = append(p.waiting[:0], p.waiting[1:]...)
	return w
}

var errBusy = errors.New("all connections are in use; pool_size is how many there are")

// await waits for a session, or for the place of one: then both results are nil. p.mu
// is locked before, and not after.
func (p *pool) await(c *exchange.Call) (*session, error) {
	w := &waiter{make(chan *session, 1)}
	p.waiting = append(p.waiting, w)
	p.mu.Unlock()
	ended, late := c.Done()
	select {
	case s := <-w.ready:
		return s, nil
	case <-ended:
	case <-late:
	case <-p.ctx.Done():
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if i := slices.Index(p.waiting, w); i >= 0 {
		p.waiting = slices.Delete(p.waiting, i, i+1)
	} else if s := <-w.ready; s != nil {
		p.offer(s)
	} else {
		p.invite()
	}
	return nil, p.left(c, errBusy)
}

// left returns the error of a call that ended, for want of a session.
func (p *pool) left(c *exchange.Call, reason error) error {
	switch {
	case c.Context.Err() != nil:
		return failure.OfContext(c.Context, false)
	case p.ctx.Err() != nil:
		return errClosed()
	}
	return driver.Fail(driver.ErrUnavailable, driver.NotApplied, &failure.TimeoutError{Limit: p.dialer.Settings.OpTimeout, Err: reason})
}

// An attempt is a session being made for a call.
type attempt struct {
	done    chan struct{} // closed at its end
	cancel  context.CancelFunc
	session *session
	err     error
	left    bool // the call has ended; guarded by pool.mu
}

// create makes a session for a call. p.mu is locked before, and not after.
func (p *pool) create(c *exchange.Call) (*session, error) {
	ctx, cancel := context.WithCancel(p.ctx)
	defer cancel()
	a := &attempt{done: make(chan struct{}), cancel: cancel}
	p.making++
	p.running.Go(func() { p.connect(ctx, a) })
	p.mu.Unlock()
	ended, late := c.Done()
	select {
	case <-a.done:
		return a.session, a.err
	case <-ended:
	case <-late:
	case <-p.ctx.Done():
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-a.done:
		if a.session != nil {
			return a.session, nil
		}
	default:
		a.left = true
	}
	return nil, p.left(c, errConnecting)
}

var errConnecting = errors.New("the server could not be connected to")

// connect carries an attempt out.
func (p *pool) connect(ctx context.Context, a *attempt) {
	nc, err := p.dialer.Connect(ctx)
	p.mu.Lock()
	defer p.mu.Unlock()
	defer close(a.done)
	p.making--
	if err != nil {
		a.err = err
		p.invite()
		return
	}
	s := newSession(p, nc)
	p.sessions = append(p.sessions, s)
	p.logins.Watch(s.login)
	switch {
	case p.closed:
		a.err = errClosed()
		s.leave()
	case a.left:
		p.offer(s)
	default:
		a.session = s
	}
}

// misledPause is how long a pool that has just given up its sessions takes what a
// server says for the truth: a server may be read-only for good.
const misledPause = 50 * time.Millisecond

// misled lets no more calls use the sessions that there are. The address leads to
// another server by now, or it will soon.
func (p *pool) misled() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now := time.Now(); now.Sub(p.misledAt) > misledPause {
		p.misledAt = now
	}
}

// timedOut tells that a session has had no reply for as long as its call could take.
// If that was op_timeout, connections on which nothing was heard since are in doubt:
// they are replaced when they are asked for.
func (p *pool) timedOut(s *session) {
	began := s.began.Time()
	if p.clock.Now().Time().Sub(began) < p.dialer.Settings.OpTimeout-2*p.clock.Interval() || s.heard.After(began) {
		return
	}
	p.dialer.Settings.Status.Lost(&failure.TimeoutError{Limit: p.dialer.Settings.OpTimeout})
	p.mu.Lock()
	defer p.mu.Unlock()
	if began.After(p.silent) {
		p.silent = began
	}
}
