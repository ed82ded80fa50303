package clustered

import (
	"errors"
	"slices"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/failure"
	"github.com/xcache-go/xcache/internal/keyslot"
)

// slotOfCommand returns the slot of a command's keys, or -1 for a command without keys.
// spread tells that the keys are in several slots.
func slotOfCommand(cmd *driver.Cmd) (slot int, spread bool) {
	slot = -1
	for i := range cmd.Args {
		if cmd.Args[i].Role != driver.RoleKey {
			continue
		}
		s := int(keyslot.Of(cmd.Args[i].Text))
		if slot >= 0 && s != slot {
			return slot, true
		}
		slot = s
	}
	return slot, false
}

// isDivisible reports whether a command on several keys does the same as a command for
// each key. All arguments of such a command are keys.
func isDivisible(name string) bool {
	switch name {
	case "DEL", "EXISTS", "MGET", "UNLINK", driver.CmdLeaseRevoke:
		return true
	}
	return false
}

// whole stands for a command without an item of its own.
const whole = -1

// A divided command is run by several items, its parts.
type divided struct {
	cmd *driver.Cmd
	// item is the item of the command itself, or whole. The parts are items[first:last].
	// positions has, for each part, the positions of the part's keys in the arguments of
	// the command.
	item        int
	first, last int
	positions   [][]int
}

// divide makes an item for each slot of a command. A command that has an item already
// (of is not whole) gets an item for each key.
func (b *fanOut) divide(cmd *driver.Cmd, of int) {
	d := divided{cmd: cmd, item: of, first: len(b.items)}
	row := cmd.Command()
	at := make(map[uint16]int, len(cmd.Args))
	for i, key := range cmd.Args {
		slot := keyslot.Of(key.Text)
		j, known := at[slot]
		if !known || of != whole {
			j = len(d.positions)
			at[slot] = j
			d.positions = append(d.positions, nil)
			b.items = append(b.items, item{cmd: driver.NewCmd(cmd.Name), slot: slot, readOnly: row.ReadOnly})
		}
		d.positions[j] = append(d.positions[j], i)
		part := b.items[d.first+j].cmd
		part.Args = append(part.Args, key)
	}
	d.last = len(b.items)
	b.divisions = append(b.divisions, d)
}

// join makes the reply and the error of a divided command from the replies and errors
// of its parts.
func (d *divided) join(items []item) {
	var (
		sum    int64
		values []driver.Reply
		err    error
		some   bool // parts were applied
	)
	if d.cmd.Name == "MGET" {
		values = make([]driver.Reply, len(d.cmd.Args))
	}
	for i, positions := range d.positions {
		part := items[d.first+i].cmd
		if part.Err != nil {
			if err == nil || isUnknown(part.Err) && !isUnknown(err) {
				err = part.Err
			}
			continue
		}
		some = some || !items[d.first+i].readOnly
		if values == nil {
			n, replyErr := part.Reply.AsInt()
			sum += n
			if replyErr != nil {
				err = part.Misread(replyErr)
			}
			continue
		}
		found, replyErr := part.Reply.AsArray()
		if replyErr == nil && len(found) != len(positions) {
			replyErr = errReply
		}
		if replyErr != nil {
			err = part.Misread(replyErr)
			continue
		}
		for j, position := range positions {
			values[position] = found[j]
		}
	}
	d.cmd.Reply = driver.IntReply(sum)
	if values != nil {
		d.cmd.Reply = driver.ArrayReply(values...)
	}
	d.cmd.Err = err
	if err != nil && some && !isUnknown(err) {
		d.cmd.Err = failure.Partly(err)
	}
}

// errReply is the error of a reply in another shape than the command's.
var errReply = driver.Fail(driver.ErrUnavailable, driver.Unknown, errors.New("unexpected reply of a node of the cluster"))

func isUnknown(err error) bool { return errors.Is(err, driver.ErrUnknownOutcome) }

// origin returns the item of which item i is a part, or i.
func (b *fanOut) origin(i int) int {
	at := slices.IndexFunc(b.divisions, func(d divided) bool { return d.item != whole && d.first <= i && i < d.last })
	if at >= 0 {
		return b.divisions[at].item
	}
	return i
}
