package dialect

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/script"
)

// A Form is a command, or a way to call a command, that some servers lack. The oldest
// servers of the drivers are Redis 6.0 and Valkey 7.2, the first Valkey. Commands of both
// are no Forms.
type Form struct {
	// Command is the name in the table of package driver.
	Command string
	// With describes the arguments that make the form. With is empty if every call of the
	// command is the form.
	With string
	// Redis and Valkey are the first versions with the form.
	Redis, Valkey Version
	// Script is the name of the script with the same arguments and effect in package
	// script. Script is empty if there is none.
	Script string
	// Silent tells that a server without the form does not refuse the form, but answers
	// something else.
	Silent bool

	// Made reports whether arguments make the form.
	Made func(args []driver.Arg) bool
}

// String returns the form as in "SET with GET".
func (f *Form) String() string {
	if f.With == "" {
		return f.Command
	}
	return f.Command + " with " + f.With
}

// In reports whether a server of version v has the form.
func (f *Form) In(v Version) bool {
	if v.Valkey {
		return !v.before(f.Valkey)
	}
	return !v.before(f.Redis)
}

// Forms returns the table of forms.
func Forms() []Form { return slices.Clone(forms) }

var forms = []Form{
	{Command: "BLMOVE", Redis: redis(6, 2), Valkey: firstValkey, Made: always},
	{Command: "BLMPOP", Redis: redis(7, 0), Valkey: firstValkey, Made: always},
	{Command: "BZMPOP", Redis: redis(7, 0), Valkey: firstValkey, Made: always},
	{Command: "EVALSHA_RO", Redis: redis(7, 0), Valkey: firstValkey, Made: always},
	{Command: "EVAL_RO", Redis: redis(7, 0), Valkey: firstValkey, Made: always},
	{Command: "FCALL", Redis: redis(7, 0), Valkey: firstValkey, Made: always},
	{Command: "FCALL_RO", Redis: redis(7, 0), Valkey: firstValkey, Made: always},
	{Command: "FLUSHDB", With: "SYNC", Redis: redis(6, 2), Valkey: firstValkey, Made: option(0, "SYNC")},
	{Command: "GETDEL", Redis: redis(6, 2), Valkey: firstValkey, Script: script.GetDel, Made: always},
	{Command: "GETEX", Redis: redis(6, 2), Valkey: firstValkey, Script: script.GetEx, Made: always},
	{Command: "HEXPIRE", Redis: redis(7, 4), Valkey: valkey(9, 0), Made: always},
	{Command: "HEXPIREAT", Redis: redis(7, 4), Valkey: valkey(9, 0), Made: always},
	{Command: "HGETDEL", Redis: redis(8, 0), Valkey: valkey(9, 1), Made: always},
	{Command: "HGETEX", Redis: redis(8, 0), Valkey: valkey(9, 0), Made: always},
	{Command: "HPERSIST", Redis: redis(7, 4), Valkey: valkey(9, 0), Made: always},
	{Command: "HPEXPIRE", Redis: redis(7, 4), Valkey: valkey(9, 0), Made: always},
	{Command: "HPEXPIREAT", Redis: redis(7, 4), Valkey: valkey(9, 0), Made: always},
	{Command: "HPTTL", Redis: redis(7, 4), Valkey: valkey(9, 0), Made: always},
	{Command: "HRANDFIELD", Redis: redis(6, 2), Valkey: firstValkey, Script: script.HRandField, Made: always},
	{Command: "HSCAN", With: "NOVALUES", Redis: redis(7, 4), Valkey: valkey(8, 0), Script: script.HScanNames, Made: option(2, "NOVALUES")},
	{Command: "HSETEX", Redis: redis(8, 0), Valkey: valkey(9, 0), Made: always},
	{Command: "HTTL", Redis: redis(7, 4), Valkey: valkey(9, 0), Made: always},
	{Command: "LMOVE", Redis: redis(6, 2), Valkey: firstValkey, Script: script.LMove, Made: always},
	{Command: "LMPOP", Redis: redis(7, 0), Valkey: firstValkey, Script: script.LMPop, Made: always},
	{Command: "LPOP", With: "a count", Redis: redis(6, 2), Valkey: firstValkey, Script: script.LPopCount, Made: arguments(2)},
	{Command: "PEXPIRE", With: "NX, XX, GT or LT", Redis: redis(7, 0), Valkey: firstValkey, Script: script.PExpireIf, Made: option(2, "NX", "XX", "GT", "LT")},
	{Command: "RPOP", With: "a count", Redis: redis(6, 2), Valkey: firstValkey, Script: script.RPopCount, Made: arguments(2)},
	{Command: "SET", With: "GET", Redis: redis(6, 2), Valkey: firstValkey, Script: script.SetGet, Made: option(2, "GET")},
	{Command: "SET", With: "NX and GET", Redis: redis(7, 0), Valkey: firstValkey, Script: script.SetGet, Made: both(option(2, "NX"), option(2, "GET"))},
	{Command: "SET", With: "EXAT or PXAT", Redis: redis(6, 2), Valkey: firstValkey, Made: option(2, "EXAT", "PXAT")},
	{Command: "SET", With: "IFEQ", Redis: redis(8, 4), Valkey: valkey(8, 1), Made: option(2, "IFEQ")},
	{Command: "SINTERCARD", Redis: redis(7, 0), Valkey: firstValkey, Script: script.SInterCard, Made: always},
	{Command: "SMISMEMBER", Redis: redis(6, 2), Valkey: firstValkey, Script: script.SMIsMember, Made: always},
	{Command: "SPUBLISH", Redis: redis(7, 0), Valkey: firstValkey, Made: always},
	{Command: "XADD", With: "NOMKSTREAM", Redis: redis(6, 2), Valkey: firstValkey, Script: script.XAdd, Made: option(1, "NOMKSTREAM")},
	{Command: "XADD", With: "MINID", Redis: redis(6, 2), Valkey: firstValkey, Script: script.XAdd, Made: option(1, "MINID")},
	{Command: "XADD", With: "LIMIT", Redis: redis(6, 2), Valkey: firstValkey, Script: script.XAdd, Made: option(1, "LIMIT")},
	{Command: "XADD", With: "half an ID (5-*)", Redis: redis(7, 0), Valkey: firstValkey, Script: script.XAdd, Made: halfID},
	{Command: "XAUTOCLAIM", Redis: redis(6, 2), Valkey: firstValkey, Script: script.XAutoClaim, Made: always},
	{Command: "XAUTOCLAIM", With: "entries that are deleted", Redis: redis(7, 0), Valkey: firstValkey, Script: script.XAutoClaim, Made: always, Silent: true},
	{Command: "XCLAIM", With: "entries that are deleted", Redis: redis(7, 0), Valkey: firstValkey, Script: script.XClaim, Made: always, Silent: true},
	{Command: "XGROUP", With: "CREATECONSUMER", Redis: redis(6, 2), Valkey: firstValkey, Script: script.XCreateConsumer, Made: option(0, "CREATECONSUMER")},
	{Command: "XPENDING", With: "IDLE", Redis: redis(6, 2), Valkey: firstValkey, Script: script.XPending, Made: option(2, "IDLE")},
	{Command: "XPENDING", With: "an ID behind (", Redis: redis(6, 2), Valkey: firstValkey, Script: script.XPending, Made: exclusiveID},
	{Command: "XRANGE", With: "an ID behind (", Redis: redis(6, 2), Valkey: firstValkey, Script: script.XRange, Made: exclusiveID},
	{Command: "XREVRANGE", With: "an ID behind (", Redis: redis(6, 2), Valkey: firstValkey, Script: script.XRevRange, Made: exclusiveID},
	{Command: "XTRIM", With: "MINID or LIMIT", Redis: redis(6, 2), Valkey: firstValkey, Script: script.XTrim, Made: option(1, "MINID", "LIMIT")},
	{Command: "ZADD", With: "GT or LT", Redis: redis(6, 2), Valkey: firstValkey, Script: script.ZAddIf, Made: option(1, "GT", "LT")},
	{Command: "ZDIFF", Redis: redis(6, 2), Valkey: firstValkey, Script: script.ZDiff, Made: always},
	{Command: "ZDIFFSTORE", Redis: redis(6, 2), Valkey: firstValkey, Script: script.ZDiffStore, Made: always},
	{Command: "ZINTER", Redis: redis(6, 2), Valkey: firstValkey, Script: script.ZInter, Made: always},
	{Command: "ZINTERCARD", Redis: redis(7, 0), Valkey: firstValkey, Script: script.ZInterCard, Made: always},
	{Command: "ZMPOP", Redis: redis(7, 0), Valkey: firstValkey, Script: script.ZMPop, Made: always},
	{Command: "ZMSCORE", Redis: redis(6, 2), Valkey: firstValkey, Script: script.ZMScore, Made: always},
	{Command: "ZPOPMAX", With: "a negative count", Redis: redis(6, 2), Valkey: firstValkey, Script: script.ZPopBefore, Made: negative(1), Silent: true},
	{Command: "ZPOPMIN", With: "a negative count", Redis: redis(6, 2), Valkey: firstValkey, Script: script.ZPopBefore, Made: negative(1), Silent: true},
	{Command: "ZRANDMEMBER", Redis: redis(6, 2), Valkey: firstValkey, Script: script.ZRandMember, Made: always},
	{Command: "ZRANGE", With: "BYSCORE, BYLEX or REV", Redis: redis(6, 2), Valkey: firstValkey, Script: script.ZRangeBy, Made: option(3, "BYSCORE", "BYLEX", "REV")},
	{Command: "ZRANGESTORE", Redis: redis(6, 2), Valkey: firstValkey, Script: script.ZRangeStore, Made: always},
	{Command: "ZRANK", With: "WITHSCORE", Redis: redis(7, 2), Valkey: firstValkey, Script: script.ZRankWithScore, Made: option(2, "WITHSCORE")},
	{Command: "ZREVRANK", With: "WITHSCORE", Redis: redis(7, 2), Valkey: firstValkey, Script: script.ZRevRankWithScore, Made: option(2, "WITHSCORE")},
	{Command: "ZUNION", Redis: redis(6, 2), Valkey: firstValkey, Script: script.ZUnion, Made: always},
}

// byCommand has the forms by command.
var byCommand = func() map[string][]*Form {
	index := make(map[string][]*Form)
	for i := range forms {
		name := forms[i].Command
		index[name] = append(index[name], &forms[i])
	}
	return index
}()

// byRow has the forms of each command of the table, by the index of its row.
var byRow = func() [][]*Form {
	rows := driver.Commands()
	list := make([][]*Form, len(rows))
	for i := range rows {
		list[rows[i].Index()] = byCommand[rows[i].Name]
	}
	return list
}()

// formsOf returns the forms of a command. Forms of a command of the table are not looked
// up by name.
func formsOf(c *driver.Cmd) []*Form {
	if i := c.Command().Index(); i >= 0 {
		return byRow[i]
	}
	return byCommand[c.Name]
}

func always([]driver.Arg) bool { return true }

// arguments matches exactly n arguments.
func arguments(n int) func([]driver.Arg) bool {
	return func(args []driver.Arg) bool { return len(args) == n }
}

// option matches one of words, from argument from on.
func option(from int, words ...string) func([]driver.Arg) bool {
	return func(args []driver.Arg) bool {
		for i := from; i < len(args); i++ {
			if args[i].Role != driver.RoleLiteral {
				continue
			}
			for _, word := range words {
				if strings.EqualFold(args[i].Text, word) {
					return true
				}
			}
		}
		return false
	}
}

// negative matches a negative number at argument i.
func negative(i int) func([]driver.Arg) bool {
	return func(args []driver.Arg) bool { return len(args) > i && strings.HasPrefix(args[i].String(), "-") }
}

// halfID matches an ID of a stream whose sequence the server chooses.
func halfID(args []driver.Arg) bool {
	return slices.ContainsFunc(args, func(a driver.Arg) bool {
		return a.Role == driver.RoleLiteral && strings.HasSuffix(a.Text, "-*")
	})
}

// exclusiveID matches an ID that a range excludes.
func exclusiveID(args []driver.Arg) bool {
	return slices.ContainsFunc(args, func(a driver.Arg) bool {
		return a.Role == driver.RoleLiteral && strings.HasPrefix(a.Text, "(")
	})
}

func both(a, b func([]driver.Arg) bool) func([]driver.Arg) bool {
	return func(args []driver.Arg) bool { return a(args) && b(args) }
}

// isForm reports whether some servers lack a command.
func isForm(c *driver.Cmd) bool {
	for _, f := range formsOf(c) {
		if f.Made(c.Args) {
			return true
		}
	}
	return false
}

// isSilent reports whether some servers lack a command and do not refuse the command.
func isSilent(c *driver.Cmd) bool {
	for _, f := range formsOf(c) {
		if f.Silent && f.Made(c.Args) {
			return true
		}
	}
	return false
}

// lacks reports whether a server of version v lacks a command.
func lacks(v Version, c *driver.Cmd) bool {
	for _, f := range formsOf(c) {
		if f.Made(c.Args) && !f.In(v) {
			return true
		}
	}
	return false
}

// substitute returns the name of the script that replaces a command on a server of version
// v. The name is empty if the server has the command. Without such a script, the error
// names the version with the command.
func substitute(c *driver.Cmd, v Version) (name string, err error) {
	for _, f := range formsOf(c) {
		if !f.Made(c.Args) || f.In(v) {
			continue
		}
		if f.Script == "" {
			return "", driver.Fail(errors.ErrUnsupported, driver.NotApplied,
				fmt.Errorf("%s needs %s or %s, and this server is %s", f, f.Redis, f.Valkey, v))
		}
		name = f.Script
	}
	return name, nil
}
