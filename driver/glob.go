package driver

// MatchGlob reports whether text matches a pattern of Redis, byte by byte. The patterns of
// Scanner, and of subscriptions to Patterns, have this form:
//
//	?       one byte
//	*       any bytes, also none
//	[abc]   one of these bytes; [a-c] one of a range, in either order;
//	        [^abc] none of these
//	\x      the byte x, also inside [ ]
//
// As in Redis, the end of the pattern closes a [ without a ]. A ] directly behind the [
// closes the brackets. A \ at the end stands for itself.
//
// Every byte of text is compared at most once with each element of the pattern, so that no
// pattern takes exponential time: an earlier * needs no other attempt after a later * has begun.
func MatchGlob(pattern, text string) bool {
	var (
		p, t  int
		retry = -1 // the element behind the last *, or -1
		taken int  // the end of the bytes that the last * takes
	)
	for t < len(text) {
		if p < len(pattern) && pattern[p] == '*' {
			p++
			if p == len(pattern) {
				return true
			}
			retry, taken = p, t
			continue
		}
		if p < len(pattern) {
			if ok, next := matchByte(pattern, p, text[t]); ok {
				p = next
				t++
				continue
			}
		}
		if retry < 0 {
			return false
		}
		taken++
		p, t = retry, taken
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}

// matchByte reports whether c matches the element of the pattern at p, and returns the
// position of the next element.
func matchByte(pattern string, p int, c byte) (ok bool, next int) {
	switch {
	case pattern[p] == '?':
		return true, p + 1
	case pattern[p] == '[':
		return matchBrackets(pattern, p+1, c)
	case pattern[p] == '\\' && p+1 < len(pattern):
		p++
	}
	return pattern[p] == c, p + 1
}

// matchBrackets is matchByte for an element behind a [.
func matchBrackets(pattern string, p int, c byte) (ok bool, next int) {
	negated := p < len(pattern) && pattern[p] == '^'
	if negated {
		p++
	}
	for p < len(pattern) && pattern[p] != ']' {
		switch left := len(pattern) - p; {
		case pattern[p] == '\\' && left >= 2:
			ok = ok || pattern[p+1] == c
			p += 2
		case left >= 3 && pattern[p+1] == '-':
			low, high := pattern[p], pattern[p+2]
			ok = ok || min(low, high) <= c && c <= max(low, high)
			p += 3
		default:
			ok = ok || pattern[p] == c
			p++
		}
	}
	if p < len(pattern) {
		p++
	}
	return ok != negated, p
}
