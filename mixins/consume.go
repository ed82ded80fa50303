package mixins

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/xcache-go/xcache"
)

// ConsumeOptions are those of Consume. The zero value handles one entry after the other, from
// the first one of the stream on, and gives none up.
type ConsumeOptions struct {
	// Concurrency is how many entries are handled at a time; 0 is 1, in the order of the
	// stream but for what is delivered again.
	Concurrency int
	// Batch is how many entries are read at a time, and may wait here for a handler; 0 is 16.
	Batch int
	// Start is the ID behind which a group begins that does not exist yet. "" is "0", the
	// begin of the stream; "$" is its end.
	Start string
	// MinIdle is how long an entry is left to a consumer that tells nothing of itself, and to
	// an entry whose handler failed; 0 is a minute. Then any consumer of the group gets it.
	MinIdle time.Duration
	// DeadLetter is the key of a stream for entries that are given up, after MaxDeliveries;
	// 0 is 5. "" gives none up.
	DeadLetter    string
	MaxDeliveries int
	// Grace is how long handlers may go on when the context has ended; 0 is 10 seconds.
	// Negative is no time.
	Grace time.Duration
	// Observe, if not nil, is told of what Consume returns no error for. It may be called
	// concurrently, and must return at once.
	Observe func(ConsumeEvent)
}

// A ConsumeEvent is what an Observe is told.
type ConsumeEvent struct {
	// Kind says what happened.
	Kind ConsumeEventKind
	// ID is that of the entry, or "".
	ID string
	// Deliveries is how often the entry was delivered.
	Deliveries int
	// Err is why, or nil.
	Err error
}

// ConsumeEventKind names what a ConsumeEvent tells, in lower-case words.
type ConsumeEventKind string

// The kinds of events of Consume.
const (
	// EntryFailed: the handler returned an error, or panicked, or the codec could not read
	// the entry.
	EntryFailed ConsumeEventKind = "entry failed"
	// EntryClaimed: the entry was delivered to a consumer that has told nothing of itself
	// since, or failed; it is delivered again here.
	EntryClaimed ConsumeEventKind = "entry claimed"
	// EntryDeadLettered: the entry was given up, and is in the dead-letter stream. Err is
	// why it failed last.
	EntryDeadLettered ConsumeEventKind = "entry dead-lettered"
	// EntryGone: the entry was deleted, or trimmed, before it was handled.
	EntryGone ConsumeEventKind = "entry gone"
	// CallsFailing: calls to the server fail, and are tried again until one succeeds. There
	// is one event until then.
	CallsFailing ConsumeEventKind = "calls failing"
	// CallsSucceed: calls to the server succeed again.
	CallsSucceed ConsumeEventKind = "calls succeed"
	// GroupMadeAgain: the group, or the whole stream, was gone, and was made again. It
	// begins at Start, so that what is in the stream still is delivered anew; where Start is
	// "$", behind the last entry that this consumer got.
	GroupMadeAgain ConsumeEventKind = "group made again"
)

// A Delivered is an entry that is handled.
type Delivered[V any] struct {
	StreamEntry[V]
	// Deliveries is how often the entry was delivered, this time included.
	Deliveries int
}

// A HandlerPanicError is why an entry failed whose handler panicked.
type HandlerPanicError struct {
	// Value is what the handler panicked with, and Stack is where.
	Value any
	Stack []byte
}

// Error returns the value, and the stack of the handler.
func (p *HandlerPanicError) Error() string {
	return fmt.Sprintf("xcache: the handler of Consume panicked: %v\n\n%s", p.Value, p.Stack)
}

// Unwrap returns the value, if it is an error.
func (p *HandlerPanicError) Unwrap() error {
	err, _ := p.Value.(error)
	return err
}

// Why entries fail that no handler has failed.
var (
	errHandlerExited = errors.New("xcache: the handler of Consume ended its goroutine (runtime.Goexit) instead of returning")
	errNeverDone     = errors.New("xcache: the entry was delivered as often as it may be, and its consumers never told what became of it")
)

// Consume handles the entries of a stream as a consumer of a group, until ctx ends. Each
// entry is handled by one consumer of the group, and once at least: again if its consumer
// ends, or loses its connection, before it could acknowledge the entry. So what handle does
// must bear to be done twice. A consumer's name is used by one Consume at a time, and by the
// same one after a restart:
//
//	err := orders.Consume(ctx, "orders", "mail", hostname, send, mixins.ConsumeOptions{DeadLetter: "orders:dead"})
//
// The group is made if it does not exist, and the stream too. First come the entries that
// are pending for the consumer from before, then new ones. An entry is acknowledged when
// handle has returned nil. When handle returns an error, or panics, or the codec cannot read
// the entry, it stays pending, and is delivered again after MinIdle, to any consumer.
//
// An entry that is pending for another consumer is claimed when that one has told nothing of
// itself for MinIdle. A consumer tells so of the entries that it holds, however long handle
// takes; a handle that never returns holds its entry for ever.
//
// With DeadLetter, an entry that fails and was delivered MaxDeliveries times is added to that
// stream, and then acknowledged: see DeadLetters. These are two steps. So an entry may be
// there twice, and is never nowhere.
//
// While the server cannot be reached Consume tries again, and Observe is told. It returns the
// error of ctx when that ends, xcache.ErrClosed when the cache is closed, and an error that
// will not go away: the key holds something else, an option is bad, or the user may not run
// a command that has never succeeded. Before, handlers that are under way get Grace, then their context
// ends, and Consume waits until all have returned. What was not done is not acknowledged.
//
// handle has a context with the values of ctx. While it waits for entries, Consume takes one
// of exclusive_size connections.
func (s *Streams[V]) Consume(ctx context.Context, key, group, consumer string, handle func(ctx context.Context, e Delivered[V]) error, options ConsumeOptions) error {
	c, err := s.consumption(key, group, consumer, handle, options)
	if err != nil {
		return err
	}
	return c.run(ctx)
}

const (
	defaultBatch         = 16
	defaultMinIdle       = time.Minute
	defaultMaxDeliveries = 5
	defaultConsumeGrace  = 10 * time.Second
)

// consumption checks what Consume is given.
func (s *Streams[V]) consumption(key, group, consumer string, handle func(context.Context, Delivered[V]) error, o ConsumeOptions) (*consumption[V], error) {
	switch {
	case handle == nil || group == "" || consumer == "":
		return nil, syntaxError("consume: it needs a group, a consumer and a handler")
	case o.Concurrency < 0 || o.Batch < 0 || o.MinIdle < 0 || o.MaxDeliveries < 0:
		return nil, syntaxError("consume: Concurrency, Batch, MinIdle and MaxDeliveries must not be negative")
	case o.MaxDeliveries > 0 && o.DeadLetter == "":
		return nil, syntaxError("consume: MaxDeliveries needs a DeadLetter, or entries would be lost")
	case o.DeadLetter == key && key != "":
		return nil, syntaxError("consume: a stream cannot be its own DeadLetter")
	}
	o.Concurrency, o.Batch = max(o.Concurrency, 1), cmp.Or(o.Batch, defaultBatch)
	o.MinIdle, o.Grace = cmp.Or(o.MinIdle, defaultMinIdle), cmp.Or(o.Grace, defaultConsumeGrace)
	o.Start = cmp.Or(o.Start, "0")
	if o.DeadLetter != "" {
		o.MaxDeliveries = cmp.Or(o.MaxDeliveries, defaultMaxDeliveries)
	}
	full, err := s.fullKey(key)
	if err == nil && o.DeadLetter != "" {
		_, err = s.fullKey(o.DeadLetter)
	}
	if err != nil {
		return nil, err
	}
	return &consumption[V]{
		streams: s, key: key, full: full, group: group, consumer: consumer, handle: handle, options: o,
		work: make(chan delivery[V]), held: make(map[string]struct{}), worked: make(map[string]bool),
	}, nil
}

// fullKey returns the key of a stream as the server has it.
func (s *Streams[V]) fullKey(key string) (string, error) {
	o := s.op("consume", "XLEN", key)
	if args := o.Args(); len(args) == 1 {
		return args[0].Text, nil
	}
	return "", xcache.ErrInvalidKey
}
