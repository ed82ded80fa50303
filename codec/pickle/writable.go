package pickle

import (
	"encoding"
	"fmt"
	"math"
	"math/big"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/xcache-go/xcache/codec/internal/roundtrip"
)

// This file refuses values that cannot be read back unchanged. A type is refused with its
// first value, where the type decides. Other values are refused one by one.

var bigFloatType = reflect.TypeFor[big.Float]()

// verdicts has the reason to refuse each type, or "".
var verdicts sync.Map // reflect.Type → string

// CheckType implements codec.TypeChecker.
func (serializer) CheckType(t reflect.Type) error {
	known, ok := verdicts.Load(t)
	if !ok {
		c := typeCheck{seen: map[typePlace]bool{}}
		c.visit(t, false, "")
		known, _ = verdicts.LoadOrStore(t, c.why)
	}
	if why := known.(string); why != "" {
		return unsupported("it cannot store a %v: %s", t, why)
	}
	return nil
}

// checkType is CheckType for the type of a value. Common types need no check.
func checkType(v any) error {
	switch v.(type) {
	case nil, bool, int, int64, float64, string, []byte, []any, map[string]any, *any:
		return nil
	}
	return serializer{}.CheckType(reflect.TypeOf(v))
}

// A typePlace is a type at a place. absent means that the surrounding value may have no
// value of the type: behind a pointer, in a slice or a map, or in an omitted field.
type typePlace struct {
	t      reflect.Type
	absent bool
}

// A typeCheck visits a type, and keeps the first reason to refuse it. A type at an absent
// place may have no form, because its values are refused instead.
type typeCheck struct {
	seen map[typePlace]bool
	why  string
}

func (c *typeCheck) refuse(path, format string, args ...any) {
	if c.why != "" {
		return
	}
	c.why = fmt.Sprintf(format, args...)
	if path != "" {
		c.why = "field " + path + ": " + c.why
	}
}

// visit visits type t. path is the path to t.
func (c *typeCheck) visit(t reflect.Type, absent bool, path string) {
	at := typePlace{t, absent}
	if c.seen[at] || c.why != "" || t == timeType || t == bigIntType {
		return
	}
	c.seen[at] = true
	if t == bigFloatType {
		c.refuse(path, "the text of a big.Float is not exact; use a big.Rat, or its Text with a precision")
		return
	}
	switch t.Kind() {
	case reflect.Pointer:
		c.visit(t.Elem(), true, path)
		return
	case reflect.Interface:
		if t.NumMethod() > 0 {
			c.refuse(path, "it cannot read into %v, an interface with methods, as a pickle does not say which type is in it", t)
		}
		return
	}
	if hasText, why := textForm(t); hasText || why != "" {
		if why != "" {
			c.refuse(path, "%s", why)
		}
		return
	}
	switch t.Kind() {
	case reflect.Slice:
		c.visit(t.Elem(), true, path+"[]")
	case reflect.Array:
		c.visit(t.Elem(), absent || t.Len() == 0, path+"[]")
	case reflect.Map:
		if why := keyRefusal(t.Key()); why != "" {
			c.refuse(path, "%s", why)
		}
		c.visit(t.Elem(), true, path+"[]")
	case reflect.Struct:
		c.structure(t, absent, path)
	case reflect.Chan, reflect.Func, reflect.Complex64, reflect.Complex128, reflect.UnsafePointer:
		if !absent {
			c.refuse(path, "it has no form for %v", t)
		}
	}
}

func (c *typeCheck) structure(t reflect.Type, absent bool, path string) {
	l := layoutOf(t)
	if l.noForm != "" && !absent {
		c.refuse(path, "%s", l.noForm)
	}
	if path != "" {
		path += "."
	}
	for i := range l.fields {
		f := &l.fields[i]
		away := absent || f.omitEmpty || f.omitZero
		for n := range len(f.index) - 1 {
			if embedded := t.FieldByIndex(f.index[:n+1]); embedded.Type.Kind() == reflect.Pointer {
				away = true
				if !embedded.IsExported() {
					c.refuse(path+f.name, "it is embedded by a pointer to an unexported type")
				}
			}
		}
		c.visit(t.FieldByIndex(f.index).Type, away, path+f.name)
	}
}

// findForm finds the reason why no value of a struct can be written.
func (l *layout) findForm(t reflect.Type) {
	if len(l.fields) == 0 && t.NumField() > 0 {
		l.noForm = fmt.Sprintf("it has no form for %v, which has no exported fields", t)
	} else if method := roundtrip.Unused(t); method != "" {
		l.noForm = fmt.Sprintf("%v would lose its fields that are not exported, as its %s is not used", t, method)
	}
}

// keyRefusal returns the reason why a type cannot be the key type of a map, or "".
func keyRefusal(t reflect.Type) string {
	const advice = "; use strings or numbers"
	switch kind := t.Kind(); {
	case t == timeType:
		return "keys of time.Time lose their location and their identity" + advice
	case kind == reflect.Interface && t.NumMethod() > 0, kind == reflect.Pointer:
		return "keys of a map cannot be of " + t.String() + advice
	case kind == reflect.Interface:
		return "" // checkAnyKey checks each key
	case roundtrip.RefersTo(t):
		return "keys of " + t.String() + " hold pointers, and would not be the same keys" + advice
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

// checkAnyKey refuses a key in an interface that would be read back as a key of another
// type.
func checkAnyKey(key reflect.Value) error {
	switch key.Type() {
	case reflect.TypeFor[bool](), reflect.TypeFor[int64](), reflect.TypeFor[float64](), reflect.TypeFor[string]():
		return nil
	case reflect.TypeFor[uint64]():
		if key.Uint() > math.MaxInt64 {
			return nil
		}
	}
	return unsupported("a key of a map is a %v in an interface and would be read back as a key of another type; use bool, int64, float64 or string, or keys of one type", key.Type())
}

// textForm reports whether values of a type are written and read as text by methods. why is
// the reason to refuse a type with only one of the two methods.
func textForm(t reflect.Type) (hasText bool, why string) {
	p := reflect.PointerTo(t)
	marshals, unmarshals := p.Implements(textMarshaler), p.Implements(textUnmarshaler)
	embedded := ""
	if marshals {
		embedded = roundtrip.Text.EmbeddedPointer(t)
	}
	switch {
	case embedded != "":
		return false, t.String() + " is written by the methods of its embedded field " + embedded + ", which may be nil when they are called; give the field a name"
	case marshals && unmarshals:
		return true, ""
	case marshals:
		return false, t.String() + " has MarshalText and no UnmarshalText"
	case unmarshals && t.Kind() == reflect.String:
		return false, t.String() + " has UnmarshalText and no MarshalText"
	}
	return false, ""
}

// checkEmbeddedText refuses a struct whose text has only an embedded type's value, and not
// the other fields.
func checkEmbeddedText(v reflect.Value, text []byte) error {
	t := v.Type()
	embedded := embeddedTextOf(t)
	if embedded.time != nil {
		at, _ := reflect.TypeAssert[time.Time](v.FieldByIndex(embedded.time))
		if why := roundtrip.CheckTime(at); why != nil {
			return unsupported("%v is written as the text of the time that it embeds: %s", t, why.Reason)
		}
	}
	read := reflect.New(t)
	u, unmarshals := reflect.TypeAssert[encoding.TextUnmarshaler](read)
	if !embedded.any || t.NumField() == 1 || !unmarshals {
		return nil
	}
	if u.UnmarshalText(slices.Clone(text)) != nil {
		return unsupported("UnmarshalText of %v refuses what MarshalText made", t)
	}
	for f, value := range v.Fields() {
		if f.IsExported() && !isEmbeddedText(f) && !reflect.DeepEqual(read.Elem().FieldByIndex(f.Index).Interface(), value.Interface()) {
			return unsupported("%v is written as the text of what it embeds, without field %q; give the field that is embedded a name", t, f.Name)
		}
	}
	return nil
}

// An embeddedText is an embedded type whose methods write the text of the struct.
type embeddedText struct {
	any  bool
	time []int // the index of the time whose text the struct has
}

var embeddedTexts sync.Map // reflect.Type → embeddedText

func embeddedTextOf(t reflect.Type) embeddedText {
	if known, ok := embeddedTexts.Load(t); ok {
		return known.(embeddedText)
	}
	found := embeddedText{time: roundtrip.Text.EmbeddedTime(t)}
	for f := range t.Fields() {
		found.any = found.any || isEmbeddedText(f)
	}
	embeddedTexts.Store(t, found)
	return found
}

func isEmbeddedText(f reflect.StructField) bool {
	return f.Anonymous && (f.Type.Implements(textMarshaler) || reflect.PointerTo(f.Type).Implements(textMarshaler))
}

// findLost finds the fields of t that are not stored, and the pointers to embedded structs.
// index is the place of t in the outer struct, and within has the types around t.
func (l *layout) findLost(t reflect.Type, index []int, within []reflect.Type) {
	if slices.Contains(within, t) {
		return
	}
	within = append(within, t)
	for f := range t.Fields() {
		at := append(slices.Clone(index), f.Index...)
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

// checkLost refuses a struct that would lose data: a non-zero hidden field, or an embedded
// pointer to a struct without stored fields.
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
