// Package retry tells when the drivers for servers retry a command, and after which
// backoff.
//
// A write is never sent twice. After its first byte was sent, its outcome is unknown, and a
// late second write could overwrite a newer value. So a transient failure with the outcome
// NotApplied is retried for every command, and a lost reply only for commands that change
// nothing.
package retry

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/xcache-go/xcache/driver"
)

const (
	// Tries is the limit of attempts for a command.
	Tries = 3
	// window is the time after the start of a call in which a retry may begin. A failure
	// that lasts longer is not transient, and a retry would only delay the caller's error.
	window = 250 * time.Millisecond
	// firstDelay is the longest backoff before the second attempt. The backoff doubles with
	// each attempt.
	firstDelay = 20 * time.Millisecond
)

// Allowed reports whether a command that failed with err may be sent again.
func Allowed(err error, readOnly bool) bool {
	var e *driver.Error
	if !errors.As(err, &e) || !e.Transient {
		return false
	}
	return e.Outcome == driver.NotApplied || readOnly
}

// From returns the index of the first command of a batch that is sent again, together with
// all commands behind it. The result is n if there is none. allowed reports whether a
// command may be sent again.
//
// A command is sent again only together with all commands behind it. If a later
// command has run already, the command is not sent again, because that would break the
// order of the batch.
func From(n int, allowed func(i int) bool) int {
	from := n
	for from > 0 && allowed(from-1) {
		from--
	}
	return from
}

// Wait waits for the backoff before attempt number try, where 1 is the first attempt. false
// means no further attempt: ctx has ended, the attempts are used up, window has passed
// since start, or the deadline would pass before the attempt.
func Wait(ctx context.Context, try int, start, deadline time.Time) bool {
	if try > Tries {
		return false
	}
	longest := firstDelay << (try - 2)
	delay := longest/2 + rand.N(longest/2)
	if now := time.Now(); now.Sub(start) > window || now.Add(delay).After(deadline) {
		return false
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
