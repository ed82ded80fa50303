//go:build !plan9

package failure

import (
	"errors"
	"syscall"
)

// IsHangUp reports whether err is that of a connection whose other end has closed
// it while something was written or read.
func IsHangUp(err error) bool {
	return errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET)
}
