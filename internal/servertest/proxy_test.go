package servertest_test

import (
	"io"
	"net"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// proxies are one in front of each server.
type proxies struct {
	t testing.TB

	mu       sync.Mutex
	byServer map[string]*proxy
}

func startProxies(t testing.TB) *proxies {
	return &proxies{t: t, byServer: map[string]*proxy{}}
}

// proxy starts a proxy and returns its address.
func (p *proxies) proxy(server string) string {
	proxy := startProxy(p.t, server)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.byServer[server] = proxy
	return proxy.addr()
}

func (p *proxies) of(server string) *proxy {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.byServer[server]
}

// proxy passes bytes between clients and a server, until it is cut.
type proxy struct {
	listener net.Listener
	server   string
	wait     sync.WaitGroup

	mu       sync.Mutex
	accepted int
	broken   bool
	open     map[net.Conn]bool
}

// startProxy starts a proxy that ends with the test.
func startProxy(t testing.TB, server string) *proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p := &proxy{listener: listener, server: server, open: map[net.Conn]bool{}}
	p.wait.Go(p.accept)
	t.Cleanup(func() {
		_ = listener.Close()
		p.cut()
		p.wait.Wait()
	})
	return p
}

func (p *proxy) addr() string { return p.listener.Addr().String() }

// connections returns how many clients have come.
func (p *proxy) connections() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.accepted
}

// cut ends all connections, and new ones at once, until mend.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.broken = true
	for conn := range p.open {
		_ = conn.Close()
	}
}

func (p *proxy) mend() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.broken = false
}

func (p *proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.wait.Go(func() { p.serve(client) })
	}
}

func (p *proxy) serve(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", p.server)
	if err != nil {
		return
	}
	defer server.Close()
	if !p.add(client, server) {
		return
	}
	defer p.remove(client, server)
	// The end of one direction ends the other.
	var directions sync.WaitGroup
	for from, to := range map[net.Conn]net.Conn{client: server, server: client} {
		directions.Go(func() {
			_, _ = io.Copy(to, from)
			_ = client.Close()
			_ = server.Close()
		})
	}
	directions.Wait()
}

// add counts a client, unless the proxy is cut.
func (p *proxy) add(client, server net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.broken {
		return false
	}
	p.accepted++
	p.open[client], p.open[server] = true, true
	return true
}

func (p *proxy) remove(client, server net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.open, client)
	delete(p.open, server)
}
