package driver

import (
	"context"
	"maps"
	"slices"
	"strings"
)

// A Commander runs commands of the Redis command language. The language has the place that SQL
// has for database/sql: commands are data, and one method runs all commands, alone and in
// pipelines.
type Commander interface {
	// Commands returns the commands that the store runs. The set is fixed for the
	// life of the store.
	Commands() CommandSet

	// Do runs cmds in order and fills Reply and Err of each. Plain sends cmds
	// in one round trip per server, and each succeeds or fails alone. Atomic
	// runs all commands with nothing in between (MULTI/EXEC), or none. An error
	// of the call says that nothing is known about any of the commands.
	//
	// A command whose name is not in Commands gets an Err that matches
	// errors.ErrUnsupported; an Atomic batch with such a command fails as a whole,
	// before any I/O. A store that passes commands on sends a custom command
	// (Cmd.IsCustom) unchanged, or refuses a command that would change or hold up a
	// connection that other calls share, such as SELECT, with ErrSyntax. Any other store
	// refuses a custom command. A nil reply of the server is a Reply of kind ReplyNil, and
	// no error.
	//
	// cmds, the Cmds and their Args are borrowed until Do returns, with or without
	// an error. After that the driver neither reads nor writes these slices and
	// structs, and the caller may fill them with the next command at once. A goroutine
	// of the driver that goes on after the end of the context works on copies.
	Do(ctx context.Context, cmds []*Cmd, how How) error
}

// How is the way in which Commander.Do runs a batch.
type How uint8

const (
	// Plain runs each command on its own.
	Plain How = iota
	// Atomic runs the batch as one transaction.
	Atomic
)

// A Cmd is one command and, after Do, its outcome. NewCmd and NewCustomCmd make a
// Cmd. A Cmd is used once, by one caller at a time.
type Cmd struct {
	// Name is the command's name in upper case, as in the table: "SET".
	Name string
	// Args are the arguments in wire order, after the name.
	Args []Arg
	// Reply is the server's answer, if Err is nil.
	Reply Reply
	// Err is the command's own failure.
	Err error

	row *Command // nil: Name has not been looked up
}

// NewCmd returns a command of the table for Do. An unknown name is no error here:
// Do refuses such a command.
func NewCmd(name string, args ...Arg) *Cmd { return &Cmd{Name: name, Args: args, row: rowOf(name)} }

// NewCustomCmd returns a command that the table need not have, such as "BF.ADD" of a
// server's module. A store that passes commands on to a server sends the command
// unchanged; any other store answers errors.ErrUnsupported. A name of the table has the
// row of the table. Any other name has the row of a write with any number of keys, in
// GroupCustom: the command goes to the primary, and is never sent again when its
// outcome is unknown. The arguments of role RoleKey are the keys.
func NewCustomCmd(name string, args ...Arg) *Cmd {
	row := rowOf(name)
	if row == &unknown {
		row = &custom
	}
	return &Cmd{Name: name, Args: args, row: row}
}

// Command returns the command's row of the table, which NewCmd has looked up. The
// row is never nil, and the caller must not change it. A name that the table does not
// have gets an empty row, in GroupCustom if NewCustomCmd made the command, and counts
// as a write.
func (c *Cmd) Command() *Command {
	if c.row == nil {
		return rowOf(c.Name)
	}
	return c.row
}

// IsCustom reports whether NewCustomCmd made the command and the table does not have
// its name. A store that passes commands on to a server runs such a command, though
// its Commands lack the name.
func (c *Cmd) IsCustom() bool { return c.row == &custom }

// Waits reports whether the command may wait at the server. The commands with a Blocking row
// wait, and so do XREAD and XREADGROUP with BLOCK.
//
// A store with connections of callers' own (Exclusive) runs such a command on these alone; in
// Commander.Do the command is errors.ErrUnsupported. Any other store runs the command in
// Commander.Do. Do then returns when there is a result, after the command's time-out with a nil
// reply, or at the end of ctx with nothing lost. In an Atomic batch no command waits: the reply
// is nil at once.
func (c *Cmd) Waits() bool {
	row := c.Command()
	if row.Group != GroupStreams || row.Name != "XREAD" && row.Name != "XREADGROUP" {
		return row.Blocking
	}
	for i := range c.Args {
		a := &c.Args[i]
		switch _, wait := a.Wait(); {
		case wait, a.Role == RoleLiteral && strings.EqualFold(a.Text, "BLOCK"):
			return true
		case a.Role == RoleLiteral && strings.EqualFold(a.Text, "STREAMS"):
			return false
		}
	}
	return false
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
	// rows[i] tells whether the set has the row of the table with index i.
	rows   []bool
	advice map[Group]string
}

// NewCommandSet returns the set of the given names.
func NewCommandSet(names ...string) CommandSet {
	set := CommandSet{names: make(map[string]struct{}, len(names))}
	for _, name := range names {
		set.names[name] = struct{}{}
		if i := rowOf(name).Index(); i >= 0 {
			if set.rows == nil {
				set.rows = make([]bool, len(rows))
			}
			set.rows[i] = true
		}
	}
	return set
}

// Has reports whether the set holds a name in upper case.
func (s CommandSet) Has(name string) bool {
	_, ok := s.names[name]
	return ok
}

// Runs reports whether the set holds the name of c. Runs looks up no name for a command
// of the table.
func (s CommandSet) Runs(c *Cmd) bool {
	if i := c.Command().Index(); i >= 0 {
		return i < len(s.rows) && s.rows[i]
	}
	return s.Has(c.Name)
}

// HasGroup reports whether the set holds the first generation of a group: the commands of
// the first release with any command of the group, without the commands that wait
// (Blocking). The core asks for later commands of the group by their own names, so that an
// older driver still has the group.
func (s CommandSet) HasGroup(group Group) bool {
	first := firstOf(rows, group)
	return len(first) > 0 && !slices.ContainsFunc(first, func(c Command) bool { return !s.Has(c.Name) })
}

// Advise returns the set with advice for a user who misses a group of commands, such as
// the package to import.
func (s CommandSet) Advise(group Group, advice string) CommandSet {
	s.advice = maps.Clone(s.advice)
	if s.advice == nil {
		s.advice = make(map[Group]string)
	}
	s.advice[group] = advice
	return s
}

// Advice returns the words that Advise has given the set for a group, or "".
func (s CommandSet) Advice(group Group) string { return s.advice[group] }

// Names returns the names, sorted.
func (s CommandSet) Names() []string {
	names := make([]string, 0, len(s.names))
	for name := range s.names {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
