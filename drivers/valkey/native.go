package valkey

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"

	valkeygo "github.com/valkey-io/valkey-go"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/connection"
	"github.com/xcache-go/xcache/drivers/internal/settings"
)

// Client returns valkey-go's own client for a server of a store, for commands without a
// method of the cache. The store was opened by this package, or is the Store of a cache on
// such a store. addr is an address that Inspect shows. "" means the only
// primary: that of a single server, or that of sentinels, which is known after the first
// call. A cluster has several primaries, and needs an address.
//
// The client of a store from a DSN is made at the first call of Client, which connects to
// the server within dial_timeout. Later calls return the same client. The client has
// connections of its own, with the dialer and the login of the store. The client speaks
// version 2 of RESP unless the DSN has protocol=3, and has no cache. All other options are
// valkey-go's defaults, so that a read may be retried while its context lasts.
//
// The store closes that client in Close, when the server has left the cluster, and when the
// server is not the primary any more. Do not keep the client, and do not close it. For a
// store on the program's client, Client returns that client, or the client of a node of
// that cluster.
//
// The error matches driver.ErrUnavailable or driver.ErrAuth if the server cannot be
// reached, and driver.ErrClosed if the store is closed. The error matches
// errors.ErrUnsupported for a store of another package, for an unknown server, and for a
// server that the store neither reads from nor writes to, such as the replicas of a cluster
// with read=primary.
func Client(store driver.Store, addr string) (valkeygo.Client, error) {
	for {
		switch s := store.(type) {
		case *Store:
			store = s.backend
		case *serverStore:
			return s.nativeClient(addr)
		case node:
			return s.nativeClient(addr)
		case interface {
			ServerAt(addr string) driver.Store
		}:
			store = s.ServerAt(addr)
		default:
			return nil, errNoServer
		}
	}
}

var errNoServer = fmt.Errorf("xcache: valkey: the store has no server at this address: %w", errors.ErrUnsupported)

func (s *serverStore) nativeClient(addr string) (valkeygo.Client, error) {
	if addr != "" && s.addr != "" && addr != s.addr {
		return nil, errNoServer
	}
	if s.client == nil {
		return s.native.client()
	}
	client := s.client.source.known()
	switch {
	case s.client.closed.Load():
		return nil, driver.Fail(driver.ErrClosed, driver.NotApplied, nil)
	case client == nil:
		return nil, errNoServer
	case addr != "" && client.Nodes()[addr] == nil:
		return nil, errNoServer
	}
	return client.Client, nil
}

// A native is valkey-go's client for the server in the settings. The client is made when a
// program asks for it.
type native struct {
	settings *settings.Settings
	dial     dialFunc

	mu     sync.Mutex
	made   valkeygo.Client
	closed bool
}

func (n *native) client() (valkeygo.Client, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return nil, driver.Fail(driver.ErrClosed, driver.NotApplied, nil)
	}
	if n.made != nil {
		return n.made, nil
	}
	made, err := valkeygo.NewClient(n.options())
	if err != nil {
		if made != nil {
			made.Close()
		}
		if refusal, ok := errors.AsType[*driver.Error](err); ok {
			return nil, refusal
		}
		return nil, driver.Fail(driver.ErrUnavailable, driver.NotApplied, err)
	}
	n.made = made
	return made, nil
}

func (n *native) options() valkeygo.ClientOption {
	s := n.settings
	dialer := connection.Dialer{Settings: s, Dial: n.dial}
	return valkeygo.ClientOption{
		InitAddress:       []string{s.Addr},
		ForceSingleClient: true,
		BlockingPoolSize:  s.PoolSize,
		Dialer:            net.Dialer{Timeout: s.DialTimeout},
		// The connection has logged in, and has its name and its database.
		DialCtxFn: func(ctx context.Context, _ string, _ *net.Dialer, _ *tls.Config) (net.Conn, error) {
			nc, err := dialer.Connect(ctx)
			if err != nil {
				return nil, err
			}
			if s.Protocol == 3 {
				return nc, nil
			}
			return &greeted{Conn: nc}, nil
		},
		AlwaysRESP2:   s.Protocol != 3,
		ClientSetInfo: valkeygo.DisableClientSetInfo,
		DisableCache:  true,
	}
}

// close closes the client, and lets no other client be made.
func (n *native) close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.closed = true
	if n.made != nil {
		n.made.Close()
	}
}

// greeted answers the greeting of valkey-go itself. The server was greeted before, or must
// not be greeted.
type greeted struct {
	net.Conn
	asked  bool
	answer []byte // bytes of the answer that are still to be read
}

// Write implements net.Conn.
func (g *greeted) Write(p []byte) (int, error) {
	if g.asked {
		return g.Conn.Write(p)
	}
	if string(p) != clientGreeting {
		return 0, errGreeting
	}
	g.asked, g.answer = true, []byte(serverGreeting)
	return len(p), nil
}

// Read implements net.Conn. valkey-go reads the answer before any other write.
func (g *greeted) Read(p []byte) (int, error) {
	if len(g.answer) == 0 {
		return g.Conn.Read(p)
	}
	n := copy(p, g.answer)
	g.answer = g.answer[n:]
	return n, nil
}
