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

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
)

// pipelined is every operation that a pipeline queues, done both ways: direct
// and queued give what must be equal.
var pipelined = []struct {
	method string // of Pipeline, or of PipelineView
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

// pipelineKeys are keys of every sort: a text, a number, a list, bytes that are
// no value, nothing, and one that is refused.
var pipelineKeys = []string{"text", "number", "list", "corrupt", "none", ""}

// listIsMiss replaces the list by a key that is not there: Redis' MGET cannot
// tell them apart, so a batch read may.
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

// onKey is an operation on a key, the text unless another is given.
func onKey[T any](method string, run func(*xcache.View[string], context.Context, string) (T, error), queue func(*xcache.Pipeline, string) *xcache.Result[T], keys ...string) pipelinedOperation {
	key := append(keys, "text")[0]
	return pipelinedOperation{
		method, key,
		direct(func(ctx context.Context, v *xcache.View[string]) (T, error) { return run(v, ctx, key) }),
		func(p *xcache.Pipeline, _ *xcache.View[string]) outcome { return of(queue(p, key)) },
	}
}

// several runs an operation with each of some arguments, one after the other.
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

// onView is an operation on each of pipelineKeys.
func onView[T any](method string, run func(context.Context, *xcache.View[string], string) (T, error), queue func(*xcache.PipelineView[string], string) *xcache.Result[T]) pipelinedOperation {
	return several(method, "all keys", pipelineKeys, run, func(p *xcache.Pipeline, v *xcache.View[string], key string) *xcache.Result[T] {
		return queue(v.In(p), key)
	})
}

// fillForPipelines stores a value for each of pipelineKeys that has one.
func fillForPipelines(t *testing.T, s *fakeStore, v *xcache.View[string]) {
	t.Helper()
	fill(t, v)
	must(t, s.store.Set(t.Context(), []driver.Entry{{Key: ":1:corrupt", Value: []byte("\xff"), TTL: driver.NoExpiry}}))
	push := driver.NewCmd("RPUSH", driver.Key(":1:list"), driver.Val([]byte("x")))
	must(t, s.store.Do(t.Context(), []*driver.Cmd{push}, driver.Plain))
}

// state is everything in a store, with TTLs.
func state(t *testing.T, s *fakeStore) map[string]string {
	t.Helper()
	all := make(map[string]string)
	for _, key := range s.stored(t) {
		value := make([]driver.Value, 1)
		must(t, s.store.GetTTL(t.Context(), []string{key}, value))
		all[key] = fmt.Sprintf("%q %v %v", value[0].Data, value[0].TTL, value[0].Err)
	}
	return all
}

func TestPipelinedResultEqualsTheDirectOne(t *testing.T) {
	for _, op := range pipelined {
		t.Run(op.method+" "+op.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // time stands still: TTLs are exact
				ctx := t.Context()
				ours, direct := newFake(t)
				theirs, c := newFake(t)
				fillForPipelines(t, ours, xcache.For[string](direct))
				fillForPipelines(t, theirs, xcache.For[string](c))
				theirs.reset()

				want, wantErr := op.direct(ctx, xcache.For[string](direct))
				p := c.Pipeline()
				queued := op.queued(p, xcache.For[string](c))
				if _, err := queued(); !errors.Is(err, xcache.ErrNotExecuted) {
					t.Errorf("before Exec: %v", err)
				}
				if n := theirs.total(); n != 0 {
					t.Errorf("%d calls before Exec", n)
				}
				execErr := p.Exec(ctx)
				got, err := queued()
				wantSame(t, got, want)
				if fmt.Sprint(err) != fmt.Sprint(wantErr) {
					t.Errorf("got %v, want %v", err, wantErr)
				}
				if wantErr != nil && !errors.Is(wantErr, xcache.ErrNotFound) && execErr == nil {
					t.Error("Exec hides the failure")
				}
				if n := theirs.total(); n > 1 || theirs.count("Do") != n {
					t.Errorf("the store got %v", theirs.calls)
				}
				if got, want := state(t, theirs), state(t, ours); !reflect.DeepEqual(got, want) {
					t.Errorf("left in the store\n%v, want\n%v", got, want)
				}
			})
		})
	}
}

// wantSame compares the results of an operation, or of several one by one.
func wantSame(t *testing.T, got, want any) {
	t.Helper()
	all, list := reflect.ValueOf(want), reflect.ValueOf(got)
	if all.Kind() != reflect.Slice || list.Kind() != reflect.Slice || all.Len() != list.Len() {
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
		return
	}
	for i := range all.Len() {
		if got, want := list.Index(i), all.Index(i); !reflect.DeepEqual(got.Interface(), want.Interface()) {
			t.Errorf("call %d: got %v, want %v", i, got, want)
		}
	}
}

func TestPipelineTableIsComplete(t *testing.T) {
	tested := map[string]bool{"Exec": true, "ExecAtomic": true, "Len": true}
	for _, op := range pipelined {
		tested[op.method] = true
	}
	for _, owner := range []reflect.Type{reflect.TypeFor[*xcache.Pipeline](), reflect.TypeFor[*xcache.PipelineView[string]]()} {
		for method := range owner.Methods() {
			if !tested[method.Name] {
				t.Errorf("%v has a method %s that the table lacks", owner, method.Name)
			}
		}
	}
	// What a pipeline cannot queue: loops, loaders, and what no single server command does.
	direct := map[string]bool{
		"Clear": true, "ClearAllVersions": true, "DeletePattern": true, "FlushDB": true, "GetOrSet": true, "Keys": true, "Ping": true, "SetMany": true, "TTLMany": true,
	}
	for _, name := range sortedKeys(operations) {
		if !tested[name] && !direct[name] && !strings.HasPrefix(name, "Pipeline.") {
			t.Errorf("a pipeline does not queue %s", name)
		}
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
	if p.Len() != 6 {
		t.Errorf("Len is %d", p.Len())
	}
	err := p.Exec(ctx)
	for _, target := range []error{xcache.ErrWrongType, xcache.ErrInvalidKey, xcache.ErrCorrupt} {
		wantIs(t, err, target)
	}
	if errors.Is(err, xcache.ErrNotFound) {
		t.Errorf("%v counts a miss as a failure", err)
	}
	oneLine(t, err)
	if !strings.Contains(err.Error(), "3 of 6 operations failed") {
		t.Errorf("%v", err)
	}
	if got, err := good.Value(); got != "hello" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	wantIs(t, miss.Err(), xcache.ErrNotFound)
	wantIs(t, wrong.Err(), xcache.ErrWrongType)
	wantIs(t, empty.Err(), xcache.ErrInvalidKey)
	wantIs(t, corrupt.Err(), xcache.ErrCorrupt)
	if ok, err := last.Value(); !ok || err != nil {
		t.Errorf("%v, %v", ok, err)
	}
	for _, err := range []error{wrong.Err(), empty.Err(), corrupt.Err()} {
		oneLine(t, err)
		if _, ok := errors.AsType[*xcache.OpError](err); !ok {
			t.Errorf("%T is no OpError", err)
		}
	}
	if s.count("Do") != 1 {
		t.Errorf("%v", s.calls)
	}
}

func TestPipelineConditionThatDoesNotHoldIsNoFailure(t *testing.T) {
	_, c := newFake(t)
	v := xcache.For[string](c)
	fill(t, v)
	p := c.Pipeline()
	added, replaced := v.In(p).Add("text", "x"), v.In(p).Replace("none", "x")
	must(t, p.Exec(t.Context()))
	for _, r := range []*xcache.Result[bool]{added, replaced} {
		if ok, err := r.Value(); ok || err != nil {
			t.Errorf("%v, %v", ok, err)
		}
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
				wantIs(t, err, xcache.ErrUnavailable)
				wantIs(t, err, xcache.ErrUnknownOutcome)
			}

			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			s.reset()
			get = v.In(p).Get("k")
			wantIs(t, exec(p, ctx), context.Canceled)
			wantIs(t, get.Err(), context.Canceled)
			if s.total() != 0 {
				t.Error("an ended context started I/O")
			}
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
	if set.Err() == nil {
		t.Error("the good operation claims success")
	}
	wantIs(t, bad.Err(), xcache.ErrInvalidKey)
	if n := s.total(); n != 0 {
		t.Errorf("the store got %d calls", n)
	}
	// The refusal is that batch's alone.
	set = v.In(p).Set("k", "x")
	must(t, p.ExecAtomic(t.Context()))
	must(t, set.Err())
}

func TestAtomicPipelineTellsTheStore(t *testing.T) {
	s := &howStore{fakeStore: newFakeStore(t)}
	v := xcache.For[string](newCache(t, s))
	p := v.Pipeline()
	v.In(p).Set("k", "x")
	must(t, p.Exec(t.Context()))
	v.In(p).Set("k", "x")
	must(t, p.ExecAtomic(t.Context()))
	wantEqual(t, "how", s.how, []driver.How{driver.Plain, driver.Atomic})
}

// A howStore keeps how batches were run.
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
	if err == nil || theirs.Err() == nil || !strings.Contains(theirs.Err().Error(), "another cache") {
		t.Errorf("%v, %v", err, theirs.Err())
	}
	oneLine(t, theirs.Err())
	must(t, mine.Err())
	wantEqual(t, "stored", s.stored(t), []string{"p:2:k"})
	if foreign.total() != 0 {
		t.Error("the other store got calls")
	}
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
		if err := first.Err(); !errors.Is(err, xcache.ErrNotExecuted) {
			t.Errorf("before Exec: %v", err)
		}
		must(t, p.Exec(ctx))
		if p.Len() != 0 {
			t.Errorf("Len is %d after Exec", p.Len())
		}
	}
	must(t, p.Exec(ctx)) // of nothing
	for i, want := range []int64{1, 11, 12, 22, 23, 33} {
		if got, err := all[i].Value(); got != want || err != nil {
			t.Errorf("%d: %d, %v; want %d", i, got, err, want)
		}
	}
	if n, err := v.Get(ctx, "n"); n != 33 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
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
	must(t, p.Exec(ctx))
	if got, err := v.Get(ctx, "k"); err != nil || got["a"] != 1 {
		t.Errorf("%v, %v", got, err)
	}
	if got, err := many.Value(); err != nil || got["k"]["a"] != 1 {
		t.Errorf("%v, %v", got, err)
	}
}
