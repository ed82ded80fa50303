package codec

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// The sentinel errors of this package, for errors.Is.
var (
	// ErrCorrupt is the error of bytes that no member of the chain can read into the wanted
	// type.
	ErrCorrupt = errors.New("xcache: corrupt value")
	// ErrTooLarge is the error of a value beyond a limit: of size, depth or number of
	// elements.
	ErrTooLarge = errors.New("xcache: value too large")
	// ErrUnsupportedValue is the error of a value or a type that the serializer cannot
	// store, cannot read whatever the bytes are, or could not read back unchanged. The
	// error names the type and the reason, and never a value.
	ErrUnsupportedValue = errors.New("xcache: value not supported by the codec")
)

// An Error is the error of a serializer, a compressor or a chain. errors.Is finds its Kind,
// and errors.As finds its cause.
//
// The text of an Error never shows any part of a value. The text of Err may show a part of a
// value, and is no part of the text of the Error.
type Error struct {
	// Kind is one of this package's sentinel errors.
	Kind error
	// Codec is the name of the serializer or compressor, or "" for the chain itself.
	Codec string
	// Reason names the problem and the remedy.
	Reason string
	// Err is the cause, or nil.
	Err error
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Kind.Error())
	b.WriteString(": ")
	if e.Codec != "" {
		b.WriteString(e.Codec)
		b.WriteString(": ")
	}
	b.WriteString(e.Reason)
	return b.String()
}

// GoString returns the quoted text of Error, for %#v, because Err may hold a value.
func (e *Error) GoString() string { return strconv.Quote(e.Error()) }

// MarshalText returns the text of Error, for loggers and encoders, because Err may hold a
// value.
func (e *Error) MarshalText() ([]byte, error) { return []byte(e.Error()), nil }

// Unwrap returns the kind and the cause.
func (e *Error) Unwrap() []error {
	if e.Err == nil {
		return []error{e.Kind}
	}
	return []error{e.Kind, e.Err}
}

// classify returns an error of a member of the chain as an Error with one of the sentinels,
// and without any part of a value in its text. kind is the sentinel for an error without
// one.
func classify(err error, kind error, codec, reason string) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*Error](err); ok {
		return err
	}
	for _, sentinel := range []error{ErrCorrupt, ErrTooLarge, ErrUnsupportedValue} {
		if errors.Is(err, sentinel) {
			kind = sentinel
		}
	}
	return &Error{Kind: kind, Codec: codec, Reason: reason, Err: err}
}

func tooLarge(codec string, limit int) error {
	return &Error{Kind: ErrTooLarge, Codec: codec, Reason: fmt.Sprintf("more than %d bytes", limit)}
}

// configError returns an error about a Config or a chain.
func configError(format string, args ...any) error {
	return fmt.Errorf("xcache: codec: "+format, args...)
}
