package xcachetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/internal/stopwatch"
)

// promptly is the time that a call may take after the end of its context, by a stopwatch.
// The contract says 20 ms; the rest is for a busy machine.
const promptly = 500 * time.Millisecond

// contextChecks has the rules of the contract on contexts, for every operation.
func contextChecks() []check {
	return slices.Concat(
		forEachOperation("context/ended-before-", "with a context that has ended the call fails with the context's error, not as ErrUnavailable, and changes nothing", everyOperation,
			func(s *subject, op *operation) error { return s.wantNothingAfterEnd(op) }),
		forEachOperation("context/cancelled-during-", "a call whose context is cancelled returns at once with the context's error and not as ErrUnavailable, though the server is silent; a write tells that its outcome is unknown", everyOperation,
			func(s *subject, op *operation) error { return s.wantPromptEnd(op, context.Canceled) }, behindAddr),
		forEachOperation("context/deadline-during-", "a call whose deadline passes returns at once with the context's error and not as ErrUnavailable, though the server is silent; a write tells that its outcome is unknown", everyOperation,
			func(s *subject, op *operation) error { return s.wantPromptEnd(op, context.DeadlineExceeded) }, behindAddr),
		[]check{
			{
				name: "context/deadline-that-has-passed",
				rule: "a deadline that has passed is context.DeadlineExceeded, neither Canceled nor ErrUnavailable",
				run: func(s *subject) error {
					ctx, cancel := context.WithDeadline(context.Background(), time.Now().Add(-time.Second))
					defer cancel()
					key := s.key("k")
					errs := []error{s.set(key, "v", long)}
					err := s.store.Get(ctx, []string{key}, make([]driver.Value, 1))
					errs = append(errs, s.wantContextErr(err, context.DeadlineExceeded, "Get"), that(!errors.Is(err, context.Canceled), "Get: %v matches context.Canceled too", err))
					return errors.Join(append(errs, s.wantContextErr(setAll(ctx, s.store, []string{key}, driver.Entry{Value: []byte("new"), TTL: long}), context.DeadlineExceeded, "Set"), s.wantValue(key, "v"))...)
				},
			},
			{
				name: "context/values-and-distant-deadlines-do-no-harm",
				rule: "a context with values, a cancel function and a distant deadline changes nothing about a call",
				run: func(s *subject) error {
					type contextKey struct{}
					ctx, cancel := context.WithTimeout(context.WithValue(context.Background(), contextKey{}, 1), time.Hour)
					defer cancel()
					var errs []error
					for _, op := range s.possible() {
						key, err := s.target(op.name)
						errs = append(errs, err, s.wantErr(op.call(ctx, s.store, &s.caps, []string{key}), nil, "%s", op.name))
					}
					return errors.Join(errs...)
				},
			},
			{
				name: "context/cancelled-after-the-call",
				rule: "cancelling the context of a call that has returned does not harm what it stored or returned",
				run: func(s *subject) error {
					key := s.key("k")
					var errs []error
					for i := range 50 {
						ctx, cancel := context.WithCancel(context.Background())
						dst := make([]driver.Value, 1)
						errs = append(errs, setAll(ctx, s.store, []string{key}, driver.Entry{Value: []byte(strconv.Itoa(i)), TTL: long}), s.store.Get(ctx, []string{key}, dst))
						cancel()
						errs = append(errs, expect(string(dst[0].Data), strconv.Itoa(i), "the value"), s.wantValue(key, strconv.Itoa(i)))
					}
					return errors.Join(errs...)
				},
			},
			{
				name:  "context/ended-starts-no-io",
				rule:  "a call whose context has ended sends nothing to the server",
				needs: needs(behindAddr),
				run: func(s *subject) error {
					var errs []error
					for _, op := range s.possible() {
						key, err := s.target(op.name)
						errs = append(errs, err)
						f, err := s.proxied(key)
						if err != nil {
							return err
						}
						f.proxy.ResetStats()
						errs = append(errs, s.wantContextErr(op.call(ended(), f.store, &f.caps, []string{key}), context.Canceled, "%s", op.name))
						stopwatch.Rest(10 * time.Millisecond) // so that the proxy sees the sent bytes
						errs = append(errs, that(!bytes.Contains(f.proxy.Transcript(), []byte(key)), "%s sent its key to the server", op.name), f.close())
					}
					return errors.Join(errs...)
				},
			},
			{
				name:  "context/inputs-free-after-an-early-return",
				rule:  "once a call has returned, also early because its context ended, the store does not look at the caller's keys and values any more",
				needs: needs(behindAddr),
				run:   func(s *subject) error { return s.wantInputsFree() },
			},
			{
				name:  "context/usable-after-an-early-return",
				rule:  "after calls that ended early the store works on, and every call gets its own reply",
				needs: needs(behindAddr),
				run: func(s *subject) error {
					a, b := s.key("a"), s.key("b")
					errs := []error{s.set(a, "A", long), s.set(b, "B", long)}
					f, err := s.proxied(a)
					if err != nil {
						return err
					}
					for range 5 {
						f.proxy.StallReplies()
						ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
						errs = append(errs, s.wantContextErr(f.store.Get(ctx, []string{a}, make([]driver.Value, 1)), context.DeadlineExceeded, "Get from a silent server"))
						cancel()
						f.proxy.Resume()
						errs = append(errs, s.eventually(func() error { return f.wantValue(b, "B") }), f.wantValue(a, "A"), f.wantValue(b, "B"))
					}
					return errors.Join(append(errs, f.close())...)
				},
			},
			{
				name:  "context/no-reply-reaches-another-caller",
				rule:  "whatever is cancelled when, no caller ever gets the reply to another one's request",
				needs: needs(behindAddr),
				run:   func(s *subject) error { return s.wantOwnReplies() },
			},
		},
	)
}

func (s *subject) wantNothingAfterEnd(op *operation) error {
	key, err := s.target("k")
	opErr := op.call(ended(), s.store, &s.caps, []string{key})
	return errors.Join(err, s.wantContextErr(opErr, context.Canceled, "%s", op.name),
		that(!errors.Is(opErr, driver.ErrUnknownOutcome), "%s: %v says that it may have been applied", op.name, opErr),
		s.wantValue(key, "1"), s.wantTTL(key, long), s.wantMiss(key+" renamed"))
}

// wantPromptEnd ends the context of a call that waits for a silent server.
func (s *subject) wantPromptEnd(op *operation, want error) error {
	// On a busy machine the context may end before the request is sent. Then the outcome is
	// known. The next attempt has more time.
	const tries = 7
	for try, after := 1, 30*time.Millisecond; ; try, after = try+1, 2*after {
		key, err := s.target("k" + after.String())
		if err != nil {
			return err
		}
		f, err := s.warm(op)
		if err != nil {
			return err
		}
		took, opErr := f.endAmid(op, key, want, after)
		sent := f.hasSent(key)
		errs := []error{
			s.wantContextErr(opErr, want, "%s", op.name),
			that(took < promptly, "%s returned %v after its context ended", op.name, took),
		}
		if op.write && (sent || try == tries) {
			errs = append(errs, s.wantErr(opErr, driver.ErrUnknownOutcome, "%s, whose request was under way", op.name))
		}
		if err := errors.Join(append(errs, f.close())...); err != nil || sent || !op.write || try == tries {
			return err
		}
	}
}

// endAmid runs an operation with a context that ends after some time, while the server is
// silent.
func (f *far) endAmid(op *operation, key string, how error, after time.Duration) (took time.Duration, opErr error) {
	f.proxy.Stall()
	defer f.proxy.Resume()
	return endAmid(how, after, func(ctx context.Context) error { return op.call(ctx, f.store, &f.caps, []string{key}) })
}

// endAmid makes a call with a context that ends after some time. The result is the time of the
// call after the end of the context, by a stopwatch, and the call's error.
func endAmid(how error, after time.Duration, call func(ctx context.Context) error) (took time.Duration, callErr error) {
	var ctx context.Context
	var cancel context.CancelFunc
	if errors.Is(how, context.Canceled) {
		ctx, cancel = context.WithCancel(context.Background())
		time.AfterFunc(after, cancel)
	} else {
		ctx, cancel = context.WithTimeout(context.Background(), after)
	}
	defer cancel()
	watches := make(chan *stopwatch.Watch, 1)
	stop := context.AfterFunc(ctx, func() { watches <- stopwatch.Start() })
	callErr = call(ctx)
	if !stop() {
		took = (<-watches).Stop()
	}
	return took, callErr
}

// hasSent reports whether a key has reached the proxy on its way to the server.
func (f *far) hasSent(key string) bool {
	sent := func() bool { return bytes.Contains(f.proxy.Transcript(), []byte(key)) }
	for range 20 {
		if sent() {
			return true
		}
		stopwatch.Rest(5 * time.Millisecond)
	}
	return sent()
}

// wantInputsFree overwrites the inputs of a call that has returned early, while its
// request may still wait to be sent. The race detector notices a store that still reads
// the inputs.
func (s *subject) wantInputsFree() error {
	size := 512 << 10 // 20 times the size is more than sockets hold, so that a part of the request is not sent
	if limit := s.caps.Limits.ValueSize; limit > 0 {
		size = min(size, limit)
	}
	var errs []error
	for range 3 {
		warm := s.key("warm")
		f, err := s.proxied(warm)
		if err != nil {
			return err
		}
		keys := s.keysNamed("k", 20)
		entries := make([]driver.Entry, len(keys))
		value := bytes.Repeat([]byte("v"), size)
		for i, key := range keys {
			entries[i] = driver.Entry{Key: key, Value: value, TTL: long}
		}
		f.proxy.Stall()
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Millisecond)
		errs = append(errs, s.wantContextErr(f.store.Set(ctx, entries), context.DeadlineExceeded, "Set of a large batch to a silent server"))
		cancel()
		for i := range value {
			value[i] = 'X'
		}
		clear(entries)
		f.proxy.Resume()
		f.awaitSilence() // bytes that are still on their way may arrive
		dst := make([]driver.Value, len(keys))
		errs = append(errs, s.store.Get(noDeadline, keys, dst))
		for i := range dst {
			if dst[i].Err == nil {
				errs = append(errs, that(!bytes.Contains(dst[i].Data, []byte("X")), "%s was stored with bytes that were written after the call", s.show(keys[i])))
			}
		}
		errs = append(errs, f.close())
		_, deleteErr := s.store.Delete(noDeadline, keys)
		errs = append(errs, deleteErr)
	}
	return errors.Join(errs...)
}

// awaitSilence returns when the proxy has passed nothing for a while.
func (f *far) awaitSilence() {
	const rounds, pause = 25, 200 * time.Millisecond
	for range rounds {
		before := f.proxy.Stats()
		stopwatch.Rest(pause)
		if f.proxy.Stats() == before {
			return
		}
	}
}

func (s *subject) wantOwnReplies() error {
	keys := s.keysNamed("k", rivals)
	var errs []error
	for i, key := range keys {
		errs = append(errs, s.set(key, ownValue(i), long))
	}
	f, err := s.proxied(keys[0])
	if err != nil {
		return err
	}
	f.proxy.Delay(time.Millisecond)
	errs = append(errs, together(rivals, func(i int) error {
		for n := range 60 {
			ctx, cancel := context.WithTimeout(context.Background(), time.Duration(rand.IntN(4000))*time.Microsecond)
			dst := make([]driver.Value, 1)
			err := f.store.Get(ctx, keys[i:i+1], dst)
			cancel()
			switch err = cmpErr(err, dst[0].Err); {
			case err == nil && string(dst[0].Data) != ownValue(i):
				return fmt.Errorf("call %d of caller %d got %s", n, i, quote(string(dst[0].Data)))
			case errors.Is(err, driver.ErrNotFound):
				return fmt.Errorf("call %d of caller %d missed a key that exists", n, i)
			case err != nil && !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, driver.ErrUnavailable):
				return fmt.Errorf("call %d of caller %d: %w", n, i, err)
			}
		}
		return nil
	}))
	f.proxy.Delay(0)
	for i, key := range keys {
		errs = append(errs, s.eventually(func() error { return f.wantValue(key, ownValue(i)) }))
	}
	return errors.Join(append(errs, f.close())...)
}

// ownValue returns values of different lengths. So a shift of a reply by some bytes is
// noticed.
func ownValue(i int) string { return strings.Repeat(strconv.Itoa(i)+",", 1+10*i) }
