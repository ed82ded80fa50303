package redis

import (
	"context"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/failure"
)

var asking = []byte("ASKING")

// DoAsking is Do behind ASKING, which counts for the next command or transaction
// on the connection. Nothing is sent again.
func (n node) DoAsking(ctx context.Context, cmds []*driver.Cmd, how driver.How) error {
	return n.dialect.Do(ctx, behindAsking{n}, cmds, how)
}

// behindAsking is the server as package dialect needs it, asked behind ASKING.
type behindAsking struct{ node }

func (b behindAsking) Do(ctx context.Context, cmds []*driver.Cmd, how driver.How) error {
	if how == driver.Atomic {
		return b.doAtomic(ctx, cmds)
	}
	r := request{once: true}
	inner := encode(&r, cmds, borrowed(ctx), false)
	before := make([]generalCommand, len(inner))
	for i := range inner {
		before[i].init(&r, asking, nil)
		r.commands = append(r.commands, &before[i].command, &inner[i].command)
	}
	if err := b.run(ctx, &r); err != nil {
		return err
	}
	for i := range inner {
		cmds[i].Reply, cmds[i].Err = inner[i].reader.reply, inner[i].err
	}
	return nil
}

func (b behindAsking) doAtomic(ctx context.Context, cmds []*driver.Cmd) error {
	r := request{once: true}
	var before, begin, end generalCommand
	before.init(&r, asking, nil)
	begin.init(&r, multi, nil)
	end.init(&r, exec, nil)
	r.commands = append(r.commands, &before.command, &begin.command)
	r.commands = append(r.commands, pointers(encode(&r, cmds, borrowed(ctx), false))...)
	r.commands = append(r.commands, &end.command)
	err := b.run(ctx, &r)
	if err == nil {
		transaction := request{commands: r.commands[1:], atomic: true}
		err = failure.InContext(ctx, transaction.atomicError())
	}
	transacted(cmds, &end, err)
	return err
}
