package xcache_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"
	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
)

// pipelined has every operation that a pipeline can queue, in both forms: direct and queued
// must return equal results.
var pipelined = []struct {
	method string // of Pipeline or PipelineView
	name   string
	direct func(ctx context.Context, v *xcache.View[string]) (any, error)
	queued func(p *xcache.Pipeline, v *xcache.View[string]) outcome
}{
	{"Delete", "some", direct(func(ctx context.Context, v *xcache.View[string]) (int, error) {
		return v.Delete(ctx, "text", "number", "none")
	}), func(p *xcache.Pipeline, _ *xcache.View[string]) outcome {
		return of(p.Delete("text", "number", "none"))
	}},
	{"Delete", "none given", direct(func(ctx context.Context, v *xcache.View[string]) (int, error) { return v.Delete(ctx) }),
		func(p *xcache.Pipeline, _ *xcache.View[string]) outcome { return of(p.Delete()) }},
	{"Delete", "bad", direct(func(ctx context.Context, v *xcache.View[string]) (int, error) { return v.Delete(ctx, "a", "") }),
		func(p *xcache.Pipeline, _ *xcache.View[string]) outcome { return of(p.Delete("a", "")) }},

	onKey("Has", (*xcache.View[string]).Has, (*xcache.Pipeline).Has),
	onKey("TTL", (*xcache.View[string]).TTL, (*xcache.Pipeline).TTL),
	onKey("Type", (*xcache.View[string]).Type, (*xcache.Pipeline).Type),
	onKey("Persist", (*xcache.View[string]).Persist, (*xcache.Pipeline).Persist),
	onKey("Has", (*xcache.View[string]).Has, (*xcache.Pipeline).Has, "none"),
	onKey("TTL", (*xcache.View[string]).TTL, (*xcache.Pipeline).TTL, "none"),
	onKey("TTL", (*xcache.View[string]).TTL, (*xcache.Pipeline).TTL, "list"),
	onKey("Type", (*xcache.View[string]).Type, (*xcache.Pipeline).Type, "none"),
	onKey("Type", (*xcache.View[string]).Type, (*xcache.Pipeline).Type, "list"),
	onKey("Persist", (*xcache.View[string]).Persist, (*xcache.Pipeline).Persist, "none"),
	onKey("Persist", (*xcache.View[string]).Persist, (*xcache.Pipeline).Persist, "list"),
	onKey("Has", (*xcache.View[string]).Has, (*xcache.Pipeline).Has, ""),

	{"Take", "", direct(func(ctx context.Context, v *xcache.View[string]) (string, error) { return v.Take(ctx, "text") }),
		func(p *xcache.Pipeline, v *xcache.View[string]) outcome { return of(v.In(p).Take("text")) }},
	{"Take", "none", direct(func(ctx context.Context, v *xcache.View[string]) (string, error) { return v.Take(ctx, "none") }),
		func(p *xcache.Pipeline, v *xcache.View[string]) outcome { return of(v.In(p).Take("none")) }},

	withTTL("Touch", func(ctx context.Context, v *xcache.View[string], key string, opts ...xcache.SetOption) (bool, error) {
		return v.Touch(ctx, key, opts...)
	}, func(p *xcache.Pipeline, _ *xcache.View[string], key string, opts ...xcache.SetOption) *xcache.Result[bool] {
		return p.Touch(key, opts...)
	}),
	withTTL("Set", func(ctx context.Context, v *xcache.View[string], key string, opts ...xcache.SetOption) (bool, error) {
		err := v.Set(ctx, key, "x", opts...)
		return err == nil, err
	}, func(p *xcache.Pipeline, v *xcache.View[string], key string, opts ...xcache.SetOption) *xcache.Result[bool] {
		return v.In(p).Set(key, "x", opts...)
	}),
	withTTL("Add", func(ctx context.Context, v *xcache.View[string], key string, opts ...xcache.SetOption) (bool, error) {
		return v.Add(ctx, key, "x", opts...)
	}, func(p *xcache.Pipeline, v *xcache.View[string], key string, opts ...xcache.SetOption) *xcache.Result[bool] {
		return v.In(p).Add(key, "x", opts...)
	}),
	withTTL("Replace", func(ctx context.Context, v *xcache.View[string], key string, opts ...xcache.SetOption) (bool, error) {
		return v.Replace(ctx, key, "x", opts...)
	}, func(p *xcache.Pipeline, v *xcache.View[string], key string, opts ...xcache.SetOption) *xcache.Result[bool] {
		return v.In(p).Replace(key, "x", opts...)
	}),
	withTTL("Swap", func(ctx context.Context, v *xcache.View[string], key string, opts ...xcache.SetOption) (string, error) {
		return v.Swap(ctx, key, "x", opts...)
	}, func(p *xcache.Pipeline, v *xcache.View[string], key string, opts ...xcache.SetOption) *xcache.Result[string] {
		return v.In(p).Swap(key, "x", opts...)
	}),
	withTTL("CompareAndSwap", func(ctx context.Context, v *xcache.View[string], key string, opts ...xcache.SetOption) (bool, error) {
		return v.CompareAndSwap(ctx, key, "hello", "x", opts...)
	}, func(p *xcache.Pipeline, v *xcache.View[string], key string, opts ...xcache.SetOption) *xcache.Result[bool] {
		return v.In(p).CompareAndSwap(key, "hello", "x", opts...)
	}),
	withTTL("CompareAndSwap", func(ctx context.Context, v *xcache.View[string], key string, opts ...xcache.SetOption) (bool, error) {
		return v.CompareAndSwap(ctx, key, "other", "x", opts...)
	}, func(p *xcache.Pipeline, v *xcache.View[string], key string, opts ...xcache.SetOption) *xcache.Result[bool] {
		return v.In(p).CompareAndSwap(key, "other", "x", opts...)
	}),
	withTTL("IncrInit", func(ctx context.Context, v *xcache.View[string], key string, opts ...xcache.SetOption) (int64, error) {
		return v.IncrInit(ctx, key, 2, 100, opts...)
	}, func(p *xcache.Pipeline, _ *xcache.View[string], key string, opts ...xcache.SetOption) *xcache.Result[int64] {
		return p.IncrInit(key, 2, 100, opts...)
	}),

	withArg("Expire", (*xcache.View[string]).Expire, (*xcache.Pipeline).Expire,
		time.Minute, 1, 0, -time.Second, xcache.NoExpiry, smallest),
	withArg("ExpireAt", (*xcache.View[string]).ExpireAt, (*xcache.Pipeline).ExpireAt,
		time.Time{}, time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(9000, 1, 1, 0, 0, 0, 0, time.UTC)),
	withArg("Incr", (*xcache.View[string]).Incr, (*xcache.Pipeline).Incr, 1, -7, 0, 1<<63-1, -1<<63),
	withArg("Decr", (*xcache.View[string]).Decr, (*xcache.Pipeline).Decr, 1, -7, 0, 1<<63-1, -1<<63),
	withArg("IncrVersion", (*xcache.View[string]).IncrVersion, (*xcache.Pipeline).IncrVersion, 1, -7, 0, math.MaxInt, math.MinInt),
	withArg("DecrVersion", (*xcache.View[string]).DecrVersion, (*xcache.Pipeline).DecrVersion, 1, -7, 0, math.MaxInt, math.MinInt),
	withArg("RenameNX", (*xcache.View[string]).RenameNX, (*xcache.Pipeline).RenameNX, "text", "list", "none", "new", ""),
	withArg("Rename", func(v *xcache.View[string], ctx context.Context, from, to string) (bool, error) {
		err := v.Rename(ctx, from, to)
		return err == nil, err
	}, (*xcache.Pipeline).Rename, "text", "list", "none", "new", ""),

	onView("Get", func(ctx context.Context, v *xcache.View[string], key string) (string, error) { return v.Get(ctx, key) },
		func(q *xcache.PipelineView[string], key string) *xcache.Result[string] { return q.Get(key) }),
	onView("GetOr", func(ctx context.Context, v *xcache.View[string], key string) (string, error) {
		return v.GetOr(ctx, key, "default")
	}, func(q *xcache.PipelineView[string], key string) *xcache.Result[string] {
		return q.GetOr(key, "default")
	}),
	onView("CompareAndDelete", func(ctx context.Context, v *xcache.View[string], key string) (bool, error) {
		return v.CompareAndDelete(ctx, key, "hello")
	}, func(q *xcache.PipelineView[string], key string) *xcache.Result[bool] {
		return q.CompareAndDelete(key, "hello")
	}),
	onView("GetMany", func(ctx context.Context, v *xcache.View[string], key string) (map[string]string, error) {
		return v.GetMany(ctx, []string{"text", listIsMiss(key), "other", listIsMiss(key)})
	}, func(q *xcache.PipelineView[string], key string) *xcache.Result[map[string]string] {
		return q.GetMany([]string{"text", listIsMiss(key), "other", listIsMiss(key)})
	}),
	{"GetMany", "none given", direct(func(ctx context.Context, v *xcache.View[string]) (map[string]string, error) {
		return v.GetMany(ctx, nil)
	}), func(p *xcache.Pipeline, v *xcache.View[string]) outcome { return of(v.In(p).GetMany(nil)) }},
}

// pipelineKeys has keys of every kind: a text, a number, a list, bytes that no codec reads,
// a missing key, and an invalid key.
var pipelineKeys = []string{"text", "number", "list", "corrupt", "none", ""}

// listIsMiss replaces the list by a missing key: Redis' MGET cannot distinguish them, so a
// batch read may return a miss for a list.
func listIsMiss(key string) string { return strings.ReplaceAll(key, "list", "none") }

// An outcome is a Result of any type.
type outcome func() (any, error)

func of[T any](r *xcache.Result[T]) outcome {
	return func() (any, error) {
		value, err := r.Value()
		if second := r.Err(); !errors.Is(second, err) {
			return nil, fmt.Errorf("Err is %w, but Value says %w", second, err)
		}
		return value, err
	}
}

func direct[T any](run func(ctx context.Context, v *xcache.View[string]) (T, error)) func(context.Context, *xcache.View[string]) (any, error) {
	return func(ctx context.Context, v *xcache.View[string]) (any, error) { return run(ctx, v) }
}

type pipelinedOperation = struct {
	method string
	name   string
	direct func(ctx context.Context, v *xcache.View[string]) (any, error)
	queued func(p *xcache.Pipeline, v *xcache.View[string]) outcome
}

// onKey returns an operation on a key, which is the text by default.
func onKey[T any](method string, run func(*xcache.View[string], context.Context, string) (T, error), queue func(*xcache.Pipeline, string) *xcache.Result[T], keys ...string) pipelinedOperation {
	key := append(keys, "text")[0]
	return pipelinedOperation{
		method, key,
		direct(func(ctx context.Context, v *xcache.View[string]) (T, error) { return run(v, ctx, key) }),
		func(p *xcache.Pipeline, _ *xcache.View[string]) outcome { return of(queue(p, key)) },
	}
}

// several returns an operation that runs once with each argument.
func several[A, T any](method, name string, arguments []A, run func(context.Context, *xcache.View[string], A) (T, error), queue func(*xcache.Pipeline, *xcache.View[string], A) *xcache.Result[T]) pipelinedOperation {
	type result struct {
		value T
		err   string
	}
	text := func(err error) string {
		if err == nil {
			return ""
		}
		return err.Error()
	}
	return pipelinedOperation{method, name, func(ctx context.Context, v *xcache.View[string]) (any, error) {
		var results []result
		for _, argument := range arguments {
			value, err := run(ctx, v, argument)
			results = append(results, result{value, text(err)})
		}
		return results, nil
	}, func(p *xcache.Pipeline, v *xcache.View[string]) outcome {
		var queued []*xcache.Result[T]
		for _, argument := range arguments {
			queued = append(queued, queue(p, v, argument))
		}
		return func() (any, error) {
			var results []result
			for _, r := range queued {
				value, err := r.Value()
				if errors.Is(err, xcache.ErrNotExecuted) {
					return nil, err
				}
				results = append(results, result{value, text(err)})
			}
			return results, nil
		}
	}}
}

type keyAnd[A any] struct {
	key      string
	argument A
}

func eachKeyAnd[A any](arguments ...A) []keyAnd[A] {
	var all []keyAnd[A]
	for _, argument := range arguments {
		for _, key := range pipelineKeys {
			all = append(all, keyAnd[A]{key, argument})
		}
	}
	return all
}

func withArg[A, T any](method string, run func(*xcache.View[string], context.Context, string, A) (T, error), queue func(*xcache.Pipeline, string, A) *xcache.Result[T], arguments ...A) pipelinedOperation {
	return several(method, "all keys and arguments", eachKeyAnd(arguments...), func(ctx context.Context, v *xcache.View[string], with keyAnd[A]) (T, error) {
		return run(v, ctx, with.key, with.argument)
	}, func(p *xcache.Pipeline, _ *xcache.View[string], with keyAnd[A]) *xcache.Result[T] {
		return queue(p, with.key, with.argument)
	})
}

func withTTL[T any](method string, run func(context.Context, *xcache.View[string], string, ...xcache.SetOption) (T, error), queue func(*xcache.Pipeline, *xcache.View[string], string, ...xcache.SetOption) *xcache.Result[T]) pipelinedOperation {
	arguments := eachKeyAnd(
		nil,
		[]xcache.SetOption{xcache.TTL(90 * time.Second)},
		[]xcache.SetOption{xcache.TTL(xcache.NoExpiry)},
		[]xcache.SetOption{xcache.KeepTTL()},
		[]xcache.SetOption{xcache.ExpireAt(time.Time{})},
		[]xcache.SetOption{xcache.TTL(time.Second)},
		[]xcache.SetOption{xcache.TTL(0)},
		[]xcache.SetOption{xcache.TTL(0), xcache.KeepTTL()},
		[]xcache.SetOption{{}},
	)
	return several(method, "all keys and TTLs", arguments, func(ctx context.Context, v *xcache.View[string], with keyAnd[[]xcache.SetOption]) (T, error) {
		return run(ctx, v, with.key, with.argument...)
	}, func(p *xcache.Pipeline, v *xcache.View[string], with keyAnd[[]xcache.SetOption]) *xcache.Result[T] {
		return queue(p, v, with.key, with.argument...)
	})
}

// onView returns an operation on each of pipelineKeys.
func onView[T any](method string, run func(context.Context, *xcache.View[string], string) (T, error), queue func(*xcache.PipelineView[string], string) *xcache.Result[T]) pipelinedOperation {
	return several(method, "all keys", pipelineKeys, run, func(p *xcache.Pipeline, v *xcache.View[string], key string) *xcache.Result[T] {
		return queue(v.In(p), key)
	})
}

// fillForPipelines stores the values of pipelineKeys.
func fillForPipelines(t *testing.T, s *fakeStore, v *xcache.View[string]) {
	t.Helper()
	fill(t, v)
	require.NoError(t, s.store.Set(t.Context(), []driver.Entry{{Key: ":1:corrupt", Value: []byte("\xff"), TTL: driver.NoExpiry}}))
	push := driver.NewCmd("RPUSH", driver.Key(":1:list"), driver.Val([]byte("x")))
	require.NoError(t, s.store.Do(t.Context(), []*driver.Cmd{push}, driver.Plain))
}

// state returns the values and TTLs in a store.
func state(t *testing.T, s *fakeStore) map[string]string {
	t.Helper()
	all := make(map[string]string)
	for _, key := range s.stored(t) {
		value := make([]driver.Value, 1)
		require.NoError(t, s.store.GetTTL(t.Context(), []string{key}, value))
		all[key] = fmt.Sprintf("%q %v %v", value[0].Data, value[0].TTL, value[0].Err)
	}
	return all
}

func TestPipelinedResultEqualsTheDirectOne(t *testing.T) {
	for _, op := range pipelined {
		t.Run(op.method+" "+op.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // time stands still, so TTLs are exact
				ctx := t.Context()
				ours, direct := newFake(t)
				theirs, c := newFake(t)
				fillForPipelines(t, ours, xcache.For[string](direct))
				fillForPipelines(t, theirs, xcache.For[string](c))
				theirs.reset()

				want, wantErr := op.direct(ctx, xcache.For[string](direct))
				p := c.Pipeline()
				queued := op.queued(p, xcache.For[string](c))
				_, err := queued()
				require.ErrorIs(t, err, xcache.ErrNotExecuted, "before Exec")
				require.Zero(t, theirs.total(), "calls before Exec")
				execErr := p.Exec(ctx)
				got, err := queued()
				wantSame(t, got, want)
				require.Equal(t, fmt.Sprint(wantErr), fmt.Sprint(err))
				if wantErr != nil && !errors.Is(wantErr, xcache.ErrNotFound) {
					require.Error(t, execErr, "Exec hides the failure")
				}
				n := theirs.total()
				require.LessOrEqual(t, n, 1, "the store got %v", theirs.calls)
				require.Equal(t, n, theirs.count("Do"), "the store got %v", theirs.calls)
				require.Equal(t, state(t, ours), state(t, theirs), "left in the store")
			})
		})
	}
}

// wantSame compares the results of an operation, or of several operations one by one.
func wantSame(t *testing.T, got, want any) {
	t.Helper()
	all, list := reflect.ValueOf(want), reflect.ValueOf(got)
	if all.Kind() != reflect.Slice || list.Kind() != reflect.Slice || all.Len() != list.Len() {
		require.Equal(t, want, got)
		return
	}
	for i := range all.Len() {
		require.Equal(t, all.Index(i).Interface(), list.Index(i).Interface(), "call %d", i)
	}
}

func TestPipelineTableIsComplete(t *testing.T) {
	tested := map[string]bool{"Exec": true, "ExecAtomic": true, "Len": true}
	for _, op := range pipelined {
		tested[op.method] = true
	}
	for _, owner := range []reflect.Type{reflect.TypeFor[*xcache.Pipeline](), reflect.TypeFor[*xcache.PipelineView[string]]()} {
		for method := range owner.Methods() {
			require.True(t, tested[method.Name], "%v has a method %s that the table lacks", owner, method.Name)
		}
	}
	// Pipelines cannot queue loops, loaders, and operations that need several server
	// commands.
	direct := map[string]bool{
		"Clear": true, "ClearAllVersions": true, "DeletePattern": true, "FlushDB": true, "GetOrSet": true, "GetOrSetMany": true, "Invalidate": true, "Keys": true, "Ping": true, "SetMany": true, "TTLMany": true,
	}
	for _, name := range sortedKeys(operations) {
		require.True(t, tested[name] || direct[name] || strings.HasPrefix(name, "Pipeline."), "a pipeline does not queue %s", name)
	}
}

func TestPipelineFailuresStayTheirOwn(t *testing.T) {
	ctx := t.Context()
	s, c := newFake(t)
	v := xcache.For[string](c)
	fillForPipelines(t, s, v)
	p := c.Pipeline()
	q := v.In(p)
	good, miss := q.Get("text"), q.Get("none")
	wrong, empty := p.Incr("text", 1), q.Get("")
	corrupt, last := q.Get("corrupt"), q.Set("last", "x")
	require.Equal(t, 6, p.Len(), "Len")
	err := p.Exec(ctx)
	for _, target := range []error{xcache.ErrWrongType, xcache.ErrInvalidKey, xcache.ErrCorrupt} {
		require.ErrorIs(t, err, target)
	}
	require.NotErrorIs(t, err, xcache.ErrNotFound, "counts a miss as a failure")
	oneLine(t, err)
	require.ErrorContains(t, err, "3 of 6 operations failed")
	got, err := good.Value()
	require.NoError(t, err)
	require.Equal(t, "hello", got)
	require.ErrorIs(t, miss.Err(), xcache.ErrNotFound)
	require.ErrorIs(t, wrong.Err(), xcache.ErrWrongType)
	require.ErrorIs(t, empty.Err(), xcache.ErrInvalidKey)
	require.ErrorIs(t, corrupt.Err(), xcache.ErrCorrupt)
	ok, err := last.Value()
	require.NoError(t, err)
	require.True(t, ok)
	for _, err := range []error{wrong.Err(), empty.Err(), corrupt.Err()} {
		oneLine(t, err)
		_, ok := errors.AsType[*xcache.OpError](err)
		require.True(t, ok, "%T is no OpError", err)
	}
	require.Equal(t, 1, s.count("Do"), s.calls)
}

func TestPipelineConditionThatDoesNotHoldIsNoFailure(t *testing.T) {
	_, c := newFake(t)
	v := xcache.For[string](c)
	fill(t, v)
	p := c.Pipeline()
	added, replaced := v.In(p).Add("text", "x"), v.In(p).Replace("none", "x")
	require.NoError(t, p.Exec(t.Context()))
	for _, r := range []*xcache.Result[bool]{added, replaced} {
		ok, err := r.Value()
		require.NoError(t, err)
		require.False(t, ok)
	}
}

func TestPipelineThatFailsAsAWhole(t *testing.T) {
	for name, exec := range map[string]func(*xcache.Pipeline, context.Context) error{"Exec": (*xcache.Pipeline).Exec, "ExecAtomic": (*xcache.Pipeline).ExecAtomic} {
		t.Run(name, func(t *testing.T) {
			s, c := newFake(t)
			v := xcache.For[string](c)
			s.before = func(context.Context, string, []string) error {
				return driver.Fail(driver.ErrUnavailable, driver.Unknown, &clientError{4})
			}
			p := c.Pipeline()
			set, get := v.In(p).Set("k", "x"), v.In(p).Get("k")
			err := exec(p, t.Context())
			oneLine(t, err)
			for _, err := range []error{err, set.Err(), get.Err()} {
				require.ErrorIs(t, err, xcache.ErrUnavailable)
				require.ErrorIs(t, err, xcache.ErrUnknownOutcome)
			}

			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			s.reset()
			get = v.In(p).Get("k")
			require.ErrorIs(t, exec(p, ctx), context.Canceled)
			require.ErrorIs(t, get.Err(), context.Canceled)
			require.Zero(t, s.total(), "an ended context started I/O")
		})
	}
}

func TestAtomicPipelineWithABadOperationSendsNothing(t *testing.T) {
	s, c := newFake(t)
	v := xcache.For[string](c)
	p := c.Pipeline()
	set, bad := v.In(p).Set("k", "x"), v.In(p).Set("", "x")
	err := p.ExecAtomic(t.Context())
	oneLine(t, err)
	require.Error(t, set.Err(), "the good operation claims success")
	require.ErrorIs(t, bad.Err(), xcache.ErrInvalidKey)
	require.Zero(t, s.total(), "calls of the store")
	// Only that batch is refused.
	set = v.In(p).Set("k", "x")
	require.NoError(t, p.ExecAtomic(t.Context()))
	require.NoError(t, set.Err())
}

func TestAtomicPipelineTellsTheStore(t *testing.T) {
	s := &howStore{fakeStore: newFakeStore(t)}
	v := xcache.For[string](newCache(t, s))
	p := v.Pipeline()
	v.In(p).Set("k", "x")
	require.NoError(t, p.Exec(t.Context()))
	v.In(p).Set("k", "x")
	require.NoError(t, p.ExecAtomic(t.Context()))
	require.Equal(t, []driver.How{driver.Plain, driver.Atomic}, s.how, "how")
}

// A howStore keeps the modes of its batches.
type howStore struct {
	*fakeStore
	how []driver.How
}

func (s *howStore) Caps() driver.Caps {
	caps := s.fakeStore.Caps()
	caps.Commander = s
	return caps
}

func (s *howStore) Do(ctx context.Context, cmds []*driver.Cmd, how driver.How) error {
	s.how = append(s.how, how)
	return s.fakeStore.Do(ctx, cmds, how)
}

func TestPipelineTakesViewsOfItsStoreOnly(t *testing.T) {
	ctx := t.Context()
	s, c := newFake(t)
	foreign, other := newFake(t)
	p := c.Pipeline()
	mine := xcache.For[string](c.With(xcache.WithPrefix("p"), xcache.WithVersion(2))).In(p).Set("k", "x")
	theirs := xcache.For[string](other).In(p).Set("k", "x")
	err := p.Exec(ctx)
	require.Error(t, err)
	require.ErrorContains(t, theirs.Err(), "another cache")
	oneLine(t, theirs.Err())
	require.NoError(t, mine.Err())
	require.Equal(t, []string{"p:2:k"}, s.stored(t), "stored")
	require.Zero(t, foreign.total(), "calls of the other store")
}

func TestPipelineMayBeFilledAgain(t *testing.T) {
	ctx := t.Context()
	_, c := newFake(t)
	v := xcache.For[int](c)
	p := c.Pipeline()
	var all []*xcache.Result[int64]
	for range 3 {
		first, second := p.IncrInit("n", 1, 0), p.Incr("n", 10)
		all = append(all, first, second)
		require.ErrorIs(t, first.Err(), xcache.ErrNotExecuted, "before Exec")
		require.NoError(t, p.Exec(ctx))
		require.Zero(t, p.Len(), "length after Exec")
	}
	require.NoError(t, p.Exec(ctx)) // without operations
	for i, want := range []int64{1, 11, 12, 22, 23, 33} {
		got, err := all[i].Value()
		require.NoError(t, err, i)
		require.Equal(t, want, got, i)
	}
	n, err := v.Get(ctx, "n")
	require.NoError(t, err)
	require.Equal(t, 33, n)
}

func TestPipelineTakesValuesWhenTheyAreQueued(t *testing.T) {
	ctx := t.Context()
	_, c := newFake(t)
	v := xcache.For[map[string]int](c)
	p := c.Pipeline()
	value := map[string]int{"a": 1}
	keys := []string{"k", "none"}
	v.In(p).Set("k", value)
	many := v.In(p).GetMany(keys)
	value["a"], keys[0] = 2, "changed"
	require.NoError(t, p.Exec(ctx))
	got, err := v.Get(ctx, "k")
	require.NoError(t, err)
	require.Equal(t, 1, got["a"])
	values, err := many.Value()
	require.NoError(t, err)
	require.Equal(t, 1, values["k"]["a"])
}

// A key may be in memory that the caller uses again before Exec.
func TestAQueuedDeleteOwnsItsKey(t *testing.T) {
	for name, opts := range map[string][]xcache.Option{
		"":                          nil,
		"a layout of the program's": {xcache.WithKeyFunc(func(_ string, _ int, key string) string { return "x" + key }, nil)},
	} {
		t.Run(name, func(t *testing.T) {
			s, c := newFake(t, opts...)
			s.commandErr = errDown
			buffer := []byte("ann")
			p := c.Pipeline()
			deleted := p.Delete(unsafe.String(&buffer[0], len(buffer)))
			copy(buffer, "bob")
			require.Error(t, p.Exec(t.Context()))
			var failed *xcache.OpError
			require.ErrorAs(t, deleted.Err(), &failed)
			require.Equal(t, "ann", failed.Key)
		})
	}
}

func TestConditionsThatDidNotHoldAreNoFailuresOfAPipeline(t *testing.T) {
	ctx := t.Context()
	c := processes(t, 1)[0].Cache
	failure := driver.Fail(xcache.ErrNotStored, driver.NotApplied, errors.New("the server says more"))
	for want, fails := range map[error]bool{xcache.ErrNotFound: false, xcache.ErrNotStored: false, failure: true} {
		queue := func(p *xcache.Pipeline) *xcache.Result[int64] {
			return xcache.Queue(p, lists{c}.push("list", "a"), func(*xcache.Op) (int64, error) { return 0, want })
		}
		for name, exec := range map[string]func() (*xcache.Result[int64], error){
			"Exec":       func() (*xcache.Result[int64], error) { p := c.Pipeline(); return queue(p), p.Exec(ctx) },
			"ExecAtomic": func() (*xcache.Result[int64], error) { p := c.Pipeline(); return queue(p), p.ExecAtomic(ctx) },
			"Watch": func() (r *xcache.Result[int64], err error) {
				err = c.Watch(ctx, func(_ context.Context, tx *xcache.Tx) error { r = queue(tx.Pipeline()); return nil }, "list")
				return r, err
			},
		} {
			r, err := exec()
			require.ErrorIs(t, r.Err(), want, name)
			require.Equal(t, fails, err != nil, "%s: %v", name, err)
		}
	}
}
