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

// refusals begin the replies of a server that refuses to run a script. A script may answer
// with any text, so that the first word alone is not enough.
var refusals = []string{
	noScript, notCompiled,
	"ERR Function not found", "ERR Number of keys can't be", "ERR wrong number of arguments", "ERR unknown command", "ERR max number of clients",
	"NOPERM ", "NOAUTH Authentication required",
	"LOADING Redis is loading", "LOADING Valkey is loading", "BUSY Redis is busy", "BUSY Valkey is busy",
	"MASTERDOWN Link with", "CLUSTERDOWN The cluster is down", "CLUSTERDOWN Hash slot not served",
	"CROSSSLOT Keys in request", "TRYAGAIN Multiple keys request",
	"no upstream host", // of a proxy
}

// unsaid are the kinds of errors that have another meaning as the reply of a script.
var unsaid = []error{ErrRefused, ErrBusyKey, driver.ErrNotFound, driver.ErrNotStored}

// OfScript returns the error for an error reply to a script of the program. An error of the
// script itself, or the end of the script by the server, may come after a write. The
// outcome is unknown then, unless the script only reads, and the script is not retried.
func OfScript(err error, readOnly bool) error {
	outcome := driver.Unknown
	if readOnly {
		outcome = driver.NotApplied
	}
	e, ok := errors.AsType[*driver.Error](err)
	if !ok { // a bare sentinel of package driver
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
		own.Kind = driver.ErrScript // the text is the script's own
	}
	own.Outcome, own.Transient = outcome, false
	own.Err = &driver.ScriptError{Text: e.Err.Error(), Err: e.Err}
	return &own
}

// isRefusal reports whether the server has refused to run the script.
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
