//go:build !race

package xcache_test

// raceEnabled tells that the race detector is on, which allocates.
const raceEnabled = false
