package formats_test

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"math"
	"strings"
)

// An xzBlock is a block of xz without a check, whose checksums are right, whatever
// else it says.
type xzBlock struct {
	flags  string // one byte and the lengths that it announces; none unless given
	filter string // LZMA2 with a dictionary of 4 KiB, unless given
	chunks string
	size   uint64 // in the index, if not what it is
	length uint64 // of the text, in the index
}

func xzSum(part []byte) []byte {
	return binary.LittleEndian.AppendUint32(part, crc32.ChecksumIEEE(part))
}

func xzPadded(part []byte) []byte { return append(part, make([]byte, -len(part)&3)...) }

// xzStream returns a stream of blocks. Of those count stands in the index, and
// backward is added to the length of that.
func xzStream(count uint64, backward uint32, blocks ...xzBlock) []byte {
	stream := append([]byte("\xfd7zXZ\x00"), xzSum([]byte{0, 0})...)
	index := binary.AppendUvarint([]byte{0}, count)
	for _, b := range blocks {
		if b.flags == "" {
			b.flags = "\x00"
		}
		if b.filter == "" {
			b.filter = "\x21\x01\x00"
		}
		header := xzPadded([]byte("\x00" + b.flags + b.filter))
		header[0] = byte(len(header) / 4)
		block := append(xzSum(header), b.chunks...)
		if b.size == 0 {
			b.size = uint64(len(block))
		}
		index = binary.AppendUvarint(binary.AppendUvarint(index, b.size), b.length)
		stream = append(stream, xzPadded(block)...)
	}
	index = xzSum(xzPadded(index))
	footer := append(binary.LittleEndian.AppendUint32(nil, uint32(len(index)/4-1)+backward), 0, 0)
	stream = append(stream, index...)
	return append(append(binary.LittleEndian.AppendUint32(stream, crc32.ChecksumIEEE(footer)), footer...), "YZ"...)
}

// xzBombs returns those of xz, by name.
func xzBombs(small []byte) map[string][]byte {
	const hello = "\x01\x00\x04hello\x00"
	uvarint := func(n uint64) string { return string(binary.AppendUvarint(nil, n)) }
	one := func(b xzBlock) []byte { return xzStream(1, 0, b) }
	const first, reset = "\xe0\x00\x00\x00\x05\x5e\x00\x00\x00\x00\x00\x00", "\xc0\x00\x00\x00\x05\x5e\x00\x00\x00\x00\x00\x00"
	const resets = 1 << 15
	empty := make([]xzBlock, 1<<15)
	for i := range empty {
		empty[i].chunks = "\x00"
	}
	lying := append([]xzBlock(nil), empty...)
	lying[len(lying)-1].length = 1
	return map[string][]byte{
		"bomb-dictionary-of-4-GiB":       one(xzBlock{filter: "\x21\x01\x28", chunks: hello, length: 5}),
		"refused-dictionary-of-more":     one(xzBlock{filter: "\x21\x01\x29", chunks: hello, length: 5}),
		"refused-properties-of-all":      one(xzBlock{filter: "\x21" + uvarint(math.MaxInt64), chunks: hello, length: 5}),
		"refused-text-of-all":            one(xzBlock{chunks: hello, length: math.MaxInt64}),
		"refused-text-of-the-limit":      one(xzBlock{chunks: hello, length: compressedLimit}),
		"refused-text-over-the-limit":    one(xzBlock{chunks: hello, length: compressedLimit + 1}),
		"refused-text-stated-twice":      one(xzBlock{flags: "\x80" + uvarint(math.MaxInt64), chunks: hello, length: 5}),
		"refused-block-of-all":           one(xzBlock{chunks: hello, length: 5, size: math.MaxInt64}),
		"refused-block-stated-twice":     one(xzBlock{flags: "\x40" + uvarint(math.MaxInt64), chunks: hello, length: 5}),
		"refused-chunk-of-2-MiB":         one(xzBlock{chunks: "\xff\xff\xff\x00\x05\x5d\x00\x00\x00\x00\x00\x00\x00", length: 2 << 20}),
		"refused-blocks-of-all":          xzStream(math.MaxInt64, 0, xzBlock{chunks: hello, length: 5}),
		"refused-blocks-that-are-not":    xzStream(2, 0, xzBlock{chunks: hello, length: 5}),
		"refused-no-blocks-in-the-index": xzStream(0, 0, xzBlock{chunks: hello, length: 5}),
		"refused-index-of-16-GiB":        xzStream(1, 1<<32-10, xzBlock{chunks: hello, length: 5}),
		"bomb-empty-blocks":              xzStream(uint64(len(empty)), 0, empty...),
		"refused-empty-blocks-that-lie":  xzStream(uint64(len(lying)), 0, lying...),
		"bomb-resets":                    one(xzBlock{chunks: first + strings.Repeat(reset, resets) + "\x00", length: resets + 1}),
		"bomb-chunks-of-a-byte":          one(xzBlock{chunks: "\x01\x00\x00x" + strings.Repeat("\x02\x00\x00x", 1<<18-1) + "\x00", length: 1 << 18}),
		"refused-two-streams":            append(append([]byte(nil), small...), small...),
		"refused-many-streams":           bytes.Repeat(xzStream(0, 0), 1<<15),
		"refused-padding":                append(append([]byte(nil), small...), make([]byte, 4)...),
		"refused-much-padding":           append(append([]byte(nil), small...), make([]byte, 1<<20)...),
	}
}
