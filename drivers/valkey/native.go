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

// Client returns valkey-go's own client for a server of a store, for what the cache has
// no method for. The store is one that this package has opened, or the Store of a cache
// on one. addr is one that Inspect shows; "" is the primary, which a cluster has several
// of, and which is not known before the first call behind sentinels.
//
// The client of a store that a DSN opened is made when it is asked for first, which
// connects to the server within dial_timeout, and is the same from then on. It has
// connections of its own, which are made and log in as those of the store do. It speaks
// version 2 of RESP unless the DSN has protocol=3, and has no cache; the rest is
// valkey-go's defaults: it may send a read again, for as long as its context lasts. The
// store closes it, in Close or when the server has left the cluster or is the primary no
// more: do not keep it, and do not close it. Of a store on a client of the program's it is
// that client, or of a cluster that of the node.
//
// The error matches driver.ErrUnavailable or driver.ErrAuth if the server cannot be
// reached, driver.ErrClosed if the store is closed, and errors.ErrUnsupported if the
// store is another package's, if the server is not known, or if nothing is read or
// written there, as at the replicas of a cluster with read=primary.
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

// A native is valkey-go's client for the server that settings name, once it is asked for.
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
		// The connection has logged in, and has its name and database.
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

// close closes the client, if there is one, for good.
func (n *native) close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.closed = true
	if n.made != nil {
		n.made.Close()
	}
}

// greeted is a connection on which valkey-go's greeting is answered: the server was
// greeted before, or must not be.
type greeted struct {
	net.Conn
	asked  bool
	answer []byte // that is left to be read
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

// Read implements net.Conn. valkey-go reads the answer before it makes any other call.
func (g *greeted) Read(p []byte) (int, error) {
	if len(g.answer) == 0 {
		return g.Conn.Read(p)
	}
	n := copy(p, g.answer)
	g.answer = g.answer[n:]
	return n, nil
}
