package null

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/arguments"
)

var commandSet = driver.NewCommandSet(slices.Collect(maps.Keys(commands))...)

// Commands implements driver.Commander.
func (s *Store) Commands() driver.CommandSet { return commandSet }

// Do implements driver.Commander. Each command finds an empty database, even after a write
// in an Atomic batch. Arguments are checked as by other drivers: a command with a wrong
// number of arguments keeps an Atomic batch from running.
func (s *Store) Do(ctx context.Context, cmds []*driver.Cmd, how driver.How) error {
	if err := s.begin(ctx); err != nil {
		return err
	}
	if how == driver.Atomic {
		for _, cmd := range cmds {
			if c, err := lookup(cmd); err != nil && !(arguments.List{Cmd: cmd}).Queues(c.least, c.most) {
				return err
			}
		}
	}
	for i, cmd := range cmds {
		cmd.Reply, cmd.Err = run(cmd)
		if how == driver.Plain && cmd.Err == nil && cmd.Waits() {
			if cmd.Err = s.wait(ctx, arguments.List{Cmd: cmd}); i == 0 && ctx.Err() != nil {
				return cmd.Err
			}
		}
	}
	return nil
}

// wait waits for the time-out of a blocking command.
func (s *Store) wait(ctx context.Context, l arguments.List) error {
	var expired <-chan time.Time
	if timeout := timeoutOf(l); timeout > 0 {
		timer := time.NewTimer(timeout)
		defer timer.Stop()
		expired = timer.C
	}
	select {
	case <-expired:
		return nil
	case <-ctx.Done():
		return driver.Fail(ctx.Err(), driver.NotApplied, nil)
	case <-s.closing:
		return driver.ErrClosed
	}
}

func run(cmd *driver.Cmd) (driver.Reply, error) {
	c, err := lookup(cmd)
	if err != nil {
		return driver.Reply{}, err
	}
	reply, err := c.answer(arguments.List{Cmd: cmd})
	if err != nil {
		return driver.Reply{}, err
	}
	return reply, nil
}

// lookup returns the command for cmd, or the error of a command that cannot be run.
func lookup(cmd *driver.Cmd) (command, error) {
	c, ok := commands[cmd.Name]
	if !ok {
		return c, fmt.Errorf("xcache: the null driver has no command %q: %w", cmd.Name, errors.ErrUnsupported)
	}
	return c, arguments.List{Cmd: cmd}.Check(c.least, c.most)
}
