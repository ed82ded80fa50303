package memory

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/arguments"
)

// A wait is what a command that waits is for.
type wait struct {
	// keys are those of which any may have it, and kind is what it is an element of.
	keys []string
	kind driver.Kind
	// timeout is how long it may take; 0 is without end.
	timeout time.Duration
	// try runs the command on some of the keys: on all of them at first, and on the one that
	// has changed later. A nil reply without an error says that there is nothing yet.
	try func(c *call, keys []string) (driver.Reply, error)
	// always tells that try has something to say whatever becomes of a key: that a group
	// is gone, say.
	always bool
}

// waiting makes a command of one that waits, which parse reads. In a transaction no command
// waits: there it answers what it finds.
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
// Callers of a key stand in line, first come, first served. Whoever changes a key serves its
// line when the change is done: runs the commands of those who wait, in their order, until
// there is nothing left. So a waiter has nothing to look at meanwhile, and what an element
// becomes is settled under one lock, that of the lines: a waiter who leaves is either served
// already, and takes the reply, or out of the line, and takes nothing.
type waiter struct {
	wait
	cmd    *driver.Cmd // which its caller lends until served is closed, or it leaves
	shards shardSet    // of all keys of the command
	served chan struct{}
	// done tells that reply and err are set. The lock of the lines guards all three.
	done  bool
	reply driver.Reply
	err   error
}

// lines are the callers who wait, by key. A line is changed under both the lock here and that
// of the key's shard, where it is kept; so each of the two is enough to look at it. The lock
// here comes first.
type lines struct {
	mu sync.Mutex
}

// isAwaited reports whether there is a line for one of the keys. Their shards are locked.
func (t *transaction) isAwaited(keys []string) bool {
	return slices.ContainsFunc(keys, func(key string) bool {
		return t.db.shardOf(t.db.hash(key)).awaited[key] != nil
	})
}

// wait runs a command that waits. The error is why nothing is known of it.
func (s *Store) wait(ctx context.Context, db *database, cmd *driver.Cmd, parse func(arguments.List) (wait, error)) (driver.Reply, error) {
	list := arguments.List{Cmd: cmd}
	parsed, err := parse(list)
	if err != nil {
		return driver.Reply{}, err
	}
	w := &waiter{wait: parsed, cmd: cmd, shards: db.shardsOfCommand(command{}, cmd)}
	// What is there is taken at once, unless somebody is in line.
	c := call{transaction: db.begin(w.shards), List: list}
	if !c.isAwaited(w.keys) {
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

// standInLine puts w in line for its keys, and reports whether it was served right away.
func (db *database) standInLine(w *waiter) bool {
	db.lines.mu.Lock()
	defer db.lines.mu.Unlock()
	db.serve(slices.Clone(w.keys)) // those before w, whose element may have come just now
	c := call{transaction: db.begin(w.shards), List: arguments.List{Cmd: w.cmd}}
	w.reply, w.err = w.try(&c, w.keys)
	if w.done = w.err != nil || !w.reply.IsNil(); !w.done {
		w.served = make(chan struct{})
		c.join(w)
	}
	db.serve(c.unlock())
	return w.done
}

// leaveLine takes w out of the lines, and reports whether it was not served before.
func (db *database) leaveLine(w *waiter) bool {
	db.lines.mu.Lock()
	defer db.lines.mu.Unlock()
	if w.done {
		return false
	}
	t := db.begin(w.shards)
	t.quit(w)
	t.unlock()
	return true
}

// join puts w at the end of the lines of its keys. Their shards and the lines are locked.
func (t *transaction) join(w *waiter) {
	for _, key := range w.keys {
		s := t.db.shardOf(t.db.hash(key))
		if s.awaited == nil {
			s.awaited = make(map[string][]*waiter)
		}
		if !slices.Contains(s.awaited[key], w) { // whose command names the key twice
			s.awaited[key] = append(s.awaited[key], w)
		}
	}
}

// quit takes w out of the lines of its keys. Their shards and the lines are locked.
func (t *transaction) quit(w *waiter) {
	for _, key := range w.keys {
		s := t.db.shardOf(t.db.hash(key))
		line := s.awaited[key]
		if len(line) > 0 && line[0] == w {
			line = line[1:]
		} else { // serveLine may be at it
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

// touch notes that a key has changed, for those who wait for it, and those who watch it.
func (s *shard) touch(key string) {
	s.tell(key)
	s.wake(key)
}

// wake is touch for those who wait alone.
func (s *shard) wake(key string) {
	if s.awaited[key] != nil {
		s.touched = append(s.touched, key)
	}
}

// touchAll is touch for all keys, for those who wait.
func (s *shard) touchAll() {
	for key := range s.awaited {
		s.touched = append(s.touched, key)
	}
}

// serveLines serves those who wait for keys that have changed.
func (db *database) serveLines(touched []string) {
	db.lines.mu.Lock()
	defer db.lines.mu.Unlock()
	db.serve(touched)
}

// serve serves those who wait for keys, and for keys that change by that. The lines are
// locked, and no shard is.
func (db *database) serve(touched []string) {
	for len(touched) > 0 {
		key := touched[0]
		touched = append(touched[1:], db.serveLine(key)...)
	}
}

// serveLine serves those who wait for a key, and returns the keys that have changed by that.
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
