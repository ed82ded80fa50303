package arguments

import (
	"math"
	"time"
)

// Timeout reads argument i as the time-out of a command that waits, in seconds with a
// fraction. 0 waits without end.
func (l List) Timeout(i int) (time.Duration, error) {
	if d, ok := l.Cmd.Args[i].Wait(); ok {
		return l.timeout(i, d.Seconds(), time.Second)
	}
	seconds, ok := ParseFloat(l.Text(i))
	if !ok {
		return 0, l.Fail("argument %d is not a number of seconds", i+1)
	}
	return l.timeout(i, seconds, time.Second)
}

// block reads argument i as the time-out behind BLOCK, in milliseconds.
func (l List) block(i int) (time.Duration, error) {
	if d, ok := l.Cmd.Args[i].Wait(); ok {
		return l.timeout(i, d.Seconds(), time.Second)
	}
	ms, err := l.Int(i)
	if err != nil {
		return 0, err
	}
	return l.timeout(i, float64(ms), time.Millisecond)
}

func (l List) timeout(i int, n float64, unit time.Duration) (time.Duration, error) {
	switch nanoseconds := n * float64(unit); {
	case n < 0:
		return 0, l.Fail("argument %d, a time-out, is negative; 0 waits without end", i+1)
	case n == 0:
		return 0, nil
	case nanoseconds >= math.MaxInt64:
		return 0, l.Fail("argument %d, a time-out, is out of range", i+1)
	default:
		return max(1, time.Duration(nanoseconds)), nil
	}
}

// WaitingKeys reads key…, timeout.
func (l List) WaitingKeys() (keys []string, timeout time.Duration, err error) {
	last := l.Count() - 1
	if keys, err = l.Keys(0, last); err != nil {
		return nil, 0, err
	}
	timeout, err = l.Timeout(last)
	return keys, timeout, err
}
