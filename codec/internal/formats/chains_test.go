package formats_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/xcache-go/xcache/codec"
	"github.com/xcache-go/xcache/codec/internal/formats"
)

// This file shows that no chain that codec.New accepts reads a value of one format
// as another. Every chain is fed what every format writes, its own and those that it
// does not name: what it reads is equal and was read by what wrote it, or it is an
// error.

// XCACHE_CHAIN_VALUES is how many values each chain is fed; 200000 for each of all
// chains takes hours.
const fewValues = 10

func valuesPerChain(t *testing.T) int {
	text := os.Getenv("XCACHE_CHAIN_VALUES")
	if text == "" {
		return fewValues
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("XCACHE_CHAIN_VALUES=%q is not a number of values", text)
	}
	return n
}

// A sample is a stored value, and what its own writer reads.
type sample struct {
	writer formats.Single
	stored []byte
	like   any // a value of the type that it is read as
	read   codec.Read
	value  any   // what the writer reads
	err    error // or why it does not
}

func samples(n int) []sample {
	r := rand.New(rand.NewPCG(1, 2))
	writers := append(formats.Singles(codec.CompressAlways), formats.Singles(0)...)
	all := make([]sample, 0, n)
	for len(all) < n {
		w := writers[r.IntN(len(writers))]
		v := randomValue(r)
		stored, err := w.Chain.Append(nil, v)
		if err != nil {
			continue // the serializer has no form for it
		}
		s := sample{writer: w, stored: stored, like: v}
		if r.IntN(4) == 0 {
			s.like = new(any)
		}
		s.value, s.read, s.err = readLike(w.Chain, stored, s.like)
		all = append(all, s)
	}
	return all
}

// readLike is readAs; a *any stands for any.
func readLike(chain *codec.Chain, stored []byte, like any) (any, codec.Read, error) {
	if _, ok := like.(*any); ok {
		var v any
		read, err := chain.Decode(stored, &v)
		return v, read, err
	}
	return readAs(chain, stored, like)
}

// orders returns the lists of up to most members, in every order if ordered says
// so.
func orders[M any](members []M, most int, ordered bool) [][]M {
	lists := [][]M{nil}
	var extend func(list []M, used, from int)
	extend = func(list []M, used, from int) {
		if len(list) == most {
			return
		}
		for i := from; i < len(members); i++ {
			if used&(1<<i) != 0 {
				continue
			}
			longer := append(slices.Clip(list), members[i])
			lists = append(lists, longer)
			next := 0
			if !ordered {
				next = i + 1
			}
			extend(longer, used|1<<i, next)
		}
	}
	extend(nil, 0, 0)
	return lists
}

func accepted(compressorOrders bool) []codec.Config {
	var configs []codec.Config
	for _, serializers := range orders(formats.Serializers(), 3, true)[1:] {
		for _, compressors := range orders(formats.Compressors(), 3, compressorOrders) {
			for _, format := range []codec.Format{codec.Plain, codec.Tagged} {
				config := codec.Config{Serializers: serializers, Compressors: compressors, Format: format}
				if _, err := codec.New(config); err == nil {
					configs = append(configs, config)
				}
			}
		}
	}
	return configs
}

func describe(c codec.Config) string {
	var b strings.Builder
	for _, s := range c.Serializers {
		b.WriteString(s.Name() + ",")
	}
	for _, m := range c.Compressors {
		b.WriteString("+" + m.Name())
	}
	return b.String() + "/" + c.Format.String()
}

func TestNoChainReadsAValueOfOneFormatAsAnother(t *testing.T) {
	n := valuesPerChain(t)
	pool := samples(max(n, 20_000))
	bySize := map[string][]codec.Config{}
	for _, config := range accepted(false) {
		size := fmt.Sprintf("%d+%d", len(config.Serializers), len(config.Compressors))
		bySize[size] = append(bySize[size], config)
	}
	for size, configs := range bySize { // all of 2 serializers and 1 compressor: -run NoChain/2.1
		t.Run(size, func(t *testing.T) { checkChains(t, configs, pool, n) })
	}
}

func checkChains(t *testing.T, configs []codec.Config, pool []sample, n int) {
	reads, good := 0, 0
	for i, config := range configs {
		chain, err := codec.New(config)
		if err != nil {
			t.Fatal(err)
		}
		names, own := map[string]bool{}, ownPlain(config)
		for _, s := range config.Serializers {
			names[s.Name()] = true
		}
		for _, m := range config.Compressors {
			names["+"+m.Name()] = true
		}
		for j := range n {
			s := &pool[(i*7919+j)%len(pool)]
			value, read, err := readLike(chain, s.stored, s.like)
			reads++
			if onlyRaw(config) && !s.read.Tagged || config.Format == codec.Plain && config.Serializers[0] == codec.Raw {
				continue // any bytes are a value to it
			}
			if s.read.Serializer == "raw" && !s.read.Tagged {
				continue // it may be what another format writes
			}
			if err != nil {
				named := s.read.Serializer == codec.Decimal || names[s.read.Serializer] && (s.read.Compressor == "" || names["+"+s.read.Compressor])
				if s.err == nil && named && (s.read.Tagged || own) {
					t.Fatalf("%s: a value of %s, %x, is not read: %v", describe(config), s.writer.Name, s.stored, err)
				}
				if !errors.Is(err, codec.ErrCorrupt) && !errors.Is(err, codec.ErrTooLarge) && !errors.Is(err, codec.ErrUnsupportedValue) {
					t.Fatalf("%s: %x of %s: %v matches no sentinel", describe(config), s.stored, s.writer.Name, err)
				}
				continue
			}
			good++
			read.Fallback = s.read.Fallback
			if s.err != nil || !equal(value, s.value) || read != s.read {
				t.Errorf("%s: %.60x, %s of %s, is read as %.60s by %+v, want %.60s by %+v, %v", describe(config), s.stored, kind(s.like), s.writer.Name,
					fmt.Sprintf("%#v", value), read, fmt.Sprintf("%#v", s.value), s.read, s.err)
			}
		}
	}
	t.Logf("%d chains, %d values each, %d reads, of which %d gave a value", len(configs), n, reads, good)
}

func kind(like any) string {
	if _, ok := like.(*any); ok {
		return "an any"
	}
	return fmt.Sprintf("a %T", like)
}

func onlyRaw(c codec.Config) bool { return len(c.Serializers) == 1 && c.Serializers[0] == codec.Raw }

// ownPlain reports whether a chain reads the plain values of its members.
func ownPlain(c codec.Config) bool {
	c.Format = codec.Plain
	_, err := codec.New(c)
	return err == nil
}

// At most one format takes bytes for its own, whatever the order in which they are
// asked: so the order of the members of a chain does not count.
func TestAtMostOneFormatRecognizesAValue(t *testing.T) {
	n := max(valuesPerChain(t), 20_000)
	for _, s := range samples(n) {
		if s.read.Serializer == "raw" && !s.read.Tagged {
			continue
		}
		var by []string
		for _, f := range formats.Serializers() {
			if r, ok := f.(codec.Recognizer); ok && r.Recognize(s.stored) {
				by = append(by, f.Name())
			}
		}
		for _, f := range formats.Compressors() {
			if r, ok := f.(codec.Recognizer); ok && r.Recognize(s.stored) {
				by = append(by, f.Name())
			}
		}
		if len(by) > 1 || len(by) == 1 && s.read.Tagged {
			t.Errorf("%.60x of %s is recognised by %v", s.stored, s.writer.Name, by)
		}
	}
}

// The chains of every order of their compressors, too, read what their members write.
func TestTheOrderOfCompressorsDoesNotCount(t *testing.T) {
	pool := samples(5000)
	reads := 0
	for i, config := range accepted(true) {
		if i%37 != 0 && os.Getenv("XCACHE_CHAIN_VALUES") == "" || onlyRaw(config) {
			continue
		}
		chain, err := codec.New(config)
		if err != nil {
			t.Fatal(err)
		}
		for j := range 100 {
			s := &pool[(i*101+j)%len(pool)]
			if s.read.Serializer == "raw" && !s.read.Tagged {
				continue
			}
			value, read, err := readLike(chain, s.stored, s.like)
			reads++
			read.Fallback = s.read.Fallback
			if err == nil && (s.err != nil || !equal(value, s.value) || read != s.read) {
				t.Errorf("%s: %.60x of %s is read by %+v, want %+v, %v", describe(config), s.stored, s.writer.Name, read, s.read, s.err)
			}
		}
	}
	t.Logf("%d reads", reads)
}
