package valkey

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// feedAll feeds text in pieces of a size, and returns how much was good.
func feedAll(f *framing, text string, size int) (good int, err error) {
	for at := 0; at < len(text); at += size {
		piece := text[at:min(at+size, len(text))]
		n, err := f.feed([]byte(piece))
		if err != nil {
			return at + n, err
		}
	}
	return len(text), nil
}

func TestFramingCountsValues(t *testing.T) {
	for text, values := range map[string]int{
		"":                                     0,
		"+OK\r\n":                              1,
		"-ERR no\r\n":                          1,
		":1\r\n:-2\r\n":                        2,
		"_\r\n#t\r\n,1.5\r\n(123\r\n":          4,
		"$-1\r\n*-1\r\n":                       2,
		"$0\r\n\r\n":                           1,
		"$5\r\nhello\r\n":                      1,
		"$5\r\nhel":                            0,
		"$11\r\n*1\r\n$1\r\na\r\n\r\n":         1,
		"=7\r\ntxt:abc\r\n!3\r\nERR\r\n":       2,
		"*0\r\n*1\r\n*0\r\n":                   2,
		"*2\r\n$1\r\na\r\n:1\r\n+OK\r\n":       2,
		"*2\r\n*2\r\n:1\r\n:2\r\n~1\r\n:3\r\n": 1,
		"%1\r\n+a\r\n*1\r\n:1\r\n":             1,
		">2\r\n+a\r\n+b\r\n:1\r\n":             1,
		"|1\r\n+a\r\n+b\r\n:1\r\n":             1,
		"*1\r\n|1\r\n+a\r\n+b\r\n:1\r\n":       1,
		"$1048576\r\n" + strings.Repeat("x", 1<<20) + "\r\n:1\r\n": 2,
		"+" + strings.Repeat("x", maxLine/2) + "\r\n":              1,
	} {
		for _, size := range []int{1, 2, 3, 7, len(text) + 1} {
			var f framing
			if _, err := feedAll(&f, text, size); err != nil || f.values != values {
				t.Errorf("%.40q in pieces of %d: %d values, %v; want %d", text, size, f.values, err, values)
			}
		}
	}
}

func TestFramingRefuses(t *testing.T) {
	for _, text := range []string{
		"$-2\r\n", "*-2\r\n", "$--1\r\n", "$-0\r\n", "$1-\r\n", "%-1\r\n", "~-1\r\n", ">-1\r\n", "=-1\r\n",
		"$\r\n", "$-\r\n", "$x\r\n", "$1x\r\n", "$?\r\n", "*?\r\n", "$1\n", "$1\rx",
		"$99999999999999999999\r\n", fmt.Sprintf("$%d\r\n", maxBulk+1), fmt.Sprintf("*%d\r\n", maxElements+1),
		"\r\n", "x\r\n", "\x00", ";1\r\na\r\n", ".\r\n",
		strings.Repeat("*1\r\n", maxDepth+1), "+" + strings.Repeat("x", maxLine+1),
	} {
		for _, before := range []string{"", "+OK\r\n", "$3\r\nabc\r\n"} {
			for _, size := range []int{1, 2, 5, len(before) + len(text)} {
				var f framing
				good, err := feedAll(&f, before+text, size)
				if !errors.Is(err, errMalformed) {
					t.Errorf("%.40q in pieces of %d: %v", before+text, size, err)
				}
				if good < len(before) {
					t.Errorf("%.40q in pieces of %d: only %d bytes are good", before+text, size, good)
				}
			}
		}
	}
}

// However a stream comes in, the same is made of it.
func FuzzFraming(f *testing.F) {
	for _, seed := range []string{"*2\r\n$1\r\na\r\n:1\r\n", "$-1\r\n", "|1\r\n+a\r\n+b\r\n>1\r\n_\r\n", "$00000000001\r\na\r\n", "*16777217\r\n"} {
		f.Add(seed, 3)
	}
	f.Fuzz(func(t *testing.T, text string, size int) {
		var whole, pieces framing
		_, wholeErr := feedAll(&whole, text, max(1, len(text)))
		_, piecesErr := feedAll(&pieces, text, 1+(size&0xff))
		if (wholeErr == nil) != (piecesErr == nil) || whole.values != pieces.values || whole.begun != pieces.begun {
			t.Errorf("%q: %+v, %v in one piece, %+v, %v in pieces", text, whole, wholeErr, pieces, piecesErr)
		}
	})
}
