package status_test

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/status"
)

// A listener keeps its events.
type listener struct {
	mu    sync.Mutex
	heard []driver.Event
}

func (l *listener) hear(e driver.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.heard = append(l.heard, e)
}

// kinds returns the kinds of all events, including events in flight.
func (l *listener) kinds() []driver.EventKind {
	synctest.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	var kinds []driver.EventKind
	for _, e := range l.heard {
		kinds = append(kinds, e.Kind)
	}
	return kinds
}

func TestEventsKeepTheirOrder(t *testing.T) {
	var l listener
	q := status.NewQueue(l.hear)
	var want []driver.Event
	for i := range 100 {
		e := driver.Event{Server: fmt.Sprint(i)}
		want = append(want, e)
		q.Notify(e)
	}
	q.Close()
	require.Equal(t, want, l.heard)
	q.Notify(driver.Event{})
	q.Close()
	require.Len(t, l.heard, len(want), "an event after Close")
}

func TestNobodyListens(t *testing.T) {
	q := status.NewQueue(nil)
	require.Nil(t, q)
	q.Notify(driver.Event{})
	q.Close()
	var server *status.Server
	server.Connected()
	server.Said("redis 7")
	server.Lost(errors.New("lost"))
	server.Failed(errors.New("failed"))
	server.Retried(errors.New("again"))
	server.Notify(driver.ServerBack, nil)
	require.Zero(t, server.Inspect())
}

func TestAPanicLosesOneEvent(t *testing.T) {
	var l listener
	q := status.NewQueue(func(e driver.Event) {
		if e.Kind == driver.ServerSilent {
			panic("of the listener's")
		}
		l.hear(e)
	})
	q.Notify(driver.Event{Kind: driver.ServerSilent})
	q.Notify(driver.Event{Kind: driver.ServerBack})
	q.Close()
	require.Equal(t, []driver.Event{{Kind: driver.ServerBack}}, l.heard)
}

// A reporter does not wait for a hanging listener, and the queue is bounded.
func TestAListenerThatHangsHoldsNobodyUp(t *testing.T) {
	release := make(chan struct{})
	var heard atomic.Int32
	q := status.NewQueue(func(driver.Event) { <-release; heard.Add(1) })
	const events = 100_000
	for range events {
		q.Notify(driver.Event{})
	}
	close(release)
	q.Close()
	require.Positive(t, heard.Load())
	require.Less(t, heard.Load(), int32(1000))
}

func TestAListenerMayReport(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var q *status.Queue
		var heard atomic.Int32
		q = status.NewQueue(func(driver.Event) {
			if heard.Add(1) < 3 {
				q.Notify(driver.Event{})
			}
		})
		q.Notify(driver.Event{})
		synctest.Wait()
		q.Close()
		require.EqualValues(t, 3, heard.Load())
	})
}

func TestManyReportersAtOnce(t *testing.T) {
	var heard atomic.Int32
	q := status.NewQueue(func(driver.Event) { heard.Add(1) })
	var reporters sync.WaitGroup
	for range 8 {
		reporters.Go(func() {
			for range 20 {
				q.Notify(driver.Event{})
			}
		})
	}
	reporters.Wait()
	q.Close()
	require.EqualValues(t, 8*20, heard.Load())
}
