package redis

import (
	"slices"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/connection"
	"github.com/xcache-go/xcache/drivers/internal/settings"
	"github.com/xcache-go/xcache/drivers/internal/shape"
)

// A session logs in anew between two calls, and not for one: a call that finds no
// other session waits for it, as for one that carries a call.

// renews has a session log in anew, if it has to, and reports whether it does.
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

// renewIdle has the sessions log in anew that carry no call, one after the other.
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

// renew has a session log in anew that carries no call, and gives it to the next call.
func (p *pool) renew(s *session) {
	if login := p.logins.Next(s.login); login != nil {
		refusal, err := s.logIn(login)
		switch {
		case err != nil:
			s.close()
			p.mu.Lock()
			p.forget(s)
			p.mu.Unlock()
			return
		case refusal != nil:
			p.logins.Refused(refusal)
		default:
			s.login = login
			p.logins.Accepted()
		}
	}
	p.mu.Lock()
	p.offer(s)
	p.mu.Unlock()
}

// maxLoginReply is the length of the longest reply to a login.
const maxLoginReply = 4 << 10

// logIn logs in anew, within dial_timeout. A server that refuses lets the session be
// what it was; after err the session is not used again.
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
