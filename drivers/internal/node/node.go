// Package node is what a store on several servers needs to know of a store on
// one: the seam between the routing, which is written once, and the drivers.
package node

import (
	"context"
	"errors"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/settings"
)

// A Node is a store on one server. It retries what may be sent to that server
// again, and leaves what sends a command elsewhere (MOVED, ASK, READONLY) to its
// caller. All methods may be called concurrently, Close once, after the others
// have returned.
type Node interface {
	driver.Store
	driver.Commander
	driver.Scanner
	driver.Limiter

	// Query runs a command about the server itself, which is not in the table
	// of commands and changes nothing: CLUSTER SLOTS, ROLE, SENTINEL
	// GET-MASTER-ADDR-BY-NAME. It is retried as reads are.
	Query(ctx context.Context, words ...string) (driver.Reply, error)

	// DoAsking is Do behind ASKING, on the same connection with nothing in
	// between: for commands on a slot that the server is about to take over.
	// Plain commands have one ASKING each.
	DoAsking(ctx context.Context, cmds []*driver.Cmd, how driver.How) error

	// Now returns the time, to within a moment that does not matter to deadlines
	// of calls, at a fraction of what it costs to ask the system.
	Now() time.Time

	// Disconnect closes all connections, for good. Calls under way fail at once,
	// with an outcome that is true; later ones with ErrClosed. It may be called
	// while others are under way, and Close must be called all the same.
	Disconnect()
}

// ErrClientClosed is why calls fail with driver.ErrClosed at a node whose client the
// program has closed: no other node takes its place.
var ErrClientClosed = errors.New("the program has closed the client of the store")

// Open returns the node of one server. It does no I/O.
type Open func(*settings.Settings) Node
