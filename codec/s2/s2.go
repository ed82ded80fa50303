// Package s2 is the S2 stream format, an extension of Snappy, for package codec. An import
// makes the compressor known to DSNs:
//
//	import _ "github.com/xcache-go/xcache/codec/s2"
//
// A DSN then has compressor=s2, or compressor=s2:3.
package s2

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math/bits"
	"slices"

	"github.com/klauspost/compress/s2"

	"github.com/xcache-go/xcache/codec"
)

// Compressor is S2 at level 1.
//
// The compressor writes and reads one stream of blocks with checksums, which are verified.
// An index, padding, a second stream, or anything else in or behind the stream is
// codec.ErrCorrupt. The format has no end: a stream that is cut between two blocks of 1 MiB
// reads as a shorter text, unless the values are tagged.
//
// Levels are 1 (fast), 2 (better) and 3 (best).
var Compressor codec.Leveler = compressor{level: 1}

func init() { codec.RegisterCompressor(Compressor) }

const (
	name = "s2"

	// magic starts a stream. The chunks behind it have a type, a length of three bytes, a
	// checksum and data.
	magic = "\xff\x06\x00\x00S2sTwO"

	compressedChunk = 0x00
	plainChunk      = 0x01
	chunkHeader     = 4
	checksumSize    = 4

	// blockSize is the length of the text of a chunk. maxBlock is the limit for chunks of
	// other writers.
	blockSize = 1 << 20
	maxBlock  = 4 << 20
)

var encoders = [...]func(dst, src []byte) []byte{1: s2.Encode, 2: s2.EncodeBetter, 3: s2.EncodeBest}

type compressor struct{ level int }

func (compressor) Name() string { return name }

func (compressor) WithLevel(level int) (codec.Compressor, error) {
	if level < 1 || level >= len(encoders) {
		return nil, fmt.Errorf("xcache: codec: the level of compressor %s must be 1 (fast), 2 or 3 (small)", name)
	}
	return compressor{level}, nil
}

func (compressor) Recognize(data []byte) bool {
	return len(data) >= len(magic) && string(data[:len(magic)]) == magic
}

func (c compressor) Append(dst, src []byte) ([]byte, error) {
	dst = append(dst, magic...)
	for more := true; more; more = len(src) > 0 { // an empty text is an empty block
		text := src[:min(len(src), blockSize)]
		src = src[len(text):]
		dst = slices.Grow(dst, chunkHeader+checksumSize+s2.MaxEncodedLen(len(text)))
		at := len(dst)
		data := dst[at+chunkHeader+checksumSize : cap(dst)]
		kind, n := compressedChunk, len(encoders[c.level](data, text))
		if n >= len(text) {
			kind, n = plainChunk, copy(data, text)
		}
		dst = binary.LittleEndian.AppendUint32(dst, uint32(checksumSize+n)<<8|uint32(kind))
		dst = binary.LittleEndian.AppendUint32(dst, checksum(text))
		dst = dst[:len(dst)+n]
	}
	return dst, nil
}

func (c compressor) Decompress(dst, src []byte, limit int) ([]byte, error) {
	if !c.Recognize(src) || len(src) == len(magic) {
		return dst, corrupt("it is not a stream of blocks")
	}
	chunks := src[len(magic):]
	length := 0
	for rest := chunks; len(rest) > 0; {
		b, after, ok := nextBlock(rest)
		if !ok {
			return dst, corrupt("it is damaged, or bytes follow its end")
		}
		if length += b.length; length > limit {
			return dst, &codec.Error{Kind: codec.ErrTooLarge, Codec: name, Reason: fmt.Sprintf("more than %d bytes", limit)}
		}
		rest = after
	}
	start := len(dst)
	dst = slices.Grow(dst, length)
	for rest := chunks; len(rest) > 0; {
		b, after, _ := nextBlock(rest)
		rest = after
		text := dst[len(dst) : len(dst)+b.length]
		if b.plain {
			copy(text, b.data)
		} else if _, err := s2.Decode(text, b.data); err != nil {
			return dst[:start], corrupt("it is damaged")
		}
		if checksum(text) != b.checksum {
			return dst[:start], corrupt("a checksum is wrong")
		}
		dst = dst[:len(dst)+b.length]
	}
	return dst, nil
}

// A block is a chunk of data.
type block struct {
	data     []byte
	plain    bool // data is not compressed
	length   int  // the length of the text
	checksum uint32
}

// nextBlock reads the chunk at the start of rest. The length of its text is plausible for
// the length of its data.
func nextBlock(rest []byte) (b block, after []byte, ok bool) {
	if len(rest) < chunkHeader+checksumSize {
		return b, nil, false
	}
	header := binary.LittleEndian.Uint32(rest)
	kind, size := header&0xff, int(header>>8)
	rest = rest[chunkHeader:]
	if kind > plainChunk || size < checksumSize || size > len(rest) {
		return b, nil, false
	}
	b = block{data: rest[checksumSize:size], plain: kind == plainChunk, checksum: binary.LittleEndian.Uint32(rest)}
	b.length = len(b.data)
	if !b.plain { // compressed data of no bytes has no length
		n, err := s2.DecodedLen(b.data)
		if err != nil {
			return b, nil, false
		}
		b.length = n
	}
	return b, rest[size:], b.length <= maxBlock
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// checksum is the masked CRC-32C of Snappy's framing.
func checksum(text []byte) uint32 {
	return bits.RotateLeft32(crc32.Checksum(text, castagnoli), -15) + 0xa282ead8
}

func corrupt(reason string) error {
	return &codec.Error{Kind: codec.ErrCorrupt, Codec: name, Reason: reason}
}
