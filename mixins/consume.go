package mixins

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/xcache-go/xcache"
)

// ConsumeOptions are the options of Consume. The zero value handles the entries one after
// the other, from the first entry of the stream on, and gives up no entry.
type ConsumeOptions struct {
	// Concurrency is the number of handlers that run at a time; 0 is 1. One handler gets
	// the entries in the order of the stream, except entries that are delivered again.
	Concurrency int
	// Batch is the number of entries that one read returns, and that may wait here for a
	// handler; 0 is 16.
	Batch int
	// Start is the ID behind which Consume begins a new group. "" is "0", the beginning of
	// the stream; "$" is its end.
	Start string
	// MinIdle is the time after which any consumer of the group may claim an entry. The
	// time counts from the last sign of life of its consumer, or from a failure of its
	// handler. Entries that wait for a handler at the end of Consume may be claimed at once.
	// 0 is a minute.
	MinIdle time.Duration
	// DeadLetter is the key of the stream for entries that are given up after MaxDeliveries
	// deliveries; a MaxDeliveries of 0 is 5. With DeadLetter "" no entry is given up.
	DeadLetter    string
	MaxDeliveries int
	// Grace is the time that handlers may still run after the end of the context; 0 is 10
	// seconds. A negative Grace leaves no time.
	Grace time.Duration
	// Observe, if not nil, gets the events for which Consume returns no error. Consume may
	// call Observe concurrently. Observe must return at once.
	Observe func(ConsumeEvent)
}

// A ConsumeEvent is an argument of Observe.
type ConsumeEvent struct {
	// Kind is the kind of the event.
	Kind ConsumeEventKind
	// ID is the ID of the entry, or "".
	ID string
	// Deliveries is the number of deliveries of the entry.
	Deliveries int
	// Err is the reason, or nil.
	Err error
}

// ConsumeEventKind is the kind of a ConsumeEvent, in lower-case words.
type ConsumeEventKind string

// The kinds of events of Consume.
const (
	// EntryFailed: the handler returned an error or panicked, or the codec could not read
	// the entry.
	EntryFailed ConsumeEventKind = "entry failed"
	// EntryClaimed: the entry was pending for a consumer without a sign of life, or its
	// handler failed. This consumer gets the entry now.
	EntryClaimed ConsumeEventKind = "entry claimed"
	// EntryDeadLettered: the entry was given up, and is in the dead-letter stream. Err is
	// the error of the last delivery.
	EntryDeadLettered ConsumeEventKind = "entry dead-lettered"
	// EntryGone: the entry was deleted or trimmed before a handler finished.
	EntryGone ConsumeEventKind = "entry gone"
	// CallsFailing: calls to the server fail, and are repeated until one succeeds. Until
	// then there is one event.
	CallsFailing ConsumeEventKind = "calls failing"
	// CallsSucceed: calls to the server succeed again.
	CallsSucceed ConsumeEventKind = "calls succeed"
	// GroupMadeAgain: the group or the whole stream was gone, and Consume made the group
	// again. The new group begins at Start, so entries that are still in the stream are
	// delivered again. With Start "$" the group begins behind the last entry of this
	// consumer.
	GroupMadeAgain ConsumeEventKind = "group made again"
)

// A Delivered is an entry for a handler.
type Delivered[V any] struct {
	StreamEntry[V]
	// Deliveries is the number of deliveries of the entry, this delivery included.
	Deliveries int
}

// A HandlerPanicError is the error of an entry whose handler panicked.
type HandlerPanicError struct {
	// Value is the value of the panic, and Stack is the stack of the handler.
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

// These errors are reasons for failures without an error of a handler.
var (
	errHandlerExited = errors.New("xcache: the handler of Consume ended its goroutine (runtime.Goexit) instead of returning")
	errNeverDone     = errors.New("xcache: the entry was delivered as often as it may be, and its consumers never told what became of it")
)

// Consume handles the entries of a stream as a consumer of a group, until ctx ends. Each
// entry is handled by one consumer of the group, at least once: if the consumer ends or
// loses its connection before acknowledging the entry, the entry is handled again. So
// handle must tolerate repetition. Only one Consume at a time uses the name of a consumer;
// after a restart the same name is used again:
//
//	err := orders.Consume(ctx, "orders", "mail", hostname, send, mixins.ConsumeOptions{DeadLetter: "orders:dead"})
//
// Consume creates a missing group and a missing stream. The consumer first gets the entries
// that are pending for its name, and then new entries. An entry is acknowledged when handle
// has returned nil. When handle returns an error, or panics, or the codec cannot read the
// entry, the entry stays pending, and any consumer may get it after MinIdle.
//
// An entry that is pending for another consumer is claimed when that consumer has given no
// sign of life for MinIdle. A consumer gives signs of life for its entries while their
// handlers run. A handler that never returns keeps its entry for ever.
//
// With DeadLetter, an entry that fails and was delivered MaxDeliveries times is added to
// the dead-letter stream, and then acknowledged: see DeadLetters. These are two steps, so
// the dead-letter stream may have the entry twice, and no entry is lost.
//
// While the server is unreachable, Consume repeats its calls, and Observe is told. Consume
// returns the error of ctx when ctx ends, xcache.ErrClosed when the cache is closed, and
// any permanent error. Permanent errors are a key with another type, a bad option, and a
// missing permission for a command that has never succeeded. Before Consume returns,
// running handlers get Grace, then their context ends, and Consume waits for them. Entries
// of unfinished handlers are not acknowledged. Entries that no handler began stay pending,
// and their last delivery does not count.
//
// handle has a context with the values of ctx. A consumer that waits for entries holds
// one of the exclusive_size connections.
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

// consumption checks the arguments of Consume.
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

// fullKey returns the key of a stream on the server.
func (s *Streams[V]) fullKey(key string) (string, error) {
	o := s.op("consume", "XLEN", key)
	if args := o.Args(); len(args) == 1 {
		return args[0].Text, nil
	}
	return "", xcache.ErrInvalidKey
}
