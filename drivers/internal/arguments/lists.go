package arguments

import "math"

// End reads argument i as an end of a list.
func (l List) End(i int) (left bool, err error) {
	switch {
	case l.Is(i, "LEFT"):
		return true, nil
	case l.Is(i, "RIGHT"):
		return false, nil
	}
	return false, l.SyntaxError()
}

// InsertBefore reads key, BEFORE | AFTER, pivot, element of LINSERT.
func (l List) InsertBefore() (bool, error) {
	switch {
	case l.Is(1, "BEFORE"):
		return true, nil
	case l.Is(1, "AFTER"):
		return false, nil
	}
	return false, l.SyntaxError()
}

// RemoveCount reads key, count, element of LREM. A negative count counts from the end, and
// 0 removes all.
func (l List) RemoveCount() (int64, error) {
	n, err := l.Int(1)
	if err == nil && n == math.MinInt64 {
		err = l.Fail("argument 2 is out of range")
	}
	return n, err
}

// Range reads the numbers at arguments 1 and 2: key, start, stop.
func (l List) Range() (start, stop int64, err error) {
	if start, err = l.Int(1); err != nil {
		return 0, 0, err
	}
	stop, err = l.Int(2)
	return start, stop, err
}

// PosOptions are the options of LPOS.
type PosOptions struct {
	// Rank is the number of the first match. A negative Rank counts from the end. Rank is
	// never 0.
	Rank int64
	// Count is the limit of matches, or 0 for all. Many tells that the reply is an array.
	// Without the option, Count is 1 and Many is false.
	Count int64
	Many  bool
	// MaxLen is the limit of comparisons, or 0 for no limit.
	MaxLen int64
}

// PosOptions reads key, element [RANK rank] [COUNT count] [MAXLEN length].
func (l List) PosOptions() (PosOptions, error) {
	o := PosOptions{Rank: 1, Count: 1}
	for i := 2; i < l.Count(); i += 2 {
		var to *int64
		switch {
		case i+1 == l.Count():
			return o, l.SyntaxError()
		case l.Is(i, "RANK"):
			to = &o.Rank
		case l.Is(i, "COUNT"):
			to = &o.Count
			o.Many = true
		case l.Is(i, "MAXLEN"):
			to = &o.MaxLen
		default:
			return o, l.SyntaxError()
		}
		n, err := l.Int(i + 1)
		if err != nil {
			return o, err
		}
		switch {
		case to == &o.Rank && (n == 0 || n == math.MinInt64):
			return o, l.Fail("RANK must not be 0, nor the least integer")
		case to != &o.Rank && n < 0:
			return o, l.Fail("COUNT and MAXLEN must not be negative")
		}
		*to = n
	}
	return o, nil
}

// A MultiPop holds the arguments of LMPOP.
type MultiPop struct {
	Keys []string
	Left bool
	// Count is the limit of elements, at least 1.
	Count int64
}

// MultiPop reads numkeys, key…, LEFT | RIGHT [COUNT count] from index at on.
func (l List) MultiPop(at int) (MultiPop, error) {
	var err error
	p := MultiPop{Count: 1}
	var i int
	if p.Keys, i, err = l.CountedKeys(at); err != nil {
		return p, err
	}
	if i == l.Count() {
		return p, l.SyntaxError()
	}
	if p.Left, err = l.End(i); err != nil {
		return p, err
	}
	switch rest := l.Count() - i - 1; {
	case rest == 0:
		return p, nil
	case rest != 2 || !l.Is(i+1, "COUNT"):
		return p, l.SyntaxError()
	}
	p.Count, err = l.Int(i + 2)
	if err == nil && p.Count < 1 {
		err = l.Fail("the count must be greater than 0")
	}
	return p, err
}
