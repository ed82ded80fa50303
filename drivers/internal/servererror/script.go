package servererror

import (
	"errors"
	"slices"
	"strings"

	"github.com/xcache-go/xcache/driver"
)

const (
	noScript    = "NOSCRIPT No matching script"
	notCompiled = "ERR Error compiling script"
)

// refusals are how the replies begin by which a server refuses to run a script. A script
// can answer with any text, which may have the same first word.
var refusals = []string{
	noScript, notCompiled,
	"ERR Function not found", "ERR Number of keys can't be", "ERR wrong number of arguments", "ERR unknown command", "ERR max number of clients",
	"NOPERM ", "NOAUTH Authentication required",
	"LOADING Redis is loading", "LOADING Valkey is loading", "BUSY Redis is busy", "BUSY Valkey is busy",
	"MASTERDOWN Link with", "CLUSTERDOWN The cluster is down", "CLUSTERDOWN Hash slot not served",
	"CROSSSLOT Keys in request", "TRYAGAIN Multiple keys request",
	"no upstream host", // a proxy's
}

// unsaid are the kinds of errors that mean something else as the answer to a script.
var unsaid = []error{ErrRefused, ErrBusyKey, driver.ErrNotFound, driver.ErrNotStored}

// OfScript returns what err, a server's error reply, means as the answer to a script of
// the program. What the script itself has said, or what ended it, comes after it may have
// written, unless it only reads, and is no reason to run it again.
func OfScript(err error, readOnly bool) error {
	outcome := driver.Unknown
	if readOnly {
		outcome = driver.NotApplied
	}
	e, ok := errors.AsType[*driver.Error](err)
	if !ok { // a bare sentinel
		return driver.Fail(driver.ErrScript, outcome, &driver.ScriptError{Text: strings.TrimPrefix(err.Error(), "xcache: ")})
	}
	own := *e
	if slices.Contains(unsaid, e.Kind) {
		own.Kind = driver.ErrScript
	}
	if isRefusal(e) || e.Outcome == driver.Unknown && errors.Is(e.Kind, driver.ErrUnavailable) {
		return &own
	}
	if errors.Is(e.Kind, driver.ErrUnavailable) || errors.Is(e.Kind, errors.ErrUnsupported) {
		own.Kind = driver.ErrScript // in such words of its own
	}
	own.Outcome, own.Transient = outcome, false
	own.Err = &driver.ScriptError{Text: e.Err.Error(), Err: e.Err}
	return &own
}

// isRefusal reports whether a server has not run the script that it answered with e.
func isRefusal(e *driver.Error) bool {
	if e.Err == nil {
		return false
	}
	if _, ok := errors.AsType[*RedirectError](e.Err); ok {
		return true
	}
	text := e.Err.Error()
	return slices.ContainsFunc(refusals, func(refusal string) bool { return strings.HasPrefix(text, refusal) }) &&
		(strings.HasPrefix(text, notCompiled) || !strings.Contains(text, "script:"))
}
