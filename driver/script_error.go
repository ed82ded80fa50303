package driver

import "strings"

// A ScriptError is what a script of the program said when it failed. It is the cause of
// an Error, found with errors.As.
type ScriptError struct {
	// Text is the script's words, in one line, or the server's about what the script ran
	// into. What stands in quotes may be left out, as servers quote keys and values.
	Text string
	// Err is the client library's error. It may be nil.
	Err error
}

// Error returns the text.
func (e *ScriptError) Error() string { return e.Text }

// Unwrap returns the client library's error.
func (e *ScriptError) Unwrap() error { return e.Err }

// Code returns the first word of the text, which by convention is in upper case and says
// what kind of error it is: NOSTOCK of a script that ends with
// redis.error_reply("NOSTOCK sold out"). It is "" if there is no such word.
func (e *ScriptError) Code() string {
	code, _, _ := strings.Cut(e.Text, " ")
	if code != strings.ToUpper(code) || code == strings.ToLower(code) {
		return ""
	}
	return code
}
