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

func TestAGateCountsCallsAndAnswers(t *testing.T) {
	g := node.NewGate()
	want := func(underWay int, answers uint32) {
		t.Helper()
		if n, a := g.Calls(); n != underWay || a != answers {
			t.Errorf("%d calls under way, %d answers; want %d, %d", n, a, underWay, answers)
		}
	}
	want(0, 0)
	for range 3 {
		g.Enter()
	}
	g.LeaveAnswered()
	want(2, 1)
	g.Leave()
	want(1, 1)
	idle := g.Shut()
	want(1, 1)
	if !g.IsShut() || g.Enter() {
		t.Error("the gate is open")
	}
	want(1, 1)
	g.LeaveAnswered()
	want(0, 2)
	if !isClosed(idle) {
		t.Error("not idle after the last has left")
	}
}
