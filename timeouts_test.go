package xcache_test

import (
	"context"
	"errors"
	"maps"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
)

// unbounded removes the fake's own bound on a call.
func unbounded(caps *driver.Caps) { caps.Limits.CallTimeout = 0 }

// hang waits for the context, like a server that never replies.
func hang(ctx context.Context, _ string, _ []string) error {
	<-ctx.Done()
	return ctx.Err()
}

// wholeKeyspace has the operations without a bound on the whole operation.
var wholeKeyspace = map[string]bool{"Keys": true, "DeletePattern": true, "Clear": true, "ClearAllVersions": true}

func TestOpTimeoutBoundsEveryOperation(t *testing.T) {
	for _, name := range sortedKeys(operations) {
		if wholeKeyspace[name] {
			continue
		}
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newFakeStore(t)
				s.caps = unbounded
				v := xcache.For[string](newCache(t, s, xcache.WithOpTimeout(70*time.Millisecond)))
				fill(t, v)
				s.before = hang
				start := time.Now()
				err := operations[name](context.Background(), v)
				require.Equal(t, 70*time.Millisecond, time.Since(start))
				require.ErrorIs(t, err, xcache.ErrUnavailable)
				require.ErrorIs(t, err, xcache.ErrUnknownOutcome)    // the driver did not name the outcome
				require.NotErrorIs(t, err, context.DeadlineExceeded) // no context of the caller has ended
				oneLine(t, err)
			})
		})
	}
}

// A store may bound its calls by the time-out itself. Then op_timeout bounds the operation
// nevertheless: all of its calls, and the wait for a load that is being stored.
func TestOpTimeoutBoundsOperationsOfSeveralCalls(t *testing.T) {
	const opTimeout, call = 70 * time.Millisecond, 60 * time.Millisecond
	slow := func(ctx context.Context, _ string, _ []string) error {
		select {
		case <-time.After(call):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	run := maps.Clone(operations)
	for name, operation := range map[string]func(ctx context.Context, v *xcache.View[string]) error{
		"Delete":     func(ctx context.Context, v *xcache.View[string]) error { return second(v.Delete(ctx, "missing")) },
		"Touch":      func(ctx context.Context, v *xcache.View[string]) error { return second(v.Touch(ctx, "missing")) },
		"Incr":       func(ctx context.Context, v *xcache.View[string]) error { return second(v.Incr(ctx, "missing", 1)) },
		"Invalidate": func(ctx context.Context, v *xcache.View[string]) error { return v.Invalidate(ctx, "missing") },
		"Rename":     func(ctx context.Context, v *xcache.View[string]) error { return v.Rename(ctx, "text", "missing") },
		"Set": func(ctx context.Context, v *xcache.View[string]) error {
			return v.Set(ctx, "missing", "x", xcache.TTL(-1))
		},
		"Exec": func(ctx context.Context, v *xcache.View[string]) error {
			p := v.Pipeline()
			p.Delete("missing")
			return p.Exec(ctx)
		},
	} {
		run[name+" of a key that is being loaded"] = operation
	}
	for _, name := range sortedKeys(run) {
		if wholeKeyspace[name] {
			continue
		}
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newFakeStore(t)
				s.caps = func(caps *driver.Caps) { caps.Limits.CallTimeout = opTimeout }
				v := xcache.For[string](newCache(t, s, xcache.WithOpTimeout(opTimeout)))
				fill(t, v)
				loaded := make(chan error, 1)
				storing := make(chan struct{})
				go func() {
					_, err := v.GetOrSet(context.Background(), "missing", func(context.Context) (string, error) {
						s.before = slow
						close(storing)
						return "value", nil
					})
					loaded <- err
				}()
				<-storing
				synctest.Wait() // the value is being stored
				start := time.Now()
				err := run[name](context.Background(), v)
				require.LessOrEqual(t, time.Since(start), opTimeout)
				if err != nil {
					require.ErrorIs(t, err, xcache.ErrUnavailable)
					require.NotErrorIs(t, err, context.DeadlineExceeded)
				}
				require.NoError(t, <-loaded)
			})
		})
	}
}

func TestOpTimeoutKeepsWhatTheDriverSays(t *testing.T) {
	for _, test := range []struct {
		said    error
		unknown bool
	}{
		{context.DeadlineExceeded, true},
		{driver.Fail(driver.ErrUnavailable, driver.NotApplied, context.DeadlineExceeded), false},
		{driver.Fail(driver.ErrUnavailable, driver.Unknown, context.DeadlineExceeded), true},
		{driver.Fail(context.DeadlineExceeded, driver.NotApplied, &clientError{1}), false},
		{driver.Fail(context.DeadlineExceeded, driver.Unknown, &clientError{1}), true},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newFakeStore(t)
			s.caps = unbounded
			v := xcache.For[string](newCache(t, s))
			s.before = func(ctx context.Context, _ string, _ []string) error { <-ctx.Done(); return test.said }
			err := v.Set(context.Background(), "k", "x")
			require.ErrorIs(t, err, xcache.ErrUnavailable)
			require.NotErrorIs(t, err, context.DeadlineExceeded)
			require.LessOrEqual(t, strings.Count(err.Error(), "outcome unknown"), 1)
			if native, ok := errors.AsType[*clientError](test.said); ok {
				got, _ := errors.AsType[*clientError](err)
				require.Same(t, native, got)
			}
			require.Equal(t, test.unknown, errors.Is(err, xcache.ErrUnknownOutcome), "the outcome is not what the driver said")
		})
	}
}

// Each key of a batch, and each operation of a pipeline, has its own error.
func TestOpTimeoutOfSomeKeysOfABatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFakeStore(t)
		s.caps = unbounded
		late := driver.Fail(context.DeadlineExceeded, driver.Unknown, &clientError{1})
		s.failing = map[string]error{":1:late": late}
		s.commandErr = late
		v := xcache.For[string](newCache(t, s, xcache.WithOpTimeout(time.Second)))
		check := func(ctx context.Context, whose, other error) {
			t.Helper()
			p := v.Pipeline()
			queued := v.In(p).Set("late", "x")
			must := func(err error) {
				t.Helper()
				require.ErrorIs(t, err, whose)
				require.NotErrorIs(t, err, other)
				require.ErrorIs(t, err, xcache.ErrUnknownOutcome)
				native, _ := errors.AsType[*clientError](err)
				require.NotNil(t, native)
			}
			must(v.SetMany(ctx, map[string]string{"late": "x", "good": "y"}))
			_, err := v.GetMany(ctx, []string{"late", "good"})
			must(err)
			batch, ok := errors.AsType[*xcache.BatchError](err)
			require.True(t, ok)
			must(batch.Errs["late"])
			_, err = v.TTLMany(ctx, []string{"late", "good"})
			must(err)
			must(p.Exec(ctx))
			must(queued.Err())
		}
		check(context.Background(), xcache.ErrUnavailable, context.DeadlineExceeded)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		check(ctx, context.DeadlineExceeded, xcache.ErrUnavailable)
	})
}

func TestCallersOwnContextEndsTheOperation(t *testing.T) {
	for _, name := range sortedKeys(operations) {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newFakeStore(t)
				s.caps = unbounded
				v := xcache.For[string](newCache(t, s))
				fill(t, v)
				s.before = hang

				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(10*time.Millisecond, cancel)
				start := time.Now()
				err := operations[name](ctx, v)
				require.ErrorIs(t, err, context.Canceled)
				require.NotErrorIs(t, err, xcache.ErrUnavailable, "blames the server for what the caller did")

				ctx, cancel = context.WithTimeout(t.Context(), 10*time.Millisecond)
				defer cancel()
				err = operations[name](ctx, v)
				require.ErrorIs(t, err, context.DeadlineExceeded)
				require.NotErrorIs(t, err, xcache.ErrUnavailable, "blames the server for what the caller did")
				require.Equal(t, 20*time.Millisecond, time.Since(start))
			})
		})
	}
}

// A caller's deadline beyond op_timeout is intended.
func TestCallersDeadlineReplacesOpTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFakeStore(t)
		s.caps = unbounded
		v := xcache.For[string](newCache(t, s, xcache.WithOpTimeout(time.Second)))
		s.before = hang
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		start := time.Now()
		require.ErrorIs(t, v.Set(ctx, "k", "x"), context.DeadlineExceeded)
		require.Equal(t, time.Minute, time.Since(start))
	})
}

func TestStoreThatBoundsItsCallsGetsTheCallersContext(t *testing.T) {
	for _, test := range []struct {
		name    string
		bound   time.Duration
		opts    []xcache.Option
		wrapped bool
	}{
		{"bound at op_timeout", xcache.DefaultOpTimeout, nil, false},
		{"bound below", time.Second, nil, false},
		{"bound above", time.Minute, nil, true},
		{"none", 0, nil, true},
		{"view with less time", time.Second, []xcache.Option{xcache.WithOpTimeout(500 * time.Millisecond)}, true},
		{"view with more time", time.Second, []xcache.Option{xcache.WithOpTimeout(time.Minute)}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newFakeStore(t)
				s.caps = func(caps *driver.Caps) { caps.Limits.CallTimeout = test.bound }
				v := xcache.For[string](newCache(t, s)).With(test.opts...)
				var done <-chan struct{}
				s.before = func(ctx context.Context, _ string, _ []string) error {
					assert.Equal(t, test.wrapped, ctx != context.Background(), "a context was made")
					done = ctx.Done()
					return nil
				}
				require.NoError(t, v.Set(context.Background(), "k", "x"))
				select {
				case <-done:
				default:
					require.False(t, test.wrapped, "the context that was made lasts until its deadline")
				}
			})
		})
	}
}

// mergedContext ends with its own error and has no deadline. Contexts that wait for several
// events are like this.
type mergedContext struct {
	context.Context
	done chan struct{}
}

func (c *mergedContext) Deadline() (time.Time, bool) { return time.Time{}, false }
func (c *mergedContext) Done() <-chan struct{}       { return c.done }
func (c *mergedContext) Err() error {
	select {
	case <-c.done:
		return context.DeadlineExceeded
	default:
		return nil
	}
}

func TestDeadlineThatTheCallersContextDoesNotTell(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFakeStore(t)
		s.caps = unbounded
		v := xcache.For[string](newCache(t, s))
		s.before = hang
		ctx := &mergedContext{t.Context(), make(chan struct{})}
		time.AfterFunc(time.Second, func() { close(ctx.done) })
		err := v.Set(ctx, "k", "x")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.NotErrorIs(t, err, xcache.ErrUnavailable, "blames the server for what the caller did")
	})
}

// A loop over the keyspace may take longer than op_timeout, but none of its deletes may.
func TestOpTimeoutBoundsTheStepsOfALoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFakeStore(t)
		s.caps = unbounded
		v := xcache.For[string](newCache(t, s, xcache.WithOpTimeout(time.Second)))
		fill(t, v)
		n := 0
		for _, err := range v.Keys(context.Background(), "*") {
			require.NoError(t, err)
			time.Sleep(time.Minute)
			n++
		}
		require.Equal(t, 2, n, "keys")
		s.before = func(ctx context.Context, method string, keys []string) error {
			if method == "Delete" {
				return hang(ctx, method, keys)
			}
			return nil
		}
		start := time.Now()
		_, err := v.Clear(context.Background())
		require.ErrorIs(t, err, xcache.ErrUnavailable)
		oneLine(t, err)
		require.Equal(t, time.Second, time.Since(start))
	})
}

// The values of some operations have to be read first, or have tags to check.
func TestOpTimeoutBoundsOperationsOnValuesWithTags(t *testing.T) {
	const opTimeout, call = 70 * time.Millisecond, 60 * time.Millisecond
	tags := xcache.Tags("t")
	for format, opts := range map[string][]xcache.Option{"tagged": {tagged(t)}, "encrypted": {tagged(t), xcache.WithEncryption(keyRing(t, "k"))}} {
		for name, operation := range map[string]func(ctx context.Context, v *xcache.View[string]) error{
			"Swap":           func(ctx context.Context, v *xcache.View[string]) error { return second(v.Swap(ctx, "k", "new")) },
			"Swap with tags": func(ctx context.Context, v *xcache.View[string]) error { return second(v.Swap(ctx, "k", "new", tags)) },
			"Add":            func(ctx context.Context, v *xcache.View[string]) error { return second(v.Add(ctx, "k", "new")) },
			"Set":            func(ctx context.Context, v *xcache.View[string]) error { return v.Set(ctx, "k", "new", tags) },
			"CompareAndDelete": func(ctx context.Context, v *xcache.View[string]) error {
				return second(v.CompareAndDelete(ctx, "k", "old"))
			},
			"CompareAndSwap": func(ctx context.Context, v *xcache.View[string]) error {
				return second(v.CompareAndSwap(ctx, "k", "old", "new"))
			},
			"Get in a pipeline": func(ctx context.Context, v *xcache.View[string]) error {
				p := v.Pipeline()
				v.In(p).Get("k")
				return p.Exec(ctx)
			},
			"Set in a pipeline": func(ctx context.Context, v *xcache.View[string]) error {
				p := v.Pipeline()
				v.In(p).Set("k", "new", tags)
				return p.Exec(ctx)
			},
		} {
			t.Run(name+", "+format, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := newFakeStore(t)
					s.caps = func(caps *driver.Caps) { caps.Limits.CallTimeout = opTimeout }
					v := xcache.For[string](newCache(t, s, append(opts, xcache.WithOpTimeout(opTimeout))...))
					require.NoError(t, v.Set(t.Context(), "k", "old", tags))
					s.before = func(ctx context.Context, _ string, _ []string) error {
						select {
						case <-time.After(call):
							return nil
						case <-ctx.Done():
							return ctx.Err()
						}
					}
					start := time.Now()
					err := operation(context.Background(), v)
					require.Equal(t, opTimeout, time.Since(start))
					if err != nil || name != "Add" { // which takes a value whose tags cannot be checked for a valid one
						require.ErrorIs(t, err, xcache.ErrUnavailable)
					}
					require.NotErrorIs(t, err, context.DeadlineExceeded)
				})
			})
		}
	}
}
