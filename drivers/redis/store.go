package redis

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/dialect"
	"github.com/xcache-go/xcache/drivers/internal/operations"
	"github.com/xcache-go/xcache/drivers/internal/settings"
	"github.com/xcache-go/xcache/drivers/internal/status"
	"github.com/xcache-go/xcache/drivers/internal/workers"
)

// A Store is a connection pool to one Redis server. It implements every optional
// interface of package driver but Subscriber and Tracker. All methods may be
// called concurrently.
type Store struct {
	operations.Operations
	client    *client
	workers   *workers.Pool[job]
	clock     *clock
	ownClient bool // Close closes it
	// opTimeout is how long a call without a deadline may take; 0 if that is
	// the client's affair.
	opTimeout time.Duration
	// noHello tells that nothing is to be sent that begins with HELLO.
	noHello bool
	// disconnected tells that the calls under way are ended, and quit, which is nil
	// if the store owns its client, is closed then.
	disconnected atomic.Bool
	quit         chan struct{}
	// maxValue is the length of the longest value, and limits what it means for
	// the replies that a client of the program's reads.
	maxValue int
	limits   replyLimits
	// multi tells that the server accepts MULTI, of a client of the program's.
	multi atomic.Bool
	// events are closed with the store; nil if they are another one's.
	events *status.Queue
	// dialect is what the server is known to lack.
	dialect dialect.Dialect

	gets        sync.Pool // of *getRequest
	sets        sync.Pool // of *setRequest that never expire
	setsWithTTL sync.Pool // of *setRequest that do
	batches     sync.Pool // of *setBatch
}

// A StoreOption changes what NewStore returns.
type StoreOption func(*Store)

// CloseClient lets Store.Close close the client too.
func CloseClient() StoreOption { return func(s *Store) { s.ownClient = true } }

// MaxValue sets the length in bytes of the longest value: a longer one is neither
// sent nor read into memory, and is ErrTooLarge. The default is 64 MiB and a
// little. MaxValue panics unless n is positive.
func MaxValue(n int) StoreOption {
	if n <= 0 {
		panic("xcache: redis.MaxValue of a length that is not positive")
	}
	return func(s *Store) { s.maxValue = n }
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
	s := newStore(clientOf(client), newClock(noTimeout), settings.DefaultMaxValue)
	for _, opt := range opts {
		opt(s)
	}
	if !s.ownClient {
		s.quit = make(chan struct{})
	}
	s.limits = newReplyLimits(s.maxValue)
	return s
}

// newStore returns a store whose calls without a deadline have that of the clock.
func newStore(client *client, clock *clock, maxValue int) *Store {
	s := &Store{client: client, clock: clock, maxValue: maxValue}
	s.workers = workers.NewPool(client.Options().PoolSize, s.work)
	s.Operations = operations.On(s)
	s.gets.New = func() any { return newGetRequest(&s.gets) }
	s.sets.New = func() any { return newSetRequest(&s.sets, false) }
	s.setsWithTTL.New = func() any { return newSetRequest(&s.setsWithTTL, true) }
	s.batches.New = func() any { return newSetBatch(&s.batches, client.network == nil) }
	return s
}

// Close ends the calls that were abandoned, and the connections if the store
// owns its client.
func (s *Store) Close() error {
	var err error
	if s.ownClient {
		err = s.client.Close()
	}
	s.workers.Close()
	s.clock.close()
	s.events.Close()
	if err != nil && !(s.disconnected.Load() && errors.Is(err, goredis.ErrClosed)) {
		return driver.Fail(driver.ErrUnavailable, driver.NotApplied, err)
	}
	return nil
}

// Disconnect implements driver.Disconnector. A client that the store does not own
// keeps its connections: the callers leave, and Close waits for the client.
func (s *Store) Disconnect() {
	if s.disconnected.Swap(true) {
		return
	}
	if s.ownClient {
		_ = s.client.Close()
	} else {
		close(s.quit)
	}
}

// noTimeout is longer than any time-out that a client of the program may have.
const noTimeout = 24 * time.Hour

// maxValueSize is what servers take at most unless they are configured to take
// more or less: proto-max-bulk-len.
const maxValueSize = 512 << 20

// Limits implements driver.Limiter.
func (s *Store) Limits() driver.Limits {
	return driver.Limits{ValueSize: min(maxValueSize, s.maxValue), CallTimeout: s.opTimeout, OwnData: true}
}

// String returns the server's address and database.
func (s *Store) String() string {
	o := s.client.Options()
	return fmt.Sprintf("redis store %s/%d", o.Addr, o.DB)
}

// Format writes what String returns for every verb: the client's options hold a
// password.
func (s *Store) Format(f fmt.State, verb rune) {
	fmt.Fprintf(f, fmt.FormatString(f, verb), s.String())
}

// Get implements driver.Store.
func (s *Store) Get(ctx context.Context, keys []string, dst []driver.Value) error {
	switch {
	case len(keys) == 0:
		return nil
	case s.client.network == nil:
		return s.getOfOwnClient(ctx, keys, dst)
	case len(keys) == 1:
		g := s.gets.Get().(*getRequest)
		g.key = keys[0]
		if err := s.run(ctx, &g.request); err != nil {
			return err
		}
		dst[0].Data, dst[0].Err = g.value()
		g.request.release()
		return nil
	}
	if borrowed(ctx) {
		keys = slices.Clone(keys)
	}
	m := newMgetRequest(keys)
	if err := s.run(ctx, &m.request); err != nil {
		return err
	}
	return m.values(dst)
}

// Set implements driver.Store.
func (s *Store) Set(ctx context.Context, entries []driver.Entry) error {
	switch len(entries) {
	case 0:
		return nil
	case 1:
		if e := &entries[0]; isPlain(e) && s.client.network != nil {
			return s.setOne(ctx, e)
		}
	}
	return s.setMany(ctx, entries)
}

func (s *Store) setOne(ctx context.Context, e *driver.Entry) error {
	pool := &s.setsWithTTL
	if e.TTL == driver.NoExpiry {
		pool = &s.sets
	}
	w := pool.Get().(*setRequest)
	w.command.take(e)
	if borrowed(ctx) {
		w.copyValue()
	}
	if err := s.run(ctx, &w.request); err != nil {
		return err
	}
	e.Err = w.command.outcome()
	w.request.release()
	return nil
}

func (s *Store) setMany(ctx context.Context, entries []driver.Entry) error {
	b := s.batches.Get().(*setBatch)
	b.take(entries, borrowed(ctx))
	if err := s.run(ctx, &b.request); err != nil {
		return err
	}
	b.outcomes(entries)
	b.request.release()
	return nil
}

// Delete implements driver.Store.
func (s *Store) Delete(ctx context.Context, keys []string) (int, error) {
	if len(keys) == 0 {
		return 0, nil
	}
	if borrowed(ctx) {
		keys = slices.Clone(keys)
	}
	k := newKeysRequest(unlink, keys)
	if err := s.run(ctx, &k.request); err != nil {
		return 0, err
	}
	if k.command.err != nil {
		return 0, k.command.err
	}
	n, err := k.command.reader.reply.AsInt()
	if err != nil {
		return 0, driver.Fail(driver.ErrUnavailable, driver.Unknown, err)
	}
	return int(n), nil
}

// borrowed reports whether a request may outlive its call, and so has to copy
// what it was lent.
func borrowed(ctx context.Context) bool { return ctx.Done() != nil }
