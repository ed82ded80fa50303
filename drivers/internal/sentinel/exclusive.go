package sentinel

import (
	"context"
	"errors"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/failure"
	"github.com/xcache-go/xcache/drivers/internal/node"
)

// Caps implements driver.Capable: the store gives connections away if its nodes do.
func (s *Store) Caps() driver.Caps {
	caps := driver.DetectCaps(s)
	if _, ok := s.watcher.template.(node.Exclusive); !ok {
		caps.Exclusive = nil
	}
	return caps
}

// Exclusive implements driver.Exclusive. Like other calls, Exclusive waits for a primary.
func (s *Store) Exclusive(ctx context.Context, keys ...string) (driver.Session, error) {
	if ctx.Err() != nil {
		return nil, failure.OfContext(ctx, false)
	}
	w, start := s.watcher, time.Now()
	ctx, cancel := failure.Bound(ctx, start.Add(w.timeout), w.timeout)
	defer cancel()
	var failed *primary // the last primary without a session for the caller
	var reason error    // its failure
	for confirmed := 0; ; {
		p, err := w.await(ctx, failed, w.until(ctx, start))
		switch {
		case err != nil && ctx.Err() != nil:
			return nil, failure.OfContext(ctx, false)
		case err != nil && reason != nil && w.ctx.Err() == nil:
			return nil, reason
		case err != nil:
			return nil, err
		case p == failed:
			if confirmed++; confirmed > confirmations {
				return nil, reason
			}
		}
		session, err := p.exclusive(ctx, keys)
		if err == nil {
			return session, nil
		}
		err = w.translate(err)
		if errors.Is(err, node.ErrNoPlace) {
			return nil, err
		}
		w.noteFailure(p, err)
		if ctx.Err() != nil || !isTransient(err) {
			return nil, err
		}
		failed, reason = p, err
	}
}

// exclusive returns a session at a primary, which ends when the server is replaced.
func (p *primary) exclusive(ctx context.Context, keys []string) (driver.Session, error) {
	sessions, ok := p.node.(node.Exclusive)
	if !ok {
		return nil, errors.ErrUnsupported
	}
	session, err := sessions.Exclusive(ctx, keys...)
	if err == nil && p.gate.IsShut() {
		_ = session.Close() // the session came after the end of the others
		return nil, errPrimaryReplaced()
	}
	return session, err
}

func errPrimaryReplaced() *driver.Error {
	return driver.Fail(driver.ErrUnavailable, driver.NotApplied, errReplaced).Retryable()
}

// endSessions ends the sessions at a server that was replaced. The gate is shut.
func (p *primary) endSessions() {
	if sessions, ok := p.node.(node.Exclusive); ok {
		sessions.EndSessions(errPrimaryReplaced(), func(string) bool { return true })
	}
}
