// Package breaker is a store in front of a driver's store, with a circuit breaker and a
// bound on the calls in flight. The package is written over package driver, once for all
// drivers.
//
// Each server has a circuit: see driver.Locator. Failures in a row open a circuit, and
// calls on the server then fail at once. After a cooldown, a probe asks the server: a
// goroutine reads the key of the call that has found the end of the cooldown, and no
// caller waits for the probe. An answer closes the circuit, and any other result begins a
// longer cooldown. Without calls there are no probes.
//
// While no circuit is in trouble, a call costs one atomic load and a look at its result.
package breaker

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/xcache-go/xcache/driver"
)

// Options are the options of a Store.
type Options struct {
	// Failures is the number of failures in a row that opens a circuit. 0: no circuit opens.
	Failures int
	// Cooldown is the first cooldown of an open circuit. Each later cooldown is twice as
	// long, up to MaxCooldown.
	Cooldown, MaxCooldown time.Duration
	// ProbeTimeout bounds a probe.
	ProbeTimeout time.Duration
	// MaxInFlight is the most calls in flight at one server. 0: there is no bound.
	MaxInFlight int

	// Rejected makes the error of a call on an open circuit. after is the time until the
	// next probe begins, or until the probe in flight ends.
	Rejected func(server string, after time.Duration) error
	// Overflowed makes the error of a call beyond MaxInFlight.
	Overflowed func(server string, most int) error
	// Notify, if not nil, gets the events.
	Notify func(driver.Event)
}

// A Breaker has the circuits of all servers of a store.
type Breaker struct {
	options Options
	locator driver.Locator // or nil
	// troubled is the number of circuits in trouble.
	troubled atomic.Int64

	// The circuits, by the addresses of their servers. Without a locator, each map has one.
	mu        sync.RWMutex
	primaries map[string]*circuit
	replicas  map[string]*circuit
	// onlyPrimary and onlyReplicas are the circuits without a locator, or nil.
	onlyPrimary, onlyReplicas *circuit

	events events

	closing context.Context // of probes
	cancel  context.CancelFunc
	probes  sync.WaitGroup
}

// New returns a store with a breaker in front of next. Close of the store closes next.
func New(next driver.Store, options Options) *Store {
	caps := driver.CapsOf(next)
	b := &Breaker{options: options, locator: caps.Locator, primaries: make(map[string]*circuit), replicas: make(map[string]*circuit)}
	b.events.notify = options.Notify
	b.closing, b.cancel = context.WithCancel(context.Background())
	if b.locator == nil {
		server := serverOf(caps.Inspector)
		b.onlyPrimary = b.at(server, false)
		if caps.Replicated != nil {
			b.onlyReplicas = b.at(server, true)
		}
	}
	s := &Store{breaker: b, next: next, caps: caps, replicas: caps.Replicated != nil}
	if s.replicas {
		primary := caps.Replicated.Primary()
		s.primary = &Store{breaker: b, next: primary, caps: driver.CapsOf(primary)}
	}
	return s
}

// serverOf returns the address of the only primary of a store, or "".
func serverOf(inspector driver.Inspector) string {
	if inspector == nil {
		return ""
	}
	for _, server := range inspector.Inspect().Servers {
		if server.Role == driver.RolePrimary {
			return server.Addr
		}
	}
	return ""
}

// skipsCircuits reports whether calls pass by the circuits: no circuit is in trouble, and
// calls are not counted.
func (b *Breaker) skipsCircuits() bool { return b.options.MaxInFlight == 0 && b.troubled.Load() == 0 }

// of returns the circuit of a key.
func (b *Breaker) of(key string, replicas bool) *circuit {
	switch {
	case b.locator != nil:
		return b.at(b.locator.Locate(key), replicas)
	case replicas:
		return b.onlyReplicas
	default:
		return b.onlyPrimary
	}
}

// maxCircuits bounds the circuits of servers that are gone. Without a bound, the circuits
// would add up where addresses change with each deployment.
const maxCircuits = 1024

// at returns the circuit of a server.
func (b *Breaker) at(server string, replicas bool) *circuit {
	circuits := b.primaries
	if replicas {
		circuits = b.replicas
	}
	b.mu.RLock()
	c := circuits[server]
	b.mu.RUnlock()
	if c != nil {
		return c
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if c := circuits[server]; c != nil {
		return c
	}
	for other, c := range circuits {
		if len(circuits) < maxCircuits {
			break
		}
		if !c.troubled.Load() && c.inFlight.Load() == 0 {
			delete(circuits, other)
		}
	}
	c = &circuit{breaker: b, server: strings.Clone(server), replicas: replicas}
	circuits[c.server] = c
	return c
}

// probe asks the server of a circuit by a read of key. No caller waits for the probe.
func (b *Breaker) probe(c *circuit, next driver.Store, key string) {
	if key == "" {
		key = "xcache"
	}
	key = strings.Clone(key) // the caller's memory may be used again
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closing.Err() != nil {
		return
	}
	b.probes.Go(func() {
		f := finding{result: nothing}
		defer func() { c.probed(f.result, f.err) }()
		ctx, cancel := context.WithTimeout(b.closing, b.options.ProbeTimeout)
		defer cancel()
		keys, values := [1]string{key}, [1]driver.Value{}
		err := next.Get(ctx, keys[:], values[:])
		f = ofValues(err, values[:])
	})
}

// close ends the probe in flight, and waits for the probe's end.
func (b *Breaker) close() {
	b.mu.Lock()
	b.cancel()
	b.mu.Unlock()
	b.probes.Wait()
}

// inspect returns the state of all circuits.
func (b *Breaker) inspect() []driver.InspectedCircuit {
	b.mu.RLock()
	var circuits []driver.InspectedCircuit
	for _, all := range []map[string]*circuit{b.primaries, b.replicas} {
		for _, c := range all {
			circuits = append(circuits, c.inspect())
		}
	}
	b.mu.RUnlock()
	slices.SortFunc(circuits, func(x, y driver.InspectedCircuit) int {
		if x.Replicas != y.Replicas {
			if x.Replicas {
				return 1
			}
			return -1
		}
		return cmp.Compare(x.Server, y.Server)
	})
	return circuits
}
