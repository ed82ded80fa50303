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

// Main runs the tests of a package, stops the shared servers that the tests
// used and ends the process with the tests' exit code.
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

// Shared is a server that the tests of one package share. A package declares
// the server once and hands it to Main. The first test that asks for the
// server starts it:
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
// Each test chooses keys that no other test uses. A test that kills or
// freezes a server, or changes its configuration, starts a server of its
// own.
type Shared struct{ shared[*Server] }

// NewShared declares a shared server, a redis-server unless [Release] says
// otherwise. Nothing is started yet.
func NewShared(opts ...Option) *Shared {
	return &Shared{shared[*Server]{open: func() (*Server, error) { return open(opts) }}}
}

// Server returns the server; the first call starts it. Without a server the
// call ends the test as [Redis] does. If the test fails, the lines that the
// server logged during the test are shown.
func (s *Shared) Server(t testing.TB) *Server {
	t.Helper()
	return s.use(t)
}

// SharedReplicated is [Shared] for a primary with replicas.
type SharedReplicated struct{ shared[*ReplicatedServers] }

// NewSharedReplicated declares a shared primary and its replicas, as
// [Replicated] starts them.
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

// NewSharedSentinel declares shared servers and their sentinels, as
// [Sentinel] starts them.
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

// NewSharedCluster declares a shared cluster, as [Cluster] starts one.
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

// shared is a fixture that the first use starts, once.
type shared[F fixture] struct {
	open func() (F, error)

	mu      sync.Mutex
	running bool // from the start of Main to its end
	asked   bool // a start was tried
	started F
	err     error // of the start
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
