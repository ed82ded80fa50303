//go:build !race

package drivertest

// raceEnabled tells that the race detector is on, which allocates.
const raceEnabled = false
