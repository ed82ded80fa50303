package clustered

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/servererror"
)

// A fanOut sends commands to the servers that have their keys: one round trip to each
// server, all of them in parallel. A command is sent again if its server redirected the
// command, or refused the command for now; all other commands are sent once.
//
// The commands on one key run in their order. A command with keys in several slots is
// divided into one command for each slot, if that gives the same result.
type fanOut struct {
	retrier   *retrier
	items     []item
	divisions []divided
}

// An item is a command for one server.
type item struct {
	cmd      *driver.Cmd
	slot     uint16
	keyless  bool // any slot is as good
	readOnly bool
	// server is where the command was sent last. ask, if not empty, is the address
	// of the server that gets the command next, behind ASKING.
	server *server
	ask    string
	// unanswered tells that no reply came to any command of the round trip.
	unanswered bool
	settled    bool // the command was done before the item was made
	// failFast tells that TRYAGAIN is final: the command does not wait for the end of
	// a migration.
	failFast bool
}

// add adds a command, or its parts if the command is divided.
func (b *fanOut) add(cmd *driver.Cmd) {
	it := item{cmd: cmd, readOnly: isReadOnly(cmd.Name), failFast: failsFast(cmd)}
	slot, spread := slotOfCommand(cmd)
	switch {
	case spread && isDivisible(cmd.Name):
		b.divide(cmd, whole)
		return
	case spread:
		cmd.Err = crossSlot(cmd.Name)
		return
	case slot < 0:
		it.slot, it.keyless = anySlot(), true
	default:
		it.slot = uint16(slot)
	}
	b.items = append(b.items, it)
}

// failsFast reports whether a command does not wait for the end of a migration. During a
// migration, no server runs a command on two keys if one of the keys is missing. The
// callers of a loaded value would have to wait, too.
func failsFast(cmd *driver.Cmd) bool { return cmd.Name == driver.CmdLeaseFill }

// runFrom sends all items, and sends again what may be sent again while there is time.
// Then the commands have their replies and errors. sent tells that the first round trip
// is over already. runFrom returns an error if no server has answered any command.
func (b *fanOut) runFrom(sent bool) error {
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
		if pending, redirected = b.unfinished(pending); len(pending) > 0 && !b.retrier.pause(redirected) {
			break
		}
	}
	for _, i := range pending {
		b.items[i].cmd.Err = b.retrier.expired(b.items[i].cmd.Err)
	}
	return b.finish()
}

// finish joins the replies of divided commands. The error is the error of runFrom.
func (b *fanOut) finish() error {
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
func (b *fanOut) send(pending []int) {
	ctx := b.retrier.context()
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

// A group is the items that go to one server in one round trip.
type group struct {
	server *server
	asking bool
	items  []int
}

// groups finds the server of each item. Each group counts as one call at its server.
func (b *fanOut) groups(ctx context.Context, pending []int) []group {
	var groups []group
	for _, i := range pending {
		it := &b.items[i]
		var s *server
		if it.ask != "" {
			s = b.retrier.router.enterAt(it.ask)
		} else if s = b.retrier.router.enter(it.slot); s == nil {
			var err error
			if s, err = b.retrier.router.await(ctx, it.slot); err != nil {
				it.cmd.Err, it.server, it.unanswered = err, nil, true
				continue
			}
		}
		it.server = s
		at := slices.IndexFunc(groups, func(g group) bool { return g.server == s && g.asking == (it.ask != "") })
		if at >= 0 {
			groups[at].items = append(groups[at].items, i)
			s.gate.Leave() // a group is counted once
			continue
		}
		groups = append(groups, group{s, it.ask != "", append(make([]int, 0, len(pending)), i)})
	}
	return groups
}

func (b *fanOut) sendGroup(ctx context.Context, g *group) {
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
	if err == nil && slices.ContainsFunc(cmds, func(c *driver.Cmd) bool { return c.Err == nil }) {
		g.server.leave(true)
	} else {
		g.server.leave(false, errorsOf(err, cmds, func(c **driver.Cmd) error { return (*c).Err })...)
	}
	for i, at := range g.items {
		if b.items[at].unanswered = err != nil; err != nil {
			cmds[i].Err = err
		}
	}
}

// unfinished returns the sent items that are to be sent again. redirected
// tells whether all of them go to other servers than before.
//
// The commands on one key keep their order: an item is not sent again if a later item
// on one of its keys is done already. So the items are taken backwards.
func (b *fanOut) unfinished(pending []int) (next []int, redirected bool) {
	if !slices.ContainsFunc(pending, b.failed) {
		return nil, false
	}
	done := make(map[string]bool)      // keys of later items that are done
	targets := make(map[string]string) // see target
	redirected = true
	for _, i := range slices.Backward(pending) {
		it := &b.items[i]
		v, to := b.classify(it)
		if v == final || it.hasKeyIn(done) {
			it.addKeysTo(done)
			continue
		}
		if it.keyless { // another server may be well
			it.slot = anySlot()
		}
		it.target(to, targets)
		parts := b.divideFailed(i, v)
		// Parts may be here and there, and go at once.
		redirected = redirected && v != again && (v != single || len(parts) > 0)
		if len(parts) == 0 {
			parts = []int{i}
		}
		next = append(next, parts...)
	}
	b.inOrder(next)
	for _, i := range next {
		b.items[i].ask = ""
		for key := range b.items[i].keys {
			if to := targets[key]; to != "" {
				b.items[i].ask = to
				break
			}
		}
	}
	return next, redirected
}

// keys yields the keys of an item. For a command that takes leases away, these are the
// keys of the leases.
func (it *item) keys(yield func(string) bool) {
	for _, a := range it.cmd.Args {
		if a.Role != driver.RoleKey {
			continue
		}
		key := a.Text
		if it.cmd.Name == driver.CmdLeaseRevoke {
			key = driver.LeaseName(key)
		}
		if !yield(key) {
			return
		}
	}
}

// hasKeyIn reports whether a set has one of the item's keys.
func (it *item) hasKeyIn(set map[string]bool) bool {
	for key := range it.keys {
		if set[key] {
			return true
		}
	}
	return false
}

// addKeysTo adds the item's keys to a set.
func (it *item) addKeysTo(set map[string]bool) {
	for key := range it.keys {
		set[key] = true
	}
}

// target notes where the redirect of an item leads, by the keys of the item: to the
// server at an address, behind ASKING, or with "" to the server that has the slot. Other
// keys of the slot may be elsewhere. The redirect of the last item on a key counts; that
// item comes first here.
func (it *item) target(to *servererror.RedirectError, targets map[string]string) {
	if to == nil {
		return
	}
	for key := range it.keys {
		if _, known := targets[key]; known {
			continue
		}
		targets[key] = ""
		if to.Ask {
			targets[key] = to.Address(it.server.addr)
		}
	}
}

// divideFailed divides an item into one item for each key if some of its keys may
// have moved to another server and some not. divideFailed returns the new items,
// or none.
func (b *fanOut) divideFailed(i int, v verdict) (parts []int) {
	cmd, server := b.items[i].cmd, b.items[i].server
	if v != single && v != asked || !isDivisible(cmd.Name) || len(cmd.Args) < 2 {
		return nil
	}
	first := len(b.items)
	b.divide(cmd, i)
	for part := first; part < len(b.items); part++ {
		// A part that is never sent, for want of time, has the failure of the whole command.
		b.items[part].server, b.items[part].cmd.Err = server, cmd.Err
		parts = append(parts, part)
	}
	return parts
}

// inOrder sorts items by their commands. New items stand behind all other items.
func (b *fanOut) inOrder(items []int) {
	slices.SortStableFunc(items, func(x, y int) int { return cmp.Compare(b.origin(x), b.origin(y)) })
}

// failed reports whether an item has failed.
func (b *fanOut) failed(i int) bool {
	err := b.items[i].cmd.Err
	if err == nil && b.items[i].server != nil {
		b.items[i].server.answered()
	}
	return err != nil
}

// classify returns the verdict on an item that was sent, and the redirect of its server,
// if any.
func (b *fanOut) classify(it *item) (verdict, *servererror.RedirectError) {
	it.cmd.Err = b.retrier.router.reason(it.cmd.Err)
	err := it.cmd.Err
	switch {
	case it.server != nil:
		v, to := b.retrier.classify(err, it.readOnly, it.server)
		if v == single && it.failFast {
			v = final
		}
		return v, to
	case isTransient(err) && b.retrier.router.topology.Load() != nil:
		return again, nil // no server has the slot
	}
	return final, nil
}
