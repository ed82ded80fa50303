package servertest

import (
	"errors"
	"math/rand/v2"
	"net"
	"strconv"
)

// Servers listen on ports below the range of local ports for outgoing
// connections (32768 up on Linux). In that range, a client that dials while its
// server is down can get the server's port as its local port. TCP then connects
// the client to itself, and the server cannot come back. The highest port
// leaves room for the bus port of a cluster node, which is 10000 higher.
const (
	lowestPort  = 12000
	highestPort = 22000
)

// freePort returns a port on which nobody listens at this moment.
func freePort() (int, error) {
	var errs error
	for range 100 {
		port := lowestPort + rand.IntN(highestPort-lowestPort)
		listener, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
		if err == nil {
			return port, listener.Close()
		}
		errs = errors.Join(errs, err)
	}
	return 0, errs
}
