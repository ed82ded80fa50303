package sockets_test

import (
	"net"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/internal/sockets"
)

func TestConnectionsThatAreLeftAreFound(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux tells")
	}
	for _, network := range []string{"tcp4", "tcp6", "unix"} {
		t.Run(network, func(t *testing.T) {
			addr := map[string]string{"tcp4": "127.0.0.1:0", "tcp6": "[::1]:0", "unix": filepath.Join(t.TempDir(), "s")}[network]
			listener, err := net.Listen(network, addr)
			if err != nil {
				t.Skip(err)
			}
			defer func() { _ = listener.Close() }()
			accepted := make(chan net.Conn)
			go func() {
				conn, _ := listener.Accept()
				accepted <- conn
			}()
			before := sockets.Own()
			conn, err := net.Dial(network, listener.Addr().String())
			require.NoError(t, err)
			defer func() { _ = (<-accepted).Close() }()
			require.Len(t, sockets.ConnectionsSince(before), 1, "the one that was made")
			require.Empty(t, sockets.ConnectionsSince(sockets.Own()), "it was there before")
			_ = conn.Close()
			require.Empty(t, sockets.ConnectionsSince(before))
		})
	}
}
