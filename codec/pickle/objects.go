package pickle

import (
	"bytes"
	"slices"
	"unicode/utf8"
)

// This file handles Python objects that are pickled as calls. The functions that make plain
// data are recognised by their exact names. A call of any other function makes a node of
// kindObject, and refuses the pickle at the end. A node that is only named, such as the
// member of an enum, is refused when a value is read from it.

// A callable is a recognised function or class.
type callable uint32

const (
	callSet       callable = iota // set and frozenset, until protocol 3
	callBytes                     // empty bytes, until protocol 2
	callByteArray                 // until protocol 4
	callEncode                    // bytes, in protocol 2
	callDatetime
	callDate
	callTime
	callTimedelta
	callTimezone
	callZoneInfo // the class, whose _unpickle makes zones
	callZone     // zoneinfo.ZoneInfo._unpickle
	callPytz
	callPytzUTC
	callPytzFixed

	callOrderedDict
	callDefaultDict
	callCounter
	callDeque
	callSafeText
	callSafeBytes
	callLazyObject
	callNamedRow

	// These callables make or name values that are refused.
	callGetattr
	callOr
	callReconstructor
	callModel
)

// known has the callables by module and name, separated by a newline. Protocol 2 uses the
// names of Python 2.
var known = []struct {
	name string
	callable
}{
	{"builtins\nset", callSet},
	{"builtins\nfrozenset", callSet},
	{"builtins\nbytearray", callByteArray},
	{"__builtin__\nset", callSet},
	{"__builtin__\nfrozenset", callSet},
	{"__builtin__\nbytearray", callByteArray},
	{"__builtin__\nbytes", callBytes},
	{"_codecs\nencode", callEncode},
	{"datetime\ndatetime", callDatetime},
	{"datetime\ndate", callDate},
	{"datetime\ntime", callTime},
	{"datetime\ntimedelta", callTimedelta},
	{"datetime\ntimezone", callTimezone},
	{"zoneinfo\nZoneInfo", callZoneInfo},
	{"zoneinfo\nZoneInfo._unpickle", callZone},
	{"pytz\n_p", callPytz},
	{"pytz\n_UTC", callPytzUTC},
	{"pytz\nFixedOffset", callPytzFixed},

	{"collections\nOrderedDict", callOrderedDict},
	{"collections\ndefaultdict", callDefaultDict},
	{"collections\nCounter", callCounter},
	{"collections\ndeque", callDeque},
	// Django's templates and mark_safe make a SafeString. Releases before 3.0 call it
	// SafeText. Releases before 2.0 also have SafeBytes.
	{"django.utils.safestring\nSafeString", callSafeText},
	{"django.utils.safestring\nSafeText", callSafeText},
	{"django.utils.safestring\nSafeBytes", callSafeBytes},
	// A SimpleLazyObject is pickled as the object that it wraps.
	{"django.utils.functional\nunpickle_lazyobject", callLazyObject},
	// A row of values_list(named=True): a tuple.
	{"django.db.models.utils\nunpickle_named_row", callNamedRow},

	{"builtins\ngetattr", callGetattr},
	{"__builtin__\ngetattr", callGetattr},
	{"_operator\nor_", callOr},
	{"copyreg\n_reconstructor", callReconstructor},
	{"copy_reg\n_reconstructor", callReconstructor},
	{"django.db.models.base\nmodel_unpickle", callModel},
}

var callables = func() map[string]callable {
	all := make(map[string]callable, len(known))
	for _, k := range known {
		all[k.name] = k.callable
	}
	return all
}()

// refuse makes the pickle refused. Only the first reason counts.
func (m *machine) refuse(reason error) {
	if m.refused == nil {
		m.refused = reason
	}
}

// stepObject runs the opcodes that name, call or fill objects.
func (m *machine) stepObject(op byte) {
	switch op {
	case opGlobal:
		offset := len(m.data) - len(m.rest)
		module := m.line()
		name := m.line()
		m.global(module, name, node{kind: kindObject, a: uint32(offset), b: uint32(len(module) + 1 + len(name)), c: uint32(namedByLines)})
	case opStackGlobal:
		items := m.top(2)
		if m.damaged || m.nodes[items[0]].kind != kindStr || m.nodes[items[1]].kind != kindStr {
			m.damaged = true
			return
		}
		m.drop(items)
		module, name := items[0], items[1]
		m.global(m.bytes(m.nodes[module]), m.bytes(m.nodes[name]), node{kind: kindObject, a: module, b: name, c: uint32(namedByStrs)})
	case opReduce:
		args, function := m.pop(), m.pop()
		m.call(function, args)
	case opNewObj:
		args, class := m.pop(), m.pop()
		m.instance(class, args)
	case opNewObjEx:
		if m.nodes[m.pop()].kind != kindDict {
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

// longestName is more than the longest name of a function or a class that is known.
const longestName = 128

// global pushes the node of a function or a class: unknown, if the name is not known.
func (m *machine) global(module, name []byte, unknown node) {
	if len(module)+len(name) > longestName {
		m.make(unknown)
		return
	}
	full := make([]byte, 0, 64) // stays on the stack for known names
	full = append(full, module...)
	full = append(full, '\n')
	full = append(full, name...)
	if c, ok := callables[string(full)]; ok {
		m.make(node{kind: kindCallable, a: uint32(c)})
		return
	}
	m.make(unknown)
}

// object pushes an instance of a class, or the result of a function, which is not plain
// data.
func (m *machine) object(of uint32) {
	if m.refused == nil && !m.damaged {
		m.refuse(m.notPlain(m.nodes[of], ""))
	}
	m.make(node{kind: kindObject})
}

// instance pushes the result of a class for the arguments of __new__.
func (m *machine) instance(class, args uint32) {
	switch n := m.nodes[class]; {
	case m.nodes[args].kind != kindTuple:
		m.damaged = true
	case n.kind == kindCallable && (callable(n.a) == callSafeText || callable(n.a) == callSafeBytes):
		m.call(class, args)
	default:
		m.object(class)
	}
}

// call pushes the result of a function.
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
	// No known function takes more than four arguments.
	var list [4]node
	var indices [4]uint32
	if a.c > uint32(len(list)) {
		m.damaged = true
		return
	}
	_ = m.items(a, func(i int, item uint32) error {
		list[i], indices[i] = m.nodes[item], item
		return nil
	})
	if !m.returned(function, list[:a.c], indices) {
		m.damaged = true
	}
}

// returned pushes the result of a callable. ok is false for arguments that Python would
// refuse, or would not write.
func (m *machine) returned(function uint32, args []node, indices [4]uint32) (ok bool) {
	takes := func(kinds ...kind) bool {
		return slices.EqualFunc(args, kinds, func(n node, k kind) bool { return n.kind == k })
	}
	c := callable(m.nodes[function].a)
	switch c {
	case callGetattr:
		return m.attribute(args, indices)
	case callOr: // flags of an enum
		if len(args) == 2 && args[0].kind == kindObject {
			m.push(indices[0])
			return true
		}
		m.object(function)
		return true
	case callReconstructor:
		if len(args) == 3 {
			m.object(indices[0])
		}
		return len(args) == 3
	case callModel:
		return len(args) == 1 && m.model(args[0], indices[0])
	case callDefaultDict: // the default factory does not matter
		if len(args) == 1 && (args[0].kind == kindNone || args[0].kind == kindCallable || args[0].kind == kindObject) {
			args = nil
		}
	}
	if i := slices.IndexFunc(args, func(n node) bool { return n.kind == kindObject }); i >= 0 {
		m.object(indices[i]) // any object is possible
		return true
	}
	switch c {
	case callSet:
		if !takes(kindList) {
			return len(args) == 0 && m.makeEmpty(kindSet)
		}
		return m.copyItems(kindSet, args[0])
	case callOrderedDict, callDefaultDict:
		if len(args) > 0 { // the form of Python 2
			m.object(function)
			return true
		}
		return m.makeEmpty(kindDict)
	case callCounter:
		return takes(kindDict) && m.copyItems(kindDict, args[0])
	case callDeque:
		return m.makeDeque(args)
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
	case callSafeText, callSafeBytes, callLazyObject:
		if c == callSafeText && !takes(kindStr) || c == callSafeBytes && !takes(kindBytes) || len(args) != 1 {
			return false
		}
		m.push(indices[0])
		return true
	case callNamedRow:
		if !takes(kindTuple, kindTuple) || args[0].c != args[1].c {
			return false
		}
		m.push(indices[1])
		return true
	default:
		return m.inTime(c, args, indices)
	}
}

// attribute pushes the result of getattr.
func (m *machine) attribute(args []node, indices [4]uint32) bool {
	if len(args) != 2 || args[1].kind != kindStr {
		return false
	}
	switch of := args[0]; {
	case of.kind == kindCallable && callable(of.a) == callZoneInfo && string(m.bytes(args[1])) == "_unpickle":
		m.make(node{kind: kindCallable, a: uint32(callZone)})
	case of.kind == kindCallable || of.kind == kindObject:
		m.make(node{kind: kindObject, a: indices[0], b: indices[1], c: uint32(namedAsAttribute)})
	default:
		return false
	}
	return true
}

// model pushes an instance of a model. named is the application and class of the model, or
// the class itself.
func (m *machine) model(named node, class uint32) bool {
	switch {
	case named.kind == kindObject:
		m.object(class)
		return true
	case named.kind != kindTuple || named.c != 2:
		return false
	}
	var parts [2]node
	_ = m.items(named, func(i int, item uint32) error {
		parts[i] = m.nodes[item]
		return nil
	})
	if parts[0].kind != kindStr || parts[1].kind != kindStr {
		return false
	}
	if m.refused == nil {
		name := string(m.bytes(parts[0])) + "." + string(m.bytes(parts[1]))
		m.refuse(notPlain("an instance of the model ", name, "", "store a dict of its fields"))
	}
	m.make(node{kind: kindObject})
	return true
}

// makeEmpty pushes an empty value.
func (m *machine) makeEmpty(k kind) bool {
	n := node{kind: k}
	if k != kindBytes {
		n.levels = 1
	}
	m.make(n)
	return true
}

// copyItems pushes a container with the items of another container.
func (m *machine) copyItems(k kind, from node) bool {
	if m.steps += int(from.c); m.steps > maxSteps {
		return true // run returns an error
	}
	n := node{kind: k, levels: 1}
	items := make([]uint32, 0, from.c)
	_ = m.items(from, func(_ int, item uint32) error {
		items = append(items, item)
		return nil
	})
	m.link(&n, items)
	m.make(n)
	return true
}

// makeDeque pushes an empty deque, which may have a largest length.
func (m *machine) makeDeque(args []node) bool {
	switch {
	case len(args) == 0:
	case len(args) != 2 || args[0].kind != kindTuple || args[0].c != 0 || args[1].kind != kindInt || int64(args[1].bits()) < 0:
		return false
	default:
		m.bounded = append(m.bounded, bounded{uint32(len(m.nodes)), args[1].bits()})
	}
	return m.makeEmpty(kindList)
}

// encode pushes bytes that a pickle holds as the characters of a str.
func (m *machine) encode(text, encoding node) bool {
	if name := string(m.bytes(encoding)); name != "latin1" && name != "latin-1" {
		return false
	}
	b := m.bytes(text)
	offset := len(m.data) + len(m.extra)
	if len(m.extra)+len(b) > len(m.data) { // CPython writes each such str for one value only
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
