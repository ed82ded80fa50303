package resp_test

import (
	"errors"
	"fmt"
	"io"
	"math"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/resp"
	"github.com/xcache-go/xcache/drivers/internal/shape"
)

// read reads the replies of a source, up to an error.
func read(source io.Reader, longest int64) (texts []string, err error) {
	r := resp.NewReader(source, func(text string) error { return errors.New(text) })
	r.Begin(100)
	for {
		reply, err := r.Next(shape.Any|shape.Queued, longest)
		if err != nil {
			return texts, err
		}
		texts = append(texts, show(reply))
	}
}

// show returns a reply as text.
func show(r driver.Reply) string {
	switch r.Kind {
	case driver.ReplyNil:
		return "nil"
	case driver.ReplyInt:
		return fmt.Sprint(r.Int)
	case driver.ReplyFloat:
		return fmt.Sprintf("%gf", r.Float)
	case driver.ReplyData:
		return fmt.Sprintf("%q", r.Data)
	case driver.ReplyError:
		if errors.Is(r.Err, driver.ErrTooLarge) {
			return "long"
		}
		return "error " + r.Err.Error()
	}
	var items []string
	for _, item := range r.Items {
		items = append(items, show(item))
	}
	return "[" + strings.Join(items, " ") + "]"
}

var readable = []struct{ raw, want string }{
	{"+OK\r\n", `"OK"`},
	{"+QUEUED\r\n", `"QUEUED"`},
	{"+\r\n", `""`},
	{":42\r\n", "42"},
	{":-9223372036854775808\r\n", "-9223372036854775808"},
	{"$5\r\nhello\r\n", `"hello"`},
	{"$0\r\n\r\n", `""`},
	{"$4\r\n\r\n\r\n\r\n", `"\r\n\r\n"`},
	{"$-1\r\n", "nil"},
	{"*-1\r\n", "nil"},
	{"_\r\n", "nil"},
	{"*0\r\n", "[]"},
	{"*2\r\n$1\r\na\r\n$-1\r\n", `["a" nil]`},
	{"*3\r\n*0\r\n*1\r\n:1\r\n:2\r\n", "[[] [1] 2]"},
	{"-OOM no\r\n", "error OOM no"},
	{"!21\r\nSYNTAX invalid syntax\r\n", "error SYNTAX invalid syntax"},
	{"*2\r\n-ERR no\r\n:1\r\n", "[error ERR no 1]"},
	{"%2\r\n+a\r\n:1\r\n+b\r\n:2\r\n", `["a" 1 "b" 2]`},
	{"~1\r\n+a\r\n", `["a"]`},
	{"#t\r\n", "1"},
	{"#f\r\n", "0"},
	{",1.5\r\n", "1.5f"},
	{",inf\r\n", "+Inff"},
	{",-inf\r\n", "-Inff"},
	{"(12345678901234567890\r\n", `"12345678901234567890"`},
	{"=8\r\ntxt:text\r\n", `"text"`},
	{"|1\r\n+ttl\r\n:1\r\n:7\r\n", "7"},
	{"*2\r\n|1\r\n+x\r\n*1\r\n:1\r\n:1\r\n:2\r\n", "[1 2]"},
	{"|0\r\n+a\r\n", `"a"`},
	{">2\r\n+pushed\r\n:1\r\n+a\r\n", `"a"`},
	{"$20000\r\n" + strings.Repeat("v", 20000) + "\r\n", `"` + strings.Repeat("v", 20000) + `"`},
}

func TestReaderReadsWhatComesInPiecesOfAnySize(t *testing.T) {
	for _, tt := range readable {
		text := tt.raw + ":1\r\n"
		sources := []io.Reader{strings.NewReader(text), iotest.DataErrReader(strings.NewReader(text))}
		if len(text) < 1000 {
			sources = append(sources, iotest.OneByteReader(strings.NewReader(text)), iotest.HalfReader(strings.NewReader(text)))
		}
		for _, source := range sources {
			texts, err := read(source, 1<<20)
			require.ErrorIs(t, err, io.EOF, "%.40q", tt.raw)
			require.Equal(t, []string{tt.want, "1"}, texts, "%.40q", tt.raw)
		}
	}
}

func TestReaderMakesNoReplyOfItsBeginning(t *testing.T) {
	for _, tt := range readable {
		for n := range min(len(tt.raw), 100) {
			texts, err := read(strings.NewReader(tt.raw[:n]), 1<<20)
			require.ErrorIs(t, err, io.EOF, "%.40q after %d bytes", tt.raw, n)
			require.Empty(t, texts, "%.40q after %d bytes", tt.raw, n)
		}
	}
}

func TestReaderRefusesWhatIsNoReply(t *testing.T) {
	for _, raw := range []string{
		"\r\n", "\n", "x\r\n", "OK\r\n", "+OK\n", ":\r\n", ":1x\r\n", ":9223372036854775808\r\n", "$x\r\n", "$-2\r\n", "$+1\r\n", "$\r\n",
		"$9223372036854775807\r\n", "*-2\r\n", "*2147483648\r\n", "*99999999999999999999\r\n", "%1073741825\r\n", "#x\r\n", "_x\r\n", ",x\r\n", "(x\r\n",
		"=2\r\nab\r\n", "$1\r\nabc", strings.Repeat("*1\r\n", 100), "+" + strings.Repeat("x", 1<<17), "$" + strings.Repeat("0", 100),
	} {
		for _, source := range []io.Reader{strings.NewReader(raw), iotest.OneByteReader(strings.NewReader(raw))} {
			texts, err := read(source, math.MaxInt64)
			require.ErrorIs(t, err, resp.ErrMalformed, "%.40q", raw)
			require.Empty(t, texts, "%.40q", raw)
		}
	}
}

func TestReaderKnowsTheKindThatIsDue(t *testing.T) {
	for _, tt := range []struct {
		shape shape.Shape
		raw   string
		ok    bool
	}{
		{shape.Value, "$1\r\na\r\n", true}, {shape.Value, "$-1\r\n", true}, {shape.Value, "-ERR\r\n", true}, {shape.Value, ":1\r\n", false}, {shape.Value, "+OK\r\n", false},
		{shape.OK, "+OK\r\n", true}, {shape.OK, "+QUEUED\r\n", false}, {shape.OK, "$2\r\nOK\r\n", false},
		{shape.Queued, "+QUEUED\r\n", true}, {shape.Queued, "+OK\r\n", false}, {shape.Any, "+QUEUED\r\n", false},
	} {
		r := resp.NewReader(strings.NewReader(tt.raw), func(text string) error { return errors.New(text) })
		_, err := r.Next(tt.shape, 100)
		require.Equal(t, tt.ok, err == nil, "%q: %v", tt.raw, err)
	}
}

func TestReaderReadsPastStringsThatAreTooLong(t *testing.T) {
	long := func(n int) string { return fmt.Sprintf("$%d\r\n%s\r\n", n, strings.Repeat("x", n)) }
	for _, tt := range []struct{ raw, want string }{
		{long(4) + ":1\r\n", "long 1"},
		{long(3) + ":1\r\n", `"xxx" 1`},
		{"*3\r\n:1\r\n" + long(40000) + ":2\r\n:3\r\n", "[1 long 2] 3"},
		{"*1\r\n*1\r\n" + long(9) + "_\r\n", "[[long]] nil"},
	} {
		texts, err := read(strings.NewReader(tt.raw), 3)
		require.ErrorIs(t, err, io.EOF, "%.40q", tt.raw)
		require.Equal(t, tt.want, strings.Join(texts, " "), "%.40q", tt.raw)
	}
	// No reply follows, and a new connection is cheaper.
	r := resp.NewReader(strings.NewReader(long(2<<20)), nil)
	r.Begin(1)
	_, err := r.Next(shape.Any, 3)
	require.ErrorIs(t, err, resp.ErrLongValue)
}

func TestReaderTakesNoMemoryOnTrust(t *testing.T) {
	const most = 32 << 20
	var before, after runtime.MemStats
	for _, raw := range []string{
		"$4294967296\r\nx", "*16777216\r\n:1\r\n", strings.Repeat("*16777216\r\n", 64), strings.Repeat("|0\r\n", 4<<20),
	} {
		runtime.ReadMemStats(&before)
		texts, err := read(strings.NewReader(raw), math.MaxInt64)
		require.Error(t, err, "%.40q", raw)
		require.Empty(t, texts, "%.40q", raw)
		runtime.ReadMemStats(&after)
		require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(most), "%.40q", raw)
	}
}

func FuzzReader(f *testing.F) {
	for _, tt := range readable {
		f.Add(tt.raw)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		whole, wholeErr := read(strings.NewReader(raw), 1000)
		pieces, piecesErr := read(iotest.OneByteReader(strings.NewReader(raw)), 1000)
		require.Equal(t, whole, pieces, "%q", raw)
		require.Equal(t, errors.Is(wholeErr, resp.ErrMalformed), errors.Is(piecesErr, resp.ErrMalformed), "%q: %v and %v", raw, wholeErr, piecesErr)
	})
}
