package memory_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/driver"
)

func TestGlobMatchesAsRedisDoes(t *testing.T) {
	for _, tt := range globs {
		require.Equal(t, tt.want, driver.MatchGlob(tt.pattern, tt.text), "%q matches %q", tt.pattern, tt.text)
	}
}

// globs are also compared with a real server: see TestRedisMatchesTheSameGlobs.
var globs = []struct {
	pattern, text string
	want          bool
}{
	{"", "a", false},
	{"abc", "abc", true},
	{"abc", "abcd", false},
	{"abcd", "abc", false},
	{"ABC", "abc", false},

	{"*", "anything", true},
	{"**", "a", true},
	{"a*", "a", true},
	{"a***", "a", true},
	{"a*", "ba", false},
	{"*a", "ba", true},
	{"*a", "ab", false},
	{"*a*", "bab", true},
	{"a*b*c", "a1b2c", true},
	{"a*b*c", "abbbcc", true},
	{"a*b*c", "acb", false},
	{"*ab*ab", "ab", false},
	{"*ab*ab", "abcab", true},
	{":1:user:*", ":1:user:42", true},
	{":1:user:*", ":2:user:42", false},

	{"?", "a", true},
	{"?", "ab", false},
	{"??", "a", false},
	{"a?c", "abc", true},
	{"*?", "a", true},
	{"?*", "a", true},
	{"?*?", "a", false},
	{"*??", "abc", true},
	{"??", "é", true}, // ? is a byte, not a character

	{"[abc]", "b", true},
	{"[abc]", "d", false},
	{"[abc]", "abc", false},
	{"[^abc]", "d", true},
	{"[^abc]", "a", false},
	{"[a^]", "^", true},
	{"x[abc]z", "xbz", true},
	{"[a-c]", "b", true},
	{"[a-c]", "d", false},
	{"[c-a]", "b", true},
	{"[^a-c]", "b", false},
	{"[^a-c]", "-", true},
	{"[a-cx-z]", "y", true},
	{"[a-cx-z]", "d", false},
	{"[-a]", "-", true},
	{"[a-]", "-", false}, // a range up to ], without an end
	{"[a-]", "a", true},
	{"[a-]", "_", true},
	{"[a-]x]", "b", false},
	{"[]", "]", false},
	{"[]a]", "a", false},
	{"[]a]", "]", false},
	{"[^]", "a", true},
	{"[^]a]", "xa]", true},
	{"[a*]", "*", true},
	{"[a?]", "b", false},
	{"[[]", "[", true},

	{"[abc", "b", true},
	{"[abc", "d", false},
	{"[a-", "-", true},
	{"[a-", "b", false},
	{"[", "[", false},
	{"[", "a", false},
	{"[^", "a", true},
	{"[^", "ab", false},
	{"a[", "a", false},
	{"*[", "a[", false},

	{`\*`, "*", true},
	{`\*`, "a", false},
	{`\?`, "?", true},
	{`\[a]`, "[a]", true},
	{`\a`, "a", true},
	{`\\`, `\`, true},
	{`a\`, `a\`, true},
	{`a\`, "a", false},
	{`*\`, `a\`, true},
	{`[\]]`, "]", true},
	{`[\]a]`, "a", true},
	{`[\^a]`, "^", true},
	{`[a\-c]`, "-", true},
	{`[a\-c]`, "b", false},
	{`[\a-c]`, "b", false},
	{`[\a-c]`, "-", true},
	{`[a-\c]`, "b", false},
	{`[\`, `\`, true},
	{`[\\]`, `\`, true},
	{`[^\]]`, "]", false},
}

// Redis compares the bytes of a range as char of its C compiler, which has a sign on most
// machines. In this store bytes have no sign.
func TestGlobRangesHaveNoSign(t *testing.T) {
	require.True(t, driver.MatchGlob("[\x00-\xff]", "\x80"), "a range of all bytes does not match each of them")
}

func TestGlobTakesNoExponentialTime(t *testing.T) {
	text := strings.Repeat("a", 2000)
	for _, pattern := range []string{
		strings.Repeat("a*", 100) + "b",
		strings.Repeat("*a", 100) + "b",
		strings.Repeat("*", 2000) + "b",
		strings.Repeat("*?", 100) + "b",
		strings.Repeat("*[a-z]", 100) + "b",
		strings.Repeat("[", 2000),
	} {
		require.False(t, driver.MatchGlob(pattern, text), "%.20q… matches", pattern)
	}
}

// FuzzGlob compares the matcher with a matcher that tries everything.
func FuzzGlob(f *testing.F) {
	for _, tt := range globs {
		f.Add(tt.pattern, tt.text)
	}
	f.Fuzz(func(t *testing.T, pattern, text string) {
		if len(pattern) > 12 || len(text) > 12 {
			return
		}
		want := slowGlob(parseGlob(pattern), text)
		require.Equal(t, want, driver.MatchGlob(pattern, text), "%q matches %q", pattern, text)
	})
}

// A globPart is one element of a pattern: *, or a set of bytes.
type globPart struct {
	star  bool
	bytes [256]bool
}

func parseGlob(pattern string) []globPart {
	var parts []globPart
	// next returns one byte of the pattern, and whether a \ stood before the byte.
	next := func() (c byte, escaped bool) {
		if c, pattern = pattern[0], pattern[1:]; c == '\\' && pattern != "" {
			c, pattern = pattern[0], pattern[1:]
			return c, true
		}
		return c, false
	}
	for pattern != "" {
		var part globPart
		c, escaped := next()
		switch {
		case escaped:
			part.bytes[c] = true
		case c == '*':
			part.star = true
		case c == '?':
			for i := range part.bytes {
				part.bytes[i] = true
			}
		case c == '[':
			negated := strings.HasPrefix(pattern, "^")
			pattern = strings.TrimPrefix(pattern, "^")
			for pattern != "" && pattern[0] != ']' {
				ranged := len(pattern) >= 3 && pattern[0] != '\\' && pattern[1] == '-'
				low, _ := next()
				high := low
				if ranged {
					high = pattern[1]
					pattern = pattern[2:]
				}
				for b := int(min(low, high)); b <= int(max(low, high)); b++ {
					part.bytes[b] = true
				}
			}
			pattern = strings.TrimPrefix(pattern, "]")
			for i := range part.bytes {
				part.bytes[i] = part.bytes[i] != negated
			}
		default:
			part.bytes[c] = true
		}
		parts = append(parts, part)
	}
	return parts
}

func slowGlob(parts []globPart, text string) bool {
	switch {
	case len(parts) == 0:
		return text == ""
	case parts[0].star:
		return slowGlob(parts[1:], text) || text != "" && slowGlob(parts, text[1:])
	}
	return text != "" && parts[0].bytes[text[0]] && slowGlob(parts[1:], text[1:])
}
