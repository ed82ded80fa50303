package pickle

import (
	"reflect"
	"strings"
	"sync"
)

// A field is a field of a struct as it is stored.
type field struct {
	name      string
	index     []int
	omitEmpty bool
	omitZero  bool
}

// A layout is the stored fields of a struct, in their order.
type layout struct {
	fields []field
	byName map[string]int
	// hidden are the fields that others hide, and pointers those through which
	// embedded structs are reached.
	hidden, pointers []field
	// noForm says why the struct is not written, whatever is in its fields; "" if it is.
	noForm string
}

var layouts sync.Map // reflect.Type → *layout

// layoutOf returns the layout of a struct, which it finds out once.
func layoutOf(t reflect.Type) *layout {
	if known, ok := layouts.Load(t); ok {
		return known.(*layout)
	}
	l := &layout{byName: map[string]int{}}
	// Fields of embedded structs that have a name are not the outer one's.
	var named [][]int
	for _, f := range reflect.VisibleFields(t) {
		tag := f.Tag.Get("json")
		name, options, _ := strings.Cut(tag, ",")
		within := false
		for _, outer := range named {
			within = within || len(f.Index) > len(outer) && reflect.DeepEqual(f.Index[:len(outer)], outer)
		}
		switch {
		case within:
			continue
		case tag == "-":
			named = append(named, f.Index)
			continue
		case f.Anonymous && name == "" && structOf(f.Type) != nil:
			continue // its fields follow
		case f.Anonymous:
			named = append(named, f.Index)
		}
		if !f.IsExported() {
			continue
		}
		if name == "" {
			name = f.Name
		}
		if i, taken := l.byName[name]; taken && len(l.fields[i].index) <= len(f.Index) {
			continue // the outer one
		} else if taken {
			l.fields[i].index = f.Index
			continue
		}
		l.byName[name] = len(l.fields)
		options = "," + options + ","
		l.fields = append(l.fields, field{
			name: name, index: f.Index,
			omitEmpty: strings.Contains(options, ",omitempty,"),
			omitZero:  strings.Contains(options, ",omitzero,"),
		})
	}
	l.findLost(t, nil, nil)
	l.findForm(t)
	known, _ := layouts.LoadOrStore(t, l)
	return known.(*layout)
}

// structOf returns the struct type that t is or points to, or nil.
func structOf(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() == reflect.Struct && t != timeType && t != bigIntType {
		return t
	}
	return nil
}

// in returns the field of a struct. If an embedded pointer on the way is nil,
// it is made if fill says so; else, and where it cannot be, ok is false.
func (f *field) in(v reflect.Value, fill bool) (_ reflect.Value, ok bool) {
	if len(f.index) == 1 {
		return v.Field(f.index[0]), true
	}
	for i, x := range f.index {
		if i > 0 && v.Kind() == reflect.Pointer {
			if v.IsNil() {
				if !fill || !v.CanSet() {
					return v, false
				}
				v.Set(reflect.New(v.Type().Elem()))
			}
			v = v.Elem()
		}
		v = v.Field(x)
	}
	return v, true
}

// omitted reports whether a field of value v is left out.
func (f *field) omitted(v reflect.Value) bool {
	if f.omitEmpty {
		switch v.Kind() {
		case reflect.Slice, reflect.Map, reflect.String, reflect.Array:
			if v.Len() == 0 {
				return true
			}
		case reflect.Struct:
		default:
			if v.IsZero() {
				return true
			}
		}
	}
	if !f.omitZero {
		return false
	}
	if z, ok := reflect.TypeAssert[interface{ IsZero() bool }](v); ok && (v.Kind() != reflect.Pointer || !v.IsNil()) {
		return z.IsZero()
	}
	return v.IsZero()
}
