// Package lz4 is the LZ4 frame format for package codec, as the lz4 command and Python's
// lz4.frame write it. An import makes the compressor known to DSNs:
//
//	import _ "github.com/xcache-go/xcache/codec/lz4"
//
// A DSN then has compressor=lz4, or compressor=lz4:9.
package lz4

import (
	"fmt"

	"github.com/pierrec/lz4/v4"

	"github.com/xcache-go/xcache/codec"
)

// Compressor is LZ4 at level 1.
//
// The compressor writes one frame of independent blocks, with the length of the text and a
// checksum. The compressor reads one frame of any writer, with dependent blocks, blocks of
// any size, and checksums of blocks. All checksums are verified. Anything behind the frame,
// such as another frame or a skippable frame, is codec.ErrCorrupt. A frame that needs a
// dictionary is codec.ErrCorrupt, too.
//
// Level 1 is LZ4 itself. Levels 2 to 9 are LZ4 HC, which takes longer to write, and no longer
// to read.
var Compressor codec.Leveler = compressor{level: 1}

func init() { codec.RegisterCompressor(Compressor) }

const (
	name     = "lz4"
	maxLevel = 9
)

// levels are the levels of LZ4 HC.
var levels = [...]lz4.CompressionLevel{2: lz4.Level2, lz4.Level3, lz4.Level4, lz4.Level5, lz4.Level6, lz4.Level7, lz4.Level8, maxLevel: lz4.Level9}

type compressor struct{ level int }

func (compressor) Name() string { return name }

func (compressor) WithLevel(level int) (codec.Compressor, error) {
	if level < 1 || level > maxLevel {
		return nil, fmt.Errorf("xcache: codec: the level of compressor %s must be from 1 (fast) to %d (small)", name, maxLevel)
	}
	return compressor{level}, nil
}

func (compressor) Recognize(data []byte) bool { return isFrame(data) }

func (c compressor) Append(dst, src []byte) ([]byte, error) {
	out, err := appendFrame(dst, src, c.level)
	if err != nil {
		return dst, &codec.Error{Kind: codec.ErrUnsupportedValue, Codec: name, Reason: "it cannot be compressed", Err: err}
	}
	return out, nil
}

func (compressor) Decompress(dst, src []byte, limit int) ([]byte, error) {
	f, err := parseFrame(src)
	if err != nil {
		return dst, err
	}
	if f.known && f.length > uint64(limit) {
		return dst, tooLarge(limit)
	}
	return f.appendText(dst, limit)
}

func corrupt(reason string, err error) error {
	return &codec.Error{Kind: codec.ErrCorrupt, Codec: name, Reason: reason, Err: err}
}

func tooLarge(limit int) error {
	return &codec.Error{Kind: codec.ErrTooLarge, Codec: name, Reason: fmt.Sprintf("more than %d bytes", limit)}
}
