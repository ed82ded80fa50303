// Package race tells tests whether the race detector is on. With it everything
// allocates, a sync.Pool drops now and then what it is given, and neither memory nor
// time means anything.
package race
