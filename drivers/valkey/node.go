package valkey

import (
	"context"
	"net"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/servererror"
	"github.com/xcache-go/xcache/drivers/internal/settings"
)

// A node is a store on one server with what routing over several needs besides:
// the Node of package drivers/internal/node.
type node struct{ *Store }

// A listeningNode is a node that can make one more connection to its server, to
// listen: the Listener of package drivers/internal/node.
type listeningNode struct {
	node
	settings *settings.Settings
	dial     dialFunc
}

// newNode returns the node of the server that the settings name. It does no I/O.
func newNode(s *settings.Settings, dial dialFunc) listeningNode {
	return listeningNode{node{newStore(s, dial)}, s, dial}
}

// Query runs a command that changes nothing, and need not be in the table.
func (n node) Query(ctx context.Context, words ...string) (driver.Reply, error) {
	return n.query(ctx, words...)
}

// Now returns the time that bounds calls.
func (n node) Now() time.Time { return n.clock.now().time }

// Listen hears what the server publishes, over a connection of its own, and without
// valkey-go: that would end the process over messages out of order.
func (n listeningNode) Listen(ctx context.Context, hear func(message string), channels ...string) error {
	s := *n.settings
	s.Protocol = 2
	soon, cancel := context.WithTimeout(ctx, s.DialTimeout)
	defer cancel()
	nc, err := connect(soon, &s, n.dial)
	if err != nil {
		return connectError(err)
	}
	defer context.AfterFunc(ctx, func() { _ = nc.Close() })()
	defer func() { _ = nc.Close() }()
	err = listen(nc, s.DialTimeout, hear, channels)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// listen subscribes within a time, and hears messages until the connection is lost.
func listen(nc net.Conn, timeout time.Duration, hear func(string), channels []string) error {
	if err := nc.SetDeadline(time.Now().Add(timeout)); err != nil {
		return err
	}
	if err := writeCommands(nc, [][]string{append([]string{"SUBSCRIBE"}, channels...)}); err != nil {
		return err
	}
	replies := newReader(nc)
	for missing := len(channels); ; {
		message, err := replies.next()
		if err != nil {
			return err
		}
		switch {
		case message.Kind == driver.ReplyError:
			return servererror.Parse(errorText(message), nativeError)
		case len(message.Items) != 3:
			return errUnexpected
		case string(message.Items[0].Data) == "message":
			hear(string(message.Items[2].Data))
		default:
			if missing--; missing > 0 {
				continue
			}
			if err := nc.SetDeadline(time.Time{}); err != nil {
				return err
			}
			hear("")
		}
	}
}
