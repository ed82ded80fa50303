package pickle

import (
	"encoding/binary"
	"math"
	"slices"
	"sync"
	"time"
	"unicode/utf8"
)

// A kind is the Python type of a node.
type kind uint8

const (
	kindNone kind = iota
	kindBool
	kindInt
	kindLong // an int of more than 64 bits
	kindFloat
	kindStr
	kindBytes
	kindList
	kindTuple
	kindSet
	kindDict
	kindDatetime
	kindDate
	kindTime
	kindTimedelta
	kindTimezone
	kindCallable
	kindObject // any other object, for which the pickle is refused
)

// String returns the name of the type in Python.
func (k kind) String() string {
	return [...]string{"None", "bool", "int", "int", "float", "str", "bytes", "list", "tuple", "set", "dict",
		"datetime.datetime", "datetime.date", "datetime.time", "datetime.timedelta", "datetime.timezone",
		"function", "object"}[k]
}

// A node is a value of the machine. The meaning of a and b depends on the kind:
//
//	int, float, timedelta   the lower and the upper half of 64 bits; a timedelta in nanoseconds
//	long, str, bytes        offset and length of the bytes
//	list, tuple, set, dict  first and last of the chunks of items; c counts the items
//	datetime                offset of the bytes, and the time zone's node, 0 for none
//	date, time              offset of the bytes
//	timezone                seconds east of UTC; or, if b is not 0, zones[b-1]
//	callable                the callable's number
//	object                  the object's name, in the form that c says
//
// The c of a str is the number of its Go string, or 0 for none.
type node struct {
	kind   kind
	shared bool // fetched from the memo, so that several values may hold it
	// levels is a lower bound of the depth of a container. The items may have grown deeper
	// since.
	levels  uint8
	a, b, c uint32
}

func (n node) bits() uint64 { return uint64(n.a) | uint64(n.b)<<32 }

func bitsNode(k kind, bits uint64) node { return node{kind: k, a: uint32(bits), b: uint32(bits >> 32)} }

// The first nodes of every machine.
const (
	nodeNone = iota
	nodeFalse
	nodeTrue
	firstNode
)

// A machine runs a pickle, and makes nodes. The machine calls no functions and makes no Go
// values. The number of steps limits its memory.
type machine struct {
	data []byte
	rest []byte
	// extra holds bytes that are not part of data in the same form. Offsets in extra
	// continue after the end of data.
	extra []byte

	nodes []node
	stack []uint32
	marks []int // heights of the stack
	memo  []uint32
	// links has chunks of items. A chunk has the number of its items, the index of the next
	// chunk, and the items. Index 0 is no chunk.
	links   []uint32
	strings []string
	// zones has the time zones with a name.
	zones   []*time.Location
	bounded []bounded
	steps   int

	// damaged means that data is no pickle, and deep that its values nest too deep. refused
	// is the reason to refuse a valid pickle.
	damaged, deep bool
	refused       error
	// doubles means that several values may hold the same container.
	doubles bool
}

// A bounded list is a deque with a largest length.
type bounded struct {
	node uint32
	most uint64
}

var machines = sync.Pool{New: func() any { return new(machine) }}

// maxPooled is the largest number of nodes and of links of a machine in the pool.
const maxPooled = 1 << 15

func (m *machine) release() {
	if cap(m.nodes) > maxPooled || cap(m.links) > 4*maxPooled || cap(m.stack) > maxPooled || cap(m.memo) > maxPooled || cap(m.extra) > 8*maxPooled {
		return
	}
	clear(m.strings)
	clear(m.zones)
	*m = machine{
		nodes: m.nodes[:0], stack: m.stack[:0], marks: m.marks[:0], memo: m.memo[:0],
		links: m.links[:0], strings: m.strings[:0], zones: m.zones[:0], bounded: m.bounded[:0], extra: m.extra[:0],
	}
	machines.Put(m)
}

var errDamaged = corrupt("it is not the pickle of one value")

// maxLevels is one more than maxDepth, because a tuple holds the arguments of a function.
const maxLevels = maxDepth + 1

// run makes the nodes of data. Afterwards, the stack has one node, the value. The error is
// for data that is no pickle, or is over the limits.
func (m *machine) run(data []byte) error {
	if len(data) > math.MaxInt32 {
		return tooLarge("more than %d bytes", math.MaxInt32)
	}
	if len(data) >= measuredFrom {
		most, err := measure(data)
		if err != nil {
			return err
		}
		m.nodes = reserve(m.nodes, firstNode+most.nodes)
		m.links = reserve(m.links, 1+most.links)
		m.stack = reserve(m.stack, most.stack)
	}
	m.data, m.rest = data, data[2:] // without opProto and the version
	m.nodes = append(m.nodes, node{kind: kindNone}, node{kind: kindBool}, node{kind: kindBool, a: 1})
	m.links = append(m.links, 0)
	stopped := false
	for len(m.rest) > 0 && !stopped && !m.damaged && !m.deep && m.steps <= maxSteps {
		op := m.rest[0]
		m.rest = m.rest[1:]
		if stopped = op == opStop; !stopped {
			m.step(op)
		}
	}
	switch {
	case m.steps > maxSteps:
		return errSteps
	case m.deep:
		return errDepth
	case m.damaged || !stopped || len(m.rest) > 0 || len(m.stack) != 1 || len(m.marks) > 0:
		return errDamaged
	}
	for _, b := range m.bounded {
		if uint64(m.nodes[b.node].c) > b.most { // Python would drop some items, and never writes such a pickle
			return errDamaged
		}
	}
	return nil
}

func (m *machine) step(op byte) {
	switch op {
	case opFrame:
		if n := m.uint64(); n > uint64(len(m.rest)) {
			m.damaged = true
		}
	case opMark:
		m.steps++
		m.deep = m.deep || len(m.marks) == maxMarks
		m.marks = append(m.marks, len(m.stack))
	case opPop:
		m.pop()
	case opPopMark:
		m.drop(m.sinceMark())

	case opNone:
		m.push(nodeNone)
	case opNewTrue:
		m.push(nodeTrue)
	case opNewFalse:
		m.push(nodeFalse)
	case opBinInt:
		m.make(bitsNode(kindInt, uint64(int64(int32(m.uint32())))))
	case opBinInt1:
		m.make(bitsNode(kindInt, uint64(m.byte())))
	case opBinInt2:
		m.make(bitsNode(kindInt, uint64(m.uint16())))
	case opLong1:
		m.long(uint64(m.byte()))
	case opLong4:
		m.long(uint64(m.uint32()))
	case opBinFloat:
		m.make(bitsNode(kindFloat, binary.BigEndian.Uint64(m.take(8))))

	case opShortBinUnicode:
		m.str(uint64(m.byte()))
	case opBinUnicode:
		m.str(uint64(m.uint32()))
	case opBinUnicode8:
		m.str(m.uint64())
	case opShortBinBytes:
		m.text(kindBytes, uint64(m.byte()))
	case opBinBytes:
		m.text(kindBytes, uint64(m.uint32()))
	case opBinBytes8, opByteArray8:
		m.text(kindBytes, m.uint64())

	case opEmptyList:
		m.make(node{kind: kindList, levels: 1})
	case opEmptyDict:
		m.make(node{kind: kindDict, levels: 1})
	case opEmptySet:
		m.make(node{kind: kindSet, levels: 1})
	case opEmptyTuple:
		m.make(node{kind: kindTuple, levels: 1})
	case opTuple1, opTuple2, opTuple3:
		m.collect(kindTuple, m.top(int(op-opTuple1)+1))
	case opTuple:
		m.collect(kindTuple, m.sinceMark())
	case opFrozenSet:
		m.collect(kindSet, m.sinceMark())
	case opAppend:
		m.extend(kindList, m.top(1))
	case opAppends:
		m.extend(kindList, m.sinceMark())
	case opSetItem:
		m.extend(kindDict, m.top(2))
	case opSetItems:
		m.extend(kindDict, m.sinceMark())
	case opAddItems:
		m.extend(kindSet, m.sinceMark())

	case opMemoize:
		m.put(len(m.memo))
	case opBinPut:
		m.put(int(m.byte()))
	case opLongBinPut:
		m.put(int(m.uint32()))
	case opBinGet:
		m.get(uint32(m.byte()))
	case opLongBinGet:
		m.get(m.uint32())

	default:
		m.stepObject(op)
	}
}

// The operands of opcodes. An operand after the end of data is zero, and makes the machine
// damaged.

func (m *machine) take(n uint64) []byte {
	if n > uint64(len(m.rest)) {
		m.damaged = true
		m.rest = nil
		var none [8]byte
		return none[:min(n, 8)]
	}
	taken := m.rest[:n]
	m.rest = m.rest[n:]
	return taken
}

func (m *machine) byte() byte     { return m.take(1)[0] }
func (m *machine) uint16() uint16 { return binary.LittleEndian.Uint16(m.take(2)) }
func (m *machine) uint32() uint32 { return binary.LittleEndian.Uint32(m.take(4)) }
func (m *machine) uint64() uint64 { return binary.LittleEndian.Uint64(m.take(8)) }

// The stack.

func (m *machine) push(n uint32) {
	m.steps++
	m.stack = append(m.stack, n)
}

// make pushes a new node.
func (m *machine) make(n node) {
	m.push(uint32(len(m.nodes)))
	m.nodes = append(m.nodes, n)
}

// top returns the n top values. The values must be above the last mark.
func (m *machine) top(n int) []uint32 {
	floor := 0
	if len(m.marks) > 0 {
		floor = m.marks[len(m.marks)-1]
	}
	if m.damaged || len(m.stack)-floor < n {
		m.damaged = true
		return nil
	}
	return m.stack[len(m.stack)-n:]
}

// sinceMark returns the values above the last mark, and removes the mark.
func (m *machine) sinceMark() []uint32 {
	if len(m.marks) == 0 {
		m.damaged = true
		return nil
	}
	last := len(m.marks) - 1
	items := m.stack[m.marks[last]:]
	m.marks = m.marks[:last]
	return items
}

// drop removes the values that top or sinceMark returned.
func (m *machine) drop(items []uint32) { m.stack = m.stack[:len(m.stack)-len(items)] }

// pop removes the top value, and returns it.
func (m *machine) pop() uint32 {
	items := m.top(1)
	if m.damaged {
		return nodeNone
	}
	m.drop(items)
	return items[0]
}

// The memo. CPython numbers its entries in their order.

func (m *machine) put(i int) {
	items := m.top(1)
	if m.damaged || i != len(m.memo) || i > m.steps {
		m.damaged = true
		return
	}
	m.memo = append(m.memo, items[0])
}

func (m *machine) get(i uint32) {
	if uint64(i) >= uint64(len(m.memo)) {
		m.damaged = true
		return
	}
	n := m.memo[i]
	if n >= firstNode {
		m.nodes[n].shared = true
		m.doubles = m.doubles || m.nodes[n].levels > 0
	}
	m.push(n)
}

// Values.

func (m *machine) text(k kind, length uint64) {
	offset := len(m.data) - len(m.rest)
	m.take(length)
	if !m.damaged {
		m.make(node{kind: k, a: uint32(offset), b: uint32(length)})
	}
}

func (m *machine) str(length uint64) {
	m.text(kindStr, length)
	if !m.damaged && !utf8.Valid(m.bytes(m.nodes[len(m.nodes)-1])) {
		// A str of Python may hold half of a surrogate pair.
		m.refuse(corrupt("a str is not valid Unicode"))
	}
}

// long makes an int from bytes in two's complement.
func (m *machine) long(length uint64) {
	m.text(kindLong, length)
	if m.damaged || length > 8 {
		return
	}
	n := &m.nodes[len(m.nodes)-1]
	var sign byte
	b := m.bytes(*n)
	if len(b) > 0 && b[len(b)-1] >= 0x80 {
		sign = 0xff
	}
	number := [8]byte{sign, sign, sign, sign, sign, sign, sign, sign}
	copy(number[:], b)
	*n = bitsNode(kindInt, binary.LittleEndian.Uint64(number[:]))
}

// bytes returns the bytes of a str, a bytes or a long.
func (m *machine) bytes(n node) []byte { return m.slice(n.a, n.b) }

func (m *machine) slice(offset, length uint32) []byte {
	if start := int(offset); start < len(m.data) {
		return m.data[start : start+int(length)]
	}
	start := int(offset) - len(m.data)
	return m.extra[start : start+int(length)]
}

// collect makes a container from items on the stack.
func (m *machine) collect(k kind, items []uint32) {
	if m.damaged {
		return
	}
	n := node{kind: k, levels: 1}
	m.link(&n, items)
	m.drop(items)
	m.make(n)
}

// extend adds items to a container. The container is below the items on the stack.
func (m *machine) extend(k kind, items []uint32) {
	if m.damaged {
		return
	}
	m.drop(items)
	below := m.top(1)
	if m.damaged {
		return
	}
	container := &m.nodes[below[0]]
	switch {
	case container.kind == kindObject: // an instance of a subclass of list or dict, for example
		if m.refused == nil {
			m.refuse(m.notPlain(*container, ""))
		}
	case container.kind != k || k == kindDict && len(items)%2 != 0:
		m.damaged = true
	default:
		m.link(container, items)
	}
}

// link adds a chunk of items to a container.
func (m *machine) link(container *node, items []uint32) {
	if len(items) == 0 {
		return
	}
	chunk := uint32(len(m.links))
	if more := 2 + len(items); cap(m.links)-len(m.links) < more {
		m.links = slices.Grow(m.links, max(more, len(m.links))) // append grows large slices by a quarter only
	}
	m.links = append(m.links, uint32(len(items)), 0)
	m.links = append(m.links, items...)
	if container.a == 0 {
		container.a = chunk
	} else {
		m.links[container.b+1] = chunk
	}
	container.b = chunk
	container.c += uint32(len(items))
	inside := uint8(0)
	for _, item := range items {
		inside = max(inside, m.nodes[item].levels)
	}
	container.levels = max(container.levels, inside+1)
	m.deep = m.deep || container.levels > maxLevels
}

// items calls f with the items of a container, in order, until f returns an error.
func (m *machine) items(container node, f func(i int, item uint32) error) error {
	i := 0
	for chunk := container.a; chunk != 0; chunk = m.links[chunk+1] {
		for _, item := range m.links[chunk+2 : chunk+2+m.links[chunk]] {
			if err := f(i, item); err != nil {
				return err
			}
			i++
		}
	}
	return nil
}
