// Package exchange is a call on one server, written once for all drivers whose
// servers speak the Redis protocol: what is sent, what is sent again, what is known
// when no reply comes, and how a caller leaves.
//
// A driver brings a [Wire], which is what its client library does: it sends the
// commands of a [Call] and reads their replies. A [Store] makes of it a store of
// package driver, and a node of package drivers/internal/node.
package exchange

import (
	"context"
	"iter"
	"sync"
	"sync/atomic"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/dialect"
	"github.com/xcache-go/xcache/drivers/internal/failure"
	"github.com/xcache-go/xcache/drivers/internal/operations"
	"github.com/xcache-go/xcache/drivers/internal/settings"
	"github.com/xcache-go/xcache/drivers/internal/shape"
	"github.com/xcache-go/xcache/drivers/internal/status"
	"github.com/xcache-go/xcache/drivers/internal/workers"
)

// A Wire sends calls to one server, by a client library. Its methods may be called
// concurrently, Close once, after the others have returned.
type Wire interface {
	// Exchange writes the commands of a call in one go, and fills in the reply of
	// each that is answered. It calls Call.Begin before the first byte goes out, and
	// writes nothing if that says no. If replies are missing it says why, and
	// whether anything may have been written. It sends nothing twice.
	//
	// Unless the wire is Detached it returns when the call has ended.
	Exchange(c *Call)

	// Failure returns what Call.Err means if only the client library has such an
	// error, or else nil. sent tells whether the command may have been applied.
	Failure(c *Call, sent bool) error

	// Watch is called with every tick while there are calls, and tells whether it has
	// to be called for the next one though no call has begun.
	Watch(now time.Time) (again bool)

	// Disconnect ends the calls under way: their replies are missing.
	Disconnect()

	// Close gives up what the wire owns.
	Close() error
}

// Options are what a Store is told of its wire.
type Options struct {
	// Driver is the driver's name, for errors.
	Driver string
	// OpTimeout is how long a call without a deadline may take; 0 if that is the
	// affair of a client that the program has made.
	OpTimeout time.Duration
	// MaxValue is the length in bytes of the longest value.
	MaxValue int
	// NoHello tells that nothing is to be sent that begins with HELLO.
	NoHello bool
	// Detached tells that Exchange does not listen to contexts: another goroutine
	// calls it, of up to Workers that wait for work, with copies of what was
	// borrowed.
	Detached bool
	Workers  int
	// Unbounded tells that a Detached wire does not end a call at OpTimeout either, so
	// that another goroutine calls it for callers without a context, too.
	Unbounded bool
	// Copies tells that the wire may read the commands of a call that has failed
	// after it has returned.
	Copies bool
	// Borrows is the length of values from which on they are not copied after all: the
	// wire does not read them when it has returned. 0 tells that all are.
	Borrows int
	// Probes tells that the wire does not know whether the server accepts MULTI on
	// the connection that it will use. One that refuses it would run the commands
	// behind it one by one.
	Probes bool
	// Status is told of calls that are sent again. It may be nil.
	Status *status.Server
	// Exclusive tells that the connection is one caller's. Commands may wait at the
	// server, and nothing is sent again: what the server remembers of the connection is
	// lost with it.
	Exclusive bool
	// Dialect is what the server is known to lack; nil is nothing yet.
	Dialect *dialect.Dialect
}

// A Store is a store on one server. It implements Store, Commander, Scanner, Limiter,
// Disconnector and, by Operations, Expirer, Counter, Swapper, Mover, Flusher and
// Pinger of package driver, and the Node of package drivers/internal/node. All methods
// may be called concurrently.
type Store struct {
	operations.Operations
	options Options
	wire    Wire
	clock   *Clock

	workers *workers.Pool[*Call]
	// disconnected tells that the calls under way are ended. quit is closed then.
	disconnected atomic.Bool
	quit         chan struct{}
	// multi tells that the server has accepted a transaction.
	multi atomic.Bool
	// dialect is what the server is known to lack.
	dialect *dialect.Dialect

	calls sync.Pool // of *Call
}

// NewStore returns a store on a wire, whose calls the clock bounds.
func NewStore(wire Wire, clock *Clock, options Options) *Store {
	s := &Store{options: options, wire: wire, clock: clock, quit: make(chan struct{}), dialect: options.Dialect}
	if s.dialect == nil {
		s.dialect = new(dialect.Dialect)
	}
	s.workers = workers.NewPool(options.Workers, s.work)
	s.Operations = operations.On(s)
	s.calls.New = func() any { return new(Call) }
	return s
}

// Close ends the calls that were abandoned, and gives up what the wire owns.
func (s *Store) Close() error {
	err := s.wire.Close()
	s.workers.Close()
	s.clock.Close()
	return err
}

// Disconnect implements driver.Disconnector.
func (s *Store) Disconnect() {
	if s.disconnected.Swap(true) {
		return
	}
	s.wire.Disconnect()
	close(s.quit)
}

// maxBulk is what servers take at most unless they are configured to take more or
// less: proto-max-bulk-len.
const maxBulk = 512 << 20

// Limits implements driver.Limiter.
func (s *Store) Limits() driver.Limits {
	return driver.Limits{ValueSize: min(maxBulk, s.options.MaxValue), CallTimeout: s.options.OpTimeout, OwnData: true}
}

// Now returns the time that bounds calls.
func (s *Store) Now() time.Time { return s.clock.Now().time }

// Commands implements driver.Commander.
func (s *Store) Commands() driver.CommandSet { return dialect.Commands() }

// Scan implements driver.Scanner.
func (s *Store) Scan(ctx context.Context, pattern string) iter.Seq2[string, error] {
	return operations.Scan(ctx, pattern, func(words ...string) (driver.Reply, error) { return s.Query(ctx, words...) })
}

// Query runs a command that changes nothing, and need not be in the table.
func (s *Store) Query(ctx context.Context, words ...string) (driver.Reply, error) {
	if s.options.NoHello && words[0] == "HELLO" {
		return driver.Reply{}, settings.ErrNoHello
	}
	c := s.call()
	for _, word := range words[1:] {
		c.args = append(c.args, driver.Literal(word))
	}
	c.built = true
	c.one[0] = Command{Name: words[0], Args: c.args, ReadOnly: true, Shape: shape.Any, Longest: s.longest(words[0])}
	if err := s.run(ctx, c); err != nil {
		return driver.Reply{}, err
	}
	reply, err := c.one[0].Reply, c.one[0].err
	s.release(c)
	return reply, err
}

// call returns a call of one command, which is to be filled in.
func (s *Store) call() *Call {
	c := s.calls.Get().(*Call)
	c.Commands = c.one[:]
	return c
}

const (
	// maxBuffer is the largest copy whose memory is kept for the next call, maxArgs
	// and maxCommands how many arguments and commands may be.
	maxBuffer   = 1 << 20
	maxArgs     = 1 << 14
	maxCommands = 1 << 12
)

// release takes the memory of a call back for another one.
func (s *Store) release(c *Call) {
	if c.Spoilt || cap(c.buffer) > maxBuffer || cap(c.args) > maxArgs || cap(c.copies) > maxArgs || cap(c.batch) > maxCommands {
		return
	}
	clear(c.args)
	clear(c.copies)
	clear(c.Commands)
	c.args, c.copies, c.Commands = c.args[:0], c.copies[:0], nil
	c.Context, c.Began, c.Err = nil, nil, nil
	c.Atomic, c.once, c.given, c.built = false, false, false, false
	s.calls.Put(c)
}

// run sends a call, again where that is safe and may help, and gives each of its
// commands its outcome. An error is the call's: nothing is known of any command, and
// the call is gone already. Else the caller releases it.
func (s *Store) run(ctx context.Context, c *Call) error {
	c.Context = ctx
	endless := ctx.Done() == nil
	if !endless && ctx.Err() != nil || s.disconnected.Load() {
		err := s.abandonedError(c, false)
		s.release(c)
		return err
	}
	c.Began = s.clock.Now()
	if c.Deadline, c.given = ctx.Deadline(); !c.given {
		c.Deadline = c.Began.deadline
	} else if endless {
		var cancel context.CancelFunc // for a deadline that nobody tells of
		c.Context, cancel = context.WithDeadline(ctx, c.Deadline)
		defer cancel()
		endless = false
	}
	handsOff := s.options.Detached && (!endless || s.options.Unbounded)
	if handsOff || s.options.Copies {
		c.own(s.options.Borrows, handsOff)
	}
	c.once = c.once || s.options.Exclusive
	all := c.Commands
	for try := 1; ; {
		c.reset()
		if !handsOff {
			s.wire.Exchange(c)
		} else if abandoned, sent := s.handOff(c); abandoned {
			return s.abandonedError(c, sent)
		}
		if c.succeeded() {
			c.Commands = all
			return nil
		}
		s.settle(c)
		again := c.again()
		try++
		if again == len(c.Commands) || s.disconnected.Load() || !wait(c, try) {
			break
		}
		s.options.Status.Retried(c.reason(again))
		c.Commands = c.Commands[again:]
	}
	c.Commands = all
	if err := c.outcome(); err != nil {
		s.release(c)
		return err
	}
	return nil
}

// failure returns what became of a command of a call that got no reply of its own.
// sent tells whether it may have been written.
func (s *Store) failure(c *Call, sent bool) error {
	if err := s.wire.Failure(c, sent); err != nil {
		return err
	}
	return s.missing(c, sent, failure.Outcome(sent))
}
