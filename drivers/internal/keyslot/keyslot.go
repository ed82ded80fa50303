// Package keyslot computes the slot of a key in a cluster.
package keyslot

import "strings"

// Count is the number of slots of a cluster.
const Count = 16384

// Of returns the slot of a key: a checksum of its hash tag, or of the whole key without
// one. The hash tag is the text between the first { and the next }, unless that text is
// empty.
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
