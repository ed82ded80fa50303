// Package exchange sends calls to one server for all drivers whose servers speak the
// Redis protocol. The package decides which commands are sent again, the outcome of a
// command without a reply, and how a caller leaves early.
//
// A driver brings a [Wire], which sends the commands of a [Call] through its client library
// and reads their replies. A [Store] on a wire is a store of package driver, and a node of
// package drivers/internal/node.
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

// A Wire sends calls to one server through a client library. The methods may be called
// concurrently. Close is called once, after the other methods have returned.
type Wire interface {
	// Exchange writes the commands of a call in one go, and fills in the replies. Exchange
	// calls Call.Begin before the first byte, and writes nothing after false. If replies
	// are missing, Call.Err tells why, and Call.Sent whether a command may have been
	// written. No command is sent twice.
	//
	// Exchange returns when the call has ended, unless the wire is Detached.
	Exchange(c *Call)

	// Failure returns the error for a Call.Err that only the client library knows, or nil.
	// sent tells whether the command may have been applied.
	Failure(c *Call, sent bool) error

	// Watch is called with every tick while there are calls. again asks for a call at the
	// next tick even if no call has begun.
	Watch(now time.Time) (again bool)

	// Disconnect ends the calls in flight: their replies are missing.
	Disconnect()

	// Close releases the resources of the wire.
	Close() error
}

// Options tell a Store about its wire.
type Options struct {
	// Driver is the name of the driver, for errors.
	Driver string
	// OpTimeout is the time-out of a call without a deadline. 0 leaves the bound to a
	// client that the program has made.
	OpTimeout time.Duration
	// MaxValue is the length in bytes of the longest value.
	MaxValue int
	// NoHello tells that HELLO must not be sent.
	NoHello bool
	// Detached tells that Exchange does not listen to contexts. Another goroutine calls
	// Exchange then, with copies of the borrowed arguments. Up to Workers idle goroutines
	// are kept.
	Detached bool
	Workers  int
	// Unbounded tells that a Detached wire does not end a call at OpTimeout either. Another
	// goroutine then also serves callers whose contexts never end.
	Unbounded bool
	// Copies tells that the wire may read the commands of a failed call after Exchange has
	// returned.
	Copies bool
	// Borrows is the least length of values that are not copied, because the wire never
	// reads them after Exchange. 0 copies all values.
	Borrows int
	// Probes tells that the wire does not know whether the server accepts MULTI on the
	// connection in use. A server that refuses MULTI would run the commands behind it one
	// by one.
	Probes bool
	// Status is told of calls that are sent again. Status may be nil.
	Status *status.Server
	// Exclusive tells that the connection belongs to one caller. Commands may wait at the
	// server. Nothing is sent again, because the state of the connection at the server is
	// lost with the connection.
	Exclusive bool
	// Dialect tells which commands the server lacks. nil means that nothing is known yet.
	Dialect *dialect.Dialect
}

// A Store is a store on one server. Store implements Store, Commander, Scanner, Limiter,
// Disconnector and, by Operations, Expirer, Counter, Swapper, Mover, Flusher and Pinger of
// package driver, and Node of package drivers/internal/node. All methods may be called
// concurrently.
type Store struct {
	operations.Operations
	options Options
	wire    Wire
	clock   *Clock

	workers *workers.Pool[*Call]
	// disconnected tells that Disconnect was called. quit is closed by Disconnect, which
	// ends the calls in flight.
	disconnected atomic.Bool
	quit         chan struct{}
	// multi tells that the server has accepted a transaction.
	multi atomic.Bool
	// dialect tells which commands the server lacks.
	dialect *dialect.Dialect

	calls sync.Pool // of *Call
}

// NewStore returns a store on a wire. The clock bounds the calls.
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

// Close ends the abandoned calls, and releases the resources of the wire.
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

// maxBulk is proto-max-bulk-len of a server with the default configuration: the longest
// argument that the server takes.
const maxBulk = 512 << 20

// Limits implements driver.Limiter.
func (s *Store) Limits() driver.Limits {
	return driver.Limits{ValueSize: min(maxBulk, s.options.MaxValue), CallTimeout: s.options.OpTimeout, OwnData: true, DeleteRevokes: true}
}

// Now returns the time that bounds calls.
func (s *Store) Now() time.Time { return s.clock.Now().time }

// Commands implements driver.Commander.
func (s *Store) Commands() driver.CommandSet { return dialect.Commands() }

// Scan implements driver.Scanner.
func (s *Store) Scan(ctx context.Context, pattern string) iter.Seq2[string, error] {
	return operations.Scan(ctx, pattern, func(words ...string) (driver.Reply, error) { return s.Query(ctx, words...) })
}

// Query runs a command that changes nothing. The command need not be in the table.
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

// call returns a call with room for one command.
func (s *Store) call() *Call {
	c := s.calls.Get().(*Call)
	c.Commands = c.one[:]
	return c
}

const (
	// maxBuffer, maxArgs and maxCommands limit the memory that is kept for the next call:
	// bytes of copies, arguments and commands.
	maxBuffer   = 1 << 20
	maxArgs     = 1 << 14
	maxCommands = 1 << 12
)

// release keeps the memory of a call for the next call.
func (s *Store) release(c *Call) {
	if c.Retained || cap(c.buffer) > maxBuffer || cap(c.names) > maxBuffer || cap(c.args) > maxArgs || cap(c.copies) > maxArgs || cap(c.batch) > maxCommands {
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

// run sends a call, and sends commands again where that is safe and may help. Each command
// gets its outcome. After an error of run, no outcome of a command is known, and the call
// is released already. Otherwise the caller releases the call.
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
		var cancel context.CancelFunc // a context with a deadline, but without Done
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
		s.setErrors(c)
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

// failure returns the error of a command without a reply. sent tells whether the command
// may have been written.
func (s *Store) failure(c *Call, sent bool) error {
	if err := s.wire.Failure(c, sent); err != nil {
		return err
	}
	return s.missing(c, sent, failure.Outcome(sent))
}
