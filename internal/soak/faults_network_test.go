package soak

import (
	"context"
	"net"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/xcachetest"
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
	d.nothingPasses(func(s xcachetest.ProxyStats) int64 { return s.RequestBytes + s.ReplyBytes })
	d.proxy.Resume()
}

// halfOpen lets requests pass, but no replies.
func (d *deployment) halfOpen() {
	before := d.proxy.Stats()
	d.proxy.StallReplies()
	d.eventually("no request has passed", func() bool { return d.proxy.Stats().RequestBytes > before.RequestBytes })
	d.nothingPasses(func(s xcachetest.ProxyStats) int64 { return s.ReplyBytes })
	d.proxy.Resume()
}

// nothingPasses waits until the bytes on their way have arrived, and then makes sure for some
// time that no byte follows. Several looks give the goroutines of the proxy the time to go on,
// even if the machine has stopped the process in the meantime.
func (d *deployment) nothingPasses(bytes func(xcachetest.ProxyStats) int64) {
	d.t.Helper()
	const looks = 20
	before, same := bytes(d.proxy.Stats()), 0
	d.eventually("bytes pass all the time", func() bool {
		same++
		if now := bytes(d.proxy.Stats()); now != before {
			before, same = now, 0
		}
		return same == looks
	})
	time.Sleep(d.someTime(0, 2*opTimeout))
	require.Equal(d.t, before, bytes(d.proxy.Stats()))
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
