package codec

import "reflect"

// A Serializer turns values into bytes and back. All methods may be called
// concurrently.
//
// A Serializer that can tell its own bytes from others' also implements
// Recognizer; one to which any bytes are a value implements Wildcard.
type Serializer interface {
	// Name is the format's name in a DSN: lower case, "json".
	Name() string

	// Append appends v, encoded, to dst and returns the extended slice. It
	// does not modify or keep v. A value that cannot be encoded is
	// ErrUnsupportedValue.
	Append(dst []byte, v any) ([]byte, error)

	// Unmarshal decodes data into what v, a non-nil pointer, points to. The
	// whole of data must be one value: trailing bytes, or anything else that
	// is not exactly the format, is ErrCorrupt, and so is a value that v
	// cannot hold. It neither modifies nor keeps data. After an error, what v
	// points to is unspecified.
	Unmarshal(data []byte, v any) error
}

// A Compressor makes bytes shorter and back. All methods may be called
// concurrently.
type Compressor interface {
	// Name is the format's name in a DSN: lower case, "gzip".
	Name() string

	// Append appends src, compressed, to dst and returns the extended slice.
	// It neither modifies nor keeps src.
	Append(dst, src []byte) ([]byte, error)

	// Decompress appends what src was made from to dst and returns the
	// extended slice. The whole of src must be one compressed text: anything
	// trailing is ErrCorrupt. More than limit bytes of output are
	// ErrTooLarge, and finding out allocates no more than limit bytes. It
	// neither modifies nor keeps src.
	Decompress(dst, src []byte, limit int) ([]byte, error)
}

// A Recognizer is a Serializer or a Compressor that tells its own bytes from
// those of every other format, by a magic number, a checked header or strict
// validity.
type Recognizer interface {
	// Recognize reports whether data is of this format. It need not be sound
	// in all its parts; but what Unmarshal or Decompress reads, Recognize
	// recognises, for a chain does not always ask before it reads. It neither
	// modifies nor keeps data.
	Recognize(data []byte) bool
}

// A Wildcard is a Serializer to which any bytes are a value. In the plain
// format it must be alone in its chain.
type Wildcard interface {
	Serializer
	// Wildcard marks the type; it does nothing.
	Wildcard()
}

// A Leveler is a Compressor with a choice of levels: "gzip:9" in a DSN.
type Leveler interface {
	Compressor
	// WithLevel returns the compressor at a level. A level that it does not
	// have is an error that says which it has.
	WithLevel(level int) (Compressor, error)
}

// A Tagger is a Serializer or a Compressor from outside this library that may
// take part in the tagged format.
type Tagger interface {
	// TagID is the number that stands for the format in headers, for ever:
	// 128 to 255, different for each serializer, and for each compressor,
	// that shares a cache.
	TagID() byte
}

// A TypeChecker is a Serializer that tells by its type alone that a value could not
// be read back.
//
// Its Append takes a pointer to an interface for a value that is read back into that
// interface, and not as the type that it is of.
type TypeChecker interface {
	Serializer
	// CheckType returns ErrUnsupportedValue, with the reason, if values of type t
	// that are stored could not be read back into a t; nil if they can.
	CheckType(t reflect.Type) error
}

// A bytesSerializer encodes and decodes a []byte without putting it in an
// interface.
type bytesSerializer interface {
	AppendBytes(dst, b []byte) ([]byte, error)
	// UnmarshalBytes returns a slice of its own.
	UnmarshalBytes(data []byte) ([]byte, error)
}
