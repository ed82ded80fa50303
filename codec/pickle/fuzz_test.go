package pickle_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/codec"
	"github.com/xcache-go/xcache/codec/pickle"
)

// FuzzUnmarshal decodes arbitrary bytes. The decoder must not panic, must return errors of
// the known kinds, and must not change the input. Each decoded value is written and read
// again. No other format may read the written bytes.
func FuzzUnmarshal(f *testing.F) {
	for _, w := range cpython(f) {
		f.Add(w.data)
	}
	for _, data := range []string{
		"", "\x80\x04.", "\x80\x04]\x94h\x00a.", doubled("]"), "\x80\x02cos\nsystem\nX\x02\x00\x00\x00ls\x85R.",
		"\x80\x04\x8c\x06models\x8c\x04User\x93)\x81}\x8c\x02idK\x01sb.", "\x80\x04(K\x01K\x021N.", "\x80\x02\x84\x01\x02\x03\x04.",
	} {
		f.Add([]byte(data))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		checkRead(t, data)
		var v any
		if pickle.Serializer.Unmarshal(data, &v) != nil {
			return
		}
		for _, other := range []codec.Serializer{codec.JSON, codec.Gob} {
			require.False(t, other.(codec.Recognizer).Recognize(data), "%x is %s too", data, other.Name())
		}
		stored, err := pickle.Serializer.Append(nil, v)
		if err != nil {
			return // such as a NaN key
		}
		var again any
		require.NoError(t, pickle.Serializer.Unmarshal(stored, &again), "%x is read as %#v and written as %x", data, v, stored)
		twice, err := pickle.Serializer.Append(nil, again)
		require.NoError(t, err, "%x is written as %x", stored, twice)
		require.Equal(t, string(twice), string(stored))
	})
}

// FuzzRoundTrip stores values with data of the fuzzer.
func FuzzRoundTrip(f *testing.F) {
	f.Add("text", int64(-1), 0.5, []byte("bytes"), true)
	f.Add("", int64(1<<40), 1e300, []byte{}, false)
	f.Fuzz(func(t *testing.T, text string, number int64, float float64, b []byte, yes bool) {
		if float != float {
			return
		}
		v := map[string]any{text: []any{number, float, b, yes, nil}, "x": map[string]any{"text": text, "number": number >> 7}}
		stored, err := pickle.Serializer.Append(nil, v)
		if err != nil {
			return // invalid UTF-8
		}
		var got any
		require.NoError(t, pickle.Serializer.Unmarshal(stored, &got), "stored %#v", v)
		require.Equal(t, any(v), got)
	})
}
