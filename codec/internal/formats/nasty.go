package formats

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// A Nasty is a value that some library for a format changes, cannot read back, or never
// finishes writing.
type Nasty struct {
	Name  string
	Value any
	// StoredBy has the names of the serializers that store the value, separated by spaces.
	// All other serializers refuse the value.
	StoredBy string
}

// These types have methods that write them, and unexported fields. The letters name the
// methods: J for JSON, T for text, B for binary, and G for gob. V means receivers that are
// no pointers.
type (
	hiddenJ   struct{ cents int64 }
	hiddenVJ  struct{ cents int64 }
	hiddenT   struct{ cents int64 }
	hiddenB   struct{ cents int64 }
	hiddenG   struct{ cents int64 }
	hiddenAll struct{ cents int64 }
	// mixedJ has exported and unexported fields.
	mixedJ struct {
		Currency string
		cents    int64
	}
	halfJ    struct{ Cents int64 } // is written by a method, and not read
	halfT    struct{ Cents int64 }
	halfB    struct{ Cents int64 }
	readerJ  struct{ Cents int64 } // is read by a method, and not written
	keyT     struct{ n int }       // text, also as a key
	keyHalf  int
	keyTwice string
	colour   int // an enumeration with names
	nullable struct {
		N     int64
		Valid bool
	}
)

func cents(data []byte) (n int64, err error) {
	_, err = fmt.Sscanf(string(data), `"%d c"`, &n)
	return n, err
}

func (h *hiddenJ) MarshalJSON() ([]byte, error)       { return fmt.Appendf(nil, `"%d c"`, h.cents), nil }
func (h *hiddenJ) UnmarshalJSON(b []byte) (err error) { h.cents, err = cents(b); return err }

func (h hiddenVJ) MarshalJSON() ([]byte, error)        { return fmt.Appendf(nil, `"%d c"`, h.cents), nil }
func (h *hiddenVJ) UnmarshalJSON(b []byte) (err error) { h.cents, err = cents(b); return err }

func (h *hiddenT) MarshalText() ([]byte, error) { return strconv.AppendInt(nil, h.cents, 10), nil }
func (h *hiddenT) UnmarshalText(b []byte) (err error) {
	h.cents, err = strconv.ParseInt(string(b), 10, 64)
	return err
}

func (h *hiddenB) MarshalBinary() ([]byte, error) { return strconv.AppendInt(nil, h.cents, 10), nil }
func (h *hiddenB) UnmarshalBinary(b []byte) (err error) {
	h.cents, err = strconv.ParseInt(string(b), 10, 64)
	return err
}

func (h *hiddenG) GobEncode() ([]byte, error) { return strconv.AppendInt(nil, h.cents, 10), nil }
func (h *hiddenG) GobDecode(b []byte) (err error) {
	h.cents, err = strconv.ParseInt(string(b), 10, 64)
	return err
}

func (h *hiddenAll) MarshalJSON() ([]byte, error)         { return (*hiddenJ)(h).MarshalJSON() }
func (h *hiddenAll) UnmarshalJSON(b []byte) error         { return (*hiddenJ)(h).UnmarshalJSON(b) }
func (h *hiddenAll) MarshalText() ([]byte, error)         { return (*hiddenT)(h).MarshalText() }
func (h *hiddenAll) UnmarshalText(b []byte) error         { return (*hiddenT)(h).UnmarshalText(b) }
func (h *hiddenAll) MarshalBinary() ([]byte, error)       { return (*hiddenB)(h).MarshalBinary() }
func (h *hiddenAll) UnmarshalBinary(b []byte) (err error) { return (*hiddenB)(h).UnmarshalBinary(b) }

func (m mixedJ) MarshalJSON() ([]byte, error) {
	return fmt.Appendf(nil, `[%q,%d]`, m.Currency, m.cents), nil
}
func (m *mixedJ) UnmarshalJSON(b []byte) error {
	return json.Unmarshal(b, &[]any{&m.Currency, &m.cents})
}

func (halfJ) MarshalJSON() ([]byte, error)   { return []byte(`"12"`), nil }
func (halfT) MarshalText() ([]byte, error)   { return []byte("12"), nil }
func (halfB) MarshalBinary() ([]byte, error) { return []byte("12"), nil }

func (r *readerJ) UnmarshalJSON([]byte) error { r.Cents = 1; return nil }

func (k keyT) MarshalText() ([]byte, error) { return strconv.AppendInt(nil, int64(k.n), 10), nil }
func (k *keyT) UnmarshalText(b []byte) (err error) {
	k.n, err = strconv.Atoi(string(b))
	return err
}
func (k keyHalf) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "k%d", int(k)), nil }

func (k keyTwice) MarshalText() ([]byte, error) { return []byte("<" + k + ">"), nil }
func (k *keyTwice) UnmarshalText(b []byte) error {
	if len(b) < 2 || b[0] != '<' {
		return errors.New("no brackets")
	}
	*k = keyTwice(b[1 : len(b)-1])
	return nil
}

func (c colour) MarshalText() ([]byte, error) {
	return [][]byte{[]byte("red"), []byte("green")}[c], nil
}
func (c *colour) UnmarshalText(b []byte) error {
	*c = 0
	if string(b) == "green" {
		*c = 1
	}
	return nil
}

func (n nullable) MarshalJSON() ([]byte, error) {
	if !n.Valid {
		return []byte("null"), nil
	}
	return strconv.AppendInt(nil, n.N, 10), nil
}
func (n *nullable) UnmarshalJSON(b []byte) (err error) {
	if n.Valid = string(b) != "null"; n.Valid {
		n.N, err = strconv.ParseInt(string(b), 10, 64)
	}
	return err
}

// Types that embed, hide and refer.
type (
	shape   interface{ Area() float64 }
	square  struct{ Side float64 }
	drawing struct{ S shape }

	inner       struct{ A int }
	innerHidden struct{ a int }
	timed       struct {
		time.Time
		Name string
	}
	ring struct {
		N    int
		Next *ring
	}
	family struct {
		Name     string
		Parent   *family
		Children []*family
	}
	tree  map[string]tree
	lists []lists
	chain *chain
)

func (s square) Area() float64 { return s.Side * s.Side }

// Nasties returns nasty values. Some serializer is known to have failed for the type of
// each.
func Nasties() []Nasty {
	const (
		all     = "json gob msgpack cbor pickle"
		nobody  = ""
		noGob   = "json msgpack cbor pickle"
		noJSON  = "gob msgpack cbor pickle"
		onlyGob = "gob"
	)
	self := &ring{N: 1}
	self.Next = self
	parent := &family{Name: "parent"}
	for range 20 {
		parent.Children = append(parent.Children, &family{Name: "child", Parent: parent})
	}
	loop := tree{}
	loop["self"] = loop
	slice := lists{nil}
	slice[0] = slice
	var pointers chain
	pointers = &pointers
	anys := map[string]any{}
	anys["self"] = anys
	var pointing any
	pointing = &pointing
	anyList := []any{nil}
	anyList[0] = map[string]any{"list": anyList}
	deep := &ring{N: 30}
	for i := range 29 {
		deep = &ring{N: i, Next: deep}
	}
	seconds := time.FixedZone("", -(44*60 + 30))
	old := time.Date(1900, 1, 1, 12, 0, 0, 0, seconds)
	rat := big.NewRat(1, 3)
	long := new(big.Rat).SetFrac(new(big.Int).Exp(big.NewInt(10), big.NewInt(5000), nil), big.NewInt(7))
	link := &url.URL{Scheme: "https", Host: "example.org", User: url.UserPassword("a", "b")}
	return []Nasty{
		// Methods with pointer receivers, on values without an address.
		{"MarshalJSON of a pointer", hiddenJ{12}, "json msgpack"}, {"MarshalJSON of a value", hiddenVJ{12}, "json msgpack"},
		{"MarshalText of a pointer", hiddenT{12}, "json msgpack cbor pickle"}, {"MarshalBinary of a pointer", hiddenB{12}, "gob msgpack cbor"},
		{"GobEncode of a pointer", hiddenG{12}, onlyGob}, {"all methods of a pointer", hiddenAll{12}, all},
		{"MarshalJSON of a pointer, in a field", struct{ M hiddenJ }{hiddenJ{12}}, "json msgpack"},
		{"MarshalJSON of a pointer, in an array", [2]hiddenJ{{1}, {2}}, "json msgpack"},
		{"MarshalJSON of a pointer, in a slice", []hiddenJ{{1}, {2}}, "json msgpack"},
		{"MarshalJSON of a pointer, in a map", map[string]hiddenJ{"a": {1}}, "msgpack"},
		{"MarshalJSON of a pointer, behind pointers in a map", map[string]*hiddenJ{"a": {1}}, "json msgpack"},
		{"MarshalJSON of a value, in a map", map[string]hiddenVJ{"a": {1}}, "json msgpack"},
		{"MarshalText of a pointer, in a map", map[string]hiddenT{"a": {1}}, "msgpack cbor pickle"},
		{"big.Int by value", *big.NewInt(12), all}, {"big.Int in a field", struct{ N big.Int }{*big.NewInt(12)}, all},
		{"big.Int in a map", map[string]big.Int{"a": *big.NewInt(12)}, "msgpack cbor pickle"},
		{"big.Rat", rat, all}, {"big.Rat by value", *rat, all},
		{"big.Rat of too many digits", long, "gob pickle"},
		{"big.Float", big.NewFloat(0.1), onlyGob}, {"big.Float of many bits", new(big.Float).SetPrec(300).Quo(big.NewFloat(1), big.NewFloat(3)), onlyGob},
		{"fields of both kinds, MarshalJSON", mixedJ{"EUR", 12}, "json msgpack"},
		{"enumeration", colour(1), all + " raw"}, {"enumeration in a field", struct{ C colour }{1}, all}, {"enumeration as a string", struct {
			C colour `json:",string"`
		}{1}, "gob msgpack cbor pickle"},

		// Types with one method of a pair.
		{"MarshalJSON alone", halfJ{12}, noJSON}, {"MarshalText alone", halfT{12}, "gob msgpack"}, {"MarshalBinary alone", halfB{12}, "json msgpack pickle"},
		{"UnmarshalJSON alone", readerJ{12}, noJSON},

		// Types that are written and not read back, or the reverse.
		{"interface with methods", drawing{square{2}}, nobody}, {"interface with methods, nil", drawing{}, onlyGob},
		{"interface with methods, in a slice", []shape{square{2}}, nobody}, {"error in a field", struct{ Err error }{errors.New("x")}, nobody},
		{"embedded interface", struct {
			fmt.Stringer
			N int
		}{nil, 1}, onlyGob},
		{"error", errors.New("x"), nobody}, {"joined error", &net.OpError{Op: "dial", Err: errors.New("x")}, nobody},
		{"embedded pointer to an unexported struct", struct {
			*inner
			B int
		}{&inner{1}, 2}, nobody},
		{"embedded unexported struct", struct {
			inner
			B int
		}{inner{1}, 2}, noGob},
		{"embedded pointer", struct {
			*Outer
			B int
		}{&Outer{1}, 2}, all},
		{"channel in a field", struct{ C chan int }{}, nobody}, {"function in a field", struct {
			F func() `json:",omitempty"`
			N int
		}{nil, 1}, "pickle"},
		{"complex number", complex(1, 2), onlyGob}, {"complex number in a field", struct{ C complex64 }{1}, onlyGob},

		// Fields that are lost.
		{"unexported fields only", struct{ a int }{1}, nobody}, {"unexported fields only, in a field", struct{ H innerHidden }{innerHidden{1}}, nobody},
		{"unexported fields only, behind a pointer", &innerHidden{1}, nobody}, {"unexported fields only, in a slice", []innerHidden{{1}}, nobody},
		{"atomic counter", &struct{ N atomic.Int64 }{}, nobody}, {"mutex", &struct{ Mu sync.Mutex }{}, nobody},
		{"regular expression", regexp.MustCompile("a+"), "json msgpack cbor pickle"}, {"no fields", struct{}{}, all},
		{"url", link, "gob msgpack cbor"}, {"time zone", time.UTC, nobody},
		{"fields beside an embedded time", timed{time.Unix(1, 0).UTC(), "Ada"}, nobody},
		{"embedded time alone", struct{ T struct{ time.Time } }{struct{ time.Time }{time.Unix(1, 0).UTC()}}, "gob msgpack cbor pickle"},
		{"field that hides another", struct {
			Outer
			A string
		}{Outer{1}, "x"}, onlyGob},
		{"fields of the same name", struct {
			Outer
			Other
		}{Outer{1}, Other{2}}, onlyGob},

		// Keys of maps.
		{"keys of text", map[keyT]int{{1}: 2}, "json msgpack cbor pickle"}, {"keys of half a text", map[keyHalf]int{1: 2}, "gob msgpack"},
		{"keys of text, made of strings", map[keyTwice]int{"<a>": 2}, "gob msgpack cbor pickle"}, {"keys of names", map[colour]int{1: 2}, "json gob msgpack cbor pickle"},
		{"keys of addresses", map[netip.Addr]int{netip.MustParseAddr("::1"): 2}, all},
		{"keys of any", map[any]int{"a": 1, 2: 3}, onlyGob}, {"keys of any that are read as they are", map[any]int{"a": 1, int64(2): 3, 0.5: 4, true: 5}, "gob pickle"},
		{"keys of any that are text", map[any]int{netip.MustParseAddr("::1"): 1}, nobody}, {"keys of times", map[time.Time]int{old: 1}, nobody},
		{"keys that embed times", map[Stamp]int{{time.Unix(1, 0)}: 1}, nobody},
		{"keys of pointers", map[*int]int{new(1): 2}, nobody}, {"keys of floats", map[float64]int{0.5: 1}, "gob msgpack cbor pickle"},
		{"keys of structs", map[Outer]int{{1}: 2}, "gob msgpack cbor"}, {"keys of arrays", map[[2]int]int{{1}: 2}, "gob msgpack cbor"},
		{"keys of bools", map[bool]int{true: 1}, "gob msgpack cbor pickle"},

		// Pointers.
		{"pointer to zero in a field", struct{ P *int }{new(int)}, noGob}, {"pointer to no text in a field", struct{ P *string }{new("")}, noGob},
		{"pointer to false in a field", struct{ P *bool }{new(bool)}, noGob}, {"pointer to the zero time in a field", struct{ P *time.Time }{new(time.Time)}, "json msgpack pickle"},
		{"pointer to a number in a field", struct{ P *int }{new(7)}, all}, {"pointer to an empty struct in a field", struct{ P *Outer }{&Outer{}}, all},
		{"pointers to zero", []*int{new(int), new(1)}, all}, {"pointer to a nil pointer", new(*int), nobody},
		{"pointer to a nil slice in a field", struct{ P *[]int }{new([]int)}, nobody}, {"pointer to nil bytes in a field", struct{ P *[]byte }{new([]byte)}, nobody},
		{"pointer to what is written as null", &nullable{}, "gob msgpack cbor pickle"}, {"what is written as null", struct{ N nullable }{}, all},

		// Values that refer to themselves, and some that do not.
		{"ring", self, nobody}, {"parent and children", parent, nobody}, {"map in itself", loop, nobody}, {"slice in itself", slice, nobody},
		{"pointer to itself", pointers, nobody}, {"any that points to itself", pointing, nobody}, {"any in itself", anys, nobody}, {"list of any in itself", anyList, nobody},
		{"30 levels", deep, all}, {"empty tree", tree{"a": {}, "b": {"c": {}}}, all},

		// Times.
		{"zero time", time.Time{}, all}, {"zero time in a field", struct{ T time.Time }{}, all}, {"zero time in a slice", []time.Time{{}, time.Unix(1, 0).UTC()}, all},
		{"zero time in a map", map[string]time.Time{"a": {}}, all}, {"zero time behind a pointer", new(time.Time), "json gob msgpack pickle"},
		{"zone with seconds", old, "gob msgpack pickle"}, {"zone with seconds, in a field", struct{ T time.Time }{old}, "gob msgpack pickle"},
		{"zone with seconds, behind a pointer", struct{ T *time.Time }{&old}, "gob msgpack pickle"}, {"zone with seconds, in a map", map[string]time.Time{"a": old}, "gob msgpack pickle"},
		{"zone with seconds, embedded", Stamp{old}, "gob msgpack cbor"}, {"zone with seconds, embedded twice", Stamped{Stamp{old}}, "gob msgpack cbor"},
		{"embedded pointer to a time", struct{ *time.Time }{&old}, ""}, {"embedded pointer to a time, nil", struct{ *time.Time }{}, ""},
		{"embedded pointer to a time, in what is embedded", struct{ PointsTo }{}, ""}, {"embedded pointer to a number", struct{ *big.Int }{}, ""},
		{"zone of minutes, embedded twice", Stamped{Stamp{time.Unix(1, 0).In(time.FixedZone("", 5400))}}, all},
		{"zone of a day", time.Unix(0, 0).In(time.FixedZone("", 86400)), "gob msgpack"}, {"zone of a day and a half", time.Unix(0, 0).In(time.FixedZone("", -129600)), "gob msgpack"},
		{"year 10000", time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC), "gob msgpack"}, {"year -1", time.Date(-1, 1, 1, 0, 0, 0, 0, time.UTC), "gob msgpack"},
		{"year 0", time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC), "json gob msgpack cbor"}, {"end of 9999", time.Date(9999, 12, 31, 23, 59, 59, 999999000, time.UTC), all},
		{"far future", time.Unix(1<<60, 0).UTC(), "gob msgpack"}, {"before 1970", time.Unix(-1, 999999000).UTC(), all}, {"now", time.Now().Truncate(time.Microsecond), all},

		// Numbers.
		{"minus zero", math.Copysign(0, -1), all}, {"largest uint64 in a field", struct{ N uint64 }{math.MaxUint64}, all},
		{"uintptr in a field", struct{ N uintptr }{7}, "json gob msgpack pickle"}, {"raw JSON in a field", struct{ R json.RawMessage }{json.RawMessage(`{"a":1}`)}, all},
		{"number of JSON", json.Number("12345678901234567890123"), all + " raw"}, {"IP address", struct{ IP net.IP }{net.ParseIP("10.0.0.1")}, all},
	}
}

// Outer and Other have a field of the same name.
type (
	// Outer is embedded.
	Outer struct{ A int }
	// Other is embedded beside it.
	Other struct{ A int }
)

// A Stamp embeds a time.
type Stamp struct{ time.Time }

// A Stamped embeds a Stamp.
type Stamped struct{ Stamp }

// PointsTo embeds a pointer, and has its methods.
type PointsTo struct{ *time.Time }
