// Package null is the driver that stores nothing: every read is a miss, and every write is
// checked and succeeds without effect. The driver switches off a program's cache by the DSN
// alone, for measurements, for a search for errors, and for tests that must not share
// stored values. Django's dummy cache does the same.
//
//	import _ "github.com/xcache-go/xcache/drivers/null"
//
//	c, err := xcache.OpenDSN("null://")
//
// The DSN has no host, user, path, TLS or topology, and only the parameters of every
// driver. Programs without a DSN use [NewStore].
//
// # Results
//
// Every operation has the result of an empty store. Get is a miss, Set and Add succeed,
// Replace stores nothing, Delete removes nothing, Has is false, Incr is ErrNotFound,
// IncrInit returns the first count, GetOrSet loads, and Keys ends at once. A GetOrSet that
// stores its loaded value returns no error.
//
// Errors are those of other stores: for keys and values that the cache refuses, for
// contexts that have ended, for wrong arguments, and for calls after Close.
//
// # Commands
//
// Each command, alone, in a pipeline or in a transaction, finds an empty database. RPUSH of
// two elements returns 2, for example, and a later LLEN returns 0. Commands without a true
// reply are errors.ErrUnsupported: XADD, whose IDs must grow; RESTORE, whose payload only
// the original server can check; scripts and functions.
//
// A published message reaches no subscription. A subscription waits until its context ends.
package null
