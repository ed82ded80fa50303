package exchange

import (
	"context"
	"slices"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/resp"
	"github.com/xcache-go/xcache/drivers/internal/shape"
)

// Get, Set and Delete (delete.go) build their commands in memory that is used again. A call for one key
// allocates nothing but the value that it reads.

// Get implements driver.Store.
func (s *Store) Get(ctx context.Context, keys []string, dst []driver.Value) error {
	if len(keys) == 0 {
		return nil
	}
	c := s.call()
	name, reply := "GET", shape.Value
	if len(keys) > 1 {
		name, reply = "MGET", shape.Array
	}
	c.keys(keys)
	c.one[0] = Command{Name: name, Args: c.args, ReadOnly: true, Shape: reply, Longest: int64(s.options.MaxValue)}
	if err := s.run(ctx, c); err != nil {
		return err
	}
	err := c.one[0].values(dst)
	s.release(c)
	return err
}

func (c *Call) keys(keys []string) {
	c.built, c.args = true, slices.Grow(c.args[:0], len(keys))
	for _, key := range keys {
		c.args = append(c.args, driver.Key(key))
	}
}

// values fills in the outcomes of GET or MGET.
func (c *Command) values(dst []driver.Value) error {
	if c.Name == "GET" {
		if dst[0].Err = c.err; c.err == nil {
			dst[0].Data, dst[0].Err = valueOf(&c.Reply)
		}
		return nil
	}
	if c.err != nil {
		return c.err
	}
	if len(c.Reply.Items) != len(dst) {
		return driver.Fail(driver.ErrUnavailable, driver.NotApplied, resp.ErrMalformed)
	}
	for i := range dst {
		dst[i].Data, dst[i].Err = valueOf(&c.Reply.Items[i])
	}
	return nil
}

func valueOf(r *driver.Reply) ([]byte, error) {
	switch r.Kind {
	case driver.ReplyData:
		return r.Data, nil
	case driver.ReplyNil:
		return nil, driver.ErrNotFound
	case driver.ReplyError:
		return nil, unwritten(r.Err, true)
	}
	return nil, driver.Fail(driver.ErrUnavailable, driver.NotApplied, resp.ErrMalformed)
}

// Set implements driver.Store.
func (s *Store) Set(ctx context.Context, entries []driver.Entry) error {
	if len(entries) == 0 {
		return nil
	}
	c := s.call()
	others := c.entries(entries)
	if err := s.run(ctx, c); err != nil {
		return err
	}
	for i := range entries {
		entries[i].Err = c.Commands[i].err
		if others != nil && others[i] != nil {
			c.Commands[i].fill(others[i])
			entries[i].Err = driver.SetOutcome(&entries[i], others[i])
		}
	}
	s.release(c)
	return nil
}

// maxSetArgs is the number of arguments of SET for a plain entry: key, value, PX and the
// time.
const maxSetArgs = 4

// entries makes the commands that store entries. others has, at its position, the command
// of driver.SetCommand for each entry that SET with or without PX cannot store. others is
// nil if there is no such entry.
func (c *Call) entries(entries []driver.Entry) (others []*driver.Cmd) {
	if len(entries) > 1 {
		c.Commands = slices.Grow(c.batch[:0], len(entries))[:len(entries)]
		c.batch = c.Commands
	}
	c.built, c.args = true, slices.Grow(c.args[:0], maxSetArgs*len(entries))
	for i := range entries {
		e := &entries[i]
		if e.Cond != driver.Always || e.TTL <= 0 {
			if others == nil {
				others = make([]*driver.Cmd, len(entries))
			}
			cmd := driver.SetCommand(e)
			others[i] = cmd
			c.Commands[i] = Command{Name: cmd.Name, Args: cmd.Args, ReadOnly: cmd.Command().ReadOnly, Shape: shape.Of(cmd.Name, cmd.Args), Longest: minLongest}
			continue
		}
		from := len(c.args)
		c.args = append(c.args, driver.Key(e.Key), driver.Val(e.Value))
		if e.TTL != driver.NoExpiry {
			c.args = append(c.args, driver.Literal("PX"), driver.Int(driver.Milliseconds(e.TTL)))
		}
		c.Commands[i] = Command{Name: "SET", Args: c.args[from:len(c.args):len(c.args)], Shape: shape.OK, Longest: minLongest}
	}
	return others
}
