package valkey

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	valkeygo "github.com/valkey-io/valkey-go"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/connection"
	"github.com/xcache-go/xcache/drivers/internal/settings"
)

// A link is a client of valkey-go with one connection. The client does not replace a lost
// connection.
type link struct {
	client valkeygo.Client
	conn   *conn

	callers callers
	// login is the login of the connection, or nil for a connection without a login.
	loggingIn sync.Mutex // guards login
	login     *settings.Login
	// retired tells that the connection gets no new calls.
	retired atomic.Bool
	// alone tells that the connection carries a single call: see acquireAlone.
	alone bool

	// The goroutine of the clock alone uses these fields.
	answered, parts int64
	silentSince     time.Time
	heard           time.Time // when the last new reply was noticed
	idle            bool      // no reply was due at the last check
	silent          bool      // no reply has come for too long
}

// maxAbandoned is the limit of calls in the queue whose callers have left.
const maxAbandoned = 512

// openLink connects to the server of a pool.
func openLink(ctx context.Context, s *settings.Settings, by dialFunc, p *pool) (*link, error) {
	dialer := connection.Dialer{Settings: s, Dial: by}
	nc, err := dialer.Connect(ctx)
	if err != nil {
		return nil, err
	}
	c := newConn(nc, s, p)
	client, err := valkeygo.NewClient(clientOption(s, c))
	if err != nil {
		c.kill(err)
		if client != nil {
			client.Close()
		}
		return nil, driver.Fail(driver.ErrUnavailable, driver.NotApplied, err).Retryable()
	}
	now := time.Now()
	l := &link{client: client, conn: c, login: nc.Login, silentSince: now, heard: now, idle: true}
	l.callers.conn = c
	return l, nil
}

// load returns the number of commands in flight.
func (l *link) load() int64 { return l.conn.due() }

// usable reports whether the connection takes new calls.
func (l *link) usable() bool { return !l.conn.dead.Load() && !l.retired.Load() }

// kill closes the connection. A nil link has a client of the program's, and stays open.
func (l *link) kill(cause error) {
	if l != nil {
		l.conn.kill(cause)
	}
}

// markSelfRedirect is conn.markSelfRedirect for the connection of the link. A nil link
// returns err.
func (l *link) markSelfRedirect(err error) error {
	if l == nil {
		return err
	}
	return l.conn.markSelfRedirect(err)
}

// watch checks the connection at each tick. A connection is retired when replies are due
// and no reply has come for the time of silence. A retired connection is closed when no
// call is in flight any more, not even a call that is not written yet; with strict, a silent
// connection is closed at once. again asks for a call at the next tick.
func (l *link) watch(now time.Time, silence time.Duration, strict bool) (again bool) {
	calls, left := l.callers.sweep(now, l.usable())
	if l.conn.dead.Load() {
		return calls > 0
	}
	if left > maxAbandoned {
		l.retired.Store(true)
	}
	due, answered, parts := l.conn.due(), l.conn.answered.Load(), l.conn.parts.Load()
	if answered != l.answered || parts != l.parts {
		l.heard = now
	}
	// An idle connection may not have been checked for long: the clock stands still then. So
	// the first check behind an idle one begins the time of silence.
	wasIdle := l.idle
	l.idle = due == 0
	if wasIdle || due == 0 || !l.heard.Before(now) {
		l.answered, l.parts, l.silentSince, l.silent = answered, parts, now, false
		if due == 0 && l.retired.Load() && l.callers.endIfNone() {
			l.kill(errRetired)
		}
		return due > 0 || calls > 0
	}
	if now.Sub(l.silentSince) < silence {
		return true
	}
	l.retired.Store(true)
	if !l.silent {
		l.conn.status.Lost(errSilent)
	}
	l.silent = true
	if strict || l.callers.endIfNone() {
		l.kill(errSilent)
	}
	return true
}
