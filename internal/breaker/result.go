package breaker

import (
	"context"
	"errors"

	"github.com/xcache-go/xcache/driver"
)

// A result is the information about a server from a call, or from a part of a call.
type result uint8

const (
	nothing  result = iota // the call did not get as far as the server
	left                   // the caller has left
	failed                 // the server cannot be reached, is not ready, or was silent
	answered               // the server has answered
)

// answers are the errors of a server that answers.
var answers = []error{
	driver.ErrNotFound, driver.ErrNotStored, driver.ErrWrongType, driver.ErrOverflow, driver.ErrReadOnly,
	driver.ErrOutOfMemory, driver.ErrAuth, driver.ErrConflict, driver.ErrScript,
}

// resultOf returns the information about the server in an error. The deadline of a caller
// counts as a failure: callers with short deadlines must not wait for a frozen server one
// by one.
func resultOf(err error) result {
	switch {
	case err == nil, err == driver.ErrNotFound, err == driver.ErrNotStored, driver.IsAnswered(err): //nolint:errorlint // the bare errors are frequent
		return answered
	case errors.Is(err, driver.ErrUnavailable), errors.Is(err, context.DeadlineExceeded):
		return failed
	case errors.Is(err, context.Canceled):
		return left
	}
	for _, kind := range answers {
		if errors.Is(err, kind) {
			return answered
		}
	}
	return nothing
}

// A finding is the result of a call on one server, made of the results of the call's
// parts. An answer to one part is an answer of the server.
type finding struct {
	result result
	err    error
}

func (f *finding) add(err error) {
	if r := resultOf(err); r > f.result {
		f.result, f.err = r, err
	}
}

func findingOf(err error) finding {
	return finding{resultOf(err), err}
}

// ofValues returns the result of a read of several keys.
func ofValues(err error, dst []driver.Value) (f finding) {
	if err != nil {
		return findingOf(err)
	}
	for i := range dst {
		f.add(dst[i].Err)
	}
	return f
}

// ofEntries returns the result of a write of several keys.
func ofEntries(err error, entries []driver.Entry) (f finding) {
	if err != nil {
		return findingOf(err)
	}
	for i := range entries {
		f.add(entries[i].Err)
	}
	return f
}

// ofCommands returns the result of several commands.
func ofCommands(err error, cmds []*driver.Cmd) (f finding) {
	if err != nil {
		return findingOf(err)
	}
	for _, cmd := range cmds {
		f.add(cmd.Err)
	}
	return f
}
