package xcache

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/xcache-go/xcache/driver"
)

// seal appends a value, encoded and encrypted, to dst.
func seal[T any](c *Cache, full string, dst []byte, value T) ([]byte, error) {
	s := newScratch()
	defer s.release()
	var err error
	if s.buffer, err = appendValue(c, s.buffer[:0], value); err != nil {
		return dst, err
	}
	return c.keys.Seal(dst, s.buffer, full), nil
}

// compare calls write with the bytes that a value is stored as. An encrypted one
// is stored differently each time: then they are those that are there, if they
// hold that value. write reports whether they still were.
func compare[T any](ctx context.Context, c *Cache, full string, value T, write func(stored []byte) (bool, error)) (bool, error) {
	if c.keys == nil {
		stored, _, err := encode(c, full, nil, value)
		if err != nil {
			return false, err
		}
		return write(stored)
	}
	want, err := appendValue(c, nil, value)
	if err != nil {
		return false, tooLarge(err)
	}
	const tries = 8 // somebody else may store the same value again in between
	for range tries {
		stored, err := getFrom(ctx, &c.shared.primary, full)
		if errors.Is(err, ErrNotFound) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		plaintext, _, err := c.keys.Open(nil, stored, full)
		if err != nil || !bytes.Equal(plaintext, want) {
			return false, err
		}
		if done, err := write(stored); done || err != nil {
			return done, err
		}
	}
	return false, driver.Fail(ErrUnavailable, driver.NotApplied, errors.New("others stored the value again each time it was compared"))
}

// encrypted returns the error for what cannot be done with an encrypted value.
func encrypted(done string) error {
	return fmt.Errorf("xcache: an encrypted value cannot be %s: %w", done, errors.ErrUnsupported)
}

// countable and movable return an error if the view encrypts values.

func (c *Cache) countable() error {
	if c.keys != nil {
		return encrypted("counted on by the server; use a view with WithEncryption(nil)")
	}
	return nil
}

func (c *Cache) movable() error {
	if c.keys != nil {
		return encrypted("moved, as it belongs to its key; get it, and set it under the other one")
	}
	return nil
}
