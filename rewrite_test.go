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
	require.NoError(t, err)
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
		require.NoError(t, old.Set(ctx, "k", "one", xcache.TTL(time.Minute)))
		require.NoError(t, old.Set(ctx, "l", "two", xcache.TTL(xcache.NoExpiry)))
		time.Sleep(10 * time.Second)
		got, err := v.Get(ctx, "k")
		require.NoError(t, err)
		require.Equal(t, "one", got)
		many, err := v.GetMany(ctx, []string{"l"})
		require.NoError(t, err)
		require.Equal(t, "two", many["l"])
		synctest.Wait()
		wantStored(t, s, ":1:k", `"one"`, 50*time.Second)
		wantStored(t, s, ":1:l", `"two"`, driver.NoExpiry)
		rewrites := 0
		for _, op := range told.take() {
			if op.Name == "rewrite" {
				rewrites++
				require.NoError(t, op.Err, "what the observer is told")
				require.Equal(t, len(`"one"`), op.Bytes, "what the observer is told")
			}
		}
		require.Equal(t, 2, rewrites, "the observer is told of rewrites")
		reads := c.CodecReads()
		_, err = v.Get(ctx, "k")
		require.NoError(t, err)
		synctest.Wait()
		require.Equal(t, 2, s.count("CompareAndSwap"), "values written again")
		require.EqualValues(t, 2, reads.Old[(codec.Read{Serializer: "gob", Fallback: true})], "counted")
		require.Len(t, reads.Old, 1, "counted")
		require.Zero(t, reads.Current, "counted")
		after := c.CodecReads()
		require.EqualValues(t, 2, after.Old[codec.Read{Serializer: "gob", Fallback: true}], "counted afterwards")
		require.EqualValues(t, 1, after.Current, "counted afterwards")
	})
}

// wantStored fails the test unless a full key holds a value with a TTL.
func wantStored(t *testing.T, s *fakeStore, full, value string, ttl time.Duration) {
	t.Helper()
	got := make([]driver.Value, 1)
	require.NoError(t, s.store.GetTTL(t.Context(), []string{full}, got))
	require.Equal(t, value, string(got[0].Data), full)
	require.Equal(t, ttl, got[0].TTL, full)
}

func TestRewriteIsOffUnlessAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := newFake(t)
		require.NoError(t, ofOld(t, c).Set(t.Context(), "k", "one"))
		_, err := movingTo(t, c).Get(t.Context(), "k")
		require.NoError(t, err)
		synctest.Wait()
		require.Zero(t, s.count("CompareAndSwap"), "values written again")
	})
}

func TestRewriteLeavesWhatHasChanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		s, c := newFake(t)
		require.NoError(t, ofOld(t, c).Set(ctx, "k", "one"))
		s.before = func(_ context.Context, method string, _ []string) error {
			if method == "CompareAndSwap" { // another writer was faster
				return s.store.Set(ctx, []driver.Entry{{Key: ":1:k", Value: []byte(`"newer"`), TTL: time.Minute}})
			}
			return nil
		}
		got, err := movingTo(t, c, xcache.WithRewrite()).Get(ctx, "k")
		require.NoError(t, err)
		require.Equal(t, "one", got)
		synctest.Wait()
		wantStored(t, s, ":1:k", `"newer"`, time.Minute)
	})
}

func TestRewriteDoesNotFailTheRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		s, c := newFake(t)
		require.NoError(t, ofOld(t, c).Set(ctx, "k", "one"))
		s.before = func(_ context.Context, method string, _ []string) error {
			if method == "CompareAndSwap" {
				return driver.ErrReadOnly
			}
			return nil
		}
		got, err := movingTo(t, c, xcache.WithRewrite()).Get(ctx, "k")
		require.NoError(t, err)
		require.Equal(t, "one", got)
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
		require.NoError(t, old.SetMany(ctx, values))
		v := movingTo(t, c, xcache.WithRewrite())
		start := time.Now()
		for range 20 {
			got, err := v.GetMany(ctx, keys)
			require.NoError(t, err)
			require.Len(t, got, len(keys))
			synctest.Wait()
			time.Sleep(50 * time.Millisecond)
		}
		written, seconds := s.count("CompareAndSwap"), time.Since(start).Seconds()
		most := int(100*seconds) + 10
		require.LessOrEqual(t, written, most, "values were written again in %v seconds", seconds)
		require.GreaterOrEqual(t, written, most/2, "values were written again in %v seconds", seconds)
	})
}

func TestCloseEndsRewrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		s := newFakeStore(t)
		c, err := xcache.New(s)
		require.NoError(t, err)
		require.NoError(t, ofOld(t, c).Set(ctx, "k", "one"))
		s.before = func(ctx context.Context, method string, _ []string) error {
			if method == "CompareAndSwap" {
				<-ctx.Done() // the server does not reply
				return ctx.Err()
			}
			return nil
		}
		_, err = movingTo(t, c, xcache.WithRewrite()).Get(ctx, "k")
		require.NoError(t, err)
		synctest.Wait()
		start := time.Now()
		require.NoError(t, c.Close())
		require.Zero(t, time.Since(start), "how long Close waited")
	})
}

func TestRewriteNeedsCompareAndSwap(t *testing.T) {
	s := newFakeStore(t)
	s.caps = func(caps *driver.Caps) { caps.Swapper = nil }
	_, err := xcache.New(s, xcache.WithRewrite())
	require.ErrorIs(t, err, errors.ErrUnsupported)
}

func TestRewriteInADSN(t *testing.T) {
	for value, ok := range map[string]bool{"on": true, "off": true, "yes": false, "": false} {
		c, err := xcache.OpenDSN("memory://?rewrite=" + value)
		require.Equal(t, ok, (err == nil), "rewrite=%s", value)
		if err == nil {
			require.NoError(t, c.Close())
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
