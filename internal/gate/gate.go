// Package gate lets operations in until it is closed, and then waits for those that
// are inside.
package gate

import (
	"math"
	"sync/atomic"
)

// A Gate counts the operations under way, so that Close can wait for them and
// refuse new ones. New makes one. Its methods may be called concurrently.
type Gate struct {
	// state is the number of operations under way, minus 1<<63 once closed.
	state atomic.Int64
	idle  chan struct{}
}

// New returns an open gate.
func New() *Gate { return &Gate{idle: make(chan struct{}, 1)} }

// Enter counts an operation, and reports whether it may begin: not after Close. One
// that may calls Leave in the end.
func (g *Gate) Enter() bool {
	if g.state.Add(1) > 0 {
		return true
	}
	g.Leave()
	return false
}

// Leave takes an operation off the count.
func (g *Gate) Leave() {
	if g.state.Add(-1) == math.MinInt64 {
		select {
		case g.idle <- struct{}{}:
		default:
		}
	}
}

// Close refuses new operations and waits for those under way. It is called
// once.
func (g *Gate) Close() {
	if g.state.Add(math.MinInt64) == math.MinInt64 {
		return
	}
	for g.state.Load() != math.MinInt64 {
		<-g.idle
	}
}
