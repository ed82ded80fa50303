// Package compressortest checks the rules of every compressor.
package compressortest

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/xcache-go/xcache/codec"
	"github.com/xcache-go/xcache/internal/race"
)

// A Subject is a compressor with the properties of its format.
type Subject struct {
	Compressor codec.Compressor
	// Checked means that the format has a checksum of the text: a flipped bit never gives
	// another text.
	Checked bool
	// Levels are the specs of different levels, from fast to small.
	Levels []string
	// Slack is the number of bytes that reading may allocate beside the text.
	Slack uint64
	// Allocations is the number of allocations of the library for reading a text into a
	// buffer with room.
	Allocations float64
	// WriteAllocations is the number of allocations of the library for writing a text of 16
	// KiB.
	WriteAllocations float64

	stored map[string][]byte // texts that were compressed, by name
}

const limit = 64 << 20

// Texts returns the texts of the checks, by name, which nobody may change. Under the race
// detector, which makes compressors many times slower, the largest texts are smaller.
var Texts = sync.OnceValue(func() map[string][]byte {
	zeros := 5<<20 + 1
	if race.Enabled {
		zeros = 1<<20 + 1
	}
	random := rand.NewChaCha8([32]byte{1})
	noise := make([]byte, 300_000)
	_, _ = random.Read(noise) // never fails
	var mixed []byte
	for i := range 20_000 {
		mixed = fmt.Appendf(mixed, `{"id":%d,"name":"entry %d"},`, i, noise[i])
	}
	return map[string][]byte{
		"empty": {}, "a byte": {'x'}, "short": []byte("hello, hello"),
		"1 KiB": mixed[:1<<10], "16 KiB": mixed[:16<<10], "64 KiB": mixed[:64<<10], "half a MiB": mixed[:512<<10-3],
		"noise": noise, "zeros": make([]byte, zeros),
	}
})

// Run runs all checks.
func Run(t *testing.T, s Subject) {
	s.stored = make(map[string][]byte)
	t.Run("texts come back", s.roundTrips)
	t.Run("levels", s.levels)
	t.Run("short inputs", s.shortInputs)
	t.Run("damage is noticed", s.damage)
	t.Run("limits are exact", s.limits)
	t.Run("bombs", s.bombs)
	t.Run("concurrent use", s.concurrent)
	t.Run("allocations", s.allocations)
}

func (s Subject) compress(t testing.TB, text []byte) []byte {
	t.Helper()
	out, err := s.Compressor.Append(nil, text)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// compressed returns one of the texts, which is compressed once.
func (s Subject) compressed(t testing.TB, name string) []byte {
	t.Helper()
	if _, ok := s.stored[name]; !ok {
		s.stored[name] = s.compress(t, Texts()[name])
	}
	return s.stored[name]
}

func (s Subject) roundTrips(t *testing.T) {
	m := s.Compressor
	if found, err := codec.LookupCompressor(m.Name()); err != nil || found.Name() != m.Name() {
		t.Errorf("it is not registered: %v", err)
	}
	for name, text := range Texts() {
		before := bytes.Clone(text)
		short, err := m.Append([]byte("before "), text)
		if err != nil || !bytes.HasPrefix(short, []byte("before ")) {
			t.Fatalf("%s: Append: %.20q, %v", name, short, err)
		}
		short = short[len("before "):]
		s.stored[name] = short
		if r, ok := m.(codec.Recognizer); ok && !r.Recognize(short) {
			t.Errorf("%s is not recognised: %.20x", name, short)
		}
		kept := bytes.Clone(short)
		for _, dst := range [][]byte{nil, []byte("before "), append(make([]byte, 0, 1<<20), "before "...)} {
			back, err := m.Decompress(dst, short, limit)
			if err != nil || string(back) != string(dst)+string(text) {
				t.Errorf("%s behind %d bytes: %d of %d bytes came back, %v", name, len(dst), len(back)-len(dst), len(text), err)
			}
		}
		if !bytes.Equal(text, before) || !bytes.Equal(short, kept) {
			t.Errorf("%s: the input was changed", name)
		}
	}
}

func (s Subject) levels(t *testing.T) {
	name := s.Compressor.Name()
	text := Texts()["half a MiB"]
	last := len(text) + 1
	for _, spec := range s.Levels {
		c, err := codec.LookupCompressor(name + ":" + spec)
		if err != nil {
			t.Fatal(err)
		}
		short, err := c.Append(nil, text)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := s.Compressor.Decompress(nil, short, limit); err != nil || !bytes.Equal(back, text) {
			t.Errorf("%s:%s: %v", name, spec, err)
		}
		if len(short) >= last {
			t.Errorf("%s:%s gives %d bytes, the level before it %d", name, spec, len(short), last)
		}
		last = len(short)
	}
	for _, bad := range []string{"-1", "99", "best", ""} {
		_, err := codec.LookupCompressor(name + ":" + bad)
		if err == nil || !strings.HasPrefix(err.Error(), "xcache: codec: ") {
			t.Errorf("%s:%s: %v, want an error that says which levels there are", name, bad, err)
		}
	}
}

// check decompresses data, which may be damaged.
func (s Subject) check(t testing.TB, what string, data []byte, limit int) ([]byte, error) {
	t.Helper()
	text, err := s.Compressor.Decompress(nil, data, limit)
	if err != nil && !errors.Is(err, codec.ErrCorrupt) && !errors.Is(err, codec.ErrTooLarge) {
		t.Errorf("%s: %.40x: %v matches no sentinel", what, data, err)
	}
	if len(text) > limit {
		t.Errorf("%s: %.40x: %d bytes, over the limit of %d", what, data, len(text), limit)
	}
	return text, err
}

func (s Subject) shortInputs(t *testing.T) {
	_, _ = s.check(t, "nothing", nil, 100)
	for a := range 256 {
		_, _ = s.check(t, "one byte", []byte{byte(a)}, 100)
		for b := range 256 {
			_, _ = s.check(t, "two bytes", []byte{byte(a), byte(b)}, 100)
		}
	}
}

func (s Subject) damage(t *testing.T) {
	texts := Texts()
	flips, unnoticed := 0, 0
	for _, name := range []string{"empty", "a byte", "short", "1 KiB", "16 KiB"} {
		text := texts[name]
		short := s.compressed(t, name)
		damaged := bytes.Clone(short)
		for bit := range 8 * min(len(short), 400) {
			damaged[bit/8] ^= 1 << (bit % 8)
			back, err := s.check(t, "a bit", damaged, 1<<20)
			flips++
			if err == nil && !bytes.Equal(back, text) {
				if unnoticed++; s.Checked {
					t.Errorf("%s: bit %d flipped gave another text", name, bit)
				}
			}
			damaged[bit/8] ^= 1 << (bit % 8)
		}
		for n := 0; n < len(short); n += 1 + n/50 {
			if back, err := s.check(t, "cut", short[:n], 1<<20); err == nil {
				t.Errorf("%s cut at %d of %d gave %d bytes", name, n, len(short), len(back))
			}
		}
		for _, tail := range []string{"\x00", "x", "\x00\x00\x00\x00", string(short)} {
			if _, err := s.check(t, "tail", []byte(string(short)+tail), 1<<20); !errors.Is(err, codec.ErrCorrupt) {
				t.Errorf("%s with %.10q behind it: %v, want ErrCorrupt", name, tail, err)
			}
		}
	}
	t.Logf("%d bits flipped, %d gave another text", flips, unnoticed)
}

func (s Subject) limits(t *testing.T) {
	for name, text := range Texts() {
		short := s.compressed(t, name)
		if back, err := s.Compressor.Decompress(nil, short, len(text)); err != nil || !bytes.Equal(back, text) {
			t.Errorf("%s within its length: %d bytes, %v", name, len(back), err)
		}
		if len(text) == 0 {
			continue
		}
		for _, limit := range []int{0, len(text) / 2, len(text) - 1} {
			if _, err := s.Compressor.Decompress(nil, short, limit); !errors.Is(err, codec.ErrTooLarge) {
				t.Errorf("%s of %d bytes within %d: %v, want ErrTooLarge", name, len(text), limit, err)
			}
		}
	}
}

// Allocated returns the number of bytes that f allocates.
func Allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func (s Subject) bombs(t *testing.T) {
	const size, bound = 8 << 20, 2 << 20
	bomb := s.compress(t, make([]byte, size))
	_, _ = s.check(t, "warm", s.compressed(t, "16 KiB"), limit)
	var err error
	n := Allocated(func() { _, err = s.check(t, "bomb", bomb, bound) })
	t.Logf("%d bytes stand for %d; %d bytes allocated to refuse them", len(bomb), size, n)
	if !errors.Is(err, codec.ErrTooLarge) || n > bound+s.Slack {
		t.Errorf("%d bytes allocated, %v", n, err)
	}
}

func (s Subject) concurrent(t *testing.T) {
	var wg sync.WaitGroup
	texts := Texts()
	for range 8 {
		for _, name := range []string{"short", "1 KiB", "16 KiB", "64 KiB"} {
			wg.Go(func() {
				short, err := s.Compressor.Append(nil, texts[name])
				if err != nil {
					t.Error(err)
					return
				}
				if back, err := s.Compressor.Decompress(nil, short, limit); err != nil || !bytes.Equal(back, texts[name]) {
					t.Errorf("%s: %v", name, err)
				}
			})
		}
	}
	wg.Wait()
}

// allocations checks that neither way allocates with room in dst, except in the library.
func (s Subject) allocations(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	text := Texts()["16 KiB"]
	short := s.compressed(t, "16 KiB")
	buf := make([]byte, 0, 1<<20)
	for way, f := range map[string]func() error{
		"Append":     func() error { _, err := s.Compressor.Append(buf, text); return err },
		"Decompress": func() error { _, err := s.Compressor.Decompress(buf, short, len(text)); return err },
	} {
		fewest := 1e9
		for range 5 {
			fewest = min(fewest, testing.AllocsPerRun(20, func() {
				if err := f(); err != nil {
					t.Fatal(err)
				}
			}))
		}
		t.Logf("%s: %v allocations", way, fewest)
		most := s.WriteAllocations
		if way == "Decompress" {
			most = s.Allocations
		}
		if fewest > most {
			t.Errorf("%s: %v allocations, want %v at most", way, fewest, most)
		}
	}
}

// Fuzz decompresses arbitrary bytes. A decompressor must not panic, must return errors of
// the package's classes, and must return no text over the limit. Each returned text is
// written and read again.
func Fuzz(f *testing.F, c codec.Compressor) {
	s := Subject{Compressor: c}
	for name, text := range Texts() {
		if len(text) < 2000 || name == "zeros" {
			f.Add(s.compress(f, text))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		const limit = 1 << 20
		text, err := s.check(t, "fuzz", data, limit)
		if err != nil {
			return
		}
		back, err := c.Decompress(nil, s.compress(t, text), limit)
		if err != nil || !bytes.Equal(back, text) {
			t.Fatalf("%x read as %x, read again as %x, %v", data, text, back, err)
		}
	})
}

// Bench measures both ways at the sizes of small and large values.
func Bench(b *testing.B, c codec.Compressor) {
	text := bytes.Repeat(Texts()["half a MiB"], 3)
	for _, size := range []int{256, 1 << 10, 16 << 10, 1 << 20} {
		text := text[:size]
		short, err := c.Append(nil, text)
		if err != nil {
			b.Fatal(err)
		}
		var buf []byte
		run := func(way string, f func() error) {
			b.Run(fmt.Sprintf("%s/%d", way, size), func(b *testing.B) {
				b.SetBytes(int64(size))
				b.ReportAllocs()
				for b.Loop() {
					if err := f(); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(size)/float64(len(short)), "ratio")
			})
		}
		run("compress", func() (err error) { buf, err = c.Append(buf[:0], text); return err })
		run("decompress", func() (err error) { buf, err = c.Decompress(buf[:0], short, size); return err })
	}
}
