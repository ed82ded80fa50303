package codec

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
)

// Gzip is the gzip format of RFC 1952, with one member, at levels 1 to 9. The default level
// is 6.
var Gzip Compressor = newDeflate("gzip",
	func(level int) deflateWriter {
		w, _ := gzip.NewWriterLevel(nil, level) // the only error is that of a bad level
		return w
	},
	func() deflateReader { return new(gzipReader) },
	isGzip, gzipSize)

type gzipReader struct{ gzip.Reader }

func (r *gzipReader) reset(src *bytes.Reader) error {
	err := r.Reset(src)
	r.Multistream(false)
	return err
}

const (
	gzipHeader  = 10
	gzipTrailer = 8
)

func isGzip(data []byte) bool {
	return len(data) > gzipHeader+gzipTrailer && data[0] == 0x1f && data[1] == 0x8b &&
		data[2] == 8 && data[3]&0xe0 == 0
}

// gzipSize reads the trailer, which has the length modulo 1<<32.
func gzipSize(src []byte) int {
	if len(src) < gzipHeader+gzipTrailer {
		return -1
	}
	return int(binary.LittleEndian.Uint32(src[len(src)-4:]))
}
