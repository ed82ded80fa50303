package node_test

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/xcache-go/xcache/drivers/internal/node"
)

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func TestGateWaitsForThoseInside(t *testing.T) {
	g := node.NewGate()
	for range 2 {
		if !g.Enter() {
			t.Fatal("an open gate lets nobody in")
		}
	}
	g.Leave()
	idle := g.Shut()
	if g.Enter() {
		t.Error("a gate that is shut lets somebody in")
	}
	if isClosed(idle) {
		t.Error("idle with a call inside")
	}
	g.Leave()
	if !isClosed(idle) || g.Enter() || !isClosed(idle) {
		t.Error("not idle after the last has left")
	}
	if !isClosed(node.NewGate().Shut()) {
		t.Error("not idle though nobody was inside")
	}
}

func TestNobodyIsInsideWhenAGateIsIdle(t *testing.T) {
	for range 50 {
		g := node.NewGate()
		var inside atomic.Int32
		var callers sync.WaitGroup
		for range 8 {
			callers.Go(func() {
				for g.Enter() {
					inside.Add(1)
					inside.Add(-1)
					g.Leave()
				}
			})
		}
		<-g.Shut()
		if n := inside.Load(); n != 0 {
			t.Errorf("%d are inside", n)
		}
		callers.Wait()
	}
}
