// Package attempt has the shared parts of loops that try an operation on a store again.
package attempt

import (
	"context"
	"errors"
	"time"

	"github.com/xcache-go/xcache/driver"
)

// MayFollow reports whether err is temporary, and nothing was changed.
func MayFollow(err error) bool {
	failed, ok := errors.AsType[*driver.Error](err)
	return ok && failed.Transient && failed.Outcome == driver.NotApplied
}

// Pause waits for d. Pause returns false if ctx ends first.
func Pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}
