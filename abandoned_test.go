package xcache_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
)

// An abandoning store breaks the rule that input belongs to the caller again after a call.
// During the next call, the store writes to the input of a failed call, as an abandoned
// goroutine would.
type abandoning struct {
	*fakeStore
	fails bool
	late  []func()
}

var errLeft = driver.Fail(driver.ErrUnavailable, driver.Unknown, context.DeadlineExceeded)

// call fails and keeps late, or runs the late functions of earlier calls.
func (s *abandoning) call(late func()) error {
	if s.fails {
		s.late = append(s.late, late)
		return errLeft
	}
	for _, late := range s.late {
		late()
	}
	s.late = nil
	return nil
}

func spoilReads(keys []string, dst []driver.Value) func() {
	return func() { keys[0], dst[0] = "late", driver.Value{Data: []byte(`"late"`), TTL: 1} }
}

func spoilEntry(e *driver.Entry) func() {
	return func() {
		e.Key, e.TTL = "late", 1
		copy(e.Value, "XXXXXXXXXX")
	}
}

func spoilCommand(cmd *driver.Cmd) func() {
	return func() {
		for i := range cmd.Args {
			cmd.Args[i] = driver.Key("late")
		}
		cmd.Reply, cmd.Err = driver.DataReply([]byte("late")), errors.New("late")
	}
}

func (s *abandoning) Caps() driver.Caps {
	caps := s.fakeStore.Caps()
	caps.Commander, caps.Expirer, caps.Swapper = s, s, s
	return caps
}

func (s *abandoning) Get(ctx context.Context, keys []string, dst []driver.Value) error {
	if err := s.call(spoilReads(keys, dst)); err != nil {
		return err
	}
	return s.fakeStore.Get(ctx, keys, dst)
}

func (s *abandoning) TTL(ctx context.Context, keys []string, dst []driver.Value) error {
	if err := s.call(spoilReads(keys, dst)); err != nil {
		return err
	}
	return s.fakeStore.TTL(ctx, keys, dst)
}

func (s *abandoning) Delete(ctx context.Context, keys []string) (int, error) {
	if err := s.call(func() { keys[0] = "late" }); err != nil {
		return 0, err
	}
	return s.fakeStore.Delete(ctx, keys)
}

func (s *abandoning) Set(ctx context.Context, entries []driver.Entry) error {
	if err := s.call(spoilEntry(&entries[0])); err != nil {
		return err
	}
	return s.fakeStore.Set(ctx, entries)
}

func (s *abandoning) Expire(ctx context.Context, entries []driver.Entry) error {
	if err := s.call(spoilEntry(&entries[0])); err != nil {
		return err
	}
	return s.fakeStore.Expire(ctx, entries)
}

func (s *abandoning) Swap(ctx context.Context, e *driver.Entry, old *driver.Value) error {
	if err := s.call(func() { spoilEntry(e)(); old.Data = []byte(`"late"`) }); err != nil {
		return err
	}
	return s.fakeStore.Swap(ctx, e, old)
}

func (s *abandoning) CompareAndSwap(ctx context.Context, e *driver.Entry, old []byte) (bool, error) {
	if err := s.call(spoilEntry(e)); err != nil {
		return false, err
	}
	return s.fakeStore.CompareAndSwap(ctx, e, old)
}

// Do fails as a whole with one command. With several commands, all but the first fail.
func (s *abandoning) Do(ctx context.Context, cmds []*driver.Cmd, how driver.How) error {
	err := s.call(func() {
		for _, cmd := range cmds {
			spoilCommand(cmd)()
		}
	})
	switch {
	case err == nil:
		return s.fakeStore.Do(ctx, cmds, how)
	case len(cmds) == 1:
		return err
	}
	cmds[0].Reply, cmds[0].Err = driver.Reply{}, nil
	for _, cmd := range cmds[1:] {
		cmd.Err = err
	}
	return nil
}

func TestWhatACallThatFailedHadIsNotAnothersAfterwards(t *testing.T) {
	for name, run := range map[string]func(context.Context, *xcache.View[string]) (any, error){
		"Get":    func(ctx context.Context, v *xcache.View[string]) (any, error) { return v.Get(ctx, "text") },
		"Has":    func(ctx context.Context, v *xcache.View[string]) (any, error) { return v.Has(ctx, "text") },
		"TTL":    func(ctx context.Context, v *xcache.View[string]) (any, error) { return v.TTL(ctx, "lasting") },
		"Delete": func(ctx context.Context, v *xcache.View[string]) (any, error) { return v.Delete(ctx, "number") },
		"Expire": func(ctx context.Context, v *xcache.View[string]) (any, error) {
			return v.Expire(ctx, "text", time.Hour)
		},
		"Set":  func(ctx context.Context, v *xcache.View[string]) (any, error) { return nil, v.Set(ctx, "text", "new") },
		"Swap": func(ctx context.Context, v *xcache.View[string]) (any, error) { return v.Swap(ctx, "text", "new") },
		"CompareAndSwap": func(ctx context.Context, v *xcache.View[string]) (any, error) {
			return v.CompareAndSwap(ctx, "text", "hello", "new")
		},
		"Type": func(ctx context.Context, v *xcache.View[string]) (any, error) { return v.Type(ctx, "text") },
		"a pipeline": func(ctx context.Context, v *xcache.View[string]) (any, error) {
			p := v.Pipeline()
			set, get := v.In(p).Set("text", "new"), v.In(p).Get("text")
			err := p.Exec(ctx)
			value, _ := get.Value()
			return []any{set.Err() == nil, value}, err
		},
		"one command of a pipeline": func(ctx context.Context, v *xcache.View[string]) (any, error) {
			p := v.Pipeline()
			get := v.In(p).Get("text")
			err := p.Exec(ctx)
			value, _ := get.Value()
			return value, err
		},
	} {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			correct, want := newFake(t)
			s := &abandoning{fakeStore: newFakeStore(t)}
			v := xcache.For[string](newCache(t, s))
			fillForPipelines(t, correct, xcache.For[string](want))
			fillForPipelines(t, s.fakeStore, v)
			for _, view := range []*xcache.View[string]{xcache.For[string](want), v} {
				require.NoError(t, view.Set(ctx, "lasting", "x", xcache.TTL(xcache.NoExpiry)))
			}
			wanted, err := run(ctx, xcache.For[string](want))
			require.NoError(t, err)
			wantedState := len(state(t, correct))
			for range 20 { // a pool need not return the last element that was put in
				s.fails = true
				_, err := run(ctx, v)
				require.ErrorIs(t, err, xcache.ErrUnavailable)
				s.fails = false
				got, err := run(ctx, v)
				require.NoError(t, err)
				require.Equal(t, wanted, got)
				require.Len(t, state(t, s.fakeStore), wantedState)
				fillForPipelines(t, s.fakeStore, v)
				// The list has one more element, and the other changes had no effect.
			}
		})
	}
}
