package xcache_test

import (
	"context"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/xcache-go/xcache"
)

// operations has every operation of a cache and its views, each on keys that exist after
// fill. Tests of rules for all operations use operations.
var operations = map[string]func(ctx context.Context, v *xcache.View[string]) error{
	"Add":              func(ctx context.Context, v *xcache.View[string]) error { return second(v.Add(ctx, "new", "x")) },
	"Clear":            func(ctx context.Context, v *xcache.View[string]) error { return second(v.Clear(ctx)) },
	"ClearAllVersions": func(ctx context.Context, v *xcache.View[string]) error { return second(v.ClearAllVersions(ctx)) },
	"CompareAndDelete": func(ctx context.Context, v *xcache.View[string]) error {
		return second(v.CompareAndDelete(ctx, "text", "hello"))
	},
	"CompareAndSwap": func(ctx context.Context, v *xcache.View[string]) error {
		return second(v.CompareAndSwap(ctx, "text", "hello", "x"))
	},
	"Decr":          func(ctx context.Context, v *xcache.View[string]) error { return second(v.Decr(ctx, "number", 1)) },
	"DecrVersion":   func(ctx context.Context, v *xcache.View[string]) error { return second(v.DecrVersion(ctx, "text", 1)) },
	"Delete":        func(ctx context.Context, v *xcache.View[string]) error { return second(v.Delete(ctx, "text")) },
	"DeletePattern": func(ctx context.Context, v *xcache.View[string]) error { return second(v.DeletePattern(ctx, "t*")) },
	"Expire": func(ctx context.Context, v *xcache.View[string]) error {
		return second(v.Expire(ctx, "text", time.Hour))
	},
	"ExpireAt": func(ctx context.Context, v *xcache.View[string]) error {
		return second(v.ExpireAt(ctx, "text", time.Now().Add(time.Hour)))
	},
	"FlushDB": func(ctx context.Context, v *xcache.View[string]) error { return v.FlushDB(ctx) },
	"Get":     func(ctx context.Context, v *xcache.View[string]) error { return second(v.Get(ctx, "text")) },
	"GetMany": func(ctx context.Context, v *xcache.View[string]) error {
		return second(v.GetMany(ctx, []string{"text", "none"}))
	},
	"GetOrSetMany": func(ctx context.Context, v *xcache.View[string]) error {
		return second(v.GetOrSetMany(ctx, []string{"text"}, func(context.Context, []string) (map[string]string, error) {
			return nil, nil
		}))
	},
	"Take":  func(ctx context.Context, v *xcache.View[string]) error { return second(v.Take(ctx, "text")) },
	"GetOr": func(ctx context.Context, v *xcache.View[string]) error { return second(v.GetOr(ctx, "none", "x")) },
	"GetOrSet": func(ctx context.Context, v *xcache.View[string]) error {
		return second(v.GetOrSet(ctx, "text", func(context.Context) (string, error) { return "x", nil }))
	},
	"Has":  func(ctx context.Context, v *xcache.View[string]) error { return second(v.Has(ctx, "text")) },
	"Incr": func(ctx context.Context, v *xcache.View[string]) error { return second(v.Incr(ctx, "number", 1)) },
	"IncrInit": func(ctx context.Context, v *xcache.View[string]) error {
		return second(v.IncrInit(ctx, "counter", 1, 10))
	},
	"IncrVersion": func(ctx context.Context, v *xcache.View[string]) error {
		return second(v.IncrVersion(ctx, "text", 1))
	},
	"Invalidate": func(ctx context.Context, v *xcache.View[string]) error { return v.Invalidate(ctx, "text") },
	"Keys": func(ctx context.Context, v *xcache.View[string]) error {
		for _, err := range v.Keys(ctx, "*") {
			if err != nil {
				return err
			}
		}
		return nil
	},
	"Persist": func(ctx context.Context, v *xcache.View[string]) error { return second(v.Persist(ctx, "text")) },
	"Ping":    func(ctx context.Context, v *xcache.View[string]) error { return v.Ping(ctx) },
	"Rename":  func(ctx context.Context, v *xcache.View[string]) error { return v.Rename(ctx, "text", "renamed") },
	"RenameNX": func(ctx context.Context, v *xcache.View[string]) error {
		return second(v.RenameNX(ctx, "text", "renamed"))
	},
	"Replace": func(ctx context.Context, v *xcache.View[string]) error { return second(v.Replace(ctx, "text", "x")) },
	"Set":     func(ctx context.Context, v *xcache.View[string]) error { return v.Set(ctx, "text", "x") },
	"SetMany": func(ctx context.Context, v *xcache.View[string]) error {
		return v.SetMany(ctx, map[string]string{"a": "x", "b": "y"})
	},
	"Swap": func(ctx context.Context, v *xcache.View[string]) error { return second(v.Swap(ctx, "text", "x")) },
	"TTL":  func(ctx context.Context, v *xcache.View[string]) error { return second(v.TTL(ctx, "text")) },
	"TTLMany": func(ctx context.Context, v *xcache.View[string]) error {
		return second(v.TTLMany(ctx, []string{"text", "none"}))
	},
	"Touch": func(ctx context.Context, v *xcache.View[string]) error { return second(v.Touch(ctx, "text")) },
	"Type":  func(ctx context.Context, v *xcache.View[string]) error { return second(v.Type(ctx, "text")) },

	"Pipeline.Exec": func(ctx context.Context, v *xcache.View[string]) error {
		p := v.Pipeline()
		v.In(p).Set("text", "x")
		return p.Exec(ctx)
	},
	"Pipeline.ExecAtomic": func(ctx context.Context, v *xcache.View[string]) error {
		p := v.Pipeline()
		v.In(p).Set("text", "x")
		return p.ExecAtomic(ctx)
	},
}

// notOperations has the methods without a request to the server, and the methods with tests
// of their own, because they send several requests.
var notOperations = map[string]bool{
	"Close": true, "CodecReads": true, "FailedOpen": true, "In": true, "Inspect": true, "InvalidateTags": true, "KeySpace": true, "Load": true, "Namespace": true, "PendingInvalidations": true, "Pipeline": true, "Require": true, "Store": true, "Subscribe": true, "Watch": true, "With": true, "WithTx": true,
}

// second drops the result of an operation.
func second[T any](_ T, err error) error { return err }

// fill stores the values for the operations.
func fill(tb testing.TB, v *xcache.View[string]) {
	tb.Helper()
	ctx := tb.Context()
	require.NoError(tb, v.Set(ctx, "text", "hello"))
	require.NoError(tb, second(v.IncrInit(ctx, "number", 0, 5)))
}

// eachOperation runs a test of every operation on a filled cache of its own.
func eachOperation(t *testing.T, test func(t *testing.T, s *fakeStore, v *xcache.View[string], run func(context.Context, *xcache.View[string]) error), opts ...xcache.Option) {
	t.Helper()
	for _, name := range sortedKeys(operations) {
		t.Run(name, func(t *testing.T) {
			s, c := newFake(t, opts...)
			v := xcache.For[string](c)
			fill(t, v)
			s.reset()
			test(t, s, v, operations[name])
		})
	}
}

func TestOperationsAreAllOfThem(t *testing.T) {
	for _, owner := range []reflect.Type{reflect.TypeFor[*xcache.View[string]](), reflect.TypeFor[*xcache.Cache]()} {
		for method := range owner.Methods() {
			if operations[method.Name] == nil {
				require.True(t, notOperations[method.Name], "%v has a method %s that the table of operations lacks", owner, method.Name)
			}
		}
	}
}

func TestOperationsSucceedAndReachTheStore(t *testing.T) {
	eachOperation(t, func(t *testing.T, s *fakeStore, v *xcache.View[string], run func(context.Context, *xcache.View[string]) error) {
		require.NoError(t, run(t.Context(), v))
		require.NotZero(t, s.total(), "the store got no call")
	})
}

func TestOperationWithEndedContextStartsNoIO(t *testing.T) {
	eachOperation(t, func(t *testing.T, s *fakeStore, v *xcache.View[string], run func(context.Context, *xcache.View[string]) error) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		require.ErrorIs(t, run(ctx, v), context.Canceled)
		require.Zero(t, s.total(), "calls of the store")
	})
}
