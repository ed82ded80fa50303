// Package node is the interface between the routing over several servers and a driver's
// store on one server. All drivers share the routing.
package node

import (
	"context"
	"errors"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/settings"
)

// A Node is a store on one server. A Node retries on its own server. The caller handles
// errors that lead to another server (MOVED, ASK, READONLY). All methods may be called
// concurrently. Close is called once, after the others have returned.
type Node interface {
	driver.Store
	driver.Commander
	driver.Scanner
	driver.Limiter

	// Query runs a command about the server. The command is not in the table of commands,
	// and changes nothing: CLUSTER SLOTS, ROLE, SENTINEL GET-MASTER-ADDR-BY-NAME. Query is
	// retried as reads are.
	Query(ctx context.Context, words ...string) (driver.Reply, error)

	// DeleteApart is Delete with an error for the leases of the keys, and another for their
	// values: each may have failed alone. The leases go first.
	DeleteApart(ctx context.Context, keys []string) (removed int, leases, values error)

	// DoAsking is Do behind ASKING on the same connection, for commands on a slot that
	// moves to this server. Each plain command has an ASKING of its own.
	DoAsking(ctx context.Context, cmds []*driver.Cmd, how driver.How) error

	// Now returns the time, which is exact enough for deadlines of calls. Now costs a
	// fraction of time.Now.
	Now() time.Time

	// Disconnect closes all connections, and lets no other be made. Calls in flight fail at
	// once, with a true outcome. Later calls fail with ErrClosed. Disconnect may be called
	// concurrently with other calls. Close must still be called.
	Disconnect()
}

// ErrClientClosed is the cause of driver.ErrClosed at a node whose client the program has
// closed. No other node takes its place.
var ErrClientClosed = errors.New("the program has closed the client of the store")

// Open returns the node of one server. Open does no I/O.
type Open func(*settings.Settings) Node
