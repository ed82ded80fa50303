package pickle

import (
	"encoding"
	"math/big"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// This file refuses to write what could not be read back as the same value: types
// as soon as one of their values is written, and values where the type does not
// tell.

var bigFloatType = reflect.TypeFor[big.Float]()

// verdicts are by type: "", or why it is refused.
var verdicts sync.Map // reflect.Type → string

// checkType refuses a value whose type cannot be read into.
func checkType(v any) error {
	switch v.(type) {
	case nil, bool, int, int64, float64, string, []byte, []any, map[string]any:
		return nil
	}
	t := reflect.TypeOf(v)
	known, ok := verdicts.Load(t)
	if !ok {
		known, _ = verdicts.LoadOrStore(t, refusal(t, map[reflect.Type]bool{}))
	}
	if why := known.(string); why != "" {
		return unsupported("it could not read a %v back: %s", t, why)
	}
	return nil
}

// refusal says why a type cannot be read into; "" if it can.
func refusal(t reflect.Type, seen map[reflect.Type]bool) string {
	if seen[t] || t == timeType || t == bigIntType {
		return ""
	}
	seen[t] = true
	if t == bigFloatType {
		return "the text of a big.Float is not exact; use a big.Rat, or its Text with a precision"
	}
	switch t.Kind() {
	case reflect.Pointer:
		return refusal(t.Elem(), seen)
	case reflect.Interface:
		if t.NumMethod() > 0 {
			return "a " + t.String() + " is an interface, and a pickle does not say which type is in it"
		}
		return ""
	}
	if hasText, why := textForm(t); hasText || why != "" {
		return why
	}
	switch t.Kind() {
	case reflect.Slice, reflect.Array:
		return refusal(t.Elem(), seen)
	case reflect.Map:
		if why := keyRefusal(t.Key()); why != "" {
			return why
		}
		return refusal(t.Elem(), seen)
	case reflect.Struct:
		l := layoutOf(t)
		for i := range l.fields {
			if why := l.fields[i].refusal(t, seen); why != "" {
				return why
			}
		}
	}
	return ""
}

// refusal says why a field of a struct cannot be read into.
func (f *field) refusal(t reflect.Type, seen map[reflect.Type]bool) string {
	for i := range len(f.index) - 1 {
		if embedded := t.FieldByIndex(f.index[:i+1]); embedded.Type.Kind() == reflect.Pointer && !embedded.IsExported() {
			return "field " + strconv.Quote(f.name) + " is embedded by a pointer to an unexported type"
		}
	}
	if why := refusal(t.FieldByIndex(f.index).Type, seen); why != "" {
		return "in field " + strconv.Quote(f.name) + " " + why
	}
	return ""
}

// keyRefusal says why a type cannot be that of the keys of a map.
func keyRefusal(t reflect.Type) string {
	const advice = "; use strings or numbers"
	switch kind := t.Kind(); {
	case t == timeType:
		return "keys of time.Time lose their location and their identity" + advice
	case kind == reflect.Interface && t.NumMethod() > 0, kind == reflect.Pointer:
		return "keys of a map cannot be of " + t.String() + advice
	case kind == reflect.Interface:
		return ""
	}
	hasText, why := textForm(t)
	if hasText || why != "" {
		return why
	}
	switch t.Kind() {
	case reflect.Array, reflect.Struct, reflect.Chan, reflect.Complex64, reflect.Complex128, reflect.UnsafePointer:
		return "keys of a map cannot be of " + t.String() + advice
	}
	return ""
}

// textForm reports whether values of a type are written and read as the text that
// they make of themselves, or why they are one of these only.
func textForm(t reflect.Type) (hasText bool, why string) {
	p := reflect.PointerTo(t)
	marshals, unmarshals := p.Implements(textMarshaler), p.Implements(textUnmarshaler)
	switch {
	case marshals && unmarshals:
		return true, ""
	case marshals:
		return false, t.String() + " has MarshalText and no UnmarshalText"
	case unmarshals && t.Kind() == reflect.String:
		return false, t.String() + " has UnmarshalText and no MarshalText"
	}
	return false, ""
}

// checkEmbeddedText refuses a struct whose text is that of an embedded type, which
// knows nothing of the other fields.
func checkEmbeddedText(v reflect.Value, text []byte) error {
	t := v.Type()
	embeds := false
	for f := range t.Fields() {
		embeds = embeds || isEmbeddedText(f)
	}
	read := reflect.New(t)
	u, unmarshals := reflect.TypeAssert[encoding.TextUnmarshaler](read)
	if !embeds || t.NumField() == 1 || !unmarshals {
		return nil
	}
	if u.UnmarshalText(slices.Clone(text)) != nil {
		return unsupported("UnmarshalText of %v refuses what MarshalText made", t)
	}
	for i := range t.NumField() {
		f := t.Field(i)
		if f.IsExported() && !isEmbeddedText(f) && !reflect.DeepEqual(read.Elem().Field(i).Interface(), v.Field(i).Interface()) {
			return unsupported("%v is written as the text of what it embeds, without field %q; give the field that is embedded a name", t, f.Name)
		}
	}
	return nil
}

func isEmbeddedText(f reflect.StructField) bool {
	return f.Anonymous && (f.Type.Implements(textMarshaler) || reflect.PointerTo(f.Type).Implements(textMarshaler))
}

// findLost finds the fields of t that are not stored and the pointers to embedded
// structs. index is where t is embedded, in which types.
func (l *layout) findLost(t reflect.Type, index []int, within []reflect.Type) {
	if slices.Contains(within, t) {
		return
	}
	within = append(within, t)
	for i := range t.NumField() {
		f := t.Field(i)
		at := append(slices.Clone(index), i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Tag.Get("json") == "-":
		case f.Anonymous && name == "" && structOf(f.Type) != nil:
			if f.Type.Kind() == reflect.Pointer {
				l.pointers = append(l.pointers, field{name: f.Name, index: at})
			}
			l.findLost(structOf(f.Type), at, within)
		case f.IsExported() && !slices.ContainsFunc(l.fields, func(stored field) bool { return slices.Equal(stored.index, at) }):
			l.hidden = append(l.hidden, field{name: f.Name, index: at})
		}
	}
}

// checkLost refuses a struct of which something would not come back: what is in
// fields that others hide, and an embedded pointer to a struct of which nothing is
// stored.
func (l *layout) checkLost(v reflect.Value) error {
	for i := range l.hidden {
		if f, ok := l.hidden[i].in(v, false); ok && !f.IsZero() {
			return unsupported("field %q of %v is hidden by another one of its name; give it a json tag", l.hidden[i].name, v.Type())
		}
	}
	for i := range l.pointers {
		pointer := &l.pointers[i]
		if p, ok := pointer.in(v, false); !ok || p.IsNil() {
			continue
		}
		stored := slices.ContainsFunc(l.fields, func(f field) bool {
			if len(f.index) <= len(pointer.index) || !slices.Equal(f.index[:len(pointer.index)], pointer.index) {
				return false
			}
			value, ok := f.in(v, false)
			return ok && !f.omitted(value)
		})
		if !stored {
			return unsupported("embedded field %q of %v has no field to store, and would come back as nil", pointer.name, v.Type())
		}
	}
	return nil
}
