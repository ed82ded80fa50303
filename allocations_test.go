package xcache_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/internal/race"
)

func skipAllocations(tb testing.TB) {
	tb.Helper()
	if race.Enabled {
		tb.Skip("the race detector allocates")
	}
}

// An operation allocates a full key and, where a value is read or stored, a copy of the
// value, and nothing else.
func TestAllocationBudgets(t *testing.T) {
	skipAllocations(t)
	ctx := t.Context()
	cancellable, cancel := context.WithCancel(ctx)
	defer cancel()
	v := openRaw(t)
	v100 := hundred
	require.NoError(t, v.Set(ctx, "key", v100))
	require.NoError(t, second(v.IncrInit(ctx, "number", 0, 0)))
	numbers := xcache.For[int](v.Cache)
	structs := xcache.For[large](v.Cache.With(xcache.WithCodec(jsonChain(t))))
	require.NoError(t, structs.Set(ctx, "struct", large{}))
	keys := manyKeys(100)
	for _, key := range keys {
		require.NoError(t, v.Set(ctx, key, v100))
	}
	load := func(context.Context) ([]byte, error) { return v100, nil }
	far := time.Now().Add(time.Hour)
	for _, test := range []struct {
		name   string
		budget float64
		run    func() error
	}{
		{"Get hit", 2, func() error { return second(v.Get(ctx, "key")) }},
		{"Get hit, cancellable context", 2, func() error { return second(v.Get(cancellable, "key")) }},
		{"Get miss", 1, func() error { _, _ = v.Get(ctx, "none"); return nil }},
		{"GetOr miss", 1, func() error { return second(v.GetOr(ctx, "none", nil)) }},
		{"Set", 2, func() error { return v.Set(ctx, "key", v100) }},
		{"Set with TTL", 2, func() error { return v.Set(ctx, "key", v100, xcache.TTL(time.Hour)) }},
		{"Set with ExpireAt", 2, func() error { return v.Set(ctx, "key", v100, xcache.ExpireAt(far)) }},
		{"Add that fails", 2, func() error { return second(v.Add(ctx, "key", v100)) }},
		{"GetOrSet hit", 2, func() error { return second(v.GetOrSet(ctx, "key", load)) }},
		{"Has", 2, func() error { return second(v.Has(ctx, "key")) }},
		{"TTL", 2, func() error { return second(v.TTL(ctx, "key")) }},
		{"Expire", 1, func() error { return second(v.Expire(ctx, "key", time.Hour)) }},
		{"Incr", 2, func() error { return second(v.Incr(ctx, "number", 1)) }},
		{"Get of an integer", 3, func() error { return second(numbers.Get(ctx, "number")) }},
		{"Delete of nothing", 2, func() error { return second(v.Delete(ctx, "none")) }},
		{"With", 2, func() error { return v.Cache.With().Require() }},
		{"Swap", 3, func() error { return second(v.Swap(ctx, "key", v100)) }},
		{"CompareAndSwap", 2, func() error { return second(v.CompareAndSwap(ctx, "key", v100, v100)) }},
		{"Get of a large struct", 7, func() error { return second(structs.Get(ctx, "struct")) }},
		{"Set of a large struct", 4, func() error { return structs.Set(ctx, "struct", large{}) }},
		{"GetOrSet hit of a large struct", 7, func() error { return second(structs.GetOrSet(ctx, "struct", nil)) }},
		{"GetOrSetMany hit of 10", 19, func() error { return second(v.GetOrSetMany(ctx, keys[:10], nil)) }},
		{"GetMany of 100", 110, func() error { return second(v.GetMany(ctx, keys)) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			require.LessOrEqual(t, testing.AllocsPerRun(200, func() { require.NoError(t, test.run()) }), test.budget, "allocations")
		})
	}
}

// A large value does not fit into a closure.
type large struct {
	Name    string
	Numbers [20]int
}

func TestObserverCostsOneAllocation(t *testing.T) {
	skipAllocations(t)
	v := openRaw(t, xcache.WithObserver(nopObserver{}))
	require.NoError(t, v.Set(t.Context(), "key", hundred))
	ctx := t.Context()
	require.LessOrEqual(t, testing.AllocsPerRun(200, func() { require.NoError(t, second(v.Get(ctx, "key"))) }), 3.0, "allocations")
}

// A queued command allocates only its full key. Its result and the copies of the caller's
// texts share memory with others.
func TestAllocationBudgetOfAPipeline(t *testing.T) {
	skipAllocations(t)
	ctx := t.Context()
	const queued, each, others = 100, 1.3, 40
	c := openRaw(t).Cache
	run := func() {
		p := c.Pipeline()
		for range queued {
			xcache.Queue(p, xcache.NewOp(c, "hget", "HGET", "key").Field("field"), func(o *xcache.Op) (bool, error) {
				return o.Reply().IsNil(), nil
			})
		}
		require.NoError(t, p.Exec(ctx))
	}
	require.LessOrEqual(t, testing.AllocsPerRun(50, run), each*queued+others, "allocations")
}

// Results of several types in turn keep their own values.
func TestResultsOfSeveralTypesAreApart(t *testing.T) {
	v := openRaw(t)
	p := v.Pipeline()
	var stored []*xcache.Result[bool]
	var read []*xcache.Result[[]byte]
	for _, key := range manyKeys(70) {
		stored = append(stored, v.In(p).Set(key, []byte(key)))
		read = append(read, v.In(p).Get(key))
	}
	for _, key := range manyKeys(70) {
		read = append(read, v.In(p).Get(key))
	}
	require.NoError(t, p.Exec(t.Context()))
	for i, key := range append(manyKeys(70), manyKeys(70)...) {
		got, err := read[i].Value()
		require.NoError(t, err)
		require.Equal(t, key, string(got))
	}
	for _, result := range stored {
		require.NoError(t, result.Err())
	}
}
