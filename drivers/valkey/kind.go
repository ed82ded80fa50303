package valkey

import (
	"reflect"
	"unsafe"

	valkeygo "github.com/valkey-io/valkey-go"

	"github.com/xcache-go/xcache/drivers/internal/shape"
)

// valkey-go tells a status from a string, and both from a large number, by a field
// that it does not show: the byte that RESP begins the reply with. Reading it is
// what keeps a reply of another kind from being a success.

var messageKind, hasKind = offsetOf(reflect.TypeFor[valkeygo.ValkeyMessage](), "typ", reflect.TypeFor[byte]())

// offsetOf returns where a field is, and reports false if there is none of that
// type.
func offsetOf(in reflect.Type, name string, of reflect.Type) (uintptr, bool) {
	field, ok := in.FieldByName(name)
	return field.Offset, ok && field.Type == of
}

// kindOf returns the type byte of a message, or 0 if valkey-go has it elsewhere
// by now.
func kindOf(m *valkeygo.ValkeyMessage) byte {
	if !hasKind {
		return 0
	}
	return *(*byte)(unsafe.Add(unsafe.Pointer(m), messageKind))
}

// allows reports whether a message is of a shape that its command has, or an error.
// valkey-go does not check that, and what it would make of another is often an empty value.
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
