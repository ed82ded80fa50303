package xcache_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/codec"
	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/memory"
)

// A fakeDriver opens fake stores, and keeps its arguments.
type fakeDriver struct {
	tb    testing.TB
	err   error
	caps  func(*driver.Caps)
	dsn   *driver.DSN
	store *fakeStore
}

func (d *fakeDriver) Open(dsn *driver.DSN) (driver.Store, error) {
	d.dsn = dsn
	if d.err != nil {
		return nil, d.err
	}
	dsn.Int("pool_size", 1, 1, 100)
	d.store = newFakeStore(d.tb)
	d.store.caps = d.caps
	return d.store, nil
}

func wantPanic(t *testing.T, part string, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		text := fmt.Sprint(recover())
		require.True(t, strings.HasPrefix(text, "xcache: "), "panicked with %q, want xcache: and %q in it", text, part)
		require.Contains(t, text, part, "panicked")
	}()
	f()
}

func TestRegisterRefusesWhatOpenCouldNotUse(t *testing.T) {
	var r xcache.Registry
	wantPanic(t, "nil driver", func() { r.Register("x", nil) })
	wantPanic(t, "empty name", func() { r.Register("", &fakeDriver{}) })
	r.Register("fake", &fakeDriver{})
	wantPanic(t, "twice for driver fake", func() { r.Register("fake", &fakeDriver{}) })
	wantPanic(t, "twice for driver memory", func() { xcache.Register("memory", &fakeDriver{}) })
	require.Equal(t, []string{"fake"}, r.Drivers(), "Drivers()")
}

func TestDriversAreSorted(t *testing.T) {
	var r xcache.Registry
	require.Empty(t, r.Drivers(), "an empty registry")
	for _, name := range []string{"c", "a", "b"} {
		r.Register(name, &fakeDriver{})
	}
	require.Equal(t, []string{"a", "b", "c"}, r.Drivers(), "Drivers()")
	require.Contains(t, xcache.Drivers(), "memory", "drivers of the program")
}

func TestRegistryMayBeUsedConcurrently(t *testing.T) {
	var r xcache.Registry
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			name := fmt.Sprintf("fake%d", i)
			r.Register(name, &fakeDriver{tb: t})
			c, err := r.OpenDSN(name + "://")
			if !assert.NoError(t, err) {
				return
			}
			_ = r.Drivers()
			_ = c.Close()
		})
	}
	wg.Wait()
	require.Len(t, r.Drivers(), 20, "drivers")
}

func TestUnknownDriverNamesTheKnownOnes(t *testing.T) {
	var empty, r xcache.Registry
	r.Register("fake", &fakeDriver{tb: t})
	r.Register("other", &fakeDriver{tb: t})
	for _, test := range []struct {
		name string
		open func() (*xcache.Cache, error)
		want []string
	}{
		{"scheme", func() (*xcache.Cache, error) { return r.OpenDSN("nosuch://localhost") }, []string{`"nosuch"`, "forgotten import?", "fake, other"}},
		{"name", func() (*xcache.Cache, error) { return r.Open("nosuch", "fake://") }, []string{`"nosuch"`, "forgotten import?", "fake, other"}},
		{"empty registry", func() (*xcache.Cache, error) { return empty.OpenDSN("redis://localhost") }, []string{`"redis"`, "forgotten import?", "none"}},
		{"no scheme", func() (*xcache.Cache, error) { return r.OpenDSN("") }, []string{"no scheme"}},
		{"names of one registry are unknown to the other", func() (*xcache.Cache, error) { return xcache.OpenDSN("other://") }, []string{`"other"`, "forgotten import?", "memory"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, err := test.open()
			require.Nil(t, c, "it opened")
			require.Error(t, err, "it opened")
			oneLine(t, err)
			for _, part := range test.want {
				require.ErrorContains(t, err, part)
			}
		})
	}
}

func TestUnknownDriverSaysWhatToDo(t *testing.T) {
	var empty, r xcache.Registry
	r.Register("redis", &fakeDriver{tb: t})
	for _, test := range []struct {
		name     string
		registry *xcache.Registry
		dsn      string
		want     []string
	}{
		{"not imported", &empty, "redis://:canary@h", []string{`add import _ "github.com/xcache-go/xcache/drivers/redis"`}},
		{"what keeps nothing", &empty, "null://", []string{`add import _ "github.com/xcache-go/xcache/drivers/null"`}},
		{"nearly what keeps nothing", &empty, "nul://", []string{"did you mean null?", `add import _ "github.com/xcache-go/xcache/drivers/null"`}},
		{"with TLS", &empty, "rediss+cluster://:canary@h", []string{`add import _ "github.com/xcache-go/xcache/drivers/redis"`}},
		{"the other one", &r, "valkeys://:canary@h", []string{`add import _ "github.com/xcache-go/xcache/drivers/valkey"`, "registered: redis"}},
		{"near scheme", &r, "redis-cluster://:canary@h", []string{"did you mean redis+cluster?"}},
		{"near scheme of another topology", &r, "rediss-sentinel://:canary@h", []string{"did you mean rediss+sentinel?"}},
		{"near scheme, not imported", &empty, "valkey-cluster://:canary@h", []string{"did you mean valkey+cluster?", `drivers/valkey"`}},
		{"misspelled", &r, "reddis://:canary@h", []string{"did you mean redis?"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := test.registry.OpenDSN(test.dsn)
			require.Error(t, err)
			oneLine(t, err)
			for _, part := range test.want {
				require.ErrorContains(t, err, part)
			}
			require.NotContains(t, err.Error(), "canary")
		})
	}
}

// A namedDriver is a fakeDriver with another name.
type namedDriver struct{ *fakeDriver }

func (namedDriver) Name() string { return "redis" }

func TestOpenTakesTheDSNsOfItsDriver(t *testing.T) {
	var r xcache.Registry
	r.Register("plain", &fakeDriver{tb: t})
	r.Register("sessions", namedDriver{&fakeDriver{tb: t}})
	for _, test := range []struct {
		driver, dsn, refusal string
	}{
		{"plain", "plain://h", ""},
		{"sessions", "sessions://h", ""},
		{"sessions", "redis://h", ""},
		{"sessions", "rediss+cluster://h", ""},
		{"plain", "sessions://:canary@h", "write plain://"},
		{"plain", "memory://", "write plain://"},
		{"sessions", "memory://:canary@h", "write redis://"},
	} {
		c, err := r.Open(test.driver, test.dsn)
		if test.refusal == "" {
			require.NoError(t, err, test.dsn)
			require.NoError(t, c.Close())
			continue
		}
		require.ErrorContains(t, err, test.refusal)
		require.NotContains(t, err.Error(), "canary")
		oneLine(t, err)
	}
}

func TestSchemeNamesTheDriver(t *testing.T) {
	var r xcache.Registry
	redis, valkey := &fakeDriver{tb: t}, &fakeDriver{tb: t}
	r.Register("redis", redis)
	r.Register("valkey", valkey)
	for dsn, d := range map[string]*fakeDriver{
		"redis://localhost": redis, "rediss://localhost": redis, "redis+cluster://a,b": redis, "rediss+sentinel://a": redis,
		"redis+unix:///run/redis.sock": redis, "REDIS://localhost": redis,
		"valkey://localhost": valkey, "valkeys://localhost": valkey,
	} {
		d.dsn = nil
		c, err := r.OpenDSN(dsn)
		require.NoError(t, err, dsn)
		require.NotNil(t, d.dsn, "went to another driver")
		_ = c.Close()
	}
}

func TestOpenDoesNoIO(t *testing.T) {
	d := &fakeDriver{tb: t}
	var r xcache.Registry
	r.Register("fake", d)
	c, err := r.OpenDSN("fake://localhost?prefix=p&require=lists,ttl", xcache.WithVersion(3))
	require.NoError(t, err)
	view := c.With(xcache.WithPrefix("x"), xcache.Require("swap"))
	require.NoError(t, view.Require("counters"))
	xcache.For[string](view).Pipeline()
	require.Zero(t, d.store.total(), "calls of the store: %v", d.store.calls)
	require.NoError(t, c.Close())
	require.Equal(t, 1, d.store.closed, "times the store was closed")
}

func TestFailedOpenClosesTheStore(t *testing.T) {
	for name, dsn := range map[string]string{
		"unknown parameter": "fake://localhost?pool_sise=3",
		"bad prefix":        "fake://localhost?prefix=a:b",
		"bad core value":    "fake://localhost?ttl=soon",
		"bad driver value":  "fake://localhost?pool_size=0",
		"unmet need":        "fake://localhost?require=pubsub",
	} {
		t.Run(name, func(t *testing.T) {
			d := &fakeDriver{tb: t}
			var r xcache.Registry
			r.Register("fake", d)
			_, err := r.OpenDSN(dsn)
			require.Error(t, err, "it opened")
			require.Equal(t, 1, d.store.closed, "times the store was closed")
		})
	}
}

func TestFailedNewLeavesTheStoreOpen(t *testing.T) {
	s := newFakeStore(t)
	_, err := xcache.New(s, xcache.WithTTL(0))
	require.Error(t, err, "it opened")
	require.Zero(t, s.closed, "the store was closed")
	_, err = xcache.New(nil)
	require.Error(t, err, "New took a nil store")
}

func TestErrorOfTheDriverComesThrough(t *testing.T) {
	refused := errors.New("xcache: bad DSN: no such thing")
	var r xcache.Registry
	r.Register("fake", &fakeDriver{err: refused})
	_, err := r.OpenDSN("fake://")
	require.ErrorIs(t, err, refused)
}

// TestCoreParameters checks the effect of every parameter of the core.
func TestCoreParameters(t *testing.T) {
	ctx := context.Background()
	open := func(t *testing.T, parameters string, opts ...xcache.Option) (*fakeStore, *xcache.View[string]) {
		t.Helper()
		d := &fakeDriver{tb: t}
		var r xcache.Registry
		r.Register("fake", d)
		c, err := r.OpenDSN("fake://localhost?"+parameters, opts...)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, c.Close()) })
		return d.store, xcache.For[string](c)
	}
	wantKey := func(want string) func(*testing.T, *fakeStore, *xcache.View[string]) {
		return func(t *testing.T, s *fakeStore, v *xcache.View[string]) {
			require.NoError(t, v.Set(ctx, "k", "x"))
			require.Equal(t, []string{want}, s.stored(t), "stored as")
		}
	}
	wantTTL := func(low, high time.Duration) func(*testing.T, *fakeStore, *xcache.View[string]) {
		return func(t *testing.T, s *fakeStore, v *xcache.View[string]) {
			for range 50 {
				require.NoError(t, v.Set(ctx, "k", "x"))
			}
			for _, e := range s.written() {
				require.GreaterOrEqual(t, e.TTL, low, "TTL")
				require.LessOrEqual(t, e.TTL, high, "TTL")
			}
		}
	}
	wantBytes := func(value string, check func(stored []byte) bool) func(*testing.T, *fakeStore, *xcache.View[string]) {
		return func(t *testing.T, s *fakeStore, v *xcache.View[string]) {
			require.NoError(t, v.Set(ctx, "k", value))
			require.True(t, check(s.written()[0].Value), "stored as")
			got, err := v.Get(ctx, "k")
			require.NoError(t, err, "read back")
			require.Equal(t, value, got, "read back")
		}
	}
	is := func(want string) func([]byte) bool { return func(b []byte) bool { return string(b) == want } }
	gzipped := func(b []byte) bool { return len(b) > 2 && b[0] == 0x1f && b[1] == 0x8b }
	tagged := func(b []byte) bool { return len(b) > 2 && b[0] == 0xfe && b[1] == 0xc1 }
	for _, test := range []struct {
		parameters string
		opts       []xcache.Option
		check      func(*testing.T, *fakeStore, *xcache.View[string])
	}{
		{"", nil, wantKey(":1:k")},
		{"prefix=app", nil, wantKey("app:1:k")},
		{"prefix=", nil, wantKey(":1:k")},
		{"prefix=a%20b%2Bc", nil, wantKey("a b+c:1:k")},
		{"prefix=a:b&colon_prefix=allow", nil, wantKey("a:b:1:k")},
		{"colon_prefix=refuse&prefix=a", nil, wantKey("a:1:k")},
		{"version=7", nil, wantKey(":7:k")},
		{"version=-3", nil, wantKey(":-3:k")},
		{"version=0", nil, wantKey(":0:k")},
		{"", nil, wantTTL(300*time.Second, 300*time.Second)},
		{"ttl=90s", nil, wantTTL(90*time.Second, 90*time.Second)},
		{"ttl=1.5h", nil, wantTTL(90*time.Minute, 90*time.Minute)},
		{"ttl=none", nil, wantTTL(xcache.NoExpiry, xcache.NoExpiry)},
		{"ttl=100s&jitter=0.25", nil, wantTTL(75*time.Second, 100*time.Second)},
		{"jitter=0", nil, wantTTL(300*time.Second, 300*time.Second)},
		{"", nil, wantBytes("hi", is(`"hi"`))},
		{"serializer=json", nil, wantBytes("hi", is(`"hi"`))},
		{"serializer=raw", nil, wantBytes("hi", is("hi"))},
		{"serializer=gob,json", nil, wantBytes("hi", func(b []byte) bool { return string(b) != `"hi"` })},
		{"compressor=gzip", nil, wantBytes(strings.Repeat("v", 254), is(`"`+strings.Repeat("v", 254)+`"`))},
		{"compressor=gzip", nil, wantBytes(strings.Repeat("v", 255), gzipped)},
		{"compressor=", nil, wantBytes("hi", is(`"hi"`))},
		{"compressor=gzip&compress_min=140", nil, wantBytes(strings.Repeat("v", 139), gzipped)},
		{"compressor=gzip&compress_min=0", nil, wantBytes(strings.Repeat("v", 100), gzipped)},
		{"compressor=gzip&compress_min=1KiB", nil, wantBytes(strings.Repeat("v", 1000), is(`"`+strings.Repeat("v", 1000)+`"`))},
		{"compressor=none", nil, wantBytes(strings.Repeat("v", 1000), is(`"`+strings.Repeat("v", 1000)+`"`))},
		{"compressor=none,gzip", nil, wantBytes(strings.Repeat("v", 1000), is(`"`+strings.Repeat("v", 1000)+`"`))},
		{"compressor=none,gzip&format=tagged", nil, wantBytes(strings.Repeat("v", 1000), func(b []byte) bool { return tagged(b) && len(b) > 1000 })},
		{"serializer=raw&compressor=none", nil, wantBytes(strings.Repeat("v", 1000), is(strings.Repeat("v", 1000)))},
		{"format=plain", nil, wantBytes("hi", is(`"hi"`))},
		{"format=tagged", nil, wantBytes("hi", tagged)},
		{"max_value=10", nil, func(t *testing.T, s *fakeStore, v *xcache.View[string]) {
			require.NoError(t, v.Set(ctx, "k", "12345678"))
			err := v.Set(ctx, "k", "123456789")
			require.ErrorIs(t, err, xcache.ErrTooLarge)
			require.ErrorIs(t, err, codec.ErrTooLarge)
			oneLine(t, err)
			require.Equal(t, 1, s.count("Set"), "it was sent")
		}},
		{"require=lists,ttl", nil, func(*testing.T, *fakeStore, *xcache.View[string]) {}},
		// Options override parameters.
		{"prefix=dsn&version=2", []xcache.Option{xcache.WithPrefix("opt"), xcache.WithVersion(3), nil}, wantKey("opt:3:k")},
		{"prefix=a:b", []xcache.Option{xcache.WithPrefix("a")}, wantKey("a:1:k")},
		{"prefix=a:b", []xcache.Option{xcache.WithColonPrefix()}, wantKey("a:b:1:k")},
		{"ttl=90s&jitter=0.5", []xcache.Option{xcache.WithTTL(time.Hour), xcache.WithJitter(0)}, wantTTL(time.Hour, time.Hour)},
		{"serializer=gob", []xcache.Option{xcache.WithCodec(jsonChain(t))}, wantBytes("hi", is(`"hi"`))},
	} {
		t.Run(test.parameters, func(t *testing.T) {
			s, v := open(t, test.parameters, test.opts...)
			test.check(t, s, v)
		})
	}
}

func TestDriverIsToldTheOpTimeout(t *testing.T) {
	for _, test := range []struct {
		parameters string
		opts       []xcache.Option
		want       time.Duration
	}{
		{"", nil, xcache.DefaultOpTimeout},
		{"op_timeout=250ms", nil, 250 * time.Millisecond},
		{"op_timeout=250ms", []xcache.Option{xcache.WithOpTimeout(time.Second)}, time.Second},
	} {
		d := &fakeDriver{tb: t}
		var r xcache.Registry
		r.Register("fake", d)
		c, err := r.OpenDSN("fake://localhost?"+test.parameters, test.opts...)
		require.NoError(t, err)
		require.Equal(t, test.want, d.dsn.OpTimeout, test.parameters)
		require.NoError(t, c.Close())
	}
}

func TestBadParameterIsRefusedByName(t *testing.T) {
	const canary = "c4nary"
	for _, test := range []struct {
		parameters string
		want       []string // texts in the error
	}{
		{"prefix=a:" + canary, []string{"prefix", "colon", "colon_prefix=allow"}},
		{"colon_prefix=" + canary, []string{"colon_prefix", "allow, refuse"}},
		{"version=" + canary, []string{"version", "whole number"}},
		{"version=1.5", []string{"version", "whole number"}},
		{"version=4294967296", []string{"version", "2147483647"}},
		{"ttl=" + canary, []string{"ttl", "positive duration"}},
		{"ttl=300", []string{"ttl", "unit"}},
		{"ttl=0s", []string{"ttl", "positive"}},
		{"ttl=-5s", []string{"ttl", "positive"}},
		{"ttl=", []string{"ttl", "positive"}},
		{"jitter=" + canary, []string{"jitter", "0 to 1"}},
		{"jitter=1.1", []string{"jitter", "0 to 1"}},
		{"jitter=-0.1", []string{"jitter", "0 to 1"}},
		{"jitter=NaN", []string{"jitter", "0 to 1"}},
		{"jitter=10%25", []string{"jitter", "0 to 1"}},
		{"serializer=" + strings.ToUpper(canary), []string{"serializer", "json"}},
		{"serializer=", []string{"serializer", "empty"}},
		{"serializer=json,", []string{"serializer"}},
		{"serializer=json,json", []string{"serializer", "twice"}},
		{"serializer=json,raw", []string{"serializer", "tagged"}},
		{"serializer=raw&compressor=gzip", []string{"serializer", "tagged"}},
		{"compressor=" + strings.ToUpper(canary), []string{"compressor", "gzip"}},
		{"compressor=gzip:100", []string{"compressor", "level"}},
		{"compress_min=" + canary + "&compressor=gzip", []string{"compress_min", "bytes"}},
		{"compress_min=-1&compressor=gzip", []string{"compress_min", "bytes"}},
		{"compress_min=100", []string{"compress_min", "needs a compressor"}},
		{"compress_min=100&compressor=none,gzip", []string{"compress_min", "needs a compressor that writes"}},
		{"compressor=gzip,none", []string{"compressor", "none", "first"}},
		{"compressor=none,none", []string{"compressor", "none", "once"}},
		{"max_value=" + canary, []string{"max_value", "bytes"}},
		{"max_value=0", []string{"max_value", "at least 1"}},
		{"max_value=1MB", []string{"max_value", "MiB"}},
		{"format=" + canary, []string{"format", "plain, tagged"}},
		{"op_timeout=" + canary, []string{"op_timeout", "positive duration"}},
		{"op_timeout=0s", []string{"op_timeout", "positive"}},
		{"op_timeout=none", []string{"op_timeout", "positive"}},
		{"require=" + canary, []string{"require", "lists", "sortedsets"}},
		{"require=", []string{"require", "lists"}},
		{"require=lists,", []string{"require", "lists"}},
		{"ttl=1s&ttl=" + canary, []string{"ttl", "2 times"}},
		{"require=ttl&require=lists", []string{"require", "2 times"}},
		{"serializer=json&serializer=gob", []string{"serializer", "2 times"}},
		{"prefx=" + canary, []string{"prefx", "did you mean prefix?"}},
		{"tll=" + canary, []string{"tll", "did you mean ttl?"}},
		{"optimeout=1s", []string{"optimeout", "did you mean op_timeout?"}},
		{"compresor=gzip", []string{"compresor", "did you mean compressor?"}},
		{"pool_sise=5", []string{"pool_sise", "did you mean pool_size?"}},
		{"quite_something_else=1", []string{"quite_something_else", "known are", "pool_size", "ttl"}},
		{"TTL=1s", []string{"lower-case"}},
		{"ttl", []string{"no value"}},
		{"prefix=%zz", []string{"prefix", "hexadecimal"}},
	} {
		t.Run(test.parameters, func(t *testing.T) {
			var r xcache.Registry
			r.Register("fake", &fakeDriver{tb: t})
			_, err := r.OpenDSN("fake://user:" + canary + "@localhost?" + test.parameters)
			require.Error(t, err, "it opened")
			for _, part := range test.want {
				require.ErrorContains(t, err, part)
			}
			require.NotContains(t, strings.ToLower(err.Error()), canary, "repeats a value")
			for line := range strings.SplitSeq(err.Error(), "\n") {
				oneLine(t, errors.New(line))
			}
		})
	}
}

func TestAllBadParametersAreReportedAtOnce(t *testing.T) {
	var r xcache.Registry
	r.Register("fake", &fakeDriver{tb: t})
	_, err := r.OpenDSN("fake://localhost?ttl=x&jitter=y&pool_size=z&prefx=a")
	require.Error(t, err, "it opened")
	for _, name := range []string{"ttl", "jitter", "pool_size", "prefx"} {
		require.ErrorContains(t, err, name)
	}
}

// badOptions are options that Open refuses.
var badOptions = map[string]xcache.Option{
	"prefix with a colon": xcache.WithPrefix("a:b"),
	"zero TTL":            xcache.WithTTL(0),
	"negative TTL":        xcache.WithTTL(-time.Second),
	"negative jitter":     xcache.WithJitter(-0.1),
	"jitter over 1":       xcache.WithJitter(1.1),
	"no codec":            xcache.WithCodec(nil),
	"no key function":     xcache.WithKeyFunc(nil, nil),
	"zero op timeout":     xcache.WithOpTimeout(0),
	"unknown need":        xcache.Require("teleport"),
	"unmet need":          xcache.Require("pubsub"),
}

func TestBadOptionIsRefused(t *testing.T) {
	for _, name := range sortedKeys(badOptions) {
		t.Run(name, func(t *testing.T) {
			var r xcache.Registry
			r.Register("fake", &fakeDriver{tb: t})
			_, err := r.OpenDSN("fake://localhost", badOptions[name])
			require.Error(t, err, "it opened")
			oneLine(t, err)
			_, newErr := xcache.New(newFakeStore(t), badOptions[name])
			require.Error(t, newErr, "New took it")
			oneLine(t, newErr)
		})
	}
}

func TestRequireNamesTheDriversThatWouldDo(t *testing.T) {
	var r xcache.Registry
	small := &fakeDriver{tb: t, caps: func(caps *driver.Caps) { *caps = driver.Caps{} }}
	r.Register("small", small)
	r.Register("large", &fakeDriver{tb: t})
	r.Register("broken", &fakeDriver{tb: t, err: errors.New("xcache: no")})
	c, err := r.OpenDSN("small://")
	require.NoError(t, err)
	defer c.Close()
	for need, want := range map[string]string{"ttl": "large", "lists": "large", "pubsub": "no registered driver", "pipelines": "large"} {
		err := c.Require(need)
		require.ErrorIs(t, err, errors.ErrUnsupported)
		for _, part := range []string{need, want, "small require"} {
			require.ErrorContains(t, err, part)
		}
		oneLine(t, err)
	}
	require.NoError(t, c.Require())
	err = c.Require("ttl", "nonsense")
	require.Error(t, err, "an unknown word")
	require.NotErrorIs(t, err, errors.ErrUnsupported, "an unknown word")
	_, err = r.OpenDSN("small://?require=lists")
	require.ErrorIs(t, err, errors.ErrUnsupported)
	_, err = r.OpenDSN("small://", xcache.Require("lists"))
	require.ErrorIs(t, err, errors.ErrUnsupported)
}

func TestMemoryMeetsEveryNeedButTheServersOwn(t *testing.T) {
	s, err := memory.NewStore(memory.Options{})
	require.NoError(t, err)
	c := newCache(t, s)
	require.NoError(t, c.Require("ttl", "counters", "swap", "rename", "scan", "flush", "ping", "pipelines", "lists"))
	require.ErrorIs(t, c.Require("tracking"), errors.ErrUnsupported, "tracking")
}
