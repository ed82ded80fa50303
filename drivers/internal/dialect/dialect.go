// Package dialect knows which commands each server version lacks, and replaces a missing
// command by a script with the same reply, if there is such a script. The package also
// knows which newer commands replace scripts. The package is built on Do and Query of a
// server, once for all drivers.
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

// A Server runs commands as they are. The scripts of this package are commands for the
// Server, too, under their names in package script.
type Server interface {
	// Do is the Do of driver.Commander.
	Do(ctx context.Context, cmds []*driver.Cmd, how driver.How) error
	// Query runs a command that changes nothing. The command need not be in the table.
	Query(ctx context.Context, words ...string) (driver.Reply, error)
	// Limits returns the time-out of a call without a deadline.
	Limits() driver.Limits
}

// A Dialect is the knowledge about one server's version. The zero value knows nothing. All
// methods may be called concurrently.
//
// A single command is sent as it is. If the server refuses the command, the Dialect asks
// for the version. The Dialect asks first if some server lacks the command without a
// refusal, or if only some servers need a script for the command. For a batch, the
// Dialect also asks first if some server lacks one of the commands, because a replacement
// after a refusal would change the order.
type Dialect struct {
	version atomic.Pointer[Version] // nil before the server was asked
	denied  atomic.Uint32           // a bit for each element of natives that the server has refused
}

// Do runs commands as driver.Commander does, and replaces commands that the server lacks by
// scripts. A command without a script fails with errors.ErrUnsupported, which names the
// needed version. In an atomic batch, the call fails before any command is sent.
func (d *Dialect) Do(ctx context.Context, server Server, cmds []*driver.Cmd, how driver.How) error {
	alone := len(cmds) == 1 && how == driver.Plain
	if d.version.Load() == nil && (alone && isSilent(cmds[0]) || !alone && slices.ContainsFunc(cmds, isForm) || how == driver.Plain && slices.ContainsFunc(cmds, hasNative)) {
		var cancel context.CancelFunc
		ctx, cancel = bound(ctx, server)
		defer cancel()
		if _, err := d.ask(ctx, server); err != nil {
			return err
		}
	}
	err := d.translate(ctx, server, cmds, how)
	if !slices.ContainsFunc(cmds, refused) {
		return err
	}
	if !alone {
		d.version.Store(nil) // an older server has taken the place of the server that was asked
		return err
	}
	return d.again(ctx, server, cmds)
}

// again runs a refused command once more, as a script, if the server's version lacks the
// command.
func (d *Dialect) again(ctx context.Context, server Server, cmds []*driver.Cmd) error {
	ctx, cancel := bound(ctx, server)
	defer cancel()
	version, err := d.ask(ctx, server)
	if err != nil {
		return err
	}
	if !lacks(version, cmds[0]) {
		return nil // the refusal is right
	}
	return d.translate(ctx, server, cmds, driver.Plain)
}

// bound limits all requests of a call together to the time-out of one call.
func bound(ctx context.Context, server Server) (context.Context, context.CancelFunc) {
	timeout := server.Limits().CallTimeout
	if _, ok := ctx.Deadline(); ok || timeout == 0 {
		return ctx, func() {}
	}
	return failure.Bound(ctx, time.Now().Add(timeout), timeout)
}

// refused reports whether the server has refused a command that some servers lack.
func refused(c *driver.Cmd) bool {
	return c.Err != nil && (errors.Is(c.Err, errors.ErrUnsupported) || errors.Is(c.Err, driver.ErrSyntax) || errors.Is(c.Err, servererror.ErrRefused)) &&
		!errors.Is(c.Err, driver.ErrUnknownOutcome) && isForm(c)
}

// ask asks for the version of the server. An error means that the server did not answer,
// and that nothing was applied.
func (d *Dialect) ask(ctx context.Context, server Server) (Version, error) {
	// HELLO needs no permission, unlike INFO. HELLO without arguments changes nothing, and
	// exists since Redis 6.2.
	reply, err := server.Query(ctx, "HELLO")
	version := newest
	switch {
	case err == nil:
		version = greeted(reply)
	case errors.Is(err, driver.ErrSyntax):
		version = redis(6, 0)
	case errors.Is(err, driver.ErrUnavailable) || ctx.Err() != nil || errors.Is(err, driver.ErrClosed):
		return version, notApplied(err)
	}
	d.version.Store(&version)
	return version, nil
}

// notApplied returns the error of commands that were not sent because an earlier request
// has failed.
func notApplied(err error) error {
	var e *driver.Error
	if !errors.As(err, &e) || e.Outcome == driver.NotApplied {
		return err
	}
	unsent := *e
	unsent.Outcome = driver.NotApplied
	return &unsent
}

// translate runs commands in the form that the server's version has, if the version is
// known.
func (d *Dialect) translate(ctx context.Context, server Server, cmds []*driver.Cmd, how driver.How) error {
	version := d.version.Load()
	if version == nil || !slices.ContainsFunc(cmds, func(c *driver.Cmd) bool { return lacks(*version, c) || how == driver.Plain && hasNative(c) }) {
		err := server.Do(ctx, cmds, how)
		reshape(cmds)
		return err
	}
	asked, sent := make([]*driver.Cmd, 0, len(cmds)), make([]*driver.Cmd, 0, len(cmds)) // sent[i] is sent in the place of asked[i]
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
