package xcachetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/internal/stopwatch"
)

func closeChecks() []check {
	return slices.Concat(
		ownCloseChecks(),
		forEachOperation("close/disconnected-during-", "Disconnect ends a call at a silent server at once, however late its context ends, as ErrClosed and not as ErrUnavailable; a write tells that its outcome is unknown", everyOperation,
			func(s *subject, op *operation) error { return s.wantDisconnected(op) }, disconnect, behindAddr),
		[]check{{
			name:  "close/cache-at-a-silent-server",
			rule:  "Close of a cache comes back soon after op_timeout though calls at a silent server have contexts that end much later; they fail as ErrClosed, writes with an unknown outcome",
			needs: needs(disconnect, behindAddr),
			run:   func(s *subject) error { return s.wantPromptClose() },
		}},
	)
}

func ownCloseChecks() []check {
	return []check{
		{
			name: "close/unused",
			rule: "a store that was never used can be closed",
			run:  func(s *subject) error { return s.close() },
		},
		{
			name: "close/leaves-no-goroutine",
			rule: "when Close returns, every goroutine of the store has ended",
			run: func(s *subject) error {
				// The goroutines of the subject's own store began before, and are left out.
				before := goroutines()
				store := s.h.Open(s.t)
				other := s.with(store)
				var errs []error
				for _, op := range other.possible() {
					key, err := other.target(op.name)
					errs = append(errs, err, op.call(noDeadline, store, &other.caps, []string{key}))
				}
				errs = append(errs, together(rivals, func(i int) error {
					_, err := other.get(other.key(fmt.Sprint(i)))
					return s.wantErr(err, driver.ErrNotFound, "Get")
				}))
				if other.caps.Scanner != nil {
					for _, err := range other.caps.Scanner.Scan(noDeadline, s.prefix+"*") {
						errs = append(errs, err)
						break
					}
				}
				errs = append(errs, other.end())
				// A goroutine may need a moment to end after its last work.
				return errors.Join(append(errs, s.eventually(func() error {
					left := goroutinesSince(before)
					return that(len(left) == 0, "%d goroutines are left after Close, the first:\n%s", len(left), first(left))
				}))...)
			},
		},
		{
			name: "close/leaves-others-alone",
			rule: "closing one store leaves another one of the same server or process working",
			run: func(s *subject) error {
				key := s.key("k")
				other := s.h.Open(s.t)
				err := errors.Join(setAll(noDeadline, other, []string{key + " other"}, driver.Entry{Value: []byte("v"), TTL: long}), s.set(key, "v", long))
				s.own(key + " other")
				return errors.Join(err, other.Close(), s.wantValue(key, "v"), s.set(key, "w", long), s.wantValue(key, "w"))
			},
		},
		{
			name: "close/many-stores",
			rule: "stores can be opened and closed over and over",
			run: func(s *subject) error {
				var errs []error
				for i := range 20 {
					store := s.h.Open(s.t)
					key := s.key(fmt.Sprint(i))
					dst := make([]driver.Value, 1)
					errs = append(errs, setAll(noDeadline, store, []string{key}, driver.Entry{Value: []byte("v"), TTL: long}),
						store.Get(noDeadline, []string{key}, dst), dst[0].Err)
					_, err := store.Delete(noDeadline, []string{key})
					errs = append(errs, err, store.Close())
				}
				return errors.Join(errs...)
			},
		},
		{
			name:  "close/leaves-no-connection",
			rule:  "when Close returns, every connection of the store is closed, also those that were busy when their call's context ended",
			needs: needs(behindAddr),
			run: func(s *subject) error {
				key := s.key("k")
				f, err := s.proxied(key)
				if err != nil {
					return err
				}
				err = together(rivals, func(int) error { return s.wantErrOf(f.get(key))(driver.ErrNotFound) })
				closeErr := f.subject.close()
				leftErr := s.eventually(func() error { return expect(f.proxy.OpenConnections(), 0, "connections after Close") })
				f.proxy.Close()
				return errors.Join(err, closeErr, leftErr)
			},
		},
		{
			name:  "close/after-early-returns",
			rule:  "Close returns soon, and leaves nothing behind, though calls that ended early left requests without an answer",
			needs: needs(behindAddr),
			run: func(s *subject) error {
				before := goroutines()
				key := s.key("k")
				f, err := s.proxied(key)
				if err != nil {
					return err
				}
				f.proxy.Stall()
				err = together(4, func(int) error {
					ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
					defer cancel()
					return s.wantContextErr(f.store.Get(ctx, []string{key}, make([]driver.Value, 1)), context.DeadlineExceeded, "Get from a silent server")
				})
				watch := stopwatch.Start()
				closeErr := f.subject.close()
				took := watch.Stop()
				f.proxy.Resume() // a stalled proxy does not notice that its client has disconnected
				left := s.eventually(func() error { return expect(f.proxy.OpenConnections(), 0, "connections after Close") })
				f.proxy.Close()
				return errors.Join(err, closeErr, left, that(took < 5*time.Second, "Close took %v", took), s.eventually(func() error {
					left := goroutinesSince(before)
					return that(len(left) == 0, "%d goroutines are left after Close, the first:\n%s", len(left), first(left))
				}))
			},
		},
	}
}

// wantDisconnected disconnects a store while a call waits for its reply.
func (s *subject) wantDisconnected(op *operation) error {
	key, err := s.target("k")
	if err != nil {
		return err
	}
	f, err := s.warm(op)
	if err != nil {
		return err
	}
	f.proxy.ResetStats()
	f.proxy.StallReplies()
	ctx, cancel := farContext()
	defer cancel()
	finished := make(chan error, 1)
	go func() { finished <- op.call(ctx, f.store, &f.caps, []string{key}) }()
	sentErr := s.eventually(func() error { return that(f.proxy.Stats().RequestBytes > 0, "%s sent nothing", op.name) })
	watch := stopwatch.Start()
	f.caps.Disconnector.Disconnect()
	opErr := <-finished
	took := watch.Stop()
	f.caps.Disconnector.Disconnect() // a second call has no effect
	laterErr := f.store.Get(ctx, []string{key}, make([]driver.Value, 1))
	f.proxy.Resume()
	errs := []error{
		sentErr,
		s.wantClosed(opErr, op.write, op.name),
		s.wantClosed(laterErr, false, "Get after Disconnect"),
		that(!errors.Is(laterErr, driver.ErrUnknownOutcome), "Get after Disconnect: %v says that it may have been sent", laterErr),
		that(took < 4*promptly, "%s returned %v after Disconnect", op.name, took),
	}
	return errors.Join(append(errs, f.close())...)
}

// wantPromptClose closes a cache while calls wait for their replies.
func (s *subject) wantPromptClose() error {
	const opTimeout = 500 * time.Millisecond
	f, err := s.proxied(s.key("k"))
	if err != nil {
		return err
	}
	f.closed = true // the cache closes its store
	c, err := f.cache(xcache.WithOpTimeout(opTimeout))
	if err != nil {
		return errors.Join(err, f.store.Close())
	}
	key := "k"
	s.own(c.full(key))
	ctx, cancel := farContext()
	defer cancel()
	errs := []error{c.texts.Set(ctx, key, "v")}
	f.proxy.ResetStats()
	f.proxy.StallReplies()
	write, read := make(chan error, 1), make(chan error, 1)
	go func() { write <- c.texts.Set(ctx, key, "w") }()
	errs = append(errs, s.eventually(func() error {
		return that(bytes.Contains(f.proxy.Transcript(), []byte(c.full(key))), "Set sent nothing")
	}))
	go func() { _, err := c.texts.Get(ctx, key); read <- err }()
	stopwatch.Rest(20 * time.Millisecond) // so that the read has begun, too
	watch := stopwatch.Start()
	errs = append(errs, c.Close())
	took := watch.Stop()
	f.proxy.Resume()
	errs = append(errs,
		that(took < 8*opTimeout, "Close took %v, op_timeout is %v", took, opTimeout),
		s.wantClosed(<-write, true, "Set"),
		s.wantClosed(<-read, false, "Get"),
		s.eventually(func() error { return expect(f.proxy.OpenConnections(), 0, "connections after Close") }))
	f.proxy.Close()
	return errors.Join(errs...)
}

// wantClosed wants the error of a call that Close has ended. A write may have been applied.
func (s *subject) wantClosed(got error, write bool, what string) error {
	errs := []error{
		s.wantErr(got, driver.ErrClosed, "%s", what),
		that(!errors.Is(got, driver.ErrUnavailable), "%s: %v matches ErrUnavailable", what, got),
	}
	if write {
		errs = append(errs, s.wantErr(got, driver.ErrUnknownOutcome, "%s, which may have been applied", what))
	}
	return errors.Join(errs...)
}

func first(texts []string) string {
	if len(texts) == 0 {
		return ""
	}
	return texts[0]
}
