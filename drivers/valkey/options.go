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

// maxDefaultPoolSize is the limit of the default of pool_size. Each connection carries any
// number of calls at once.
const maxDefaultPoolSize = 4

// poolSize returns the limit of connections. The default is the default of valkey-go.
func poolSize(s *settings.Settings) int {
	if s.PoolSize > 0 {
		return s.PoolSize
	}
	return min(1<<(bits.Len(uint(runtime.GOMAXPROCS(0)))-1), maxDefaultPoolSize)
}

// clientOption returns the options of a client on a connection that has logged in. The
// store does retries, watching and logins itself.
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
		// The client has no deadlines but the deadlines of calls, and sends no PING every
		// second: the store watches its connections.
		ConnWriteTimeout: -1,

		AlwaysRESP2: true, // conn answers the greeting
		// CLIENT SETINFO tells the server the name of the library.
		ClientSetInfo: valkeygo.DisableClientSetInfo,
		// The client keeps no values, so that the server need not track keys.
		DisableCache: true,
		// The store alone retries.
		DisableRetry: true,
		// Only a reader notices that the server has closed a connection, or has sent a
		// reply without a command, if the socket cannot be examined.
		AlwaysPipelining: c.socket == nil && (!c.plain || isNetwork(c.Conn)),
	}
}

// isNetwork reports whether a connection is of package net or crypto/tls. For other
// connections, only the next call reads the bytes that came without a command.
func isNetwork(c net.Conn) bool {
	switch c.(type) {
	case *tls.Conn, *net.TCPConn, *net.UnixConn:
		return true
	}
	return false
}
