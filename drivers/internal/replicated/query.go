package replicated

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/failure"
)

// A query is something that changes nothing and any server may answer.
type query struct {
	kind kind
	keys []string
	dst  []driver.Value
	cmds []*driver.Cmd
	how  driver.How
}

type kind uint8

const (
	get kind = iota
	getTTL
	ttl
	commands
)

// send sends a query to one server.
func (r *query) send(ctx context.Context, c *connected) error {
	switch r.kind {
	case getTTL:
		return c.caps.Expirer.GetTTL(ctx, r.keys, r.dst)
	case ttl:
		return c.caps.Expirer.TTL(ctx, r.keys, r.dst)
	case commands:
		return c.caps.Commander.Do(ctx, r.cmds, r.how)
	default:
		return c.store.Get(ctx, r.keys, r.dst)
	}
}

// errGone is the failure of a server that is no replica any more.
var errGone = driver.Fail(driver.ErrUnavailable, driver.NotApplied, errNoReplica).Retryable()

// sendTo sends a query to one server, if that is still a replica.
func (r *query) sendTo(ctx context.Context, s *server) error {
	if !s.gate.Enter() {
		return errGone
	}
	defer s.gate.Leave()
	return r.send(ctx, s.connected())
}

// unanswered returns an error of a key or command that another server may not
// have, or nil: a server that does not serve its data refuses each on its own.
func (r *query) unanswered() error {
	for i := range r.dst {
		if isUnavailable(r.dst[i].Err) {
			return r.dst[i].Err
		}
	}
	for _, c := range r.cmds {
		if isUnavailable(c.Err) {
			return c.Err
		}
	}
	return nil
}

// reset makes the query as new.
func (r *query) reset() {
	clear(r.dst)
	for _, c := range r.cmds {
		c.Reply, c.Err = driver.Reply{}, nil
	}
}

// isUnavailable reports whether a server could not answer, or not in time.
func isUnavailable(err error) bool {
	return err != nil && err != driver.ErrNotFound && //nolint:errorlint // a miss is bare, and frequent
		(errors.Is(err, driver.ErrUnavailable) || errors.Is(err, context.DeadlineExceeded))
}

// errNoReplica is the failure of a read that may only go to replicas when there
// are none.
var errNoReplica = errors.New("there is no replica that is well")

// read sends a query to one server after the other until one answers. The
// failure of the last is the caller's.
func (s *Store) read(ctx context.Context, r *query) error {
	if len(r.dst) == 0 && len(r.cmds) == 0 {
		return nil
	}
	var end time.Time // of a call without a deadline; zero until that has to be known
	replicas := *s.replicas.Load()
	if len(replicas) == 0 && !s.readPrimary {
		end = time.Now().Add(s.timeout)
		discovery, cancel := failure.Bound(ctx, end, s.timeout)
		defer cancel()
		var err error
		if replicas, err = s.discover(discovery); err != nil {
			return err
		}
	}
	var tried []*server
	server, probe := s.next(replicas, nil)
	for {
		attempt, cancel := s.limit(ctx, &end, server, probe, len(tried), len(replicas))
		err := r.sendTo(attempt, server)
		if cancel != nil {
			cancel()
		}
		reason := err
		if reason == nil {
			reason = r.unanswered()
		}
		if !isUnavailable(reason) {
			if reason == nil && server.health.answered() {
				server.status.Notify(driver.ReplicaBack, nil)
			}
			return err
		}
		if server.health.failed(reason) {
			server.status.Failed(reason)
			server.status.Notify(driver.ReplicaCooldown, reason)
		}
		tried = append(tried, server)
		if ctx.Err() != nil {
			return err
		}
		if server, probe = s.next(replicas, tried); server == nil {
			return err
		}
		if end.IsZero() { // the replica has had its half, see limit
			end = time.Now().Add(s.timeout - s.timeout/2)
		}
		tried[len(tried)-1].status.Retried(reason)
		r.reset()
	}
}

// discover returns replicas when there have been none so far.
func (s *Store) discover(ctx context.Context) ([]*server, error) {
	if s.Discover != nil {
		if err := s.Discover(ctx); err != nil {
			return nil, err
		}
	}
	replicas := *s.replicas.Load()
	if len(replicas) == 0 {
		return nil, driver.Fail(driver.ErrUnavailable, driver.NotApplied, errNoReplica).Retryable()
	}
	return replicas, nil
}

// next returns the server to ask after those that were tried, or nil: a random
// healthy replica, the primary, a replica that was silent a while ago. probe tells
// that the server may well not answer this time either.
func (s *Store) next(replicas, tried []*server) (next *server, probe bool) {
	candidates := 0
	for _, replica := range replicas {
		if slices.Contains(tried, replica) {
			continue
		}
		switch replica.health.state() {
		case probeDue:
			return replica, true
		case healthy:
			if candidates++; candidates == 1 || rand.IntN(candidates) == 0 {
				next = replica
			}
		}
	}
	if next != nil {
		return next, false
	}
	if s.readPrimary && !slices.Contains(tried, s.primary) {
		return s.primary, false
	}
	for _, i := range rand.Perm(len(replicas)) {
		if !slices.Contains(tried, replicas[i]) {
			return replicas[i], true
		}
	}
	return nil, false
}

// probeTime is how long a server that did not answer lately is waited for at
// most. It is enough to connect to one on another continent.
const probeTime = time.Second

// limit returns the context for one attempt, after a number of others, where there
// are so many replicas. Half of the time that is left is kept for the servers that
// have not been tried yet. cancel is nil if the context is ctx.
//
// The first attempt of a call without a deadline needs no context of its own, as the
// servers' stores bound it: that of a replica to half of the call's time, if there are
// others to ask. Nor does it look at the clock, unless the primary, which may take all
// of the time, has its turn before the replicas.
func (s *Store) limit(ctx context.Context, end *time.Time, server *server, probe bool, tried, replicas int) (_ context.Context, cancel context.CancelFunc) {
	own, limited := ctx.Deadline()
	last := tried+1 == replicas && !s.readPrimary || tried == replicas || server == s.primary
	switch {
	case limited:
		*end = own
		if last && !probe {
			return ctx, nil
		}
	case !end.IsZero():
	case probe:
		*end = time.Now().Add(s.timeout)
	default:
		if server == s.primary && replicas > 0 {
			*end = time.Now().Add(s.timeout)
		}
		return ctx, nil
	}
	if last && !probe {
		return failure.Bound(ctx, *end, s.timeout)
	}
	left := time.Until(*end)
	if !last {
		left /= 2
	}
	if probe {
		left = min(left, probeTime)
	}
	return failure.Bound(ctx, time.Now().Add(left), left)
}
