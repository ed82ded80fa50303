package codec

import (
	"fmt"
	"math/big"
	"reflect"
	"slices"
	"sync"
	"unsafe"
)

// Format is the form in which a Chain writes. Every chain reads both formats.
type Format uint8

const (
	// Plain writes the exact bytes of the serializer and the compressor.
	Plain Format = iota
	// Tagged puts a header with a checksum in front of these bytes.
	Tagged
)

// String returns the name of the format in a DSN.
func (f Format) String() string {
	switch f {
	case Plain:
		return "plain"
	case Tagged:
		return "tagged"
	}
	return fmt.Sprintf("Format(%d)", uint8(f))
}

// Special numbers of a Config.
const (
	// DefaultCompressMin is the meaning of CompressMin 0.
	DefaultCompressMin = 256
	// CompressAlways is the CompressMin that compresses values of any length.
	CompressAlways = -1
	// DefaultMaxValue is the meaning of MaxValue 0.
	DefaultMaxValue = 64 << 20
)

// A Config describes a Chain. The zero Config is JSON alone.
type Config struct {
	// Serializers are the formats of values. The first serializer writes, and all read. nil
	// means JSON.
	Serializers []Serializer
	// Compressors are the formats of compressed values. The first compressor writes, and
	// all read. nil compresses nothing. Behind None in front, the other compressors only
	// read.
	Compressors []Compressor
	// CompressMin is the length, in bytes, of the longest encoded value that is not
	// compressed. 0 means 256, and CompressAlways compresses values of any length. A value
	// that does not shrink is stored uncompressed.
	CompressMin int
	// MaxValue is the limit, in bytes, of encoded values before compression. 0 means 64
	// MiB.
	MaxValue int
	// Format is the form in which values are written.
	Format Format
}

// A Chain encodes and decodes values by its Config. A Chain is immutable, and all methods
// may be called concurrently. Equal values have equal bytes only if the serializer is
// Canonical: Gob, for example, writes maps in a random order.
type Chain struct {
	serializers []Serializer
	compressors []Compressor
	// The ids of the members in the tagged format; 0 for a member without one.
	serializerIDs []byte
	compressorIDs []byte
	plain         plainReader
	// wildcard tells that the chain is plain, and that its only member accepts any bytes.
	wildcard bool
	// compresses tells that the first compressor writes.
	compresses bool

	compressMin int
	maxValue    int
	format      Format
}

// A Read tells how a value was read.
type Read struct {
	// Serializer is the name of the serializer, or Decimal for an integer, which no
	// serializer reads.
	Serializer string
	// Compressor is the name of the compressor, or "" for an uncompressed value.
	Compressor string
	// Tagged tells that the value had a header.
	Tagged bool
	// Fallback tells that the chain would write the value differently now: with another
	// serializer or compressor, in the other format, or with another encryption key.
	Fallback bool
}

// New returns the chain of a Config. The error of a bad Config names the mistake.
func New(config Config) (*Chain, error) {
	c := &Chain{
		serializers: append([]Serializer(nil), config.Serializers...),
		compressMin: config.CompressMin,
		maxValue:    config.MaxValue,
		format:      config.Format,
	}
	readers, compresses, err := withoutNone(config.Compressors)
	if err != nil {
		return nil, err
	}
	c.compressors, c.compresses = append([]Compressor(nil), readers...), compresses
	if len(c.serializers) == 0 {
		c.serializers = []Serializer{JSON}
	}
	if c.compressMin == 0 {
		c.compressMin = DefaultCompressMin
	}
	if c.maxValue == 0 {
		c.maxValue = DefaultMaxValue
	}
	if c.compressMin < CompressAlways {
		return nil, configError("CompressMin must be a number of bytes, 0 for %d, or CompressAlways", DefaultCompressMin)
	}
	if c.maxValue < 0 {
		return nil, configError("MaxValue must be a number of bytes, or 0 for %d", DefaultMaxValue)
	}
	if c.format > Tagged {
		return nil, configError("Format must be Plain or Tagged")
	}
	if err := c.takeMembers(); err != nil {
		return nil, err
	}
	serializers, compressors := c.serializers, c.compressors
	if why := ambiguity(serializers, compressors); why != "" {
		if c.format == Plain {
			return nil, configError("in the plain format %s; use format=tagged, or leave one of them out", why)
		}
		serializers, compressors = plainMembers(serializers, compressors)
	}
	c.plain = newPlainReader(serializers, compressors)
	if c.format == Plain {
		_, c.wildcard = c.serializers[0].(Wildcard)
	}
	return c, nil
}

// takeMembers checks the names of the members, and finds their ids.
func (c *Chain) takeMembers() error {
	names := map[string]bool{}
	take := func(kind string, formats []format, name string, member any) (byte, error) {
		if !isName(name) {
			return 0, configError("a %s has no name that is a lower-case word", kind)
		}
		if names[kind+name] {
			return 0, configError("%s %s is named twice", kind, name)
		}
		names[kind+name] = true
		id, ok := tagID(formats, name, member)
		if !ok && c.format == Tagged {
			return 0, configError("%s %s has no id in the tagged format; it must implement codec.Tagger, with an id from %d", kind, name, firstOutside)
		}
		if ok && names[kind+string(id)] {
			return 0, configError("%s %s has the same id in the tagged format as another", kind, name)
		}
		names[kind+string(id)] = ok
		return id, nil
	}
	for _, s := range c.serializers {
		if s == nil {
			return configError("a serializer is nil")
		}
		id, err := take("serializer", serializerFormats, s.Name(), s)
		if err != nil {
			return err
		}
		c.serializerIDs = append(c.serializerIDs, id)
	}
	for _, m := range c.compressors {
		if m == nil {
			return configError("a compressor is nil")
		}
		id, err := take("compressor", compressorFormats, m.Name(), m)
		if err != nil {
			return err
		}
		c.compressorIDs = append(c.compressorIDs, id)
	}
	return nil
}

// MaxValue returns the limit, in bytes, of encoded values.
func (c *Chain) MaxValue() int { return c.maxValue }

// TellsFormats reports whether the chain tells a tagged value from others. A plain chain that
// accepts any bytes (Wildcard) does not.
func (c *Chain) TellsFormats() bool { return !c.wildcard }

// Format returns the form in which the chain writes.
func (c *Chain) Format() Format { return c.format }

// Append appends the encoded v to dst, and returns the extended slice. Append neither
// modifies nor keeps v. A value that could not be read back into its type is refused. The
// error is ErrUnsupportedValue or ErrTooLarge. A panic of a method of v is not recovered.
func (c *Chain) Append(dst []byte, v any) ([]byte, error) {
	if text, ok := appendInteger(dst, v); ok {
		return text, nil
	}
	s := c.serializers[0]
	if n := bigIntegerOf(v); n != nil {
		if _, ok := s.(Wildcard); !ok { // a Wildcard has no form for a big.Int
			return c.appendBigInteger(dst, n)
		}
	}
	start := len(dst)
	out := c.reserveHeader(dst)
	payload := len(out)
	out, err := s.Append(out, v)
	if err != nil {
		return dst, classify(err, ErrUnsupportedValue, s.Name(), fmt.Sprintf("it cannot store a %T", v))
	}
	return c.finish(out, start, payload)
}

// AppendAny is Append for a value that is read back into an interface, as by a View[any],
// instead of its own type.
func (c *Chain) AppendAny(dst []byte, v any) ([]byte, error) {
	if _, ok := c.serializers[0].(TypeChecker); !ok || v == nil || isInteger(reflect.TypeOf(v).Kind()) || bigIntegerOf(v) != nil {
		return c.Append(dst, v)
	}
	return c.Append(dst, &v)
}

// CheckType returns ErrUnsupportedValue, with the reason, if no value of type t could be
// read back into a t. Append also checks the type of its value. t may be an interface.
func (c *Chain) CheckType(t reflect.Type) error {
	if t.Kind() == reflect.Interface && t.NumMethod() > 0 {
		return &Error{Kind: ErrUnsupportedValue, Reason: fmt.Sprintf("nothing can be read into %v, an interface with methods; ask for a type", t)}
	}
	if checker, ok := c.serializers[0].(TypeChecker); ok && !isInteger(t.Kind()) {
		return checker.CheckType(t)
	}
	return nil
}

func (c *Chain) appendBigInteger(dst []byte, n *big.Int) ([]byte, error) {
	out, err := appendBigInteger(dst, n)
	if err == nil && len(out)-len(dst) > c.maxValue {
		return dst, tooLarge("", c.maxValue)
	}
	return out, err
}

// EncodeBytes is Append for a []byte, without the conversion to an interface. If dst is
// empty and b is stored unchanged, the result is b itself, which must not be modified.
func (c *Chain) EncodeBytes(dst, b []byte) ([]byte, error) {
	s, ok := c.serializers[0].(bytesSerializer)
	if !ok {
		return c.Append(dst, b)
	}
	if len(dst) == 0 && c.format == Plain && c.serializers[0] == Raw {
		if len(b) > c.maxValue {
			return dst, tooLarge("", c.maxValue)
		}
		return b, nil // a plain chain of Raw has no compressor
	}
	start := len(dst)
	out := c.reserveHeader(dst)
	payload := len(out)
	out, err := s.AppendBytes(out, b)
	if err != nil {
		return dst, err
	}
	return c.finish(out, start, payload)
}

// reserveHeader makes room for the longest possible header.
func (c *Chain) reserveHeader(dst []byte) []byte {
	if c.format == Plain {
		return dst
	}
	var room [maxHeader]byte
	return append(dst, room[:]...)
}

// finish compresses out[payload:] if the chain has to, and writes the header and the
// payload to out[start:].
func (c *Chain) finish(out []byte, start, payload int) ([]byte, error) {
	length := len(out) - payload
	if length > c.maxValue {
		return out[:start], tooLarge("", c.maxValue)
	}
	compressorID := byte(noCompressor)
	if c.compresses && length > c.compressMin {
		m := c.compressors[0]
		b := buffers.Get().(*buffer)
		defer b.release()
		compressed, err := m.Append(b.bytes[:0], out[payload:])
		if err != nil {
			return out[:start], classify(err, ErrUnsupportedValue, m.Name(), "it cannot be compressed")
		}
		b.bytes = compressed
		if len(compressed) < length {
			compressorID = c.compressorIDs[0]
			out = append(out[:payload], compressed...)
		}
	}
	if c.format == Plain {
		return out, nil
	}
	h := header{c.serializerIDs[0], compressorID, uint64(length)}
	end := len(h.appendTo(out[:start], out[payload:])) // within the reserved room
	end += copy(out[end:], out[payload:])
	return out[:end], nil
}

// Decode decodes data into the target of v, a non-nil pointer, and tells how the value was
// read. Decode neither modifies nor keeps data. The error is ErrCorrupt for bytes that no
// member of the chain can read into the wanted type, ErrTooLarge, or ErrUnsupportedValue
// for a type that cannot be read into. After an error, the content of the target is
// unspecified.
func (c *Chain) Decode(data []byte, v any) (Read, error) {
	elem, err := pointee(v)
	if err != nil {
		return Read{}, err
	}
	if ok, err := readInteger(v, elem, data, c.wildcard); ok {
		return Read{Serializer: Decimal}, err
	}
	read, err := c.decode(data, &destination{v: v})
	if err != nil && isDecimal(data) && !c.plain.claims(data) {
		if ok, err := readUnclaimedInteger(elem, data); ok {
			return Read{Serializer: Decimal}, err
		}
	}
	return read, err
}

// DecodeBytes is Decode into a new []byte.
func (c *Chain) DecodeBytes(data []byte) ([]byte, Read, error) {
	value, read, err := c.TakeBytes(data)
	if err == nil && unsafe.SliceData(value) == unsafe.SliceData(data) {
		value = cloneBytes(value)
	}
	return value, read, err
}

// TakeBytes is DecodeBytes for data that the caller owns and does not use afterwards: the
// result may be data itself.
func (c *Chain) TakeBytes(data []byte) ([]byte, Read, error) {
	if c.wildcard && c.serializers[0] == Raw {
		if len(data) > c.maxValue {
			return nil, Read{}, tooLarge("", c.maxValue)
		}
		if len(data) == 0 {
			return []byte{}, Read{Serializer: "raw"}, nil // an empty value is not a missing one
		}
		return slices.Clip(data), Read{Serializer: "raw"}, nil
	}
	var d destination
	read, err := c.decode(data, &d)
	return d.bytes, read, err
}

func (c *Chain) decode(data []byte, d *destination) (Read, error) {
	if isTagged(data) && !c.wildcard {
		h, payload, ok := parseTagged(data)
		if ok {
			return c.decodeTagged(h, payload, d)
		}
		if c.format == Tagged {
			return Read{}, &Error{Kind: ErrCorrupt, Reason: "its header is damaged or of a later version"}
		}
	}
	if c.format == Tagged && hasBrokenMagic(data) {
		return Read{}, &Error{Kind: ErrCorrupt, Reason: "its header is damaged"}
	}
	if len(data) > c.maxValue {
		return Read{}, tooLarge("", c.maxValue)
	}
	read, err := c.plain.decode(data, d, c.maxValue)
	if err != nil && isSealed(data) {
		err = &Error{Kind: ErrCorrupt, Reason: "it is encrypted, and the cache has no encryption keys"}
	}
	read.Fallback = c.format == Tagged || c.isFallback(read)
	return read, err
}

func (c *Chain) isFallback(read Read) bool {
	return read.Serializer != c.serializers[0].Name() ||
		read.Compressor != "" && (!c.compresses || read.Compressor != c.compressors[0].Name())
}

// decodeTagged reads a payload by the members in its header, and by no others.
func (c *Chain) decodeTagged(h header, payload []byte, d *destination) (Read, error) {
	read := Read{Tagged: true}
	s := c.serializerOf(h.serializer)
	if s == nil {
		return read, &Error{Kind: ErrCorrupt, Reason: "it was written by " + formatName(serializerFormats, h.serializer) + ", which is not among the chain's serializers"}
	}
	read.Serializer = s.Name()
	if h.length > uint64(c.maxValue) {
		return read, tooLarge("", c.maxValue)
	}
	if h.compressor != noCompressor {
		m := c.compressorOf(h.compressor)
		if m == nil {
			return read, &Error{Kind: ErrCorrupt, Reason: "it was compressed by " + formatName(compressorFormats, h.compressor) + ", which is not among the chain's compressors"}
		}
		read.Compressor = m.Name()
		b := buffers.Get().(*buffer)
		defer b.release()
		text, err := decompress(m, b.bytes[:0], payload, int(h.length))
		if err != nil {
			return read, err
		}
		b.bytes, payload = text, text
	}
	if uint64(len(payload)) != h.length {
		return read, &Error{Kind: ErrCorrupt, Reason: "its length is not what its header says"}
	}
	read.Fallback = c.format == Plain || c.isFallback(read)
	return read, d.unmarshal(s, payload)
}

func (c *Chain) serializerOf(id byte) Serializer {
	for i, known := range c.serializerIDs {
		if known == id && id != 0 {
			return c.serializers[i]
		}
	}
	return nil
}

func (c *Chain) compressorOf(id byte) Compressor {
	for i, known := range c.compressorIDs {
		if known == id {
			return c.compressors[i]
		}
	}
	return nil
}

// A buffer holds a text between a serializer and a compressor.
type buffer struct{ bytes []byte }

var buffers = sync.Pool{New: func() any { return new(buffer) }}

// maxPooled is the largest buffer that is kept, so that a few large values do not hold
// their memory for ever.
const maxPooled = 1 << 20

func (b *buffer) release() {
	if cap(b.bytes) <= maxPooled {
		buffers.Put(b)
	}
}
