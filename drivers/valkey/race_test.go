//go:build race

package valkey_test

// raceEnabled tells that the race detector is on, which allocates.
const raceEnabled = true
