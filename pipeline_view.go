package xcache

import (
	"errors"
	"fmt"
	"time"

	"github.com/xcache-go/xcache/driver"
)

// A PipelineView queues the value operations of a View in a pipeline. A value is encoded
// when its operation is queued, so that the caller may change the value afterwards. Results
// are decoded after Exec.
type PipelineView[T any] struct {
	view     *View[T]
	pipeline *Pipeline
}

// In returns the operations of the view, which p queues. The view may have another prefix,
// version or codec than the cache of p, but must be of the same store.
func (v *View[T]) In(p *Pipeline) *PipelineView[T] { return &PipelineView[T]{v, p} }

// Get queues View.Get.
func (q *PipelineView[T]) Get(key string) *Result[T] {
	return Queue(q.pipeline, q.view.core.getOp(key), readReply[T])
}

// GetOr queues View.GetOr.
func (q *PipelineView[T]) GetOr(key string, def T) *Result[T] {
	return Queue(q.pipeline, q.view.core.getOp(key), func(o *Op) (T, error) {
		if o.Reply().IsNil() {
			return def, nil
		}
		return readReply[T](o)
	})
}

// GetMany queues View.GetMany.
func (q *PipelineView[T]) GetMany(keys []string) *Result[map[string]T] {
	o, names := q.view.core.getManyOp(keys)
	return Queue(q.pipeline, o, func(o *Op) (map[string]T, error) { return readMany[T](o, names) })
}

// Set queues View.Set. The result is true after a success.
func (q *PipelineView[T]) Set(key string, value T, opts ...SetOption) *Result[bool] {
	return q.store("set", key, value, driver.Always, opts)
}

// Add queues View.Add. The result is false for a key whose value has a tag that was invalidated,
// where View.Add stores.
func (q *PipelineView[T]) Add(key string, value T, opts ...SetOption) *Result[bool] {
	return q.store("add", key, value, driver.IfAbsent, opts)
}

// Replace queues View.Replace.
func (q *PipelineView[T]) Replace(key string, value T, opts ...SetOption) *Result[bool] {
	return q.store("replace", key, value, driver.IfPresent, opts)
}

// Swap queues View.Swap.
func (q *PipelineView[T]) Swap(key string, value T, opts ...SetOption) *Result[T] {
	o := newOp(&q.view.core, "swap", cmdSwap).begin(key)
	AddValue(o, value)
	return Queue(q.pipeline, o.addOptions(opts), readReply[T])
}

// CompareAndSwap queues View.CompareAndSwap. A value with tags (Tags) never matches, where
// View.CompareAndSwap compares the value behind the tags. With encryption, the error is
// errors.ErrUnsupported.
func (q *PipelineView[T]) CompareAndSwap(key string, old, value T, opts ...SetOption) *Result[bool] {
	o := q.compared("compare and swap", cmdCompareAndSwap, key, old)
	AddValue(o, value)
	return Queue(q.pipeline, o.addOptions(opts), readFlag)
}

// CompareAndDelete queues View.CompareAndDelete, with the limits of CompareAndSwap.
func (q *PipelineView[T]) CompareAndDelete(key string, old T) *Result[bool] {
	return Queue(q.pipeline, q.compared("compare and delete", cmdCompareAndDelete, key, old), readFlag)
}

// getManyOp begins GetMany of a pipeline, and returns its keys for the caller.
func (c *core) getManyOp(keys []string) (o *Op, names []string) {
	o = newOp(c, "get many", cmdMGet)
	o.idle = len(keys) == 0
	if c.sliding > 0 {
		o.fail(fmt.Errorf("xcache: GetMany in a pipeline renews no TTLs, as Sliding asks for; queue Get for each key: %w", errors.ErrUnsupported))
	}
	o.fail(c.checkAge())
	fulls, err := c.fullKeys(keys)
	if err != nil {
		o.fail(err)
	}
	names = make([]string, len(fulls))
	for i, full := range fulls {
		o.add(driver.Key(full))
		names[i] = c.ownKey(full, keys[i])
	}
	return o, names
}

// store is Set, Add and Replace, as driver.SetCommand says them.
func (q *PipelineView[T]) store(name, key string, value T, cond driver.Cond, opts []SetOption) *Result[bool] {
	o, ttl := q.view.core.storeOp(name, key, cond, opts)
	AddValue(o, value)
	return q.pipeline.store(o, ttl, cond, opts)
}

// storeOp begins Set, Add and Replace of a pipeline.
func (c *core) storeOp(name, key string, cond driver.Cond, opts []SetOption) (o *Op, ttl time.Duration) {
	o = newOp(c, name, cmdSet).begin(key)
	if cond == driver.Always {
		o.opens = dropsWrite
	}
	ttl, err := c.ttlOf(cond, opts)
	if err != nil {
		o.fail(err)
	}
	return o, c.serverTTL(ttl)
}

// store queues an operation that has its key and its value.
func (p *Pipeline) store(o *Op, ttl time.Duration, cond driver.Cond, opts []SetOption) *Result[bool] {
	o.addTags(opts, ttl)
	if o.err != nil {
		return Queue(p, o, readFlag)
	}
	e := driver.Entry{Key: o.full, Value: o.held.Args[1].Data, TTL: ttl, Cond: cond}
	clear(o.args[:len(o.held.Args)])
	o.held = *driver.SetCommand(&e)
	e.Value = nil // it may be the caller's
	return Queue(p, o, func(o *Op) (bool, error) {
		if o.dropped {
			return false, nil
		}
		err := driver.SetOutcome(&e, &o.held)
		if errors.Is(err, ErrNotStored) {
			return false, nil
		}
		return err == nil, err
	})
}

// addOptions adds the TTL, and keeps the tags for Exec.
func (o *Op) addOptions(opts []SetOption) *Op {
	ttl, err := o.cache.ttlOf(driver.Always, opts)
	if err != nil {
		return o.fail(err)
	}
	ttl = o.cache.serverTTL(ttl)
	return o.addTags(opts, ttl).add(driver.TTLArg(ttl))
}

// compared begins an operation with what old is stored as.
func (q *PipelineView[T]) compared(name string, command *driver.Cmd, key string, old T) *Op {
	o := q.view.core.compareOp(name, command, key)
	AddValue(o, old)
	return o
}

func (c *core) compareOp(name string, command *driver.Cmd, key string) *Op {
	o := newOp(c, name, command).begin(key)
	if c.keys != nil {
		return o.fail(encrypted("compared in a pipeline, as it is encrypted differently each time"))
	}
	return o
}

func readReply[T any](o *Op) (T, error) { return ReadValue[T](o, o.Reply()) }

// readMany reads the reply to MGET of keys with these names.
func readMany[T any](o *Op, names []string) (map[string]T, error) {
	items, err := o.Reply().AsArray()
	if err != nil {
		return nil, err
	}
	if len(items) != len(names) {
		return nil, driver.Fail(ErrUnavailable, driver.NotApplied, errors.New("the server answered MGET with another number of values than there were keys"))
	}
	found := make(map[string]T, len(items))
	var failed *BatchError
	for i, name := range names {
		if items[i].IsNil() {
			continue
		}
		value, err := ReadValueOf[T](o, o.held.Args[i].Text, &items[i])
		if err != nil {
			failed = failed.add(name, err)
			continue
		}
		found[name] = value
	}
	return found, failed.asError()
}
