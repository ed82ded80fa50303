//go:build !plan9

package failure

import (
	"errors"
	"syscall"
)

// IsHangUp reports whether err is the error of a connection that the other side has closed
// during a read or a write.
func IsHangUp(err error) bool {
	return errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET)
}
