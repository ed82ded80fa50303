package xcache

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/internal/blocking"
	"github.com/xcache-go/xcache/internal/composed"
)

// An Op is one operation on its way: a command with its arguments, and a name for errors
// and observers. The library's own operations on keys and data structures are Ops, and a
// program adds operations of its own in the same way, such as the commands of a server's
// module:
//
//	func (f Filter) add(key string, item string) *xcache.Op {
//		return xcache.NewOp(f.cache, "bf add", "BF.ADD", key).Field(item)
//	}
//
//	func (f Filter) Add(ctx context.Context, key, item string) (bool, error) {
//		return xcache.Run(ctx, f.add(key, item), readFlag)
//	}
//
//	func (f Filter) QueueAdd(p *xcache.Pipeline, key, item string) *xcache.Result[bool] {
//		return xcache.Queue(p, f.add(key, item), readFlag)
//	}
//
// The methods add arguments in the order of the command. A bad argument (an empty key, a
// value that cannot be encoded) is the error of Run, or of the Result, before any I/O. An Op
// is used once, by Run or Queue, and not concurrently. The Op belongs to the library after
// that call.
//
// A command in the table of package driver is sent again, routed and checked as its row says.
// Any other command is sent as it is by a driver that passes commands on to a server. Such a
// command counts as a write: the command goes to the primary, and is never sent again when its
// outcome is unknown. Its keys are the keys that NewOp and Key added. A driver that cannot run a
// command answers errors.ErrUnsupported.
type Op struct {
	operation
	args   [5]driver.Arg
	one    composed.One
	buffer []byte // of values, encoded
}

// operation is what an Op begins anew with.
type operation struct {
	cache *core
	name  string
	key   string // the user's key, in the caller's memory until keep
	full  string
	// own are the keys with their full keys, if a layout of the program's own has made these.
	own  []ownedKey
	keys int // how many there are, for the observer
	err  error
	// idle: there is nothing to send, and the result is that of an empty reply.
	idle bool
	// opens: how a write of the core fails open. Reads do as their command says.
	opens opening
	// dropped: the write has failed open.
	dropped bool
	// borrows: a value is the caller's own memory.
	borrows bool
	// version is that to which a key is moved.
	version int

	// tagging has the tags of the value, or is nil. The value gets them when the operation is
	// sent. tagTTL is the TTL of the value.
	tagging *tagging
	tagTTL  time.Duration

	seen *observation
	held driver.Cmd
}

var ops = sync.Pool{New: func() any { return new(Op) }}

// NewOp begins an operation of a view on a key: a command in upper case, whose first
// argument is that key. name is the method in lower-case words, such as "hget". The
// key is completed as that of every other operation is, and an empty one is
// ErrInvalidKey.
func NewOp(c *Cache, name, command, key string) *Op {
	return newOp(&c.core, name, driver.NewCustomCmd(command)).begin(key)
}

// NewKeylessOp is NewOp for a command whose first argument is not a key, such as
// "PUBLISH", or "EVAL", whose keys stand behind a script and their number: they are
// added by Key.
func NewKeylessOp(c *Cache, name, command string) *Op {
	return newOp(&c.core, name, driver.NewCustomCmd(command))
}

// The commands of the core's own operations, without arguments: newOp copies them, and
// so looks up no row.
var (
	cmdCompareAndDelete = driver.NewCmd(driver.CmdCompareAndDelete)
	cmdCompareAndSwap   = driver.NewCmd(driver.CmdCompareAndSwap)
	cmdDel              = driver.NewCmd("DEL")
	cmdExists           = driver.NewCmd("EXISTS")
	cmdGet              = driver.NewCmd("GET")
	cmdIncr             = driver.NewCmd(driver.CmdIncr)
	cmdIncrInit         = driver.NewCmd(driver.CmdIncrInit)
	cmdMGet             = driver.NewCmd("MGET")
	cmdPersist          = driver.NewCmd(driver.CmdPersist)
	cmdPExpire          = driver.NewCmd("PEXPIRE")
	cmdPTTL             = driver.NewCmd("PTTL")
	cmdRename           = driver.NewCmd("RENAME")
	cmdRenameNX         = driver.NewCmd("RENAMENX")
	cmdSet              = driver.NewCmd("SET")
	cmdSwap             = driver.NewCmd(driver.CmdSwap)
	cmdType             = driver.NewCmd("TYPE")
)

// newOp begins an operation whose command is a copy of cmd.
func newOp(c *core, name string, cmd *driver.Cmd) *Op {
	o := ops.Get().(*Op)
	o.cache, o.name, o.held = c, name, *cmd
	o.held.Args = o.args[:0]
	return o
}

// begin adds the key that errors and observers are told.
func (o *Op) begin(key string) *Op {
	o.key = key
	return o.Key(key)
}

// release takes an operation back, whose call succeeded. After one that failed the driver
// may have left a goroutine behind that still has the command: nobody calls release, and
// the operation is the garbage collector's.
func (o *Op) release() {
	const largest = 64 << 10 // one large value must not stay in the pool for ever
	if cap(o.buffer) > largest {
		o.buffer = nil
	}
	o.buffer = o.buffer[:0]
	clear(o.args[:min(len(o.held.Args), len(o.args))])
	o.one.Clear()
	o.operation = operation{}
	ops.Put(o)
}

// Word adds a word of the command language, such as "WITHSCORES".
func (o *Op) Word(word string) *Op { return o.add(driver.Literal(word)) }

// Int adds a whole number.
func (o *Op) Int(n int64) *Op { return o.add(driver.Int(n)) }

// WaitSeconds adds the time-out of a command that waits, such as BLPOP. The command takes the
// time-out in seconds; 0 waits without end. op_timeout does not bound a command of the table
// that waits (driver.Cmd.Waits). The command has a connection of its own where the driver has
// such connections, and a pipeline refuses the command. The reply is nil after the time-out.
// When the context ends, Run returns within a quarter of a second, and loses no element that was
// on its way. Close of the cache ends the command in the same way, with ErrClosed.
func (o *Op) WaitSeconds(d time.Duration) *Op { return o.add(driver.WaitSeconds(d)) }

// WaitMilliseconds is WaitSeconds for commands that take whole milliseconds: XREAD and
// XREADGROUP, behind the word BLOCK.
func (o *Op) WaitMilliseconds(d time.Duration) *Op { return o.add(driver.WaitMilliseconds(d)) }

// Float adds a number.
func (o *Op) Float(f float64) *Op { return o.add(driver.Float(f)) }

// Field adds the field of a hash, or any other text that is neither key nor value: it
// is sent as it is.
func (o *Op) Field(name string) *Op { return o.add(driver.Field(name)) }

// Key adds a key of the view, completed. All keys of a command must be in one slot of
// a cluster, unless the command can be divided.
func (o *Op) Key(key string) *Op {
	full, err := o.cache.fullKey(key)
	if err != nil {
		return o.fail(err)
	}
	if o.full == "" {
		o.full = full
	}
	if o.cache.layout.Make != nil {
		o.own = append(o.own, ownedKey{key, full})
	}
	o.keys++
	return o.add(driver.Key(full))
}

// AddValue adds a value or a member, encoded, and encrypted, as the view does it with
// those that it stores.
func AddValue[T any](o *Op, v T) {
	if o.err == nil {
		o.add(driver.Val(EncodeValue(o, v)))
	}
}

// EncodeValue returns a value as AddValue would add it, for an argument of which it is a
// part, such as a bound of ZRANGE. nil if it cannot be encoded, which is the error of the
// operation. The bytes are valid until the operation is run, and must not be modified.
func EncodeValue[T any](o *Op, v T) []byte {
	stored := o.encode(func(full string, buffer []byte) (stored, grown []byte, err error) {
		return encode(o.cache, full, buffer, v)
	})
	raw, isRaw := any(v).([]byte)
	o.borrows = o.borrows || isRaw && stored != nil && o.cache.keys == nil && sameMemory(stored, raw)
	return stored
}

// encode is EncodeValue for the value of an encoder.
func (o *Op) encode(value encoder) []byte {
	used := len(o.buffer)
	stored, grown, err := value(o.full, o.buffer[used:])
	if err != nil {
		o.fail(err)
		return nil
	}
	if sameMemory(grown, o.buffer[used:cap(o.buffer)]) {
		o.buffer = o.buffer[:used+len(grown)]
	} else { // the values before stay where they are
		o.buffer = grown
	}
	return stored
}

// Moves says that the operation takes a value from one key to another. Encryption binds values
// to their keys: with encryption such an operation is errors.ErrUnsupported, as Rename is.
func (o *Op) Moves() *Op {
	if err := o.cache.movable(); err != nil {
		return o.fail(err)
	}
	return o
}

// Counts says that the server does arithmetic on a value. With encryption such an operation is
// errors.ErrUnsupported, as Incr is.
func (o *Op) Counts() *Op {
	if err := o.cache.countable(); err != nil {
		return o.fail(err)
	}
	return o
}

// Fail makes err the error of the operation, which is then not sent. err tells what is wrong with
// the input. The first error counts.
func (o *Op) Fail(err error) *Op { return o.fail(err) }

func (o *Op) fail(err error) *Op {
	if o.err == nil {
		o.err = err
	}
	return o
}

func (o *Op) add(a driver.Arg) *Op {
	o.held.Args = append(o.held.Args, a)
	return o
}

// Reply returns what the server answered, for the function that reads it.
func (o *Op) Reply() *driver.Reply { return &o.held.Reply }

// Args returns the arguments of the command, for the function that reads the reply. Text
// that the caller gave is the caller's memory: what outlives the call needs a copy.
func (o *Op) Args() []driver.Arg { return o.held.Args }

// ReadValue reads a value or a member that a reply, or a part of one, consists of.
// ErrNotFound for nil, ErrCorrupt for bytes that no configured codec reads as a T.
func ReadValue[T any](o *Op, r *driver.Reply) (T, error) {
	return ReadValueOf[T](o, o.full, r)
}

// ReadValueOf is ReadValue for an operation with several keys: full is the full key, as
// the reply has it, that the value was stored under.
func ReadValueOf[T any](o *Op, full string, r *driver.Reply) (T, error) {
	stored, err := r.AsBytes()
	if err != nil {
		var zero T
		return zero, err
	}
	value, _, err := decode[T](o.cache, full, stored, false, o.seen)
	return value, err
}

// UserKey returns the user's key of a full key that a reply holds; ok is false for
// one that is not of the view's prefix, version and namespace. With WithKeyFunc and without its
// reverse function, ok is true for the keys that NewOp and Key added, and for no others.
func (o *Op) UserKey(full string) (key string, ok bool) {
	for i := range o.own {
		if o.own[i].full == full {
			return strings.Clone(o.own[i].key), true
		}
	}
	return o.cache.layout.User(full)
}

// An ownedKey is a key of an operation, and the full key that the layout has made of the key.
type ownedKey struct {
	key  string // in the caller's memory until keep
	full string
}

// Run runs an operation on its own, and returns what read makes of the reply: with
// op_timeout, the observer and errors as every operation of the cache. read may keep
// what it takes from the reply, but not the Op. An error of read that matches
// ErrNotFound is a miss.
func Run[R any](ctx context.Context, o *Op, read func(*Op) (R, error)) (R, error) {
	var result R
	ctx, call, err := o.start(ctx)
	if err != nil {
		return result, err
	}
	defer call.release()
	if err = o.runIn(ctx, &call); err != nil {
		if err = o.opened(&call, err); err == nil {
			result, err = read(o)
		}
		return result, call.end(err)
	}
	result, err = read(o)
	return result, o.end(&call, err)
}

// runIn runs the operation as a call.
func (o *Op) runIn(ctx context.Context, k *call) error {
	o.seen = k.seen
	if o.tagging != nil && o.err == nil {
		o.err = o.tagNow(ctx)
	}
	err := o.run(ctx)
	o.cache.wroteBy(ctx, &o.held)
	if err != nil {
		return err
	}
	return o.checkTags(ctx)
}

// end ends the call of an operation whose reply was read, and releases the operation.
func (o *Op) end(k *call, err error) error {
	if err != nil {
		err = o.misread(err)
	}
	err = k.end(err)
	o.release()
	return err
}

// Err returns the error of a Run, for a method that returns nothing else. Its twin in
// a pipeline has a result that is true when the operation succeeded:
//
//	return xcache.Err(xcache.Run(ctx, l.ltrim(key, start, stop), readOK))
func Err(_ bool, err error) error { return err }

// start begins the call. A command that waits has a time-out of its own, and op_timeout does
// not bound it.
func (o *Op) start(ctx context.Context) (context.Context, call, error) {
	if !o.held.Waits() {
		steps := !o.held.Command().ReadOnly && (o.cache.shared.flights.UnderWay() || o.tagging != nil || o.cache.shared.leases && takesAway(&o.held))
		return o.cache.startInSteps(ctx, steps, o.name, o.key, o.keys)
	}
	unbounded := *o.cache
	unbounded.timeoutPerCall = false
	return unbounded.start(ctx, o.name, o.key, o.keys)
}

// run sends the command.
func (o *Op) run(ctx context.Context) error {
	switch {
	case o.err != nil:
		return o.err
	case o.idle:
		return nil
	case o.held.Waits():
		return o.wait(ctx)
	}
	c := o.cache
	row := o.held.Command()
	if row.ReadOnly || row.Group == driver.GroupLeases {
		return o.send(ctx)
	}
	send := func() error {
		switch {
		case !c.shared.leases || !takesAway(&o.held):
		case o.held.Name == "GETDEL":
			return o.take(ctx)
		default:
			if err := c.revoke(ctx, appendTaken(nil, &o.held)...); err != nil {
				return err
			}
		}
		return o.send(ctx)
	}
	if !c.shared.flights.UnderWay() {
		return send()
	}
	return c.shared.flights.Invalidate(ctx, send, o.fullKeys()...)
}

// wait runs a command that waits, until the cache is closed. Loads under way go on: loads are of
// values, and the commands that wait are on structures.
func (o *Op) wait(ctx context.Context) error {
	closing := o.cache.shared.closing
	waiting, leave := context.WithCancel(ctx)
	defer leave()
	defer context.AfterFunc(closing, leave)()
	err := o.sendWaiting(waiting)
	if err != nil && closing.Err() != nil && ctx.Err() == nil && errors.Is(err, context.Canceled) {
		outcome := driver.NotApplied
		if errors.Is(err, driver.ErrUnknownOutcome) {
			outcome = driver.Unknown
		}
		return driver.Fail(ErrClosed, outcome, nil)
	}
	return err
}

// sendWaiting sends a command that waits, on a connection of its own if the store has such.
func (o *Op) sendWaiting(ctx context.Context) error {
	exclusive := o.cache.target.caps.Exclusive
	if exclusive == nil {
		return o.send(ctx)
	}
	if err := blocking.Do(ctx, exclusive, &o.held, o.cache.opTimeout); err != nil {
		return err
	}
	return o.held.Err
}

func (o *Op) send(ctx context.Context) error {
	return o.cache.target.commander.DoOne(ctx, &o.held, &o.one)
}

func (o *Op) fullKeys() []string {
	var keys []string
	for i := range o.held.Args {
		if o.held.Args[i].Role == driver.RoleKey {
			keys = append(keys, o.held.Args[i].Text)
		}
	}
	return keys
}

// keep makes copies of what the caller may use again before the operation is sent.
func (o *Op) keep(b *batch) {
	if o.key != "" && o.full != "" {
		o.key = o.cache.ownKey(o.full, o.key)
	}
	for i := range o.own {
		o.own[i].key = b.keep(o.own[i].key)
	}
	for i := range o.held.Args {
		switch a := &o.held.Args[i]; a.Role {
		case driver.RoleValue:
			if o.borrows {
				used := len(o.buffer)
				o.buffer = append(o.buffer, a.Data...)
				a.Data = o.buffer[used:]
			}
		case driver.RoleKey: // the full key is the cache's own
		default:
			a.Text = b.keep(a.Text)
		}
	}
	o.borrows = false
}

// How replies are read.

func readOK(o *Op) (bool, error) {
	err := o.Reply().AsOK()
	return err == nil, err
}

func readFlag(o *Op) (bool, error) { return o.Reply().AsFlag() }

func readInt(o *Op) (int, error) {
	n, err := o.Reply().AsInt()
	return int(n), err
}

// readCount reads the reply of a command that answers nil for a missing key.
func readCount(o *Op) (int64, error) {
	if o.Reply().IsNil() {
		return 0, ErrNotFound
	}
	return o.Reply().AsInt()
}

// ownError returns the failure of an operation of a pipeline as the caller shall see it.
func (o *Op) ownError(err error) error {
	if err == nil || errors.Is(err, ErrNotFound) {
		return err
	}
	return o.cache.opError(o.name, o.key, err)
}
