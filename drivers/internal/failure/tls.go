package failure

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"syscall"
)

// A TLSError is the error of a connection on which probably only one side speaks TLS.
type TLSError struct {
	// Advice tells the user what to do.
	Advice string
	// Err is the error of the connection, or nil.
	Err error
	// certain tells that TLS certainly is the reason, so that a retry does not help.
	certain bool
}

func (e *TLSError) Error() string {
	if e.Err == nil {
		return e.Advice
	}
	return e.Err.Error() + "; " + e.Advice
}

// Unwrap returns the error of the connection in a list, as HangUpError does.
func (e *TLSError) Unwrap() []error {
	if e.Err == nil {
		return nil
	}
	return []error{e.Err}
}

const (
	wantsTLS = "the server wants TLS, for which a DSN begins with rediss:// or valkeys://"
	mayWant  = "the server hung up before it said anything; if it wants TLS, a DSN begins with rediss:// or valkeys://"
	lacksTLS = "if the server does not speak TLS, a DSN begins with redis:// or valkey://"
)

// OfFirstRead returns the error of the first read from a connection without TLS. A TLSError
// replaces err if the server seems to speak TLS.
func OfFirstRead(data []byte, err error) error {
	switch {
	case bytes.HasPrefix(data, []byte{21, 3}): // an alert of TLS
		return &TLSError{Advice: wantsTLS, certain: true}
	case len(data) == 0 && isHangUp(err):
		return &TLSError{Advice: mayWant, Err: err}
	}
	return err
}

// FirstReads returns a reader of a new connection without TLS. The first error is that of
// OfFirstRead.
func FirstReads(r io.Reader) io.Reader { return &firstReads{r: r} }

type firstReads struct {
	r    io.Reader
	some bool
}

func (f *firstReads) Read(p []byte) (int, error) {
	n, err := f.r.Read(p)
	if !f.some {
		f.some = n > 0
		if reason := OfFirstRead(p[:n], err); reason != nil && (n == 0 || err == nil) {
			return 0, reason
		}
	}
	return n, err
}

// OfHandshake returns the error of a failed TLS handshake. A server without TLS may wait
// for more bytes, hang up, or answer something else.
func OfHandshake(err error) error {
	if _, plain := errors.AsType[tls.RecordHeaderError](err); plain || isHangUp(err) || IsTimeout(err) {
		return &TLSError{Advice: lacksTLS, Err: err, certain: plain}
	}
	return err
}

func isHangUp(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET)
}
