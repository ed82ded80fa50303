package zstd

import (
	"encoding/binary"

	"github.com/klauspost/compress/zstd"
)

// This file checks the blocks of a frame before the frame is decoded. A frame may claim any
// length and any window. The decoder would allocate half a gigabyte for nine bytes, and
// would decode the bytes behind the frame, too.

const (
	magic        = 0xFD2FB528
	reservedBit  = 1 << 3
	blockHeader  = 3
	checksumSize = 4
	maxBlock     = 128 << 10

	rawBlock = 0
	rleBlock = 1
)

// isFrame checks the magic number, and the one bit that must be zero.
func isFrame(data []byte) bool {
	return len(data) > 4 && binary.LittleEndian.Uint32(data) == magic && data[4]&reservedBit == 0
}

// A frame has the facts about a frame that are known before the frame is decoded.
type frame struct {
	length uint64 // the length of the text in the header
	known  bool   // the header has a length
	least  uint64 // a lower bound of the length of the text: the sum for blocks that tell their length
	most   uint64 // an upper bound of the length of the text
}

// parseFrame checks the frame of data. The error is ErrCorrupt.
func parseFrame(data []byte) (frame, error) {
	var h zstd.Header
	if !isFrame(data) {
		return frame{}, corrupt("it is not a frame", nil)
	}
	if err := h.Decode(data); err != nil {
		return frame{}, corrupt("its header is damaged", err)
	}
	if h.DictionaryID != 0 {
		return frame{}, corrupt("it needs a dictionary", nil)
	}
	f := frame{length: h.FrameContentSize, known: h.HasFCS}
	most := uint64(maxBlock)
	if !h.SingleSegment {
		most = min(most, h.WindowSize)
	}
	rest := data[h.HeaderSize:]
	for last := false; !last; {
		if len(rest) < blockHeader {
			return frame{}, corrupt("it is cut short", nil)
		}
		header := uint32(rest[0]) | uint32(rest[1])<<8 | uint32(rest[2])<<16
		last = header&1 != 0
		kind, size := header>>1&3, uint64(header>>3)
		if kind == rawBlock || kind == rleBlock {
			f.least += size
			f.most += size
		} else {
			f.most += most
		}
		if kind == rleBlock {
			size = 1
		}
		rest = rest[blockHeader:]
		if size > uint64(len(rest)) {
			return frame{}, corrupt("it is cut short", nil)
		}
		rest = rest[size:]
	}
	if h.HasCheckSum {
		if len(rest) < checksumSize {
			return frame{}, corrupt("it is cut short", nil)
		}
		rest = rest[checksumSize:]
	}
	if len(rest) > 0 {
		return frame{}, corrupt("bytes follow its end", nil)
	}
	if f.known && f.length > f.most {
		return frame{}, corrupt("it states an impossible length", nil)
	}
	return f, nil
}
