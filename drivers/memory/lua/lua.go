// Package lua gives the memory driver scripts in Lua 5.1, as in Redis. A program imports
// the package for its effect:
//
//	import _ "github.com/xcache-go/xcache/drivers/memory/lua"
//
// A script has KEYS, ARGV, redis.call, redis.pcall, redis.error_reply, redis.status_reply,
// redis.sha1hex and redis.log, which does nothing. The libraries are cjson (encode and
// decode), string, table and math. The functions of the language are available, except
// functions that load code or reach out of the script. A script cannot set globals. The
// other parts of Redis' Lua, such as struct, cmsgpack, bit and loadstring, are missing.
//
// A script runs in one atomic step, with the whole store locked. MaxSteps, MaxBytes,
// MaxTime and the context of the call bound the run. A script that exceeds a bound is
// xcache.ErrScript, with the code LIMIT, and its writes are undone. So before the first
// write to a list, set, hash, sorted set or stream, the driver copies the structure. The
// copy takes time in proportion to the size, once for each run.
package lua

import (
	"context"
	"crypto/sha1" //nolint:gosec // Redis gives SHA-1 to scripts
	"encoding/hex"
	"errors"
	"strings"
	"time"

	"github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/parse"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/servererror"
	"github.com/xcache-go/xcache/drivers/memory"
)

func init() { memory.RegisterScripting(interpreter{}) }

// maxSource is the longest source of a script.
const maxSource = 256 << 10

// chunkName is the name of the script in errors.
const chunkName = "user_script"

type interpreter struct{}

// Compile implements memory.Interpreter.
func (interpreter) Compile(source string) (compiled memory.Script, err error) {
	defer func() {
		if p := recover(); p != nil { // the parser may panic on an unexpected source
			err = notCompiled(errors.New("the parser failed"))
		}
	}()
	if len(source) > maxSource {
		return nil, driver.Fail(driver.ErrTooLarge, driver.NotApplied, errors.New("the source of the script is longer than 256 KiB"))
	}
	if line, rest, _ := strings.Cut(source, "\n"); strings.HasPrefix(line, "#!") {
		source = "\n" + rest // the first line names the language of the script
	}
	chunk, err := parse.Parse(strings.NewReader(source), chunkName)
	if err != nil {
		return nil, notCompiled(err)
	}
	var r rewriter
	chunk = r.block(chunk)
	if r.err != nil {
		return nil, notCompiled(r.err)
	}
	proto, err := lua.Compile(chunk, chunkName)
	if err != nil {
		return nil, notCompiled(err)
	}
	return &script{proto}, nil
}

func notCompiled(err error) error {
	text := servererror.Clean("ERR Error compiling script: " + strings.TrimSpace(err.Error()))
	return driver.Fail(driver.ErrSyntax, driver.NotApplied, &driver.ScriptError{Text: text})
}

type script struct{ proto *lua.FunctionProto }

// A run is one run of a script.
type run struct {
	limits *limits
	call   *memory.ScriptCall
	null   *lua.LUserData // cjson.null
}

// These are the sizes of the interpreter's stacks. The stack of values bounds the arguments
// and the results of a function.
const (
	firstValues = 512
	mostValues  = 16 << 10
	valuesStep  = 1024
	mostCalls   = 256
)

// Run implements memory.Script.
func (s *script) Run(ctx context.Context, call *memory.ScriptCall) (driver.Reply, error) {
	state := lua.NewState(lua.Options{
		SkipOpenLibs: true, RegistrySize: firstValues, RegistryMaxSize: mostValues, RegistryGrowStep: valuesStep,
		CallStackSize: mostCalls, MinimizeStackMemory: true,
	})
	defer state.Close()
	r := &run{limits: &limits{Context: ctx, began: time.Now()}, call: call}
	for _, text := range append(call.Keys, call.Args...) {
		r.limits.allot(int64(len(text)))
	}
	f := state.NewFunctionFromProto(s.proto)
	f.Env = r.environment(state)
	state.SetContext(r.limits)
	state.Push(f)
	err := state.PCall(0, 1, nil)
	if r.limits.err != nil {
		return driver.Reply{}, r.limits.err
	}
	if err != nil {
		return driver.Reply{}, scriptError(thrown(err))
	}
	reply, err := r.reply(state.Get(-1), 0)
	switch {
	case r.limits.err != nil:
		return driver.Reply{}, r.limits.err
	case err != nil:
		return driver.Reply{}, err
	case reply.Kind == driver.ReplyError:
		return driver.Reply{}, reply.Err
	}
	return reply, nil
}

// thrown returns the text of an error that a script did not catch.
func thrown(err error) string {
	failed, ok := errors.AsType[*lua.ApiError](err)
	if !ok {
		return "ERR " + err.Error()
	}
	switch object := failed.Object.(type) {
	case *lua.LTable:
		if text, ok := object.RawGetString("err").(lua.LString); ok {
			return string(text)
		}
		return "ERR unknown error"
	case lua.LString:
		return "ERR " + string(object)
	}
	return "ERR " + strings.TrimSpace(failed.Object.String())
}

// scriptError returns the error of a script that failed with a text, in the form of the
// drivers for servers.
func scriptError(text string) error {
	text = strings.Map(func(r rune) rune {
		if r == '\r' || r == '\n' {
			return ' '
		}
		return r
	}, text)
	err := servererror.OfScript(servererror.Parse(text, nil), false)
	e, ok := errors.AsType[*driver.Error](err)
	if !ok {
		return err
	}
	own := *e
	own.Outcome, own.Transient = driver.Unknown, false // the text is the script's
	if _, ok := errors.AsType[*driver.ScriptError](own.Err); !ok {
		own.Kind, own.Err = driver.ErrScript, &driver.ScriptError{Text: servererror.Clean(text)}
	}
	return &own
}

func sha1Hex(text string) string {
	sum := sha1.Sum([]byte(text)) //nolint:gosec // see above
	return hex.EncodeToString(sum[:])
}
