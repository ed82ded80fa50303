package codec

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"fmt"
)

// A KeyRing encrypts stored values with AES-GCM, and decrypts values of any of its keys.
// The first key writes, so that keys can be replaced while a fleet runs: add the new key
// behind the old one everywhere, then put the new key in front, and remove the old key when
// its last value has expired.
//
// A value is bound to its key in the cache: a value that was moved to another key cannot be
// read. The length of a value, and its existence, are not hidden.
//
// A KeyRing is immutable, and may be used concurrently. No verb of fmt shows its keys.
type KeyRing struct {
	keys []sealer
	// exposed is the result of Exposed.
	exposed error
}

// A sealed value starts with
//
//	FE C2    magic
//	01       version
//	4 bytes  key number
//	12 bytes nonce
//
// A sealed value ends with a tag of 16 bytes. The tag also authenticates the first seven bytes
// and the full key of the cache.
const (
	sealedMagic0, sealedMagic1 = 0xFE, 0xC2
	sealedVersion              = 1

	sealedHeader = 7
	// SealedOverhead is the number of bytes that a KeyRing adds to a value.
	SealedOverhead = sealedHeader + 12 + 16
)

// A sealer is one key of a ring.
type sealer struct {
	header [sealedHeader]byte
	aead   cipher.AEAD
}

// NewKeyRing returns a ring of AES keys of 16, 24 or 32 random bytes. The first key writes.
// NewKeyRing does not keep the slices. A key of another length, a repeated key, and a key
// of a single repeated byte, which is no secret, are errors. No error shows a key.
//
// Nonces are random. Replace a key before it has written 2^32 values.
func NewKeyRing(keys ...[]byte) (*KeyRing, error) {
	return newKeyRing(keys, func(i int) string { return fmt.Sprintf("key %d of the ring", i+1) })
}

// newKeyRing is NewKeyRing with names of the keys for errors.
func newKeyRing(keys [][]byte, name func(i int) string) (*KeyRing, error) {
	if len(keys) == 0 {
		return nil, configError("a key ring needs a key, of 16, 24 or 32 random bytes")
	}
	ring := &KeyRing{}
	for i, key := range keys {
		block, err := aes.NewCipher(key)
		if err != nil {
			return nil, configError("%s has %d bytes; it must have 16, 24 or 32", name(i), len(key))
		}
		if bytes.Count(key, key[:1]) == len(key) {
			return nil, configError("%s is one byte, repeated, and no secret; make one with: openssl rand -base64 32", name(i))
		}
		s := sealer{header: headerOf(key)}
		if s.aead, err = cipher.NewGCMWithRandomNonce(block); err != nil {
			return nil, fmt.Errorf("xcache: codec: %s: %w", name(i), err)
		}
		if ring.find(s.header[:]) != nil {
			return nil, configError("%s is there twice", name(i))
		}
		ring.keys = append(ring.keys, s)
	}
	return ring, nil
}

// headerOf returns the header of the values of a key. The key number in the header reveals
// nothing about the key.
func headerOf(key []byte) [sealedHeader]byte {
	sum := sha256.Sum256(append([]byte("xcache encryption key\x00"), key...))
	return [sealedHeader]byte{sealedMagic0, sealedMagic1, sealedVersion, sum[0], sum[1], sum[2], sum[3]}
}

// Seal appends the encrypted plaintext to dst, and returns the extended slice. fullKey is
// the full key in the cache. dst and plaintext must not overlap.
func (r *KeyRing) Seal(dst, plaintext []byte, fullKey string) []byte {
	s := &r.keys[0]
	associated := s.associated(fullKey)
	defer associated.release()
	return s.aead.Seal(append(dst, s.header[:]...), nil, plaintext, associated.bytes)
}

// Open appends the decrypted value to dst, and returns the extended slice. fullKey is the
// full key in the cache, as for Seal. old tells that the first key did not write the value.
// Any other bytes, also an unencrypted value, are ErrCorrupt. dst and sealed must not
// overlap.
func (r *KeyRing) Open(dst, sealed []byte, fullKey string) (plaintext []byte, old bool, err error) {
	switch {
	case len(sealed) < SealedOverhead || sealed[0] != sealedMagic0 || sealed[1] != sealedMagic1:
		return dst, false, &Error{Kind: ErrCorrupt, Reason: "it is not encrypted, which the cache's values must be"}
	case sealed[2] != sealedVersion:
		return dst, false, &Error{Kind: ErrCorrupt, Reason: "it was encrypted by a later version"}
	}
	s := r.find(sealed[:sealedHeader])
	if s == nil {
		return dst, false, &Error{Kind: ErrCorrupt, Reason: "the key that encrypted it is not in the key ring"}
	}
	associated := s.associated(fullKey)
	defer associated.release()
	plaintext, err = s.aead.Open(dst, nil, sealed[sealedHeader:], associated.bytes)
	if err != nil {
		return dst, false, &Error{Kind: ErrCorrupt, Reason: "it was changed after it was encrypted, or encrypted for another key of the cache", Err: err}
	}
	return plaintext, s != &r.keys[0], nil
}

func (r *KeyRing) find(header []byte) *sealer {
	for i := range r.keys {
		if bytes.Equal(r.keys[i].header[:], header) {
			return &r.keys[i]
		}
	}
	return nil
}

// associated returns the data that is authenticated together with a value.
func (s *sealer) associated(fullKey string) *buffer {
	b := buffers.Get().(*buffer)
	b.bytes = append(append(b.bytes[:0], s.header[:]...), fullKey...)
	return b
}

// isSealed reports whether data has the header of a KeyRing.
func isSealed(data []byte) bool {
	return len(data) >= SealedOverhead && data[0] == sealedMagic0 && data[1] == sealedMagic1 && data[2] == sealedVersion
}

// String returns the number of keys.
func (r *KeyRing) String() string { return fmt.Sprintf("ring of %d encryption keys", len(r.keys)) }

// Format writes the result of String for every verb.
func (r *KeyRing) Format(f fmt.State, verb rune) {
	fmt.Fprintf(f, fmt.FormatString(f, verb), r.String())
}
