package codec

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"sync"
)

// This file has the common code of gzip and zlib. Both formats are wrappers around deflate,
// with the same levels.

const (
	defaultLevel = 6
	maxLevel     = 9

	// maxDeflateRatio is the largest ratio of the length of a text to its compressed
	// length.
	maxDeflateRatio = 1032
)

// A deflate is a Compressor of one level.
type deflate struct {
	name      string
	newWriter func(level int) deflateWriter
	writers   *sync.Pool // of *pooledWriter, for this level
	readers   *sync.Pool // of *pooledReader, for any level
	recognize func(src []byte) bool
	size      func(src []byte) int // the length that src claims; -1 for none
}

type deflateWriter interface {
	io.WriteCloser
	Reset(w io.Writer)
}

type deflateReader interface {
	io.Reader
	// reset begins another text. Read consumes no byte behind its end.
	reset(src *bytes.Reader) error
}

type pooledWriter struct {
	deflateWriter
	out sink
}

type pooledReader struct {
	deflateReader
	src   bytes.Reader
	spill [4096]byte
}

func newDeflate(name string, newWriter func(level int) deflateWriter, newReader func() deflateReader,
	recognize func([]byte) bool, size func([]byte) int) *deflate {
	d := &deflate{name: name, newWriter: newWriter, recognize: recognize, size: size,
		readers: &sync.Pool{New: func() any { return &pooledReader{deflateReader: newReader()} }}}
	return d.atLevel(defaultLevel)
}

func (d *deflate) atLevel(level int) *deflate {
	leveled := *d
	leveled.writers = &sync.Pool{New: func() any { return &pooledWriter{deflateWriter: d.newWriter(level)} }}
	return &leveled
}

func (d *deflate) Name() string { return d.name }

func (d *deflate) Recognize(data []byte) bool { return d.recognize(data) }

func (d *deflate) WithLevel(level int) (Compressor, error) {
	if level < 1 || level > maxLevel {
		return nil, configError("the level of compressor %s must be from 1 (fast) to %d (small)", d.name, maxLevel)
	}
	return d.atLevel(level), nil
}

func (d *deflate) Append(dst, src []byte) ([]byte, error) {
	w := d.writers.Get().(*pooledWriter)
	w.out.text = dst
	w.Reset(&w.out)
	_, err := w.Write(src)
	if closeErr := w.Close(); err == nil {
		err = closeErr
	}
	out := w.out.text
	w.out.text = nil
	d.writers.Put(w)
	if err != nil {
		return dst, &Error{Kind: ErrUnsupportedValue, Codec: d.name, Reason: "it cannot be compressed", Err: err}
	}
	return out, nil
}

func (d *deflate) Decompress(dst, src []byte, limit int) ([]byte, error) {
	r := d.readers.Get().(*pooledReader)
	out, err := d.read(r, dst, src, limit)
	r.src.Reset(nil)
	d.readers.Put(r)
	if err != nil {
		return dst, classify(err, ErrCorrupt, d.name, "it cannot be decompressed")
	}
	return out, nil
}

func (d *deflate) read(r *pooledReader, dst, src []byte, limit int) ([]byte, error) {
	size := d.size(src)
	switch {
	case size/maxDeflateRatio > len(src):
		return nil, &Error{Kind: ErrCorrupt, Codec: d.name, Reason: "it states an impossible length"}
	case size > limit:
		return nil, tooLarge(d.name, limit)
	case size < 0:
		size = 4 * len(src)
	}
	out, length, err := d.readSized(r, dst, src, limit, min(size, limit))
	if length > 0 {
		out, _, err = d.readSized(r, dst, src, limit, length)
	}
	return out, err
}

// readSized appends the text to dst, and grows dst by size at first. Before the text is
// known to be within limit, readSized allocates at most limit bytes: readSized doubles dst
// while all allocations together stay below limit, and then only counts the rest. length is
// 0, or the length of a text that was only counted, and must be read again.
func (d *deflate) readSized(r *pooledReader, dst, src []byte, limit, size int) (out []byte, length int, err error) {
	r.src.Reset(src)
	if err := r.reset(&r.src); err != nil {
		return nil, 0, err
	}
	start := len(dst)
	out = slices.Grow(dst, size)
	for {
		free := out[len(out):min(cap(out), start+limit)]
		full := len(free) == 0
		if full {
			free = r.spill[:]
		}
		n, err := r.Read(free)
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, 0, err
		}
		switch have := len(out) - start; {
		case !full:
			out = out[:len(out)+n]
		case have+n > limit:
			return nil, 0, tooLarge(d.name, limit)
		case n == 0:
		case have+n <= limit/4:
			out = append(slices.Grow(out, have+n), free[:n]...)
		default:
			total, err := count(r, have+n, limit)
			if err != nil {
				return nil, 0, err
			}
			if total > limit {
				return nil, 0, tooLarge(d.name, limit)
			}
			return nil, total, nil
		}
		if errors.Is(err, io.EOF) {
			if r.src.Len() > 0 {
				return nil, 0, &Error{Kind: ErrCorrupt, Codec: d.name, Reason: "bytes follow its end"}
			}
			return out, 0, nil
		}
	}
}

// count reads the rest of a text, and returns the length of the text, or any number above
// limit. have is the number of bytes that were read before.
func count(r *pooledReader, have, limit int) (int, error) {
	for have <= limit {
		n, err := r.Read(r.spill[:])
		have += n
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return 0, err
		}
	}
	return have, nil
}
