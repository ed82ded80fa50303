// Package roundtrip decides whether a serializer can read a value back unchanged. The type
// is checked once, and the value is checked where the type does not decide.
//
// Libraries for formats write many values that they cannot read back, and omit values
// without a form. The rules of a serializer describe its library. A value that would be
// lost is refused on writing.
package roundtrip

import (
	"fmt"
	"reflect"
	"sync"
)

// Rules are the rules of one serializer. Rules may be used concurrently.
type Rules struct {
	// Forms are the pairs of methods by which types are written. The first pair counts of
	// which a type has a method.
	Forms []Form
	// PairsOnly means that a type with one method of a pair is written and read without the
	// method. Otherwise such a type is refused.
	PairsOnly bool
	// NeedsAddress means that methods with a pointer receiver are used only for values with
	// an address.
	NeedsAddress bool
	// NeedsName means that a type without a name is read without its methods.
	NeedsName bool
	// Known reports types with a form of their own in the format. nil: no type has one.
	Known func(t reflect.Type) bool
	// Fields returns the stored fields of a struct. lost is the reason why the struct
	// cannot be read back unchanged, in words that follow the name of the type. typed means
	// that the struct is read back as its own type.
	Fields func(t reflect.Type, typed bool) (fields []Field, lost string)
	// Key returns the reason why a type cannot be the key type of a map, or "".
	Key func(t reflect.Type, typed bool) string
	// TextKeys means that keys are text, even if their type has other methods.
	TextKeys bool
	// Interfaces means that values in interfaces are read back as their own types.
	Interfaces bool
	// Complex means that complex numbers have a form.
	Complex bool
	// Circles means that values that refer to themselves must be refused.
	Circles bool
	// Times means that times are text in RFC 3339.
	Times bool
	// NullTimes means that the zero time is written as a null.
	NullTimes bool
	// NullForm reports whether the methods of a type write a value as a null. nil: no
	// methods do.
	NullForm func(v reflect.Value) bool
	// OmitsZero means that a field with a pointer to a zero value is omitted.
	OmitsZero bool

	typed, untyped sync.Map // reflect.Type → *Type
}

// A Form is a pair of methods by which a type is written and read.
type Form struct {
	Marshal, Unmarshal method
	// Text means that the form is text.
	Text bool
	// When reports whether the methods write a type that has the methods. nil: every type.
	When func(t reflect.Type) bool
}

// A Field is a stored field of a struct.
type Field struct {
	Name  string
	Index []int
	// Quoted means that the field has the option string of package json.
	Quoted bool
}

// A Refusal is the reason why a value is not written.
type Refusal struct {
	// Reason names types and fields, and no value.
	Reason string
	// TooLarge means that the value is over a limit.
	TooLarge bool
}

// A Type is the result of the rules for a type.
type Type struct {
	rules        *Rules
	refusal      *Refusal
	root         *node // nil if values of the type need no check
	needsAddress bool
	parts        parts
}

// parts are the kinds of parts that values of a type may hold.
type parts struct{ anys, methods, bigs, pointers bool }

// Typed returns the result of the rules for values of type t that are read back as a t.
func (r *Rules) Typed(t reflect.Type) *Type {
	if known, ok := r.typed.Load(t); ok {
		return known.(*Type)
	}
	return r.find(&r.typed, t, true)
}

// Untyped is Typed for values in an interface. These values are read back as an any.
func (r *Rules) Untyped(t reflect.Type) *Type {
	if r.Interfaces {
		return r.Typed(t)
	}
	if known, ok := r.untyped.Load(t); ok {
		return known.(*Type)
	}
	return r.find(&r.untyped, t, false)
}

func (r *Rules) find(types *sync.Map, t reflect.Type, typed bool) *Type {
	b := builder{rules: r, typed: typed, nodes: map[place]*node{}}
	root := b.node(t, typed, "")
	found := &Type{rules: r, refusal: b.refusal, needsAddress: r.NeedsAddress && typed && b.needsAddress(t)}
	if b.refusal == nil && b.markChecked(root) {
		found.root = root
	}
	found.parts = b.parts
	known, _ := types.LoadOrStore(t, found)
	return known.(*Type)
}

// Refusal returns the reason why values of the type are not written, or nil.
func (t *Type) Refusal() *Refusal { return t.refusal }

// HoldsAny reports whether values of the type may hold an any.
func (t *Type) HoldsAny() bool { return t.parts.anys }

// HoldsMethods reports whether values of the type may hold values, other than times, that
// are read by methods.
func (t *Type) HoldsMethods() bool { return t.parts.methods }

// HoldsBig reports whether values of the type may hold numbers of package math/big.
func (t *Type) HoldsBig() bool { return t.parts.bigs }

// Addressed returns v, or a pointer to a copy if the methods of its type need an address.
func (t *Type) Addressed(v any) any {
	if !t.needsAddress {
		return v
	}
	rv := reflect.ValueOf(v)
	p := reflect.New(rv.Type())
	p.Elem().Set(rv)
	return p.Interface()
}

var byteType = reflect.TypeFor[byte]()

// A place is a type at a place where its values have an address, or have none.
type place struct {
	t         reflect.Type
	addressed bool
}

// A builder visits a type.
type builder struct {
	rules   *Rules
	typed   bool
	nodes   map[place]*node
	refusal *Refusal
	parts   parts
}

// refuse keeps the first refusal. path is the path to the refused type.
func (b *builder) refuse(path, format string, args ...any) *node {
	if b.refusal == nil {
		reason := fmt.Sprintf(format, args...)
		if path != "" {
			reason = "field " + path + ": " + reason
		}
		b.refusal = &Refusal{Reason: reason}
	}
	return &node{}
}

// node returns the checks for values of type t.
func (b *builder) node(t reflect.Type, addressed bool, path string) *node {
	at := place{t, addressed}
	if known, ok := b.nodes[at]; ok {
		return known
	}
	n := &node{}
	b.nodes[at] = n
	if t == timeType {
		if b.rules.Times {
			n.kind = timeNode
		}
		return n
	}
	if b.rules.Known != nil && b.rules.Known(t) {
		return n
	}
	form, why := b.rules.form(t, addressed, b.typed)
	b.parts.methods = b.parts.methods || form != nil
	b.parts.bigs = b.parts.bigs || t.Kind() == reflect.Struct && t.PkgPath() == "math/big"
	switch {
	case why != "":
		return b.refuse(path, "%v %s", t, why)
	case form != nil:
		b.own(n, t, form)
		return n
	}
	switch t.Kind() {
	case reflect.Complex64, reflect.Complex128:
		if !b.rules.Complex {
			return b.refuse(path, "it has no form for %v", t)
		}
	case reflect.Chan, reflect.Func, reflect.UnsafePointer:
		return b.refuse(path, "it has no form for %v", t)
	case reflect.Pointer:
		n.kind, n.elem = pointerNode, b.node(t.Elem(), true, path)
	case reflect.Slice:
		n.kind, n.elem = listNode, &node{}
		if t.Elem() != byteType {
			n.elem = b.node(t.Elem(), true, path+"[]")
		}
	case reflect.Array:
		n.kind, n.elem = listNode, b.node(t.Elem(), addressed, path+"[]")
	case reflect.Map:
		if why := b.key(t.Key()); why != "" {
			return b.refuse(path, "%v cannot be a key: %s", t.Key(), why)
		}
		n.kind, n.elem = mapNode, b.node(t.Elem(), false, path+"[]")
		n.key = &node{}
		if !b.rules.TextKeys {
			n.key = b.node(t.Key(), false, path+"[]")
		}
	case reflect.Interface:
		if t.NumMethod() > 0 && !b.rules.Interfaces && b.typed {
			return b.refuse(path, "it cannot read into %v, an interface with methods", t)
		}
		n.kind, b.parts.anys = interfaceNode, true
	case reflect.Struct:
		b.structure(n, t, addressed, path)
	}
	return n
}

func (b *builder) structure(n *node, t reflect.Type, addressed bool, path string) {
	n.kind = structNode
	fields, lost := b.rules.Fields(t, b.typed)
	if lost != "" {
		b.refuse(path, "%v %s", t, lost)
		return
	}
	if len(fields) == 0 && t.Size() > 0 {
		b.refuse(path, "it has no form for %v, which has no exported fields", t)
		return
	}
	if method := Unused(t); method != "" {
		b.refuse(path, "%v would lose its fields that are not exported, as its %s is not used", t, method)
		return
	}
	if path != "" {
		path += "."
	}
	for _, f := range fields {
		ft, through := t, addressed
		for i, x := range f.Index {
			if i > 0 && ft.Kind() == reflect.Pointer {
				ft, through = ft.Elem(), true
			}
			ft = ft.Field(x).Type
		}
		to := b.node(ft, through, path+f.Name)
		if f.Quoted && b.typed {
			base := ft
			if base.Kind() == reflect.Pointer {
				base = base.Elem()
			}
			if form, _ := b.rules.form(base, true, b.typed); form != nil {
				b.refuse(path+f.Name, "the option string does not go with the methods of %v", base)
			}
		}
		n.fields = append(n.fields, fieldNode{f.Name, f.Index, to})
	}
}

// key returns the reason why a type cannot be a key type, or "".
func (b *builder) key(t reflect.Type) string {
	if b.typed && RefersTo(t) {
		return "what is read back is another one"
	}
	return b.rules.Key(t, b.typed)
}

// RefersTo reports whether equal values may be different keys of a map, because they hold
// pointers. A time holds a pointer to its zone.
func RefersTo(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Pointer, reflect.Chan, reflect.UnsafePointer:
		return true
	case reflect.Array:
		return RefersTo(t.Elem())
	case reflect.Struct:
		if t.PkgPath() == "net/netip" || t.PkgPath() == "unique" {
			return false // equal zones have equal pointers
		}
		for f := range t.Fields() {
			if RefersTo(f.Type) {
				return true
			}
		}
	}
	return false
}

// needsAddress reports whether values of type t hold, in one piece of memory, a value whose
// methods have pointer receivers.
func (b *builder) needsAddress(t reflect.Type) bool {
	if t == timeType || b.rules.Known != nil && b.rules.Known(t) {
		return false
	}
	for _, f := range b.rules.Forms {
		if reflect.PointerTo(t).Implements(f.Marshal.of) && t.Kind() != reflect.Pointer && t.Kind() != reflect.Interface {
			return !t.Implements(f.Marshal.of)
		}
	}
	switch t.Kind() {
	case reflect.Array:
		return b.needsAddress(t.Elem())
	case reflect.Struct:
		for f := range t.Fields() {
			if b.needsAddress(f.Type) {
				return true
			}
		}
	}
	return false
}
