package failure

import "strings"

// IsHangUp reports whether err is that of a connection whose other end has closed
// it while something was written or read. Plan 9 has words for that, and no number.
func IsHangUp(err error) bool {
	return err != nil && strings.Contains(err.Error(), "hungup")
}
