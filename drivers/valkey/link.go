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

// A link is a client of valkey-go with one connection, which it does not
// replace when it is lost.
type link struct {
	client valkeygo.Client
	conn   *conn

	callers callers
	// login is what the connection has logged in with; nil if there is none.
	loggingIn sync.Mutex // guards login
	login     *settings.Login
	// retired tells that no new calls are made.
	retired atomic.Bool
	// alone tells that it carries one request, and no other.
	alone bool

	// Of the goroutine that watches.
	answered, parts int64
	silentSince     time.Time
	heard           time.Time // when a reply was last seen to have come
	silent          bool      // for too long
}

// maxAbandoned is how many calls may be waited for by nobody.
const maxAbandoned = 512

// openLink connects to the server, for a pool.
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
	l := &link{client: client, conn: c, login: nc.Login, silentSince: now, heard: now}
	l.callers.conn = c
	return l, nil
}

// load returns how many commands are under way.
func (l *link) load() int64 { return l.conn.due() }

// usable reports whether new calls may be made.
func (l *link) usable() bool { return !l.conn.dead.Load() && !l.retired.Load() }

// kill closes the connection, if it is the driver's.
func (l *link) kill(cause error) {
	if l != nil {
		l.conn.kill(cause)
	}
}

// anew is conn.anew for the connection of the link, if it is the driver's.
func (l *link) anew(err error) error {
	if l == nil {
		return err
	}
	return l.conn.anew(err)
}

// watch is called for each tick. It retires a connection on which replies are
// due and none has come for as long as silence, and closes it when nobody may
// hope for one any more, or at once if strict. It reports whether it has to be
// called again.
func (l *link) watch(now time.Time, silence time.Duration, strict bool) (again bool) {
	calls, left := l.callers.look(now, l.usable())
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
	if due == 0 || !l.heard.Before(now) {
		l.answered, l.parts, l.silentSince = answered, parts, now
		if due == 0 && l.retired.Load() {
			l.kill(errRetired)
		}
		return due > 0 || calls > 0
	}
	if now.Sub(l.silentSince) < silence {
		return true
	}
	l.retired.Store(true)
	if !l.silent {
		l.conn.pool.status.Lost(errSilent)
	}
	l.silent = true
	if strict || calls == 0 {
		l.kill(errSilent)
	}
	return true
}
