package valkey

import (
	"errors"

	valkeygo "github.com/valkey-io/valkey-go"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/exchange"
	"github.com/xcache-go/xcache/drivers/internal/failure"
	"github.com/xcache-go/xcache/drivers/internal/servererror"
)

// Failure implements exchange.Wire.
func (p *pool) Failure(c *exchange.Call, sent bool) error {
	err := c.Err
	hangUp, isHangUp := errors.AsType[*failure.HangUpError](err)
	switch {
	case errors.Is(err, errSpent):
		return driver.Fail(driver.ErrUnavailable, driver.NotApplied, err).Retryable()
	case errors.Is(err, valkeygo.ErrClosing):
		return driver.Fail(driver.ErrClosed, failure.Outcome(sent), nil)
	case isHangUp:
		return servererror.Parse(hangUp.Text, nil)
	case errors.Is(err, errTooLong):
		return driver.Fail(driver.ErrTooLarge, failure.Outcome(sent), err)
	case errors.Is(err, errSilent) && c.Context.Err() == nil && c.Sent && !c.Given():
		return failure.OfTimeout(c.Context, err, p.timeout, sent)
	}
	return nil
}

// A timeoutError is the error of a connection that was closed after a time without replies.
type timeoutError string

func (e timeoutError) Error() string { return string(e) }

// Timeout implements net.Error.
func (timeoutError) Timeout() bool { return true }
