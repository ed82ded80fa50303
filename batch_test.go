package xcache_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
)

// wantFailed checks that a batch error lists exactly the failed keys.
func wantFailed(t *testing.T, err error, keys ...string) {
	t.Helper()
	batch, ok := errors.AsType[*xcache.BatchError](err)
	if !ok {
		t.Fatalf("%v (%T) holds no BatchError", err, err)
	}
	wantEqual(t, "failed", batch.Keys(), keys)
	if _, ok := errors.AsType[*xcache.OpError](err); !ok {
		t.Errorf("%v is no OpError", err)
	}
	oneLine(t, err)
}

func TestBatchReadsGiveWhatTheyHaveAndListWhatFailed(t *testing.T) {
	ctx := t.Context()
	down := driver.Fail(driver.ErrUnavailable, driver.NotApplied, &clientError{1})
	s, c := newFake(t)
	v := xcache.For[string](c)
	must(t, v.SetMany(ctx, map[string]string{"a": "1", "b": "2", "down": "3"}))
	must(t, s.store.Set(ctx, []driver.Entry{{Key: ":1:corrupt", Value: []byte("\xff"), TTL: driver.NoExpiry}}))
	s.failing = map[string]error{":1:down": down}
	keys := []string{"a", "down", "none", "corrupt", "b", "a", "down"}

	found, err := v.GetMany(ctx, keys)
	wantFailed(t, err, "corrupt", "down")
	batch, _ := errors.AsType[*xcache.BatchError](err)
	wantIs(t, batch.Errs["down"], xcache.ErrUnavailable)
	wantIs(t, batch.Errs["corrupt"], xcache.ErrCorrupt)
	wantIs(t, err, xcache.ErrUnavailable)
	wantIs(t, err, xcache.ErrCorrupt)
	if _, ok := errors.AsType[*clientError](err); !ok {
		t.Error("the client's error is not reachable")
	}
	wantEqual(t, "found", sortedKeys(found), []string{"a", "b"})
	if found["a"] != "1" || found["b"] != "2" {
		t.Errorf("found %v", found)
	}

	ttls, err := c.TTLMany(ctx, keys)
	wantFailed(t, err, "down")
	wantEqual(t, "found", sortedKeys(ttls), []string{"a", "b", "corrupt"})
	if ttls["corrupt"] != xcache.NoExpiry {
		t.Errorf("found %v", ttls)
	}
}

func TestSetManyListsWhatFailed(t *testing.T) {
	ctx := t.Context()
	full := driver.Fail(driver.ErrOutOfMemory, driver.NotApplied, &clientError{1})
	s, c := newFake(t)
	v := xcache.For[string](c)
	s.failing = map[string]error{":1:b": full, ":1:d": full}
	err := v.SetMany(ctx, map[string]string{"a": "1", "b": "2", "c": "3", "d": "4"})
	wantFailed(t, err, "b", "d")
	wantIs(t, err, xcache.ErrOutOfMemory)
	wantEqual(t, "stored", s.stored(t), []string{":1:a", ":1:c"})
}

// A value that is bad in itself is found before any I/O.
func TestSetManyWithABadValueStoresNothing(t *testing.T) {
	s, c := newFake(t)
	err := xcache.For[any](c).SetMany(t.Context(), map[string]any{"a": 1, "b": make(chan int), "c": func() {}})
	wantFailed(t, err, "b", "c")
	if n := s.total(); n != 0 {
		t.Errorf("the store got %d calls", n)
	}
}

func TestBatchThatFailsAsAWhole(t *testing.T) {
	ctx := t.Context()
	s, c := newFake(t)
	v := xcache.For[string](c)
	s.before = func(context.Context, string, []string) error {
		return driver.Fail(driver.ErrUnavailable, driver.Unknown, &clientError{1})
	}
	found, err := v.GetMany(ctx, []string{"a"})
	wantIs(t, err, xcache.ErrUnavailable)
	if len(found) != 0 {
		t.Errorf("found %v", found)
	}
	if _, ok := errors.AsType[*xcache.BatchError](err); ok {
		t.Errorf("%v lists keys of which nothing is known", err)
	}
	wantIs(t, v.SetMany(ctx, map[string]string{"a": "x"}), xcache.ErrUnknownOutcome)
	wantIs(t, second(v.TTLMany(ctx, []string{"a"})), xcache.ErrUnavailable)
	wantIs(t, second(v.Delete(ctx, "a", "b")), xcache.ErrUnknownOutcome)
}

func TestEmptyBatchDoesNoIO(t *testing.T) {
	ctx := t.Context()
	s, c := newFake(t)
	v := xcache.For[string](c)
	if found, err := v.GetMany(ctx, nil); found == nil || len(found) != 0 || err != nil {
		t.Errorf("GetMany: %v, %v", found, err)
	}
	if ttls, err := v.TTLMany(ctx, []string{}); ttls == nil || len(ttls) != 0 || err != nil {
		t.Errorf("TTLMany: %v, %v", ttls, err)
	}
	must(t, v.SetMany(ctx, nil))
	must(t, v.SetMany(ctx, map[string]string{}, xcache.TTL(0)))
	if n, err := v.Delete(ctx); n != 0 || err != nil {
		t.Errorf("Delete: %d, %v", n, err)
	}
	must(t, c.Pipeline().Exec(ctx))
	must(t, c.Pipeline().ExecAtomic(ctx))
	p := c.Pipeline()
	deleted, found := p.Delete(), v.In(p).GetMany(nil)
	must(t, p.Exec(ctx))
	if n, err := deleted.Value(); n != 0 || err != nil {
		t.Errorf("pipeline Delete: %d, %v", n, err)
	}
	if found, err := found.Value(); found == nil || len(found) != 0 || err != nil {
		t.Errorf("pipeline GetMany: %v, %v", found, err)
	}
	if n := s.total(); n != 0 {
		t.Errorf("the store got %d calls: %v", n, s.calls)
	}
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
	must(t, v.SetMany(ctx, values))
	found, err := v.GetMany(ctx, append(keys, keys...))
	must(t, err)
	for key, want := range values {
		if found[key] != want {
			t.Fatalf("%s is %q, want %q", key, found[key], want)
		}
	}
	must(t, second(v.TTLMany(ctx, keys)))
	if n, err := v.Delete(ctx, append(keys, keys[0])...); n != 500 || err != nil {
		t.Errorf("Delete: %d, %v", n, err)
	}
	if s.total() != 4 {
		t.Errorf("the store got %v", s.calls)
	}
}
