package drivertest

import (
	"bytes"
	"context"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/internal/servertest"
	"github.com/xcache-go/xcache/xcachetest"
)

// Encrypted tests connections through TLS that fail. The test fails if a call outlasts its
// context, if callers lose connections that answer, or if a restart of the server costs
// calls.
func (s *Subject) Encrypted(t *testing.T) {
	server := s.StartServer(t, servertest.TLS())
	proxy := xcachetest.NewProxy(t, server.Addr)
	dsn := s.Scheme + "s://" + proxy.Addr() + "?dial_timeout=20s&tls_ca=" + server.Certificates.CAFile
	t.Run("a call whose request is stuck ends with its context", func(t *testing.T) {
		network := &stickyNetwork{target: server.Addr, released: make(chan struct{})}
		store := s.openFor(t, dsn+"&pool_size=1", longTimeout, network.dial)
		defer close(network.released)
		stuckRequestEnds(t, store, network)
	})
	t.Run("idle sessions outlast a caller that leaves", func(t *testing.T) {
		idleSessionsOutlastACaller(t, s.openFor(t, dsn, longTimeout, nil), proxy)
	})
	if !s.Pipelines { // else a reader notices, perhaps a moment too late
		t.Run("connections that the server has closed cost no call", func(t *testing.T) {
			closedConnectionsCostNothing(t, s.openFor(t, dsn+"&pool_size=8", longTimeout, nil), proxy, server)
		})
	}
}

// A stickyNetwork has no buffers. While it is stuck, nobody reads what is written.
type stickyNetwork struct {
	target   string
	stuck    atomic.Bool
	released chan struct{}
}

func (n *stickyNetwork) dial(ctx context.Context, network, _ string) (net.Conn, error) {
	server, err := new(net.Dialer).DialContext(ctx, network, n.target)
	if err != nil {
		return nil, err
	}
	near, far := net.Pipe()
	go func() {
		_, _ = io.Copy(far, server)
		_ = far.Close()
	}()
	go func() {
		defer server.Close()
		for buffer := make([]byte, 4<<10); ; {
			some, err := far.Read(buffer)
			if n.stuck.Load() {
				<-n.released
			}
			if err != nil {
				return
			}
			if _, err = server.Write(buffer[:some]); err != nil {
				return
			}
		}
	}()
	return near, nil
}

// stuckRequestEnds sends a request to a server that reads nothing. TLS would say goodbye
// there, and wait for seconds.
func stuckRequestEnds(t *testing.T, store driver.Store, network *stickyNetwork) {
	t.Helper()
	key, value := driver.Key(Key(t, "k")), bytes.Repeat([]byte("v"), 256<<10)
	if err := Put(t, store, key.Text, "v"); err != nil {
		t.Fatal(err)
	}
	session := openSession(t, store, key.Text)
	network.stuck.Store(true)
	call := func(name string, call func(ctx context.Context) error) {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		WantPrompt(t, name, ctx, func() error { return call(ctx) }, context.DeadlineExceeded)
	}
	call("SET", func(ctx context.Context) error { return Do(ctx, store, "SET", key, driver.Val(value)) })
	call("SET on a connection of its own", func(ctx context.Context) error {
		return sessionDo(ctx, session, "SET", key, driver.Val(value))
	})
}

// idleSessionsOutlastACaller takes a session while the server is silent. The caller finds out
// about one idle connection in its time, and that is the only one to be closed.
func idleSessionsOutlastACaller(t *testing.T, store driver.Store, proxy *xcachetest.Proxy) {
	t.Helper()
	const idle = 4
	var sessions []driver.Session
	for range idle {
		session, err := driver.CapsOf(store).Exclusive.Exclusive(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		sessions = append(sessions, session)
	}
	for _, session := range sessions {
		closeSession(t, session)
	}
	connections := proxy.Stats().Connections
	proxy.StallReplies()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := driver.CapsOf(store).Exclusive.Exclusive(ctx)
	WantErr(t, err, driver.NotApplied, context.DeadlineExceeded)
	proxy.Resume()
	for range idle - 1 {
		session, err := driver.CapsOf(store).Exclusive.Exclusive(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer closeSession(t, session)
	}
	if made := proxy.Stats().Connections - connections; made > 0 {
		t.Errorf("%d connections were made in the place of %d idle ones", made, idle)
	}
}

// closedConnectionsCostNothing has the server close all connections between two calls, as a
// restart does.
func closedConnectionsCostNothing(t *testing.T, store driver.Store, proxy *xcachetest.Proxy, server *servertest.Server) {
	t.Helper()
	const pool = 8
	key := Key(t, "k")
	Eventually(t, func() bool {
		var calls sync.WaitGroup
		for range 4 * pool {
			calls.Go(func() {
				if err := Put(t, store, key, "v"); err != nil {
					t.Error(err)
				}
			})
		}
		calls.Wait()
		return proxy.OpenConnections() == pool
	}, func() string { return "there are not as many connections as there can be" })
	for name, call := range map[string]func() error{
		"GET": func() error { _, err := Get(t, store, key); return err },
		"SET": func() error { return Put(t, store, key, "v") },
	} {
		server.Do(t, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
		Eventually(t, func() bool { return proxy.OpenConnections() == 0 }, func() string { return "the server has closed no connection" })
		for range 2 * pool {
			if err := call(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}
