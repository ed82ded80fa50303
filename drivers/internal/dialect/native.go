package dialect

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/servererror"
)

// A Native is a server's command with the same reply, TTL and errors as the script of an
// extension. The script remains for servers without the command, and for users without
// the permission for the command.
type Native struct {
	// Extension is the name in the table of package driver.
	Extension string
	// Command describes the command. When describes the arguments for which the command
	// is used. An empty When means all arguments.
	Command, When string
	// Redis and Valkey are the first versions with the command.
	Redis, Valkey Version

	// made returns the command for arguments of the extension, on a server of version v.
	// made returns nil for arguments that the script has to check.
	made func(args []driver.Arg, v Version) *driver.Cmd
	// flagged tells that the command answers OK or nil instead of 1 and 0.
	flagged bool
}

// In reports whether a server of version v has the command. A server of an unknown
// version may lack the command, and gets the script.
func (n *Native) In(v Version) bool { return v != newest && !v.before(n.first(v.Valkey)) }

func (n *Native) first(valkey bool) Version {
	if valkey {
		return n.Valkey
	}
	return n.Redis
}

// Natives returns the table of natives.
func Natives() []Native { return slices.Clone(natives) }

// expired describes TTLs with which a key is deleted instead of set.
const expired = "a TTL of 0 or less"

var natives = []Native{
	{Extension: driver.CmdCompareAndDelete, Command: "DELEX or DELIFEQ", Redis: redis(8, 4), Valkey: valkey(9, 0), made: deleteIfEqual},
	{Extension: driver.CmdCompareAndSwap, Command: "SET with IFEQ", Redis: redis(8, 4), Valkey: valkey(8, 1), made: setIfEqual, flagged: true},
	{Extension: driver.CmdCompareAndSwap, Command: "DELEX or DELIFEQ", When: expired, Redis: redis(8, 4), Valkey: valkey(9, 0), made: swapForNothing},
	{Extension: driver.CmdSwap, Command: "SET with GET", Redis: redis(6, 2), Valkey: firstValkey, made: setAndGet},
	{Extension: driver.CmdSwap, Command: "GETDEL", When: expired, Redis: redis(6, 2), Valkey: firstValkey, made: getAndDelete},
}

// hasNative reports whether some servers have a native for a command.
func hasNative(c *driver.Cmd) bool {
	return c.Command().Extension && slices.ContainsFunc(natives, func(n Native) bool { return n.Extension == c.Name })
}

// native returns the command that replaces a script on a server of version v, and the index
// of its row. cmd is nil if the server has no such command, or has refused it for this
// user.
func (d *Dialect) native(c *driver.Cmd, v Version) (cmd *driver.Cmd, row int) {
	if !c.Command().Extension {
		return nil, 0
	}
	for i := range natives {
		n := &natives[i]
		if n.Extension != c.Name || !n.In(v) || d.denied.Load()&(1<<i) != 0 {
			continue
		}
		if cmd := n.made(c.Args, v); cmd != nil {
			return cmd, i
		}
	}
	return nil, 0
}

// read converts the reply of the native to that of the extension.
func (n *Native) read(c *driver.Cmd) {
	switch {
	case c.Err != nil || !n.flagged:
	case c.Reply.IsNil():
		c.Reply = driver.IntReply(0)
	default:
		c.Reply = driver.IntReply(1)
	}
}

// lastOf returns the index of the last command on each key of a batch. A refused native is
// sent again as a script, which must not run after a later command on the key.
func lastOf(cmds []*driver.Cmd) func(c *driver.Cmd) int {
	if len(cmds) == 1 {
		return func(*driver.Cmd) int { return 0 }
	}
	last, keyless := make(map[string]int, len(cmds)), -1
	for i, c := range cmds {
		isKeyless := true
		for j := range c.Args {
			if c.Args[j].Role == driver.RoleKey {
				last[c.Args[j].Text], isKeyless = i, false
			}
		}
		if isKeyless { // such as FLUSHDB
			keyless = i
		}
	}
	return func(c *driver.Cmd) int { return max(last[c.Args[0].Text], keyless) }
}

// scriptsInstead sends the natives that the server has refused again, as scripts. rows has
// the index of the native of each command, or -1.
func (d *Dialect) scriptsInstead(ctx context.Context, server Server, cmds []*driver.Cmd, rows []int) {
	var again []*driver.Cmd
	var of []int
	for i, c := range cmds {
		if rows[i] >= 0 && isRefusal(c.Err) {
			again, of = append(again, c), append(of, rows[i])
		}
	}
	if len(again) == 0 {
		return
	}
	ctx, cancel := bound(ctx, server)
	defer cancel()
	if err := server.Do(ctx, again, driver.Plain); err != nil {
		for _, c := range again {
			c.Reply, c.Err = driver.Reply{}, err
		}
		return
	}
	for i, c := range again {
		if !isRefusal(c.Err) { // otherwise the user may not run the script either
			d.denied.Or(1 << of[i])
		}
	}
}

// isRefusal reports whether a server did not run a command because the command is
// unknown, or because the user may not run the command.
func isRefusal(err error) bool {
	return err != nil && !errors.Is(err, driver.ErrUnknownOutcome) &&
		(errors.Is(err, errors.ErrUnsupported) || errors.Is(err, driver.ErrSyntax) || errors.Is(err, driver.ErrAuth) || errors.Is(err, servererror.ErrRefused))
}

// deleteIfEqual takes the arguments key, old.
func deleteIfEqual(args []driver.Arg, v Version) *driver.Cmd {
	switch {
	case !areOf(args, 2):
		return nil
	case v.Valkey:
		return driver.NewCmd("DELIFEQ", args...)
	}
	return driver.NewCmd("DELEX", args[0], driver.Literal("IFEQ"), args[1])
}

// setIfEqual takes the arguments key, old, new, ttl.
func setIfEqual(args []driver.Arg, _ Version) *driver.Cmd {
	ttl, ok := ttlOf(args, 3)
	if !ok || driver.Expired(ttl) {
		return nil
	}
	return set(args[0], args[2], ttl, driver.Literal("IFEQ"), args[1])
}

// swapForNothing is setIfEqual with a TTL that has expired.
func swapForNothing(args []driver.Arg, v Version) *driver.Cmd {
	if ttl, ok := ttlOf(args, 3); !ok || !driver.Expired(ttl) {
		return nil
	}
	return deleteIfEqual(args[:2], v)
}

// setAndGet takes the arguments key, new, ttl.
func setAndGet(args []driver.Arg, _ Version) *driver.Cmd {
	ttl, ok := ttlOf(args, 2)
	if !ok || driver.Expired(ttl) {
		return nil
	}
	return set(args[0], args[1], ttl, driver.Literal("GET"))
}

// getAndDelete is setAndGet with a TTL that has expired.
func getAndDelete(args []driver.Arg, _ Version) *driver.Cmd {
	if ttl, ok := ttlOf(args, 2); !ok || !driver.Expired(ttl) {
		return nil
	}
	return driver.NewCmd("GETDEL", args[0])
}

func set(key, value driver.Arg, ttl time.Duration, options ...driver.Arg) *driver.Cmd {
	args := append(make([]driver.Arg, 0, 6), key, value)
	args = append(args, options...)
	switch ttl {
	case driver.NoExpiry:
	case driver.KeepTTL:
		args = append(args, driver.Literal("KEEPTTL"))
	default:
		args = append(args, driver.Literal("PX"), driver.Duration(ttl))
	}
	return driver.NewCmd("SET", args...)
}

// areOf reports whether the arguments are a key and n-1 values.
func areOf(args []driver.Arg, n int) bool {
	return len(args) == n && args[0].Role == driver.RoleKey &&
		!slices.ContainsFunc(args[1:], func(a driver.Arg) bool { return a.Role != driver.RoleValue })
}

// ttlOf returns the last argument of an extension, behind a key and n-1 values. ok is false
// for other arguments, and for a TTL that is too long.
func ttlOf(args []driver.Arg, n int) (ttl time.Duration, ok bool) {
	if len(args) != n+1 || !areOf(args[:n], n) {
		return 0, false
	}
	ttl, err := driver.ParseTTLArg(args[n])
	return ttl, err == nil && ttl != driver.NoExpiry-1 // NoExpiry-1 stands for each TTL that is too long
}
