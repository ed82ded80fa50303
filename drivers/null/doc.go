// Package null is the driver that keeps nothing: every read is a miss, every write is
// checked, succeeds and is forgotten. It switches a program's cache off by its DSN
// alone, to find out what the cache is good for, or whether it is to blame, and it is
// the cache of tests that must not see what other tests have stored. Django's dummy
// cache is the same for Python.
//
//	import _ "github.com/xcache-go/xcache/drivers/null"
//
//	c, err := xcache.OpenDSN("null://")
//
// The DSN has no host, user, path, TLS or topology, and only the parameters of every
// driver. Programs that build the store themselves use [NewStore].
//
// # What it answers
//
// What an empty store answers, each time: Get is a miss, Set and Add succeed, Replace
// stores nothing, Delete removes nothing, Has is false, Incr is ErrNotFound, IncrInit
// is the first count, GetOrSet loads, and Keys ends at once. A loader that stores its
// value gets no error.
//
// Nothing else is passed over. What other stores refuse is refused: keys and values
// that the cache does not take, contexts that have ended, arguments that a command does
// not have, calls after Close.
//
// # Commands
//
// Each command, alone, in a pipeline or in a transaction, finds an empty database. So
// RPUSH of two elements answers 2, and the LLEN behind it 0. Left out are commands whose
// answer would be a lie: XADD, whose IDs must grow; RESTORE, whose payload only the
// server that made it can check; scripts and functions.
//
// A published message reaches no subscription, and a subscription waits for its context
// to end.
package null
