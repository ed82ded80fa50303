package clustered

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/servererror"
)

// A batch is commands on their way to the servers that have their keys, each in
// a round trip of its own, in parallel. What a server sends elsewhere, or is not
// ready for, is sent again; nothing else is.
//
// The commands on one key are run in their order. Those on several keys that lie
// in different slots are taken apart, where that gives the same result.
type batch struct {
	call      *call
	items     []item
	divisions []divided
}

// An item is a command for one server.
type item struct {
	cmd      *driver.Cmd
	slot     uint16
	readOnly bool
	// server is where it was sent last, and ask the address of where it is to be
	// sent with ASKING.
	server *server
	ask    string
	// unanswered tells that no reply came to it, nor to those it was sent with.
	unanswered bool
	settled    bool // it was done before it became an item
	// hasty tells that it is not to wait until its keys, some of which are on
	// their way, are all in one place.
	hasty bool
}

// add adds a command, or what it is taken apart into.
func (b *batch) add(cmd *driver.Cmd) {
	it := item{cmd: cmd, readOnly: isReadOnly(cmd.Name)}
	slot, spread := slotOfCommand(cmd)
	switch {
	case spread && isDivisible(cmd.Name):
		b.divide(cmd, whole)
		return
	case spread:
		cmd.Err = crossSlot(cmd.Name)
		return
	case slot < 0:
		it.slot = anySlot()
	default:
		it.slot = uint16(slot)
	}
	b.items = append(b.items, it)
}

// runFrom sends all items, those that failed again as long as they may be, and
// fills in replies and errors. sent tells that all were sent once already. The
// error is that of a batch to which nobody answered anything.
func (b *batch) runFrom(sent bool) error {
	pending := make([]int, len(b.items))
	for i := range pending {
		pending[i] = i
	}
	for len(pending) > 0 {
		if !sent {
			b.send(pending)
		}
		sent = false
		var redirected bool
		if pending, redirected = b.unfinished(pending); len(pending) > 0 && !b.call.pause(redirected) {
			break
		}
	}
	for _, i := range pending {
		b.items[i].cmd.Err = b.call.expired(b.items[i].cmd.Err)
	}
	return b.finish()
}

// finish puts together what was taken apart.
func (b *batch) finish() error {
	for i := range slices.Backward(b.divisions) {
		b.divisions[i].join(b.items)
	}
	var err error
	for i := range b.items {
		it := &b.items[i]
		if !it.unanswered {
			return nil
		}
		if err == nil || isUnknown(it.cmd.Err) && !isUnknown(err) {
			err = it.cmd.Err
		}
	}
	return err
}

// send sends items to their servers.
func (b *batch) send(pending []int) {
	ctx := b.call.context()
	groups := b.groups(ctx, pending)
	if len(groups) == 0 {
		return
	}
	var others sync.WaitGroup
	for i := range groups[1:] {
		g := &groups[1+i]
		others.Go(func() { b.sendGroup(ctx, g) })
	}
	b.sendGroup(ctx, &groups[0])
	others.Wait()
}

// A group is items that go to one server.
type group struct {
	server *server
	asking bool
	items  []int
}

// groups finds the server of each item. A call to each of them is counted.
func (b *batch) groups(ctx context.Context, pending []int) []group {
	var groups []group
	for _, i := range pending {
		it := &b.items[i]
		var s *server
		if it.ask != "" {
			s = b.call.router.enterAt(it.ask)
		} else if s = b.call.router.enter(it.slot); s == nil {
			var err error
			if s, err = b.call.router.await(ctx, it.slot); err != nil {
				it.cmd.Err, it.server, it.unanswered = err, nil, true
				continue
			}
		}
		it.server = s
		at := slices.IndexFunc(groups, func(g group) bool { return g.server == s && g.asking == (it.ask != "") })
		if at >= 0 {
			groups[at].items = append(groups[at].items, i)
			s.gate.Leave() // it is counted once
			continue
		}
		groups = append(groups, group{s, it.ask != "", append(make([]int, 0, len(pending)), i)})
	}
	return groups
}

func (b *batch) sendGroup(ctx context.Context, g *group) {
	cmds := make([]*driver.Cmd, len(g.items))
	for i, at := range g.items {
		cmds[i] = b.items[at].cmd
		cmds[i].Reply, cmds[i].Err = driver.Reply{}, nil
	}
	do := g.server.node.Do
	if g.asking {
		do = g.server.node.DoAsking
	}
	err := do(ctx, cmds, driver.Plain)
	g.server.leave(err == nil && slices.ContainsFunc(cmds, func(c *driver.Cmd) bool { return c.Err == nil }))
	for i, at := range g.items {
		if b.items[at].unanswered = err != nil; err != nil {
			cmds[i].Err = err
		}
	}
}

// unfinished returns the items, of those that were sent, which are to be sent
// again, and whether all of them go elsewhere than where they were.
//
// None is if a later one on one of its keys is done already, or they would be run
// in another order.
func (b *batch) unfinished(pending []int) (next []int, redirected bool) {
	var (
		done    map[string]bool                          // keys of items that are done, behind the current one
		targets map[uint16]string                        // by slot, where its latest redirect leads: "" is to who has it
		undone  = slices.ContainsFunc(pending, b.failed) // else there is nothing to find out
	)
	if !undone {
		return nil, false
	}
	done, targets = make(map[string]bool), make(map[uint16]string)
	redirected = true
	for _, i := range slices.Backward(pending) {
		it := &b.items[i]
		v, to := b.judge(it)
		if v == final || slices.ContainsFunc(it.cmd.Args, func(a driver.Arg) bool { return a.Role == driver.RoleKey && done[a.Text] }) {
			for _, a := range it.cmd.Args {
				if a.Role == driver.RoleKey {
					done[a.Text] = true
				}
			}
			continue
		}
		if _, known := targets[it.slot]; !known && to != nil {
			targets[it.slot] = ""
			if to.Ask {
				targets[it.slot] = to.Address(it.server.addr)
			}
		}
		redirected = redirected && v != again
		if (v == single || v == asked) && isDivisible(it.cmd.Name) && len(it.cmd.Args) > 1 {
			// Some of the keys may be here and some there.
			first := len(b.items)
			b.divide(it.cmd, i)
			for j := range b.items[first:] {
				next = append(next, first+j)
			}
			continue
		}
		redirected = redirected && v != single
		next = append(next, i)
	}
	// Backwards they were found, and new ones stand behind all others: the order
	// is that of the commands they come from.
	slices.SortStableFunc(next, func(x, y int) int { return cmp.Compare(b.origin(x), b.origin(y)) })
	for _, i := range next {
		b.items[i].ask = targets[b.items[i].slot]
	}
	return next, redirected
}

func (b *batch) failed(i int) bool {
	err := b.items[i].cmd.Err
	if err == nil && b.items[i].server != nil {
		b.items[i].server.answered()
	}
	return err != nil
}

// judge returns what is to become of an item that was sent.
func (b *batch) judge(it *item) (verdict, *servererror.RedirectError) {
	it.cmd.Err = b.call.router.reason(it.cmd.Err)
	err := it.cmd.Err
	switch {
	case it.server != nil:
		v, to := b.call.judge(err, it.readOnly, it.server)
		if v == single && it.hasty {
			v = final
		}
		return v, to
	case isTransient(err) && b.call.router.topology.Load() != nil:
		return again, nil // nobody has the slot
	}
	return final, nil
}
