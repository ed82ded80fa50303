package lua

import (
	"errors"
	"strconv"
	"strings"

	"github.com/yuin/gopher-lua"
)

// This file makes the globals of a script.

// kept are the functions of the interpreter that scripts may call.
var kept = []string{"assert", "error", "getmetatable", "ipairs", "next", "pairs", "rawequal", "rawget", "select", "setmetatable", "type", "unpack"}

// caughtSteps is the cost of catching an error: the interpreter then describes the place of
// the error.
const caughtSteps = 1000

// environment returns the globals of a script. The script sees them through a table that
// refuses new elements.
func (r *run) environment(l *lua.LState) *lua.LTable {
	for _, open := range []lua.LGFunction{lua.OpenBase, lua.OpenTable, lua.OpenMath, lua.OpenString} {
		l.Push(l.NewFunction(open))
		l.Push(lua.LString(""))
		l.Call(1, 0)
	}
	all := l.Get(lua.GlobalsIndex).(*lua.LTable)
	globals := l.NewTable()
	for _, name := range kept {
		globals.RawSetString(name, all.RawGetString(name))
	}
	add := func(name string, f lua.LGFunction) { globals.RawSetString(name, l.NewFunction(f)) }
	add(concatName, r.concat)
	add(tableName, r.table)
	add(setName, func(l *lua.LState) int {
		r.set(l, l.Get(1), l.Get(2), l.Get(3))
		return 0
	})
	add("rawset", func(l *lua.LState) int {
		r.rawSet(l, l.CheckTable(1), l.Get(2), l.Get(3))
		l.SetTop(1)
		return 1
	})
	add("tostring", func(l *lua.LState) int { return r.push(l, r.toString(l, l.CheckAny(1))) })
	for _, name := range []string{"pcall", "xpcall"} {
		catch := all.RawGetString(name)
		add(name, func(l *lua.LState) int {
			n := forward(l, catch)
			if l.Get(-n) == lua.LFalse {
				r.limits.work(l, caughtSteps)
			}
			return n
		})
	}
	add("tonumber", toNumber)
	add("print", func(*lua.LState) int { return 0 })
	add("collectgarbage", func(l *lua.LState) int {
		l.Push(lua.LNumber(0))
		return 1
	})
	math := all.RawGetString("math").(*lua.LTable)
	math.RawSetString("randomseed", l.NewFunction(func(*lua.LState) int { return 0 }))
	globals.RawSetString("math", math)
	tables := all.RawGetString("table").(*lua.LTable)
	insert := tables.RawGetString("insert")
	tables.RawSetString("concat", l.NewFunction(r.tableConcat))
	tables.RawSetString("insert", l.NewFunction(r.tableInsert(insert)))
	for _, name := range []string{"sort", "remove", "getn", "maxn"} {
		tables.RawSetString(name, l.NewFunction(r.onTable(tables.RawGetString(name))))
	}
	globals.RawSetString("table", tables)
	// The interpreter looks up methods of strings in its own table.
	texts := all.RawGetString("string").(*lua.LTable)
	for _, name := range []string{"dump", "gfind"} {
		texts.RawSetString(name, lua.LNil)
	}
	for name, f := range r.strings() {
		texts.RawSetString(name, l.NewFunction(f))
	}
	globals.RawSetString("string", texts)
	globals.RawSetString("redis", r.redis(l))
	globals.RawSetString("cjson", r.cjson(l))
	globals.RawSetString("KEYS", stringTable(l, r.call.Keys))
	globals.RawSetString("ARGV", stringTable(l, r.call.Args))
	globals.RawSetString("_VERSION", lua.LString("Lua 5.1"))

	missing := l.NewTable()
	missing.RawSetString("__index", l.NewFunction(func(l *lua.LState) int {
		l.RaiseError("Script attempted to access nonexistent global variable '%s'", l.Get(2).String())
		return 0
	}))
	missing.RawSetString("__metatable", lua.LFalse)
	globals.Metatable = missing
	own := l.NewTable()
	meta := l.NewTable()
	meta.RawSetString("__index", globals)
	meta.RawSetString("__newindex", l.NewFunction(func(l *lua.LState) int {
		l.RaiseError("Script attempted to create global variable '%s'", l.Get(2).String())
		return 0
	}))
	own.Metatable = meta
	return own
}

func stringTable(l *lua.LState, texts []string) *lua.LTable {
	t := l.CreateTable(len(texts), 0)
	for _, text := range texts {
		t.Append(lua.LString(text))
	}
	return t
}

// toString is tostring of Lua.
func (r *run) toString(l *lua.LState, v lua.LValue) string {
	if f, ok := l.GetMetaField(v, "__tostring").(*lua.LFunction); ok {
		l.Push(f)
		l.Push(v)
		l.Call(1, 1)
		v = l.Get(-1)
		l.Pop(1)
	}
	if n, ok := v.(lua.LNumber); ok {
		return formatNumber(n)
	}
	return v.String()
}

// toNumber is tonumber of Lua.
func toNumber(l *lua.LState) int {
	base := l.OptInt(2, 10)
	value := l.CheckAny(1)
	if base < 2 || base > 36 {
		l.ArgError(2, "base out of range")
	}
	number := lua.LNil
	switch v := value.(type) {
	case lua.LNumber:
		number = v
	case lua.LString:
		text := strings.Trim(string(v), " \t\n\v\f\r")
		if n, ok := parseNumber(text, base); ok {
			number = lua.LNumber(n)
		}
	}
	l.Push(number)
	return 1
}

func parseNumber(text string, base int) (float64, bool) {
	digits := strings.TrimPrefix(strings.TrimPrefix(text, "-"), "+")
	hex := strings.HasPrefix(digits, "0x") || strings.HasPrefix(digits, "0X")
	switch {
	case base == 10 && !hex:
		if strings.Trim(text, "0123456789.eE+-") != "" { // excludes inf, and underscores
			return 0, false
		}
		f, err := strconv.ParseFloat(text, 64)
		return f, err == nil || errors.Is(err, strconv.ErrRange)
	case hex && (base == 10 || base == 16):
		digits, base = digits[2:], 16
	}
	n, err := strconv.ParseUint(digits, base, 64)
	if strings.HasPrefix(text, "-") {
		return -float64(n), err == nil
	}
	return float64(n), err == nil
}

// concat runs a .. b .. c.
func (r *run) concat(l *lua.LState) int {
	n := l.GetTop()
	texts := make([]string, n)
	var size int64
	for i := n; i >= 1; i-- {
		switch v := l.Get(i).(type) {
		case lua.LString:
			texts[i-1] = string(v)
		case lua.LNumber:
			texts[i-1] = formatNumber(v)
		default:
			return r.concatMeta(l)
		}
		size += int64(len(texts[i-1]))
	}
	r.limits.charge(l, size+16)
	l.Push(lua.LString(strings.Join(texts, "")))
	return 1
}

// concatMeta is concat for values that are neither strings nor numbers. Two values are
// concatenated at a time, from the right.
func (r *run) concatMeta(l *lua.LState) int {
	right := l.Get(l.GetTop())
	for i := l.GetTop() - 1; i >= 1; i-- {
		left := l.Get(i)
		if isText(left) && isText(right) {
			text := r.toString(l, left) + r.toString(l, right)
			r.limits.charge(l, int64(len(text))+16)
			right = lua.LString(text)
			continue
		}
		f := l.GetMetaField(left, "__concat")
		if f == lua.LNil {
			f = l.GetMetaField(right, "__concat")
		}
		if f == lua.LNil {
			odd := left
			if isText(left) {
				odd = right
			}
			l.RaiseError("attempt to concatenate a %s value", odd.Type().String())
		}
		l.Push(f)
		l.Push(left)
		l.Push(right)
		l.Call(2, 1)
		right = l.Get(-1)
		l.Pop(1)
	}
	l.Push(right)
	return 1
}

func isText(v lua.LValue) bool { return v.Type() == lua.LTString || v.Type() == lua.LTNumber }

// These are the sizes of the parts of a table.
const (
	tableBytes = 128
	arrayBytes = 32
	hashBytes  = 160
)

// table counts a new table, its first argument, and adds pairs to the table.
func (r *run) table(l *lua.LState) int {
	t := l.CheckTable(1)
	n := t.Len()
	r.limits.charge(l, tableBytes+arrayBytes*int64(n))
	for i := 2; i < l.GetTop(); i += 2 {
		if k, ok := l.Get(i).(lua.LNumber); ok && k >= 1 && k <= lua.LNumber(n) && k == lua.LNumber(int(k)) {
			continue // positions come last
		}
		r.rawSet(l, t, l.Get(i), l.Get(i+1))
	}
	l.Push(t)
	return 1
}

// set runs t[k] = v.
func (r *run) set(l *lua.LState, object, key, value lua.LValue) {
	const loops = 100
	for range loops {
		t, isTable := object.(*lua.LTable)
		if isTable && (t.Metatable == lua.LNil || t.RawGet(key) != lua.LNil) {
			r.rawSet(l, t, key, value)
			return
		}
		switch f := l.GetMetaField(object, "__newindex").(type) {
		case *lua.LFunction:
			l.Push(f)
			l.Push(object)
			l.Push(key)
			l.Push(value)
			l.Call(3, 0)
			return
		case *lua.LNilType:
			if !isTable {
				l.RaiseError("attempt to index a %s value", object.Type().String())
			}
			r.rawSet(l, t, key, value)
			return
		default:
			object = f
		}
	}
	l.RaiseError("loop in settable")
}

// rawSet sets an element, and counts the size of a new element. The interpreter fills an
// array up to its highest index.
func (r *run) rawSet(l *lua.LState, t *lua.LTable, key, value lua.LValue) {
	switch k := key.(type) {
	case *lua.LNilType:
		l.RaiseError("table index is nil")
	case lua.LNumber:
		if k != k { //nolint:gocritic // not a number
			l.RaiseError("table index is NaN")
		}
		if k >= 1 && k < lua.LNumber(lua.MaxArrayIndex) && k == lua.LNumber(int(k)) {
			if t.RawGetInt(int(k)) == lua.LNil {
				gap := int64(k) - int64(t.MaxN())
				r.limits.charge(l, arrayBytes*max(gap, 1))
			}
			t.RawSetInt(int(k), value)
			return
		}
	}
	if value != lua.LNil && t.RawGet(key) == lua.LNil {
		r.limits.charge(l, hashBytes)
	}
	t.RawSet(key, value)
}

// onTable returns a function of the interpreter that walks through a whole table, and
// counts its steps.
func (r *run) onTable(f lua.LValue) lua.LGFunction {
	return func(l *lua.LState) int {
		r.limits.work(l, l.CheckTable(1).Len()/4)
		return forward(l, f)
	}
}

func forward(l *lua.LState, f lua.LValue) int {
	n := l.GetTop()
	l.Insert(f, 1)
	l.Call(n, lua.MultRet)
	return l.GetTop()
}

func (r *run) tableInsert(insert lua.LValue) lua.LGFunction {
	return func(l *lua.LState) int {
		t, n := l.CheckTable(1), l.CheckTable(1).Len()
		if l.GetTop() == 3 {
			if i := l.CheckInt(2); i > n || i < 1 {
				r.rawSet(l, t, lua.LNumber(i), l.Get(3))
				return 0
			}
			r.limits.work(l, n/16)
		}
		r.limits.charge(l, arrayBytes)
		return forward(l, insert)
	}
}

func (r *run) tableConcat(l *lua.LState) int {
	t := l.CheckTable(1)
	separator := l.OptString(2, "")
	first, last := l.OptInt(3, 1), l.OptInt(4, t.Len())
	var b strings.Builder
	for i := first; i <= last; i++ {
		switch v := t.RawGetInt(i).(type) {
		case lua.LString:
			r.limits.charge(l, 2*int64(len(v))+1)
			b.WriteString(string(v))
		case lua.LNumber:
			r.limits.charge(l, 16)
			b.WriteString(formatNumber(v))
		default:
			l.RaiseError("invalid value (%s) at index %s in table for 'concat'", v.Type().String(), strconv.Itoa(i))
		}
		if i < last {
			r.limits.charge(l, 2*int64(len(separator)))
			b.WriteString(separator)
		}
	}
	l.Push(lua.LString(b.String()))
	return 1
}
