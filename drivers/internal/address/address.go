// Package address resolves the addresses that servers announce for other servers.
package address

import (
	"net"
	"strings"
)

// Of returns the address of a server that another server announces by a host and a port.
// origin is the address of that other server for the client.
//
// The rules are the rules of Redis' clients. An empty host stands for the host of origin.
// An empty port, or port 0, stands for the port of origin. A loopback host from a server
// elsewhere is the name of its own machine, so that the host of origin takes its place.
// The port stays then.
func Of(host, port, origin string) string {
	originHost, originPort, err := net.SplitHostPort(origin)
	if err != nil {
		return net.JoinHostPort(host, port)
	}
	if host == "" || isLoopbackIP(host) && !isLoopback(originHost) {
		host = originHost
	}
	if port == "" || port == "0" { // a server that speaks TLS only
		port = originPort
	}
	return net.JoinHostPort(host, port)
}

func isLoopbackIP(host string) bool {
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// isLoopback reports whether a host is this machine: a loopback address, or a name that
// go-redis treats as a loopback address.
func isLoopback(host string) bool {
	name := strings.ToLower(host)
	return isLoopbackIP(host) || name == "localhost" || strings.HasSuffix(name, ".docker.internal")
}
