// Package xcachetest is the conformance suite for cache drivers: several hundred
// checks, each of one rule of the contract, run on a driver's store directly and
// through a cache with a prefix. A driver that passes behaves as every other
// one.
//
// # How to use it
//
// A driver's test file opens stores, and says what the driver does not have:
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
// Run it with the race detector: some rules are about memory that is shared
// when it must not be. A store without a network sets InProcess instead of Addr
// and OpenAt. One that keeps nothing, to switch a cache off, sets KeepsNothing.
//
// # Reading the result
//
// A check that fails prints its rule in a sentence, and below it everything that
// it saw break the rule. Start with the groups caps, keys, values, get, set and
// delete: later ones build on them. Names are stable:
//
//	go test -race -run 'TestConformance/ttl/'             # one group
//	go test -race -run 'TestConformance/ttl/set-keep$'    # one check
//
// What did not run is listed at the end, by reason. A driver that cannot honour
// a rule for now puts the check and the reason into Harness.Skip.
//
// # Reports
//
// [Conform] runs the checks outside of "go test", and returns a [Report], which can be
// written as JSON, as JUnit XML and as text. With Harness.Report, Run writes one. Each check
// has a level: a rule binds every driver, an option those that claim a capability, and an
// observation only tells what it saw.
//
// # What the suite looks at
//
// The store: capabilities (what is declared is there, and nothing else), keys,
// values, batches, expiry, counters, swaps, renames, scans, commands one by one,
// errors, contexts, round trips, lost replies and connections, what Close leaves
// behind, and connections of a caller's own. The cache on top: key layout, prefixes and versions, default
// TTLs and jitter, values through the codec, every operation, GetOrSet,
// pipelines, OpError, op_timeout and Close. And, of a store that keeps nothing, that
// each answer is that of an empty one.
//
// [Checks] returns the list. [Proxy] can be used alone, in a driver's own tests
// of faults.
package xcachetest
