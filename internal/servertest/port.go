package servertest

import (
	"errors"
	"math/rand/v2"
	"net"
	"strconv"
)

// Servers listen on ports below the range that systems take the local ports of
// outgoing connections from (32768 up on Linux). In that range a client that
// dials while its server is down can get the server's port as its own: TCP then
// connects it to itself, and the server cannot come back. The top leaves room
// for the port 10000 higher that a cluster node listens on as well.
const (
	lowestPort  = 12000
	highestPort = 22000
)

// freePort returns a port that nobody listens on at this moment.
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
