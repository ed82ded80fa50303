package redis

import (
	"fmt"

	goredis "github.com/redis/go-redis/v9"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/exchange"
	"github.com/xcache-go/xcache/drivers/internal/settings"
	"github.com/xcache-go/xcache/drivers/internal/status"
)

// engine is a call on one server, which is written once for all drivers.
type engine = exchange.Store

// A Store is a connection pool to one Redis server. It implements every optional
// interface of package driver but Subscriber and Tracker. All methods may be
// called concurrently.
type Store struct {
	*engine
	addr     string
	database int
	wire     inspector
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
// own: Close leaves it open, unless CloseClient is given.
//
// The client's options hold, with two exceptions. Nothing is sent twice, whatever
// MaxRetries says: the store's own retries are those that are safe. And a call
// returns when its context ends, whatever ContextTimeoutEnabled says; without
// that option the command it leaves behind holds its connection until the
// client's ReadTimeout, and so does Close. A call without a deadline takes as
// long as the client's time-outs let it; the core adds a deadline of its own.
//
// The client's hooks see the store's commands, in words. Its cache, if it has one,
// is passed by. Its connections are its own: they are not watched as those of a
// store that Driver opens, so a line of a reply that does not end costs its length,
// a pipeline is written to its end before replies are read, and what comes behind a
// reply is the client's affair. NewStore panics if client is nil.
func NewStore(client *goredis.Client, opts ...StoreOption) *Store {
	if client == nil {
		panic("xcache: redis.NewStore of a nil client")
	}
	o := storeOptions{maxValue: settings.DefaultMaxValue}
	for _, opt := range opts {
		opt(&o)
	}
	w := &clientWire{client: client, owned: o.closeClient}
	clock := exchange.NewClock(0, w.Watch)
	return &Store{
		engine: exchange.NewStore(w, clock, exchange.Options{
			Driver: name, MaxValue: o.maxValue, Detached: true, Workers: client.Options().PoolSize, Probes: true,
		}),
		addr: client.Options().Addr, database: client.Options().DB, wire: w,
	}
}

// newStore returns a store on the server that the settings name. It does no I/O.
func newStore(s *settings.Settings, dial dialFunc) *Store {
	p := newPool(s, dial)
	p.clock = exchange.NewClock(s.OpTimeout, p.Watch)
	return &Store{
		engine: exchange.NewStore(p, p.clock, exchange.Options{
			Driver: name, OpTimeout: s.OpTimeout, MaxValue: s.MaxValue, NoHello: s.NoHello, Status: s.Status,
		}),
		addr: s.Addr, database: s.DB, wire: p,
	}
}

// Close ends the calls that were abandoned, and the connections if the store owns its
// client. Further calls fail with driver.ErrClosed.
func (s *Store) Close() error {
	err := s.engine.Close()
	s.events.Close()
	return err
}

// String returns the server's address and database.
func (s *Store) String() string { return fmt.Sprintf("redis store %s/%d", s.addr, s.database) }

// Format writes what String returns for every verb: the client's options hold a
// password.
func (s *Store) Format(f fmt.State, verb rune) {
	fmt.Fprintf(f, fmt.FormatString(f, verb), s.String())
}
