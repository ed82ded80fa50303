// Package gate admits operations until the gate is closed, and waits for the admitted
// operations.
package gate

import (
	"math"
	"sync/atomic"
)

// A Gate counts the operations in flight, so that Close can wait for them and refuse new
// operations. New makes a Gate. All methods may be called concurrently.
type Gate struct {
	// state is the number of operations in flight, minus 1<<63 after Close.
	state atomic.Int64
	idle  chan struct{}
}

// New returns an open gate.
func New() *Gate { return &Gate{idle: make(chan struct{}, 1)} }

// Enter counts an operation, and returns true. After Close, Enter returns false. An
// admitted operation calls Leave at its end.
func (g *Gate) Enter() bool {
	if g.state.Add(1) > 0 {
		return true
	}
	g.Leave()
	return false
}

// Leave ends an operation.
func (g *Gate) Leave() {
	if g.state.Add(-1) == math.MinInt64 {
		select {
		case g.idle <- struct{}{}:
		default:
		}
	}
}

// Close refuses new operations, and waits for the operations in flight. Close may be called
// only once.
func (g *Gate) Close() {
	if g.state.Add(math.MinInt64) == math.MinInt64 {
		return
	}
	for g.state.Load() != math.MinInt64 {
		<-g.idle
	}
}
