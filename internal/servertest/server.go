// Package servertest starts real servers for tests, each on a free loopback
// port. No server outlives its tests.
//
//	srv := servertest.Redis(t, servertest.User("ann", "secret", "~ann:*", "+@all"))
//	c, err := xcache.OpenDSN("redis://ann:secret@" + srv.Addr)
//	…
//	if got := srv.Do(t, "GET", "ann:1"); got != "value" { … }
//
// A server that many tests of a package use is declared once, see [Shared].
//
// [Replicated], [Sentinel] and [Cluster] start several servers that belong
// together. A test can kill, freeze and restart these servers one by one like any
// [Server]. The group has methods that wait for the result:
//
//	c := servertest.Cluster(t, servertest.Release("valkey"))
//	old := c.Primary(t, "key")
//	old.Kill(t)
//	primary := c.AwaitFailover(t, old)
//	old.Start(t)
//	c.AwaitOK(t)
//
// Package release describes how servers are found. A test without a server is
// skipped, and the message says how to get the server. If the environment
// variable CI is set, the test fails instead: a green run in CI means that the
// tests ran.
package servertest

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/xcache-go/xcache/internal/servertest/release"
)

const (
	// host is where every server listens.
	host = "127.0.0.1"
	// startTimeout bounds how long a server may take until its first answer.
	startTimeout = 20 * time.Second
	// pollInterval is how long to wait between two looks at a server.
	pollInterval = 5 * time.Millisecond
)

// Server is a running server. The server listens on a TCP address and on a unix
// socket. With the option [TLS] the server speaks TLS on the TCP address, never
// on the socket. Nothing is saved to disk unless a test sends SAVE.
//
// A method that takes a testing.TB ends the test on failure, so the caller must
// be the test's goroutine. All other methods may be called from any goroutine.
type Server struct {
	Addr   string // host:port
	Host   string
	Port   int
	Socket string // path of the unix socket, short enough for every system
	Dir    string // the server's working folder, removed at the end

	// Announced is the address by which the server's group names the server to
	// clients: Addr, unless [Announce] changed it.
	Announced string

	// Release is the product and version that the test asked for. A server found
	// on PATH may be of another version.
	Release release.Release
	// Password is the default user's password, empty if the user needs none.
	Password string
	// Certificates is nil unless the server was started with TLS.
	Certificates *Certificates

	settings     settings
	announcedBus string // like Announced, for BusAddr

	mu      sync.Mutex
	process *process // nil while the server is down
	frozen  bool
}

// Redis starts a standalone redis-server and waits until the server answers. The
// end of the test stops the server, and shows the server's log if the test
// failed.
func Redis(t testing.TB, opts ...Option) *Server {
	t.Helper()
	return standalone(t, opts)
}

// Valkey is Redis with a valkey-server.
func Valkey(t testing.TB, opts ...Option) *Server {
	t.Helper()
	return standalone(t, slices.Concat([]Option{Release("valkey")}, opts))
}

func standalone(t testing.TB, opts []Option) *Server {
	t.Helper()
	srv, err := open(opts)
	if err != nil {
		unavailable(t, err)
	}
	stopAtEnd(t, srv)
	return srv
}

// stopAtEnd stops servers when the test ends, and shows their logs if the test
// failed.
func stopAtEnd(t testing.TB, f fixture) {
	t.Helper()
	t.Cleanup(func() {
		if t.Failed() {
			showLogs(t, f.all(), nil)
		}
		if err := f.close(); err != nil {
			t.Error(err)
		}
	})
}

// unavailable ends a test that has no server. The test is skipped if the only
// reason is that this machine has no such server program, except in CI.
// Otherwise the test fails.
func unavailable(t testing.TB, err error) {
	t.Helper()
	if !errors.Is(err, release.ErrNotFound) {
		t.Fatalf("servertest: %v", err)
	}
	const advice = `get it with "make servers", or with "make servers-matrix" all releases; neither installs anything`
	if os.Getenv("CI") != "" {
		t.Fatalf("servertest: %v; %s (not skipped, since CI is set)", err, advice)
	}
	t.Skipf("servertest: %v; %s", err, advice)
}

// Kill ends the server at once, as a power cut would (SIGKILL), and waits until
// the process is gone. Data that was not saved is lost. Killing a server that
// is down does nothing.
func (s *Server) Kill(t testing.TB) {
	t.Helper()
	if err := s.kill(); err != nil {
		t.Fatalf("servertest: %v", err)
	}
}

// Start starts a killed server on the same port, and waits until the server
// answers. The server loads the data that was saved to Dir.
func (s *Server) Start(t testing.TB) {
	t.Helper()
	if err := s.start(); err != nil {
		t.Fatalf("servertest: %v", err)
	}
}

// Restart is Kill followed by Start.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	s.Kill(t)
	s.Start(t)
}

// Freeze stops the server's process without ending the process (SIGSTOP).
// Connections stay open, and the system still accepts new connections, but
// nothing is answered until Thaw. On systems without SIGSTOP the test is
// skipped.
func (s *Server) Freeze(t testing.TB) {
	t.Helper()
	s.signal(t, (*process).freeze, true)
}

// Thaw lets a frozen server go on.
func (s *Server) Thaw(t testing.TB) {
	t.Helper()
	s.signal(t, (*process).thaw, false)
}

func (s *Server) signal(t testing.TB, send func(*process) error, frozen bool) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process == nil {
		t.Fatalf("servertest: server at %s is down", s.Addr)
	}
	switch err := send(s.process); {
	case errors.Is(err, errors.ErrUnsupported):
		t.Skip("servertest: this system cannot freeze a process")
	case err != nil:
		t.Fatalf("servertest: %v", err)
	}
	s.frozen = frozen
}

// running says whether the server can answer: whether the server is neither down
// nor frozen.
func (s *Server) running() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.process != nil && !s.frozen
}

// open starts a server in a folder of its own.
func open(opts []Option) (*Server, error) {
	settings := newSettings(opts)
	release, err := release.Find(settings.release)
	if err != nil {
		return nil, err
	}
	if _, err := release.Command(); err != nil {
		return nil, err
	}
	s := &Server{
		Host:         host,
		Release:      release,
		Password:     settings.password,
		Certificates: settings.certificates,
		settings:     settings,
	}
	// Not t.TempDir: its long names leave no room for the path of a socket.
	dir, err := os.MkdirTemp("", "xcache-")
	if err != nil {
		return nil, err
	}
	s.Dir = dir
	if err := s.prepare(); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

// prepare makes the server's files and starts the server for the first time.
func (s *Server) prepare() error {
	s.Socket = filepath.Join(s.Dir, "server.sock")
	if len(s.Socket) >= 100 {
		return fmt.Errorf("path of the socket %s is too long for a unix socket, set TMPDIR to a shorter one", s.Socket)
	}
	if s.settings.tls && s.Certificates == nil {
		certificates, err := newCertificates(s.Dir)
		if err != nil {
			return err
		}
		s.Certificates = certificates
	}
	// Another process may take the port between our look and the server's.
	var err error
	for range 10 {
		if err = s.choosePort(); err != nil {
			return err
		}
		if err = s.launch(); !errors.Is(err, errPortTaken) {
			return err
		}
	}
	return err
}

func (s *Server) choosePort() error {
	port, err := freePort()
	if err != nil {
		return err
	}
	s.Port = port
	s.Addr = net.JoinHostPort(s.Host, strconv.Itoa(port))
	announcement, err := s.announcement()
	if err != nil {
		return err
	}
	return os.WriteFile(s.configFile(), s.config(announcement), 0o600)
}

// start launches the server on the same port as before. A connection of the
// killed process may hold that port for a moment longer.
func (s *Server) start() error {
	deadline := time.Now().Add(startTimeout)
	for {
		err := s.launch()
		if !errors.Is(err, errPortTaken) || time.Now().After(deadline) {
			return err
		}
		time.Sleep(10 * pollInterval)
	}
}

// errPortTaken is launch's error when the server could not bind its port.
var errPortTaken = errors.New("port taken by another process")

// launch starts the process and waits until the server answers. After an error no
// process is left.
func (s *Server) launch() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process != nil {
		return fmt.Errorf("server at %s is running", s.Addr)
	}
	logged := s.logSize()
	process, err := s.spawn()
	if err != nil {
		return err
	}
	if err := s.awaitReady(process); err != nil {
		err = errors.Join(err, process.kill())
		log := s.logSince(logged)
		if bytes.Contains(log, []byte("Address already in use")) {
			return errPortTaken
		}
		return fmt.Errorf("%s did not start: %w, its log:\n%s", s.Release.Name, err, log)
	}
	s.process = process
	return s.shortenTimeouts()
}

func (s *Server) spawn() (*process, error) {
	args := []string{s.configFile()}
	if s.settings.sentinel {
		args = append(args, "--sentinel")
	}
	if s.settings.cluster {
		if err := s.reconcileShards(); err != nil {
			return nil, err
		}
	}
	cmd, err := s.Release.Command(args...)
	if err != nil {
		return nil, err
	}
	// A file, not a pipe: a pipe would need a goroutine to empty it.
	log, err := os.OpenFile(s.logFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd.Dir, cmd.Stdout, cmd.Stderr = s.Dir, log, log
	return startProcess(cmd)
}

// awaitReady waits until the server answers and has loaded its data. The PING
// goes to the socket: on the port another process could answer that was quicker
// to bind the port. The server binds the socket after the port, so an answer
// means that both are bound.
func (s *Server) awaitReady(process *process) error {
	timeout := time.After(startTimeout)
	for {
		_, err := s.Try("PING")
		if err == nil {
			return nil
		}
		select {
		case <-process.exited:
			return errors.New("it ended by itself")
		case <-timeout:
			return fmt.Errorf("no answer after %v: %w", startTimeout, err)
		case <-time.After(pollInterval):
		}
	}
}

func (s *Server) kill() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process == nil {
		return nil
	}
	err := s.process.kill()
	s.process, s.frozen = nil, false
	// With the old file in place, Start could not tell the new server's socket from
	// the old socket.
	return errors.Join(err, removeIfExists(s.Socket))
}

// all makes a server a fixture.
func (s *Server) all() []*Server { return []*Server{s} }

// close stops the server and removes its folder.
func (s *Server) close() error {
	return errors.Join(s.kill(), os.RemoveAll(s.Dir))
}

func (s *Server) configFile() string { return filepath.Join(s.Dir, "server.conf") }
func (s *Server) logFile() string    { return filepath.Join(s.Dir, "server.log") }

// logSize returns how much the server has logged so far.
func (s *Server) logSize() int {
	info, err := os.Stat(s.logFile())
	if err != nil {
		return 0
	}
	return int(info.Size())
}

// logSince returns the server's log after the first skip bytes.
func (s *Server) logSince(skip int) []byte {
	log, err := os.ReadFile(s.logFile())
	if err != nil {
		return []byte(err.Error())
	}
	return log[min(skip, len(log)):]
}

// showLogs shows what servers logged, each after its number of bytes in skip.
func showLogs(t testing.TB, servers []*Server, skip map[*Server]int) {
	t.Helper()
	for _, s := range servers {
		t.Logf("log of the %s at %s:\n%s", s.Release.Name, s.Addr, s.logSince(skip[s]))
	}
}

func removeIfExists(file string) error {
	if err := os.Remove(file); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}
