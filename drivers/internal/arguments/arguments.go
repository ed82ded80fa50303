// Package arguments reads the arguments of commands, with Redis' rules, for drivers that
// run commands themselves. Errors name the command, and never repeat an argument.
package arguments

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/xcache-go/xcache/driver"
)

// Unlimited is the maximum of a command that takes any number of arguments.
const Unlimited = -1

// A List is the arguments of one command. The List borrows the command.
type List struct{ Cmd *driver.Cmd }

// Check returns an error unless the command has from least to most arguments, and its first
// arguments are keys where the table of commands says so. Keys checks the keys of commands
// that take many.
func (l List) Check(least, most int) error {
	if l.Count() < least || most != Unlimited && l.Count() > most {
		return l.Fail("wrong number of arguments")
	}
	keys := 0
	switch l.Cmd.Command().Keys {
	case driver.OneKey:
		keys = 1
	case driver.TwoKeys:
		keys = 2
	}
	for i := range keys {
		if l.Cmd.Args[i].Role != driver.RoleKey {
			return l.notKey(i)
		}
	}
	return nil
}

// Queues reports whether Redis would queue a command that Check refuses in a transaction,
// and let the command fail alone at EXEC. Redis notices too many arguments of a command
// with optional arguments only there.
func (l List) Queues(least, most int) bool {
	return least != most && most != Unlimited && l.Count() > most
}

// Fail returns driver.ErrSyntax with a description of the wrong arguments.
func (l List) Fail(format string, args ...any) error {
	return driver.Fail(driver.ErrSyntax, driver.NotApplied, fmt.Errorf(l.Cmd.Name+": "+format, args...))
}

// SyntaxError returns the error of a word that the command does not have at that place.
func (l List) SyntaxError() error {
	return l.Fail("an option that it does not have, or that does not go with the others")
}

func (l List) notKey(i int) error { return l.Fail("argument %d must be a key", i+1) }

// Count returns the number of arguments.
func (l List) Count() int { return len(l.Cmd.Args) }

// Key returns argument i as a key. Check has verified that the argument is a key.
func (l List) Key(i int) string { return l.Cmd.Args[i].Text }

// Keys returns the arguments from i to end as keys, or an error if an argument is no key.
func (l List) Keys(i, end int) ([]string, error) {
	keys := make([]string, 0, end-i)
	for ; i < end; i++ {
		if l.Cmd.Args[i].Role != driver.RoleKey {
			return nil, l.notKey(i)
		}
		keys = append(keys, l.Cmd.Args[i].Text)
	}
	return keys, nil
}

// Bytes returns argument i. The bytes are borrowed.
func (l List) Bytes(i int) []byte {
	if a := &l.Cmd.Args[i]; a.Role == driver.RoleValue {
		return a.Data
	}
	return l.Cmd.Args[i].Append(nil)
}

// Text returns argument i as text, which is a copy of a value.
func (l List) Text(i int) string { return l.Cmd.Args[i].String() }

// Size returns the number of bytes of argument i.
func (l List) Size(i int) int {
	if a := &l.Cmd.Args[i]; a.Role == driver.RoleValue {
		return len(a.Data)
	}
	return len(l.Cmd.Args[i].String())
}

// Is reports whether argument i is a word of the command language, in any case.
func (l List) Is(i int, word string) bool {
	a := &l.Cmd.Args[i]
	if f, isNumber := a.Number(); isNumber && !math.IsInf(f, 0) && !math.IsNaN(f) {
		return false // and needs no formatting
	}
	if a.Role == driver.RoleValue && len(a.Data) != len(word) {
		return false
	}
	return strings.EqualFold(a.String(), word)
}

// Int returns argument i as a number.
func (l List) Int(i int) (int64, error) {
	if n, ok := l.Cmd.Args[i].Integer(); ok {
		return n, nil
	}
	if n, ok := ParseInt(l.Cmd.Args[i].String()); ok {
		return n, nil
	}
	return 0, l.Fail("argument %d is not an integer or out of range", i+1)
}

// TTL returns argument i, as driver.TTLArg makes it.
func (l List) TTL(i int) (time.Duration, error) {
	ttl, err := driver.ParseTTLArg(l.Cmd.Args[i])
	if err != nil {
		return 0, l.Fail("argument %d is not a TTL", i+1)
	}
	return ttl, nil
}

// ParseInt parses a decimal integer with Redis' rules: no plus sign, no leading zeros, no
// space.
func ParseInt[T string | []byte](text T) (int64, bool) {
	if len(text) == 0 || len(text) > len("-9223372036854775808") {
		return 0, false
	}
	digits := text
	if digits[0] == '-' {
		digits = digits[1:]
	}
	if len(digits) == 0 || digits[0] < '0' || digits[0] > '9' || digits[0] == '0' && len(text) > 1 {
		return 0, false
	}
	n, err := strconv.ParseInt(string(text), 10, 64)
	return n, err == nil
}

// parseCursor parses the cursor of a scan.
func parseCursor(text string) (uint64, bool) {
	cursor, err := strconv.ParseUint(text, 10, 64)
	return cursor, err == nil
}

// Milliseconds returns a number of milliseconds as a TTL that is never NoExpiry or
// KeepTTL.
func Milliseconds(ms int64) time.Duration {
	const limit = int64(driver.NoExpiry/time.Millisecond) - 1
	return time.Duration(max(-limit, min(ms, limit))) * time.Millisecond
}

// Add returns the sum of two numbers, or ErrOverflow.
func Add(a, b int64) (int64, error) {
	sum := a + b
	if (sum > a) != (b > 0) && b != 0 {
		return 0, driver.ErrOverflow
	}
	return sum, nil
}
