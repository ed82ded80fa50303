package status_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/status"
)

var (
	errRefused = driver.Fail(driver.ErrUnavailable, driver.NotApplied, errors.New("connection refused"))
	errEnded   = errors.New("EOF")
)

func TestOneEventForEachChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l listener
		q := status.NewQueue(l.hear)
		defer q.Close()
		s := status.NewServer("h:1", q)
		require.Equal(t, driver.InspectedServer{Addr: "h:1", State: driver.StateUnused}, s.Inspect())
		for range 100 {
			s.Connected()
		}
		s.Said("redis 7.0.15")
		require.Empty(t, l.kinds(), "the first connection is no event")
		time.Sleep(time.Minute)
		for range 10_000 { // callers
			s.Lost(errEnded)
			s.Lost(errRefused)
		}
		require.Equal(t, []driver.EventKind{driver.ConnectionLost}, l.kinds())
		require.Equal(t, driver.Event{Kind: driver.ConnectionLost, Server: "h:1", Err: errEnded}, l.heard[0])
		require.Equal(t, driver.InspectedServer{
			Addr: "h:1", State: driver.StateUnreachable, Since: time.Now(), Version: "redis 7.0.15",
			LastError: "server unavailable: connection refused", LastErrorAt: time.Now(),
		}, s.Inspect())
		lost := time.Now()
		time.Sleep(time.Minute)
		for range 100 {
			s.Connected()
		}
		require.Equal(t, []driver.EventKind{driver.ConnectionLost, driver.ConnectionRestored}, l.kinds())
		state := s.Inspect()
		require.Equal(t, driver.StateUp, state.State)
		require.Equal(t, time.Now(), state.Since)
		require.Equal(t, lost, state.LastErrorAt, "the last error stays")
	})
}

// A server that accepts each connection and hangs up changes with each call.
func TestAServerThatFlapsIsToldOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l listener
		q := status.NewQueue(l.hear)
		defer q.Close()
		s := status.NewServer("h:1", q)
		began := time.Now()
		for time.Since(began) < 10*time.Second {
			s.Connected()
			s.Lost(errEnded)
			time.Sleep(time.Millisecond)
		}
		events := len(l.kinds())
		require.LessOrEqual(t, events, 2*11)
		require.GreaterOrEqual(t, events, 10)
		// What it is in the end is told, too.
		time.Sleep(time.Second)
		s.Lost(errRefused)
		s.Connected()
		kinds := l.kinds()
		require.Equal(t, driver.ConnectionRestored, kinds[len(kinds)-1])
	})
}

func TestRetriesAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l listener
		q := status.NewQueue(l.hear)
		defer q.Close()
		s := status.NewServer("h:1", q)
		for range 1000 {
			s.Retried(errRefused)
		}
		require.Len(t, l.kinds(), 1)
		require.EqualError(t, l.heard[0].Err, "a command was sent again, after: server unavailable: connection refused")
		require.ErrorIs(t, l.heard[0].Err, driver.ErrUnavailable)
		time.Sleep(time.Second)
		s.Retried(errRefused)
		require.Len(t, l.kinds(), 2)
		require.EqualError(t, l.heard[1].Err, "1000 commands were sent again, the last after: server unavailable: connection refused")
	})
}

func TestVersionIn(t *testing.T) {
	for _, tt := range []struct{ reply, want string }{
		{"*14\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$6\r\n7.0.15\r\n$5\r\nproto\r\n:2\r\n", "redis 7.0.15"},
		{"%7\r\n$6\r\nserver\r\n$6\r\nvalkey\r\n$7\r\nversion\r\n$5\r\n9.1.2\r\n", "valkey 9.1.2"},
		{"*2\r\n$7\r\nversion\r\n$3\r\n6.0\r\n", "6.0"},
		{"*2\r\n$5\r\nproto\r\n:2\r\n", ""},
		{"*2\r\n$7\r\nversion\r\n$6\r\n7.0", ""}, // cut
		{"*2\r\n$7\r\nversion\r\n$6\r\n7\n0\x01.1\r\n", "7?0?.1"},
		{"+OK\r\n", ""},
		{"", ""},
	} {
		require.Equal(t, tt.want, status.VersionIn([]byte(tt.reply)), "%q", tt.reply)
	}
}
