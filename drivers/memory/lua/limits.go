package lua

import (
	"context"
	"fmt"
	"time"

	"github.com/yuin/gopher-lua"

	"github.com/xcache-go/xcache/driver"
)

// These are the bounds of a run of a script.
const (
	// MaxSteps is the largest number of instructions of a script. Functions of a library
	// and commands count additional steps in proportion to their work.
	MaxSteps = 1 << 20
	// MaxBytes is the largest amount of memory for strings, tables, and the arguments and
	// replies of commands. Memory that is freed counts, too.
	MaxBytes = 64 << 20
	// MaxTime is the longest time of a run.
	MaxTime = 2 * time.Second
)

// limits ends a run that exceeds its bounds. For the interpreter, limits is the context,
// which is asked before each instruction.
type limits struct {
	context.Context //nolint:containedctx // the caller's, for the time of the run
	began           time.Time
	steps           int
	looked          int // the number of steps at the last look at the clock
	bytes           int64
	err             error
}

var closed = func() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

// Done implements context.Context for the interpreter. After the close of the channel each
// instruction fails, also in a function that has caught the error.
func (l *limits) Done() <-chan struct{} {
	l.step(1)
	if l.err != nil {
		return closed
	}
	return nil
}

// Err implements context.Context.
func (l *limits) Err() error { return l.err }

// lookInterval is the number of steps between two looks at the clock.
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

// allot counts memory before its allocation, and reports whether enough is left.
func (l *limits) allot(n int64) bool {
	if n > MaxBytes || l.bytes+n > MaxBytes {
		l.exceed("LIMIT the script asked for more than %d bytes", MaxBytes)
		return false
	}
	l.bytes += n
	l.step(int(n / 256))
	return l.err == nil
}

// charge is allot for a function that the script has called. A failure ends the function.
func (l *limits) charge(state *lua.LState, n int64) {
	if !l.allot(n) {
		state.RaiseError("%s", l.err.Error())
	}
}

// work counts the steps of a function that the script has called. A failure ends the
// function.
func (l *limits) work(state *lua.LState, n int) {
	l.step(n)
	if l.err != nil {
		state.RaiseError("%s", l.err.Error())
	}
}
