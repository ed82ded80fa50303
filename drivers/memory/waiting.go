package memory

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/arguments"
)

// A wait describes a command that waits.
type wait struct {
	// keys are the keys that the command waits for, and kind is the type of their values.
	keys []string
	kind driver.Kind
	// timeout is the longest time to wait; 0 is without end.
	timeout time.Duration
	// try runs the command on some of the keys: first on all of them, and later on a key
	// that has changed. A nil reply without an error means that the command has to wait.
	try func(c *call, keys []string) (driver.Reply, error)
	// always means that try has a result for any change of a key, for example a removed
	// group.
	always bool
	// reads means that try takes nothing, so that the command overtakes nobody in a line.
	reads bool
}

// waiting returns a command that waits. parse reads its arguments. In a transaction the
// command does not wait, and its reply may be nil.
func waiting(parse func(arguments.List) (wait, error), least, most int) command {
	run := func(c *call) (driver.Reply, error) {
		w, err := parse(c.List)
		if err != nil {
			return driver.Reply{}, err
		}
		return w.try(c, w.keys)
	}
	return command{run: run, waits: parse, min: least, max: most}
}

// A waiter is a caller whose command waits.
//
// Callers of a key stand in a line, first come, first served. A caller who changes a key
// serves the line of the key after the change: the commands in the line run in their order,
// until no element is left. So a waiter does not poll. One lock, the lock of the lines,
// decides who gets an element: a waiter who leaves was either served before and takes the
// reply, or leaves the line and takes nothing.
type waiter struct {
	wait
	cmd    *driver.Cmd // lent by the caller until served is closed, or the waiter leaves
	shards shardSet    // the shards of all keys of the command
	served chan struct{}
	// done means that reply and err are set. The lock of the lines guards all three.
	done  bool
	reply driver.Reply
	err   error
}

// lines has the lock of the lines of waiting callers. The lines are in the shards of their
// keys, by key. A change of a line needs the lock here and the lock of the shard; a look at
// a line needs one of the two. The lock here is locked first.
type lines struct {
	mu sync.Mutex
}

// isAwaited reports whether any of the keys has a line. The caller holds the locks of their
// shards.
func (t *transaction) isAwaited(keys []string) bool {
	return slices.ContainsFunc(keys, func(key string) bool {
		return t.db.shardOf(t.db.hash(key)).awaited[key] != nil
	})
}

// wait runs a command that waits. The error is the command's, the end of ctx, or the close of the
// store.
func (s *Store) wait(ctx context.Context, db *database, cmd *driver.Cmd, parse func(arguments.List) (wait, error)) (driver.Reply, error) {
	list := arguments.List{Cmd: cmd}
	parsed, err := parse(list)
	if err != nil {
		return driver.Reply{}, err
	}
	w := &waiter{wait: parsed, cmd: cmd, shards: db.shardsOfCommand(command{}, cmd)}
	// An element is taken at once, unless a caller is in line.
	c := call{transaction: db.begin(w.shards), List: list}
	if w.reads || !c.isAwaited(w.keys) {
		reply, err := w.try(&c, w.keys)
		c.end()
		if err != nil || !reply.IsNil() {
			return reply, err
		}
	} else {
		c.end()
	}
	if !db.standInLine(w) {
		return s.inLine(ctx, db, w)
	}
	return w.reply, w.err
}

// inLine waits until w is served, its time is up, ctx ends or the store is closed.
func (s *Store) inLine(ctx context.Context, db *database, w *waiter) (driver.Reply, error) {
	var expired <-chan time.Time
	if w.timeout > 0 {
		timer := time.NewTimer(w.timeout)
		defer timer.Stop()
		expired = timer.C
	}
	var err error
	select {
	case <-w.served:
	case <-expired:
	case <-ctx.Done():
		err = ended(ctx, driver.NotApplied)
	case <-s.closed:
		err = driver.ErrClosed
	}
	if db.leaveLine(w) {
		return driver.Reply{}, err
	}
	return w.reply, w.err
}

// standInLine puts w in line for its keys, and reports whether w was served at once.
func (db *database) standInLine(w *waiter) bool {
	db.lines.mu.Lock()
	defer db.lines.mu.Unlock()
	if w.always { // each try has a result of its own, so the callers before w are served first
		db.serve(slices.Clone(w.keys))
	}
	var served []string
	c := call{transaction: db.begin(w.shards), List: arguments.List{Cmd: w.cmd}}
	if w.always || w.reads || !c.isAwaited(w.keys) {
		w.reply, w.err = w.try(&c, w.keys)
	} else {
		w.err, served = c.refusal(w), slices.Clone(w.keys)
	}
	if w.done = w.err != nil || !w.reply.IsNil(); !w.done {
		w.served = make(chan struct{})
		c.join(w)
	}
	// The callers before w come first, if an element has come just now.
	db.serve(append(served, c.unlock()...))
	return w.done
}

// refusal returns the error of a command that meets a value of another type before a value of its
// own.
func (t *transaction) refusal(w *waiter) error {
	for _, key := range w.keys {
		if e := t.peek(key); e != nil {
			if e.kind() != w.kind {
				return driver.ErrWrongType
			}
			return nil
		}
	}
	return nil
}

// leaveLine removes w from the lines, and reports whether w was not served before.
func (db *database) leaveLine(w *waiter) bool {
	db.lines.mu.Lock()
	defer db.lines.mu.Unlock()
	if w.done {
		return false
	}
	t := db.begin(w.shards)
	t.quit(w)
	db.serve(t.unlock())
	return true
}

// join puts w at the end of the lines of its keys. The caller holds the locks of their
// shards and of the lines.
func (t *transaction) join(w *waiter) {
	for _, key := range w.keys {
		s := t.db.shardOf(t.db.hash(key))
		if s.awaited == nil {
			s.awaited = make(map[string][]*waiter)
		}
		if !slices.Contains(s.awaited[key], w) { // the command may name a key twice
			s.awaited[key] = append(s.awaited[key], w)
		}
	}
}

// quit removes w from the lines of its keys. The caller holds the locks of their shards and
// of the lines.
func (t *transaction) quit(w *waiter) {
	for _, key := range w.keys {
		s := t.db.shardOf(t.db.hash(key))
		line := s.awaited[key]
		if len(line) > 0 && line[0] == w {
			line = line[1:]
		} else { // serveLine may read the old array
			line = slices.DeleteFunc(slices.Clone(line), func(other *waiter) bool { return other == w })
		}
		if len(line) > 0 {
			s.awaited[key] = line
			continue
		}
		delete(s.awaited, key)
		if len(s.awaited) == 0 {
			s.awaited = nil
		}
	}
}

// touch notes that a key has changed, for waiting callers and for watchers.
func (s *shard) touch(key string) {
	s.tell(key)
	s.wake(key)
}

// wake notes a change of a key for waiting callers only.
func (s *shard) wake(key string) {
	if s.awaited[key] != nil {
		s.touched = append(s.touched, key)
	}
}

// touchAll is wake for all keys.
func (s *shard) touchAll() {
	for key := range s.awaited {
		s.touched = append(s.touched, key)
	}
}

// serveLines serves the callers who wait for changed keys.
func (db *database) serveLines(touched []string) {
	db.lines.mu.Lock()
	defer db.lines.mu.Unlock()
	db.serve(touched)
}

// serve serves the callers who wait for keys, and for keys that these calls change. The
// caller holds the lock of the lines, and no lock of a shard.
func (db *database) serve(touched []string) {
	for len(touched) > 0 {
		key := touched[0]
		touched = append(touched[1:], db.serveLine(key)...)
	}
}

// serveLine serves the callers who wait for a key, and returns the keys that they have
// changed.
func (db *database) serveLine(key string) (touched []string) {
	exhausted := false
	for _, w := range db.shardOf(db.hash(key)).awaited[key] {
		if exhausted && !w.always {
			continue
		}
		c := call{transaction: db.begin(w.shards), List: arguments.List{Cmd: w.cmd}}
		e := c.peek(key)
		exhausted = e == nil
		if w.always || e != nil && e.kind() == w.kind {
			w.reply, w.err = w.try(&c, []string{key})
			if w.done = w.err != nil || !w.reply.IsNil(); w.done {
				c.quit(w)
				close(w.served)
			}
		}
		touched = append(touched, c.unlock()...)
	}
	return touched
}
