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

	"github.com/stretchr/testify/require"

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
	require.Equal(t, string(before), string(data), "%s: decoding changed its input", name)
}

func checkSentinel(t testing.TB, name string, data []byte, err error) {
	t.Helper()
	require.False(t, err != nil && !errors.Is(err, codec.ErrCorrupt) && !errors.Is(err, codec.ErrTooLarge) && !errors.Is(err, codec.ErrUnsupportedValue), "%s: %.40x: %v matches no sentinel", name, data, err)
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
				_, err := chain.Decode(data[:], &into)
				require.False(t, err == nil && string(data[:]) != "{}", "%s: %x was read as an account", name, data)
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
		require.NoError(t, err)
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
				read, err := chain.Decode(data, &into)
				require.ErrorIs(t, err, codec.ErrCorrupt, "%s: %s of %.40x: read %v by %+v", name, what, stored, into, read)
				b, _, err := chain.DecodeBytes(data)
				require.ErrorIs(t, err, codec.ErrCorrupt, "%s: %s of %.40x: read %x", name, what, stored, b)
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
			require.NoError(t, err)
			for _, tail := range []string{"\x00", "x", "{}", "\xff", string(stored)} {
				var into string
				_, err := chain.Decode([]byte(string(stored)+tail), &into)
				require.ErrorIs(t, err, codec.ErrCorrupt, "%s: %.30q was read with %.10q behind it: %.20q", name, stored, tail, into)
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
		_, err := w.Write(zeros)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
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
		require.ErrorIs(t, err, codec.ErrTooLarge, m.Name())
		require.LessOrEqual(t, n, uint64(bound+slack), "%s: %d bytes allocated, %v", m.Name(), n, err)
		n = allocated(func() { _, err = m.Decompress(nil, bomb, bound) })
		require.ErrorIs(t, err, codec.ErrTooLarge, "%s, alone", m.Name())
		require.LessOrEqual(t, n, uint64(bound+slack), "%s, alone: %d bytes allocated, %v", m.Name(), n, err)
		// The bound itself is fine, and one byte less is not.
		out, err := m.Decompress(nil, bomb, 16<<20)
		require.NoError(t, err, "%s: a text of exactly the bound", m.Name())
		require.Equal(t, 16<<20, len(out), "%s: a text of exactly the bound", m.Name())
		_, err = m.Decompress(nil, bomb, 16<<20-1)
		require.ErrorIs(t, err, codec.ErrTooLarge, "%s: a text of a byte over the bound", m.Name())
	}
}

func TestAStatedLengthThatIsALieAllocatesNothing(t *testing.T) {
	small, err := codec.Gzip.Append(nil, []byte("hello"))
	require.NoError(t, err)
	for _, stated := range []uint32{6, 1 << 20, 60 << 20, 1 << 31, 1<<32 - 1} {
		lie := bytes.Clone(small)
		binary.LittleEndian.PutUint32(lie[len(lie)-4:], stated)
		n := allocated(func() { _, err = codec.Gzip.Decompress(nil, lie, 64<<20) })
		require.ErrorIs(t, err, codec.ErrCorrupt, "a gzip of 5 bytes that states %d", stated)
		require.LessOrEqual(t, n, uint64(1<<20), "a gzip of 5 bytes that states %d: %d bytes allocated, %v", stated, n, err)
	}
}

// gobMessage puts the length of a gob message before it.
func gobMessage(body ...byte) []byte { return append([]byte{byte(len(body))}, body...) }

func TestGobBombs(t *testing.T) {
	// A map of 1<<40 entries, of 1<<28, and a slice of as many, each as
	// encoding/gob would declare it.
	declaration := func(v any) []byte {
		var out bytes.Buffer
		require.NoError(t, gob.NewEncoder(&out).Encode(v))
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
		require.Error(t, err, "%s: %d bytes allocated, %v", test.name, n, err)
		require.LessOrEqual(t, n, uint64(1<<20), "%s: %d bytes allocated, %v", test.name, n, err)
	}
}

func TestDeepGobsAreRefusedBeforeTheyAreFollowed(t *testing.T) {
	type list struct{ Next *list }
	short := &list{&list{&list{}}}
	stored, err := codec.Gob.Append(nil, short)
	require.NoError(t, err)
	var back list
	require.NoError(t, codec.Gob.Unmarshal(stored, &back), "a short list: %+v", back)
	require.NotNil(t, back.Next, "a short list: %+v", back)
	require.NotNil(t, back.Next.Next, "a short list: %+v", back)
	// The declaration, then a value of a million levels: 01 opens, 00 closes.
	declared := stored[:int(stored[0])+1]
	id := stored[len(declared)+1 : len(declared)+3]
	const levels = 1 << 20
	body := append(bytes.Clone(id), bytes.Repeat([]byte{1}, levels)...)
	body = append(body, make([]byte, levels+1)...)
	deep := append(bytes.Clone(declared), 0xfc)
	deep = binary.BigEndian.AppendUint32(deep, uint32(len(body)))
	deep = append(deep, body...)
	require.ErrorIs(t, codec.Gob.Unmarshal(deep, new(list)), codec.ErrTooLarge, "a list of %d", levels)
}

func TestDeepJSONIsRefused(t *testing.T) {
	for _, levels := range []int{33, 10_000, 10_001, 1_000_000} {
		for _, text := range []string{
			strings.Repeat("[", levels) + strings.Repeat("]", levels),
			strings.Repeat(`{"a":`, levels) + "1" + strings.Repeat("}", levels),
			strings.Repeat("[", levels),
		} {
			var into any
			require.ErrorIs(t, codec.JSON.Unmarshal([]byte(text), &into), codec.ErrTooLarge, "%d levels of %.5s", levels, text)
		}
	}
	many := "[" + strings.Repeat("[],", 1<<20) + "[]]"
	var err error
	n := allocated(func() { var into any; err = codec.JSON.Unmarshal([]byte(many), &into) })
	require.ErrorIs(t, err, codec.ErrTooLarge, "2 Mi elements")
	require.LessOrEqual(t, n, 2*uint64(len(many)), "2 Mi elements: %d bytes allocated, %v", n, err)
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
			require.ErrorIs(t, err, codec.ErrCorrupt, "%q into a %T", test.data, test.into)
			require.NotContains(t, err.Error(), "canary", "%q into a %T", test.data, test.into)
		}
	}
	chain := mustChain(t, codec.Config{Compressors: []codec.Compressor{fakeCompressor{fake{"panics"}}}})
	_, err := chain.Decode([]byte("\xff"), new(any))
	require.ErrorIs(t, err, codec.ErrCorrupt, "a compressor that panics")
	stored, err := codec.Gob.Append(nil, encoded{"x"})
	require.NoError(t, err)
	require.ErrorIs(t, codec.Gob.Unmarshal(stored, new(encoded)), codec.ErrCorrupt, "a GobDecode that panics")
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
		require.NoError(t, gob.NewEncoder(&out).Encode(v), "%T", v)
		require.True(t, codec.Gob.(codec.Recognizer).Recognize(out.Bytes()), "%T is not recognised: %.60x", v, out.Bytes())
		_, err := codec.Gob.Append(nil, v)
		require.NoError(t, err, "%T", v)
	}
}

type inner2 struct{ N int }

// encoding/gob reads the length of a message where the name of a type ends a message. A check
// that reads the id of a type there sees another value than encoding/gob, which allocates the
// claimed size of a map.
func TestGobWhoseMessageEndsBehindANameIsRefused(t *testing.T) {
	const (
		slice = "\x0b\x7f\x02\x01\x02\xff\x80\x00\x01\x10\x00\x00"             // type 64 is []any
		dict  = "\x0e\xff\x81\x04\x01\x02\xff\x82\x00\x01\x0c\x01\x10\x00\x00" // type 65 is map[string]any
		name  = "\x1c\xff\x80\x00\x06\x17map[string]interface {}"              // six elements, the first of which is a
		value = "\x0e\xff\x82\x00\x00\xfc\x00\x20\x00\x00\x00\x00\x00\x00\x00" // map of two million entries, which are not there
	)
	gob.Register(map[string]any{})
	var into []any
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	err := codec.Gob.Unmarshal([]byte(slice+dict+name+value), &into)
	runtime.ReadMemStats(&after)
	require.ErrorIs(t, err, codec.ErrCorrupt)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(1<<20))
}
