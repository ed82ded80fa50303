package failure

import "strings"

// IsHangUp reports whether err is the error of a connection that the other side has closed
// during a read or a write. Plan 9 has a text for that error, and no number.
func IsHangUp(err error) bool {
	return err != nil && strings.Contains(err.Error(), "hungup")
}
