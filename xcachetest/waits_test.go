package xcachetest

import (
	"context"
	"testing"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/memory"
)

// These tests test the checks of commands that wait, with the memory store, correct and
// broken.

func TestBrokenStoresThatWaitAreCaught(t *testing.T) {
	for _, broken := range []struct {
		name   string
		do     func(ctx context.Context, store *memory.Store, cmd *driver.Cmd) error
		caught []string
	}{
		{"it does not wait", func(ctx context.Context, store *memory.Store, cmd *driver.Cmd) error {
			return store.Do(ctx, []*driver.Cmd{cmd}, driver.Atomic)
		}, []string{"command/BLPOP", "command/BZMPOP", "waits/BLMOVE-leaves", "waits/first-come-first-served", "waits/hold-up-nobody", "waits/XREAD", "waits/XREADGROUP"}},
		{"it takes an element for who has left", func(ctx context.Context, store *memory.Store, cmd *driver.Cmd) error {
			kept := driver.NewCmd(cmd.Name, append([]driver.Arg(nil), cmd.Args...)...)
			done := make(chan error, 1)
			go func() { done <- store.Do(context.WithoutCancel(ctx), []*driver.Cmd{kept}, driver.Plain) }()
			select {
			case err := <-done:
				cmd.Reply, cmd.Err = kept.Reply, kept.Err
				return err
			case <-ctx.Done():
				return driver.Fail(ctx.Err(), driver.NotApplied, nil)
			}
		}, []string{"waits/BLPOP-leaves", "waits/BZPOPMAX-leaves", "waits/lose-nothing"}},
		{"who came first looks least often", poll, []string{"waits/first-come-first-served"}},
		{"its time-out is an error", func(ctx context.Context, store *memory.Store, cmd *driver.Cmd) error {
			err := store.Do(ctx, []*driver.Cmd{cmd}, driver.Plain)
			if err == nil && cmd.Err == nil && cmd.Reply.IsNil() {
				cmd.Err = driver.ErrUnavailable
			}
			return err
		}, []string{"command/BRPOP", "command/BLMPOP", "command/BZPOPMIN", "waits/XREAD", "waits/XREADGROUP"}},
	} {
		t.Run(broken.name, func(t *testing.T) {
			h := waitingHarness(func() driver.Store { return &brokenWaits{Store: newMemory(t), do: broken.do} })
			for _, r := range runChecks(t, h, broken.caught...) {
				if r.err == nil {
					t.Errorf("%s did not catch it (skipped: %q)", r.name, r.skipped)
				}
			}
		})
	}
}

func TestStoreThatWaitsPasses(t *testing.T) {
	var names []string
	for _, c := range append(waitChecks(), streamWaitChecks()...) {
		names = append(names, c.name)
	}
	for _, r := range runChecks(t, waitingHarness(func() driver.Store { return newMemory(t) }), names...) {
		if r.err != nil || r.skipped != "" {
			t.Errorf("%s: %v, skipped %q", r.name, r.err, r.skipped)
		}
	}
}

func newMemory(t *testing.T) *memory.Store {
	t.Helper()
	store, err := memory.NewStore(memory.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return store
}

func waitingHarness(open func() driver.Store) Harness {
	h := inProcess(open)
	h.Lacks, h.LacksCommands = lackedBy(open()), nil
	h.InProcess = false // a broken store may leave a goroutine behind
	h.LacksGroups = []driver.Group{driver.GroupMigration, driver.GroupScripts}
	h.Timeout = 15 * time.Second
	return h
}

// A brokenWaits is the memory store, except commands that wait.
type brokenWaits struct {
	*memory.Store
	do func(ctx context.Context, store *memory.Store, cmd *driver.Cmd) error
}

func (b *brokenWaits) Do(ctx context.Context, cmds []*driver.Cmd, how driver.How) error {
	if len(cmds) == 1 && how == driver.Plain && cmds[0].Waits() {
		return b.do(ctx, b.Store, cmds[0])
	}
	return b.Store.Do(ctx, cmds, how)
}

// poll repeats a command, with growing pauses.
func poll(ctx context.Context, store *memory.Store, cmd *driver.Cmd) error {
	for pause := time.Millisecond; ; pause *= 2 {
		if err := store.Do(ctx, []*driver.Cmd{cmd}, driver.Atomic); err != nil || cmd.Err != nil || !cmd.Reply.IsNil() {
			return err
		}
		time.Sleep(pause)
	}
}
