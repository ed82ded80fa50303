package xcache

import (
	"errors"
	"fmt"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/internal/breaker"
)

// The defaults of a Breaker.
const (
	// DefaultBreakerFailures is the number of failures in a row that opens a circuit.
	DefaultBreakerFailures = 5
	// DefaultBreakerCooldown is the first cooldown of an open circuit.
	DefaultBreakerCooldown = 100 * time.Millisecond
	// DefaultBreakerMaxCooldown is the longest cooldown of an open circuit.
	DefaultBreakerMaxCooldown = 500 * time.Millisecond
)

// maxProbe bounds the read that asks whether a server is back.
const maxProbe = time.Second

// A Breaker configures the circuit breaker of WithBreaker. The zero value has the defaults.
type Breaker struct {
	// Failures is the number of failures in a row that opens a circuit, 5 by default.
	Failures int
	// Cooldown is the time from the opening of a circuit to the first probe, 100 ms by
	// default. After each failed probe, the cooldown is twice as long, up to MaxCooldown. A
	// random part of up to a half shortens each cooldown.
	Cooldown time.Duration
	// MaxCooldown is the longest cooldown: 500 ms by default, or Cooldown if that is longer.
	MaxCooldown time.Duration
}

// guarding are the options of the breaker and of the bound on calls in flight.
type guarding struct {
	breaker     Breaker // without failures, there is no breaker
	maxInFlight int
}

// WithBreaker puts a circuit breaker in front of the store: a server that is dead costs a
// call microseconds, and not op_timeout. Each server of a cluster has a circuit of its own.
// Failures in a row open the circuit of a server. Calls on that server then fail at once
// with a BreakerOpenError, until a probe was answered.
//
// A failure is ErrUnavailable, op_timeout, and the deadline of a caller's context. Each
// answer of the server is a success, and so are error replies such as ErrWrongType,
// ErrOutOfMemory and ErrAuth. Ping, Watch, subscriptions and commands that wait pass the
// breaker by.
//
// WithBreaker is an option of Open and New. In With, WithBreaker is an error, unless b is
// the breaker of the store.
func WithBreaker(b Breaker) Option {
	return func(s *settings) error {
		b, err := b.withDefaults()
		if err != nil {
			return err
		}
		s.guarding.breaker = b
		return nil
	}
}

func readBreaker(s *settings, dsn *driver.DSN) {
	on := dsn.Word("breaker", "off", "on", "off") == "on"
	b := Breaker{
		Failures:    dsn.Int("breaker_failures", 0, 1, 1_000_000),
		Cooldown:    dsn.Duration("breaker_cooldown", 0),
		MaxCooldown: dsn.Duration("breaker_max_cooldown", 0),
	}
	if !on {
		for _, name := range []string{"breaker_failures", "breaker_cooldown", "breaker_max_cooldown"} {
			if dsn.Has(name) {
				dsn.Refuse(name, "needs breaker=on")
			}
		}
		return
	}
	var err error
	if s.guarding.breaker, err = b.withDefaults(); err == nil || dsn.Err() != nil {
		return
	}
	if dsn.Has("breaker_max_cooldown") {
		dsn.Refuse("breaker_max_cooldown", "must not be shorter than breaker_cooldown, which is 100ms unless given and at least 1ms")
		return
	}
	dsn.Refuse("breaker_cooldown", "must be at least 1ms")
}

// WithMaxInFlight bounds the calls in flight at one server. A call beyond n fails at once
// with an InFlightError, and is not sent, so that a slow server holds at most n goroutines.
// A batch is one call, and so is a script. Ping, Watch, subscriptions, scans (SCAN) and commands
// that wait do not count. 0, the default, is no bound.
//
// WithMaxInFlight is an option of Open and New. In With, WithMaxInFlight is an error, unless
// n is the bound of the store.
func WithMaxInFlight(n int) Option {
	return func(s *settings) error {
		if n < 0 {
			return errors.New("xcache: WithMaxInFlight needs a number that is not negative; 0 is no bound")
		}
		s.guarding.maxInFlight = n
		return nil
	}
}

func (b Breaker) withDefaults() (Breaker, error) {
	if b.Failures == 0 {
		b.Failures = DefaultBreakerFailures
	}
	if b.Cooldown == 0 {
		b.Cooldown = DefaultBreakerCooldown
	}
	if b.MaxCooldown == 0 {
		b.MaxCooldown = max(DefaultBreakerMaxCooldown, b.Cooldown)
	}
	switch {
	case b.Failures < 0:
		return b, errors.New("xcache: WithBreaker needs a number of failures that is not negative")
	case b.Cooldown < time.Millisecond:
		return b, errors.New("xcache: WithBreaker needs a cooldown of at least 1ms")
	case b.MaxCooldown < b.Cooldown:
		return b, errors.New("xcache: WithBreaker needs a MaxCooldown that is not shorter than the Cooldown")
	}
	return b, nil
}

func readMaxInFlight(s *settings, dsn *driver.DSN) {
	s.guarding.maxInFlight = dsn.Int("max_in_flight", 0, 0, 1_000_000)
}

// A BreakerOpenError is the failure of a call on a server whose circuit is open. The call
// was not sent. A BreakerOpenError matches ErrUnavailable. Callers find the error with
// errors.As:
//
//	if open, ok := errors.AsType[*xcache.BreakerOpenError](err); ok {
//		w.Header().Set("Retry-After", …open.RetryAfter…)
type BreakerOpenError struct {
	// Server is the address of the server, or "" if the driver does not tell the address.
	Server string
	// RetryAfter is the time until the next probe, or until the probe in flight ends at the
	// latest. 0: the next call finds the probe started.
	RetryAfter time.Duration
}

// Error says how long the circuit stays open at least.
func (e *BreakerOpenError) Error() string {
	if e.Server == "" {
		return fmt.Sprintf("xcache: circuit breaker open, next probe in %v", e.RetryAfter)
	}
	return fmt.Sprintf("xcache: circuit breaker of %s open, next probe in %v", e.Server, e.RetryAfter)
}

// Unwrap returns ErrUnavailable.
func (e *BreakerOpenError) Unwrap() error { return ErrUnavailable }

// An InFlightError is the failure of a call on a server with WithMaxInFlight calls in
// flight. The call was not sent. An InFlightError matches ErrUnavailable.
type InFlightError struct {
	// Server is the address of the server, or "" if the driver does not tell the address.
	Server string
	// Limit is the number of calls that may be in flight.
	Limit int
}

// Error says how many calls are in flight.
func (e *InFlightError) Error() string {
	if e.Server == "" {
		return fmt.Sprintf("xcache: %d calls are in flight, no more are sent", e.Limit)
	}
	return fmt.Sprintf("xcache: %d calls are in flight at %s, no more are sent", e.Limit, e.Server)
}

// Unwrap returns ErrUnavailable.
func (e *InFlightError) Unwrap() error { return ErrUnavailable }

// errGuarding is the error of a view with another breaker or bound than the store.
var errGuarding = errors.New("xcache: WithBreaker and WithMaxInFlight are options of Open and New, because all views of a store share its circuits")

// guard returns a store behind the breaker and the bound of the options, or s itself.
func (g *guarding) guard(s driver.Store, opTimeout time.Duration, notify func(driver.Event)) driver.Store {
	if *g == (guarding{}) {
		return s
	}
	return breaker.New(s, breaker.Options{
		Failures:     g.breaker.Failures,
		Cooldown:     g.breaker.Cooldown,
		MaxCooldown:  g.breaker.MaxCooldown,
		ProbeTimeout: min(opTimeout, maxProbe),
		MaxInFlight:  g.maxInFlight,
		Rejected: func(server string, after time.Duration) error {
			return driver.Fail(ErrUnavailable, driver.NotApplied, &BreakerOpenError{Server: server, RetryAfter: after})
		},
		Overflowed: func(server string, most int) error {
			return driver.Fail(ErrUnavailable, driver.NotApplied, &InFlightError{Server: server, Limit: most})
		},
		Notify: notify,
	})
}
