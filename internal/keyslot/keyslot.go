// Package keyslot computes the slot of a key in a cluster.
package keyslot

import (
	"strings"
	"sync"
)

// Count is the number of slots of a cluster.
const Count = 16384

// Of returns the slot of a key: a checksum of the hash tag, or of the whole key if
// there is no hash tag. The hash tag is the text between the first { and the next },
// unless that text is empty.
func Of(key string) uint16 {
	if open := strings.IndexByte(key, '{'); open >= 0 {
		if size := strings.IndexByte(key[open+1:], '}'); size > 0 {
			key = key[open+1 : open+1+size]
		}
	}
	return checksum(0, key) % Count
}

// Beside returns the name of a key in the slot of another key: that key, a mark, and four
// letters that undo the effect of the mark on the checksum. The mark must have no braces.
// The letters have none.
func Beside(key, mark string) string { return key + mark + letters(key, mark) }

// AppendBeside appends the name that Beside returns.
func AppendBeside(dst []byte, key, mark string) []byte {
	return append(append(append(dst, key...), mark...), letters(key, mark)...)
}

func letters(key, mark string) string {
	whole := checksum(0, key) // without a hash tag the whole key counts; a hash tag stays the same
	behind := checksum(whole, mark)
	// The checksum is linear: the effect of the letters does not depend on the text before.
	return words()[(checksum(behind, "\x00\x00\x00\x00")^whole)%Count]
}

// words has, for each remainder of a checksum, four letters with that checksum.
var words = sync.OnceValue(func() *[Count]string {
	var table [Count]string
	var all strings.Builder
	all.Grow(Count * wordSize)
	for n, missing := 0, Count; missing > 0; n++ {
		var word [wordSize]byte
		for i, rest := 0, n; i < wordSize; i, rest = i+1, rest/26 {
			word[i] = 'a' + byte(rest%26)
		}
		if slot := checksum(0, string(word[:])) % Count; table[slot] == "" {
			all.Write(word[:])
			table[slot] = all.String()[all.Len()-wordSize:]
			missing--
		}
	}
	return &table
})

// wordSize is how many letters stand at the end of a name of Beside.
const wordSize = 4

// checksum continues a checksum over text.
func checksum(crc uint16, text string) uint16 {
	for ; len(text) >= 4; text = text[4:] {
		crc = crcTables[3][byte(crc>>8)^text[0]] ^ crcTables[2][byte(crc)^text[1]] ^ crcTables[1][text[2]] ^ crcTables[0][text[3]]
	}
	for i := range len(text) {
		crc = crc<<8 ^ crcTables[0][byte(crc>>8)^text[i]]
	}
	return crc
}

// crcTables are tables of CRC-16/XMODEM, with the polynomial 0x1021. Table n has the
// checksum of a byte with n bytes behind it. Four bytes are combined at once, because their
// lookups do not depend on each other.
var crcTables = func() (tables [4][256]uint16) {
	for i := range tables[0] {
		crc := uint16(i) << 8
		for range 8 {
			carry := crc&0x8000 != 0
			crc <<= 1
			if carry {
				crc ^= 0x1021
			}
		}
		tables[0][i] = crc
	}
	for n := range 3 {
		for i, crc := range tables[n] {
			tables[n+1][i] = crc<<8 ^ tables[0][crc>>8]
		}
	}
	return tables
}()
