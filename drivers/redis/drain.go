package redis

import "time"

// drainDelay is how long a write takes until replies are read beside it.
const drainDelay = 5 * time.Millisecond

// A drain reads the replies of an exchange while that is still being written: all
// of them, once it has begun. But for read it is used by the goroutine that writes.
type drain struct {
	session *session
	timer   *time.Timer // starts it
	begun   bool
	done    chan error // gets the outcome
}

func newDrain(s *session) *drain {
	d := &drain{session: s, done: make(chan error, 1)}
	d.timer = time.AfterFunc(time.Hour, func() { d.done <- d.session.read() })
	d.timer.Stop()
	return d
}

// write writes p, and begins to read if that takes long.
func (d *drain) write(p []byte) (int, error) {
	if d.begun {
		return d.session.nc.Write(p)
	}
	d.timer.Reset(drainDelay)
	n, err := d.session.nc.Write(p)
	d.begun = !d.timer.Stop()
	return n, err
}

// reads reports whether the drain has begun, and nobody has waited for its end.
func (d *drain) reads() bool { return d != nil && d.begun }

// wait waits until all replies are read, or returns why not.
func (d *drain) wait() error {
	err := <-d.done
	d.begun = false
	return err
}
