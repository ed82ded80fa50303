package breaker

import (
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/xcache-go/xcache/driver"
)

// A circuit is the state of one server, by the results of the calls on it. All methods may
// be called concurrently.
type circuit struct {
	breaker  *Breaker
	server   string
	replicas bool // of the reads that may go to replicas of the server

	inFlight   atomic.Int64
	overflowed atomic.Uint64

	// troubled tells that a result is expected to change the state: the circuit is open, or
	// a call has failed and no call has been answered since.
	troubled atomic.Bool

	mu       sync.Mutex
	failures int // in a row
	open     bool
	probing  bool      // a probe is in flight
	until    time.Time // the next probe, or the end of the probe in flight
	cooldown time.Duration
	last     error // the last failure

	opened, rejected uint64
}

// reject returns the error of a call on an open circuit, or nil. probe tells that the
// caller starts the probe.
func (c *circuit) reject() (probe bool, err error) {
	if !c.troubled.Load() {
		return false, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.open {
		return false, nil
	}
	now := time.Now()
	if !c.probing && !now.Before(c.until) {
		c.probing, c.until, probe = true, now.Add(c.breaker.options.ProbeTimeout), true
	}
	c.rejected++
	return probe, c.breaker.options.Rejected(c.server, max(0, c.until.Sub(now)))
}

// enter counts a call, and returns the error of a call beyond max_in_flight.
func (c *circuit) enter() error {
	most := int64(c.breaker.options.MaxInFlight)
	if most == 0 {
		return nil
	}
	if c.inFlight.Add(1) > most {
		c.inFlight.Add(-1)
		c.overflowed.Add(1)
		return c.breaker.options.Overflowed(c.server, int(most))
	}
	return nil
}

// leave undoes enter.
func (c *circuit) leave() {
	if c.breaker.options.MaxInFlight > 0 {
		c.inFlight.Add(-1)
	}
}

// note notes the result of a call. took is the time of the call, or 0 if the call was not
// timed.
func (c *circuit) note(r result, err error, took time.Duration) {
	if c.breaker.options.Failures == 0 {
		return
	}
	switch {
	case r == answered:
		if c.troubled.Load() {
			c.close()
		}
	case r == failed, r == left && took >= slowAfter:
		c.fail(err)
	case r == left:
		c.suspect()
	}
}

// slowAfter is the time after which a caller who leaves counts as a failure of the server.
const slowAfter = 100 * time.Millisecond

// close notes an answer: the server is healthy.
func (c *circuit) close() {
	c.mu.Lock()
	wasOpen := c.open
	c.failures, c.open = 0, false
	c.markHealthy()
	if wasOpen {
		c.breaker.events.add(driver.Event{Kind: driver.BreakerClosed, Server: c.server})
	}
	c.mu.Unlock()
	if wasOpen {
		c.breaker.events.deliver()
	}
}

// markHealthy ends the time after failures, in which calls are counted. mu is locked.
func (c *circuit) markHealthy() {
	if c.troubled.Swap(false) {
		c.breaker.troubled.Add(-1)
	}
}

// suspect makes the circuit time later calls. A caller has left: nobody knows how
// long the call would have taken.
func (c *circuit) suspect() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.markTroubled()
}

// markTroubled begins the time in which calls are counted. mu is locked.
func (c *circuit) markTroubled() {
	if !c.troubled.Swap(true) {
		c.breaker.troubled.Add(1)
	}
}

// fail counts a failure, which may open the circuit.
func (c *circuit) fail(err error) {
	c.mu.Lock()
	c.markTroubled()
	c.failures++
	c.last = err
	opens := !c.open && c.failures >= c.breaker.options.Failures
	if opens {
		c.open = true
		c.opened++
		c.cooldown = c.breaker.options.Cooldown
		c.beginCooldown()
		c.breaker.events.add(driver.Event{Kind: driver.BreakerOpened, Server: c.server, Err: err})
	}
	c.mu.Unlock()
	if opens {
		c.breaker.events.deliver()
	}
}

// beginCooldown begins a cooldown, which is shortened by up to a half: many processes must not probe
// a server at the same moment. mu is locked.
func (c *circuit) beginCooldown() {
	c.until = time.Now().Add(c.cooldown/2 + rand.N(c.cooldown/2+1))
	c.cooldown = min(2*c.cooldown, c.breaker.options.MaxCooldown)
}

// probed notes the result of a probe.
func (c *circuit) probed(r result, err error) {
	c.mu.Lock()
	c.probing = false
	if r != answered && c.open {
		if r == failed {
			c.failures++
			c.last = err
		}
		c.beginCooldown()
	}
	c.mu.Unlock()
	if r == answered {
		c.close()
	}
}

func (c *circuit) inspect() driver.InspectedCircuit {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := driver.InspectedCircuit{
		Server: c.server, Replicas: c.replicas, State: driver.CircuitClosed, Failures: c.failures,
		InFlight: int(c.inFlight.Load()), Opened: c.opened, Rejected: c.rejected, Overflowed: c.overflowed.Load(),
	}
	switch {
	case c.open && c.probing:
		i.State = driver.CircuitHalfOpen
	case c.open:
		i.State = driver.CircuitOpen
	}
	if c.last != nil {
		i.LastError = strings.TrimPrefix(c.last.Error(), "xcache: ")
	}
	return i
}
