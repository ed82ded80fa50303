package lua

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/yuin/gopher-lua"
)

// The functions of the library of strings count their allocations and their steps.
func (r *run) strings() map[string]lua.LGFunction {
	return map[string]lua.LGFunction{
		"byte": r.stringByte, "char": r.stringChar, "find": r.stringFind, "format": r.stringFormat,
		"gmatch": r.stringGmatch, "gsub": r.stringGsub, "len": r.stringLen, "lower": r.mapped(toLower),
		"match": r.stringMatch, "rep": r.stringRep, "reverse": r.mapped(slices.Reverse), "sub": r.stringSub, "upper": r.mapped(toUpper),
	}
}

// text returns argument n, a string or a number.
func (r *run) text(l *lua.LState, n int) string {
	switch v := l.Get(n).(type) {
	case lua.LString:
		return string(v)
	case lua.LNumber:
		return formatNumber(v)
	}
	l.TypeError(n, lua.LTString)
	return ""
}

// push returns a new string to the script.
func (r *run) push(l *lua.LState, text string) int {
	r.limits.charge(l, int64(len(text))+16)
	l.Push(lua.LString(text))
	return 1
}

// formatNumber returns a number in the format of Lua: %.14g.
func formatNumber(n lua.LNumber) string {
	f := float64(n)
	switch {
	case math.IsInf(f, 1):
		return "inf"
	case math.IsInf(f, -1):
		return "-inf"
	case math.IsNaN(f):
		return "nan"
	case f == math.Trunc(f) && math.Abs(f) < 1e14:
		return strconv.FormatInt(int64(f), 10)
	}
	return strconv.FormatFloat(f, 'g', 14, 64)
}

// place converts an index from 1, or a negative index from the end, into an index from 0.
func place(i, length int) int {
	if i < 0 {
		i += length + 1
	}
	return i
}

func (r *run) bounds(l *lua.LState, text string, first, last int) (from, to int) {
	from, to = max(place(first, len(text)), 1), min(place(last, len(text)), len(text))
	if from > to {
		return 0, 0
	}
	return from - 1, to
}

func (r *run) stringByte(l *lua.LState) int {
	text, first := r.text(l, 1), l.OptInt(2, 1)
	from, to := r.bounds(l, text, first, l.OptInt(3, first))
	for i := from; i < to; i++ {
		l.Push(lua.LNumber(text[i]))
	}
	return to - from
}

func (r *run) stringChar(l *lua.LState) int {
	text := make([]byte, l.GetTop())
	for i := range text {
		n := l.CheckInt(i + 1)
		if n < 0 || n > 255 {
			l.ArgError(i+1, "invalid value")
		}
		text[i] = byte(n)
	}
	return r.push(l, string(text))
}

func (r *run) stringLen(l *lua.LState) int {
	l.Push(lua.LNumber(len(r.text(l, 1))))
	return 1
}

// mapped returns a function that changes the bytes of a string one by one.
func (r *run) mapped(change func(text []byte)) lua.LGFunction {
	return func(l *lua.LState) int {
		text := []byte(r.text(l, 1))
		r.limits.charge(l, int64(len(text)))
		change(text)
		return r.push(l, string(text))
	}
}

func toLower(text []byte) {
	for i, c := range text {
		if c >= 'A' && c <= 'Z' {
			text[i] = c + 'a' - 'A'
		}
	}
}

func toUpper(text []byte) {
	for i, c := range text {
		if c >= 'a' && c <= 'z' {
			text[i] = c - 'a' + 'A'
		}
	}
}

func (r *run) stringRep(l *lua.LState) int {
	text, n := r.text(l, 1), l.CheckInt(2)
	if n <= 0 || text == "" {
		return r.push(l, "")
	}
	if n > MaxBytes/len(text) {
		r.limits.charge(l, MaxBytes+1)
	}
	r.limits.charge(l, int64(n)*int64(len(text)))
	l.Push(lua.LString(strings.Repeat(text, n)))
	return 1
}

func (r *run) stringSub(l *lua.LState) int {
	text := r.text(l, 1)
	from, to := r.bounds(l, text, l.CheckInt(2), l.OptInt(3, -1))
	return r.push(l, text[from:to])
}

func (r *run) matcher(l *lua.LState, text, pattern string) *matcher {
	return &matcher{text: text, pattern: pattern, state: l, limits: r.limits}
}

func (r *run) start(l *lua.LState, n, length int) int {
	return min(max(place(l.OptInt(n, 1), length), 1)-1, length)
}

func (r *run) stringFind(l *lua.LState) int {
	text, pattern := r.text(l, 1), r.text(l, 2)
	from := r.start(l, 3, len(text))
	if lua.LVAsBool(l.Get(4)) || !strings.ContainsAny(pattern, "^$*+?.([%-") {
		r.limits.work(l, (len(text)-from)/16)
		at := strings.Index(text[from:], pattern)
		if at < 0 {
			l.Push(lua.LNil)
			return 1
		}
		l.Push(lua.LNumber(from + at + 1))
		l.Push(lua.LNumber(from + at + len(pattern)))
		return 2
	}
	m := r.matcher(l, text, pattern)
	start, end, ok := m.find(from)
	if !ok {
		l.Push(lua.LNil)
		return 1
	}
	l.Push(lua.LNumber(start + 1))
	l.Push(lua.LNumber(end))
	for i := range m.level {
		l.Push(m.capture(i, start, end))
	}
	return 2 + m.level
}

func (r *run) stringMatch(l *lua.LState) int {
	text, pattern := r.text(l, 1), r.text(l, 2)
	m := r.matcher(l, text, pattern)
	start, end, ok := m.find(r.start(l, 3, len(text)))
	if !ok {
		l.Push(lua.LNil)
		return 1
	}
	return r.pushCaptures(l, m, start, end)
}

func (r *run) pushCaptures(l *lua.LState, m *matcher, start, end int) int {
	n := max(m.level, 1)
	for i := range n {
		l.Push(m.capture(i, start, end))
	}
	return n
}

func (r *run) stringGmatch(l *lua.LState) int {
	text, pattern := r.text(l, 1), r.text(l, 2)
	at := 0
	l.Push(l.NewFunction(func(l *lua.LState) int {
		m := r.matcher(l, text, pattern)
		for ; at <= len(text); at++ {
			m.level = 0
			if e := m.match(at, 0); e >= 0 {
				start := at
				at = e
				if e == start {
					at++
				}
				return r.pushCaptures(l, m, start, e)
			}
		}
		l.Push(lua.LNil)
		return 1
	}))
	return 1
}

func (r *run) stringGsub(l *lua.LState) int {
	text, pattern := r.text(l, 1), r.text(l, 2)
	replacement := l.Get(3)
	switch replacement.Type() {
	case lua.LTString, lua.LTNumber, lua.LTTable, lua.LTFunction:
	default:
		l.ArgError(3, "string/function/table expected")
	}
	most := l.OptInt(4, len(text)+1)
	m := r.matcher(l, text, pattern)
	p := 0
	anchored := strings.HasPrefix(pattern, "^")
	if anchored {
		p = 1
	}
	var b strings.Builder
	write := func(s string) {
		r.limits.charge(l, 2*int64(len(s)))
		b.WriteString(s)
	}
	n, at := 0, 0
	for n < most {
		m.level = 0
		e := m.match(at, p)
		if e >= 0 {
			n++
			write(r.replaced(l, m, replacement, at, e))
		}
		if e > at {
			at = e
		} else if at < len(text) {
			write(text[at : at+1])
			at++
		} else {
			break
		}
		if anchored {
			break
		}
	}
	write(text[at:])
	l.Push(lua.LString(b.String()))
	l.Push(lua.LNumber(n))
	return 2
}

// replaced returns the replacement of a match.
func (r *run) replaced(l *lua.LState, m *matcher, replacement lua.LValue, start, end int) string {
	var value lua.LValue
	switch v := replacement.(type) {
	case lua.LString, lua.LNumber:
		return r.expanded(m, v.String(), start, end)
	case *lua.LTable:
		value = l.GetTable(v, m.capture(0, start, end))
	case *lua.LFunction:
		l.Push(v)
		l.Call(r.pushCaptures(l, m, start, end), 1)
		value = l.Get(-1)
		l.Pop(1)
	}
	switch v := value.(type) {
	case lua.LString:
		return string(v)
	case lua.LNumber:
		return formatNumber(v)
	}
	if lua.LVAsBool(value) {
		l.RaiseError("invalid replacement value (a %s)", value.Type().String())
	}
	return m.text[start:end]
}

// expanded replaces the captures in a replacement text.
func (r *run) expanded(m *matcher, text string, start, end int) string {
	if !strings.Contains(text, "%") {
		return text
	}
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] != '%' || i+1 == len(text):
			b.WriteByte(text[i])
		case text[i+1] == '0':
			i++
			b.WriteString(m.text[start:end])
		case text[i+1] >= '1' && text[i+1] <= '9':
			i++
			held := m.capture(int(text[i]-'1'), start, end).String()
			r.limits.charge(m.state, int64(len(held)))
			b.WriteString(held)
		default:
			i++
			b.WriteByte(text[i])
		}
	}
	return b.String()
}

// maxWidth is the widest field of a format, as in the language.
const maxWidth = 99

func (r *run) stringFormat(l *lua.LState) int {
	format := r.text(l, 1)
	var b strings.Builder
	arg := 1
	for i := 0; i < len(format); i++ {
		if format[i] != '%' {
			b.WriteByte(format[i])
			continue
		}
		i++
		if i < len(format) && format[i] == '%' {
			b.WriteByte('%')
			continue
		}
		from := i
		for i < len(format) && strings.IndexByte("-+ #0", format[i]) >= 0 {
			i++
		}
		for i < len(format) && (format[i] >= '0' && format[i] <= '9' || format[i] == '.') {
			i++
		}
		if i >= len(format) || !isSpec(format[from:i]) {
			l.RaiseError("invalid option in 'format'")
		}
		arg++
		spec := "%" + format[from:i]
		switch verb := format[i]; verb {
		case 'c':
			b.WriteByte(byte(l.CheckInt(arg)))
		case 'd', 'i':
			fmt.Fprintf(&b, spec+"d", int64(l.CheckNumber(arg)))
		case 'u':
			fmt.Fprintf(&b, spec+"d", uint64(int64(l.CheckNumber(arg))))
		case 'o', 'x', 'X':
			fmt.Fprintf(&b, spec+string(verb), uint64(int64(l.CheckNumber(arg))))
		case 'e', 'E', 'f', 'g', 'G':
			f := float64(l.CheckNumber(arg))
			if (verb|0x20 == 'g') && !strings.Contains(spec, ".") {
				spec += ".6"
			}
			b.WriteString(strings.NewReplacer("+Inf", "inf", "-Inf", "-inf", "NaN", "nan").Replace(fmt.Sprintf(spec+string(verb), f)))
		case 'q':
			b.WriteString(quoted(r.text(l, arg)))
		case 's':
			text := r.text(l, arg)
			r.limits.charge(l, int64(len(text)))
			if spec == "%" {
				b.WriteString(text)
			} else {
				b.WriteString(padded(spec[1:], text))
			}
		default:
			l.RaiseError("invalid option '%%%s' to 'format'", string(verb))
		}
		r.limits.charge(l, maxWidth)
	}
	return r.push(l, b.String())
}

// isSpec reports whether the language accepts flags, width and precision.
func isSpec(spec string) bool {
	spec = strings.TrimLeft(spec, "-+ #0")
	width, precision, _ := strings.Cut(spec, ".")
	return len(width) <= 2 && len(precision) <= 2 && !strings.Contains(precision, ".")
}

// padded writes a text in a field. The width of the field counts bytes.
func padded(spec, text string) string {
	left := strings.HasPrefix(spec, "-")
	width, precision, cut := strings.Cut(strings.TrimLeft(spec, "-+ #0"), ".")
	if cut {
		n, _ := strconv.Atoi(precision)
		text = text[:min(n, len(text))]
	}
	n, _ := strconv.Atoi(width)
	fill := strings.Repeat(" ", max(0, n-len(text)))
	if left {
		return text + fill
	}
	return fill + text
}

func quoted(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(text) {
		switch c := text[i]; c {
		case '"', '\\', '\n':
			b.WriteByte('\\')
			b.WriteByte(c)
		case '\r':
			b.WriteString(`\r`)
		case 0:
			b.WriteString(`\000`)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}
