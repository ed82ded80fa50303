package sentinel

import (
	"context"
	"errors"
	"iter"
	"net"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/node"
	"github.com/xcache-go/xcache/drivers/internal/retry"
)

// An operation is one call on its way to the primary.
type operation struct {
	kind    kind
	keys    []string
	dst     []driver.Value
	entries []driver.Entry
	cmds    []*driver.Cmd
	how     driver.How

	removed int
	// partly tells that the operation was cut to the part that has to be sent again. The
	// outcomes of the rest are in the caller's memory already.
	partly bool
}

type kind uint8

const (
	get kind = iota
	set
	remove
	commands
)

// send sends the operation to a server.
func (r *operation) send(ctx context.Context, n node.Node) (err error) {
	switch r.kind {
	case set:
		return n.Set(ctx, r.entries)
	case remove:
		r.removed, err = n.Delete(ctx, r.keys)
		return err
	case commands:
		return n.Do(ctx, r.cmds, r.how)
	default:
		return n.Get(ctx, r.keys, r.dst)
	}
}

// failed reports whether a failure of the server may be among the outcomes of an
// operation. err is the error of the operation itself.
func (r *operation) failed(err error) bool {
	if err != nil {
		return true
	}
	for i := range r.dst {
		if err := r.dst[i].Err; err != nil && err != driver.ErrNotFound { //nolint:errorlint // a miss is bare, and frequent
			return true
		}
	}
	for i := range r.entries {
		if err := r.entries[i].Err; err != nil && err != driver.ErrNotStored { //nolint:errorlint // likewise
			return true
		}
	}
	for _, c := range r.cmds {
		if c.Err != nil {
			return true
		}
	}
	return false
}

// failures yields the failures of an operation: err, the failure of the whole operation,
// or the failures of its parts.
func (r *operation) failures(err error) iter.Seq[error] {
	return func(yield func(error) bool) {
		if err != nil {
			yield(err)
			return
		}
		for i := range r.dst {
			if err := r.dst[i].Err; err != nil && !errors.Is(err, driver.ErrNotFound) && !yield(err) {
				return
			}
		}
		for i := range r.entries {
			if err := r.entries[i].Err; err != nil && !errors.Is(err, driver.ErrNotStored) && !yield(err) {
				return
			}
		}
		for _, c := range r.cmds {
			if c.Err != nil && !yield(c.Err) {
				return
			}
		}
	}
}

// firstFailure returns the failure of the first part that failed.
func (r *operation) firstFailure() error {
	for err := range r.failures(nil) {
		return err
	}
	return errReplaced
}

// again reports whether a part of a failed operation may be sent again, and cuts the
// operation to that part and all parts behind it, so that the order is kept. err is the
// error of the operation itself.
func (r *operation) again(err error) bool {
	switch {
	case r.kind == get:
		for failure := range r.failures(err) {
			if !retry.Allowed(failure, true) {
				return false
			}
		}
		return true
	case r.kind == remove:
		return retry.Allowed(err, false)
	case r.kind == commands && r.how == driver.Atomic:
		return retry.Allowed(err, r.readOnly())
	}
	if err != nil {
		r.spread(err)
	}
	n := len(r.entries) + len(r.cmds)
	from := retry.From(n, func(i int) bool {
		if r.kind == set {
			return retry.Allowed(r.entries[i].Err, false)
		}
		return retry.Allowed(r.cmds[i].Err, isRead(r.cmds[i]))
	})
	if from == n {
		return false
	}
	if r.kind == set {
		r.entries = r.entries[from:]
	} else {
		r.cmds = r.cmds[from:]
	}
	r.partly = r.partly || from > 0
	return true
}

// reset clears the results of an operation, so that the operation can be sent again.
func (r *operation) reset() {
	clear(r.dst)
	for i := range r.entries {
		r.entries[i].Err = nil
	}
	for _, c := range r.cmds {
		c.Reply, c.Err = driver.Reply{}, nil
	}
}

// spread gives a failure to all parts that the operation still has to do.
func (r *operation) spread(err error) {
	for i := range r.entries {
		r.entries[i].Err = err
	}
	for _, c := range r.cmds {
		c.Err = err
	}
}

// readOnly reports whether no command of a transaction writes.
func (r *operation) readOnly() bool {
	for _, c := range r.cmds {
		if !isRead(c) {
			return false
		}
	}
	return true
}

func isRead(c *driver.Cmd) bool { return c.Command().ReadOnly }

// end returns the error of the call. err is the error of the last attempt.
func (r *operation) end(err error) error {
	if err == nil || !r.partly {
		return err
	}
	r.spread(err)
	return nil
}

// translateAll translates the failures of all parts of an operation, and returns the
// translation of err, the operation's own.
func (w *watcher) translateAll(r *operation, err error) error {
	for i := range r.dst {
		r.dst[i].Err = w.translate(r.dst[i].Err)
	}
	for i := range r.entries {
		r.entries[i].Err = w.translate(r.entries[i].Err)
	}
	for _, c := range r.cmds {
		c.Err = w.translate(c.Err)
	}
	return w.translate(err)
}

// translate returns the error for the store's caller after a failure of a server. If a
// replaced server does not answer a call, the call ends with ErrClosed, because the node
// is closed. The caller sees ErrUnavailable instead, unless the store is closed, too.
func (w *watcher) translate(err error) error {
	if err == nil || !errors.Is(err, driver.ErrClosed) && !errors.Is(err, net.ErrClosed) || w.ctx.Err() != nil {
		return err
	}
	outcome := driver.NotApplied
	if errors.Is(err, driver.ErrUnknownOutcome) {
		outcome = driver.Unknown
	}
	return driver.Fail(driver.ErrUnavailable, outcome, errReplaced).Retryable()
}
