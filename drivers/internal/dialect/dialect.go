// Package dialect knows what of the command language each version of the servers
// lacks, and does it another way where there is one: with a script that answers
// as the command would. It also knows what they have in the place of scripts. It is
// written over Do and Query of a server, once for all drivers.
package dialect

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/failure"
	"github.com/xcache-go/xcache/drivers/internal/servererror"
)

// A Server runs commands as they are. The scripts that this package puts in
// their place are commands to it, too, by their names in package script.
type Server interface {
	// Do is driver.Commander's.
	Do(ctx context.Context, cmds []*driver.Cmd, how driver.How) error
	// Query runs a command that changes nothing, and need not be in the table.
	Query(ctx context.Context, words ...string) (driver.Reply, error)
	// Limits tells how long a call without a deadline may take.
	Limits() driver.Limits
}

// A Dialect is what is known of one server's version: nothing, in its zero value.
// Its methods may be called concurrently.
//
// A command on its own is sent as it is: a server that lacks it refuses it, and
// then is asked for its version. The version is asked for before a command that some
// server lacks and does not refuse, or that is a script on some servers only. Several commands are asked for before, once, if
// one of them is something that some server lacks. Their order could not be kept
// otherwise.
type Dialect struct {
	version atomic.Pointer[Version] // nil: not asked yet
	denied  atomic.Uint32           // a bit for each of natives that the server has refused
}

// Do runs commands as driver.Commander says, those that the server lacks as a
// script. One for which there is none fails with errors.ErrUnsupported, which
// names the version that has it; in an atomic batch the call does, before any
// command is sent.
func (d *Dialect) Do(ctx context.Context, server Server, cmds []*driver.Cmd, how driver.How) error {
	alone := len(cmds) == 1 && how == driver.Plain
	if d.version.Load() == nil && (alone && isSilent(cmds[0]) || !alone && slices.ContainsFunc(cmds, isForm) || how == driver.Plain && slices.ContainsFunc(cmds, hasNative)) {
		var cancel context.CancelFunc
		ctx, cancel = bound(ctx, server)
		defer cancel()
		if err := d.ask(ctx, server); err != nil {
			return err
		}
	}
	err := d.translate(ctx, server, cmds, how)
	if !slices.ContainsFunc(cmds, refused) {
		return err
	}
	if !alone {
		d.version.Store(nil) // an older server took the place of the one that was asked
		return err
	}
	return d.again(ctx, server, cmds)
}

// again runs a command that was refused, if the reason is the server's version.
func (d *Dialect) again(ctx context.Context, server Server, cmds []*driver.Cmd) error {
	ctx, cancel := bound(ctx, server)
	defer cancel()
	if err := d.ask(ctx, server); err != nil {
		return err
	}
	if !lacks(*d.version.Load(), cmds[0]) {
		return nil // the refusal stands
	}
	return d.translate(ctx, server, cmds, driver.Plain)
}

// bound gives all requests of a call together the time that one may take.
func bound(ctx context.Context, server Server) (context.Context, context.CancelFunc) {
	timeout := server.Limits().CallTimeout
	if _, ok := ctx.Deadline(); ok || timeout == 0 {
		return ctx, func() {}
	}
	return failure.Bound(ctx, time.Now().Add(timeout), timeout)
}

// refused reports whether the server did not understand a command, and there are
// servers that would not.
func refused(c *driver.Cmd) bool {
	return c.Err != nil && (errors.Is(c.Err, errors.ErrUnsupported) || errors.Is(c.Err, driver.ErrSyntax) || errors.Is(c.Err, servererror.ErrRefused)) &&
		!errors.Is(c.Err, driver.ErrUnknownOutcome) && isForm(c)
}

// ask learns the version of the server. It has failed if the server did not
// answer, and then nothing was applied.
func (d *Dialect) ask(ctx context.Context, server Server) error {
	// HELLO needs no permission, unlike INFO. Without arguments it changes
	// nothing, but that is a form of its own, which Redis has since 6.2.
	reply, err := server.Query(ctx, "HELLO")
	version := newest
	switch {
	case err == nil:
		version = greeted(reply)
	case errors.Is(err, driver.ErrSyntax):
		version = redis(6, 0)
	case errors.Is(err, driver.ErrUnavailable) || ctx.Err() != nil || errors.Is(err, driver.ErrClosed):
		return notApplied(err)
	}
	d.version.Store(&version)
	return nil
}

// notApplied returns the error of commands that were not sent, because a request
// before them failed.
func notApplied(err error) error {
	var e *driver.Error
	if !errors.As(err, &e) || e.Outcome == driver.NotApplied {
		return err
	}
	unsent := *e
	unsent.Outcome = driver.NotApplied
	return &unsent
}

// translate runs commands in the words that the server knows, as far as that is
// known.
func (d *Dialect) translate(ctx context.Context, server Server, cmds []*driver.Cmd, how driver.How) error {
	version := d.version.Load()
	if version == nil || !slices.ContainsFunc(cmds, func(c *driver.Cmd) bool { return lacks(*version, c) || how == driver.Plain && hasNative(c) }) {
		err := server.Do(ctx, cmds, how)
		reshape(cmds)
		return err
	}
	asked, sent := make([]*driver.Cmd, 0, len(cmds)), make([]*driver.Cmd, 0, len(cmds)) // sent[i] is what is sent for asked[i]
	rows := make([]int, 0, len(cmds))                                                   // the natives among them, or -1
	last := lastOf(cmds)
	for i, c := range cmds {
		instead, row := c, -1
		name, err := substitute(c, *version)
		switch {
		case err != nil && how == driver.Atomic:
			return err
		case err != nil:
			c.Reply, c.Err = driver.Reply{}, err
			continue
		case name != "":
			instead = driver.NewCmd(name, c.Args...)
		case how == driver.Plain:
			if native, of := d.native(c, *version); native != nil && last(c) == i {
				instead, row = native, of
			}
		}
		asked, sent, rows = append(asked, c), append(sent, instead), append(rows, row)
	}
	if len(sent) == 0 {
		return nil
	}
	err := server.Do(ctx, sent, how)
	for i, c := range asked {
		c.Reply, c.Err = sent[i].Reply, sent[i].Err
		if rows[i] >= 0 {
			natives[rows[i]].read(c)
		}
	}
	if err == nil {
		d.scriptsInstead(ctx, server, asked, rows)
	}
	reshape(asked)
	return err
}
