package xz

import (
	"encoding/binary"

	"github.com/ulikunitz/xz/lzma"
)

// LZMA2 is a sequence of chunks. The first byte of each says what it is:
//
//	00        the end
//	01, 02    2 bytes of length less one, text
//	80 … FF   5 bits of length, 2 bytes of length less one, 2 bytes of compressed
//	          length less one, properties if they are new, LZMA
//
// with numbers big-endian. The library writes them. They are read here, because its
// reader needs a dictionary beside the text, allocates for every match, and 30 KB
// anew for a chunk of eleven bytes.
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

	// maxRatio is more than LZMA can do: the shortest form of its longest match,
	// of 273 bytes, is 14 bits whose probability is 2017/2048 at most, which
	// makes 7090.
	maxRatio = 8 << 10
)

// A chunk is a chunk. Its data is nil at the end.
type chunk struct {
	control    byte
	properties byte
	length     int // of its text
	data       []byte
}

// plain tells that the data is the text.
func (c *chunk) plain() bool { return c.control < lzmaChunk }

// newDictionary tells that the chunk knows no text in front of it.
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
		if len(rest) < lzmaHeader+1 { // there is always a byte behind it
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

// soundChunks reports whether data is chunks of a text of that length, and nothing
// else, with all that each needs in front of it.
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

// decode decodes sound chunks into text, which is as long as they say.
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

// dictionarySize returns what the byte of a header stands for.
func dictionarySize(code byte) uint32 {
	if code == maxDictionaryCode {
		return 1<<32 - 1
	}
	return uint32(2|code&1) << (code/2 + 11)
}

// dictionaryCode returns the smallest that stands for at least size.
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

// appendChunks appends the chunks of src. The library's writer cannot be used again,
// and allocates about nine times the window, which is therefore no longer than src.
func appendChunks(dst, src []byte, window int) ([]byte, error) {
	out := sink{dst}
	w, err := lzma.Writer2Config{DictCap: window}.NewWriter2(&out)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(src); err != nil {
		return nil, err
	}
	if err := w.Flush(); err != nil { // Close would not tell
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.text, nil
}
