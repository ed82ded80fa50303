package valkey

import (
	"fmt"
	"time"

	valkeygo "github.com/valkey-io/valkey-go"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/exchange"
	"github.com/xcache-go/xcache/drivers/internal/settings"
	"github.com/xcache-go/xcache/drivers/internal/status"
	"github.com/xcache-go/xcache/drivers/internal/topology"
)

// engine is the store on one server that all drivers share.
type engine = exchange.Store

// A Store is a store on a Valkey server, on the servers of sentinels, or on a cluster.
// Store implements every optional interface of package driver but Subscriber, Tracker and
// Replicated. All methods may be called concurrently.
type Store struct{ backend }

// backend hides the store inside a Store: a serverStore or a clusterStore.
type backend = topology.Store

// Caps implements driver.Capable. The capabilities are the capabilities of the store
// inside.
func (s *Store) Caps() driver.Caps { return driver.CapsOf(s.backend) }

// A serverStore is a store on one server.
type serverStore struct {
	*engine
	pool     *pool       // nil for a client of the program's
	client   *clientWire // nil for connections of the store's own
	addr     string      // address of the server; "" if only the client knows it
	database int
	native   native
	// events are closed with the store. events is nil if another store owns the queue.
	events *status.Queue
}

// A StoreOption changes the store that NewStore returns.
type StoreOption func(*storeOptions)

type storeOptions struct {
	closeClient bool
	callTimeout time.Duration // time-out of a call without a deadline on a cluster
}

// CloseClient lets Store.Close close the client, too.
func CloseClient() StoreOption { return func(o *storeOptions) { o.closeClient = true } }

// NewStore returns a store on a client that the program has made. The program still owns
// the client: Close leaves the client open, unless CloseClient is given. NewStore does no
// I/O, and panics if client is nil.
//
// The client may be a client of a server, of sentinels or of a cluster. On a cluster the
// store uses the clients of the nodes (Nodes), and routes commands itself: the store
// follows redirects, waits for failovers and reads from primaries, as a store from a DSN
// with +cluster does. The store sends a PTTL through the cluster client to find a node
// that the client does not know yet. The client must not have ReplicaOnly or
// SendToReplicas, because some of its connections would read from a server that has
// become a replica. Hooks around the client see the commands if the hooks wrap the
// clients of Nodes, too, as valkeyhook does.
//
// The client's options hold, with two exceptions. Nothing is sent twice, whatever
// DisableRetry says: the store retries by itself where that is safe. A call returns when
// its context ends, whatever the client does. The command stays with the client until the
// client gets the reply or closes the connection, and Close waits for that. A call without
// a deadline has no bound but the client's, or 3 seconds on a cluster. The core adds a
// deadline of its own.
//
// The store does not see the client's connections. So every failure without a reply, other
// than a failure to connect, has an unknown outcome, and a malformed reply may end the
// process. A store from a DSN has neither limit.
func NewStore(client valkeygo.Client, opts ...StoreOption) *Store {
	if client == nil {
		panic("xcache: valkey.NewStore of a nil client")
	}
	o := storeOptions{callTimeout: settings.DefaultOpTimeout}
	for _, opt := range opts {
		opt(&o)
	}
	if client.Mode() == valkeygo.ClientModeCluster {
		return &Store{newStoreOfCluster(client, o)}
	}
	w := &clientWire{source: &fixedClient{knownClient: knownClient{Client: client}, owned: o.closeClient}}
	return &Store{&serverStore{
		engine: exchange.NewStore(w, exchange.NewClock(0, w.Watch), exchange.Options{
			Driver: name, MaxValue: maxBulk, Detached: true, Copies: true, Workers: maxIdle, Probes: true,
		}),
		client: w,
	}}
}

// maxIdle is the limit of idle goroutines that are kept to send calls of callers who may
// leave early.
const maxIdle = 64

// newStore returns a store on the server in the settings. newStore does no I/O.
func newStore(s *settings.Settings, dial dialFunc) *serverStore {
	p := newPool(s, dial)
	p.clock = exchange.NewClock(s.OpTimeout, p.Watch)
	return &serverStore{
		engine: exchange.NewStore(p, p.clock, exchange.Options{
			Driver: name, OpTimeout: s.OpTimeout, MaxValue: min(s.MaxValue, maxBulk), NoHello: s.NoHello, Status: s.Status,
			Copies: true, Borrows: minLent, Probes: true,
		}),
		pool: p, addr: s.Addr, database: s.DB, native: native{settings: s, dial: dial},
	}
}

// Close ends the abandoned calls, and closes the connections that the store owns.
func (s *serverStore) Close() error {
	s.native.close()
	err := s.engine.Close()
	if s.client != nil {
		// A call that connects during the first Close of valkey-go leaves an open
		// connection.
		s.client.source.close()
	}
	s.events.Close()
	return err
}

// String returns the address and the database of the server.
func (s *serverStore) String() string {
	if s.client != nil && s.addr == "" {
		return "valkey store of a client"
	}
	return fmt.Sprintf("valkey store %s/%d", s.addr, s.database)
}

// Format writes the result of String for every verb, because the client's options hold a
// password.
func (s *serverStore) Format(f fmt.State, verb rune) {
	fmt.Fprintf(f, fmt.FormatString(f, verb), s.String())
}
