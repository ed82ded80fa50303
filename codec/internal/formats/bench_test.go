package formats_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/xcache-go/xcache/codec"
	"github.com/xcache-go/xcache/codec/internal/formats"
	"github.com/xcache-go/xcache/internal/shop"
)

// BenchmarkSerializers encodes and decodes an order with every format: raw its
// JSON, as bytes. MB/s are of the JSON text, whatever the format makes of it.
func BenchmarkSerializers(b *testing.B) {
	for _, s := range formats.Serializers() {
		for _, size := range shop.Sizes {
			order := shop.NewOrder(size)
			encode := func(dst []byte) ([]byte, error) { return s.Append(dst, order) }
			decode := func(stored []byte) error { return s.Unmarshal(stored, new(shop.Order)) }
			if s == codec.Raw {
				text := must(json.Marshal(order))
				encode = func(dst []byte) ([]byte, error) { return s.Append(dst, text) }
				decode = func(stored []byte) error { return s.Unmarshal(stored, new([]byte)) }
			}
			bench(b, s.Name(), size, encode, decode)
		}
	}
}

// BenchmarkCompressors compresses and decompresses the JSON of an order.
func BenchmarkCompressors(b *testing.B) {
	for _, m := range formats.Compressors() {
		for _, size := range shop.Sizes {
			text := must(json.Marshal(shop.NewOrder(size)))
			out := make([]byte, 0, size)
			bench(b, m.Name(), size,
				func(dst []byte) ([]byte, error) { return m.Append(dst, text) },
				func(stored []byte) error { _, err := m.Decompress(out, stored, codec.DefaultMaxValue); return err })
		}
	}
}

// bench times both ways. It reports how many bytes of JSON, of size bytes, one
// stored byte holds.
func bench(b *testing.B, name string, size int, encode func(dst []byte) ([]byte, error), decode func(stored []byte) error) {
	stored := must(encode(nil))
	buf := make([]byte, 0, 2*size)
	run := func(way string, op func() error) {
		b.Run(fmt.Sprintf("%s/%d/%s", name, size, way), func(b *testing.B) {
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				if err := op(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(size)/float64(len(stored)), "ratio")
		})
	}
	run("encode", func() error { _, err := encode(buf); return err })
	run("decode", func() error { return decode(stored) })
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
