package lua

import (
	"context"
	"fmt"
	"time"

	"github.com/yuin/gopher-lua"

	"github.com/xcache-go/xcache/driver"
)

// The bounds of one run of a script.
const (
	// MaxSteps is how many instructions a script may take. A function of a library, and a
	// command, take as many more as they have work to do.
	MaxSteps = 1 << 20
	// MaxBytes is how much memory a script may ask for, all together: for strings, tables,
	// and what it sends to commands and gets from them.
	MaxBytes = 64 << 20
	// MaxTime is how long a script may take.
	MaxTime = 2 * time.Second
)

// limits end a run that comes to its bounds. The interpreter asks it before each
// instruction, as a context.
type limits struct {
	context.Context //nolint:containedctx // the caller's, for as long as the run takes
	began           time.Time
	steps           int
	looked          int // the steps at the last look at the clock
	bytes           int64
	err             error
}

var closed = func() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

// Done implements context.Context for the interpreter. Once it is closed each instruction
// fails, also of a function that has caught the error.
func (l *limits) Done() <-chan struct{} {
	l.step(1)
	if l.err != nil {
		return closed
	}
	return nil
}

// Err implements context.Context.
func (l *limits) Err() error { return l.err }

// lookInterval is how many steps are taken between two looks at the clock.
const lookInterval = 64

func (l *limits) step(n int) {
	l.steps += n
	switch {
	case l.err != nil:
	case l.steps > MaxSteps:
		l.exceed("LIMIT the script took more than %d steps", MaxSteps)
	case l.steps-l.looked < lookInterval:
	case l.Context.Err() != nil:
		l.err = driver.Fail(l.Context.Err(), driver.NotApplied, nil)
	case time.Since(l.began) > MaxTime:
		l.exceed("LIMIT the script took longer than %v", MaxTime)
	default:
		l.looked = l.steps
	}
}

func (l *limits) exceed(format string, args ...any) {
	if l.err == nil {
		l.err = driver.Fail(driver.ErrScript, driver.NotApplied, &driver.ScriptError{Text: fmt.Sprintf(format, args...) + "; nothing of it was applied"})
	}
}

// allot counts memory before it is used, and reports whether there is so much left.
func (l *limits) allot(n int64) bool {
	if n > MaxBytes || l.bytes+n > MaxBytes {
		l.exceed("LIMIT the script asked for more than %d bytes", MaxBytes)
		return false
	}
	l.bytes += n
	l.step(int(n / 256))
	return l.err == nil
}

// charge is allot inside of a function that the script has called, which it ends.
func (l *limits) charge(state *lua.LState, n int64) {
	if !l.allot(n) {
		state.RaiseError("%s", l.err.Error())
	}
}

// work counts the steps of a function that the script has called, and ends it.
func (l *limits) work(state *lua.LState, n int) {
	l.step(n)
	if l.err != nil {
		state.RaiseError("%s", l.err.Error())
	}
}
