package valkey

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/failure"
	"github.com/xcache-go/xcache/drivers/internal/servererror"
	"github.com/xcache-go/xcache/drivers/internal/settings"
)

// This file logs in. valkey-go would take each refusal for the end of the
// connection, or would go on after it without a word; so it gets connections that
// have logged in already, and an answer to its own HELLO that no server gave.

// greet tells the server who speaks, in which version of RESP, to which database.
// All of it is written at once, as a rule: one round trip.
//
// HELLO brings the password along, as any is right then for a user without one.
// Where HELLO is refused for any other reason than the password, it is left out:
// servers and proxies have many words for not knowing it.
func greet(nc net.Conn, s *settings.Settings) error {
	var password string
	if s.HasPassword() {
		var err error
		if password, err = s.Password(); err != nil {
			return err
		}
	}
	var source io.Reader = nc
	if s.TLS == nil {
		source = failure.FirstReads(nc)
	}
	g := greeting{conn: nc, settings: s, replies: newReader(source)}
	if s.NoHello {
		return g.rest(password)
	}
	hello := []string{"HELLO", strconv.Itoa(max(s.Protocol, defaultProtocol))}
	if s.HasPassword() {
		user := s.User
		if user == "" {
			user = "default"
		}
		hello = append(hello, "AUTH", user, password)
	}
	rest := g.commands()
	replies, err := g.ask(append([][]string{hello}, rest...))
	if err != nil {
		return err
	}
	if replies[0].Kind != driver.ReplyError {
		s.Status.Said(versionOf(replies[0]))
		return g.settle(rest, replies[1:])
	}
	if text := errorText(replies[0]); isFinal(text) {
		return servererror.Parse(text, nativeError)
	}
	return g.rest(password)
}

// isFinal reports whether a refusal of HELLO is one of everything.
func isFinal(text string) bool {
	for _, prefix := range []string{"NOAUTH", "WRONGPASS", "DENIED", "ERR max number of clients"} {
		if strings.HasPrefix(text, prefix) {
			return true
		}
	}
	return false
}

// A greeting is what is said to the server on a new connection.
type greeting struct {
	conn     net.Conn
	settings *settings.Settings
	replies  *reader
}

// rest says all without HELLO.
func (g *greeting) rest(password string) error {
	var commands [][]string
	if g.settings.HasPassword() {
		auth := []string{"AUTH", password}
		if g.settings.User != "" {
			auth = []string{"AUTH", g.settings.User, password}
		}
		commands = append(commands, auth)
	}
	commands = append(commands, g.commands()...)
	replies, err := g.ask(commands)
	if err != nil {
		return err
	}
	return g.settle(commands, replies)
}

// commands returns what follows the login.
func (g *greeting) commands() (commands [][]string) {
	if g.settings.ClientName != "" {
		commands = append(commands, []string{"CLIENT", "SETNAME", g.settings.ClientName})
	}
	if g.settings.DB != 0 {
		commands = append(commands, []string{"SELECT", strconv.Itoa(g.settings.DB)})
	}
	if g.settings.ReadOnly {
		commands = append(commands, []string{"READONLY"})
	}
	return commands
}

// settle returns the first refusal. That of the name is none.
func (g *greeting) settle(commands [][]string, replies []driver.Reply) error {
	for i, reply := range replies {
		if reply.Kind != driver.ReplyError {
			continue
		}
		err := servererror.Parse(errorText(reply), nativeError)
		if commands[i][0] != "CLIENT" {
			return err
		}
		g.settings.Status.Notify(driver.ClientNameRefused, err)
	}
	return nil
}

// ask sends commands, and reads their replies, behind which there is nothing.
func (g *greeting) ask(commands [][]string) ([]driver.Reply, error) {
	if len(commands) == 0 {
		return nil, nil
	}
	if err := writeCommands(g.conn, commands); err != nil {
		return nil, err
	}
	replies := make([]driver.Reply, len(commands))
	for i := range replies {
		var err error
		if replies[i], err = g.replies.next(); err != nil {
			return nil, err
		}
		if i == 0 && replies[0].Kind == driver.ReplyError && isFinal(errorText(replies[0])) {
			return replies[:1], nil // perhaps there is no other
		}
	}
	if g.replies.buffered() > 0 {
		return nil, errUnasked
	}
	return replies, nil
}

// writeCommands writes commands in one go.
func writeCommands(w io.Writer, commands [][]string) error {
	var text []byte
	for _, words := range commands {
		text = fmt.Appendf(text, "*%d\r\n", len(words))
		for _, word := range words {
			text = fmt.Appendf(text, "$%d\r\n%s\r\n", len(word), word)
		}
	}
	_, err := w.Write(text)
	return err
}

// What valkey-go says on a new connection, and what it hears. Which version is
// spoken makes no difference to it otherwise.
const (
	clientGreeting = "*2\r\n$5\r\nHELLO\r\n$1\r\n2\r\n"
	serverGreeting = "*2\r\n$5\r\nproto\r\n:2\r\n"
)

// answerGreeting answers what valkey-go says first.
func (c *conn) answerGreeting(p []byte) (int, error) {
	if string(p) != clientGreeting {
		return 0, errGreeting
	}
	c.greeted = true
	c.passed = []byte(serverGreeting)
	return len(p), nil
}

// A reader reads the replies of a server that valkey-go does not get to see. They
// are bounded: those to the commands of a greeting, and messages, are short.
type reader struct {
	source  *io.LimitedReader
	replies *bufio.Reader
}

// maxReply is how long a reply may be.
const maxReply = 1 << 20

func newReader(from io.Reader) *reader {
	source := &io.LimitedReader{R: from}
	return &reader{source, bufio.NewReader(source)}
}

// buffered returns how much was read behind the last reply.
func (r *reader) buffered() int { return r.replies.Buffered() }

// next reads a reply.
func (r *reader) next() (driver.Reply, error) {
	r.source.N = maxReply
	reply, err := r.read(0)
	if err == io.EOF && r.source.N == 0 { //nolint:errorlint // the limit is told bare
		err = errMalformed
	}
	return reply, err
}

func (r *reader) read(depth int) (driver.Reply, error) {
	line, err := r.replies.ReadString('\n')
	switch {
	case err != nil:
		return driver.Reply{}, err
	case len(line) < len("_\r\n") || !strings.HasSuffix(line, "\r\n") || depth > maxDepth:
		return driver.Reply{}, errMalformed
	}
	kind, text := line[0], line[1:len(line)-len("\r\n")]
	switch kind {
	case '+', ':', '#', ',', '(':
		return driver.DataReply([]byte(text)), nil
	case '-':
		return errorReply(text), nil
	case '_':
		return driver.Reply{}, nil
	case '$', '=', '!':
		return r.readString(kind, text)
	case '*', '~', '>', '%', '|':
		return r.readList(kind, text, depth)
	}
	return driver.Reply{}, errMalformed
}

func (r *reader) readString(kind byte, text string) (driver.Reply, error) {
	if text == "-1" {
		return driver.Reply{}, nil
	}
	length, ok := parseLength([]byte(text), maxReply)
	if !ok {
		return driver.Reply{}, errMalformed
	}
	data := make([]byte, length+len("\r\n"))
	if _, err := io.ReadFull(r.replies, data); err != nil {
		return driver.Reply{}, err
	}
	if data = data[:length]; kind == '!' {
		return errorReply(string(data)), nil
	}
	return driver.DataReply(data), nil
}

func (r *reader) readList(kind byte, text string, depth int) (driver.Reply, error) {
	if text == "-1" {
		return driver.Reply{}, nil
	}
	length, ok := parseLength([]byte(text), maxReply)
	if !ok {
		return driver.Reply{}, errMalformed
	}
	if kind == '%' || kind == '|' {
		length *= 2
	}
	var items []driver.Reply
	for range length {
		item, err := r.read(depth + 1)
		if err != nil {
			return driver.Reply{}, err
		}
		items = append(items, item)
	}
	if kind == '|' { // data about the reply that follows
		return r.read(depth + 1)
	}
	return driver.ArrayReply(items...), nil
}

// An errorReply's error is the text, as it came.
func errorReply(text string) driver.Reply {
	return driver.Reply{Kind: driver.ReplyError, Err: textError(text)}
}

type textError string

func (t textError) Error() string { return string(t) }

func errorText(r driver.Reply) string { return r.Err.Error() }
