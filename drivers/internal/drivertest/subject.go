// Package drivertest has tests of the drivers for Redis-like servers, beyond the
// conformance suite. The tests show what a driver does when servers fail, move and
// lie. The tests are written once, and every such driver runs the tests against
// real servers of its own kind.
//
// A driver declares its [Subject], hands TestMain to the Subject, and has a test
// for each test of the Subject that the driver must pass:
//
//	var subject = &drivertest.Subject{Scheme: "redis", …}
//
//	func TestMain(m *testing.M) { subject.Main(m) }
//
//	func TestFaults(t *testing.T) { subject.Faults(t) }
//
// The methods that start or open something are for the driver's own tests, too.
// Tests of a Subject do not run in parallel, because the tests look in the whole
// process for goroutines and connections that are left behind.
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
	// Scheme is the scheme of the driver's DSNs, without a topology: redis, valkey.
	Scheme string
	// Release names the release of the servers to test against, as an argument of
	// servertest.Release.
	Release string
	// Driver returns the driver. dial may be nil.
	Driver func(dial Dial) driver.Driver
	// Node returns the driver's node of one server.
	Node node.Open
	// Packages are parts of import paths. Each goroutine that the driver or its
	// client starts has one of these parts in its stack.
	Packages []string
	// NewStore returns a store with a client of the program's own. The store closes
	// the client. The options of the client are the client's defaults, or less
	// careful. The password is empty for a server without a password.
	NewStore func(t testing.TB, addr, password string) driver.Store
	// ServerError returns the client's own error for an error reply, if err, an
	// error of the driver, wraps such an error. Otherwise ServerError returns nil.
	ServerError func(err error) error
	// Pipelines tells that calls are written to a connection behind other calls
	// that wait for replies. A call whose context ends there may have been sent.
	Pipelines bool
	// OwnClusters are the ways to have a store on a cluster with clients of the
	// program's own.
	OwnClusters []OwnCluster
	// Native returns the client library's own client for a server of a store. The error
	// matches errors.ErrUnsupported if there is no such client.
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

	of     *Subject // subject that has the servers and counts the stores; nil if that is this subject
	mu     sync.Mutex
	opened int             // stores and caches that are not closed yet
	before map[string]bool // the process' sockets before the first store or cache
}

// Dial makes a connection, as net.Dialer.DialContext does.
type Dial = func(ctx context.Context, network, addr string) (net.Conn, error)

// Main is the TestMain of the driver's package. Main runs the tests, and stops
// the servers that the tests have shared.
func (s *Subject) Main(m *testing.M) {
	release := servertest.Release(s.Release)
	s.standalone = servertest.NewShared(release)
	s.replicated = servertest.NewSharedReplicated(2, release)
	s.cluster = servertest.NewSharedCluster(release)
	s.sentinel = servertest.NewSharedSentinel(release)
	servertest.Main(m, s.standalone, s.replicated, s.cluster, s.sentinel)
}

// Standalone returns a server that tests share. A test must neither break nor
// configure the server, and must use the keys of [Key].
func (s *Subject) Standalone(t testing.TB) *servertest.Server {
	t.Helper()
	return s.standalone.Server(t)
}

// Replicated returns a primary and two replicas that tests share. A test must
// neither break nor configure these servers. A test that makes a replica lag
// must let the replica catch up.
func (s *Subject) Replicated(t testing.TB) *servertest.ReplicatedServers {
	t.Helper()
	return s.replicated.Servers(t)
}

// Cluster returns a cluster that tests share. A test must neither break nor
// configure the cluster.
func (s *Subject) Cluster(t testing.TB) *servertest.ClusterServers {
	t.Helper()
	return s.cluster.Servers(t)
}

// Sentinel returns sentinels and servers that tests share. A test must neither
// break nor configure any of these.
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
