package xcache_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/codec"
	"github.com/xcache-go/xcache/driver"
	_ "github.com/xcache-go/xcache/drivers/null"
)

var failOpen = xcache.WithOnError(xcache.OnErrorMiss)

// errDown is the error of a server that cannot be reached.
var errDown = driver.Fail(driver.ErrUnavailable, driver.NotApplied, errors.New("connection refused"))

// failWith makes every call of a store fail.
func (s *fakeStore) failWith(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.before = func(context.Context, string, []string) error { return err }
}

// opens has, for each operation that fails open, its error then.
var opens = map[string]error{
	"Get": xcache.ErrNotFound, "GetOr": nil, "GetOrSet": nil, "GetOrSetMany": nil, "GetMany": nil, "Has": nil, "TTL": xcache.ErrNotFound, "TTLMany": nil, "Type": xcache.ErrNotFound,
	"Set": nil, "SetMany": nil, "Delete": nil, "Invalidate": nil, "Touch": nil, "Expire": nil, "ExpireAt": nil, "Persist": nil,
	"Pipeline.Exec": nil,
}

func TestOperationsFailOpenOrReturnTheFailure(t *testing.T) {
	for _, name := range sortedKeys(operations) {
		t.Run(name, func(t *testing.T) {
			s, c := newFake(t)
			v := xcache.For[string](c)
			fill(t, v)
			s.failWith(errDown)
			require.ErrorIs(t, operations[name](t.Context(), v), xcache.ErrUnavailable, "the default policy")
			require.Zero(t, c.FailedOpen())
			err := operations[name](t.Context(), v.With(failOpen))
			want, isOpen := opens[name]
			if !isOpen {
				require.ErrorIs(t, err, xcache.ErrUnavailable)
				require.Zero(t, c.FailedOpen())
				return
			}
			require.Equal(t, want, err)
			counts := c.FailedOpen()
			require.NotZero(t, counts.Reads.Total()+counts.Writes.Total(), "what was hidden is counted")
			require.Equal(t, counts.Reads.Unavailable+counts.Writes.Unavailable, counts.Reads.Total()+counts.Writes.Total())
		})
	}
}

func TestReadsThatFailOpenFindNothing(t *testing.T) {
	s, c := newFake(t, failOpen)
	v, ctx := xcache.For[string](c), t.Context()
	fill(t, v)
	s.failWith(errDown)
	got, err := v.GetOr(ctx, "text", "default")
	require.NoError(t, err)
	require.Equal(t, "default", got)
	found, err := v.GetMany(ctx, []string{"text", "other"})
	require.NoError(t, err)
	require.Equal(t, map[string]string{}, found)
	has, err := v.Has(ctx, "text")
	require.NoError(t, err)
	require.False(t, has)
	removed, err := v.Delete(ctx, "text", "other", "third")
	require.NoError(t, err)
	require.Zero(t, removed)
	touched, err := v.Touch(ctx, "text")
	require.NoError(t, err)
	require.False(t, touched)
	require.Equal(t, xcache.FailedOpen{Reads: xcache.FailedOpenCauses{Unavailable: 4}, Writes: xcache.FailedOpenCauses{Unavailable: 4}}, c.FailedOpen(), "one for each key")
}

func TestKeysFailOpenOneByOne(t *testing.T) {
	s, c := newFake(t, failOpen)
	v, ctx := xcache.For[int](c), t.Context()
	require.NoError(t, v.SetMany(ctx, map[string]int{"a": 1, "b": 2, "c": 3}))
	require.NoError(t, s.store.Set(ctx, []driver.Entry{{Key: ":1:d", Value: []byte("{"), TTL: time.Hour}}))
	s.failing = map[string]error{":1:b": errDown}
	found, err := v.GetMany(ctx, []string{"a", "b", "c"})
	require.NoError(t, err)
	require.Equal(t, map[string]int{"a": 1, "c": 3}, found)
	ttls, err := v.TTLMany(ctx, []string{"a", "b"})
	require.NoError(t, err)
	require.Len(t, ttls, 1)
	require.NoError(t, v.SetMany(ctx, map[string]int{"a": 4, "b": 5}))
	require.EqualValues(t, 2, c.FailedOpen().Reads.Unavailable)
	require.EqualValues(t, 1, c.FailedOpen().Writes.Unavailable)

	found, err = v.GetMany(ctx, []string{"a", "b", "d"})
	require.Equal(t, map[string]int{"a": 4}, found)
	var batch *xcache.BatchError
	require.ErrorAs(t, err, &batch)
	require.Equal(t, []string{"d"}, batch.Keys(), "a value that cannot be read is no failure of the cache")
}

func TestErrorsOfTheCallerAreNeverHidden(t *testing.T) {
	ctx := t.Context()
	s, c := newFake(t, failOpen)
	v := xcache.For[int](c)
	require.NoError(t, s.store.Set(ctx, []driver.Entry{{Key: ":1:corrupt", Value: []byte("{"), TTL: time.Hour}}))
	require.ErrorIs(t, second(v.Get(ctx, "corrupt")), xcache.ErrCorrupt)
	for name, err := range map[string]error{
		"key": second(v.Get(ctx, "")), "key to write": v.Set(ctx, "", 1), "key to delete": second(v.Delete(ctx, "")), "keys": second(v.GetMany(ctx, []string{"a", ""})),
	} {
		require.ErrorIs(t, err, xcache.ErrInvalidKey, name)
	}
	require.Error(t, v.Set(ctx, "k", 1, xcache.TTL(1), xcache.KeepTTL()))
	require.ErrorIs(t, xcache.For[func()](c).Set(ctx, "k", func() {}), xcache.ErrUnsupportedValue)
	chain, err := codec.New(codec.Config{Serializers: []codec.Serializer{codec.JSON}, MaxValue: 8})
	require.NoError(t, err)
	require.ErrorIs(t, xcache.For[string](c.With(xcache.WithCodec(chain))).Set(ctx, "k", "much too long"), xcache.ErrTooLarge)
	for _, kind := range []error{
		xcache.ErrWrongType, xcache.ErrClosed, xcache.ErrCrossSlot, xcache.ErrSyntax, xcache.ErrTooLarge, xcache.ErrInvalidKey, errors.ErrUnsupported, context.Canceled, context.DeadlineExceeded,
	} {
		s.failWith(driver.Fail(kind, driver.NotApplied, nil))
		require.ErrorIs(t, second(v.Get(ctx, "k")), kind)
		require.ErrorIs(t, v.Set(ctx, "k", 1), kind)
		require.ErrorIs(t, second(v.Delete(ctx, "k")), kind)
	}
	s.failWith(errors.New("of a driver that breaks the rules"))
	require.Error(t, second(v.Get(ctx, "k")))
	require.Zero(t, c.FailedOpen())
}

func TestEachCauseIsCounted(t *testing.T) {
	s, c := newFake(t, failOpen)
	v := xcache.For[int](c)
	for i, kind := range []error{xcache.ErrUnavailable, xcache.ErrReadOnly, xcache.ErrOutOfMemory, xcache.ErrAuth} {
		s.failWith(driver.Fail(kind, driver.Unknown, nil))
		for range i + 1 {
			require.NoError(t, v.Set(t.Context(), "k", 1))
			require.Equal(t, xcache.ErrNotFound, second(v.Get(t.Context(), "k")))
		}
	}
	causes := xcache.FailedOpenCauses{Unavailable: 1, ReadOnly: 2, OutOfMemory: 3, Auth: 4}
	require.Equal(t, xcache.FailedOpen{Reads: causes, Writes: causes}, c.FailedOpen())
	require.EqualValues(t, 10, causes.Total())
}

// The end of the caller's context is no failure of the cache, whatever the driver says.
func TestTheEndOfTheContextIsNeverHidden(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s, c := newFake(t, failOpen)
	v := xcache.For[int](c)
	s.before = func(context.Context, string, []string) error {
		cancel()
		return errDown
	}
	p := c.Pipeline()
	got, set := v.In(p).Get("k"), v.In(p).Set("k", 1)
	require.ErrorIs(t, p.Exec(ctx), context.Canceled)
	require.ErrorIs(t, got.Err(), context.Canceled)
	require.ErrorIs(t, set.Err(), context.Canceled)
	for _, run := range []func(context.Context) error{
		func(ctx context.Context) error { return second(v.Get(ctx, "k")) },
		func(ctx context.Context) error { return second(v.GetMany(ctx, []string{"k"})) },
		func(ctx context.Context) error { return v.Set(ctx, "k", 1) },
		func(ctx context.Context) error { return second(v.Has(ctx, "k")) },
		func(ctx context.Context) error { return second(c.Type(ctx, "k")) },
		func(ctx context.Context) error {
			return second(v.GetOrSet(ctx, "k", func(context.Context) (int, error) { return 1, nil }))
		},
	} {
		ctx, cancel = context.WithCancel(t.Context()) //nolint:fatcontext // one for each run, which the store ends
		require.ErrorIs(t, run(ctx), context.Canceled)
		cancel()
	}
	require.Zero(t, c.FailedOpen())
}

// op_timeout that the core sets is a failure of the cache.
func TestOpTimeoutFailsOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFakeStore(t)
		s.caps = func(caps *driver.Caps) { caps.Limits.CallTimeout = 0 }
		c := newCache(t, s, failOpen)
		s.before = func(ctx context.Context, _ string, _ []string) error {
			<-ctx.Done()
			return driver.Fail(ctx.Err(), driver.Unknown, nil)
		}
		require.Equal(t, xcache.ErrNotFound, second(xcache.For[int](c).Get(t.Context(), "k")))
		require.EqualValues(t, 1, c.FailedOpen().Reads.Unavailable)
	})
}

func TestGetOrSetLoadsWhenTheCacheFails(t *testing.T) {
	var told eventRecorder
	s, c := newFake(t, failOpen, xcache.WithObserver(&told))
	v := xcache.For[int](c)
	s.failWith(errDown)
	loads := 0
	load := func(context.Context) (int, error) { loads++; return 42, nil }
	got, err := v.GetOrSet(t.Context(), "k", load)
	require.NoError(t, err)
	require.Equal(t, 42, got)
	require.Equal(t, 1, loads)
	require.Zero(t, s.count("Set"), "the write would fail as the read has, and take as long")
	require.Equal(t, xcache.FailedOpen{Reads: xcache.FailedOpenCauses{Unavailable: 1}, Writes: xcache.FailedOpenCauses{Unavailable: 1}}, c.FailedOpen())
	require.Len(t, told.list(), 1)
	require.Equal(t, driver.LoadedValueNotStored, told.list()[0].Kind)
	require.ErrorIs(t, told.list()[0].Err, xcache.ErrUnavailable)

	errLoad := errors.New("no database")
	_, err = v.GetOrSet(t.Context(), "k", func(context.Context) (int, error) { return 0, errLoad })
	require.Equal(t, errLoad, err, "an error of the loader is the caller's")
	_, err = v.GetOrSet(t.Context(), "k", load, xcache.TTL(1), xcache.TTL(2))
	require.Error(t, err)
	require.Equal(t, 1, loads)
}

func TestCallersOfAFailingCacheShareALoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := newFake(t, failOpen)
		v := xcache.For[int](c)
		s.failWith(errDown)
		loads := 0
		var callers sync.WaitGroup
		for range 100 {
			callers.Go(func() {
				got, err := v.GetOrSet(t.Context(), "k", func(context.Context) (int, error) {
					time.Sleep(time.Second)
					loads++
					return 42, nil
				})
				if err != nil || got != 42 {
					t.Errorf("GetOrSet = %d, %v", got, err)
				}
			})
		}
		callers.Wait()
		require.Equal(t, 1, loads)
	})
}

// An eventRecorder keeps what an observer is told.
type eventRecorder struct {
	mu     sync.Mutex
	events []xcache.Event
	ops    []xcache.Operation
}

func (*eventRecorder) Start(ctx context.Context, _ *xcache.Operation) context.Context { return ctx }

func (r *eventRecorder) End(_ context.Context, op *xcache.Operation) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ops = append(r.ops, *op)
}

func (r *eventRecorder) Event(e xcache.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
}

func (r *eventRecorder) list() []xcache.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.events
}

func TestObserversAreToldTheCause(t *testing.T) {
	var told eventRecorder
	s, c := newFake(t, failOpen, xcache.WithObserver(&told))
	v, ctx := xcache.For[int](c), t.Context()
	s.failWith(errDown)
	require.Equal(t, xcache.ErrNotFound, second(v.Get(ctx, "k")))
	require.NoError(t, second(v.GetMany(ctx, []string{"a", "b"})))
	require.NoError(t, second(v.Has(ctx, "k")))
	require.NoError(t, v.Set(ctx, "k", 1))
	p := c.Pipeline()
	v.In(p).Get("k")
	require.NoError(t, p.Exec(ctx))
	for _, op := range told.ops {
		require.ErrorIs(t, op.FailedOpen, xcache.ErrUnavailable, op.Name)
		require.Contains(t, op.FailedOpen.Error(), "connection refused", op.Name)
		require.NotErrorIs(t, op.Err, xcache.ErrUnavailable, op.Name)
	}
	misses := []int{1, 2, 1, 0, 0}
	for i, op := range told.ops {
		require.Equal(t, misses[i], op.Misses, op.Name)
	}
	s.before = nil
	require.Equal(t, xcache.ErrNotFound, second(v.Get(ctx, "none")))
	require.NoError(t, told.ops[5].FailedOpen)
}

// The policy is that of each operation's view, whatever the pipeline's is.
func TestOperationsOfAPipelineFailOpenByThemselves(t *testing.T) {
	s, c := newFake(t)
	v, ctx := xcache.For[int](c), t.Context()
	open := v.With(failOpen)
	for name, fail := range map[string]func(){
		"the whole batch": func() { s.failWith(errDown) },
		"each command":    func() { s.before, s.commandErr = nil, errDown },
	} {
		t.Run(name, func(t *testing.T) {
			fail()
			p := c.Pipeline()
			got, strict, many := open.In(p).Get("k"), v.In(p).Get("k"), open.In(p).GetMany([]string{"a", "b"})
			set, added := open.In(p).Set("k", 1), open.In(p).Add("k", 1)
			require.ErrorIs(t, p.Exec(ctx), xcache.ErrUnavailable)
			require.Equal(t, xcache.ErrNotFound, got.Err())
			require.ErrorIs(t, strict.Err(), xcache.ErrUnavailable)
			found, err := many.Value()
			require.NoError(t, err)
			require.Empty(t, found)
			stored, err := set.Value()
			require.NoError(t, err)
			require.False(t, stored)
			require.ErrorIs(t, added.Err(), xcache.ErrUnavailable)

			p = open.Pipeline()
			removed, counted := p.Delete("a", "b"), p.Incr("n", 1)
			has, ttl, expired := p.Has("a"), p.TTL("a"), p.Expire("a", time.Hour)
			require.ErrorIs(t, p.Exec(ctx), xcache.ErrUnavailable)
			n, err := removed.Value()
			require.NoError(t, err)
			require.Zero(t, n)
			require.ErrorIs(t, counted.Err(), xcache.ErrUnavailable, "a counter invents no number")
			require.NoError(t, has.Err())
			require.Equal(t, xcache.ErrNotFound, ttl.Err())
			require.NoError(t, expired.Err())

			p = open.Pipeline()
			got = open.In(p).Get("k")
			require.NoError(t, p.Exec(ctx), "all have failed open")
			require.Equal(t, xcache.ErrNotFound, got.Err())

			p = open.Pipeline()
			got = open.In(p).Get("k")
			require.ErrorIs(t, p.ExecAtomic(ctx), xcache.ErrUnavailable, "a transaction is done or not")
			require.ErrorIs(t, got.Err(), xcache.ErrUnavailable)
		})
	}
}

func TestAKeySpaceNeverFailsOpen(t *testing.T) {
	s, c := newFake(t, failOpen)
	s.failWith(errDown)
	claims := xcache.For[int](c.KeySpace("claim"))
	require.ErrorIs(t, second(claims.Get(t.Context(), "k")), xcache.ErrUnavailable)
	require.ErrorIs(t, claims.Set(t.Context(), "k", 1), xcache.ErrUnavailable)
}

// argumentsOf are arguments behind the key, in several forms, of the commands that need some.
var argumentsOf = map[string][]func(*xcache.Op) *xcache.Op{
	"LINDEX": {func(o *xcache.Op) *xcache.Op { return o.Int(0) }},
	"LRANGE": {func(o *xcache.Op) *xcache.Op { return o.Int(0).Int(-1) }},
	"LPOS": {
		func(o *xcache.Op) *xcache.Op { return o.Field("v") },
		func(o *xcache.Op) *xcache.Op { return o.Field("v").Word("COUNT").Int(0) },
	},
	"SISMEMBER": fields(1), "HEXISTS": fields(1), "HGET": fields(1), "HSTRLEN": fields(1), "ZSCORE": fields(1), "ZRANK": fields(1), "ZREVRANK": fields(1),
	"SMISMEMBER": fields(1, 3), "HMGET": fields(1, 3), "ZMSCORE": fields(1, 3),
	"SRANDMEMBER": counts(), "HRANDFIELD": counts(), "ZRANDMEMBER": counts(),
	"HTTL": ofFields(), "HPTTL": ofFields(),
	"ZCOUNT": {func(o *xcache.Op) *xcache.Op { return o.Word("-inf").Word("+inf") }}, "ZLEXCOUNT": {func(o *xcache.Op) *xcache.Op { return o.Word("-").Word("+") }},
	"ZRANGE": {func(o *xcache.Op) *xcache.Op { return o.Int(0).Int(-1) }},
	"XRANGE": {func(o *xcache.Op) *xcache.Op { return o.Word("-").Word("+") }}, "XREVRANGE": {func(o *xcache.Op) *xcache.Op { return o.Word("+").Word("-") }},
	"MGET":   {func(o *xcache.Op) *xcache.Op { return o.Key("b").Key("c") }},
	"EXISTS": {func(o *xcache.Op) *xcache.Op { return o }, func(o *xcache.Op) *xcache.Op { return o.Key("b") }},
}

func fields(counts ...int) (forms []func(*xcache.Op) *xcache.Op) {
	for _, n := range counts {
		forms = append(forms, func(o *xcache.Op) *xcache.Op {
			for i := range n {
				o.Field(fmt.Sprint(i))
			}
			return o
		})
	}
	return forms
}

func counts() []func(*xcache.Op) *xcache.Op {
	return []func(*xcache.Op) *xcache.Op{func(o *xcache.Op) *xcache.Op { return o }, func(o *xcache.Op) *xcache.Op { return o.Int(3) }}
}

func ofFields() []func(*xcache.Op) *xcache.Op {
	return []func(*xcache.Op) *xcache.Op{func(o *xcache.Op) *xcache.Op { return o.Word("FIELDS").Int(2).Field("f").Field("g") }}
}

// closedReads are the commands that only read and do not fail open: iterations, what tells of
// a server or a group, and scripts.
var closedReads = map[string]bool{
	"DUMP": true, "EVALSHA_RO": true, "EVAL_RO": true, "FCALL_RO": true, "HSCAN": true, "PING": true, "SSCAN": true, "XINFO": true, "XPENDING": true, "ZSCAN": true,
}

// A read that fails open answers what an empty server would, and every command that reads
// does so, or is known not to.
func TestCommandsThatFailOpenAnswerAsAnEmptyServer(t *testing.T) {
	empty, err := xcache.OpenDSN("null://")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, empty.Close()) })
	s, failing := newFake(t, failOpen)
	s.failWith(errDown)
	reply := func(o *xcache.Op) (driver.Reply, error) { return *o.Reply(), nil }
	for _, row := range driver.Commands() {
		forms := argumentsOf[row.Name]
		if forms == nil {
			forms = []func(*xcache.Op) *xcache.Op{func(o *xcache.Op) *xcache.Op { return o }}
		}
		for i, form := range forms {
			t.Run(fmt.Sprint(row.Name, i), func(t *testing.T) {
				begin := func(c *xcache.Cache) *xcache.Op {
					switch {
					case row.Name == "XREAD":
						return xcache.NewKeylessOp(c, "read", "XREAD").Word("STREAMS").Key("k").Word("0")
					case strings.HasPrefix(row.Name, "SINTERCARD"), strings.HasPrefix(row.Name, "Z") && row.Keys == driver.ManyKeys:
						return xcache.NewKeylessOp(c, "read", row.Name).Int(2).Key("a").Key("b")
					}
					return form(xcache.NewOp(c, "read", row.Name, "k"))
				}
				got, err := xcache.Run(t.Context(), begin(failing), reply)
				if !row.ReadOnly || closedReads[row.Name] {
					require.Error(t, err, "it does not fail open")
					return
				}
				require.NoError(t, err)
				want, err := xcache.Run(t.Context(), begin(empty), reply)
				require.NoError(t, err)
				require.Equal(t, want, got)
			})
		}
	}
}

func TestOptionsOfTheBreaker(t *testing.T) {
	for _, dsn := range []string{
		"memory://?on_error=perhaps", "memory://?breaker=yes", "memory://?breaker_failures=3", "memory://?breaker=on&breaker_failures=0",
		"memory://?breaker=on&breaker_cooldown=0s", "memory://?breaker=on&breaker_cooldown=10us", "memory://?breaker=on&breaker_cooldown=1s&breaker_max_cooldown=500ms",
		"memory://?breaker=on&breaker_max_cooldown=50ms", "memory://?max_in_flight=-1", "memory://?max_in_flight=many",
	} {
		_, err := xcache.OpenDSN(dsn)
		require.Error(t, err, dsn)
		name, _, _ := strings.Cut(dsn[strings.LastIndexAny(dsn, "?&")+1:], "=")
		require.Contains(t, err.Error(), name, dsn)
	}
	for _, dsn := range []string{"memory://?on_error=miss", "memory://?breaker=on&breaker_failures=3&breaker_cooldown=1s&max_in_flight=10", "memory://?breaker=off"} {
		c, err := xcache.OpenDSN(dsn)
		require.NoError(t, err, dsn)
		require.NoError(t, c.Close())
	}
	for _, option := range []xcache.Option{
		xcache.WithBreaker(xcache.Breaker{Failures: -1}), xcache.WithBreaker(xcache.Breaker{Cooldown: -1}), xcache.WithBreaker(xcache.Breaker{Cooldown: time.Second, MaxCooldown: time.Millisecond}),
		xcache.WithMaxInFlight(-1), xcache.WithOnError(7),
	} {
		_, err := xcache.OpenDSN("memory://", option)
		require.Error(t, err)
	}
}

func TestViewsShareTheBreakerOfTheStore(t *testing.T) {
	s, c := newFake(t, xcache.WithBreaker(xcache.Breaker{Failures: 2}))
	require.Same(t, driver.Store(s), c.Store(), "Store returns the driver's store")
	require.Error(t, second(c.With(xcache.WithBreaker(xcache.Breaker{Failures: 3})).Has(t.Context(), "k")))
	require.Error(t, second(c.With(xcache.WithMaxInFlight(3)).Has(t.Context(), "k")))
	require.NoError(t, second(c.With(xcache.WithBreaker(xcache.Breaker{Failures: 2})).Has(t.Context(), "k")))
	require.Same(t, driver.Store(s), c.With(xcache.ReadPrimary()).Store())
}

func TestTheBreakerWorksWithBothPolicies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told eventRecorder
		s, c := newFake(t, xcache.WithName("shop"), xcache.WithBreaker(xcache.Breaker{}), xcache.WithObserver(&told))
		v, ctx := xcache.For[int](c), t.Context()
		s.failWith(errDown)
		for range xcache.DefaultBreakerFailures {
			require.ErrorIs(t, second(v.Get(ctx, "k")), xcache.ErrUnavailable)
		}
		calls := s.total()
		err := second(v.Get(ctx, "k"))
		require.ErrorIs(t, err, xcache.ErrUnavailable)
		require.NotErrorIs(t, err, xcache.ErrUnknownOutcome)
		open, ok := errors.AsType[*xcache.BreakerOpenError](err)
		require.True(t, ok, "%v", err)
		require.Positive(t, open.RetryAfter)
		require.LessOrEqual(t, open.RetryAfter, xcache.DefaultBreakerCooldown)
		require.Equal(t, xcache.ErrNotFound, second(v.With(failOpen).Get(ctx, "k")))
		require.NoError(t, v.With(failOpen).Set(ctx, "k", 1))
		require.ErrorIs(t, second(v.Incr(ctx, "k", 1)), xcache.ErrUnavailable)
		require.Equal(t, calls, s.total(), "nothing was sent")
		require.ErrorIs(t, c.Ping(ctx), xcache.ErrUnavailable)
		require.Equal(t, calls+1, s.total(), "a ping asks the server")
		require.Equal(t, xcache.FailedOpen{Reads: xcache.FailedOpenCauses{BreakerOpen: 1}, Writes: xcache.FailedOpenCauses{BreakerOpen: 1}}, c.FailedOpen())

		s.before = nil
		time.Sleep(xcache.DefaultBreakerCooldown)
		require.Error(t, v.Set(ctx, "k", 1)) // starts the probe
		synctest.Wait()
		require.NoError(t, v.Set(ctx, "k", 1))
		inspection, err := c.Inspect()
		require.NoError(t, err)
		require.Len(t, inspection.Circuits, 1)
		require.Equal(t, driver.CircuitClosed, inspection.Circuits[0].State)
		require.EqualValues(t, 1, inspection.Circuits[0].Opened)
		require.EqualValues(t, 5, inspection.Circuits[0].Rejected)
		require.Len(t, told.list(), 2)
		require.Equal(t, driver.BreakerOpened, told.list()[0].Kind)
		require.Equal(t, "shop", told.list()[0].Cache)
		require.ErrorIs(t, told.list()[0].Err, xcache.ErrUnavailable)
		require.Equal(t, driver.BreakerClosed, told.list()[1].Kind)
	})
}

func TestCallsBeyondMaxInFlightFailAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := newFake(t, xcache.WithMaxInFlight(2))
		v, ctx := xcache.For[int](c), t.Context()
		require.NoError(t, v.Set(ctx, "k", 7))
		s.before = func(context.Context, string, []string) error { time.Sleep(time.Minute); return nil }
		var slow sync.WaitGroup
		for range 2 {
			slow.Go(func() { _ = second(v.Get(ctx, "k")) })
		}
		synctest.Wait()
		began := time.Now()
		err := second(v.Get(ctx, "k"))
		require.ErrorIs(t, err, xcache.ErrUnavailable)
		full, ok := errors.AsType[*xcache.InFlightError](err)
		require.True(t, ok, "%v", err)
		require.Equal(t, 2, full.Limit)
		require.Equal(t, xcache.ErrNotFound, second(v.With(failOpen).Get(ctx, "k")))
		require.Zero(t, time.Since(began))
		require.EqualValues(t, 1, c.FailedOpen().Reads.InFlight)
		slow.Wait()
		require.NoError(t, second(v.Get(ctx, "k")))
	})
}
