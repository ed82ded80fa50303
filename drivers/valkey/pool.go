package valkey

import (
	"context"
	"iter"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	valkeygo "github.com/valkey-io/valkey-go"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/connection"
	"github.com/xcache-go/xcache/drivers/internal/exchange"
	"github.com/xcache-go/xcache/drivers/internal/failure"
	"github.com/xcache-go/xcache/drivers/internal/settings"
	"github.com/xcache-go/xcache/drivers/internal/status"
)

// A pool has the connections to one server, and makes them when calls need them.
//
// valkey-go itself would connect in the first call without a connection, with the context
// of that call for all waiting callers, and without regard to their own contexts. A
// failed call could not tell whether the old connection had written the call.
type pool struct {
	open   func(ctx context.Context) (*link, error)
	slots  []slot
	logins *connection.Logins
	clock  *exchange.Clock
	// silence is the longest time without a reply while replies are due. After that time, a
	// connection gets no new calls, or is closed if strict.
	silence time.Duration
	strict  bool
	timeout time.Duration // time-out of a call, for errors
	status  *status.Server

	dialTimeout time.Duration

	ctx    context.Context // ends with the pool
	cancel context.CancelFunc

	lastAddressMoved atomic.Int64 // time in nanoseconds of the last call of addressMoved that retired the connections

	// large is the place of the connection for a call that may end its connection. alone
	// has an element while there is such a call.
	large  slot
	alone  chan struct{}
	proven atomic.Int64 // length of the longest argument that the server has taken

	mu       sync.Mutex
	replaced []*link // replaced connections with calls in flight
	closed   bool
	running  sync.WaitGroup // goroutines that connect
}

// A slot is the place of one connection.
type slot struct {
	link atomic.Pointer[link]

	// Guarded by pool.mu:
	attempt *attempt  // the attempt to connect; nil if there is none
	failed  time.Time // time of the last failed attempt
}

// An attempt is the making of one connection. The attempt outlasts its callers: callers with
// less time than it takes to connect would otherwise never get a connection.
type attempt struct {
	began time.Time
	done  chan struct{} // closed at the end of the attempt
	err   error
}

// growPause is the pause after a failed attempt to add a connection. The pool has another
// connection, and the server may refuse more.
const growPause = time.Second

// newPool returns a pool without connections. The caller sets the clock.
func newPool(s *settings.Settings, dial dialFunc) *pool {
	p := &pool{
		slots:   make([]slot, poolSize(s)),
		silence: s.OpTimeout,
		alone:   make(chan struct{}, 1),
		timeout: s.OpTimeout,
		status:  s.Status,

		dialTimeout: s.DialTimeout,
	}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	p.logins = connection.NewLogins(s, p.renew)
	p.open = func(ctx context.Context) (*link, error) { return openLink(ctx, s, dial, p) }
	p.unproven()
	if s.ReadTimeout > 0 {
		p.silence, p.strict = s.ReadTimeout, true
	}
	return p
}

// enter returns a connection with the call among its callers.
func (p *pool) enter(c *exchange.Call, ctx *callContext) (*link, error) {
	ctx.begin(c)
	for {
		l, err := p.acquire(c)
		if err != nil {
			return nil, err
		}
		if l.callers.enter(ctx) || l.callers.await(ctx) {
			p.clock.Resume()
			return l, nil
		}
		if c.Ended(time.Now()) {
			return nil, p.left(c)
		}
	}
}

// acquire returns the connection with the least load, and starts another connection if all
// have calls in flight. Without any connection, acquire waits for the first one until the
// call ends.
func (p *pool) acquire(c *exchange.Call) (*link, error) {
	if size := longest(c); p.isRisky(size) {
		return p.acquireAlone(c, size)
	}
	return p.acquireAny(c)
}

func (p *pool) acquireAny(c *exchange.Call) (*link, error) {
	for {
		var (
			best  *link
			least int64
			empty = -1
		)
		for i := range p.slots {
			l := p.slots[i].link.Load()
			if l == nil || !l.usable() {
				if empty < 0 {
					empty = i
				}
				continue
			}
			if n := l.load(); best == nil || n < least {
				best, least = l, n
			}
			if least == 0 {
				break
			}
		}
		if best != nil {
			if least > 0 && empty >= 0 {
				p.grow(&p.slots[empty])
			}
			return best, nil
		}
		if err := p.connect(c, &p.slots[0]); err != nil {
			return nil, err
		}
	}
}

// connect waits until a slot has a connection, or until the call ends. An attempt that began
// before the call may be about to time out, although the call has time left. So the call then
// waits for another attempt.
func (p *pool) connect(c *exchange.Call, s *slot) error {
	for again := false; ; again = true {
		p.mu.Lock()
		if p.closed {
			p.mu.Unlock()
			return driver.Fail(driver.ErrClosed, driver.NotApplied, nil)
		}
		if l := s.link.Load(); l != nil && l.usable() {
			p.mu.Unlock()
			return nil
		}
		earlier := s.attempt != nil
		a := p.begin(s)
		p.mu.Unlock()
		ended, late := c.Done()
		select {
		case <-a.done:
			if again || !earlier || !failure.IsTimeout(a.err) {
				return a.err
			}
		case <-ended:
			return p.left(c)
		case <-late:
			return p.left(c)
		}
	}
}

// grow starts an attempt to fill another slot. No caller waits for the attempt.
func (p *pool) grow(s *slot) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if l := s.link.Load(); !p.closed && s.attempt == nil && time.Since(s.failed) > growPause && (l == nil || !l.usable()) {
		p.begin(s)
	}
}

// begin returns the attempt to fill a slot, and starts an attempt if there is none. An
// attempt long after dial_timeout does not count: its dial function ignores contexts.
// p.mu is locked.
func (p *pool) begin(s *slot) *attempt {
	if a := s.attempt; a != nil && time.Since(a.began) < 2*p.dialTimeout {
		return a
	}
	a := &attempt{began: time.Now(), done: make(chan struct{})}
	s.attempt = a
	p.running.Go(func() {
		l, err := p.open(p.ctx)
		p.mu.Lock()
		defer p.mu.Unlock()
		defer close(a.done)
		current := s.attempt == a
		if current {
			s.attempt = nil
		}
		switch a.err = err; {
		case err != nil:
			s.failed = time.Now()
		case p.closed:
			a.err = driver.Fail(driver.ErrClosed, driver.NotApplied, nil)
			l.kill(a.err)
		case !current: // another attempt has begun
			l.kill(errRetired)
		default:
			login := l.login
			if old := s.link.Swap(l); old != nil {
				p.replaced = append(p.replaced, old)
			}
			p.logins.Watch(login)
			if p.logins.Next(login) != nil { // the credentials were renewed during the attempt
				p.running.Go(func() { p.logInAgain(l) })
			}
		}
	})
	return a
}

// Watch implements exchange.Wire. Watch checks all connections, and asks for another call
// while any connection needs the call. When a connection falls silent, other connections
// without a reply since then get no new calls either.
func (p *pool) Watch(now time.Time) (again bool) {
	var silence time.Time // latest time at which a silent connection fell silent
	for s := range p.places() {
		l := s.link.Load()
		if l == nil {
			continue
		}
		if l.watch(now, p.silence, p.strict) {
			again = true
		}
		if l.silent && l.silentSince.After(silence) {
			silence = l.silentSince
		}
	}
	for s := range p.places() {
		if l := s.link.Load(); l != nil && l.heard.Before(silence) {
			l.retired.Store(true)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	kept := p.replaced[:0]
	for _, l := range p.replaced {
		if l.watch(now, p.silence, p.strict) {
			kept = append(kept, l)
			again = true
		}
	}
	clear(p.replaced[len(kept):])
	p.replaced = kept
	return again
}

// places returns all slots, with the slot of large.
func (p *pool) places() iter.Seq[*slot] {
	return func(yield func(*slot) bool) {
		for i := range p.slots {
			if !yield(&p.slots[i]) {
				return
			}
		}
		yield(&p.large)
	}
}

// Close implements exchange.Wire.
func (p *pool) Close() error {
	p.Disconnect()
	p.logins.Close()
	return nil
}

// Disconnect implements exchange.Wire. Disconnect closes all connections, and ends the
// attempts to connect.
func (p *pool) Disconnect() {
	p.cancel()
	p.mu.Lock()
	p.closed = true
	links := slices.Clone(p.replaced)
	for s := range p.places() {
		if l := s.link.Load(); l != nil {
			links = append(links, l)
		}
	}
	p.mu.Unlock()
	p.running.Wait()
	for _, l := range links {
		l.kill(valkeygo.ErrClosing)
		l.client.Close()
	}
}
