package drivertest

import (
	"context"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/xcache-go/xcache/driver"
)

// SlowConnecting tests callers that have less time than it takes to connect. The test fails
// if each such caller begins anew, so that no caller ever gets a connection, or if Close waits
// for an attempt.
func (s *Subject) SlowConnecting(t *testing.T) {
	t.Run("an attempt outlasts its callers", s.anAttemptOutlastsItsCallers)
	t.Run("no connection is in use", s.noConnectionIsInUse)
	t.Run("a dial function that ignores contexts", s.aDialFunctionThatIgnoresContexts)
	t.Run("Close ends the attempts", s.closeEndsTheAttempts)
}

// A slowDial makes connections after release.
type slowDial struct {
	target          string
	release         chan struct{}
	dials, canceled atomic.Int64
}

func newSlowDial(target string) *slowDial {
	return &slowDial{target: target, release: make(chan struct{})}
}

func (d *slowDial) dial(ctx context.Context, network, _ string) (net.Conn, error) {
	d.dials.Add(1)
	select {
	case <-d.release:
	case <-ctx.Done():
		d.canceled.Add(1)
		return nil, ctx.Err()
	}
	return new(net.Dialer).DialContext(ctx, network, d.target)
}

// leave makes calls that end before there is a connection.
func (d *slowDial) leave(t *testing.T, store driver.Store, key string, callers int) {
	t.Helper()
	for range callers {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
		WantErr(t, Do(ctx, store, "INCRBY", driver.Key(key), driver.Int(1)), driver.NotApplied, context.DeadlineExceeded)
		cancel()
	}
}

func (s *Subject) anAttemptOutlastsItsCallers(t *testing.T) {
	const pool, callers = 2, 20
	server, key := s.Standalone(t), Key(t, "n")
	server.Do(t, "DEL", key)
	slow := newSlowDial(server.Addr)
	store := s.openFor(t, s.Scheme+"://slow?dial_timeout=1m&pool_size=2", longTimeout, slow.dial)
	slow.leave(t, store, key, callers)
	if dials, canceled := slow.dials.Load(), slow.canceled.Load(); dials > pool || canceled > 0 {
		t.Errorf("%d attempts to connect for %d callers, of which %d were canceled", dials, callers, canceled)
	}
	close(slow.release)
	if err := Do(t.Context(), store, "INCRBY", driver.Key(key), driver.Int(1)); err != nil {
		t.Error(err)
	}
	if dials := slow.dials.Load(); dials > pool {
		t.Errorf("%d attempts to connect", dials)
	}
	if n, err := Get(t, store, key); string(n) != "1" || err != nil {
		t.Errorf("got %q, %v: a call that had returned NotApplied was sent", n, err)
	}
}

// Calls that wait for an attempt are not told to raise pool_size.
func (s *Subject) noConnectionIsInUse(t *testing.T) {
	slow := newSlowDial(s.Standalone(t).Addr)
	store := s.openFor(t, s.Scheme+"://slow?dial_timeout=1m&pool_size=1", 20*time.Millisecond, slow.dial)
	for range 3 {
		err := Put(t, store, Key(t, "k"), "v")
		WantErr(t, err, driver.NotApplied, driver.ErrUnavailable)
		if err != nil && strings.Contains(err.Error(), "pool_size") {
			t.Error(err)
		}
	}
}

// A dial function that does not return costs the calls that wait for it, and no later call.
func (s *Subject) aDialFunctionThatIgnoresContexts(t *testing.T) {
	target, stuck := s.Standalone(t).Addr, make(chan struct{})
	var dials atomic.Int64
	store := s.openFor(t, s.Scheme+"://slow?dial_timeout=100ms&pool_size=2", longTimeout, func(ctx context.Context, network, _ string) (net.Conn, error) {
		if dials.Add(1) == 1 {
			<-stuck
			return nil, net.ErrClosed
		}
		return new(net.Dialer).DialContext(context.WithoutCancel(ctx), network, target)
	})
	t.Cleanup(func() { close(stuck) })
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	WantErr(t, Do(ctx, store, "PING"), driver.NotApplied, context.DeadlineExceeded)
	Eventually(t, func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		return Do(ctx, store, "PING") == nil
	}, func() string { return "no call gets a connection" })
}

func (s *Subject) closeEndsTheAttempts(t *testing.T) {
	slow := newSlowDial(s.Standalone(t).Addr)
	dsn := Parse(t, s.Scheme+"://slow?dial_timeout=1m&pool_size=2")
	dsn.OpTimeout = longTimeout
	store, err := s.Driver(slow.dial).Open(dsn)
	if err != nil {
		t.Fatal(err)
	}
	slow.leave(t, store, Key(t, "n"), 3)
	if err := store.Close(); err != nil {
		t.Error(err)
	}
	if dials, canceled := slow.dials.Load(), slow.canceled.Load(); dials == 0 || dials != canceled {
		t.Errorf("%d of %d attempts to connect were canceled", canceled, dials)
	}
	s.AwaitNoGoroutines(t)
}
