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
	// Note is a remark for readers of the figures, or "". Notes are written by hand only.
	Note string `json:",omitempty"`
	// Goroutines and Sockets are how many more of them the process had at the end than at
	// the start.
	Goroutines, Sockets int
	// HeapSlope is the growth of the heap in bytes a minute, by linear regression. The heap
	// is what has survived a garbage collection; HeapSamples is the number of measurements.
	HeapSlope   float64
	HeapSamples int
	// HeapFirst and HeapLast are the means of the first and of the last tenth of the samples.
	HeapFirst, HeapLast float64
}

// A Deployment is the figures of one deployment.
type Deployment struct {
	Name    string // the scheme of its DSN
	Servers string // product and version
	// OpTimeout is the cache's op_timeout.
	OpTimeout time.Duration
	// Operations counts calls by operation. Errors counts failed calls by the class of the
	// error. Faults counts faults by kind.
	Operations, Errors, Faults map[string]int
	// Unclassified counts errors that match no error of the library, and errors that no
	// fault explains.
	Unclassified int
	// Wrong counts answers that contradict earlier acknowledgements of the cache.
	Wrong int
	// Held counts answers that were checked against all earlier acknowledgements. Loose
	// counts answers from times in which the servers may have lost acknowledged data.
	Held, Loose int
	// Own counts the changes of roles between faults: the servers decided these changes by
	// themselves.
	Own int
	// Longest is the time of the longest call, and LongestOperation the operation of that
	// call. Operations that wait by design are left out.
	Longest          time.Duration
	LongestOperation string
	// Recovery is the longest time from the end of a fault until each caller had succeeded
	// twice. RecoveryFrom is that fault.
	Recovery     time.Duration
	RecoveryFrom string
	// Messages counts the messages that subscribers got. Gaps counts the gaps that
	// subscribers were told of.
	Messages, Gaps int
	// Connections counts the cache's connections at the servers after Close.
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
