package mixins

import (
	"context"
	"fmt"
	"reflect"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
)

//go:generate go run ../internal/twins -type Script -twin QueuedScript -receiver q -pipeline q.p -handle q.s -out scripts_queued.go
//go:generate go run ../internal/twins -type Function -twin QueuedFunction -receiver q -pipeline q.p -handle q.f -out functions_queued.go

// Scripts runs scripts in Lua and functions of the server on a cache, with the cache's key
// layout and codec. NewScripts makes a Scripts. NewScript and NewFunction make the scripts
// and functions.
type Scripts struct {
	cache *xcache.Cache
}

// NewScripts returns the scripts of a cache. A driver without scripts is
// errors.ErrUnsupported. For package drivers/memory a program also imports the language:
//
//	import _ "github.com/xcache-go/xcache/drivers/memory/lua"
func NewScripts(c *xcache.Cache) (*Scripts, error) {
	c, err := supported(c, "scripts")
	if err != nil {
		return nil, err
	}
	return &Scripts{cache: c}, nil
}

// A Script is a program in Lua. The server runs a Script in one atomic step, and answers
// with a value of type R. All methods may be called concurrently.
//
// The server remembers each script that was run, by the SHA-1 of its text. Then only the
// SHA-1 is sent. In a pipeline the text is sent once.
//
// # Keys
//
// Keys are completed as the keys of every operation: KEYS[1] is the full key. A script must
// use only the keys in KEYS: other keys would lack the cache's prefix, and a cluster could
// not find their slot. Keys in several slots of a cluster are xcache.ErrCrossSlot before
// anything is sent.
//
// # Arguments
//
// Strings, []byte and numbers are sent as their text, and booleans as 1 and 0: ARGV[1] is
// that text. Encoded marks an argument that the codec writes. Any other argument is
// xcache.ErrUnsupportedValue.
//
// # Errors
//
// The error of a script that fails is xcache.ErrScript, and its xcache.ScriptError has the
// words of the script. The error may also match the error of a command in the script, such
// as xcache.ErrWrongType. Writes before the failure stay, as in Redis, so such an error
// matches xcache.ErrUnknownOutcome. A script that does not compile is xcache.ErrSyntax.
//
// A script never runs twice for one call: if the reply is lost, the outcome is unknown.
type Script[R any] struct {
	cache  *xcache.Cache
	source string
	read   func(*xcache.Op) (R, error)
}

// QueuedScript has the methods of Script in a pipeline: see Script.In.
type QueuedScript[R any] struct {
	p *xcache.Pipeline
	s *Script[R]
}

// NewScript returns a script with its source and the reader of its result.
func NewScript[R any](s *Scripts, source string, result Reader[R]) *Script[R] {
	return &Script[R]{cache: s.cache, source: source, read: readResult(result)}
}

// In returns a handle that queues runs of the script in p.
func (s *Script[R]) In(p *xcache.Pipeline) QueuedScript[R] { return QueuedScript[R]{p, s} }

// WithTx returns a script that runs in a transaction, by RunRO: see xcache.Cache.WithTx.
func (s *Script[R]) WithTx(tx *xcache.Tx) *Script[R] {
	in := *s
	in.cache = s.cache.WithTx(tx)
	return &in
}

// Run runs the script. If the reader fails with an error of the codec, an
// *xcache.UnreadReplyError has the reply.
func (s *Script[R]) Run(ctx context.Context, keys []string, args ...any) (R, error) {
	return xcache.Run(ctx, s.op("EVAL", keys, args), s.read)
}

// RunRO runs the script without permission to write: the server refuses commands that
// write. A replica may run the script, and a lost reply repeats the run, as with all reads.
// A server before Redis 7.0 is errors.ErrUnsupported.
func (s *Script[R]) RunRO(ctx context.Context, keys []string, args ...any) (R, error) {
	return xcache.Run(ctx, s.op("EVAL_RO", keys, args), s.read)
}

func (s *Script[R]) op(command string, keys []string, args []any) *xcache.Op {
	return scriptOp(xcache.NewKeylessOp(s.cache, "run script", command).Word(s.source), keys, args)
}

// A Function is a function in a library of the server. FUNCTION LOAD brings the library to
// all nodes. A Function is called like a Script, and the rules of Script apply. All methods
// may be called concurrently.
type Function[R any] struct {
	cache *xcache.Cache
	name  string
	read  func(*xcache.Op) (R, error)
}

// QueuedFunction has the methods of Function in a pipeline: see Function.In.
type QueuedFunction[R any] struct {
	p *xcache.Pipeline
	f *Function[R]
}

// NewFunction returns a function by its name, with the reader of its result. A driver
// without functions is errors.ErrUnsupported. On a server before Redis 7.0 the calls are
// errors.ErrUnsupported.
func NewFunction[R any](s *Scripts, name string, result Reader[R]) (*Function[R], error) {
	c, err := supported(s.cache, "functions")
	if err != nil {
		return nil, err
	}
	return &Function[R]{cache: c, name: name, read: readResult(result)}, nil
}

// In returns a handle that queues calls of the function in p.
func (f *Function[R]) In(p *xcache.Pipeline) QueuedFunction[R] { return QueuedFunction[R]{p, f} }

// WithTx returns a function that is called in a transaction, by FCallRO: see
// xcache.Cache.WithTx.
func (f *Function[R]) WithTx(tx *xcache.Tx) *Function[R] {
	in := *f
	in.cache = f.cache.WithTx(tx)
	return &in
}

// FCall calls the function. If the reader fails with an error of the codec, an
// *xcache.UnreadReplyError has the reply.
func (f *Function[R]) FCall(ctx context.Context, keys []string, args ...any) (R, error) {
	return xcache.Run(ctx, f.op("FCALL", keys, args), f.read)
}

// FCallRO calls a function that its library declares as read-only (no-writes). See
// Script.RunRO.
func (f *Function[R]) FCallRO(ctx context.Context, keys []string, args ...any) (R, error) {
	return xcache.Run(ctx, f.op("FCALL_RO", keys, args), f.read)
}

func (f *Function[R]) op(command string, keys []string, args []any) *xcache.Op {
	return scriptOp(xcache.NewKeylessOp(f.cache, "call function", command).Word(f.name), keys, args)
}

// An Argument is an argument that the codec writes. Encoded makes an Argument.
type Argument struct{ add func(*xcache.Op) }

// Encoded marks an argument of a script as a value that the script stores. The cache's
// codec writes the value, and encrypts it if the cache encrypts, so that a View can read
// the stored value.
//
// An encrypted value belongs to its key. So with such an argument, and with any number of
// keys but one, a script of a cache that encrypts is errors.ErrUnsupported.
func Encoded[T any](v T) Argument {
	return Argument{func(o *xcache.Op) { xcache.AddValue(o, v) }}
}

// scriptOp adds the number of keys, the keys, and the arguments to the operation.
func scriptOp(o *xcache.Op, keys []string, args []any) *xcache.Op {
	o.Int(int64(len(keys)))
	for _, key := range keys {
		o.Key(key)
	}
	for _, arg := range args {
		if encoded, ok := arg.(Argument); ok {
			if len(keys) != 1 {
				o.Moves()
			}
			encoded.add(o)
			continue
		}
		addPlain(o, arg)
	}
	return o
}

// addPlain adds an argument that is sent as its text.
func addPlain(o *xcache.Op, arg any) {
	switch v := reflect.ValueOf(arg); v.Kind() {
	case reflect.String:
		o.Field(v.String())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		o.Int(v.Int())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		o.Field(fmt.Sprint(v.Uint()))
	case reflect.Float32, reflect.Float64:
		o.Float(v.Float())
	case reflect.Bool:
		if v.Bool() {
			o.Int(1)
		} else {
			o.Int(0)
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			o.Field(string(v.Bytes()))
			return
		}
		fallthrough
	default:
		o.Fail(driver.Fail(xcache.ErrUnsupportedValue, driver.NotApplied, fmt.Errorf("an argument of type %T: mark it with mixins.Encoded, or give it as text", arg)))
	}
}
