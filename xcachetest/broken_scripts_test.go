package xcachetest

import (
	"context"
	"errors"
	"strings"
	"sync"

	"github.com/xcache-go/xcache/driver"
	_ "github.com/xcache-go/xcache/drivers/memory/lua"
)

// These stores have one bug each in their scripts.
func init() {
	for _, broken := range []struct {
		name   string
		run    func(s scriptsBroken, ctx context.Context, cmd *driver.Cmd)
		caught []string
	}{
		{"a script that says that it is busy is run again", runsBusyAgain, []string{"scripts/run-once", "scripts-queued/run-once"}},
		{"a script that was not run before is an error", failsUnknown, []string{"scripts/unknown-to-the-server", "scripts-queued/unknown-to-the-server", "scripts/numbers"}},
		{"read-only scripts may write", writesInReadOnly, []string{"scripts/read-only", "command/EVAL_RO"}},
		{"a script that fails is a server that is not there", failsAsServer, []string{"scripts/error-replies", "scripts/errors-of-lua"}},
		{"false is 0", falseIsZero, []string{"scripts/booleans", "command/EVAL"}},
		{"a script reads before its turn", readsEarly, []string{"scripts/atomic"}},
		{"a script gets its keys as arguments", keysAreArguments, []string{"scripts/keys", "scripts/arguments"}},
	} {
		brokenStores = append(brokenStores, struct {
			name   string
			open   func() driver.Store
			caught []string
		}{broken.name, func() driver.Store { return scriptsBroken{newCorrect(), new(sync.Map), broken.run} }, broken.caught})
	}
}

// scriptsBroken replaces the run of scripts.
type scriptsBroken struct {
	correct
	known *sync.Map
	run   func(s scriptsBroken, ctx context.Context, cmd *driver.Cmd)
}

func (s scriptsBroken) Do(ctx context.Context, cmds []*driver.Cmd, how driver.How) error {
	if how == driver.Atomic {
		return s.correct.Do(ctx, cmds, how)
	}
	for _, cmd := range cmds {
		if strings.HasPrefix(cmd.Name, "EVAL") {
			s.run(s, ctx, cmd)
			continue
		}
		s.runCorrectly(ctx, cmd)
	}
	return nil
}

func (s scriptsBroken) runCorrectly(ctx context.Context, cmd *driver.Cmd) {
	if err := s.correct.Do(ctx, []*driver.Cmd{cmd}, driver.Plain); err != nil {
		cmd.Err = err
	}
}

func runsBusyAgain(s scriptsBroken, ctx context.Context, cmd *driver.Cmd) { //nolint:revive // the store comes first, as in a method
	s.runCorrectly(ctx, cmd)
	if failed, ok := errors.AsType[*driver.ScriptError](cmd.Err); ok && failed.Code() == "BUSY" {
		s.runCorrectly(ctx, cmd)
	}
}

func failsUnknown(s scriptsBroken, ctx context.Context, cmd *driver.Cmd) { //nolint:revive // likewise
	if _, known := s.known.LoadOrStore(cmd.Args[0].Text, true); !known {
		cmd.Err = driver.Fail(driver.ErrScript, driver.NotApplied, errors.New("NOSCRIPT No matching script"))
		return
	}
	s.runCorrectly(ctx, cmd)
}

func writesInReadOnly(s scriptsBroken, ctx context.Context, cmd *driver.Cmd) { //nolint:revive // likewise
	writing := driver.NewCmd("EVAL", cmd.Args...)
	s.runCorrectly(ctx, writing)
	cmd.Reply, cmd.Err = writing.Reply, writing.Err
}

func failsAsServer(s scriptsBroken, ctx context.Context, cmd *driver.Cmd) { //nolint:revive // likewise
	s.runCorrectly(ctx, cmd)
	if errors.Is(cmd.Err, driver.ErrScript) {
		cmd.Err = driver.Fail(driver.ErrUnavailable, driver.Unknown, nil)
	}
}

func falseIsZero(s scriptsBroken, ctx context.Context, cmd *driver.Cmd) { //nolint:revive // likewise
	s.runCorrectly(ctx, cmd)
	if cmd.Err == nil && cmd.Reply.IsNil() {
		cmd.Reply = driver.IntReply(0)
	}
}

// readsEarly restores the value of the key from before the calls of others.
func readsEarly(s scriptsBroken, ctx context.Context, cmd *driver.Cmd) { //nolint:revive // likewise
	before, err := getOne(ctx, s.correct, cmd.Key())
	letOthersIn()
	if err == nil {
		setOne(ctx, s.correct, &driver.Entry{Key: cmd.Key(), Value: before, TTL: driver.NoExpiry})
	}
	s.runCorrectly(ctx, cmd)
}

func keysAreArguments(s scriptsBroken, ctx context.Context, cmd *driver.Cmd) { //nolint:revive // likewise
	moved := driver.NewCmd(cmd.Name, append([]driver.Arg{cmd.Args[0], driver.Int(0)}, cmd.Args[2:]...)...)
	s.runCorrectly(ctx, moved)
	cmd.Reply, cmd.Err = moved.Reply, moved.Err
}
