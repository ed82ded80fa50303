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

// A primary is a server that is the primary, or was.
type primary struct {
	addr   string
	status *status.Server
	node   node.Node
	gate   *node.Gate
	// silent counts the calls in a row that got no answer in time.
	silent atomic.Int32
	// epoch is that of the failover that made it the primary, as far as the
	// sentinels tell. It belongs to the watcher's goroutine.
	epoch int64
	// verified is where the answer comes in to whether it is a primary still, nil
	// if it was not asked since the last one. It belongs there, too.
	verified chan error
}

// verifyTimeout is how long a poll waits for a primary that it knew before to say that it
// is one. The next poll has the answer if that takes longer, and is not held up by a
// server that never answers.
const verifyTimeout = 300 * time.Millisecond

// errSilent is the failure of a primary that does not say that it is one.
var errSilent = driver.Fail(driver.ErrUnavailable, driver.NotApplied, errors.New("it does not answer"))

// verifyAgain is verify for a server that was the primary before.
func (w *watcher) verifyAgain(p *primary) error {
	select {
	case err := <-p.verified:
		p.verified = nil
		if err == nil {
			return nil
		}
		// Else it may be healthy again by now.
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

// verify returns nil if the server says that it is a primary, or answers without
// saying: for want of a permission, or with a wrong password. The calls will tell. It
// has as long as a sentinel to answer.
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

// roleOf asks a server for its role. ROLE needs a permission that users of a
// cache often lack, HELLO none; but that shows the role under two names.
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

// retirementGracePeriod is how long calls at a server that was replaced may take to be answered.
// A frozen one would let them wait for all of their time.
const retirementGracePeriod = 100 * time.Millisecond

// retire closes a primary that was replaced when its last call has returned.
func (w *watcher) retire(p *primary) {
	idle := p.gate.Shut()
	p.endSessions()
	w.running.Go(func() {
		select {
		case <-idle:
		case <-w.ctx.Done():
		case <-time.After(retirementGracePeriod):
		}
		p.node.Disconnect()
		<-idle
		_ = p.node.Close() // what it could not close is closed already
	})
}

// text returns a reply that is a word.
func text(r *driver.Reply) string {
	data, err := r.AsBytes()
	if err != nil {
		return ""
	}
	return string(data)
}

// fields returns a reply that is a map, or a list of names and values.
func fields(r *driver.Reply) map[string]string {
	m := make(map[string]string, len(r.Items)/2)
	for i := 0; i+1 < len(r.Items); i += 2 {
		m[text(&r.Items[i])] = text(&r.Items[i+1])
	}
	return m
}
