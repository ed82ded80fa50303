package valkey

import (
	"fmt"

	valkeygo "github.com/valkey-io/valkey-go"

	"github.com/xcache-go/xcache/drivers/internal/exchange"
	"github.com/xcache-go/xcache/drivers/internal/settings"
	"github.com/xcache-go/xcache/drivers/internal/status"
)

// engine is a call on one server, which is written once for all drivers.
type engine = exchange.Store

// A Store is the connections to one Valkey server. It implements every optional
// interface of package driver but Subscriber and Tracker. All methods may be
// called concurrently.
type Store struct {
	*engine
	pool     *pool       // nil if the client is the program's
	client   *clientWire // nil if the connections are the store's own
	addr     string      // of the server; "" if only the client knows
	database int
	// events are closed with the store; nil if they are another one's.
	events *status.Queue
}

// A StoreOption changes what NewStore returns.
type StoreOption func(*clientWire)

// CloseClient lets Store.Close close the client too.
func CloseClient() StoreOption { return func(w *clientWire) { w.owned = true } }

// NewStore returns a store on a client that the program has made and goes on to
// own: Close leaves it open, unless CloseClient is given. The client must be one
// for a single server, or of sentinels: commands on a client for a cluster fail
// with an error that matches errors.ErrUnsupported.
//
// The client's options hold, with two exceptions. Nothing is sent twice, whatever
// DisableRetry says: the store's own retries are those that are safe. And a call
// returns when its context ends; the command it leaves behind stays with the
// client until that gets the reply or gives the connection up, and so does Close.
// A call without a deadline takes as long as the client lets it; the core adds a
// deadline of its own.
//
// The store does not see the client's connections. So unlike with a store that
// the driver opens, every failure without a reply but that to connect has an
// unknown outcome, and a malformed reply may end the process.
func NewStore(client valkeygo.Client, opts ...StoreOption) *Store {
	if client == nil {
		panic("xcache: valkey.NewStore of a nil client")
	}
	w := &clientWire{client: client}
	for _, opt := range opts {
		opt(w)
	}
	return &Store{
		engine: exchange.NewStore(w, exchange.NewClock(0, w.Watch), exchange.Options{
			Driver: name, MaxValue: maxBulk, Detached: true, Copies: true, Workers: maxIdle, Probes: true,
		}),
		client: w,
	}
}

// maxIdle is how many goroutines that send for callers who may leave are kept.
const maxIdle = 64

// newStore returns a store on the server that the settings name. It does no I/O.
func newStore(s *settings.Settings, dial dialFunc) *Store {
	p := newPool(s, dial)
	p.clock = exchange.NewClock(s.OpTimeout, p.Watch)
	return &Store{
		engine: exchange.NewStore(p, p.clock, exchange.Options{
			Driver: name, OpTimeout: s.OpTimeout, MaxValue: min(s.MaxValue, maxBulk), NoHello: s.NoHello, Status: s.Status,
			Copies: true, Borrows: minLent, Probes: true,
		}),
		pool: p, addr: s.Addr, database: s.DB,
	}
}

// Close ends the calls that were abandoned, and closes the connections if they
// are the store's own.
func (s *Store) Close() error {
	err := s.engine.Close()
	if s.client != nil && s.client.owned {
		// A call that was connecting when valkey-go was closed leaves it with a
		// connection that it has not closed.
		s.client.client.Close()
	}
	s.events.Close()
	return err
}

// String returns the server's address and database.
func (s *Store) String() string {
	if s.client != nil {
		return "valkey store of a client"
	}
	return fmt.Sprintf("valkey store %s/%d", s.addr, s.database)
}

// Format writes what String returns for every verb: the client's options hold a
// password.
func (s *Store) Format(f fmt.State, verb rune) {
	fmt.Fprintf(f, fmt.FormatString(f, verb), s.String())
}
