// Package soak checks the promises of caches under a mixed load, while one fault follows
// another: servers are killed, frozen, replaced and emptied, links are cut and slow, and
// callers leave. "make soak MINUTES=60" runs for an hour; the test of the package runs
// for seconds.
//
// A deployment is servers of one topology, one cache on them, and its callers. Each
// caller remembers the answers of the cache, and checks every new answer against them.
// Losses of the servers themselves, by a failover or an eviction, are told from errors of
// the cache.
package soak
