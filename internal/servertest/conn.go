package servertest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"
)

// doTimeout bounds one command, so that a test on a frozen server ends.
const doTimeout = 10 * time.Second

// Do runs one command on a connection of its own, as a user who may do
// everything, and returns the reply. With Do a test looks at the server from
// outside, past the code under test.
//
// The reply is a string, an int64, nil (a missing value) or a []any of these;
// an error inside a list is a [ServerError]. An error as the whole reply, or no
// reply, ends the test; Try returns the error instead.
func (s *Server) Do(t testing.TB, args ...string) any {
	t.Helper()
	reply, err := s.Try(args...)
	if err != nil {
		t.Fatalf("servertest: %s: %v", args[0], err)
	}
	return reply
}

// Try is Do with the error returned. If the server answered with an error,
// that is a [ServerError]; any other error means that the server did not
// answer.
func (s *Server) Try(args ...string) (any, error) {
	conn, err := s.dial()
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	return conn.Try(args...)
}

// Dial returns a connection for commands that belong together, such as SELECT
// and GET. The connection is logged in as the user of Do, and is closed when
// the test ends.
func (s *Server) Dial(t testing.TB) *Conn {
	t.Helper()
	conn, err := s.dial()
	if err != nil {
		t.Fatalf("servertest: %v", err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// dial connects to the socket, where neither TLS nor a taken port is in the way.
func (s *Server) dial() (*Conn, error) {
	conn, err := net.DialTimeout("unix", s.Socket, doTimeout)
	if err != nil {
		return nil, err
	}
	c := &Conn{conn: conn, replies: bufio.NewReader(conn)}
	if login := s.login(); login != nil {
		if _, err := c.Try(login...); err != nil {
			return nil, errors.Join(err, c.Close())
		}
	}
	return c, nil
}

// login returns the command that makes a connection the inspector's.
func (s *Server) login() []string {
	if !s.settings.sentinel || s.hasSentinelUsers() {
		return []string{"AUTH", inspector, "any"}
	}
	if s.settings.password != "" {
		return []string{"AUTH", s.settings.password}
	}
	return nil
}

// ServerError is an error that the server answered with, such as "WRONGTYPE …".
type ServerError string

func (e ServerError) Error() string { return string(e) }

// Conn is one connection to a server, for one goroutine.
type Conn struct {
	conn    net.Conn
	replies *bufio.Reader
}

// Close closes the connection.
func (c *Conn) Close() error { return c.conn.Close() }

// Do is [Server.Do] on this connection.
func (c *Conn) Do(t testing.TB, args ...string) any {
	t.Helper()
	reply, err := c.Try(args...)
	if err != nil {
		t.Fatalf("servertest: %s: %v", args[0], err)
	}
	return reply
}

// Try is [Server.Try] on this connection. After any error but a [ServerError]
// the connection is of no more use.
func (c *Conn) Try(args ...string) (any, error) {
	replies, err := c.Pipeline(args)
	if err != nil {
		return nil, err
	}
	if serverError, ok := replies[0].(ServerError); ok {
		return nil, serverError
	}
	return replies[0], nil
}

// Pipeline sends commands at once and returns their replies. Any reply may be a
// [ServerError].
func (c *Conn) Pipeline(commands ...[]string) ([]any, error) {
	if err := c.conn.SetDeadline(time.Now().Add(doTimeout)); err != nil {
		return nil, err
	}
	var request strings.Builder
	for _, args := range commands {
		fmt.Fprintf(&request, "*%d\r\n", len(args))
		for _, arg := range args {
			fmt.Fprintf(&request, "$%d\r\n%s\r\n", len(arg), arg)
		}
	}
	if _, err := io.WriteString(c.conn, request.String()); err != nil {
		return nil, err
	}
	replies := make([]any, len(commands))
	for i := range replies {
		reply, err := c.readReply()
		if err != nil {
			return nil, err
		}
		replies[i] = reply
	}
	return replies, nil
}

// readReply reads one reply of RESP, version 2.
func (c *Conn) readReply() (any, error) {
	line, err := c.replies.ReadString('\n')
	if err != nil {
		return nil, err
	}
	line = strings.TrimSuffix(line, "\r\n")
	if line == "" {
		return nil, errors.New("empty reply")
	}
	kind, rest := line[0], line[1:]
	switch kind {
	case '+':
		return rest, nil
	case '-':
		return ServerError(rest), nil
	case ':':
		return strconv.ParseInt(rest, 10, 64)
	case '$':
		return c.readString(rest)
	case '*':
		return c.readList(rest)
	}
	return nil, fmt.Errorf("unknown kind of reply %q", line)
}

func (c *Conn) readString(length string) (any, error) {
	n, err := strconv.Atoi(length)
	if err != nil || n < 0 {
		return nil, err // a negative length is a missing value
	}
	data := make([]byte, n+len("\r\n"))
	if _, err := io.ReadFull(c.replies, data); err != nil {
		return nil, err
	}
	return string(data[:n]), nil
}

func (c *Conn) readList(length string) (any, error) {
	n, err := strconv.Atoi(length)
	if err != nil || n < 0 {
		return nil, err // a negative length is a missing list
	}
	list := make([]any, n)
	for i := range list {
		if list[i], err = c.readReply(); err != nil {
			return nil, err
		}
	}
	return list, nil
}
