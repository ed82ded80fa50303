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

// Scripts are what scripts in Lua, and functions of the server's, are run on: a cache,
// whose key layout and codec they use. NewScripts makes one, NewScript and NewFunction
// what is run.
type Scripts struct {
	cache *xcache.Cache
}

// NewScripts returns the scripts of a cache. A driver without scripts is
// errors.ErrUnsupported. For package drivers/memory a program imports the language, too:
//
//	import _ "github.com/xcache-go/xcache/drivers/memory/lua"
func NewScripts(c *xcache.Cache) (*Scripts, error) {
	c, err := supported(c, "scripts")
	if err != nil {
		return nil, err
	}
	return &Scripts{cache: c}, nil
}

// A Script is a program in Lua that the server runs in one atomic step, and answers with a
// value of type R. All methods may be called concurrently.
//
// The server knows a script that it has run before by the SHA-1 of its text, which is all
// that is sent then. In a pipeline the text is sent once.
//
// # Keys
//
// Keys are completed as those of every operation are: KEYS[1] is the full key. A script
// finds all of its keys there, and makes none up, as the cache's prefix would be missing
// and a cluster could not tell where they are. Keys in several slots of a cluster are
// xcache.ErrCrossSlot before anything is sent.
//
// # Arguments
//
// Strings, []byte, numbers and booleans, these as 1 and 0, are arguments as they are:
// ARGV[1] is their text. What the codec is to write is marked by Encoded. Any other
// argument is xcache.ErrUnsupportedValue.
//
// # Errors
//
// A script that fails is xcache.ErrScript, and xcache.ScriptError in it has its words. What
// a command in it failed with may be said more closely, by xcache.ErrWrongType, say. What
// the script had written before stays, as in Redis, so that such an error matches
// xcache.ErrUnknownOutcome. A script that could not be compiled is xcache.ErrSyntax.
//
// A script is never run twice for one call: if the reply is lost, the outcome is unknown.
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

// NewScript returns a script with its source, and what reads its result.
func NewScript[R any](s *Scripts, source string, result Reader[R]) *Script[R] {
	return &Script[R]{cache: s.cache, source: source, read: readResult(result)}
}

// In returns the script as one whose runs are queued in p.
func (s *Script[R]) In(p *xcache.Pipeline) QueuedScript[R] { return QueuedScript[R]{p, s} }

// WithTx returns the script as one that is run in a transaction, by RunRO: see xcache.Cache.WithTx.
func (s *Script[R]) WithTx(tx *xcache.Tx) *Script[R] {
	in := *s
	in.cache = s.cache.WithTx(tx)
	return &in
}

// Run runs the script.
func (s *Script[R]) Run(ctx context.Context, keys []string, args ...any) (R, error) {
	return xcache.Run(ctx, s.op("EVAL", keys, args), s.read)
}

// RunRO runs the script where it may only read: the server refuses what writes. It may be
// run by a replica, and again if the reply is lost, as all reads. A server before Redis 7.0
// is errors.ErrUnsupported.
func (s *Script[R]) RunRO(ctx context.Context, keys []string, args ...any) (R, error) {
	return xcache.Run(ctx, s.op("EVAL_RO", keys, args), s.read)
}

func (s *Script[R]) op(command string, keys []string, args []any) *xcache.Op {
	return scriptOp(xcache.NewKeylessOp(s.cache, "run script", command).Word(s.source), keys, args)
}

// A Function is one that the server has in a library, which FUNCTION LOAD has brought to
// all nodes. It is called as a Script is run, and what is said there holds. All methods may
// be called concurrently.
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

// NewFunction returns a function by its name, and what reads its result. A driver without
// functions is errors.ErrUnsupported; a server before Redis 7.0 is so when it is called.
func NewFunction[R any](s *Scripts, name string, result Reader[R]) (*Function[R], error) {
	c, err := supported(s.cache, "functions")
	if err != nil {
		return nil, err
	}
	return &Function[R]{cache: c, name: name, read: readResult(result)}, nil
}

// In returns the function as one whose calls are queued in p.
func (f *Function[R]) In(p *xcache.Pipeline) QueuedFunction[R] { return QueuedFunction[R]{p, f} }

// WithTx returns the function as one that is called in a transaction, by FCallRO: see xcache.Cache.WithTx.
func (f *Function[R]) WithTx(tx *xcache.Tx) *Function[R] {
	in := *f
	in.cache = f.cache.WithTx(tx)
	return &in
}

// FCall calls the function.
func (f *Function[R]) FCall(ctx context.Context, keys []string, args ...any) (R, error) {
	return xcache.Run(ctx, f.op("FCALL", keys, args), f.read)
}

// FCallRO calls the function where it may only read, which its library must have said of
// it (no-writes). See Script.RunRO.
func (f *Function[R]) FCallRO(ctx context.Context, keys []string, args ...any) (R, error) {
	return xcache.Run(ctx, f.op("FCALL_RO", keys, args), f.read)
}

func (f *Function[R]) op(command string, keys []string, args []any) *xcache.Op {
	return scriptOp(xcache.NewKeylessOp(f.cache, "call function", command).Word(f.name), keys, args)
}

// An Argument is one that the codec writes. Encoded makes it.
type Argument struct{ add func(*xcache.Op) }

// Encoded marks an argument of a script as a value that the script stores: it is written
// by the cache's codec, and encrypted if the cache encrypts, so that a View reads it.
//
// An encrypted value belongs to its key. So a script of a cache that encrypts which has
// other than one key is errors.ErrUnsupported with such an argument.
func Encoded[T any](v T) Argument {
	return Argument{func(o *xcache.Op) { xcache.AddValue(o, v) }}
}

// scriptOp adds to what is run the number of keys, the keys, and the arguments.
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

// addPlain adds an argument that is sent as it is.
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
