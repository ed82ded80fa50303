package node

import (
	"math"
	"sync"
	"sync/atomic"
)

// A Gate counts the calls that are under way at a node, so that the node can be
// closed when the last of them has returned, while new ones go elsewhere. All
// methods but Shut may be called concurrently.
type Gate struct {
	// calls is the number of calls under way, minus 1<<63 once shut.
	calls atomic.Int64
	idle  chan struct{}
	once  sync.Once
}

// NewGate returns a gate that lets calls in.
func NewGate() *Gate { return &Gate{idle: make(chan struct{})} }

// Enter counts a call, and reports false if it must go elsewhere. After true the
// caller calls Leave when the call has returned.
func (g *Gate) Enter() bool {
	if g.calls.Add(1) > 0 {
		return true
	}
	g.Leave()
	return false
}

// Leave tells that a call has returned.
func (g *Gate) Leave() {
	if g.calls.Add(-1) == math.MinInt64 {
		g.once.Do(func() { close(g.idle) })
	}
}

// Shut lets no more calls in. The channel that it returns is closed when those
// that are have left. It is called once.
func (g *Gate) Shut() (idle <-chan struct{}) {
	if g.calls.Add(math.MinInt64) == math.MinInt64 {
		g.once.Do(func() { close(g.idle) })
	}
	return g.idle
}
