package drivertest

import (
	"context"
	"net"
	"testing"

	"github.com/xcache-go/xcache/xcachetest"
)

// A front is a proxy before each of some servers. A driver that makes its
// connections by the front's dial goes through them without knowing, while the
// servers reach each other past them.
type front map[string]*xcachetest.Proxy

// newFront puts proxies before the servers at addrs. Addresses that are not among
// them are dialed as they are.
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
