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

// Open opens a cache with the driver of a name. The DSN has the form
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
	return r.open(driverName, parsed, opts)
}

// OpenDSN is the function OpenDSN for this registry.
func (r *Registry) OpenDSN(dsn string, opts ...Option) (*Cache, error) {
	parsed, err := driver.ParseDSN(dsn)
	if err != nil {
		return nil, err
	}
	return r.open(parsed.Driver, parsed, opts)
}

func (r *Registry) open(name string, dsn *driver.DSN, opts []Option) (*Cache, error) {
	d := r.driver(name)
	if d == nil {
		known := strings.Join(r.Drivers(), ", ")
		if known == "" {
			known = "none"
		}
		return nil, fmt.Errorf("xcache: unknown driver %q (forgotten import?); registered: %s", name, known)
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
