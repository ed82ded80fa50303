package roundtrip

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode"
)

// TaggedFields returns the fields of a struct by the rules of encoding/json. The first of
// tags that a field has is the tag of the field.
//
// lost names exported fields that are hidden by fields of the same name, and embedded
// fields that cannot be read back.
func TaggedFields(t reflect.Type, typed bool, tags ...string) (fields []Field, lost string) {
	c := collector{tags: tags, typed: typed}
	c.level(t, nil, 0, nil)
	if c.lost != "" {
		return nil, c.lost
	}
	slices.SortStableFunc(c.found, func(a, b taggedField) int {
		if order := strings.Compare(a.Name, b.Name); order != 0 {
			return order
		}
		if order := cmp.Compare(len(a.Index), len(b.Index)); order != 0 {
			return order
		}
		return cmp.Compare(btoi(b.tagged), btoi(a.tagged))
	})
	for i, f := range c.found {
		if i > 0 && c.found[i-1].Name == f.Name {
			return nil, fmt.Sprintf("would lose its field %s, as two have that name", f.path)
		}
		fields = append(fields, f.Field)
	}
	slices.SortFunc(fields, func(a, b Field) int { return slices.Compare(a.Index, b.Index) })
	return fields, ""
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

type taggedField struct {
	Field
	path   string // the path in Go
	tagged bool
}

// A collector visits the embedded fields of a struct.
type collector struct {
	tags  []string
	typed bool
	found []taggedField
	lost  string
}

// level collects the fields of t. index is the place of t in the outermost struct, and
// within has the structs around t.
func (c *collector) level(t reflect.Type, index []int, depth int, within []reflect.Type) {
	if slices.Contains(within, t) {
		c.lost = fmt.Sprintf("embeds %v in itself", t)
		return
	}
	within = append(slices.Clip(within), t)
	for f := range t.Fields() {
		ft := f.Type
		if ft.Kind() == reflect.Pointer && ft.Name() == "" {
			ft = ft.Elem()
		}
		embedded := f.Anonymous && ft.Kind() == reflect.Struct
		tag := tagOf(f, c.tags)
		if !f.IsExported() && !embedded || tag == "-" {
			continue
		}
		name, options, _ := strings.Cut(tag, ",")
		if !isTagName(name) {
			name = ""
		}
		at := append(slices.Clip(index), f.Index...)
		if !embedded || name != "" {
			if !f.IsExported() {
				c.lost = fmt.Sprintf("would lose its field %s, which is not exported", f.Name)
				return
			}
			field := taggedField{Field: Field{Name: name, Index: at, Quoted: hasOption(options, "string")}, path: f.Name, tagged: name != ""}
			if name == "" {
				field.Name = f.Name
			}
			c.found = append(c.found, field)
			continue
		}
		before := len(c.found)
		c.level(ft, at, depth+1, within)
		if c.lost != "" {
			return
		}
		pointer := f.Type.Kind() == reflect.Pointer
		switch adds := c.found[before:]; {
		case ownForm(f.Type) && ft.Size() > 0:
			c.lost = fmt.Sprintf("would lose its embedded field %s, whose methods are not used", f.Name)
		case c.typed && pointer && !f.IsExported() && len(adds) > 0:
			c.lost = fmt.Sprintf("embeds a pointer to the unexported %v, which cannot be read", ft)
		case c.typed && pointer && f.IsExported() && !alwaysWritten(ft, c.tags):
			c.lost = fmt.Sprintf("embeds a pointer to %v, of which nothing may be written: nil and not nil would be the same", ft)
		}
		if c.lost != "" {
			return
		}
	}
}

// ownForm reports whether a type has methods that write it.
func ownForm(t reflect.Type) bool {
	if t.Kind() != reflect.Pointer {
		t = reflect.PointerTo(t)
	}
	for _, f := range []Form{JSON, Text, Binary, Gob, CBOR} {
		if t.Implements(f.Marshal.of) {
			return true
		}
	}
	return false
}

// alwaysWritten reports whether any field of an embedded struct is written for every value.
func alwaysWritten(t reflect.Type, tags []string) bool {
	for f := range t.Fields() {
		tag := tagOf(f, tags)
		_, options, _ := strings.Cut(tag, ",")
		if f.IsExported() && !f.Anonymous && tag != "-" && !hasOption(options, "omitempty") && !hasOption(options, "omitzero") {
			return true
		}
		if f.Anonymous && f.Type.Kind() == reflect.Struct && tag != "-" && alwaysWritten(f.Type, tags) {
			return true
		}
	}
	return false
}

func tagOf(f reflect.StructField, tags []string) string {
	for _, name := range tags {
		if tag := f.Tag.Get(name); tag != "" {
			return tag
		}
	}
	return ""
}

func hasOption(options, option string) bool {
	return strings.Contains(","+options+",", ","+option+",")
}

// isTagName reports whether encoding/json accepts a name in a tag.
func isTagName(name string) bool {
	for _, c := range name {
		if !strings.ContainsRune("!#$%&()*+-./:;<=>?@[]^_{|}~ ", c) && !unicode.IsLetter(c) && !unicode.IsDigit(c) {
			return false
		}
	}
	return name != ""
}

// GobFields returns the fields of a struct by the rules of encoding/gob. lost names
// unexported embedded structs with fields, and channels and functions.
func GobFields(t reflect.Type, _ bool) (fields []Field, lost string) {
	for f := range t.Fields() {
		if !f.IsExported() {
			if f.Anonymous && HasExported(f.Type) {
				return nil, fmt.Sprintf("would lose the fields of the unexported %v, which is embedded in it", f.Type)
			}
			continue
		}
		base := f.Type
		for base.Kind() == reflect.Pointer && base.Name() == "" {
			base = base.Elem()
		}
		if base.Kind() == reflect.Chan || base.Kind() == reflect.Func {
			return nil, fmt.Sprintf("would lose its field %s, as there is no form for %v", f.Name, f.Type)
		}
		fields = append(fields, Field{Name: f.Name, Index: f.Index})
	}
	return fields, ""
}

// HasExported reports whether an embedded type is a struct with exported fields, or a
// pointer to such a struct.
func HasExported(t reflect.Type) bool { return hasExported(t, nil) }

// hasExported implements HasExported. within has the structs around t.
func hasExported(t reflect.Type, within []reflect.Type) bool {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || slices.Contains(within, t) {
		return false
	}
	for f := range t.Fields() {
		if f.IsExported() || f.Anonymous && hasExported(f.Type, append(slices.Clip(within), t)) {
			return true
		}
	}
	return false
}
