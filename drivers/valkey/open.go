package valkey

import (
	"context"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/topology"
)

// Credentials are what a connection logs in with: a user, a password or a token, and
// when they end. No verb of fmt shows the password.
type Credentials = driver.Credentials

// An Option changes what Open returns.
type Option func(*Driver)

// WithCredentials has connections log in with what a function returns, in place of a
// user and a password in the DSN, which may not have any then. Of a DSN with sentinels
// they are those of the servers with the data, and not of the sentinels.
//
// The function is called for each new connection, and again before what it returned
// expires: when a quarter of its life is left, or five minutes. Connections that live
// then log in anew between two calls; none is closed for it, and no call fails. If the
// function fails then, or the server refuses what it returned, connections go on as
// they are, and try again once a second. A connection that cannot log in at all is an
// error of the call that needs it.
//
// The function may be called concurrently, until Close of the store has returned. It
// must return when its context ends, at the latest after dial_timeout, which bounds
// the function and the connecting together. Its errors must not hold a password.
func WithCredentials(ask func(ctx context.Context) (Credentials, error)) Option {
	if ask == nil {
		panic("xcache: valkey.WithCredentials of nil")
	}
	return func(d *Driver) { d.Credentials = ask }
}

// Open returns the store of a DSN, for xcache.New. It does no I/O. The package comment
// lists the parameters; of those that every driver takes there are op_timeout and
// max_value, as the others are options of xcache.New. An error names the parameter
// that is wrong, and shows no password.
//
// The core's OpenDSN needs no option of this package. A program that wants both
// registers a Driver with its fields set.
func Open(dsn string, opts ...Option) (driver.Store, error) {
	var d Driver
	for _, opt := range opts {
		opt(&d)
	}
	return topology.OpenText(d, dsn)
}
