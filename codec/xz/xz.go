// Package xz is the .xz format with LZMA2 for package codec: what the xz command
// and Python's lzma write. Importing it makes the compressor known to DSNs:
//
//	import _ "github.com/xcache-go/xcache/codec/xz"
//
// and compressor=xz, or compressor=xz:9, uses it.
package xz

import (
	"fmt"

	"github.com/xcache-go/xcache/codec"
)

// Compressor is xz at level 6.
//
// It writes one stream of one block, with a CRC-64. It reads one stream, by
// whatever wrote it: any number of blocks, with no check, CRC-32, CRC-64 or
// SHA-256, which are verified. Anything behind the stream is codec.ErrCorrupt,
// another stream or padding too, and so is a filter other than LZMA2.
//
// Levels are those of the xz command, 0 to 9. All that a level says is how far
// back a match may be: 256 KiB at level 0, and 1 MiB at the others, which have more
// in the command and would take ten times as much memory for each text that is
// written. Up to 256 KiB of text all levels give the same.
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
