package redis

import "time"

// drainDelay is the time of a write after which replies are read beside the write.
const drainDelay = 5 * time.Millisecond

// A drain reads all replies of an exchange while the exchange is still being written. The
// goroutine that writes calls the methods of a drain.
type drain struct {
	session *session
	timer   *time.Timer // starts the drain
	begun   bool
	done    chan error // gets the error of the drain
}

func newDrain(s *session) *drain {
	d := &drain{session: s, done: make(chan error, 1)}
	d.timer = time.AfterFunc(time.Hour, func() { d.done <- d.session.read() })
	d.timer.Stop()
	return d
}

// write writes p, and starts the drain if the write takes longer than drainDelay.
func (d *drain) write(p []byte) (int, error) {
	if d.begun {
		return d.session.nc.Write(p)
	}
	d.timer.Reset(drainDelay)
	n, err := d.session.nc.Write(p)
	d.begun = !d.timer.Stop()
	return n, err
}

// reads reports whether the drain has begun, and wait was not called since.
func (d *drain) reads() bool { return d != nil && d.begun }

// wait waits until all replies are read. An error tells why some are missing.
func (d *drain) wait() error {
	err := <-d.done
	d.begun = false
	return err
}
