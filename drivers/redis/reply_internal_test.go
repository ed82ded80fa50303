package redis

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"runtime"
	"strings"
	"testing"

	goredis "github.com/redis/go-redis/v9"

	"github.com/xcache-go/xcache/driver"
)

// pour writes raw to a replyReader in pieces of the given size, as go-redis may.
func pour(r *replyReader, raw string, size int) error {
	for len(raw) > 0 {
		n := min(size, len(raw))
		if _, err := r.Write([]byte(raw[:n])); err != nil {
			return err
		}
		raw = raw[n:]
	}
	return nil
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
		return "error"
	}
	var items []string
	for _, item := range r.Items {
		items = append(items, show(item))
	}
	return "[" + strings.Join(items, " ") + "]"
}

var replies = []struct{ raw, want string }{
	{"+OK\r\n", `"OK"`},
	{"+QUEUED\r\n", `"QUEUED"`},
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
	{"*2\r\n-ERR no\r\n:1\r\n", "[error 1]"},
	{"*2\r\n-OOM no\r\n:1\r\n", "[error 1]"},
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
}

func TestReplyReaderInPiecesOfAnySize(t *testing.T) {
	for _, tt := range replies {
		for size := 1; size <= len(tt.raw); size++ {
			var r replyReader
			if err := pour(&r, tt.raw, size); err != nil || !r.complete || r.err != nil {
				t.Errorf("%q in pieces of %d: complete %v, %v, %v", tt.raw, size, r.complete, err, r.err)
			} else if got := show(r.reply); got != tt.want {
				t.Errorf("%q in pieces of %d: got %s, want %s", tt.raw, size, got, tt.want)
			}
		}
	}
}

func TestReplyReaderIsNotCompleteBeforeTheEnd(t *testing.T) {
	for _, tt := range replies {
		for n := range tt.raw {
			var r replyReader
			if err := pour(&r, tt.raw[:n], 3); err != nil || r.complete {
				t.Errorf("%q after %d bytes: complete %v, %v", tt.raw, n, r.complete, err)
			}
		}
	}
}

func TestReplyReaderReadsStringsFromASource(t *testing.T) {
	for _, length := range []int{0, 1, 100, 5000} {
		value := strings.Repeat("v", length)
		for _, rest := range []string{"", ":1\r\n"} {
			var r replyReader
			if err := pour(&r, fmt.Sprintf("*%d\r\n$%d\r\n", 1+len(rest)/4, length), 2); err != nil {
				t.Fatal(err)
			}
			n, err := r.ReadFrom(strings.NewReader(value + "\r\n" + rest))
			if err != nil || int(n) != length+2+len(rest) || !r.complete || string(r.reply.Items[0].Data) != value {
				t.Errorf("%d bytes: took %d, complete %v, %v", length, n, r.complete, err)
			}
		}
	}
	var r replyReader
	_ = pour(&r, "$5\r\n", 4)
	if _, err := r.ReadFrom(strings.NewReader("cut")); !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) || r.complete {
		t.Errorf("a source that ends: %v", err)
	}
}

func TestReplyReaderTellsGoRedisOfErrors(t *testing.T) {
	for raw, kind := range map[string]error{
		"-OOM no memory\r\n":                 driver.ErrOutOfMemory,
		"-READONLY You can't write\r\n":      driver.ErrReadOnly,
		"!21\r\nSYNTAX invalid syntax\r\n":   nil,
		"-MOVED 3999 127.0.0.1:6381\r\n":     driver.ErrUnavailable,
		"-ERR unknown command 'x', with\r\n": errors.ErrUnsupported,
	} {
		var r replyReader
		err := pour(&r, raw, 5)
		var native goredis.Error
		if !errors.As(err, &native) || !r.complete || r.err == nil {
			t.Errorf("%q: go-redis sees %v; %v", raw, err, r.err)
		}
		if kind != nil && !errors.Is(r.err, kind) {
			t.Errorf("%q: got %v", raw, r.err)
		}
	}
	var r replyReader
	if err := pour(&r, "-READONLY You can't write\r\n", 99); !goredis.IsReadOnlyError(err) {
		t.Errorf("go-redis does not see what it is: %v", err)
	}
	r.reset()
	if err := pour(&r, "-MOVED 3999 127.0.0.1:6381\r\n", 99); err != nil {
		if addr, ok := goredis.IsMovedError(err); !ok || addr != "127.0.0.1:6381" {
			t.Errorf("go-redis does not see where to: %q, %v", addr, ok)
		}
	}
}

func TestReplyReaderRefusesWhatIsNoReply(t *testing.T) {
	for _, raw := range []string{
		"\r\n", "\n", "x\r\n", "OK\r\n", "+OK\n", ":\r\n", ":1x\r\n", ":9223372036854775808\r\n", "$x\r\n", "$-2\r\n",
		"$9223372036854775807\r\n", "*-2\r\n", "*2147483648\r\n", "*99999999999999999999\r\n", "%1073741825\r\n", "#x\r\n", ",x\r\n",
		"=2\r\nab\r\n", "+OK\r\n+OK\r\n", strings.Repeat("*1\r\n", 100), "+" + strings.Repeat("x", 1<<17),
	} {
		var r replyReader
		if err := pour(&r, raw, 7); !errors.Is(err, errReply) {
			t.Errorf("%.40q: got %v, complete %v", raw, err, r.complete)
		}
	}
}

func TestReplyReaderTakesNoMemoryOnTrust(t *testing.T) {
	var before, after runtime.MemStats
	for _, raw := range []string{
		fmt.Sprintf("$%d\r\nx", math.MaxInt/2), "*1073741824\r\n:1\r\n", strings.Repeat("*1073741824\r\n", maxDepth),
	} {
		runtime.ReadMemStats(&before)
		var r replyReader
		if err := pour(&r, raw, 1<<20); err != nil || r.complete {
			t.Errorf("%.40q: %v, complete %v", raw, err, r.complete)
		}
		runtime.ReadMemStats(&after)
		if took := after.TotalAlloc - before.TotalAlloc; took > trustedLength+16<<20 {
			t.Errorf("%.40q took %d bytes", raw, took)
		}
	}
}

func FuzzReplyReader(f *testing.F) {
	for _, tt := range replies {
		f.Add([]byte(tt.raw), 1)
	}
	f.Add([]byte("-ERR x\r\n"), 3)
	f.Fuzz(func(t *testing.T, raw []byte, size int) {
		if size < 1 || bytes.Contains(raw, []byte("00000")) { // no claims of gigabytes
			return
		}
		var whole, pieces replyReader
		wholeErr, piecesErr := pour(&whole, string(raw), len(raw)+1), pour(&pieces, string(raw), size)
		// A second reply behind the first is seen at once or not, by the pieces.
		if whole.complete != pieces.complete || whole.complete && wholeErr == nil && piecesErr == nil && show(whole.reply) != show(pieces.reply) {
			t.Errorf("whole: %v %v %s; in pieces of %d: %v %v %s", whole.complete, wholeErr, show(whole.reply), size, pieces.complete, piecesErr, show(pieces.reply))
		}
	})
}
