package main

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"

	"github.com/bytedance/sonic"
	experiment "github.com/go-json-experiment/json"
	goccy "github.com/goccy/go-json"
	jsoniter "github.com/json-iterator/go"
	segmentio "github.com/segmentio/encoding/json"

	"github.com/xcache-go/xcache/codec"
	"github.com/xcache-go/xcache/internal/shop"
)

// A jsonLibrary is an implementation of JSON. If the authors name settings
// that are compatible with encoding/json, the library has those settings.
type jsonLibrary struct {
	name      string
	marshal   func(v any) ([]byte, error)
	unmarshal func(data []byte, v any) error
}

var jsonLibraries = []jsonLibrary{
	{"encoding/json", json.Marshal, json.Unmarshal},
	{"xcache's json", func(v any) ([]byte, error) { return codec.JSON.Append(nil, v) }, codec.JSON.Unmarshal},
	{"goccy/go-json", goccy.Marshal, goccy.Unmarshal},
	{"bytedance/sonic", sonic.ConfigStd.Marshal, sonic.ConfigStd.Unmarshal},
	{"json-iterator/go", jsoniter.ConfigCompatibleWithStandardLibrary.Marshal, jsoniter.ConfigCompatibleWithStandardLibrary.Unmarshal},
	{"segmentio/encoding", segmentio.Marshal, segmentio.Unmarshal},
	{"go-json-experiment (v2)",
		func(v any) ([]byte, error) { return experiment.Marshal(v) },
		func(data []byte, v any) error { return experiment.Unmarshal(data, v) }},
}

func jsonTables() []codecTable {
	var all []codecTable
	for _, size := range []int{256, 1 << 10, 16 << 10} {
		order := shop.NewOrder(size)
		text := must(json.Marshal(order))
		t := codecTable{name: "JSON libraries, " + shop.SizeName(size), size: size}
		for _, lib := range jsonLibraries {
			t.rows = append(t.rows, codecRow{lib.name, len(must(lib.marshal(order))),
				func() error { _, err := lib.marshal(order); return err },
				func() error { return lib.unmarshal(text, new(shop.Order)) }})
		}
		all = append(all, t)
	}
	return all
}

// strictness counts the wrong texts that each implementation accepts. A cache
// reads data that other programs wrote, or that a disk or a network changed,
// and gives every accepted value to the program.
type strictness struct{}

func (strictness) title() string { return "JSON libraries, strictness" }

func (t strictness) record(int) (record, error) {
	invalid, damaged := invalidTexts(), damagedOrders(50_000)
	r := record{Heads: []string{t.title()}, Columns: []column{
		{fmt.Sprintf("of %d that are not JSON, taken", len(invalid)), counts},
		{fmt.Sprintf("of %d that do not fit their type, taken", len(misfits)), counts},
		{fmt.Sprintf("of %d orders, damaged, not JSON and yet taken", len(damaged)), counts},
		{"taken for another value", counts}, {"panics", counts},
	}}
	for _, lib := range jsonLibraries {
		panics := 0
		takes := func(text []byte, v any) (taken bool) {
			defer func() {
				if recover() != nil {
					panics++
				}
			}()
			return lib.unmarshal(slices.Clone(text), v) == nil
		}
		wrong, unfit, broken, other := 0, 0, 0, 0
		for _, text := range invalid {
			if takes([]byte(text.text), text.into()) {
				wrong++
			}
		}
		for _, text := range misfits {
			if takes([]byte(text.text), text.into()) {
				unfit++
			}
		}
		for _, text := range damaged {
			for _, into := range destinations {
				got, want := into(), into()
				if !takes(text, got) {
					continue
				}
				switch {
				case !json.Valid(text):
					broken++
				case json.Unmarshal(text, want) != nil || !reflect.DeepEqual(got, want):
					other++
				}
			}
		}
		r.Rows = append(r.Rows, row{[]string{lib.name}, []float64{float64(wrong), float64(unfit), float64(broken), float64(other), float64(panics)}})
	}
	return r, nil
}

// A jsonText is a text, and the type to read the text into.
type jsonText struct {
	text string
	into func() any
}

// destinations are the types to read an order into: the whole type, a type with
// a part of the fields, and no type at all.
var destinations = []func() any{
	func() any { return new(shop.Order) },
	func() any { return new(struct{ ID int64 }) },
	func() any { return new(any) },
}

// invalidTexts returns each text of notJSON alone, in a field that is read, and
// in a field that is skipped.
func invalidTexts() []jsonText {
	var all []jsonText
	for _, text := range notJSON {
		for _, into := range destinations {
			for _, around := range []string{"%s", "[%s]", `{"comment":%s}`, `{"nobody":%s}`, `{"nobody":[%s,1]}`} {
				if whole := fmt.Sprintf(around, text); !json.Valid([]byte(whole)) {
					all = append(all, jsonText{whole, into})
				}
			}
		}
	}
	return all
}

// notJSON is text that RFC 8259 does not allow.
var notJSON = []string{
	"", " ", "x", "nul", "nulll", "tru", "True", "NaN", "Infinity", "-", "-Infinity", "+1", "01", "-01", "1.", ".5", "1e", "1e+", "1.e1", "0x1", "1_000", "1 2",
	`"`, `"a`, `'a'`, `"\x41"`, `"\u12"`, `"\uZZZZ"`, `"\`, "\"a\nb\"", "\"a\tb\"", "\"\x00\"", "\"\x1f\"",
	"[", "]", "[1", "[1,", "[1,]", "[,1]", "[1 2]", "[1,,2]", "[1]]", "[1]x", "[1]\x00", "[1}", "[\v1]", "[1\u00a0]",
	"{", "}", "{}}", `{"a"}`, `{"a":}`, `{"a":1,}`, `{"a":1 "b":2}`, `{"a":1,,"b":2}`, `{a:1}`, `{'a':1}`, `{1:1}`, `{"a" 1}`, `{"a":1}x`, `{"a"::1}`, `{,"a":1}`, `{"a":1]`, `{"a":"b}`,
	"\ufeff{}", "/**/1", "1//", "{}\x00", "{}{}", "null null", "truefalse", "1,",
}

// misfits is JSON with values that the wanted type cannot hold.
var misfits = []jsonText{
	{"300", func() any { return new(int8) }},
	{"-1", func() any { return new(uint) }},
	{"1.5", func() any { return new(int) }},
	{"1e2", func() any { return new(int) }},
	{"9223372036854775808", func() any { return new(int64) }},
	{"18446744073709551616", func() any { return new(uint64) }},
	{"1e400", func() any { return new(float64) }},
	{"1e400", func() any { return new(any) }},
	{"1e39", func() any { return new(float32) }},
	{`"1"`, func() any { return new(int) }},
	{"1", func() any { return new(string) }},
	{"1", func() any { return new(bool) }},
	{"true", func() any { return new(int) }},
	{"[1]", func() any { return new(map[string]int) }},
	{"{}", func() any { return new([]int) }},
	{`{"a":300}`, func() any { return new(map[string]uint8) }},
	{`"!"`, func() any { return new([]byte) }},
	{`"2026-02-30T00:00:00Z"`, func() any { return new(struct{ shop.Order }) }},
	{"\"\xff\"", func() any { return new(string) }},
	{"null", func() any { return new(shop.Order) }},
	{"null", func() any { return new(int) }},
}

// damagedOrders returns JSON of an order with one or two bytes changed,
// inserted or left out.
func damagedOrders(n int) (damaged [][]byte) {
	text := must(json.Marshal(shop.NewOrder(1 << 10)))
	random := rand.New(rand.NewPCG(1, 2))
	for range n {
		changed := slices.Clone(text)
		for range 1 + random.IntN(2) {
			switch i := random.IntN(len(changed)); random.IntN(4) {
			case 0:
				changed[i] ^= 1 << random.IntN(8)
			case 1:
				changed[i] = `{}[]",:\0e-.nt`[random.IntN(14)]
			case 2:
				changed = slices.Delete(changed, i, i+1)
			case 3:
				changed = slices.Insert(changed, i, byte(random.IntN(math.MaxUint8+1)))
			}
		}
		damaged = append(damaged, changed)
	}
	return damaged
}
