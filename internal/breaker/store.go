package breaker

import (
	"context"
	"iter"
	"time"

	"github.com/xcache-go/xcache/driver"
)

// A Store is a store behind a breaker. The breaker has no part in pings, in exclusive
// connections, in transactions and in subscriptions: a ping must ask the server, and the
// other calls wait for servers by rules of their own.
type Store struct {
	breaker *Breaker
	next    driver.Store
	caps    driver.Caps // of next
	// replicas tells that reads may go to replicas. Replicas have circuits of their own.
	replicas bool
	// primary is the store of driver.Replicated, or nil.
	primary *Store
}

// Caps implements driver.Capable: the capabilities of the store behind, and an Inspector.
func (s *Store) Caps() driver.Caps {
	caps := s.caps
	caps.Inspector = s
	if caps.Commander != nil {
		caps.Commander = s
	}
	if caps.Expirer != nil {
		caps.Expirer = s
	}
	if caps.Counter != nil {
		caps.Counter = s
	}
	if caps.Swapper != nil {
		caps.Swapper = s
	}
	if caps.Mover != nil {
		caps.Mover = s
	}
	if caps.Scanner != nil {
		caps.Scanner = s
	}
	if caps.Flusher != nil {
		caps.Flusher = s
	}
	if caps.Replicated != nil {
		caps.Replicated = s
	}
	return caps
}

// Next returns the store behind the breaker.
func (s *Store) Next() driver.Store { return s.next }

// Primary implements driver.Replicated.
func (s *Store) Primary() driver.Store { return s.primary }

// Close ends the probe in flight, and closes the store behind.
func (s *Store) Close() error {
	s.breaker.close()
	return s.next.Close()
}

// Inspect implements driver.Inspector.
func (s *Store) Inspect() driver.Inspection {
	var i driver.Inspection
	if s.caps.Inspector != nil {
		i = s.caps.Inspector.Inspect()
	}
	i.Circuits = s.breaker.inspect()
	return i
}

// A pass is a call that the breaker has admitted to the server of a circuit. The zero value
// is a call that has no circuit.
type pass struct {
	circuit *circuit
	began   time.Time // zero if the call is not timed
}

// admit admits a call on the server of a circuit, or returns the error of a call that is
// not sent. key is a key of the call, for a probe.
func (s *Store) admit(c *circuit, key string) (pass, error) {
	if err := s.reject(c, key); err != nil {
		return pass{}, err
	}
	if err := c.enter(); err != nil {
		return pass{}, err
	}
	p := pass{circuit: c}
	if c.troubled.Load() {
		p.began = time.Now()
	}
	return p, nil
}

// reject returns the error of a call on an open circuit, or nil. The call that finds the
// end of the cooldown starts the probe.
func (s *Store) reject(c *circuit, key string) error {
	probe, err := c.reject()
	if probe {
		next := s.next
		if s.primary != nil && !c.replicas { // an answer of a replica says nothing of the primary
			next = s.primary.next
		}
		s.breaker.probe(c, next, key)
	}
	return err
}

// leave ends a call. The caller defers leave, because a driver may panic.
func (p pass) leave() {
	if p.circuit != nil {
		p.circuit.leave()
	}
}

// note notes the result of a call.
func (p pass) note(f finding) {
	if p.circuit == nil {
		return
	}
	var took time.Duration
	if !p.began.IsZero() {
		took = time.Since(p.began)
	}
	p.circuit.note(f.result, f.err, took)
}

// only returns the circuit of a call on keys, or nil if the keys have several.
func (s *Store) only(keys []string, replicas bool) *circuit {
	first := s.breaker.of(keys[0], replicas)
	if s.breaker.locator == nil {
		return first
	}
	for _, key := range keys[1:] {
		if s.breaker.of(key, replicas) != first {
			return nil
		}
	}
	return first
}

// one runs a call on one key at the primary.
func one[R any](s *Store, key string, do func() (R, error)) (R, error) {
	if s.breaker.skipsCircuits() {
		r, err := do()
		if f := findingOf(err); f.result != answered {
			pass{circuit: s.breaker.of(key, false)}.note(f)
		}
		return r, err
	}
	p, err := s.admit(s.breaker.of(key, false), key)
	if err != nil {
		var zero R
		return zero, err
	}
	defer p.leave()
	r, err := do()
	p.note(findingOf(err))
	return r, err
}

// Get implements driver.Store.
func (s *Store) Get(ctx context.Context, keys []string, dst []driver.Value) error {
	return s.read(ctx, keys, dst, s.next.Get)
}

// GetTTL implements driver.Expirer.
func (s *Store) GetTTL(ctx context.Context, keys []string, dst []driver.Value) error {
	return s.read(ctx, keys, dst, s.caps.Expirer.GetTTL)
}

// TTL implements driver.Expirer.
func (s *Store) TTL(ctx context.Context, keys []string, dst []driver.Value) error {
	return s.read(ctx, keys, dst, s.caps.Expirer.TTL)
}

// Set implements driver.Store.
func (s *Store) Set(ctx context.Context, entries []driver.Entry) error {
	return s.write(ctx, entries, s.next.Set)
}

// Expire implements driver.Expirer.
func (s *Store) Expire(ctx context.Context, entries []driver.Entry) error {
	return s.write(ctx, entries, s.caps.Expirer.Expire)
}

// Incr implements driver.Counter.
func (s *Store) Incr(ctx context.Context, key string, delta int64) (int64, error) {
	return one(s, key, func() (int64, error) { return s.caps.Counter.Incr(ctx, key, delta) })
}

// IncrInit implements driver.Counter.
func (s *Store) IncrInit(ctx context.Context, key string, delta, init int64, ttl time.Duration) (int64, error) {
	return one(s, key, func() (int64, error) { return s.caps.Counter.IncrInit(ctx, key, delta, init, ttl) })
}

// Swap implements driver.Swapper.
func (s *Store) Swap(ctx context.Context, e *driver.Entry, old *driver.Value) error {
	_, err := one(s, e.Key, func() (struct{}, error) { return struct{}{}, s.caps.Swapper.Swap(ctx, e, old) })
	return err
}

// CompareAndSwap implements driver.Swapper.
func (s *Store) CompareAndSwap(ctx context.Context, e *driver.Entry, old []byte) (bool, error) {
	return one(s, e.Key, func() (bool, error) { return s.caps.Swapper.CompareAndSwap(ctx, e, old) })
}

// CompareAndDelete implements driver.Swapper.
func (s *Store) CompareAndDelete(ctx context.Context, key string, old []byte) (bool, error) {
	return one(s, key, func() (bool, error) { return s.caps.Swapper.CompareAndDelete(ctx, key, old) })
}

// Rename implements driver.Mover.
func (s *Store) Rename(ctx context.Context, from, to string) error {
	p, err := s.admitAll([]string{from, to}, false)
	if err != nil {
		return err
	}
	defer p.leave()
	err = s.caps.Mover.Rename(ctx, from, to)
	p.note(findingOf(err))
	return err
}

// RenameNX implements driver.Mover.
func (s *Store) RenameNX(ctx context.Context, from, to string) (bool, error) {
	p, err := s.admitAll([]string{from, to}, false)
	if err != nil {
		return false, err
	}
	defer p.leave()
	moved, err := s.caps.Mover.RenameNX(ctx, from, to)
	p.note(findingOf(err))
	return moved, err
}

// admitAll admits a call on keys that cannot be divided. A call on several servers is
// admitted if no circuit of them is open. Nobody knows which of the servers has failed
// such a call, so that the result counts for no server.
func (s *Store) admitAll(keys []string, replicas bool) (pass, error) {
	if c := s.only(keys, replicas); c != nil {
		return s.admit(c, keys[0])
	}
	for _, key := range keys {
		if err := s.reject(s.breaker.of(key, replicas), key); err != nil {
			return pass{}, err
		}
	}
	return pass{}, nil
}

// Scan implements driver.Scanner. A store with a Locator scans several servers: then the
// breaker has no part in it.
func (s *Store) Scan(ctx context.Context, pattern string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		c := s.breaker.onlyPrimary
		if c != nil {
			if err := s.reject(c, ""); err != nil {
				yield("", err)
				return
			}
		}
		s.caps.Scanner.Scan(ctx, pattern)(func(key string, err error) bool {
			if err != nil && c != nil {
				pass{circuit: c}.note(findingOf(err))
			}
			return yield(key, err)
		})
	}
}

// Flush implements driver.Flusher. The breaker has no part in the Flush of a store
// with a Locator.
func (s *Store) Flush(ctx context.Context) error {
	c := s.breaker.onlyPrimary
	if c == nil {
		return s.caps.Flusher.Flush(ctx)
	}
	p, err := s.admit(c, "")
	if err != nil {
		return err
	}
	defer p.leave()
	err = s.caps.Flusher.Flush(ctx)
	p.note(findingOf(err))
	return err
}
