package xcachetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/internal/stopwatch"
)

// A far is a second store for the same server, behind a proxy.
type far struct {
	*subject
	proxy *Proxy
}

// proxied opens a store behind a proxy, and reads a key, so that the store has a
// connection.
func (s *subject) proxied(key string) (*far, error) {
	proxy, err := newProxy(s.h.Addr)
	if err != nil {
		return nil, err
	}
	f := &far{s.with(s.h.OpenAt(s.t, proxy.Addr())), proxy}
	if key == "" {
		return f, nil
	}
	if err := f.connected(key); err != nil {
		return nil, errors.Join(fmt.Errorf("Get through the proxy: %w", err), f.close())
	}
	return f, nil
}

// warm returns a store behind a proxy that has run an operation before. So the store has a
// connection, and has loaded its scripts.
func (s *subject) warm(op *operation) (*far, error) {
	key, err := s.target("warm " + op.name)
	if err != nil {
		return nil, err
	}
	f, err := s.proxied(key)
	if err != nil {
		return nil, err
	}
	ctx, cancel := farContext()
	defer cancel()
	if err := op.call(ctx, f.store, &f.caps, []string{key}); err != nil {
		return nil, errors.Join(fmt.Errorf("%s through the proxy: %w", op.name, err), f.close())
	}
	return f, nil
}

// close closes the store, then its proxy.
func (f *far) close() error {
	err := f.subject.close()
	f.proxy.Close()
	return err
}

// roundTripChecks has the number of round trips of calls.
func roundTripChecks() []check {
	notScan := func(op *operation) bool { return op.name != "scan" }
	return slices.Concat(
		forEachOperation("round-trips/one-for-", "one call is one round trip", notScan,
			func(s *subject, op *operation) error { return s.wantOneRoundTrip(op, 1) }, behindAddr),
		forEachOperation("round-trips/one-for-batch-", "a batch of 100 keys is one round trip", worksOnBatch,
			func(s *subject, op *operation) error { return s.wantOneRoundTrip(op, 100) }, behindAddr),
		forEachOperation("round-trips/none-for-empty-", "an empty batch sends nothing", worksOnBatch,
			func(s *subject, op *operation) error {
				f, err := s.warm(op)
				if err != nil {
					return err
				}
				f.proxy.ResetStats()
				return errors.Join(op.call(noDeadline, f.store, &f.caps, nil), expect(f.proxy.Stats(), ProxyStats{}, "what passed the proxy"), f.close())
			}, behindAddr),
		[]check{{
			name:  "round-trips/one-for-a-mixed-batch",
			rule:  "a batch that mixes conditions and kinds of TTLs is one round trip",
			needs: needs(behindAddr),
			run: func(s *subject) error {
				keys := s.keysNamed("{t}k", 60)
				f, err := s.proxied(keys[0])
				if err != nil {
					return err
				}
				entries := make([]driver.Entry, len(keys))
				write := func(ctx context.Context) error {
					for i, key := range keys {
						ttl := []time.Duration{long, driver.NoExpiry, driver.KeepTTL, -1}[i%4]
						entries[i] = driver.Entry{Key: key, Value: []byte("v"), TTL: ttl, Cond: driver.Cond(i % 3)}
					}
					return f.store.Set(ctx, entries)
				}
				return errors.Join(write(noDeadline), f.wantOneRoundTrip("the batch", keys, write), f.close())
			},
		}},
	)
}

func (s *subject) wantOneRoundTrip(op *operation, n int) error {
	keys := make([]string, n)
	var errs []error
	for i := range keys {
		key, err := s.target(strconv.Itoa(i))
		keys[i] = key
		errs = append(errs, err)
	}
	f, err := s.warm(op)
	if err != nil {
		return err
	}
	sent := keys
	if n == 1 { // a small request; a ping has no key
		sent = nil
	}
	return errors.Join(append(errs, f.wantOneRoundTrip(op.name, sent, func(ctx context.Context) error { return op.call(ctx, f.store, &f.caps, keys) }), f.close())...)
}

// wantOneRoundTrip wants a call to send its whole request, with all keys, before any reply.
// The store may send the request in pieces. So no reply passes early: on a busy machine a
// reply to the first piece could come before the last piece is sent.
func (f *far) wantOneRoundTrip(name string, keys []string, call func(ctx context.Context) error) error {
	ctx, cancel := farContext()
	defer cancel()
	f.proxy.ResetStats()
	f.proxy.StallReplies()
	err := together(2, func(i int) error {
		if i == 0 {
			return call(ctx)
		}
		defer f.proxy.Resume()
		watch := stopwatch.Start()
		defer watch.Stop()
		for !f.proxy.hasRequest(keys) && watch.Elapsed() < time.Second {
			time.Sleep(time.Millisecond)
		}
		stopwatch.Rest(5 * time.Millisecond) // for the bytes behind the last key
		return nil
	})
	return errors.Join(err, expect(f.proxy.Stats().RoundTrips, 1, "round trips of %s", name))
}

// hasRequest reports whether a request with all of some keys has passed.
func (p *Proxy) hasRequest(keys []string) bool {
	transcript := p.Transcript()
	return len(transcript) > 0 && !slices.ContainsFunc(keys, func(key string) bool { return !bytes.Contains(transcript, []byte(key)) })
}

// faultChecks has the rules of the contract on servers and networks that fail.
func faultChecks() []check {
	checks := []check{
		{
			name: "faults/refused",
			rule: "a server that refuses connections is ErrUnavailable, and nothing was applied",
			run: func(s *subject) error {
				f, err := s.proxied("")
				if err != nil {
					return err
				}
				f.proxy.Refuse()
				ops := s.possible()
				err = together(len(ops), func(i int) error {
					err := ops[i].call(noDeadline, f.store, &f.caps, []string{s.key("{t}" + ops[i].name)})
					return errors.Join(s.wantErr(err, driver.ErrUnavailable, "%s", ops[i].name),
						that(!errors.Is(err, driver.ErrUnknownOutcome), "%s: %v says that it may have been applied", ops[i].name, err))
				})
				return errors.Join(err, expect(f.proxy.Stats().Connections, 0, "connections"), f.close())
			},
		},
		{
			name: "faults/refused-then-accepted",
			rule: "a store that was opened, and used, while its server was down works when it is up",
			run: func(s *subject) error {
				key := s.key("k")
				f, err := s.proxied("")
				if err != nil {
					return err
				}
				f.proxy.Refuse()
				_, downErr := f.get(key)
				err = errors.Join(s.set(key, "v", long), s.wantErr(downErr, driver.ErrUnavailable, "Get while the server is down"), f.proxy.Accept())
				return errors.Join(err, s.eventually(func() error { return f.wantValue(key, "v") }), f.wantValue(key, "v"), f.close())
			},
		},
		{
			name: "faults/opening-does-no-io",
			rule: "opening a store connects to nothing; its first call does",
			run: func(s *subject) error {
				f, err := s.proxied("")
				if err != nil {
					return err
				}
				stopwatch.Rest(20 * time.Millisecond) // for background work of the store
				return errors.Join(f.proxy.wantUntouched(), s.wantErrOf(f.get(s.key("k")))(driver.ErrNotFound),
					that(f.proxy.Stats().RoundTrips > 0, "the first call made no connection through the proxy; is OpenAt's address used?"), f.close())
			},
		},
		{
			name: "faults/cut-while-idle",
			rule: "connections that were cut while nothing was under way are replaced: the store works on, reads at once",
			run:  func(s *subject) error { return s.wantRecovery((*Proxy).Cut) },
		},
		{
			name: "faults/reset-while-idle",
			rule: "connections that were reset while nothing was under way are replaced: the store works on, reads at once",
			run:  func(s *subject) error { return s.wantRecovery((*Proxy).Reset) },
		},
		{
			name: "faults/get-reply-cut-after-each-byte",
			rule: "wherever a reply to Get is cut, the call returns the whole value or an error, never a part, another value or a miss",
			run: func(s *subject) error {
				key := s.key("k")
				err := s.set(key, "some value", long)
				return errors.Join(err, s.cutAfterEachByte(key, func(f *far) error {
					got, err := f.get(key)
					if err == nil && got != "some value" || errors.Is(err, driver.ErrNotFound) {
						return fmt.Errorf("Get = %s, %w", quote(got), orNone(err))
					}
					return nil
				}))
			},
		},
		{
			name: "faults/batch-reply-cut-after-each-byte",
			rule: "wherever a reply to a batch of Gets is cut, each key has its value or an error, or the call has one",
			run: func(s *subject) error {
				keys := s.keysNamed("{t}k", 3)
				errs := []error{setAll(noDeadline, s.store, keys[:2], driver.Entry{Value: []byte("value"), TTL: long})}
				return errors.Join(append(errs, s.cutAfterEachByte(keys[0], func(f *far) error {
					dst := make([]driver.Value, 3)
					if f.store.Get(noDeadline, keys, dst) != nil {
						return nil //nolint:nilerr // an error of the call is correct, too
					}
					for i := range dst {
						switch err := dst[i].Err; {
						case i < 2 && err == nil && string(dst[i].Data) != "value", i < 2 && errors.Is(err, driver.ErrNotFound), i == 2 && err == nil:
							return fmt.Errorf("key %d = %s, %w", i, quote(string(dst[i].Data)), orNone(err))
						}
					}
					return nil
				}))...)
			},
		},
		{
			name:  "faults/incr-reply-cut-after-each-byte",
			needs: needs(counter),
			rule:  "wherever the reply to Incr is cut, it has been applied at most once, exactly once if it succeeded, and ErrUnknownOutcome if not",
			run: func(s *subject) error {
				key := s.key("k")
				err := s.set(key, "0", long)
				return errors.Join(err, s.cutAfterEachByte(key, func(f *far) error {
					before, err := s.get(key)
					if err != nil {
						return err
					}
					_, incrErr := f.caps.Counter.Incr(noDeadline, key, 1)
					after, err := s.get(key)
					if err != nil {
						return err
					}
					n, _ := strconv.Atoi(before)
					m, _ := strconv.Atoi(after)
					if incrErr == nil {
						return expect(m-n, 1, "how often Incr was applied, which succeeded")
					}
					return errors.Join(s.wantErr(incrErr, driver.ErrUnknownOutcome, "Incr"), that(m-n <= 1, "Incr was applied %d times", m-n))
				}))
			},
		},
		{
			name: "faults/silent-server-without-deadline",
			rule: "a store that declares a CallTimeout ends calls without a deadline after it, as ErrUnavailable and not with a context's error",
			run:  func(s *subject) error { return s.wantGivenUp(func(p *Proxy, _ time.Duration) { p.Stall() }) },
		},
		{
			name: "faults/trickling-reply-without-deadline",
			rule: "a store that declares a CallTimeout ends calls without a deadline after it, also while bytes of the reply go on coming",
			run: func(s *subject) error {
				return s.wantGivenUp(func(p *Proxy, timeout time.Duration) { p.Trickle(timeout / 2) })
			},
		},
		{
			name: "faults/slow-server",
			rule: "a server that answers slowly is waited for",
			run: func(s *subject) error {
				key := s.key("k")
				f, err := s.proxied(key)
				if err != nil {
					return err
				}
				f.proxy.Delay(100 * time.Millisecond)
				return errors.Join(f.set(key, "v", long), f.wantValue(key, "v"), f.close())
			},
		},
		{
			name: "faults/one-bad-connection-among-rivals",
			rule: "when a connection is lost under load, calls fail or succeed, none hangs or is answered wrongly, and the store recovers",
			run: func(s *subject) error {
				keys := s.keysNamed("k", rivals)
				var errs []error
				for i, key := range keys {
					errs = append(errs, s.set(key, ownValue(i), long))
				}
				f, err := s.proxied(keys[0])
				if err != nil {
					return err
				}
				var done atomic.Bool
				errs = append(errs, together(rivals+1, func(i int) error {
					if i == rivals {
						defer done.Store(true)
						for n := range 15 {
							time.Sleep(10 * time.Millisecond)
							[]func(){f.proxy.Cut, f.proxy.Reset, func() { f.proxy.CutReply(n) }}[n%3]()
						}
						return nil
					}
					for !done.Load() {
						got, err := f.get(keys[i])
						if err == nil && got != ownValue(i) || errors.Is(err, driver.ErrNotFound) {
							return fmt.Errorf("caller %d: %s, %w", i, quote(got), orNone(err))
						}
					}
					return nil
				}))
				f.proxy.CutReply(-1)
				for i, key := range keys {
					errs = append(errs, s.eventually(func() error { return f.wantValue(key, ownValue(i)) }))
				}
				return errors.Join(append(errs, f.close())...)
			},
		},
	}
	return slices.Concat(
		withNeeds(checks, behindAddr),
		hangUpChecks(),
		forEachOperation("faults/lost-reply-to-", "a write whose reply is lost is ErrUnknownOutcome and ErrUnavailable, and is never sent again", isWrite,
			func(s *subject, op *operation) error { return s.wantSentOnce(op) }, behindAddr),
	)
}

// wantGivenUp makes every call without a deadline on a server that does not reply in time.
func (s *subject) wantGivenUp(fault func(p *Proxy, timeout time.Duration)) error {
	key, err := s.target("k")
	if err != nil {
		return err
	}
	f, err := s.proxied(key)
	if err != nil {
		return err
	}
	bound := f.caps.Limits.CallTimeout
	if bound == 0 || bound > 10*time.Second {
		return errors.Join(f.close(), inapplicable("the store declares no CallTimeout of at most 10s"))
	}
	fault(f.proxy, bound)
	heal := func() { f.proxy.Resume(); f.proxy.Trickle(0) }
	defer time.AfterFunc(3*bound, heal).Stop() // a caller who waits longer gets a reply
	ops := s.possible()
	err = together(len(ops), func(i int) error {
		watch := stopwatch.Start()
		err := ops[i].call(noDeadline, f.store, &f.caps, []string{s.key("{t}" + ops[i].name)})
		took := watch.Stop()
		return errors.Join(s.wantUnanswered(err, "%s", ops[i].name),
			that(took < bound+2*promptly, "%s returned after %v, the CallTimeout is %v", ops[i].name, took, bound))
	})
	heal()
	return errors.Join(err, f.close())
}

// wantSentOnce lets a write reach the server and drops the reply.
func (s *subject) wantSentOnce(op *operation) error {
	key, err := s.target("k")
	if err != nil {
		return err
	}
	f, err := s.warm(op)
	if err != nil {
		return err
	}
	f.proxy.ResetStats()
	f.proxy.CutReply(0)
	ctx, cancel := farContext()
	defer cancel()
	opErr := op.call(ctx, f.store, &f.caps, []string{key})
	// A second request would come before the call returns, or soon after by a timer.
	stopwatch.Rest(20 * time.Millisecond)
	// Commands on one key contain the key once, and renames twice.
	sent := bytes.Count(f.proxy.Transcript(), []byte(key)) - bytes.Count(f.proxy.Transcript(), []byte(key+" renamed")) - bytes.Count(f.proxy.Transcript(), []byte(driver.LeaseName(key)))
	return errors.Join(
		expect(f.proxy.Stats().CutReplies, 1, "replies that were lost"),
		s.wantErr(opErr, driver.ErrUnknownOutcome, "%s", op.name),
		s.wantErr(opErr, driver.ErrUnavailable, "%s", op.name),
		expect(sent, 1, "how often %s was sent", op.name),
		s.eventually(func() error { return s.wantErrOf(f.get(s.key("none")))(driver.ErrNotFound) }),
		f.close())
}

// wantUntouched wants that the store has not connected yet. The check makes a connection
// of its own: when that connection is accepted, all earlier connections are accepted.
func (p *Proxy) wantUntouched() error {
	conn, err := net.Dial("tcp", p.Addr())
	if err != nil {
		return err
	}
	defer conn.Close()
	for deadline := time.Now().Add(5 * time.Second); !p.serves(conn.LocalAddr()) && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	return expect(p.Stats(), ProxyStats{Connections: 1}, "what passed the proxy after opening, and one connection of the check's own")
}

// serves reports whether the connection from a client's address was accepted.
func (p *Proxy) serves(client net.Addr) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for l := range p.links {
		if l.client.RemoteAddr().String() == client.String() {
			return true
		}
	}
	return false
}

// wantRecovery breaks the connections of a store between calls.
func (s *subject) wantRecovery(breakAll func(*Proxy)) error {
	key := s.key("k")
	f, err := s.proxied(key)
	if err != nil {
		return err
	}
	err = f.set(key, "0", long)
	for i := 0; i < 5 && err == nil; i++ {
		err = errors.Join(f.readsAtOnce(key, strconv.Itoa(i), breakAll),
			s.eventually(func() error { return f.set(key, strconv.Itoa(i+1), long) }))
	}
	return errors.Join(err, f.close())
}

// readsAtOnce reads a key just after the connections were broken. A store need not repeat
// a request that failed after a while. On a busy machine a while may pass before the loss
// is noticed. So a read that fails late is repeated, a few times.
func (f *far) readsAtOnce(key, want string, breakAll func(*Proxy)) error {
	const tries, late = 10, 100 * time.Millisecond
	for try := 1; ; try++ {
		breakAll(f.proxy)
		start := time.Now()
		err := f.wantValue(key, want)
		if err == nil || !errors.Is(err, driver.ErrUnavailable) || time.Since(start) < late || try == tries {
			return err
		}
		if err := f.eventually(func() error { return f.connected(key) }); err != nil {
			return err
		}
	}
}

// cutAfterEachByte makes a call repeatedly, each time with the reply cut one byte later,
// until the reply is complete.
func (s *subject) cutAfterEachByte(key string, call func(f *far) error) error {
	f, err := s.proxied(key)
	if err != nil {
		return err
	}
	for n := range 200 {
		// The store connects first, so that the cut hits the reply and not the handshake.
		if err := s.eventually(func() error { return f.connected(key) }); err != nil {
			return errors.Join(err, f.close())
		}
		f.proxy.ResetStats()
		f.proxy.CutReply(n)
		err := call(f)
		f.proxy.CutReply(-1)
		if err != nil {
			return errors.Join(fmt.Errorf("cut after %d bytes: %w", n, err), f.close())
		}
		if f.proxy.Stats().CutReplies == 0 {
			return errors.Join(that(n > 0, "no reply was cut"), f.close())
		}
	}
	return errors.Join(errors.New("the reply is longer than 200 bytes"), f.close())
}

// connected reads a key, which may be missing.
func (s *subject) connected(key string) error {
	ctx, cancel := farContext()
	defer cancel()
	dst := make([]driver.Value, 1)
	err := s.store.Get(ctx, []string{key}, dst)
	if err = cmpErr(err, dst[0].Err); errors.Is(err, driver.ErrNotFound) {
		return nil
	}
	return err
}

// wantErrOf takes the results of get, and returns a function that compares the error.
func (s *subject) wantErrOf(_ string, err error) func(want error) error {
	return func(want error) error { return s.wantErr(err, want, "Get") }
}
