package roundtrip

import (
	"fmt"
	"reflect"
	"time"
)

// The limits of values, shared by the formats.
const (
	maxDepth = 32
	// maxSteps limits the time for a value that refers to itself in many ways. Values
	// within the other limits take fewer steps.
	maxSteps = 4 << 20
)

var (
	errDepth = &Refusal{TooLarge: true, Reason: fmt.Sprintf("it nests more than %d levels deep, or refers to itself", maxDepth)}
	errSelf  = &Refusal{Reason: "it points to itself"}
	errSteps = &Refusal{TooLarge: true, Reason: "it holds too many elements, or refers to itself"}
)

// A node has the checks for the values of a type.
type node struct {
	kind      nodeKind
	elem, key *node
	fields    []fieldNode
	time      []int // the index of an embedded time
	checked   bool  // values need a check
	open      bool  // used by the search for cycles
}

type fieldNode struct {
	name  string
	index []int
	to    *node
}

type nodeKind uint8

const (
	leafNode nodeKind = iota // no checks
	timeNode
	embeddedTimeNode // a struct that is written as its embedded time
	ownNode          // written by methods
	pointerNode
	listNode
	mapNode
	interfaceNode
	structNode
)

// markChecked finds the nodes whose values need a check, and reports whether root is one of
// them.
func (b *builder) markChecked(root *node) bool {
	if b.rules.Circles {
		markCircles(root)
	}
	for changed := true; changed; {
		changed = false
		for _, n := range b.nodes {
			if !n.checked && b.needsCheck(n) {
				n.checked, changed = true, true
			}
		}
	}
	for _, n := range b.nodes {
		kept := n.fields[:0]
		for _, f := range n.fields {
			if f.to.checked {
				kept = append(kept, f)
			}
		}
		n.fields = kept
	}
	return root.checked
}

func (b *builder) needsCheck(n *node) bool {
	switch n.kind {
	case timeNode, embeddedTimeNode, interfaceNode:
		return true
	case pointerNode:
		switch to := n.elem; to.kind {
		case pointerNode, mapNode, interfaceNode, listNode:
			b.parts.pointers = true
			return true
		case timeNode:
			return true
		case ownNode:
			b.parts.pointers = b.parts.pointers || b.rules.NullForm != nil
			return b.rules.NullForm != nil || b.rules.OmitsZero || to.checked
		case leafNode:
			return b.rules.OmitsZero || n.elem.checked
		default:
			return n.elem.checked
		}
	case listNode:
		return n.elem.checked
	case mapNode:
		return n.elem.checked || n.key.checked
	case structNode:
		for _, f := range n.fields {
			if f.to.checked {
				return true
			}
		}
	}
	return n.checked
}

// markCircles marks the nodes of types that refer to themselves.
func markCircles(n *node) {
	if n == nil || n.checked {
		return
	}
	if n.open {
		n.checked = true
		return
	}
	n.open = true
	markCircles(n.elem)
	markCircles(n.key)
	for _, f := range n.fields {
		markCircles(f.to)
	}
	n.open = false
}

// Looks reports whether Check visits values of the type at all. forNulls reports whether
// Check finds values that are not nil and are written as a null.
func (t *Type) Looks() (looks, forNulls bool) {
	return t.root != nil, t.parts.anys || t.parts.pointers
}

// Check returns the reason why v, a value of the type, is not written, or nil. With nulls,
// Check also refuses values that are not nil and are written as a null.
func (t *Type) Check(v any, nulls bool) *Refusal {
	if t.refusal != nil || t.root == nil {
		return t.refusal
	}
	w := walker{rules: t.rules, nulls: nulls}
	return w.value(reflect.ValueOf(v), t.root, 0)
}

// A walker visits a value.
type walker struct {
	rules *Rules
	nulls bool
	steps int
}

// value checks v. depth is the number of containers around v.
func (w *walker) value(v reflect.Value, n *node, depth int) *Refusal {
	if w.steps++; w.steps > maxSteps {
		return errSteps
	}
	if !n.checked {
		return nil
	}
	if depth > maxDepth {
		return errDepth
	}
	switch n.kind {
	case timeNode:
		at, _ := reflect.TypeAssert[time.Time](v)
		return CheckTime(at)
	case embeddedTimeNode:
		at, _ := reflect.TypeAssert[time.Time](v.FieldByIndex(n.time))
		return CheckTime(at)
	case pointerNode:
		return w.pointer(v, n, depth)
	case listNode:
		for i := range v.Len() {
			if why := w.value(v.Index(i), n.elem, depth+1); why != nil {
				return why
			}
		}
	case mapNode:
		return w.mapping(v, n, depth)
	case interfaceNode:
		return w.dynamic(v, depth)
	case structNode:
		return w.structure(v, n, depth)
	}
	return nil
}

func (w *walker) pointer(v reflect.Value, n *node, depth int) *Refusal {
	if v.IsNil() {
		return nil
	}
	to := v.Elem()
	switch to.Kind() {
	case reflect.Pointer, reflect.Interface:
		if pointsToItself(to) {
			return errSelf
		}
		fallthrough
	case reflect.Map, reflect.Slice:
		if w.nulls && to.IsNil() {
			return &Refusal{Reason: fmt.Sprintf("a %v points to a nil, and would be read back as a nil itself", v.Type())}
		}
	}
	switch {
	case w.nulls && n.elem.kind == ownNode && w.rules.NullForm != nil && w.rules.NullForm(v):
		return &Refusal{Reason: fmt.Sprintf("a %v is not nil and is written as a null", v.Type())}
	case n.elem.kind == timeNode && w.rules.NullTimes && isZeroTime(to):
		return &Refusal{Reason: "a *time.Time points to the zero time, which is written as a null"}
	}
	return w.value(to, n.elem, depth)
}

// pointsToItself reports whether a pointer leads only to pointers and interfaces, for
// maxDepth steps.
func pointsToItself(v reflect.Value) bool {
	for range maxDepth {
		if kind := v.Kind(); kind != reflect.Pointer && kind != reflect.Interface || v.IsNil() {
			return false
		}
		v = v.Elem()
	}
	return true
}

func isZeroTime(v reflect.Value) bool {
	at, ok := reflect.TypeAssert[time.Time](v)
	return ok && at.IsZero()
}

func (w *walker) mapping(v reflect.Value, n *node, depth int) *Refusal {
	if m, ok := reflect.TypeAssert[map[string]any](v); ok {
		for _, elem := range m {
			if why := w.any(elem, depth+1); why != nil {
				return why
			}
		}
		return nil
	}
	if v.Len() == 0 {
		return nil
	}
	key, elem := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
	for entries := v.MapRange(); entries.Next(); {
		if n.key.checked {
			key.SetIterKey(entries)
			if why := w.value(key, n.key, depth+1); why != nil {
				return why
			}
		}
		if n.elem.checked {
			elem.SetIterValue(entries)
			if why := w.value(elem, n.elem, depth+1); why != nil {
				return why
			}
		}
	}
	return nil
}

// any is dynamic for a value without a reflect.Value.
func (w *walker) any(v any, depth int) *Refusal {
	switch v.(type) {
	case nil, bool, string, float64, int, int64:
		if w.steps++; w.steps > maxSteps {
			return errSteps
		}
		return nil
	}
	return w.inInterface(reflect.ValueOf(v), depth)
}

// dynamic checks the value in an interface.
func (w *walker) dynamic(v reflect.Value, depth int) *Refusal {
	if v.IsNil() {
		return nil
	}
	return w.inInterface(v.Elem(), depth)
}

func (w *walker) inInterface(v reflect.Value, depth int) *Refusal {
	t := w.rules.Untyped(v.Type())
	switch {
	case t.refusal != nil:
		return t.refusal
	case w.rules.NullTimes && isZeroTime(v):
		return &Refusal{Reason: "the zero time in an interface is written as a null"}
	case t.root == nil:
		return nil
	}
	return w.value(v, t.root, depth)
}

func (w *walker) structure(v reflect.Value, n *node, depth int) *Refusal {
fields:
	for i := range n.fields {
		f := &n.fields[i]
		at := v
		for j, x := range f.index {
			if j > 0 && at.Kind() == reflect.Pointer {
				if at.IsNil() {
					continue fields
				}
				at = at.Elem()
			}
			at = at.Field(x)
		}
		if w.rules.OmitsZero && f.to.kind == pointerNode && pointsToZero(at) {
			return &Refusal{Reason: fmt.Sprintf("field %s points to a zero value, and would be read back as nil", f.name)}
		}
		if why := w.value(at, f.to, depth+1); why != nil {
			return why
		}
	}
	return nil
}

// pointsToZero reports whether encoding/gob omits a field with a pointer that is not nil.
func pointsToZero(v reflect.Value) bool {
	for v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return false
		}
		v = v.Elem()
	}
	if form, _ := gobForms.form(v.Type(), true, true); form != nil {
		return v.IsZero()
	}
	switch v.Kind() {
	case reflect.Struct, reflect.Array:
		return false // always written
	case reflect.Slice:
		return v.Len() == 0
	case reflect.Float32, reflect.Float64:
		return v.Float() == 0 // minus zero, too
	case reflect.Complex64, reflect.Complex128:
		return v.Complex() == 0
	}
	return v.IsZero()
}

var gobForms = Rules{Forms: []Form{Gob, Binary}}

// CheckTime returns the reason why a time has no text in RFC 3339 for the same instant, or
// nil.
func CheckTime(at time.Time) *Refusal {
	east := 0
	if at.Location() != time.UTC {
		_, east = at.Zone()
	}
	if east%60 != 0 || east <= -24*3600 || east >= 24*3600 {
		return errZone
	}
	if local := at.Unix() + int64(east); local < yearZero || local >= yearTenThousand {
		return errYear
	}
	return nil
}

var (
	yearZero        = time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	yearTenThousand = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC).Unix()

	errYear = &Refusal{Reason: "the year of a time is not one of 0 to 9999"}
	errZone = &Refusal{Reason: "the zone of a time is not whole minutes, less than a day, from UTC; store the time in UTC"}
)
