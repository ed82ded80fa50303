// Package drivertest has the tests of what the drivers for Redis-like servers
// promise beyond the conformance suite: what they do when servers fail, move and
// lie. They are written once, and every such driver runs them against real servers
// of its own kind.
package drivertest

import (
	"context"
	"net"
	"testing"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/internal/servertest"
)

// A Subject is the driver under test, with the servers that its tests share.
type Subject struct {
	// Scheme is that of the driver's DSNs, without a topology: redis, valkey.
	Scheme string
	// Release names the servers to test against, as servertest.Release takes it.
	Release string
	// Driver returns the driver. dial may be nil.
	Driver func(dial func(ctx context.Context, network, addr string) (net.Conn, error)) driver.Driver
	// Packages are parts of import paths, one of which stands in the stack of
	// every goroutine that the driver or its client starts.
	Packages []string

	standalone *servertest.Shared
	replicated *servertest.SharedReplicated
	cluster    *servertest.SharedCluster
	sentinel   *servertest.SharedSentinel
}

// Main is the TestMain of the driver's package: it runs the tests and stops the
// servers that they shared.
func (s *Subject) Main(m *testing.M) {
	release := servertest.Release(s.Release)
	s.standalone = servertest.NewShared(release)
	s.replicated = servertest.NewSharedReplicated(2, release)
	s.cluster = servertest.NewSharedCluster(release)
	s.sentinel = servertest.NewSharedSentinel(release)
	servertest.Main(m, s.standalone, s.replicated, s.cluster, s.sentinel)
}
