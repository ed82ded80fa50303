package codec

import "reflect"

// A Serializer turns values into bytes and back. All methods may be called concurrently.
//
// A Serializer that can tell its own bytes from other bytes also implements Recognizer. A
// Serializer that accepts any bytes implements Wildcard.
type Serializer interface {
	// Name is the name of the format in a DSN, in lower case: "json".
	Name() string

	// Append appends the encoded v to dst, and returns the extended slice. Append neither
	// modifies nor keeps v. The error of a value that cannot be encoded is
	// ErrUnsupportedValue.
	Append(dst []byte, v any) ([]byte, error)

	// Unmarshal decodes data into the target of v, a non-nil pointer. data as a whole must
	// be one value. Trailing bytes, any other violation of the format, and a value that the
	// target cannot hold are ErrCorrupt. Unmarshal neither modifies nor keeps data. After
	// an error, the content of the target is unspecified.
	Unmarshal(data []byte, v any) error
}

// A Compressor makes bytes shorter, and restores them. All methods may be called
// concurrently.
type Compressor interface {
	// Name is the name of the format in a DSN, in lower case: "gzip".
	Name() string

	// Append appends the compressed src to dst, and returns the extended slice. Append
	// neither modifies nor keeps src.
	Append(dst, src []byte) ([]byte, error)

	// Decompress appends the decompressed src to dst, and returns the extended slice. src
	// as a whole must be one compressed text: trailing bytes are ErrCorrupt. An output of
	// more than limit bytes is ErrTooLarge, and Decompress allocates at most limit bytes to
	// find that out. Decompress neither modifies nor keeps src.
	Decompress(dst, src []byte, limit int) ([]byte, error)
}

// A Recognizer is a Serializer or a Compressor that tells its own bytes from the bytes of every
// other format, by a magic number, a checked header or strict validity.
type Recognizer interface {
	// Recognize reports whether data is of the format. Damaged data may be recognized, too.
	// All data that Unmarshal or Decompress accepts must be recognized, because a chain
	// does not always call Recognize first. Recognize neither modifies nor keeps data.
	Recognize(data []byte) bool
}

// A Wildcard is a Serializer that accepts any bytes as a value. In the plain format, a
// Wildcard must be alone in its chain.
type Wildcard interface {
	Serializer
	// Wildcard marks the type, and does nothing.
	Wildcard()
}

// A Leveler is a Compressor with levels: "gzip:9" in a DSN.
type Leveler interface {
	Compressor
	// WithLevel returns the compressor at a level. The error for an unknown level names the
	// known levels.
	WithLevel(level int) (Compressor, error)
}

// A Tagger is a Serializer or a Compressor from outside of this library that has an id in
// the tagged format.
type Tagger interface {
	// TagID returns the id of the format in headers, from 128 to 255. The id must never
	// change. All serializers of a cache must have different ids, and so must all
	// compressors.
	TagID() byte
}

// A TypeChecker is a Serializer that can refuse a value by its type, because no value of
// the type could be read back.
//
// For a value that is read back into an interface, Append gets a pointer to the interface,
// and not the value itself.
type TypeChecker interface {
	Serializer
	// CheckType returns ErrUnsupportedValue, with the reason, if no stored value of type t
	// could be read back into a t, and nil otherwise.
	CheckType(t reflect.Type) error
}

// A bytesSerializer encodes and decodes a []byte without the conversion to an interface.
type bytesSerializer interface {
	AppendBytes(dst, b []byte) ([]byte, error)
	// UnmarshalBytes returns a new slice.
	UnmarshalBytes(data []byte) ([]byte, error)
}
