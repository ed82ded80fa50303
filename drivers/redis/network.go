package redis

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/xcache-go/xcache/drivers/internal/failure"
	"github.com/xcache-go/xcache/drivers/internal/settings"
)

// A network is what the connections of one client share: how they are made, and
// what is known of the way to the server.
type network struct {
	settings *settings.Settings
	dial     dialFunc
	checked  bool // the system can be asked about connections
	clock    *clock
	limits   replyLimits
	// listening tells that the server sends what nobody asked for.
	listening bool

	// silent is when the last exchange was sent that had no reply for as long as
	// calls may take; nil if there was none.
	silent atomic.Pointer[moment]
	far    leases
}

// newNetwork returns the network of one client. dial may be nil.
func newNetwork(s *settings.Settings, dial dialFunc, clock *clock) *network {
	n := &network{settings: s, dial: dial, clock: clock, limits: newReplyLimits(s.MaxValue)}
	// Connections through TLS, or of somebody else's dialer, cannot be checked.
	n.checked = dial == nil && s.TLS == nil
	if dial == nil {
		n.dial = new(net.Dialer).DialContext
	}
	return n
}

// connect returns a connection, as go-redis' dialers do. It never fails: the
// connection connects when it is first written to, within the deadline of the
// call that writes.
//
// go-redis would dial in a goroutine that the call does not wait for and Close
// does not stop, for longer than the call may take; after a number of failures
// it would not dial at all, but leave that to a goroutine which looks once a
// second; and it would log each failure to standard error.
func (n *network) connect(_ context.Context, network, addr string) (net.Conn, error) {
	ctx, cancel := context.WithCancel(context.Background())
	c := &conn{
		network: n,
		dial: func(ctx context.Context) (net.Conn, error) {
			start := time.Now()
			soon, cancel := context.WithTimeout(ctx, n.settings.DialTimeout)
			defer cancel()
			nc, err := connect(soon, n.dial, network, addr, n.settings.TLS)
			if err != nil {
				n.dialFailed(err, ctx.Err() != nil, time.Since(start))
			}
			if err == nil && n.settings.NoHello {
				nc = &withoutHello{Conn: nc}
			}
			return nc, err
		},
		ctx:         ctx,
		cancel:      cancel,
		oneDeadline: n.settings.ReadTimeout == 0,
		plain:       n.settings.TLS == nil,
	}
	c.due.limits, c.due.unasked = &n.limits, n.listening
	if n.checked {
		return checkedConn{c}, nil
	}
	return c, nil
}

// timedOut tells that an exchange which was sent at a time had no reply. If it was
// given as long as calls may take, the way to the server is in doubt.
func (n *network) timedOut(sent *moment) {
	now := n.clock.now()
	if sent == nil || now.start.Sub(sent.start) < n.settings.OpTimeout-2*tick {
		return
	}
	n.settings.Status.Lost(&failure.TimeoutError{Limit: n.settings.OpTimeout})
	for {
		last := n.silent.Load()
		if last != nil && !sent.start.After(last.start) || n.silent.CompareAndSwap(last, sent) {
			return
		}
	}
}

// doubts reports whether the server has been silent since a time: a connection on
// which nothing was heard later may be as dead as the one that it was silent on.
func (n *network) doubts(heard *moment) bool {
	silent := n.silent.Load()
	return silent != nil && heard != nil && heard.start.Before(silent.start)
}

// leases are the connections that calls with far deadlines have: such a call may
// leave long before, and its connection has op_timeout then.
//
// go-redis tells neither the caller which connection it took, nor the connection
// whose request it writes. What passes through its hands unchanged is the deadline,
// so these calls have deadlines by which they are known.
type leases struct {
	count atomic.Int32
	mu    sync.Mutex
	calls map[int64]*lease // by the deadline in nanoseconds
}

// A lease is a call with a far deadline, and the connection that it has.
type lease struct {
	deadline time.Time
	conn     atomic.Pointer[conn]
}

// enter returns the lease of a call, whose deadline is that of no other.
func (l *leases) enter(deadline time.Time) *lease {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.calls == nil {
		l.calls = make(map[int64]*lease)
	}
	for l.calls[deadline.UnixNano()] != nil {
		deadline = deadline.Add(1)
	}
	call := &lease{deadline: deadline}
	l.calls[deadline.UnixNano()] = call
	l.count.Add(1)
	return call
}

// leave ends the lease of a call that has returned. If its exchange goes on, that
// has until a deadline.
func (l *leases) leave(call *lease, abandoned bool, deadline time.Time) {
	l.mu.Lock()
	delete(l.calls, call.deadline.UnixNano())
	l.count.Add(-1)
	l.mu.Unlock()
	if c := call.conn.Load(); abandoned && c != nil {
		c.shorten(call, deadline)
	}
}

// of returns the lease of the call whose deadline is t, or nil.
func (l *leases) of(t time.Time) *lease {
	if l.count.Load() == 0 {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.calls[t.UnixNano()]
}
