package node

import (
	"sync"
	"sync/atomic"
)

// A Gate counts the calls in flight at a node, and the answers of the node. A shut gate
// lets no call in, so that the node can be closed after the last call. The count of
// answers shows whether the node answers. All methods but Shut may be called
// concurrently.
type Gate struct {
	// state is the number of calls in flight, the bit shut, and above it the number of
	// answers, without its highest bits. One addition changes both numbers.
	state atomic.Uint64
	idle  chan struct{}
	once  sync.Once
}

const (
	shut   = 1 << 31
	inside = shut - 1
	answer = 1 << 32
)

// NewGate returns an open gate.
func NewGate() *Gate { return &Gate{idle: make(chan struct{})} }

// Enter counts a call. false means that the gate is shut. After true, the caller calls
// Leave or LeaveAnswered when the call has returned.
func (g *Gate) Enter() bool {
	if g.state.Add(1)&shut == 0 {
		return true
	}
	g.Leave()
	return false
}

// Leave tells that a call has returned.
func (g *Gate) Leave() { g.left(g.state.Add(^uint64(0))) }

// LeaveAnswered is Leave for a call that the node has answered.
func (g *Gate) LeaveAnswered() { g.left(g.state.Add(answer - 1)) }

func (g *Gate) left(state uint64) {
	if state&(shut|inside) == shut {
		g.once.Do(func() { close(g.idle) })
	}
}

// Calls returns the number of calls in flight, and a number that changes with each answer.
func (g *Gate) Calls() (underWay int, answers uint32) {
	state := g.state.Load()
	return int(state & inside), uint32(state / answer)
}

// IsShut reports whether the gate is shut.
func (g *Gate) IsShut() bool { return g.state.Load()&shut != 0 }

// Shut shuts the gate. idle is closed when no call is in flight any more. Shut is called
// once.
func (g *Gate) Shut() (idle <-chan struct{}) {
	g.left(g.state.Add(shut))
	return g.idle
}
