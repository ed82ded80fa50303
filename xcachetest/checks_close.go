package xcachetest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/internal/stopwatch"
)

func closeChecks() []check {
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
				// The subject's own store is left out: its goroutines began before.
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
				// A goroutine that has done its last work may take a moment to end.
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
					return s.wantErr(f.store.Get(ctx, []string{key}, make([]driver.Value, 1)), context.DeadlineExceeded, "Get from a silent server")
				})
				watch := stopwatch.Start()
				closeErr := f.subject.close()
				took := watch.Stop()
				f.proxy.Resume() // a proxy that stalls does not see that its client is gone
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

func first(texts []string) string {
	if len(texts) == 0 {
		return ""
	}
	return texts[0]
}
