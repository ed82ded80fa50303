// Package brotli is Brotli, RFC 7932, for package codec. An import makes the compressor
// known to DSNs:
//
//	import _ "github.com/xcache-go/xcache/codec/brotli"
//
// A DSN then has compressor=brotli, or compressor=brotli:9.
package brotli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/andybalholm/brotli"

	"github.com/xcache-go/xcache/codec"
)

// Compressor is Brotli at level 4.
//
// The format has no mark of its own, and no checksum: more than half of all single flipped
// bits give another text without an error. All other members of a chain with Brotli must
// have a mark. Values that must not change unnoticed need the tagged format. The output of
// this compressor is never JSON, a gob, or the output of another compressor.
//
// Levels are 0 (fast) to 11 (small).
var Compressor codec.Leveler = newCompressor(4)

func init() { codec.RegisterCompressor(Compressor) }

const (
	name     = "brotli"
	maxLevel = 11

	// window is the logarithm of the longest distance of a match. The first byte of the
	// format tells the window: for 20 its last hexadecimal digit is 7. No JSON, gzip or zlib
	// text begins with such a byte.
	window = 20
	// other is the window for an output that would look like a gob with the first window.
	other = 18
)

type compressor struct {
	level   int
	writers *sync.Pool // of *writer, for this level
}

func newCompressor(level int) compressor { return compressor{level, new(sync.Pool)} }

type writer struct {
	*brotli.Writer
	out sink
}

type sink struct{ text []byte }

func (s *sink) Write(p []byte) (int, error) {
	s.text = append(s.text, p...)
	return len(p), nil
}

type reader struct {
	*brotli.Reader
	src bytes.Reader
}

var readers = sync.Pool{New: func() any { return &reader{Reader: brotli.NewReader(nil)} }}

func (compressor) Name() string { return name }

func (compressor) WithLevel(level int) (codec.Compressor, error) {
	if level < 0 || level > maxLevel {
		return nil, fmt.Errorf("xcache: codec: the level of compressor %s must be from 0 (fast) to %d (small)", name, maxLevel)
	}
	return newCompressor(level), nil
}

func (c compressor) Append(dst, src []byte) ([]byte, error) {
	w, _ := c.writers.Get().(*writer)
	if w == nil {
		w = &writer{Writer: brotli.NewWriterOptions(nil, brotli.WriterOptions{Quality: c.level, LGWin: window})}
	}
	defer c.writers.Put(w)
	out, err := w.compress(dst, src)
	if err == nil && codec.Gob.(codec.Recognizer).Recognize(out[len(dst):]) {
		w := &writer{Writer: brotli.NewWriterOptions(nil, brotli.WriterOptions{Quality: c.level, LGWin: other})}
		out, err = w.compress(dst, src)
	}
	if err != nil {
		return dst, &codec.Error{Kind: codec.ErrUnsupportedValue, Codec: name, Reason: "it cannot be compressed", Err: err}
	}
	return out, nil
}

func (w *writer) compress(dst, src []byte) ([]byte, error) {
	w.out.text = dst
	w.Reset(&w.out)
	_, err := w.Write(src)
	if closeErr := w.Close(); err == nil {
		err = closeErr
	}
	out := w.out.text
	w.out.text = nil
	return out, err
}

func (compressor) Decompress(dst, src []byte, limit int) ([]byte, error) {
	r := readers.Get().(*reader)
	defer func() {
		r.src.Reset(nil)
		readers.Put(r)
	}()
	// The format does not tell the length of the text. The text is counted first, so that a
	// text beyond the limit allocates nothing, and another text allocates once.
	length, err := r.count(src, limit)
	if err != nil {
		return dst, err
	}
	r.src.Reset(src)
	_ = r.Reset(&r.src) // Reset never fails
	out := append(dst, make([]byte, length)...)
	if _, err := io.ReadFull(r, out[len(dst):]); err != nil {
		return dst, corrupt(err)
	}
	return out, nil
}

func (r *reader) count(src []byte, limit int) (int, error) {
	r.src.Reset(src)
	_ = r.Reset(&r.src) // Reset never fails
	spill := spills.Get().(*[spillSize]byte)
	defer spills.Put(spill)
	for length := 0; ; {
		n, err := r.Read(spill[:])
		if length += n; length > limit {
			return 0, &codec.Error{Kind: codec.ErrTooLarge, Codec: name, Reason: fmt.Sprintf("more than %d bytes", limit)}
		}
		switch {
		case errors.Is(err, io.EOF) && r.src.Len() == 0:
			return length, nil
		case err != nil:
			return 0, corrupt(err)
		}
	}
}

const spillSize = 32 << 10

var spills = sync.Pool{New: func() any { return new([spillSize]byte) }}

func corrupt(err error) error {
	return &codec.Error{Kind: codec.ErrCorrupt, Codec: name, Reason: "it is damaged, or bytes follow its end", Err: err}
}
