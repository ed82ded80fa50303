package redis

import "unsafe"

// bytesOf returns the bytes of a string that go-redis has made for one reply
// and nobody else holds, so that they may be changed.
func bytesOf(s string) []byte {
	if s == "" {
		return []byte{}
	}
	return unsafe.Slice(unsafe.StringData(s), len(s))
}
