package memory

import (
	"bytes"

	"github.com/xcache-go/xcache/driver"
)

var tagCommands = map[string]command{
	driver.CmdGeneration: {run: generation, min: 3, max: 3},
}

// generation is key, candidate, ttl.
func generation(c *call) (driver.Reply, error) {
	ttl, err := c.TTL(2)
	if err != nil {
		return driver.Reply{}, err
	}
	if ttl == driver.KeepTTL || driver.Expired(ttl) {
		return driver.Reply{}, c.Fail("a TTL must be a positive number of milliseconds, or NONE")
	}
	if err := c.fits(c.Key(0), 1); err != nil {
		return driver.Reply{}, err
	}
	e, err := c.findString(c.Key(0))
	switch {
	case err != nil:
		return driver.Reply{}, err
	case e == nil:
		return driver.DataReply(bytes.Clone(c.Bytes(1))), c.set(c.Key(0), c.value(1), ttl, driver.Always)
	case e.deadline < c.deadline(ttl):
		c.setTTL(c.Key(0), ttl)
	}
	return stringReply(e), nil
}
