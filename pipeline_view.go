package xcache

import (
	"errors"

	"github.com/xcache-go/xcache/driver"
)

// A PipelineView queues the value operations of a View in a pipeline. Values
// are encoded when they are queued, so that the caller may change them
// afterwards, and decoded after Exec.
type PipelineView[T any] struct {
	view     *View[T]
	pipeline *Pipeline
}

// In returns the view's operations as ones that p queues. The view may have
// another prefix, version or codec than p's cache; it must be of the same
// store.
func (v *View[T]) In(p *Pipeline) *PipelineView[T] { return &PipelineView[T]{v, p} }

// Get queues View.Get.
func (q *PipelineView[T]) Get(key string) *Result[T] {
	return enqueueOne(q.pipeline, q.view.Cache, "get", key, getCommand, q.value)
}

// GetOr queues View.GetOr.
func (q *PipelineView[T]) GetOr(key string, def T) *Result[T] {
	return enqueueOne(q.pipeline, q.view.Cache, "get", key, getCommand, func(cmd *driver.Cmd) (T, error) {
		if cmd.Reply.IsNil() {
			return def, nil
		}
		return q.value(cmd)
	})
}

// GetMany queues View.GetMany.
func (q *PipelineView[T]) GetMany(keys []string) *Result[map[string]T] {
	c := q.view.Cache
	if len(keys) == 0 {
		return enqueue(q.pipeline, c, "get many", "", nil, nil, func([]*driver.Cmd) (map[string]T, error) {
			return map[string]T{}, nil
		})
	}
	names := append([]string(nil), keys...)
	fulls, err := c.fullKeys(names)
	args := make([]driver.Arg, len(fulls))
	for i, full := range fulls {
		args[i] = driver.Key(full)
		names[i] = c.ownKey(full, names[i])
	}
	cmds := []*driver.Cmd{driver.NewCmd("MGET", args...)}
	return enqueue(q.pipeline, c, "get many", "", cmds, err, func(cmds []*driver.Cmd) (map[string]T, error) {
		return q.values(names, cmds[0])
	})
}

// Set queues View.Set. Its result is true when it succeeded.
func (q *PipelineView[T]) Set(key string, value T, opts ...SetOption) *Result[bool] {
	return q.store("set", key, value, driver.Always, opts)
}

// Add queues View.Add.
func (q *PipelineView[T]) Add(key string, value T, opts ...SetOption) *Result[bool] {
	return q.store("add", key, value, driver.IfAbsent, opts)
}

// Replace queues View.Replace.
func (q *PipelineView[T]) Replace(key string, value T, opts ...SetOption) *Result[bool] {
	return q.store("replace", key, value, driver.IfPresent, opts)
}

// Swap queues View.Swap.
func (q *PipelineView[T]) Swap(key string, value T, opts ...SetOption) *Result[T] {
	return enqueueOne(q.pipeline, q.view.Cache, "swap", key, func(full string) (*driver.Cmd, error) {
		e, err := q.entry(full, value, driver.Always, opts)
		return driver.NewCmd(driver.CmdSwap, driver.Key(full), driver.Val(e.Value), driver.TTLArg(e.TTL)), err
	}, q.value)
}

// CompareAndSwap queues View.CompareAndSwap.
func (q *PipelineView[T]) CompareAndSwap(key string, old, value T, opts ...SetOption) *Result[bool] {
	return enqueueOne(q.pipeline, q.view.Cache, "compare and swap", key, func(full string) (*driver.Cmd, error) {
		e, err := q.entry(full, value, driver.Always, opts)
		if err != nil {
			return nil, err
		}
		compared, err := q.compared(full, old)
		return driver.NewCmd(driver.CmdCompareAndSwap, driver.Key(full), driver.Val(compared), driver.Val(e.Value), driver.TTLArg(e.TTL)), err
	}, asBool)
}

// CompareAndDelete queues View.CompareAndDelete.
func (q *PipelineView[T]) CompareAndDelete(key string, old T) *Result[bool] {
	return enqueueOne(q.pipeline, q.view.Cache, "compare and delete", key, func(full string) (*driver.Cmd, error) {
		compared, err := q.compared(full, old)
		return driver.NewCmd(driver.CmdCompareAndDelete, driver.Key(full), driver.Val(compared)), err
	}, asBool)
}

func getCommand(full string) (*driver.Cmd, error) { return driver.NewCmd("GET", driver.Key(full)), nil }

func (q *PipelineView[T]) store(op, key string, value T, cond driver.Cond, opts []SetOption) *Result[bool] {
	var e driver.Entry
	return enqueueOne(q.pipeline, q.view.Cache, op, key, func(full string) (*driver.Cmd, error) {
		var err error
		if e, err = q.entry(full, value, cond, opts); err != nil {
			return nil, err
		}
		return driver.SetCommand(&e), nil
	}, func(cmd *driver.Cmd) (bool, error) {
		err := driver.SetOutcome(&e, cmd)
		if errors.Is(err, ErrNotStored) {
			return false, nil
		}
		return err == nil, err
	})
}

func (q *PipelineView[T]) entry(full string, value T, cond driver.Cond, opts []SetOption) (driver.Entry, error) {
	ttl, err := q.view.ttlOf(cond, opts)
	if err != nil {
		return driver.Entry{}, err
	}
	stored, err := encodeCopy(q.view.Cache, full, value)
	return driver.Entry{Key: full, Value: stored, TTL: q.view.jittered(ttl), Cond: cond}, err
}

// value reads the reply to a command whose first argument is the full key.
func (q *PipelineView[T]) value(cmd *driver.Cmd) (T, error) {
	return q.read(cmd.Args[0].Text, cmd.Reply)
}

func (q *PipelineView[T]) read(full string, reply driver.Reply) (T, error) {
	stored, err := reply.AsBytes()
	if err != nil {
		var zero T
		return zero, err
	}
	value, _, err := decode[T](q.view.Cache, full, stored, false, nil)
	return value, err
}

func (q *PipelineView[T]) values(keys []string, cmd *driver.Cmd) (map[string]T, error) {
	if cmd.Err != nil {
		return nil, cmd.Err
	}
	items, err := cmd.Reply.AsArray()
	if err != nil {
		return nil, err
	}
	if len(items) != len(keys) {
		return nil, driver.Fail(ErrUnavailable, driver.NotApplied, errors.New("the server answered MGET with another number of values than there were keys"))
	}
	found := make(map[string]T, len(keys))
	var failed *BatchError
	for i, key := range keys {
		if items[i].IsNil() {
			continue
		}
		value, err := q.read(cmd.Args[i].Text, items[i])
		if err != nil {
			failed = failed.add(key, err)
			continue
		}
		found[key] = value
	}
	return found, failed.asError()
}

// compared returns what old is stored as.
func (q *PipelineView[T]) compared(full string, old T) ([]byte, error) {
	if q.view.keys != nil {
		return nil, encrypted("compared in a pipeline, as it is encrypted differently each time")
	}
	return encodeCopy(q.view.Cache, full, old)
}

// encodeCopy is encode for values that wait in a pipeline: never the caller's
// own bytes.
func encodeCopy[T any](c *Cache, full string, value T) ([]byte, error) {
	stored, grown, err := encode(c, full, nil, value)
	if err == nil && grown == nil {
		stored = append([]byte(nil), stored...)
	}
	return stored, err
}
