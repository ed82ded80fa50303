package xcache

import "github.com/xcache-go/xcache/driver"

// Inspect returns what the store of the view knows of its servers, or of what it holds
// itself: roles, states, connections, the last errors, for an operator's page or log.
// It asks no server and waits for nothing, so that it answers while all else hangs. It
// may be called after Close.
//
// The error matches errors.ErrUnsupported if the store does not tell.
func (c *Cache) Inspect() (driver.Inspection, error) {
	inspector := c.target.caps.Inspector
	if inspector == nil {
		return driver.Inspection{}, c.opError("inspect", "", unsupported("way to tell what it is connected to"))
	}
	return inspector.Inspect(), nil
}
