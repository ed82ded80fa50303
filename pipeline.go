package xcache

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/xcache-go/xcache/driver"
)

// A Pipeline collects operations and sends them together: one round trip per
// server. Every method that queues an operation returns a Result, which has its
// value after Exec. Handles queue theirs through In: users.In(p).Get("42").
//
// A Pipeline may not be used concurrently. After Exec it is empty and may be
// filled again.
type Pipeline struct {
	cache *Cache
	batch *batch
}

// A batch is what one Exec sends.
type batch struct {
	cmds  []*driver.Cmd
	queue []queued
	// refused is set when an operation was bad in itself, before any I/O.
	refused  bool
	executed bool
}

// queued is an operation in a batch; resolve decodes its result, or gives it
// the failure of the whole batch, and returns its error.
type queued interface {
	resolve(batchErr error) error
}

// Pipeline returns an empty pipeline on this view.
func (c *Cache) Pipeline() *Pipeline { return &Pipeline{cache: c, batch: new(batch)} }

// Len returns the number of operations that wait for Exec.
func (p *Pipeline) Len() int { return len(p.batch.queue) }

// Exec sends what was queued, in order, in one round trip per server; nothing
// queued: no I/O. Each operation succeeds or fails alone, and its Result tells.
// Exec returns nil if all succeeded; misses, and conditions that did not hold,
// are no failures. Its error wraps all failures there were. An operation that was bad in itself (an empty key, a value
// that cannot be encoded) is not sent; the others are.
func (p *Pipeline) Exec(ctx context.Context) error { return p.exec(ctx, driver.Plain) }

// ExecAtomic is Exec in a transaction (MULTI/EXEC): all operations run with
// nothing of anybody else in between. As in Redis, one that fails when it runs
// does not undo the others. If one is bad in itself, none is sent. In a cluster
// all keys must be in one slot.
func (p *Pipeline) ExecAtomic(ctx context.Context) error { return p.exec(ctx, driver.Atomic) }

func (p *Pipeline) exec(ctx context.Context, how driver.How) error {
	b := p.batch
	p.batch = new(batch)
	ctx, call, err := p.cache.start(ctx, "pipeline", "", len(b.queue))
	if err != nil {
		_ = b.resolve(err)
		return err
	}
	defer call.release()
	if err = b.send(ctx, p.cache, how); err != nil {
		err = call.explain(err)
		_ = b.resolve(err)
	} else {
		for _, cmd := range b.cmds {
			cmd.Err = call.unblame(cmd.Err)
		}
		if err = b.resolve(nil); err != nil {
			err = call.wrap(err)
		}
	}
	call.report(err)
	return err
}

// resolve gives every operation its result, or the failure of the batch. It
// returns the operations' own failures.
func (b *batch) resolve(batchErr error) error {
	b.executed = true
	var failures []error
	for _, q := range b.queue {
		if err := q.resolve(batchErr); err != nil && !errors.Is(err, ErrNotFound) {
			failures = append(failures, err)
		}
	}
	if len(failures) == 0 {
		return nil
	}
	return &pipelineError{len(b.queue), failures}
}

// A pipelineError is the failures of some operations of a pipeline.
type pipelineError struct {
	operations int
	failures   []error
}

// Error tells the first failure: with hundreds the line would be too long.
func (e *pipelineError) Error() string {
	return fmt.Sprintf("xcache: %d of %s failed, first: %s", len(e.failures), count(e.operations, "operation"), trimPrefix(e.failures[0]))
}

func (e *pipelineError) Unwrap() []error { return e.failures }

func (b *batch) send(ctx context.Context, c *Cache, how driver.How) error {
	if how == driver.Atomic && b.refused {
		return errors.New("xcache: nothing was sent: an operation of the transaction is bad in itself, see its result")
	}
	if len(b.cmds) == 0 {
		return nil
	}
	commander := c.target.caps.Commander
	if commander == nil {
		return unsupported("pipelines")
	}
	run := func() error { return commander.Do(ctx, b.cmds, how) }
	return c.shared.flights.invalidateAll(ctx, run, b.writes())
}

// writes returns a function that reports whether a command of the batch may change
// a full key.
func (b *batch) writes() func(full string) bool {
	written := sync.OnceValue(func() map[string]bool { // most pipelines meet no load that it matters to
		written := make(map[string]bool)
		for _, cmd := range b.cmds {
			if cmd.Command().ReadOnly {
				continue
			}
			for _, arg := range cmd.Args {
				if arg.Role == driver.RoleKey {
					written[arg.Text] = true
				}
			}
		}
		return written
	})
	return func(full string) bool { return written()[full] }
}

// A Result is the value that a queued operation will have after Exec.
type Result[T any] struct {
	batch  *batch
	cache  *Cache
	op     string
	key    string
	cmds   []*driver.Cmd
	decode func(cmds []*driver.Cmd) (T, error)
	value  T
	err    error
}

// Value returns what the operation would have returned outside of a pipeline;
// ErrNotExecuted before Exec.
func (r *Result[T]) Value() (T, error) {
	if !r.batch.executed {
		var zero T
		return zero, ErrNotExecuted
	}
	return r.value, r.err
}

// Err returns the error of Value.
func (r *Result[T]) Err() error {
	_, err := r.Value()
	return err
}

func (r *Result[T]) resolve(batchErr error) error {
	if r.err != nil {
		return r.err
	}
	if batchErr != nil {
		r.err = batchErr
		return batchErr
	}
	value, err := r.decode(r.cmds)
	if err != nil && len(r.cmds) == 1 && r.cmds[0].Err == nil {
		err = r.cmds[0].Misread(err)
	}
	r.cmds, r.decode = nil, nil
	if errors.Is(err, ErrNotFound) {
		err = ErrNotFound
	} else if err != nil {
		err = r.wrap(err)
	}
	r.value, r.err = value, err
	return err
}

func (r *Result[T]) wrap(err error) error {
	return r.cache.opError(r.op, r.key, err)
}

// enqueue adds an operation of a view to a pipeline: the commands it sends, and
// how their replies become its result. prepareErr is what was wrong with its
// input; then nothing of it is sent.
func enqueue[T any](p *Pipeline, c *Cache, op, key string, cmds []*driver.Cmd, prepareErr error, decode func(cmds []*driver.Cmd) (T, error)) *Result[T] {
	r := &Result[T]{batch: p.batch, cache: c, op: op, key: key, cmds: cmds, decode: decode}
	switch {
	case c.err != nil:
		r.err = c.err
	case c.shared != p.cache.shared:
		r.err = r.wrap(errors.New("xcache: the pipeline belongs to another cache"))
	case prepareErr != nil:
		r.err = r.wrap(prepareErr)
	}
	if r.err != nil {
		p.batch.refused = true
	} else {
		p.batch.cmds = append(p.batch.cmds, cmds...)
	}
	p.batch.queue = append(p.batch.queue, r)
	return r
}

// enqueueOne is enqueue for an operation of one command on one key.
func enqueueOne[T any](p *Pipeline, c *Cache, op, key string, command func(full string) (*driver.Cmd, error), decode func(cmd *driver.Cmd) (T, error)) *Result[T] {
	full, err := c.fullKey(key)
	var cmd *driver.Cmd
	if err == nil {
		key = c.ownKey(full, key)
		cmd, err = command(full)
	}
	return enqueue(p, c, op, key, []*driver.Cmd{cmd}, err, func(cmds []*driver.Cmd) (T, error) {
		if cmds[0].Err != nil {
			var zero T
			return zero, cmds[0].Err
		}
		return decode(cmds[0])
	})
}

// Delete queues Cache.Delete.
func (p *Pipeline) Delete(keys ...string) *Result[int] {
	c := p.cache
	if len(keys) == 0 {
		return enqueue(p, c, "delete", "", nil, nil, func([]*driver.Cmd) (int, error) { return 0, nil })
	}
	fulls, err := c.fullKeys(keys)
	args := make([]driver.Arg, len(fulls))
	for i, full := range fulls {
		args[i] = driver.Key(full)
	}
	return enqueue(p, c, "delete", strings.Clone(only(keys)), []*driver.Cmd{driver.NewCmd("DEL", args...)}, err, func(cmds []*driver.Cmd) (int, error) {
		n, err := asInt(cmds[0])
		return int(n), err
	})
}

// Has queues Cache.Has.
func (p *Pipeline) Has(key string) *Result[bool] {
	return enqueueOne(p, p.cache, "has", key, func(full string) (*driver.Cmd, error) {
		return driver.NewCmd("EXISTS", driver.Key(full)), nil
	}, asBool)
}

// TTL queues Cache.TTL.
func (p *Pipeline) TTL(key string) *Result[time.Duration] {
	return enqueueOne(p, p.cache, "ttl", key, func(full string) (*driver.Cmd, error) {
		return driver.NewCmd("PTTL", driver.Key(full)), nil
	}, driver.TTLOutcome)
}

// Touch queues Cache.Touch.
func (p *Pipeline) Touch(key string, opts ...SetOption) *Result[bool] {
	return enqueueOne(p, p.cache, "touch", key, func(full string) (*driver.Cmd, error) {
		ttl, err := p.cache.ttlOf(driver.IfPresent, opts)
		return driver.ExpireCommand(full, p.cache.jittered(ttl)), err
	}, asBool)
}

// Expire queues Cache.Expire.
func (p *Pipeline) Expire(key string, d time.Duration) *Result[bool] {
	return p.setExpiry("expire", key, realTTL(d))
}

// ExpireAt queues Cache.ExpireAt. The time left is computed now.
func (p *Pipeline) ExpireAt(key string, t time.Time) *Result[bool] {
	return p.setExpiry("expire at", key, realTTL(time.Until(t)))
}

// Persist queues Cache.Persist.
func (p *Pipeline) Persist(key string) *Result[bool] { return p.setExpiry("persist", key, NoExpiry) }

func (p *Pipeline) setExpiry(op, key string, ttl time.Duration) *Result[bool] {
	return enqueueOne(p, p.cache, op, key, func(full string) (*driver.Cmd, error) {
		return driver.ExpireCommand(full, ttl), nil
	}, asBool)
}

// Incr queues Cache.Incr.
func (p *Pipeline) Incr(key string, delta int64) *Result[int64] {
	return p.incr("incr", key, delta, nil)
}

// Decr queues Cache.Decr.
func (p *Pipeline) Decr(key string, delta int64) *Result[int64] {
	delta, err := negated(delta)
	return p.incr("decr", key, delta, err)
}

func (p *Pipeline) incr(op, key string, delta int64, err error) *Result[int64] {
	return enqueueOne(p, p.cache, op, key, func(full string) (*driver.Cmd, error) {
		if err == nil {
			err = p.cache.countable()
		}
		return driver.NewCmd(driver.CmdIncr, driver.Key(full), driver.Int(delta)), err
	}, asCount)
}

// IncrInit queues Cache.IncrInit.
func (p *Pipeline) IncrInit(key string, delta, init int64, opts ...SetOption) *Result[int64] {
	return enqueueOne(p, p.cache, "incr init", key, func(full string) (*driver.Cmd, error) {
		ttl, err := p.cache.ttlOf(driver.IfAbsent, opts)
		if err == nil {
			err = p.cache.countable()
		}
		return driver.NewCmd(driver.CmdIncrInit, driver.Key(full), driver.Int(delta), driver.Int(init),
			driver.TTLArg(p.cache.jittered(ttl))), err
	}, asCount)
}

// Rename queues Cache.Rename. Its result is true when it succeeded.
func (p *Pipeline) Rename(from, to string) *Result[bool] {
	return p.move("rename", "RENAME", from, to, func(cmd *driver.Cmd) (bool, error) {
		err := cmd.Reply.AsOK()
		return err == nil, err
	})
}

// RenameNX queues Cache.RenameNX.
func (p *Pipeline) RenameNX(from, to string) *Result[bool] {
	return p.move("rename nx", "RENAMENX", from, to, asBool)
}

func (p *Pipeline) move(op, name, from, to string, decode func(*driver.Cmd) (bool, error)) *Result[bool] {
	return enqueueOne(p, p.cache, op, from, func(full string) (*driver.Cmd, error) {
		target, err := p.cache.newKey(to)
		return driver.NewCmd(name, driver.Key(full), driver.Key(target)), err
	}, decode)
}

// IncrVersion queues Cache.IncrVersion. In a cluster the key needs a {hash
// tag}.
func (p *Pipeline) IncrVersion(key string, delta int) *Result[int] {
	version, err := p.cache.versionAfter(delta)
	return p.moveVersion("incr version", key, version, err)
}

// DecrVersion queues Cache.DecrVersion: see IncrVersion.
func (p *Pipeline) DecrVersion(key string, delta int) *Result[int] {
	version, err := p.cache.versionBefore(delta)
	return p.moveVersion("decr version", key, version, err)
}

func (p *Pipeline) moveVersion(op, key string, version int, versionErr error) *Result[int] {
	return enqueueOne(p, p.cache, op, key, func(string) (*driver.Cmd, error) {
		here, there, err := p.cache.versionKeys(key, version, versionErr)
		return driver.NewCmd("RENAME", driver.Key(here), driver.Key(there)), err
	}, func(cmd *driver.Cmd) (int, error) { return version, cmd.Reply.AsOK() })
}

// Type queues Cache.Type.
func (p *Pipeline) Type(key string) *Result[driver.Kind] {
	return enqueueOne(p, p.cache, "type", key, func(full string) (*driver.Cmd, error) { return typeCommand(full), nil }, kindOf)
}

func asInt(cmd *driver.Cmd) (int64, error) {
	if cmd.Err != nil {
		return 0, cmd.Err
	}
	return cmd.Reply.AsInt()
}

// asCount is asInt for commands that answer nil for a missing key.
func asCount(cmd *driver.Cmd) (int64, error) {
	if cmd.Reply.IsNil() {
		return 0, ErrNotFound
	}
	return cmd.Reply.AsInt()
}

func asBool(cmd *driver.Cmd) (bool, error) { return cmd.Reply.AsFlag() }
