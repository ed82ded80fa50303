package redis

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/connection"
	"github.com/xcache-go/xcache/drivers/internal/exchange"
	"github.com/xcache-go/xcache/drivers/internal/failure"
	"github.com/xcache-go/xcache/drivers/internal/settings"
)

// A pool has the sessions with one server, and makes them when calls need them. The pool is
// the wire of a store from a DSN.
//
// go-redis' own pool does not tell the connection of a call, and connects in goroutines
// that outlive Close. After some failures, only one of these goroutines notices that the
// server is back.
type pool struct {
	dialer connection.Dialer
	logins *connection.Logins
	clock  *exchange.Clock
	size   int // limit of sessions

	ctx     context.Context // ends with the pool
	cancel  context.CancelFunc
	running sync.WaitGroup // goroutines that connect or renew a login

	missed atomic.Int32 // exchanges in a row that have ended without a reply on any session

	mu             sync.Mutex
	sessions       []*session // all sessions
	idle           []*session // sessions without a call; the last used one is at the end
	making         int        // number of attempts in progress
	waiting        []*waiter  // waiting calls, in order
	closed         bool
	silent         time.Time // start of the last silence: see timedOut
	missedSince    time.Time // start of the first of the missed exchanges
	addressMovedAt time.Time // time at which the server was last found to have another role
}

// A waiter is a call without a session.
type waiter struct {
	// ready receives a session, or nil if the call should look for one again.
	ready chan *session
}

// perCPU is the default number of sessions for each CPU.
const perCPU = 10

// newPool returns a pool without sessions. The caller sets the clock.
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

// Watch implements exchange.Wire. Watch interrupts the calls that have ended.
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

// acquire returns a session for a call. The session carries no other call.
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
			doubtful := s.heard.Before(p.silent) || s.made.Before(p.addressMovedAt)
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

// release takes a session back from a call. A session from before the move of the address
// is closed: no other call may use that session.
func (p *pool) release(s *session) {
	if s.usable() {
		if !p.renews(s) {
			p.giveBack(s)
		}
		return
	}
	p.retire(s)
}

// giveBack offers a session to other calls, or closes the session if the address leads to another
// server by now.
func (p *pool) giveBack(s *session) {
	p.mu.Lock()
	stays := !s.made.Before(p.addressMovedAt)
	if stays {
		p.offer(s)
	}
	p.mu.Unlock()
	if !stays {
		p.retire(s)
	}
}

// retire closes a session, so that another session can be made.
func (p *pool) retire(s *session) {
	s.close()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.forget(s)
}

// offer gives a session to the first waiting call, or makes the session idle. p.mu is
// locked.
func (p *pool) offer(s *session) {
	if p.closed {
		return // Close closes all sessions
	}
	if w := p.first(); w != nil {
		w.ready <- s
		return
	}
	p.idle = append(p.idle, s)
}

// forget removes a session, so that another one can be made. p.mu is locked.
func (p *pool) forget(s *session) {
	if i := slices.Index(p.sessions, s); i >= 0 {
		p.sessions = slices.Delete(p.sessions, i, i+1)
	}
	p.wakeFirst()
}

// wakeFirst tells the first waiting call to look for a session again. p.mu is locked.
func (p *pool) wakeFirst() {
	if w := p.first(); w != nil {
		w.ready <- nil
	}
}

// first removes the first waiting call, and returns it. first returns nil if no call waits.
// p.mu is locked.
func (p *pool) first() *waiter {
	if len(p.waiting) == 0 {
		return nil
	}
	w := p.waiting[0]
	p.waiting = append(p.waiting[:0], p.waiting[1:]...)
	return w
}

var errBusy = errors.New("all connections are in use; pool_size is how many there are")

// await waits for a session, or for the permission to look for one again: both results
// are nil then. p.mu is locked before await, and unlocked after await.
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
		p.wakeFirst()
	}
	reason := errBusy
	if len(p.sessions) == 0 {
		reason = errConnecting
	}
	return nil, p.left(c, reason)
}

// left returns the error of a call that ended without a session.
func (p *pool) left(c *exchange.Call, reason error) error {
	switch {
	case c.Context.Err() != nil:
		return failure.OfContext(c.Context, false)
	case p.ctx.Err() != nil:
		return errClosed()
	}
	return driver.Fail(driver.ErrUnavailable, driver.NotApplied, &failure.TimeoutError{Limit: p.dialer.Settings.OpTimeout, Err: reason})
}

// An attempt is the making of a session for a call. The attempt outlasts its call: callers
// with less time than it takes to connect would otherwise never get a session.
type attempt struct {
	done    chan struct{} // closed at the end of the attempt
	session *session
	err     error
	left    bool // the call has ended; guarded by pool.mu
}

// create makes a session for a call. p.mu is locked before create, and unlocked after
// create.
func (p *pool) create(c *exchange.Call) (*session, error) {
	a := &attempt{done: make(chan struct{})}
	p.making++
	p.running.Go(func() { p.connect(a) })
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

// connect makes the session of an attempt.
func (p *pool) connect(a *attempt) {
	nc, err := p.dialer.Connect(p.ctx)
	p.mu.Lock()
	defer p.mu.Unlock()
	defer close(a.done)
	p.making--
	if err != nil {
		a.err = err
		p.wakeFirst()
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

// addressMovedPause is the time after addressMoved in which the pool believes the server: a
// server may be read-only for good.
const addressMovedPause = 50 * time.Millisecond

// addressMoved lets no call use the present sessions again. The address belongs to another
// server now, or will soon.
func (p *pool) addressMoved() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now := time.Now(); now.Sub(p.addressMovedAt) > addressMovedPause {
		p.addressMovedAt = now
	}
}

// maxMissed is the number of exchanges in a row without a reply after which a server counts
// as silent, although no exchange had the time of op_timeout. One such exchange says little,
// as its caller may have been in a hurry.
const maxMissed = 3

// timedOut records a session without a reply for the whole time of its call. If that time
// was op_timeout, or after maxMissed such sessions, acquire replaces all sessions without a
// reply since then.
func (p *pool) timedOut(s *session) {
	began, slack := s.began.Time(), 2*p.clock.Interval()
	lasted := p.clock.Now().Time().Sub(began)
	if lasted < slack || s.heard.After(began) {
		return
	}
	whole := lasted >= p.dialer.Settings.OpTimeout-slack
	if whole {
		p.dialer.Settings.Status.Lost(&failure.TimeoutError{Limit: p.dialer.Settings.OpTimeout})
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	missed := p.missed.Add(1)
	if missed == 1 {
		p.missedSince = began
	}
	if !whole {
		if missed < maxMissed {
			return
		}
		began = p.missedSince
	}
	if began.After(p.silent) {
		p.silent = began
	}
}

// answered notes that the server has said something.
func (p *pool) answered() {
	if p.missed.Load() != 0 {
		p.missed.Store(0)
	}
	p.dialer.Settings.Status.Answered()
}
