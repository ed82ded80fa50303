package codec

import "fmt"

// A plainReader reads plain values, which do not name their members.
type plainReader struct {
	// The members that recognize their own bytes, and the last member, which may not.
	serializers    []Serializer
	compressors    []Compressor
	lastSerializer Serializer
	lastCompressor Compressor
}

func newPlainReader(serializers []Serializer, compressors []Compressor) plainReader {
	var p plainReader
	for _, s := range serializers {
		if _, ok := s.(Recognizer); ok {
			p.serializers = append(p.serializers, s)
		} else {
			p.lastSerializer = s
		}
	}
	for _, m := range compressors {
		if _, ok := m.(Recognizer); ok {
			p.compressors = append(p.compressors, m)
		} else {
			p.lastCompressor = m
		}
	}
	return p
}

// decode asks the compressors that recognize their bytes, then the serializers, and then
// the compressor that does not.
func (p *plainReader) decode(data []byte, d *destination, limit int) (Read, error) {
	for _, m := range p.compressors {
		if m.(Recognizer).Recognize(data) {
			return p.decompress(m, data, d, limit)
		}
	}
	read, recognized, err := p.deserialize(data, d, p.lastCompressor == nil)
	switch {
	case recognized:
		return read, err
	case p.lastCompressor != nil:
		return p.decompress(p.lastCompressor, data, d, limit)
	}
	return Read{}, unrecognized(data)
}

// claims reports whether a serializer of the chain may have written decimal text, so that
// its error stands.
func (p *plainReader) claims(text []byte) bool {
	for _, s := range p.serializers {
		if s.(Recognizer).Recognize(text) {
			return true
		}
	}
	if s := p.lastSerializer; s != nil {
		_, ours := findFormat(serializerFormats, s.Name())
		return !ours // of the library's formats, only JSON writes digits alone
	}
	return false
}

func (p *plainReader) decompress(m Compressor, data []byte, d *destination, limit int) (Read, error) {
	b := buffers.Get().(*buffer)
	defer b.release()
	text, err := decompress(m, b.bytes[:0], data, limit)
	if err != nil {
		return Read{Compressor: m.Name()}, err
	}
	b.bytes = text
	read, recognized, err := p.deserialize(text, d, true)
	if !recognized {
		err = unrecognized(text)
	}
	read.Compressor = m.Name()
	return read, err
}

func unrecognized(data []byte) error {
	return &Error{Kind: ErrCorrupt, Reason: fmt.Sprintf("its %d bytes are in none of the chain's formats", len(data))}
}

// deserialize reads data with the serializer that recognizes them. recognized is true even
// if that serializer returns an error. last tells that no member is asked afterwards.
func (p *plainReader) deserialize(data []byte, d *destination, last bool) (read Read, recognized bool, err error) {
	for i, s := range p.serializers {
		if last && i == len(p.serializers)-1 && p.lastSerializer == nil {
			// Unmarshal recognizes the bytes, too.
			err := d.unmarshal(s, data)
			recognized := err == nil || i == 0 || s.(Recognizer).Recognize(data)
			return Read{Serializer: s.Name()}, recognized, err
		}
		if recognized, err := d.tryUnmarshal(s, data); recognized {
			return Read{Serializer: s.Name()}, true, err
		}
	}
	if s := p.lastSerializer; s != nil {
		return Read{Serializer: s.Name()}, true, d.unmarshal(s, data)
	}
	return Read{}, false, nil
}

// decompress protects the chain from panics and long outputs of a compressor.
func decompress(m Compressor, dst, src []byte, limit int) (text []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			text, err = nil, decoderPanicked(m.Name())
		}
	}()
	text, err = m.Decompress(dst, src, limit)
	if err != nil {
		return nil, classify(err, ErrCorrupt, m.Name(), "it cannot be decompressed")
	}
	if len(text)-len(dst) > limit {
		return nil, tooLarge(m.Name(), limit)
	}
	return text, nil
}
