package xcache

import (
	"fmt"
	"reflect"
	"unsafe"

	"github.com/xcache-go/xcache/codec"
	"github.com/xcache-go/xcache/driver"
)

// encode returns the form of a value that is stored under a full key, which it
// writes over buffer; grown is buffer, or what took its place. Bytes that are
// stored as they are come back themselves, not copied.
func encode[T any](c *Cache, full string, buffer []byte, value T) (stored, grown []byte, err error) {
	grown = buffer
	if err := checkType[T](c); err != nil {
		return nil, buffer, err
	}
	if c.keys != nil {
		stored, err = seal(c, full, buffer[:0], value)
		grown = stored
	} else if raw, ok := any(value).([]byte); ok {
		stored, err = c.chain.EncodeBytes(buffer[:0], raw)
		if err == nil && unsafe.SliceData(stored) != unsafe.SliceData(raw) {
			grown = stored
		}
	} else if stored, err = appendValue(c, buffer[:0], value); err == nil {
		grown = stored
	}
	if err != nil {
		return nil, buffer, tooLarge(err)
	}
	if limit := c.target.caps.Limits.ValueSize; limit > 0 && len(stored) > limit {
		return nil, grown, driver.Fail(ErrTooLarge, driver.NotApplied,
			fmt.Errorf("encoded it has %d bytes, the driver takes %d", len(stored), limit))
	}
	return stored, grown, nil
}

// checkType refuses a view of an interface that its codec cannot read into. Of
// every other type the codec itself sees what it is.
func checkType[T any](c *Cache) error {
	if t := reflect.TypeFor[T](); t.Kind() == reflect.Interface {
		return c.chain.CheckType(t)
	}
	return nil
}

// appendValue appends a value, encoded, to dst.
func appendValue[T any](c *Cache, dst []byte, value T) ([]byte, error) {
	if reflect.TypeFor[T]().Kind() == reflect.Interface {
		return c.chain.AppendAny(dst, value)
	}
	return c.chain.Append(dst, value)
}

// decode reads the value that is stored under a full key, and counts it, also for
// the observer. own tells that the stored bytes may become part of the value, old
// that it is in an old format. Bytes take a path of their own, so that they are
// copied at most once and not boxed.
func decode[T any](c *Cache, full string, stored []byte, own bool, seen *observation) (value T, old bool, err error) {
	size := len(stored)
	if c.keys != nil {
		if stored, old, err = c.keys.Open(nil, stored, full); err != nil {
			return value, false, err
		}
		own = true
	}
	var by codec.Read
	if raw, ok := any(&value).(*[]byte); !ok {
		value, by, err = decodeBoxed[T](c.chain, stored)
	} else if own {
		*raw, by, err = c.chain.TakeBytes(stored)
	} else {
		*raw, by, err = c.chain.DecodeBytes(stored)
	}
	if err != nil {
		return value, false, tooLarge(err)
	}
	by.Fallback = by.Fallback || old
	c.shared.reads.count(&by)
	seen.hit(size, &by)
	return value, by.Fallback, nil
}

// read is decode for an operation of a view. It writes a value again that was in
// an old format, if the view does.
func read[T any](call *call, key, full string, stored []byte) (T, error) {
	c := call.cache
	value, old, err := decode[T](c, full, stored, c.target.caps.Limits.OwnData, call.seen)
	if old && c.rewrite {
		rewrite(c, key, full, stored, value)
	}
	return value, err
}

// decodeBoxed is a function of its own because its value escapes to the heap:
// in decode that of bytes would too.
func decodeBoxed[T any](chain *codec.Chain, stored []byte) (T, codec.Read, error) {
	var value T
	by, err := chain.Decode(stored, &value)
	if err != nil {
		var zero T
		return zero, by, err
	}
	return value, by, nil
}
