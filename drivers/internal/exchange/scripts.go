package exchange

import (
	"errors"
	"slices"
	"strconv"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/script"
	"github.com/xcache-go/xcache/drivers/internal/servererror"
	"github.com/xcache-go/xcache/drivers/internal/shape"
)

// A scripting tells how scripts are sent: in full, or by their SHA-1. A server that does
// not know the SHA-1 answers NOSCRIPT.
type scripting uint8

const (
	// alone is for one command: by the SHA-1, and in full after NOSCRIPT.
	alone scripting = iota
	// inBatch sends each script in full once, in the first command that runs the
	// script. The commands behind a NOSCRIPT would run before the script is sent
	// again.
	inBatch
	// inTransaction is inBatch with scripts of the program in full each time. The server
	// does not know the SHA-1 of a refused script, and a transaction cannot send the
	// script again.
	inTransaction
	// inFull sends the script in full each time.
	inFull
)

// encode appends cmds as commands of a call.
func (s *Store) encode(commands []Command, cmds []*driver.Cmd, how scripting) []Command {
	first := len(commands)
	commands = slices.Grow(commands, len(cmds))[:first+len(cmds)]
	var sent []string // the SHA-1 of each script that the batch has sent in full
	for i, cmd := range cmds {
		row := cmd.Command()
		command := &commands[first+i]
		*command = Command{
			Name: cmd.Name, Args: cmd.Args, ReadOnly: row.ReadOnly, OfProgram: ofProgram(row),
			Longest: s.longestOf(row, cmd.Name),
		}
		kind := kindOf(row)
		if kind != nil && kind.plain {
			command.Shape = kind.shape
			continue
		}
		command.Shape = shape.Of(cmd.Name, cmd.Args)
		if row.Group == driver.GroupLeases {
			command.Args = besideLeases(cmd)
		}
		if cmd.Name == driver.CmdLeaseRevoke {
			command.Name = "UNLINK"
			continue
		}
		whole := how == inFull || how == inTransaction && command.OfProgram
		if own, isOwn := script.Lookup(cmd.Name); isOwn {
			var keys string
			command.Args, keys = scriptArgs(command.Args)
			command.ReadOnly = command.ReadOnly || own.ReadOnly
			if whole || how != alone && !slices.Contains(sent, own.SHA1) {
				command.Name, command.Head = "EVAL", []string{own.Source, keys}
				sent = append(sent, own.SHA1)
			} else {
				command.Name, command.Head = "EVALSHA", []string{own.SHA1, keys}
			}
		} else if sha, inFull := byName[cmd.Name]; inFull && !whole && len(cmd.Args) > 1 {
			if sum := script.SHA1(cmd.Args[0].String()); how == alone || slices.Contains(sent, sum) {
				command.Name, command.Head, command.Args = sha, []string{sum}, cmd.Args[1:]
			} else {
				sent = append(sent, sum)
			}
		}
	}
	return commands
}

// A kind is the knowledge about the commands of a row without a look at their arguments.
type kind struct {
	// plain tells that the commands are sent as they are, run no script, and have one shape.
	plain bool
	shape shape.Shape
	// ownLength tells that the longest reply has another length than for other commands.
	ownLength bool
}

// kinds has the kind of each row of the table, by its index.
var kinds = func() []kind {
	rows := driver.Commands()
	list := make([]kind, len(rows))
	for i := range rows {
		name := rows[i].Name
		_, isOwn := script.Lookup(name)
		_, inFull := byName[name]
		list[rows[i].Index()] = kind{
			plain:     !isOwn && !inFull && name != "SET" && name != driver.CmdLeaseRevoke, // SET has a shape that depends on GET
			shape:     shape.Of(name, nil),
			ownLength: hasOwnLength(name),
		}
	}
	return list
}()

// kindOf returns the kind of a row; nil if the row is not in the table.
func kindOf(row *driver.Command) *kind {
	if i := row.Index(); i >= 0 {
		return &kinds[i]
	}
	return nil
}

// byName maps a command with a script in full to the command with the script's SHA-1.
var byName = map[string]string{"EVAL": "EVALSHA", "EVAL_RO": "EVALSHA_RO"}

// scriptArgs returns the arguments in the order of EVAL: the keys, and then the others.
// keys is the number of keys.
func scriptArgs(args []driver.Arg) (ordered []driver.Arg, keys string) {
	if len(args) > 0 && !slices.ContainsFunc(args[1:], isKey) { // almost all commands have one key, in front
		return args, "1"
	}
	for _, arg := range args {
		if isKey(arg) {
			ordered = append(ordered, arg)
		}
	}
	keys = strconv.Itoa(len(ordered))
	for _, arg := range args {
		if !isKey(arg) {
			ordered = append(ordered, arg)
		}
	}
	return ordered, keys
}

func isKey(arg driver.Arg) bool { return arg.Role == driver.RoleKey }

// ofProgram reports whether a command runs a script of the program.
func ofProgram(row *driver.Command) bool {
	return row.Group == driver.GroupScripts || row.Group == driver.GroupFunctions
}

// isForgotten reports whether a command failed because the server does not know its script,
// or because the user may not run EVALSHA.
func isForgotten(cmd *driver.Cmd) bool {
	if cmd.Err == nil {
		return false
	}
	_, isOwn := script.Lookup(cmd.Name)
	_, inFull := byName[cmd.Name]
	return errors.Is(cmd.Err, servererror.ErrNoScript) && (isOwn || inFull) ||
		errors.Is(cmd.Err, driver.ErrAuth) && !errors.Is(cmd.Err, driver.ErrUnknownOutcome) && inFull
}

// errForgotten is the error of a command whose script was not run.
var errForgotten = errors.New("the server forgot the script in the middle of a pipeline, as by SCRIPT FLUSH, and a command behind it has been run")

// sentAgain returns the commands of a batch whose scripts the server has forgotten. A
// batch keeps the order for each key. So a command is not sent again if a later command
// on the same key has run: the error says that the command was not run.
func sentAgain(cmds []*driver.Cmd) []*driver.Cmd {
	for i, cmd := range cmds {
		if first := broughtAlong(cmds[:i], cmd); isForgotten(cmd) && first != nil && errors.Is(first.Err, driver.ErrSyntax) {
			cmd.Err = first.Err // the text is not a valid script
		}
	}
	var again []*driver.Cmd
	run := make(map[string]bool) // keys of commands that have run
	all := false                 // a command that has run may have changed any key
	for _, cmd := range slices.Backward(cmds) {
		keys := keysOf(cmd)
		switch {
		case !isForgotten(cmd):
			for _, key := range keys {
				run[key] = true
			}
			all = all || len(keys) == 0 && cmd.Command().Group != driver.GroupConnection
		case all, len(keys) == 0 && len(run) > 0, slices.ContainsFunc(keys, func(key string) bool { return run[key] }):
			cmd.Err = driver.Fail(driver.ErrUnavailable, driver.NotApplied, errForgotten).Retryable()
		default:
			again = append(again, cmd)
		}
	}
	slices.Reverse(again)
	return again
}

// broughtAlong returns the first of cmds that has sent the script of cmd in full, or nil.
func broughtAlong(cmds []*driver.Cmd, cmd *driver.Cmd) *driver.Cmd {
	for _, first := range cmds {
		if _, inFull := byName[first.Name]; inFull && len(first.Args) > 1 && first.Args[0].String() == cmd.Args[0].String() {
			return first
		}
	}
	return nil
}

func keysOf(cmd *driver.Cmd) []string {
	var keys []string
	for i := range cmd.Args {
		if cmd.Args[i].Role == driver.RoleKey {
			keys = append(keys, cmd.Args[i].Text)
		}
	}
	return keys
}
