package msgpack

import (
	"encoding"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"
)

// The first bytes of values. Below codeNil are small numbers, maps, arrays and
// strings; from codeNegative on small negative numbers.
const (
	codeMap      = 0x80
	codeArray    = 0x90
	codeString   = 0xA0
	codeNil      = 0xC0
	codeFalse    = 0xC2
	codeTrue     = 0xC3
	codeBin8     = 0xC4
	codeExt8     = 0xC7
	codeFloat32  = 0xCA
	codeFloat64  = 0xCB
	codeUint8    = 0xCC
	codeInt8     = 0xD0
	codeFixExt1  = 0xD4
	codeFixExt4  = 0xD6
	codeFixExt8  = 0xD7
	codeString8  = 0xD9
	codeString16 = 0xDA
	codeArray16  = 0xDC
	codeMap16    = 0xDE
	codeNegative = 0xE0

	timestamp = 0xFF // the extension -1
)

var timeType = reflect.TypeFor[time.Time]()

// A form is how a type is written.
type form uint8

const (
	plainForm form = iota
	timeForm
	binaryForm // by its methods
	textForm
)

// A typeInfo is what is known of a type.
type typeInfo struct {
	form   form
	fields []field // of a struct
}

type field struct {
	name      string
	index     []int
	omitEmpty bool
}

var typeInfos sync.Map // reflect.Type → *typeInfo

func infoOf(t reflect.Type) *typeInfo {
	if known, ok := typeInfos.Load(t); ok {
		return known.(*typeInfo)
	}
	info := &typeInfo{form: formOf(t)}
	if t.Kind() == reflect.Struct && info.form == plainForm {
		info.fields = appendFields(nil, t, nil)
	}
	typeInfos.Store(t, info)
	return info
}

func formOf(t reflect.Type) form {
	p := reflect.PointerTo(t)
	implements := func(of ...reflect.Type) bool { return p.Implements(of[0]) && p.Implements(of[1]) }
	switch {
	case t == timeType:
		return timeForm
	case t.Kind() == reflect.Pointer || t.Kind() == reflect.Interface:
		return plainForm
	case implements(reflect.TypeFor[encoding.BinaryMarshaler](), reflect.TypeFor[encoding.BinaryUnmarshaler]()):
		return binaryForm
	case implements(reflect.TypeFor[encoding.TextMarshaler](), reflect.TypeFor[encoding.TextUnmarshaler]()):
		return textForm
	}
	return plainForm
}

// appendFields appends the fields of t, a struct, and of what is embedded. Of two
// with the same name the one that is less deep counts.
func appendFields(fields []field, t reflect.Type, path []int) []field {
	var embedded []reflect.StructField
	for f := range t.Fields() {
		tag, ok := f.Tag.Lookup("msgpack")
		if !ok {
			tag = f.Tag.Get("json")
		}
		name, options, _ := strings.Cut(tag, ",")
		switch {
		case tag == "-":
			continue
		case f.Anonymous && name == "" && f.Type.Kind() == reflect.Struct && formOf(f.Type) == plainForm:
			embedded = append(embedded, f)
			continue
		case !f.IsExported():
			continue
		case name == "":
			name = f.Name
		}
		if find(fields, name) < 0 {
			fields = append(fields, field{name, append(slices.Clip(path), f.Index...), strings.Contains(options, "omitempty")})
		}
	}
	for _, f := range embedded {
		fields = appendFields(fields, f.Type, append(slices.Clip(path), f.Index...))
	}
	return fields
}

func find(fields []field, name string) int {
	for i := range fields {
		if fields[i].name == name {
			return i
		}
	}
	return -1
}
