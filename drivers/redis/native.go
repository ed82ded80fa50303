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

// Client returns go-redis' own client for a server of a store, for commands without a
// method of the cache. The store was opened by this package, or is the Store of a cache on
// such a store. addr is an address that Inspect shows. "" means the only
// primary: that of a single server, or that of sentinels, which is known after the first
// call. A cluster has several primaries, and needs an address.
//
// The client of a store from a DSN is made at the first call of Client. Later calls return
// the same client. The client has the server's address, TLS, database, credentials, name
// and time-outs, and up to pool_size connections of its own. All other options are
// go-redis' defaults: writes may be retried (MaxRetries), connections begin with HELLO
// whatever the parameter hello says, and open connections do not renew their logins.
//
// The store closes that client in Close, when the server has left the cluster, and when the
// server is not the primary any more. Do not keep the client, and do not close it. For a
// store on the program's client, Client returns that client.
//
// The result is false for an unknown server, for a closed store, and for a store of another
// package. The result is also false for a server that the store neither reads from nor
// writes to, such as the replicas of a cluster with read=primary.
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

// A native is go-redis' client for the server in the settings. The client is made when a
// program asks for it.
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
			return tls.Client(nc, s.TLS), nil // go-redis adds TLS only to its own dialer
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

// credentials returns the login of a new connection.
func (n *native) credentials(ctx context.Context) (user, password string, err error) {
	login, err := n.settings.Login(ctx)
	if err != nil {
		return "", "", err
	}
	user, password = login.User()
	return user, password, nil
}

// close closes the client, and lets no other client be made.
func (n *native) close() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.closed = true
	if n.made == nil {
		return nil
	}
	return closed(n.made.Close())
}
