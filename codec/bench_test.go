package codec_test

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/xcache-go/xcache/codec"
)

// A record is what services cache: a few fields, a list, a map.
type record struct {
	ID      int64             `json:"id"`
	Name    string            `json:"name"`
	Email   string            `json:"email"`
	Score   float64           `json:"score"`
	Tags    []string          `json:"tags"`
	Labels  map[string]string `json:"labels"`
	Entries []entry           `json:"entries"`
}

type entry struct {
	Key   string `json:"key"`
	Count int    `json:"count"`
	On    bool   `json:"on"`
}

// newRecord returns a record that is about size bytes long in JSON.
func newRecord(size int) record {
	r := record{ID: 42, Name: "Ada Lovelace", Email: "ada@example.org", Score: 0.5,
		Tags: []string{"first", "second"}, Labels: map[string]string{"team": "engine"}}
	for i := range max(0, (size-140)/46) {
		r.Entries = append(r.Entries, entry{Key: fmt.Sprintf("entry number %d", i), Count: i, On: i%2 == 0})
	}
	return r
}

var sizes = []int{256, 1 << 10, 16 << 10, 1 << 20}

func mustChain(tb testing.TB, config codec.Config) *codec.Chain {
	tb.Helper()
	c, err := codec.New(config)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// BenchmarkJSON compares a chain of JSON with encoding/json itself.
func BenchmarkJSON(b *testing.B) {
	chain := mustChain(b, codec.Config{})
	for _, size := range sizes {
		r := newRecord(size)
		text, err := json.Marshal(r)
		if err != nil {
			b.Fatal(err)
		}
		var buf []byte
		run := func(name string, f func() error) {
			b.Run(fmt.Sprintf("%s/%d", name, size), func(b *testing.B) {
				b.SetBytes(int64(len(text)))
				b.ReportAllocs()
				for b.Loop() {
					if err := f(); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
		run("encode/direct", func() error { _, err := json.Marshal(&r); return err })
		run("encode/chain", func() (err error) { buf, err = chain.Append(buf[:0], &r); return err })
		run("decode/direct", func() error { var r record; return json.Unmarshal(text, &r) })
		run("decode/chain", func() error { var r record; _, err := chain.Decode(text, &r); return err })
		run("decode-any/direct", func() error { var v any; return json.Unmarshal(text, &v) })
		run("decode-any/chain", func() error { var v any; _, err := chain.Decode(text, &v); return err })
	}
}

// BenchmarkGob compares a chain of gob with encoding/gob itself.
func BenchmarkGob(b *testing.B) {
	chain := mustChain(b, codec.Config{Serializers: []codec.Serializer{codec.Gob}})
	for _, size := range sizes {
		r := newRecord(size)
		var stream bytes.Buffer
		if err := gob.NewEncoder(&stream).Encode(&r); err != nil {
			b.Fatal(err)
		}
		var buf []byte
		run := func(name string, f func() error) {
			b.Run(fmt.Sprintf("%s/%d", name, size), func(b *testing.B) {
				b.SetBytes(int64(stream.Len()))
				b.ReportAllocs()
				for b.Loop() {
					if err := f(); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
		run("encode/direct", func() error { return gob.NewEncoder(bytes.NewBuffer(buf[:0])).Encode(&r) })
		run("encode/chain", func() (err error) { buf, err = chain.Append(buf[:0], &r); return err })
		run("decode/direct", func() error { var r record; return gob.NewDecoder(bytes.NewReader(stream.Bytes())).Decode(&r) })
		run("decode/chain", func() error { var r record; _, err := chain.Decode(stream.Bytes(), &r); return err })
	}
}

// BenchmarkCompressed compares chains of one serializer and one compressor
// with the two called one after the other.
func BenchmarkCompressed(b *testing.B) {
	for _, m := range []codec.Compressor{codec.Gzip, codec.Zlib} {
		for _, format := range []codec.Format{codec.Plain, codec.Tagged} {
			chain := mustChain(b, codec.Config{Compressors: []codec.Compressor{m}, Format: format})
			for _, size := range sizes[1:3] {
				r := newRecord(size)
				text, _ := codec.JSON.Append(nil, &r)
				short, err := m.Append(nil, text)
				if err != nil {
					b.Fatal(err)
				}
				stored, err := chain.Append(nil, &r)
				if err != nil {
					b.Fatal(err)
				}
				var buf, buf2 []byte
				run := func(name string, f func() error) {
					b.Run(fmt.Sprintf("%s/%s/%v/%d", m.Name(), name, format, size), func(b *testing.B) {
						b.SetBytes(int64(len(text)))
						b.ReportAllocs()
						for b.Loop() {
							if err := f(); err != nil {
								b.Fatal(err)
							}
						}
					})
				}
				run("encode/direct", func() (err error) {
					if buf, err = codec.JSON.Append(buf[:0], &r); err == nil {
						buf2, err = m.Append(buf2[:0], buf)
					}
					return err
				})
				run("encode/chain", func() (err error) { buf, err = chain.Append(buf[:0], &r); return err })
				run("decode/direct", func() (err error) {
					if buf, err = m.Decompress(buf[:0], short, 64<<20); err == nil {
						var r record
						err = codec.JSON.Unmarshal(buf, &r)
					}
					return err
				})
				run("decode/chain", func() error { var r record; _, err := chain.Decode(stored, &r); return err })
			}
		}
	}
}

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
			if err != nil {
				b.Fatal(err)
			}
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

// BenchmarkFallback is what reading costs when another member of the chain
// wrote the value.
func BenchmarkFallback(b *testing.B) {
	r := newRecord(1 << 10)
	for _, writer := range []codec.Serializer{codec.JSON, codec.Gob} {
		stored, err := writer.Append(nil, &r)
		if err != nil {
			b.Fatal(err)
		}
		for _, chain := range [][]codec.Serializer{{writer}, {codec.JSON, codec.Gob}, {codec.Gob, codec.JSON}} {
			c := mustChain(b, codec.Config{Serializers: chain})
			name := chain[0].Name()
			if len(chain) > 1 {
				name += "," + chain[1].Name()
			}
			b.Run(writer.Name()+"-read-by-"+name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					var r record
					if _, err := c.Decode(stored, &r); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
