package redis

import "unsafe"

// immutable returns the bytes of a string, which nobody may change: just what
// driver.Value promises of its Data.
func immutable(s string) []byte {
	if s == "" {
		return []byte{}
	}
	return unsafe.Slice(unsafe.StringData(s), len(s))
}
