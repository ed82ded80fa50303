package exchange

import (
	"context"
	"slices"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/failure"
	"github.com/xcache-go/xcache/drivers/internal/shape"
)

// Delete implements driver.Store. Delete takes the leases of the keys away as well. The error
// of a Delete that has removed the values and failed on the leases is an unknown outcome.
func (s *Store) Delete(ctx context.Context, keys []string) (int, error) {
	removed, leases, err := s.DeleteApart(ctx, keys)
	if err == nil && leases != nil {
		err = failure.Partly(leases)
	}
	return removed, err
}

// DeleteApart is Delete with an error for the leases, and another for the values. Both commands
// go in one round trip, and the leases first: a load that takes its lease between the two began
// after the call did. A user who may not remove leases goes without them.
func (s *Store) DeleteApart(ctx context.Context, keys []string) (removed int, leases, values error) {
	if len(keys) == 0 {
		return 0, nil, nil
	}
	c := s.call()
	c.deletion(keys)
	if err := s.run(ctx, c); err != nil {
		return 0, err, err
	}
	leases, values = c.Commands[0].err, c.Commands[1].err
	reply := c.Commands[1].Reply
	s.release(c)
	if failure.IsForbidden(leases) {
		leases = nil
	}
	if values != nil {
		return 0, leases, values
	}
	n, err := reply.AsInt()
	if err != nil {
		return 0, leases, driver.Fail(driver.ErrUnavailable, failure.Outcome(true), err)
	}
	return int(n), leases, nil
}

// deletion makes the commands of Delete.
func (c *Call) deletion(keys []string) {
	c.built, c.args, c.names = true, slices.Grow(c.args[:0], 2*len(keys)), c.names[:0]
	for _, key := range keys {
		from := len(c.names)
		c.names = driver.AppendLeaseName(c.names, key)
		c.args = append(c.args, driver.Val(c.names[from:len(c.names):len(c.names)]))
	}
	for _, key := range keys {
		c.args = append(c.args, driver.Key(key))
	}
	c.batch = slices.Grow(c.batch[:0], 2)[:2]
	c.Commands = c.batch
	for i := range c.Commands {
		args := c.args[i*len(keys) : (i+1)*len(keys) : (i+1)*len(keys)]
		c.Commands[i] = Command{Name: "UNLINK", Args: args, Shape: shape.Integer, Longest: minLongest}
	}
}
