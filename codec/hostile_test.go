package codec_test

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"encoding/binary"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/xcache-go/xcache/codec"
)

// destinations are types that hostile bytes are read into.
func destinations() []any {
	return []any{new(any), new(string), new([]byte), new(int8), new(float64), new(account), new(*account), new([]account), new(map[string]any), new(map[string]int)}
}

// decodeAll reads data into every destination and reports errors that match no
// sentinel. A panic fails the test by itself.
func decodeAll(t testing.TB, name string, chain *codec.Chain, data []byte) {
	t.Helper()
	before := bytes.Clone(data)
	for _, into := range destinations() {
		_, err := chain.Decode(data, into)
		checkSentinel(t, name, data, err)
	}
	_, _, err := chain.DecodeBytes(data)
	checkSentinel(t, name, data, err)
	if !bytes.Equal(before, data) {
		t.Errorf("%s: decoding changed its input %.40x", name, before)
	}
}

func checkSentinel(t testing.TB, name string, data []byte, err error) {
	t.Helper()
	if err != nil && !errors.Is(err, codec.ErrCorrupt) && !errors.Is(err, codec.ErrTooLarge) && !errors.Is(err, codec.ErrUnsupportedValue) {
		t.Errorf("%s: %.40x: %v matches no sentinel", name, data, err)
	}
}

// acceptedChains are chains of several members.
func acceptedChains(t testing.TB) map[string]*codec.Chain {
	chains := everyChain(t)
	for _, format := range []codec.Format{codec.Plain, codec.Tagged} {
		chains[fmt.Sprintf("json,gob+gzip,zlib/%v", format)] = mustChain(t, codec.Config{Serializers: jsonGob, Compressors: gzipZlib, Format: format})
		chains[fmt.Sprintf("gob,json+zlib,gzip/%v", format)] = mustChain(t, codec.Config{Serializers: gobJSON, Compressors: zlibGzip, Format: format})
	}
	return chains
}

func TestShortInputsNeverPanic(t *testing.T) {
	for name, chain := range acceptedChains(t) {
		if !strings.Contains(name, ",") {
			continue // those with all members do all that the others do
		}
		var data [2]byte
		var into account
		decodeAll(t, name, chain, nil)
		for a := range 256 {
			data[0] = byte(a)
			decodeAll(t, name, chain, data[:1])
			for b := range 256 {
				data[1] = byte(b)
				if _, err := chain.Decode(data[:], &into); err == nil && string(data[:]) != "{}" {
					t.Errorf("%s: %x was read as an account", name, data)
				}
			}
		}
	}
}

// payloads are stored forms of values of every class.
func payloads(t testing.TB, chain *codec.Chain, serializer string) [][]byte {
	var all [][]byte
	for _, class := range typeClasses {
		if serializer == "raw" && !class.raw || serializer == "gob" && !class.gob {
			continue
		}
		stored, err := chain.Append(nil, class.value)
		if err != nil {
			t.Fatal(err)
		}
		if len(stored) < 2000 {
			all = append(all, stored)
		}
	}
	return all
}

func TestDamagedTaggedValuesAreAlwaysNoticed(t *testing.T) {
	for name, chain := range acceptedChains(t) {
		serializer, _, _ := strings.Cut(name, "+")
		serializer, _, _ = strings.Cut(serializer, ",")
		if !strings.HasSuffix(name, "tagged") {
			continue
		}
		flips := 0
		for _, stored := range payloads(t, chain, serializer) {
			damaged := bytes.Clone(stored)
			check := func(what string, data []byte) {
				var into any
				if read, err := chain.Decode(data, &into); !errors.Is(err, codec.ErrCorrupt) {
					t.Errorf("%s: %s of %.40x: read %v by %+v, %v, want ErrCorrupt", name, what, stored, into, read, err)
				}
				if b, _, err := chain.DecodeBytes(data); !errors.Is(err, codec.ErrCorrupt) {
					t.Errorf("%s: %s of %.40x: read %x, %v, want ErrCorrupt", name, what, stored, b, err)
				}
			}
			for bit := range 8 * min(len(stored), 100) {
				damaged[bit/8] ^= 1 << (bit % 8)
				check(fmt.Sprint("bit ", bit), damaged)
				damaged[bit/8] ^= 1 << (bit % 8)
				flips++
			}
			for n := 2; n < len(stored); n += 1 + n/50 { // a single FE is a value to raw
				check(fmt.Sprint("cut at ", n), stored[:n])
			}
			check("a byte more", append(bytes.Clone(stored), 0))
			check("twice", append(bytes.Clone(stored), stored...))
		}
		t.Logf("%s: %d bits flipped", name, flips)
	}
}

func TestDamagedPlainValuesNeverPanic(t *testing.T) {
	for _, config := range []codec.Config{
		{Serializers: jsonGob, Compressors: gzipZlib, CompressMin: codec.CompressAlways},
		{Serializers: gobJSON, Compressors: zlibGzip, CompressMin: codec.CompressAlways},
		{Serializers: gobOnly},
	} {
		chain := mustChain(t, config)
		name := config.Serializers[0].Name()
		for _, stored := range payloads(t, chain, name) {
			for n := range min(len(stored), 100) {
				decodeAll(t, name, chain, stored[:n])
				damaged := bytes.Clone(stored)
				damaged[n] ^= 1 << (n % 8)
				decodeAll(t, name, chain, damaged)
			}
		}
	}
}

func TestTrailingBytesAreRefused(t *testing.T) {
	for name, chain := range everyChain(t) {
		if strings.HasPrefix(name, "raw") && strings.HasSuffix(name, "plain") {
			continue // to raw they are part of the value
		}
		for _, value := range []string{"short", strings.Repeat("long ", 200)} {
			stored, err := chain.Append(nil, value)
			if err != nil {
				t.Fatal(err)
			}
			for _, tail := range []string{"\x00", "x", "{}", "\xff", string(stored)} {
				var into string
				if _, err := chain.Decode([]byte(string(stored)+tail), &into); !errors.Is(err, codec.ErrCorrupt) {
					t.Errorf("%s: %.30q was read with %.10q behind it: %.20q, %v", name, stored, tail, into, err)
				}
			}
		}
	}
}

// deflateBomb returns size zeros, compressed.
func deflateBomb(t testing.TB, name string, size int) []byte {
	var out bytes.Buffer
	var w io.WriteCloser = gzip.NewWriter(&out)
	if name == "zlib" {
		w = zlib.NewWriter(&out)
	}
	zeros := make([]byte, 1<<20)
	for range size >> 20 {
		if _, err := w.Write(zeros); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// allocated returns how many bytes f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func TestBombsAreTooLargeAndAllocateNoMoreThanTheBound(t *testing.T) {
	const bound = 2 << 20
	const slack = 256 << 10 // a decompressor's own tables, an error
	for _, m := range []codec.Compressor{codec.Gzip, codec.Zlib} {
		bomb := deflateBomb(t, m.Name(), 16<<20)
		chain := mustChain(t, codec.Config{Compressors: []codec.Compressor{m}, MaxValue: bound})
		var err error
		n := allocated(func() { var into any; _, err = chain.Decode(bomb, &into) })
		if !errors.Is(err, codec.ErrTooLarge) || n > bound+slack {
			t.Errorf("%s: %d bytes allocated, %v", m.Name(), n, err)
		}
		n = allocated(func() { _, err = m.Decompress(nil, bomb, bound) })
		if !errors.Is(err, codec.ErrTooLarge) || n > bound+slack {
			t.Errorf("%s, alone: %d bytes allocated, %v", m.Name(), n, err)
		}
		// The bound itself is fine, and one byte less is not.
		if out, err := m.Decompress(nil, bomb, 16<<20); err != nil || len(out) != 16<<20 {
			t.Errorf("%s: a text of exactly the bound: %d bytes, %v", m.Name(), len(out), err)
		}
		if _, err := m.Decompress(nil, bomb, 16<<20-1); !errors.Is(err, codec.ErrTooLarge) {
			t.Errorf("%s: a text of a byte over the bound: %v", m.Name(), err)
		}
	}
}

func TestAStatedLengthThatIsALieAllocatesNothing(t *testing.T) {
	small, err := codec.Gzip.Append(nil, []byte("hello"))
	if err != nil {
		t.Fatal(err)
	}
	for _, stated := range []uint32{6, 1 << 20, 60 << 20, 1 << 31, 1<<32 - 1} {
		lie := bytes.Clone(small)
		binary.LittleEndian.PutUint32(lie[len(lie)-4:], stated)
		n := allocated(func() { _, err = codec.Gzip.Decompress(nil, lie, 64<<20) })
		if !errors.Is(err, codec.ErrCorrupt) || n > 1<<20 {
			t.Errorf("a gzip of 5 bytes that states %d: %d bytes allocated, %v", stated, n, err)
		}
	}
}

// gobMessage puts the length of a gob message before it.
func gobMessage(body ...byte) []byte { return append([]byte{byte(len(body))}, body...) }

func TestGobBombs(t *testing.T) {
	// A map of 1<<40 entries, of 1<<28, and a slice of as many, each as
	// encoding/gob would declare it.
	declaration := func(v any) []byte {
		var out bytes.Buffer
		if err := gob.NewEncoder(&out).Encode(v); err != nil {
			t.Fatal(err)
		}
		first := out.Bytes()
		return first[:int(first[0])+1]
	}
	huge := []byte{0xfb, 1, 0, 0, 0, 0} // 1<<40 in five bytes
	large := []byte{0xfc, 0x10, 0, 0, 0}
	tests := []struct {
		name string
		data []byte
		into any
	}{
		{"huge map", append(declaration(map[string]int{}), gobMessage(append([]byte{0xff, 0x80, 0}, huge...)...)...), new(map[string]int)},
		{"large map", append(declaration(map[string]int{}), gobMessage(append([]byte{0xff, 0x80, 0}, large...)...)...), new(map[string]int)},
		{"large map of another id", append(declaration(map[string]int{}), gobMessage(append([]byte{0xff, 0x82, 0}, large...)...)...), new(map[string]int)},
		{"large slice", append(declaration([]string{}), gobMessage(append([]byte{0xff, 0x80, 0}, large...)...)...), new([]string)},
		{"large []byte", gobMessage(append([]byte{0x0a, 0}, large...)...), new([]byte)},
		{"large string", gobMessage(append([]byte{0x0c, 0}, large...)...), new(string)},
		{"large message", []byte{0xfc, 0x3f, 0xff, 0xff, 0xff, 0x0c}, new(string)},
		{"largest message", []byte{0xf8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0c}, new(string)},
	}
	for _, test := range tests {
		var err error
		n := allocated(func() { err = codec.Gob.Unmarshal(test.data, test.into) })
		if err == nil || n > 1<<20 {
			t.Errorf("%s: %d bytes allocated, %v", test.name, n, err)
		}
	}
}

func TestDeepGobsAreRefusedBeforeTheyAreFollowed(t *testing.T) {
	type list struct{ Next *list }
	short := &list{&list{&list{}}}
	stored, err := codec.Gob.Append(nil, short)
	if err != nil {
		t.Fatal(err)
	}
	var back list
	if err := codec.Gob.Unmarshal(stored, &back); err != nil || back.Next == nil || back.Next.Next == nil {
		t.Fatalf("a short list: %+v, %v", back, err)
	}
	// The declaration, then a value of a million levels: 01 opens, 00 closes.
	declared := stored[:int(stored[0])+1]
	id := stored[len(declared)+1 : len(declared)+3]
	const levels = 1 << 20
	body := append(bytes.Clone(id), bytes.Repeat([]byte{1}, levels)...)
	body = append(body, make([]byte, levels+1)...)
	deep := append(bytes.Clone(declared), 0xfc)
	deep = binary.BigEndian.AppendUint32(deep, uint32(len(body)))
	deep = append(deep, body...)
	if err := codec.Gob.Unmarshal(deep, new(list)); !errors.Is(err, codec.ErrTooLarge) {
		t.Errorf("a list of %d: %v, want ErrTooLarge", levels, err)
	}
}

func TestDeepJSONIsRefused(t *testing.T) {
	for _, levels := range []int{33, 10_000, 10_001, 1_000_000} {
		for _, text := range []string{
			strings.Repeat("[", levels) + strings.Repeat("]", levels),
			strings.Repeat(`{"a":`, levels) + "1" + strings.Repeat("}", levels),
			strings.Repeat("[", levels),
		} {
			var into any
			if err := codec.JSON.Unmarshal([]byte(text), &into); !errors.Is(err, codec.ErrTooLarge) {
				t.Errorf("%d levels of %.5s: %v, want ErrTooLarge", levels, text, err)
			}
		}
	}
	many := "[" + strings.Repeat("[],", 1<<20) + "[]]"
	var err error
	n := allocated(func() { var into any; err = codec.JSON.Unmarshal([]byte(many), &into) })
	if !errors.Is(err, codec.ErrTooLarge) || n > 2*uint64(len(many)) {
		t.Errorf("2 Mi elements: %d bytes allocated, %v", n, err)
	}
}

func TestPanicsOfDecodersAreErrors(t *testing.T) {
	for _, format := range []codec.Format{codec.Plain, codec.Tagged} {
		chain := mustChain(t, codec.Config{
			Serializers: []codec.Serializer{codec.JSON, taggedFake{fakeSerializer{fake{"panics"}}, 200}, codec.Gob},
			Compressors: gzipOnly, Format: format})
		for _, test := range []struct {
			data string
			into any
		}{
			{"\xffanything", new(any)},
			{`{"A":1}`, new(failing)},
			{"\xffanything", new([]byte)},
		} {
			_, err := chain.Decode([]byte(test.data), test.into)
			if !errors.Is(err, codec.ErrCorrupt) || strings.Contains(err.Error(), "canary") {
				t.Errorf("%q into a %T: %v", test.data, test.into, err)
			}
		}
	}
	chain := mustChain(t, codec.Config{Compressors: []codec.Compressor{fakeCompressor{fake{"panics"}}}})
	if _, err := chain.Decode([]byte("\xff"), new(any)); !errors.Is(err, codec.ErrCorrupt) {
		t.Errorf("a compressor that panics: %v", err)
	}
	stored, err := codec.Gob.Append(nil, encoded{"x"})
	if err != nil {
		t.Fatal(err)
	}
	if err := codec.Gob.Unmarshal(stored, new(encoded)); !errors.Is(err, codec.ErrCorrupt) {
		t.Errorf("a GobDecode that panics: %v", err)
	}
}

type encoded struct{ s string }

func (e encoded) GobEncode() ([]byte, error) { return []byte(e.s), nil }
func (*encoded) GobDecode([]byte) error      { panic("canary") }

// Values of every shape that encoding/gob writes pass the check that comes
// before it.
func TestEveryGobPassesItsCheck(t *testing.T) {
	type inner struct {
		A any
		B []any
		C map[string]any
	}
	type other struct{ X, Y complex128 }
	gob.Register(inner{})
	gob.Register(other{})
	gob.Register([]inner{})
	gob.Register(map[string]other{})
	gob.Register([]any{})
	values := []any{
		inner{A: other{1i, 2}, B: []any{1, "x", other{}, inner{A: 5}, nil}, C: map[string]any{"k": []inner{{A: other{}}}}},
		inner{A: map[string]other{"a": {1, 2}}},
		inner{A: inner{A: inner{A: other{}}}},
		[]inner{{}, {A: "x"}, {B: []any{[]any{[]any{}}}}},
		map[inner2]other{{1}: {}, {2}: {3, 4}},
		[2][3]bool{{true}},
		[]struct{ P *[]map[string]*other }{{}, {new([]map[string]*other{{"a": {}}})}},
		created, encoded{"x"}, 1i, []uint8{1}, [4]uint8{}, map[int8]float32{1: 2},
		[]encoded{{"a"}, {"b"}}, map[bool][]complex64{true: {1, 2i}},
		struct{ A, B, C, D, E int }{E: 1},
		strings.Repeat("x", 100_000), make([]int, 100_000),
	}
	for _, v := range values {
		var out bytes.Buffer
		if err := gob.NewEncoder(&out).Encode(v); err != nil {
			t.Fatalf("%T: %v", v, err)
		}
		if !codec.Gob.(codec.Recognizer).Recognize(out.Bytes()) {
			t.Errorf("%T is not recognised: %.60x", v, out.Bytes())
		}
		if _, err := codec.Gob.Append(nil, v); err != nil {
			t.Errorf("%T: %v", v, err)
		}
	}
}

type inner2 struct{ N int }
