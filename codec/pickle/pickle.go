package pickle

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/xcache-go/xcache/codec"
)

func init() { codec.Register(Serializer) }

// Serializer is the serializer "pickle", described in the package comment. The serializer
// recognises its own bytes, and may be used beside others in a chain. Serializer is a
// codec.TypeChecker. All its methods may be called concurrently.
var Serializer codec.Serializer = serializer{}

type serializer struct{}

func (serializer) Name() string { return "pickle" }

// Canonical marks a serializer that writes equal values as equal bytes.
func (serializer) Canonical() {}

// Recognize runs the pickle, and makes no value.
func (serializer) Recognize(data []byte) bool {
	if !mayBePickle(data) {
		return false
	}
	m := machines.Get().(*machine)
	defer m.release()
	err := m.run(data)
	return err == nil || errors.Is(err, codec.ErrTooLarge)
}

func (serializer) Append(dst []byte, v any) ([]byte, error) {
	w := writer{out: append(dst, opProto, writtenProtocol)}
	if err := checkType(v); err != nil {
		return dst, err
	}
	if held, ok := v.(*any); ok && held != nil && *held != nil {
		v = *held // avoids reflection for the value in an any, too
	}
	if err := w.any(v, 0); err != nil {
		return dst, err
	}
	return append(w.out, opStop), nil
}

func (serializer) AppendBytes(dst, b []byte) ([]byte, error) {
	w := writer{out: append(dst, opProto, writtenProtocol)}
	w.bytes(b)
	return append(w.out, opStop), nil
}

func (serializer) Unmarshal(data []byte, v any) error {
	target := reflect.ValueOf(v)
	if target.Kind() != reflect.Pointer || target.IsNil() {
		return unsupported("a value is decoded into a non-nil pointer, not a %T", v)
	}
	return read(data, func(r *reader, root uint32) (err error) {
		if into, ok := v.(*any); ok {
			*into, err = r.any(root, 0)
			return err
		}
		return r.value(root, 0, target.Elem())
	})
}

func (serializer) UnmarshalBytes(data []byte) (b []byte, err error) {
	err = read(data, func(r *reader, root uint32) (err error) {
		if n := r.nodes[root]; n.kind == kindBytes {
			b, err = r.copyBytes(n)
			return err
		}
		return r.value(root, 0, reflect.ValueOf(&b).Elem())
	})
	return b, err
}

// read runs a pickle, and calls take with the root of the value.
func read(data []byte, take func(r *reader, root uint32) error) error {
	if !mayBePickle(data) {
		return corrupt("it is no pickle of protocol %d to %d", oldestProtocol, newestProtocol)
	}
	m := machines.Get().(*machine)
	defer m.release()
	if err := m.run(data); err != nil {
		return err
	}
	if m.refused != nil {
		return m.refused
	}
	if m.doubles {
		if _, err := m.weigh(m.stack[0], 0, make([]uint32, len(m.nodes))); err != nil {
			return err
		}
	}
	most := max(len(data), codec.DefaultMaxValue)
	r := reader{machine: m, bytesLeft: most, keyBytesLeft: keyPlaces * int64(most)}
	return take(&r, m.stack[0])
}

// keyPlaces is how often the longest str may be a key.
const keyPlaces = 16

// mayBePickle checks both ends.
func mayBePickle(data []byte) bool {
	return len(data) > 3 && data[0] == opProto &&
		data[1] >= oldestProtocol && data[1] <= newestProtocol && data[len(data)-1] == opStop
}

func corrupt(format string, args ...any) error {
	return &codec.Error{Kind: codec.ErrCorrupt, Codec: "pickle", Reason: fmt.Sprintf(format, args...)}
}

func unsupported(format string, args ...any) error {
	return &codec.Error{Kind: codec.ErrUnsupportedValue, Codec: "pickle", Reason: fmt.Sprintf(format, args...)}
}

func tooLarge(format string, args ...any) error {
	return &codec.Error{Kind: codec.ErrTooLarge, Codec: "pickle", Reason: fmt.Sprintf(format, args...)}
}
