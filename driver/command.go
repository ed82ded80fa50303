package driver

import (
	"context"
	"slices"
	"strconv"
)

// A Commander runs commands of the Redis command language. The language is to
// this library what SQL is to database/sql: commands are data, and one method
// carries them all, alone and in pipelines.
type Commander interface {
	// Commands returns what the store runs, fixed for its life.
	Commands() CommandSet

	// Do runs cmds in order and fills Reply and Err of each. Plain sends them
	// in one round trip per server, and each succeeds or fails alone; Atomic
	// runs all of them with nothing in between (MULTI/EXEC), or none. The
	// error of the call says that nothing is known about any of them.
	//
	// A name that is not in Commands gives that command an Err that matches
	// errors.ErrUnsupported; in an Atomic batch the call fails before any
	// I/O. A nil reply of the server is a Reply of kind ReplyNil, not an
	// error. Args are borrowed until Do returns.
	Do(ctx context.Context, cmds []*Cmd, how How) error
}

// How says how Commander.Do runs a batch.
type How uint8

const (
	// Plain runs each command on its own.
	Plain How = iota
	// Atomic runs the batch as one transaction.
	Atomic
)

// A Cmd is one command and, after Do, its outcome. It is used once, by one
// caller at a time.
type Cmd struct {
	// Name is the command's name in upper case, as in the table: "SET".
	Name string
	// Args are the arguments in wire order, after the name.
	Args []Arg
	// Reply is what the server answered, if Err is nil.
	Reply Reply
	// Err is the command's own failure.
	Err error
}

// NewCmd returns a command for Do.
func NewCmd(name string, args ...Arg) *Cmd { return &Cmd{Name: name, Args: args} }

// An Arg is one argument of a command, with its role. Wrappers and cluster
// routing read roles, not positions.
type Arg struct {
	// Role says what the argument is.
	Role Role
	// Text is the argument, unless its role is Value.
	Text string
	// Data is the argument if its role is Value. It is borrowed until Do
	// returns.
	Data []byte
}

// Role says what an argument of a command is.
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

// Int returns a number as an argument.
func Int(n int64) Arg { return Arg{Role: RoleLiteral, Text: strconv.FormatInt(n, 10)} }

// Key returns a full key as an argument.
func Key(key string) Arg { return Arg{Role: RoleKey, Text: key} }

// Field returns the field of a hash as an argument.
func Field(name string) Arg { return Arg{Role: RoleField, Text: name} }

// Val returns an encoded value or member as an argument.
func Val(data []byte) Arg { return Arg{Role: RoleValue, Data: data} }

// String returns the argument as text, which copies a value.
func (a Arg) String() string {
	if a.Role == RoleValue {
		return string(a.Data)
	}
	return a.Text
}

// Key returns the first key among the arguments, or "" if there is none.
func (c *Cmd) Key() string {
	for i := range c.Args {
		if c.Args[i].Role == RoleKey {
			return c.Args[i].Text
		}
	}
	return ""
}

// A CommandSet is an immutable set of command names. The zero value is empty.
type CommandSet struct {
	names map[string]struct{}
}

// NewCommandSet returns the set of the given names.
func NewCommandSet(names ...string) CommandSet {
	set := CommandSet{names: make(map[string]struct{}, len(names))}
	for _, name := range names {
		set.names[name] = struct{}{}
	}
	return set
}

// Has reports whether the set holds a name, which is in upper case.
func (s CommandSet) Has(name string) bool {
	_, ok := s.names[name]
	return ok
}

// Names returns the names, sorted.
func (s CommandSet) Names() []string {
	names := make([]string, 0, len(s.names))
	for name := range s.names {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
