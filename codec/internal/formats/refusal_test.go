package formats_test

import (
	"errors"
	"fmt"
	"math/big"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/codec"
	"github.com/xcache-go/xcache/codec/cbor"
	"github.com/xcache-go/xcache/codec/internal/formats"
	"github.com/xcache-go/xcache/codec/msgpack"
)

// checked are the serializers that know by the type what they cannot read back.
func checked(t *testing.T) (all []codec.TypeChecker) {
	for _, s := range formats.Serializers() {
		if checker, ok := s.(codec.TypeChecker); ok {
			all = append(all, checker)
		}
	}
	require.NotEmpty(t, all)
	return all
}

type (
	canaryShape  interface{ Area() float64 }
	canarySquare struct{ Secret string }
	canaryLine   struct{ Shape canaryShape }
	canaryOrder  struct{ Lines []canaryLine }
)

func (canarySquare) Area() float64 { return 1 }

// The error of what cannot be stored names the type, the field and the reason, and
// shows nothing of the value.
func TestRefusalsNameTypeAndReasonAndNoValue(t *testing.T) {
	order := canaryOrder{[]canaryLine{{canarySquare{"canary"}}}}
	for _, s := range checked(t) {
		_, err := s.Append(nil, order)
		require.ErrorIs(t, err, codec.ErrUnsupportedValue, s.Name())
		if s.Name() != "gob" { // which reads interfaces whose types are registered
			require.Contains(t, err.Error(), "canaryOrder", s.Name())
			require.Contains(t, err.Error(), "Lines[].Shape", s.Name())
			require.Contains(t, err.Error(), "an interface with methods", s.Name())
		}
		for _, nasty := range formats.Nasties() {
			if _, err := s.Append(nil, nasty.Value); errors.Is(err, codec.ErrUnsupportedValue) {
				require.Contains(t, err.Error(), s.Name()+": ", nasty.Name)
			}
		}
		for _, value := range []any{
			struct{ canary func() }{}, []any{struct{ s string }{"canary"}}, map[string]any{"canary": struct{ s string }{"canary"}},
			map[*string]string{new("canary"): "canary"}, map[string]any{"canary": make(chan string)}, map[any]*string{"canary": nil},
		} {
			if _, err := s.Append(nil, value); err != nil {
				require.NotContains(t, strings.ReplaceAll(err.Error(), fmt.Sprintf("%T", value), ""), "canary", s.Name())
			}
		}
	}
}

// What the type alone tells is told without a value, as for a view of an interface.
func TestTypesAreCheckedWithoutAValue(t *testing.T) {
	refuse := map[reflect.Type]string{ // who refuses it
		reflect.TypeFor[error](): "json gob msgpack cbor pickle", reflect.TypeFor[fmt.Stringer](): "json gob msgpack cbor pickle",
		reflect.TypeFor[any](): "gob", reflect.TypeFor[canaryOrder](): "json msgpack cbor pickle", reflect.TypeFor[chan int](): "json gob msgpack cbor pickle",
		reflect.TypeFor[formats.Account](): "", reflect.TypeFor[map[string]any](): "", reflect.TypeFor[int](): "", reflect.TypeFor[big.Int](): "",
		reflect.TypeFor[struct{ a int }](): "json gob msgpack cbor pickle", reflect.TypeFor[time.Time](): "",
	}
	for _, s := range checked(t) {
		chain := mustChain(t, codec.Config{Serializers: []codec.Serializer{s}})
		for typ, who := range refuse {
			err := chain.CheckType(typ)
			if strings.Contains(who, s.Name()) {
				require.ErrorIs(t, err, codec.ErrUnsupportedValue, "%s, %v", s.Name(), typ)
				require.Contains(t, err.Error(), typ.String(), s.Name())
			} else if s.Name() != "gob" || typ.Kind() != reflect.Interface {
				require.NoError(t, err, "%s, %v", s.Name(), typ)
			}
		}
	}
	for _, s := range formats.Serializers() { // also raw, which checks no types
		chain := mustChain(t, codec.Config{Serializers: []codec.Serializer{s}})
		require.ErrorIs(t, chain.CheckType(reflect.TypeFor[error]()), codec.ErrUnsupportedValue, s.Name())
	}
}

// What is in an any is read back as plain data, or is refused when it is written.
func TestWhatIsInAnAnyIsReadAsPlainDataOrRefused(t *testing.T) {
	plain := map[string]any{"text": "x", "list": []any{true, nil, 1.5}, "map": map[string]any{"a": "b"}}
	outer := formats.Outer{A: 1}
	for _, test := range []struct {
		value any
		want  map[string]any // by serializer; absent: refused
	}{
		{plain, map[string]any{"json": plain, "msgpack": plain, "cbor": plain}},
		{nil, map[string]any{"json": nil, "msgpack": nil, "cbor": nil}},
		{int8(-5), map[string]any{"json": int64(-5), "msgpack": int64(-5), "cbor": int64(-5)}},
		{outer, map[string]any{"json": map[string]any{"A": 1.0}, "msgpack": map[string]any{"A": int64(1)}, "cbor": map[string]any{"A": int64(1)}}},
		{[]fmt.Stringer{time.Hour}, map[string]any{"json": []any{3.6e12}, "msgpack": []any{int64(time.Hour)}, "cbor": []any{int64(time.Hour)}}},
		{map[int]string{1: "x"}, map[string]any{"json": map[string]any{"1": "x"}}},
		{[]any{map[int]string{1: "x"}}, map[string]any{"json": []any{map[string]any{"1": "x"}}}},
		{[]any{struct{ a int }{1}}, nil},
		{[]any{errors.New("x")}, nil},
		{[]any{func() {}}, nil},
		{[]any{time.Time{}}, map[string]any{"json": []any{"0001-01-01T00:00:00Z"}, "msgpack": []any{time.Time{}}}},
		{[]any{*big.NewInt(1)}, map[string]any{"msgpack": []any{"1"}, "cbor": []any{int64(1)}}},
		{[]any{big.NewInt(1)}, map[string]any{"json": []any{1.0}, "msgpack": []any{"1"}, "cbor": []any{int64(1)}}},
	} {
		for _, s := range []codec.Serializer{codec.JSON, msgpack.Serializer, cbor.Serializer} {
			chain := mustChain(t, codec.Config{Serializers: []codec.Serializer{s}})
			want, readable := test.want[s.Name()]
			stored, err := chain.AppendAny(nil, test.value)
			if !readable {
				require.ErrorIs(t, err, codec.ErrUnsupportedValue, "%s, %T", s.Name(), test.value)
				continue
			}
			require.NoError(t, err, "%s, %T", s.Name(), test.value)
			got := any("before")
			_, err = chain.Decode(stored, &got)
			require.NoError(t, err, "%s, %T", s.Name(), test.value)
			require.Equal(t, want, got, "%s, %T", s.Name(), test.value)
		}
	}
	gob := mustChain(t, codec.Config{Serializers: []codec.Serializer{codec.Gob}})
	require.ErrorIs(t, gob.CheckType(reflect.TypeFor[any]()), codec.ErrUnsupportedValue)
}
