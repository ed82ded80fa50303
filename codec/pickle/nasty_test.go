package pickle_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math"
	"math/big"
	"net/netip"
	"net/url"
	"reflect"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/codec"
	"github.com/xcache-go/xcache/codec/pickle"
)

// The text of these types is written by methods of a pointer, by methods of one direction
// only, or by methods of an embedded type.
type (
	byPointer  struct{ n int }
	wordByPtr  string
	onlyWrites string
	onlyReads  string
	keyByPtr   string
	stamped    struct {
		time.Time
		Note string
	}
	justTime struct{ time.Time }
	ownText  struct {
		netip.Addr
		Zone string
	}
	shape    interface{ Area() float64 }
	square   struct{ Side float64 }
	ring     struct{ Next *ring }
	noExport struct{ a int }
	inner    struct{ A, B int }
	shadowed struct {
		inner
		B string
	}
	pointed struct {
		*inner
		C int
	}
	Outer struct {
		*Inner
		C int
	}
	Inner struct {
		A int `json:"a,omitempty"`
	}
	itself *itself
	// onlyJSON is written completely only by its JSON methods.
	onlyJSON struct {
		Currency string
		cents    int
	}
)

func (o onlyJSON) MarshalJSON() ([]byte, error) {
	return fmt.Appendf(nil, "[%q,%d]", o.Currency, o.cents), nil
}
func (o *onlyJSON) UnmarshalJSON(b []byte) error {
	return json.Unmarshal(b, &[]any{&o.Currency, &o.cents})
}

func (p *byPointer) MarshalText() ([]byte, error) { return fmt.Append(nil, "n=", p.n), nil }
func (p *byPointer) UnmarshalText(text []byte) error {
	_, err := fmt.Sscanf(string(text), "n=%d", &p.n)
	return err
}

func (w *wordByPtr) MarshalText() ([]byte, error) { return []byte("word " + string(*w)), nil }
func (w *wordByPtr) UnmarshalText(text []byte) error {
	*w = wordByPtr(strings.TrimPrefix(string(text), "word "))
	return nil
}

func (k *keyByPtr) MarshalText() ([]byte, error) { return []byte("key " + string(*k)), nil }
func (k *keyByPtr) UnmarshalText(text []byte) error {
	*k = keyByPtr(strings.TrimPrefix(string(text), "key "))
	return nil
}

func (w onlyWrites) MarshalText() ([]byte, error) { return []byte("<" + w + ">"), nil }
func (r *onlyReads) UnmarshalText(text []byte) error {
	*r = onlyReads("read " + string(text))
	return nil
}

func (o ownText) MarshalText() ([]byte, error) { return []byte(o.Addr.String() + " " + o.Zone), nil }
func (o *ownText) UnmarshalText(text []byte) error {
	addr, zone, _ := strings.Cut(string(text), " ")
	o.Zone = zone
	return o.Addr.UnmarshalText([]byte(addr))
}

func (s square) Area() float64 { return s.Side * s.Side }

// twice returns a struct with two fields of the same stored name.
func twice(a, b int) any {
	number := reflect.TypeFor[int]()
	v := reflect.New(reflect.StructOf([]reflect.StructField{{Name: "A", Type: number, Tag: `json:"x"`}, {Name: "B", Type: number, Tag: `json:"x"`}})).Elem()
	v.Field(0).SetInt(int64(a))
	v.Field(1).SetInt(int64(b))
	return v.Interface()
}

const (
	comesBack = false
	isRefused = true
)

// Unmarshal returns an equal value for the bytes of Append, or Append refuses the value.
func TestWhatIsStoredComesBackOrIsRefused(t *testing.T) {
	var nilInts []int
	var nilMap map[string]int
	var nilPointer *int
	address := netip.MustParseAddr("10.0.0.1")
	minute := time.Date(2026, 2, 28, 12, 30, 0, 0, time.UTC)
	cause := errors.New("cause")
	self := itself(nil)
	self = &self
	loop := &ring{}
	loop.Next = loop
	location, err := url.Parse("https://ada:secret@example.org/a?b=c")
	require.NoError(t, err)
	plainURL := *location
	plainURL.User = nil
	for _, test := range []struct {
		name    string
		value   any
		refused bool
	}{
		{"keys that are times", map[time.Time]int{minute: 1}, isRefused},
		{"no keys that are times", map[time.Time]int{}, isRefused},
		{"a set of times", map[time.Time]struct{}{}, isRefused},
		{"keys that are times, in a field", struct{ M map[time.Time]int }{}, isRefused},
		{"keys that are times, deep", map[string][]*struct{ M map[time.Time]int }{}, isRefused},
		{"keys that are pointers", map[*netip.Addr]int{&address: 1}, isRefused},
		{"keys that are structs", map[inner]int{}, isRefused},
		{"keys that are arrays", map[[2]int]int{}, isRefused},
		{"keys of an interface", map[fmt.Stringer]int{address: 1}, isRefused},
		{"keys that only write text", map[onlyWrites]int{"a": 1}, isRefused},
		{"keys that only read text", map[onlyReads]int{"a": 1}, isRefused},
		{"keys with methods of a pointer", map[keyByPtr]int{"a": 1, "key b": 2}, comesBack},
		{"keys that are text", map[netip.Addr]int{address: 1}, comesBack},
		{"keys that are spans", map[time.Duration]string{time.Hour: "x"}, comesBack},
		{"keys that are levels", map[slog.Level]int{slog.LevelWarn: 1, 77: 2}, comesBack},
		{"keys that are floats", map[float32]int{0.1: 1, float32(math.Inf(1)): 2}, comesBack},
		{"keys that are bools", map[bool]int{true: 1}, comesBack},

		{"keys that embed times", map[justTime]int{{minute}: 1}, isRefused},
		{"keys in interfaces", map[any]int{"a": 1, int64(2): 3, 0.5: 4, true: 5, uint64(math.MaxUint64): 6, nil: 7}, comesBack},
		{"an int as a key in an interface", map[any]int{2: 3}, isRefused},
		{"a small uint64 as a key in an interface", map[any]int{uint64(2): 3}, isRefused},
		{"a type of its own as a key in an interface", map[any]int{time.Second: 3}, isRefused},
		{"text as a key in an interface", map[any]int{address: 3}, isRefused},
		{"an int in a set of any", map[any]struct{}{2: {}}, isRefused},
		{"an int as a key in an interface, in an any", []any{map[any]any{2: 3}}, isRefused},

		{"an interface", struct{ S shape }{}, isRefused},
		{"an interface with a value", struct{ S shape }{square{2}}, isRefused},
		{"a pointer to an interface", new(error), isRefused},
		{"errors", []error{cause}, isRefused},
		{"an error", cause, isRefused},
		{"an error with an error", &fs.PathError{Op: "open", Path: "x", Err: cause}, isRefused},
		{"an interface of a map", map[string]fmt.Stringer{}, isRefused},
		{"an interface that is not stored", struct {
			S shape `json:"-"`
			N int
		}{nil, 1}, comesBack},

		{"text by a pointer", byPointer{7}, comesBack},
		{"a pointer to text by a pointer", &byPointer{7}, comesBack},
		{"text by a pointer in a field", struct{ P byPointer }{byPointer{7}}, comesBack},
		{"text by a pointer in a slice", []byPointer{{7}}, comesBack},
		{"text by a pointer in an array", [1]byPointer{{7}}, comesBack},
		{"text by a pointer in a map", map[string]byPointer{"a": {7}}, comesBack},
		{"a word by a pointer", wordByPtr("a"), comesBack},
		{"a word by a pointer that looks like text", wordByPtr("word a"), comesBack},
		{"a word by a pointer in a map", map[int]wordByPtr{1: "a"}, comesBack},
		{"a type that only writes text", onlyWrites("a"), isRefused},
		{"a type that only reads text", onlyReads("a"), isRefused},
		{"a type that only reads text in a field", struct{ R *onlyReads }{}, isRefused},
		{"a time that is embedded", stamped{minute, "note"}, isRefused},
		{"a time that is embedded beside nothing", stamped{minute, ""}, comesBack},
		{"a time that is embedded alone", justTime{minute}, comesBack},
		{"an address that is embedded, with text of its own", ownText{address, "eth0"}, comesBack},

		{"a ratio", big.NewRat(1, 3), comesBack},
		{"a ratio by value", *big.NewRat(1, 3), comesBack},
		{"a large float", big.NewFloat(0.1), isRefused},
		{"a large float in a field", struct{ F *big.Float }{}, isRefused},
		{"a large int by value in a field", struct{ N big.Int }{*power(2, 100)}, comesBack},
		{"the largest int", new(big.Int).Sub(power(10, codec.MaxIntegerDigits), big.NewInt(1)), comesBack},
		{"the least int", new(big.Int).Sub(big.NewInt(1), power(10, codec.MaxIntegerDigits)), comesBack},
		{"an int that is too large", power(10, codec.MaxIntegerDigits), isRefused},
		{"an int that is too small", new(big.Int).Neg(power(10, codec.MaxIntegerDigits)), isRefused},
		{"an int that is much too large", power(2, 1<<20), isRefused},

		{"a pointer to nil", new(nilPointer), isRefused},
		{"a pointer to no slice, in a field", struct{ S *[]int }{&nilInts}, isRefused},
		{"a pointer to no map, in a slice", []*map[string]int{&nilMap}, isRefused},
		{"a pointer to a slice, in a field", struct{ S *[]int }{new([]int{})}, comesBack},
		{"pointers to pointers", new(new(new(5))), comesBack},
		{"nil pointers", []*int{nil}, comesBack},
		{"a pointer to an any", struct{ A *any }{new(any)}, isRefused},
		{"a pointer to itself", self, isRefused},
		{"a ring", loop, isRefused},
		{"a struct that refers to its type", ring{&ring{}}, comesBack},

		{"no exported fields", noExport{1}, isRefused},
		{"no exported fields, in a field", struct{ N noExport }{}, isRefused},
		{"a lock", struct{ L sync.Mutex }{}, isRefused},
		{"an atomic", new(atomic.Int64), isRefused},
		{"a hidden field", shadowed{inner{1, 2}, "b"}, isRefused},
		{"a hidden field that is zero", shadowed{inner{A: 1}, "b"}, comesBack},
		{"an unexported struct by a pointer", pointed{&inner{1, 2}, 3}, isRefused},
		{"no unexported struct by a pointer", pointed{nil, 3}, isRefused},
		{"an embedded struct by a pointer", Outer{&Inner{1}, 3}, comesBack},
		{"an embedded struct of which nothing is stored", Outer{&Inner{}, 3}, isRefused},
		{"no embedded struct", Outer{nil, 3}, comesBack},
		{"two fields of one name", twice(1, 2), isRefused},
		{"two fields of one name, one of them zero", twice(1, 0), comesBack},
		{"a URL with a user", location, isRefused},
		{"a URL", &plainURL, comesBack},

		{"an expression", regexp.MustCompile("a+"), comesBack},
		{"a level", slog.LevelError, comesBack},
		{"the zero time", time.Time{}, comesBack},
		{"a time that is embedded, of a zone with seconds", justTime{minute.In(time.FixedZone("", 90))}, isRefused},
		{"a time that is embedded twice, of a zone with seconds", struct{ justTime }{justTime{minute.In(time.FixedZone("", 90))}}, isRefused},
		{"a time of a zone with seconds", minute.In(time.FixedZone("", -(44*60 + 30))), comesBack},
		{"nanoseconds", minute.Add(1), isRefused},
		{"no bytes", []byte{}, comesBack},
		{"nil bytes", []byte(nil), comesBack},
		{"no items of an array", [0]int{}, comesBack},
		{"an empty struct", struct{}{}, comesBack},
		{"a func", struct{ F func() }{}, isRefused},
		{"no func, left out", struct {
			F func() `json:",omitempty"`
			N int
		}{nil, 1}, comesBack},
		{"a func that would be left out", struct {
			F func() `json:",omitempty"`
		}{func() {}}, isRefused},
		{"no funcs", []func(){}, comesBack},
		{"no func, by a pointer", struct{ F *func() }{}, comesBack},
		{"methods for JSON, and fields of both kinds", onlyJSON{"EUR", 1}, isRefused},
		{"methods for JSON, and fields of both kinds, in a slice", []onlyJSON{{"EUR", 1}}, isRefused},
		{"methods for JSON, and fields of both kinds, in an any", []any{onlyJSON{"EUR", 1}}, isRefused},
		{"methods for JSON, and fields of both kinds, nil", struct{ J *onlyJSON }{}, comesBack},
		{"a channel", make(chan int), isRefused},
		{"a complex number", 1i, isRefused},
		{"a string that is not Unicode", "\xff", isRefused},
		{"a negative zero", math.Copysign(0, -1), comesBack},
		{"bytes of a type of its own", []level{-1, 3}, comesBack},
		{"integers of every size", struct {
			A uint64
			B int64
			C uintptr
		}{math.MaxUint64, math.MinInt64, 7}, comesBack},
	} {
		t.Run(test.name, func(t *testing.T) {
			stored, err := pickle.Serializer.Append([]byte("x"), test.value)
			if test.refused {
				require.Error(t, err)
				require.True(t, errors.Is(err, codec.ErrUnsupportedValue) || errors.Is(err, codec.ErrTooLarge), err)
				require.Equal(t, "x", string(stored))
				require.NotContains(t, err.Error(), "secret")
				return
			}
			require.NoError(t, err)
			into := reflect.New(reflect.TypeOf(test.value))
			require.NoError(t, pickle.Serializer.Unmarshal(stored[1:], into.Interface()))
			switch got := into.Elem().Interface().(type) {
			case time.Time:
				require.True(t, got.Equal(test.value.(time.Time)), got)
			case *regexp.Regexp:
				require.Equal(t, fmt.Sprint(test.value), got.String())
			default:
				require.Equal(t, test.value, got)
			}
		})
	}
}

// The error has the path to the refused type.
func TestRefusalsNameTheField(t *testing.T) {
	type row struct {
		ID     int `json:"id"`
		Nested []struct{ Err error }
	}
	for range 2 { // the verdict is cached
		_, err := pickle.Serializer.Append(nil, row{})
		require.ErrorIs(t, err, codec.ErrUnsupportedValue)
		require.ErrorContains(t, err, "field Nested[].Err: it cannot read into error, an interface with methods")
	}
}

// A value in an any loses its type, and is read back as the package comment says.
func TestWhatIsInAnAnyIsStoredAsPlainData(t *testing.T) {
	value := map[string]any{"level": onlyWrites("a"), "result": struct{ Err error }{}, "none": (*int)(nil)}
	stored, err := pickle.Serializer.Append(nil, value)
	require.NoError(t, err)
	var got any
	require.NoError(t, pickle.Serializer.Unmarshal(stored, &got))
	require.Equal(t, map[string]any{"level": "<a>", "result": map[string]any{"Err": nil}, "none": nil}, got)

	chain, err := codec.New(codec.Config{Serializers: []codec.Serializer{pickle.Serializer}})
	require.NoError(t, err)
	for held, want := range value { // as a view of any does
		stored, err := chain.AppendAny(nil, want)
		require.NoError(t, err, held)
		var alone any
		_, err = chain.Decode(stored, &alone)
		require.NoError(t, err, held)
		require.Equal(t, got.(map[string]any)[held], alone, held)
	}
}

func TestIntsHaveAMostOfDigits(t *testing.T) {
	// These are the largest int that Python reads as text, and the next int.
	largest := new(big.Int).Sub(power(10, codec.MaxIntegerDigits), big.NewInt(1))
	data, err := pickle.Serializer.Append(nil, largest)
	require.NoError(t, err)
	last := len(data) - 2 // the highest byte comes last
	require.Less(t, data[last], byte(0x7f))
	larger := append([]byte(nil), data...)
	larger[last]++
	longer := "\x80\x04\x8b\x00\x00\x01\x00" + strings.Repeat("\x01", 1<<16) + "."
	for _, into := range []any{new(any), new(big.Int), new(*big.Int), new(uint64), new(map[any]int), new([]any)} {
		for _, data := range []string{string(larger), longer} {
			err := pickle.Serializer.Unmarshal([]byte(data), into)
			require.Error(t, err, "%T", into)
		}
	}
	require.ErrorIs(t, pickle.Serializer.Unmarshal(larger, new(any)), codec.ErrTooLarge)
	require.ErrorIs(t, pickle.Serializer.Unmarshal([]byte(longer), new(*big.Int)), codec.ErrTooLarge)
}
