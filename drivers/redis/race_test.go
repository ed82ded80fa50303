//go:build race

package redis_test

// raceEnabled tells that the race detector is on, which allocates.
const raceEnabled = true
