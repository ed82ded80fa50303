package xcachetest

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/xcache-go/xcache/driver"
)

// These tests test the checks of transactions, with the memory store: correct, broken, and
// with transactions on sessions.

func watchNames() []string {
	var names []string
	for _, c := range watchChecks() {
		names = append(names, c.name)
	}
	return names
}

func TestStoresWithTransactionsPass(t *testing.T) {
	for name, open := range map[string]func() driver.Store{
		"its own":     func() driver.Store { return newCorrect() },
		"on sessions": func() driver.Store { return &onSessions{correct: newCorrect()} },
	} {
		t.Run(name, func(t *testing.T) {
			for _, r := range runChecks(t, watchHarness(open), watchNames()...) {
				if r.err != nil || r.skipped != "" {
					t.Errorf("%s: %v, skipped %q", r.name, r.err, r.skipped)
				}
			}
		})
	}
}

func TestStoreWithoutTransactionsIsHeldToSayingSo(t *testing.T) {
	for _, r := range runChecks(t, watchHarness(func() driver.Store { return lacksWatch{newCorrect()} }), watchNames()...) {
		if r.err != nil || (r.skipped == "") != (r.name == "watch/supported") {
			t.Errorf("%s: %v, skipped %q", r.name, r.err, r.skipped)
		}
	}
}

// A brokenTransaction is a transaction of the memory store with another end.
type brokenTransaction struct {
	driver.Transaction
	store correct
	keys  []string
	begun []driver.Value // the values of the keys at first
	end   func(b *brokenTransaction, ctx context.Context, cmds []*driver.Cmd) error
}

func (b *brokenTransaction) Do(ctx context.Context, cmds []*driver.Cmd, how driver.How) error {
	if how == driver.Plain {
		return b.Transaction.Do(ctx, cmds, how)
	}
	return b.end(b, ctx, cmds)
}

// same reports whether the keys have their first values.
func (b *brokenTransaction) same(ctx context.Context) bool {
	now := make([]driver.Value, len(b.keys))
	if err := b.store.Get(ctx, b.keys, now); err != nil {
		return false
	}
	return slices.EqualFunc(now, b.begun, func(a, b driver.Value) bool {
		return bytes.Equal(a.Data, b.Data) && errors.Is(a.Err, b.Err)
	})
}

var errLostTransaction = driver.Fail(driver.ErrConflict, driver.NotApplied, nil)

func TestBrokenTransactionsAreCaught(t *testing.T) {
	for _, broken := range []struct {
		name   string
		end    func(b *brokenTransaction, ctx context.Context, cmds []*driver.Cmd) error
		caught []string
	}{
		{"there is never a conflict", func(b *brokenTransaction, ctx context.Context, cmds []*driver.Cmd) error {
			return b.store.Do(ctx, cmds, driver.Atomic)
		}, []string{"watch/conflict-is-retried", "watch/every-change-conflicts", "watch/every-key", "watch/expiry", "watch/gives-up", "watch/results", "watch/nothing-queued", "watch/counts", "watch/structures"}},
		{"it commits in spite of a conflict", func(b *brokenTransaction, ctx context.Context, cmds []*driver.Cmd) error {
			copies := make([]*driver.Cmd, len(cmds))
			for i, cmd := range cmds {
				copies[i] = driver.NewCmd(cmd.Name, slices.Clone(cmd.Args)...)
			}
			err := b.Transaction.Do(ctx, cmds, driver.Atomic)
			if errors.Is(err, driver.ErrConflict) {
				_ = b.store.Do(ctx, copies, driver.Atomic)
			}
			return err
		}, []string{"watch/conflict-is-retried", "watch/gives-up"}},
		{"values are compared", func(b *brokenTransaction, ctx context.Context, cmds []*driver.Cmd) error {
			if !b.same(ctx) {
				return errLostTransaction
			}
			return b.store.Do(ctx, cmds, driver.Atomic)
		}, []string{"watch/every-change-conflicts"}},
		{"somebody may come between the look and the end", func(b *brokenTransaction, ctx context.Context, cmds []*driver.Cmd) error {
			if !b.same(ctx) {
				return errLostTransaction
			}
			time.Sleep(time.Millisecond)
			return b.store.Do(ctx, cmds, driver.Atomic)
		}, []string{"watch/counts"}},
		{"the outcome of a conflict is unknown", func(b *brokenTransaction, ctx context.Context, cmds []*driver.Cmd) error {
			err := b.Transaction.Do(ctx, cmds, driver.Atomic)
			if errors.Is(err, driver.ErrConflict) {
				return driver.Fail(driver.ErrConflict, driver.Unknown, nil)
			}
			return err
		}, []string{"watch/gives-up"}},
		{"a conflict is ErrUnavailable", func(b *brokenTransaction, ctx context.Context, cmds []*driver.Cmd) error {
			err := b.Transaction.Do(ctx, cmds, driver.Atomic)
			if errors.Is(err, driver.ErrConflict) {
				return driver.Fail(driver.ErrUnavailable, driver.NotApplied, nil)
			}
			return err
		}, []string{"watch/conflict-is-retried", "watch/gives-up"}},
		{"a command that fails is the failure of all", func(b *brokenTransaction, ctx context.Context, cmds []*driver.Cmd) error {
			if err := b.Transaction.Do(ctx, cmds, driver.Atomic); err != nil {
				return err
			}
			for _, cmd := range cmds {
				if cmd.Err != nil {
					return cmd.Err
				}
			}
			return nil
		}, []string{"watch/errors-of-operations"}},
		{"only the first key is watched", nil, []string{"watch/every-key"}},
		{"all keys are watched", nil, []string{"watch/no-change-conflicts-not"}},
		{"Close goes on watching", nil, []string{"watch/leaves-nothing"}},
	} {
		t.Run(broken.name, func(t *testing.T) {
			open := func() driver.Store { return &brokenWatch{correct: newCorrect(), name: broken.name, end: broken.end} }
			for _, r := range runChecks(t, watchHarness(open), broken.caught...) {
				if r.err == nil {
					t.Errorf("%s did not catch it (skipped: %q)", r.name, r.skipped)
				}
			}
		})
	}
}

func watchHarness(open func() driver.Store) Harness {
	h := inProcess(open)
	h.Lacks = lackedBy(open())
	h.Timeout = 15 * time.Second
	return h
}

// A brokenWatch is the memory store with broken transactions.
type brokenWatch struct {
	correct
	name string
	end  func(b *brokenTransaction, ctx context.Context, cmds []*driver.Cmd) error
	left driver.Transaction
}

func (s *brokenWatch) Watch(ctx context.Context, keys ...string) (driver.Transaction, error) {
	switch s.name {
	case "only the first key is watched":
		keys = keys[:1]
	case "all keys are watched": // all keys of the check, except the store's own
		for _, name := range []string{"{t}b", "{t}c", "{u}a"} {
			i := strings.Index(keys[0], "{t}")
			keys = append(slices.Clone(keys), keys[0][:i]+name)
		}
	case "Close goes on watching":
		if s.left == nil {
			t, err := s.correct.Watch(ctx, keys...)
			s.left = t
			return stays{t}, err
		}
		return &brokenTransaction{Transaction: s.left, store: s.correct, end: func(b *brokenTransaction, ctx context.Context, cmds []*driver.Cmd) error {
			s.left = nil
			return b.Transaction.Do(ctx, cmds, driver.Atomic)
		}}, nil
	}
	t, err := s.correct.Watch(ctx, keys...)
	if err != nil || s.end == nil {
		return t, err
	}
	b := &brokenTransaction{Transaction: t, store: s.correct, keys: keys, begun: make([]driver.Value, len(keys)), end: s.end}
	return b, s.Get(ctx, keys, b.begun)
}

// stays is a transaction whose Close does nothing.
type stays struct{ driver.Transaction }

func (stays) Close() error { return nil }

// lacksWatch is the memory store without transactions.
type lacksWatch struct{ correct }

func (s lacksWatch) Caps() driver.Caps {
	caps := driver.DetectCaps(s.correct)
	caps.Watcher = nil
	return caps
}

// onSessions is the memory store with sessions that support WATCH.
type onSessions struct{ correct }

func (s *onSessions) Caps() driver.Caps {
	caps := driver.DetectCaps(s)
	caps.Watcher = nil
	return caps
}

// Exclusive implements driver.Exclusive.
func (s *onSessions) Exclusive(ctx context.Context, _ ...string) (driver.Session, error) {
	if ctx.Err() != nil {
		return nil, driver.Fail(ctx.Err(), driver.NotApplied, nil)
	}
	return &watchSession{store: s.correct}, nil
}

// A watchSession is a session only for transactions.
type watchSession struct {
	driver.Session
	store       correct
	transaction driver.Transaction
}

func (s *watchSession) Do(ctx context.Context, cmds []*driver.Cmd, how driver.How) error {
	switch {
	case cmds[0].Name == "WATCH":
		var keys []string
		for _, arg := range cmds[0].Args {
			keys = append(keys, arg.Text)
		}
		var err error
		s.transaction, err = s.store.Watch(ctx, keys...)
		return err
	case cmds[0].Name == "UNWATCH":
		return s.transaction.Close()
	case s.transaction == nil:
		return s.store.Do(ctx, cmds, how)
	}
	return s.transaction.Do(ctx, cmds, how)
}

func (s *watchSession) Err() error { return nil }

func (s *watchSession) Close() error {
	if s.transaction == nil {
		return nil
	}
	return s.transaction.Close()
}
