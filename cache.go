package xcache

import (
	"errors"
	"sync"
	"time"

	"github.com/xcache-go/xcache/driver"
)

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
	// err is what was wrong with the options of this view; every call
	// returns it.
	err error
}

// shared is what all views of one store have in common.
type shared struct {
	target  target // of views that say nothing about it
	primary target // of views that read their own writes
	driver  string
	// registry is asked which other drivers could do what this one cannot.
	registry *Registry
	gate     *gate
	flights  flights
	rewriter *rewriter
	reads    readCounts
	close    func() error
	// opTimeout is how long Close lets operations under way go on.
	opTimeout time.Duration
	// limitsKeys: the driver takes fewer keys than Redis.
	limitsKeys bool
}

// A target is where the operations of a view go: a store and what it can do.
type target struct {
	store driver.Store
	caps  driver.Caps
}

// primary returns where reads see all writes: t itself, unless it reads from
// replicas.
func (t target) primary() target {
	if t.caps.Replicated == nil {
		return t
	}
	primary := t.caps.Replicated.Primary()
	return target{primary, driver.CapsOf(primary)}
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

func newCache(s driver.Store, driverName string, registry *Registry, settings settings, opts ...Option) (*Cache, error) {
	target := target{s, driver.CapsOf(s)}
	limits := &target.caps.Limits
	shared := &shared{
		target: target, primary: target.primary(), driver: driverName, registry: registry,
		gate:       newGate(),
		rewriter:   newRewriter(),
		limitsKeys: limits.KeyLength > 0 || limits.ValidKey != nil,
	}
	shared.close = sync.OnceValue(shared.end)
	c := (&Cache{shared: shared, settings: settings}).With(opts...)
	if c.err != nil {
		return nil, c.err
	}
	shared.opTimeout = c.opTimeout
	c.reportKeyFile(c.notify(driverName))
	return c, nil
}

// end ends loaders and rewrites, waits for operations, but no longer than
// op_timeout, and closes the store.
func (s *shared) end() error {
	var disconnecting sync.WaitGroup
	stop := func() bool { return false }
	if d := s.target.caps.Disconnector; d != nil {
		disconnecting.Add(1)
		stop = time.AfterFunc(s.opTimeout, func() { defer disconnecting.Done(); d.Disconnect() }).Stop
	}
	s.flights.close()
	s.rewriter.close()
	s.gate.close()
	if stop() {
		disconnecting.Done()
	}
	disconnecting.Wait()
	return s.target.store.Close()
}

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
	if view.err == nil {
		view.err = view.prepare()
	}
	if view.err == nil {
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
// sent. It ends the contexts of loaders that GetOrSet runs, and waits for them
// without a bound: a loader that ignores its context holds it up. So does an
// operation of a store that is no driver.Disconnector, until its context ends.
//
// Calling it again returns what the first call returned. It must not be called from
// inside a loop over Keys, which it would wait for.
func (c *Cache) Close() error {
	if err := c.shared.close(); err != nil {
		return c.opError("close", "", err)
	}
	return nil
}

// Store returns the driver's store, for what the cache has no method for; of a
// view with ReadPrimary, the one that reads at the primary. It belongs to the
// cache: do not close it.
func (c *Cache) Store() driver.Store { return c.target.store }
