package flight

import (
	"math/rand/v2"
	"time"
)

const (
	// FirstPause is the pause after the first failure.
	FirstPause = 100 * time.Millisecond
	// LongestPause is the pause after many failures in a row.
	LongestPause = 10 * time.Second
	// pausesAtMost is how many keys have a pause. Further keys go without.
	pausesAtMost = 10_000
)

// pauses keep the group from starting a flight again and again for a key whose flights fail:
// each failure in a row doubles the pause. The zero value is ready to use. The caller holds
// Group.mu.
type pauses struct{ of map[Key]pause }

type pause struct {
	until  time.Time
	length time.Duration
}

// has reports whether a key has a pause now.
func (p *pauses) has(key Key) bool { return len(p.of) > 0 && time.Now().Before(p.of[key].until) }

// failed begins a pause. Half of the pause is random: processes that failed together must
// not try together.
func (p *pauses) failed(key Key) {
	now := time.Now()
	length := FirstPause
	if before, ok := p.of[key]; ok && !before.over(now) {
		length = min(2*before.length, LongestPause)
	} else if len(p.of) >= pausesAtMost && !p.forget(now) {
		return
	}
	if p.of == nil {
		p.of = make(map[Key]pause)
	}
	p.of[key] = pause{until: now.Add(length/2 + rand.N(length/2)), length: length}
}

func (p *pauses) succeeded(key Key) { delete(p.of, key) }

// forget makes room, and reports whether there is room now.
func (p *pauses) forget(now time.Time) bool {
	for key, of := range p.of {
		if of.over(now) {
			delete(p.of, key)
		}
	}
	return len(p.of) < pausesAtMost
}

// over reports whether the pause ended so long ago that the next failure is a first one.
func (p pause) over(now time.Time) bool { return now.Sub(p.until) > LongestPause }
