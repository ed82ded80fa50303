package node_test

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

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
		require.True(t, g.Enter(), "an open gate lets nobody in")
	}
	g.Leave()
	idle := g.Shut()
	require.False(t, g.Enter(), "a gate that is shut lets somebody in")
	require.False(t, isClosed(idle), "idle with a call inside")
	g.Leave()
	require.True(t, isClosed(idle), "not idle after the last has left")
	require.False(t, g.Enter(), "not idle after the last has left")
	require.True(t, isClosed(idle), "not idle after the last has left")
	require.True(t, isClosed(node.NewGate().Shut()), "not idle though nobody was inside")
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
		require.Zero(t, inside.Load())
		callers.Wait()
	}
}

func TestAGateCountsCallsAndAnswers(t *testing.T) {
	g := node.NewGate()
	want := func(underWay int, answers uint32) {
		t.Helper()
		n, a := g.Calls()
		require.Equal(t, underWay, n)
		require.Equal(t, answers, a)
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
	require.True(t, g.IsShut(), "the gate is open")
	require.False(t, g.Enter(), "the gate is open")
	want(1, 1)
	g.LeaveAnswered()
	want(0, 2)
	require.True(t, isClosed(idle), "not idle after the last has left")
}
