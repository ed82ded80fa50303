package codec

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"math/bits"
)

// A tagged value starts with
//
//	FE C1       magic
//	01          version
//	1 byte      id of the serializer
//	1 byte      id of the compressor; 0: the payload is not compressed
//	uvarint     length of the payload before compression
//	4 bytes     CRC-32C (Castagnoli), big-endian, of all other bytes of header
//	            and payload
//
// The payload follows. No JSON, decimal number, msgpack, CBOR or pickle starts with these
// bytes. A plain gob with a first message of 49408 to 49663 bytes starts with these bytes: a
// chain of the tagged format reads such a gob as a damaged header.
const (
	magic0, magic1 = 0xFE, 0xC1
	version        = 1

	fixedHeader = 5
	sumSize     = 4
	maxHeader   = fixedHeader + binary.MaxVarintLen64 + sumSize
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// A header describes the payload of a tagged value.
type header struct {
	serializer, compressor byte
	length                 uint64
}

// appendTo appends the header of payload to dst.
func (h header) appendTo(dst, payload []byte) []byte {
	start := len(dst)
	dst = append(dst, magic0, magic1, version, h.serializer, h.compressor)
	dst = binary.AppendUvarint(dst, h.length)
	return binary.BigEndian.AppendUint32(dst, checksum(dst[start:], payload))
}

func checksum(header, payload []byte) uint32 {
	return crc32.Update(crc32.Checksum(header, castagnoli), castagnoli, payload)
}

// isTagged reports whether data starts with the magic number.
func isTagged(data []byte) bool {
	return len(data) >= 2 && data[0] == magic0 && data[1] == magic1
}

// parseTagged reads the header of data, for which isTagged is true. ok is false for damaged
// data.
func parseTagged(data []byte) (h header, payload []byte, ok bool) {
	if len(data) < fixedHeader || data[2] != version {
		return h, nil, false
	}
	h.serializer, h.compressor = data[3], data[4]
	length, n := binary.Uvarint(data[fixedHeader:])
	if n <= 0 || len(data) < fixedHeader+n+sumSize {
		return h, nil, false
	}
	h.length = length
	end := fixedHeader + n
	payload = data[end+sumSize:]
	return h, payload, binary.BigEndian.Uint32(data[end:]) == checksum(data[:end], payload)
}

// hasBrokenMagic reports whether data is a tagged value, or a value that depends on generations,
// with one flipped bit in its magic number. Raw would accept such data.
func hasBrokenMagic(data []byte) bool {
	if len(data) < fixedHeader+1+sumSize || bits.OnesCount8(data[0]^magic0)+bits.OnesCount8(data[1]^magic1) != 1 {
		return false
	}
	if data[2] != version {
		return hasBrokenGenerations(data)
	}
	repaired := bytes.Clone(data)
	repaired[0], repaired[1] = magic0, magic1
	_, _, ok := parseTagged(repaired)
	return ok
}
