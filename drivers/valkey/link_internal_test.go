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
