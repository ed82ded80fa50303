package xcache

import (
	"context"
	"time"

	"github.com/xcache-go/xcache/codec"
	"github.com/xcache-go/xcache/driver"
)

// An Observer sees every operation of a cache: metrics, traces and logs hang
// on it. It is called in the goroutine of the operation, which waits for it;
// it may be called concurrently.
type Observer interface {
	// Start is called when an operation begins, before its input is checked.
	// Its context is what the driver gets: a tracer puts its span there. It
	// must return ctx or a context made from it.
	Start(ctx context.Context, op *Operation) context.Context
	// End is called once for each Start. op is not valid after it returns.
	End(ctx context.Context, op *Operation)
}

// An Operation is what an Observer is told. The fields below the line are set
// when End is called.
type Operation struct {
	// Driver is the driver's name, or "" for a store given to New.
	Driver string
	// Cache is the name that WithName gave the cache, or "".
	Cache string
	// Namespace holds the escaped names of the view's namespaces with colons
	// between them, or "".
	Namespace string
	// Name is the method in lower-case words, such as "get" or "set many".
	// GetOr is a get, GetOrSet the gets and the add that it is made of, and a
	// pipeline that runs one "pipeline".
	Name string
	// Key is the user's key, as the caller gave it, or "" if there is not exactly
	// one. It is the caller's memory: who keeps it makes a copy.
	Key string
	// Keys is the number of keys; of a pipeline, that of its operations.
	Keys int

	// Duration is the time from Start to End.
	Duration time.Duration
	// Hits and Misses count the keys that a get, get many, swap or has found
	// or did not find.
	Hits, Misses int
	// Bytes is the size of the stored values that were read or written,
	// outside of pipelines.
	Bytes int
	// Read tells which codec read the value of a hit; of the last one if
	// there are several.
	Read codec.Read
	// Err is what the operation returns; ErrNotFound for a miss.
	Err error
}

// An EventObserver is an Observer that hears of events, too: of what an operator
// wants to know and no operation fails of. Only the Observer that Open was given
// hears of the events of the store, and of Open itself, as these belong to no view.
type EventObserver interface {
	Observer
	// Event is called once for each event, and may be called concurrently. An
	// operation waits for the event that it notices, so that Event must return at
	// once. The store's events come from a goroutine of its own: there Event may use
	// the cache, but not close it, as Close waits until it returns; and a panic
	// loses the event, and nothing else.
	Event(Event)
}

// An Event is what an EventObserver is told.
type Event struct {
	// Driver is the driver's name, or "" for a store given to New.
	Driver string
	// Cache is the name that WithName gave the cache, or "".
	Cache string
	// Namespace is that of the view whose operation noticed the event, or "".
	Namespace string
	// Kind says what happened: one of the kinds in package driver.
	Kind driver.EventKind
	// Server is the address of the server that the event is about, or "".
	Server string
	// Key is the user's key that the event is about, or "".
	Key string
	// Err is the cause, or nil. Its text holds no value and no password.
	Err error
}

// notify returns what a store of the driver of that name reports its events to;
// nil if nobody listens.
func (s *settings) notify(driverName string) func(driver.Event) {
	observer, ok := s.observer.(EventObserver)
	if !ok {
		return nil
	}
	return func(e driver.Event) {
		observer.Event(Event{Driver: driverName, Cache: s.name, Kind: e.Kind, Server: e.Server, Err: e.Err})
	}
}

// event tells the observer what an operation of the view on a key has noticed.
func (c *Cache) event(kind driver.EventKind, key string, err error) {
	if observer, ok := c.observer.(EventObserver); ok {
		observer.Event(Event{Driver: c.shared.driver, Cache: c.name, Namespace: c.layout.NamespaceName(), Kind: kind, Key: key, Err: err})
	}
}

// reportKeyFile tells the observer, if it listens, that the encryption keys come
// from a file that others may read.
func (s *settings) reportKeyFile(notify func(driver.Event)) {
	if notify == nil || s.keys == nil {
		return
	}
	if err := s.keys.Exposed(); err != nil {
		notify(driver.Event{Kind: driver.KeyFileExposed, Err: err})
	}
}

// Inspect returns what the store of the view knows of its servers, or of what it holds
// itself: roles, states, connections, the last errors, for an operator's page or log.
// It asks no server and waits for nothing, so that it answers while all else hangs. It
// may be called after Close.
//
// The error matches errors.ErrUnsupported if the store does not tell.
func (c *Cache) Inspect() (driver.Inspection, error) {
	inspector := c.target.caps.Inspector
	if inspector == nil {
		return driver.Inspection{}, c.opError("inspect", "", unsupported("way to tell what it is connected to"))
	}
	return inspector.Inspect(), nil
}
