// Package xcache is a cache in the style of database/sql: one interface, and
// drivers that a blank import registers.
//
//	import (
//		"github.com/xcache-go/xcache"
//		_ "github.com/xcache-go/xcache/drivers/memory"
//		_ "github.com/xcache-go/xcache/drivers/redis"
//	)
//
//	c, err := xcache.OpenDSN(os.Getenv("CACHE_DSN")) // memory:// or redis://localhost:6379
//	users := xcache.For[User](c.Namespace("user"))
//	err = users.Set(ctx, "42", user, xcache.TTL(time.Minute))
//	user, err = users.Get(ctx, "42") // errors.Is(err, xcache.ErrNotFound) on a miss
//	user, err = users.GetOrSet(ctx, "42", loadUser)
//
// A Cache has the operations on keys, a View those on the values of one Go
// type, and a Pipeline sends many of either in one round trip. Every operation
// does the same on every driver; package xcachetest proves it.
//
// Keys are stored as prefix:version:key, or prefix:version:namespace:key, and
// values as JSON unless configured otherwise, as Django's cache framework does it,
// so that services in Go and Python can share a cache.
package xcache

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/internal/composed"
	"github.com/xcache-go/xcache/internal/flight"
	"github.com/xcache-go/xcache/internal/gate"
)

// Register makes a driver available to Open under a name, and under the same
// name as a scheme to OpenDSN. Drivers call it in an init function. It panics
// if d is nil, or if name is empty or taken.
func Register(name string, d driver.Driver) { defaultRegistry.Register(name, d) }

// Drivers returns the names of the registered drivers, sorted.
func Drivers() []string { return defaultRegistry.Drivers() }

// Open opens a cache with the driver of a name. The scheme of the DSN must be that
// name, or the driver's own if it is registered under another one: see
// driver.Named. The DSN has the form
//
//	scheme[+cluster|+sentinel]://[user[:password]@]host[:port][,host[:port]…][/db][?parameter=value…]
//
// Parameters that every driver takes: prefix, colon_prefix, version, ttl,
// jitter, serializer, compressor, compress_min, max_value, format, rewrite,
// encryption_keys, op_timeout and require; the driver's documentation lists its own. Anything wrong in the
// DSN is an error here, which never shows a password.
//
// Open does no I/O: a service starts while its cache is down. Call Ping to
// find out.
func Open(driverName, dsn string, opts ...Option) (*Cache, error) {
	return defaultRegistry.Open(driverName, dsn, opts...)
}

// OpenDSN is Open with the driver that the DSN's scheme names, so that one
// string decides where a program caches.
func OpenDSN(dsn string, opts ...Option) (*Cache, error) {
	return defaultRegistry.OpenDSN(dsn, opts...)
}

// New returns a cache on a store that the caller made, with a client of its
// own, say. Close closes the store. When New fails the store is still the
// caller's, and open.
func New(s driver.Store, opts ...Option) (*Cache, error) {
	if s == nil {
		return nil, errors.New("xcache: New needs a store, not nil")
	}
	return newCache(s, "", &defaultRegistry, defaultSettings(), opts...)
}

// A Cache is a handle on a cache: a driver's store, seen through a key prefix,
// a version, a default TTL and a codec. Open and OpenDSN make one, New makes
// one of a store, With makes further views of it.
//
// A Cache holds the operations on keys; For gives a View for the values of one
// Go type. All methods may be called concurrently.
//
// Every operation returns within op_timeout (3 s unless configured) when its
// context has no deadline, and promptly when its context ends. A failed write
// was not applied, unless the error matches ErrUnknownOutcome; no write is
// ever sent twice.
type Cache struct {
	shared *shared
	target *target
	settings
	// timeoutPerCall: the store does not bound its calls as this view wants,
	// so that each needs a context with a deadline.
	timeoutPerCall bool
	// tx is the transaction that the view reads in, or nil.
	tx *Tx
	// err is what was wrong with the options of this view; every call
	// returns it.
	err error
}

// A View reads and writes the values of a cache as values of type T. It
// forwards the operations on keys to its Cache. A View is cheap, holds nothing
// that must be closed, and may be used concurrently.
//
// Go integers are stored as decimal text whatever the codec, so that Incr
// works on them and other languages read them. A stored nil is a hit.
type View[T any] struct {
	*Cache
}

// For returns a view of a cache for the values of one type. Two views of one cache
// share their keys, whatever their types: values of different kinds are kept apart
// by namespaces, as in For[User](c.Namespace("user")), or by keys such as user:42.
func For[T any](c *Cache) *View[T] { return &View[T]{c} }

// With returns a view of the same store with other options. It is cheap, and
// holds nothing that must be closed. An option that Open would refuse makes
// every call on the view return that error.
//
// WithOpTimeout can only shorten the time of a call here: the store was opened
// with the longer one.
func (c *Cache) With(opts ...Option) *Cache {
	view := *c
	if view.err == nil {
		view.err = view.apply(opts)
	}
	view.target = &c.shared.target
	if view.readPrimary {
		view.target = &c.shared.primary
	}
	if view.tx != nil {
		view.target = &view.tx.target
		view.rewrite = false
	}
	if view.err == nil {
		view.err = view.layout.Prepare()
	}
	if view.err == nil && view.tx == nil {
		view.err = view.require(view.requires)
	}
	if view.err == nil && view.rewrite && view.shared.primary.caps.Swapper == nil {
		view.err = unsupported("compare-and-swap, which rewriting values needs")
	}
	bound := view.target.caps.Limits.CallTimeout
	view.timeoutPerCall = bound <= 0 || bound > view.opTimeout
	return &view
}

// Close releases the store with its connections, for all views of it. From then on
// every call returns ErrClosed. It waits for operations under way, but no longer
// than op_timeout, however late their contexts end: then it disconnects, and they
// fail with ErrClosed, and with ErrUnknownOutcome if they write and may have been
// sent. It ends subscriptions, and the contexts of loaders that GetOrSet runs, and waits for them
// without a bound: a loader that ignores its context holds it up. So does an
// operation of a store that is no driver.Disconnector, until its context ends.
//
// Calling it again returns what the first call returned. It must not be called from
// inside a loop over Keys, which it would wait for.
func (c *Cache) Close() error {
	if c.tx != nil {
		return c.opError("close", "", errors.New("xcache: this view is a transaction's; close the cache outside of it"))
	}
	if err := c.shared.close(); err != nil {
		return c.opError("close", "", err)
	}
	return nil
}

// Store returns the driver's store, for what the cache has no method for; of a
// view with ReadPrimary, the one that reads at the primary. It belongs to the
// cache: do not close it.
func (c *Cache) Store() driver.Store { return c.target.store }

// shared is what all views of one store have in common.
type shared struct {
	target  target // of views that say nothing about it
	primary target // of views that read their own writes
	driver  string
	// registry is asked which other drivers could do what this one cannot.
	registry *Registry
	gate     *gate.Gate
	flights  flight.Group
	rewriter *rewriter
	reads    readCounts
	close    func() error
	// closing ends when Close begins, and with it subscriptions and every operation that
	// waits at the store.
	closing      context.Context
	beginClosing context.CancelFunc
	// opTimeout is how long Close lets operations under way go on.
	opTimeout time.Duration
	// limitsKeys: the driver takes fewer keys than Redis.
	limitsKeys bool
}

// A target is where the operations of a view go: a store and what it can do.
type target struct {
	store driver.Store
	caps  driver.Caps
	// commander runs commands by what the store's interfaces say.
	commander *composed.Commander
}

func newTarget(s driver.Store) target {
	caps := driver.CapsOf(s)
	return target{s, caps, composed.New(s, caps)}
}

// primary returns where reads see all writes: t itself, unless it reads from
// replicas.
func (t target) primary() target {
	if t.caps.Replicated == nil {
		return t
	}
	return newTarget(t.caps.Replicated.Primary())
}

func newCache(s driver.Store, driverName string, registry *Registry, settings settings, opts ...Option) (*Cache, error) {
	target := newTarget(s)
	limits := &target.caps.Limits
	shared := &shared{
		target: target, primary: target.primary(), driver: driverName, registry: registry,
		gate:       gate.New(),
		rewriter:   newRewriter(),
		limitsKeys: limits.KeyLength > 0 || limits.ValidKey != nil,
	}
	shared.close = sync.OnceValue(shared.end)
	shared.closing, shared.beginClosing = context.WithCancel(context.Background())
	c := (&Cache{shared: shared, settings: settings}).With(opts...)
	if c.err != nil {
		return nil, c.err
	}
	shared.opTimeout = c.opTimeout
	c.reportKeyFile(c.notify(driverName))
	return c, nil
}

// end ends loaders, rewrites and commands that wait, waits for operations, but no longer than
// op_timeout, and closes the store.
func (s *shared) end() error {
	var disconnecting sync.WaitGroup
	stop := func() bool { return false }
	if d := s.target.caps.Disconnector; d != nil {
		disconnecting.Add(1)
		stop = time.AfterFunc(s.opTimeout, func() { defer disconnecting.Done(); d.Disconnect() }).Stop
	}
	s.beginClosing()
	s.flights.Close()
	s.rewriter.close()
	s.gate.Close()
	if stop() {
		disconnecting.Done()
	}
	disconnecting.Wait()
	return s.target.store.Close()
}
