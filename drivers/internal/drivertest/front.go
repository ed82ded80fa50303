package drivertest

import (
	"context"
	"net"
	"testing"

	"github.com/xcache-go/xcache/xcachetest"
)

// A front has a proxy before each of some servers. A driver that dials with the
// front's dial goes through the proxies without knowing. The servers reach each
// other past the proxies.
type front map[string]*xcachetest.Proxy

// newFront puts proxies before the servers at addrs. The front dials any other
// address directly.
func newFront(t testing.TB, addrs ...string) front {
	t.Helper()
	f := make(front)
	for _, addr := range addrs {
		f[addr] = xcachetest.NewProxy(t, addr)
	}
	return f
}

func (f front) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	if proxy, ok := f[addr]; ok {
		addr = proxy.Addr()
	}
	var dialer net.Dialer
	return dialer.DialContext(ctx, network, addr)
}
