package lz4

import (
	"encoding/binary"
	"slices"
	"sync"

	"github.com/pierrec/lz4/v4"
)

// A frame is
//
//	04 22 4D 18  magic
//	1 byte       flags
//	1 byte       block descriptor
//	8 bytes      length of the text, if flagged
//	1 byte       checksum of the three before
//	blocks       4 bytes of length, data, 4 bytes of checksum if flagged
//	00 00 00 00  end
//	4 bytes      checksum of the text, if flagged
//
// All numbers are little-endian. The library decodes the blocks. This file reads the frame
// itself: the library's reader allocates the size in the descriptor, reads the bytes behind
// the end as another frame, and copies each block once more.
const (
	magic = 0x184D2204

	flagVersion       = 0x40 // two bits
	flagVersionMask   = 0xC0
	flagIndependent   = 0x20
	flagBlockChecksum = 0x10
	flagLength        = 0x08
	flagChecksum      = 0x04
	flagReserved      = 0x02
	flagDictionary    = 0x01

	smallestDescriptor = 4 // 64 KiB
	largestDescriptor  = 7 // 4 MiB

	uncompressedBlock = 1 << 31

	// history is the longest distance of a reference to earlier blocks.
	history = 64 << 10
	// maxRatio is the largest ratio of the length of a text to the length of its block.
	maxRatio = 255
)

// maxBlock returns the size of the blocks of a descriptor.
func maxBlock(descriptor int) int { return 1 << (8 + 2*descriptor) }

// isFrame checks the magic number, the constant bits, and the checksum of the header.
func isFrame(data []byte) bool {
	if len(data) < 7 || binary.LittleEndian.Uint32(data) != magic {
		return false
	}
	flags, descriptor := data[4], data[5]
	if flags&flagVersionMask != flagVersion || flags&flagReserved != 0 || descriptor&0x8F != 0 || descriptor>>4 < smallestDescriptor {
		return false
	}
	end := headerEnd(flags)
	return len(data) > end && data[end] == byte(xxh32(data[4:end])>>8)
}

// headerEnd returns the position of the checksum of the header.
func headerEnd(flags byte) int {
	end := 6
	if flags&flagLength != 0 {
		end += 8
	}
	if flags&flagDictionary != 0 {
		end += 4
	}
	return end
}

// A frame is a frame with a valid structure.
type frame struct {
	flags    byte
	maxBlock int
	length   uint64 // the length of the text, if known
	known    bool
	most     uint64 // longest text of the blocks
	blocks   []byte // blocks, and the bytes behind them
}

// parseFrame checks the frame of data. The error is ErrCorrupt.
func parseFrame(data []byte) (frame, error) {
	if !isFrame(data) {
		return frame{}, corrupt("it is not a frame", nil)
	}
	f := frame{flags: data[4], maxBlock: maxBlock(int(data[5] >> 4)), known: data[4]&flagLength != 0}
	if f.flags&flagDictionary != 0 {
		return frame{}, corrupt("it needs a dictionary", nil)
	}
	if f.known {
		f.length = binary.LittleEndian.Uint64(data[6:])
	}
	f.blocks = data[headerEnd(f.flags)+1:]
	rest := f.blocks
	for {
		b, after, ok := f.nextBlock(rest)
		if !ok {
			return frame{}, corrupt("it is cut short", nil)
		}
		rest = after
		if b.data == nil {
			break
		}
		if b.plain {
			f.most += uint64(len(b.data))
		} else {
			f.most += uint64(min(f.maxBlock, maxRatio*len(b.data)))
		}
	}
	want := 0
	if f.flags&flagChecksum != 0 {
		want = 4
	}
	switch {
	case len(rest) < want:
		return frame{}, corrupt("it is cut short", nil)
	case len(rest) > want:
		return frame{}, corrupt("bytes follow its end", nil)
	case f.known && f.length > f.most:
		return frame{}, corrupt("it states an impossible length", nil)
	}
	return f, nil
}

// A block is a block of a frame. Its data is nil at the end of the frame.
type block struct {
	data     []byte
	plain    bool // data is not compressed
	checksum []byte
}

func (f *frame) nextBlock(rest []byte) (b block, after []byte, ok bool) {
	if len(rest) < 4 {
		return b, nil, false
	}
	size := binary.LittleEndian.Uint32(rest)
	rest = rest[4:]
	if size == 0 {
		return b, rest, true
	}
	b.plain = size&uncompressedBlock != 0
	n := int(size &^ uncompressedBlock)
	if n > len(rest) || n > f.maxBlock {
		return b, nil, false
	}
	b.data, rest = rest[:n:n], rest[n:]
	if f.flags&flagBlockChecksum != 0 {
		if len(rest) < 4 {
			return b, nil, false
		}
		b.checksum, rest = rest[:4], rest[4:]
	}
	return b, rest, true
}

// scratchSize is the size of the smallest blocks. A frame without a length, and with a text
// of at most this size, is decoded into a scratch first, so that dst grows by the length of
// the text only.
const scratchSize = 64 << 10

var scratches = sync.Pool{New: func() any { return new([scratchSize]byte) }}

// appendText appends the text of the frame, and allocates at most limit bytes.
func (f *frame) appendText(dst []byte, limit int) ([]byte, error) {
	most := int(min(f.most, uint64(limit)))
	if f.known {
		most = int(f.length)
	} else if most <= scratchSize {
		s := scratches.Get().(*[scratchSize]byte)
		defer scratches.Put(s)
		text, err := f.decode(s[:0:most], limit)
		if err != nil {
			return dst, err
		}
		return append(dst, text...), nil
	}
	dst = slices.Grow(dst, most)
	text, err := f.decode(dst[len(dst):len(dst):len(dst)+most], limit)
	if err != nil {
		return dst, err
	}
	return dst[:len(dst)+len(text)], nil
}

// decode appends the text to text, which is empty, within its capacity.
func (f *frame) decode(text []byte, limit int) ([]byte, error) {
	rest := f.blocks
	for {
		b, after, ok := f.nextBlock(rest)
		if !ok {
			return nil, corrupt("it is cut short", nil)
		}
		rest = after
		if b.data == nil {
			break
		}
		if b.checksum != nil && binary.LittleEndian.Uint32(b.checksum) != xxh32(b.data) {
			return nil, corrupt("the checksum of a block is wrong", nil)
		}
		free := text[len(text):min(cap(text), len(text)+f.maxBlock)]
		n, err := f.decodeBlock(free, text, b)
		if err != nil {
			if len(free) < f.maxBlock && !f.known && cap(text) == limit {
				return nil, tooLarge(limit)
			}
			return nil, err
		}
		text = text[:len(text)+n]
	}
	if f.known && uint64(len(text)) != f.length {
		return nil, corrupt("its length is not what its header says", nil)
	}
	if f.flags&flagChecksum != 0 && binary.LittleEndian.Uint32(rest) != xxh32(text) {
		return nil, corrupt("its checksum is wrong", nil)
	}
	return text, nil
}

// decodeBlock decodes a block into free, which is the memory behind text.
func (f *frame) decodeBlock(free, text []byte, b block) (int, error) {
	if b.plain {
		if len(b.data) > len(free) {
			return 0, corrupt("it is longer than it may be", nil)
		}
		return copy(free, b.data), nil
	}
	var before []byte
	if f.flags&flagIndependent == 0 {
		before = text[max(0, len(text)-history):]
	}
	n, err := lz4.UncompressBlockWithDict(b.data, free, before)
	if err != nil {
		return 0, corrupt("it is damaged", err)
	}
	return n, nil
}

var (
	fast sync.Pool // of *lz4.Compressor
	high sync.Pool // of *lz4.CompressorHC
)

// appendFrame appends a frame with the text src.
func appendFrame(dst, src []byte, level int) ([]byte, error) {
	descriptor := smallestDescriptor
	for descriptor < largestDescriptor && len(src) > maxBlock(descriptor) {
		descriptor++
	}
	start := len(dst)
	dst = binary.LittleEndian.AppendUint32(dst, magic)
	dst = append(dst, flagVersion|flagIndependent|flagLength|flagChecksum, byte(descriptor)<<4)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(len(src)))
	dst = append(dst, byte(xxh32(dst[start+4:])>>8))
	sum := xxh32(src)
	for len(src) > 0 {
		text := src[:min(len(src), maxBlock(descriptor))]
		src = src[len(text):]
		// A block that does not shrink is stored uncompressed, and needs no more room.
		dst = slices.Grow(dst, 4+len(text)+8)
		at := len(dst)
		n, err := compressBlock(text, dst[at+4:at+4+len(text)-1], level)
		if err != nil {
			return nil, err
		}
		if n == 0 {
			dst = binary.LittleEndian.AppendUint32(dst, uint32(len(text))|uncompressedBlock)
			dst = append(dst, text...)
			continue
		}
		dst = binary.LittleEndian.AppendUint32(dst, uint32(n))
		dst = dst[:at+4+n]
	}
	dst = binary.LittleEndian.AppendUint32(dst, 0)
	return binary.LittleEndian.AppendUint32(dst, sum), nil
}

// compressBlock returns 0 if the compressed block does not fit into out.
func compressBlock(text, out []byte, level int) (int, error) {
	if level == 1 {
		c, _ := fast.Get().(*lz4.Compressor)
		if c == nil {
			c = new(lz4.Compressor)
		}
		defer fast.Put(c)
		return c.CompressBlock(text, out)
	}
	c, _ := high.Get().(*lz4.CompressorHC)
	if c == nil {
		c = new(lz4.CompressorHC)
	}
	defer high.Put(c)
	c.Level = levels[level]
	return c.CompressBlock(text, out)
}
