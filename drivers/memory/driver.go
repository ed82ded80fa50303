package memory

import (
	"errors"
	"fmt"
	"sync"

	"github.com/xcache-go/xcache/driver"
)

// Driver opens embedded stores by DSN. The zero value is ready, and is registered as
// memory. A Driver must not be copied after first use.
//
//	memory://       a store of its own
//	memory://name   the store of that name, the same for everyone who opens
//	                it through this Driver
//
// The first open creates a named store, and the last Close frees the store with its data.
// The first open sets the bounds; later opens leave out the bounds or repeat them, and
// other bounds are an error.
type Driver struct {
	mu    sync.Mutex
	named map[string]*namedStore
}

// A namedStore is a database that several stores share.
type namedStore struct {
	db     *database
	bounds Options
	users  int
}

// Open implements driver.Driver. Its parameters are max_entries and max_bytes; see Options.
func (d *Driver) Open(dsn *driver.DSN) (driver.Store, error) {
	name, err := storeName(dsn)
	if err != nil {
		return nil, err
	}
	given := parseOptions(dsn)
	if err := dsn.Err(); err != nil {
		return nil, err
	}
	bounds, err := given.resolved()
	if err != nil {
		return nil, err
	}
	if name == "" {
		return newStore(newDatabase(bounds), bounds, nil), nil
	}
	return d.openNamed(name, bounds, dsn)
}

func (d *Driver) openNamed(name string, bounds Options, dsn *driver.DSN) (*Store, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	shared := d.named[name]
	if shared == nil {
		shared = &namedStore{db: newDatabase(bounds), bounds: bounds}
		if d.named == nil {
			d.named = make(map[string]*namedStore)
		}
		d.named[name] = shared
	}
	if dsn.Has("max_entries") && bounds.MaxEntries != shared.bounds.MaxEntries {
		return nil, contradiction(name, "max_entries")
	}
	if dsn.Has("max_bytes") && bounds.MaxBytes != shared.bounds.MaxBytes {
		return nil, contradiction(name, "max_bytes")
	}
	shared.users++
	store := newStore(shared.db, shared.bounds, func() { d.release(name, shared) })
	store.name = name
	return store, nil
}

func contradiction(name, parameter string) error {
	return fmt.Errorf("xcache: bad DSN: the memory store %s is open with another %s; give the same value, or leave it out", name, parameter)
}

// release gives back one use of a named store.
func (d *Driver) release(name string, shared *namedStore) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if shared.users--; shared.users == 0 {
		delete(d.named, name)
	}
}

// storeName returns the name of the store in a DSN, or "" for a private store.
func storeName(dsn *driver.DSN) (string, error) {
	const usage = "; write memory:// or memory://name"
	switch {
	case dsn.Driver != "memory" || dsn.TLS:
		return "", errors.New("xcache: bad DSN: its scheme is not the memory driver's" + usage)
	case dsn.Unix || dsn.Topology != driver.Standalone:
		return "", errors.New("xcache: bad DSN: the memory driver has no topologies and no sockets" + usage)
	case dsn.User != "" || dsn.Password.Reveal() != "":
		return "", errors.New("xcache: bad DSN: the memory driver has no users and no passwords" + usage)
	case dsn.Path != "":
		return "", errors.New("xcache: bad DSN: the memory driver has no path and no db number" + usage)
	case len(dsn.Hosts) == 0:
		return "", nil
	case len(dsn.Hosts) > 1:
		return "", errors.New("xcache: bad DSN: a memory store has one name" + usage)
	case dsn.Hosts[0].Port != "":
		return "", errors.New("xcache: bad DSN: a memory store has no port" + usage)
	}
	return dsn.Hosts[0].Name, nil
}
