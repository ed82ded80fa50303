package xz

import (
	"encoding/binary"

	"github.com/ulikunitz/xz/lzma"
)

// LZMA2 is a sequence of chunks. The first byte of a chunk is its type:
//
//	00        the end
//	01, 02    2 bytes of length less one, text
//	80 … FF   5 bits of length, 2 bytes of length less one, 2 bytes of compressed
//	          length less one, new properties if the type says so, LZMA
//
// Numbers are big-endian. The library writes chunks. This package reads chunks itself: the
// reader of the library needs a dictionary beside the text, allocates for every match, and
// allocates 30 KB for a chunk of eleven bytes.
const (
	endChunk           = 0x00
	plainNewDictionary = 0x01
	plainChunk         = 0x02
	lzmaChunk          = 0x80
	lzmaNewState       = 0xa0
	lzmaNewProperties  = 0xc0
	lzmaNewDictionary  = 0xe0

	plainHeader = 3
	lzmaHeader  = 5

	maxProperties  = (4*5+4)*9 + 8
	maxLiteralBits = 4

	minDictionary     = 4 << 10
	maxDictionaryCode = 40

	// maxRatio is above the highest ratio of LZMA. The longest match has 273 bytes. The
	// shortest form of this match has 14 bits with a probability of at most 2017/2048,
	// which gives a ratio of 7090.
	maxRatio = 8 << 10
)

// A chunk is one chunk of LZMA2. At the end, data is nil.
type chunk struct {
	control    byte
	properties byte
	length     int // the length of the text
	data       []byte
}

// plain reports whether the data is the text itself.
func (c *chunk) plain() bool { return c.control < lzmaChunk }

// newDictionary reports whether the chunk cannot refer to earlier text.
func (c *chunk) newDictionary() bool {
	return c.control == plainNewDictionary || c.control >= lzmaNewDictionary
}

// nextChunk reads the chunk at the start of rest.
func nextChunk(rest []byte) (c chunk, after []byte, ok bool) {
	if len(rest) == 0 {
		return c, nil, false
	}
	c.control = rest[0]
	var size int
	switch {
	case c.control == endChunk:
		return c, rest[1:], true
	case c.control <= plainChunk:
		if len(rest) < plainHeader {
			return c, nil, false
		}
		c.length = int(binary.BigEndian.Uint16(rest[1:])) + 1
		size, rest = c.length, rest[plainHeader:]
	case c.control < lzmaChunk:
		return c, nil, false
	default:
		if len(rest) < lzmaHeader+1 { // at least one byte follows
			return c, nil, false
		}
		c.length = int(c.control&0x1f)<<16 + int(binary.BigEndian.Uint16(rest[1:])) + 1
		size = int(binary.BigEndian.Uint16(rest[3:])) + 1
		rest = rest[lzmaHeader:]
		if c.control >= lzmaNewProperties {
			c.properties, rest = rest[0], rest[1:]
		}
	}
	if size > len(rest) {
		return c, nil, false
	}
	c.data = rest[:size]
	return c, rest[size:], true
}

// soundChunks reports whether data is exactly the chunks of a text of that length, and each
// chunk follows the chunks that it needs.
func soundChunks(data []byte, length int) bool {
	dictionary, properties := false, false
	for {
		c, rest, ok := nextChunk(data)
		if !ok {
			return false
		}
		if c.data == nil {
			return len(rest) == 0 && length == 0
		}
		data = rest
		if length -= c.length; length < 0 {
			return false
		}
		if c.newDictionary() {
			dictionary, properties = true, false
		}
		if !dictionary {
			return false
		}
		if c.plain() {
			continue
		}
		if c.control >= lzmaNewProperties {
			if c.properties > maxProperties {
				return false
			}
			if lc, lp, _ := splitProperties(c.properties); lc+lp > maxLiteralBits {
				return false
			}
			properties = true
		}
		if !properties || c.length > maxRatio*len(c.data) {
			return false
		}
	}
}

// decode decodes sound chunks into text, which has exactly their length.
func (d *decoder) decode(text, data []byte, dictionary uint32) bool {
	base, at := 0, 0
	for {
		c, rest, _ := nextChunk(data)
		if c.data == nil {
			return true
		}
		data = rest
		if c.newDictionary() {
			base = at
		}
		next := at + c.length
		if c.plain() {
			copy(text[at:next], c.data)
			at = next
			continue
		}
		switch {
		case c.control >= lzmaNewProperties:
			d.setProperties(c.properties)
			d.reset()
		case c.control >= lzmaNewState:
			d.reset()
		}
		if !d.decodeChunk(text[base:next], at-base, c.data, dictionary) {
			return false
		}
		at = next
	}
}

// dictionarySize returns the dictionary size for the byte of a header.
func dictionarySize(code byte) uint32 {
	if code == maxDictionaryCode {
		return 1<<32 - 1
	}
	return uint32(2|code&1) << (code/2 + 11)
}

// dictionaryCode returns the code of the smallest dictionary of at least size.
func dictionaryCode(size int) byte {
	code := byte(0)
	for int64(dictionarySize(code)) < int64(size) {
		code++
	}
	return code
}

// A sink is an io.Writer that appends.
type sink struct{ text []byte }

func (s *sink) Write(p []byte) (int, error) {
	s.text = append(s.text, p...)
	return len(p), nil
}

// appendChunks appends the chunks of src. The library's writer cannot be reused, and
// allocates about nine times the window. The window is therefore at most as long as src.
func appendChunks(dst, src []byte, window int) ([]byte, error) {
	out := sink{dst}
	w, err := lzma.Writer2Config{DictCap: window}.NewWriter2(&out)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(src); err != nil {
		return nil, err
	}
	if err := w.Flush(); err != nil { // Close would not return the error
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.text, nil
}
