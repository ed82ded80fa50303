// Package xcachetest is the conformance suite for cache drivers: several hundred checks,
// each of one rule of the contract. The checks run on a driver's store directly, and
// through a cache with a prefix. A driver that passes behaves like every other driver.
//
// # How to use it
//
// A driver's test file opens stores, and names the features that the driver lacks:
//
//	func TestConformance(t *testing.T) {
//		server := startServer(t)
//		xcachetest.Run(t, xcachetest.Harness{
//			Open:      func(t testing.TB) driver.Store { return open(t, server.Addr) },
//			Addr:      server.Addr, // for checks of faults, behind a proxy
//			OpenAt:    func(t testing.TB, addr string) driver.Store { return open(t, addr) },
//			Exclusive: true, // the suite may empty the database
//			Lacks:     []string{"Subscriber", "Tracker", "Replicated", "Exclusive"},
//		})
//	}
//
// Run the test with the race detector, because some rules are about shared memory. A store
// without a network sets InProcess instead of Addr and OpenAt. A store that keeps nothing,
// to switch a cache off, sets KeepsNothing.
//
// # Reading the result
//
// A check that fails prints its rule in a sentence, followed by all violations. Start with
// the groups caps, keys, values, get, set and delete, because later groups build on them.
// Names are stable:
//
//	go test -race -run 'TestConformance/ttl/'             # one group
//	go test -race -run 'TestConformance/ttl/set-keep$'    # one check
//
// The checks that did not run are listed at the end, by reason. A driver that cannot follow
// a rule for now puts the check and the reason into Harness.Skip.
//
// # Reports
//
// [Conform] runs the checks outside of "go test", and returns a [Report], which can be
// written as JSON, as JUnit XML and as text. With Harness.Report, Run writes a report. Each
// check has a level: a rule binds every driver, an option binds the drivers that claim a
// capability, and an observation cannot fail.
//
// # What the suite looks at
//
// The checks of the store are: capabilities (the declared ones exist, and no others), keys,
// values, batches, expiry, counters, swaps, renames, scans, single commands, errors,
// contexts, round trips, lost replies and connections, Close, and exclusive connections.
// The checks of the cache are: key layout, prefixes and versions, default TTLs and jitter,
// values through the codec, every operation, GetOrSet, pipelines, OpError, op_timeout and
// Close. For a store that keeps nothing, every reply must be the reply of an empty store.
//
// [Checks] returns the list. A driver's own tests of faults can use [Proxy] alone.
package xcachetest
