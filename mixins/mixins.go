// Package mixins has typed handles for the data structures of Redis and Valkey (lists,
// sets, hashes, sorted sets, streams), for messages, and for scripts. A program makes the
// handles once, at start-up, and uses them in any number of goroutines:
//
//	carts, err := mixins.NewLists[Item](c)      // errors.ErrUnsupported here, if the driver has no lists
//	n, err := carts.LPush(ctx, "cart:42", item)
//
// The guide docs/structures.md says which structure suits which job. Each structure has a
// page of its own. The package also has handles for coordination: Locks, Semaphores, RateLimits
// and Once.
//
// Methods have the names of the commands and take their arguments in the same order. Keys
// go through the cache's key layout, so that a handle of c.Namespace("shop") stays inside
// of that namespace. Elements and members go through the cache's codec, and are encrypted
// if the cache encrypts. Fields of hashes and streams are plain text. A structure has no
// TTL until Cache.Expire, for example, sets a TTL: the cache's default TTL is for values
// only. Changes of a structure leave its TTL. A structure that loses its last element is
// removed, except a stream.
//
// The methods of structures, messages and scripts are available in a pipeline, too, except
// loops, methods that wait and subscriptions:
//
//	p := c.Pipeline()
//	pushed := carts.In(p).LPush("cart:42", item)
//	err := p.Exec(ctx)
//	n, err := pushed.Value()
//
// # Methods that wait
//
// BLPop, BRPop, BLMove, BLMPop, BZPopMin, BZPopMax and BZMPop wait for an element until
// their time-out; 0 is no time-out. op_timeout does not bound these calls. When the context
// ends, the call returns within a quarter of a second. If an element was on its way, the
// call returns the element. Otherwise the call returns the error of the context, and no
// element was taken unless the error matches xcache.ErrUnknownOutcome. Close of the cache
// ends the calls with xcache.ErrClosed. Pipelines do not have these methods.
//
// XRead and XReadGroup wait in the same way if their options say so. These methods remove no
// entries: an entry that XReadGroup could not return is pending for its consumer.
//
// On servers each such call has a connection of its own (exclusive_size bounds their
// number), and delays no other call. The command is sent again every 100 ms, so that a
// caller can leave. So callers who wait for the same key are served in turn, but not always
// in the order of their calls; memory keeps that order. A connection that is lost while a
// command waits may have had an element on its way: the error has an unknown outcome.
//
// # Errors
//
// A missing key is an empty structure, as in Redis. A missing single element is
// xcache.ErrNotFound. A key with another type is xcache.ErrWrongType. Arguments that the
// command does not accept are xcache.ErrSyntax. A command that the driver or the server's
// version lacks is errors.ErrUnsupported. An element that the codec cannot read is
// xcache.ErrCorrupt, which is the error of the whole call. If the command has written, the
// error is an *xcache.UnreadReplyError with the bytes of the reply: a pop, for example, has
// taken the element.
//
// The keys of a command with several keys must be in one slot of a cluster, by a {hash
// tag}. Otherwise the error is xcache.ErrCrossSlot, before anything is sent.
package mixins

import (
	"fmt"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
)

// supported returns a cache with the capability need, which has a name of Cache.Require.
func supported(c *xcache.Cache, need string, opts ...xcache.Option) (*xcache.Cache, error) {
	view := c.With(opts...)
	if err := view.Require(need); err != nil {
		return nil, err
	}
	return view, nil
}

// syntaxError returns an error for bad arguments of a method.
func syntaxError(format string, args ...any) error {
	return driver.Fail(xcache.ErrSyntax, driver.NotApplied, fmt.Errorf(format, args...))
}

// addAll adds at least one value to an operation.
func addAll[T any](o *xcache.Op, values []T) *xcache.Op {
	if len(values) == 0 {
		return o.Fail(syntaxError("there is nothing to add: give it one value at least"))
	}
	for _, v := range values {
		xcache.AddValue(o, v)
	}
	return o
}

// addKeys adds at least one key to an operation.
func addKeys(o *xcache.Op, keys []string) *xcache.Op {
	if len(keys) == 0 {
		return o.Fail(syntaxError("there is no key: give it one at least"))
	}
	for _, key := range keys {
		o.Key(key)
	}
	return o
}
