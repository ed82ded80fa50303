package sentinel

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/failure"
	"github.com/xcache-go/xcache/drivers/internal/node"
	"github.com/xcache-go/xcache/drivers/internal/status"
)

// A primary is a server that is, or was, the primary.
type primary struct {
	addr   string
	status *status.Server
	node   node.Node
	gate   *node.Gate
	// silent counts the calls in a row without an answer in time.
	silent atomic.Int32
	// epoch is the epoch of the failover to this primary, as far as the sentinels
	// tell. The watcher's goroutine owns epoch.
	epoch int64
	// verified gets the result of the verification under way; nil if there is none. The
	// watcher's goroutine owns verified.
	verified chan error
}

// verifyTimeout bounds the wait of a poll for the primary to confirm its role. A later
// answer counts in the next poll. So a server without any answer holds up no poll.
const verifyTimeout = 300 * time.Millisecond

// errSilent is the failure of a primary that does not confirm its role.
var errSilent = driver.Fail(driver.ErrUnavailable, driver.NotApplied, errors.New("it does not answer"))

// verifyAgain is verify for a server that was the primary before.
func (w *watcher) verifyAgain(p *primary) error {
	select {
	case err := <-p.verified:
		p.verified = nil
		if err == nil {
			return nil
		}
		// An older failure does not count: the server may be healthy again.
	default:
	}
	if p.verified == nil && p.gate.Enter() {
		verified := make(chan error, 1)
		p.verified = verified
		w.running.Go(func() {
			defer p.gate.Leave()
			verified <- w.verify(p.node)
		})
	}
	timer := time.NewTimer(verifyTimeout)
	defer timer.Stop()
	select {
	case err := <-p.verified:
		p.verified = nil
		return err
	case <-timer.C:
		return errSilent
	}
}

// verify returns nil if a server confirms its role of primary. verify also returns nil if
// the server answers without its role, because of a missing permission or a wrong
// password: calls on the server will get that error themselves. The time of a sentinel's
// answer bounds verify.
func (w *watcher) verify(n node.Node) error {
	timeout := w.template.Limits().CallTimeout
	ctx, cancel := failure.Bound(w.ctx, time.Now().Add(timeout), timeout)
	defer cancel()
	role, err := roleOf(ctx, n)
	switch {
	case errors.Is(err, driver.ErrUnavailable), errors.Is(err, driver.ErrClosed), ctx.Err() != nil:
		return err
	case role == "master", role == "":
		return nil
	}
	return driver.Fail(driver.ErrUnavailable, driver.NotApplied, fmt.Errorf("its role is %s", role))
}

// roleOf asks a server for its role. ROLE needs a permission that users of a cache often
// lack. HELLO needs none, and has the role among its fields.
func roleOf(ctx context.Context, n node.Node) (string, error) {
	reply, err := n.Query(ctx, "ROLE")
	if err == nil {
		if len(reply.Items) == 0 {
			return "", nil
		}
		return text(&reply.Items[0]), nil
	}
	if !errors.Is(err, driver.ErrAuth) {
		return "", err
	}
	reply, err = n.Query(ctx, "HELLO")
	if err != nil {
		return "", err
	}
	return fields(&reply)["role"], nil
}

// retirementGracePeriod bounds the calls under way at a server that was replaced. At a
// frozen server such calls would wait for all of their time.
const retirementGracePeriod = 100 * time.Millisecond

// retire closes a primary that was replaced, after its last call has returned.
func (w *watcher) retire(p *primary) {
	idle := p.gate.Shut()
	p.endSessions()
	w.running.Go(func() {
		select {
		case <-idle: // Close leaves the sessions their time
		case <-w.ctx.Done():
			p.node.Disconnect()
		case <-time.After(retirementGracePeriod):
			p.node.Disconnect()
		}
		<-idle
		_ = p.node.Close() // no caller is left who could be told
	})
}

// text returns the text of a string reply.
func text(r *driver.Reply) string {
	data, err := r.AsBytes()
	if err != nil {
		return ""
	}
	return string(data)
}

// fields returns a map reply, or a list of names and values, as a map.
func fields(r *driver.Reply) map[string]string {
	m := make(map[string]string, len(r.Items)/2)
	for i := 0; i+1 < len(r.Items); i += 2 {
		m[text(&r.Items[i])] = text(&r.Items[i+1])
	}
	return m
}
