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
// A Cache has the operations on keys, and a View the operations on values of one Go type. A
// Pipeline sends many operations of both in one round trip. Every operation has the same
// effect on every driver, which package xcachetest proves.
//
// Keys are stored as prefix:version:key, or prefix:version:namespace:key, and values as
// JSON unless configured otherwise. Django's cache framework uses the same layout, so that
// services in Go and Python can share a cache.
package xcache

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/internal/breaker"
	"github.com/xcache-go/xcache/internal/composed"
	"github.com/xcache-go/xcache/internal/flight"
	"github.com/xcache-go/xcache/internal/gate"
	"github.com/xcache-go/xcache/internal/pending"
)

// Register makes a driver available to Open under a name, and to OpenDSN under the same
// name as a scheme. Drivers call Register in an init function. Register panics if d is nil,
// if name is empty, or if name is taken.
func Register(name string, d driver.Driver) { defaultRegistry.Register(name, d) }

// Drivers returns the names of the registered drivers, sorted.
func Drivers() []string { return defaultRegistry.Drivers() }

// Open opens a cache with a registered driver. The scheme of the DSN must be the name of
// the driver, or the driver's own name if it is registered under another one: see
// driver.Named. The DSN has the form
//
//	scheme[+cluster|+sentinel]://[user[:password]@]host[:port][,host[:port]…][/db][?parameter=value…]
//
// The parameters of every driver are prefix, colon_prefix, version, ttl, jitter,
// serializer, compressor, compress_min, max_value, format, rewrite, encryption_keys,
// op_timeout, on_error, breaker, breaker_failures, breaker_cooldown, breaker_max_cooldown,
// max_in_flight, invalidate and require. The documentation of a driver lists its own
// parameters. Any mistake in the DSN is an error of Open, which never shows a password.
//
// Open does no I/O, so that a service can start while its cache is down. Ping tells whether
// the cache is up.
func Open(driverName, dsn string, opts ...Option) (*Cache, error) {
	return defaultRegistry.Open(driverName, dsn, opts...)
}

// OpenDSN is Open with the driver of the DSN's scheme, so that one string decides where a
// program caches.
func OpenDSN(dsn string, opts ...Option) (*Cache, error) {
	return defaultRegistry.OpenDSN(dsn, opts...)
}

// New returns a cache on a store that the caller has made, for example with a client of its
// own. Close closes the store. After an error of New, the store is open, and still belongs
// to the caller.
func New(s driver.Store, opts ...Option) (*Cache, error) {
	if s == nil {
		return nil, errors.New("xcache: New needs a store, not nil")
	}
	return newCache(s, "", &defaultRegistry, defaultSettings(), opts...)
}

// A Cache is a handle on a store of a driver, with a key prefix, a version, a default TTL
// and a codec. Open and OpenDSN make a Cache from a DSN, New makes one on a store, and With
// makes further views of a Cache.
//
// A Cache has the operations on keys. For returns a View for the values of one Go type. All
// methods may be called concurrently.
//
// A call returns promptly when its context ends. Each operation at the server takes at most
// op_timeout (3 s unless configured) if its context has no deadline. GetOrSet is several such
// operations and a loader; Keys, Clear and DeletePattern are as many as there are pages of
// keys. Calls that wait, such as BLPop, wait as long as they are told to.
//
// A failed write was not applied, unless the error matches ErrUnknownOutcome or is an
// UnreadReplyError. A write whose reply was lost is not sent again, but for the few that
// docs/concepts.md lists.
type Cache struct {
	core core
}

// A core is what a Cache has and does. A View has the methods of its Cache, and the compiler
// makes all of them again for each type of values. So the Cache has no methods but the exported
// ones.
type core struct {
	shared *shared
	target *target
	settings
	// timeoutPerCall tells that the store does not bound calls by the time-out of this
	// view, so that each call needs a context with a deadline.
	timeoutPerCall bool
	// tx is the transaction of a view that reads inside of one, or nil.
	tx *Tx
	// err is the error of the options of this view. Every call returns err.
	err error
}

// A View reads and writes the values of a cache as values of type T. The operations on keys
// are those of its Cache. A View is cheap, needs no Close, and may be used concurrently.
//
// Go integers are stored as decimal text whatever the codec is, so that Incr works on them
// and other languages read them. A stored nil is a hit.
type View[T any] struct {
	*Cache
}

// For returns a view of a cache for the values of one type. Two views of one cache share
// their keys, whatever their types are. Namespaces keep values of different kinds apart, as
// in For[User](c.Namespace("user")), and so do keys such as user:42.
func For[T any](c *Cache) *View[T] { return &View[T]{c} }

// With returns a view of the same store with other options. The view is cheap, and needs no
// Close. An option that Open would refuse makes every call on the view return that error.
//
// WithOpTimeout can only shorten the time-out here: the store was opened with the longer
// one.
func (c *Cache) With(opts ...Option) *Cache {
	view := *c
	view.core.configure(opts)
	return &view
}

// Close closes the store with its connections, for all views of it. Every later call
// returns ErrClosed.
//
// Close waits for operations in flight, but no longer than op_timeout, however late their
// contexts end. After op_timeout Close disconnects, and the operations fail with ErrClosed.
// Writes that may have been sent also match ErrUnknownOutcome. Operations of a store
// without driver.Disconnector are waited for until their contexts end.
//
// Close ends subscriptions, and the contexts of the loaders of GetOrSet. Close waits for
// loaders without a bound, so that a loader must not ignore its context.
//
// A second call returns the result of the first. A loop over Keys must not call Close,
// which would wait for the loop.
func (c *Cache) Close() error {
	if c.core.tx != nil {
		return c.core.opError("close", "", errors.New("xcache: this view is a transaction's; close the cache outside of it"))
	}
	if err := c.core.shared.close(); err != nil {
		return c.core.opError("close", "", err)
	}
	return nil
}

// Store returns the driver's store, for operations that the cache does not have. With
// ReadPrimary, the store is the one that reads from the primary. The store belongs to the
// cache: do not close it. WithBreaker and WithMaxInFlight have no effect on that store.
func (c *Cache) Store() driver.Store {
	if guarded, ok := c.core.target.store.(*breaker.Store); ok {
		return guarded.Next()
	}
	return c.core.target.store
}

// shared is the state that all views of one store share.
type shared struct {
	target  target // of views without ReadPrimary
	primary target // of views with ReadPrimary
	driver  string
	// registry finds other drivers with a capability that this driver lacks.
	registry *Registry
	gate     *gate.Gate
	flights  flight.Group
	// pending are the deletions that are repeated.
	pending  *pending.Deletions
	rewriter *rewriter
	reads    readCounts
	close    func() error
	// closing ends when Close begins. With closing, subscriptions end, and so do all
	// operations that wait at the store.
	closing      context.Context
	beginClosing context.CancelFunc
	// opTimeout is the time that Close leaves to operations in flight.
	opTimeout time.Duration
	guarding  guarding
	// failedOpen counts what on_error=miss has hidden.
	failedOpen failedOpenCounts
	// limitsKeys tells that the driver accepts fewer keys than Redis.
	limitsKeys bool
	// leases tells that the driver runs the commands on leases.
	leases bool
}

// A target is the store of a view, with its capabilities.
type target struct {
	store driver.Store
	caps  driver.Caps
	// commander runs commands on the interfaces of the store.
	commander *composed.Commander
}

func newTarget(s driver.Store) target {
	caps := driver.CapsOf(s)
	return target{s, caps, composed.New(s, caps)}
}

// primary returns the target whose reads see all writes: t itself, unless t reads from
// replicas.
func (t target) primary() target {
	if t.caps.Replicated == nil {
		return t
	}
	return newTarget(t.caps.Replicated.Primary())
}

// configure gives a copy of a core other options: see Cache.With.
func (c *core) configure(opts []Option) {
	if c.err == nil {
		c.err = c.apply(opts)
	}
	if c.err == nil && c.guarding != c.shared.guarding {
		c.err = errGuarding
	}
	c.target = &c.shared.target
	if c.readPrimary {
		c.target = &c.shared.primary
	}
	if c.tx != nil {
		c.target = &c.tx.target
		c.rewrite, c.sliding = false, 0
	}
	if c.err == nil {
		c.err = c.layout.Prepare()
	}
	if c.err == nil && c.tx == nil {
		c.err = c.require(c.requires)
	}
	if c.err == nil && c.rewrite && c.shared.primary.caps.Swapper == nil {
		c.err = unsupported("compare-and-swap, which rewriting values needs")
	}
	if c.err == nil {
		c.err = c.checkReads()
	}
	if c.err == nil {
		c.err = c.checkStale()
	}
	if c.err == nil {
		c.err = c.checkLoads()
	}
	if c.stale.reads() && c.loadTimeout == 0 {
		c.loadTimeout = leaseDuration // a load in the background has no caller that gives it up
	}
	bound := c.target.caps.Limits.CallTimeout
	c.timeoutPerCall = bound <= 0 || bound > c.opTimeout
}

func newCache(s driver.Store, driverName string, registry *Registry, settings settings, opts ...Option) (*Cache, error) {
	if err := settings.apply(opts); err != nil {
		return nil, err
	}
	notify := settings.notify(driverName)
	s = settings.guarding.guard(s, settings.opTimeout, notify)
	target := newTarget(s)
	limits := &target.caps.Limits
	shared := &shared{
		target: target, primary: target.primary(), driver: driverName, registry: registry,
		gate:       gate.New(),
		rewriter:   newRewriter(),
		limitsKeys: limits.KeyLength > 0 || limits.ValidKey != nil,
		leases:     runsGroup(&target.caps, driver.GroupLeases),
	}
	shared.pending = shared.newPending(notify, settings.opTimeout)
	shared.close = sync.OnceValue(shared.end)
	shared.closing, shared.beginClosing = context.WithCancel(context.Background())
	shared.guarding = settings.guarding
	c := &Cache{core{shared: shared, settings: settings}}
	c.core.configure(nil)
	if c.core.err != nil {
		return nil, c.core.err
	}
	shared.opTimeout = c.core.opTimeout
	c.core.reportKeyFile(notify)
	return c, nil
}

// end ends loaders, rewrites and commands that wait. end then waits for operations, but no
// longer than op_timeout, and closes the store.
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
	left := s.closePending()
	if stop() {
		disconnecting.Done()
	}
	disconnecting.Wait()
	return errors.Join(s.target.store.Close(), left)
}
