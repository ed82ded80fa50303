package soak

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/mixins"
)

// An item is a value that callers store.
type item struct {
	Key string // the key of the item
	N   int64
}

// A caller is one of many goroutines that use a cache.
type caller struct {
	*deployment
	name      string
	random    *rand.Rand
	succeeded atomic.Int64
}

// pauseBetween is how long a caller pauses after a step, on average. Without pauses the
// servers would lack processor time.
const pauseBetween = 30 * time.Millisecond

// run repeats a step until the deployment stops.
func (c *caller) run(step func()) {
	for {
		select {
		case <-c.ending:
			return
		case <-time.After(pauseBetween/2 + time.Duration(c.random.Int64N(int64(pauseBetween)))):
			step()
		}
	}
}

// chance returns true with a probability in percent.
func (c *caller) chance(percent int) bool { return c.random.IntN(100) < percent }

type outcome uint8

const (
	done    outcome = iota
	refused         // and nothing was changed
	unknown
)

// marks are the moment at which a call began, for each window.
type marks struct {
	loss, auth, memory mark
	short              bool // the context ends early
}

func (c *caller) begin() marks {
	return marks{loss: c.losses.now(), auth: c.auth.now(), memory: c.memory.now()}
}

// call makes one call, and returns the outcome of the call and the mark of its beginning.
// A miss is no error.
func (c *caller) call(operation string, fn func(ctx context.Context) error) (outcome, mark) {
	m := c.begin()
	ctx, cancel := context.Background(), func() {}
	switch {
	case c.cancelling.Load() && c.chance(50):
		ctx, cancel = context.WithTimeout(ctx, time.Duration(c.random.Int64N(int64(3*time.Millisecond))))
		m.short = true
	case c.chance(50):
		ctx, cancel = context.WithCancel(ctx)
	}
	defer cancel()
	began := c.watch.Elapsed()
	err := fn(ctx)
	c.figures.called(operation, c.watch.Elapsed()-began, true)
	return c.became(operation, m, err), m.loss
}

// became counts the end of a call, and returns the outcome.
func (c *caller) became(operation string, m marks, err error) outcome {
	if err == nil || errors.Is(err, xcache.ErrNotFound) {
		c.succeeded.Add(1)
		return done
	}
	isUnknown := errors.Is(err, xcache.ErrUnknownOutcome)
	class := classOf(err)
	explained := true
	switch class {
	case "":
		explained, class = false, "unclassified"
	case "read-only":
		explained = c.primaries != nil
	case "auth":
		explained = c.auth.since(m.auth)
	case "out of memory":
		explained = c.memory.since(m.memory)
	case "canceled", "deadline exceeded":
		explained = m.short
		if m.short {
			c.cancelled.Add(1)
		}
	case "held by another":
		c.succeeded.Add(1)
	}
	if isUnknown {
		class += ", outcome unknown"
	}
	c.figures.failed(class, err)
	if !explained {
		c.unexplained("%s: %v", operation, err)
	}
	if isUnknown {
		return unknown
	}
	return refused
}

var (
	errLoader  = errors.New("the source is down")
	errHandler = errors.New("the handler fails")
)

// classes are the errors that may occur. Any other error fails the test.
var classes = []struct {
	name string
	err  error
}{
	{"loader", errLoader},
	{"auth", xcache.ErrAuth},
	{"out of memory", xcache.ErrOutOfMemory},
	{"read-only", xcache.ErrReadOnly},
	{"held by another", mixins.ErrLockHeld},
	{"held by another", mixins.ErrSemaphoreFull},
	{"held by another", mixins.ErrInFlight},
	{"not held any more", mixins.ErrLockNotHeld},
	{"not held any more", mixins.ErrPermitNotHeld},
	{"not held any more", mixins.ErrOnceLost},
	{"handler", errHandler},
	{"unavailable", xcache.ErrUnavailable},
	{"canceled", context.Canceled},
	{"deadline exceeded", context.DeadlineExceeded},
}

// classOf returns the class of an error, or "".
func classOf(err error) string {
	for _, class := range classes {
		if errors.Is(err, class.err) {
			return class.name
		}
	}
	return ""
}

// count counts a correct answer.
func (c *caller) count(loose bool) {
	if loose {
		c.figures.loose.Add(1)
	} else {
		c.figures.held.Add(1)
	}
}

// judge counts an answer that is correct only if servers may have lost data since a mark.
// Otherwise the answer is wrong.
func (c *caller) judge(since mark, format string, args ...any) {
	if c.losses.since(since) {
		c.count(true)
		return
	}
	c.wrong(format, args...)
}
