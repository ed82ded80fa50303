package soak

// A register is the knowledge about a value that one caller writes. The value holds a
// number that grows with each write; 0 stands for no value.
type register struct {
	next    int64          // the number of the last write, even of a failed write
	last    int64          // the number of the last acknowledged write
	at      mark           // the mark of that write
	unknown map[int64]bool // numbers that may be written, now or later
	refused map[int64]bool // numbers that were not written
}

func newRegister(d *deployment) *register {
	return &register{at: d.losses.now(), unknown: map[int64]bool{}, refused: map[int64]bool{}}
}

// wrote notes the outcome of a write that began at a mark.
func (r *register) wrote(n int64, became outcome, at mark) {
	switch became {
	case done:
		r.last, r.at = n, at
	case unknown:
		r.unknown[n] = true
	case refused:
		if n != 0 {
			r.refused[n] = true
		}
	}
}

// invalidated notes that no earlier write is a value any more, not even a write that
// arrives late.
func (r *register) invalidated(at mark) {
	late := len(r.unknown) > 0
	clear(r.unknown)
	if late {
		r.unknown[0] = true // a late write may replace the next value, and is a miss
	}
	r.last, r.at = 0, at
}

// saw checks a number that was read against the register.
func (r *register) saw(c *caller, what string, n int64) {
	switch {
	case n == r.last || r.unknown[n]:
		c.count(c.losses.window.since(r.at))
	case n < 0 || n > r.next || r.refused[n]:
		c.wrong("%s: got %d, which was never written: %v", what, n, r)
	default:
		c.judge(r.at, "%s: got %d: %v", what, n, r)
	}
}
