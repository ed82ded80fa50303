package valkey

import (
	"reflect"
	"unsafe"

	valkeygo "github.com/valkey-io/valkey-go"

	"github.com/xcache-go/xcache/drivers/internal/shape"
)

// valkey-go tells a status from a string, and both from a large number, by an unexported
// field: the type byte of the RESP reply. The driver reads that field, so that a reply of
// another kind is never a success.

var messageKind, hasKind = offsetOf(reflect.TypeFor[valkeygo.ValkeyMessage](), "typ", reflect.TypeFor[byte]())

// offsetOf returns the offset of a field. false means that no field has the name and the
// type.
func offsetOf(in reflect.Type, name string, of reflect.Type) (uintptr, bool) {
	field, ok := in.FieldByName(name)
	return field.Offset, ok && field.Type == of
}

// kindOf returns the type byte of a message, or 0 if this version of valkey-go has no such
// field.
func kindOf(m *valkeygo.ValkeyMessage) byte {
	if !hasKind {
		return 0
	}
	return *(*byte)(unsafe.Add(unsafe.Pointer(m), messageKind))
}

// allows reports whether a message is an error, or has a shape that the command may have.
// valkey-go does not check the shape, and often makes an empty value of a wrong shape.
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
