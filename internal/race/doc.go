// Package race tells tests whether the race detector is on. With the race detector
// everything allocates, a sync.Pool sometimes drops its items, and neither memory
// nor time means anything.
package race
