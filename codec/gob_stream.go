package codec

import "fmt"

// This file checks a gob stream before encoding/gob reads it. encoding/gob allocates the
// claimed size of a map, and follows any depth: ten bytes can end the process. encoding/gob
// also stops after the first value, and ignores all bytes behind it.
//
// The documentation of encoding/gob describes the wire format.

// The ids of types that every gob knows, and the first id of a type that a stream defines.
const (
	gobBool = 1 + iota
	gobInt
	gobUint
	gobFloat
	gobBytes
	gobString
	gobComplex
	gobInterface

	gobFirstDefined = 64
)

// maxGobTypes is the limit of the types that one value defines.
const maxGobTypes = 4096

// A gobType is a type that a stream defines.
type gobType struct {
	kind   gobKind
	key    gobTypeRef   // of a map
	elem   gobTypeRef   // of a map, an array or a slice
	fields []gobTypeRef // of a struct
}

// A gobTypeRef refers to a type by its id, and caches the type.
type gobTypeRef struct {
	id      int64
	defined *gobType
}

// A gobKind is the number of a field of encoding/gob's wireType.
type gobKind int

const (
	gobArray gobKind = 1 + iota
	gobSlice
	gobStruct
	gobMap
	gobEncoded       // for this kind and the next two, a method of the type reads bytes
	gobBinaryEncoded //
	gobTextEncoded   //
)

var (
	errGobDamaged  = &Error{Kind: ErrCorrupt, Codec: "gob", Reason: "it is not the gob of one value"}
	errGobDepth    = &Error{Kind: ErrTooLarge, Codec: "gob", Reason: fmt.Sprintf("it nests more than %d levels deep", maxDepth)}
	errGobElements = &Error{Kind: ErrTooLarge, Codec: "gob", Reason: fmt.Sprintf("it holds more than %d elements", maxElements)}
	errGobTypes    = &Error{Kind: ErrTooLarge, Codec: "gob", Reason: fmt.Sprintf("it defines more than %d types", maxGobTypes)}
)

// isGob reports whether data is a complete sequence of the messages of a gob: definitions
// of types, and then a value. isGob does not check the contents of the messages.
func isGob(data []byte) bool {
	r := gobReader{rest: data}
	for first := true; ; first = false {
		m := gobReader{rest: r.bytes()}
		id := m.int()
		if r.failed || m.failed {
			return false
		}
		if id >= gobBool && id <= gobInterface {
			// The type needs no definition. Only the definitions of a type in an interface
			// may follow.
			return m.byte() == 0 && !m.failed && (id == gobInterface || len(r.rest) == 0)
		}
		if id > -gobFirstDefined && id < gobFirstDefined || first && id > 0 {
			return false
		}
		if len(r.rest) == 0 {
			return id > 0
		}
	}
}

// checkGob returns the error of a malformed gob of one value, ErrCorrupt or ErrTooLarge, or
// nil.
func checkGob(data []byte) error {
	if !isGob(data) {
		return errGobDamaged
	}
	w := gobWalker{gobReader: gobReader{rest: data}, types: map[int64]*gobType{}}
	w.message()
	w.single(w.typeID())
	if w.err == nil && (w.failed || len(w.rest) > 0) {
		return errGobDamaged
	}
	return w.err
}

// A gobWalker checks the values of a stream.
type gobWalker struct {
	gobReader
	// end is the length of rest at the end of the current message.
	end      int
	types    map[int64]*gobType
	depth    int
	elements int
	err      error
}

// message reads the length of a message.
func (w *gobWalker) message() {
	n := w.uint()
	if n > uint64(len(w.rest)) {
		w.failed = true
		return
	}
	w.end = len(w.rest) - int(n)
}

// typeID reads the id of the type of a value, and the definitions of types before it. Behind
// each definition is a length: of the next message, or, in the same message, of the value.
// The latter is ignored, because the walker checks the value itself.
func (w *gobWalker) typeID() int64 {
	for w.ok() {
		id := w.int()
		if id >= 0 {
			return id
		}
		w.define(-id)
		if len(w.rest) == w.end {
			w.message()
		} else {
			w.uint()
		}
	}
	return 0
}

// single checks a value that stands alone. A zero precedes such a value unless it is a
// struct.
func (w *gobWalker) single(id int64) {
	if t := w.types[id]; (t == nil || t.kind != gobStruct) && w.byte() != 0 {
		w.failed = true
	}
	w.value(&gobTypeRef{id: id})
}

func (w *gobWalker) value(ref *gobTypeRef) {
	switch ref.id {
	case gobBool, gobInt, gobUint, gobFloat:
		w.uint()
		return
	case gobBytes, gobString:
		w.bytes()
		return
	case gobComplex:
		w.uint()
		w.uint()
		return
	}
	if w.depth++; w.depth > maxDepth {
		w.err = errGobDepth
		return
	}
	if ref.id == gobInterface {
		w.interfaceValue()
	} else {
		if ref.defined == nil {
			ref.defined = w.types[ref.id]
		}
		w.definedValue(ref.defined)
	}
	w.depth--
}

func (w *gobWalker) definedValue(t *gobType) {
	if t == nil {
		w.failed = true // an undefined type
		return
	}
	switch t.kind {
	case gobArray, gobSlice:
		for n := w.count(); n > 0 && w.ok(); n-- {
			w.value(&t.elem)
		}
	case gobMap:
		for n := w.count(); n > 0 && w.ok(); n-- {
			w.value(&t.key)
			w.value(&t.elem)
		}
	case gobStruct:
		for field := w.nextField(0); field > 0 && w.ok(); field = w.nextField(field) {
			if field > len(t.fields) {
				w.failed = true
				return
			}
			w.value(&t.fields[field-1])
		}
	case gobEncoded, gobBinaryEncoded, gobTextEncoded:
		w.bytes()
	default:
		w.failed = true
	}
}

func (w *gobWalker) ok() bool { return !w.failed && w.err == nil }

// interfaceValue checks the name of a type, the definitions for it, and its value.
func (w *gobWalker) interfaceValue() {
	if len(w.bytes()) == 0 {
		return // nil
	}
	if len(w.rest) <= w.end {
		// No encoder ends a message behind a name. encoding/gob would read the length of the next
		// message where the walker reads an id.
		w.failed = true
		return
	}
	id := w.typeID()
	w.uint() // the length of the value
	w.single(id)
}

// count reads the number of elements of a value. Each element has at least one byte.
func (w *gobWalker) count() int {
	n := w.uint()
	if n > uint64(len(w.rest)) {
		w.failed = true
		return 0
	}
	if w.elements += int(n); w.elements > maxElements {
		w.err = errGobElements
		return 0
	}
	return int(n)
}

// define reads the definition of a type.
func (w *gobWalker) define(id int64) {
	if _, again := w.types[id]; again || id < gobFirstDefined {
		w.failed = true
		return
	}
	if len(w.types) == maxGobTypes {
		w.err = errGobTypes
		return
	}
	t := &gobType{}
	for kind := w.nextField(0); kind > 0; kind = w.nextField(kind) {
		if t.kind != 0 || kind > int(gobTextEncoded) {
			w.failed = true
			return
		}
		t.kind = gobKind(kind)
		for field := w.nextField(0); field > 0; field = w.nextField(field) {
			w.defineField(t, field)
		}
	}
	w.types[id] = t
}

// defineField reads a field of encoding/gob's arrayType, sliceType, structType, mapType or
// gobEncoderType.
func (w *gobWalker) defineField(t *gobType, field int) {
	switch {
	case field == 1: // CommonType
		w.nameAndID()
	case field == 2 && t.kind == gobStruct:
		for n := w.count(); n > 0 && w.ok(); n-- {
			t.fields = append(t.fields, gobTypeRef{id: w.nameAndID()})
		}
	case field == 2 && t.kind == gobMap:
		t.key.id = w.int()
	case field == 2 && (t.kind == gobArray || t.kind == gobSlice), field == 3 && t.kind == gobMap:
		t.elem.id = w.int()
	case field == 3 && t.kind == gobArray:
		w.int() // the length of the array
	default:
		w.failed = true
	}
}

func (w *gobWalker) nameAndID() (id int64) {
	for field := w.nextField(0); field > 0; field = w.nextField(field) {
		switch field {
		case 1:
			w.bytes()
		case 2:
			id = w.int()
		default:
			w.failed = true
		}
	}
	return id
}

// A gobReader reads the basic values of the format. failed is set after the first malformed
// value.
type gobReader struct {
	rest   []byte
	failed bool
}

// nextField returns the number, from 1, of the field of a struct behind field, or 0 at the
// end of the struct.
func (r *gobReader) nextField(field int) int {
	delta := r.uint()
	if r.failed || delta == 0 {
		return 0
	}
	const most = 1 << 16
	if delta > most || field > most {
		r.failed = true
		return 0
	}
	return field + int(delta)
}

func (r *gobReader) byte() byte {
	if len(r.rest) == 0 {
		r.failed = true
		return 0
	}
	b := r.rest[0]
	r.rest = r.rest[1:]
	return b
}

// uint reads a number: one byte up to 127, or the negated number of bytes and then the
// bytes.
func (r *gobReader) uint() uint64 {
	if len(r.rest) > 0 && r.rest[0] <= 0x7f {
		n := r.rest[0]
		r.rest = r.rest[1:]
		return uint64(n)
	}
	return r.longUint()
}

func (r *gobReader) longUint() uint64 {
	b := r.byte()
	size := -int(int8(b))
	if size > 8 || size > len(r.rest) {
		r.failed = true
		return 0
	}
	var n uint64
	for _, b := range r.rest[:size] {
		n = n<<8 | uint64(b)
	}
	r.rest = r.rest[size:]
	return n
}

func (r *gobReader) int() int64 {
	u := r.uint()
	if u&1 != 0 {
		return ^int64(u >> 1)
	}
	return int64(u >> 1)
}

// bytes reads a length, and as many bytes.
func (r *gobReader) bytes() []byte {
	n := r.uint()
	if r.failed || n > uint64(len(r.rest)) {
		r.failed = true
		return nil
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}
