// Package shop makes values for benchmarks, such as services cache. The values
// are the same in each run, neither random nor constant, and of almost any
// size.
package shop

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// Sizes are the lengths in JSON, in bytes, of the values that benchmarks use.
var Sizes = []int{256, 1 << 10, 16 << 10, 1 << 20}

// SizeName returns a length as people write it: 256 B, 16 KiB.
func SizeName(bytes int) string {
	switch {
	case bytes >= 1<<20 && bytes%(1<<20) == 0:
		return fmt.Sprintf("%d MiB", bytes>>20)
	case bytes >= 1<<10 && bytes%(1<<10) == 0:
		return fmt.Sprintf("%d KiB", bytes>>10)
	}
	return fmt.Sprintf("%d B", bytes)
}

// An Order is a record of a shop.
type Order struct {
	ID        int64     `json:"id"`
	Reference string    `json:"reference"`
	Customer  string    `json:"customer"`
	Email     string    `json:"email"`
	Created   time.Time `json:"created"`
	Paid      bool      `json:"paid"`
	Total     float64   `json:"total"`
	Tags      []string  `json:"tags"`
	Lines     []Line    `json:"lines"`
	Comment   string    `json:"comment"`
}

// A Line is one of the articles of an Order.
type Line struct {
	Article  string  `json:"article"`
	Name     string  `json:"name"`
	Quantity int     `json:"quantity"`
	Price    float64 `json:"price"`
	InStock  bool    `json:"in_stock"`
	Note     *string `json:"note"`
}

// NewOrder returns an order that is size bytes long in JSON: as many lines as fit,
// and a comment that fills the rest. NewOrder panics if size is less than the
// length of an order without lines, about 250 bytes.
func NewOrder(size int) *Order {
	g := generator{rand.New(rand.NewPCG(1, 2))}
	o := g.order()
	length := jsonLength(o)
	for {
		line := g.line()
		if length += jsonLength(line) + len(","); length > size {
			break
		}
		o.Lines = append(o.Lines, line)
	}
	o.Comment = g.sentence(size - jsonLength(o))
	return o
}

func jsonLength(v any) int {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // every field has a form in JSON
	}
	return len(text)
}

type generator struct{ *rand.Rand }

func (g generator) order() *Order {
	first, last := g.word(firstNames), g.word(lastNames)
	return &Order{
		ID:        g.Int64N(1 << 40),
		Reference: fmt.Sprintf("%016x", g.Uint64()),
		Customer:  first + " " + last,
		Email:     strings.ToLower(first+"."+last) + "@example.com",
		Created:   time.Date(2026, 3, 1, 12, 30, 15, 123456000, time.UTC),
		Paid:      true,
		Total:     float64(g.IntN(100_000)) / 100,
		Tags:      []string{g.word(tags), g.word(tags)},
		Lines:     []Line{},
	}
}

func (g generator) line() Line {
	l := Line{
		Article:  fmt.Sprintf("%c%c-%06d", 'A'+rune(g.IntN(26)), 'A'+rune(g.IntN(26)), g.IntN(1_000_000)),
		Name:     g.word(adjectives) + " " + g.word(materials) + " " + g.word(things),
		Quantity: 1 + g.IntN(5),
		Price:    float64(g.IntN(50_000)) / 100,
		InStock:  g.IntN(10) > 0,
	}
	if g.IntN(4) == 0 {
		note := "deliver to " + g.word(lastNames) + ", " + g.word(tags)
		l.Note = &note
	}
	return l
}

// sentence returns words with a total of length bytes.
func (g generator) sentence(length int) string {
	var words strings.Builder
	for words.Len() < length {
		words.WriteString(g.word(adjectives) + " " + g.word(things) + " ")
	}
	return words.String()[:length]
}

func (g generator) word(words []string) string { return words[g.IntN(len(words))] }

var (
	firstNames = []string{"Ada", "Alan", "Barbara", "Claude", "Donald", "Edsger", "Frances", "Grace", "Hedy", "Jean", "John", "Karen", "Ken", "Leslie", "Margaret", "Niklaus", "Radia", "Tony"}
	lastNames  = []string{"Allen", "Bartik", "Dijkstra", "Hamilton", "Hoare", "Hopper", "Knuth", "Lamarr", "Lamport", "Liskov", "Lovelace", "McCarthy", "Perlman", "Shannon", "Thompson", "Turing", "Wirth"}
	tags       = []string{"gift", "express", "returning customer", "wholesale", "fragile", "leave at the door", "invoice", "Größe geprüft", "pre-order"}
	adjectives = []string{"small", "large", "blue", "red", "sturdy", "light", "folding", "waterproof", "classic", "modern", "handmade", "refurbished"}
	materials  = []string{"oak", "steel", "cotton", "leather", "glass", "ceramic", "wool", "bamboo", "aluminium", "linen", "cork"}
	things     = []string{"chair", "table", "lamp", "shelf", "cup", "bag", "jacket", "frame", "knife", "blanket", "stool", "bottle", "clock", "desk", "tray"}
)
