// Package roundtrip decides whether a serializer gives back what it is given: by
// the type, once for each, and by the value where the type does not tell.
//
// Libraries for formats write much that nobody can read back, and leave out what
// they have no form for. The rules of a serializer say what its library does; what
// would be lost is refused when it is written.
package roundtrip

import (
	"fmt"
	"reflect"
	"sync"
)

// Rules are those of one serializer. They may be used concurrently.
type Rules struct {
	// Forms are the pairs of methods by which a type says how it is written. The
	// first pair of which a type has a method counts.
	Forms []Form
	// PairsOnly tells that one method of a pair alone is not used, neither for
	// writing nor for reading. Otherwise such a type is refused.
	PairsOnly bool
	// NeedsAddress tells that methods with a pointer receiver are used only for
	// values that have an address.
	NeedsAddress bool
	// NeedsName tells that a type without a name is read without its methods.
	NeedsName bool
	// Known reports types for which the format has a form of its own. nil: none.
	Known func(t reflect.Type) bool
	// Fields returns the fields of a struct that are stored, and what of it would
	// be lost or could not be read back, in words that follow the name of the type;
	// typed tells that it is to be read back as that type.
	Fields func(t reflect.Type, typed bool) (fields []Field, lost string)
	// Key returns why maps cannot have keys of a type; "" if they can.
	Key func(t reflect.Type, typed bool) string
	// TextKeys tells that keys are text, whatever else the methods of their type are.
	TextKeys bool
	// Interfaces tells that values of interfaces are read back as the type that
	// they were of.
	Interfaces bool
	// Complex tells that there is a form for complex numbers.
	Complex bool
	// Circles tells that values may not be written that refer to themselves.
	Circles bool
	// Times tells that times are text in RFC 3339.
	Times bool
	// NullTimes tells that the zero time is written as a null.
	NullTimes bool
	// NullForm reports whether the methods of a type write a value as a null. nil:
	// none does.
	NullForm func(v reflect.Value) bool
	// OmitsZero tells that a field is left out that points to a zero value.
	OmitsZero bool

	typed, untyped sync.Map // reflect.Type → *Type
}

// A Form is a pair of methods by which a type says how it is written and read.
type Form struct {
	Marshal, Unmarshal method
	// Text tells that it is text.
	Text bool
	// When reports whether a type that has the methods is written by them. nil: all
	// are.
	When func(t reflect.Type) bool
}

// A Field is a field of a struct as it is stored.
type Field struct {
	Name  string
	Index []int
	// Quoted tells that the field has the option string of package json.
	Quoted bool
}

// A Refusal is why a value is not written.
type Refusal struct {
	// Reason names types and fields, and shows nothing of a value.
	Reason string
	// TooLarge tells that the value is over a limit.
	TooLarge bool
}

// A Type is what the rules say of a type.
type Type struct {
	rules        *Rules
	refusal      *Refusal
	root         *node // nil: no value of the type need be looked at
	needsAddress bool
	parts        parts
}

// parts are what values of a type may hold.
type parts struct{ anys, methods, bigs, pointers bool }

// Typed returns what the rules say of values of type t that are read back as a t.
func (r *Rules) Typed(t reflect.Type) *Type {
	if known, ok := r.typed.Load(t); ok {
		return known.(*Type)
	}
	return r.find(&r.typed, t, true)
}

// Untyped is Typed for values in an interface, which are read back as an any.
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
	if b.refusal == nil && b.looksAt(root) {
		found.root = root
	}
	found.parts = b.parts
	known, _ := types.LoadOrStore(t, found)
	return known.(*Type)
}

// Refusal returns why values of the type are not written; nil if they are.
func (t *Type) Refusal() *Refusal { return t.refusal }

// HoldsAny reports whether values of the type may hold an any.
func (t *Type) HoldsAny() bool { return t.parts.anys }

// HoldsMethods reports whether values of the type may hold some that are read by
// methods, other than times.
func (t *Type) HoldsMethods() bool { return t.parts.methods }

// HoldsBig reports whether values of the type may hold numbers of package math/big.
func (t *Type) HoldsBig() bool { return t.parts.bigs }

// Addressed returns v or, if the methods of its type need that, a pointer to a copy.
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

// A place is a type where its values do or do not have an address.
type place struct {
	t         reflect.Type
	addressed bool
}

// A builder goes through a type.
type builder struct {
	rules   *Rules
	typed   bool
	nodes   map[place]*node
	refusal *Refusal
	parts   parts
}

// refuse keeps the first refusal. path leads to where it is.
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

// node returns what is to be looked at in values of type t.
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

// key returns why a type cannot be the type of keys.
func (b *builder) key(t reflect.Type) string {
	if b.typed && RefersTo(t) {
		return "what is read back is another one"
	}
	return b.rules.Key(t, b.typed)
}

// RefersTo reports whether values that are equal may not be the same key of a map:
// they hold pointers. A time does, to its zone.
func RefersTo(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Pointer, reflect.Chan, reflect.UnsafePointer:
		return true
	case reflect.Array:
		return RefersTo(t.Elem())
	case reflect.Struct:
		if t.PkgPath() == "net/netip" || t.PkgPath() == "unique" {
			return false // its pointers are the same for the same zone
		}
		for f := range t.Fields() {
			if RefersTo(f.Type) {
				return true
			}
		}
	}
	return false
}

// needsAddress reports whether values of type t hold, in one piece of memory,
// something whose methods have pointer receivers.
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
