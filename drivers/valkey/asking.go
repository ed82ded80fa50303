package valkey

import (
	"context"
	"slices"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/failure"
	"github.com/xcache-go/xcache/drivers/internal/shape"
)

// DoAsking is Do behind ASKING, which counts for the next command or transaction
// on the connection. Nothing is sent again.
func (n node) DoAsking(ctx context.Context, cmds []*driver.Cmd, how driver.How) error {
	return n.dialect.Do(ctx, behindAsking{n}, cmds, how)
}

// behindAsking is the server as package dialect needs it, asked behind ASKING.
type behindAsking struct{ node }

func asking() command { return command{args: []string{"ASKING"}, shape: shape.OK} }

func (b behindAsking) Do(ctx context.Context, cmds []*driver.Cmd, how driver.How) error {
	if how == driver.Atomic {
		return b.doAtomic(ctx, cmds)
	}
	r := &request{once: true}
	for _, c := range encode(cmds, false) {
		r.commands = append(r.commands, asking(), c)
	}
	if err := b.run(ctx, r); err != nil {
		return err
	}
	for i := range cmds {
		r.commands[2*i+1].fill(cmds[i])
	}
	return nil
}

func (b behindAsking) doAtomic(ctx context.Context, cmds []*driver.Cmd) error {
	if !b.multi.Load() {
		if err := b.probeMulti(ctx); err != nil {
			transacted(cmds, nil, err)
			return err
		}
	}
	r := &request{once: true}
	r.commands = slices.Concat([]command{asking()}, transaction(cmds))
	err := b.run(ctx, r)
	if err == nil {
		transaction := request{commands: r.commands[1:], atomic: true}
		err = failure.InContext(ctx, transaction.atomicError())
	}
	transacted(cmds, r, err)
	return err
}
