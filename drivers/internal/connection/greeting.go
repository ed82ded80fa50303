package connection

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/resp"
	"github.com/xcache-go/xcache/drivers/internal/servererror"
	"github.com/xcache-go/xcache/drivers/internal/settings"
	"github.com/xcache-go/xcache/drivers/internal/shape"
	"github.com/xcache-go/xcache/drivers/internal/status"
)

// greet sends the client's name, the version of RESP and the database to the server. All
// commands usually go out at once, in one round trip.
//
// HELLO carries the password, because a user without a password accepts any. A HELLO
// refused for another reason than the password is left out in a second attempt. Servers and
// proxies that do not know HELLO have many different error texts.
func (d *Dialer) greet(c *Conn, login *settings.Login) error {
	g := greeting{dialer: d, settings: d.Settings, conn: c}
	g.replies = resp.NewReader(c.Source, func(text string) error { return refusal(text) })
	if d.Settings.NoHello {
		return g.rest(login)
	}
	hello := []string{"HELLO", strconv.Itoa(max(d.Settings.Protocol, defaultProtocol))}
	if login != nil {
		hello = append(hello, login.HelloWords()...)
	}
	rest := g.commands()
	replies, err := g.ask(append([][]string{hello}, rest...))
	switch {
	case err != nil:
		return err
	case replies[0].Kind != driver.ReplyError:
		d.Settings.Status.Said(versionOf(replies[0]))
		return g.firstRefusal(rest, replies[1:])
	case isFinal(replies[0].Err):
		return g.meaning(replies[0].Err)
	}
	return g.rest(login)
}

// defaultProtocol is the version of RESP unless the DSN asks for another version. In
// version 3 the server may push messages between a command and its reply, which the
// drivers do not need.
const defaultProtocol = 2

// maxReply is the limit of a string in a reply to a greeting.
const maxReply = 1 << 20

// A refusal is the text of an error reply.
type refusal string

func (r refusal) Error() string { return string(r) }

// isFinal reports whether the refusal of HELLO refuses the whole connection.
func isFinal(err error) bool {
	text := err.Error()
	for _, prefix := range []string{"NOAUTH", "WRONGPASS", "DENIED", "ERR max number of clients"} {
		if strings.HasPrefix(text, prefix) {
			return true
		}
	}
	return false
}

// A greeting is the first exchange on a new connection.
type greeting struct {
	dialer   *Dialer
	settings *settings.Settings
	conn     *Conn
	replies  *resp.Reader
}

// meaning returns the error of a call for a refusal.
func (g *greeting) meaning(refusal error) error {
	return servererror.Parse(refusal.Error(), g.dialer.Native)
}

// rest sends the greeting without HELLO.
func (g *greeting) rest(login *settings.Login) error {
	var commands [][]string
	if login != nil {
		commands = append(commands, login.Words())
	}
	commands = append(commands, g.commands()...)
	replies, err := g.ask(commands)
	if err != nil {
		return err
	}
	return g.firstRefusal(commands, replies)
}

// commands returns the commands behind the login.
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

// firstRefusal returns the first refusal. A refused client name is no error.
func (g *greeting) firstRefusal(commands [][]string, replies []driver.Reply) error {
	for i, reply := range replies {
		if reply.Kind != driver.ReplyError {
			continue
		}
		err := g.meaning(reply.Err)
		if commands[i][0] != "CLIENT" {
			return err
		}
		g.settings.Status.Notify(driver.ClientNameRefused, err)
	}
	return nil
}

// ask sends commands and reads their replies. Bytes behind the replies are an error.
func (g *greeting) ask(commands [][]string) ([]driver.Reply, error) {
	if len(commands) == 0 {
		return nil, nil
	}
	if err := WriteCommands(g.conn, commands...); err != nil {
		return nil, err
	}
	replies := make([]driver.Reply, len(commands))
	for i := range replies {
		var err error
		if replies[i], err = g.replies.Next(shape.Any, maxReply); err != nil {
			return nil, err
		}
		if i == 0 && replies[0].Kind == driver.ReplyError && isFinal(replies[0].Err) {
			return replies[:1], nil // a server that refuses the connection sends no other reply
		}
	}
	if len(g.replies.Buffered()) > 0 {
		return nil, resp.ErrUnasked
	}
	return replies, nil
}

// versionOf returns the version of the server in a reply to HELLO.
func versionOf(hello driver.Reply) string {
	fields := make(map[string]string)
	for i := 0; i+1 < len(hello.Items); i += 2 {
		fields[string(hello.Items[i].Data)] = string(hello.Items[i+1].Data)
	}
	return status.Version(fields["server"], fields["version"])
}

// WriteCommands writes commands in one go.
func WriteCommands(w io.Writer, commands ...[]string) error {
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
