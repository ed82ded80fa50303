// Package retry says when the drivers for servers send something again, and
// when they wait for how long before.
//
// A write is never sent twice: after the first byte went out nobody knows
// whether it was applied, and a late second one would overwrite a newer value.
// So a failure that left everything as it was is retried for every command, if
// it is one that passes, and a lost reply only for commands that change nothing.
package retry

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/xcache-go/xcache/driver"
)

const (
	// Tries is how often a command is sent at most.
	Tries = 3
	// window is how long after its start a call still begins another try. A
	// failure that took longer is no blip, and trying again only makes the
	// caller wait.
	window = 250 * time.Millisecond
	// firstDelay is the longest wait before the second try; it doubles.
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

// From returns the first of n commands, run in order in one batch, that is to
// be sent again with all that follow it; n if there is none. allowed reports
// whether command i failed in a way that lets it be sent again.
//
// A command is only sent again together with everything behind it: were one
// behind it done already, the batch would have been run in another order.
func From(n int, allowed func(i int) bool) int {
	from := n
	for from > 0 && allowed(from-1) {
		from--
	}
	return from
}

// Wait waits before try number try, which counts from 1 for the first. It
// reports false, at once or when ctx ends, if there is to be no such try: they
// are used up, too much time has passed since start, or too little is left
// until deadline.
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
