package pickle

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"
	"time"
	"unicode/utf8"
)

// This file is about what Python pickles as a call. The few functions that
// make plain data are recognised by their exact names; a call of anything else
// makes a node of kindObject, and has the pickle refused once it is known to be
// one.

// A callable is a function that is recognised.
type callable uint32

const (
	callSet       callable = iota // set and frozenset, until protocol 3
	callBytes                     // empty ones, until protocol 2
	callByteArray                 // until protocol 4
	callEncode                    // bytes, in protocol 2
	callDatetime
	callDate
	callTime
	callTimedelta
	callTimezone
)

// callables are by module and name, with a newline between them. Protocol 2
// writes the names that Python 2 had.
var callables = map[string]callable{
	"builtins\nset":          callSet,
	"builtins\nfrozenset":    callSet,
	"builtins\nbytearray":    callByteArray,
	"__builtin__\nset":       callSet,
	"__builtin__\nfrozenset": callSet,
	"__builtin__\nbytearray": callByteArray,
	"__builtin__\nbytes":     callBytes,
	"_codecs\nencode":        callEncode,
	"datetime\ndatetime":     callDatetime,
	"datetime\ndate":         callDate,
	"datetime\ntime":         callTime,
	"datetime\ntimedelta":    callTimedelta,
	"datetime\ntimezone":     callTimezone,
}

// refuse has the pickle refused for a reason, the first of which counts.
func (m *machine) refuse(reason error) {
	if m.refused == nil {
		m.refused = reason
	}
}

// stepObject runs the opcodes that name, call or fill things.
func (m *machine) stepObject(op byte) {
	switch op {
	case opGlobal:
		module := m.line()
		m.global(module, m.line())
	case opStackGlobal:
		items := m.top(2)
		if m.damaged || m.nodes[items[0]].kind != kindStr || m.nodes[items[1]].kind != kindStr {
			m.damaged = true
			return
		}
		m.drop(items)
		m.global(m.bytes(m.nodes[items[0]]), m.bytes(m.nodes[items[1]]))
	case opReduce:
		args, function := m.pop(), m.pop()
		m.call(function, args)
	case opNewObj, opNewObjEx:
		if op == opNewObjEx && m.nodes[m.pop()].kind != kindDict {
			m.damaged = true
		}
		args, class := m.pop(), m.pop()
		if m.nodes[args].kind != kindTuple {
			m.damaged = true
		}
		m.object(class)
	case opBuild:
		m.pop()
		m.object(m.pop())
	case opBinPersID:
		m.object(m.pop())
	case opExt1, opExt2, opExt4:
		m.take(1 << (op - opExt1))
		m.object(nodeNone)
	default:
		m.damaged = true
	}
}

// line returns the bytes up to the next newline.
func (m *machine) line() []byte {
	line, rest, found := bytes.Cut(m.rest, []byte{'\n'})
	if !found {
		m.damaged = true
		return nil
	}
	m.rest = rest
	return line
}

// global pushes what stands for a function or a class.
func (m *machine) global(module, name []byte) {
	full := make([]byte, 0, 64) // stays on the stack for what is known
	full = append(full, module...)
	full = append(full, '\n')
	full = append(full, name...)
	if c, ok := callables[string(full)]; ok {
		m.make(node{kind: kindCallable, a: uint32(c)})
		return
	}
	if m.refused == nil && !m.damaged {
		full[len(module)] = '.'
		m.refuse(notPlain(full))
	}
	m.make(node{kind: kindObject})
}

// notPlain is the error for an object of a class. A name that could be
// something else than the name of a class is not shown.
func notPlain(class []byte) error {
	shown := len(class) <= 128
	for _, c := range class {
		shown = shown && (c == '_' || c == '.' || c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z')
	}
	if !shown {
		return corrupt("it holds an object of a class, which is not plain data")
	}
	return corrupt("it holds an object of %s, which is not plain data", class)
}

// object pushes what is made in a way that only classes are.
func (m *machine) object(of uint32) {
	if n := m.nodes[of]; n.kind != kindObject {
		m.refuse(corrupt("it holds an object, which is not plain data"))
	}
	m.make(node{kind: kindObject})
}

// call pushes what a function returns.
func (m *machine) call(function, args uint32) {
	f, a := m.nodes[function], m.nodes[args]
	if m.damaged || a.kind != kindTuple || f.kind != kindCallable && f.kind != kindObject {
		m.damaged = true
		return
	}
	if f.kind == kindObject {
		m.object(function)
		return
	}
	// No function takes more than three arguments that is known here.
	var list [3]node
	if a.c > uint32(len(list)) {
		m.damaged = true
		return
	}
	var indices [3]uint32
	_ = m.items(a, func(i int, item uint32) error {
		list[i], indices[i] = m.nodes[item], item
		return nil
	})
	if !m.known(callable(f.a), list[:a.c], indices) {
		m.damaged = true
	}
}

// known pushes what a function returns that is known. ok is false if Python
// would not accept the arguments.
func (m *machine) known(c callable, args []node, indices [3]uint32) (ok bool) {
	takes := func(kinds ...kind) bool {
		if len(args) != len(kinds) {
			return false
		}
		for i, k := range kinds {
			if args[i].kind != k {
				return false
			}
		}
		return true
	}
	if i := slices.IndexFunc(args, func(n node) bool { return n.kind == kindObject }); i >= 0 {
		m.object(indices[i]) // it may stand for anything
		return true
	}
	switch c {
	case callSet:
		if !takes(kindList) {
			return len(args) == 0 && m.makeEmpty(kindSet)
		}
		m.copySet(args[0])
		return true
	case callBytes:
		return len(args) == 0 && m.makeEmpty(kindBytes)
	case callByteArray:
		switch {
		case takes():
			return m.makeEmpty(kindBytes)
		case takes(kindBytes):
			m.push(indices[0])
			return true
		}
		return takes(kindStr, kindStr) && m.encode(args[0], args[1])
	case callEncode:
		return takes(kindStr, kindStr) && m.encode(args[0], args[1])
	case callDatetime:
		zone := uint32(0)
		if len(args) == 2 && args[1].kind == kindTimezone {
			zone, args = indices[1], args[:1]
		}
		return takes(kindBytes) && m.makeMoment(kindDatetime, args[0], zone)
	case callDate:
		return takes(kindBytes) && m.makeMoment(kindDate, args[0], 0)
	case callTime:
		if len(args) == 2 && args[1].kind == kindTimezone {
			m.refuse(corrupt("it holds a datetime.time with a time zone, which Go has no type for"))
			args = args[:1]
		}
		return takes(kindBytes) && m.makeMoment(kindTime, args[0], 0)
	case callTimedelta:
		return takes(kindInt, kindInt, kindInt) && m.makeTimedelta(args)
	case callTimezone:
		if len(args) == 2 && args[1].kind == kindStr { // its name
			args = args[:1]
		}
		return takes(kindTimedelta) && m.makeTimezone(args[0])
	}
	return false
}

// makeEmpty pushes an empty value.
func (m *machine) makeEmpty(k kind) bool {
	m.make(node{kind: k})
	return true
}

// copySet pushes a set of what a list holds.
func (m *machine) copySet(list node) {
	if m.steps += int(list.c); m.steps > maxSteps {
		return // run returns an error
	}
	set := node{kind: kindSet, levels: 1}
	items := make([]uint32, 0, list.c)
	_ = m.items(list, func(_ int, item uint32) error {
		items = append(items, item)
		return nil
	})
	m.link(&set, items)
	m.make(set)
}

// encode pushes the bytes that are written as the characters of a str.
func (m *machine) encode(text, encoding node) bool {
	if name := string(m.bytes(encoding)); name != "latin1" && name != "latin-1" {
		return false
	}
	b := m.bytes(text)
	offset := len(m.data) + len(m.extra)
	if len(m.extra)+len(b) > len(m.data) { // CPython writes each such str for one value
		return false
	}
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		if r > 0xff {
			return false
		}
		m.extra = append(m.extra, byte(r))
		b = b[n:]
	}
	m.make(node{kind: kindBytes, a: uint32(offset), b: uint32(len(m.data) + len(m.extra) - offset)})
	return true
}

// Points in time.

// makeMoment pushes a datetime, a date or a time, whose fields are bytes.
func (m *machine) makeMoment(k kind, state node, zone uint32) bool {
	b := m.bytes(state)
	length := map[kind]int{kindDatetime: 10, kindDate: 4, kindTime: 6}[k]
	if len(b) != length {
		return false
	}
	if k != kindTime && !validDate(b) || k != kindDate && !validClock(b[len(b)-6:]) {
		return false
	}
	m.make(node{kind: k, a: state.a, b: zone})
	return true
}

// datePart returns the fields of a date: two bytes of the year, the month, in
// whose highest bit a datetime has which of two repeated hours it means, and
// the day.
func datePart(b []byte) (year int, month time.Month, day int) {
	return int(binary.BigEndian.Uint16(b)), time.Month(b[2] &^ 0x80), int(b[3])
}

func validDate(b []byte) bool {
	year, month, day := datePart(b)
	return year >= 1 && year <= 9999 && month >= 1 && month <= 12 && day >= 1 &&
		time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Day() == day
}

// clockPart returns the time since midnight: hour, minute, second and three
// bytes of microseconds. A time has the same bit in the hour.
func clockPart(b []byte) time.Duration {
	return time.Duration(b[0]&^0x80)*time.Hour + time.Duration(b[1])*time.Minute +
		time.Duration(b[2])*time.Second + time.Duration(microseconds(b))*time.Microsecond
}

func microseconds(b []byte) int {
	return int(b[3])<<16 | int(b[4])<<8 | int(b[5])
}

func validClock(b []byte) bool {
	return b[0]&^0x80 < 24 && b[1] < 60 && b[2] < 60 && microseconds(b) < 1e6
}

func (m *machine) makeTimedelta(args []node) bool {
	days, seconds, micros := int64(args[0].bits()), int64(args[1].bits()), int64(args[2].bits())
	if days < -999999999 || days > 999999999 || seconds < 0 || seconds >= 86400 || micros < 0 || micros >= 1e6 {
		return false
	}
	const day = 24 * time.Hour
	var d time.Duration
	if most := int64(math.MaxInt64 / day); days >= -most && days < most {
		d = time.Duration(days)*day + time.Duration(seconds)*time.Second + time.Duration(micros)*time.Microsecond
	} else {
		m.refuse(corrupt("it holds a datetime.timedelta of more than the 292 years of a time.Duration"))
	}
	m.make(bitsNode(kindTimedelta, uint64(d)))
	return true
}

func (m *machine) makeTimezone(offset node) bool {
	d := time.Duration(offset.bits())
	if d <= -24*time.Hour || d >= 24*time.Hour {
		return false
	}
	if d%time.Second != 0 {
		m.refuse(corrupt("it holds a datetime.timezone with a fraction of a second, which Go does not have"))
	}
	m.make(node{kind: kindTimezone, a: uint32(int32(d / time.Second))})
	return true
}

// moment returns the time that a datetime or a date is. What has no time zone
// is UTC.
func (m *machine) moment(n node) time.Time {
	year, month, day := datePart(m.slice(n.a, 4))
	if n.kind == kindDate {
		return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
	}
	zone := time.UTC
	if n.b != 0 {
		if east := int(int32(m.nodes[n.b].a)); east != 0 {
			zone = time.FixedZone("", east)
		}
	}
	return time.Date(year, month, day, 0, 0, 0, int(clockPart(m.slice(n.a+4, 6))), zone)
}
