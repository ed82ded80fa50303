package formats_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"reflect"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/codec"
	"github.com/xcache-go/xcache/codec/internal/formats"
)

// This file shows that no chain that codec.New accepts reads a value of one format
// as another. Every chain is fed what every format writes, its own and those that it
// does not name: what it reads is equal and was read by what wrote it, or it is an
// error.

// XCACHE_CHAIN_VALUES is how many values each chain is fed. 200000 for each of all
// chains takes most of an hour.
const fewValues = 10

func valuesPerChain(t *testing.T) int {
	text := os.Getenv("XCACHE_CHAIN_VALUES")
	if text == "" {
		return fewValues
	}
	n, err := strconv.Atoi(text)
	require.NoError(t, err, "XCACHE_CHAIN_VALUES=%q is not a number of values", text)
	require.GreaterOrEqual(t, n, 1, "XCACHE_CHAIN_VALUES=%q is not a number of values", text)
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

// tiny is what 99 of 100 stored values are shorter than: the shorter bytes are, the
// more easily they are taken for something else. No xz is shorter than 68 bytes.
const tiny = 96

func samples(n int) []sample {
	samplesMade.Lock()
	defer samplesMade.Unlock()
	if n <= len(samplesMade.all) {
		return samplesMade.all[:n]
	}
	r := rand.New(rand.NewPCG(1, 2))
	writers := append(formats.Singles(codec.CompressAlways), formats.Singles(0)...)
	all := make([]sample, 0, n)
	for len(all) < n {
		w := writers[r.IntN(len(writers))]
		large := r.IntN(100) == 0
		v := randomValue(r, large)
		stored, err := w.Chain.Append(nil, v)
		if err != nil || len(stored) >= tiny && !large {
			continue // the serializer has no form for it, or a long one
		}
		s := sample{writer: w, stored: stored, like: v}
		if r.IntN(4) == 0 {
			s.like = new(any)
		}
		s.value, s.read, s.err = readLike(w.Chain, stored, s.like)
		all = append(all, s)
	}
	samplesMade.all = all
	return all
}

var samplesMade struct {
	sync.Mutex
	all []sample
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
	pool := samples(max(n, 5000))
	bySize := map[string][]codec.Config{}
	for _, config := range accepted(false) {
		size := fmt.Sprintf("%d+%d", len(config.Serializers), len(config.Compressors))
		bySize[size] = append(bySize[size], config)
	}
	for _, size := range slices.Sorted(maps.Keys(bySize)) { // all of 2 serializers and 1 compressor: -run NoChain/2.1
		t.Run(size, func(t *testing.T) { checkChains(t, bySize[size], pool, n) })
	}
}

func checkChains(t *testing.T, configs []codec.Config, pool []sample, n int) {
	start := time.Now()
	var next, reads, good atomic.Int64
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			r := chainReader{targets: map[reflect.Type]target{}}
			for i := int(next.Add(1)) - 1; i < len(configs) && !t.Failed(); i = int(next.Add(1)) - 1 {
				r.check(t, configs[i], pool, i*7919, n)
			}
			reads.Add(r.reads)
			good.Add(r.good)
		})
	}
	workers.Wait()
	t.Logf("%d chains, %d values each, %d reads, of which %d gave a value, in %v", len(configs), n, reads.Load(), good.Load(), time.Since(start).Round(time.Millisecond))
}

// A chainReader has chains read samples. It reads all of a type into one value.
type chainReader struct {
	targets     map[reflect.Type]target
	reads, good int64
}

// A target is a pointer, and what it points to.
type target struct {
	pointer any
	value   reflect.Value
}

// target returns one that holds nothing.
func (r *chainReader) target(t reflect.Type) target {
	known, ok := r.targets[t]
	if !ok {
		pointer := reflect.New(t)
		known = target{pointer.Interface(), pointer.Elem()}
		r.targets[t] = known
	}
	known.value.SetZero()
	return known
}

// check has a chain read n values of the pool, from one on.
func (r *chainReader) check(t *testing.T, config codec.Config, pool []sample, from, n int) {
	chain, err := codec.New(config)
	if !assert.NoError(t, err, describe(config)) {
		return
	}
	names, own := map[string]bool{"+": true, codec.Decimal: true}, ownPlain(config)
	for _, s := range config.Serializers {
		names[s.Name()] = true
	}
	for _, m := range config.Compressors {
		names["+"+m.Name()] = true
	}
	for j := range n {
		s := &pool[(from+j)%len(pool)]
		into := r.target(likeType(s.like))
		read, err := chain.Decode(s.stored, into.pointer)
		r.reads++
		switch {
		case onlyRaw(config) && !s.read.Tagged, config.Format == codec.Plain && config.Serializers[0] == codec.Raw:
			// Any bytes are a value to it.
		case s.read.Serializer == "raw" && !s.read.Tagged:
			// It may be what another format writes.
		case err != nil:
			if s.err == nil && (s.read.Tagged || own) && (s.read.Serializer == codec.Decimal || names[s.read.Serializer] && names["+"+s.read.Compressor]) {
				assert.Failf(t, "a value is not read", "%s: a value of %s, %x: %v", describe(config), s.writer.Name, s.stored, err)
			}
			if !errors.Is(err, codec.ErrCorrupt) && !errors.Is(err, codec.ErrTooLarge) && !errors.Is(err, codec.ErrUnsupportedValue) {
				assert.Failf(t, "an error matches no sentinel", "%s: %x of %s: %v", describe(config), s.stored, s.writer.Name, err)
			}
		default:
			r.good++
			read.Fallback = s.read.Fallback
			if isUnclaimed(config, read, s) {
				read.Serializer = s.read.Serializer
			}
			if s.err != nil || read != s.read || !equal(into.value.Interface(), s.value) {
				assert.Failf(t, "a value is read as another", "%s: %.60x, %s of %s, is read as %.60s by %+v, want %.60s by %+v, %v", describe(config), s.stored, kind(s.like), s.writer.Name,
					fmt.Sprintf("%#v", into.value), read, fmt.Sprintf("%#v", s.value), s.read, s.err)
			}
		}
	}
}

// isUnclaimed reports whether a number of JSON was read as decimal text, by a chain
// that reads no plain JSON.
func isUnclaimed(config codec.Config, read codec.Read, s *sample) bool {
	return read.Serializer == codec.Decimal && s.read.Serializer == codec.JSON.Name() &&
		!(slices.Contains(config.Serializers, codec.JSON) && ownPlain(config))
}

// likeType is the type that a sample is read as: a *any stands for any.
func likeType(like any) reflect.Type {
	if _, ok := like.(*any); ok {
		return reflect.TypeFor[any]()
	}
	return reflect.TypeOf(like)
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

// What a chain reads, the chain of just the serializer and the compressor that did
// reads the same. So a chain that misreads a value has a part, of one serializer and
// at most one compressor, that does, and the test of these with many values is one of
// all chains:
//
//   - A tagged value is read by what its header names (Chain.decodeTagged). What
//     else is in the chain is not asked.
//   - A plain one is read by the first compressor and the first serializer that
//     recognise it or, where none does, by the one member that recognises nothing
//     (plainReader). In the part none is asked before these that the chain did not
//     ask before them. A serializer that is alone does not recognise, and reads at
//     once what it did recognise in the chain.
//   - The part is accepted. What makes a chain ambiguous are members that are
//     there, two without a mark or a Wildcard beside another: leaving members out
//     makes none ambiguous (ambiguity). Those of a tagged chain that read plain
//     values are unambiguous to begin with (plainMembers).
func TestAPartOfAChainReadsWhatTheChainReads(t *testing.T) {
	parts := map[codec.Read]*codec.Chain{}
	for _, single := range formats.Singles(0) {
		part := codec.Read{Serializer: single.Serializer.Name(), Tagged: single.Config.Format == codec.Tagged}
		if single.Compressor != nil {
			part.Compressor = single.Compressor.Name()
		}
		parts[part] = single.Chain
	}
	pool := samples(5000)
	reads := 0
	for i, config := range accepted(false) {
		chain := mustChain(t, config)
		for j := range fewValues {
			s := &pool[(i*101+j)%len(pool)]
			value, read, err := readLike(chain, s.stored, s.like)
			if err != nil || read.Serializer == codec.Decimal {
				continue
			}
			reads++
			read.Fallback = false
			part := parts[read]
			require.NotNil(t, part, "%s reads %.60x of %s by %+v, a chain that is not accepted", describe(config), s.stored, s.writer.Name, read)
			again, by, err := readLike(part, s.stored, s.like)
			require.NoError(t, err, "%s reads %.60x of %s by %+v as %#v, and that part by %+v as %#v, %v", describe(config), s.stored, s.writer.Name, read, value, by, again, err)
			require.Equal(t, read, by, "%s reads %.60x of %s by %+v as %#v, and that part by %+v as %#v, %v", describe(config), s.stored, s.writer.Name, read, value, by, again, err)
			require.True(t, equal(again, value), "%s reads %.60x of %s by %+v as %#v, and that part by %+v as %#v, %v", describe(config), s.stored, s.writer.Name, read, value, by, again, err)
		}
	}
	t.Logf("%d reads", reads)
}

// At most one format takes bytes for its own, whatever the order in which they are
// asked: so the order of the members of a chain does not count.
func TestAtMostOneFormatRecognizesAValue(t *testing.T) {
	n := max(valuesPerChain(t), 5000)
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
		require.False(t, len(by) > 1 || len(by) == 1 && s.read.Tagged, "%.60x of %s is recognised by %v", s.stored, s.writer.Name, by)
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
		require.NoError(t, err)
		for j := range 100 {
			s := &pool[(i*101+j)%len(pool)]
			if s.read.Serializer == "raw" && !s.read.Tagged {
				continue
			}
			value, read, err := readLike(chain, s.stored, s.like)
			reads++
			read.Fallback = s.read.Fallback
			if isUnclaimed(config, read, s) {
				read.Serializer = s.read.Serializer
			}
			if err == nil && (s.err != nil || !equal(value, s.value) || read != s.read) {
				require.Failf(t, "a value is read as another", "%s: %.60x of %s is read by %+v, want %+v, %v", describe(config), s.stored, s.writer.Name, read, s.read, s.err)
			}
		}
	}
	t.Logf("%d reads", reads)
}
