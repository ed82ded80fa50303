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

// engine is a call on one server, which is written once for all drivers.
type engine = exchange.Store

// A Store is a store on a Valkey server, on the servers of sentinels, or on a cluster.
// It implements every optional interface of package driver but Subscriber, Tracker and
// Replicated. All methods may be called concurrently.
type Store struct{ backend }

// backend hides what a Store is made of: a serverStore or a clusterStore.
type backend = topology.Store

// Caps implements driver.Capable: a Store can do what it is made of.
func (s *Store) Caps() driver.Caps { return driver.CapsOf(s.backend) }

// A serverStore is the connections to one server.
type serverStore struct {
	*engine
	pool     *pool       // nil if the client is the program's
	client   *clientWire // nil if the connections are the store's own
	addr     string      // of the server; "" if only the client knows
	database int
	native   native
	// events are closed with the store; nil if they are another one's.
	events *status.Queue
}

// A StoreOption changes what NewStore returns.
type StoreOption func(*storeOptions)

type storeOptions struct {
	closeClient bool
	callTimeout time.Duration // of a call on a cluster without a deadline
}

// CloseClient lets Store.Close close the client too.
func CloseClient() StoreOption { return func(o *storeOptions) { o.closeClient = true } }

// NewStore returns a store on a client that the program has made and goes on to
// own: Close leaves it open, unless CloseClient is given. NewStore does no I/O, and
// panics if client is nil.
//
// The client may be one of a server, of sentinels or of a cluster. Of a cluster the store
// uses the clients for its nodes (Nodes), and routes commands itself: it follows
// redirections, waits for failovers and reads from primaries, as a store of a DSN with
// +cluster does. Of a node that the client does not know yet it has the client send a
// PTTL, so that the client is redirected there. The client must not have ReplicaOnly or
// SendToReplicas, as some of its connections would read from a server that has become a
// replica. Hooks around the client see the commands if they are around what its Nodes
// returns, as those of valkeyhook are.
//
// The client's options hold, with two exceptions. Nothing is sent twice, whatever
// DisableRetry says: the store's own retries are those that are safe. And a call
// returns when its context ends; the command it leaves behind stays with the
// client until that gets the reply or gives the connection up, and so does Close.
// A call without a deadline takes as long as the client lets it, and on a cluster 3
// seconds at most; the core adds a deadline of its own.
//
// The store does not see the client's connections. So unlike with a store that
// the driver opens, every failure without a reply but that to connect has an
// unknown outcome, and a malformed reply may end the process.
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

// maxIdle is how many goroutines that send for callers who may leave are kept.
const maxIdle = 64

// newStore returns a store on the server that the settings name. It does no I/O.
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

// Close ends the calls that were abandoned, and closes the connections if they
// are the store's own.
func (s *serverStore) Close() error {
	s.native.close()
	err := s.engine.Close()
	if s.client != nil {
		// A call that was connecting when valkey-go was closed leaves it with a
		// connection that it has not closed.
		s.client.source.close()
	}
	s.events.Close()
	return err
}

// String returns the server's address and database.
func (s *serverStore) String() string {
	if s.client != nil && s.addr == "" {
		return "valkey store of a client"
	}
	return fmt.Sprintf("valkey store %s/%d", s.addr, s.database)
}

// Format writes what String returns for every verb: the client's options hold a
// password.
func (s *serverStore) Format(f fmt.State, verb rune) {
	fmt.Fprintf(f, fmt.FormatString(f, verb), s.String())
}
