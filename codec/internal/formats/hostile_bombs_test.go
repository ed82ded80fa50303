package formats_test

import (
	"bytes"
	"encoding/binary"
	"encoding/gob"
	"fmt"
	"hash/crc32"
	"maps"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/codec"
)

// This file has what is known to end decoders: lengths that are declared and not
// there, depth, and little that stands for much.

// serializerBombs returns those of a serializer, by name.
func serializerBombs(t *testing.T, serializer string) map[string][]byte {
	bombs := map[string][]byte{}
	mark := ""
	if serializer == "cbor" {
		mark = "\xd9\xd9\xf7" // the tag of self-described CBOR
	}
	refused := func(name, data string) { bombs["refused-"+name] = []byte(mark + data) }
	accepted := func(name, data string) { bombs["bomb-"+name] = []byte(mark + data) } // by some types
	many := func(unit string) string { return strings.Repeat(unit, 1<<20) }
	const elements = 1 << 20
	count := func(n uint32) string { return string(binary.BigEndian.AppendUint32(nil, n)) }
	switch serializer {
	case "json":
		for name, text := range map[string]string{"arrays": "[", "objects": `{"a":`} {
			refused("deep-"+name, strings.Repeat(text, 1<<20))
			refused("33-"+name, strings.Repeat(text, 33)+"1"+strings.Repeat(map[string]string{"[": "]", `{"a":`: "}"}[text], 33))
		}
		refused("too-many", "["+many("[],")+"[]]")
		accepted("many-arrays", "["+strings.Repeat("[],", elements/2-2)+"[]]")
		accepted("many-objects", "["+strings.Repeat("{},", elements/2-2)+"{}]")
		accepted("many-numbers", "["+strings.Repeat("0,", elements-2)+"0]")
		accepted("long-number", strings.Repeat("9", 1<<20))
		accepted("exponent", "1e999999999")
		accepted("escapes", `"`+strings.Repeat(`\u0041`, 1<<20)+`"`)
	case "msgpack":
		refused("array-of-4-Gi", "\xdd\xff\xff\xff\xff")
		refused("map-of-64-Mi", "\xdf\x04\x00\x00\x00")
		refused("map-of-4-Gi", "\xdf\xff\xff\xff\xff")
		refused("string-of-4-GiB", "\xdb\xff\xff\xff\xff")
		refused("bytes-of-4-GiB", "\xc6\xff\xff\xff\xff")
		refused("extension-of-4-GiB", "\xc9\xff\xff\xff\xff\xff")
		refused("deep-arrays", many("\x91"))
		refused("deep-maps", many("\x81\xa1a"))
		refused("deep-and-long", strings.Repeat("\xdd\x00\x0f\xff\xff", 1<<18))
		refused("too-many", "\xdd"+count(elements+1)+many("\xc0")+"\xc0")
		accepted("many-nils", "\xdd"+count(elements)+many("\xc0"))
		accepted("many-arrays", "\xdd"+count(elements)+many("\x90"))
		accepted("many-maps", "\xdd"+count(elements)+many("\x80"))
		accepted("many-floats", "\xdd"+count(elements)+many("\xca\x00\x00\x00\x01"))
	case "cbor":
		refused("array-of-all", "\x9b\xff\xff\xff\xff\xff\xff\xff\xff")
		refused("array-of-2-Gi", "\x9a\x7f\xff\xff\xff")
		refused("map-of-4-Gi", "\xba\xff\xff\xff\xff")
		refused("map-of-64-Mi", "\xba\x04\x00\x00\x00")
		refused("bytes-of-all", "\x5b\xff\xff\xff\xff\xff\xff\xff\xff")
		refused("text-of-2-GiB", "\x7a\x7f\xff\xff\xff")
		refused("deep-arrays", many("\x81"))
		refused("deep-maps", many("\xa1\x61a"))
		refused("deep-tags", many("\xc1"))
		refused("deep-indefinite", many("\x9f"))
		refused("too-many", "\x9a"+count(elements+1)+many("\xf6")+"\xf6")
		refused("twice-a-key", "\xa2\x61a\x01\x61a\x02")
		accepted("many-nulls", "\x9a"+count(elements)+many("\xf6"))
		accepted("many-arrays", "\x9a"+count(elements)+many("\x80"))
		accepted("many-maps", "\x9a"+count(elements)+many("\xa0"))
		refused("arrays-of-arrays", "\x98\x20"+strings.Repeat("\x9a"+count(1<<18)+strings.Repeat("\x80", 1<<18), 32))
		refused("arrays-of-maps", "\x98\x20"+strings.Repeat("\x9a"+count(1<<18)+strings.Repeat("\xa0", 1<<18), 32))
		refused("big-number", "\xc2\x5a\x00\x10\x00\x00"+many("\xff"))
	case "gob":
		declared := func(v any) string {
			var out bytes.Buffer
			require.NoError(t, gob.NewEncoder(&out).Encode(v))
			first := out.Bytes()
			return string(first[:int(first[0])+1])
		}
		message := func(body string) string { return string([]byte{byte(len(body))}) + body }
		for name, n := range map[string]string{"1-Ti": "\xfb\x01\x00\x00\x00\x00", "256-Mi": "\xfc\x10\x00\x00\x00"} {
			refused("map-of-"+name, declared(map[string]int{})+message("\xff\x80\x00"+n))
			refused("slice-of-"+name, declared([]string{})+message("\xff\x80\x00"+n))
			refused("bytes-of-"+name, message("\x0a\x00"+n))
			refused("string-of-"+name, message("\x0c\x00"+n))
		}
		refused("message-of-1-GiB", "\xfc\x3f\xff\xff\xff\x0c")
		refused("message-of-all", "\xf8\xff\xff\xff\xff\xff\xff\xff\xff\x0c")
		many := make(map[string]int)
		for i := range elements / 8 {
			many[string(binary.BigEndian.AppendUint32(nil, uint32(i)))] = i
		}
		stored, err := codec.Gob.Append(nil, many)
		require.NoError(t, err)
		accepted("large-map", string(stored))
		stored, err = codec.Gob.Append(nil, make([]string, elements))
		require.NoError(t, err)
		accepted("many-strings", string(stored))
	case "pickle":
		length := func(op string, n uint64) string {
			return "\x80\x04" + op + string(binary.LittleEndian.AppendUint64(nil, n)) + "."
		}
		for name, op := range map[string]string{"str": "\x8d", "bytes": "\x8e", "bytearray": "\x96", "frame": "\x95"} {
			refused(name+"-of-1-TiB", length(op, 1<<40))
			refused(name+"-of-all", length(op, 1<<64-1))
		}
		refused("number-of-2-GiB", "\x80\x04\x8b\xff\xff\xff\x7f.")
		refused("memo-of-2-Gi", "\x80\x04Nr\xff\xff\xff\x7f.")
		refused("list-in-itself", "\x80\x04]\x94h\x00a.")
		accepted("dict-in-itself", "\x80\x04}\x94K\x01h\x00s.")
		refused("call", "\x80\x02cos\nsystem\nX\x02\x00\x00\x00ls\x85R.")
		doubled := func(bottom string) string {
			for i := range 30 {
				bottom += "\x94h" + string([]byte{byte(i)}) + "\x86"
			}
			return "\x80\x04" + bottom + "."
		}
		refused("doubled-list", doubled("]"))
		refused("doubled-text", doubled("\x8c\xff"+strings.Repeat("x", 255)))
		refused("doubled-bytes", doubled("B\x00\x00\x10\x00"+strings.Repeat("x", 1<<20)))
		refused("bytes-many-times", "\x80\x04(B\x00\x00\x10\x00"+strings.Repeat("x", 1<<20)+"\x94"+strings.Repeat("h\x00", 1<<11)+"t.")
		refused("number-many-times", "\x80\x04(\x8b\x00\x00\x10\x00"+strings.Repeat("x", 1<<20)+"\x94"+strings.Repeat("h\x00", 1<<11)+"t.")
		refused("doubled-number", doubled("\x8b\x00\x00\x10\x00"+strings.Repeat("x", 1<<20)))
		refused("deep-lists", "\x80\x04"+many("]")+strings.Repeat("a", 1<<20-1)+".")
		refused("deep-tuples", "\x80\x04)"+many("\x85")+".")
		refused("too-many", "\x80\x04("+strings.Repeat("N", 4<<20)+"t.")
		refused("deep-lists-above-a-mark", "\x80\x04("+many("]")+strings.Repeat("a", 1<<20-1)+"t.")
		refused("too-many-lists", "\x80\x04("+strings.Repeat("]", 4<<20)+"t.")
		refused("one-list-too-many", "\x80\x04("+strings.Repeat("]", elements+1)+"t.")
		refused("dropped-lists", "\x80\x04N"+strings.Repeat("]0", 4<<20)+".")
		refused("many-dropped-lists", "\x80\x04"+strings.Repeat("]0", 3<<20-3)+"K\x01]a.") // an int has no items
		tree := "]"
		for range 13 {
			tree = strings.Repeat(tree, 3) + "\x87"
		}
		refused("tree-of-tuples", "\x80\x04"+tree+".")
		refused("without-stop", "\x80\x04K.")
		refused("too-many-marks", "\x80\x04"+strings.Repeat("(", 4<<20)+".")
		refused("too-many-memos", "\x80\x04N"+strings.Repeat("\x94", 4<<20)+".")
		refused("too-many-sets", "\x80\x02]("+strings.Repeat("N", 1000)+"eq\x00c__builtin__\nset\nq\x01"+strings.Repeat("0h\x01h\x00\x85R", 1<<16)+"\x86.")
		accepted("many-nones", "\x80\x04]("+strings.Repeat("N", elements)+"e.")
		accepted("many-lists", "\x80\x04]("+strings.Repeat("]", elements)+"e.")
		accepted("many-dicts", "\x80\x04]("+strings.Repeat("}", elements)+"e.")
	}
	return bombs
}

// compressorBombs returns those of a compressor: much that is little, and headers
// that lie.
func compressorBombs(t *testing.T, c codec.Compressor) map[string][]byte {
	bombs := map[string][]byte{"refused-zeros": bombOf(t, c, bombLength), "refused-one-too-many": bombOf(t, c, compressedLimit+1), "bomb-of-the-limit": bombOf(t, c, compressedLimit)}
	refused := func(name string, data []byte) { bombs["refused-"+name] = data }
	small, err := c.Append(nil, []byte("hello, hello, hello"))
	require.NoError(t, err)
	with := func(at int, bytes ...byte) []byte {
		lie := append([]byte(nil), small...)
		copy(lie[(at+len(lie))%len(lie):], bytes)
		return lie
	}
	switch c.Name() {
	case "gzip":
		for name, stated := range map[string]uint32{"6": 6, "8-MiB": 8 << 20, "2-GiB": 1 << 31, "4-GiB": 1<<32 - 1} {
			refused("states-"+name, with(-4, binary.LittleEndian.AppendUint32(nil, stated)...))
		}
		refused("long-name", append([]byte("\x1f\x8b\x08\x08\x00\x00\x00\x00\x00\xff"), bytes.Repeat([]byte("x"), 1<<20)...))
		members := append(append([]byte(nil), small...), small...)
		refused("two-members", members)
	case "zstd":
		const magic = "\x28\xb5\x2f\xfd"
		refused("window-of-512-MiB", []byte(magic+"\x00\x98\x05\x00\x00"))
		refused("window-of-all", []byte(magic+"\x00\xff\x01\x00\x00x"))
		refused("length-of-all", []byte(magic+"\xe0\xff\xff\xff\xff\xff\xff\xff\xff\x01\x00\x00"))
		refused("length-of-1-GiB", []byte(magic+"\xa0\x00\x00\x00\x40\x01\x00\x00"))
		// One byte, two million times, in blocks of four bytes.
		frame := magic + "\x00\x58"
		for range 1 << 10 {
			frame += "\x02\x00\x10x"
		}
		refused("many-runs", []byte(frame+"\x03\x00\x10x"))
		refused("skippable", []byte("\x50\x2a\x4d\x18\xff\xff\xff\xff"))
	case "lz4":
		// Blocks of 4 MiB, and a stated length; the checksum of the header is
		// the writer's.
		large, err := c.Append(nil, make([]byte, 5<<20))
		require.NoError(t, err)
		bombs["bomb-blocks-of-4-MiB"] = large
		refused("block-of-2-GiB", with(15, 0xff, 0xff, 0xff, 0x7f))
		refused("plain-block-of-2-GiB", with(15, 0xff, 0xff, 0xff, 0xff))
		refused("skippable", []byte("\x50\x2a\x4d\x18\xff\xff\xff\xff"))
	case "s2":
		const magic = "\xff\x06\x00\x00S2sTwO"
		refused("block-of-4-GiB", []byte(magic+"\x00\x09\x00\x00\x00\x00\x00\x00\xff\xff\xff\xff\x0f"))
		block := "\x00\x09\x00\x00\x00\x00\x00\x00\x80\x80\x80\x02\x00" // 4 MiB
		refused("blocks-of-4-MiB", []byte(magic+strings.Repeat(block, 1000)))
		refused("one-block-of-4-MiB", []byte(magic+block))
		refused("skippable", []byte(magic+"\xfe\xff\xff\xff"))
	case "brotli":
		refused("large-window", []byte("\x11\x1e\x00\x00"))
		refused("window-of-16-MiB", []byte("\x8f\xff\xff\xff\x0f"))
		// A window of 16 MiB, and a part of 16 MiB that is not there.
		refused("part-of-16-MiB", []byte("\x0f\xfe\xff\xff\x07xxxxxxxx"))
	case "xz":
		maps.Copy(bombs, xzBombs(small))
	}
	return bombs
}

// bombLength is that of bombs over the limit.
const bombLength = 4 * compressedLimit

// bombOf returns size zeros, compressed, which takes long: once is enough.
func bombOf(t *testing.T, c codec.Compressor, size int) []byte {
	t.Helper()
	name := fmt.Sprint(c.Name(), size)
	if known, ok := hostileBombs[name]; ok {
		return known
	}
	bomb, err := c.Append(nil, make([]byte, size))
	require.NoError(t, err)
	hostileBombs[name] = bomb
	return bomb
}

var hostileBombs = map[string][]byte{}

// taggedBombs returns bombs behind headers that are sound, and headers that lie.
func taggedBombs(t *testing.T, s codec.Serializer) map[string][]byte {
	bombs := map[string][]byte{}
	value, err := s.Append(nil, "hello")
	require.NoError(t, err)
	chain := hostileChain(t, "tagged", s.Name(), "")
	id := encoded(t, chain, "hello")[3]
	for name, length := range map[string]uint64{"none": 0, "one-less": uint64(len(value) - 1), "one-more": uint64(len(value) + 1), "limit": compressedLimit, "2-GiB": 1 << 31, "all": 1<<64 - 1} {
		bombs["refused-states-"+name] = taggedBytes(id, 0, length, value)
		bombs["refused-gzip-states-"+name] = taggedBytes(id, 1, length, value)
	}
	for i, c := range compressorsFor("tagged") {
		compressor, err := codec.LookupCompressor(c)
		require.NoError(t, err)
		which := encoded(t, hostileChain(t, "tagged", s.Name(), c), strings.Repeat("long text ", 200))[4]
		bomb := bombOf(t, compressor, bombLength)
		for name, length := range map[string]uint64{"5": 5, "limit": compressedLimit, "its-length": bombLength, "all": 1<<64 - 1} {
			if i == 0 || name == "limit" {
				bombs["refused-"+c+"-"+name] = taggedBytes(id, which, length, bomb)
			}
		}
	}
	return bombs
}

// taggedBytes returns a tagged value whose checksum is right.
func taggedBytes(serializer, compressor byte, length uint64, payload []byte) []byte {
	header := binary.AppendUvarint([]byte{0xFE, 0xC1, 1, serializer, compressor}, length)
	table := crc32.MakeTable(crc32.Castagnoli)
	sum := crc32.Update(crc32.Checksum(header, table), table, payload)
	return append(binary.BigEndian.AppendUint32(header, sum), payload...)
}

// chainBombs returns those of all members of a plain chain, of which none may
// take over for another.
func chainBombs(t *testing.T) map[string][]byte {
	bombs := map[string][]byte{}
	for _, name := range compressorsFor("plain") {
		c, err := codec.LookupCompressor(name)
		require.NoError(t, err)
		for what, data := range compressorBombs(t, c) {
			bombs["bomb-"+name+"-"+what] = data
		}
	}
	return bombs
}
