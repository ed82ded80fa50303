package codec

import "fmt"

// This file walks through a gob stream before encoding/gob reads it.
// encoding/gob allocates what the length of a map says and follows any depth:
// ten bytes can end the process. It also stops after the first value, whatever
// follows.
//
// The wire format is described in the documentation of encoding/gob.

// The ids of types that every gob knows, and the first that a stream defines.
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

// maxGobTypes is how many types one value may define.
const maxGobTypes = 4096

// A gobType is a type that a stream defines.
type gobType struct {
	kind   gobKind
	key    gobTypeRef   // of a map
	elem   gobTypeRef   // of a map, an array or a slice
	fields []gobTypeRef // of a struct
}

// A gobTypeRef refers to a type by its id. It remembers the one that it found.
type gobTypeRef struct {
	id      int64
	defined *gobType
}

// gobKind is the number of a field of encoding/gob's wireType.
type gobKind int

const (
	gobArray gobKind = 1 + iota
	gobSlice
	gobStruct
	gobMap
	gobEncoded       // these three are bytes that a method of the type reads
	gobBinaryEncoded //
	gobTextEncoded   //
)

var (
	errGobDamaged  = &Error{Kind: ErrCorrupt, Codec: "gob", Reason: "it is not the gob of one value"}
	errGobDepth    = &Error{Kind: ErrTooLarge, Codec: "gob", Reason: fmt.Sprintf("it nests more than %d levels deep", maxDepth)}
	errGobElements = &Error{Kind: ErrTooLarge, Codec: "gob", Reason: fmt.Sprintf("it holds more than %d elements", maxElements)}
	errGobTypes    = &Error{Kind: ErrTooLarge, Codec: "gob", Reason: fmt.Sprintf("it defines more than %d types", maxGobTypes)}
)

// isGob reports whether data is a sequence of messages as a gob has them, from
// end to end: definitions of types, then a value. It does not look into them.
func isGob(data []byte) bool {
	r := gobReader{rest: data}
	for first := true; ; first = false {
		m := gobReader{rest: r.bytes()}
		id := m.int()
		if r.failed || m.failed {
			return false
		}
		if id >= gobBool && id <= gobInterface {
			// It needs no definition, and nothing can follow but those of
			// what is in an interface.
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

// checkGob returns what is wrong with a gob of one value: ErrCorrupt or
// ErrTooLarge.
func checkGob(data []byte) error {
	if !isGob(data) {
		return errGobDamaged
	}
	w := gobWalker{gobReader: gobReader{rest: data}, types: map[int64]*gobType{}}
	w.uint() // the length of the first message
	w.single(w.typeID())
	if w.err == nil && (w.failed || len(w.rest) > 0) {
		return errGobDamaged
	}
	return w.err
}

// A gobWalker goes through the values of a stream.
type gobWalker struct {
	gobReader
	types    map[int64]*gobType
	depth    int
	elements int
	err      error
}

// typeID reads the id of the type of a value, and the definitions of types
// before it. Behind each stands the length of a message, of which it makes
// nothing: the value says it better.
func (w *gobWalker) typeID() int64 {
	for w.ok() {
		id := w.int()
		if id >= 0 {
			return id
		}
		w.define(-id)
		w.uint()
	}
	return 0
}

// single walks through a value that stands alone: one that is no struct
// follows a zero.
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
		w.failed = true // no such type
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

// interfaceValue walks through the name of a type, the definitions it needs,
// and a value of it.
func (w *gobWalker) interfaceValue() {
	if len(w.bytes()) == 0 {
		return // nil
	}
	id := w.typeID()
	w.uint() // the length of the value
	w.single(id)
}

// count reads the number of elements of a value. Each takes a byte or more.
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

// defineField reads a field of arrayType, sliceType, structType, mapType or
// gobEncoderType, as encoding/gob calls them.
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
		w.int() // its length
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

// A gobReader reads the simple values of the format. After the first that
// cannot be read, it has failed.
type gobReader struct {
	rest   []byte
	failed bool
}

// nextField returns the number, from 1, of the field of a struct that was sent
// after field; 0 at the end of the struct.
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

// uint reads a number: one byte up to 127, else the negated number of bytes
// and the bytes.
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

// bytes reads a length and as many bytes.
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
