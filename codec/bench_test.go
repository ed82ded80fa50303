package codec_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/xcache-go/xcache/codec"
)

// BenchmarkRaw is the fast path of []byte.
func BenchmarkRaw(b *testing.B) {
	for _, format := range []codec.Format{codec.Plain, codec.Tagged} {
		chain := mustChain(b, codec.Config{Serializers: []codec.Serializer{codec.Raw}, Format: format})
		for _, size := range []int{100, 1 << 10, 64 << 10} {
			value := bytes.Repeat([]byte{'x'}, size)
			var buf []byte
			b.Run(fmt.Sprintf("encode/%v/%d", format, size), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					out, err := chain.EncodeBytes(buf[:0], value)
					if err != nil {
						b.Fatal(err)
					}
					if format == codec.Tagged {
						buf = out // a plain one is value itself
					}
				}
			})
			stored, err := chain.EncodeBytes(nil, value)
			require.NoError(b, err)
			b.Run(fmt.Sprintf("decode/%v/%d", format, size), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if _, _, err := chain.DecodeBytes(stored); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
