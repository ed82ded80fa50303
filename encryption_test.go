package xcache_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/codec"
	"github.com/xcache-go/xcache/driver"
)

// keyRing returns a ring of keys, one for each letter.
func keyRing(t testing.TB, letters string) *codec.KeyRing {
	t.Helper()
	var keys [][]byte
	for _, letter := range letters {
		keys = append(keys, fmt.Appendf(nil, "%-32s", "a key with the letter "+string(letter)))
	}
	ring, err := codec.NewKeyRing(keys...)
	require.NoError(t, err)
	return ring
}

func TestEncryptedValuesAreReadBack(t *testing.T) {
	ctx := t.Context()
	s, c := newFake(t, xcache.WithEncryption(keyRing(t, "a")))
	secret := "a secret that nobody else may read"
	v := xcache.For[string](c)
	require.NoError(t, v.Set(ctx, "k", secret))
	require.NoError(t, v.SetMany(ctx, map[string]string{"l": secret}))
	p := c.Pipeline()
	v.In(p).Set("m", secret)
	got := v.In(p).Get("k")
	many := v.In(p).GetMany([]string{"k", "l", "m"})
	require.NoError(t, p.Exec(ctx))
	for _, key := range []string{":1:k", ":1:l", ":1:m"} {
		stored := make([]driver.Value, 1)
		require.NoError(t, s.store.Get(ctx, []string{key}, stored))
		require.False(t, bytes.Contains(stored[0].Data, []byte("secret")), "%s is stored as %q", key, stored[0].Data)
	}
	value, err := got.Value()
	require.NoError(t, err, "a pipeline reads")
	require.Equal(t, secret, value, "a pipeline reads")
	values, err := many.Value()
	require.NoError(t, err, "a pipeline reads")
	require.Len(t, values, 3, "a pipeline reads")
	require.Equal(t, secret, values["l"], "a pipeline reads")
	value, err = v.Get(ctx, "k")
	require.NoError(t, err, "Get")
	require.Equal(t, secret, value, "Get")
	values, err = v.GetMany(ctx, []string{"k", "l", "m"})
	require.NoError(t, err, "GetMany")
	require.Len(t, values, 3, "GetMany")
	require.Equal(t, secret, values["m"], "GetMany")
	old, err := v.Swap(ctx, "k", "another")
	require.NoError(t, err, "Swap")
	require.Equal(t, secret, old, "Swap")
	n, err := xcache.For[int](c).Get(ctx, "nobody")
	require.Zero(t, n, "a miss")
	require.ErrorIs(t, err, xcache.ErrNotFound, "a miss")
}

func TestEncryptedValuesOfEveryType(t *testing.T) {
	_, c := newFake(t, xcache.WithEncryption(keyRing(t, "a")))
	type user struct{ Name string }
	wantBack(t, c, 42)
	wantBack(t, c, "")
	wantBack(t, c, []byte("bytes"))
	wantBack(t, c, user{"Ann"})
	wantBack(t, c, []string{"a", "b"})
	wantBack(t, c, time.Minute)
}

func wantBack[T any](t *testing.T, c *xcache.Cache, value T) {
	t.Helper()
	v := xcache.For[T](c)
	require.NoError(t, v.Set(t.Context(), "k", value))
	got, err := v.Get(t.Context(), "k")
	require.NoError(t, err, "read back")
	require.Equal(t, fmt.Sprint(value), fmt.Sprint(got), "read back")
}

func TestEncryptedValuesThatCannotBeTrusted(t *testing.T) {
	ctx := t.Context()
	s, c := newFake(t, xcache.WithEncryption(keyRing(t, "ab")))
	v := xcache.For[string](c)
	require.NoError(t, v.Set(ctx, "k", "value"))
	sealed := slices.Clone(s.written()[0].Value)
	flipped := func(i int) []byte {
		b := slices.Clone(sealed)
		b[(i+len(b))%len(b)] ^= 1
		return b
	}
	for name, stored := range map[string][]byte{
		"plain text":               []byte(`"value"`),
		"nothing":                  {},
		"a flipped bit at the end": flipped(-1),
		"a flipped bit":            flipped(len(sealed) / 2),
		"a flipped nonce":          flipped(8),
		"another key of the ring":  flipped(4),
		"a later version":          flipped(2),
		"no magic":                 flipped(0),
		"cut":                      sealed[:len(sealed)-1],
		"cut to the header":        sealed[:7],
		"something behind":         append(slices.Clone(sealed), 0),
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, s.store.Set(ctx, []driver.Entry{{Key: ":1:k", Value: stored, TTL: time.Minute}}))
			got, err := v.Get(ctx, "k")
			require.ErrorIs(t, err, xcache.ErrCorrupt)
			require.Empty(t, got)
			many, err := v.GetMany(ctx, []string{"k"})
			require.ErrorIs(t, err, xcache.ErrCorrupt, "GetMany")
			require.Empty(t, many, "GetMany")
		})
	}
	t.Run("moved to another key", func(t *testing.T) {
		require.NoError(t, s.store.Set(ctx, []driver.Entry{{Key: ":1:other", Value: sealed, TTL: time.Minute}}))
		_, err := v.Get(ctx, "other")
		require.ErrorIs(t, err, xcache.ErrCorrupt)
	})
	t.Run("moved to another version", func(t *testing.T) {
		require.NoError(t, s.store.Set(ctx, []driver.Entry{{Key: ":2:k", Value: sealed, TTL: time.Minute}}))
		_, err := v.With(xcache.WithVersion(2)).Get(ctx, "k")
		require.ErrorIs(t, err, xcache.ErrCorrupt)
	})
	t.Run("read without keys", func(t *testing.T) {
		require.NoError(t, s.store.Set(ctx, []driver.Entry{{Key: ":1:k", Value: sealed, TTL: time.Minute}}))
		_, err := v.With(xcache.WithEncryption(nil)).Get(ctx, "k")
		require.ErrorIs(t, err, xcache.ErrCorrupt)
		require.ErrorContains(t, err, "has no encryption keys")
	})
}

func TestEncryptionKeysRotate(t *testing.T) {
	ctx := t.Context()
	_, c := newFake(t)
	with := func(keys string) *xcache.View[string] {
		return xcache.For[string](c.With(xcache.WithEncryption(keyRing(t, keys))))
	}
	require.NoError(t, with("a").Set(ctx, "k", "value"))
	got, err := with("ba").Get(ctx, "k")
	require.NoError(t, err, "with the new key in front")
	require.Equal(t, "value", got, "with the new key in front")
	require.Len(t, c.CodecReads().Old, 1, "a value of an old key is not counted as one")
	_, err = with("b").Get(ctx, "k")
	require.ErrorIs(t, err, xcache.ErrCorrupt)
	require.ErrorContains(t, err, "is not in the key ring")
	require.NoError(t, with("ba").Set(ctx, "k", "value"))
	got, err = with("b").Get(ctx, "k")
	require.NoError(t, err, "written again")
	require.Equal(t, "value", got, "written again")
}

func TestComparisonsOfEncryptedValues(t *testing.T) {
	ctx := t.Context()
	s, c := newFake(t, xcache.WithEncryption(keyRing(t, "a")))
	v := xcache.For[string](c)
	swapped, err := v.CompareAndSwap(ctx, "k", "one", "two")
	require.NoError(t, err, "on a missing key")
	require.False(t, swapped, "on a missing key")
	require.NoError(t, v.Set(ctx, "k", "one"))
	swapped, err = v.CompareAndSwap(ctx, "k", "none", "two")
	require.NoError(t, err, "of another value")
	require.False(t, swapped, "of another value")
	// Another writer stores the same value again between the comparison and
	// the swap.
	again := true
	s.before = func(_ context.Context, method string, _ []string) error {
		if method == "CompareAndSwap" && again {
			again = false
			return v.Set(ctx, "k", "one")
		}
		return nil
	}
	swapped, err = v.CompareAndSwap(ctx, "k", "one", "two")
	require.NoError(t, err, "of the same value, stored again")
	require.True(t, swapped, "of the same value, stored again")
	require.False(t, again, "of the same value, stored again")
	deleted, err := v.CompareAndDelete(ctx, "k", "one")
	require.NoError(t, err, "delete of another value")
	require.False(t, deleted, "delete of another value")
	deleted, err = v.CompareAndDelete(ctx, "k", "two")
	require.NoError(t, err, "delete")
	require.True(t, deleted, "delete")
}

func TestWhatEncryptionCannotDoIsSaidBeforeAnyIO(t *testing.T) {
	ctx := t.Context()
	s, c := newFake(t, xcache.WithEncryption(keyRing(t, "a")))
	v := xcache.For[string](c)
	p := c.Pipeline()
	queued := map[string]interface{ Err() error }{
		"incr":               p.Incr("k", 1),
		"incr init":          p.IncrInit("k", 1, 0),
		"rename":             p.Rename("k", "l"),
		"incr version":       p.IncrVersion("k", 1),
		"compare and swap":   v.In(p).CompareAndSwap("k", "a", "b"),
		"compare and delete": v.In(p).CompareAndDelete("k", "a"),
	}
	_ = p.Exec(ctx)
	errs := map[string]error{}
	for name, result := range queued {
		errs["queued "+name] = result.Err()
	}
	_, errs["incr"] = c.Incr(ctx, "k", 1)
	_, errs["decr"] = c.Decr(ctx, "k", 1)
	_, errs["incr init"] = c.IncrInit(ctx, "k", 1, 0)
	errs["rename"] = c.Rename(ctx, "k", "l")
	_, errs["rename nx"] = c.RenameNX(ctx, "k", "l")
	_, errs["incr version"] = c.IncrVersion(ctx, "k", 1)
	for name, err := range errs {
		require.ErrorIs(t, err, errors.ErrUnsupported, name)
		require.ErrorContains(t, err, "encrypted value", name)
	}
	require.Zero(t, s.total(), "calls of the store")
	n, err := c.With(xcache.WithEncryption(nil)).IncrInit(ctx, "n", 1, 0)
	require.NoError(t, err, "a view without encryption counts")
	require.EqualValues(t, 1, n, "a view without encryption counts")
}

func TestEncryptionKeysComeFromAFile(t *testing.T) {
	line := func(letter string, n int) string {
		return base64.StdEncoding.EncodeToString(append([]byte("a key of "), bytes.Repeat([]byte(letter), n-9)...)) + "\n"
	}
	write := func(text string) string {
		file := filepath.Join(t.TempDir(), "keys")
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		return file
	}
	c, err := xcache.OpenDSN("memory://?encryption_keys=" + write("# new\n"+line("b", 32)+"\n# old\n"+line("a", 16)))
	require.NoError(t, err)
	defer func() { require.NoError(t, c.Close()) }()
	wantBack(t, c, "value")
	for name, bad := range map[string]struct{ file, says string }{
		"no file":           {filepath.Join(t.TempDir(), "none"), "cannot be read"},
		"no keys":           {write("# none yet\n"), "needs a key"},
		"not base64":        {write("canary!\n"), "line 1 of the file of encryption keys is not base64"},
		"of a wrong size":   {write(line("c", 15)), "has 15 bytes"},
		"cut":               {write(line("b", 32) + line("c", 32)[:32]), "line 2 of the file of encryption keys has 24 bytes"},
		"of zeros":          {write(base64.StdEncoding.EncodeToString(make([]byte, 32))), "line 1 of the file of encryption keys is one byte, repeated"},
		"twice the same":    {write(line("c", 32) + line("c", 32)), "there twice"},
		"no name of a file": {"", "cannot be read"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := xcache.OpenDSN("memory://?encryption_keys=" + bad.file)
			require.ErrorContains(t, err, bad.says)
			require.ErrorContains(t, err, "encryption_keys")
			require.NotContains(t, err.Error(), "canary", "the error shows a key")
			require.NotContains(t, err.Error(), line("c", 15)[:8], "the error shows a key")
		})
	}
}
