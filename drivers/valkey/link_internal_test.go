package valkey

import (
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/drivers/internal/exchange"
)

// A call that has entered a connection may not be written yet. The connection is closed
// behind the call: a close before would leave the outcome of the call unknown, as commands of
// other calls may have been written meanwhile.
func TestRetiredConnectionsEndBehindTheirCalls(t *testing.T) {
	near, far := net.Pipe()
	defer far.Close()
	l := &link{conn: &conn{Conn: near, pool: new(pool)}}
	l.callers.conn = l.conn
	call := &exchange.Call{Context: t.Context(), Commands: make([]exchange.Command, 1)}
	context := new(callContext)
	context.begin(call)
	require.True(t, l.callers.enter(context))
	l.retired.Store(true)

	now := time.Now()
	require.True(t, l.watch(now, time.Second, false))
	require.False(t, l.conn.dead.Load(), "closed before the call was written")

	l.callers.leave(context)
	l.watch(now, time.Second, false)
	require.True(t, l.conn.dead.Load(), "open behind the last call")
	require.True(t, l.conn.unsent(0, false), "a call that enters later may have been written")
}

// The clock stands still while no reply is due, and nothing is checked. That time is no
// silence of the server.
func TestIdleTimeIsNoSilence(t *testing.T) {
	const silence, tick = time.Second, 10 * time.Millisecond
	for _, strict := range []bool{false, true} {
		near, far := net.Pipe()
		defer far.Close()
		now := time.Now()
		l := &link{conn: &conn{Conn: near, pool: new(pool)}, silentSince: now, heard: now, idle: true}
		l.callers.conn = l.conn
		require.False(t, l.watch(now, silence, strict))
		for range 2 {
			now = now.Add(time.Hour)
			l.conn.commands.Add(1)
			for since := time.Duration(0); since < silence; since += tick {
				require.True(t, l.watch(now.Add(since), silence, strict))
				require.True(t, l.usable(), "given up %v after the call", since)
			}
			l.conn.answered.Add(1)
			now = now.Add(silence)
			require.False(t, l.watch(now, silence, strict))
		}

		now = now.Add(time.Hour)
		l.conn.commands.Add(1)
		l.watch(now, silence, strict)
		l.watch(now.Add(silence), silence, strict)
		require.False(t, l.usable(), "a silent connection is used")
	}
}

// A silent connection that answers after all, and is not used any more, says nothing about
// the connections that were made in its place.
func TestALateAnswerRetiresNoOtherConnection(t *testing.T) {
	const silence = time.Second
	p := &pool{slots: make([]slot, 2), silence: silence}
	now := time.Now()
	open := func() *link {
		near, far := net.Pipe()
		t.Cleanup(func() { _ = far.Close() })
		l := &link{conn: &conn{Conn: near, pool: p}, silentSince: now, heard: now, idle: true}
		l.callers.conn = l.conn
		return l
	}
	late := open()
	p.slots[0].link.Store(late)
	call := new(callContext)
	call.begin(&exchange.Call{Context: t.Context(), Deadline: now.Add(time.Hour), Commands: make([]exchange.Command, 1)})
	require.True(t, late.callers.enter(call))
	late.conn.commands.Add(2)
	p.Watch(now)
	now = now.Add(silence)
	p.Watch(now)
	require.False(t, late.usable(), "a silent connection is used")

	now = now.Add(silence)
	next := open()
	p.slots[1].link.Store(next)
	now = now.Add(silence)
	late.conn.answered.Add(1)
	p.Watch(now)
	require.True(t, next.usable(), "the new connection is not used any more")
	require.False(t, late.usable(), "the connection is used again")
}
