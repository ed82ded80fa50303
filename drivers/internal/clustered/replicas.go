package clustered

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/failure"
	"github.com/xcache-go/xcache/drivers/internal/node"
	"github.com/xcache-go/xcache/drivers/internal/operations"
	"github.com/xcache-go/xcache/drivers/internal/replicated"
	"github.com/xcache-go/xcache/drivers/internal/servererror"
	"github.com/xcache-go/xcache/drivers/internal/settings"
	"github.com/xcache-go/xcache/internal/keyslot"
)

// A readingStore is a Store that reads from the replicas of each shard, by package
// replicated. The store on all primaries stands for the primary of each shard.
type readingStore struct{ *Store }

// Primary implements driver.Replicated.
func (s readingStore) Primary() driver.Store { return s.Store }

// Get implements driver.Store.
func (s readingStore) Get(ctx context.Context, keys []string, dst []driver.Value) error {
	return s.read(ctx, keys, dst, reader.Get)
}

// GetTTL implements driver.Expirer.
func (s readingStore) GetTTL(ctx context.Context, keys []string, dst []driver.Value) error {
	return s.read(ctx, keys, dst, reader.GetTTL)
}

// TTL implements driver.Expirer.
func (s readingStore) TTL(ctx context.Context, keys []string, dst []driver.Value) error {
	return s.read(ctx, keys, dst, reader.TTL)
}

// A reader is the store on the replicas of a shard, or the store on all primaries.
type reader interface {
	driver.Store
	driver.Expirer
	driver.Commander
}

// A readFunc is one of the reading methods.
type readFunc func(reader, context.Context, []string, []driver.Value) error

// read reads keys from the replicas of the shards that have them, in parallel. Keys that
// a replica has not got any more are read from the primaries.
func (s readingStore) read(ctx context.Context, keys []string, dst []driver.Value, read readFunc) error {
	if len(keys) == 0 {
		return nil
	}
	start := s.router.now()
	err := s.readReplicas(ctx, keys, dst, read)
	var left []int // positions of the redirected keys
	for i := range dst {
		if isRedirected(dst[i].Err) {
			left = append(left, i)
		}
	}
	if left == nil {
		return err
	}
	ctx, cancel := s.router.remaining(ctx, start)
	defer cancel()
	failed := readSome(ctx, s.Store, left, keys, dst, read)
	if err == nil {
		return nil // a shard has answered for other keys
	}
	return failed
}

// readReplicas reads keys from replicas, of which some may redirect. The error of a
// shard is also the error of its keys.
func (s readingStore) readReplicas(ctx context.Context, keys []string, dst []driver.Value, read readFunc) error {
	ctx, cancel := s.router.bound(ctx)
	defer cancel()
	t, err := s.router.recent(ctx)
	if err != nil {
		return err
	}
	first := t.reader(keyslot.Of(keys[0]))
	same := true
	for _, key := range keys[1:] {
		same = same && t.reader(keyslot.Of(key)) == first
	}
	if same {
		err := read(first, ctx, keys, dst)
		if err != nil {
			for i := range dst {
				dst[i] = driver.Value{Err: err}
			}
		}
		return err
	}
	at := make(map[*replicated.Store][]int)
	for i, key := range keys {
		reader := t.reader(keyslot.Of(key))
		at[reader] = append(at[reader], i)
	}
	return spread(at, func(reader *replicated.Store, positions []int) error {
		return readSome(ctx, reader, positions, keys, dst, read)
	})
}

// readSome reads the keys at some positions. An error is also the error of each of these
// keys.
func readSome(ctx context.Context, from reader, positions []int, keys []string, dst []driver.Value, read readFunc) error {
	some, values := make([]string, len(positions)), make([]driver.Value, len(positions))
	for i, position := range positions {
		some[i] = keys[position]
	}
	err := read(from, ctx, some, values)
	for i, position := range positions {
		if dst[position] = values[i]; err != nil {
			dst[position] = driver.Value{Err: err}
		}
	}
	return err
}

// Do implements driver.Commander. A batch goes to replicas if all its commands only read,
// each the keys of one slot. Commands on keys that a replica has not got any more go to the
// primaries.
func (s readingStore) Do(ctx context.Context, cmds []*driver.Cmd, how driver.How) error {
	slots := make([]uint16, len(cmds))
	for i, c := range cmds {
		slot, spread := slotOfCommand(c)
		if !c.Command().AtReplica() || slot < 0 || spread || how == driver.Atomic && slot != int(slots[0]) && i > 0 {
			return s.Store.Do(ctx, cmds, how)
		}
		slots[i] = uint16(slot)
	}
	if len(cmds) == 0 {
		return nil
	}
	start := s.router.now()
	err := s.doAtReplicas(ctx, slots, cmds, how)
	redirected := func(c *driver.Cmd) bool { return isRedirected(c.Err) }
	if !slices.ContainsFunc(cmds, redirected) {
		return err
	}
	var left []*driver.Cmd
	for _, c := range cmds {
		if how == driver.Atomic || redirected(c) {
			c.Reply, c.Err = driver.Reply{}, nil
			left = append(left, c)
		}
	}
	ctx, cancel := s.router.remaining(ctx, start)
	defer cancel()
	failed := doSome(ctx, s.Store, left, how)
	if err == nil && how == driver.Plain {
		return nil // a shard has answered other commands
	}
	return failed
}

// doAtReplicas sends commands to replicas, of which some may redirect. The error of a
// shard is also the error of its commands.
func (s readingStore) doAtReplicas(ctx context.Context, slots []uint16, cmds []*driver.Cmd, how driver.How) error {
	ctx, cancel := s.router.bound(ctx)
	defer cancel()
	t, err := s.router.recent(ctx)
	if err != nil {
		return err
	}
	at := make(map[*replicated.Store][]int)
	for i, slot := range slots {
		at[t.reader(slot)] = append(at[t.reader(slot)], i)
	}
	if len(at) == 1 {
		return doSome(ctx, t.reader(slots[0]), cmds, how)
	}
	return spread(at, func(reader *replicated.Store, positions []int) error {
		some := make([]*driver.Cmd, len(positions))
		for i, position := range positions {
			some[i] = cmds[position]
		}
		return doSome(ctx, reader, some, how)
	})
}

// doSome sends commands. An error is also the error of each command.
func doSome(ctx context.Context, to reader, cmds []*driver.Cmd, how driver.How) error {
	err := to.Do(ctx, cmds, how)
	if err != nil {
		for _, c := range cmds {
			c.Err = err
		}
	}
	return err
}

// spread calls do for each shard, in parallel. If no call of do succeeded, the error is
// the error of one shard.
func spread(at map[*replicated.Store][]int, do func(*replicated.Store, []int) error) error {
	errs := make([]error, 0, len(at))
	var mu sync.Mutex
	var running sync.WaitGroup
	for reader, positions := range at {
		running.Go(func() {
			err := do(reader, positions)
			mu.Lock()
			defer mu.Unlock()
			errs = append(errs, err)
		})
	}
	running.Wait()
	for _, err := range errs {
		if err == nil {
			return nil
		}
	}
	return errs[0]
}

// bound returns a context with the time-out of a call, for a caller without a deadline
// who has to learn the topology first. The commands after that have bounds of their own.
func (r *router) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok || r.topology.Load() != nil {
		return ctx, func() {}
	}
	return failure.Bound(ctx, time.Now().Add(r.timeout), r.timeout)
}

// remaining returns a context with what is left of the time-out of a call that began at
// start, for a caller without a deadline.
func (r *router) remaining(ctx context.Context, start time.Time) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return ctx, func() {}
	}
	return failure.Bound(ctx, start.Add(r.timeout), r.timeout)
}

// recency is the greatest age of a topology for reads from replicas. A replica does not
// tell of new replicas, nor of its own promotion to primary.
const recency = 10 * time.Second

// recent is known that starts a refresh of an old topology.
func (r *router) recent(ctx context.Context) (*topology, error) {
	t, err := r.known(ctx)
	if err == nil && r.now().Sub(r.epoch)-time.Duration(r.learnt.Load()) > recency {
		r.refresh()
	}
	return t, err
}

// reader returns the store that reads the keys of a slot.
func (t *topology) reader(slot uint16) *replicated.Store { return t.shards[t.slots[slot]].reader }

// readerOf returns the store that reads from the replicas of a primary. r.mu is held.
func (r *router) readerOf(primary string, replicas []string) *replicated.Store {
	if r.settings.Reads == settings.Primary {
		return nil
	}
	reader := r.readers[primary]
	if reader == nil {
		reader = replicated.Over(primaries{r.store}, r.settings.Reads, r.openReplica)
		reader.Discover = r.rediscover
		r.readers[primary] = reader
		if r.closing.Err() != nil {
			reader.Disconnect()
		}
	}
	each := make([]*settings.Settings, len(replicas))
	for i, addr := range replicas {
		each[i] = r.settings.At(addr, true)
	}
	reader.SetReplicas(each)
	return reader
}

// rediscover waits for a new topology, for reads that find no replica.
func (r *router) rediscover(ctx context.Context) error {
	f := r.refresh()
	if f == nil {
		return nil // the topology was learnt a moment ago
	}
	select {
	case <-f.done:
		return f.err
	case <-ctx.Done():
		return failure.OfContext(ctx, false)
	}
}

// primaries is the store on all primaries for the readers. The readers do not own that
// store.
type primaries struct{ *Store }

// Caps implements driver.Capable.
func (p primaries) Caps() driver.Caps { return p.router.caps(p) }

func (primaries) Close() error { return nil }

// Disconnect does nothing: the router disconnects the primaries itself.
func (primaries) Disconnect() {}

// A replica is a store on a replica. A replica has many slots, and no transactions over
// several slots.
type replica struct {
	operations.Operations
	node.Node
	addr   string
	router *router
}

func (r *router) openReplica(s *settings.Settings) driver.Store {
	replica := &replica{Node: r.open(s), addr: s.Addr, router: r}
	replica.Operations = operations.On(replica)
	return replica
}

// Get implements driver.Store.
func (r *replica) Get(ctx context.Context, keys []string, dst []driver.Value) error {
	if _, same := slotOfKeys(keys); same {
		err := r.Node.Get(ctx, keys, dst)
		for i := range dst {
			dst[i].Err = r.note(dst[i].Err)
		}
		return r.note(err)
	}
	cmds := getCommands(keys)
	if err := r.Do(ctx, cmds, driver.Plain); err != nil {
		return err
	}
	for i, c := range cmds {
		dst[i] = valueOf(c)
	}
	return nil
}

// GetTTL implements driver.Expirer.
func (r *replica) GetTTL(ctx context.Context, keys []string, dst []driver.Value) error {
	if _, same := slotOfKeys(keys); same {
		return r.Operations.GetTTL(ctx, keys, dst)
	}
	cmds := make([]*driver.Cmd, len(keys))
	for i, key := range keys {
		cmds[i] = getTTLCommand(key)
	}
	if err := r.Do(ctx, cmds, driver.Plain); err != nil {
		return err
	}
	for i, c := range cmds {
		dst[i] = readTTL(c)
	}
	return nil
}

// Do implements driver.Commander.
func (r *replica) Do(ctx context.Context, cmds []*driver.Cmd, how driver.How) error {
	err := r.Node.Do(ctx, cmds, how)
	for _, c := range cmds {
		c.Err = r.note(c.Err)
	}
	return r.note(err)
}

// errRedirected is the error of a replica that has not got a key any more: the slot has
// moved, or is on its way. The replica is well. No caller sees the error: the primaries
// answer instead, as the replicas of the other shard may not have heard of the move yet.
var errRedirected = redirectedError{}

type redirectedError struct{}

func (redirectedError) Error() string { return "redirected" }

func isRedirected(err error) bool { return err != nil && errors.Is(err, errRedirected) }

// note returns an error of the replica. A redirect becomes errRedirected. A slot that has
// moved starts a refresh.
func (r *replica) note(err error) error {
	if err == nil || err == driver.ErrNotFound { //nolint:errorlint // a miss is bare, and frequent
		return err
	}
	var redirect *servererror.RedirectError
	if !errors.As(err, &redirect) {
		return err
	}
	if !redirect.Ask {
		r.router.refresh()
	}
	return errRedirected
}
