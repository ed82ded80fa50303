package clustered

import (
	"context"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/failure"
)

// An invalidation is a command on the leases of keys, and then a command that removes the
// values. While a slot moves, a value may be on one server and its lease on the other.
// Then the lease is taken away first, and the values are removed in another round trip: a
// value that was removed in the first round trip may have been filled again before the
// lease was gone.

const unlink = "UNLINK"

// Delete implements driver.Store. Delete takes the leases of the keys away as well, in one
// round trip to each server. Keys may have been removed even if Delete fails.
func (s *Store) Delete(ctx context.Context, keys []string) (int, error) {
	if len(keys) == 0 {
		return 0, nil
	}
	start := s.router.now()
	slot, same := slotOfKeys(keys)
	if !same {
		return s.deleteSpread(ctx, start, keys)
	}
	server := s.router.enter(slot)
	if server == nil {
		return s.deleteApart(ctx, start, keys, 0)
	}
	n, leases, values := server.node.DeleteApart(ctx, keys)
	server.leave(leases == nil && values == nil, leases, values)
	if leases == nil && values == nil {
		return n, nil
	}
	revocation, removal := keysCommand(driver.CmdLeaseRevoke, keys), keysCommand(unlink, keys)
	revocation.Err, removal.Err = leases, values
	b := s.fanOut(ctx, start, 2)
	defer b.retrier.end()
	b.items = append(b.items, item{cmd: revocation, slot: slot, server: server}, item{cmd: removal, slot: slot, server: server})
	if err := b.refusal(); err != nil {
		return n, err
	}
	n, err := s.deleteApart(ctx, start, keys, n)
	return n, partly(n, err)
}

// deleteSpread deletes keys of several slots.
func (s *Store) deleteSpread(ctx context.Context, start time.Time, keys []string) (int, error) {
	b := s.fanOut(ctx, start, 2)
	defer b.retrier.end()
	b.add(keysCommand(driver.CmdLeaseRevoke, keys))
	b.add(keysCommand(unlink, keys))
	all := make([]int, len(b.items))
	for i := range all {
		all[i] = i
	}
	b.send(all)
	n, left := 0, make(map[string]bool)
	for i := range b.items {
		it := &b.items[i]
		if it.failed() {
			it.addKeysTo(left)
		} else if it.cmd.Name == unlink {
			removed, _ := it.cmd.Reply.AsInt() // of a command that succeeded
			n += int(removed)
		}
	}
	if len(left) == 0 {
		return n, nil
	}
	if err := b.refusal(); err != nil {
		return n, err
	}
	var rest []string
	removed := 0 // removed keys among rest
	for _, key := range keys {
		if left[key] || left[driver.LeaseName(key)] {
			rest = append(rest, key)
		}
	}
	for i := range b.items {
		if it := &b.items[i]; it.cmd.Name == unlink && it.cmd.Err == nil && it.hasKeyIn(setOf(rest)) {
			part, _ := it.cmd.Reply.AsInt() // all keys of an item remain, or none
			removed += int(part)
		}
	}
	again, err := s.deleteApart(ctx, start, rest, removed)
	n += again - removed
	return n, partly(n, err)
}

// partly returns the error of a Delete that has removed n keys.
func partly(n int, err error) error {
	if n > 0 && err != nil && !isUnknown(err) {
		return failure.Partly(err)
	}
	return err
}

func setOf(keys []string) map[string]bool {
	set := make(map[string]bool, len(keys))
	for _, key := range keys {
		set[key] = true
	}
	return set
}

// refusal returns the error of an item that may not be sent again, or nil.
func (b *fanOut) refusal() error {
	var err error
	applied := false
	for i := range b.items {
		it := &b.items[i]
		applied = applied || it.cmd.Err == nil
		v, _ := b.classify(it)
		if v == final && it.failed() && (err == nil || isUnknown(it.cmd.Err)) {
			err = it.cmd.Err
		}
	}
	if err != nil && applied && !isUnknown(err) {
		return failure.Partly(err)
	}
	return err
}

// failed reports whether an item has failed. A user who may not take leases away works
// without leases, so a refusal of that command is no failure.
func (it *item) failed() bool {
	return it.cmd.Err != nil && !(it.cmd.Name == driver.CmdLeaseRevoke && failure.IsForbidden(it.cmd.Err))
}

// deleteApart takes the leases of keys away, and removes the values then. removed is how
// many values were removed before: a key that another caller has stored meanwhile counts
// once.
func (s *Store) deleteApart(ctx context.Context, start time.Time, keys []string, removed int) (int, error) {
	for _, name := range []string{driver.CmdLeaseRevoke, unlink} {
		b := s.fanOut(ctx, start, 1)
		cmd := keysCommand(name, keys)
		b.add(cmd)
		err := b.runFrom(false)
		b.retrier.end()
		if err == nil {
			err = cmd.Err
		}
		n, replyErr := cmd.Reply.AsInt()
		switch {
		case name == driver.CmdLeaseRevoke && (err == nil || failure.IsForbidden(err)):
			continue
		case err == nil:
			err = replyErr
		}
		if name == unlink {
			removed = min(removed+int(n), len(keys))
		}
		if err != nil {
			return removed, err
		}
	}
	return removed, nil
}
