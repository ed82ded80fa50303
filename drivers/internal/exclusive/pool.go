// Package exclusive gives callers connections of their own to one server, for all drivers
// whose servers speak the Redis protocol: see driver.Exclusive. Package connection makes
// a connection, and package resp reads from the connection. Client libraries are not
// used, because none of them tells whether the state of a connection is as new.
//
// A [Pool] has the connections to a server, and limits their number. A [Session] is the use
// of a connection by one caller. Between two sessions a connection is a link without a
// session. Each link has a store of package exchange, which decides the outcomes of
// commands.
package exclusive

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/connection"
	"github.com/xcache-go/xcache/drivers/internal/dialect"
	"github.com/xcache-go/xcache/drivers/internal/exchange"
	"github.com/xcache-go/xcache/drivers/internal/failure"
	"github.com/xcache-go/xcache/drivers/internal/node"
	"github.com/xcache-go/xcache/drivers/internal/retry"
)

// maxIdleTime is the longest time that a connection without a session is used again. The
// next caller closes an older connection.
const maxIdleTime = time.Minute

// A Pool has the exclusive connections to one server: see Exclusive of package
// drivers/internal/node. The goroutines of a Pool are the goroutines that connect, and
// the clock's goroutine while calls use the clock.
type Pool struct {
	dialer connection.Dialer
	// options are the options of each link's store.
	options exchange.Options
	clock   *exchange.Clock

	// places has an element for each session, and for each attempt to begin one.
	places  chan struct{}
	ctx     context.Context // ends with the pool
	cancel  context.CancelFunc
	running sync.WaitGroup // goroutines that connect
	ending  sync.WaitGroup // sessions that end soon: see Session.endSoon

	mu             sync.Mutex
	sessions       map[*Session]struct{} // sessions that have not ended
	idle           []*link               // the last used link is at the end
	addressMovedAt time.Time             // time at which the server was last found to have another role
	closing        bool                  // sessions end at once, without a grace period
	closed         bool
}

// NewPool returns a pool for the server of a dialer. NewPool does no I/O.
func NewPool(dialer connection.Dialer) *Pool {
	s := dialer.Settings
	p := &Pool{
		dialer: dialer,
		options: exchange.Options{
			Driver: s.Driver, OpTimeout: s.OpTimeout, MaxValue: s.MaxValue, NoHello: s.NoHello,
			Exclusive: true, Dialect: new(dialect.Dialect),
		},
		clock:    exchange.NewClock(s.OpTimeout, func(time.Time) bool { return false }),
		places:   make(chan struct{}, s.ExclusiveSize),
		sessions: make(map[*Session]struct{}),
	}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	return p
}

// Exclusive implements driver.Exclusive. A failed attempt to connect is retried with the
// rules of package retry.
func (p *Pool) Exclusive(ctx context.Context, keys ...string) (driver.Session, error) {
	if ctx.Err() != nil {
		return nil, failure.OfContext(ctx, false)
	}
	key := ""
	if len(keys) > 0 {
		key = keys[0] // the key for EndSessions
	}
	start, timeout := time.Now(), p.options.OpTimeout
	ctx, cancel := failure.Bound(ctx, start.Add(timeout), timeout)
	defer cancel()
	deadline, _ := ctx.Deadline()
	for try := 1; ; {
		if err := p.enter(ctx); err != nil {
			return nil, err
		}
		s, err := p.begin(ctx, key)
		if err == nil {
			if s.check(ctx) {
				return s, nil
			}
			if ctx.Err() != nil {
				return nil, passing(failure.OfContext(ctx, false))
			}
			continue // the idle connection was lost
		}
		p.leave()
		try++
		if !retry.Allowed(err, false) || !retry.Wait(ctx, try, start, deadline) {
			return nil, passing(failure.InContext(ctx, err))
		}
	}
}

// passing returns err, marked as transient for a server that did not answer in time: the
// server, or its successor, may answer soon.
func passing(err error) error {
	e, ok := errors.AsType[*driver.Error](err)
	if !ok || e.Transient || !errors.Is(e.Kind, driver.ErrUnavailable) || !failure.IsTimeout(err) {
		return err
	}
	again := *e
	return again.Retryable()
}

func errClosed() *driver.Error { return driver.Fail(driver.ErrClosed, driver.NotApplied, nil) }

// enter takes a place, and waits if no place is free.
func (p *Pool) enter(ctx context.Context) error {
	select {
	case p.places <- struct{}{}:
		return nil
	default:
	}
	select {
	case p.places <- struct{}{}:
		return nil
	case <-p.ctx.Done():
		return errClosed()
	case <-ctx.Done():
	}
	err := failure.OfContext(ctx, false)
	if timeout, ok := errors.AsType[*failure.TimeoutError](err.Err); ok {
		timeout.Err = node.ErrNoPlace
	} else {
		err.Err = node.ErrNoPlace
	}
	return err
}

// leave gives a place back.
func (p *Pool) leave() { <-p.places }

// begin begins a session on an idle connection or a new connection. The session owns
// the place afterwards.
func (p *Pool) begin(ctx context.Context, key string) (*Session, error) {
	l := p.takeIdle()
	if l == nil {
		nc, err := p.connect(ctx)
		if err != nil {
			return nil, err
		}
		l = newLink(p, nc)
	}
	return p.use(l, key)
}

// use begins a session on a link.
func (p *Pool) use(l *link, key string) (*Session, error) {
	s := &Session{pool: p, link: l, key: key}
	l.session = s
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		l.close()
		return nil, errClosed()
	}
	p.sessions[s] = struct{}{}
	return s, nil
}

// takeIdle returns an idle link or nil. takeIdle closes links that are too old, or that
// were made before the last call of addressMoved.
func (p *Pool) takeIdle() *link {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.idle) > 0 {
		last := len(p.idle) - 1
		l := p.idle[last]
		p.idle[last] = nil
		p.idle = p.idle[:last]
		if time.Since(l.idleSince) < maxIdleTime && l.made.After(p.addressMovedAt) && !l.loginExpired() {
			return l
		}
		l.close()
	}
	return nil
}

// connect makes a connection. A caller whose context ends does not wait, because the dial
// function may ignore contexts.
func (p *Pool) connect(ctx context.Context) (*connection.Conn, error) {
	type result struct {
		nc  *connection.Conn
		err error
	}
	results := make(chan result)
	dialing, cancel := context.WithCancel(p.ctx)
	stop := context.AfterFunc(ctx, cancel)
	defer stop()
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		cancel()
		return nil, errClosed()
	}
	p.running.Go(func() {
		defer cancel()
		nc, err := p.dialer.Connect(dialing)
		select {
		case results <- result{nc, err}:
		case <-dialing.Done():
			if err == nil {
				_ = nc.Close() // no caller uses the connection
			}
		}
	})
	p.mu.Unlock()
	select {
	case r := <-results:
		return r.nc, r.err
	case <-dialing.Done():
	}
	if p.ctx.Err() != nil {
		return nil, errClosed()
	}
	return nil, failure.OfContext(ctx, false)
}

// end removes an ended session, and frees its place. The connection becomes idle with
// reuse, and is closed otherwise.
func (p *Pool) end(s *Session, reuse bool) {
	p.mu.Lock()
	delete(p.sessions, s)
	reuse = reuse && !p.closed
	if reuse {
		s.link.idleSince, s.link.session = time.Now(), nil
		p.idle = append(p.idle, s.link)
	}
	p.mu.Unlock()
	if !reuse {
		s.link.close()
	}
	p.leave()
}

// addressMoved lets no session use an idle connection. The address belongs to another
// server now, or will soon.
func (p *Pool) addressMoved() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.addressMovedAt = time.Now()
}

// Sessions implements node.Exclusive.
func (p *Pool) Sessions() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.sessions)
}

// EndSessions implements node.Exclusive.
func (p *Pool) EndSessions(reason *driver.Error, ends func(key string) bool) {
	p.mu.Lock()
	var ending []*Session
	for s := range p.sessions {
		switch {
		case !ends(s.key):
		case p.closing:
			ending = append(ending, s)
		case !s.endSoon(reason):
			ending = append(ending, s)
		}
	}
	p.mu.Unlock()
	for _, s := range ending {
		s.endFor(reason)
	}
}

// Disconnect ends all sessions, and closes all connections. No new session can begin.
func (p *Pool) Disconnect() {
	p.mu.Lock()
	p.closing, p.closed = true, true
	idle := p.idle
	p.idle = nil
	p.mu.Unlock()
	p.cancel()
	p.EndSessions(errClosed(), func(string) bool { return true })
	for _, l := range idle {
		l.close()
	}
}

// Close is Disconnect, and waits for all goroutines of the pool. Sessions that end soon
// have their grace period before.
func (p *Pool) Close() {
	p.mu.Lock()
	p.closing = true
	p.mu.Unlock()
	p.ending.Wait()
	p.Disconnect()
	p.running.Wait()
	p.clock.Close()
}
