package valkey

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	valkeygo "github.com/valkey-io/valkey-go"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/dialect"
	"github.com/xcache-go/xcache/drivers/internal/operations"
	"github.com/xcache-go/xcache/drivers/internal/settings"
	"github.com/xcache-go/xcache/drivers/internal/shape"
	"github.com/xcache-go/xcache/drivers/internal/status"
	"github.com/xcache-go/xcache/drivers/internal/workers"
)

// A Store is the connections to one Valkey server. It implements every optional
// interface of package driver but Subscriber and Tracker. All methods may be
// called concurrently.
type Store struct {
	operations.Operations
	pool        *pool
	workers     *workers.Pool[job]
	name        string
	addr        string // of the server; "" if only the client knows
	database    int
	client      valkeygo.Client // of the program's; nil if the connections are the store's own
	closeClient bool
	// clock bounds calls without a deadline to opTimeout; nil if that is the
	// client's affair.
	clock     *clock
	opTimeout time.Duration
	// multi tells that the server has accepted a transaction.
	multi atomic.Bool
	// maxValue is the length of the longest value.
	maxValue int
	// noHello tells that nothing is to be sent that begins with HELLO.
	noHello bool
	closed  atomic.Bool
	// disconnected tells that the calls under way are ended, and quit, which is nil
	// if the connections are the store's own, is closed then.
	disconnected atomic.Bool
	quit         chan struct{}
	// events are closed with the store; nil if they are another one's.
	events *status.Queue
	// dialect is what the server is known to lack.
	dialect dialect.Dialect

	requests sync.Pool // of *request, for one command
	batches  sync.Pool // of *setBatch
}

// A StoreOption changes what NewStore returns.
type StoreOption func(*Store)

// CloseClient lets Store.Close close the client too.
func CloseClient() StoreOption { return func(s *Store) { s.closeClient = true } }

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
	s := &Store{pool: newPoolOf(client), name: "of a client", client: client, maxValue: maxBulk, quit: make(chan struct{})}
	s.init()
	for _, opt := range opts {
		opt(s)
	}
	return s
}

// newStore returns a store with connections of its own.
func newStore(settings *settings.Settings, dial dialFunc) *Store {
	s := &Store{
		pool:      newPool(settings, dial),
		name:      fmt.Sprintf("%s/%d", settings.Addr, settings.DB),
		addr:      settings.Addr,
		database:  settings.DB,
		opTimeout: settings.OpTimeout,
		maxValue:  min(settings.MaxValue, maxBulk),
		noHello:   settings.NoHello,
	}
	s.clock = newClock(s.opTimeout, s.pool.watch)
	s.init()
	return s
}

func (s *Store) init() {
	s.workers = workers.NewPool(maxIdle, work)
	s.Operations = operations.On(s)
	s.requests.New = func() any { return &request{pool: &s.requests} }
	s.batches.New = func() any { return new(setBatch) }
}

// Close ends the calls that were abandoned, and closes the connections if they
// are the store's own.
func (s *Store) Close() error {
	s.closed.Store(true)
	if s.closeClient {
		s.client.Close()
	}
	if s.client == nil {
		s.pool.close()
	}
	s.workers.Close()
	if s.closeClient {
		// A call that was connecting when valkey-go was closed leaves it with a
		// connection that it has not closed.
		s.client.Close()
	}
	if s.clock != nil {
		s.clock.close()
	}
	s.events.Close()
	return nil
}

// isClosed reports whether valkey-go's word for a client that is closed is about
// the store. A client of sentinels says it of its own accord, of a primary that it
// leaves.
func (s *Store) isClosed() bool { return s.client == nil || s.closed.Load() }

// Disconnect implements driver.Disconnector. A client that the store does not own
// keeps its connections: the callers leave, and Close waits for the client.
func (s *Store) Disconnect() {
	if s.disconnected.Swap(true) {
		return
	}
	if s.client == nil {
		s.pool.close()
	} else {
		close(s.quit)
	}
}

// Limits implements driver.Limiter.
func (s *Store) Limits() driver.Limits {
	return driver.Limits{ValueSize: s.maxValue, CallTimeout: s.opTimeout, OwnData: true}
}

// String returns the server's address and database.
func (s *Store) String() string { return "valkey store " + s.name }

// Format writes what String returns for every verb: the client's options hold a
// password.
func (s *Store) Format(f fmt.State, verb rune) {
	fmt.Fprintf(f, fmt.FormatString(f, verb), s.String())
}

// Get implements driver.Store.
func (s *Store) Get(ctx context.Context, keys []string, dst []driver.Value) error {
	switch len(keys) {
	case 0:
		return nil
	case 1:
		r := s.getRequest(keys[0])
		if err := s.run(ctx, r); err != nil {
			return err
		}
		dst[0].Data, dst[0].Err = r.one[0].value()
		r.release()
		return nil
	}
	r := s.keysRequest("MGET", keys, true, shape.Array)
	if err := s.run(ctx, r); err != nil {
		return err
	}
	err := r.one[0].values(dst)
	r.release()
	return err
}

// Set implements driver.Store.
func (s *Store) Set(ctx context.Context, entries []driver.Entry) error {
	switch len(entries) {
	case 0:
		return nil
	case 1:
		if e := &entries[0]; isPlain(e) {
			return s.setOne(ctx, e)
		}
	}
	b := s.setBatch(entries)
	if err := s.run(ctx, &b.request); err != nil {
		return err
	}
	b.outcomes(entries)
	b.release(&s.batches)
	return nil
}

func (s *Store) setOne(ctx context.Context, e *driver.Entry) error {
	r := s.setRequest(e)
	if err := s.run(ctx, r); err != nil {
		return err
	}
	e.Err = r.one[0].err
	r.release()
	return nil
}

// Delete implements driver.Store.
func (s *Store) Delete(ctx context.Context, keys []string) (int, error) {
	if len(keys) == 0 {
		return 0, nil
	}
	r := s.keysRequest("UNLINK", keys, false, shape.Integer)
	if err := s.run(ctx, r); err != nil {
		return 0, err
	}
	var c driver.Cmd
	r.one[0].fill(&c)
	r.release()
	if c.Err != nil {
		return 0, c.Err
	}
	n, err := c.Reply.AsInt()
	return int(n), err
}
