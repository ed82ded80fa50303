// Package connection makes the connections of drivers to servers: the package connects,
// secures the connection with TLS if the settings ask for TLS, and logs in. Client
// libraries get connections that have logged in. The libraries themselves would close a
// connection at each refusal, or ignore the refusal.
package connection

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/failure"
	"github.com/xcache-go/xcache/drivers/internal/resp"
	"github.com/xcache-go/xcache/drivers/internal/settings"
)

// A Dialer makes connections to one server.
type Dialer struct {
	Settings *settings.Settings
	// Dial is net.Dialer.DialContext, or a function in its place; nil means the former.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	// Native makes the client library's own error from the text of an error reply. A nil
	// Native makes a plain error.
	Native func(text string) error
}

// A Conn is a connection that has logged in.
type Conn struct {
	net.Conn
	// Source reads the bytes of the server. The first error explains a server that speaks
	// TLS where the connection does not.
	Source io.Reader
	// Login is the login of the connection, or nil.
	Login *settings.Login
}

// Network returns the connection under TLS. Without TLS that is the connection itself.
func (c *Conn) Network() net.Conn {
	if e, ok := c.Conn.(encrypted); ok {
		return e.NetConn()
	}
	return c.Conn
}

// ErrHungUp is the error of a connection that the server has closed between two calls.
var ErrHungUp = errors.New("the server has closed the connection")

// Connect makes a connection and logs in, within dial_timeout and while ctx lasts. Errors
// are errors of calls: nothing was applied.
func (d *Dialer) Connect(ctx context.Context) (*Conn, error) {
	began := time.Now()
	soon, cancel := context.WithTimeout(ctx, d.Settings.DialTimeout)
	defer cancel()
	c, err := d.connect(soon)
	switch {
	case err == nil:
		d.Settings.Status.Connected()
		return c, nil
	case ctx.Err() == nil || time.Since(began) >= d.Settings.DialTimeout:
		d.Settings.Status.Lost(err)
	}
	return nil, failed(err)
}

func (d *Dialer) connect(ctx context.Context) (*Conn, error) {
	dial := d.Dial
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	login, err := d.Settings.Login(ctx)
	if err != nil {
		return nil, err
	}
	nc, err := dial(ctx, d.Settings.Network, d.Settings.Addr)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = nc.Close() })
	defer stop()
	c, err := d.secure(ctx, nc)
	if err != nil {
		_ = nc.Close()
		return nil, err
	}
	c.Login = login
	if err = d.greet(c, login); err != nil && ctx.Err() != nil || err == nil && !stop() {
		err = ctx.Err() // the end of ctx has closed the connection
	}
	if err != nil {
		_ = nc.Close()
		return nil, err
	}
	return c, nil
}

func (d *Dialer) secure(ctx context.Context, nc net.Conn) (*Conn, error) {
	if d.Settings.TLS == nil {
		return &Conn{Conn: nc, Source: failure.FirstReads(nc)}, nil
	}
	client := tls.Client(nc, d.Settings.TLS)
	if err := client.HandshakeContext(ctx); err != nil {
		if ctx.Err() != nil {
			err = ctx.Err() // the end of ctx has closed the connection
		}
		return nil, failure.OfHandshake(err)
	}
	return &Conn{Conn: encrypted{client}, Source: client}, nil
}

// An encrypted connection is closed without the goodbye of TLS. tls.Conn waits for seconds to
// send the goodbye to a server that does not read.
type encrypted struct{ *tls.Conn }

// Close implements net.Conn.
func (c encrypted) Close() error { return c.NetConn().Close() }

// failed returns the error of a call without a connection. Nothing was applied.
func failed(err error) error {
	var refusal *driver.Error
	switch {
	case errors.As(err, &refusal):
		return err
	case failure.IsTimeout(err), failure.IsTLS(err), errors.Is(err, resp.ErrMalformed):
		return driver.Fail(driver.ErrUnavailable, driver.NotApplied, err)
	}
	return driver.Fail(driver.ErrUnavailable, driver.NotApplied, err).Retryable()
}
