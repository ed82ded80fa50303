package valkey

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// feedAll reads replies in pieces of a size, as conn does. The result is the passed text,
// and the error that ends the reading.
func feedAll(c *conn, text string, size int) (passed string, err error) {
	var good strings.Builder
	for at := 0; at < len(text) && c.refused == nil; at += size {
		data := []byte(text[at:min(at+size, len(text))])
		inPlace := len(c.held) == 0
		if !inPlace {
			data = append(c.held, data...)
			c.held = nil
		}
		good.Write(data[:c.divide(data, inPlace)])
		good.Write(c.passed)
		c.passed = nil
	}
	return good.String(), c.refused
}

// newReplies returns a connection that expects replies to a number of commands.
func newReplies(commands int64) *conn {
	c := &conn{}
	c.replies = ofReplies(2<<20, true, func([]byte) {})
	c.commands.Store(commands)
	return c
}

func TestFramingCountsValues(t *testing.T) {
	for text, values := range map[string]int{
		"":              0,
		"+OK\r\n":       1,
		"-ERR no\r\n":   1,
		":1\r\n:-2\r\n": 2,
		":9223372036854775807\r\n:-9223372036854775808\r\n":        2,
		"_\r\n#t\r\n,1.5\r\n,inf\r\n(123\r\n":                      5,
		"$-1\r\n*-1\r\n":                                           2,
		"$0\r\n\r\n":                                               1,
		"$5\r\nhello\r\n":                                          1,
		"$005\r\nhello\r\n":                                        1,
		"$5\r\nhel":                                                0,
		"$11\r\n*1\r\n$1\r\na\r\n\r\n":                             1,
		"=7\r\ntxt:abc\r\n!3\r\nERR\r\n":                           2,
		"*0\r\n*1\r\n*0\r\n":                                       2,
		"*2\r\n$1\r\na\r\n:1\r\n+OK\r\n":                           2,
		"*2\r\n*2\r\n:1\r\n:2\r\n~1\r\n:3\r\n":                     1,
		"%1\r\n+a\r\n*1\r\n:1\r\n":                                 1,
		"|1\r\n+a\r\n+b\r\n:1\r\n":                                 1,
		"*1\r\n|1\r\n+a\r\n+b\r\n:1\r\n":                           1,
		strings.Repeat("|0\r\n", maxAttributes) + ":1\r\n":         1,
		strings.Repeat("|0\r\n+OK\r\n", 2*maxAttributes):           2 * maxAttributes,
		"$1048576\r\n" + strings.Repeat("x", 1<<20) + "\r\n:1\r\n": 2,
		"+" + strings.Repeat("x", maxLine/2) + "\r\n":              1,
		fmt.Sprintf("*%d\r\n", 2*freeElements) + strings.Repeat("_\r\n", 2*freeElements): 1,
	} {
		for _, size := range []int{1, 2, 3, 7, len(text) + 1} {
			if size == 1 && len(text) > 1<<17 {
				size = 1001
			}
			c := newReplies(int64(values + 1))
			passed, err := feedAll(c, text, size)
			require.NoErrorf(t, err, "%.40q in pieces of %d", text, size)
			require.Equalf(t, values, c.replies.values, "%.40q in pieces of %d", text, size)
			require.Truef(t, passed == text, "%.40q in pieces of %d: %.40q was passed on", text, size, passed)
		}
	}
}

func TestFramingRefuses(t *testing.T) {
	for _, text := range []string{
		"$-2\r\n", "*-2\r\n", "$--1\r\n", "$-0\r\n", "$1-\r\n", "%-1\r\n", "~-1\r\n", ">-1\r\n", "=-1\r\n",
		"$\r\n", "$-\r\n", "$x\r\n", "$1x\r\n", "$?\r\n", "*?\r\n", "$1\n", "$1\rx\n",
		"$99999999999999999999\r\n", "$9223372036854775807\r\n", "$1000000000000\r\n", fmt.Sprintf("*%d\r\n", maxElements+1), fmt.Sprintf("%%%d\r\n", maxElements+1),
		"\r\n", "x\r\n", "\x00\r\n", ";1\r\na\r\n", ".\r\n",
		":\r\n", ":-\r\n", ":+1\r\n", ":12x\r\n", ":99999999999999999999\r\n", ":9223372036854775808\r\n",
		"#x\r\n", "#\r\n", "#tt\r\n", "_x\r\n", "(\r\n", "(1x\r\n", ",x\r\n", "$1\r\nab\r\n", "$1\r\na\rx", "*1\r\n>1\r\n:1\r\n",
		strings.Repeat("*1\r\n", maxDepth+1), "+" + strings.Repeat("x", maxLine+1), strings.Repeat("|0\r\n", maxAttributes+1),
	} {
		for _, before := range []string{"", "+OK\r\n", "$3\r\nabc\r\n"} {
			for _, size := range []int{1, 2, 5, len(before) + len(text)} {
				passed, err := feedAll(newReplies(9), before+text, size)
				require.ErrorIsf(t, err, errMalformed, "%.40q in pieces of %d", before+text, size)
				require.Truef(t, strings.HasPrefix(passed, before), "%.40q in pieces of %d: %.40q was passed on", before+text, size, passed)
			}
		}
	}
}

func TestFramingPassesNothingOnThatNobodyAskedFor(t *testing.T) {
	for _, text := range []string{"+OK\r\n", "$5\r\nxx", "*1\r\n", ":", "-ERR idle\r\n", "|1\r\n+a\r\n+b\r\n"} {
		for _, size := range []int{1, 3, 100} {
			passed, err := feedAll(newReplies(1), "$1\r\na\r\n"+text, size)
			require.ErrorIs(t, err, errUnasked, text)
			require.Equal(t, "$1\r\na\r\n", passed, text)
		}
	}
}

func TestFramingDropsWhatIsTooLong(t *testing.T) {
	long := fmt.Sprintf("$%d\r\n%s\r\n", 3<<20, strings.Repeat("x", 3<<20))
	instead := string(tooLongReply(3<<20, 2<<20))
	for text, want := range map[string]string{
		long:                             instead,
		":1\r\n" + long + ":2\r\n":       ":1\r\n" + instead + ":2\r\n",
		"*2\r\n" + long + "$1\r\na\r\n":  "*2\r\n" + instead + "$1\r\na\r\n",
		long + long:                      instead + instead,
		">2\r\n" + long + "+a\r\n:1\r\n": ":1\r\n",
		">1\r\n*2\r\n$1\r\na\r\n+b\r\n":  "",
		":1\r\n>1\r\n+a\r\n:2\r\n":       ":1\r\n:2\r\n",
	} {
		for _, size := range []int{997, 1 << 20, len(text)} {
			passed, err := feedAll(newReplies(3), text, size)
			require.NoError(t, err)
			require.Truef(t, want == passed, "%.40q in pieces of %d: %.80q was passed on", text, size, passed)
		}
	}
}

func TestFramingDropsWhatNobodyWaitsFor(t *testing.T) {
	long := fmt.Sprintf("$%d\r\n%s\r\n", 3<<20, strings.Repeat("x", 3<<20))
	for _, late := range []string{
		"+OK\r\n", "-ERR no\r\n", ":1\r\n", "$-1\r\n", "$0\r\n\r\n", "$3\r\nabc\r\n", "*0\r\n", "*-1\r\n", "*2\r\n*1\r\n:1\r\n$1\r\na\r\n",
		"%1\r\n+a\r\n+b\r\n", "|1\r\n+a\r\n+b\r\n:1\r\n", ">1\r\n+a\r\n:1\r\n", long, "*2\r\n" + long + ":1\r\n",
	} {
		for _, next := range []string{"+OK\r\n", "$2\r\nhi\r\n", "*1\r\n:2\r\n"} {
			for _, size := range []int{1, 3, 1009, len(late), len(late) + len(next)*2} {
				if size < 1000 && len(late) > 1<<10 {
					continue
				}
				c := newReplies(2)
				require.Equal(t, 2, c.replies.leave(2))
				c.commands.Store(4)
				passed, err := feedAll(c, late+late+next+next, size)
				require.NoError(t, err, "%.40q in pieces of %d", late, size)
				require.Equal(t, next+next, passed, "%.40q in pieces of %d", late, size)
				require.Equal(t, 4, c.replies.values)
				require.Zero(t, c.replies.leave(4), "nothing is due")
			}
		}
	}
	// A reply that was passed on in part is not dropped.
	for _, part := range []string{"$3\r\na", "*2\r\n:1\r\n"} {
		c := newReplies(1)
		_, err := feedAll(c, part, 100)
		require.NoError(t, err)
		require.Zero(t, c.replies.leave(1))
	}
}

func TestFramingPassesNoClaimOnThatNothingStandsBehind(t *testing.T) {
	claim := fmt.Sprintf("*%d\r\n", maxElements)
	passed, err := feedAll(newReplies(1), strings.Repeat(claim, maxDepth), 1<<20)
	require.NoError(t, err)
	require.Empty(t, passed)
	// The limit is for all of them together, and not for each.
	half := fmt.Sprintf("*%d\r\n", freeElements/2+50)
	passed, err = feedAll(newReplies(1), strings.Repeat(half, 5), 1<<20)
	require.NoError(t, err)
	require.Equal(t, half, passed)
}

func TestFramingOfRequests(t *testing.T) {
	const text = "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n*1\r\n$4\r\nPING\r\n"
	for _, size := range []int{1, 2, 3, 7, 100} {
		c := &conn{requests: ofRequests()}
		for at := 0; at < len(text); at += size {
			require.True(t, c.follow([]byte(text[at:min(at+size, len(text))])))
			want := int64(1)
			if at+size > strings.LastIndex(text, "*") {
				want = 2
			}
			require.Equal(t, want, c.requested(), "pieces of %d, at %d", size, at)
		}
	}
	c := &conn{requests: ofRequests()}
	require.False(t, c.follow(fmt.Appendf(nil, "*1\r\n$%d\r\n", maxBulk+1)))
}

// A stream has the same result in pieces of any size.
func FuzzFraming(f *testing.F) {
	for _, seed := range []string{"*2\r\n$1\r\na\r\n:1\r\n", "$-1\r\n", "|1\r\n+a\r\n+b\r\n>1\r\n_\r\n", "$00000000001\r\na\r\n", "*16777217\r\n", "$3000000\r\na"} {
		f.Add(seed, 3)
	}
	f.Fuzz(func(t *testing.T, text string, size int) {
		whole, pieces := newReplies(3), newReplies(3)
		_, wholeErr := feedAll(whole, text, max(1, len(text)))
		_, piecesErr := feedAll(pieces, text, 1+(size&0xff))
		require.Equal(t, wholeErr == nil, piecesErr == nil, "%q: %v in one piece, %v in pieces", text, wholeErr, piecesErr)
		require.Equal(t, whole.replies.values, pieces.replies.values, "%q: replies read to their end", text)
		require.Equal(t, whole.replies.begun, pieces.replies.begun, "%q: replies begun", text)
	})
}

func TestKindsAreRead(t *testing.T) {
	require.True(t, hasKind)
}
