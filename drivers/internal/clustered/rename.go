package clustered

import (
	"cmp"
	"context"
	"crypto/sha1" //nolint:gosec // what the servers' scripts can compute
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/failure"
	"github.com/xcache-go/xcache/drivers/internal/servererror"
	"github.com/xcache-go/xcache/internal/keyslot"
)

// Rename implements driver.Mover. Between different slots, the value is copied and then
// deleted. These are two steps: both keys exist for a moment. A value that is written to
// from in that moment is not lost, and stays there.
//
// A value is copied within one slot, too, while that slot moves to another server. RENAME
// would have to wait for the end of the move.
func (s *Store) Rename(ctx context.Context, from, to string) error {
	_, err := s.rename(ctx, "RENAME", from, to)
	return err
}

// RenameNX implements driver.Mover, as Rename does.
func (s *Store) RenameNX(ctx context.Context, from, to string) (bool, error) {
	return s.rename(ctx, "RENAMENX", from, to)
}

func (s *Store) rename(ctx context.Context, name, from, to string) (bool, error) {
	start := s.router.now()
	replace := name == "RENAME"
	if slot := keyslot.Of(from); slot == keyslot.Of(to) {
		cmd := driver.NewCmd(name, driver.Key(from), driver.Key(to))
		b := s.fanOut(ctx, start, 1)
		defer b.retrier.end()
		b.items = append(b.items, item{cmd: cmd, slot: slot, failFast: from != to})
		if err := b.runFrom(false); !servererror.IsTryAgain(cmd.Err) {
			if err = cmp.Or(err, cmd.Err); err != nil {
				return false, err
			}
			if replace {
				err = cmd.Reply.AsOK()
				return err == nil, err
			}
			return cmd.Reply.AsFlag()
		}
	}
	return s.move(ctx, start, from, to, replace)
}

// deleteUnchanged deletes a key if the checksum of its value is still the same.
const deleteUnchanged = `local v = redis.call('DUMP', KEYS[1])
if not v or redis.sha1hex(v) ~= ARGV[1] then return 0 end
return redis.call('UNLINK', KEYS[1])`

// move moves a value between slots. With replace, the value at the new key is replaced.
// The old value is deleted after its copy is known to exist.
func (s *Store) move(ctx context.Context, start time.Time, from, to string, replace bool) (bool, error) {
	if _, ok := ctx.Deadline(); !ok { // one for all steps
		var cancel context.CancelFunc
		ctx, cancel = failure.Bound(ctx, start.Add(s.router.timeout), s.router.timeout)
		defer cancel()
	}
	value, ttl, err := s.dump(ctx, from)
	if err != nil {
		return false, err
	}
	restore := driver.NewCmd("RESTORE", driver.Key(to), driver.Int(ttl), driver.Val(value))
	if replace {
		restore.Args = append(restore.Args, driver.Literal("REPLACE"))
	}
	if err := s.one(ctx, restore); err != nil {
		if !replace && errors.Is(err, servererror.ErrBusyKey) {
			return false, nil
		}
		return false, err
	}
	if err := restore.Reply.AsOK(); err != nil {
		return false, err
	}
	sum := sha1.Sum(value) //nolint:gosec // see above
	remove := driver.NewCmd("EVAL", driver.Literal(deleteUnchanged), driver.Int(1), driver.Key(from), driver.Literal(hex.EncodeToString(sum[:])))
	if err := s.one(ctx, remove); err != nil {
		partial := failure.Partly(err)
		partial.Err = fmt.Errorf("the value is under both keys, as the old one could not be deleted: %w", err)
		return false, partial
	}
	return true, nil
}

// dump returns a value in the form that RESTORE takes, with its TTL. No failure of dump
// has changed anything.
func (s *Store) dump(ctx context.Context, key string) (value []byte, ttl int64, err error) {
	dump, pttl := driver.NewCmd("DUMP", driver.Key(key)), driver.NewCmd("PTTL", driver.Key(key))
	if err := s.Do(ctx, []*driver.Cmd{dump, pttl}, driver.Atomic); err != nil {
		return nil, 0, unapplied(err)
	}
	if err := errors.Join(dump.Err, pttl.Err); err != nil {
		return nil, 0, unapplied(err)
	}
	if value, err = dump.Reply.AsBytes(); err != nil {
		return nil, 0, unapplied(err)
	}
	if ttl, err = pttl.Reply.AsInt(); err != nil {
		return nil, 0, unapplied(err)
	}
	if ttl < 0 {
		return value, 0, nil // RESTORE's word for a key that never expires
	}
	return value, max(1, ttl), nil
}

// one runs a single command.
func (s *Store) one(ctx context.Context, cmd *driver.Cmd) error {
	if err := s.Do(ctx, []*driver.Cmd{cmd}, driver.Plain); err != nil {
		return err
	}
	return cmd.Err
}

// unapplied returns the error of commands that change nothing.
func unapplied(err error) error {
	var e *driver.Error
	if !errors.As(err, &e) {
		return err
	}
	told := *e
	told.Outcome = driver.NotApplied
	return &told
}
