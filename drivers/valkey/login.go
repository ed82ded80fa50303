package valkey

import (
	"context"
	"sync"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/exchange"
	"github.com/xcache-go/xcache/drivers/internal/settings"
	"github.com/xcache-go/xcache/drivers/internal/shape"
)

// renew renews the logins of connections whose credentials expire. A login is queued like
// other calls: no call waits for the login, and no call fails.
func (p *pool) renew() {
	var running sync.WaitGroup
	for i := range p.slots {
		if l := p.slots[i].link.Load(); l != nil && l.usable() {
			running.Go(func() { p.logInAgain(l) })
		}
	}
	running.Wait()
}

// logInAgain renews the login of a connection if its credentials expire. A connection
// keeps its old login if the server refuses the new login. New calls go to other
// connections if the server does not answer.
func (p *pool) logInAgain(l *link) {
	l.loggingIn.Lock()
	defer l.loggingIn.Unlock()
	login := p.logins.Next(l.login)
	if login == nil || p.ctx.Err() != nil {
		return
	}
	switch refusal, err := p.logIn(l, login); {
	case err != nil:
		l.retired.Store(true)
	case refusal != nil:
		p.logins.Refused(refusal)
	default:
		l.login = login
		p.logins.Accepted()
	}
}

// maxLoginReply is the length of the longest reply to a login.
const maxLoginReply = 4 << 10

// logIn sends a login over a connection, and waits at most dial_timeout for the reply.
func (p *pool) logIn(l *link, login *settings.Login) (refusal, err error) {
	ctx, cancel := context.WithTimeout(p.ctx, p.dialTimeout)
	defer cancel()
	words := login.Words()
	command := exchange.Command{Name: words[0], Shape: shape.OK, Longest: maxLoginReply}
	for _, word := range words[1:] {
		command.Args = append(command.Args, driver.Literal(word))
	}
	c := &exchange.Call{Commands: []exchange.Command{command}, Context: ctx, Deadline: time.Now().Add(p.dialTimeout), Began: p.clock.Now()}
	m := memoryOf(c)
	m.context.begin(c)
	if !l.callers.enter(&m.context) && !l.callers.await(&m.context) {
		return nil, errSilent
	}
	l.exchange(c, m)
	if answer := &c.Commands[0]; !answer.Replied {
		return nil, c.Err
	} else if answer.Reply.Kind == driver.ReplyError {
		return answer.Reply.Err, nil
	}
	return nil, nil
}
