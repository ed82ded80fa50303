// Package xz is the compressor "xz" for package codec: the .xz format with LZMA2 of the xz
// command and of Python's lzma. Importing this package registers the compressor for DSNs:
//
//	import _ "github.com/xcache-go/xcache/codec/xz"
//
// A DSN then has compressor=xz, or compressor=xz:9.
package xz

import (
	"fmt"

	"github.com/xcache-go/xcache/codec"
)

// Compressor is xz at level 6.
//
// The compressor writes one stream of one block, with a CRC-64. The compressor reads one
// stream of any writer, with any number of blocks. The blocks may have no check, a CRC-32,
// a CRC-64 or a SHA-256, which is verified. Bytes after the stream are codec.ErrCorrupt,
// even if the bytes are another stream or padding. A filter other than LZMA2 is
// codec.ErrCorrupt.
//
// The levels are 0 to 9, as for the xz command. A level sets only the largest distance of a
// match: 256 KiB at level 0, and 1 MiB at the other levels. The xz command uses longer
// distances, which would take ten times as much memory for each written text. For texts of
// up to 256 KiB, all levels have the same result.
var Compressor codec.Leveler = compressor{level: 6}

func init() { codec.RegisterCompressor(Compressor) }

const (
	name     = "xz"
	maxLevel = 9

	smallWindow = 256 << 10
	largeWindow = 1 << 20
)

type compressor struct{ level int }

func (compressor) Name() string { return name }

func (compressor) WithLevel(level int) (codec.Compressor, error) {
	if level < 0 || level > maxLevel {
		return nil, fmt.Errorf("xcache: codec: the level of compressor %s must be from 0 to %d (small)", name, maxLevel)
	}
	return compressor{level}, nil
}

func (compressor) Recognize(data []byte) bool { return isStream(data) }

func (c compressor) Append(dst, src []byte) ([]byte, error) {
	window := largeWindow
	if c.level == 0 {
		window = smallWindow
	}
	out, err := appendStream(dst, src, window)
	if err != nil {
		return dst, &codec.Error{Kind: codec.ErrUnsupportedValue, Codec: name, Reason: "it cannot be compressed", Err: err}
	}
	return out, nil
}

func (compressor) Decompress(dst, src []byte, limit int) ([]byte, error) {
	s, err := parseStream(src, limit)
	if err != nil {
		return dst, err
	}
	return s.appendText(dst)
}

func corrupt(reason string) error {
	return &codec.Error{Kind: codec.ErrCorrupt, Codec: name, Reason: reason}
}

func tooLarge(limit int) error {
	return &codec.Error{Kind: codec.ErrTooLarge, Codec: name, Reason: fmt.Sprintf("more than %d bytes", limit)}
}
