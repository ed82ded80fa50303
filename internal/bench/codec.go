package main

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/xcache-go/xcache/codec"
	"github.com/xcache-go/xcache/codec/brotli"
	"github.com/xcache-go/xcache/codec/cbor"
	"github.com/xcache-go/xcache/codec/lz4"
	"github.com/xcache-go/xcache/codec/msgpack"
	"github.com/xcache-go/xcache/codec/pickle"
	"github.com/xcache-go/xcache/codec/s2"
	"github.com/xcache-go/xcache/codec/xz"
	"github.com/xcache-go/xcache/codec/zstd"
	"github.com/xcache-go/xcache/internal/shop"
)

var (
	serializers = []codec.Serializer{codec.JSON, msgpack.Serializer, cbor.Serializer, codec.Gob, pickle.Serializer}
	compressors = []codec.Compressor{codec.Gzip, codec.Zlib, zstd.Compressor, lz4.Compressor, s2.Compressor, brotli.Compressor, xz.Compressor}
)

// A codecTable compares formats that all write and read the same value.
type codecTable struct {
	name string
	// size is the length of the value in JSON.
	size int
	rows []codecRow
}

type codecRow struct {
	lib string
	// stored is the length of the result of encode.
	stored         int
	encode, decode func() error
}

func (t codecTable) title() string { return t.name }

// record times both ways, a row for each format. ratio is how many bytes of JSON one
// stored byte holds.
func (t codecTable) record(rounds int) (record, error) {
	encode, decode := comparison{name: t.name}, comparison{name: t.name}
	for _, row := range t.rows {
		encode.contestants = append(encode.contestants, contestant{row.lib, timed(t.size, row.encode)})
		decode.contestants = append(decode.contestants, contestant{row.lib, timed(t.size, row.decode)})
	}
	encoded, err := encode.measure(rounds)
	if err != nil {
		return record{}, err
	}
	decoded, err := decode.measure(rounds)
	if err != nil {
		return record{}, err
	}
	first := "× " + t.rows[0].lib
	r := record{Heads: []string{t.name}, Columns: []column{
		{"stored", counts}, {"ratio", ratios},
		{"write", nanoseconds}, {first, ratios}, {"allocations", counts},
		{"read", nanoseconds}, {first, ratios}, {"allocations", counts},
	}}
	for i, format := range t.rows {
		r.Rows = append(r.Rows, row{[]string{format.lib}, []float64{
			float64(format.stored), float64(t.size) / float64(format.stored),
			median(encoded[i].nanoseconds), ratio(encoded[i], encoded[0]), float64(encoded[i].allocations),
			median(decoded[i].nanoseconds), ratio(decoded[i], decoded[0]), float64(decoded[i].allocations),
		}})
	}
	return r, nil
}

func timed(size int, op func() error) func(b *testing.B) {
	return func(b *testing.B) {
		b.SetBytes(int64(size))
		b.ReportAllocs()
		for b.Loop() {
			if err := op(); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// serializerTables write and read an order of a shop. The serializer raw writes and
// reads bytes of the same length.
func serializerTables() []codecTable {
	var all []codecTable
	for _, size := range shop.Sizes {
		order := shop.NewOrder(size)
		t := codecTable{name: "Serializers, " + shop.SizeName(size), size: size}
		for _, s := range serializers {
			stored := must(s.Append(nil, order))
			buf := make([]byte, 0, 2*size)
			t.rows = append(t.rows, codecRow{s.Name(), len(stored),
				func() error { _, err := s.Append(buf, order); return err },
				func() error { return s.Unmarshal(stored, new(shop.Order)) }})
		}
		text := must(json.Marshal(order))
		buf := make([]byte, 0, size)
		t.rows = append(t.rows, codecRow{"raw, the JSON as bytes", size,
			func() error { _, err := codec.Raw.Append(buf, text); return err },
			func() error { return codec.Raw.Unmarshal(text, new([]byte)) }})
		all = append(all, t)
	}
	return all
}

// compressorTables compress the JSON of an order.
func compressorTables() []codecTable {
	var all []codecTable
	for _, size := range shop.Sizes {
		text := must(json.Marshal(shop.NewOrder(size)))
		t := codecTable{name: "Compressors, " + shop.SizeName(size), size: size}
		for _, m := range compressors {
			t.rows = append(t.rows, compressorRow(m.Name(), m, text))
		}
		all = append(all, t)
	}
	return all
}

// levelTables compare the levels of compressors with levels.
func levelTables() []codecTable {
	var all []codecTable
	for _, size := range []int{1 << 10, 16 << 10} {
		text := must(json.Marshal(shop.NewOrder(size)))
		t := codecTable{name: "Levels, " + shop.SizeName(size), size: size}
		for _, level := range []struct {
			of codec.Leveler
			at []int
		}{
			{zstd.Compressor, []int{1, 3, 9, 19}},
			{codec.Gzip.(codec.Leveler), []int{1, 6, 9}},
			{lz4.Compressor, []int{1, 9}},
			{brotli.Compressor, []int{1, 4, 9, 11}},
		} {
			for _, n := range level.at {
				m := must(level.of.WithLevel(n))
				t.rows = append(t.rows, compressorRow(fmt.Sprintf("%s:%d", m.Name(), n), m, text))
			}
		}
		all = append(all, t)
	}
	return all
}

func compressorRow(lib string, m codec.Compressor, text []byte) codecRow {
	stored := must(m.Append(nil, text))
	buf := make([]byte, 0, 2*len(text))
	return codecRow{lib, len(stored),
		func() error { _, err := m.Append(buf, text); return err },
		func() error { _, err := m.Decompress(buf, stored, codec.DefaultMaxValue); return err }}
}
