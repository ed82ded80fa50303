package lua

import (
	"errors"
	"math"
	"strconv"
	"strings"

	"github.com/yuin/gopher-lua"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/shape"
)

// redis returns the table redis.
func (r *run) redis(l *lua.LState) *lua.LTable {
	t := l.NewTable()
	l.SetFuncs(t, map[string]lua.LGFunction{
		"call": func(l *lua.LState) int { return r.command(l, true) }, "pcall": func(l *lua.LState) int { return r.command(l, false) },
		"error_reply": func(l *lua.LState) int {
			l.Push(errorTable(l, errorText(l.CheckString(1))))
			return 1
		},
		"status_reply": func(l *lua.LState) int {
			l.Push(field(l, "ok", l.CheckString(1)))
			return 1
		},
		"sha1hex": func(l *lua.LState) int {
			text := r.text(l, 1)
			r.limits.charge(l, int64(len(text)))
			return r.push(l, sha1Hex(text))
		},
		"log":                func(*lua.LState) int { return 0 },
		"replicate_commands": func(l *lua.LState) int { l.Push(lua.LTrue); return 1 },
		"setresp": func(l *lua.LState) int {
			if l.CheckInt(1) != 2 {
				l.RaiseError("RESP version must be 2.")
			}
			return 0
		},
	})
	for level, name := range []string{"LOG_DEBUG", "LOG_VERBOSE", "LOG_NOTICE", "LOG_WARNING"} {
		t.RawSetString(name, lua.LNumber(level))
	}
	return t
}

func field(l *lua.LState, name, text string) *lua.LTable {
	t := l.CreateTable(0, 1)
	t.RawSetString(name, lua.LString(text))
	return t
}

func errorTable(l *lua.LState, text string) *lua.LTable { return field(l, "err", text) }

// errorText adds the general code to a text without a code.
func errorText(text string) string {
	text = strings.TrimPrefix(text, "-")
	if !strings.Contains(text, " ") {
		return "ERR " + text
	}
	return text
}

// command is redis.call, which raises errors, or redis.pcall, which returns errors.
func (r *run) command(l *lua.LState, raise bool) int {
	failed := func(text string) int {
		if raise {
			l.Error(errorTable(l, text), 0)
		}
		l.Push(errorTable(l, text))
		return 1
	}
	n := l.GetTop()
	if n == 0 {
		return failed("ERR Please specify at least one argument for this redis.call() call")
	}
	args := make([]string, n)
	for i := range args {
		switch v := l.Get(i + 1).(type) {
		case lua.LString:
			args[i] = string(v)
		case lua.LNumber:
			args[i] = argument(float64(v))
		default:
			return failed("ERR Lua redis lib command arguments must be strings or integers")
		}
		r.limits.charge(l, int64(len(args[i]))+64)
	}
	name := strings.ToUpper(args[0])
	reply, err := r.call.Do(name, args[1:])
	if err != nil {
		return failed(errorReply(err))
	}
	l.Push(r.value(l, inRESP2(name, args[1:], reply), isStatus(name, args[1:])))
	return 1
}

// argument returns the text of a number for a command.
func argument(f float64) string {
	if f == math.Trunc(f) && math.Abs(f) < 1e17 {
		return strconv.FormatInt(int64(f), 10)
	}
	return strconv.FormatFloat(f, 'g', -1, 64)
}

// isStatus reports whether the text of a command's reply is a status.
func isStatus(name string, args []string) bool {
	if name == "PING" {
		return len(args) == 0
	}
	list := make([]driver.Arg, len(args))
	for i, arg := range args {
		list[i] = driver.Literal(arg)
	}
	s := shape.Of(name, list)
	return s.Allows('+', "OK") && !s.Allows('$', "")
}

// inRESP2 changes a reply to the form of RESP2, the protocol of scripts, where the driver
// has another form.
func inRESP2(name string, args []string, reply driver.Reply) driver.Reply {
	switch {
	case name == "XREAD" || name == "XREADGROUP":
		reply.Items = pairs(reply.Items)
	case (name == "ZMPOP" || name == "BZMPOP") && len(reply.Items) == 2:
		reply.Items[1].Items = pairs(reply.Items[1].Items)
	case name == "XPENDING" && len(args) == 2 && len(reply.Items) == 4 && reply.Items[3].Kind == driver.ReplyArray:
		consumers := pairs(reply.Items[3].Items)
		for _, pair := range consumers {
			pair.Items[1] = driver.DataReply(strconv.AppendInt(nil, pair.Items[1].Int, 10))
		}
		reply.Items[3].Items = consumers
	}
	return reply
}

func pairs(flat []driver.Reply) []driver.Reply {
	var nested []driver.Reply
	for i := 0; i+1 < len(flat); i += 2 {
		nested = append(nested, driver.ArrayReply(flat[i], flat[i+1]))
	}
	return nested
}

// value converts a reply into a value of Lua.
func (r *run) value(l *lua.LState, reply driver.Reply, status bool) lua.LValue {
	switch reply.Kind {
	case driver.ReplyInt:
		return lua.LNumber(reply.Int)
	case driver.ReplyFloat:
		r.limits.charge(l, 32)
		return lua.LString(score(reply.Float))
	case driver.ReplyData:
		r.limits.charge(l, int64(len(reply.Data))+32)
		if status {
			return field(l, "ok", string(reply.Data))
		}
		return lua.LString(reply.Data)
	case driver.ReplyArray:
		r.limits.charge(l, tableBytes+arrayBytes*int64(len(reply.Items)))
		t := l.CreateTable(len(reply.Items), 0)
		for i := range reply.Items {
			t.Append(r.value(l, reply.Items[i], false))
		}
		return t
	case driver.ReplyError:
		return errorTable(l, errorReply(reply.Err))
	}
	return lua.LFalse
}

func score(f float64) string {
	switch {
	case math.IsInf(f, 1):
		return "inf"
	case math.IsInf(f, -1):
		return "-inf"
	}
	return argument(f)
}

// errorReply returns the text with which a server replies instead of an error of the
// driver.
func errorReply(err error) string {
	if failed, ok := errors.AsType[*driver.ScriptError](err); ok {
		return failed.Text
	}
	detail := ""
	if e, ok := errors.AsType[*driver.Error](err); ok && e.Err != nil {
		detail = ": " + e.Err.Error()
	}
	switch {
	case errors.Is(err, driver.ErrWrongType) && detail != "":
		return "ERR value is not an integer or out of range"
	case errors.Is(err, driver.ErrWrongType):
		return "WRONGTYPE Operation against a key holding the wrong kind of value"
	case errors.Is(err, driver.ErrOverflow):
		return "ERR increment or decrement would overflow"
	case errors.Is(err, driver.ErrNotFound):
		return "ERR no such key"
	case errors.Is(err, driver.ErrNotStored):
		return "BUSYGROUP Consumer Group name already exists"
	case errors.Is(err, driver.ErrTooLarge):
		return "ERR string exceeds maximum allowed size"
	case errors.Is(err, errors.ErrUnsupported):
		return "ERR Unknown Redis command called from script"
	case errors.Is(err, driver.ErrSyntax) && strings.Contains(detail, "wrong number of arguments"):
		return "ERR Wrong number of args calling Redis command from script"
	case errors.Is(err, driver.ErrSyntax):
		return "ERR syntax error" + detail
	}
	return "ERR " + err.Error()
}

// maxNesting is the largest depth of lists in a result.
const maxNesting = 100

// reply converts the result of a script into a reply.
func (r *run) reply(v lua.LValue, depth int) (driver.Reply, error) {
	if !r.limits.allot(64) {
		return driver.Reply{}, r.limits.err
	}
	switch v := v.(type) {
	case lua.LString:
		r.limits.allot(int64(len(v)))
		return driver.DataReply([]byte(v)), nil
	case lua.LNumber:
		return driver.IntReply(truncated(float64(v))), nil
	case lua.LBool:
		if v {
			return driver.IntReply(1), nil
		}
	case *lua.LTable:
		return r.list(v, depth)
	}
	return driver.Reply{}, nil
}

func (r *run) list(t *lua.LTable, depth int) (driver.Reply, error) {
	if depth > maxNesting {
		return driver.Reply{}, scriptError("ERR reached lua stack limit")
	}
	if text, ok := t.RawGetString("err").(lua.LString); ok {
		return driver.Reply{Kind: driver.ReplyError, Err: scriptError(string(text))}, nil
	}
	if text, ok := t.RawGetString("ok").(lua.LString); ok {
		return driver.DataReply([]byte(text)), nil
	}
	items := []driver.Reply{}
	for i := 1; ; i++ {
		element := t.RawGetInt(i)
		if element == lua.LNil {
			return driver.ArrayReply(items...), nil
		}
		item, err := r.reply(element, depth+1)
		if err != nil {
			return driver.Reply{}, err
		}
		items = append(items, item)
	}
}

// truncated returns a number without its fraction.
func truncated(f float64) int64 {
	const end = 1 << 63
	if math.IsNaN(f) || f >= end || f < -end {
		return math.MinInt64
	}
	return int64(f)
}
