package codec_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/codec"
)

// newKey returns a key of n bytes, none of which is as the one before.
func newKey(n int, first byte) []byte {
	key := make([]byte, n)
	for i := range key {
		key[i] = first + byte(7*i)
	}
	return key
}

func newKeyRing(t testing.TB, keys ...[]byte) *codec.KeyRing {
	t.Helper()
	ring, err := codec.NewKeyRing(keys...)
	require.NoError(t, err)
	return ring
}

func TestKeyRingOpensWhatItSealed(t *testing.T) {
	for _, size := range []int{16, 24, 32} {
		ring := newKeyRing(t, newKey(size, 1))
		for _, text := range []string{"", "a", strings.Repeat("long ", 10_000)} {
			sealed := ring.Seal([]byte("front"), []byte(text), "key")
			require.Equal(t, len("front")+len(text)+codec.SealedOverhead, len(sealed), "%d bytes are sealed to %d", len(text), len(sealed))
			require.True(t, bytes.HasPrefix(sealed, []byte("front")), "%d bytes are sealed to %d", len(text), len(sealed))
			opened, old, err := ring.Open([]byte("front"), sealed[len("front"):], "key")
			require.Equal(t, "front"+text, string(opened), "opened %d bytes, old: %v", len(opened), old)
			require.False(t, old, "opened %d bytes, old: %v, %v", len(opened), old, err)
			require.NoError(t, err, "opened %d bytes, old: %v", len(opened), old)
		}
	}
}

func TestKeyRingSealsDifferentlyEachTime(t *testing.T) {
	ring := newKeyRing(t, newKey(32, 1))
	seen := make(map[string]bool)
	for range 1000 {
		seen[string(ring.Seal(nil, []byte("the same"), "key"))] = true
	}
	require.Len(t, seen, 1000)
}

func TestKeyRingRefusesEveryFlippedBitAndEveryCut(t *testing.T) {
	ring := newKeyRing(t, newKey(32, 1))
	sealed := ring.Seal(nil, []byte("a value"), "key")
	wantCorrupt := func(what string, data []byte, key string) {
		t.Helper()
		opened, _, err := ring.Open(nil, data, key)
		require.ErrorIs(t, err, codec.ErrCorrupt, what)
		require.Empty(t, opened, what)
	}
	for i := range 8 * len(sealed) {
		flipped := bytes.Clone(sealed)
		flipped[i/8] ^= 1 << (i % 8)
		wantCorrupt(fmt.Sprintf("bit %d flipped", i), flipped, "key")
	}
	for n := range sealed {
		wantCorrupt(fmt.Sprintf("cut to %d bytes", n), sealed[:n], "key")
	}
	wantCorrupt("of another key", sealed, "other")
	wantCorrupt("of no key", sealed, "")
}

func TestKeyRingShowsNoKey(t *testing.T) {
	ring := newKeyRing(t, []byte("canary-canary-canary-canary-cana"))
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		text := fmt.Sprintf(verb, ring)
		require.NotContains(t, text, "canary", "%s shows", verb)
		require.NotContains(t, text, "63616e617279", "%s shows", verb)
	}
}

func TestChainsSayThatAValueIsEncrypted(t *testing.T) {
	sealed := newKeyRing(t, newKey(32, 1)).Seal(nil, []byte(`"value"`), "key")
	for _, format := range []codec.Format{codec.Plain, codec.Tagged} {
		chain, err := codec.New(codec.Config{Format: format, Compressors: []codec.Compressor{codec.Gzip}})
		require.NoError(t, err)
		var got any
		_, err = chain.Decode(sealed, &got)
		require.ErrorIs(t, err, codec.ErrCorrupt, format)
		require.ErrorContains(t, err, "encrypted", format)
	}
}

func FuzzKeyRingOpen(f *testing.F) {
	ring := newKeyRing(f, newKey(32, 1))
	f.Add(ring.Seal(nil, []byte("a value"), "key"), "other")
	f.Add([]byte{0xFE, 0xC2, 1}, "key")
	f.Fuzz(func(t *testing.T, data []byte, key string) {
		opened, _, err := ring.Open(nil, data, key)
		require.Error(t, err, "opened %q, which nobody sealed for %q", opened, key)
	})
}

func ExampleKeyRing() {
	oldKey, newKey := []byte("0123456789abcdef"), []byte("fedcba9876543210") // of a real one each byte is random
	before, _ := codec.NewKeyRing(oldKey)
	after, _ := codec.NewKeyRing(newKey, oldKey)

	sealed := before.Seal(nil, []byte("secret"), "app:1:user:42")
	plaintext, old, err := after.Open(nil, sealed, "app:1:user:42")
	fmt.Printf("%s, written with an old key: %v, %v\n", plaintext, old, err)

	_, _, err = after.Open(nil, sealed, "app:1:user:43")
	fmt.Println(err)
	// Output:
	// secret, written with an old key: true, <nil>
	// xcache: corrupt value: it was changed after it was encrypted, or encrypted for another key of the cache
}
