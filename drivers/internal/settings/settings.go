// Package settings reads the parameters of a DSN that all drivers for servers share, so
// that a DSN has the same meaning for all these drivers.
package settings

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/status"
)

const (
	defaultPort         = "6379"
	defaultSentinelPort = "26379"
	defaultHost         = "localhost"
	defaultDialTimeout  = time.Second

	// DefaultOpTimeout is the default time-out of a call without a deadline.
	DefaultOpTimeout = 3 * time.Second
	// DefaultMaxValue is the default limit of values: the default limit of the codecs, and
	// room for their headers.
	DefaultMaxValue = 64<<20 + 4<<10

	// defaultExclusiveSize is the default of exclusive_size.
	defaultExclusiveSize = 64

	maxDB       = 1 << 20
	maxPoolSize = 1 << 20
)

// ErrNoHello is the error of HELLO when NoHello is set. HELLO is not sent.
var ErrNoHello error = driver.Fail(errors.ErrUnsupported, driver.NotApplied, errors.New("hello=off leaves HELLO out"))

// Settings hold the parameters of a server and of the connections to it. No verb of fmt
// shows the password.
type Settings struct {
	// Driver is the name of the driver.
	Driver string
	// Network is tcp or unix. Addr is a host:port, or the path of a socket.
	Network, Addr string
	// DB is the number of the database.
	DB int
	// TLS is nil for connections without TLS.
	TLS *tls.Config

	// OpTimeout is the time-out of a call without a deadline.
	OpTimeout time.Duration
	// DialTimeout bounds connecting, with TLS and the login.
	DialTimeout time.Duration
	// ReadTimeout and WriteTimeout bound one exchange, besides the deadline of the call. 0
	// means no such bound.
	ReadTimeout, WriteTimeout time.Duration
	// PoolSize is the limit of connections. 0 means the driver's default.
	PoolSize int
	// ExclusiveSize is the limit of exclusive connections, which do not count for PoolSize.
	ExclusiveSize int
	// ClientName is the name in CLIENT LIST.
	ClientName string
	// Protocol is the version of RESP, 2 or 3; 0 is the driver's default.
	Protocol int
	// NoHello tells that connections begin without HELLO, in version 2 of RESP, because
	// some proxies hang up on HELLO.
	NoHello bool
	// MaxValue is the length in bytes of the longest value that is sent or read.
	MaxValue int
	// Events receives the store's events, and is nil without a listener. The store that
	// Open returns closes Events after all other stores.
	Events *status.Queue
	// Status is the state of the connections to the server. Status reports the events about
	// the server.
	Status *status.Server
	// ReadOnly tells that the server is a replica of a cluster that serves reads.
	// Connections to such a server send READONLY.
	ReadOnly bool

	credentials *credentials
}

// Read returns the settings of dsn, which must have one server only. Errors name the
// parameter, and never hold a password. Read reads the files of the DSN, and does no
// network I/O.
func Read(dsn *driver.DSN) (*Settings, error) {
	s, addrs, err := read(dsn, driver.Standalone)
	if err == nil && len(addrs) > 1 {
		err = fmt.Errorf("xcache: bad DSN: the %s driver does not do replicas yet, give one host: %w", dsn.Driver, errors.ErrUnsupported)
	}
	if err != nil {
		return nil, err
	}
	return s.at(addrs[0]), nil
}

// read returns the settings that all servers of a DSN share, and the addresses of the
// servers. There is at least one address. The error also reports parameters that the
// caller has read before.
func read(dsn *driver.DSN, topology driver.Topology) (*Settings, []string, error) {
	s := &Settings{
		Driver:        dsn.Driver,
		OpTimeout:     dsn.OpTimeout,
		ReadTimeout:   dsn.Duration("read_timeout", 0),
		WriteTimeout:  dsn.Duration("write_timeout", 0),
		PoolSize:      dsn.Int("pool_size", 0, 1, maxPoolSize),
		ExclusiveSize: dsn.Int("exclusive_size", defaultExclusiveSize, 1, maxPoolSize),
		ClientName:    readClientName(dsn),
		MaxValue:      dsn.MaxValue,
		Events:        status.NewQueue(dsn.Notify),
	}
	if s.MaxValue <= 0 {
		s.MaxValue = DefaultMaxValue
	}
	if s.OpTimeout <= 0 {
		s.OpTimeout = DefaultOpTimeout
	}
	s.DialTimeout = dsn.Duration("dial_timeout", min(defaultDialTimeout, s.OpTimeout))
	s.Protocol = dsn.Int("protocol", 0, 2, 3)
	s.NoHello = !dsn.Bool("hello", true)
	if s.NoHello && s.Protocol == 3 {
		dsn.Refuse("hello", "cannot be off with protocol=3, which only HELLO asks for")
	}
	s.readDB(dsn)
	addrs, err := s.readAddrs(dsn, topology)
	credentials, credentialsErr := readCredentials(dsn)
	s.credentials = credentials
	errs := []error{err, credentialsErr, s.readTLS(dsn)}
	if err := errors.Join(append(errs, dsn.Err())...); err != nil {
		return nil, nil, err
	}
	return s, addrs, nil
}

// at returns the settings of the server at an address.
func (s *Settings) at(addr string) *Settings {
	server := *s
	server.Addr = addr
	server.Status = status.NewServer(addr, s.Events)
	if s.TLS != nil {
		server.TLS = s.TLS.Clone()
		if s.TLS.ServerName == "" {
			server.TLS.ServerName, _, _ = net.SplitHostPort(addr)
		}
	}
	return &server
}

func (s *Settings) readAddrs(dsn *driver.DSN, topology driver.Topology) ([]string, error) {
	more := dsn.List("addr")
	if dsn.Unix {
		if len(more) > 0 {
			dsn.Refuse("addr", "cannot be combined with a unix socket")
		}
		s.Network = "unix"
		return []string{dsn.Path}, nil
	}
	s.Network = "tcp"
	port := defaultPort
	if topology == driver.Sentinel {
		port = defaultSentinelPort
	}
	var addrs []string
	for _, host := range dsn.Hosts {
		addrs = append(addrs, host.Addr(port))
	}
	for _, text := range more {
		addr, ok := parseAddr(text, port)
		if !ok {
			dsn.Refuse("addr", "must be host or host:port, with [ ] around an IPv6 address")
			return nil, nil
		}
		addrs = append(addrs, addr)
	}
	switch {
	case dsn.Topology != topology:
		return nil, fmt.Errorf("xcache: bad DSN: the %s driver does not do +%s yet: %w", dsn.Driver, dsn.Topology, errors.ErrUnsupported)
	case len(dsn.Hosts) > 0 && len(more) > 0:
		dsn.Refuse("addr", "cannot be combined with hosts in front; name all servers in one of the two ways")
	case len(addrs) == 0:
		addrs = []string{net.JoinHostPort(defaultHost, port)}
	}
	return addrs, nil
}

// parseAddr returns a host, or a host and a port, in the form host:port.
func parseAddr(text, defaultPort string) (string, bool) {
	if bare := strings.TrimSuffix(strings.TrimPrefix(text, "["), "]"); !strings.Contains(text, ":") || net.ParseIP(bare) != nil && text != bare {
		if bare == "" || strings.ContainsAny(text, " @/,") {
			return "", false
		}
		return net.JoinHostPort(bare, defaultPort), true
	}
	host, port, err := net.SplitHostPort(text)
	if n, portErr := strconv.ParseUint(port, 10, 16); err != nil || portErr != nil || n == 0 || host == "" || strings.ContainsAny(host, " @/,") {
		return "", false
	}
	return net.JoinHostPort(host, port), true
}

// readDB reads the number of the database from the path or from db=. With a unix socket,
// the path is the path of the socket. Both may be given if they agree.
func (s *Settings) readDB(dsn *driver.DSN) {
	given := dsn.Has("db")
	s.DB = dsn.Int("db", 0, 0, maxDB)
	if dsn.Unix || dsn.Path == "" {
		return
	}
	n, err := strconv.Atoi(dsn.Path)
	switch {
	case err != nil || n < 0 || n > maxDB:
		dsn.Refuse("db", "is the number of a database; so is the path behind the hosts, as in /0")
	case given && n != s.DB:
		dsn.Refuse("db", "contradicts the path behind the hosts; give the number once")
	default:
		s.DB = n
	}
}

func readClientName(dsn *driver.DSN) string {
	name := dsn.Text("client_name", "")
	if strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' }) {
		dsn.Refuse("client_name", "must be printable ASCII without spaces")
	}
	return name
}

func (s *Settings) readTLS(dsn *driver.DSN) error {
	ca, cert, key := dsn.Text("tls_ca", ""), dsn.Text("tls_cert", ""), dsn.Text("tls_key", "")
	serverName := dsn.Text("tls_server_name", "")
	if !dsn.TLS {
		for _, name := range []string{"tls_ca", "tls_cert", "tls_key", "tls_server_name"} {
			if dsn.Has(name) {
				dsn.Refuse(name, "needs a scheme with TLS: "+dsn.Driver+"s://")
			}
		}
		return nil
	}
	s.TLS = &tls.Config{MinVersion: tls.VersionTLS12, ServerName: serverName}
	if ca != "" {
		pem, err := os.ReadFile(ca)
		if err != nil {
			return fmt.Errorf("xcache: bad DSN: tls_ca cannot be read: %w", err)
		}
		s.TLS.RootCAs = x509.NewCertPool()
		if !s.TLS.RootCAs.AppendCertsFromPEM(pem) {
			return fmt.Errorf("xcache: bad DSN: tls_ca %s holds no certificate in PEM form", ca)
		}
	}
	if (cert == "") != (key == "") {
		dsn.Refuse("tls_cert", "and tls_key belong together; give both")
		return nil
	}
	if cert != "" {
		pair, err := readCertificate(cert, key)
		if err != nil {
			return fmt.Errorf("xcache: bad DSN: tls_cert and tls_key cannot be used: %w", err)
		}
		s.TLS.GetClientCertificate = pair.forServer
	}
	return nil
}
