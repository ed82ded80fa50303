package codec

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// The sentinels of this package. Errors match them with errors.Is.
var (
	// ErrCorrupt is bytes that no member of the chain can read into the type
	// asked for.
	ErrCorrupt = errors.New("xcache: corrupt value")
	// ErrTooLarge is a value over one of the limits: the size, the depth, the
	// number of elements.
	ErrTooLarge = errors.New("xcache: value too large")
	// ErrUnsupportedValue is a value or a type that the serializer cannot
	// store or read, whatever the bytes, or could not read back as it was. The
	// error names the type and the reason, and never a value.
	ErrUnsupportedValue = errors.New("xcache: value not supported by the codec")
)

// An Error is what a serializer, a compressor or a chain returns. It matches
// its Kind with errors.Is, and its cause is reachable with errors.As.
//
// Its text never shows any part of a value. The text of Err may, and is
// therefore left out of it.
type Error struct {
	// Kind is one of this package's sentinels.
	Kind error
	// Codec names the serializer or compressor; "" is the chain itself.
	Codec string
	// Reason says what is wrong and what to do about it.
	Reason string
	// Err is the cause, if there is one.
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

// GoString returns the text of Error in quotes, for %#v: what Err wraps may hold a
// value.
func (e *Error) GoString() string { return strconv.Quote(e.Error()) }

// MarshalText returns the text of Error, for loggers and encoders, likewise.
func (e *Error) MarshalText() ([]byte, error) { return []byte(e.Error()), nil }

// Unwrap returns the kind and the cause.
func (e *Error) Unwrap() []error {
	if e.Err == nil {
		return []error{e.Kind}
	}
	return []error{e.Kind, e.Err}
}

// classify makes sure that an error of a member of the chain matches one of
// the sentinels, and that its text shows nothing of a value. kind is what an
// error of a member that does not say means.
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

// configError returns an error about the chain as a whole.
func configError(format string, args ...any) error {
	return fmt.Errorf("xcache: codec: "+format, args...)
}
