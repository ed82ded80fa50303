package connection

import (
	"context"
	"errors"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/resp"
	"github.com/xcache-go/xcache/drivers/internal/servererror"
)

// Listen makes a connection of its own, subscribes to channels, and calls hear with
// "" and then with each message, until the connection is lost or ctx ends.
func (d *Dialer) Listen(ctx context.Context, hear func(message string), channels ...string) error {
	settings := *d.Settings
	settings.Protocol = 2
	dialer := *d
	dialer.Settings = &settings
	c, err := dialer.Connect(ctx)
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { _ = c.Close() })()
	defer func() { _ = c.Close() }()
	err = d.listen(c, hear, channels)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

var errNoMessage = errors.New("a message of an unexpected form")

// listen subscribes within dial_timeout, and hears messages until the connection is
// lost.
func (d *Dialer) listen(c *Conn, hear func(string), channels []string) error {
	if err := c.SetDeadline(time.Now().Add(d.Settings.DialTimeout)); err != nil {
		return err
	}
	if err := WriteCommands(c, append([]string{"SUBSCRIBE"}, channels...)); err != nil {
		return err
	}
	replies := resp.NewReader(c.Source, func(text string) error { return servererror.Parse(text, d.Native) })
	for missing := len(channels); ; {
		message, err := replies.Message(maxReply)
		switch {
		case err != nil:
			return err
		case message.Kind == driver.ReplyError:
			return message.Err
		case len(message.Items) != 3:
			return errNoMessage
		case string(message.Items[0].Data) == "message":
			hear(string(message.Items[2].Data))
		default:
			if missing--; missing > 0 {
				continue
			}
			if err := c.SetDeadline(time.Time{}); err != nil {
				return err
			}
			hear("")
		}
	}
}
