package valkey

import (
	"cmp"
	"reflect"

	valkeygo "github.com/valkey-io/valkey-go"

	"github.com/xcache-go/xcache/drivers/internal/shape"
)

// valkey-go tells a status from a string, and both from a large number, by a field
// that it does not show: the byte that RESP begins the reply with. Reading it is
// what keeps a reply of another kind from being a success.

var (
	resultMessage = fieldOf(reflect.TypeFor[valkeygo.ValkeyResult](), "val", reflect.TypeFor[valkeygo.ValkeyMessage]())
	messageKind   = fieldOf(reflect.TypeFor[valkeygo.ValkeyMessage](), "typ", reflect.TypeFor[byte]())
)

// fieldOf returns the number of a field, or -1 if there is none of that type.
func fieldOf(in reflect.Type, name string, of reflect.Type) int {
	field, ok := in.FieldByName(name)
	if !ok || field.Type != of {
		return -1
	}
	return field.Index[0]
}

// kindOf returns the type byte of a message, or 0 if valkey-go has it elsewhere
// by now.
func kindOf(m *valkeygo.ValkeyMessage) byte {
	if messageKind < 0 {
		return 0
	}
	return byte(reflect.ValueOf(m).Elem().Field(messageKind).Uint())
}

// kindOfResult is kindOf for the message of a result.
func kindOfResult(r *valkeygo.ValkeyResult) byte {
	if resultMessage < 0 || messageKind < 0 {
		return 0
	}
	return byte(reflect.ValueOf(r).Elem().Field(resultMessage).Field(messageKind).Uint())
}

// fits reports whether the reply to a command is of a kind that it has. valkey-go
// does not check that, and what it would make of another is often an empty value.
func (c *command) fits() bool {
	if kind := kindOfResult(c.result); kind != '+' {
		return kind == 0 || cmp.Or(c.shape, shape.Any).Allows(kind, "")
	}
	m, _ := c.result.ToMessage()
	return allows(cmp.Or(c.shape, shape.Any), &m)
}

// allows reports whether a message, if it is no error, is of a shape.
func allows(s shape.Shape, m *valkeygo.ValkeyMessage) bool {
	switch kind := kindOf(m); kind {
	case 0, '-', '!':
		return true
	case '+':
		text, _ := m.ToString()
		return s.Allows(kind, text)
	default:
		return s.Allows(kind, "")
	}
}
