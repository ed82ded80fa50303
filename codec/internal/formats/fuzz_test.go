package formats_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/codec"
	"github.com/xcache-go/xcache/codec/internal/formats"
	"github.com/xcache-go/xcache/codec/internal/serializertest"
	"github.com/xcache-go/xcache/codec/msgpack"
)

// allMembers are chains of as many formats as can be in one.
func allMembers(tb testing.TB) []*codec.Chain {
	var marked []codec.Serializer
	var compressors []codec.Compressor
	for _, s := range formats.Serializers() {
		if _, ok := s.(codec.Recognizer); ok {
			marked = append(marked, s)
		}
	}
	for _, m := range formats.Compressors() {
		if _, ok := m.(codec.Recognizer); ok {
			compressors = append(compressors, m)
		}
	}
	withMsgpack := append([]codec.Serializer{msgpack.Serializer}, marked...)
	return []*codec.Chain{
		mustChain(tb, codec.Config{Serializers: withMsgpack, Compressors: compressors}),
		mustChain(tb, codec.Config{Serializers: marked, Compressors: formats.Compressors()}),
		mustChain(tb, codec.Config{Serializers: formats.Serializers(), Compressors: formats.Compressors(), Format: codec.Tagged}),
		mustChain(tb, codec.Config{Serializers: withMsgpack, Compressors: formats.Compressors(), Format: codec.Tagged}),
	}
}

// FuzzChain feeds chains of all formats anything, and once more what was made of it
// by a key ring: no panic, an error that matches a sentinel, nothing over the limit,
// the input as it was; and what is encrypted is never read.
func FuzzChain(f *testing.F) {
	for _, single := range formats.Singles(codec.CompressAlways) {
		value := any(serializertest.Ada())
		if single.Serializer == codec.Raw {
			value = bytes.Repeat([]byte("raw "), 20)
		}
		if stored, err := single.Chain.Append(nil, value); err == nil {
			f.Add(stored)
		}
	}
	chains := allMembers(f)
	ring, err := codec.NewKeyRing([]byte("32 bytes that stand for a secret"))
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, data []byte) {
		before := bytes.Clone(data)
		for _, chain := range chains {
			for _, into := range []any{new(any), new(string), new(float64), new(serializertest.Account), new(map[string]any)} {
				_, err := chain.Decode(data, into)
				require.False(t, err != nil && !errors.Is(err, codec.ErrCorrupt) && !errors.Is(err, codec.ErrTooLarge) && !errors.Is(err, codec.ErrUnsupportedValue), "%x into a %T: %v matches no sentinel", data, into, err)
			}
			var v any
			read, err := chain.Decode(ring.Seal(nil, data, "key"), &v)
			require.ErrorIs(t, err, codec.ErrCorrupt, "%x, encrypted, is read as %v by %+v", data, v, read)
		}
		for _, s := range formats.Serializers() {
			r, ok := s.(codec.Recognizer)
			for _, into := range []any{new(any), new(string), new(float64), new(serializertest.Account)} {
				require.False(t, ok && s.Unmarshal(data, into) == nil && !r.Recognize(data), "%s reads %x into a %T, and does not recognise it", s.Name(), data, into)
			}
		}
		require.Equal(t, string(before), string(data))
	})
}

// FuzzText stores a text with each serializer and compressor, and has every one
// read it: the same text, or an error.
func FuzzText(f *testing.F) {
	for _, text := range []string{"", "5", "80", "null", "\x80\x04.", "\xd9\xd9\xf7\x01", "\x28\xb5\x2f\xfd", "\xfe\xc1\x01", "\x37", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"} {
		f.Add(text)
	}
	singles := formats.Singles(codec.CompressAlways)
	f.Fuzz(func(t *testing.T, text string) {
		type written struct{ serializer, stored string }
		known := map[written]bool{}
		for _, w := range singles {
			stored, err := w.Chain.Append(nil, text)
			if err != nil {
				continue // not UTF-8
			}
			// What does not shrink is stored alike by all.
			own, again := w.Name, written{w.Serializer.Name(), string(stored)}
			if known[again] {
				var got string
				_, err := w.Chain.Decode(stored, &got)
				require.NoError(t, err, "%s wrote %q as %x, and reads %q, %v", own, text, stored, got, err)
				require.Equal(t, text, got, "%s wrote %q as %x, and reads %q, %v", own, text, stored, got, err)
				continue
			}
			known[again] = true
			if w.Serializer == codec.Raw && w.Config.Format == codec.Plain {
				continue // it may be what another writes
			}
			for _, r := range singles {
				if r.Serializer == codec.Raw && (r.Config.Format == codec.Plain || w.Config.Format == codec.Plain) {
					continue // any bytes are a value to it
				}
				var got string
				read, err := r.Chain.Decode(stored, &got)
				require.False(t, r.Name == own && err != nil, "%s wrote %q as %x, %s read %q by %+v, %v", w.Name, text, stored, r.Name, got, read, err)
				require.False(t, err == nil && (got != text || read.Serializer != w.Serializer.Name()), "%s wrote %q as %x, %s read %q by %+v, %v", w.Name, text, stored, r.Name, got, read, err)
			}
		}
	})
}
