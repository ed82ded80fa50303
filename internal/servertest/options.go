package servertest

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"

	"github.com/xcache-go/xcache/internal/servertest/release"
)

// Option changes how a server is started.
type Option func(*settings)

type settings struct {
	release    string
	password   string
	users      [][]string
	tls        bool
	directives [][]string

	// The fields from here on are for groups only.
	certificates *Certificates // of the whole group
	cluster      bool          // the server is a node of a cluster
	sentinel     bool          // the server is a sentinel
	sentinels    []Option      // for the group's sentinels only
	announce     func(listening string) string
}

func newSettings(opts []Option) settings {
	s := settings{release: "redis"}
	for _, opt := range opts {
		opt(&s)
	}
	return s
}

// Release chooses the server by product, "redis" or "valkey", or by product and
// version, "valkey-8.1": package release lists them. A product means its default
// release, or the release in the environment variable XCACHE_REDIS or
// XCACHE_VALKEY. "make servers" fetches the default releases. Without this
// option the product is redis.
func Release(name string) Option {
	return func(s *settings) { s.release = name }
}

// Password makes the default user need a password (requirepass).
func Password(password string) Option {
	return func(s *settings) { s.password = password }
}

// User adds an ACL user. The user is on and has the password; with an empty
// password the user needs none. The rules are rules of ACL SETUSER: "~cache:*",
// "+@all", "-flushall". Without rules the user may do nothing. The name "default"
// changes the default user.
func User(name, password string, rules ...string) Option {
	access := "nopass"
	if password != "" {
		access = ">" + password
	}
	line := append([]string{"user", name, "reset", "on", access}, rules...)
	return func(s *settings) { s.users = append(s.users, line) }
}

// TLS makes the server speak TLS, and only TLS, on its TCP port, with the
// certificates in [Server].Certificates. Clients may present a certificate but
// need not; with Config("tls-auth-clients", "yes") clients must.
func TLS() Option {
	return func(s *settings) { s.tls = true }
}

// Config adds a line to the server's configuration file: a directive, such as
// "maxmemory" or "enable-debug-command", and its values. The line comes after
// the lines of this package, and so wins over them.
func Config(directive string, values ...string) Option {
	line := append([]string{directive}, values...)
	return func(s *settings) { s.directives = append(s.directives, line) }
}

// inGroup gives the server the certificates of its group; nil if the group
// speaks no TLS.
func inGroup(certificates *Certificates) Option {
	return func(s *settings) { s.certificates = certificates }
}

// inspector is the user of [Server.Do]. With a separate user for Do, a test
// may restrict the default user in any way.
const inspector = "servertest"

// config returns the server's configuration file. The file ends with the
// lines about the addresses that the server announces.
func (s *Server) config(announcement [][]string) []byte {
	port := strconv.Itoa(s.Port)
	lines := [][]string{
		{"bind", s.Host},
		{"unixsocket", s.Socket},
		{"unixsocketperm", "700"},
		{"dir", s.Dir},
		{"save", ""},
		{"appendonly", "no"},
		slices.Concat([]string{"user", inspector, "on", "nopass", "allkeys", "allcommands"}, s.channels()),
	}
	if !s.settings.sentinel {
		lines = append(lines, replication...)
	}
	if s.settings.cluster {
		lines = append(lines, clusterNode...)
	}
	if s.Certificates == nil {
		lines = append(lines, []string{"port", port})
	} else {
		lines = append(lines,
			[]string{"port", "0"},
			[]string{"tls-port", port},
			[]string{"tls-ca-cert-file", s.Certificates.CAFile},
			[]string{"tls-cert-file", s.Certificates.serverCertFile},
			[]string{"tls-key-file", s.Certificates.serverKeyFile},
			[]string{"tls-auth-clients", "optional"},
			[]string{"tls-replication", "yes"},
			[]string{"tls-cluster", "yes"},
		)
	}
	if s.settings.password != "" {
		lines = append(lines, []string{"requirepass", s.settings.password})
	}
	var file bytes.Buffer
	for _, line := range slices.Concat(lines, s.settings.users, s.settings.directives, announcement) {
		file.WriteString(line[0])
		for _, value := range line[1:] {
			file.WriteByte(' ')
			file.WriteString(quote(value))
		}
		file.WriteByte('\n')
	}
	return file.Bytes()
}

// channels returns the ACL rules that let a user publish and subscribe.
// Before Redis 6.2 no rule is needed.
func (s *Server) channels() []string {
	if s.Release.Version == release.Redis60.Version {
		return nil
	}
	return []string{"allchannels"}
}

// quote writes a value in quotes, with \x escapes: in that form the
// configuration file takes any bytes.
func quote(value string) string {
	quoted := []byte{'"'}
	for _, b := range []byte(value) {
		if b < ' ' || b > '~' || b == '"' || b == '\\' {
			quoted = fmt.Appendf(quoted, `\x%02x`, b)
		} else {
			quoted = append(quoted, b)
		}
	}
	return string(append(quoted, '"'))
}
