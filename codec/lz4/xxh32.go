package lz4

import (
	"encoding/binary"
	"math/bits"
)

const (
	prime1 uint32 = 2654435761
	prime2 uint32 = 2246822519
	prime3 uint32 = 3266489917
	prime4 uint32 = 668265263
	prime5 uint32 = 374761393
)

// xxh32 is XXH32 of b with seed 0, the checksum of the format.
func xxh32(b []byte) uint32 {
	length := uint32(len(b))
	h := prime5
	if len(b) >= 16 {
		p1, p2 := prime1, prime2 // variables, as the sums overflow
		lane1, lane2, lane3, lane4 := p1+p2, p2, uint32(0), -p1
		for ; len(b) >= 16; b = b[16:] {
			lane1 = bits.RotateLeft32(lane1+binary.LittleEndian.Uint32(b)*prime2, 13) * prime1
			lane2 = bits.RotateLeft32(lane2+binary.LittleEndian.Uint32(b[4:])*prime2, 13) * prime1
			lane3 = bits.RotateLeft32(lane3+binary.LittleEndian.Uint32(b[8:])*prime2, 13) * prime1
			lane4 = bits.RotateLeft32(lane4+binary.LittleEndian.Uint32(b[12:])*prime2, 13) * prime1
		}
		h = bits.RotateLeft32(lane1, 1) + bits.RotateLeft32(lane2, 7) + bits.RotateLeft32(lane3, 12) + bits.RotateLeft32(lane4, 18)
	}
	h += length
	for ; len(b) >= 4; b = b[4:] {
		h = bits.RotateLeft32(h+binary.LittleEndian.Uint32(b)*prime3, 17) * prime4
	}
	for _, c := range b {
		h = bits.RotateLeft32(h+uint32(c)*prime5, 11) * prime1
	}
	h = (h ^ h>>15) * prime2
	h = (h ^ h>>13) * prime3
	return h ^ h>>16
}
