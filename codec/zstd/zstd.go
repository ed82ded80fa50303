// Package zstd is the Zstandard format of RFC 8878 for package codec. An import makes the
// compressor known to DSNs:
//
//	import _ "github.com/xcache-go/xcache/codec/zstd"
//
// A DSN then has compressor=zstd, or compressor=zstd:9.
package zstd

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"

	"github.com/klauspost/compress/zstd"

	"github.com/xcache-go/xcache/codec"
)

// Compressor is Zstandard at level 3.
//
// The compressor writes one frame with its length and, unless the text is empty, a
// checksum. The compressor reads one frame of any writer, with or without a length.
// Anything behind the frame, such as another frame or a skippable frame, is
// codec.ErrCorrupt. A frame that needs a dictionary is codec.ErrCorrupt, too.
//
// Levels are 1 to 22, as for the zstd command. Only four levels differ: 1 and 2 are the
// fastest, 3 to 5 the default, 6 to 9 better, and 10 to 22 best.
var Compressor codec.Leveler = newCompressor(defaultLevel)

func init() { codec.RegisterCompressor(Compressor) }

const (
	name = "zstd"

	defaultLevel = 3
	maxLevel     = 22

	// window is the longest distance of a match, which bounds the memory of an encoder.
	window = 1 << 20
)

type compressor struct {
	// encoder returns the encoder of this level. The encoder keeps one state for each
	// processor.
	encoder func() *zstd.Encoder
}

func newCompressor(level int) compressor {
	return compressor{sync.OnceValue(func() *zstd.Encoder {
		e, err := zstd.NewWriter(nil,
			zstd.WithEncoderLevel(zstd.EncoderLevelFromZstd(level)),
			zstd.WithWindowSize(window),
			zstd.WithLowerEncoderMem(true),
			zstd.WithZeroFrames(true))
		if err != nil {
			panic(err) // an option is out of its range
		}
		return e
	})}
}

// decoder keeps one state for each processor, and never writes beyond the given capacity.
var decoder = sync.OnceValue(func() *zstd.Decoder {
	d, err := zstd.NewReader(nil,
		zstd.WithDecoderConcurrency(runtime.GOMAXPROCS(0)),
		zstd.WithDecoderLowmem(true),
		zstd.WithDecodeAllCapLimit(true),
		zstd.WithDecoderMaxWindow(zstd.MaxWindowSize))
	if err != nil {
		panic(err) // an option is out of its range
	}
	return d
})

func (compressor) Name() string { return name }

func (compressor) WithLevel(level int) (codec.Compressor, error) {
	if level < 1 || level > maxLevel {
		return nil, fmt.Errorf("xcache: codec: the level of compressor %s must be from 1 (fast) to %d (small)", name, maxLevel)
	}
	return newCompressor(level), nil
}

func (compressor) Recognize(data []byte) bool { return isFrame(data) }

func (c compressor) Append(dst, src []byte) ([]byte, error) {
	return c.encoder().EncodeAll(src, dst), nil
}

func (compressor) Decompress(dst, src []byte, limit int) ([]byte, error) {
	f, err := parseFrame(src)
	if err != nil {
		return dst, err
	}
	if f.least > uint64(limit) || f.known && f.length > uint64(limit) {
		return dst, tooLarge(limit)
	}
	if f.known {
		return decode(dst, src, int(f.length), limit)
	}
	// The frame has no length. The blocks bound the length of the text, and all but the
	// last are usually full.
	most := int(min(f.most, uint64(limit)))
	if most > scratchSize {
		return decode(dst, src, most, limit)
	}
	s := scratches.Get().(*[scratchSize]byte)
	defer scratches.Put(s)
	text, err := decode(s[:0:most], src, most, limit)
	if err != nil {
		return dst, err
	}
	return append(dst, text...), nil
}

// scratchSize is the size of a block. A frame with one block and without a length, as
// streaming encoders write it, is decoded into a scratch first, so that dst grows by the
// length of the text only.
const scratchSize = maxBlock

var scratches = sync.Pool{New: func() any { return new([scratchSize]byte) }}

// decode appends the text of a frame. most is the limit of its length.
func decode(dst, src []byte, most, limit int) ([]byte, error) {
	dst = slices.Grow(dst, most)
	free := dst[len(dst) : len(dst) : len(dst)+most]
	text, err := decoder().DecodeAll(src, free)
	switch {
	case errors.Is(err, zstd.ErrDecoderSizeExceeded):
		return dst, tooLarge(limit)
	case err != nil:
		return dst, corrupt("it is damaged", err)
	}
	return dst[:len(dst)+len(text)], nil
}

func corrupt(reason string, err error) error {
	return &codec.Error{Kind: codec.ErrCorrupt, Codec: name, Reason: reason, Err: err}
}

func tooLarge(limit int) error {
	return &codec.Error{Kind: codec.ErrTooLarge, Codec: name, Reason: fmt.Sprintf("more than %d bytes", limit)}
}
