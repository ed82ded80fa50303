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

// engine is a call on one server, which is written once for all drivers.
type engine = exchange.Store

// A Store is a store on a Redis server, on the servers of sentinels, or on a cluster.
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
	addr     string
	database int
	wire     inspector
	native   native
	// events are closed with the store; nil if they are another one's.
	events *status.Queue
}

// An inspector knows how the connections to a server are.
type inspector interface {
	inspect() driver.InspectedServer
}

// A StoreOption changes what NewStore returns.
type StoreOption func(*storeOptions)

type storeOptions struct {
	closeClient bool
	maxValue    int
	callTimeout time.Duration // of a call on a cluster without a deadline
}

func defaultStoreOptions() storeOptions {
	return storeOptions{maxValue: settings.DefaultMaxValue, callTimeout: settings.DefaultOpTimeout}
}

// CloseClient lets Store.Close close the client too.
func CloseClient() StoreOption { return func(o *storeOptions) { o.closeClient = true } }

// MaxValue sets the length in bytes of the longest value: a longer one is neither
// sent nor read into memory, and is ErrTooLarge. The default is 64 MiB and a
// little. MaxValue panics unless n is positive.
func MaxValue(n int) StoreOption {
	if n <= 0 {
		panic("xcache: redis.MaxValue of a length that is not positive")
	}
	return func(o *storeOptions) { o.maxValue = n }
}

// NewStore returns a store on a client that the program has made and goes on to
// own: Close leaves it open, unless CloseClient is given. NewStore does no I/O.
//
// A *goredis.Client may be that of a server, or of sentinels, as NewFailoverClient makes
// it. Of a *goredis.ClusterClient the store uses the clients for its nodes, and routes
// commands itself, as NewClusterStore describes: hooks of the nodes, which OnNewNode
// adds, see the commands, and hooks of the client for the cluster do not.
//
// NewStore panics if client is nil or of any other type: a *goredis.Ring keeps each key
// on one of several servers, and loses some of them when a server comes or goes. It
// panics for a ClusterClient with ClusterSlots, as NewFailoverClusterClient makes it,
// because the servers are no cluster; and for one with ReadOnly, RouteByLatency or
// RouteRandomly, because its connections would read from a server that has become a
// replica.
//
// The client's options hold, with two exceptions. Nothing is sent twice, whatever
// MaxRetries says: the store's own retries are those that are safe. And a call
// returns when its context ends, whatever ContextTimeoutEnabled says; without
// that option the command it leaves behind holds its connection until the
// client's ReadTimeout, and so does Close. A call without a deadline takes as
// long as the client's time-outs let it, and on a cluster 3 seconds at most; the core
// adds a deadline of its own.
//
// The client's hooks see the store's commands, in words. Its cache, if it has one,
// is passed by. Its connections are its own: they are not watched as those of a
// store that Driver opens, so a line of a reply that does not end costs its length,
// a pipeline is written to its end before replies are read, and what comes behind a
// reply is the client's affair. Once the program has closed the client, calls fail with
// driver.ErrClosed.
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

// newStore returns a store on the server that the settings name. It does no I/O.
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

// Close ends the calls that were abandoned, and the connections if the store owns its
// client. Further calls fail with driver.ErrClosed.
func (s *serverStore) Close() error {
	err := errors.Join(s.native.close(), s.engine.Close())
	s.events.Close()
	return err
}

// String returns the server's address and database.
func (s *serverStore) String() string { return fmt.Sprintf("redis store %s/%d", s.addr, s.database) }

// Format writes what String returns for every verb: the client's options hold a
// password.
func (s *serverStore) Format(f fmt.State, verb rune) {
	fmt.Fprintf(f, fmt.FormatString(f, verb), s.String())
}
