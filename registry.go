package xcache

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/xcache-go/xcache/driver"
)

// A Registry maps names to drivers. Its zero value is empty and ready; most
// programs use the one behind Register, which drivers put themselves into when
// they are imported. It may be used concurrently.
type Registry struct {
	mu      sync.RWMutex
	drivers map[string]driver.Driver
}

var defaultRegistry Registry

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

// open opens a cache with a driver, which the user has asked for by a word.
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
	dsn.OpTimeout = settings.opTimeout // with what an option said
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

// ownDrivers are those of this library, which are there once they are imported.
var ownDrivers = []string{"memory", "null", "redis", "valkey"}

// unknownDriver returns the error for a driver that is not registered, which was asked
// for by a word: its name, or a scheme.
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
