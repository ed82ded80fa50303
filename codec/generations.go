package codec

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
)

// A value that depends on generations starts with
//
//	FE C1       magic, the same as for a tagged value
//	02          version
//	4 bytes     CRC-32C (Castagnoli), big-endian, of all other bytes
//	uvarint     length of the generations
//	            for each: uvarint and name, uvarint and id
//
// The value follows, in any format, or encrypted.
const (
	generationsVersion = 2
	generationsFixed   = 3 + sumSize
)

// A Generation is a generation that a value depends on. The value counts for as long as the
// generation of the name Name has the id ID.
type Generation struct {
	Name, ID string
}

// AppendGenerations appends value to dst, behind the generations that value depends on.
// value is a result of Append or KeyRing.Seal. value and dst do not overlap.
func AppendGenerations(dst []byte, generations []Generation, value []byte) []byte {
	start := len(dst)
	dst = append(dst, magic0, magic1, generationsVersion)
	dst = append(dst, make([]byte, sumSize)...)
	length := 0
	for _, g := range generations {
		length += sizeOfText(g.Name) + sizeOfText(g.ID)
	}
	dst = binary.AppendUvarint(dst, uint64(length))
	for _, g := range generations {
		dst = appendText(appendText(dst, g.Name), g.ID)
	}
	dst = append(dst, value...)
	binary.BigEndian.PutUint32(dst[start+3:], generationsSum(dst[start:]))
	return dst
}

// HasGenerations reports whether data looks like the result of AppendGenerations.
func HasGenerations(data []byte) bool {
	return isTagged(data) && len(data) > 2 && data[2] == generationsVersion
}

// CutGenerations returns the generations that data depends on, and the value behind the
// generations. The value is a part of data. ok is false for damaged data, and for data that
// AppendGenerations has not made.
func CutGenerations(data []byte) (generations []Generation, value []byte, ok bool) {
	if !HasGenerations(data) || len(data) < generationsFixed ||
		binary.BigEndian.Uint32(data[3:]) != generationsSum(data) {
		return nil, nil, false
	}
	length, n := binary.Uvarint(data[generationsFixed:])
	rest := data[generationsFixed:]
	if n <= 0 || length > uint64(len(rest)-n) {
		return nil, nil, false
	}
	texts := string(rest[n : n+int(length)])
	for texts != "" {
		var g Generation
		if g.Name, texts, ok = cutText(texts); !ok {
			return nil, nil, false
		}
		if g.ID, texts, ok = cutText(texts); !ok {
			return nil, nil, false
		}
		generations = append(generations, g)
	}
	return generations, rest[n+int(length):], true
}

// generationsSum returns the checksum of data. data has at least generationsFixed bytes.
func generationsSum(data []byte) uint32 {
	return crc32.Update(crc32.Checksum(data[:3], castagnoli), castagnoli, data[generationsFixed:])
}

// hasBrokenGenerations reports whether data is a value that depends on generations, with one
// flipped bit in its magic number.
func hasBrokenGenerations(data []byte) bool {
	if len(data) < generationsFixed || data[2] != generationsVersion {
		return false
	}
	repaired := bytes.Clone(data)
	repaired[0], repaired[1] = magic0, magic1
	_, _, ok := CutGenerations(repaired)
	return ok
}

func sizeOfText(text string) int {
	size := 1
	for n := len(text); n >= 1<<7; n >>= 7 {
		size++
	}
	return size + len(text)
}

func appendText(dst []byte, text string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(text))), text...)
}

// cutText cuts a text, as appendText writes it, from the front of texts.
func cutText(texts string) (text, rest string, ok bool) {
	var head [binary.MaxVarintLen64]byte
	length, n := binary.Uvarint(head[:copy(head[:], texts)])
	if n <= 0 || length > uint64(len(texts)-n) {
		return "", "", false
	}
	return texts[n : n+int(length)], texts[n+int(length):], true
}
