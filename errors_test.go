package xcache_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/codec"
	"github.com/xcache-go/xcache/driver"
)

// A clientError stands for the error type of a client library.
type clientError struct{ code int }

func (e *clientError) Error() string { return fmt.Sprintf("client error %d", e.code) }

func TestOpErrorSaysWhereAndWhat(t *testing.T) {
	refused := driver.Fail(driver.ErrUnavailable, driver.Unknown, &clientError{7})
	long := strings.Repeat("k", 100)
	for _, test := range []struct {
		name string
		err  error
		want string
	}{
		{
			"all fields",
			&xcache.OpError{Driver: "redis", Op: "get", Key: "user:42", Err: refused},
			`xcache: redis get "user:42": server unavailable: client error 7 (outcome unknown)`,
		},
		{"no driver and no key", &xcache.OpError{Op: "get many", Err: driver.ErrClosed}, "xcache: get many: cache is closed"},
		{"unprintable key", &xcache.OpError{Op: "get", Key: "a\n\"b\x00", Err: driver.ErrAuth}, `xcache: get "a\n\"b\x00": not authenticated or not permitted`},
		{"long key", &xcache.OpError{Op: "get", Key: long, Err: driver.ErrAuth}, `xcache: get "` + long[:64] + `"…: not authenticated or not permitted`},
		{
			"one key of a batch",
			&xcache.OpError{Driver: "redis", Op: "get many", Err: &xcache.BatchError{Errs: map[string]error{"a": refused}}},
			`xcache: redis get many: 1 key failed: "a": server unavailable: client error 7 (outcome unknown)`,
		},
		{
			"many keys of a batch",
			&xcache.BatchError{Errs: map[string]error{"d": refused, "b": driver.ErrAuth, "a": driver.ErrAuth, "c": driver.ErrAuth}},
			`xcache: 4 keys failed: "a": not authenticated or not permitted, "b": not authenticated or not permitted, "c": not authenticated or not permitted, …`,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			require.Equal(t, test.want, test.err.Error())
		})
	}
}

func TestErrorsMatchThroughEverything(t *testing.T) {
	cause := &clientError{7}
	failed := driver.Fail(driver.ErrUnavailable, driver.Unknown, cause)
	eachOperation(t, func(t *testing.T, s *fakeStore, v *xcache.View[string], run func(context.Context, *xcache.View[string]) error) {
		s.before = func(context.Context, string, []string) error { return failed }
		err := run(t.Context(), v)
		require.ErrorIs(t, err, xcache.ErrUnavailable)
		require.ErrorIs(t, err, xcache.ErrUnknownOutcome)
		client, ok := errors.AsType[*clientError](err)
		require.True(t, ok, "the client's error is not reachable in %v", err)
		require.Same(t, cause, client)
		e, ok := err.(*xcache.OpError) //nolint:errorlint // an OpError must be the outermost error
		require.True(t, ok, "%T, want *OpError", err)
		require.NotEmpty(t, e.Op, "Op")
		require.Equal(t, e.Op, strings.ToLower(e.Op), "Op")
		oneLine(t, err)
	})
}

// oneLine checks the rules for the text of every error.
func oneLine(tb testing.TB, err error) {
	tb.Helper()
	text := err.Error()
	require.NotContains(tb, text, "\n", "the error has several lines")
	require.True(tb, strings.HasPrefix(text, "xcache: "), "want one xcache: prefix in %q", text)
	require.Equal(tb, 1, strings.Count(text, "xcache: "))
}

func TestOpErrorNamesDriverAndMethod(t *testing.T) {
	c, err := xcache.OpenDSN("memory://")
	require.NoError(t, err)
	defer c.Close()
	_, err = c.Incr(t.Context(), "", 1)
	e, ok := errors.AsType[*xcache.OpError](err)
	require.True(t, ok)
	require.Equal(t, "memory", e.Driver)
	require.Equal(t, "incr", e.Op)
	require.Empty(t, e.Key)
	require.NoError(t, xcache.For[string](c).Set(t.Context(), "text", "hello"))
	_, err = c.Incr(t.Context(), "text", 1)
	require.ErrorIs(t, err, xcache.ErrWrongType)
	e, ok = errors.AsType[*xcache.OpError](err)
	require.True(t, ok)
	require.Equal(t, "memory", e.Driver)
	require.Equal(t, "incr", e.Op)
	require.Equal(t, "text", e.Key)
}

// badInputs are calls with invalid arguments.
var badInputs = map[string]struct {
	run  func(ctx context.Context, v *xcache.View[string]) error
	want error
}{
	"empty key": {func(ctx context.Context, v *xcache.View[string]) error { return second(v.Get(ctx, "")) }, xcache.ErrInvalidKey},
	"empty key of many": {func(ctx context.Context, v *xcache.View[string]) error {
		return second(v.GetMany(ctx, []string{"a", ""}))
	}, xcache.ErrInvalidKey},
	"empty key to delete": {func(ctx context.Context, v *xcache.View[string]) error {
		return second(v.Delete(ctx, "a", ""))
	}, xcache.ErrInvalidKey},
	"empty key to store": {func(ctx context.Context, v *xcache.View[string]) error {
		return v.SetMany(ctx, map[string]string{"": "x"})
	}, xcache.ErrInvalidKey},
	"empty new key": {func(ctx context.Context, v *xcache.View[string]) error { return v.Rename(ctx, "a", "") }, xcache.ErrInvalidKey},
	"empty key in GetOrSet": {func(ctx context.Context, v *xcache.View[string]) error {
		return second(v.GetOrSet(ctx, "", func(context.Context) (string, error) { panic("the loader ran") }))
	}, xcache.ErrInvalidKey},
	"key too long": {func(ctx context.Context, v *xcache.View[string]) error {
		return v.Set(ctx, strings.Repeat("k", 250), "x")
	}, xcache.ErrInvalidKey},
	"one of many keys too long": {func(ctx context.Context, v *xcache.View[string]) error {
		return second(v.TTLMany(ctx, []string{"a", strings.Repeat("k", 250)}))
	}, xcache.ErrInvalidKey},
	"key with a character that the driver lacks": {func(ctx context.Context, v *xcache.View[string]) error {
		return second(v.Has(ctx, "a b"))
	}, xcache.ErrInvalidKey},
	"value too large": {func(ctx context.Context, v *xcache.View[string]) error {
		return v.Set(ctx, "a", strings.Repeat("v", 1000))
	}, xcache.ErrTooLarge},
	"one of many values too large": {func(ctx context.Context, v *xcache.View[string]) error {
		return v.SetMany(ctx, map[string]string{"a": strings.Repeat("v", 1000), "b": "x"})
	}, xcache.ErrTooLarge},
	"value to compare too large": {func(ctx context.Context, v *xcache.View[string]) error {
		return second(v.CompareAndDelete(ctx, "a", strings.Repeat("v", 1000)))
	}, xcache.ErrTooLarge},
	"smallest integer to subtract": {func(ctx context.Context, v *xcache.View[string]) error {
		return second(v.Decr(ctx, "a", -1<<63))
	}, xcache.ErrOverflow},
	"version out of range": {func(ctx context.Context, v *xcache.View[string]) error {
		return second(v.IncrVersion(ctx, "a", math.MaxInt))
	}, xcache.ErrOverflow},
	"version out of range below": {func(ctx context.Context, v *xcache.View[string]) error {
		return second(v.With(xcache.WithVersion(-5)).DecrVersion(ctx, "a", math.MaxInt))
	}, xcache.ErrOverflow},
	"pipeline with an empty key": {func(ctx context.Context, v *xcache.View[string]) error {
		p := v.Pipeline()
		v.In(p).Get("")
		return p.Exec(ctx)
	}, xcache.ErrInvalidKey},
}

func TestBadInputIsRefusedBeforeIO(t *testing.T) {
	for _, name := range slices.Sorted(maps.Keys(badInputs)) {
		test := badInputs[name]
		t.Run(name, func(t *testing.T) {
			s := newFakeStore(t)
			s.caps = func(caps *driver.Caps) {
				caps.Limits.KeyLength = 200
				caps.Limits.ValueSize = 500
				caps.Limits.ValidKey = func(key string) bool { return !strings.Contains(key, " ") }
			}
			err := test.run(t.Context(), xcache.For[string](newCache(t, s)))
			require.ErrorIs(t, err, test.want)
			oneLine(t, err)
			require.Zero(t, s.total(), "calls of the store")
		})
	}
}

func TestMissIsBare(t *testing.T) {
	// A driver may wrap its misses; the cache returns bare misses.
	s, c := newFake(t)
	v := xcache.For[string](c)
	ctx := t.Context()
	wrapped := &driver.Error{Kind: driver.ErrNotFound, Err: &clientError{1}}
	s.failing = map[string]error{":1:wrapped": wrapped}
	for name, miss := range map[string]func() error{
		"Get":         func() error { return second(v.Get(ctx, "none")) },
		"Get wrapped": func() error { return second(v.Get(ctx, "wrapped")) },
		"Swap":        func() error { return second(v.Swap(ctx, "swapped", "x")) },
		"TTL":         func() error { return second(v.TTL(ctx, "absent")) },
		"TTL wrapped": func() error { return second(v.TTL(ctx, "wrapped")) },
		"Type":        func() error { return second(v.Type(ctx, "absent")) },
		"Incr":        func() error { return second(v.Incr(ctx, "absent", 1)) },
		"Decr":        func() error { return second(v.Decr(ctx, "absent", 1)) },
		"Rename":      func() error { return v.Rename(ctx, "absent", "b") },
		"RenameNX":    func() error { return second(v.RenameNX(ctx, "absent", "b")) },
		"IncrVersion": func() error { return second(v.IncrVersion(ctx, "absent", 1)) },
		"DecrVersion": func() error { return second(v.DecrVersion(ctx, "absent", 1)) },
	} {
		require.Same(t, xcache.ErrNotFound, miss(), "%s: ( )", name)
	}
}

func TestSentinelsOfTheCacheAreThoseOfTheDriverAndTheCodec(t *testing.T) {
	for _, pair := range [][2]error{
		{xcache.ErrNotFound, driver.ErrNotFound},
		{xcache.ErrNotStored, driver.ErrNotStored},
		{xcache.ErrWrongType, driver.ErrWrongType},
		{xcache.ErrOverflow, driver.ErrOverflow},
		{xcache.ErrClosed, driver.ErrClosed},
		{xcache.ErrUnavailable, driver.ErrUnavailable},
		{xcache.ErrReadOnly, driver.ErrReadOnly},
		{xcache.ErrOutOfMemory, driver.ErrOutOfMemory},
		{xcache.ErrAuth, driver.ErrAuth},
		{xcache.ErrInvalidKey, driver.ErrInvalidKey},
		{xcache.ErrTooLarge, driver.ErrTooLarge},
		{xcache.ErrCrossSlot, driver.ErrCrossSlot},
		{xcache.ErrSyntax, driver.ErrSyntax},
		{xcache.ErrConflict, driver.ErrConflict},
		{xcache.ErrUnknownOutcome, driver.ErrUnknownOutcome},
		{xcache.ErrCorrupt, codec.ErrCorrupt},
	} {
		require.ErrorIs(t, pair[0], pair[1])
	}
}

func TestStoreWithoutFeatureIsUnsupported(t *testing.T) {
	base := map[string]bool{"Add": true, "Delete": true, "Get": true, "GetMany": true, "GetOr": true, "GetOrSet": true, "GetOrSetMany": true, "Has": true, "Invalidate": true, "Pipeline.Exec": true, "Replace": true, "Set": true, "SetMany": true}
	for _, name := range sortedKeys(operations) {
		t.Run(name, func(t *testing.T) {
			s := newFakeStore(t)
			s.caps = func(caps *driver.Caps) { *caps = driver.Caps{} }
			v := xcache.For[string](newCache(t, s))
			require.NoError(t, v.Set(t.Context(), "text", "hello"))
			s.reset()
			err := operations[name](t.Context(), v)
			if base[name] {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, errors.ErrUnsupported)
			oneLine(t, err)
			require.Zero(t, s.total(), "calls of the store")
		})
	}
}

func TestHasWithoutExpirerSeesKeysOfAnyType(t *testing.T) {
	s := newFakeStore(t)
	s.caps = func(caps *driver.Caps) { caps.Expirer = nil }
	c := newCache(t, s)
	require.NoError(t, s.store.Do(t.Context(), []*driver.Cmd{driver.NewCmd("RPUSH", driver.Key(":1:list"), driver.Val([]byte("x")))}, driver.Plain))
	for key, want := range map[string]bool{"list": true, "none": false} {
		got, err := c.Has(t.Context(), key)
		require.NoError(t, err, "Has(%s)", key)
		require.Equal(t, want, got, "Has(%s)", key)
	}
}

// manyErrors is an error that cannot be compared.
type manyErrors []error

func (manyErrors) Error() string { return "some fields are invalid" }

func TestWatchReturnsErrorsThatCannotBeCompared(t *testing.T) {
	one, _, _ := twoCaches(t)
	err := one.Watch(t.Context(), func(context.Context, *xcache.Tx) error { return manyErrors{errors.New("a field")} }, "k")
	require.IsType(t, manyErrors{}, err)
}
