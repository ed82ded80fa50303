package formats

import (
	"encoding/json"
	"math"
	"math/big"
	"net/netip"
	"strings"
	"time"

	"github.com/xcache-go/xcache/codec"
)

// Types as in services.
type (
	// Level is a named integer.
	Level int8
	// Token is a named string.
	Token string
	// Blob is a named slice of bytes.
	Blob []byte
	// Base is embedded in Account.
	Base struct {
		ID int64 `json:"id"`
	}
	// Account has fields of most kinds.
	Account struct {
		Base
		Name    string `json:"name"`
		Admin   bool   `json:"admin,omitempty"`
		Ratio   float64
		Tags    []string
		Limits  map[string]int
		Created time.Time
		Photo   []byte
		Parent  *Account
		Depth   Level
		Hash    [4]byte
		Address netip.Addr
	}
)

// A Class is a value of a class of types.
type Class struct {
	Name  string
	Value any
	// except has the serializers with another result than an equal value of the same type.
	except map[string]exception
}

type exception struct {
	reads any   // the result of reading
	err   error // the error of writing
}

// Stored returns the result of storing the value with a serializer: the value that is read,
// or the class of the error of writing.
func (c Class) Stored(serializer string) (reads any, err error) {
	if e, ok := c.except[serializer]; ok {
		return e.reads, e.err
	}
	return c.Value, nil
}

var created = time.Date(2026, 2, 28, 23, 59, 59, 123456000, time.UTC)

func ada() Account {
	return Account{Base: Base{1 << 60}, Name: "Ada \U0001F980 <&>", Admin: true, Ratio: 0.1, Tags: []string{"a", "b"},
		Limits: map[string]int{"x": -1}, Created: created, Photo: []byte{0, 255}, Depth: 3, Hash: [4]byte{1, 2, 3, 4}, Address: netip.MustParseAddr("::1")}
}

// Classes returns values of every class of types.
func Classes() []Class {
	child := ada()
	parent := ada()
	child.Parent = &parent
	refused := exception{err: codec.ErrUnsupportedValue}
	text := func(name string, value any) Class { return Class{name, value, nil} } // raw stores text as well
	typed := func(name string, value any) Class { return Class{name, value, map[string]exception{"raw": refused}} }
	integer := func(name string, value any) Class { return Class{name, value, nil} } // decimal text with every serializer
	but := func(c Class, serializer string, e exception) Class {
		if c.except == nil {
			c.except = map[string]exception{}
		}
		c.except[serializer] = e
		return c
	}
	bytes := make([]byte, 256)
	for i := range bytes {
		bytes[i] = byte(i)
	}
	accounts := make([]Account, 20)
	for i := range accounts {
		accounts[i] = child
	}
	huge, _ := new(big.Int).SetString("-123456789012345678901234567890", 10)
	invalid := text("string that is not UTF-8", "\xff\xfe")
	for _, s := range []string{"json", "msgpack", "cbor", "pickle"} {
		invalid = but(invalid, s, refused)
	}
	nanoseconds := but(typed("time with nanoseconds", created.Add(789)), "pickle", refused)
	none := typed("nil pointer", (*Account)(nil))
	none = but(none, "gob", refused)
	return []Class{
		integer("int", -42), integer("int8", int8(math.MinInt8)), integer("int64", int64(math.MinInt64)), integer("uint", uint(7)),
		integer("uint64", uint64(math.MaxUint64)), integer("digit", 5), integer("named integer", Level(-3)), integer("duration", time.Hour),
		typed("true", true), typed("false", false),
		typed("float64", 3.25), typed("whole float64", 5.0), typed("float32", float32(0.1)),
		typed("largest float64", math.MaxFloat64), typed("smallest float64", math.SmallestNonzeroFloat64),
		but(typed("infinity", math.Inf(-1)), "json", refused),
		text("string", "hello"), text("string of digits", "12345"), text("empty string", ""),
		text("string of Unicode", "日本語 \U0001F980 \x00 \ufffd"), text("string like a null", "null"), text("string with quotes", `"\ufffd"`), invalid,
		text("named string", Token("secret")),
		text("bytes", []byte("hello")), text("bytes of digits", []byte("42")), text("named bytes", Blob{1, 2, 3}), text("every byte", bytes),
		but(text("no bytes", []byte{}), "gob", exception{reads: []byte(nil)}),
		but(text("nil bytes", []byte(nil)), "raw", exception{reads: []byte{}}),
		typed("array", [3]int{1, -2, 3}), typed("array of bytes", [4]byte{0, 1, 254, 255}),
		typed("ints", []int{1, -2, math.MaxInt}), typed("strings", []string{"a", "", "c"}), typed("floats", []float64{0.5, -0.25, 1e300}),
		but(typed("empty slice", []int{}), "gob", exception{reads: []int(nil)}), typed("nil slice", []int(nil)),
		typed("slices", [][]string{{"a"}, {"b", "c"}}), typed("slice of structs", []Account{ada(), child}),
		typed("map of ints", map[string]int{"a": 1, "b": -2}), typed("map of slices", map[string][]bool{"a": {true, false}}),
		typed("map of structs", map[string]Account{"a": child}), typed("map with keys of integers", map[int]string{-1: "x", 7: "y"}),
		typed("empty map", map[string]int{}), but(typed("nil map", map[string]int(nil)), "gob", exception{reads: map[string]int{}}),
		typed("struct", ada()), typed("nested struct", child), typed("pointer to a struct", &child), none,
		typed("pointer to an int", new(7)), typed("pointer to a digit", new(48)), typed("pointer to a string", new("text")),
		typed("time", created), typed("time of a zone", created.In(time.FixedZone("", -3*3600-1800))), nanoseconds,
		typed("big integer", huge), typed("text of its own", netip.MustParseAddr("10.0.0.1")),
		text("JSON text", json.RawMessage(`{"a":[1,2]}`)),
		// A program would register with gob the types in an any.
		but(typed("any of maps and slices", map[string]any{"a": []any{true, "x", 1.5, nil, map[string]any{"b": "c"}}}), "gob", refused),
		text("long text", strings.Repeat("all work and no play ", 500)), typed("long list", accounts),
	}
}
