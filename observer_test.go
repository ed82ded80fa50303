package xcache_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/codec"
	"github.com/xcache-go/xcache/driver"
)

// A recorder keeps copies of the operations, and checks that each started operation ends
// once, with the context of its own start.
type recorder struct {
	tb testing.TB

	mu   sync.Mutex
	open map[*xcache.Operation]int
	n    int
	done []xcache.Operation
}

type startedKey struct{}

func (r *recorder) Start(ctx context.Context, op *xcache.Operation) context.Context {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.open == nil {
		r.open = make(map[*xcache.Operation]int)
	}
	r.n++
	r.open[op] = r.n
	assert.NoError(r.tb, op.Err, "%s starts with the results", op.Name)
	assert.Zero(r.tb, op.Duration, "%s starts with the results", op.Name)
	assert.Zero(r.tb, op.Hits+op.Misses+op.Bytes, "%s starts with the results", op.Name)
	return context.WithValue(ctx, startedKey{}, r.n)
}

func (r *recorder) End(ctx context.Context, op *xcache.Operation) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n, ok := r.open[op]
	assert.True(r.tb, ok, "%s ended twice, or never started", op.Name)
	delete(r.open, op)
	assert.Equal(r.tb, n, ctx.Value(startedKey{}), "%s ended with the context of another", op.Name)
	r.done = append(r.done, *op)
}

// take returns the operations that have ended since the last take.
func (r *recorder) take() []xcache.Operation {
	r.mu.Lock()
	defer r.mu.Unlock()
	assert.Empty(r.tb, r.open, "operations have not ended")
	done := r.done
	r.done = nil
	return done
}

func TestObserverSeesEveryOperation(t *testing.T) {
	for _, name := range sortedKeys(operations) {
		t.Run(name, func(t *testing.T) {
			r := &recorder{tb: t}
			s, c := newFake(t, xcache.WithObserver(r))
			v := xcache.For[string](c)
			fill(t, v)
			r.take()
			sawContext := false
			s.before = func(ctx context.Context, _ string, _ []string) error {
				sawContext = ctx.Value(startedKey{}) != nil
				return nil
			}
			require.NoError(t, operations[name](t.Context(), v))
			got := r.take()
			require.Len(t, got, 1, "it was told")
			require.NotEmpty(t, got[0].Name, "it was told")
			require.Empty(t, got[0].Driver, "it was told")
			if got[0].Err != nil {
				require.Equal(t, "GetOr", name, "it was told")
			}
			require.True(t, sawContext, "the driver did not get the observer's context")

			failed := errors.New("xcache: broken")
			s.before = func(context.Context, string, []string) error { return failed }
			err := operations[name](t.Context(), v)
			got = r.take()
			require.Len(t, got, 1, "it was told of the failure")
			require.Same(t, err, got[0].Err, "it was told of the failure")

			s.before = func(context.Context, string, []string) error { panic("boom") }
			func() {
				defer func() { _ = recover() }()
				_ = operations[name](t.Context(), v)
			}()
			got = r.take()
			require.Len(t, got, 1, "it was told of the panic")
			require.Error(t, got[0].Err, "it was told of the panic")
		})
	}
}

func TestObserverIsToldWhatHappened(t *testing.T) {
	ctx := t.Context()
	r := &recorder{tb: t}
	var registry xcache.Registry
	registry.Register("fake", &fakeDriver{tb: t})
	c, err := registry.OpenDSN("fake://localhost?compressor=gzip&compress_min=20", xcache.WithObserver(r))
	require.NoError(t, err)
	defer c.Close()
	v := xcache.For[string](c)
	long := string(make([]byte, 100))
	store := c.Store()
	require.NoError(t, store.Set(ctx, []driver.Entry{
		{Key: ":1:a", Value: []byte(`"x"`), TTL: driver.NoExpiry},
		{Key: ":1:bad", Value: []byte("\xff"), TTL: driver.NoExpiry},
	}))
	require.NoError(t, v.Set(ctx, "long", long))
	size := r.take()[0].Bytes
	require.Greater(t, size, 0, "a compressed value is told as bytes")
	require.Less(t, size, 100, "a compressed value is told as bytes")
	plain := codec.Read{Serializer: "json"}
	zipped := codec.Read{Serializer: "json", Compressor: "gzip"}
	for _, test := range []struct {
		run  func() error
		want xcache.Operation
	}{
		{func() error { return second(v.Get(ctx, "a")) }, xcache.Operation{Name: "get", Key: "a", Keys: 1, Hits: 1, Bytes: 3, Read: plain}},
		{func() error { return second(v.Get(ctx, "long")) }, xcache.Operation{Name: "get", Key: "long", Keys: 1, Hits: 1, Bytes: size, Read: zipped}},
		{func() error { return second(v.Get(ctx, "none")) }, xcache.Operation{Name: "get", Key: "none", Keys: 1, Misses: 1, Err: xcache.ErrNotFound}},
		{func() error { return second(v.GetOr(ctx, "none", "x")) }, xcache.Operation{Name: "get", Key: "none", Keys: 1, Misses: 1, Err: xcache.ErrNotFound}},
		{func() error { return second(v.Get(ctx, "bad")) }, xcache.Operation{Name: "get", Key: "bad", Keys: 1, Err: xcache.ErrCorrupt}},
		{func() error { return second(v.GetMany(ctx, []string{"a", "none", "long", "a"})) }, xcache.Operation{Name: "get many", Keys: 4, Hits: 3, Misses: 1, Bytes: 6 + size}},
		{func() error { return second(v.GetMany(ctx, nil)) }, xcache.Operation{Name: "get many"}},
		{func() error { return v.Set(ctx, "b", "yy") }, xcache.Operation{Name: "set", Key: "b", Keys: 1, Bytes: 4}},
		{func() error { return second(v.Add(ctx, "b", "yy")) }, xcache.Operation{Name: "add", Key: "b", Keys: 1, Bytes: 4}},
		{func() error { return v.SetMany(ctx, map[string]string{"b": "y", "c": "zz"}) }, xcache.Operation{Name: "set many", Keys: 2, Bytes: 7}},
		{func() error { return second(v.Swap(ctx, "b", "zzz")) }, xcache.Operation{Name: "swap", Key: "b", Keys: 1, Hits: 1, Bytes: 8, Read: plain}},
		{func() error { return second(v.Swap(ctx, "fresh", "z")) }, xcache.Operation{Name: "swap", Key: "fresh", Keys: 1, Misses: 1, Bytes: 3, Err: xcache.ErrNotFound}},
		{func() error { return second(v.Has(ctx, "a")) }, xcache.Operation{Name: "has", Key: "a", Keys: 1, Hits: 1}},
		{func() error { return second(v.Has(ctx, "none")) }, xcache.Operation{Name: "has", Key: "none", Keys: 1, Misses: 1}},
		{func() error { return second(v.Expire(ctx, "none", 1)) }, xcache.Operation{Name: "expire", Key: "none", Keys: 1}},
		{func() error { return second(v.Delete(ctx, "b", "c")) }, xcache.Operation{Name: "delete", Keys: 2}},
		{func() error { return second(v.Delete(ctx, "b")) }, xcache.Operation{Name: "delete", Key: "b", Keys: 1}},
		{func() error { return second(v.Get(ctx, "")) }, xcache.Operation{Name: "get", Keys: 1, Err: xcache.ErrInvalidKey}},
		{func() error {
			p := c.Pipeline()
			p.Has("a")
			p.Delete("x", "y")
			p.Incr("a", 1)
			return p.Exec(ctx)
		}, xcache.Operation{Name: "pipeline", Keys: 3, Err: xcache.ErrWrongType}},
	} {
		err := test.run()
		all := r.take()
		require.Len(t, all, 1, "%s: told of operations", test.want.Name)
		got := all[0]
		require.ErrorIs(t, got.Err, test.want.Err, "%s %q: told of the error", got.Name, got.Key)
		require.Equal(t, test.want.Err == nil, (got.Err == nil), "%s %q: told of the error", got.Name, got.Key)
		if err != nil {
			require.Same(t, err, got.Err, "%s %q: told of the error %v, but returned", got.Name, got.Key, got.Err)
		}
		require.Greater(t, got.Duration, time.Duration(0), "%s: it took", got.Name)
		if got.Keys > 1 {
			got.Read = codec.Read{} // in any of them
		}
		test.want.Driver, test.want.Err = "fake", nil
		got.Err, got.Duration = nil, 0
		require.True(t, got == test.want, "told\n%+v, want\n%+v", got, test.want)
	}
}

func TestObserverOfGetOrSet(t *testing.T) {
	r := &recorder{tb: t}
	_, c := newFake(t, xcache.WithObserver(r))
	v := xcache.For[string](c)
	load := func(context.Context) (string, error) { return "x", nil }
	require.NoError(t, second(v.GetOrSet(t.Context(), "k", load)))
	require.NoError(t, second(v.GetOrSet(t.Context(), "k", load)))
	var names []string
	hits, misses := 0, 0
	for _, op := range r.take() {
		names = append(names, op.Name)
		hits += op.Hits
		misses += op.Misses
	}
	require.Equal(t, []string{"get", "lease", "fill", "get"}, names, "told")
	require.Equal(t, 1, hits, "told of hits and misses")
	require.Equal(t, 1, misses, "told of hits and misses")
}

func TestObserverMeasuresTheOperation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &recorder{tb: t}
		s, c := newFake(t, xcache.WithObserver(r))
		s.before = func(context.Context, string, []string) error { time.Sleep(time.Second); return nil }
		require.NoError(t, xcache.For[string](c).Set(t.Context(), "k", "x"))
		require.Equal(t, time.Second, r.take()[0].Duration, "told")
	})
}

func TestObserverSeesTimeouts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &recorder{tb: t}
		s := newFakeStore(t)
		s.caps = unbounded
		c := newCache(t, s, xcache.WithObserver(r))
		s.before = hang
		require.ErrorIs(t, c.Ping(context.Background()), xcache.ErrUnavailable)
		got := r.take()[0]
		require.ErrorIs(t, got.Err, xcache.ErrUnavailable)
		require.Equal(t, xcache.DefaultOpTimeout, got.Duration, "told")
	})
}

func TestObserverOfOneView(t *testing.T) {
	r := &recorder{tb: t}
	_, c := newFake(t)
	observed := xcache.For[string](c).With(xcache.WithObserver(r))
	silent := observed.With(xcache.WithObserver(nil))
	require.NoError(t, xcache.For[string](c).Set(t.Context(), "k", "x"))
	require.NoError(t, silent.Set(t.Context(), "k", "x"))
	require.Empty(t, r.take(), "told of another view's")
	require.NoError(t, observed.Set(t.Context(), "k", "x"))
	require.Len(t, r.take(), 1, "told")
}

// Close also waits for observers: they may use resources that are closed after the cache.
func TestCloseWaitsForTheObserver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := &slowObserver{}
		_, c := newFake(t, xcache.WithObserver(slow))
		go func() { _ = c.Ping(t.Context()) }()
		synctest.Wait()
		require.NoError(t, c.Close())
		require.True(t, slow.ended, "Close returned before the observer did")
	})
}

type slowObserver struct{ ended bool }

func (o *slowObserver) Start(ctx context.Context, _ *xcache.Operation) context.Context { return ctx }

func (o *slowObserver) End(context.Context, *xcache.Operation) {
	time.Sleep(time.Minute)
	o.ended = true
}

// The commands of a load have errors of their own.
func TestObserversAreToldOfTheCommandsOfLoads(t *testing.T) {
	ctx := t.Context()
	full := driver.Fail(driver.ErrOutOfMemory, driver.NotApplied, nil)
	for name, test := range map[string]struct {
		opts   []xcache.Option
		load   func(ctx context.Context, v *xcache.View[string], fail func()) error
		events int
		want   map[string]xcache.Operation
	}{
		"fills that are refused": {nil, func(ctx context.Context, v *xcache.View[string], fail func()) error {
			return second(v.GetOrSetMany(ctx, []string{"a", "b"}, func(ctx context.Context, keys []string) (map[string]string, error) {
				fail()
				return upper(ctx, keys)
			}))
		}, 2, map[string]xcache.Operation{"fill many": {Keys: 2, Err: driver.ErrOutOfMemory}}},
		"fills": {nil, func(ctx context.Context, v *xcache.View[string], _ func()) error {
			return second(v.GetOrSetMany(ctx, []string{"a", "b"}, upper))
		}, 0, map[string]xcache.Operation{"fill many": {Keys: 2, Bytes: len(`"A"`) + len(`"B"`)}}},
		"elections": {[]xcache.Option{xcache.OneLoader(time.Minute)}, func(ctx context.Context, v *xcache.View[string], _ func()) error {
			return errors.Join(second(v.GetOrSetMany(ctx, []string{"a", "b"}, upper)))
		}, 0, map[string]xcache.Operation{"elect": {Keys: 2}}},
		"markers that are refused": {[]xcache.Option{xcache.NegativeTTL(time.Minute)}, func(ctx context.Context, v *xcache.View[string], fail func()) error {
			if err := second(v.GetOrSet(ctx, "k", func(context.Context) (string, error) { fail(); return "", xcache.ErrNotFound })); !errors.Is(err, xcache.ErrNotFound) {
				return err
			}
			return nil
		}, 0, map[string]xcache.Operation{"remember": {Keys: 1, Err: driver.ErrOutOfMemory}}},
	} {
		t.Run(name, func(t *testing.T) {
			var told eventRecorder
			s, c := newFake(t, append(test.opts, xcache.WithObserver(&told))...)
			require.NoError(t, test.load(ctx, xcache.For[string](c), func() { s.commandErr = full }))
			require.Len(t, told.list(), test.events, "only a loaded value is one that was not stored")
			seen := 0
			for _, op := range told.ops {
				want, ok := test.want[op.Name]
				if !ok {
					continue
				}
				seen++
				require.Equal(t, want.Keys, op.Keys, op.Name)
				require.Equal(t, want.Bytes, op.Bytes, op.Name)
				require.ErrorIs(t, op.Err, want.Err, op.Name)
			}
			require.Equal(t, len(test.want), seen)
		})
	}
}
