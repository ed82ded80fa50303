package codec

import (
	"bytes"
	"compress/zlib"
	"io"
)

// Zlib is the zlib format of RFC 1950, without preset dictionaries, at levels 1 to 9. The
// default level is 6.
var Zlib Compressor = newDeflate("zlib",
	func(level int) deflateWriter {
		w, _ := zlib.NewWriterLevel(nil, level) // the only error is that of a bad level
		return w
	},
	func() deflateReader { return new(zlibReader) },
	isZlib, func([]byte) int { return -1 })

type zlibReader struct{ io.ReadCloser }

func (r *zlibReader) reset(src *bytes.Reader) (err error) {
	if r.ReadCloser != nil {
		return r.ReadCloser.(zlib.Resetter).Reset(src, nil)
	}
	in, err := zlib.NewReader(src)
	if err == nil {
		r.ReadCloser = in
	}
	return err
}

// isZlib checks the two bytes of the header: method deflate, a window of at most 32 KiB, no
// dictionary, and a checksum of five bits. No JSON text and no decimal number passes.
func isZlib(data []byte) bool {
	return len(data) > 2+4 && data[0]&0x0f == 8 && data[0]>>4 <= 7 && data[1]&0x20 == 0 &&
		(uint(data[0])<<8|uint(data[1]))%31 == 0
}
