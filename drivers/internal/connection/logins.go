package connection

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/settings"
)

// loginPause is how long after a failure connections that live try again to log in
// anew.
const loginPause = time.Second

// Logins keep the connections to one server logged in, while what they log in with
// changes: a password's file, or credentials of the program that expire. A driver
// tells Watch of each connection, and has a connection log in anew where Next says so,
// when it carries no call. All methods may be called concurrently.
//
// No goroutine waits for the next time: a timer is there once a connection is.
type Logins struct {
	settings *settings.Settings
	// renewed is called, by a goroutine of its own, when connections have to log in
	// anew: for those that carry no call, of which nobody else would.
	renewed func()

	// current is what connections log in with that have logged in earlier; nil if
	// there is no such login, or the server has refused it a moment ago.
	current atomic.Pointer[settings.Login]

	ctx     context.Context // ends with the connections
	cancel  context.CancelFunc
	running sync.WaitGroup

	mu    sync.Mutex
	timer *time.Timer
	at    time.Time // when the timer fires; zero if it does not
	told  bool      // the listener knows that connections are not renewed
}

// NewLogins returns what keeps the connections to a server logged in. renewed looks
// after connections without a call: it is called by one goroutine at a time, and not
// after Close.
func NewLogins(s *settings.Settings, renewed func()) *Logins {
	l := &Logins{settings: s, renewed: renewed}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	return l
}

// Watch tells of a connection that has logged in so, or with nothing.
func (l *Logins) Watch(login *settings.Login) {
	if login != nil {
		l.schedule(login.RenewAt(time.Now()))
	}
}

// Next returns what a connection has to log in with before it carries another call, by
// what it has logged in with before; nil if it has not to.
func (l *Logins) Next(login *settings.Login) *settings.Login {
	current := l.current.Load()
	if current == nil || login == nil || !login.Before(current) {
		return nil
	}
	return current
}

// Refused tells that the server has refused a login that Next returned, and lets
// connections go on with what they have logged in with, until the next attempt.
func (l *Logins) Refused(err error) {
	l.current.Store(nil)
	l.failed(err)
}

// Accepted tells that a connection has logged in with what Next returned.
func (l *Logins) Accepted() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.told = false
}

// Close ends the attempts, and waits for the one under way.
func (l *Logins) Close() {
	l.mu.Lock()
	l.cancel()
	if l.timer != nil {
		l.timer.Stop()
	}
	l.mu.Unlock()
	l.running.Wait()
}

func (l *Logins) failed(err error) {
	if l.ctx.Err() != nil {
		return
	}
	l.settings.Status.Failed(err)
	l.mu.Lock()
	told := l.told
	l.told = true
	l.mu.Unlock()
	if !told {
		l.settings.Status.Notify(driver.CredentialsNotRenewed, err)
	}
	l.schedule(time.Now().Add(loginPause))
}

// schedule has another login looked for at a time, or earlier. The zero time is never.
func (l *Logins) schedule(at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if at.IsZero() || l.ctx.Err() != nil || !l.at.IsZero() && !at.Before(l.at) {
		return
	}
	l.at = at
	if l.timer == nil {
		l.timer = time.AfterFunc(time.Until(at), l.fire)
	} else {
		l.timer.Reset(time.Until(at))
	}
}

// fire looks for another login, and has the connections log in.
func (l *Logins) fire() {
	l.mu.Lock()
	if l.ctx.Err() != nil || l.at.IsZero() {
		l.mu.Unlock()
		return
	}
	l.at = time.Time{} // who schedules from here on is heard
	l.running.Add(1)
	l.mu.Unlock()
	defer l.running.Done()
	ctx, cancel := context.WithTimeout(l.ctx, l.settings.DialTimeout)
	login, err := l.settings.Renewed(ctx)
	cancel()
	if err != nil {
		l.failed(failed(err))
		return
	}
	l.current.Store(login)
	l.schedule(login.RenewAt(time.Now()))
	l.renewed()
}
