package djangotest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache"
	_ "github.com/xcache-go/xcache/codec/lz4"
	_ "github.com/xcache-go/xcache/codec/msgpack"
	_ "github.com/xcache-go/xcache/codec/pickle"
	_ "github.com/xcache-go/xcache/codec/xz"
	_ "github.com/xcache-go/xcache/codec/zstd"
	_ "github.com/xcache-go/xcache/drivers/redis"
	"github.com/xcache-go/xcache/internal/servertest"
	"github.com/xcache-go/xcache/internal/servertest/release"
)

// A site is Django and a server.
type site struct {
	t      *testing.T
	server *servertest.Server
	python *python
}

// open starts a server and Django. Without Django the test is skipped, except in
// CI, where a green run means that it ran.
func open(t *testing.T) *site {
	t.Helper()
	server := servertest.Redis(t)
	p, err := start(filepath.Join("testdata", "evaluate.py"), server.Addr)
	if err != nil {
		const advice = `get Django with "make servers", which installs nothing`
		if errors.Is(err, release.ErrNotFound) && os.Getenv("CI") == "" {
			t.Skipf("djangotest: no Django: %v; %s", err, advice)
		}
		require.NoError(t, err, "no Django: %s", advice)
	}
	t.Cleanup(func() {
		require.NoError(t, p.stop())
	})
	return &site{t, server, p}
}

// cache opens a cache on the server. No test measures its time-outs.
func (s *site) cache(parameters string) *xcache.Cache {
	s.t.Helper()
	c, err := xcache.OpenDSN("redis://" + s.server.Addr + "?op_timeout=30s&dial_timeout=30s&" + parameters)
	require.NoError(s.t, err)
	s.t.Cleanup(func() {
		require.NoError(s.t, c.Close())
	})
	return c
}

// python checks what an expression is in Python.
func (s *site) want(t *testing.T, expression, want string) {
	t.Helper()
	got, err := s.python.eval(expression)
	require.NoError(t, err, "Python: %s", expression)
	require.Equal(t, want, got, "Python: %s", expression)
}

// wantGet checks what a key is in Go.
func wantGet(t *testing.T, c *xcache.Cache, key string, want any) {
	t.Helper()
	got, err := xcache.For[any](c).Get(t.Context(), key)
	require.NoError(t, err, "Go: %s", key)
	require.Equal(t, want, got, "Go: %s", key)
}

var at = time.Date(2026, 2, 28, 23, 59, 58, 123456000, time.UTC)

const atInPython = "datetime.datetime(2026, 2, 28, 23, 59, 58, 123456, tzinfo=datetime.timezone.utc)"

// The values that go both ways. What Django stores by the expression is read in
// Go, and what Go stores is read by Django as the repr.
var values = []struct {
	name, python string
	golang       any
	notJSON      bool   // with a serializer of JSON
	back         string // the repr of what Go stores, if not python
	jsonBack     string // likewise, with JSON
	jsonGo       any    // what Go reads from JSON, if not golang
}{
	{name: "str", python: "'hello'", golang: "hello"},
	{name: "empty", python: "''", golang: ""},
	{name: "digits", python: "'12345'", golang: "12345"},
	{name: "unicode", python: "'naïve 日本語 🦀'", golang: "naïve 日本語 🦀"},
	{name: "int", python: "-42", golang: int64(-42)},
	{name: "float", python: "0.1", golang: 0.1},
	{name: "whole float", python: "1.0", golang: 1.0, jsonBack: "1"},
	{name: "true", python: "True", golang: true},
	{name: "false", python: "False", golang: false},
	{name: "none", python: "None", golang: nil},
	{name: "list", python: "[1, 'two', None, 3.5]", golang: []any{int64(1), "two", nil, 3.5}, jsonGo: []any{1.0, "two", nil, 3.5}},
	{name: "tuple", python: "(1, 2)", golang: []any{int64(1), int64(2)}, back: "[1, 2]", jsonBack: "[1, 2]", jsonGo: []any{1.0, 2.0}},
	{name: "dict", python: "{'a': 1, 'b': [True]}", golang: map[string]any{"a": int64(1), "b": []any{true}}, jsonGo: map[string]any{"a": 1.0, "b": []any{true}}},
	{name: "nested", python: "{'users': [{'id': 7, 'tags': ['a', 'b']}]}", golang: map[string]any{"users": []any{map[string]any{"id": int64(7), "tags": []any{"a", "b"}}}},
		jsonGo: map[string]any{"users": []any{map[string]any{"id": 7.0, "tags": []any{"a", "b"}}}}},
	{name: "bytes", python: "b'\\x00\\xff'", golang: []byte{0, 255}, notJSON: true},
	{name: "set", python: "{7}", golang: []any{int64(7)}, back: "[7]", notJSON: true},
	{name: "int keys", python: "{1: 'a'}", golang: map[any]any{int64(1): "a"}, notJSON: true},
	{name: "datetime", python: atInPython, golang: at, notJSON: true},
	{name: "large int", python: "2 ** 63 - 1", golang: int64(1<<63 - 1), back: "9223372036854775807", jsonBack: "9223372036854775807"},
}

func TestPickleBothWays(t *testing.T) {
	s := open(t)
	c := s.cache("serializer=pickle")
	for _, v := range values {
		key := strings.ReplaceAll(v.name, " ", "_")
		s.want(t, fmt.Sprintf("cache.set('%s', %s)", key, v.python), "None")
		wantGet(t, c, key, v.golang)
		require.NoError(t, xcache.For[any](c).Set(t.Context(), "go_"+key, v.golang))
		back := v.back
		if back == "" {
			back = v.python
		}
		s.want(t, "cache.get('go_"+key+"', 'a miss')", back)
	}

	type user struct {
		ID   int64     `json:"id"`
		Name string    `json:"name"`
		Seen time.Time `json:"seen"`
		Tags []string  `json:"tags"`
	}
	ada := user{7, "Ada", at, []string{"a"}}
	dict := "{'id': 7, 'name': 'Ada', 'seen': " + atInPython + ", 'tags': ['a']}"
	users := xcache.For[user](c)
	require.NoError(t, users.Set(t.Context(), "user", ada))
	s.want(t, "cache.get('user')", dict)
	s.want(t, "cache.set('user2', "+dict+")", "None")
	got, err := users.Get(t.Context(), "user2")
	require.NoError(t, err, "Go read")
	require.Equal(t, ada, got, "Go read")
	s.want(t, "cache.set('now', timezone.now())", "None")
	now, err := xcache.For[time.Time](c).Get(t.Context(), "now")
	require.NoError(t, err, "Django's now")
	require.LessOrEqual(t, time.Since(now), time.Hour, "Django's now is %v, %v", now, err)
	// Objects are refused, by name.
	s.want(t, "cache.set('object', __import__('decimal').Decimal(1))", "None")
	_, err = xcache.For[any](c).Get(t.Context(), "object")
	require.ErrorIs(t, err, xcache.ErrCorrupt, "a Decimal")
	require.ErrorContains(t, err, "decimal.Decimal", "a Decimal")
}

func TestJSONBothWays(t *testing.T) {
	s := open(t)
	c := s.cache("serializer=json&prefix=json")
	for _, v := range values {
		if v.notJSON {
			continue
		}
		key := strings.ReplaceAll(v.name, " ", "_")
		want := v.golang
		if v.jsonGo != nil {
			want = v.jsonGo
		}
		s.want(t, fmt.Sprintf("json_cache.set('%s', %s)", key, v.python), "None")
		wantGet(t, c, key, want)
		require.NoError(t, xcache.For[any](c).Set(t.Context(), "go_"+key, v.golang))
		back := v.jsonBack
		if back == "" {
			back = v.python
		}
		s.want(t, "json_cache.get('go_"+key+"', 'a miss')", back)
	}
	// What JSON makes of other types.
	require.NoError(t, xcache.For[time.Time](c).Set(t.Context(), "time", at))
	s.want(t, "json_cache.get('time')", "'2026-02-28T23:59:58.123456Z'")
	require.NoError(t, xcache.For[[]byte](c).Set(t.Context(), "bytes", []byte("hi")))
	s.want(t, "json_cache.get('bytes')", "'aGk='")
	s.want(t, "json_cache.set('iso', datetime.datetime(2026, 2, 28, 23, 59, 58, 123456, tzinfo=datetime.timezone.utc).isoformat())", "None")
	got, err := xcache.For[time.Time](c).Get(t.Context(), "iso")
	require.NoError(t, err, "Go read")
	require.True(t, got.Equal(at), "Go read %v, %v", got, err)
}

func TestOperationsOnEachOthersKeys(t *testing.T) {
	s := open(t)
	c := s.cache("serializer=pickle")
	ctx := t.Context()
	texts := xcache.For[string](c)
	counters := xcache.For[int64](c)

	// Counters are decimal text for both.
	s.want(t, "cache.set('n', 5)", "None")
	n, err := c.Incr(ctx, "n", 2)
	require.EqualValues(t, 7, n, "Incr")
	require.NoError(t, err, "Incr")
	s.want(t, "cache.incr('n', 3)", "10")
	require.NoError(t, counters.Set(ctx, "m", 1))
	s.want(t, "cache.incr('m')", "2")
	s.want(t, "cache.decr('m', 5)", "-3")
	wantGet(t, c, "m", int64(-3))
	require.Equal(t, "-3", s.server.Do(t, "GET", ":1:m"), "the server has")

	// Expiry.
	require.NoError(t, texts.Set(ctx, "minute", "x", xcache.TTL(time.Minute)))
	s.want(t, "50 < server.ttl(':1:minute') <= 60", "True")
	require.NoError(t, texts.Set(ctx, "forever", "x", xcache.TTL(xcache.NoExpiry)))
	s.want(t, "server.ttl(':1:forever')", "-1")
	s.want(t, "cache.set('hour', 1, 3600), cache.set('always', 1, None), cache.set('default', 1)", "(None, None, None)")
	for key, want := range map[string]time.Duration{"hour": time.Hour, "always": xcache.NoExpiry, "default": 300 * time.Second} {
		got, err := c.TTL(ctx, key)
		require.NoError(t, err, "TTL of %s", key)
		require.LessOrEqual(t, got, want, "TTL of %s: %v, %v, want %v", key, got, err, want)
		require.GreaterOrEqual(t, got, want-30*time.Second, "TTL of %s: %v, %v, want %v", key, got, err, want)
	}
	s.want(t, "cache.touch('minute', 3600), cache.touch('nobody')", "(True, False)")
	ttl, err := c.TTL(ctx, "minute")
	require.NoError(t, err, "TTL after Django's touch")
	require.Greater(t, ttl, time.Minute, "TTL after Django's touch")
	ok, err := c.Touch(ctx, "always", xcache.TTL(time.Minute))
	require.True(t, ok, "Touch: %v, %v", ok, err)
	require.NoError(t, err, "Touch: %v", ok)
	s.want(t, "50 < server.ttl(':1:always') <= 60", "True")
	require.NoError(t, texts.Set(ctx, "blink", "x", xcache.TTL(30*time.Millisecond)))
	time.Sleep(60 * time.Millisecond)
	s.want(t, "cache.get('blink', 'gone')", "'gone'")

	// Add, and has_key.
	s.want(t, "cache.add('forever', 'y'), cache.add('new', 'y')", "(False, True)")
	for key, want := range map[string]bool{"new": false, "newer": true} {
		ok, err := texts.Add(ctx, key, "z")
		require.Equal(t, want, ok, "Add of %s", key)
		require.NoError(t, err, "Add of %s", key)
	}
	s.want(t, "cache.get('new'), cache.get('newer'), 'newer' in cache, 'newest' in cache", "('y', 'z', True, False)")
	ok, err = c.Has(ctx, "new")
	require.True(t, ok, "Has: %v, %v", ok, err)
	require.NoError(t, err, "Has: %v", ok)

	// Many.
	s.want(t, "cache.set_many({'a': 'x', 'b': 'y'})", "[]")
	require.NoError(t, texts.SetMany(ctx, map[string]string{"c": "z"}))
	got, err := texts.GetMany(ctx, []string{"a", "b", "c", "d"})
	require.NoError(t, err, "GetMany")
	require.Equal(t, map[string]string{"a": "x", "b": "y", "c": "z"}, got, "GetMany")
	s.want(t, "cache.get_many(['a', 'c', 'd'])", "{'a': 'x', 'c': 'z'}")

	// Delete.
	s.want(t, "cache.delete('a'), cache.delete('a')", "(True, False)")
	deleted, err := c.Delete(ctx, "a", "b")
	require.NoError(t, err, "Delete")
	require.Equal(t, 1, deleted, "Delete")
	s.want(t, "cache.get('b')", "None")
}

func TestKeysVersionsAndPrefixes(t *testing.T) {
	s := open(t)
	ctx := t.Context()
	c := s.cache("serializer=pickle")
	shop := s.cache("serializer=pickle&prefix=shop&version=2")
	require.NoError(t, xcache.For[string](shop).Set(ctx, "k", "shop 2"))
	require.NoError(t, xcache.For[string](shop.With(xcache.WithVersion(3))).Set(ctx, "k", "shop 3"))
	require.NoError(t, xcache.For[string](c).Set(ctx, "k", "none 1"))
	s.want(t, "sorted(server.keys())", "[b':1:k', b'shop:2:k', b'shop:3:k']")
	s.want(t, "cache.get('k'), prefixed.get('k'), prefixed.get('k', version=3), prefixed.get('k', version=4)", "('none 1', 'shop 2', 'shop 3', None)")
	s.want(t, "prefixed.set('ключ:1', 'x', version=5), prefixed.make_key('ключ:1', version=5)", "(None, 'shop:5:ключ:1')")
	wantGet(t, shop.With(xcache.WithVersion(5)), "ключ:1", "x")
	s.want(t, "prefixed.incr_version('k', version=3)", "4")
	wantGet(t, shop.With(xcache.WithVersion(4)), "k", "shop 3")
	v, err := shop.IncrVersion(ctx, "k", 1)
	require.Equal(t, 3, v, "IncrVersion")
	require.NoError(t, err, "IncrVersion")
	s.want(t, "prefixed.get('k'), prefixed.get('k', version=3)", "(None, 'shop 2')")
}

func TestFormatsOfPythonsLibraries(t *testing.T) {
	s := open(t)
	ctx := t.Context()
	long := strings.Repeat("all work and no play ", 100)
	for _, format := range []struct{ name, compress, decompress string }{
		{"gzip", "gzip.compress", "gzip.decompress"},
		{"zlib", "zlib.compress", "zlib.decompress"},
		{"zstd", "zstandard.ZstdCompressor().compress", "zstandard.ZstdDecompressor().decompress"},
		{"lz4", "lz4.frame.compress", "lz4.frame.decompress"},
		{"xz", "lzma.compress", "lzma.decompress"},
	} {
		t.Run(format.name, func(t *testing.T) {
			c := s.cache("prefix=" + format.name + "&compressor=" + format.name)
			texts := xcache.For[string](c)
			s.want(t, fmt.Sprintf("server.set('%s:1:k', %s(json.dumps(%q).encode()))", format.name, format.compress, long), "True")
			got, err := texts.Get(ctx, "k")
			require.NoError(t, err, "Go read")
			require.Equal(t, long, got, "Go read")
			require.NoError(t, texts.Set(ctx, "k", long))
			s.want(t, fmt.Sprintf("json.loads(%s(server.get('%s:1:k'))) == %q", format.decompress, format.name, long), "True")

			// 256 bytes stay as they are, 257 are compressed. Two are quotes.
			require.NoError(t, texts.Set(ctx, "256", strings.Repeat("a", 254)))
			require.NoError(t, texts.Set(ctx, "257", strings.Repeat("a", 255)))
			s.want(t, fmt.Sprintf("json.loads(server.get('%s:1:256')) == 'a' * 254", format.name), "True")
			s.want(t, fmt.Sprintf("json.loads(%s(server.get('%s:1:257'))) == 'a' * 255", format.decompress, format.name), "True")
		})
	}
}

func TestMovingFromPickleToJSON(t *testing.T) {
	s := open(t)
	c := s.cache("prefix=json&serializer=json,pickle")
	s.want(t, "cache.set('old', {'a': 'x'}), server.rename(':1:old', 'json:1:old')", "(None, True)")
	wantGet(t, c, "old", map[string]any{"a": "x"})
	require.NoError(t, xcache.For[any](c).Set(t.Context(), "old", map[string]any{"a": "y"}))
	s.want(t, "json_cache.get('old')", "{'a': 'y'}")
}

func TestWhatTheGuideWarnsOf(t *testing.T) {
	s := open(t)
	ctx := t.Context()
	c := s.cache("serializer=pickle")
	// A str is no counter, to either.
	s.want(t, "cache.set('text', '5')", "None")
	_, err := s.python.eval("cache.incr('text')")
	require.Error(t, err, "Django incremented a str")
	_, err = c.Incr(ctx, "text", 1)
	require.ErrorIs(t, err, xcache.ErrWrongType, "Incr of a str")
	// Times without a time zone are UTC, and come back with one.
	s.want(t, "cache.set('naive', datetime.datetime(2026, 2, 28, 23, 59, 58, 123456))", "None")
	wantGet(t, c, "naive", at)
	s.want(t, "cache.set('model', __import__('uuid').uuid4())", "None")
	_, err = xcache.For[any](c).Get(ctx, "model")
	require.ErrorIs(t, err, xcache.ErrCorrupt, "a UUID")
	require.ErrorContains(t, err, "uuid.UUID", "a UUID")
	require.NoError(t, xcache.For[map[string]struct{}](c).Set(ctx, "set", map[string]struct{}{"a": {}}))
	s.want(t, "cache.get('set')", "{'a'}")
	// Clear is of one prefix and version in Go, and of all in Django.
	require.NoError(t, xcache.For[int](s.cache("prefix=shop")).Set(ctx, "other", 1))
	n, err := c.Clear(ctx)
	require.NotZero(t, n, "Clear: %d, %v", n, err)
	require.NoError(t, err, "Clear")
	s.want(t, "server.keys()", "[b'shop:1:other']")
	s.want(t, "cache.clear(), server.keys()", "(True, [])")
}

func TestMsgpackOfPythonsLibrary(t *testing.T) {
	s := open(t)
	c := s.cache("serializer=msgpack&prefix=msgpack")
	type user struct {
		Name  string   `msgpack:"name"`
		Ratio float64  `msgpack:"ratio"`
		Tags  []string `msgpack:"tags"`
	}
	ada := user{"naïve 🦀", 0.5, []string{"a", "b"}}
	const dict = "{'name': 'naïve 🦀', 'ratio': 0.5, 'tags': ['a', 'b']}"
	s.want(t, "server.set('msgpack:1:k', msgpack.packb("+dict+"))", "True")
	users := xcache.For[user](c)
	got, err := users.Get(t.Context(), "k")
	require.NoError(t, err, "Go read")
	require.Equal(t, ada, got, "Go read")
	require.NoError(t, users.Set(t.Context(), "k", ada))
	s.want(t, "msgpack.unpackb(server.get('msgpack:1:k')) == "+dict, "True")
}
