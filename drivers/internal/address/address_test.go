package address_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/drivers/internal/address"
)

func TestOf(t *testing.T) {
	for _, tt := range []struct{ host, port, origin, want string }{
		{"10.0.0.2", "7001", "10.0.0.1:7000", "10.0.0.2:7001"},
		{"cache-2.example", "7001", "10.0.0.1:7000", "cache-2.example:7001"},
		{"", "7001", "10.0.0.1:7000", "10.0.0.1:7001"},
		{"", "7001", "[2001:db8::1]:7000", "[2001:db8::1]:7001"},
		{"10.0.0.2", "0", "10.0.0.1:7000", "10.0.0.2:7000"},

		{"127.0.0.1", "7001", "10.0.0.1:7000", "10.0.0.1:7001"},
		{"127.8.9.1", "7001", "cache.example:7000", "cache.example:7001"},
		{"::1", "7001", "[2001:db8::1]:7000", "[2001:db8::1]:7001"},
		// A server that announces a loopback address, and is reached by one, means that
		// address.
		{"127.0.0.2", "7001", "127.0.0.1:7000", "127.0.0.2:7001"},
		{"127.0.0.1", "7001", "localhost:7000", "127.0.0.1:7001"},
		{"127.0.0.1", "7001", "LocalHost:7000", "127.0.0.1:7001"},
		{"127.0.0.1", "7001", "host.docker.internal:7000", "127.0.0.1:7001"},
		{"127.0.0.1", "7001", "[::1]:7000", "127.0.0.1:7001"},
		// Only addresses are replaced, and names are not.
		{"localhost", "7001", "10.0.0.1:7000", "localhost:7001"},
		{"10.0.0.1", "7001", "/run/redis.sock", "10.0.0.1:7001"},
	} {
		require.Equal(t, tt.want, address.Of(tt.host, tt.port, tt.origin), "%+v", tt)
	}
}
