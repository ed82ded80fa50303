package pickle

import (
	"bytes"
	"encoding/binary"
)

// This file measures a long pickle before the machine runs. A pickle over the limits is
// thus refused at almost no cost. For a pickle within the limits, the machine allocates its
// lists once, at their final size.

// measuredFrom is the length of the shortest pickle that is measured.
const measuredFrom = 16 << 10

// An extent is an upper bound of the nodes and items that a pickle makes.
type extent struct {
	nodes, links, stack int
}

// An effect is the effect of an opcode on the stack.
type effect struct {
	known bool
	// operand is the number of bytes that follow the opcode. length is the number of bytes
	// of a length that follows the opcode.
	operand, length uint8
	// pops is the number of popped values. toMark pops all values above the last mark, and
	// the mark.
	pops   uint8
	toMark bool
	pushes uint8
	nodes  uint8 // the number of new nodes
	// container is the container that gets the popped values.
	container container
}

type container uint8

const (
	noContainer container = iota
	arguments             // a tuple of up to three elements, which do not count as arguments of a function
	sequence
	entries // of a dict, two values each
	dropped // no container: each dropped value counts as an element
)

var effects = func() (all [256]effect) {
	set := func(e effect, ops ...byte) {
		e.known = true
		for _, op := range ops {
			all[op] = e
		}
	}
	set(effect{operand: 8}, opFrame)
	set(effect{}, opMark, opMemoize)
	set(effect{operand: 1}, opBinPut)
	set(effect{operand: 4}, opLongBinPut)
	set(effect{pops: 1, container: dropped}, opPop)
	set(effect{toMark: true, container: dropped}, opPopMark)

	set(effect{pushes: 1}, opNone, opNewTrue, opNewFalse)
	set(effect{pushes: 1, operand: 1}, opBinGet)
	set(effect{pushes: 1, operand: 4}, opLongBinGet)
	set(effect{pushes: 1, nodes: 1}, opEmptyList, opEmptyDict, opEmptySet, opEmptyTuple, opGlobal)
	set(effect{pushes: 1, nodes: 1, operand: 1}, opBinInt1, opExt1)
	set(effect{pushes: 1, nodes: 1, operand: 2}, opBinInt2, opExt2)
	set(effect{pushes: 1, nodes: 1, operand: 4}, opBinInt, opExt4)
	set(effect{pushes: 1, nodes: 1, operand: 8}, opBinFloat)
	set(effect{pushes: 1, nodes: 1, length: 1}, opLong1, opShortBinUnicode, opShortBinBytes)
	set(effect{pushes: 1, nodes: 1, length: 4}, opLong4, opBinUnicode, opBinBytes)
	set(effect{pushes: 1, nodes: 1, length: 8}, opBinUnicode8, opBinBytes8, opByteArray8)

	set(effect{pops: 1, pushes: 1, nodes: 1, container: arguments}, opTuple1)
	set(effect{pops: 2, pushes: 1, nodes: 1, container: arguments}, opTuple2)
	set(effect{pops: 3, pushes: 1, nodes: 1, container: arguments}, opTuple3)
	set(effect{toMark: true, pushes: 1, nodes: 1, container: sequence}, opTuple, opFrozenSet)
	set(effect{toMark: true, container: sequence}, opAppends, opAddItems)
	set(effect{toMark: true, container: entries}, opSetItems)
	set(effect{pops: 1, container: sequence}, opAppend)
	set(effect{pops: 2, container: entries}, opSetItem)

	set(effect{pops: 2, pushes: 1, nodes: 1}, opStackGlobal, opReduce, opNewObj, opBuild)
	set(effect{pops: 3, pushes: 1, nodes: 1}, opNewObjEx)
	set(effect{pops: 1, pushes: 1, nodes: 1}, opBinPersID)
	return all
}()

// Each level of nesting has one mark open at most, and less than four values on the
// stack that are not above a mark.
const (
	maxMarks    = 2 * maxLevels
	maxUnmarked = 4 * maxLevels
)

// measure returns the extent of a pickle. The error is for a pickle that is over the limits
// or damaged. measure reads only opcodes, and does not detect all damage.
func measure(data []byte) (extent, error) {
	var most extent
	var marks [maxMarks]int // the heights of the stack at earlier marks
	open, floor := 0, 0     // the number of marks, and the height at the last mark
	steps, elements, memos, height := 0, 0, 0, 0
	taken := 0       // the number of elements of the latest tuple
	rest := data[2:] // without opProto and the version
	for {
		if len(rest) == 0 {
			return most, errDamaged
		}
		op := rest[0]
		rest = rest[1:]
		if op == opStop {
			break
		}
		e := &effects[op]
		var ok bool
		if rest, ok = e.skip(op, rest); !ok {
			return most, errDamaged
		}
		items := int(e.pops)
		switch {
		case op == opMark:
			if open == maxMarks {
				return most, errDepth
			}
			steps++
			marks[open], floor = floor, height
			open++
		case op == opMemoize:
			if memos > steps {
				return most, errDamaged
			}
			memos++
		case e.toMark && open == 0, height-floor < items:
			return most, errDamaged
		case e.toMark:
			items = height - floor
			open--
			floor = marks[open]
		}
		switch {
		case op == opReduce:
			elements -= taken
			taken = 0
		case op != opMemoize && op != opBinPut && op != opLongBinPut:
			taken = 0
		}
		switch e.container {
		case arguments:
			taken = items
			elements += items
		case sequence, dropped:
			elements += items
		case entries:
			elements += items / 2
		}
		if e.container != noContainer && e.container != dropped && items > 0 {
			most.links += 2 + items
		}
		steps += int(e.pushes)
		most.nodes += int(e.nodes)
		height += int(e.pushes) - items
		most.stack = max(most.stack, height)
		switch {
		case steps > maxSteps:
			return most, errSteps
		case elements > maxElements:
			return most, errElements
		case open == 0 && height > maxUnmarked:
			return most, errDepth
		}
	}
	if len(rest) > 0 || height != 1 || open > 0 {
		return most, errDamaged
	}
	return most, nil
}

// skip returns the bytes after the operands of an opcode. ok is false for an unknown
// opcode, and for missing operands.
func (e *effect) skip(op byte, rest []byte) (behind []byte, ok bool) {
	n := int(e.operand) + int(e.length)
	if !e.known || n > len(rest) {
		return nil, false
	}
	number, rest := rest[:n], rest[n:]
	var length uint64
	switch e.length {
	case 0:
		if op != opGlobal {
			return rest, true
		}
		for range 2 { // two lines
			end := bytes.IndexByte(rest, '\n')
			if end < 0 {
				return nil, false
			}
			rest = rest[end+1:]
		}
	case 1:
		length = uint64(number[0])
	case 4:
		length = uint64(binary.LittleEndian.Uint32(number))
	case 8:
		length = binary.LittleEndian.Uint64(number)
	}
	if length > uint64(len(rest)) {
		return nil, false
	}
	return rest[length:], true
}

// weigh counts the elements of a node, as often as they appear. A shared node counts at
// each of its places. weigh sets the weight of a visited node to its number of elements
// plus one.
func (m *machine) weigh(i uint32, depth int, weights []uint32) (elements int, err error) {
	n := m.nodes[i]
	switch {
	case n.levels == 0:
		return 0, nil
	case weights[i] > 0:
		return int(weights[i] - 1), nil
	case depth >= maxDepth:
		return 0, errDepth
	}
	elements = int(n.c)
	if n.kind == kindDict {
		elements /= 2
	}
	err = m.items(n, func(_ int, item uint32) error {
		inside, err := m.weigh(item, depth+1, weights)
		if elements += inside; elements > maxElements {
			return errElements
		}
		return err
	})
	weights[i] = uint32(elements + 1)
	return elements, err
}

// reserve returns an empty list with room for n.
func reserve[T any](list []T, n int) []T {
	if cap(list) >= n {
		return list
	}
	return make([]T, 0, n)
}
