package valkey

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	valkeygo "github.com/valkey-io/valkey-go"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/failure"
	"github.com/xcache-go/xcache/drivers/internal/servererror"
)

// errUnexpected is a reply of another shape than the command has.
var errUnexpected = errors.New("unexpected reply")

// replyError returns the error that the reply to a command is, or nil.
func replyError(r *valkeygo.ValkeyResult, readOnly bool) error {
	m, err := r.ToMessage()
	if err == nil || valkeygo.IsValkeyNil(err) {
		return nil
	}
	return messageError(&m, readOnly)
}

// messageError returns the error that a message is. valkey-go's own error lacks
// the word ERR.
func messageError(m *valkeygo.ValkeyMessage, readOnly bool) error {
	text, _ := m.ToString()
	if cause, ok := strings.CutPrefix(text, tooLongPrefix); ok {
		return driver.Fail(driver.ErrTooLarge, failure.Outcome(!readOnly), errors.New(cause))
	}
	return servererror.Parse(text, nativeError)
}

// tooLongPrefix begins the errors that stand in the place of strings that are too
// long to be read.
const tooLongPrefix = "XCACHE.TOOLONG "

// tooLongReply returns the reply that stands in the place of a string.
func tooLongReply(length, longest int) []byte {
	return fmt.Appendf(nil, "-%sa value of %d bytes is longer than max_value, %d bytes\r\n", tooLongPrefix, length, longest)
}

// nativeError returns the error that valkey-go itself makes of an error reply.
// Its only way to get one from outside is the form in which messages are kept in
// a cache: seven bytes, the type, the length and the text.
func nativeError(text string) error {
	const head = 7
	encoded := make([]byte, head, head+1+8+len(text))
	encoded = append(encoded, '-')
	encoded = binary.BigEndian.AppendUint64(encoded, uint64(len(text)))
	encoded = append(encoded, text...)
	var m valkeygo.ValkeyMessage
	if err := m.CacheUnmarshalView(encoded); err != nil || m.Error() == nil {
		return errors.New(text)
	}
	return m.Error()
}

// value returns the outcome of GET.
func (c *command) value() ([]byte, error) {
	if c.err != nil {
		return nil, c.err
	}
	data, err := c.result.AsBytes()
	return ownBytes(data, err)
}

// values fills in the outcomes of MGET.
func (c *command) values(dst []driver.Value) error {
	if c.err != nil {
		return c.err
	}
	elements := items(c.result)
	if len(elements) != len(dst) {
		return driver.Fail(driver.ErrUnavailable, driver.NotApplied, errUnexpected)
	}
	for i := range elements {
		dst[i].Data, dst[i].Err = element(&elements[i])
	}
	return nil
}

// element returns the value that an element of the reply to MGET is.
func element(m *valkeygo.ValkeyMessage) ([]byte, error) {
	switch kindOf(m) {
	case '$', '_', 0:
		return bytesOf(m)
	case '-', '!':
		return nil, messageError(m, true)
	}
	return nil, driver.Fail(driver.ErrUnavailable, driver.NotApplied, errUnexpected)
}

// bytesOf returns the bytes of a string, which are the caller's.
func bytesOf(m *valkeygo.ValkeyMessage) ([]byte, error) {
	return ownBytes(m.AsBytes())
}

// isNil reports whether an error of valkey-go's is its word for no value.
func isNil(err error) bool {
	return err == error(valkeygo.Nil) //nolint:errorlint // it is returned bare, for every miss
}

// ownBytes returns the bytes that valkey-go says a string has, as the caller's.
func ownBytes(data []byte, err error) ([]byte, error) {
	switch {
	case isNil(err):
		return nil, driver.ErrNotFound
	case err != nil:
		return nil, driver.Fail(driver.ErrUnavailable, driver.NotApplied, errUnexpected)
	case len(data) == 0:
		return []byte{}, nil
	case string(data) == "OK":
		return []byte("OK"), nil // valkey-go has one for all, in memory that cannot be written
	}
	return data, nil
}

// items returns the elements of an array; none of anything else.
func items(r *valkeygo.ValkeyResult) []valkeygo.ValkeyMessage {
	elements, err := r.ToArray()
	if err != nil {
		return nil
	}
	return elements
}

// fill gives a driver.Cmd its outcome.
func (c *command) fill(cmd *driver.Cmd) {
	cmd.Reply, cmd.Err = driver.Reply{}, c.err
	if c.err == nil {
		m, _ := c.result.ToMessage()
		cmd.Reply = reply(&m, c.readOnly)
	}
}

// reply returns a message as a driver.Reply.
func reply(m *valkeygo.ValkeyMessage, readOnly bool) driver.Reply {
	switch {
	case m.IsNil():
		return driver.Reply{}
	case m.Error() != nil:
		return driver.Reply{Kind: driver.ReplyError, Err: messageError(m, readOnly)}
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
			list[i] = reply(&elements[i], readOnly)
		}
		return driver.ArrayReply(list...)
	case m.IsMap():
		return mapReply(m, readOnly)
	case m.IsString():
		data, _ := bytesOf(m)
		return driver.DataReply(data)
	}
	return otherReply(m)
}

// mapReply returns a map. valkey-go does not tell the order.
func mapReply(m *valkeygo.ValkeyMessage, readOnly bool) driver.Reply {
	pairs, _ := m.ToMap()
	list := make([]driver.Reply, 0, 2*len(pairs))
	for _, name := range slices.Sorted(maps.Keys(pairs)) {
		value := pairs[name]
		list = append(list, driver.DataReply([]byte(name)), reply(&value, readOnly))
	}
	return driver.ArrayReply(list...)
}

// otherReply returns a large number, or a string with a format in front: three
// letters and a colon.
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
