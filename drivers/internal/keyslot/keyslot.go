// Package keyslot knows in which slot of a cluster a key is.
package keyslot

import "strings"

// Count is how many parts the keys of a cluster are divided into.
const Count = 16384

// Of returns the slot of a key: a checksum of its hash tag, which is what
// stands between the first { and the next }, or of the whole key if there is none
// or it is empty.
func Of(key string) uint16 {
	if open := strings.IndexByte(key, '{'); open >= 0 {
		if size := strings.IndexByte(key[open+1:], '}'); size > 0 {
			key = key[open+1 : open+1+size]
		}
	}
	var crc uint16
	for ; len(key) >= 4; key = key[4:] {
		crc = crcTables[3][byte(crc>>8)^key[0]] ^ crcTables[2][byte(crc)^key[1]] ^ crcTables[1][key[2]] ^ crcTables[0][key[3]]
	}
	for i := range len(key) {
		crc = crc<<8 ^ crcTables[0][byte(crc>>8)^key[i]]
	}
	return crc % Count
}

// crcTables are those of CRC-16/XMODEM, whose polynomial is 0x1021: what a byte
// gives, and what it gives when as many others follow as the index says. So four
// bytes are taken at once, none of which waits for the one before it.
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
