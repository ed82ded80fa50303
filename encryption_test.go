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
	"strings"
	"testing"
	"time"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/codec"
	"github.com/xcache-go/xcache/driver"
)

// keyRing returns a ring of keys, each of which a letter tells from the others.
func keyRing(t testing.TB, letters string) *codec.KeyRing {
	t.Helper()
	var keys [][]byte
	for _, letter := range letters {
		keys = append(keys, fmt.Appendf(nil, "%-32s", "a key with the letter "+string(letter)))
	}
	ring, err := codec.NewKeyRing(keys...)
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

func TestEncryptedValuesAreReadBack(t *testing.T) {
	ctx := t.Context()
	s, c := newFake(t, xcache.WithEncryption(keyRing(t, "a")))
	secret := "a secret that nobody else may read"
	v := xcache.For[string](c)
	must(t, v.Set(ctx, "k", secret))
	must(t, v.SetMany(ctx, map[string]string{"l": secret}))
	p := c.Pipeline()
	v.In(p).Set("m", secret)
	got := v.In(p).Get("k")
	many := v.In(p).GetMany([]string{"k", "l", "m"})
	must(t, p.Exec(ctx))
	for _, key := range []string{":1:k", ":1:l", ":1:m"} {
		stored := make([]driver.Value, 1)
		must(t, s.store.Get(ctx, []string{key}, stored))
		if bytes.Contains(stored[0].Data, []byte("secret")) {
			t.Errorf("%s is stored as %q", key, stored[0].Data)
		}
	}
	if value, err := got.Value(); value != secret || err != nil {
		t.Errorf("a pipeline reads %q, %v", value, err)
	}
	if values, err := many.Value(); len(values) != 3 || values["l"] != secret || err != nil {
		t.Errorf("a pipeline reads %q, %v", values, err)
	}
	if value, err := v.Get(ctx, "k"); value != secret || err != nil {
		t.Errorf("Get: %q, %v", value, err)
	}
	if values, err := v.GetMany(ctx, []string{"k", "l", "m"}); len(values) != 3 || values["m"] != secret || err != nil {
		t.Errorf("GetMany: %q, %v", values, err)
	}
	if old, err := v.Swap(ctx, "k", "another"); old != secret || err != nil {
		t.Errorf("Swap: %q, %v", old, err)
	}
	if n, err := xcache.For[int](c).Get(ctx, "nobody"); n != 0 || !errors.Is(err, xcache.ErrNotFound) {
		t.Errorf("a miss: %d, %v", n, err)
	}
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
	must(t, v.Set(t.Context(), "k", value))
	got, err := v.Get(t.Context(), "k")
	if fmt.Sprint(got) != fmt.Sprint(value) || err != nil {
		t.Errorf("%T %v is read as %v, %v", value, value, got, err)
	}
}

func TestEncryptedValuesThatCannotBeTrusted(t *testing.T) {
	ctx := t.Context()
	s, c := newFake(t, xcache.WithEncryption(keyRing(t, "ab")))
	v := xcache.For[string](c)
	must(t, v.Set(ctx, "k", "value"))
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
			must(t, s.store.Set(ctx, []driver.Entry{{Key: ":1:k", Value: stored, TTL: time.Minute}}))
			if got, err := v.Get(ctx, "k"); !errors.Is(err, xcache.ErrCorrupt) || got != "" {
				t.Errorf("got %q, %v", got, err)
			}
			if got, err := v.GetMany(ctx, []string{"k"}); !errors.Is(err, xcache.ErrCorrupt) || len(got) != 0 {
				t.Errorf("GetMany got %q, %v", got, err)
			}
		})
	}
	t.Run("moved to another key", func(t *testing.T) {
		must(t, s.store.Set(ctx, []driver.Entry{{Key: ":1:other", Value: sealed, TTL: time.Minute}}))
		if got, err := v.Get(ctx, "other"); !errors.Is(err, xcache.ErrCorrupt) {
			t.Errorf("got %q, %v", got, err)
		}
	})
	t.Run("moved to another version", func(t *testing.T) {
		must(t, s.store.Set(ctx, []driver.Entry{{Key: ":2:k", Value: sealed, TTL: time.Minute}}))
		if got, err := v.With(xcache.WithVersion(2)).Get(ctx, "k"); !errors.Is(err, xcache.ErrCorrupt) {
			t.Errorf("got %q, %v", got, err)
		}
	})
	t.Run("read without keys", func(t *testing.T) {
		must(t, s.store.Set(ctx, []driver.Entry{{Key: ":1:k", Value: sealed, TTL: time.Minute}}))
		_, err := v.With(xcache.WithEncryption(nil)).Get(ctx, "k")
		wantError(t, err, xcache.ErrCorrupt, "has no encryption keys")
	})
}

// wantError fails the test unless err is target and says text.
func wantError(t *testing.T, err, target error, text string) {
	t.Helper()
	if !errors.Is(err, target) || !strings.Contains(err.Error(), text) {
		t.Errorf("got %v, want %v that says %q", err, target, text)
	}
}

func TestEncryptionKeysRotate(t *testing.T) {
	ctx := t.Context()
	_, c := newFake(t)
	with := func(keys string) *xcache.View[string] {
		return xcache.For[string](c.With(xcache.WithEncryption(keyRing(t, keys))))
	}
	must(t, with("a").Set(ctx, "k", "value"))
	if got, err := with("ba").Get(ctx, "k"); got != "value" || err != nil {
		t.Errorf("with the new key in front: %q, %v", got, err)
	}
	if old := c.CodecReads().Old; len(old) != 1 {
		t.Errorf("a value of an old key is not counted as one: %v", old)
	}
	_, err := with("b").Get(ctx, "k")
	wantError(t, err, xcache.ErrCorrupt, "is not in the key ring")
	must(t, with("ba").Set(ctx, "k", "value"))
	if got, err := with("b").Get(ctx, "k"); got != "value" || err != nil {
		t.Errorf("written again: %q, %v", got, err)
	}
}

func TestComparisonsOfEncryptedValues(t *testing.T) {
	ctx := t.Context()
	s, c := newFake(t, xcache.WithEncryption(keyRing(t, "a")))
	v := xcache.For[string](c)
	if swapped, err := v.CompareAndSwap(ctx, "k", "one", "two"); swapped || err != nil {
		t.Errorf("on a missing key: %v, %v", swapped, err)
	}
	must(t, v.Set(ctx, "k", "one"))
	if swapped, err := v.CompareAndSwap(ctx, "k", "none", "two"); swapped || err != nil {
		t.Errorf("of another value: %v, %v", swapped, err)
	}
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
	if swapped, err := v.CompareAndSwap(ctx, "k", "one", "two"); !swapped || err != nil || again {
		t.Errorf("of the same value, stored again: %v, %v", swapped, err)
	}
	if deleted, err := v.CompareAndDelete(ctx, "k", "one"); deleted || err != nil {
		t.Errorf("delete of another value: %v, %v", deleted, err)
	}
	if deleted, err := v.CompareAndDelete(ctx, "k", "two"); !deleted || err != nil {
		t.Errorf("delete: %v, %v", deleted, err)
	}
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
		if !errors.Is(err, errors.ErrUnsupported) || !strings.Contains(err.Error(), "encrypted value") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := s.total(); n != 0 {
		t.Errorf("%d calls of the store", n)
	}
	if n, err := c.With(xcache.WithEncryption(nil)).IncrInit(ctx, "n", 1, 0); n != 1 || err != nil {
		t.Errorf("a view without encryption counts %d, %v", n, err)
	}
}

func TestEncryptionKeysComeFromAFile(t *testing.T) {
	line := func(letter string, n int) string {
		return base64.StdEncoding.EncodeToString(append([]byte("a key of "), bytes.Repeat([]byte(letter), n-9)...)) + "\n"
	}
	write := func(text string) string {
		file := filepath.Join(t.TempDir(), "keys")
		must(t, os.WriteFile(file, []byte(text), 0o600))
		return file
	}
	c, err := xcache.OpenDSN("memory://?encryption_keys=" + write("# new\n"+line("b", 32)+"\n# old\n"+line("a", 16)))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { must(t, c.Close()) }()
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
			if err == nil || !strings.Contains(err.Error(), bad.says) || !strings.Contains(err.Error(), "encryption_keys") {
				t.Fatalf("got %v, want one that says %q", err, bad.says)
			}
			if strings.Contains(err.Error(), "canary") || strings.Contains(err.Error(), line("c", 15)[:8]) {
				t.Errorf("the error shows a key: %v", err)
			}
		})
	}
}
