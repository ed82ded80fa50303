// Package mixins has typed handles for the data structures of Redis and Valkey: lists,
// sets, hashes, sorted sets, streams; and for messages and scripts. They are made once, at
// start-up, and used by any number of goroutines:
//
//	carts, err := mixins.NewLists[Item](c)      // errors.ErrUnsupported here, if the driver has no lists
//	n, err := carts.LPush(ctx, "cart:42", item)
//
// The guide docs/structures.md says which structure does which job, and each structure has a
// page beside it.
//
// Methods have the names of the commands and take their arguments in the same order. Keys
// go through the cache's key layout, so that a handle of c.Namespace("shop") stays inside
// of it; elements and members go through its codec, and are encrypted if the cache
// encrypts. Fields of hashes and streams are plain text. A structure has no TTL until it is given one,
// by Cache.Expire, say: the cache's default TTL is for values only. What changes a
// structure leaves its TTL as it is, and a structure that loses its last element is gone, but
// for a stream.
//
// Every method is there in a pipeline, too:
//
//	p := c.Pipeline()
//	pushed := carts.In(p).LPush("cart:42", item)
//	err := p.Exec(ctx)
//	n, err := pushed.Value()
//
// # Methods that wait
//
// BLPop, BRPop, BLMove, BLMPop, BZPopMin, BZPopMax and BZMPop wait until there is something to
// take, for as long as their time-out says; 0 is without end. op_timeout does not bound them.
// When the context ends they return within a quarter of a second, with an element if one
// was on its way, and otherwise with the error of the context: then nothing was taken, unless
// the error matches xcache.ErrUnknownOutcome. Close of the cache ends them with
// xcache.ErrClosed. They are not there in pipelines.
//
// XRead and XReadGroup wait if their options say so, in the same way. They take nothing: what
// XReadGroup could not return is pending for its consumer.
//
// On servers each call has a connection of its own (exclusive_size bounds their number), and
// holds up no other call. The command is sent again every 100 ms, so that a caller can
// leave. So those who wait for the same key are served in turn, though not always in the order in
// which they came, as they are on memory. A connection that is lost while a command waits may have had
// an element on its way: the error has an unknown outcome.
//
// # Errors
//
// A missing key is an empty structure, as in Redis. Where one element is asked for that is
// not there the error is xcache.ErrNotFound. A key that holds something else is
// xcache.ErrWrongType. Arguments that the command does not take are xcache.ErrSyntax. A
// command that the driver, or the server's version, does not have is
// errors.ErrUnsupported. An element that the codec cannot read is xcache.ErrCorrupt, and
// the error of the whole call.
//
// Commands with several keys need them in one slot of a cluster, by a {hash tag}, or are
// xcache.ErrCrossSlot before anything is sent.
package mixins

import (
	"fmt"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
)

// supported returns a cache that can do what a word of Cache.Require names.
func supported(c *xcache.Cache, need string, opts ...xcache.Option) (*xcache.Cache, error) {
	view := c.With(opts...)
	if err := view.Require(need); err != nil {
		return nil, err
	}
	return view, nil
}

// syntaxError says what is wrong with the arguments of a method.
func syntaxError(format string, args ...any) error {
	return driver.Fail(xcache.ErrSyntax, driver.NotApplied, fmt.Errorf(format, args...))
}

// addAll adds values to an operation, of which there must be one at least.
func addAll[T any](o *xcache.Op, values []T) *xcache.Op {
	if len(values) == 0 {
		return o.Fail(syntaxError("there is nothing to add: give it one value at least"))
	}
	for _, v := range values {
		xcache.AddValue(o, v)
	}
	return o
}

// addKeys adds keys to an operation, of which there must be one at least.
func addKeys(o *xcache.Op, keys []string) *xcache.Op {
	if len(keys) == 0 {
		return o.Fail(syntaxError("there is no key: give it one at least"))
	}
	for _, key := range keys {
		o.Key(key)
	}
	return o
}
