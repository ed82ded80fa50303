package node

import (
	"errors"

	"github.com/xcache-go/xcache/driver"
)

// Exclusive is the optional interface of a Node that gives connections of their own to
// callers. All methods may be called concurrently, also beside Disconnect and Close of the
// node, which end all sessions.
type Exclusive interface {
	// Exclusive gives connections to this server, and does not wait for another server.
	// EndSessions sees the key of the session. The error matches ErrNoPlace if all
	// connections are in use, which is no failure of the server.
	driver.Exclusive

	// EndSessions ends the sessions with keys for which ends returns true, for a reason.
	// EndSessions does no I/O, and does not wait for calls.
	EndSessions(reason *driver.Error, ends func(key string) bool)

	// Sessions returns the number of sessions.
	Sessions() int
}

// ErrNoPlace is the cause of the error when all connections are in use.
var ErrNoPlace = errors.New("all connections of callers' own are in use; exclusive_size is how many there are")
