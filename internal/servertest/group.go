package servertest

import (
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	// awaitTimeout bounds how long a group may take to reach a state.
	awaitTimeout = time.Minute
	// awaitInterval is how long to wait between two looks at a group.
	awaitInterval = 20 * time.Millisecond

	// failureTimeout is for how many milliseconds a server of a group may be silent until the
	// group takes the server for failed. A busy machine stops a process for seconds, and no
	// server may lose its role for that.
	failureTimeout = "60000"
	// shortFailureTimeout is for groups that form, and for tests that wait for a failover.
	shortFailureTimeout = "1000"
)

// Announce makes the servers of a group name themselves by other addresses than
// the addresses on which they listen, both to each other and to clients. With
// the addresses of proxies, a test can cut the connections between servers:
//
//	servertest.Cluster(t, servertest.Announce(func(listening string) string {
//		proxy := startProxy(t, listening)
//		return proxy.Addr
//	}))
//
// The function is called for each address on which a server is about to listen,
// in the goroutine that starts the group. A node of a cluster listens on one
// address for clients and replicas, and on another, [Server.BusAddr], for the
// other nodes. The function may return an address unchanged. In the rare case
// that another process takes a port first, the function is called again for
// other addresses.
func Announce(address func(listening string) string) Option {
	return func(s *settings) { s.announce = address }
}

// group is the servers that were started together.
type group struct {
	dir          string // of the shared files
	certificates *Certificates
	servers      []*Server
}

// newGroup prepares a group. The caller must close the group, even if no server
// of the group starts.
func newGroup(opts []Option) (*group, error) {
	g := &group{}
	if !newSettings(opts).tls {
		return g, nil
	}
	dir, err := os.MkdirTemp("", "xcache-")
	if err != nil {
		return nil, err
	}
	g.dir = dir
	if g.certificates, err = newCertificates(dir); err != nil {
		return nil, errors.Join(err, g.close())
	}
	return g, nil
}

// start starts number servers and adds them to the group. The servers start
// at the same time, unless the start calls a function of the test.
func (g *group) start(number int, opts ...Option) ([]*Server, error) {
	opts = append(slices.Clip(opts), inGroup(g.certificates))
	started := make([]*Server, number)
	errs := make([]error, number)
	oneByOne := newSettings(opts).announce != nil
	var wait sync.WaitGroup
	for i := range started {
		if oneByOne {
			started[i], errs[i] = open(opts)
			continue
		}
		wait.Go(func() { started[i], errs[i] = open(opts) })
	}
	wait.Wait()
	started = slices.DeleteFunc(started, func(s *Server) bool { return s == nil })
	g.servers = append(g.servers, started...)
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return started, nil
}

func (g *group) all() []*Server { return g.servers }

func (g *group) close() error {
	var errs error
	for _, s := range g.servers {
		errs = errors.Join(errs, s.close())
	}
	if g.dir != "" {
		errs = errors.Join(errs, os.RemoveAll(g.dir))
	}
	return errs
}

// running returns the servers that can answer, and an error if there is none.
func running(servers []*Server) ([]*Server, error) {
	var up []*Server
	for _, s := range servers {
		if s.running() {
			up = append(up, s)
		}
	}
	if up == nil {
		return nil, errors.New("no server of the group is running")
	}
	return up, nil
}

// tell sends a command to all running servers of a list at the same time, so that no
// server that stands still delays the others.
func tell(servers []*Server, command ...string) error {
	up, err := running(servers)
	if err != nil {
		return err
	}
	errs := make([]error, len(up))
	var wait sync.WaitGroup
	for i, s := range up {
		wait.Go(func() { _, errs[i] = s.Try(command...) })
	}
	wait.Wait()
	return errors.Join(errs...)
}

// addrs returns the addresses for clients.
func addrs(servers []*Server) []string {
	list := make([]string, len(servers))
	for i, s := range servers {
		list[i] = s.Announced
	}
	return list
}

// announcement asks the test's function for the addresses that the server
// announces, and returns the lines of the configuration for them.
func (s *Server) announcement() ([][]string, error) {
	s.Announced, s.announcedBus = s.Addr, s.BusAddr()
	if s.settings.announce == nil {
		return nil, nil
	}
	s.Announced = s.settings.announce(s.Addr)
	ip, port, err := net.SplitHostPort(s.Announced)
	if err != nil {
		return nil, fmt.Errorf("address to announce: %w", err)
	}
	if s.settings.sentinel {
		return [][]string{{"sentinel", "announce-ip", ip}, {"sentinel", "announce-port", port}}, nil
	}
	lines := [][]string{{"replica-announce-ip", ip}, {"replica-announce-port", port}}
	if !s.settings.cluster {
		return lines, nil
	}
	s.announcedBus = s.settings.announce(s.BusAddr())
	busIP, busPort, err := net.SplitHostPort(s.announcedBus)
	if err != nil || busIP != ip {
		return nil, fmt.Errorf("address to announce for the bus: %q is no port of %s", s.announcedBus, ip)
	}
	announcePort := "cluster-announce-port"
	if s.Certificates != nil {
		announcePort = "cluster-announce-tls-port"
	}
	return append(lines,
		[]string{"cluster-announce-ip", ip},
		[]string{announcePort, port},
		[]string{"cluster-announce-bus-port", busPort},
	), nil
}

// BusAddr returns the address on which a node of a cluster listens for the other
// nodes.
func (s *Server) BusAddr() string {
	return net.JoinHostPort(s.Host, strconv.Itoa(s.Port+10000))
}

// await waits until check returns no error. After the timeout, the error of
// await contains the last error of check.
func await(check func() error) error {
	deadline := time.Now().Add(awaitTimeout)
	for {
		err := check()
		if err == nil {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("after %v: %w", awaitTimeout, err)
		}
		time.Sleep(awaitInterval)
	}
}

// check ends the test if err is an error.
func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("servertest: %v", err)
	}
}

// info returns the fields of a section of INFO, or of CLUSTER INFO.
func (s *Server) info(command ...string) (map[string]string, error) {
	reply, err := s.Try(command...)
	if err != nil {
		return nil, fmt.Errorf("server at %s: %w", s.Addr, err)
	}
	fields := map[string]string{}
	for line := range strings.Lines(reply.(string)) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			fields[name] = value
		}
	}
	return fields, nil
}
