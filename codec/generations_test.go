package codec_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/codec"
)

// A value that depends on generations, byte by byte.
func TestTheFormatOfGenerations(t *testing.T) {
	generations := []codec.Generation{{Name: ":tag:a", ID: "g1"}, {Name: ":tag:b", ID: ""}}
	stored := codec.AppendGenerations([]byte("before"), generations, []byte(`"hi"`))
	const want = "before" +
		"\xFE\xC1" + // magic
		"\x02" + // version
		"\x78\x19\x09\x30" + // CRC-32C
		"\x12" + // 18 bytes
		"\x06:tag:a\x02g1\x06:tag:b\x00" +
		`"hi"`
	require.Equal(t, want, string(stored))
	got, value, ok := codec.CutGenerations(stored[len("before"):])
	require.True(t, ok)
	require.Equal(t, generations, got)
	require.Equal(t, `"hi"`, string(value))
}

func TestGenerationsAreReadBack(t *testing.T) {
	long := strings.Repeat("x", 1<<14)
	for _, generations := range [][]codec.Generation{nil, {{}}, {{Name: long, ID: long[:127]}, {Name: long[:128]}}} {
		for _, value := range []string{"", "v", long, string(codec.AppendGenerations(nil, generations, nil))} {
			stored := codec.AppendGenerations(nil, generations, []byte(value))
			require.True(t, codec.HasGenerations(stored))
			got, cut, ok := codec.CutGenerations(stored)
			require.True(t, ok)
			require.Equal(t, generations, got)
			require.Equal(t, value, string(cut))
		}
	}
}

// A damaged value is no value, though the chain reads any bytes.
func TestDamagedGenerationsAreCorrupt(t *testing.T) {
	chain := mustChain(t, codec.Config{Serializers: []codec.Serializer{codec.Raw}, Format: codec.Tagged})
	for _, value := range []string{"", "12", "some value"} {
		stored := codec.AppendGenerations(nil, []codec.Generation{{Name: ":tag:a", ID: "g1"}}, []byte(value))
		refused := func(damaged []byte, what string, i int) {
			_, _, ok := codec.CutGenerations(damaged)
			require.False(t, ok, "%s %d of %x", what, i, stored)
			if len(damaged) > 2 {
				_, _, err := chain.DecodeBytes(damaged)
				require.ErrorIs(t, err, codec.ErrCorrupt, "%s %d of %x", what, i, stored)
			}
		}
		for bit := range 8 * len(stored) {
			damaged := append([]byte(nil), stored...)
			damaged[bit/8] ^= 1 << (bit % 8)
			refused(damaged, "bit", bit)
		}
		for length := range stored {
			refused(stored[:length], "cut to", length)
		}
	}
}

func FuzzGenerations(f *testing.F) {
	f.Add([]byte("value"), "name", "id")
	f.Add(codec.AppendGenerations(nil, []codec.Generation{{Name: "a", ID: "b"}}, nil), "", "")
	f.Fuzz(func(t *testing.T, value []byte, name, id string) {
		generations, rest, ok := codec.CutGenerations(value)
		if ok {
			again := codec.AppendGenerations(nil, generations, rest)
			require.LessOrEqual(t, len(again), len(value), "lengths may be written in a longer way")
		}
		generations = []codec.Generation{{Name: name, ID: id}}
		got, rest, ok := codec.CutGenerations(codec.AppendGenerations(nil, generations, value))
		require.True(t, ok)
		require.Equal(t, generations, got)
		require.Equal(t, string(value), string(rest))
	})
}
