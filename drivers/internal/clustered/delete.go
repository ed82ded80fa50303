package clustered

import (
	"context"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/failure"
)

// Delete implements driver.Store. Delete takes the leases of the keys away as well: one round
// trip to each server has both. Keys may have been removed even if Delete fails.
func (s *Store) Delete(ctx context.Context, keys []string) (int, error) {
	if len(keys) == 0 {
		return 0, nil
	}
	start := s.router.now()
	slot, same := slotOfKeys(keys)
	if same {
		if server := s.router.enter(slot); server != nil {
			n, leases, values := server.node.DeleteApart(ctx, keys)
			server.leave(leases == nil && values == nil)
			if leases == nil && values == nil {
				return n, nil
			}
			b := s.fanOut(ctx, start, 2)
			defer b.retrier.end()
			revoke, unlink := keysCommand(driver.CmdLeaseRevoke, keys), keysCommand("UNLINK", keys)
			revoke.Err, unlink.Err, unlink.Reply = leases, values, driver.IntReply(int64(n))
			b.items = append(b.items,
				item{cmd: revoke, slot: slot, server: server, unanswered: leases != nil},
				item{cmd: unlink, slot: slot, server: server, unanswered: values != nil})
			return deleted(revoke, unlink, b.runFrom(true))
		}
	}
	b := s.fanOut(ctx, start, 2)
	defer b.retrier.end()
	revoke, unlink := keysCommand(driver.CmdLeaseRevoke, keys), keysCommand("UNLINK", keys)
	b.add(revoke)
	b.add(unlink)
	return deleted(revoke, unlink, b.runFrom(false))
}

// deleted returns the outcome of Delete by those of its commands.
func deleted(revoke, unlink *driver.Cmd, err error) (int, error) {
	if err == nil {
		err = unlink.Err
	}
	if err == nil && revoke.Err != nil && !failure.IsForbidden(revoke.Err) {
		err = failure.Partly(revoke.Err)
	}
	n, replyErr := unlink.Reply.AsInt()
	if err == nil {
		err = replyErr
	}
	return int(n), err
}

// An invalidation is a command on leases, and behind it the command that removes the values.
// While a slot moves, the value may be on one server and the lease on the other. Then the
// lease is taken away after the value, and a fill may have come between the two. So what removed
// the value is sent once more.

// revokes reports whether an item takes leases away. The item may be sent again after what
// stands behind it is done: who has no lease only stores less.
func (it *item) revokes() bool { return it.cmd.Name == driver.CmdLeaseRevoke }

// removeAgain returns those of the items behind one that takes leases away that have removed
// values of its keys, and are sent again behind it. A command behind them on the same keys that
// is done forbids that.
func (b *fanOut) removeAgain(revocation *item, behind []int) (again []int) {
	keys := make(map[string]bool, len(revocation.cmd.Args))
	revocation.addKeysTo(keys)
	for _, i := range behind {
		it := &b.items[i]
		if it.latest && (it.cmd.Name == "UNLINK" || it.cmd.Name == "DEL") && it.hasKeyIn(keys) {
			n, _ := it.cmd.Reply.AsInt() // of such a command
			it.removed += n
			it.latest = false
			again = append(again, i)
		}
	}
	return again
}

// count adds what an item removed the first time to its reply. A key that somebody has stored
// meanwhile counts once.
func (it *item) count() {
	if n, err := it.cmd.Reply.AsInt(); it.removed > 0 && it.cmd.Err == nil && err == nil {
		it.cmd.Reply = driver.IntReply(min(n+it.removed, int64(len(it.cmd.Args))))
	}
}
