package xcachetest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/internal/stopwatch"
)

// breakerChecks has the checks of all that the circuit breaker of the core relies
// on.
func breakerChecks() []check {
	return []check{
		{
			name:  "breaker/locate-is-steady",
			rule:  "Locate names one server for a key while the servers stay the same, or none before the store knows it, also beside calls",
			needs: needs(locator),
			run: func(s *subject) error {
				key := s.key("k")
				if err := s.set(key, "v", long); err != nil {
					return err
				}
				want := s.caps.Locator.Locate(key)
				return together(rivals, func(i int) error {
					if i%2 == 0 {
						return s.wantValue(key, "v")
					}
					return expect(s.caps.Locator.Locate(key), want, "Locate of one key")
				})
			},
		},
		{
			name:  "breaker/locate-asks-nobody",
			rule:  "Locate sends nothing, and returns at once while the server is silent",
			needs: needs(locator, behindAddr),
			run: func(s *subject) error {
				key := s.key("k")
				f, err := s.proxied(key)
				if err != nil {
					return err
				}
				f.proxy.ResetStats()
				f.proxy.Stall()
				watch := stopwatch.Start()
				f.caps.Locator.Locate(key)
				took := watch.Stop()
				sent := f.proxy.Stats().RequestBytes
				f.proxy.Resume()
				return errors.Join(that(sent == 0, "Locate sent %d bytes", sent), that(took < promptly, "Locate took %v", took), f.close())
			},
		},
		{
			name:  "breaker/opens-at-a-dead-server",
			rule:  "calls on a server that refuses connections open the circuit of a breaker in front of the store, and the circuit closes when the server is back",
			needs: needs(behindAddr),
			run:   func(s *subject) error { return s.wantBreaker() },
		},
	}
}

func (s *subject) wantBreaker() error {
	const failures = 3
	f, err := s.proxied(s.key("k"))
	if err != nil {
		return err
	}
	defer f.proxy.Close()
	f.closed = true // the cache closes its store
	c, err := f.cache(xcache.WithBreaker(xcache.Breaker{Failures: failures, Cooldown: 10 * time.Millisecond}))
	if err != nil {
		return errors.Join(err, f.store.Close())
	}
	const key = "k"
	s.own(c.full(key))
	call := func() error {
		ctx, cancel := context.WithTimeout(noDeadline, 250*time.Millisecond)
		defer cancel()
		return c.texts.Set(ctx, key, "v")
	}
	errs := []error{c.texts.Set(noDeadline, key, "v")}
	f.proxy.Refuse()
	f.proxy.Cut()
	var last error
	opened := false
	for range 3 * failures { // a call before the breaker may have noticed nothing
		last = call()
		if _, opened = errors.AsType[*xcache.BreakerOpenError](last); opened {
			break
		}
	}
	errs = append(errs, that(opened, "after %d failures in a row the circuit is closed: %v", 3*failures, last), f.proxy.Accept(),
		s.eventually(call), s.inspectedCircuits(c, opened))
	return errors.Join(append(errs, c.Close())...)
}

// inspectedCircuits wants an inspection to show a circuit that has opened, if
// opened is true.
func (s *subject) inspectedCircuits(c *cached, opened bool) error {
	if !opened {
		return nil
	}
	inspection, err := c.Inspect()
	if err != nil {
		return err
	}
	for _, circuit := range inspection.Circuits {
		if circuit.Opened > 0 {
			return nil
		}
	}
	return fmt.Errorf("no circuit of %+v was opened", inspection.Circuits)
}
