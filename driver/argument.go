package driver

import (
	"math"
	"strconv"
	"time"
)

// An Arg is one argument of a command, with its role. Wrappers and cluster routing read roles,
// not positions. An Arg keeps a number as a number: Append formats the number for the wire, and
// a store that runs the command itself needs no parsing.
type Arg struct {
	// Role is the role of the argument.
	Role Role
	form argForm
	// Text is the argument if the argument is a word, a key or a field. Text is empty for
	// numbers, and for values.
	Text string
	// Data is the argument if the role is RoleValue. Data is borrowed until Do returns.
	Data []byte

	number uint64 // an integer, the nanoseconds of a time, or the bits of a float
}

// argForm tells which field of an Arg has the argument, and the form of the argument on the wire.
type argForm uint8

const (
	inText  argForm = iota // in Text, or in Data if the role is RoleValue
	integer                // in number, as all forms below
	duration
	float
	seconds // a time-out, in seconds on the wire
	block   // a time-out, in milliseconds on the wire
)

// Role is the role of an argument in its command.
type Role uint8

const (
	// RoleLiteral is a word or a number of the command language.
	RoleLiteral Role = iota
	// RoleKey is a full key.
	RoleKey
	// RoleField is the field of a hash.
	RoleField
	// RoleValue is a stored value or member, encoded.
	RoleValue
)

// Literal returns a word of the command language, such as "PX".
func Literal(word string) Arg { return Arg{Role: RoleLiteral, Text: word} }

// Int returns a whole number as an argument.
func Int(n int64) Arg { return Arg{Role: RoleLiteral, form: integer, number: uint64(n)} }

// Duration returns a time as an argument. On the wire the time is a whole number of
// milliseconds, rounded up; a time that is not positive is 0. d is neither NoExpiry nor KeepTTL.
func Duration(d time.Duration) Arg {
	return Arg{Role: RoleLiteral, form: duration, number: uint64(d)}
}

// WaitSeconds returns the time-out of a command that waits, for commands with a time-out in
// seconds, such as BLPOP. The seconds have a fraction. 0 waits without end.
func WaitSeconds(d time.Duration) Arg {
	return Arg{Role: RoleLiteral, form: seconds, number: uint64(d)}
}

// WaitMilliseconds returns the time-out of a command that waits, for commands with a time-out
// in whole milliseconds, such as XREAD behind BLOCK. The time-out is rounded up. 0 waits without
// end.
func WaitMilliseconds(d time.Duration) Arg {
	return Arg{Role: RoleLiteral, form: block, number: uint64(d)}
}

// Float returns a number as an argument. Infinities are inf and -inf on the wire, as
// Redis reads them.
func Float(f float64) Arg {
	return Arg{Role: RoleLiteral, form: float, number: math.Float64bits(f)}
}

// Key returns a full key as an argument.
func Key(key string) Arg { return Arg{Role: RoleKey, Text: key} }

// Field returns the field of a hash as an argument.
func Field(name string) Arg { return Arg{Role: RoleField, Text: name} }

// Val returns an encoded value or member as an argument.
func Val(data []byte) Arg { return Arg{Role: RoleValue, Data: data} }

// Integer returns the number of an argument that Int or Duration made. A time is in
// milliseconds, as on the wire. ok is false for any other argument, also for digits in a
// Literal.
func (a Arg) Integer() (n int64, ok bool) {
	switch a.form {
	case integer:
		return int64(a.number), true
	case duration:
		return Milliseconds(max(0, time.Duration(a.number))), true
	}
	return 0, false
}

// Duration returns the unrounded time of an argument that Duration made. ok is false for any
// other argument.
func (a Arg) Duration() (d time.Duration, ok bool) {
	return time.Duration(a.number), a.form == duration
}

// Wait returns the time-out of an argument that WaitSeconds or WaitMilliseconds made. ok is
// false for any other argument.
func (a Arg) Wait() (d time.Duration, ok bool) {
	return time.Duration(a.number), a.form == seconds || a.form == block
}

// WithWait returns a with another time-out. a was made by WaitSeconds or WaitMilliseconds.
func (a Arg) WithWait(d time.Duration) Arg {
	a.number = uint64(d)
	return a
}

// Number returns the number of an argument that Int, Duration or Float made. A time is in
// milliseconds, as on the wire. ok is false for any other argument.
func (a Arg) Number() (f float64, ok bool) {
	switch a.form {
	case integer, duration:
		n, _ := a.Integer()
		return float64(n), true
	case float:
		return math.Float64frombits(a.number), true
	}
	return 0, false
}

// Append appends the argument to dst, in the form for the wire.
func (a Arg) Append(dst []byte) []byte {
	switch {
	case a.form == integer || a.form == duration:
		n, _ := a.Integer()
		return strconv.AppendInt(dst, n, 10)
	case a.form == float:
		return appendFloat(dst, math.Float64frombits(a.number))
	case a.form == seconds:
		return strconv.AppendFloat(dst, time.Duration(a.number).Seconds(), 'f', -1, 64)
	case a.form == block:
		return strconv.AppendInt(dst, Milliseconds(time.Duration(a.number)), 10)
	case a.Role == RoleValue:
		return append(dst, a.Data...)
	}
	return append(dst, a.Text...)
}

// appendFloat appends f in a form that Redis reads.
func appendFloat(dst []byte, f float64) []byte {
	switch {
	case math.IsInf(f, 1):
		return append(dst, "inf"...)
	case math.IsInf(f, -1):
		return append(dst, "-inf"...)
	case math.IsNaN(f):
		return append(dst, "nan"...) // servers refuse nan
	}
	return strconv.AppendFloat(dst, f, 'g', -1, 64)
}

// String returns the argument as text. String copies a value, and formats a number.
func (a Arg) String() string {
	switch {
	case a.form != inText:
		return string(a.Append(make([]byte, 0, 24)))
	case a.Role == RoleValue:
		return string(a.Data)
	}
	return a.Text
}
