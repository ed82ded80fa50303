package lua

import (
	"strings"

	"github.com/yuin/gopher-lua"
)

// A matcher matches patterns of Lua by the rules of the language, and counts its steps: a
// pattern may go back over a text any number of times.
type matcher struct {
	text, pattern string
	state         *lua.LState
	limits        *limits
	level         int
	depth         int
	captures      [maxCaptures]capture
}

type capture struct{ start, length int }

const (
	maxCaptures = 32
	maxMatches  = 200 // depth of recursion

	unclosed = -1
	position = -2
)

func (m *matcher) fail(text string) { m.state.RaiseError("%s", text) }

// match matches the pattern from p on with the text from s on, and returns the end of the
// match, or -1.
func (m *matcher) match(s, p int) int {
	m.depth++
	if m.depth > maxMatches {
		m.fail("pattern too complex")
	}
	defer func() { m.depth-- }()
	for p < len(m.pattern) {
		m.limits.work(m.state, 1)
		switch m.pattern[p] {
		case '(':
			if p+1 < len(m.pattern) && m.pattern[p+1] == ')' {
				return m.startCapture(s, p+2, position)
			}
			return m.startCapture(s, p+1, unclosed)
		case ')':
			return m.endCapture(s, p+1)
		case '$':
			if p+1 == len(m.pattern) {
				if s == len(m.text) {
					return s
				}
				return -1
			}
		case '%':
			if p+1 < len(m.pattern) {
				switch next := m.pattern[p+1]; {
				case next == 'b':
					if s = m.balance(s, p+2); s < 0 {
						return -1
					}
					p += 4
					continue
				case next == 'f':
					p += 2
					if p >= len(m.pattern) || m.pattern[p] != '[' {
						m.fail("missing '[' after '%f' in pattern")
					}
					end := m.classEnd(p)
					var before, at byte
					if s > 0 {
						before = m.text[s-1]
					}
					if s < len(m.text) {
						at = m.text[s]
					}
					if m.inSet(before, p, end-1) || !m.inSet(at, p, end-1) {
						return -1
					}
					p = end
					continue
				case next >= '0' && next <= '9':
					if s = m.back(s, next); s < 0 {
						return -1
					}
					p += 2
					continue
				}
			}
		}
		end := m.classEnd(p)
		var suffix byte
		if end < len(m.pattern) {
			suffix = m.pattern[end]
		}
		switch suffix {
		case '?':
			if s < len(m.text) && m.single(s, p, end) {
				if e := m.match(s+1, end+1); e >= 0 {
					return e
				}
			}
			p = end + 1
		case '*':
			return m.most(s, p, end, 0)
		case '+':
			return m.most(s, p, end, 1)
		case '-':
			for {
				if e := m.match(s, end+1); e >= 0 {
					return e
				}
				if s >= len(m.text) || !m.single(s, p, end) {
					return -1
				}
				s++
			}
		default:
			if s >= len(m.text) || !m.single(s, p, end) {
				return -1
			}
			s++
			p = end
		}
	}
	return s
}

// most matches as many characters as possible, and then fewer until the rest of the pattern
// matches.
func (m *matcher) most(s, p, end, least int) int {
	n := 0
	for s+n < len(m.text) && m.single(s+n, p, end) {
		n++
	}
	m.limits.work(m.state, n)
	for ; n >= least; n-- {
		if e := m.match(s+n, end+1); e >= 0 {
			return e
		}
	}
	return -1
}

func (m *matcher) startCapture(s, p, what int) int {
	if m.level >= maxCaptures {
		m.fail("too many captures")
	}
	m.captures[m.level] = capture{s, what}
	m.level++
	e := m.match(s, p)
	if e < 0 {
		m.level--
	}
	return e
}

func (m *matcher) endCapture(s, p int) int {
	open := -1
	for i := m.level - 1; i >= 0; i-- {
		if m.captures[i].length == unclosed {
			open = i
			break
		}
	}
	if open < 0 {
		m.fail("invalid pattern capture")
	}
	m.captures[open].length = s - m.captures[open].start
	e := m.match(s, p)
	if e < 0 {
		m.captures[open].length = unclosed
	}
	return e
}

// balance matches %b. The two characters of %b are at p.
func (m *matcher) balance(s, p int) int {
	if p+1 >= len(m.pattern) {
		m.fail("unbalanced pattern")
	}
	if s >= len(m.text) || m.text[s] != m.pattern[p] {
		return -1
	}
	open, shut, depth := m.pattern[p], m.pattern[p+1], 1
	for i := s + 1; i < len(m.text); i++ {
		switch m.text[i] {
		case shut:
			if depth--; depth == 0 {
				m.limits.work(m.state, i-s)
				return i + 1
			}
		case open:
			depth++
		}
	}
	m.limits.work(m.state, len(m.text)-s)
	return -1
}

// back matches the text of an earlier capture.
func (m *matcher) back(s int, digit byte) int {
	i := int(digit) - '1'
	if i < 0 || i >= m.level || m.captures[i].length == unclosed {
		m.fail("invalid capture index")
	}
	c := m.captures[i]
	held := ""
	if c.length >= 0 {
		held = m.text[c.start : c.start+c.length]
	}
	if strings.HasPrefix(m.text[s:], held) {
		return s + len(held)
	}
	return -1
}

// classEnd returns the end of the class of characters at p.
func (m *matcher) classEnd(p int) int {
	c := m.pattern[p]
	p++
	switch c {
	case '%':
		if p >= len(m.pattern) {
			m.fail("malformed pattern (ends with '%')")
		}
		return p + 1
	case '[':
		if p < len(m.pattern) && m.pattern[p] == '^' {
			p++
		}
		for first := true; first || p >= len(m.pattern) || m.pattern[p] != ']'; first = false {
			if p >= len(m.pattern) {
				m.fail("malformed pattern (missing ']')")
			}
			if m.pattern[p] == '%' {
				p++
			}
			p++
		}
		return p + 1
	}
	return p
}

func (m *matcher) single(s, p, end int) bool {
	c := m.text[s]
	switch m.pattern[p] {
	case '.':
		return true
	case '%':
		return isClass(c, m.pattern[p+1])
	case '[':
		return m.inSet(c, p, end-1)
	}
	return m.pattern[p] == c
}

// inSet reports whether a character is in the set from p, the [, to end, the ].
func (m *matcher) inSet(c byte, p, end int) bool {
	in := true
	p++
	if m.pattern[p] == '^' {
		in = false
		p++
	}
	for ; p < end; p++ {
		switch {
		case m.pattern[p] == '%':
			p++
			if isClass(c, m.pattern[p]) {
				return in
			}
		case p+2 < end && m.pattern[p+1] == '-':
			if m.pattern[p] <= c && c <= m.pattern[p+2] {
				return in
			}
			p += 2
		case m.pattern[p] == c:
			return in
		}
	}
	return !in
}

// isClass reports whether a character is in a class such as %a.
func isClass(c, class byte) bool {
	var in bool
	letter := c|0x20 >= 'a' && c|0x20 <= 'z'
	digit := c >= '0' && c <= '9'
	switch class | 0x20 {
	case 'a':
		in = letter
	case 'c':
		in = c < ' ' || c == 0x7f
	case 'd':
		in = digit
	case 'l':
		in = c >= 'a' && c <= 'z'
	case 'p':
		in = c > ' ' && c < 0x7f && !letter && !digit
	case 's':
		in = c == ' ' || c >= '\t' && c <= '\r'
	case 'u':
		in = c >= 'A' && c <= 'Z'
	case 'w':
		in = letter || digit
	case 'x':
		in = digit || c|0x20 >= 'a' && c|0x20 <= 'f'
	case 'z':
		in = c == 0
	default:
		return class == c
	}
	if class >= 'A' && class <= 'Z' {
		return !in
	}
	return in
}

// capture returns the text of capture i, or the whole match without captures.
func (m *matcher) capture(i, start, end int) lua.LValue {
	if i >= m.level {
		if i != 0 {
			m.fail("invalid capture index")
		}
		return lua.LString(m.text[start:end])
	}
	switch c := m.captures[i]; c.length {
	case unclosed:
		m.fail("unfinished capture")
		return lua.LNil
	case position:
		return lua.LNumber(c.start + 1)
	default:
		return lua.LString(m.text[c.start : c.start+c.length])
	}
}

// find searches the text from a place on, and returns the place of the match.
func (m *matcher) find(from int) (start, end int, ok bool) {
	p := 0
	anchored := strings.HasPrefix(m.pattern, "^")
	if anchored {
		p = 1
	}
	for s := from; s <= len(m.text); s++ {
		m.level = 0
		if e := m.match(s, p); e >= 0 {
			return s, e, true
		}
		if anchored {
			break
		}
	}
	return 0, 0, false
}
