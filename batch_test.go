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

// wantFailed checks that a batch error lists exactly the failed keys.
func wantFailed(t *testing.T, err error, keys ...string) {
	t.Helper()
	batch, ok := errors.AsType[*xcache.BatchError](err)
	require.True(t, ok, "%v (%T) holds no BatchError", err, err)
	require.Equal(t, keys, batch.Keys(), "failed")
	_, ok = errors.AsType[*xcache.OpError](err)
	require.True(t, ok, "%v is no OpError", err)
	oneLine(t, err)
}

func TestBatchReadsGiveWhatTheyHaveAndListWhatFailed(t *testing.T) {
	ctx := t.Context()
	down := driver.Fail(driver.ErrUnavailable, driver.NotApplied, &clientError{1})
	s, c := newFake(t)
	v := xcache.For[string](c)
	require.NoError(t, v.SetMany(ctx, map[string]string{"a": "1", "b": "2", "down": "3"}))
	require.NoError(t, s.store.Set(ctx, []driver.Entry{{Key: ":1:corrupt", Value: []byte("\xff"), TTL: driver.NoExpiry}}))
	s.failing = map[string]error{":1:down": down}
	keys := []string{"a", "down", "none", "corrupt", "b", "a", "down"}

	found, err := v.GetMany(ctx, keys)
	wantFailed(t, err, "corrupt", "down")
	batch, _ := errors.AsType[*xcache.BatchError](err)
	require.ErrorIs(t, batch.Errs["down"], xcache.ErrUnavailable)
	require.ErrorIs(t, batch.Errs["corrupt"], xcache.ErrCorrupt)
	require.ErrorIs(t, err, xcache.ErrUnavailable)
	require.ErrorIs(t, err, xcache.ErrCorrupt)
	_, ok := errors.AsType[*clientError](err)
	require.True(t, ok, "the client's error is not reachable")
	require.Equal(t, []string{"a", "b"}, sortedKeys(found), "found")
	require.Equal(t, "1", found["a"], "found")
	require.Equal(t, "2", found["b"], "found")

	ttls, err := c.TTLMany(ctx, keys)
	wantFailed(t, err, "down")
	require.Equal(t, []string{"a", "b", "corrupt"}, sortedKeys(ttls), "found")
	require.Equal(t, xcache.NoExpiry, ttls["corrupt"], "found")
}

func TestSetManyListsWhatFailed(t *testing.T) {
	ctx := t.Context()
	full := driver.Fail(driver.ErrOutOfMemory, driver.NotApplied, &clientError{1})
	s, c := newFake(t)
	v := xcache.For[string](c)
	s.failing = map[string]error{":1:b": full, ":1:d": full}
	err := v.SetMany(ctx, map[string]string{"a": "1", "b": "2", "c": "3", "d": "4"})
	wantFailed(t, err, "b", "d")
	require.ErrorIs(t, err, xcache.ErrOutOfMemory)
	require.Equal(t, []string{":1:a", ":1:c"}, s.stored(t), "stored")
}

// An invalid value is found before any I/O.
func TestSetManyWithABadValueStoresNothing(t *testing.T) {
	s, c := newFake(t)
	err := xcache.For[any](c).SetMany(t.Context(), map[string]any{"a": 1, "b": make(chan int), "c": func() {}})
	wantFailed(t, err, "b", "c")
	require.Zero(t, s.total(), "calls of the store")
}

func TestBatchThatFailsAsAWhole(t *testing.T) {
	ctx := t.Context()
	s, c := newFake(t)
	v := xcache.For[string](c)
	s.before = func(context.Context, string, []string) error {
		return driver.Fail(driver.ErrUnavailable, driver.Unknown, &clientError{1})
	}
	found, err := v.GetMany(ctx, []string{"a"})
	require.ErrorIs(t, err, xcache.ErrUnavailable)
	require.Empty(t, found, "found")
	_, ok := errors.AsType[*xcache.BatchError](err)
	require.False(t, ok, "%v lists keys of which nothing is known", err)
	require.ErrorIs(t, v.SetMany(ctx, map[string]string{"a": "x"}), xcache.ErrUnknownOutcome)
	require.ErrorIs(t, second(v.TTLMany(ctx, []string{"a"})), xcache.ErrUnavailable)
	require.ErrorIs(t, second(v.Delete(ctx, "a", "b")), xcache.ErrUnknownOutcome)
}

func TestEmptyBatchDoesNoIO(t *testing.T) {
	ctx := t.Context()
	s, c := newFake(t)
	v := xcache.For[string](c)
	found, err := v.GetMany(ctx, nil)
	require.NotNil(t, found, "GetMany")
	require.Empty(t, found, "GetMany")
	require.NoError(t, err, "GetMany")
	ttls, err := v.TTLMany(ctx, []string{})
	require.NotNil(t, ttls, "TTLMany")
	require.Empty(t, ttls, "TTLMany")
	require.NoError(t, err, "TTLMany")
	require.NoError(t, v.SetMany(ctx, nil))
	require.NoError(t, v.SetMany(ctx, map[string]string{}, xcache.TTL(0)))
	n, err := v.Delete(ctx)
	require.NoError(t, err, "Delete")
	require.Zero(t, n, "Delete")
	require.NoError(t, c.Pipeline().Exec(ctx))
	require.NoError(t, c.Pipeline().ExecAtomic(ctx))
	p := c.Pipeline()
	deleted, many := p.Delete(), v.In(p).GetMany(nil)
	require.NoError(t, p.Exec(ctx))
	n, err = deleted.Value()
	require.NoError(t, err, "pipeline Delete")
	require.Zero(t, n, "pipeline Delete")
	found, err = many.Value()
	require.NotNil(t, found, "pipeline GetMany")
	require.Empty(t, found, "pipeline GetMany")
	require.NoError(t, err, "pipeline GetMany")
	require.Zero(t, s.total(), "calls of the store: %v", s.calls)
}

func TestBatchIsOneCallOfTheStore(t *testing.T) {
	ctx := t.Context()
	s, c := newFake(t)
	v := xcache.For[string](c)
	values := make(map[string]string)
	keys := manyKeys(500)
	for _, key := range keys {
		values[key] = strings.ToUpper(key)
	}
	require.NoError(t, v.SetMany(ctx, values))
	found, err := v.GetMany(ctx, append(keys, keys...))
	require.NoError(t, err)
	for key, want := range values {
		require.Equal(t, want, found[key])
	}
	require.NoError(t, second(v.TTLMany(ctx, keys)))
	n, err := v.Delete(ctx, append(keys, keys[0])...)
	require.NoError(t, err, "Delete")
	require.Equal(t, 500, n, "Delete")
	require.Equal(t, 4, s.total(), "the store got %v", s.calls)
}
