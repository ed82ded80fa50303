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

// A query is a read that any server may answer.
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

// errGone is the failure of a read at a server that is a replica no more.
var errGone = driver.Fail(driver.ErrUnavailable, driver.NotApplied, errNoReplica).Retryable()

// sendTo sends a query to one server. The error is errGone if the server is a replica no
// more.
func (r *query) sendTo(ctx context.Context, s *server) error {
	if !s.gate.Enter() {
		return errGone
	}
	defer s.gate.Leave()
	return r.send(ctx, s.connected())
}

// unanswered returns an error of one key or command, if another server may answer
// without that error, or nil. A server that does not serve its data refuses each key and
// command on its own.
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

// reset clears the results of a query, so that the query can be sent again.
func (r *query) reset() {
	clear(r.dst)
	for _, c := range r.cmds {
		c.Reply, c.Err = driver.Reply{}, nil
	}
}

// isUnavailable reports whether err means that a server could not answer in time.
func isUnavailable(err error) bool {
	return err != nil && err != driver.ErrNotFound && //nolint:errorlint // a miss is bare, and frequent
		(errors.Is(err, driver.ErrUnavailable) || errors.Is(err, context.DeadlineExceeded))
}

// errNoReplica is the failure of a read that may only go to replicas, without any.
var errNoReplica = errors.New("there is no replica that is well")

// read sends a query to one server after the other until a server answers. The error is
// that of the last server.
func (s *Store) read(ctx context.Context, r *query) error {
	if len(r.dst) == 0 && len(r.cmds) == 0 {
		return nil
	}
	var end time.Time // of a call without a deadline; zero before the first need
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
		if ctx.Err() != nil || !end.IsZero() && !time.Now().Before(end) {
			return err // an attempt without time would only begin another cooldown
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

// discover looks for replicas when none is known.
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

// next returns the server to ask after the tried servers, or nil. The order is: a
// replica whose probe is due, a random healthy replica, the primary, a replica in its
// cooldown. probe tells that the server has failed the last time, and that its attempt must
// leave time for others.
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
	last := untried(replicas, tried) // in its cooldown
	if s.readPrimary && !slices.Contains(tried, s.primary) {
		return s.primary, last != nil && s.primary.health.state() != healthy
	}
	return last, true
}

// untried returns a random replica that was not tried, or nil.
func untried(replicas, tried []*server) *server {
	for _, i := range rand.Perm(len(replicas)) {
		if !slices.Contains(tried, replicas[i]) {
			return replicas[i]
		}
	}
	return nil
}

// probeTime bounds an attempt at a server that has failed the last time. The time is
// enough for a new connection to another continent.
const probeTime = time.Second

// limit returns the context of one attempt. tried is the number of earlier attempts. Half
// of the remaining time is kept for the servers that were not tried yet. cancel is nil if
// the context is ctx.
//
// The first attempt of a call without a deadline needs no context of its own, because
// the server's store bounds that attempt: the store of a replica to half of the call's
// time, if there are other servers to ask. That attempt does not look at the clock
// either, unless the primary comes before the replicas: the store of the primary allows
// all of the time. The store of a replica allows what was right when the replica came: the
// attempt has a context when the other replicas have gone since, or have come.
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
	case probe, server != s.primary && server.whole != last:
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
