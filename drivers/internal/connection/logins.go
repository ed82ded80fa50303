package connection

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/settings"
)

// loginPause is the time from a failed renewal of a login to the next attempt.
const loginPause = time.Second

// Logins renews the logins of the connections to one server, while a password file
// changes or credentials of the program expire. A driver passes the login of each new
// connection to Watch. A connection without a call logs in again with the result of Next,
// if there is a result. All methods may be called concurrently.
//
// Logins has no goroutine. A timer runs while there are connections.
type Logins struct {
	settings *settings.Settings
	// renewed is called by a goroutine of its own when logins have changed. renewed renews
	// the connections without calls; connections with calls are renewed after their calls.
	renewed func()

	// current is the newest login, for connections with older logins. current is nil
	// before the first renewal, and after a refusal by the server.
	current atomic.Pointer[settings.Login]

	ctx     context.Context // ends with the connections
	cancel  context.CancelFunc
	running sync.WaitGroup

	mu    sync.Mutex
	timer *time.Timer
	at    time.Time // time at which the timer fires; zero for a stopped timer
	told  bool      // the listener knows that renewals fail
}

// NewLogins returns the Logins of one server. renewed renews the connections without calls.
// renewed is called by one goroutine at a time, and not after Close.
func NewLogins(s *settings.Settings, renewed func()) *Logins {
	l := &Logins{settings: s, renewed: renewed}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	return l
}

// Watch records a new connection by its login. A nil login never expires.
func (l *Logins) Watch(login *settings.Login) {
	if login != nil {
		l.schedule(login.RenewAt(time.Now()))
	}
}

// Next returns the login that a connection must use before its next call, given its present
// login. nil means that the present login is still good.
func (l *Logins) Next(login *settings.Login) *settings.Login {
	current := l.current.Load()
	if current == nil || login == nil || !login.Before(current) {
		return nil
	}
	return current
}

// Refused tells that the server has refused a login of Next. Connections keep their old
// logins until the next attempt.
func (l *Logins) Refused(err error) {
	l.current.Store(nil)
	l.failed(err)
}

// Accepted tells that a connection has logged in with a login of Next.
func (l *Logins) Accepted() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.told = false
}

// Close ends the attempts, and waits for the attempt in progress.
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

// schedule sets the timer for a time, unless the timer fires earlier. The zero time is
// never.
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

// fire fetches the next login, and lets the connections use that login.
func (l *Logins) fire() {
	l.mu.Lock()
	if l.ctx.Err() != nil || l.at.IsZero() {
		l.mu.Unlock()
		return
	}
	l.at = time.Time{} // from here on, schedule sets the timer again
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
