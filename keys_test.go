package xcache_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
)

// allKeys returns the user keys that match a pattern, sorted.
func allKeys(tb testing.TB, c *xcache.Cache, pattern string) []string {
	tb.Helper()
	var keys []string
	for key, err := range c.Keys(tb.Context(), pattern) {
		require.NoError(tb, err)
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
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
		require.NoError(t, xcache.For[string](c).Set(t.Context(), test.key, "x"))
		require.Equal(t, []string{test.want}, s.stored(t), "stored")
		require.Equal(t, []string{test.key}, allKeys(t, c, "*"), "Keys")
	}
}

// Batches make their keys in another way than single operations do.
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
				require.NoError(t, v.Set(ctx, key, key))
			}
			single := s.stored(t)
			found, err := v.GetMany(ctx, []string{"c:c", "a", "bb", "none"})
			require.NoError(t, err)
			require.Equal(t, []string{"a", "bb", "c:c"}, sortedKeys(found), "GetMany")
			require.NoError(t, v.FlushDB(ctx))
			require.NoError(t, v.SetMany(ctx, found))
			require.Equal(t, single, s.stored(t), "SetMany")
			p := v.Pipeline()
			many := v.In(p).GetMany([]string{"a", "bb", "c:c"})
			require.NoError(t, p.Exec(ctx))
			got, err := many.Value()
			require.NoError(t, err)
			require.Equal(t, []string{"a", "bb", "c:c"}, sortedKeys(got), "pipeline")
			n, err := v.Delete(ctx, "a", "bb", "c:c")
			require.NoError(t, err, "Delete")
			require.Equal(t, 3, n, "Delete")
		})
	}
}

// oddPrefixes have a meaning in a glob, or look like another prefix.
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
				require.NoError(t, v.Set(ctx, key, name))
			}
		}
	}
	refill()
	everything := s.stored(t)
	require.Len(t, everything, 4*len(views), "some views share keys")
	for name, v := range views {
		s.reset()
		require.Equal(t, []string{"*", "1:x", "x", "y:1"}, allKeys(t, v.Cache, "*"), name+": Keys")
		require.Equal(t, []string{"x"}, allKeys(t, v.Cache, "[x-y]"), name+": Keys of a pattern")
		require.Equal(t, []string{"*"}, allKeys(t, v.Cache, `\*`), name+": Keys of an escaped pattern")

		// The server is asked for no more keys, so the keys of others cost nothing.
		asked := 0
		for _, err := range s.store.Scan(ctx, s.keys[0]) {
			require.NoError(t, err)
			asked++
		}
		require.Equal(t, 4, asked, "%s: pattern %q matches keys", name, s.keys[0])

		n, err := v.DeletePattern(ctx, "?")
		require.NoError(t, err, "%s: DeletePattern", name)
		require.Equal(t, 2, n, "%s: DeletePattern", name)
		n, err = v.Clear(ctx)
		require.NoError(t, err, "%s: Clear", name)
		require.Equal(t, 2, n, "%s: Clear", name)
		require.Len(t, s.stored(t), len(everything)-4, "%s: keys left", name)
		n, err = v.With(xcache.WithVersion(99)).ClearAllVersions(ctx)
		require.NoError(t, err, "%s: ClearAllVersions", name)
		require.Equal(t, 12, n, "%s: ClearAllVersions", name)
		require.Len(t, s.stored(t), len(everything)-16, "%s: keys left after ClearAllVersions", name)
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
	require.NoError(t, s.store.Set(ctx, entries))
	n, err := c.ClearAllVersions(ctx)
	require.NoError(t, err)
	require.Equal(t, len(ours), n)
	slices.Sort(foreign)
	require.Equal(t, foreign, s.stored(t), "left")
}

func TestKeysOfAKeyspaceLargerThanABatch(t *testing.T) {
	ctx := t.Context()
	s, c := newFake(t)
	v := xcache.For[int](c)
	values := make(map[string]int)
	for i := range 2500 {
		values[strconv.Itoa(i)] = i
	}
	require.NoError(t, v.SetMany(ctx, values))
	require.NoError(t, v.With(xcache.WithVersion(2)).Set(ctx, "other", 1))
	require.Equal(t, sortedKeys(values), allKeys(t, c, "*"), "Keys")
	s.reset()
	n, err := c.Clear(ctx)
	require.NoError(t, err, "Clear")
	require.Equal(t, len(values), n, "Clear")
	n = s.count("Delete")
	require.GreaterOrEqual(t, n, 2, "calls that delete 2500 keys")
	require.LessOrEqual(t, n, 3, "calls that delete 2500 keys")
	require.Equal(t, []string{":2:other"}, s.stored(t), "left")
}

func TestKeysStopsWhenTheLoopDoes(t *testing.T) {
	s, c := newFake(t)
	v := xcache.For[int](c)
	for i := range 10 {
		require.NoError(t, v.Set(t.Context(), strconv.Itoa(i), i))
	}
	seen := 0
	for _, err := range c.Keys(t.Context(), "*") {
		require.NoError(t, err)
		if seen++; seen == 3 {
			break
		}
	}
	require.Equal(t, 3, seen, "runs of the loop")

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
	require.ErrorIs(t, last, context.Canceled)
	require.Equal(t, 1, seen, "%d keys after the context ended", seen-1)

	failed := errors.New("xcache: scan broke")
	s.before = func(context.Context, string, []string) error { return failed }
	for key, err := range c.Keys(t.Context(), "*") {
		require.ErrorIs(t, err, failed)
		oneLine(t, err)
		require.Empty(t, key, "key came with the error")
	}
	n, err := c.Clear(t.Context())
	require.ErrorIs(t, err, failed)
	require.Zero(t, n, "count of Clear")
}

// A driver may yield a key twice, and check its context late.
func TestKeysOfAnOddScan(t *testing.T) {
	s, c := newFake(t)
	s.oddScan = true
	v := xcache.For[int](c)
	for _, key := range []string{"a", "b", "c"} {
		require.NoError(t, v.Set(t.Context(), key, 1))
	}
	require.Equal(t, []string{"a", "b", "c"}, allKeys(t, c, "*"), "Keys")
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
	require.ErrorIs(t, last, context.Canceled)
	require.Equal(t, 1, seen, "%d keys after the context ended", seen-1)
	n, err := c.Clear(t.Context())
	require.NoError(t, err, "Clear")
	require.Equal(t, 3, n, "Clear")
}

func TestKeysMayBeUsedTwiceAndMeansThePresent(t *testing.T) {
	_, c := newFake(t)
	v := xcache.For[int](c)
	keys := c.Keys(t.Context(), "*")
	for i := range 3 {
		require.NoError(t, v.Set(t.Context(), strconv.Itoa(i), i))
		n := 0
		for _, err := range keys {
			require.NoError(t, err)
			n++
		}
		require.Equal(t, i+1, n, "keys")
	}
}

// Other operations, such as deletes, run inside a loop over the keys.
func TestOperationsInsideALoopOverKeys(t *testing.T) {
	_, c := newFake(t)
	v := xcache.For[int](c)
	for i := range 100 {
		require.NoError(t, v.Set(t.Context(), strconv.Itoa(i), i))
	}
	for key, err := range c.Keys(t.Context(), "*") {
		require.NoError(t, err)
		require.NoError(t, second(v.Get(t.Context(), key)))
		require.NoError(t, second(c.Delete(t.Context(), key)))
	}
	require.Empty(t, allKeys(t, c, "*"), "left")
}

func TestClearCountsWhatItRemovedBeforeItFailed(t *testing.T) {
	s, c := newFake(t)
	v := xcache.For[int](c)
	values := make(map[string]int)
	for i := range 1500 {
		values[strconv.Itoa(i)] = i
	}
	require.NoError(t, v.SetMany(t.Context(), values))
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
	require.ErrorIs(t, err, failed)
	require.Equal(t, 1000, n, "removed")
}

// slashed is another key layout: prefix/version/key.
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
	require.NoError(t, v.Set(ctx, "a/b", "x"))
	require.NoError(t, v.With(xcache.WithVersion(2)).Set(ctx, "a", "x"))
	require.NoError(t, other.Set(ctx, "a", "x"))
	require.NoError(t, s.store.Set(ctx, []driver.Entry{{Key: "not ours", TTL: driver.NoExpiry}}))
	require.Equal(t, []string{"*/1/a/b", "*/2/a", "not ours", "p/1/a"}, s.stored(t), "stored")
	require.Equal(t, []string{"a/b"}, allKeys(t, c, "*"), "Keys")
	n, err := c.Clear(ctx)
	require.NoError(t, err, "Clear")
	require.Equal(t, 1, n, "Clear")
	n, err = c.ClearAllVersions(ctx)
	require.NoError(t, err, "ClearAllVersions")
	require.Equal(t, 1, n, "ClearAllVersions")
	require.Equal(t, []string{"not ours", "p/1/a"}, s.stored(t), "left")
	version, err := other.IncrVersion(ctx, "a", 4)
	require.NoError(t, err, "IncrVersion")
	require.Equal(t, 5, version, "IncrVersion")
	require.Equal(t, []string{"not ours", "p/5/a"}, s.stored(t), "moved")
}

func TestKeyLayoutWithoutReverseCannotList(t *testing.T) {
	s, c := newFake(t, xcache.WithKeyFunc(slashed, nil))
	v := xcache.For[string](c)
	fill(t, v)
	s.reset()
	for _, name := range []string{"Keys", "DeletePattern", "Clear", "ClearAllVersions"} {
		err := operations[name](t.Context(), v)
		require.ErrorIs(t, err, errors.ErrUnsupported)
		oneLine(t, err)
	}
	require.Zero(t, s.total(), "calls of the store")
}

func TestKeyFunctionThatMakesAnEmptyKeyIsRefused(t *testing.T) {
	s, c := newFake(t, xcache.WithKeyFunc(func(string, int, string) string { return "" }, nil))
	require.ErrorIs(t, xcache.For[string](c).Set(t.Context(), "a", "x"), xcache.ErrInvalidKey)
	require.Zero(t, s.total(), "calls of the store")
}

func TestVersionsMoveValues(t *testing.T) {
	ctx := t.Context()
	_, c := newFake(t)
	v := xcache.For[string](c)
	require.NoError(t, v.Set(ctx, "k", "x", xcache.TTL(xcache.NoExpiry)))
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
		require.NoError(t, err)
		require.Equal(t, step.want, got, "the moved version")
		moved := v.With(xcache.WithVersion(got))
		value, err := moved.Get(ctx, "k")
		require.NoError(t, err, "version %d", got)
		require.Equal(t, "x", value, "version %d", got)
		ttl, err := moved.TTL(ctx, "k")
		require.NoError(t, err, "version %d: TTL", got)
		require.Equal(t, xcache.NoExpiry, ttl, "version %d: TTL", got)
	}
}

// A layout of the program without the function for the other direction works for all that needs no
// user's key of a full key, but of those that the operation has itself.
func TestALayoutWithoutReverseReadsAndSubscribes(t *testing.T) {
	one, _, _ := twoCaches(t)
	c := one.With(xcache.WithKeyFunc(func(prefix string, version int, key string) string {
		return fmt.Sprintf("%s/%d/%s", prefix, version, key)
	}, nil))
	push := xcache.NewOp(c, "lpush", "LPUSH", "l")
	xcache.AddValue(push, "x")
	_, err := xcache.Run(t.Context(), push, func(o *xcache.Op) (string, error) {
		key, ok := o.UserKey("/1/l")
		require.True(t, ok)
		require.Equal(t, "l", key)
		key, ok = o.UserKey("/1/other")
		require.False(t, ok)
		return key, nil
	})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	err = c.Subscribe(ctx, driver.Channels, []string{"news"}, func(ctx context.Context, d *xcache.Delivery) {
		if d.Event == driver.Published {
			assert.Equal(t, "news", d.Channel)
			cancel()
			return
		}
		publish := xcache.NewOp(c, "publish", "PUBLISH", "news")
		xcache.AddValue(publish, "x")
		_, err := xcache.Run(ctx, publish, func(*xcache.Op) (int, error) { return 0, nil })
		assert.NoError(t, err)
	})
	require.ErrorIs(t, err, context.Canceled)
}

// A function of the program may panic during Clear, and later calls go on.
func TestAKeyFunctionThatPanicsLocksNothing(t *testing.T) {
	one, _, _ := twoCaches(t)
	c := one.With(xcache.WithKeyFunc(
		func(prefix string, version int, key string) string {
			return fmt.Sprintf("%s/%d/%s", prefix, version, key)
		},
		func(full string) (string, int, string, bool) {
			parts := strings.SplitN(full, "/", 3)
			var version int
			_, _ = fmt.Sscan(parts[1], &version) // panics for a key of another layout
			return parts[0], version, parts[2], true
		}))
	loading, release := make(chan struct{}), make(chan struct{})
	var load sync.WaitGroup
	load.Go(func() {
		_, _ = xcache.For[string](one).GetOrSet(t.Context(), "k", func(context.Context) (string, error) {
			close(loading)
			<-release
			return "v", nil
		})
	})
	<-loading
	require.Panics(t, func() { _, _ = c.Clear(t.Context()) })
	_, err := one.Delete(t.Context(), "elsewhere")
	require.NoError(t, err)
	close(release)
	load.Wait()
}

func TestTagsOfWhatGetsNoneAreRefused(t *testing.T) {
	ctx := t.Context()
	s, c := newFake(t, tagged(t))
	p := c.Pipeline()
	touched, counted := p.Touch("k", xcache.Tags("t")), p.IncrInit("n", 1, 0, xcache.TTL(time.Hour), xcache.Tags("t"))
	require.Error(t, p.Exec(ctx))
	for name, err := range map[string]error{
		"Touch": second(c.Touch(ctx, "k", xcache.Tags("t"))), "Touch in a pipeline": touched.Err(),
		"IncrInit": second(c.IncrInit(ctx, "n", 1, 0, xcache.TTL(time.Hour), xcache.Tags("t"))), "IncrInit in a pipeline": counted.Err(),
	} {
		require.ErrorContains(t, err, "take no Tags", name)
	}
	require.Zero(t, s.total())
}
