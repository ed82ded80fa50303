package topology

import (
	"errors"
	"fmt"

	"github.com/xcache-go/xcache/driver"
)

// ofCaches are the parameters of a DSN for a cache, not for its store.
var ofCaches = []string{
	"prefix", "colon_prefix", "version", "ttl", "jitter", "serializer", "compressor", "compress_min", "format", "rewrite",
	"encryption_keys", "require", "on_error", "invalidate", "breaker", "breaker_failures", "breaker_cooldown", "breaker_max_cooldown", "max_in_flight",
}

// OpenText opens the store of a DSN without a cache. Of the parameters of every driver,
// op_timeout and max_value are allowed. OpenText does no I/O.
func OpenText(d interface {
	driver.Driver
	driver.Named
}, text string,
) (driver.Store, error) {
	dsn, err := driver.ParseDSN(text)
	if err != nil {
		return nil, err
	}
	if dsn.Driver != d.Name() {
		return nil, fmt.Errorf("xcache: bad DSN: its scheme is that of another driver than %s; write %s://…", d.Name(), d.Name())
	}
	dsn.OpTimeout = dsn.Duration("op_timeout", 0)
	if dsn.Has("max_value") {
		if dsn.MaxValue = int(dsn.Size("max_value", 0)); dsn.MaxValue == 0 {
			dsn.Refuse("max_value", "must be at least 1")
		}
	}
	for _, name := range ofCaches {
		if dsn.Has(name) {
			dsn.Refuse(name, "is one of a cache: give xcache.New the option")
		}
	}
	store, err := d.Open(dsn)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(dsn.Err(), dsn.Unread()); err != nil {
		return nil, errors.Join(err, store.Close())
	}
	return store, nil
}
