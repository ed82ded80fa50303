package codec_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/xcache-go/xcache/codec"
	"github.com/xcache-go/xcache/internal/race"
)

// allocations returns the fewest allocations of a few runs: a collection in
// between empties the pools.
func allocations(f func()) float64 {
	fewest := testing.AllocsPerRun(100, f)
	for range 4 {
		fewest = min(fewest, testing.AllocsPerRun(100, f))
	}
	return fewest
}

func TestAllocations(t *testing.T) {
	raw := mustChain(t, codec.Config{Serializers: rawOnly})
	taggedRaw := mustChain(t, codec.Config{Serializers: rawOnly, Format: codec.Tagged})
	plain := mustChain(t, codec.Config{})
	tagged := mustChain(t, codec.Config{Format: codec.Tagged})
	zipped := mustChain(t, codec.Config{Compressors: gzipOnly})
	several := mustChain(t, codec.Config{Serializers: jsonGob, Compressors: gzipZlib})
	value := bytes.Repeat([]byte("v"), 100)
	record := newRecord(1 << 10)
	var recordPointer any = &record
	text, err := json.Marshal(&record)
	require.NoError(t, err)
	encode := func(c *codec.Chain, v any) []byte {
		stored, err := c.Append(nil, v)
		require.NoError(t, err)
		return stored
	}
	buf := make([]byte, 0, 64<<10)
	fail := func(err error) {
		require.NoError(t, err)
	}
	marshal := allocations(func() { _, err := json.Marshal(recordPointer); fail(err) })
	unmarshal := allocations(func() { var r any = new(recordType); fail(json.Unmarshal(text, r)) })

	tests := []struct {
		name string
		most float64
		f    func()
	}{
		{"raw: encode", 0, func() { _, err := raw.EncodeBytes(buf[:0], value); fail(err) }},
		{"raw: decode", 1, func() { _, _, err := raw.DecodeBytes(value); fail(err) }},
		{"raw, tagged: encode", 0, func() { _, err := taggedRaw.EncodeBytes(buf[:0], value); fail(err) }},
		{"raw, tagged: decode", 1, decodeBytes(taggedRaw, encode(taggedRaw, value), fail)},
		{"json bytes: encode", 0, func() { _, err := plain.EncodeBytes(buf[:0], value); fail(err) }},
		{"json bytes: decode", 1, decodeBytes(plain, encode(plain, value), fail)},
		{"integer: encode", 0, func() { _, err := plain.Append(buf[:0], 200); fail(err) }},
		// encoding/json itself allocates its result; the chain does not.
		{"json: encode", marshal - 1, func() { _, err := plain.Append(buf[:0], recordPointer); fail(err) }},
		{"json, tagged: encode", marshal - 1, func() { _, err := tagged.Append(buf[:0], recordPointer); fail(err) }},
		{"json, gzip: encode", marshal - 1, func() { _, err := zipped.Append(buf[:0], recordPointer); fail(err) }},
		{"json: decode", unmarshal, decode(plain, encode(plain, recordPointer), fail)},
		{"json, tagged: decode", unmarshal, decode(tagged, encode(tagged, recordPointer), fail)},
		{"json, gzip: decode", unmarshal, decode(zipped, encode(zipped, recordPointer), fail)},
		{"several members: decode", unmarshal, decode(several, encode(several, recordPointer), fail)},
	}
	for _, test := range tests {
		if !race.Enabled {
			require.LessOrEqual(t, allocations(test.f), test.most, "allocations to %s", test.name)
		}
	}
}

type recordType = record

func decode(c *codec.Chain, stored []byte, fail func(error)) func() {
	return func() {
		var r recordType
		_, err := c.Decode(stored, &r)
		fail(err)
	}
}

func decodeBytes(c *codec.Chain, stored []byte, fail func(error)) func() {
	return func() {
		_, _, err := c.DecodeBytes(stored)
		fail(err)
	}
}

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
