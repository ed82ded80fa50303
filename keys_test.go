package xcache_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
)

// allKeys returns the user keys that match a pattern, sorted.
func allKeys(tb testing.TB, c *xcache.Cache, pattern string) []string {
	tb.Helper()
	var keys []string
	for key, err := range c.Keys(tb.Context(), pattern) {
		if err != nil {
			tb.Fatal(err)
		}
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

func wantEqual[T comparable](tb testing.TB, what string, got, want []T) {
	tb.Helper()
	if !slices.Equal(got, want) {
		tb.Errorf("%s: %v, want %v", what, got, want)
	}
}

func TestKeyLayoutIsPrefixVersionKey(t *testing.T) {
	for _, test := range []struct {
		opts []xcache.Option
		key  string
		want string
	}{
		{nil, "foo", ":1:foo"},
		{[]xcache.Option{xcache.WithPrefix("app")}, "foo", "app:1:foo"},
		{[]xcache.Option{xcache.WithVersion(0)}, "foo", ":0:foo"},
		{[]xcache.Option{xcache.WithVersion(-12)}, "foo", ":-12:foo"},
		{[]xcache.Option{xcache.WithPrefix("app"), xcache.WithVersion(2)}, "a:b:c", "app:2:a:b:c"},
		{[]xcache.Option{xcache.WithPrefix("a:b"), xcache.WithColonPrefix()}, "foo", "a:b:1:foo"},
		{nil, "{tag}foo", ":1:{tag}foo"},
		{nil, " \x00\xff*", ":1: \x00\xff*"},
	} {
		s, c := newFake(t, test.opts...)
		must(t, xcache.For[string](c).Set(t.Context(), test.key, "x"))
		wantEqual(t, "stored", s.stored(t), []string{test.want})
		wantEqual(t, "Keys", allKeys(t, c, "*"), []string{test.key})
	}
}

// The keys of batches are made another way than those of single operations.
func TestBatchesUseTheSameKeys(t *testing.T) {
	ctx := t.Context()
	limits := func(caps *driver.Caps) { caps.Limits.KeyLength = 100 }
	reversed := xcache.WithKeyFunc(func(prefix string, version int, key string) string {
		return fmt.Sprintf("%s/%d/%s", prefix, version, key)
	}, nil)
	for name, test := range map[string]struct {
		caps func(*driver.Caps)
		opts []xcache.Option
	}{
		"plain":         {},
		"with limits":   {caps: limits},
		"with a layout": {opts: []xcache.Option{reversed}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newFakeStore(t)
			s.caps = test.caps
			v := xcache.For[string](newCache(t, s, append(test.opts, xcache.WithPrefix("p"), xcache.WithVersion(-3))...))
			for _, key := range []string{"a", "bb", "c:c"} {
				must(t, v.Set(ctx, key, key))
			}
			single := s.stored(t)
			found, err := v.GetMany(ctx, []string{"c:c", "a", "bb", "none"})
			must(t, err)
			wantEqual(t, "GetMany", sortedKeys(found), []string{"a", "bb", "c:c"})
			must(t, v.FlushDB(ctx))
			must(t, v.SetMany(ctx, found))
			wantEqual(t, "SetMany", s.stored(t), single)
			p := v.Pipeline()
			many := v.In(p).GetMany([]string{"a", "bb", "c:c"})
			must(t, p.Exec(ctx))
			got, err := many.Value()
			must(t, err)
			wantEqual(t, "pipeline", sortedKeys(got), []string{"a", "bb", "c:c"})
			if n, err := v.Delete(ctx, "a", "bb", "c:c"); n != 3 || err != nil {
				t.Errorf("Delete: %d, %v", n, err)
			}
		})
	}
}

// oddPrefixes mean something in a glob, or look like another one.
var oddPrefixes = []string{"", "*", "**", "?", "a", "aa", "[a-z]", "[^a]", `a\`, `\*`, `\`, "^", "-", "a-z", "]", "[", "é", "1", "a b", "{a}"}

func TestPrefixNeverReachesAnother(t *testing.T) {
	ctx := t.Context()
	s, c := newFake(t)
	views := make(map[string]*xcache.View[string])
	for _, prefix := range oddPrefixes {
		for _, version := range []int{1, 2, 11, -1} {
			views[fmt.Sprintf("%s %d", prefix, version)] = xcache.For[string](c.With(xcache.WithPrefix(prefix), xcache.WithVersion(version)))
		}
	}
	refill := func() {
		for name, v := range views {
			for _, key := range []string{"x", "y:1", "*", "1:x"} {
				must(t, v.Set(ctx, key, name))
			}
		}
	}
	refill()
	everything := s.stored(t)
	if len(everything) != 4*len(views) {
		t.Fatalf("%d keys of %d views: some views share keys", len(everything), len(views))
	}
	for name, v := range views {
		s.reset()
		wantEqual(t, name+": Keys", allKeys(t, v.Cache, "*"), []string{"*", "1:x", "x", "y:1"})
		wantEqual(t, name+": Keys of a pattern", allKeys(t, v.Cache, "[x-y]"), []string{"x"})
		wantEqual(t, name+": Keys of an escaped pattern", allKeys(t, v.Cache, `\*`), []string{"*"})

		// The server is asked for no more than that: others' keys cost nothing.
		asked := 0
		for _, err := range s.store.Scan(ctx, s.keys[0]) {
			must(t, err)
			asked++
		}
		if asked != 4 {
			t.Errorf("%s: pattern %q matches %d keys", name, s.keys[0], asked)
		}

		if n, err := v.DeletePattern(ctx, "?"); n != 2 || err != nil {
			t.Errorf("%s: DeletePattern: %d, %v", name, n, err)
		}
		if n, err := v.Clear(ctx); n != 2 || err != nil {
			t.Errorf("%s: Clear: %d, %v", name, n, err)
		}
		if n := len(s.stored(t)); n != len(everything)-4 {
			t.Errorf("%s: %d keys left of %d", name, n, len(everything))
		}
		if n, err := v.With(xcache.WithVersion(99)).ClearAllVersions(ctx); n != 12 || err != nil {
			t.Errorf("%s: ClearAllVersions: %d, %v", name, n, err)
		}
		if n := len(s.stored(t)); n != len(everything)-16 {
			t.Errorf("%s: %d keys left of %d after ClearAllVersions", name, n, len(everything))
		}
		refill()
	}
}

func TestClearAllVersionsLeavesWhatIsNoVersion(t *testing.T) {
	ctx := t.Context()
	s, c := newFake(t, xcache.WithPrefix("p"))
	foreign := []string{"p", "p:", "p:1", "p::a", "p:x:a", "p:01:a", "p:+1:a", "p:-0:a", "p:1.5:a", "p: 1:a", "p:99999999999999999999:a", "pp:1:a", ":1:a", "q:1:a"}
	ours := []string{"p:1:a", "p:1:", "p:0:a", "p:-7:a", "p:123456:a:b"}
	var entries []driver.Entry
	for _, key := range slices.Concat(foreign, ours) {
		entries = append(entries, driver.Entry{Key: key, TTL: driver.NoExpiry})
	}
	must(t, s.store.Set(ctx, entries))
	if n, err := c.ClearAllVersions(ctx); n != len(ours) || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	slices.Sort(foreign)
	wantEqual(t, "left", s.stored(t), foreign)
}

func TestKeysOfAKeyspaceLargerThanABatch(t *testing.T) {
	ctx := t.Context()
	s, c := newFake(t)
	v := xcache.For[int](c)
	values := make(map[string]int)
	for i := range 2500 {
		values[strconv.Itoa(i)] = i
	}
	must(t, v.SetMany(ctx, values))
	must(t, v.With(xcache.WithVersion(2)).Set(ctx, "other", 1))
	wantEqual(t, "Keys", allKeys(t, c, "*"), sortedKeys(values))
	s.reset()
	if n, err := c.Clear(ctx); n != len(values) || err != nil {
		t.Errorf("Clear: %d, %v", n, err)
	}
	if n := s.count("Delete"); n < 2 || n > 3 {
		t.Errorf("2500 keys were deleted in %d calls", n)
	}
	wantEqual(t, "left", s.stored(t), []string{":2:other"})
}

func TestKeysStopsWhenTheLoopDoes(t *testing.T) {
	s, c := newFake(t)
	v := xcache.For[int](c)
	for i := range 10 {
		must(t, v.Set(t.Context(), strconv.Itoa(i), i))
	}
	seen := 0
	for _, err := range c.Keys(t.Context(), "*") {
		must(t, err)
		if seen++; seen == 3 {
			break
		}
	}
	if seen != 3 {
		t.Errorf("the loop ran %d times", seen)
	}

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var last error
	seen = 0
	for _, err := range c.Keys(ctx, "*") {
		if last = err; err == nil {
			seen++
		}
		cancel()
	}
	wantIs(t, last, context.Canceled)
	if seen != 1 {
		t.Errorf("%d keys after the context ended", seen-1)
	}

	failed := errors.New("xcache: scan broke")
	s.before = func(context.Context, string, []string) error { return failed }
	for key, err := range c.Keys(t.Context(), "*") {
		wantIs(t, err, failed)
		oneLine(t, err)
		if key != "" {
			t.Errorf("key %q came with the error", key)
		}
	}
	n, err := c.Clear(t.Context())
	wantIs(t, err, failed)
	if n != 0 {
		t.Errorf("Clear counted %d", n)
	}
}

// A driver may yield a key twice, and look at its context late.
func TestKeysOfAnOddScan(t *testing.T) {
	s, c := newFake(t)
	s.oddScan = true
	v := xcache.For[int](c)
	for _, key := range []string{"a", "b", "c"} {
		must(t, v.Set(t.Context(), key, 1))
	}
	wantEqual(t, "Keys", allKeys(t, c, "*"), []string{"a", "b", "c"})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var last error
	seen := 0
	for _, err := range c.Keys(ctx, "*") {
		if last = err; err == nil {
			seen++
		}
		cancel()
	}
	wantIs(t, last, context.Canceled)
	if seen != 1 {
		t.Errorf("%d keys after the context ended", seen-1)
	}
	if n, err := c.Clear(t.Context()); n != 3 || err != nil {
		t.Errorf("Clear: %d, %v", n, err)
	}
}

func TestKeysMayBeUsedTwiceAndMeansThePresent(t *testing.T) {
	_, c := newFake(t)
	v := xcache.For[int](c)
	keys := c.Keys(t.Context(), "*")
	for i := range 3 {
		must(t, v.Set(t.Context(), strconv.Itoa(i), i))
		n := 0
		for _, err := range keys {
			must(t, err)
			n++
		}
		if n != i+1 {
			t.Errorf("%d keys, want %d", n, i+1)
		}
	}
}

// Other operations run inside a loop over the keys, deletes among them.
func TestOperationsInsideALoopOverKeys(t *testing.T) {
	_, c := newFake(t)
	v := xcache.For[int](c)
	for i := range 100 {
		must(t, v.Set(t.Context(), strconv.Itoa(i), i))
	}
	for key, err := range c.Keys(t.Context(), "*") {
		must(t, err)
		must(t, second(v.Get(t.Context(), key)))
		must(t, second(c.Delete(t.Context(), key)))
	}
	wantEqual(t, "left", allKeys(t, c, "*"), nil)
}

func TestClearCountsWhatItRemovedBeforeItFailed(t *testing.T) {
	s, c := newFake(t)
	v := xcache.For[int](c)
	values := make(map[string]int)
	for i := range 1500 {
		values[strconv.Itoa(i)] = i
	}
	must(t, v.SetMany(t.Context(), values))
	failed := errors.New("xcache: gone")
	deletes := 0
	s.before = func(_ context.Context, method string, _ []string) error {
		if method == "Delete" {
			if deletes++; deletes == 2 {
				return failed
			}
		}
		return nil
	}
	n, err := c.Clear(t.Context())
	wantIs(t, err, failed)
	if n != 1000 {
		t.Errorf("%d removed, want 1000", n)
	}
}

// slashed is a key layout of its own: prefix/version/key.
func slashed(prefix string, version int, key string) string {
	return prefix + "/" + strconv.Itoa(version) + "/" + key
}

func unslashed(full string) (prefix string, version int, key string, ok bool) {
	parts := strings.SplitN(full, "/", 3)
	if len(parts) != 3 {
		return "", 0, "", false
	}
	version, err := strconv.Atoi(parts[1])
	return parts[0], version, parts[2], err == nil
}

func TestOwnKeyLayout(t *testing.T) {
	ctx := t.Context()
	s, c := newFake(t, xcache.WithPrefix("*"), xcache.WithKeyFunc(slashed, unslashed))
	v := xcache.For[string](c)
	other := v.With(xcache.WithPrefix("p"))
	must(t, v.Set(ctx, "a/b", "x"))
	must(t, v.With(xcache.WithVersion(2)).Set(ctx, "a", "x"))
	must(t, other.Set(ctx, "a", "x"))
	must(t, s.store.Set(ctx, []driver.Entry{{Key: "not ours", TTL: driver.NoExpiry}}))
	wantEqual(t, "stored", s.stored(t), []string{"*/1/a/b", "*/2/a", "not ours", "p/1/a"})
	wantEqual(t, "Keys", allKeys(t, c, "*"), []string{"a/b"})
	if n, err := c.Clear(ctx); n != 1 || err != nil {
		t.Errorf("Clear: %d, %v", n, err)
	}
	if n, err := c.ClearAllVersions(ctx); n != 1 || err != nil {
		t.Errorf("ClearAllVersions: %d, %v", n, err)
	}
	wantEqual(t, "left", s.stored(t), []string{"not ours", "p/1/a"})
	if version, err := other.IncrVersion(ctx, "a", 4); version != 5 || err != nil {
		t.Errorf("IncrVersion: %d, %v", version, err)
	}
	wantEqual(t, "moved", s.stored(t), []string{"not ours", "p/5/a"})
}

func TestKeyLayoutWithoutReverseCannotList(t *testing.T) {
	s, c := newFake(t, xcache.WithKeyFunc(slashed, nil))
	v := xcache.For[string](c)
	fill(t, v)
	s.reset()
	for _, name := range []string{"Keys", "DeletePattern", "Clear", "ClearAllVersions"} {
		err := operations[name](t.Context(), v)
		wantIs(t, err, errors.ErrUnsupported)
		oneLine(t, err)
	}
	if n := s.total(); n != 0 {
		t.Errorf("the store got %d calls", n)
	}
}

func TestKeyFunctionThatMakesAnEmptyKeyIsRefused(t *testing.T) {
	s, c := newFake(t, xcache.WithKeyFunc(func(string, int, string) string { return "" }, nil))
	wantIs(t, xcache.For[string](c).Set(t.Context(), "a", "x"), xcache.ErrInvalidKey)
	if n := s.total(); n != 0 {
		t.Errorf("the store got %d calls", n)
	}
}

func TestVersionsMoveValues(t *testing.T) {
	ctx := t.Context()
	_, c := newFake(t)
	v := xcache.For[string](c)
	must(t, v.Set(ctx, "k", "x", xcache.TTL(xcache.NoExpiry)))
	for _, step := range []struct {
		move func(context.Context, string, int) (int, error)
		by   int
		want int
	}{
		{v.IncrVersion, 1, 2},
		{v.With(xcache.WithVersion(2)).DecrVersion, 5, -3},
		{v.With(xcache.WithVersion(-3)).IncrVersion, 3, 0},
		{v.With(xcache.WithVersion(0)).IncrVersion, -2, -2},
		{v.With(xcache.WithVersion(-2)).DecrVersion, -3, 1},
		{v.IncrVersion, 0, 1},
	} {
		got, err := step.move(ctx, "k", step.by)
		if err != nil || got != step.want {
			t.Fatalf("moved to %d, %v; want %d", got, err, step.want)
		}
		moved := v.With(xcache.WithVersion(got))
		if value, err := moved.Get(ctx, "k"); value != "x" || err != nil {
			t.Errorf("version %d: %q, %v", got, value, err)
		}
		if ttl, err := moved.TTL(ctx, "k"); ttl != xcache.NoExpiry || err != nil {
			t.Errorf("version %d: TTL %v, %v", got, ttl, err)
		}
	}
}
