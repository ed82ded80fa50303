package codec_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/codec"
	"github.com/xcache-go/xcache/codec/internal/compressortest"
	"github.com/xcache-go/xcache/codec/internal/serializertest"
)

// seeds adds the stored forms of a few values to a fuzz target.
func seeds(f *testing.F) {
	for name, chain := range acceptedChains(f) {
		for _, v := range []any{"hello", []byte("hello"), -1, bytes.Repeat([]byte("long "), 100)} {
			stored, err := chain.Append(nil, v)
			require.NoError(f, err, name)
			f.Add(stored)
		}
	}
	for _, v := range []any{true, 0.5, ada, withChild, []account{ada}, map[string]int{"a": 1}} {
		for _, s := range jsonGob {
			stored, err := s.Append(nil, v)
			require.NoError(f, err)
			f.Add(stored)
		}
	}
	for _, text := range []string{"", "null", "-0", "[[[[", "{}", "\xfe\xc1", "\xfe\xc1\x01\x01\x00", "\x1f\x8b\x08\x00", "\x78\x9c", "\x03\x04\x00\x0a"} {
		f.Add([]byte(text))
	}
}

func FuzzJSON(f *testing.F) { serializertest.Fuzz(f, codec.JSON) }

func FuzzGob(f *testing.F) { serializertest.Fuzz(f, codec.Gob) }

func FuzzGzip(f *testing.F) { compressortest.Fuzz(f, codec.Gzip) }

func FuzzZlib(f *testing.F) { compressortest.Fuzz(f, codec.Zlib) }

// FuzzDecode feeds bytes to every chain: no panic, an error that matches a
// sentinel, and the input as it was.
func FuzzDecode(f *testing.F) {
	seeds(f)
	chains := acceptedChains(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		for name, chain := range chains {
			decodeAll(t, name, chain, data)
		}
	})
}

// FuzzTagged flips and cuts: a tagged value that is not exactly what was
// written is ErrCorrupt.
func FuzzTagged(f *testing.F) {
	f.Add([]byte("value"), uint(3), byte(1))
	f.Add([]byte(""), uint(0), byte(0x80))
	f.Add(bytes.Repeat([]byte("long "), 100), uint(9), byte(0xff))
	chain := mustChain(f, codec.Config{Serializers: []codec.Serializer{codec.Raw, codec.JSON, codec.Gob}, Compressors: gzipZlib, Format: codec.Tagged})
	f.Fuzz(func(t *testing.T, value []byte, at uint, mask byte) {
		stored, err := chain.EncodeBytes(nil, value)
		require.NoError(t, err)
		got, read, err := chain.DecodeBytes(stored)
		require.NoError(t, err, "stored %x, read %x, %+v, %v", value, got, read, err)
		require.Equal(t, string(value), string(got), "stored %x, read %x, %+v, %v", value, got, read, err)
		require.False(t, read.Fallback, "stored %x, read %x, %+v, %v", value, got, read, err)
		if i := at % uint(len(stored)); mask != 0 && i >= 2 { // more than a bit of the magic number makes it a raw value
			stored[i] ^= mask
			_, _, err := chain.DecodeBytes(stored)
			require.ErrorIs(t, err, codec.ErrCorrupt, "byte %d changed by %x", i, mask)
		}
	})
}

// FuzzRoundTrip stores a text in each format and reads it with every chain
// that knows it: the same text, or an error, and never another.
func FuzzRoundTrip(f *testing.F) {
	for _, text := range []string{"", "a", "12", "null", `"quoted"`, "\xff", "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff", `\ufffd`, "\ufffd", "\x03\x04\x00\x0a"} {
		f.Add(text)
	}
	chains := acceptedChains(f)
	f.Fuzz(func(t *testing.T, text string) {
		for writer, w := range chains {
			stored, err := w.Append(nil, text)
			if errors.Is(err, codec.ErrUnsupportedValue) {
				continue // invalid UTF-8
			}
			require.NoError(t, err)
			var own string
			_, err = w.Decode(stored, &own)
			require.NoError(t, err, "%s", writer)
			require.Equal(t, text, own, "%s", writer)
			for reader, r := range chains {
				if reader == "raw+none/plain" || writer == "raw+none/plain" || reader[:3] == "raw" && writer[len(writer)-5:] == "plain" {
					continue // any bytes are a value to raw
				}
				var other string
				_, err := r.Decode(stored, &other)
				require.False(t, err == nil && other != text, "%s wrote %q, %s read %q", writer, text, reader, other)
			}
		}
	})
}

// FuzzJSONStrings checks that what JSON stores is what it gives back.
func FuzzJSONStrings(f *testing.F) {
	for _, text := range []string{"", `\ufffd`, `\\ufffd`, "\ufffd", "\xc3", "\xed\xa0\x80", "<>&\u2028", `\`, `\u`} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		stored, err := codec.JSON.Append(nil, map[string]string{text: text})
		if err != nil {
			require.ErrorIs(t, err, codec.ErrUnsupportedValue)
			return
		}
		var got map[string]string
		require.NoError(t, codec.JSON.Unmarshal(stored, &got))
		require.Equal(t, text, got[text])
	})
}
