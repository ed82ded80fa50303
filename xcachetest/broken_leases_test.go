package xcachetest

import (
	"context"

	"github.com/xcache-go/xcache/driver"
)

// Stores whose leases elect several, or forget.

// as runs a command as another one with the same arguments.
func as(name string) func(ctx context.Context, s correct, cmd *driver.Cmd) error {
	return func(ctx context.Context, s correct, cmd *driver.Cmd) error {
		other := driver.NewCmd(name, cmd.Args...)
		err := runOne(ctx, s, other)
		cmd.Reply, cmd.Err = other.Reply, other.Err
		return err
	}
}

// renewsAnyway gives a lease that was revoked to the load again.
func renewsAnyway(ctx context.Context, s correct, cmd *driver.Cmd) error {
	if len(cmd.Args) == 4 && cmd.Args[1].Text != "" && cmd.Args[1].Text == cmd.Args[2].Text {
		if d, ok := cmd.Args[3].Duration(); ok && d > 0 {
			if err := runOne(ctx, s, driver.NewCmd(driver.CmdLeaseElect, cmd.Args[0], cmd.Args[1], cmd.Args[3])); err != nil {
				return err
			}
		}
	}
	return runOne(ctx, s, cmd)
}

// overMarkers gives the lease of a key with a marker to whoever asks.
func overMarkers(ctx context.Context, s correct, cmd *driver.Cmd) error {
	if err := runOne(ctx, s, cmd); err != nil || cmd.Err != nil || len(cmd.Reply.Data) > 0 {
		return err
	}
	if err := runOne(ctx, s, driver.NewCmd(driver.CmdLeaseRevoke, cmd.Args[0])); err != nil {
		return err
	}
	return runOne(ctx, s, cmd)
}

// electsAll elects each load that asks.
type electsAll struct{ correct }

func (s electsAll) Do(ctx context.Context, cmds []*driver.Cmd, how driver.How) error {
	for _, cmd := range cmds {
		if cmd.Name == driver.CmdLeaseElect && len(cmd.Args) == 3 && cmd.Args[1].Text != "" {
			if err := s.correct.Do(ctx, []*driver.Cmd{driver.NewCmd(driver.CmdLeaseRevoke, cmd.Args[0])}, driver.Plain); err != nil {
				return err
			}
		}
	}
	return s.correct.Do(ctx, cmds, how)
}
