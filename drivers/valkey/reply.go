package valkey

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	valkeygo "github.com/valkey-io/valkey-go"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/servererror"
)

// messageError returns the error for an error reply. valkey-go's own error lacks the word
// ERR.
func messageError(m *valkeygo.ValkeyMessage) error {
	text, _ := m.ToString()
	if cause, ok := strings.CutPrefix(text, tooLongPrefix); ok {
		return driver.Fail(driver.ErrTooLarge, driver.Unknown, errors.New(cause))
	}
	return servererror.Parse(text, func(text string) error { return &replyError{text, m.Error()} })
}

// A replyError is an error reply. The text has no keys. valkey-go's own error may have
// keys.
type replyError struct {
	text string
	err  error
}

func (e *replyError) Error() string { return e.text }
func (e *replyError) Unwrap() error { return e.err }

// tooLongPrefix begins the error replies that conn puts in the place of strings beyond the
// limit.
const tooLongPrefix = "XCACHE.TOOLONG "

// tooLongReply returns the reply in the place of a string beyond the limit.
func tooLongReply(length, longest int) []byte {
	return fmt.Appendf(nil, "-%sa value of %d bytes is longer than max_value, %d bytes\r\n", tooLongPrefix, length, longest)
}

// bytesOf returns the bytes of a string. The bytes belong to the caller.
func bytesOf(m *valkeygo.ValkeyMessage) ([]byte, error) {
	return ownBytes(m.AsBytes())
}

// isNil reports whether an error of valkey-go stands for nil.
func isNil(err error) bool {
	return err == error(valkeygo.Nil) //nolint:errorlint // valkey-go returns the bare error, for every miss
}

// ownBytes returns bytes of valkey-go as bytes that belong to the caller.
func ownBytes(data []byte, err error) ([]byte, error) {
	switch {
	case isNil(err):
		return nil, driver.ErrNotFound
	case err != nil:
		return nil, driver.Fail(driver.ErrUnavailable, driver.NotApplied, errUnexpected)
	case len(data) == 0:
		return []byte{}, nil
	case string(data) == "OK":
		return []byte("OK"), nil // valkey-go shares one OK, in read-only memory
	}
	return data, nil
}

// okay is the most frequent status. Replies share it, because no code writes to it.
var okay = []byte("OK")

// reply returns a message as a driver.Reply.
func reply(m *valkeygo.ValkeyMessage) driver.Reply {
	switch {
	case m.IsString():
		if text, _ := m.ToString(); text == "OK" && kindOf(m) == '+' {
			return driver.DataReply(okay)
		}
		data, _ := bytesOf(m)
		return driver.DataReply(data)
	case m.IsNil():
		return driver.Reply{}
	case m.Error() != nil:
		return driver.Reply{Kind: driver.ReplyError, Err: messageError(m)}
	case m.IsInt64():
		n, _ := m.ToInt64()
		return driver.IntReply(n)
	case m.IsBool():
		if yes, _ := m.ToBool(); yes {
			return driver.IntReply(1)
		}
		return driver.IntReply(0)
	case m.IsFloat64():
		f, _ := m.ToFloat64()
		return driver.FloatReply(f)
	case m.IsArray():
		elements, _ := m.ToArray()
		list := make([]driver.Reply, len(elements))
		for i := range elements {
			list[i] = reply(&elements[i])
		}
		return driver.ArrayReply(list...)
	case m.IsMap():
		return mapReply(m)
	}
	return otherReply(m)
}

// mapReply returns a map, sorted by name: valkey-go does not tell the order of the reply.
func mapReply(m *valkeygo.ValkeyMessage) driver.Reply {
	pairs, _ := m.ToMap()
	list := make([]driver.Reply, 0, 2*len(pairs))
	for _, name := range slices.Sorted(maps.Keys(pairs)) {
		value := pairs[name]
		list = append(list, driver.DataReply([]byte(name)), reply(&value))
	}
	return driver.ArrayReply(list...)
}

// otherReply returns a large number, or a verbatim string without its format (three letters
// and a colon).
func otherReply(m *valkeygo.ValkeyMessage) driver.Reply {
	text, err := m.ToString()
	if err != nil {
		return driver.Reply{Kind: driver.ReplyError, Err: driver.Fail(driver.ErrUnavailable, driver.Unknown, errUnexpected)}
	}
	if len(text) > 3 && text[3] == ':' {
		text = text[4:]
	}
	return driver.DataReply([]byte(text))
}
