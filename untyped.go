package xcache

import (
	"maps"
	"reflect"
	"slices"
)

// The code of loads is made once, and not again for each type of values. So that code has values
// as any: a boxed[T] is a value, and nil stands for the zero value beside an error.

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

// decoder returns a decoder of the value of a key, which it leaves in value.
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
	// encode, read and decode are the functions encode, readChecked and decode.
	encode(c *core, full string, buffer []byte, value any) (stored, grown []byte, err error)
	read(c *core, key, full string, stored, plain []byte, seen *observation) (any, error)
	decode(c *core, full string, stored []byte) (any, error)
	// results returns the place of the values of a read of several keys.
	results() results
}

// boxed holds a value, so that an any with a nil value differs from a nil any.
type boxed[T any] struct{ value T }

// unboxed returns the value of a box, or the zero value.
func unboxed[T any](value any) T {
	box, _ := value.(boxed[T])
	return box.value
}

type valueTypeOf[T any] struct{}

func (*valueTypeOf[T]) as() reflect.Type { return reflect.TypeFor[T]() }

func (*valueTypeOf[T]) zero() any { return boxed[T]{} }

func (*valueTypeOf[T]) encode(c *core, full string, buffer []byte, value any) (stored, grown []byte, err error) {
	return encode(c, full, buffer, unboxed[T](value))
}

func (*valueTypeOf[T]) read(c *core, key, full string, stored, plain []byte, seen *observation) (any, error) {
	value, err := readChecked[T](c, key, full, stored, plain, seen)
	return boxed[T]{value}, err
}

func (*valueTypeOf[T]) decode(c *core, full string, stored []byte) (any, error) {
	value, _, err := decode[T](c, full, stored, false, nil)
	return boxed[T]{value}, err
}

func (*valueTypeOf[T]) results() results { return new(resultsOf[T]) }

// results has the values of several keys, by the names of the caller.
type results interface {
	// begin is called when n keys were read, and before any other method.
	begin(n int)
	// read reads the value of a key: see readChecked. read keeps the value until the next read.
	read(c *core, key, full string, stored, plain []byte, seen *observation) error
	// last returns the value that was read last.
	last() any
	// keepLast makes the value that was read last the one of a key.
	keepLast(key string)
	keep(key string, value any)
	value(key string) (value any, ok bool)
	keys() []string
	// encode encodes the value of a key: see the function with this name.
	encode(c *core, full, key string) ([]byte, error)
	// drop drops all values.
	drop()
}

type resultsOf[T any] struct {
	values map[string]T
	latest T
}

func (r *resultsOf[T]) begin(n int) { r.values = make(map[string]T, n) }

func (r *resultsOf[T]) read(c *core, key, full string, stored, plain []byte, seen *observation) (err error) {
	r.latest, err = readChecked[T](c, key, full, stored, plain, seen)
	return err
}

func (r *resultsOf[T]) last() any { return boxed[T]{r.latest} }

func (r *resultsOf[T]) keepLast(key string) { r.values[key] = r.latest }

func (r *resultsOf[T]) keep(key string, value any) { r.values[key] = unboxed[T](value) }

func (r *resultsOf[T]) keys() []string {
	return slices.AppendSeq(make([]string, 0, len(r.values)), maps.Keys(r.values))
}

func (r *resultsOf[T]) encode(c *core, full, key string) ([]byte, error) {
	stored, _, err := encode(c, full, nil, r.values[key])
	return stored, err
}

func (r *resultsOf[T]) drop() { r.values = nil }

func (r *resultsOf[T]) value(key string) (any, bool) {
	value, ok := r.values[key]
	return boxed[T]{value}, ok
}
