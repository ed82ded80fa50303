package xz

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"hash/crc32"
	"hash/crc64"
	"slices"
)

// A stream has these parts:
//
//	FD 37 7A 58 5A 00  magic
//	2 bytes            flags: zero, the kind of check
//	4 bytes            CRC-32 of the flags
//	blocks             header, LZMA2, zeros up to four bytes, check of the text
//	index              zero, the number of blocks, two lengths of each, zeros up to
//	                   four bytes, CRC-32
//	4 bytes            CRC-32 of the six bytes that follow
//	4 bytes            length of the index, in four bytes, less one
//	2 bytes            flags, as above
//	59 5A              YZ
//
// Numbers are little-endian. This package refuses any bytes after the stream, and so can
// read the stream from its end: the index gives the length of the text before anything is
// decoded.
const (
	magic       = "\xfd7zXZ\x00"
	footerMagic = "YZ"

	headerSize = 12
	footerSize = 12
	minIndex   = 8

	// lzma2 is the only supported filter.
	lzma2 = 0x21
	// smallBlockHeader is the length of the header of a block without lengths.
	smallBlockHeader = 12

	compressedLengthFlag = 0x40
	lengthFlag           = 0x80
)

// The kinds of check of a block's text.
const (
	noCheck     = 0
	crc32Check  = 1
	crc64Check  = 4
	sha256Check = 10
)

// checkSizes has the lengths of the supported checks.
var checkSizes = map[byte]int{noCheck: 0, crc32Check: crc32.Size, crc64Check: crc64.Size, sha256Check: sha256.Size}

// verify compares a text with its check.
func verify(check byte, text, sum []byte) bool {
	switch check {
	case crc32Check:
		return crc32.ChecksumIEEE(text) == binary.LittleEndian.Uint32(sum)
	case crc64Check:
		return crc64.Checksum(text, ecma) == binary.LittleEndian.Uint64(sum)
	case sha256Check:
		return sha256.Sum256(text) == [sha256.Size]byte(sum)
	}
	return true
}

var ecma = crc64.MakeTable(crc64.ECMA)

func isStream(data []byte) bool { return len(data) >= len(magic) && string(data[:len(magic)]) == magic }

// A parsed is a stream whose parts have consistent lengths.
type parsed struct {
	check   byte
	sumSize int
	blocks  []byte
	records []byte // the two lengths of each block, from the index
	count   uint64 // the number of blocks
	length  int    // the length of the text
}

// parseStream returns the parts of the stream of data. The error is ErrCorrupt, or
// ErrTooLarge if the text is longer than limit. parseStream allocates nothing.
func parseStream(data []byte, limit int) (parsed, error) {
	if !isStream(data) {
		return parsed{}, corrupt("it is not a stream")
	}
	if len(data) < headerSize+minIndex+footerSize || len(data)%4 != 0 {
		return parsed{}, corrupt("it is cut short, or bytes follow its end")
	}
	header, rest, footer := data[:headerSize], data[headerSize:len(data)-footerSize], data[len(data)-footerSize:]
	flags := header[len(magic):8]
	if !endsInSum(header[len(magic):]) {
		return parsed{}, corrupt("its header is damaged")
	}
	sumSize, known := checkSizes[flags[1]]
	if flags[0] != 0 || !known {
		return parsed{}, corrupt("its text has a check of an unknown kind")
	}
	if string(footer[10:]) != footerMagic || binary.LittleEndian.Uint32(footer) != crc32.ChecksumIEEE(footer[4:10]) || !bytes.Equal(footer[8:10], flags) {
		return parsed{}, corrupt("it is cut short, or bytes follow its end")
	}
	indexSize := 4 * (uint64(binary.LittleEndian.Uint32(footer[4:])) + 1)
	if indexSize > uint64(len(rest)) {
		return parsed{}, corrupt("its end is damaged")
	}
	at := len(rest) - int(indexSize)
	s := parsed{check: flags[1], sumSize: sumSize, blocks: rest[:at]}
	if !s.parseIndex(rest[at:]) {
		return parsed{}, corrupt("its index is damaged")
	}
	// The lengths of the index are checked twice: here, and for each block, because the
	// parts of a block limit its text.
	if !s.measure(limit) {
		return parsed{}, tooLarge(limit)
	}
	for b := range s.each() {
		if !b.sound() {
			return parsed{}, corrupt("a block is damaged")
		}
	}
	return s, nil
}

// parseIndex reads the index without its records, and checks that the records match the
// blocks.
func (s *parsed) parseIndex(index []byte) bool {
	if len(index) < minIndex || index[0] != 0 || !endsInSum(index) {
		return false
	}
	count, records, ok := number(index[1 : len(index)-4])
	if !ok {
		return false
	}
	s.count, s.records = count, records
	left := uint64(len(s.blocks))
	for range count {
		var size uint64
		if size, records, ok = number(records); !ok || size == 0 || size > left {
			return false
		}
		if size = roundUp(size); size > left {
			return false
		}
		left -= size
		if _, records, ok = number(records); !ok {
			return false
		}
	}
	return left == 0 && len(records) < 4 && isZero(records)
}

// measure adds up the length of the text.
func (s *parsed) measure(limit int) bool {
	records := s.records
	for range s.count {
		var length uint64
		_, records, _ = number(records)
		length, records, _ = number(records)
		if length > uint64(limit-s.length) {
			return false
		}
		s.length += int(length)
	}
	return true
}

// A block is a block as described by the index.
type block struct {
	data   []byte // the header, LZMA2 and zeros
	size   int    // the length of data without the zeros
	sum    []byte
	length int // the length of the text
}

// each iterates over the blocks.
func (s *parsed) each() func(yield func(block) bool) {
	return func(yield func(block) bool) {
		records, rest := s.records, s.blocks
		for range s.count {
			var size, length uint64
			size, records, _ = number(records)
			length, records, _ = number(records)
			whole := rest[:roundUp(size)]
			rest = rest[len(whole):]
			b := block{size: int(size) - s.sumSize, length: int(length)}
			if b.size > 0 {
				end := len(whole) - s.sumSize
				b.data, b.sum = whole[:end], whole[end:]
			}
			if !yield(b) {
				return
			}
		}
	}
}

// sound checks the block without the compressed data and the check of the text.
func (b *block) sound() bool {
	if b.size <= 0 || !isZero(b.data[b.size:]) {
		return false
	}
	size := 4 * (int(b.data[0]) + 1)
	if b.data[0] == 0 || size >= b.size || !endsInSum(b.data[:size]) {
		return false
	}
	flags, rest := b.data[1], b.data[2:size-4]
	if flags&^(compressedLengthFlag|lengthFlag) != 0 {
		return false // more filters, or reserved flags
	}
	for _, stated := range []struct {
		flag byte
		n    int
	}{{compressedLengthFlag, b.size - size}, {lengthFlag, b.length}} {
		if flags&stated.flag != 0 {
			n, after, ok := number(rest)
			if !ok || n != uint64(stated.n) {
				return false
			}
			rest = after
		}
	}
	if len(rest) < 3 || rest[0] != lzma2 || rest[1] != 1 || rest[2] > maxDictionaryCode || !isZero(rest[3:]) {
		return false
	}
	return soundChunks(b.data[size:b.size], b.length)
}

// chunks returns the LZMA2 of a sound block, and the largest distance of its matches.
func (b *block) chunks() (data []byte, dictionary uint32) {
	size := 4 * (int(b.data[0]) + 1)
	rest := b.data[2:size]
	for _, flag := range []byte{compressedLengthFlag, lengthFlag} {
		if b.data[1]&flag != 0 {
			_, rest, _ = number(rest)
		}
	}
	return b.data[size:b.size], dictionarySize(rest[2])
}

// appendText appends the text. dst itself is the dictionary, so that only dst grows,
// whatever dictionary size a header has.
func (s *parsed) appendText(dst []byte) ([]byte, error) {
	d := decoders.Get().(*decoder)
	defer func() {
		d.in = nil
		decoders.Put(d)
	}()
	start := len(dst)
	out := slices.Grow(dst, s.length)
	for b := range s.each() {
		data, dictionary := b.chunks()
		from := len(out)
		out = out[:from+b.length]
		text := out[from:]
		if !d.decode(text, data, dictionary) {
			return out[:start], corrupt("it is damaged")
		}
		if !verify(s.check, text, b.sum) {
			return out[:start], corrupt("its checksum is wrong")
		}
	}
	return out, nil
}

// appendStream appends the stream of src. window is the largest distance of a match.
func appendStream(dst, src []byte, window int) ([]byte, error) {
	dst = appendSum(append(append(dst, magic...), 0, crc64Check), 2)
	var size int // the length of the block without zeros
	if len(src) > 0 {
		at := len(dst)
		window = max(minDictionary, min(window, len(src)))
		dst = append(dst, smallBlockHeader/4-1, 0, lzma2, 1, dictionaryCode(window), 0, 0, 0)
		dst = appendSum(dst, smallBlockHeader-4)
		var err error
		if dst, err = appendChunks(dst, src, window); err != nil {
			return nil, err
		}
		size = len(dst) - at + crc64.Size
		dst = appendZeros(dst, len(dst)-at)
		dst = binary.LittleEndian.AppendUint64(dst, crc64.Checksum(src, ecma))
	}
	at := len(dst)
	if len(src) == 0 {
		dst = append(dst, 0, 0)
	} else {
		dst = binary.AppendUvarint(binary.AppendUvarint(append(dst, 0, 1), uint64(size)), uint64(len(src)))
	}
	dst = appendZeros(dst, len(dst)-at)
	dst = appendSum(dst, len(dst)-at)

	footer := [6]byte{5: crc64Check}
	binary.LittleEndian.PutUint32(footer[:], uint32((len(dst)-at)/4-1))
	dst = binary.LittleEndian.AppendUint32(dst, crc32.ChecksumIEEE(footer[:]))
	return append(append(dst, footer[:]...), footerMagic...), nil
}

// appendSum appends the CRC-32 of the last n bytes.
func appendSum(dst []byte, n int) []byte {
	return binary.LittleEndian.AppendUint32(dst, crc32.ChecksumIEEE(dst[len(dst)-n:]))
}

// endsInSum reports whether data, of at least four bytes, ends in the CRC-32 of the bytes
// before.
func endsInSum(data []byte) bool {
	at := len(data) - 4
	return binary.LittleEndian.Uint32(data[at:]) == crc32.ChecksumIEEE(data[:at])
}

// appendZeros pads the last n bytes of dst to a multiple of four.
func appendZeros(dst []byte, n int) []byte { return append(dst, make([]byte, -n&3)...) }

func roundUp(n uint64) uint64 { return (n + 3) &^ 3 }

func isZero(data []byte) bool {
	return !slices.ContainsFunc(data, func(b byte) bool { return b != 0 })
}

// number reads a number of up to nine bytes, with seven bits in each byte. Each number has
// exactly one valid form.
func number(data []byte) (n uint64, rest []byte, ok bool) {
	for i, b := range data[:min(len(data), 9)] {
		n |= uint64(b&0x7f) << (7 * i)
		if b < 0x80 {
			return n, data[i+1:], b != 0 || i == 0
		}
	}
	return 0, nil, false
}
