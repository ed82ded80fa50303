package xcache_test

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/codec"
	"github.com/xcache-go/xcache/driver"
)

func chainOf(t testing.TB, config codec.Config) *codec.Chain {
	t.Helper()
	chain, err := codec.New(config)
	if err != nil {
		t.Fatal(err)
	}
	return chain
}

// movingTo returns a view that writes JSON and reads gob, too.
func movingTo(t testing.TB, c *xcache.Cache, opts ...xcache.Option) *xcache.View[string] {
	t.Helper()
	chain := chainOf(t, codec.Config{Serializers: []codec.Serializer{codec.JSON, codec.Gob}})
	return xcache.For[string](c.With(append(opts, xcache.WithCodec(chain))...))
}

// ofOld returns a view that writes gob.
func ofOld(t testing.TB, c *xcache.Cache) *xcache.View[string] {
	t.Helper()
	return xcache.For[string](c.With(xcache.WithCodec(chainOf(t, codec.Config{Serializers: []codec.Serializer{codec.Gob}}))))
}

func TestRewriteTurnsOldValuesIntoCurrentOnes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		var told recorder
		told.tb = t
		s, c := newFake(t)
		old := ofOld(t, c)
		v := movingTo(t, c, xcache.WithRewrite(), xcache.WithObserver(&told))
		must(t, old.Set(ctx, "k", "one", xcache.TTL(time.Minute)))
		must(t, old.Set(ctx, "l", "two", xcache.TTL(xcache.NoExpiry)))
		time.Sleep(10 * time.Second)
		if got, err := v.Get(ctx, "k"); got != "one" || err != nil {
			t.Fatalf("%q, %v", got, err)
		}
		if got, err := v.GetMany(ctx, []string{"l"}); got["l"] != "two" || err != nil {
			t.Fatalf("%q, %v", got, err)
		}
		synctest.Wait()
		wantStored(t, s, ":1:k", `"one"`, 50*time.Second)
		wantStored(t, s, ":1:l", `"two"`, driver.NoExpiry)
		rewrites := 0
		for _, op := range told.take() {
			if op.Name == "rewrite" {
				rewrites++
				if op.Err != nil || op.Bytes != len(`"one"`) {
					t.Errorf("the observer is told of %+v", op)
				}
			}
		}
		if rewrites != 2 {
			t.Errorf("the observer is told of %d rewrites", rewrites)
		}
		reads := c.CodecReads()
		if _, err := v.Get(ctx, "k"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if n := s.count("CompareAndSwap"); n != 2 {
			t.Errorf("%d values were written again", n)
		}
		if want := (codec.Read{Serializer: "gob", Fallback: true}); reads.Old[want] != 2 || len(reads.Old) != 1 || reads.Current != 0 {
			t.Errorf("counted: %+v", reads)
		}
		if after := c.CodecReads(); after.Old[codec.Read{Serializer: "gob", Fallback: true}] != 2 || after.Current != 1 {
			t.Errorf("counted after: %+v", after)
		}
	})
}

// wantStored fails the test unless a full key holds a value with a TTL.
func wantStored(t *testing.T, s *fakeStore, full, value string, ttl time.Duration) {
	t.Helper()
	got := make([]driver.Value, 1)
	must(t, s.store.GetTTL(t.Context(), []string{full}, got))
	if string(got[0].Data) != value || got[0].TTL != ttl {
		t.Errorf("%s holds %q for %v, want %q for %v", full, got[0].Data, got[0].TTL, value, ttl)
	}
}

func TestRewriteIsOffUnlessAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := newFake(t)
		must(t, ofOld(t, c).Set(t.Context(), "k", "one"))
		if _, err := movingTo(t, c).Get(t.Context(), "k"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if n := s.count("CompareAndSwap"); n != 0 {
			t.Errorf("%d values were written again", n)
		}
	})
}

func TestRewriteLeavesWhatHasChanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		s, c := newFake(t)
		must(t, ofOld(t, c).Set(ctx, "k", "one"))
		s.before = func(_ context.Context, method string, _ []string) error {
			if method == "CompareAndSwap" { // somebody was faster
				return s.store.Set(ctx, []driver.Entry{{Key: ":1:k", Value: []byte(`"newer"`), TTL: time.Minute}})
			}
			return nil
		}
		if got, err := movingTo(t, c, xcache.WithRewrite()).Get(ctx, "k"); got != "one" || err != nil {
			t.Fatalf("%q, %v", got, err)
		}
		synctest.Wait()
		wantStored(t, s, ":1:k", `"newer"`, time.Minute)
	})
}

func TestRewriteDoesNotFailTheRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		s, c := newFake(t)
		must(t, ofOld(t, c).Set(ctx, "k", "one"))
		s.before = func(_ context.Context, method string, _ []string) error {
			if method == "CompareAndSwap" {
				return driver.ErrReadOnly
			}
			return nil
		}
		if got, err := movingTo(t, c, xcache.WithRewrite()).Get(ctx, "k"); got != "one" || err != nil {
			t.Errorf("%q, %v", got, err)
		}
	})
}

func TestRewriteIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		s, c := newFake(t)
		old := ofOld(t, c)
		values := make(map[string]string)
		var keys []string
		for i := range 1000 {
			key := strconv.Itoa(i)
			values[key], keys = "value", append(keys, key)
		}
		must(t, old.SetMany(ctx, values))
		v := movingTo(t, c, xcache.WithRewrite())
		start := time.Now()
		for range 20 {
			if got, err := v.GetMany(ctx, keys); len(got) != len(keys) || err != nil {
				t.Fatal(len(got), err)
			}
			synctest.Wait()
			time.Sleep(50 * time.Millisecond)
		}
		written, seconds := s.count("CompareAndSwap"), time.Since(start).Seconds()
		if most := int(100*seconds) + 10; written > most || written < most/2 {
			t.Errorf("%d values were written again in %v seconds", written, seconds)
		}
	})
}

func TestCloseEndsRewrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		s := newFakeStore(t)
		c, err := xcache.New(s)
		if err != nil {
			t.Fatal(err)
		}
		must(t, ofOld(t, c).Set(ctx, "k", "one"))
		s.before = func(ctx context.Context, method string, _ []string) error {
			if method == "CompareAndSwap" {
				<-ctx.Done() // a server that does not answer
				return ctx.Err()
			}
			return nil
		}
		if _, err := movingTo(t, c, xcache.WithRewrite()).Get(ctx, "k"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		start := time.Now()
		must(t, c.Close())
		if waited := time.Since(start); waited != 0 {
			t.Errorf("Close waited for %v", waited)
		}
	})
}

func TestRewriteNeedsCompareAndSwap(t *testing.T) {
	s := newFakeStore(t)
	s.caps = func(caps *driver.Caps) { caps.Swapper = nil }
	if _, err := xcache.New(s, xcache.WithRewrite()); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("got %v", err)
	}
}

func TestRewriteInADSN(t *testing.T) {
	for value, ok := range map[string]bool{"on": true, "off": true, "yes": false, "": false} {
		c, err := xcache.OpenDSN("memory://?rewrite=" + value)
		if (err == nil) != ok {
			t.Errorf("rewrite=%s: %v", value, err)
		}
		if err == nil {
			must(t, c.Close())
		}
	}
}

func TestWhoStopsCompressingReadsWhatWasCompressed(t *testing.T) {
	long := strings.Repeat("v", 1000)
	for _, format := range []string{"plain", "tagged"} {
		t.Run(format, func(t *testing.T) {
			ctx := t.Context()
			open := func(compressor string) *xcache.Cache {
				c, err := xcache.OpenDSN("memory://stops?format=" + format + "&compressor=" + compressor)
				require.NoError(t, err)
				t.Cleanup(func() { assert.NoError(t, c.Close()) })
				return c
			}
			stored := func(c *xcache.Cache) string {
				value := make([]driver.Value, 1)
				require.NoError(t, c.Store().Get(ctx, []string{":1:k"}, value))
				return string(value[0].Data)
			}
			before, after := open("gzip"), open("none,gzip&rewrite=on")
			require.NoError(t, xcache.For[string](before).Set(ctx, "k", long))
			require.NotContains(t, stored(before), long)

			got, err := xcache.For[string](after).Get(ctx, "k")
			require.NoError(t, err)
			require.Equal(t, long, got)
			old := codec.Read{Serializer: "json", Compressor: "gzip", Tagged: format == "tagged", Fallback: true}
			require.Equal(t, map[codec.Read]uint64{old: 1}, after.CodecReads().Old, "an old format is told as one")
			require.Eventually(t, func() bool { return strings.Contains(stored(after), long) }, time.Minute, time.Millisecond,
				"a value in the old format is written again, uncompressed")

			got, err = xcache.For[string](after).Get(ctx, "k")
			require.NoError(t, err)
			require.Equal(t, long, got)
			require.EqualValues(t, 1, after.CodecReads().Current)
			got, err = xcache.For[string](before).Get(ctx, "k")
			require.NoError(t, err, "who still compresses reads what is not compressed")
			require.Equal(t, long, got)

			alone := open("none")
			require.NoError(t, xcache.For[string](before).Set(ctx, "k", long))
			_, err = xcache.For[string](alone).Get(ctx, "k")
			require.ErrorIs(t, err, xcache.ErrCorrupt, "none alone reads nothing compressed")
		})
	}
}
