package pickle

import (
	"cmp"
	"fmt"
	"math"
	"reflect"
	"slices"
)

// A mapKey is a key of a map.
type mapKey struct {
	key reflect.Value
	// stored is the written form of the key.
	stored reflect.Value
	// place is the position of the key in the order of keys. Keys that are equal in Python
	// have the same place.
	place place
}

// sortedKeys returns the keys of a map in the order of writing.
func sortedKeys(m reflect.Value) ([]mapKey, error) {
	keys := make([]mapKey, 0, m.Len())
	for _, key := range m.MapKeys() {
		stored := key
		if key.Kind() == reflect.Interface && !key.IsNil() {
			stored = key.Elem()
			if err := checkAnyKey(stored); err != nil {
				return nil, err
			}
		}
		if stored.Type().Implements(textMarshaler) || reflect.PointerTo(stored.Type()).Implements(textMarshaler) {
			text, err := marshalKey(stored)
			if err != nil {
				return nil, err
			}
			stored = reflect.ValueOf(text)
		}
		place, ok := placeOf(stored)
		if !ok {
			return nil, unsupported("it has no form for a map with keys of %v", stored.Type())
		}
		keys = append(keys, mapKey{key, stored, place})
	}
	slices.SortFunc(keys, func(a, b mapKey) int { return a.place.compare(b.place) })
	for i := 1; i < len(keys); i++ {
		if keys[i-1].place == keys[i].place {
			return nil, unsupported("two keys of a map are one key in Python")
		}
	}
	return keys, nil
}

func marshalKey(key reflect.Value) (string, error) {
	if key.Kind() == reflect.Pointer && key.IsNil() {
		return "", unsupported("a key of a map is a nil %v", key.Type())
	}
	return textOf(reflect.Indirect(key))
}

// A place is None, a number (bools are 0 and 1, as in Python), or a str. A number has its
// whole part and its fraction. For a number outside of the range of int64, the whole part
// is an end of the range, and number is the value as a float.
type place struct {
	rank   int
	whole  int64
	number float64
	text   string
}

// placeOf returns the place of a key. ok is false for a key that cannot be written.
func placeOf(key reflect.Value) (p place, ok bool) {
	switch {
	case key.Kind() == reflect.Interface: // a nil
		return place{}, true
	case key.Kind() == reflect.String:
		return place{rank: 2, text: key.String()}, true
	case key.Kind() == reflect.Bool:
		if key.Bool() {
			p.whole = 1
		}
	case key.CanInt():
		p.whole = key.Int()
	case key.CanUint() && key.Uint() <= math.MaxInt64:
		p.whole = int64(key.Uint())
	case key.CanUint():
		p.whole, p.number = math.MaxInt64, float64(key.Uint())
		p.text = fmt.Sprint(key.Uint()) // all 20 digits
	case key.CanFloat() && !math.IsNaN(key.Float()):
		p.number = key.Float()
		switch whole := math.Trunc(p.number); {
		case whole < math.MinInt64:
			p.whole = math.MinInt64
		case whole >= math.MaxInt64:
			p.whole = math.MaxInt64
		default:
			p.whole, p.number = int64(whole), p.number-whole
		}
	default:
		return p, false
	}
	p.rank = 1
	return p, true
}

func (p place) compare(q place) int {
	return cmp.Or(cmp.Compare(p.rank, q.rank), cmp.Compare(p.whole, q.whole),
		cmp.Compare(p.number, q.number), cmp.Compare(p.text, q.text))
}
