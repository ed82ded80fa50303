package valkey

import (
	"context"
	"slices"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/failure"
	"github.com/xcache-go/xcache/drivers/internal/shape"
)

// doAtomic runs commands of the set between MULTI and EXEC, all in one batch,
// which valkey-go writes on one connection with nothing in between.
//
// A server that refuses MULTI would run the commands one by one. So nothing that
// writes is sent until the server has accepted a transaction with nothing in it.
func (s *Store) doAtomic(ctx context.Context, cmds []*driver.Cmd) error {
	r := &request{commands: transaction(cmds), atomic: true}
	if !s.multi.Load() && !r.readOnly() {
		if _, limited := ctx.Deadline(); !limited && s.opTimeout > 0 {
			var cancel context.CancelFunc
			ctx, cancel = failure.Bound(ctx, time.Now().Add(s.opTimeout), s.opTimeout)
			defer cancel()
		}
		if err := s.probeMulti(ctx); err != nil {
			transacted(cmds, nil, err)
			return err
		}
	}
	err := s.run(ctx, r)
	if err != nil {
		s.multi.Store(false) // the user may have lost the permission
	}
	transacted(cmds, r, err)
	return err
}

// probeMulti returns why the server accepts no transactions, or nil if it does.
func (s *Store) probeMulti(ctx context.Context) error {
	err := s.run(ctx, &request{commands: transaction(nil), atomic: true})
	s.multi.Store(err == nil)
	return err
}

// transaction returns cmds between MULTI and EXEC.
func transaction(cmds []*driver.Cmd) []command {
	inner := encode(cmds, false)
	for i := range inner {
		inner[i].shape = shape.Queued
	}
	return slices.Concat(
		[]command{{args: []string{"MULTI"}, shape: shape.OK}},
		inner,
		[]command{{args: []string{"EXEC"}, shape: shape.Array | shape.Null}})
}

// transacted fills in the outcomes of commands that were run between MULTI and
// EXEC, the last of a request, or were not because of err.
func transacted(cmds []*driver.Cmd, r *request, err error) {
	if err != nil {
		for i := range cmds {
			cmds[i].Err = err
		}
		return
	}
	replies := items(r.commands[len(r.commands)-1].result)
	for i := range replies {
		row := cmds[i].Command()
		cmds[i].Reply, cmds[i].Err = reply(&replies[i], row.ReadOnly), nil
		if !allows(shape.Of(cmds[i].Name, cmds[i].Args), &replies[i]) {
			cmds[i].Reply, cmds[i].Err = driver.Reply{}, driver.Fail(driver.ErrUnavailable, failure.Outcome(!row.ReadOnly), errUnexpected)
			r.link.kill(errUnexpected)
		}
		if cmds[i].Reply.Kind == driver.ReplyError {
			cmds[i].Reply, cmds[i].Err = driver.Reply{}, cmds[i].Reply.Err
		}
	}
}
