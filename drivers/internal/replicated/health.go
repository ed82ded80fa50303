package replicated

import (
	"sync/atomic"
	"time"

	"github.com/xcache-go/xcache/drivers/internal/failure"
)

const (
	// cooldown is the time for which a failed server gets no reads. After that, one read
	// finds out whether the server answers again.
	cooldown = 2 * time.Second
	// maxSilent is the number of calls in a row without an answer after which a server
	// gets no reads. A single such call may have had too little time.
	maxSilent = 3
)

// health is the state of a server by the outcomes of the server's calls.
type health struct {
	epoch  time.Time    // the start of the clock, before all calls
	silent atomic.Int32 // calls in a row that got no answer in time
	// cooldownUntil is the end of the cooldown, since epoch; 0 while the server is
	// healthy.
	cooldownUntil atomic.Int64
}

type state uint8

const (
	healthy state = iota
	coolingDown
	probeDue // the caller, and no other, is to find out whether the server is healthy
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

// answered notes an answer. The result tells whether that has ended a cooldown.
func (h *health) answered() (back bool) {
	if h.silent.Load() != 0 {
		h.silent.Store(0)
	}
	return h.cooldownUntil.Load() != 0 && h.cooldownUntil.Swap(0) != 0
}

// failed notes a failure that another server may not have. A refusal (no listener,
// LOADING, MASTERDOWN, …) begins a cooldown at once, as the next call would get the same.
// The result tells whether that has begun a cooldown.
func (h *health) failed(err error) (entered bool) {
	if failure.IsTimeout(err) && h.silent.Add(1) < maxSilent && h.cooldownUntil.Load() == 0 {
		return false
	}
	return h.cooldownUntil.Swap(max(1, int64(time.Since(h.epoch)+cooldown))) == 0
}
