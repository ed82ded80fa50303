package valkey

import (
	"context"
	"crypto/tls"
	"math/bits"
	"net"
	"runtime"

	valkeygo "github.com/valkey-io/valkey-go"

	"github.com/xcache-go/xcache/drivers/internal/settings"
)

// maxDefaultPoolSize is how many connections there are at most if the DSN does
// not say. Each carries as many calls at once as there are.
const maxDefaultPoolSize = 4

// poolSize returns how many connections there are at most: as many as valkey-go
// itself would make.
func poolSize(s *settings.Settings) int {
	if s.PoolSize > 0 {
		return s.PoolSize
	}
	return min(1<<(bits.Len(uint(runtime.GOMAXPROCS(0)))-1), maxDefaultPoolSize)
}

// clientOption returns the options of a client for a connection that is made, and
// has logged in already. They leave to the store what the store does better.
func clientOption(s *settings.Settings, c *conn) valkeygo.ClientOption {
	return valkeygo.ClientOption{
		InitAddress:       []string{s.Addr},
		ForceSingleClient: true,
		PipelineMultiplex: -1, // one connection
		BlockingPipeline:  -1, // for pipelines of any length
		DialCtxFn: func(context.Context, string, *net.Dialer, *tls.Config) (net.Conn, error) {
			if c.taken.Swap(true) {
				return nil, errSpent
			}
			return c, nil
		},
		Dialer: net.Dialer{Timeout: s.DialTimeout},
		// No deadline on top of those of the calls, and no PING every second:
		// the store watches its connections.
		ConnWriteTimeout: -1,

		AlwaysRESP2: true, // the greeting is answered by conn
		// CLIENT SETINFO tells the server the name of the library.
		ClientSetInfo: valkeygo.DisableClientSetInfo,
		// Values are not kept in the client, and the server does not keep track
		// of what it has.
		DisableCache: true,
		// Nothing is sent twice but by the store.
		DisableRetry: true,
		// Without a look at the socket, only a reader tells that the server has
		// closed the connection, or has sent what nobody asked for.
		AlwaysPipelining: c.socket == nil && isNetwork(c.Conn),
	}
}

// isNetwork reports whether a connection is one of package net or crypto/tls. What
// others send while nobody reads is not known before the next call reads it.
func isNetwork(c net.Conn) bool {
	switch c.(type) {
	case *tls.Conn, *net.TCPConn, *net.UnixConn:
		return true
	}
	return false
}
