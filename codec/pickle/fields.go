package pickle

import (
	"reflect"
	"strings"
	"sync"
)

// A field is a stored field of a struct.
type field struct {
	name      string
	index     []int
	omitEmpty bool
	omitZero  bool
}

// A layout is the list of a struct's stored fields, in their order.
type layout struct {
	fields []field
	byName map[string]int
	// hidden has the fields that other fields hide. pointers has the pointers to embedded
	// structs.
	hidden, pointers []field
	// noForm is the reason why no value of the struct can be written, or "".
	noForm string
}

var layouts sync.Map // reflect.Type → *layout

// layoutOf returns the layout of a struct, which is computed once for each type.
func layoutOf(t reflect.Type) *layout {
	if known, ok := layouts.Load(t); ok {
		return known.(*layout)
	}
	l := &layout{byName: map[string]int{}}
	// The fields of an embedded struct with a name of its own are not fields of the outer
	// struct.
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
			continue // the fields of the embedded struct follow
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
			continue // the field of the outer struct hides this field
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

// structOf returns t if t is a struct, the struct type that a pointer t points to, or nil.
func structOf(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() == reflect.Struct && t != timeType && t != bigIntType {
		return t
	}
	return nil
}

// in returns the field of a struct. With fill, a nil pointer to an embedded struct is
// allocated on the way. ok is false if a nil pointer remains.
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

// omitted reports whether the value v of a field is omitted.
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
