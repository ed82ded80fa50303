// Package drivertest has the tests of what the drivers for Redis-like servers
// promise beyond the conformance suite: what they do when servers fail, move and
// lie. They are written once, and every such driver runs them against real servers
// of its own kind.
//
// A driver declares its [Subject], hands TestMain to it, and has a test for each
// of the Subject's that are to hold:
//
//	var subject = &drivertest.Subject{Scheme: "redis", …}
//
//	func TestMain(m *testing.M) { subject.Main(m) }
//
//	func TestFaults(t *testing.T) { subject.Faults(t) }
//
// The methods that start or open something are for the driver's own tests, too.
// Tests of a Subject do not run in parallel, as what they leave behind is looked
// for in the whole process.
package drivertest

import (
	"context"
	"net"
	"sync"
	"testing"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/node"
	"github.com/xcache-go/xcache/internal/servertest"
)

// A Subject is the driver under test, with the servers that its tests share.
type Subject struct {
	// Scheme is that of the driver's DSNs, without a topology: redis, valkey.
	Scheme string
	// Release names the servers to test against, as servertest.Release takes it.
	Release string
	// Driver returns the driver. dial may be nil.
	Driver func(dial Dial) driver.Driver
	// Node returns the driver's node of one server.
	Node node.Open
	// Packages are parts of import paths, one of which stands in the stack of
	// every goroutine that the driver or its client starts.
	Packages []string
	// NewStore returns a store with a client of the program's own, which it
	// closes, and whose options are the client's defaults or less careful. The
	// password is empty for a server without one.
	NewStore func(t testing.TB, addr, password string) driver.Store
	// ServerError returns the client's own error for an error reply, which the
	// driver's errors wrap, or nil if err wraps none.
	ServerError func(err error) error
	// Pipelines tells that calls are written to a connection behind others that
	// wait for replies, so that one whose context ends there may have been sent.
	Pipelines bool
	// OwnClusters are the ways to have a store on a cluster with clients of the
	// program's.
	OwnClusters []OwnCluster
	// Native returns the client library's own client for a server of a store. Its error
	// matches errors.ErrUnsupported if there is none.
	Native func(store driver.Store, addr string) (NativeClient, error)
	// Raw returns the client library's own client, and RawName is the name of the library.
	Raw     func(t testing.TB, servers Topology) RawClient
	RawName string
	// Others names more releases that the driver has to pass the whole
	// conformance suite on.
	Others []string

	standalone *servertest.Shared
	replicated *servertest.SharedReplicated
	cluster    *servertest.SharedCluster
	sentinel   *servertest.SharedSentinel

	of     *Subject // whose servers, and more, these are; nil of one of its own
	mu     sync.Mutex
	opened int             // stores and caches that are not closed yet
	before map[string]bool // the process' sockets before the first of them
}

// Dial makes a connection, as net.Dialer.DialContext does.
type Dial = func(ctx context.Context, network, addr string) (net.Conn, error)

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

// Standalone returns the server of the tests that neither break nor configure
// it. Their keys are those of [Key].
func (s *Subject) Standalone(t testing.TB) *servertest.Server {
	t.Helper()
	return s.standalone.Server(t)
}

// Replicated returns the primary and two replicas of the tests that neither
// break nor configure them. What a test makes lag it lets catch up.
func (s *Subject) Replicated(t testing.TB) *servertest.ReplicatedServers {
	t.Helper()
	return s.replicated.Servers(t)
}

// Cluster returns the cluster of the tests that neither break nor configure it.
func (s *Subject) Cluster(t testing.TB) *servertest.ClusterServers {
	t.Helper()
	return s.cluster.Servers(t)
}

// Sentinel returns the sentinels and servers of the tests that neither break nor
// configure them.
func (s *Subject) Sentinel(t testing.TB) *servertest.SentinelServers {
	t.Helper()
	return s.sentinel.Servers(t)
}

// StartServer starts a server of the subject's release for one test.
func (s *Subject) StartServer(t testing.TB, opts ...servertest.Option) *servertest.Server {
	t.Helper()
	return servertest.Redis(t, s.options(opts)...)
}

// StartReplicated is StartServer for a primary with replicas.
func (s *Subject) StartReplicated(t testing.TB, replicas int, opts ...servertest.Option) *servertest.ReplicatedServers {
	t.Helper()
	return servertest.Replicated(t, replicas, s.options(opts)...)
}

// StartCluster is StartServer for a cluster.
func (s *Subject) StartCluster(t testing.TB, opts ...servertest.Option) *servertest.ClusterServers {
	t.Helper()
	return servertest.Cluster(t, s.options(opts)...)
}

// StartSentinel is StartServer for servers under the watch of sentinels.
func (s *Subject) StartSentinel(t testing.TB, opts ...servertest.Option) *servertest.SentinelServers {
	t.Helper()
	return servertest.Sentinel(t, s.options(opts)...)
}

func (s *Subject) options(opts []servertest.Option) []servertest.Option {
	return append([]servertest.Option{servertest.Release(s.Release)}, opts...)
}
