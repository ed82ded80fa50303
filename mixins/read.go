package mixins

import (
	"errors"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
)

// These functions read replies. The codec reads elements, members and values of type T.

func readInt(o *xcache.Op) (int, error) {
	n, err := o.Reply().AsInt()
	return int(n), err
}

// readIndex reads a number. A nil is a missing index.
func readIndex(o *xcache.Op) (int, error) {
	if o.Reply().IsNil() {
		return 0, xcache.ErrNotFound
	}
	return readInt(o)
}

func readInt64(o *xcache.Op) (int64, error) { return o.Reply().AsInt() }

func readFloat(o *xcache.Op) (float64, error) {
	if o.Reply().IsNil() {
		return 0, xcache.ErrNotFound
	}
	return o.Reply().AsFloat()
}

func readFlag(o *xcache.Op) (bool, error) { return o.Reply().AsFlag() }

func readFlags(o *xcache.Op) ([]bool, error) {
	items, err := o.Reply().AsArray()
	if err != nil {
		return nil, err
	}
	return readEach(items, (*driver.Reply).AsFlag)
}

func readInts(o *xcache.Op) ([]int, error) {
	items, err := o.Reply().AsArray()
	if err != nil {
		return nil, err
	}
	return readEach(items, func(item *driver.Reply) (int, error) {
		n, err := item.AsInt()
		return int(n), err
	})
}

func readOK(o *xcache.Op) (bool, error) {
	err := o.Reply().AsOK()
	return err == nil, err
}

// readOne reads one element. A nil is ErrNotFound.
func readOne[T any](o *xcache.Op) (T, error) { return xcache.ReadValue[T](o, o.Reply()) }

// readText reads one text that no codec has written. A nil is ErrNotFound.
func readText(o *xcache.Op) (string, error) {
	text, err := o.Reply().AsBytes()
	return string(text), err
}

func readTexts(o *xcache.Op) ([]string, error) { return readTextsOf(o.Reply()) }

// readTextsOf reads a list of texts in a part of a reply.
func readTextsOf(r *driver.Reply) ([]string, error) {
	items, err := r.AsArray()
	if err != nil {
		return nil, err
	}
	return readEach(items, func(item *driver.Reply) (string, error) {
		text, err := item.AsBytes()
		return string(text), err
	})
}

// readAll reads a list of elements.
func readAll[T any](o *xcache.Op) ([]T, error) { return readAllOf[T](o, o.Reply()) }

// readAllOf reads a list of elements in a part of a reply.
func readAllOf[T any](o *xcache.Op, r *driver.Reply) ([]T, error) {
	items, err := r.AsArray()
	if err != nil {
		return nil, err
	}
	return readEach(items, func(item *driver.Reply) (T, error) { return xcache.ReadValue[T](o, item) })
}

// readEach reads the items of a list. An empty list is nil.
func readEach[T any](items []driver.Reply, read func(*driver.Reply) (T, error)) ([]T, error) {
	if len(items) == 0 {
		return nil, nil
	}
	all := make([]T, len(items))
	for i := range items {
		var err error
		if all[i], err = read(&items[i]); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// readTaken reads the full key from which a command has taken something, and the taken
// part. A nil is ErrNotFound.
func readTaken(o *xcache.Op) (full string, taken *driver.Reply, err error) {
	if o.Reply().IsNil() {
		return "", nil, xcache.ErrNotFound
	}
	pairs, err := o.Reply().AsPairs()
	if err == nil && len(pairs) != 1 {
		err = driver.Fail(xcache.ErrUnavailable, driver.Unknown, errors.New("the server answered several keys where one was expected"))
	}
	if err != nil {
		return "", nil, err
	}
	return string(pairs[0].Name), pairs[0].Value, nil
}
