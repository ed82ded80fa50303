package node

import (
	"errors"

	"github.com/xcache-go/xcache/driver"
)

// Exclusive is what a Node has that gives connections of the caller's own. It is an
// ability that a node may lack. All methods may be called concurrently, also beside
// Disconnect and Close of the node, which end all sessions.
type Exclusive interface {
	// Exclusive gives connections to the server, whatever the key, which EndSessions
	// gets to see. It does not wait for another server. Its error matches ErrNoPlace if
	// all connections are in use: the server has nothing to do with that.
	driver.Exclusive

	// EndSessions ends the sessions on keys for which ends returns true, for the
	// reason given. It does no I/O, and neither does it wait for their calls.
	EndSessions(reason *driver.Error, ends func(key string) bool)

	// Sessions returns how many sessions there are.
	Sessions() int
}

// ErrNoPlace is the cause of the failure to get a session while all are in use.
var ErrNoPlace = errors.New("all connections of callers' own are in use; exclusive_size is how many there are")
