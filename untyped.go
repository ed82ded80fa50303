package xcache

import (
	"maps"
	"reflect"
	"slices"
)

// The compiler makes generic code again for each type of values. So the code of loads has no type
// parameter, and has values as any. A value is a boxed[T] there. nil is no value: there is an error, or
// no result yet.

// An untyped is a view without the type of its values.
type untyped struct {
	core   *core
	values valueType
}

// untyped returns the view as the code of loads has it.
func (v *View[T]) untyped() untyped { return untyped{&v.core, (*valueTypeOf[T])(nil)} }

// onPrimary returns the same view, whose reads go to the primary: a replica may lag behind.
func (v untyped) onPrimary() untyped {
	c := *v.core
	c.configure([]Option{ReadPrimary()})
	return untyped{&c, v.values}
}

// encoder returns the encoder of a value.
func (v untyped) encoder(value any) encoder {
	return func(full string, buffer []byte) (stored, grown []byte, err error) {
		return v.values.encode(v.core, full, buffer, value)
	}
}

// decoder returns a decoder that sets value to the value of a key.
func (v untyped) decoder(key string, value *any) decoder {
	return func(full string, stored, plain []byte, seen *observation) (err error) {
		*value, err = v.values.read(v.core, key, full, stored, plain, seen)
		return err
	}
}

// A valueType does for untyped code what depends on the type of values.
type valueType interface {
	// as identifies the type.
	as() reflect.Type
	// zero returns the zero value.
	zero() any
	// encode encodes a boxed value: see the function with this name.
	encode(c *core, full string, buffer []byte, value any) (stored, grown []byte, err error)
	// read is readChecked.
	read(c *core, key, full string, stored, plain []byte, seen *observation) (any, error)
	// decode decodes stored bytes without tags, which it does not keep, and tells no observer.
	decode(c *core, full string, stored []byte) (any, error)
	// found returns the place of the values of a read of several keys.
	found() foundValues
}

// boxed holds a value, so that an any with a nil value differs from a nil any.
type boxed[T any] struct{ value T }

// unboxed returns the value of a box, and the zero value for nil, which is beside an error.
func unboxed[T any](value any) T {
	if value == nil {
		var zero T
		return zero
	}
	return value.(boxed[T]).value
}

// A valueTypeOf is a nil pointer: for an interface, the compiler makes the methods of a pointer once, and
// those of a value twice.
type valueTypeOf[T any] struct{}

func (*valueTypeOf[T]) as() reflect.Type { return reflect.TypeFor[T]() }

func (*valueTypeOf[T]) zero() any { return boxed[T]{} }

func (*valueTypeOf[T]) encode(c *core, full string, buffer []byte, value any) (stored, grown []byte, err error) {
	return encode(c, full, buffer, value.(boxed[T]).value)
}

func (*valueTypeOf[T]) read(c *core, key, full string, stored, plain []byte, seen *observation) (any, error) {
	value, err := readChecked[T](c, key, full, stored, plain, seen)
	return boxed[T]{value}, err
}

func (*valueTypeOf[T]) decode(c *core, full string, stored []byte) (any, error) {
	value, _, err := decode[T](c, full, stored, false, nil)
	return boxed[T]{value}, err
}

func (*valueTypeOf[T]) found() foundValues { return new(valuesOf[T]) }

// foundValues are those that a read of several keys has found, by the names of the caller.
type foundValues interface {
	// begin is called before the other methods when n keys were read. Without begin, there are no
	// values.
	begin(n int)
	// read reads the value of a key, which is the latest one then: see readChecked.
	read(c *core, key, full string, stored, plain []byte, seen *observation) error
	// latest returns the value that was read last.
	latest() any
	// keepLatest makes the value that was read last the one of a key.
	keepLatest(key string)
	// keep makes a boxed value the one of a key.
	keep(key string, value any)
	// value returns the value of a key.
	value(key string) (value any, ok bool)
	// drop drops the map, as callers get none beside some errors.
	drop()
}

// givenValues are those that a caller or a loader gives, by their keys.
type givenValues interface {
	keys() []string
	value(key string) (value any, ok bool)
	// encode encodes the value of a key: see the function with this name.
	encode(c *core, full, key string) ([]byte, error)
}

// A valuesOf has the values of a type, as foundValues or as givenValues.
type valuesOf[T any] struct {
	values map[string]T
	// last is what read has read.
	last T
}

func (v *valuesOf[T]) begin(n int) { v.values = make(map[string]T, n) }

func (v *valuesOf[T]) read(c *core, key, full string, stored, plain []byte, seen *observation) (err error) {
	v.last, err = readChecked[T](c, key, full, stored, plain, seen)
	return err
}

func (v *valuesOf[T]) latest() any { return boxed[T]{v.last} }

func (v *valuesOf[T]) keepLatest(key string) { v.values[key] = v.last }

func (v *valuesOf[T]) keep(key string, value any) { v.values[key] = value.(boxed[T]).value }

func (v *valuesOf[T]) value(key string) (any, bool) {
	value, ok := v.values[key]
	if !ok {
		return nil, false
	}
	return boxed[T]{value}, true
}

func (v *valuesOf[T]) drop() { v.values = nil }

func (v *valuesOf[T]) keys() []string {
	return slices.AppendSeq(make([]string, 0, len(v.values)), maps.Keys(v.values))
}

func (v *valuesOf[T]) encode(c *core, full, key string) ([]byte, error) {
	stored, _, err := encode(c, full, nil, v.values[key])
	return stored, err
}
