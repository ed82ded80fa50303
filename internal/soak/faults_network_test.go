package soak

import (
	"context"
	"net"
	"time"

	"github.com/stretchr/testify/require"
)

// networkFaults are the faults of the network between a cache and a single
// server.
var networkFaults = []fault{
	{"connections reset", (*deployment).reset},
	{"black hole", (*deployment).blackHole},
	{"half-open", (*deployment).halfOpen},
	{"slow link", (*deployment).slowDown},
	{"trickle", (*deployment).trickle},
	{"refused", (*deployment).refuse},
	{"reply cut", (*deployment).cutReply},
	{"request cut", (*deployment).cutRequest},
}

// reset ends all connections, once there are some.
func (d *deployment) reset() {
	d.eventually("nobody is connected", func() bool { return d.proxy.OpenConnections() > 0 })
	before := d.proxy.Stats().Connections
	d.proxy.Reset()
	d.eventually("nobody has connected again", func() bool { return d.proxy.Stats().Connections > before })
}

// blackHole lets nothing pass.
func (d *deployment) blackHole() {
	d.proxy.Stall()
	time.Sleep(50 * time.Millisecond) // data on its way arrives first
	before := d.proxy.Stats()
	time.Sleep(d.someTime(0, 2*opTimeout))
	after := d.proxy.Stats()
	d.proxy.Resume()
	require.Equal(d.t, before.RequestBytes, after.RequestBytes)
	require.Equal(d.t, before.ReplyBytes, after.ReplyBytes)
}

// halfOpen lets requests pass, but no replies.
func (d *deployment) halfOpen() {
	before := d.proxy.Stats()
	d.proxy.StallReplies()
	d.eventually("no request has passed", func() bool { return d.proxy.Stats().RequestBytes > before.RequestBytes })
	time.Sleep(50 * time.Millisecond)
	before = d.proxy.Stats()
	time.Sleep(d.someTime(0, 2*opTimeout))
	after := d.proxy.Stats()
	d.proxy.Resume()
	require.Equal(d.t, before.ReplyBytes, after.ReplyBytes)
}

// slowDown delays replies.
func (d *deployment) slowDown() {
	delay := d.someTime(10*time.Millisecond, 50*time.Millisecond)
	d.proxy.Delay(delay)
	d.takesAtLeast(delay)
	time.Sleep(d.someTime(0, 2*time.Second))
	d.proxy.Delay(0)
}

// trickle makes replies come byte by byte.
func (d *deployment) trickle() {
	const pause, reply = time.Millisecond, len("+PONG\r\n")
	d.proxy.Trickle(pause)
	d.takesAtLeast(time.Duration(reply) * pause)
	time.Sleep(d.someTime(0, time.Second))
	d.proxy.Trickle(0)
}

// takesAtLeast measures a round trip.
func (d *deployment) takesAtLeast(least time.Duration) {
	d.t.Helper()
	began := time.Now()
	if err := d.cache.Ping(context.Background()); err == nil {
		require.GreaterOrEqual(d.t, time.Since(began), least)
	}
}

// refuse leaves no server at the address.
func (d *deployment) refuse() {
	d.proxy.Refuse()
	d.proxy.Cut()
	_, err := net.Dial("tcp", d.proxy.Addr())
	require.ErrorContains(d.t, err, "refused")
	time.Sleep(d.someTime(0, time.Second))
	d.eventually("the port is taken", func() bool { return d.proxy.Accept() == nil })
}

// cutReply ends a connection in the midst of a reply.
func (d *deployment) cutReply() {
	before := d.proxy.Stats().CutReplies
	d.proxy.CutReply(d.random.IntN(30))
	d.eventually("no reply was cut", func() bool { return d.proxy.Stats().CutReplies > before })
}

// cutRequest ends a connection in the midst of a request, such as a pipeline.
func (d *deployment) cutRequest() {
	before := d.proxy.Stats().CutRequests
	d.proxy.CutRequest(d.random.IntN(100))
	d.eventually("no request was cut", func() bool { return d.proxy.Stats().CutRequests > before })
}
