package servertest

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
)

// Fixture is what [Main] stops at the end: a [Shared] server or group.
type Fixture interface {
	begin()
	end() error
}

// Main runs the tests of a package, stops the shared servers that they used and
// ends the process with the tests' exit code.
func Main(m *testing.M, fixtures ...Fixture) {
	for _, f := range fixtures {
		f.begin()
	}
	code := m.Run()
	var errs error
	for _, f := range fixtures {
		errs = errors.Join(errs, f.end())
	}
	if errs != nil {
		fmt.Fprintln(os.Stderr, "servertest:", errs)
		code = max(code, 1)
	}
	os.Exit(code)
}

// Shared is a server that the tests of one package share. It is declared once,
// handed to Main, and started by the first test that asks for it:
//
//	var standalone = servertest.NewShared()
//
//	func TestMain(m *testing.M) { servertest.Main(m, standalone) }
//
//	func TestGet(t *testing.T) {
//		srv := standalone.Server(t)
//		…
//	}
//
// The tests tell their keys apart themselves. A test that kills or freezes a
// server, or changes its configuration, starts one of its own.
type Shared struct{ shared[*Server] }

// NewShared declares a shared server, a redis-server unless [Release] says
// otherwise. Nothing is started yet.
func NewShared(opts ...Option) *Shared {
	return &Shared{shared[*Server]{open: func() (*Server, error) { return open(opts) }}}
}

// Server returns the server, and starts it if this is the first call. It ends
// the test as [Redis] does when there is none. What the server logs during the
// test is shown if the test fails.
func (s *Shared) Server(t testing.TB) *Server {
	t.Helper()
	return s.use(t)
}

// SharedReplicated is [Shared] for a primary with replicas.
type SharedReplicated struct{ shared[*ReplicatedServers] }

// NewSharedReplicated declares what [Replicated] starts.
func NewSharedReplicated(replicas int, opts ...Option) *SharedReplicated {
	return &SharedReplicated{shared[*ReplicatedServers]{open: func() (*ReplicatedServers, error) {
		return openReplicated(replicas, opts)
	}}}
}

// Servers returns the servers as [Shared.Server] does.
func (s *SharedReplicated) Servers(t testing.TB) *ReplicatedServers {
	t.Helper()
	return s.use(t)
}

// SharedSentinel is [Shared] for servers under the watch of sentinels.
type SharedSentinel struct{ shared[*SentinelServers] }

// NewSharedSentinel declares what [Sentinel] starts.
func NewSharedSentinel(opts ...Option) *SharedSentinel {
	return &SharedSentinel{shared[*SentinelServers]{open: func() (*SentinelServers, error) {
		return openSentinel(opts)
	}}}
}

// Servers returns the servers as [Shared.Server] does.
func (s *SharedSentinel) Servers(t testing.TB) *SentinelServers {
	t.Helper()
	return s.use(t)
}

// SharedCluster is [Shared] for a cluster.
type SharedCluster struct{ shared[*ClusterServers] }

// NewSharedCluster declares what [Cluster] starts.
func NewSharedCluster(opts ...Option) *SharedCluster {
	return &SharedCluster{shared[*ClusterServers]{open: func() (*ClusterServers, error) {
		return openCluster(opts)
	}}}
}

// Servers returns the servers as [Shared.Server] does.
func (s *SharedCluster) Servers(t testing.TB) *ClusterServers {
	t.Helper()
	return s.use(t)
}

// fixture is a server or a group of them.
type fixture interface {
	all() []*Server
	close() error
}

// shared is a fixture that is started once, when it is first used.
type shared[F fixture] struct {
	open func() (F, error)

	mu      sync.Mutex
	running bool // from the start of Main to its end
	asked   bool // it was started, or could not be
	started F
	err     error // why it could not be started
}

func (s *shared[F]) use(t testing.TB) F {
	t.Helper()
	f, err := s.get()
	if err != nil {
		unavailable(t, err)
	}
	logged := map[*Server]int{}
	for _, server := range f.all() {
		logged[server] = server.logSize()
	}
	t.Cleanup(func() {
		if t.Failed() {
			showLogs(t, f.all(), logged)
		}
	})
	return f
}

func (s *shared[F]) get() (F, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var none F
	if !s.running {
		return none, errors.New("shared server is not handed to servertest.Main in TestMain")
	}
	if !s.asked {
		s.asked = true
		s.started, s.err = s.open()
	}
	return s.started, s.err
}

func (s *shared[F]) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running = true
}

func (s *shared[F]) end() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running = false
	if !s.asked || s.err != nil {
		return nil
	}
	return s.started.close()
}
