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

// InsertBefore reads the BEFORE or AFTER of LINSERT: key, BEFORE | AFTER, pivot, element.
func (l List) InsertBefore() (bool, error) {
	switch {
	case l.Is(1, "BEFORE"):
		return true, nil
	case l.Is(1, "AFTER"):
		return false, nil
	}
	return false, l.SyntaxError()
}

// RemoveCount reads how many elements LREM removes: key, count, element. A negative number
// counts from the end, 0 is all.
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
	// Rank is which match comes first; a negative one counts from the end. It is not 0.
	Rank int64
	// Count is how many matches are wanted at most, 0 for all. Without the option it is 1
	// and Many is false: the reply is no array.
	Count int64
	Many  bool
	// MaxLen is how many elements are compared at most, 0 for all.
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

// A MultiPop is the arguments of LMPOP.
type MultiPop struct {
	Keys []string
	Left bool
	// Count is how many elements are wanted at most, from 1.
	Count int64
}

// MultiPop reads numkeys, key…, LEFT | RIGHT [COUNT count] from argument at on.
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
