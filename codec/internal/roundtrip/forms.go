package roundtrip

import (
	"encoding"
	"encoding/gob"
	"encoding/json"
	"fmt"
	"math/big"
	"reflect"
	"runtime"
	"slices"
	"time"
)

// A method is a method that a type may have.
type method struct {
	name string
	of   reflect.Type // the interface with only this method
	// in looks up the method. The names are constants in these functions, so that the
	// linker can drop methods of other names.
	in func(t reflect.Type) (reflect.Method, bool)
}

// Of returns the interface of the method.
func (m method) Of() reflect.Type { return m.of }

// The pairs of methods of the standard library.
var (
	JSON = Form{
		Marshal: method{"MarshalJSON", reflect.TypeFor[json.Marshaler](),
			func(t reflect.Type) (reflect.Method, bool) { return t.MethodByName("MarshalJSON") }},
		Unmarshal: method{"UnmarshalJSON", reflect.TypeFor[json.Unmarshaler](),
			func(t reflect.Type) (reflect.Method, bool) { return t.MethodByName("UnmarshalJSON") }},
	}
	Text = Form{
		Marshal: method{"MarshalText", reflect.TypeFor[encoding.TextMarshaler](),
			func(t reflect.Type) (reflect.Method, bool) { return t.MethodByName("MarshalText") }},
		Unmarshal: method{"UnmarshalText", reflect.TypeFor[encoding.TextUnmarshaler](),
			func(t reflect.Type) (reflect.Method, bool) { return t.MethodByName("UnmarshalText") }},
		Text: true,
	}
	Binary = Form{
		Marshal: method{"MarshalBinary", reflect.TypeFor[encoding.BinaryMarshaler](),
			func(t reflect.Type) (reflect.Method, bool) { return t.MethodByName("MarshalBinary") }},
		Unmarshal: method{"UnmarshalBinary", reflect.TypeFor[encoding.BinaryUnmarshaler](),
			func(t reflect.Type) (reflect.Method, bool) { return t.MethodByName("UnmarshalBinary") }},
	}
	Gob = Form{
		Marshal: method{"GobEncode", reflect.TypeFor[gob.GobEncoder](),
			func(t reflect.Type) (reflect.Method, bool) { return t.MethodByName("GobEncode") }},
		Unmarshal: method{"GobDecode", reflect.TypeFor[gob.GobDecoder](),
			func(t reflect.Type) (reflect.Method, bool) { return t.MethodByName("GobDecode") }},
	}
	CBOR = Form{
		Marshal: method{"MarshalCBOR", reflect.TypeFor[interface{ MarshalCBOR() ([]byte, error) }](),
			func(t reflect.Type) (reflect.Method, bool) { return t.MethodByName("MarshalCBOR") }},
		Unmarshal: method{"UnmarshalCBOR", reflect.TypeFor[interface{ UnmarshalCBOR([]byte) error }](),
			func(t reflect.Type) (reflect.Method, bool) { return t.MethodByName("UnmarshalCBOR") }},
	}
)

var (
	timeType     = reflect.TypeFor[time.Time]()
	bigFloatType = reflect.TypeFor[big.Float]()
)

// form returns the form of a type with methods. why is the reason why values of the type
// cannot be read back, in words that follow its name.
func (r *Rules) form(t reflect.Type, addressed, typed bool) (form *Form, why string) {
	if t.Kind() == reflect.Pointer || t.Kind() == reflect.Interface {
		return nil, ""
	}
	p := reflect.PointerTo(t)
	for i := range r.Forms {
		f := &r.Forms[i]
		marshals, unmarshals := p.Implements(f.Marshal.of), p.Implements(f.Unmarshal.of)
		switch {
		case f.When != nil && !f.When(t), !marshals && !unmarshals, marshals != unmarshals && r.PairsOnly, !marshals && !typed:
			continue
		case !marshals:
			return nil, fmt.Sprintf("has a method %s and no %s", f.Unmarshal.name, f.Marshal.name)
		case !unmarshals && typed:
			return nil, fmt.Sprintf("has a method %s and no %s", f.Marshal.name, f.Unmarshal.name)
		case r.NeedsAddress && !addressed && !t.Implements(f.Marshal.of):
			return nil, fmt.Sprintf("has a method %s with a pointer receiver, which is not called for what is in a map or an interface; store a pointer", f.Marshal.name)
		case f.Text && t == bigFloatType && typed:
			return nil, "is text that does not say its precision"
		case r.NeedsName && typed && t.Name() == "":
			return nil, fmt.Sprintf("has no name, and is read without the method %s of what is embedded in it", f.Unmarshal.name)
		}
		if name := f.EmbeddedPointer(t); name != "" {
			return nil, fmt.Sprintf("is written by the methods of its embedded field %s, which may be nil when they are called; give the field a name", name)
		}
		if name := hidden(t, f, typed); name != "" {
			return nil, fmt.Sprintf("is written by the method %s of an embedded field, without its field %s", f.Marshal.name, name)
		}
		return f, ""
	}
	return nil, ""
}

// Form returns the form of a type with methods, which is one of r.Forms, or nil. Form is
// for rules with PairsOnly.
func (r *Rules) Form(t reflect.Type) *Form {
	if t.Kind() == reflect.Pointer || t.Kind() == reflect.Interface {
		return nil
	}
	p := reflect.PointerTo(t)
	for i := range r.Forms {
		f := &r.Forms[i]
		if p.Implements(f.Marshal.of) && p.Implements(f.Unmarshal.of) && (f.When == nil || f.When(t)) {
			return f
		}
	}
	return nil
}

// Unused returns the name of a method that would write a struct as a whole, including
// unexported fields. Unused returns "" for a struct without such a method, or without
// unexported fields.
func Unused(t reflect.Type) string {
	if !HidesFields(t) {
		return ""
	}
	p := reflect.PointerTo(t)
	for _, f := range []Form{JSON, Text, Binary, Gob, CBOR} {
		if p.Implements(f.Marshal.of) && p.Implements(f.Unmarshal.of) {
			return f.Marshal.name
		}
	}
	return ""
}

// HidesFields reports whether a type is a struct with unexported fields.
func HidesFields(t reflect.Type) bool {
	if t.Kind() != reflect.Struct {
		return false
	}
	for f := range t.Fields() {
		if !f.IsExported() && f.Type.Size() > 0 {
			return true
		}
	}
	return false
}

// own makes n the node of a type that methods write.
func (b *builder) own(n *node, t reflect.Type, form *Form) {
	n.kind = ownNode
	if rfc3339 := form.Text || form.Marshal.of == JSON.Marshal.of; b.rules.Times && rfc3339 {
		if n.time = form.EmbeddedTime(t); n.time != nil {
			n.kind = embeddedTimeNode
		}
	}
}

// EmbeddedTime returns the index of the embedded time, at any depth, whose methods write a
// struct. Without such a time, the index is nil.
func (f *Form) EmbeddedTime(t reflect.Type) []int {
	if t.Kind() != reflect.Struct || !f.Marshal.isPromoted(t) {
		return nil
	}
	for embedded := range t.Fields() {
		switch {
		case !embedded.Anonymous, !reflect.PointerTo(embedded.Type).Implements(f.Marshal.of):
		case embedded.Type == timeType && embedded.IsExported():
			return embedded.Index
		default:
			if inner := f.EmbeddedTime(embedded.Type); inner != nil {
				return append(slices.Clip(embedded.Index), inner...)
			}
		}
	}
	return nil
}

// EmbeddedPointer returns the name of the embedded pointer or interface, at any depth,
// whose methods write a struct, or "". The pointer is nil when a method is called on a zero
// value, or for reading.
func (f *Form) EmbeddedPointer(t reflect.Type) string {
	if t.Kind() != reflect.Struct || !f.Marshal.isPromoted(t) {
		return ""
	}
	for embedded := range t.Fields() {
		if !embedded.Anonymous {
			continue
		}
		switch embedded.Type.Kind() {
		case reflect.Pointer, reflect.Interface:
			if embedded.Type.Implements(f.Marshal.of) {
				return embedded.Name
			}
		default:
			if name := f.EmbeddedPointer(embedded.Type); name != "" {
				return name
			}
		}
	}
	return ""
}

// hidden returns the name of a field that is lost because the methods of an embedded field
// write the struct.
func hidden(t reflect.Type, form *Form, typed bool) string {
	if t.Kind() != reflect.Struct || t.NumField() < 2 ||
		!form.Marshal.isPromoted(t) && !(typed && form.Unmarshal.isPromoted(t)) {
		return ""
	}
	for f := range t.Fields() {
		embeds := f.Type.Kind() != reflect.Interface && reflect.PointerTo(f.Type).Implements(form.Marshal.of) ||
			f.Type.Implements(form.Marshal.of)
		if f.Anonymous && embeds || !f.IsExported() || f.Tag.Get("json") == "-" {
			continue
		}
		return f.Name
	}
	return ""
}

// isPromoted reports whether a method of a struct type belongs to an embedded field. The
// compiler generates such a method, and a generated method has no source file.
func (m method) isPromoted(t reflect.Type) bool {
	embeds := false
	for f := range t.Fields() {
		embeds = embeds || f.Anonymous
	}
	if !embeds {
		return false
	}
	for _, t := range []reflect.Type{t, reflect.PointerTo(t)} {
		if found, ok := m.in(t); ok {
			pc := found.Func.Pointer()
			if f := runtime.FuncForPC(pc); f != nil {
				if file, _ := f.FileLine(pc); file != "<autogenerated>" {
					return false
				}
			}
		}
	}
	return true
}
