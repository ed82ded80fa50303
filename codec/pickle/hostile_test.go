package pickle_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/codec"
	"github.com/xcache-go/xcache/codec/pickle"
	"github.com/xcache-go/xcache/internal/race"
)

// checkRead reads data into values of many types. The result must be a value or an error of
// this package's kinds, and data must stay as it was.
func checkRead(t testing.TB, data []byte) {
	before := bytes.Clone(data)
	read := false
	for _, into := range []any{new(any), new(string), new([]byte), new(int8), new(float64), new(bool), new(time.Time), new(time.Duration),
		new([]any), new([]string), new(map[string]any), new(map[any]struct{}), new(map[int]*account), new(account), new([]account), new([4]byte), new(*account)} {
		err := pickle.Serializer.Unmarshal(data, into)
		require.False(t, err != nil && !errors.Is(err, codec.ErrCorrupt) && !errors.Is(err, codec.ErrTooLarge) && !errors.Is(err, codec.ErrUnsupportedValue), "%x into %T: %v", data, into, err)
		require.False(t, err != nil && strings.Contains(err.Error(), "panicked"), "%x into %T: %v", data, into, err)
		read = read || err == nil
		if _, whole := into.(*any); whole {
			checkLong(t, data, err)
		}
	}
	require.False(t, read && !recognize(data), "%x is read, but not recognised", data)
	require.Equal(t, string(before), string(data))
}

// longPickle starts with 16 KiB of bytes, and drops them.
var longPickle = append(append([]byte("\x80\x04B\x00\x40\x00\x00"), make([]byte, 1<<14)...), '0')

// checkLong extends data to a length that is measured before the run, and reads data. The
// error may have another reason, which the measurement finds first.
func checkLong(t testing.TB, data []byte, want error) {
	t.Helper()
	if len(data) < 4 || data[0] != 0x80 {
		return
	}
	long := slices.Concat(longPickle, data[2:])
	long[1] = data[1]
	var v any
	err := pickle.Serializer.Unmarshal(long, &v)
	require.Equal(t, want == nil, err == nil, "%x", data)
}

// TestShortInputs reads every input of one and of two bytes. Under the race detector, which
// is many times slower, the test reads an eighth of the inputs of two bytes.
func TestShortInputs(t *testing.T) {
	checkRead(t, nil)
	for a := range 256 {
		checkRead(t, []byte{byte(a)})
		// All pickles of one and two bytes between the ends.
		checkRead(t, []byte{0x80, 4, byte(a), '.'})
		for b := range 256 {
			if race.Enabled && (a+b)%8 != 0 {
				continue
			}
			data := []byte{byte(a), byte(b)}
			require.False(t, recognize(data), "%x is a pickle", data)
			require.Error(t, pickle.Serializer.Unmarshal(data, new(any)), "%x is a pickle", data)
			checkRead(t, []byte{0x80, 4, byte(a), byte(b), '.'})
		}
	}
}

func TestDamagedPickles(t *testing.T) {
	for _, w := range cpython(t) {
		if len(w.data) > 400 {
			continue
		}
		for i := range w.data {
			require.ErrorIs(t, pickle.Serializer.Unmarshal(w.data[:i], new(any)), codec.ErrCorrupt, "%s, the first %d bytes", w.name, i)
			for bit := range 8 {
				flipped := bytes.Clone(w.data)
				flipped[i] ^= 1 << bit
				var into any
				_ = pickle.Serializer.Unmarshal(flipped, &into)
			}
		}
		for _, trailing := range []string{".", "\x00", "N.", string(w.data)} {
			require.ErrorIs(t, pickle.Serializer.Unmarshal(append(bytes.Clone(w.data), trailing...), new(any)), codec.ErrCorrupt, "%s, with %q behind it", w.name, trailing)
		}
	}
}

// The last byte has the value of STOP, but belongs to the operand before.
func TestPicklesWithoutStop(t *testing.T) {
	for _, data := range []string{"\x80\x04K.", "\x80\x04C\x01.", "\x80\x04\x8c\x01.", "\x80\x04M\x00.", "\x80\x04J\x00\x00\x00."} {
		err := pickle.Serializer.Unmarshal([]byte(data), new(any))
		require.ErrorIs(t, err, codec.ErrCorrupt, "%q: %v, recognised: %v", data, err, recognize([]byte(data)))
		require.False(t, recognize([]byte(data)), "%q: %v, recognised: %v", data, err, recognize([]byte(data)))
	}
}

func TestRandomPrograms(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	opcodes := []byte("NK\x01K\x02(((0]]}}))\x8f\x91\x90\x85\x86\x87teausRb\x81\x92\x94\x94\x94h\x00h\x01h\x02\x93\x8c\x01a\x88C\x00")
	for range 5_000 {
		data := []byte{0x80, 4}
		for range random.IntN(24) {
			data = append(data, opcodes[random.IntN(len(opcodes))])
		}
		checkRead(t, append(data, '.'))
	}
}

func TestObjectsAreRefused(t *testing.T) {
	for _, test := range []struct{ name, data, class string }{
		{"a call", "\x80\x02cos\nsystem\nX\x02\x00\x00\x00ls\x85R.", "os.system"},
		{"a call by names on the stack", "\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c\x02ls\x85R.", "posix.system"},
		{"a function alone", "\x80\x04\x8c\x08builtins\x8c\x04eval\x93.", "builtins.eval"},
		{"an instance", "\x80\x04\x8c\x06models\x8c\x04User\x93)\x81}\x8c\x02idK\x01sb.", "models.User"},
		{"an instance with named arguments", "\x80\x04\x8c\x06models\x8c\x04User\x93)}\x92.", "models.User"},
		{"within a list", "\x80\x04](K\x01\x8c\x07decimal\x8c\x07Decimal\x93\x8c\x011\x85Re.", "decimal.Decimal"},
		{"dropped again", "\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x02ls\x85R0N.", "os.system"},
		{"a class that extends dict", "\x80\x04\x8c\x06models\x8c\x03Row\x93)R(K\x01K\x02u.", "models.Row"},
		{"of an extension", "\x80\x02\x82\x01.", ""},
		{"of a larger extension", "\x80\x02\x84\x01\x02\x03\x04.", ""},
		{"persistent", "\x80\x02K\x01Q.", ""},
		{"with state", "\x80\x02]}b.", ""},
		{"an instance of a list", "\x80\x02])\x81.", ""},
		{"of a name like a value", "\x80\x04\x8c\x02os\x8c\x06secret canary\x93.", ""},
		{"of another case", "\x80\x04\x8c\x08datetime\x8c\x08Datetime\x93C\x04\x07\xea\x01\x01\x85R.", "datetime.Datetime"},
		{"of a longer name", "\x80\x04\x8c\x08datetime\x8c\x0cdatetime.now\x93)R.", "datetime.datetime.now"},
		{"of another module", "\x80\x04\x8c\x0emodels\ndatetim\x8c\x01e\x93)R.", ""},
	} {
		var into any
		err := pickle.Serializer.Unmarshal([]byte(test.data), &into)
		require.ErrorIs(t, err, codec.ErrCorrupt, "%s", test.name)
		require.ErrorContains(t, err, test.class, "%s", test.name)
		require.NotContains(t, err.Error(), "canary", "%s", test.name)
		require.Nil(t, into, "%s", test.name)
		require.False(t, test.class != "" && !recognize([]byte(test.data)), "%s is not recognised as a pickle", test.name)
	}
}

func TestKnownFunctionsWithOtherArguments(t *testing.T) {
	call := func(name, args string) string {
		return "\x80\x04\x8c\x08datetime\x8c" + string(rune(len(name))) + name + "\x93" + args + "R."
	}
	for _, data := range []string{
		call("datetime", ")"), call("datetime", "K\x01\x85"), call("datetime", "C\x04abcd\x85"), call("datetime", "N"), call("datetime", "NNNN(NNNNt"),
		call("datetime", "C\x0a\x07\xea\x0d\x01\x00\x00\x00\x00\x00\x00\x85"), call("datetime", "C\x0a\x07\xea\x02\x1e\x00\x00\x00\x00\x00\x00\x85"),
		call("datetime", "C\x0a\x00\x00\x01\x01\x00\x00\x00\x00\x00\x00\x85"), call("datetime", "C\x0a\x07\xea\x01\x01\x18\x00\x00\x00\x00\x00\x85"),
		call("datetime", "C\x0a\x07\xea\x01\x01\x00\x00\x00\x0f\x42\x40\x85"), call("datetime", "C\x0a\x07\xea\x01\x01\x00\x00\x00\x00\x00\x00N\x86"),
		call("date", "C\x04\x07\xea\x02\x1d\x85"), call("date", "C\x04\x27\x10\x01\x01\x85"), call("time", "C\x06\x00\x3c\x00\x00\x00\x00\x85"),
		call("timedelta", "K\x01K\x02\x86"), call("timedelta", "K\x00J\x00\x00\x00\xffK\x00\x87"), call("timezone", ")"), call("timezone", "K\x01\x85"),
		"\x80\x04\x8c\x08datetime\x8c\x08timezone\x93\x8c\x08datetime\x8c\x09timedelta\x93K\x01K\x00K\x00\x87R\x85R.",
		"\x80\x02c_codecs\nencode\nX\x01\x00\x00\x00aX\x05\x00\x00\x00utf-8\x86R.", "\x80\x02c_codecs\nencode\nX\x03\x00\x00\x00\xe6\x97\xa5X\x06\x00\x00\x00latin1\x86R.",
		"\x80\x02c__builtin__\nset\nK\x01\x85R.", "\x80\x02c__builtin__\nbytes\nK\x01\x85R.", "\x80\x03cbuiltins\nbytearray\nJ\xff\xff\xff\x7f\x85R.",
	} {
		require.ErrorIs(t, pickle.Serializer.Unmarshal([]byte(data), new(any)), codec.ErrCorrupt, "%q", data)
	}
	// These values are plain data without a form in Go.
	for _, data := range []string{
		"\x80\x04\x8c\x08datetime\x8c\x08datetime\x93.", call("timedelta", "J\xff\xc9\x9a\x3bK\x00K\x00\x87"),
		"\x80\x04}(K\x01\x85K\x02u.", "\x80\x04}()K\x02u.", "\x80\x04}(C\x00K\x02u.", "\x80\x04X\x03\x00\x00\x00\xed\xa0\x80.",
	} {
		err := pickle.Serializer.Unmarshal([]byte(data), new(any))
		require.ErrorIs(t, err, codec.ErrCorrupt, "%q: %v, recognised %v", data, err, recognize([]byte(data)))
		require.True(t, recognize([]byte(data)), "%q: %v, recognised %v", data, err, recognize([]byte(data)))
	}
}

// allocated returns the number of bytes that f allocates. A slice that grows counts several
// times.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// doubled returns a tuple that holds twice a tuple that holds twice …, thirty levels down
// to bottom.
func doubled(bottom string) string {
	program := "\x80\x04" + bottom
	for i := range 30 {
		program += "\x94h" + string([]byte{byte(i)}) + "\x86"
	}
	return program + "."
}

// tree returns a tuple of three tuples of three tuples …, down to empty lists.
func tree(levels int) string {
	program := "]"
	for range levels {
		program = strings.Repeat(program, 3) + "\x87"
	}
	return program + "."
}

// A function with a tuple of values as its argument makes one value. The pickle has half as
// many datetimes, in protocol 2, as the limit of elements.
func TestArgumentsAreNoElements(t *testing.T) {
	const n = 1 << 19
	date := "h\x00h\x01\x85R"
	data := "\x80\x04cdatetime\ndate\nq\x000C\x04\x07\xea\x01\x01q\x010](" + strings.Repeat(date, n) + "e."
	var dates []time.Time
	require.NoError(t, pickle.Serializer.Unmarshal([]byte(data), &dates))
	require.Len(t, dates, n)
}

func TestBombs(t *testing.T) {
	length := func(op byte, n uint64) string {
		return "\x80\x04" + string([]byte{op}) + string(binary.LittleEndian.AppendUint64(nil, n)) + "."
	}
	for _, test := range []struct {
		name, data string
		want       error
		most       uint64
	}{
		{"a list that holds itself", "\x80\x04]\x94h\x00a.", codec.ErrTooLarge, 64 << 10},
		{"a dict that holds itself", "\x80\x04}\x94K\x01h\x00s.", codec.ErrTooLarge, 64 << 10},
		{"a tuple that holds itself", "\x80\x04]\x94h\x00\x85a.", codec.ErrTooLarge, 64 << 10},
		{"a list doubled thirty times", doubled("]"), codec.ErrTooLarge, 64 << 10},
		{"a text doubled thirty times", doubled("\x8c\xff" + strings.Repeat("x", 255)), codec.ErrTooLarge, 64 << 10},
		{"bytes doubled thirty times", doubled("B\x00\x00\x10\x00" + strings.Repeat("x", 1<<20)), codec.ErrTooLarge, 64 << 10},
		{"a number doubled thirty times", doubled("\x8b\x00\x00\x10\x00" + strings.Repeat("x", 1<<20)), codec.ErrTooLarge, 64 << 10},
		{"deep lists", "\x80\x04" + strings.Repeat("]", 1<<20) + strings.Repeat("a", 1<<20-1) + ".", codec.ErrTooLarge, 64 << 10},
		{"deep tuples", "\x80\x04)" + strings.Repeat("\x85", 1<<20) + ".", codec.ErrTooLarge, 64 << 20},
		{"deep dicts", "\x80\x04" + strings.Repeat("}N", 40) + "N" + strings.Repeat("s", 40) + ".", codec.ErrTooLarge, 64 << 10},
		{"many values", "\x80\x04(" + strings.Repeat("N", 8<<20) + "t.", codec.ErrTooLarge, 64 << 10},
		{"many empty lists", "\x80\x04](" + strings.Repeat("]", 1<<20+1) + "e.", codec.ErrTooLarge, 64 << 10},
		{"many lists, one too many", "\x80\x04(" + strings.Repeat("]", 1<<20+1) + "t.", codec.ErrTooLarge, 64 << 10},
		{"many lists, dropped", "\x80\x04N" + strings.Repeat("]0", 3<<20) + ".", codec.ErrTooLarge, 64 << 10},
		{"bytes, two thousand times", "\x80\x04(B\x00\x00\x10\x00" + strings.Repeat("x", 1<<20) + "\x94" + strings.Repeat("h\x00", 1<<11) + "t.", codec.ErrTooLarge, 80 << 20},
		{"a list of a text, many times", "\x80\x04](]\x94X\x00\x00\x10\x00" + strings.Repeat("x", 1<<20) + "a" + strings.Repeat("h\x00", 1<<10) + "e.", nil, 4 << 20},
		{"a text as a key, many times", "\x80\x04X\x00\x00\x10\x00" + strings.Repeat("x", 1<<20) + "\x940}(" + strings.Repeat("h\x00N", 1<<12) + "u.", codec.ErrTooLarge, 4 << 20},
		{"a long text as a name, many times", "\x80\x04X\x00\x00\x10\x00" + strings.Repeat("x", 1<<20) + "\x940" + strings.Repeat("h\x00h\x00\x930", 1<<10) + "N.", nil, 4 << 20},
		{"a number, two thousand times", "\x80\x04(\x8b\x00\x00\x10\x00" + strings.Repeat("x", 1<<20) + "\x94" + strings.Repeat("h\x00", 1<<11) + "t.", codec.ErrTooLarge, 200 << 20},
		{"a tree of tuples", "\x80\x04" + tree(13), codec.ErrTooLarge, 64 << 10},
		{"deep lists above a mark", "\x80\x04(" + strings.Repeat("]", 1<<20) + strings.Repeat("a", 1<<20-1) + "t.", codec.ErrTooLarge, 40 << 20},
		{"many marks", "\x80\x04" + strings.Repeat("(", 8<<20) + ".", codec.ErrTooLarge, 64 << 10},
		{"many memos", "\x80\x04N" + strings.Repeat("\x94", 8<<20) + ".", codec.ErrCorrupt, 64 << 10},
		{"many sets of one list", "\x80\x02](" + strings.Repeat("N", 1000) + "eq\x00c__builtin__\nset\nq\x01" + strings.Repeat("0h\x01h\x00\x85R", 1<<16) + "\x86.", codec.ErrTooLarge, 96 << 20},
		{"bytes of one text, many times", "\x80\x02X\x00\x00\x01\x00" + strings.Repeat("x", 1<<16) + "q\x00X\x06\x00\x00\x00latin1q\x01c_codecs\nencode\nq\x02" + strings.Repeat("0h\x02h\x00h\x01\x86R", 1<<12) + ".", codec.ErrCorrupt, 1 << 20},
		{"a long str that is not there", length(0x8d, 1<<40), codec.ErrCorrupt, 16 << 10},
		{"the longest str that is not there", length(0x8d, 1<<64-1), codec.ErrCorrupt, 16 << 10},
		{"long bytes that are not there", length(0x8e, 1<<63), codec.ErrCorrupt, 16 << 10},
		{"a long bytearray that is not there", length(0x96, 60<<20), codec.ErrCorrupt, 16 << 10},
		{"a long number that is not there", "\x80\x04\x8b\xff\xff\xff\x7f.", codec.ErrCorrupt, 16 << 10},
		{"a long frame", length(0x95, 1<<40), codec.ErrCorrupt, 16 << 10},
		{"a large place in the memo", "\x80\x04Nr\xff\xff\xff\x7f.", codec.ErrCorrupt, 16 << 10},
	} {
		var err error
		n := allocated(func() { err = pickle.Serializer.Unmarshal([]byte(test.data), new(any)) }) - uint64(len(test.data))
		require.ErrorIs(t, err, test.want, test.name)
		require.LessOrEqual(t, int64(n), int64(test.most), "%s: %d bytes allocated, %v", test.name, int64(n), err)
	}
}
