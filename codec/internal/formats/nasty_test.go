package formats_test

import (
	"errors"
	"fmt"
	"math/big"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/xcache-go/xcache/codec"
	"github.com/xcache-go/xcache/codec/internal/formats"
)

// What is stored comes back equal; what would not is refused when it is written. A
// serializer that could store more than the table says is wrong there as well.
func TestWhatIsStoredComesBackEqualOrIsRefused(t *testing.T) {
	for _, s := range formats.Serializers() {
		chain := mustChain(t, codec.Config{Serializers: []codec.Serializer{s}})
		for _, nasty := range formats.Nasties() {
			t.Run(s.Name()+"/"+nasty.Name, func(t *testing.T) {
				stored, err := chain.Append([]byte("before"), nasty.Value)
				if err != nil {
					assert.True(t, errors.Is(err, codec.ErrUnsupportedValue) || errors.Is(err, codec.ErrTooLarge), "refused with %v", err)
					assert.Equal(t, "before", string(stored))
					assert.NotContains(t, strings.Fields(nasty.StoredBy), s.Name(), "refused with %v", err)
					return
				}
				got, _, err := readAs(chain, stored[len("before"):], nasty.Value)
				if assert.NoError(t, err, "stored as %.80q, and cannot be read", stored) {
					assert.True(t, same(reflect.ValueOf(nasty.Value), reflect.ValueOf(got)), "stored %#v, read %#v", nasty.Value, got)
				}
				assert.Contains(t, strings.Fields(nasty.StoredBy), s.Name(), "stored as %.80q", stored)
			})
		}
	}
}

// same is reflect.DeepEqual, but times are the same that are the same instant, and
// numbers of package math/big that have the same value.
func same(a, b reflect.Value) bool {
	if !a.IsValid() || !b.IsValid() || a.Type() != b.Type() {
		return a.IsValid() == b.IsValid()
	}
	switch a.Type() {
	case reflect.TypeFor[time.Time]():
		if a.CanInterface() {
			return a.Interface().(time.Time).Equal(b.Interface().(time.Time))
		}
	case reflect.TypeFor[big.Int]():
		x, y := a.Interface().(big.Int), b.Interface().(big.Int)
		return x.Cmp(&y) == 0
	case reflect.TypeFor[big.Rat]():
		x, y := a.Interface().(big.Rat), b.Interface().(big.Rat)
		return x.Cmp(&y) == 0
	case reflect.TypeFor[*big.Float]():
		return a.Interface().(*big.Float).Cmp(b.Interface().(*big.Float)) == 0
	}
	switch a.Kind() {
	case reflect.Pointer, reflect.Interface:
		return a.IsNil() == b.IsNil() && (a.IsNil() || same(a.Elem(), b.Elem()))
	case reflect.Slice, reflect.Array:
		if a.Kind() == reflect.Slice && a.IsNil() != b.IsNil() || a.Len() != b.Len() {
			return false
		}
		for i := range a.Len() {
			if !same(a.Index(i), b.Index(i)) {
				return false
			}
		}
		return true
	case reflect.Map:
		if a.IsNil() != b.IsNil() || a.Len() != b.Len() {
			return false
		}
		for _, key := range a.MapKeys() {
			if !same(a.MapIndex(key), b.MapIndex(key)) {
				return false
			}
		}
		return true
	case reflect.Struct:
		for i := range a.NumField() {
			if !same(a.Field(i), b.Field(i)) {
				return false
			}
		}
		return true
	}
	return fmt.Sprint(a) == fmt.Sprint(b)
}
