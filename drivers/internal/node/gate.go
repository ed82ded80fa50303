package node

import (
	"sync"
	"sync/atomic"
)

// A Gate counts the calls that are under way at a node, so that the node can be
// closed when the last of them has returned, while new ones go elsewhere; and the
// answers that it has given, so that others see whether it gives any. All methods
// but Shut may be called concurrently.
type Gate struct {
	// state is the number of calls under way; shut, once it is; and above that the
	// number of answers, of which the highest bits are lost. So either is told by
	// one addition.
	state atomic.Uint64
	idle  chan struct{}
	once  sync.Once
}

const (
	shut   = 1 << 31
	inside = shut - 1
	answer = 1 << 32
)

// NewGate returns a gate that lets calls in.
func NewGate() *Gate { return &Gate{idle: make(chan struct{})} }

// Enter counts a call, and reports false if it must go elsewhere. After true the
// caller calls Leave or LeaveAnswered when the call has returned.
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

// Calls returns how many calls are under way, and how many answers there were so
// far, as a number that differs from one a while before if there was any.
func (g *Gate) Calls() (underWay int, answers uint32) {
	state := g.state.Load()
	return int(state & inside), uint32(state / answer)
}

// IsShut reports whether calls go elsewhere.
func (g *Gate) IsShut() bool { return g.state.Load()&shut != 0 }

// Shut lets no more calls in. The channel that it returns is closed when those
// that are have left. It is called once.
func (g *Gate) Shut() (idle <-chan struct{}) {
	g.left(g.state.Add(shut))
	return g.idle
}
