package blocking

import (
	"context"

	"github.com/xcache-go/xcache/driver"
)

// A command that waits is sent again and again. So the ID $ of XREAD, which is the last one of
// a stream when the command comes, would be another one in each slice, and an entry that was
// added between two slices would be missed. It is read once instead, before the first slice.

// findLast notes which arguments of an XREAD are $, each with the key that it belongs to.
func (w *wait) findLast() {
	if w.cmd.Name != "XREAD" {
		return
	}
	args := w.cmd.Args
	first := -1 // of the keys
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

// A last is an argument that is $, and the one that is its key.
type last struct{ key, id int }

// readLast puts IDs in the place of $.
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
		ids[i] = "0-0" // a stream without entries
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
