package null

import (
	"errors"

	"github.com/xcache-go/xcache/driver"
)

// Driver opens stores that store nothing. Driver is registered as null.
type Driver struct{}

// Open implements driver.Driver. The only DSN is null://, without parameters of the
// driver's own.
func (Driver) Open(dsn *driver.DSN) (driver.Store, error) {
	if err := check(dsn); err != nil {
		return nil, err
	}
	if err := dsn.Err(); err != nil {
		return nil, err
	}
	return NewStore(), nil
}

// check returns an error for each part of a DSN that would have no effect.
func check(dsn *driver.DSN) error {
	const usage = "; write null://"
	switch {
	case dsn.Driver != "null" || dsn.TLS:
		return errors.New("xcache: bad DSN: its scheme is not the null driver's" + usage)
	case dsn.Unix || dsn.Topology != driver.Standalone:
		return errors.New("xcache: bad DSN: the null driver has no topologies and no sockets" + usage)
	case dsn.User != "" || dsn.Password.Reveal() != "":
		return errors.New("xcache: bad DSN: the null driver has no users and no passwords" + usage)
	case len(dsn.Hosts) > 0:
		return errors.New("xcache: bad DSN: the null driver has no hosts and no names" + usage)
	case dsn.Path != "":
		return errors.New("xcache: bad DSN: the null driver has no path and no db number" + usage)
	}
	return nil
}
