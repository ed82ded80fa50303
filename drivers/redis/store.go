package redis

import (
	"errors"
	"fmt"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/exchange"
	"github.com/xcache-go/xcache/drivers/internal/settings"
	"github.com/xcache-go/xcache/drivers/internal/status"
	"github.com/xcache-go/xcache/drivers/internal/topology"
)

// engine is the store on one server that all drivers share.
type engine = exchange.Store

// A Store is a store on a Redis server, on the servers of sentinels, or on a cluster. Store
// implements every optional interface of package driver but Subscriber, Tracker and
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
	addr     string
	database int
	wire     inspector
	native   native
	// events are closed with the store. events is nil if another store owns the queue.
	events *status.Queue
}

// An inspector shows the state of the connections to a server.
type inspector interface {
	inspect() driver.InspectedServer
}

// A StoreOption changes the store that NewStore returns.
type StoreOption func(*storeOptions)

type storeOptions struct {
	closeClient bool
	maxValue    int
	callTimeout time.Duration // time-out of a call without a deadline on a cluster
}

func defaultStoreOptions() storeOptions {
	return storeOptions{maxValue: settings.DefaultMaxValue, callTimeout: settings.DefaultOpTimeout}
}

// CloseClient lets Store.Close close the client, too.
func CloseClient() StoreOption { return func(o *storeOptions) { o.closeClient = true } }

// MaxValue sets the length in bytes of the longest value. A longer value is neither sent
// nor read into memory, and is ErrTooLarge. The default is slightly more than 64 MiB.
// MaxValue panics unless n is positive.
func MaxValue(n int) StoreOption {
	if n <= 0 {
		panic("xcache: redis.MaxValue of a length that is not positive")
	}
	return func(o *storeOptions) { o.maxValue = n }
}

// NewStore returns a store on a client that the program has made. The program still owns
// the client: Close leaves the client open, unless CloseClient is given. NewStore does no
// I/O.
//
// A *goredis.Client may be a client of a server, or a client of sentinels by
// NewFailoverClient. With a *goredis.ClusterClient, the store uses the clients of the
// nodes, and routes commands itself: see NewClusterStore. Hooks of the nodes' clients, as
// OnNewNode adds them, see the commands. Hooks of the cluster client do not.
//
// NewStore panics for a nil client, and for any other type. A *goredis.Ring keeps each
// key on one of several servers, and loses keys when a server comes or goes. NewStore
// also panics for two kinds of ClusterClient. The servers of a client with ClusterSlots
// are no cluster; NewFailoverClusterClient makes such a client. The connections of a
// client with ReadOnly, RouteByLatency or RouteRandomly would read from a server that has
// become a replica.
//
// The client's options hold, with two exceptions. Nothing is sent twice, whatever
// MaxRetries says: the store retries by itself where that is safe. A call returns when its
// context ends, whatever ContextTimeoutEnabled says. Without that option, the command of a
// call that has ended holds its connection until the client's ReadTimeout, and Close waits
// for that. A call without a deadline has no bound but the client's time-outs, or 3 seconds
// on a cluster. The core adds a deadline of its own.
//
// The client's hooks see the words of the store's commands. A cache of the client is not
// used. The store does not watch the client's connections, as it watches the connections
// from a DSN. So an endless line in a reply takes memory for its length, a pipeline is
// written to its end before replies are read, and bytes behind a reply are left to the
// client. Once the program has closed the client, calls fail with driver.ErrClosed.
func NewStore(client goredis.UniversalClient, opts ...StoreOption) *Store {
	o := defaultStoreOptions()
	for _, opt := range opts {
		opt(&o)
	}
	switch client := client.(type) {
	case *goredis.Client:
		if client != nil {
			return &Store{newStoreOf(client, o)}
		}
	case *goredis.ClusterClient:
		if client != nil {
			return &Store{newStoreOfCluster(client, o)}
		}
	case nil:
	default:
		panic(fmt.Sprintf("xcache: redis.NewStore of a %T; it takes a *redis.Client or a *redis.ClusterClient", client))
	}
	panic("xcache: redis.NewStore of a nil client")
}

func newStoreOf(client *goredis.Client, o storeOptions) *serverStore {
	addr := client.Options().Addr
	w := &clientWire{addr: addr, source: fixedClient{client, o.closeClient}}
	return &serverStore{
		engine: exchange.NewStore(w, exchange.NewClock(0, w.Watch), exchange.Options{
			Driver: name, MaxValue: o.maxValue, Detached: true, Workers: client.Options().PoolSize, Probes: true,
		}),
		addr: addr, database: client.Options().DB, wire: w,
	}
}

// newStore returns a store on the server in the settings. newStore does no I/O.
func newStore(s *settings.Settings, dial dialFunc) *serverStore {
	p := newPool(s, dial)
	p.clock = exchange.NewClock(s.OpTimeout, p.Watch)
	return &serverStore{
		engine: exchange.NewStore(p, p.clock, exchange.Options{
			Driver: name, OpTimeout: s.OpTimeout, MaxValue: s.MaxValue, NoHello: s.NoHello, Status: s.Status,
		}),
		addr: s.Addr, database: s.DB, wire: p, native: native{settings: s, dial: dial},
	}
}

// Close ends the abandoned calls, and closes the connections if the store owns its client.
// Later calls fail with driver.ErrClosed.
func (s *serverStore) Close() error {
	err := errors.Join(s.native.close(), s.engine.Close())
	s.events.Close()
	return err
}

// String returns the address and the database of the server.
func (s *serverStore) String() string { return fmt.Sprintf("redis store %s/%d", s.addr, s.database) }

// Format writes the result of String for every verb, because the client's options hold a
// password.
func (s *serverStore) Format(f fmt.State, verb rune) {
	fmt.Fprintf(f, fmt.FormatString(f, verb), s.String())
}
