package soak

// A register is what is known of a value that one caller writes. The value holds a number that
// grows with each write; 0 stands for no value.
type register struct {
	next    int64          // that was written last, or tried
	last    int64          // that was acknowledged last
	at      mark           // when
	unknown map[int64]bool // that may be written, now or later
	refused map[int64]bool // that were not written
}

func newRegister(d *deployment) *register {
	return &register{at: d.losses.now(), unknown: map[int64]bool{}, refused: map[int64]bool{}}
}

// wrote notes what became of a write that began at a mark.
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

// invalidated notes that nothing of what was written, or will be written late, is a value any more.
func (r *register) invalidated(at mark) {
	late := len(r.unknown) > 0
	clear(r.unknown)
	if late {
		r.unknown[0] = true // a late write would take the place of the next
	}
	r.last, r.at = 0, at
}

// saw holds a number that was read to what is known.
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
