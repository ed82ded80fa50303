package status_test

import (
	"errors"
	"strings"
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
		for range 10_000 { // number of callers
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

// A server that accepts each connection and then disconnects changes its state with each
// call.
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
		// The last state is reported, too.
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

func TestVersion(t *testing.T) {
	for _, tt := range []struct{ server, version, want string }{
		{"redis", "7.0.15", "redis 7.0.15"},
		{"", "6.0", "6.0"},
		{"valkey", "", ""},
		{"", "7\n0\x01.1", "7?0?.1"},
		{"redis", strings.Repeat("7", 65), ""},
	} {
		require.Equal(t, tt.want, status.Version(tt.server, tt.version), "%q %q", tt.server, tt.version)
	}
}
