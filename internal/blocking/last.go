package blocking

import (
	"context"

	"github.com/xcache-go/xcache/driver"
)

// The ID $ of XREAD is the last ID of a stream when the command arrives. A blocking command
// is sent once for each slice, so that $ would differ between slices, and an entry between
// two slices would be missed. This file therefore replaces $ by the last ID before the
// first slice.

// findLast finds the arguments $ of an XREAD, and their keys.
func (w *wait) findLast() {
	if w.cmd.Name != "XREAD" {
		return
	}
	args := w.cmd.Args
	first := -1 // the index of the first key
	for i := range args {
		if args[i].Role == driver.RoleKey {
			first = i
			break
		}
	}
	if first < 0 {
		return
	}
	for k, n := 0, (len(args)-first)/2; k < n; k++ {
		if id := first + n + k; args[id].Role != driver.RoleKey && args[id].String() == "$" {
			w.lasts = append(w.lasts, last{key: first + k, id: id})
		}
	}
}

// A last has the indices of an argument $ and of its key.
type last struct{ key, id int }

// readLast replaces each $ by the last ID of its stream.
func (w *wait) readLast(ctx context.Context) error {
	if len(w.lasts) == 0 {
		return nil
	}
	cmds := make([]*driver.Cmd, len(w.lasts))
	for i, l := range w.lasts {
		cmds[i] = driver.NewCmd("XREVRANGE", w.cmd.Args[l.key], driver.Literal("+"), driver.Literal("-"), driver.Literal("COUNT"), driver.Int(1))
	}
	if err := w.session.Do(ctx, cmds, driver.Plain); err != nil {
		return err
	}
	ids := make([]string, len(cmds))
	for i, c := range cmds {
		if c.Err != nil {
			return c.Err
		}
		entries, err := c.Reply.AsStreamEntries()
		if err != nil {
			return c.Misread(err)
		}
		ids[i] = "0-0" // the stream has no entries
		if len(entries) > 0 {
			ids[i] = entries[0].ID
		}
	}
	for i, l := range w.lasts {
		w.cmd.Args[l.id] = driver.Literal(ids[i])
	}
	w.lasts = nil
	return nil
}
