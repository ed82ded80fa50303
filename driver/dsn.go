package driver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A DSN is a parsed data source name:
//
//	scheme[+cluster|+sentinel|+unix]://[user[:password]@]host[:port][,host[:port]…][/path][?parameter=value…]
//
// User, password, path and values may be percent-encoded; @ / ? # % and, in
// values, & must be. The text forms of a DSN (String, and every verb of fmt)
// never show a password.
//
// The methods that read parameters (Text, Int, …) remember the parameters that
// were read, so that Unread can name the others. These methods may not be called
// concurrently.
//
//nolint:recvcheck // a copy of a DSN hides its password, too
type DSN struct {
	// Scheme is the scheme as written, in lower case.
	Scheme string
	// Driver is the name of the scheme's driver: the scheme without its suffix,
	// and redis for rediss, valkey for valkeys.
	Driver string
	// Topology is the topology that the scheme's suffix names.
	Topology Topology
	// TLS tells that the scheme asks for an encrypted connection.
	TLS bool
	// Unix tells that Path is a socket, and that Hosts is empty.
	Unix bool
	// User and Password are the credentials; empty if there are none.
	User     string
	Password Secret
	// Hosts are the servers in the order of the text.
	Hosts []Host
	// Path is the text after the hosts, without its leading slash, such as a
	// database number. For a socket, Path is the file name, with the slash.
	Path string
	// OpTimeout is the longest time of a call without a deadline. The core sets
	// OpTimeout before Driver.Open; 0 means 3 s.
	OpTimeout time.Duration
	// MaxValue is the length in bytes of the longest stored value, including the
	// bytes that a codec or an encryption adds. A store for servers reads no longer
	// value into memory: a longer value is ErrTooLarge, for reads and writes. The
	// core sets MaxValue before Driver.Open; 0 means 64 MiB and a little.
	MaxValue int
	// Notify is told of the store's events. A store may call Notify concurrently, and
	// not after Close. Notify runs an observer of the program, which may take its time,
	// use the store, or panic: a store calls Notify where none of that harms a call. The
	// core sets Notify before Driver.Open. With nil a store tells nobody.
	Notify func(Event)
	// Credentials, if set, returns the credentials for connections to servers with data,
	// in place of User and Password. A store calls Credentials for each new connection,
	// and again before the credentials expire. The calls may be concurrent, and end when
	// the store is closed. Credentials returns soon after its context has ended. The
	// opener of a store sets Credentials before Driver.Open.
	Credentials func(context.Context) (Credentials, error)

	params *params
}

// Topology is the kind of installation that a DSN names.
type Topology string

// The topologies.
const (
	Standalone Topology = "standalone" // one server, or a primary and its replicas
	Cluster    Topology = "cluster"
	Sentinel   Topology = "sentinel"
)

// A Host is one server of a DSN. Port is "" if the DSN has no port for the server.
type Host struct{ Name, Port string }

// Addr returns the text host:port. A host without a port gets defaultPort.
func (h Host) Addr(defaultPort string) string {
	port := h.Port
	if port == "" {
		port = defaultPort
	}
	return net.JoinHostPort(h.Name, port)
}

// A Secret holds a password, which no format verb prints.
type Secret struct{ text *string }

// NewSecret returns a Secret that holds text.
func NewSecret(text string) Secret {
	if text == "" {
		return Secret{}
	}
	return Secret{&text}
}

// Reveal returns the password, or "" if there is no password.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// String returns a placeholder, or "" if there is no password.
func (s Secret) String() string {
	if s.text == nil {
		return ""
	}
	return redacted
}

// GoString returns the result of String in quotes, for %#v.
func (s Secret) GoString() string { return strconv.Quote(s.String()) }

// MarshalText returns the result of String, for loggers.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

const redacted = "xxxxx"

// ParseDSN parses a data source name. An error names the mistake and the correct form, and never
// shows any part of the text that could be a password.
func ParseDSN(text string) (*DSN, error) {
	if strings.TrimSpace(text) != text {
		return nil, dsnError("it begins or ends with white space, as does what is read from a file with a line break at its end; trim it")
	}
	scheme, rest, ok := strings.Cut(text, "://")
	if !ok {
		return nil, dsnError("it has no scheme; write driver://…, such as memory:// or redis://localhost:6379")
	}
	d := &DSN{params: newParams()}
	if err := d.parseScheme(scheme); err != nil {
		return nil, err
	}
	if strings.Contains(rest, "#") {
		return nil, dsnError("it holds a #; write %%23")
	}
	end := strings.IndexAny(rest, "/?")
	if end < 0 {
		end = len(rest)
	}
	authority, tail := rest[:end], rest[end:]
	if strings.Contains(tail, "@") {
		// A raw / or ? cuts a password in two: the error must not show the text behind.
		return nil, dsnError("there is an @ after the hosts; in a user name or password write %%2F for /, %%3F for ?, elsewhere %%40 for @")
	}
	path, query, _ := strings.Cut(tail, "?")
	if err := d.parseAuthority(authority); err != nil {
		return nil, err
	}
	if err := d.parsePath(path); err != nil {
		return nil, err
	}
	if err := d.params.parse(query); err != nil {
		return nil, err
	}
	return d, nil
}

func (d *DSN) parseScheme(scheme string) error {
	d.Scheme = strings.ToLower(scheme)
	base, suffix, hasSuffix := strings.Cut(d.Scheme, "+")
	if !isName(base) || hasSuffix && !isName(suffix) {
		return dsnError("its scheme is not a name; write driver://… or driver+topology://…%s", didYouMean(d.Scheme))
	}
	d.Driver, d.Topology = base, Standalone
	if base == "rediss" || base == "valkeys" {
		d.Driver, d.TLS = strings.TrimSuffix(base, "s"), true
	}
	switch suffix {
	case "":
	case "cluster", "sentinel":
		d.Topology = Topology(suffix)
	case "unix":
		d.Unix = true
		if d.TLS {
			return dsnError("a unix socket has no TLS; write %s+unix://", d.Driver)
		}
	default:
		return dsnError("its scheme has an unknown suffix; +cluster, +sentinel and +unix are known%s", didYouMean(d.Scheme))
	}
	return nil
}

func didYouMean(scheme string) string {
	near := NearestScheme(scheme)
	if near == "" {
		return ""
	}
	return "; did you mean " + near + "://?"
}

func (d *DSN) parseAuthority(authority string) error {
	if i := strings.LastIndexByte(authority, '@'); i >= 0 {
		user, password, _ := strings.Cut(authority[:i], ":")
		if strings.Contains(user, "@") || strings.ContainsAny(password, "@:") {
			return dsnError("its user name or password holds a raw @ or :; write %%40 and %%3A")
		}
		var err error
		if d.User, err = unescape(user, "user name"); err != nil {
			return err
		}
		if password, err = unescape(password, "password"); err != nil {
			return err
		}
		d.Password = NewSecret(password)
		authority = authority[i+1:]
	}
	if authority == "" {
		return nil
	}
	if d.Unix {
		return dsnError("a unix socket has no host; write %s:///path/to/socket", d.Scheme)
	}
	for i, text := range strings.Split(authority, ",") {
		host, err := parseHost(text)
		if err != nil {
			return dsnError("host %d: %v", i+1, err)
		}
		d.Hosts = append(d.Hosts, host)
	}
	return nil
}

// parseHost does not repeat text in its errors: a password without its @ looks like a host.
func parseHost(text string) (Host, error) {
	if text == "" {
		return Host{}, fmt.Errorf("it is empty")
	}
	name, port := text, ""
	if strings.HasPrefix(text, "[") {
		end := strings.IndexByte(text, ']')
		if end < 0 {
			return Host{}, fmt.Errorf("an IPv6 address lacks its ]")
		}
		name, port = text[1:end], text[end+1:]
		plain, err := url.PathUnescape(name)
		if addr, bad := netip.ParseAddr(plain); err != nil || bad != nil || !addr.Is6() {
			return Host{}, fmt.Errorf("what stands in [ ] is not an IPv6 address")
		}
		if port != "" && port[0] != ':' {
			return Host{}, fmt.Errorf("a : must follow the ] of an IPv6 address")
		}
		if port != "" {
			port = port[1:]
			if port == "" {
				return Host{}, fmt.Errorf("its port is empty")
			}
		}
	} else if before, after, found := strings.Cut(text, ":"); found {
		name, port = before, after
		if strings.Contains(port, ":") {
			return Host{}, errors.New("it has two colons; write an IPv6 address in [ ]")
		}
		if port == "" {
			return Host{}, errors.New("its port is empty")
		}
	}
	if name == "" {
		return Host{}, fmt.Errorf("its name is empty")
	}
	bracketed := strings.HasPrefix(text, "[")
	name, err := url.PathUnescape(name)
	if err != nil || strings.ContainsFunc(name, func(r rune) bool {
		return r <= ' ' || r == 0x7f || strings.ContainsRune(`"<>\^{|}@/?#[],`, r) || !bracketed && (r == ':' || r == '%')
	}) {
		return Host{}, fmt.Errorf("its name is not a host name")
	}
	if port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return Host{}, fmt.Errorf("its port is not a number from 1 to 65535")
		}
	}
	return Host{Name: name, Port: port}, nil
}

func (d *DSN) parsePath(path string) (err error) {
	if d.Unix {
		if path == "" || path == "/" {
			return dsnError("it names no socket; write %s:///path/to/socket", d.Scheme)
		}
	} else {
		path = strings.TrimPrefix(path, "/")
	}
	d.Path, err = unescape(path, "path")
	return err
}

// String returns the DSN with a placeholder for every password. A user without a password is
// replaced, too, unless password_file is given: the user may be a password without its colon.
func (d DSN) String() string {
	var b strings.Builder
	b.WriteString(d.Scheme)
	b.WriteString("://")
	if d.User != "" || d.Password.text != nil {
		user := escape(d.User)
		if d.Password.text == nil && d.params.count("password_file") == 0 {
			user = redacted
		}
		b.WriteString(user)
		if d.Password.text != nil {
			b.WriteString(":" + redacted)
		}
		b.WriteByte('@')
	}
	for i, h := range d.Hosts {
		if i > 0 {
			b.WriteByte(',')
		}
		name := h.Name
		if strings.Contains(name, ":") {
			name = "[" + strings.ReplaceAll(name, "%", "%25") + "]"
		}
		b.WriteString(name)
		if h.Port != "" {
			b.WriteString(":" + h.Port)
		}
	}
	if d.Path != "" {
		if !d.Unix {
			b.WriteByte('/')
		}
		b.WriteString(strings.ReplaceAll(escape(d.Path), "%2F", "/"))
	}
	d.params.write(&b)
	return b.String()
}

// GoString returns the result of String in quotes, for %#v.
func (d DSN) GoString() string { return strconv.Quote(d.String()) }

// Format writes the redacted form for every verb.
func (d DSN) Format(f fmt.State, verb rune) {
	fmt.Fprintf(f, fmt.FormatString(f, verb), d.String())
}

// MarshalText returns the result of String, for loggers.
func (d DSN) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// dsnError returns an error about the DSN as a whole.
func dsnError(format string, args ...any) error {
	return fmt.Errorf("xcache: bad DSN: "+format, args...)
}

func unescape(text, what string) (string, error) {
	text, err := url.PathUnescape(text)
	if err != nil {
		return "", dsnError("its %s has a %% that two hexadecimal digits do not follow; write %%25 for a %%", what)
	}
	return text, nil
}

// escape percent-encodes every character that has a meaning of its own in any part of a DSN.
func escape(text string) string {
	return strings.ReplaceAll(url.QueryEscape(text), "+", "%20")
}

// isName reports whether s looks like the name of a scheme or a parameter. Any other text may be
// a piece of a password, and is not repeated in errors.
func isName(s string) bool {
	if s == "" || len(s) > 32 {
		return false
	}
	for i, r := range s {
		switch {
		case r >= 'a' && r <= 'z':
		case i > 0 && (r >= '0' && r <= '9' || r == '_' || r == '-'):
		default:
			return false
		}
	}
	return true
}

// isSecret reports whether the values of a parameter are passwords. A misspelled name of such a
// parameter counts, too: its value is as secret.
func isSecret(name string) bool {
	if strings.HasSuffix(name, "_file") {
		return false
	}
	for word := range strings.FieldsFuncSeq(name, func(r rune) bool { return r == '_' || r == '-' }) {
		if editDistance(word, "password") <= 3 {
			return true
		}
	}
	return slices.ContainsFunc([]string{"pass", "psw", "pwd", "pw", "secret", "token", "auth", "cred"}, func(part string) bool {
		return strings.Contains(name, part)
	})
}
