package replicated

import (
	"sync/atomic"
	"time"

	"github.com/xcache-go/xcache/drivers/internal/failure"
)

const (
	// cooldown is how long a server that failed is left alone. After that, one
	// call finds out whether it answers again.
	cooldown = 2 * time.Second
	// maxSilent is how many calls in a row a server may leave without an answer
	// until it is left alone. One alone may have been in too much of a hurry.
	maxSilent = 3
)

// health is what is known of a server from the calls that were sent to it.
type health struct {
	epoch  time.Time    // before all calls; time is counted from here
	silent atomic.Int32 // calls in a row that got no answer in time
	// cooldownUntil is until when the server is left alone, since epoch; 0 if it is
	// healthy.
	cooldownUntil atomic.Int64
}

type state uint8

const (
	healthy state = iota
	coolingDown
	probeDue // for the caller, and nobody else, to see whether it is healthy again
)

func (h *health) state() state {
	until := h.cooldownUntil.Load()
	if until == 0 {
		return healthy
	}
	now := int64(time.Since(h.epoch))
	if now < until || !h.cooldownUntil.CompareAndSwap(until, now+int64(cooldown)) {
		return coolingDown
	}
	return probeDue
}

// answered is called after an answer. It reports whether the server had been left
// alone before.
func (h *health) answered() (back bool) {
	if h.silent.Load() != 0 {
		h.silent.Store(0)
	}
	return h.cooldownUntil.Load() != 0 && h.cooldownUntil.Swap(0) != 0
}

// failed is called after a failure that made the server of no use. If it refused
// (nobody listens, LOADING, MASTERDOWN, …) the next would find the same. It reports
// whether the server is left alone from now on, and was not before.
func (h *health) failed(err error) (entered bool) {
	if failure.IsTimeout(err) && h.silent.Add(1) < maxSilent && h.cooldownUntil.Load() == 0 {
		return false
	}
	return h.cooldownUntil.Swap(max(1, int64(time.Since(h.epoch)+cooldown))) == 0
}
