package xcache

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/internal/composed"
)

// Reads that also write: Take deletes what it returns, and a read of a view with Sliding
// renews the TTL.

var (
	cmdGetDel = driver.NewCmd("GETDEL")
	cmdGetEx  = driver.NewCmd("GETEX")
)

// Sliding makes the key of every hit expire after d, in the round trip that reads the value
// (GETEX). A key that is read more often than every d stays, and a key that nobody reads
// for d expires, as sessions should. Get, GetOr, GetMany and GetOrSet of a view with
// Sliding renew TTLs. The default TTL and the TTL of a write are as without Sliding. With
// WithJitter, d is shortened at random, as the TTL of a write is.
//
// A hit is a write for the server: Sliding reads go to the primary, and are never sent
// twice. In a function of Watch, reads renew no TTL. Sliding beside StaleFor, StaleOnError
// or EarlyRefresh is an error, because these options need the remaining TTL. GetMany in a
// pipeline is errors.ErrUnsupported with Sliding. On a driver that has neither GETEX nor
// TTLs, every call is errors.ErrUnsupported.
func Sliding(d time.Duration) Option {
	return func(s *settings) error {
		if d <= 0 || d == NoExpiry {
			return errors.New("xcache: Sliding needs a positive duration, and not NoExpiry")
		}
		s.sliding = d
		return nil
	}
}

// checkReads returns the error of a view whose reads the store cannot run.
func (c *core) checkReads() error {
	if c.sliding == 0 {
		return nil
	}
	if err := c.shared.primary.commander.Can(cmdGetEx); err != nil {
		return fmt.Errorf("xcache: Sliding: %w", err)
	}
	return nil
}

// Take returns the value of key, and deletes key, in one atomic step: of all concurrent
// callers, one gets the value. A miss is the bare ErrNotFound. If the value cannot be read,
// Take deletes it nevertheless, and the error is an UnreadReplyError, which keeps the stored
// bytes. A lost reply is ErrUnknownOutcome: the value may be gone.
func (v *View[T]) Take(ctx context.Context, key string) (T, error) {
	return Run(ctx, newOp(&v.core, "take", cmdGetDel).begin(key), readTaken[T])
}

// take sends GETDEL behind the revocation of the lease of its key, in one round trip.
func (o *Op) take(ctx context.Context) error {
	first := revocation(appendTaken(nil, &o.held))
	if err := o.cache.do(ctx, []*driver.Cmd{first, &o.held}, driver.Plain); err != nil {
		return err
	}
	failed := revoked(first)
	switch {
	case o.held.Err != nil || failed == nil:
		return o.held.Err
	case o.held.Reply.IsNil():
		return failed
	}
	// The value is here alone, and a load that began before may still store its own.
	return &UnreadReplyError{Reply: o.held.Reply, Err: driver.Fail(failed, driver.Unknown, nil)}
}

// Take queues View.Take.
func (q *PipelineView[T]) Take(key string) *Result[T] {
	return Queue(q.pipeline, newOp(&q.view.core, "take", cmdGetDel).begin(key), readTaken[T])
}

func readTaken[T any](o *Op) (T, error) {
	if o.Reply().IsNil() {
		o.seen.miss()
	}
	return readReply[T](o)
}

// getSliding returns the stored bytes of a full key, and renews the TTL of the key. Loads of
// the key in flight go on: there is no value whose TTL they could have missed.
func (c *core) getSliding(ctx context.Context, full string) ([]byte, error) {
	cmd := c.renewal(full)
	if err := c.target.commander.DoOne(ctx, cmd, new(composed.One)); err != nil {
		return nil, err
	}
	return cmd.Reply.AsBytes()
}

// renewal returns the command that reads one key and renews its TTL.
func (c *core) renewal(full string) *driver.Cmd {
	cmd := *cmdGetEx
	cmd.Args = []driver.Arg{driver.Key(full), driver.Literal("PX"), driver.Duration(c.jittered(c.sliding))}
	return &cmd
}

// getManySliding is the Get of a store, and renews the TTLs of the keys.
func (c *core) getManySliding(ctx context.Context, fulls []string, dst []driver.Value) error {
	cmds := make([]*driver.Cmd, len(fulls))
	for i, full := range fulls {
		cmds[i] = c.renewal(full)
	}
	if err := c.do(ctx, cmds, driver.Plain); err != nil {
		return err
	}
	for i, cmd := range cmds {
		if dst[i].Err = cmd.Err; cmd.Err == nil {
			dst[i].Data, dst[i].Err = cmd.Reply.AsBytes()
		}
	}
	return nil
}

// renews reports whether a command does no more to its key than to renew its TTL.
func renews(cmd *driver.Cmd) bool {
	if cmd.Name != "GETEX" || len(cmd.Args) != 3 || cmd.Args[1].Text != "PX" {
		return false
	}
	d, ok := cmd.Args[2].Duration()
	return ok && d > 0
}

// getOp begins Get of a pipeline.
func (c *core) getOp(key string) *Op {
	if c.sliding == 0 {
		return newOp(c, "get", cmdGet).begin(key).fail(c.checkAge())
	}
	return newOp(c, "get", cmdGetEx).begin(key).Word("PX").add(driver.Duration(c.jittered(c.sliding)))
}
