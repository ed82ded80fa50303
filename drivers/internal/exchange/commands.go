package exchange

import (
	"context"
	"math"
	"slices"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/dialect"
	"github.com/xcache-go/xcache/drivers/internal/shape"
)

// Do implements driver.Commander. An Atomic batch with a command that the server refuses is
// not applied at all: the call and every command have an error.
func (s *Store) Do(ctx context.Context, cmds []*driver.Cmd, how driver.How) error {
	known, err := dialect.Known(s.options.Driver, cmds, how, s.options.Exclusive)
	if err != nil || len(known) == 0 {
		return err
	}
	return s.dialect.Do(ctx, verbatim{s}, known, how)
}

// DoAsking is Do behind ASKING. ASKING counts for the next command or transaction on the
// connection. No command is sent again.
func (s *Store) DoAsking(ctx context.Context, cmds []*driver.Cmd, how driver.How) error {
	return s.dialect.Do(ctx, behindAsking{verbatim{s}}, cmds, how)
}

// verbatim is the server for package dialect. Commands and scripts go to the server as they
// are.
type verbatim struct{ *Store }

func (v verbatim) Do(ctx context.Context, cmds []*driver.Cmd, how driver.How) error {
	if how == driver.Atomic {
		return v.doAtomic(ctx, cmds, false)
	}
	return v.doPlain(ctx, cmds)
}

// behindAsking is verbatim with ASKING in front of each command or transaction.
type behindAsking struct{ verbatim }

func (b behindAsking) Do(ctx context.Context, cmds []*driver.Cmd, how driver.How) error {
	if how == driver.Atomic {
		return b.doAtomic(ctx, cmds, true)
	}
	c := b.call()
	c.once = true
	c.Commands = make([]Command, 0, 2*len(cmds))
	// The server with a slot on its way may not know the scripts, and may refuse the command
	// that brings a script with TRYAGAIN.
	for _, command := range b.encode(nil, cmds, inFull) {
		c.Commands = append(c.Commands, Command{Name: asking, Shape: shape.OK, Longest: minLongest}, command)
	}
	if err := b.run(ctx, c); err != nil {
		return err
	}
	for i := range cmds {
		c.Commands[2*i+1].fill(cmds[i])
	}
	b.release(c)
	return nil
}

// doPlain runs commands. A script that the server does not know any more (SCRIPT FLUSH) is
// sent once more, in full.
func (s *Store) doPlain(ctx context.Context, cmds []*driver.Cmd) error {
	how := inBatch
	if len(cmds) == 1 {
		how = alone
	}
	for {
		c := s.call()
		if len(cmds) == 1 {
			c.Commands = s.encode(c.one[:0], cmds, how)
		} else {
			c.batch = s.encode(c.batch[:0], cmds, how)
			c.Commands = c.batch
		}
		if err := s.run(ctx, c); err != nil {
			if how != inFull {
				return err
			}
			for _, cmd := range cmds {
				cmd.Err = err
			}
			return nil
		}
		for i := range cmds {
			c.Commands[i].fill(cmds[i])
		}
		forgotten := how != inFull && slices.ContainsFunc(cmds, isForgotten)
		s.release(c)
		if !forgotten {
			return nil
		}
		if cmds, how = sentAgain(cmds), inFull; len(cmds) == 0 {
			return nil
		}
	}
}

const (
	// minLongest is the limit of strings in replies without a value, such as ids and
	// fields.
	minLongest = 4 << 10
	// maxNames is the limit of keys and of texts about a server.
	maxNames = 16 << 20
)

// longestOf is longest for a command of a row.
func (s *Store) longestOf(row *driver.Command, name string) int64 {
	if kind := kindOf(row); kind != nil && !kind.ownLength {
		return max(int64(s.options.MaxValue), minLongest)
	}
	return s.longest(name)
}

// hasOwnLength reports whether longest knows a command.
func hasOwnLength(name string) bool {
	s := Store{options: Options{MaxValue: 1}}
	return s.longest(name) != minLongest
}

// longest returns the limit of the strings in the reply to a command.
func (s *Store) longest(name string) int64 {
	switch name {
	case "GET", "MGET":
		return int64(s.options.MaxValue)
	case "SCAN", "CLUSTER", "SENTINEL", "ROLE", "INFO", "RANDOMKEY":
		return max(int64(s.options.MaxValue), maxNames)
	case "DUMP": // a dump may be longer than its value
		return math.MaxInt64
	}
	return max(int64(s.options.MaxValue), minLongest)
}
