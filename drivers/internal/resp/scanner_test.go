package resp_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/drivers/internal/resp"
)

// replies expects any number of replies, with the same limits.
type replies struct {
	limits resp.Limits
	left   int
}

func (r *replies) Next() *resp.Limits {
	if r.left--; r.left < 0 {
		return nil
	}
	return &r.limits
}

func (r *replies) Others() *resp.Limits { return &generous }

var generous = resp.Limits{String: 1 << 29, Elements: 1 << 24}

// scanAll scans text in pieces of a size. The result is the passed text, with !long! for
// each string that is too long.
func scanAll(s *resp.Scanner, due resp.Due, text string, size int) (passed string, err error) {
	var pending []byte
	for len(text) > 0 {
		n := min(size, len(text))
		pending = append(pending, text[:n]...)
		text = text[n:]
		for len(pending) > 0 {
			n, err := s.Scan(pending, due)
			passed += string(pending[:n])
			pending = pending[n:]
			if errors.Is(err, resp.ErrTooLong) {
				passed += "!long!"
				pending, text = append(pending, text...), ""
				pending = pending[min(int(s.Omit()), len(pending)):]
				continue
			}
			if err != nil {
				return passed, err
			}
			if n == 0 {
				break
			}
		}
	}
	return passed, nil
}

func TestScannerCountsReplies(t *testing.T) {
	for text, count := range map[string]int{
		"":                                     0,
		"+OK\r\n":                              1,
		"+\r\n":                                1,
		"-ERR no\r\n":                          1,
		":1\r\n:-2\r\n:+3\r\n":                 3,
		"_\r\n#t\r\n,1.5\r\n(123\r\n":          4,
		",inf\r\n,-nan\r\n,1e9\r\n(-1\r\n":     4,
		"$-1\r\n*-1\r\n":                       2,
		"$0\r\n\r\n":                           1,
		"$5\r\nhello\r\n":                      1,
		"$11\r\n*1\r\n$1\r\na\r\n\r\n":         1,
		"=7\r\ntxt:abc\r\n!3\r\nERR\r\n":       2,
		"*0\r\n*1\r\n*0\r\n":                   2,
		"*2\r\n$1\r\na\r\n:1\r\n+OK\r\n":       2,
		"*2\r\n*2\r\n:1\r\n:2\r\n~1\r\n:3\r\n": 1,
		"%1\r\n+a\r\n*1\r\n:1\r\n":             1,
		">2\r\n+a\r\n+b\r\n:1\r\n":             1,
		"|1\r\n+a\r\n+b\r\n:1\r\n":             1,
		"*1\r\n|1\r\n+a\r\n+b\r\n:1\r\n":       1,
		"$10000\r\n" + strings.Repeat("x", 10000) + "\r\n:1\r\n": 2,
		"+" + strings.Repeat("x", 30<<10) + "\r\n":               1,
	} {
		for _, size := range []int{1, 2, 3, 7, len(text) + 1} {
			var s resp.Scanner
			passed, err := scanAll(&s, &replies{generous, count}, text, size)
			require.NoError(t, err, "%.40q in pieces of %d", text, size)
			require.True(t, passed == text && s.Between(), "%.40q in pieces of %d", text, size)
			if count > 0 {
				_, err = scanAll(new(resp.Scanner), &replies{generous, count - 1}, text, size)
				require.ErrorIs(t, err, resp.ErrUnasked, "%.40q in pieces of %d", text, size)
			}
		}
	}
}

func TestScannerRefuses(t *testing.T) {
	for _, text := range []string{
		"$-2\r\n", "*-2\r\n", "$--1\r\n", "$-0\r\n", "$+1\r\n", "$1-\r\n", "%-1\r\n", "~-1\r\n", ">-1\r\n", "=-1\r\n", "!-1\r\n", "|-1\r\n",
		"$\r\n", "$-\r\n", "$x\r\n", "$1x\r\n", "$?\r\n", "*?\r\n", "$1\n", "$1\r\r\n", "$ 1\r\n",
		"$99999999999999999999\r\n", "$9223372036854775807\r\n", "$1000000000000\r\n", "*1000000000\r\n", "%1000000000\r\n", "%9223372036854775807\r\n",
		":\r\n", ":12x\r\n", ":99999999999999999999\r\n", ":1.5\r\n", "#x\r\n", "#\r\n", "_x\r\n", "(\r\n", "(12x\r\n", ",x\r\n", ",\r\n",
		"\r\n", "x\r\n", "\x00", ";1\r\na\r\n", ".\r\n", "$1\r\nabc", "$3\r\nabcde", "$0\r\nx\r", "+a\n",
		strings.Repeat("*1\r\n", 65), "+" + strings.Repeat("x", 64<<10+1), "$" + strings.Repeat("0", 32), ":" + strings.Repeat("1", 32), "(" + strings.Repeat("1", 2<<10),
	} {
		sizes := []int{1, 2, 5, 100}
		if len(text) > 100 {
			sizes = []int{1000}
		}
		for _, before := range []string{"", "+OK\r\n", "$3\r\nabc\r\n"} {
			for _, size := range sizes {
				var s resp.Scanner
				passed, err := scanAll(&s, &replies{generous, 10}, before+text, size)
				require.ErrorIs(t, err, resp.ErrMalformed, "%.40q in pieces of %d", before+text, size)
				require.True(t, strings.HasPrefix(passed, before), "%.40q in pieces of %d: only %d bytes passed", before+text, size, len(passed))
			}
		}
	}
}

func TestScannerFindsStringsThatAreTooLong(t *testing.T) {
	limits := resp.Limits{String: 3, Elements: 10}
	long := func(n int) string { return fmt.Sprintf("$%d\r\n%s\r\n", n, strings.Repeat("x", n)) }
	for text, want := range map[string]string{
		"$3\r\nabc\r\n":       "$3\r\nabc\r\n",
		long(4):               "!long!",
		long(4000) + ":1\r\n": "!long!:1\r\n",
		"*3\r\n:1\r\n" + long(5) + ":2\r\n+a\r\n": "*3\r\n:1\r\n!long!:2\r\n+a\r\n",
		"*1\r\n*1\r\n" + long(9) + "_\r\n":        "*1\r\n*1\r\n!long!_\r\n",
		"=8\r\ntxt:text\r\n!4\r\nERR!\r\n":        "!long!!long!",
		"+a longer line\r\n":                      "+a longer line\r\n",
	} {
		for _, size := range []int{1, 2, 5, len(text)} {
			var s resp.Scanner
			passed, err := scanAll(&s, &replies{limits, 2}, text, size)
			require.NoError(t, err, "%.40q in pieces of %d", text, size)
			require.Equal(t, want, passed, "%.40q in pieces of %d", text, size)
			require.True(t, s.Between())
		}
	}
}

// A stream has the same result in pieces of any size.
func FuzzScanner(f *testing.F) {
	for _, seed := range []string{"*2\r\n$1\r\na\r\n:1\r\n", "$-1\r\n", "|1\r\n+a\r\n+b\r\n>1\r\n_\r\n", "$00000000001\r\na\r\n", "*16777217\r\n", "$9\r\nabcdefghi\r\n+a\r\n"} {
		f.Add(seed, 3)
	}
	f.Fuzz(func(t *testing.T, text string, size int) {
		var whole, pieces resp.Scanner
		limits := resp.Limits{String: 1 << 20, Elements: 100}
		one, oneErr := scanAll(&whole, &replies{limits, 3}, text, max(1, len(text)))
		many, manyErr := scanAll(&pieces, &replies{limits, 3}, text, 1+(size&0xff))
		require.Equal(t, manyErr == nil, oneErr == nil, "%q: %q, %v in one piece, %q, %v in pieces", text, one, oneErr, many, manyErr)
		require.False(t, oneErr == nil && one != many, "%q: %q, %v in one piece, %q, %v in pieces", text, one, oneErr, many, manyErr)
		require.Equal(t, pieces.Between(), whole.Between(), "%q: %q, %v in one piece, %q, %v in pieces", text, one, oneErr, many, manyErr)
	})
}

func BenchmarkReply(b *testing.B) {
	for name, text := range map[string]string{
		"value": "$100\r\n" + strings.Repeat("x", 100) + "\r\n", "OK": "+OK\r\n", "miss": "$-1\r\n",
		"values": "*100\r\n" + strings.Repeat("$3\r\nabc\r\n", 100),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			reply, due := []byte(text), &replies{limits: generous}
			var s resp.Scanner
			for b.Loop() {
				due.left = 1
				if _, err := s.Scan(reply, due); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
