package driver

import "strings"

// A ScriptError is the failure of a script of the program. errors.As finds the ScriptError as
// the cause of an Error.
type ScriptError struct {
	// Text is the script's error, or the server's error about the script, in one line. Parts
	// in quotes may be left out, as servers quote keys and values.
	Text string
	// Err is the client library's error, or nil.
	Err error
}

// Error returns the text.
func (e *ScriptError) Error() string { return e.Text }

// Unwrap returns the client library's error.
func (e *ScriptError) Unwrap() error { return e.Err }

// Code returns the first word of the text, or "" if that word is not in upper case. By
// convention this word is the kind of the error: NOSTOCK of a script that ends with
// redis.error_reply("NOSTOCK sold out").
func (e *ScriptError) Code() string {
	code, _, _ := strings.Cut(e.Text, " ")
	if code != strings.ToUpper(code) || code == strings.ToLower(code) {
		return ""
	}
	return code
}
