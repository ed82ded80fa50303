package redis

import (
	"context"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/topology"
)

// Credentials are the login of a connection: a user, a password or a token, and the time
// when they expire. No verb of fmt shows the password.
type Credentials = driver.Credentials

// An Option changes the store that Open returns.
type Option func(*Driver)

// WithCredentials lets connections log in with the result of a function, in place of a
// user and a password in the DSN. The DSN must have neither. For a DSN with sentinels,
// the credentials are for the servers with the data, and not for the sentinels.
//
// The function is called for each new connection. The function is called again before its
// result expires: when a quarter of the lifetime is left, or five minutes. Open
// connections then log in again between two calls: no connection is closed, and no call
// fails. After an error of the function, or a refusal by the server, connections go on
// with the old login, and try again once a second. A new connection that cannot log in is
// an error of the call that needs the connection.
//
// The function may be called concurrently, until Close of the store has returned. The
// function must return when its context ends, at the latest after dial_timeout, which
// bounds the function and the connecting together. Its errors must not hold a password.
func WithCredentials(ask func(ctx context.Context) (Credentials, error)) Option {
	if ask == nil {
		panic("xcache: redis.WithCredentials of nil")
	}
	return func(d *Driver) { d.Credentials = ask }
}

// Open returns the store of a DSN, for xcache.New. Open does no I/O. The package comment
// lists the parameters. Of the parameters of every driver, op_timeout and max_value are
// allowed: the others are options of xcache.New. An error names the wrong parameter, and
// shows no password.
//
// xcache.OpenDSN takes no options of this package. A program that needs both registers a
// Driver with its fields set.
func Open(dsn string, opts ...Option) (driver.Store, error) {
	var d Driver
	for _, opt := range opts {
		opt(&d)
	}
	return topology.OpenText(d, dsn)
}
