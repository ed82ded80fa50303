package redis

import (
	"context"
	"errors"
	"net"
	"syscall"

	goredis "github.com/redis/go-redis/v9"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/servererror"
	"github.com/xcache-go/xcache/drivers/internal/settings"
)

// onConnect returns what is said to a server once go-redis has logged in.
func onConnect(s *settings.Settings) func(context.Context, *goredis.Conn) error {
	if s.ClientName == "" && !s.ReadOnly {
		return nil
	}
	return func(ctx context.Context, c *goredis.Conn) error {
		if s.ClientName != "" {
			if err := setName(ctx, c, s); err != nil {
				return err
			}
		}
		if s.ReadOnly {
			return c.ReadOnly(ctx).Err()
		}
		return nil
	}
}

// setName gives the connection its name. go-redis would fail all calls where that
// is refused.
func setName(ctx context.Context, c *goredis.Conn, s *settings.Settings) error {
	err := c.ClientSetName(ctx, s.ClientName).Err()
	var refusal goredis.Error
	if !errors.As(err, &refusal) {
		return err
	}
	s.Status.Notify(driver.ClientNameRefused, servererror.Parse(refusal.Error(), nativeError))
	return nil
}

// withoutHello is a connection on which HELLO is answered, with an error, and not
// sent. go-redis begins with it always, and goes on without it then.
type withoutHello struct {
	net.Conn
	begun bool
	reply []byte
}

func (c *withoutHello) Write(p []byte) (int, error) {
	if c.begun {
		return c.Conn.Write(p)
	}
	c.begun = true
	c.reply = []byte("-ERR unknown command 'HELLO'\r\n")
	return len(p), nil
}

func (c *withoutHello) Read(p []byte) (int, error) {
	if len(c.reply) == 0 {
		return c.Conn.Read(p)
	}
	n := copy(p, c.reply)
	c.reply = c.reply[n:]
	return n, nil
}

// SyscallConn implements syscall.Conn if the connection underneath does.
func (c *withoutHello) SyscallConn() (syscall.RawConn, error) {
	if sc, ok := c.Conn.(syscall.Conn); ok {
		return sc.SyscallConn()
	}
	return nil, net.ErrClosed
}
