package xcache

import (
	"context"
	"time"

	"github.com/xcache-go/xcache/codec"
	"github.com/xcache-go/xcache/driver"
)

// An Observer sees every operation of a cache, for metrics, traces and logs. Operations
// call the observer in their own goroutine, and wait for it. The methods may be called
// concurrently.
type Observer interface {
	// Start is called at the beginning of an operation, before its input is checked. The
	// driver gets the returned context, which must be ctx or a child of ctx: a tracer puts
	// its span there.
	Start(ctx context.Context, op *Operation) context.Context
	// End is called once for each Start. op is not valid after End returns.
	End(ctx context.Context, op *Operation)
}

// An Operation describes an operation to an Observer. The fields below the blank line are
// set when End is called.
type Operation struct {
	// Driver is the driver's name, or "" for a store given to New.
	Driver string
	// Cache is the name that WithName gave the cache, or "".
	Cache string
	// Namespace holds the escaped names of the view's namespaces, joined by colons, or "".
	Namespace string
	// Name is the method in lower-case words, such as "get" or "set many". A GetOr is a
	// "get". A GetOrSet is several operations, see docs/observing.md. The execution of a
	// pipeline is a "pipeline".
	Name string
	// Key is the user's key, or "" if the operation has not exactly one key. Key is in the
	// caller's memory: an observer that keeps the key makes a copy.
	Key string
	// Keys is the number of keys. For a pipeline, Keys is the number of its operations.
	Keys int

	// Duration is the time from Start to End.
	Duration time.Duration
	// Hits and Misses count the found and the missing keys of a get, get many, swap or has.
	Hits, Misses int
	// Stale counts the hits whose TTL has ended, in a view with StaleFor or StaleOnError.
	Stale int
	// Bytes is the size of the stored values that were read or written, outside of
	// pipelines.
	Bytes int
	// Read is the codec that read the value of a hit. With several hits, Read is the codec
	// of the last hit.
	Read codec.Read
	// Err is the error of the operation. Err is ErrNotFound for a miss.
	Err error
	// FailedOpen is the failure that OnErrorMiss has hidden from the caller, or nil. The
	// failures of several keys, or of a pipeline, are not all there: the last one is.
	FailedOpen error
}

// An EventObserver is an Observer that also receives events: incidents that an operator
// wants to know, and that fail no operation. Only the Observer of Open receives the events
// of the store, and of Open itself, because these events belong to no view.
type EventObserver interface {
	Observer
	// Event is called once for each event, and may be called concurrently. Event must
	// return at once, because the operation that noticed the event waits for Event. The
	// store's events come from a goroutine of the store. During such an event, Event may
	// use the cache, but must not close it: Close would wait for Event. A panic of Event
	// loses the event, and has no other effect.
	Event(Event)
}

// An Event describes an incident to an EventObserver.
type Event struct {
	// Driver is the driver's name, or "" for a store given to New.
	Driver string
	// Cache is the name that WithName gave the cache, or "".
	Cache string
	// Namespace is the namespace of the view whose operation noticed the event, or "".
	Namespace string
	// Kind is one of the kinds in package driver.
	Kind driver.EventKind
	// Server is the address of the server of the event, or "".
	Server string
	// Key is the user's key of the event, or "".
	Key string
	// Err is the cause, or nil. Its text has no value and no password.
	Err error
}

// notify returns the function that takes the events of a store, or nil without an
// EventObserver.
func (s *settings) notify(driverName string) func(driver.Event) {
	observer, ok := s.observer.(EventObserver)
	if !ok {
		return nil
	}
	return func(e driver.Event) {
		tell(observer, Event{Driver: driverName, Cache: s.name, Kind: e.Kind, Server: e.Server, Err: e.Err})
	}
}

// event tells the observer about an event that an operation on a key noticed.
func (c *core) event(kind driver.EventKind, key string, err error) {
	if observer, ok := c.observer.(EventObserver); ok {
		tell(observer, Event{Driver: c.shared.driver, Cache: c.name, Namespace: c.layout.NamespaceName(), Kind: kind, Key: key, Err: err})
	}
}

// tell tells an observer of an event. A panic of the observer loses the event: the operation that
// noticed the event goes on, and the goroutine may be one of the cache's own.
func tell(observer EventObserver, e Event) {
	defer func() { _ = recover() }()
	observer.Event(e)
}

// reportKeyFile tells the observer if other users may read the file of the encryption keys.
func (s *settings) reportKeyFile(notify func(driver.Event)) {
	if notify == nil || s.keys == nil {
		return
	}
	if err := s.keys.Exposed(); err != nil {
		notify(driver.Event{Kind: driver.KeyFileExposed, Err: err})
	}
}

// Inspect returns the state of the view's store, for an operator's page or log: the servers
// with their roles, states, connections and last errors, or the content of a store in
// memory. Inspect does no I/O and does not wait, so that Inspect works while every server
// hangs. Inspect may be called after Close.
//
// The error matches errors.ErrUnsupported if the driver has no inspection.
func (c *Cache) Inspect() (driver.Inspection, error) {
	inspector := c.core.target.caps.Inspector
	if inspector == nil {
		return driver.Inspection{}, c.core.opError("inspect", "", unsupported("way to tell what it is connected to"))
	}
	return inspector.Inspect(), nil
}
