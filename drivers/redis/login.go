package redis

import (
	"slices"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/connection"
	"github.com/xcache-go/xcache/drivers/internal/settings"
	"github.com/xcache-go/xcache/drivers/internal/shape"
)

// A session renews its login between two calls. A call without another session waits for
// the login, as for a session with a call.

// renews starts a login of a session whose credentials expire. The result tells whether a
// login was started.
func (p *pool) renews(s *session) bool {
	if p.logins.Next(s.login) == nil {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	p.running.Go(func() { p.renew(s) })
	return true
}

// renewIdle renews the logins of idle sessions, one after the other.
func (p *pool) renewIdle() {
	for {
		p.mu.Lock()
		i := slices.IndexFunc(p.idle, func(s *session) bool { return p.logins.Next(s.login) != nil })
		if p.closed || i < 0 {
			p.mu.Unlock()
			return
		}
		s := p.idle[i]
		p.idle = slices.Delete(p.idle, i, i+1)
		p.mu.Unlock()
		p.renew(s)
	}
}

// renew renews the login of a session without a call, and offers the session to the next
// call.
func (p *pool) renew(s *session) {
	if login := p.logins.Next(s.login); login != nil {
		refusal, err := s.logIn(login)
		switch {
		case err != nil:
			p.retire(s)
			return
		case refusal != nil:
			p.logins.Refused(refusal)
		default:
			s.login = login
			p.logins.Accepted()
		}
	}
	p.giveBack(s)
}

// maxLoginReply is the length of the longest reply to a login.
const maxLoginReply = 4 << 10

// logIn logs in again, within dial_timeout. A refusal of the server leaves the session with
// its old login. After an error the session must be closed.
func (s *session) logIn(login *settings.Login) (refusal, err error) {
	if err := s.nc.SetDeadline(time.Now().Add(s.pool.dialer.Settings.DialTimeout)); err != nil {
		return nil, err
	}
	if err := connection.WriteCommands(s.nc, login.Words()); err != nil {
		return nil, err
	}
	s.replies.Begin(1)
	reply, err := s.replies.Next(shape.OK, maxLoginReply)
	if err != nil {
		return nil, err
	}
	s.heard = time.Now()
	if reply.Kind == driver.ReplyError {
		refusal = reply.Err
	}
	return refusal, s.nc.SetDeadline(time.Time{})
}
