package msgpack

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/xcache-go/xcache/codec/internal/roundtrip"
)

// The first bytes of values. Bytes below codeNil are small numbers, maps, arrays and
// strings. Bytes from codeNegative on are small negative numbers.
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

// A form is the encoding of a type.
type form uint8

const (
	plainForm form = iota
	timeForm
	binaryForm // by methods of the type, as the forms below
	textForm
	jsonForm
)

// A typeInfo has the facts about a type.
type typeInfo struct {
	form   form
	fields []field // of a struct
	lost   string  // the reason why a struct cannot be written
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
		info.fields, info.lost = appendFields(nil, t, nil)
	}
	typeInfos.Store(t, info)
	return info
}

func formOf(t reflect.Type) form {
	if t == timeType {
		return timeForm
	}
	switch form := rules.Form(t); form {
	case nil:
		return plainForm
	case &forms[0]:
		return binaryForm
	case &forms[1]:
		return textForm
	}
	return jsonForm
}

// appendFields appends the fields of struct type t, and of its embedded structs. lost names
// a field that would not be stored, in words that follow the name of the type.
func appendFields(fields []field, t reflect.Type, path []int) (_ []field, lost string) {
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
			if f.Anonymous && (name != "" || roundtrip.HasExported(f.Type) || formOf(f.Type) != plainForm) {
				return nil, fmt.Sprintf("would lose the unexported %v, which is embedded in it", f.Type)
			}
			continue
		case name == "":
			name = f.Name
		}
		if find(fields, name) >= 0 {
			return nil, fmt.Sprintf("would lose its field %s, as two have that name", f.Name)
		}
		fields = append(fields, field{name, append(slices.Clip(path), f.Index...), strings.Contains(options, "omitempty")})
	}
	for _, f := range embedded {
		if fields, lost = appendFields(fields, f.Type, append(slices.Clip(path), f.Index...)); lost != "" {
			return nil, lost
		}
	}
	return fields, ""
}

func find(fields []field, name string) int {
	for i := range fields {
		if fields[i].name == name {
			return i
		}
	}
	return -1
}

// forms are the methods for the encoding of types. The methods for JSON count only for
// structs with unexported fields, which would be lost otherwise.
var forms = []roundtrip.Form{roundtrip.Binary, roundtrip.Text, {
	Marshal: roundtrip.JSON.Marshal, Unmarshal: roundtrip.JSON.Unmarshal, When: roundtrip.HidesFields,
}}

// rules describe the values that could not be read back unchanged.
var rules roundtrip.Rules

func init() { // the rules refer to themselves
	rules.Forms = forms
	rules.PairsOnly = true
	rules.Fields = func(t reflect.Type, _ bool) (fields []roundtrip.Field, lost string) {
		info := infoOf(t)
		for _, f := range info.fields {
			fields = append(fields, roundtrip.Field{Name: f.name, Index: f.index})
		}
		return fields, info.lost
	}
	rules.Key = key
}

func key(t reflect.Type, typed bool) string {
	switch {
	case typed && t.Kind() == reflect.Interface:
		return "what is read back may be of another type"
	case !typed && t.Kind() != reflect.String && formOf(t) != textForm:
		return "in an interface, maps are read as map[string]any; ask for a type"
	}
	return ""
}
