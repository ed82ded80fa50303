package mixins

import (
	"errors"
	"strings"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
)

// readFieldsFound reads the values of the fields that the operation asked for, of which some
// may be nil.
func readFieldsFound[V any](o *xcache.Op) (map[string]V, error) {
	items, err := o.Reply().AsArray()
	fields := o.Args()[1:]
	if err == nil && len(items) != len(fields) {
		err = driver.Fail(xcache.ErrUnavailable, driver.Unknown, errors.New("the server answered for other fields than it was asked for"))
	}
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
