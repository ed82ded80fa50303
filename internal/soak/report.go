package soak

import (
	"maps"
	"time"
)

// A Report is the figures of a run.
type Report struct {
	Seed        uint64
	Took        time.Duration
	Deployments []Deployment
	// Note is what a reader of the figures has to know besides, or "". Nobody writes a note but by hand.
	Note string `json:",omitempty"`
	// Goroutines and Sockets are how many the process had more at the end than before.
	Goroutines, Sockets int
	// HeapSlope is the growth of the heap behind garbage collections, by linear regression, in
	// bytes a minute, and HeapSamples how many samples there are of the heap.
	HeapSlope   float64
	HeapSamples int
	// HeapFirst and HeapLast are the means of the first and of the last tenth of the samples.
	HeapFirst, HeapLast float64
}

// A Deployment is the figures of one deployment.
type Deployment struct {
	Name    string // the scheme of its DSN
	Servers string // product and version
	// OpTimeout is that of the cache.
	OpTimeout time.Duration
	// Operations counts calls by operation, Errors those that failed by the class of the error,
	// and Faults what was done to the servers, by kind.
	Operations, Errors, Faults map[string]int
	// Unclassified counts errors that match no error of the library, or none that the faults explain.
	Unclassified int
	// Wrong counts answers that contradict what the cache had acknowledged.
	Wrong int
	// Held counts answers that were held to all that was acknowledged before, and Loose those of
	// times in which the servers may have lost some of that.
	Held, Loose int
	// Own counts the changes of roles that servers decided by themselves, between faults.
	Own int
	// Longest is the longest call that does not wait by its meaning, and LongestOperation its name.
	Longest          time.Duration
	LongestOperation string
	// Recovery is the longest time from the end of a fault until each caller had succeeded
	// twice, and RecoveryFrom the fault.
	Recovery     time.Duration
	RecoveryFrom string
	// Messages counts the messages that subscribers got, and Gaps the gaps they were told of.
	Messages, Gaps int
	// Connections counts those that the servers had of the cache after Close.
	Connections int
}

// Sum returns the sum of counts.
func Sum(counts map[string]int) int {
	sum := 0
	for n := range maps.Values(counts) {
		sum += n
	}
	return sum
}
