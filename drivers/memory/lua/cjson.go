package lua

import (
	"encoding/json"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/yuin/gopher-lua"
)

// cjson returns the table cjson, with encode, decode and null.
func (r *run) cjson(l *lua.LState) *lua.LTable {
	r.null = l.NewUserData()
	t := l.NewTable()
	t.RawSetString("null", r.null)
	l.SetFuncs(t, map[string]lua.LGFunction{
		"encode": func(l *lua.LState) int {
			var b strings.Builder
			r.encode(l, &b, l.CheckAny(1), 0)
			return r.push(l, b.String())
		},
		"decode": func(l *lua.LState) int {
			text := r.text(l, 1)
			r.limits.charge(l, decodedBytes*int64(len(text)))
			decoder := json.NewDecoder(strings.NewReader(text))
			decoder.UseNumber()
			var v any
			err := decoder.Decode(&v)
			if _, end := decoder.Token(); err != nil || end != io.EOF {
				l.RaiseError("Expected value but found invalid token")
			}
			l.Push(r.decoded(l, v, 0))
			return 1
		},
	})
	return t
}

const (
	// decodedBytes is the largest number of bytes in memory for one byte of JSON: [[],[]…
	decodedBytes = 64
	// maxJSONDepth is the largest depth of nested values.
	maxJSONDepth = 1000
)

func (r *run) encode(l *lua.LState, b *strings.Builder, v lua.LValue, depth int) {
	if depth > maxJSONDepth {
		l.RaiseError("Cannot serialise, excessive depth (%s)", strconv.Itoa(depth))
	}
	r.limits.charge(l, 32)
	switch v := v.(type) {
	case *lua.LNilType:
		b.WriteString("null")
	case lua.LBool:
		b.WriteString(v.String())
	case lua.LNumber:
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			l.RaiseError("Cannot serialise number: must not be NaN or Infinity")
		}
		b.WriteString(formatNumber(v))
	case lua.LString:
		r.limits.charge(l, 6*int64(len(v)))
		encodeText(b, string(v))
	case *lua.LTable:
		r.encodeTable(l, b, v, depth)
	default:
		if v == lua.LValue(r.null) {
			b.WriteString("null")
			return
		}
		l.RaiseError("Cannot serialise %s: type not supported", v.Type().String())
	}
}

func (r *run) encodeTable(l *lua.LState, b *strings.Builder, t *lua.LTable, depth int) {
	array, most, count := true, 0, 0
	t.ForEach(func(k, _ lua.LValue) {
		n, ok := k.(lua.LNumber)
		array = array && ok && n >= 1 && n == lua.LNumber(int(n))
		if array {
			most = max(most, int(n))
		}
		count++
	})
	r.limits.work(l, count)
	const sparse, safe = 2, 10 // an array with more empty places is an error
	if array && most > safe && most > sparse*count {
		l.RaiseError("Cannot serialise table: excessively sparse array")
	}
	if array && count > 0 {
		b.WriteByte('[')
		for i := 1; i <= most; i++ {
			if i > 1 {
				b.WriteByte(',')
			}
			r.encode(l, b, t.RawGetInt(i), depth+1)
		}
		b.WriteByte(']')
		return
	}
	b.WriteByte('{')
	first := true
	for k, v := t.Next(lua.LNil); k != lua.LNil; k, v = t.Next(k) {
		if !first {
			b.WriteByte(',')
		}
		first = false
		switch k := k.(type) {
		case lua.LString:
			r.limits.charge(l, 6*int64(len(k)))
			encodeText(b, string(k))
		case lua.LNumber:
			b.WriteString(`"` + formatNumber(k) + `"`)
		default:
			l.RaiseError("Cannot serialise table: table key must be a number or string")
		}
		b.WriteByte(':')
		r.encode(l, b, v, depth+1)
	}
	b.WriteByte('}')
}

// encodeText writes a text as cjson does: bytes over 127 stay as they are.
func encodeText(b *strings.Builder, text string) {
	const hex = "0123456789abcdef"
	b.WriteByte('"')
	for i := range len(text) {
		switch c := text[i]; c {
		case '"', '\\', '/':
			b.WriteByte('\\')
			b.WriteByte(c)
		case '\b':
			b.WriteString(`\b`)
		case '\f':
			b.WriteString(`\f`)
		case '\n':
			b.WriteString(`\n`)
		case '\r':
			b.WriteString(`\r`)
		case '\t':
			b.WriteString(`\t`)
		default:
			if c < ' ' || c == 0x7f {
				b.WriteString(`\u00` + string(hex[c>>4]) + string(hex[c&15]))
			} else {
				b.WriteByte(c)
			}
		}
	}
	b.WriteByte('"')
}

func (r *run) decoded(l *lua.LState, v any, depth int) lua.LValue {
	if depth > maxJSONDepth {
		l.RaiseError("Found too many nested data structures (%s)", strconv.Itoa(depth))
	}
	r.limits.work(l, 1)
	switch v := v.(type) {
	case nil:
		return r.null
	case bool:
		return lua.LBool(v)
	case json.Number:
		f, _ := v.Float64()
		return lua.LNumber(f)
	case string:
		return lua.LString(v)
	case []any:
		t := l.CreateTable(len(v), 0)
		for _, element := range v {
			t.Append(r.decoded(l, element, depth+1))
		}
		return t
	case map[string]any:
		t := l.CreateTable(0, len(v))
		names := make([]string, 0, len(v))
		for name := range v {
			names = append(names, name)
		}
		slices.Sort(names)
		for _, name := range names {
			t.RawSetString(name, r.decoded(l, v[name], depth+1))
		}
		return t
	}
	return lua.LNil
}
