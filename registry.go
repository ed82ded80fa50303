package xcache

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/xcache-go/xcache/codec"
	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/internal/optimistic"
)

// A Registry maps names to drivers. The zero value is an empty registry. Most programs use
// the registry of the function Register, in which drivers register themselves when they are
// imported. A Registry may be used concurrently.
type Registry struct {
	mu      sync.RWMutex
	drivers map[string]driver.Driver
}

var defaultRegistry Registry

// Register is the function Register for this registry.
func (r *Registry) Register(name string, d driver.Driver) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if d == nil {
		panic("xcache: Register of a nil driver")
	}
	if name == "" {
		panic("xcache: Register with an empty name")
	}
	if _, taken := r.drivers[name]; taken {
		panic("xcache: Register called twice for driver " + name)
	}
	if r.drivers == nil {
		r.drivers = make(map[string]driver.Driver)
	}
	r.drivers[name] = d
}

// Drivers is the function Drivers for this registry.
func (r *Registry) Drivers() []string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return slices.Sorted(maps.Keys(r.drivers))
}

// Open is the function Open for this registry.
func (r *Registry) Open(driverName, dsn string, opts ...Option) (*Cache, error) {
	parsed, err := driver.ParseDSN(dsn)
	if err != nil {
		return nil, err
	}
	scheme := driverName
	if named, ok := r.driver(driverName).(driver.Named); ok {
		scheme = named.Name()
	}
	if r.driver(driverName) != nil && parsed.Driver != driverName && parsed.Driver != scheme {
		return nil, fmt.Errorf("xcache: bad DSN: its scheme is that of another driver than %s; write %s://…, or use OpenDSN", driverName, scheme)
	}
	return r.open(driverName, driverName, parsed, opts)
}

// OpenDSN is the function OpenDSN for this registry.
func (r *Registry) OpenDSN(dsn string, opts ...Option) (*Cache, error) {
	parsed, err := driver.ParseDSN(dsn)
	if err != nil {
		return nil, err
	}
	return r.open(parsed.Driver, parsed.Scheme, parsed, opts)
}

// open opens a cache with a driver. word is the user's word for the driver: its name, or a
// scheme.
func (r *Registry) open(name, word string, dsn *driver.DSN, opts []Option) (*Cache, error) {
	d := r.driver(name)
	if d == nil {
		return nil, r.unknownDriver(name, word)
	}
	settings := defaultSettings()
	settings.read(dsn)
	if err := settings.apply(opts); err != nil {
		return nil, err
	}
	dsn.OpTimeout = settings.opTimeout // an option overrides the DSN
	dsn.MaxValue = settings.maxStored()
	dsn.Notify = settings.notify(name)
	store, err := d.Open(dsn)
	if err != nil {
		return nil, err
	}
	err = errors.Join(dsn.Err(), dsn.Unread())
	if err == nil {
		var c *Cache
		if c, err = newCache(store, name, r, settings); err == nil {
			return c, nil
		}
	}
	return nil, errors.Join(err, store.Close())
}

func (r *Registry) driver(name string) driver.Driver {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.drivers[name]
}

// ownDrivers are the drivers of this library.
var ownDrivers = []string{"memory", "null", "redis", "valkey"}

// unknownDriver returns the error for a driver that is not registered. word is the user's
// word for the driver: its name, or a scheme.
func (r *Registry) unknownDriver(name, word string) error {
	registered := r.Drivers()
	hint, missing := "forgotten import?", name
	if near := driver.NearestScheme(word, registered...); near != "" && !slices.Contains(ownDrivers, name) {
		hint = "did you mean " + near + "?"
		missing, _, _ = strings.Cut(near, "+")
		if !slices.Contains(registered, missing) {
			missing = strings.TrimSuffix(missing, "s")
		}
	}
	if slices.Contains(ownDrivers, missing) && !slices.Contains(registered, missing) {
		hint += fmt.Sprintf(" add import _ %q", "github.com/xcache-go/xcache/drivers/"+missing)
	}
	known := strings.Join(registered, ", ")
	if known == "" {
		known = "none"
	}
	return fmt.Errorf("xcache: unknown driver %q (%s); registered: %s", name, hint, known)
}

// needsByName has, for each word of Require, the check of a store.
var needsByName = map[string]func(*driver.Caps) bool{
	"ttl":      func(c *driver.Caps) bool { return c.Expirer != nil },
	"counters": func(c *driver.Caps) bool { return c.Counter != nil },
	"swap":     func(c *driver.Caps) bool { return c.Swapper != nil },
	"rename":   func(c *driver.Caps) bool { return c.Mover != nil },
	"scan":     func(c *driver.Caps) bool { return c.Scanner != nil },
	"flush":    func(c *driver.Caps) bool { return c.Flusher != nil },
	"ping":     func(c *driver.Caps) bool { return c.Pinger != nil },
	"pipelines": func(c *driver.Caps) bool {
		return c.Commander != nil && runsGroup(c, driver.GroupStrings) && runsGroup(c, driver.GroupKeys)
	},
	"pubsub": func(c *driver.Caps) bool {
		return (c.Subscriber != nil || c.Exclusive != nil) && runsGroup(c, driver.GroupPubSub)
	},
	"watch":      optimistic.Can,
	"tracking":   func(c *driver.Caps) bool { return c.Tracker != nil },
	"lists":      needsGroup(driver.GroupLists),
	"sets":       needsGroup(driver.GroupSets),
	"hashes":     needsGroup(driver.GroupHashes),
	"sortedsets": needsGroup(driver.GroupSortedSets),
	"streams":    needsGroup(driver.GroupStreams),
	"scripts":    needsGroup(driver.GroupScripts),
	"functions":  needsGroup(driver.GroupFunctions),
	"locks":      needsGroup(driver.GroupLocks),
	"semaphores": needsGroup(driver.GroupSemaphores),
	"ratelimits": needsGroup(driver.GroupRateLimits),
	"tags":       needsGroup(driver.GroupTags),
	"once":       func(c *driver.Caps) bool { return runsGroup(c, driver.GroupOnce) && runsGroup(c, driver.GroupLocks) },
	"leases":     needsGroup(driver.GroupLeases),
}

func needsGroup(group driver.Group) func(*driver.Caps) bool {
	return func(c *driver.Caps) bool { return runsGroup(c, group) }
}

// runsGroup reports whether a store has the first commands of a group. A driver may lack
// commands that were added to the group later.
func runsGroup(c *driver.Caps, group driver.Group) bool {
	return c.Commander != nil && c.Commander.Commands().HasGroup(group)
}

func knownNeeds() string { return strings.Join(slices.Sorted(maps.Keys(needsByName)), ", ") }

// Require returns nil if the driver can do all of needs. Otherwise the error matches
// errors.ErrUnsupported, and names the registered drivers that can. The words are ttl,
// counters, swap, rename, scan, flush, ping, pipelines, pubsub, watch, tracking, lists,
// sets, hashes, sortedsets, streams, scripts, functions, locks, semaphores, ratelimits,
// once, leases and tags. Require does no I/O. A service calls Require at start-up, so that a
// wrong driver is found early.
func (c *Cache) Require(needs ...string) error {
	if c.core.err != nil {
		return c.core.err
	}
	return c.core.require(needs)
}

func (c *core) require(needs []string) error {
	var missing []string
	for _, need := range needs {
		can, ok := needsByName[need]
		if !ok {
			return fmt.Errorf("xcache: Require does not know %q; it knows %s", need, knownNeeds())
		}
		if need == "tags" && c.chain.Format() != codec.Tagged {
			return c.opError("require", "", fmt.Errorf("tags need a header in front of each value: open the cache with format=tagged: %w", errors.ErrUnsupported))
		}
		if !can(&c.target.caps) {
			missing = append(missing, need)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return c.opError("require", "", fmt.Errorf("the driver cannot do %s (%s): %w",
		strings.Join(missing, ", "), c.whatToDo(missing, needs), errors.ErrUnsupported))
}

// whatToDo returns the advice for a user whose store lacks missing.
func (c *core) whatToDo(missing, needs []string) string {
	if commander := c.target.caps.Commander; commander != nil {
		for _, need := range missing {
			if advice := commander.Commands().Advice(driver.Group(need)); advice != "" {
				return advice
			}
		}
	}
	return c.shared.registry.whoCan(needs)
}

// whoCan returns the registered drivers that can do all of needs, in words. whoCan opens a
// store of each driver, which does no I/O.
func (r *Registry) whoCan(needs []string) string {
	var able []string
	for _, name := range r.Drivers() {
		if r.can(name, needs) {
			able = append(able, name)
		}
	}
	if len(able) == 0 {
		return "no registered driver can"
	}
	return "registered drivers that can: " + strings.Join(able, ", ")
}

func (r *Registry) can(name string, needs []string) bool {
	for _, text := range []string{name + "://", name + "://localhost"} {
		dsn, err := driver.ParseDSN(text)
		if err != nil {
			return false
		}
		store, err := r.driver(name).Open(dsn)
		if err != nil {
			continue
		}
		caps := driver.CapsOf(store)
		able := !slices.ContainsFunc(needs, func(need string) bool { return !needsByName[need](&caps) })
		return store.Close() == nil && able
	}
	return false
}
