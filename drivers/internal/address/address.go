// Package address says where the servers are that other servers name.
package address

import (
	"net"
	"strings"
)

// Of returns the address of the server that another server announces by a host and
// a port. origin is the address by which the client reached that other server.
//
// The rules are those of Redis' clients. An empty host, or an empty port or port 0,
// stands for that of origin. A loopback address that comes from elsewhere is a
// server's name for its own machine, so the host of origin takes its place; the port
// stays.
func Of(host, port, origin string) string {
	originHost, originPort, err := net.SplitHostPort(origin)
	if err != nil {
		return net.JoinHostPort(host, port)
	}
	if host == "" || isLoopbackIP(host) && !isLoopback(originHost) {
		host = originHost
	}
	if port == "" || port == "0" { // a server that speaks TLS alone
		port = originPort
	}
	return net.JoinHostPort(host, port)
}

func isLoopbackIP(host string) bool {
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// isLoopback reports whether a host is this machine: by a loopback address, or by
// one of the names that go-redis takes for one.
func isLoopback(host string) bool {
	name := strings.ToLower(host)
	return isLoopbackIP(host) || name == "localhost" || strings.HasSuffix(name, ".docker.internal")
}
