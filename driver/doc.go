// Package driver has the interfaces that the author of a cache driver implements.
// Users of a cache import package xcache alone.
//
// # How to write a driver
//
//  1. Implement Driver. Open takes a parsed DSN, checks everything that needs
//     no I/O, and returns a Store. Read every parameter with the DSN's
//     methods, and return dsn.Err().
//  2. Implement Store: Get, Set, Delete and Close. Get, Set and Delete work on
//     batches; a single operation is a batch of one. Keys are complete and
//     values are bytes: prefixes, versions, codecs, default TTLs and metrics
//     are the core's work.
//  3. Connect on first use, and again after a failure. Honour the context: a
//     call whose context has ended starts no I/O, and a call whose context
//     ends returns promptly. If your client may still read the inputs after
//     the return, copy the inputs.
//  4. Return the sentinels of this package. A miss is a bare ErrNotFound. Any
//     other failure is an *Error that keeps the client's own error reachable
//     and tells whether the operation may have been applied. Its Kind is the
//     context's error if the caller's context has ended, and only then. Never
//     send a write twice.
//  5. Add the optional interfaces that your server can honour: Expirer,
//     Counter, Swapper, Mover, Scanner, Flusher, Pinger, Commander,
//     Subscriber, Tracker, Replicated, Disconnector. Leave the others out, and
//     imitate no atomic step by several. If your server is narrower than
//     Redis, implement Limiter.
//  6. If your store wraps another store, implement Capable, start from an empty
//     Caps, and forward each feature on purpose.
//  7. Register the driver in an init function: xcache.Register("name", Driver{}).
//  8. Run the conformance suite, package xcachetest, in your tests. For each
//     broken rule the suite states the rule in a sentence. A driver that passes
//     is done.
package driver
