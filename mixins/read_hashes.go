package mixins

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
)

// readFieldsFound reads the values of the fields in the arguments of the operation. Some
// values may be nil.
func readFieldsFound[V any](o *xcache.Op) (map[string]V, error) {
	fields, items, err := askedFor(o)
	if err != nil {
		return nil, err
	}
	values := make(map[string]V, len(fields))
	for i := range items {
		if items[i].IsNil() {
			continue
		}
		value, err := xcache.ReadValue[V](o, &items[i])
		if err != nil {
			return nil, err
		}
		values[strings.Clone(fields[i].Text)] = value
	}
	return values, nil
}

func readFieldMap[V any](o *xcache.Op) (map[string]V, error) {
	fields, err := readFieldValues[V](o)
	if err != nil {
		return nil, err
	}
	values := make(map[string]V, len(fields))
	for _, f := range fields {
		values[f.Field] = f.Value
	}
	return values, nil
}

func readFieldValues[V any](o *xcache.Op) ([]FieldValue[V], error) {
	return readFieldValuesOf[V](o, o.Reply())
}

func readFieldValuesOf[V any](o *xcache.Op, r *driver.Reply) ([]FieldValue[V], error) {
	pairs, err := r.AsPairs()
	if err != nil || len(pairs) == 0 {
		return nil, err
	}
	fields := make([]FieldValue[V], len(pairs))
	for i, pair := range pairs {
		fields[i].Field = string(pair.Name)
		if fields[i].Value, err = xcache.ReadValue[V](o, pair.Value); err != nil {
			return nil, err
		}
	}
	return fields, nil
}

func readFieldExpiries(o *xcache.Op) ([]FieldExpiry, error) {
	_, items, err := askedFor(o)
	if err != nil {
		return nil, err
	}
	return readEach(items, func(item *driver.Reply) (FieldExpiry, error) {
		n, err := item.AsInt()
		return FieldExpiry(n), err
	})
}

func readFieldsPersisted(o *xcache.Op) ([]bool, error) {
	_, items, err := askedFor(o)
	if err != nil {
		return nil, err
	}
	return readEach(items, func(item *driver.Reply) (bool, error) {
		n, err := item.AsInt()
		return FieldExpiry(n) != FieldMissing, err
	})
}

func readFieldTTLsInSeconds(o *xcache.Op) (map[string]time.Duration, error) {
	return readFieldTTLs(o, time.Second)
}

func readFieldTTLsInMilliseconds(o *xcache.Op) (map[string]time.Duration, error) {
	return readFieldTTLs(o, time.Millisecond)
}

func readFieldTTLs(o *xcache.Op, unit time.Duration) (map[string]time.Duration, error) {
	const forEver = -1
	fields, items, err := askedFor(o)
	if err != nil {
		return nil, err
	}
	ttls := make(map[string]time.Duration, len(fields))
	for i := range items {
		n, err := items[i].AsInt()
		if err != nil {
			return nil, err
		}
		switch {
		case n == int64(FieldMissing):
			continue
		case n < forEver || n > int64(xcache.NoExpiry/unit):
			return nil, driver.Fail(xcache.ErrUnavailable, driver.Unknown, fmt.Errorf("the server answered %d where a TTL was expected", n))
		}
		ttl := time.Duration(n) * unit
		if n == forEver {
			ttl = xcache.NoExpiry
		}
		ttls[strings.Clone(fields[i].Text)] = ttl
	}
	return ttls, nil
}

// askedFor returns the fields at the end of the arguments of an operation, and the server's
// reply for each.
func askedFor(o *xcache.Op) ([]driver.Arg, []driver.Reply, error) {
	items, err := o.Reply().AsArray()
	if err != nil {
		return nil, nil, err
	}
	fields := o.Args()[1:]
	for len(fields) > 0 && fields[0].Role != driver.RoleField {
		fields = fields[1:]
	}
	if len(items) != len(fields) {
		return nil, nil, driver.Fail(xcache.ErrUnavailable, driver.Unknown, errors.New("the server answered for other fields than it was asked for"))
	}
	return fields, items, nil
}
