package main

import (
	"strings"
	"testing"

	"github.com/xcache-go/xcache/codec"
	"github.com/xcache-go/xcache/codec/msgpack"
	"github.com/xcache-go/xcache/codec/pickle"
	"github.com/xcache-go/xcache/codec/zstd"
	"github.com/xcache-go/xcache/internal/shop"
)

// A chainTable compares chains of one serializer and at most one compressor with
// direct calls of the two, one after the other.
type chainTable struct {
	name string
	size int
}

func chainTables() []chainTable {
	var all []chainTable
	for _, size := range []int{1 << 10, 16 << 10} {
		all = append(all, chainTable{"Chains, " + shop.SizeName(size), size})
	}
	return all
}

func (t chainTable) title() string { return t.name }

func (t chainTable) record(rounds int) (record, error) {
	order := shop.NewOrder(t.size)
	var configs []codec.Config
	for _, s := range serializers {
		configs = append(configs, codec.Config{Serializers: []codec.Serializer{s}})
	}
	for _, m := range compressors[:len(compressors)-1] { // xz takes so long that its row would hide all other differences
		configs = append(configs, codec.Config{Compressors: []codec.Compressor{m}})
	}
	configs = append(configs,
		codec.Config{Serializers: []codec.Serializer{msgpack.Serializer}, Compressors: []codec.Compressor{zstd.Compressor}},
		codec.Config{Format: codec.Tagged},
		codec.Config{Compressors: []codec.Compressor{zstd.Compressor}, Format: codec.Tagged})
	r := record{Heads: []string{t.name}}
	for _, way := range []string{"write", "read"} {
		r.Columns = append(r.Columns, column{way + ", called directly", nanoseconds}, column{"by the chain", nanoseconds},
			column{"×", ratios}, column{"allocations more", counts})
	}
	for _, config := range configs {
		direct, chain := directly(config, order), through(config, order)
		line := row{Names: []string{describe(config)}}
		for _, way := range []comparison{
			{t.name, []contestant{{"directly", timed(t.size, direct.encode)}, {"chain", timed(t.size, chain.encode)}}},
			{t.name, []contestant{{"directly", timed(t.size, direct.decode)}, {"chain", timed(t.size, chain.decode)}}},
		} {
			m, err := way.measure(rounds)
			if err != nil {
				return record{}, err
			}
			line.Cells = append(line.Cells, median(m[0].nanoseconds), median(m[1].nanoseconds), ratio(m[1], m[0]),
				float64(m[1].allocations-m[0].allocations))
		}
		r.Rows = append(r.Rows, line)
	}
	return r, nil
}

// directly calls the serializer and the compressor of a chain, with buffers
// that are used again.
func directly(config codec.Config, order *shop.Order) codecRow {
	s := codec.JSON
	if config.Serializers != nil {
		s = config.Serializers[0]
	}
	text := must(s.Append(nil, order))
	buf := make([]byte, 0, 2*len(text))
	if config.Compressors == nil {
		return codecRow{
			encode: func() error { _, err := s.Append(buf, order); return err },
			decode: func() error { return s.Unmarshal(text, new(shop.Order)) },
		}
	}
	m := config.Compressors[0]
	stored := must(m.Append(nil, text))
	out := make([]byte, 0, 2*len(text))
	return codecRow{
		encode: func() error {
			text, err := s.Append(buf, order)
			if err == nil {
				_, err = m.Append(out, text)
			}
			return err
		},
		decode: func() error {
			text, err := m.Decompress(buf, stored, codec.DefaultMaxValue)
			if err == nil {
				err = s.Unmarshal(text, new(shop.Order))
			}
			return err
		},
	}
}

func through(config codec.Config, order *shop.Order) codecRow {
	chain := must(codec.New(config))
	stored := must(chain.Append(nil, order))
	buf := make([]byte, 0, 4*len(stored)+64<<10)
	return codecRow{
		encode: func() error { _, err := chain.Append(buf, order); return err },
		decode: func() error { _, err := chain.Decode(stored, new(shop.Order)); return err },
	}
}

// describe returns a chain in the form of a DSN.
func describe(config codec.Config) string {
	var members []string
	for _, s := range config.Serializers {
		members = append(members, s.Name())
	}
	name := strings.Join(members, ",")
	if name == "" {
		name = "json"
	}
	members = nil
	for _, m := range config.Compressors {
		members = append(members, m.Name())
	}
	if members != nil {
		name += " + " + strings.Join(members, ",")
	}
	if config.Format == codec.Tagged {
		name += ", tagged"
	}
	return name
}

// A fallbackTable shows the cost of a read of a value that a former writer of
// the chain wrote. The cost is compared with a chain of that member alone.
type fallbackTable struct{}

func (fallbackTable) title() string { return "Fallback" }

func (t fallbackTable) record(rounds int) (record, error) {
	const size = 1 << 10
	order := shop.NewOrder(size)
	r := record{
		Heads:   []string{"Fallback, " + shop.SizeName(size), "written by"},
		Columns: []column{{"read by its own chain", nanoseconds}, {"read by this chain", nanoseconds}, {"×", ratios}, {"allocations more", counts}},
	}
	serializers := func(s ...codec.Serializer) codec.Config { return codec.Config{Serializers: s} }
	compressors := func(m ...codec.Compressor) codec.Config { return codec.Config{Compressors: m} }
	tagged := func(config codec.Config) codec.Config { config.Format = codec.Tagged; return config }
	for _, pair := range []struct{ reader, writer codec.Config }{
		{serializers(codec.JSON, msgpack.Serializer), serializers(codec.JSON)},
		{serializers(msgpack.Serializer, codec.JSON), serializers(codec.JSON)},
		{serializers(codec.Gob, codec.JSON), serializers(codec.JSON)},
		{serializers(codec.JSON, pickle.Serializer), serializers(pickle.Serializer)},
		{serializers(codec.JSON, codec.Gob, msgpack.Serializer), serializers(codec.JSON)},
		{serializers(codec.JSON, codec.Gob, msgpack.Serializer), serializers(codec.Gob)},
		{serializers(codec.JSON, codec.Gob, msgpack.Serializer), serializers(msgpack.Serializer)},
		{compressors(zstd.Compressor, codec.Gzip), compressors(codec.Gzip)},
		{compressors(zstd.Compressor, codec.Gzip), codec.Config{}},
		{tagged(serializers(msgpack.Serializer, codec.JSON)), serializers(codec.JSON)},
	} {
		alone, among := must(codec.New(pair.writer)), must(codec.New(pair.reader))
		stored := must(alone.Append(nil, order))
		readBy := func(chain *codec.Chain) func(b *testing.B) {
			return timed(size, func() error { _, err := chain.Decode(stored, new(shop.Order)); return err })
		}
		c := comparison{t.title(), []contestant{{"alone", readBy(alone)}, {"among", readBy(among)}}}
		m, err := c.measure(rounds)
		if err != nil {
			return record{}, err
		}
		r.Rows = append(r.Rows, row{[]string{describe(pair.reader), describe(pair.writer)}, []float64{
			median(m[0].nanoseconds), median(m[1].nanoseconds), ratio(m[1], m[0]), float64(m[1].allocations - m[0].allocations),
		}})
	}
	return r, nil
}
