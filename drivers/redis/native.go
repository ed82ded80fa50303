package redis

import (
	"context"
	"crypto/tls"
	"net"
	"sync"

	goredis "github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/settings"
)

// Client returns go-redis' own client for a server of a store, for what the cache has
// no method for. The store is one that this package has opened, or the Store of a cache
// on one. addr is one that Inspect shows; "" is the primary, which a cluster has several
// of, and which is not known before the first call behind sentinels.
//
// The client of a store that a DSN opened is made when it is asked for first, and is
// the same from then on. It has the server's address, TLS, database, credentials, name
// and time-outs, and connections of its own, no more than pool_size; the rest is
// go-redis' defaults: it may send a write again (MaxRetries), it begins connections with
// HELLO whatever the parameter hello says, and connections that live do not log in anew.
// The store closes it, in Close or when the server has left the cluster or is the primary
// no more: do not keep it, and do not close it. Of a store on a client of the program's it
// is that client.
//
// The result is false if the server is not known, if nothing is read or written there,
// as at the replicas of a cluster with read=primary, or if the store is closed or
// another package's.
func Client(store driver.Store, addr string) (*goredis.Client, bool) {
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
			return nil, false
		}
	}
}

func (s *serverStore) nativeClient(addr string) (*goredis.Client, bool) {
	if addr != "" && addr != s.addr {
		return nil, false
	}
	if w, ok := s.wire.(*clientWire); ok {
		client := w.source.known()
		return client, client != nil && !w.closed.Load()
	}
	return s.native.client()
}

// A native is go-redis' client for the server that settings name, once it is asked for.
type native struct {
	settings *settings.Settings
	dial     dialFunc

	mu     sync.Mutex
	made   *goredis.Client
	closed bool
}

func (n *native) client() (*goredis.Client, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return nil, false
	}
	if n.made == nil {
		n.made = goredis.NewClient(n.options())
	}
	return n.made, true
}

func (n *native) options() *goredis.Options {
	s := n.settings
	options := &goredis.Options{
		Network: s.Network, Addr: s.Addr, DB: s.DB, ClientName: s.ClientName, Protocol: max(s.Protocol, 2),
		DialTimeout: s.DialTimeout, ReadTimeout: s.ReadTimeout, WriteTimeout: s.WriteTimeout,
		PoolSize: s.PoolSize, ContextTimeoutEnabled: true, DisableIdentity: true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}
	if s.TLS != nil {
		options.TLSConfig = s.TLS.Clone()
	}
	if n.dial != nil {
		options.Dialer = func(ctx context.Context, network, addr string) (net.Conn, error) {
			nc, err := n.dial(ctx, network, addr)
			if err != nil || s.TLS == nil {
				return nc, err
			}
			return tls.Client(nc, s.TLS), nil // which go-redis adds to a dialer of its own alone
		}
	}
	if s.HasPassword() {
		options.CredentialsProviderContext = n.credentials
	}
	if s.ReadOnly {
		options.OnConnect = func(ctx context.Context, conn *goredis.Conn) error { return conn.ReadOnly(ctx).Err() }
	}
	return options
}

// credentials are those of a new connection.
func (n *native) credentials(ctx context.Context) (user, password string, err error) {
	login, err := n.settings.Login(ctx)
	if err != nil {
		return "", "", err
	}
	user, password = login.User()
	return user, password, nil
}

// close closes the client, if there is one, for good.
func (n *native) close() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.closed = true
	if n.made == nil {
		return nil
	}
	return closed(n.made.Close())
}
