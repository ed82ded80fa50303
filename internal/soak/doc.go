// Package soak holds caches to what they promise under a mixed load, while faults follow each
// other: servers are killed, frozen, replaced and emptied, links are cut and slow, and callers
// leave. "make soak MINUTES=60" runs for an hour; the test of the package runs for seconds.
//
// A deployment is servers of one topology, one cache on them, and its callers. Each caller
// remembers what the cache has told, and holds every answer to that. What the servers
// themselves may have lost, by a failover or an eviction, is told from what the cache got wrong.
package soak
