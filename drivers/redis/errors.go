package redis

import (
	"errors"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/failure"
	"github.com/xcache-go/xcache/drivers/internal/servererror"
)

// errNoReply is the error of a command without a reply when go-redis reports
// none.
var errNoReply = errors.New("the reply is missing")

// clientError returns what became of a command of a call that got no reply of its
// own. sent tells whether it may have been written.
func (s *Store) clientError(err error, sent bool, limit *limit) error {
	outcome := failure.Outcome(sent)
	var (
		hangUp *failure.HangUpError
		reply  goredis.Error
		unsent *unsentError
		unfit  *unfitError
	)
	switch {
	case err == nil:
		return driver.Fail(driver.ErrUnavailable, outcome, errNoReply)
	case errors.Is(err, goredis.ErrClosed):
		return driver.Fail(driver.ErrClosed, driver.NotApplied, nil)
	case errors.As(err, &hangUp):
		return servererror.Parse(hangUp.Text, nativeError)
	case errors.As(err, &reply) && !sent:
		// Of the handshake: HELLO, AUTH, SELECT.
		return servererror.Parse(reply.Error(), nativeError)
	case s.disconnected.Load():
		return driver.Fail(driver.ErrClosed, outcome, nil)
	case limit.ctx.Err() != nil:
		return failure.OfContext(limit.ctx, sent)
	case errors.Is(err, goredis.ErrPoolTimeout), errors.Is(err, goredis.ErrPoolExhausted):
		return driver.Fail(driver.ErrUnavailable, driver.NotApplied, err).Retryable()
	case failure.IsTimeout(err):
		if !time.Now().Before(limit.deadline) {
			return failure.OfTimeout(limit.ctx, err, limit.timeout, sent)
		}
		return driver.Fail(driver.ErrUnavailable, outcome, err)
	case failure.IsTLS(err):
		return driver.Fail(driver.ErrUnavailable, outcome, err)
	case errors.As(err, &unsent), errors.As(err, &unfit):
		return driver.Fail(driver.ErrUnavailable, driver.NotApplied, err).Retryable()
	case errors.Is(err, errLongValue):
		return driver.Fail(driver.ErrTooLarge, outcome, errLongValue)
	case errors.Is(err, errReply):
		return driver.Fail(driver.ErrUnavailable, outcome, err)
	}
	return driver.Fail(driver.ErrUnavailable, outcome, err).Retryable()
}
