package drivertest

import (
	"net"
	"path/filepath"
	"runtime"
	"testing"
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
			before := sockets()
			conn, err := net.Dial(network, listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = (<-accepted).Close() }()
			if left := connectionsSince(before); len(left) != 1 {
				t.Errorf("left are %q, want the one that was made", left)
			}
			if left := connectionsSince(sockets()); len(left) != 0 {
				t.Errorf("left are %q, which was there before", left)
			}
			_ = conn.Close()
			if left := connectionsSince(before); len(left) != 0 {
				t.Errorf("left are %q, want none", left)
			}
		})
	}
}
