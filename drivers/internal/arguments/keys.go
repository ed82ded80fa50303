package arguments

// CountedKeys reads the number of keys at argument i, and the keys behind the number.
// next is the index behind the last key.
func (l List) CountedKeys(i int) (keys []string, next int, err error) {
	n, err := l.Int(i)
	switch {
	case err != nil:
		return nil, 0, err
	case n <= 0:
		return nil, 0, l.Fail("the number of keys must be greater than 0")
	case n > int64(l.Count()-i-1):
		return nil, 0, l.Fail("there are fewer keys than argument %d says", i+1)
	}
	next = i + 1 + int(n)
	keys, err = l.Keys(i+1, next)
	return keys, next, err
}

// A Scan holds the options of one step of a scan.
type Scan struct {
	Cursor uint64
	// Match is the pattern of the elements; "*" matches all.
	Match string
	// Count is a rough number of elements to visit, at least 1.
	Count int
	// NoValues tells that the reply has the fields of a hash only.
	NoValues bool
}

// defaultScanCount is the number of elements that a step visits by default.
const defaultScanCount = 10

// maxScanCount bounds the time that a step of a scan takes.
const maxScanCount = 1 << 20

// Scan reads key, cursor [MATCH pattern] [COUNT count] and, if the command has the option,
// [NOVALUES].
func (l List) Scan(withNoValues bool) (Scan, error) {
	scan := Scan{Match: "*", Count: defaultScanCount}
	var ok bool
	if scan.Cursor, ok = parseCursor(l.Text(1)); !ok {
		return scan, l.Fail("argument 2 is not a cursor")
	}
	for i := 2; i < l.Count(); i++ {
		switch more := i+1 < l.Count(); {
		case l.Is(i, "NOVALUES") && withNoValues:
			scan.NoValues = true
		case l.Is(i, "MATCH") && more:
			i++
			scan.Match = l.Text(i)
		case l.Is(i, "COUNT") && more:
			i++
			n, err := l.Int(i)
			if err != nil {
				return scan, err
			}
			if n < 1 {
				return scan, l.SyntaxError()
			}
			scan.Count = int(min(n, maxScanCount))
		default:
			return scan, l.SyntaxError()
		}
	}
	return scan, nil
}
