package codec

import (
	"reflect"
	"sync"
)

// The limits of every decoder, besides the size of a value.
const (
	maxDepth    = 32
	maxElements = 1 << 20
)

// A typeDepth decides, once for each type, whether the type alone bounds the nesting of its
// values. Such values need no check.
type typeDepth struct {
	// ownForm reports whether a type has methods for its encoding, and whether their output
	// nests within bounds.
	ownForm func(t reflect.Type) (own, bounded bool)
	known   sync.Map // reflect.Type → bool
}

// bounded reports whether no value of type t nests deeper than maxDepth.
func (d *typeDepth) bounded(t reflect.Type) bool {
	if t == nil {
		return true
	}
	if known, ok := d.known.Load(t); ok {
		return known.(bool)
	}
	bounded := d.fits(t, 0)
	d.known.Store(t, bounded)
	return bounded
}

// fits reports whether values of type t, at a depth, stay within maxDepth. A recursive type
// does not.
func (d *typeDepth) fits(t reflect.Type, depth int) bool {
	if depth > maxDepth {
		return false
	}
	if own, bounded := d.ownForm(t); own {
		return bounded
	}
	switch t.Kind() {
	case reflect.Interface:
		return false
	case reflect.Pointer, reflect.Slice, reflect.Array:
		return d.fits(t.Elem(), depth+1)
	case reflect.Map:
		return d.fits(t.Key(), depth+1) && d.fits(t.Elem(), depth+1)
	case reflect.Struct:
		for field := range t.Fields() {
			if !d.fits(field.Type, depth+1) {
				return false
			}
		}
	}
	return true
}
