package pickle

import (
	"math"
	"math/big"
	"reflect"
	"time"
)

// This file reads into an any. The pickle determines the type.

// any returns a node in the type that the package comment lists for an any.
func (r *reader) any(i uint32, depth int) (any, error) {
	switch n := r.nodes[i]; n.kind {
	case kindNone:
		return nil, nil
	case kindBool:
		return n.a != 0, nil
	case kindInt:
		return int64(n.bits()), nil
	case kindLong:
		number, err := r.bigInt(n)
		switch {
		case err != nil:
			return nil, err
		case number.IsInt64():
			return number.Int64(), nil
		case number.IsUint64():
			return number.Uint64(), nil
		}
		return number, nil
	case kindFloat:
		return math.Float64frombits(n.bits()), nil
	case kindStr:
		return r.text(i), nil
	case kindBytes:
		return boxed(r.copyBytes(n))
	case kindList, kindTuple, kindSet:
		if err := r.enter(depth, int(n.c)); err != nil {
			return nil, err
		}
		list := make([]any, n.c)
		err := r.items(n, func(i int, item uint32) (err error) {
			list[i], err = r.any(item, depth+1)
			return err
		})
		return list, err
	case kindDict:
		if r.allStr(n) {
			return boxed(r.dict(n, depth))
		}
		return boxed(r.anyDict(n, depth))
	case kindDatetime, kindDate:
		return r.moment(n), nil
	case kindTime:
		return clockPart(r.slice(n.a, 6)), nil
	case kindTimedelta:
		return time.Duration(n.bits()), nil
	case kindObject, kindCallable:
		return nil, r.notPlain(n, r.field)
	default:
		return nil, corrupt("it holds a %v on its own, which Go has no type for", n.kind)
	}
}

// boxed puts a value in an interface, and returns nil beside an error.
func boxed[T any](v T, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return v, nil
}

// allStr reports whether all keys of a dict are strings.
func (r *reader) allStr(dict node) bool {
	all := true
	_ = r.items(dict, func(i int, item uint32) error {
		all = all && (i%2 != 0 || r.nodes[item].kind == kindStr)
		return nil
	})
	return all
}

func (r *reader) dict(n node, depth int) (map[string]any, error) {
	if err := r.enter(depth, int(n.c/2)); err != nil {
		return nil, err
	}
	dict := make(map[string]any, n.c/2)
	var key string
	return dict, r.items(n, func(i int, item uint32) (err error) {
		if i%2 == 0 {
			if r.nodes[item].kind != kindStr {
				return r.mismatch(r.nodes[item], reflect.TypeFor[string]())
			}
			key = r.text(item)
			return r.hash(r.nodes[item])
		}
		dict[key], err = r.any(item, depth+1)
		return err
	})
}

func (r *reader) anyDict(n node, depth int) (map[any]any, error) {
	if err := r.enter(depth, int(n.c/2)); err != nil {
		return nil, err
	}
	dict := make(map[any]any, n.c/2)
	var key any
	return dict, r.items(n, func(i int, item uint32) (err error) {
		if i%2 == 0 {
			key, err = r.anyKey(item)
			return err
		}
		dict[key], err = r.any(item, depth+1)
		return err
	})
}

// hash counts the bytes of a str that is a key.
func (r *reader) hash(n node) error {
	if n.kind != kindStr {
		return nil
	}
	if r.keyBytesLeft -= int64(len(r.bytes(n))); r.keyBytesLeft < 0 {
		return tooLarge("the keys of its dicts, counted as often as they appear, have too many bytes")
	}
	return nil
}

// anyKey returns the value of a node that can be a key in Go.
func (r *reader) anyKey(i uint32) (any, error) {
	n := r.nodes[i]
	switch n.kind {
	case kindNone, kindBool, kindInt, kindFloat, kindStr:
		if err := r.hash(n); err != nil {
			return nil, err
		}
		return r.any(i, maxDepth)
	case kindLong:
		key, err := r.any(i, maxDepth)
		if _, large := key.(*big.Int); !large {
			return key, err
		}
	case kindObject, kindCallable:
		return nil, r.notPlain(n, r.field)
	}
	return nil, corrupt("a key of a dict is a %v; the keys that can be read are None, bool, int of 64 bits, float and str", n.kind)
}
