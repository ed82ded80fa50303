package xcache_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
)

func TestNamespaceIsPartOfTheKey(t *testing.T) {
	for _, test := range []struct {
		names []string
		opts  []xcache.Option
		want  string
	}{
		{[]string{"user"}, nil, ":1:user:42"},
		{[]string{"shop", "user"}, []xcache.Option{xcache.WithPrefix("app"), xcache.WithVersion(2)}, "app:2:shop:user:42"},
		{[]string{"a:b"}, nil, ":1:a%3Ab:42"},
		{[]string{"a%3Ab"}, nil, ":1:a%253Ab:42"},
		{[]string{"{tag}"}, nil, ":1:{tag}:42"},
		{[]string{"*[x]?\\"}, nil, ":1:*[x]?\\:42"},
		{[]string{"user"}, []xcache.Option{xcache.WithPrefix("app"), xcache.WithKeyFunc(slashed, unslashed)}, "app/1/user:42"},
	} {
		s, c := newFake(t, test.opts...)
		view := c
		for _, name := range test.names {
			view = view.Namespace(name)
		}
		v := xcache.For[string](view)
		require.NoError(t, v.Set(t.Context(), "42", "Ann"))
		require.Equal(t, []string{test.want}, s.stored(t))
		require.Equal(t, []string{"42"}, allKeys(t, view, "*"))
		require.Equal(t, []string{"42"}, allKeys(t, view, "4?"))
		found, err := v.GetMany(t.Context(), []string{"42"})
		require.NoError(t, err)
		require.Equal(t, map[string]string{"42": "Ann"}, found)
		version, err := v.IncrVersion(t.Context(), "42", 1)
		require.NoError(t, err)
		moved, err := v.With(xcache.WithVersion(version)).Get(t.Context(), "42")
		require.NoError(t, err)
		require.Equal(t, "Ann", moved)
	}
}

// Views of one cache are separated by their namespaces, with any characters. The view
// around a namespace has the keys of the namespace, too.
func TestNamespacesAreApart(t *testing.T) {
	ctx := t.Context()
	for _, opts := range [][]xcache.Option{nil, {xcache.WithPrefix("*")}, {xcache.WithKeyFunc(slashed, unslashed)}} {
		_, c := newFake(t, opts...)
		views := map[string]*xcache.Cache{
			"a": c.Namespace("a"), "a:b": c.Namespace("a:b"), "a%3Ab": c.Namespace("a%3Ab"), "*": c.Namespace("*"), "?": c.Namespace("?"),
			"[a-z]": c.Namespace("[a-z]"), "x of y": c.Namespace("y").Namespace("x"), "a of y": c.Namespace("y").Namespace("a"), "1": c.Namespace("1"),
		}
		for name, view := range views {
			require.NoError(t, xcache.For[string](view).Set(ctx, "k", name))
			require.NoError(t, xcache.For[string](view).Set(ctx, "b:k", name))
			require.NoError(t, xcache.For[string](view.With(xcache.WithVersion(2))).Set(ctx, "k", name))
		}
		require.NoError(t, xcache.For[string](c).Set(ctx, "k", "outside"))
		for name, view := range views {
			got, err := xcache.For[string](view).Get(ctx, "k")
			require.NoError(t, err)
			require.Equal(t, name, got)
			require.Equal(t, []string{"b:k", "k"}, allKeys(t, view, "*"), name)
		}
		require.Len(t, allKeys(t, c.Namespace("y"), "*"), 4, "nested ones are inside")
		require.Contains(t, allKeys(t, c.Namespace("y"), "*"), "x:k")

		for name, view := range views {
			n, err := view.DeletePattern(ctx, "b*")
			require.NoError(t, err)
			require.Equal(t, 1, n, name)
			n, err = view.Clear(ctx)
			require.NoError(t, err)
			require.Equal(t, 1, n, name)
			n, err = view.ClearAllVersions(ctx)
			require.NoError(t, err)
			require.Equal(t, 1, n, name)
			delete(views, name)
			for other, view := range views {
				require.Len(t, allKeys(t, view, "*"), 2, "%s, after %s was cleared", other, name)
			}
		}
		require.Equal(t, []string{"k"}, allKeys(t, c, "*"))
	}
}

func TestTwoViewsLoadTheirOwn(t *testing.T) {
	type user struct{ Name string }
	type product struct {
		Name  string
		Cents int
	}
	ctx := t.Context()
	_, c := newFake(t)
	users, products := xcache.For[user](c.Namespace("user")), xcache.For[product](c).Namespace("product")
	u, err := users.GetOrSet(ctx, "42", func(context.Context) (user, error) { return user{"Ann"}, nil })
	require.NoError(t, err)
	p, err := products.GetOrSet(ctx, "42", func(context.Context) (product, error) { return product{"Pen", 99}, nil })
	require.NoError(t, err)
	require.Equal(t, user{"Ann"}, u)
	require.Equal(t, product{"Pen", 99}, p)
	require.NoError(t, second(products.Clear(ctx)))
	u, err = users.Get(ctx, "42")
	require.NoError(t, err)
	require.Equal(t, user{"Ann"}, u)
	django, err := xcache.For[user](c).Get(ctx, "user:42")
	require.NoError(t, err)
	require.Equal(t, u, django)
}

func TestNamespaceWithoutANameFailsEveryCall(t *testing.T) {
	s, c := newFake(t)
	v := xcache.For[string](c.Namespace("").Namespace("user"))
	for name, run := range operations {
		require.ErrorContains(t, run(t.Context(), v), "Namespace needs a name", name)
	}
	require.Zero(t, s.total())
}

func TestErrorsAndObserversNameCacheAndNamespace(t *testing.T) {
	var heard operationsHeard
	s, c := newFake(t, xcache.WithName("sessions"), xcache.WithObserver(&heard))
	s.before = func(context.Context, string, []string) error {
		return driver.Fail(driver.ErrUnavailable, driver.NotApplied, &clientError{1})
	}
	_, err := xcache.For[string](c.Namespace("shop").Namespace("user")).Get(t.Context(), "42")
	require.ErrorContains(t, err, `xcache: sessions get "shop:user:42": server unavailable`)
	failed, ok := errors.AsType[*xcache.OpError](err)
	require.True(t, ok)
	require.Equal(t, [3]string{"sessions", "shop:user", "42"}, [3]string{failed.Cache, failed.Namespace, failed.Key})
	require.Len(t, heard, 1)
	require.Equal(t, [3]string{"sessions", "shop:user", "42"}, [3]string{heard[0].Cache, heard[0].Namespace, heard[0].Key})
}

// operationsHeard is an Observer that keeps its operations.
type operationsHeard []xcache.Operation

func (*operationsHeard) Start(ctx context.Context, _ *xcache.Operation) context.Context { return ctx }
func (h *operationsHeard) End(_ context.Context, op *xcache.Operation)                  { *h = append(*h, *op) }

// With some layouts, the prefix or version of a full key is ambiguous. Then Clear would
// delete the keys of others on the same server.
func TestLoopsRefuseLayoutsThatDoNotTellKeysApart(t *testing.T) {
	all := func(full string) (string, int, string, bool) { return "p", 1, full, true }
	for _, test := range []struct {
		name    string
		makeKey xcache.KeyFunc
		reverse xcache.ReverseKeyFunc
		want    string
	}{
		{"identity", func(_ string, _ int, key string) string { return key }, all, "version cannot be told"},
		{"no version", func(prefix string, _ int, key string) string { return prefix + ":" + key }, func(full string) (string, int, string, bool) {
			prefix, key, ok := strings.Cut(full, ":")
			return prefix, 1, key, ok
		}, "version cannot be told"},
		{"no prefix", func(_ string, version int, key string) string { return slashed("", version, key) }, func(full string) (string, int, string, bool) {
			_, version, key, ok := unslashed(full)
			return "p", version, key, ok
		}, "prefix cannot be told"},
		{"no separator", func(prefix string, version int, key string) string {
			return slashed("", version, "") + prefix + key
		}, func(full string) (string, int, string, bool) {
			_, version, key, ok := unslashed(full)
			key, own := strings.CutPrefix(key, "p")
			return "p", version, key, ok && own
		}, "prefix cannot be told"},
		{"a reverse function of another layout", slashed, func(full string) (string, int, string, bool) { return "", 0, full, true }, "does not undo"},
		{"the key in front", func(prefix string, version int, key string) string { return key + slashed(prefix, version, "") }, all, "behind all"},
		{"a hash", func(prefix string, version int, key string) string {
			return slashed(prefix, version, string(rune('a'+len(key)%26)))
		}, all, "behind all"},
	} {
		t.Run(test.name, func(t *testing.T) {
			ctx := t.Context()
			s, c := newFake(t, xcache.WithPrefix("p"), xcache.WithKeyFunc(test.makeKey, test.reverse))
			require.NoError(t, s.store.Set(ctx, []driver.Entry{{Key: "of another service", TTL: driver.NoExpiry}, {Key: "px/1/k", TTL: driver.NoExpiry}}))
			s.reset()
			v := xcache.For[string](c)
			for _, name := range []string{"Keys", "DeletePattern", "Clear", "ClearAllVersions"} {
				err := operations[name](ctx, v)
				require.ErrorIs(t, err, errors.ErrUnsupported, name)
				require.ErrorContains(t, err, test.want, name)
			}
			require.Zero(t, s.total())
			require.NoError(t, v.Set(ctx, "k", "x"), "everything else works")
		})
	}
}

// Some reverse functions accept keys that the key function did not make. Such keys are not
// deleted.
func TestLoopsBelieveNoReverseFunction(t *testing.T) {
	ctx := t.Context()
	s, c := newFake(t, xcache.WithPrefix("p"), xcache.WithKeyFunc(slashed, func(full string) (string, int, string, bool) {
		if prefix, version, key, ok := unslashed(full); ok {
			return prefix, version, key, true
		}
		return "p", 1, full, true
	}))
	require.NoError(t, s.store.Set(ctx, []driver.Entry{{Key: "not ours", TTL: driver.NoExpiry}, {Key: "p/01/k", TTL: driver.NoExpiry}}))
	v := xcache.For[string](c)
	require.NoError(t, v.Set(ctx, "k", "x"))
	n, err := c.ClearAllVersions(ctx)
	require.NoError(t, err)
	require.Equal(t, 1, n)
	require.Equal(t, []string{"not ours", "p/01/k"}, s.stored(t))
}
