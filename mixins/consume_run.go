package mixins

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/internal/attempt"
)

// A consumption is one call of Consume. One of its goroutines reads, one claims, one keeps
// other consumers from claiming the entries here, and the others run handlers.
type consumption[V any] struct {
	streams              *Streams[V]
	key, group, consumer string
	full                 string // the key on the server
	handle               func(context.Context, Delivered[V]) error
	options              ConsumeOptions
	// work has the entries that wait for a handler.
	work chan delivery[V]
	// stop ends the reading. Its argument is the error of Consume.
	stop context.CancelCauseFunc

	mu     sync.Mutex // guards the fields below
	held   map[string]struct{}
	worked map[string]bool // the commands that have succeeded at least once
	told   bool            // CallsFailing was sent, and no call has succeeded since
	last   string          // the ID of the last new entry, or ""
	// unbegun has the IDs of the entries that no handler began before the end of the reading, by
	// their number of deliveries.
	unbegun map[int][]string
}

// The waits between attempts to reach a server double, and are jittered.
const (
	firstConsumeBackoff   = 50 * time.Millisecond
	longestConsumeBackoff = 5 * time.Second
)

func (c *consumption[V]) run(ctx context.Context) error {
	reading, stop := context.WithCancelCause(ctx)
	c.stop = stop
	handling, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	keeping, release := context.WithCancel(context.WithoutCancel(ctx))

	var readers, handlers, keeper sync.WaitGroup
	for range c.options.Concurrency {
		handlers.Go(func() {
			for d := range c.work {
				c.process(reading, handling, d)
			}
		})
	}
	keeper.Go(func() { c.keep(keeping) })
	c.fail(c.makeGroup(reading, false))
	c.fail(c.readOwn(reading))
	readers.Go(func() { c.fail(c.claim(reading)) })
	c.fail(c.readNew(reading))
	readers.Wait()
	close(c.work)
	defer time.AfterFunc(max(0, c.options.Grace), cut).Stop()
	c.giveBack(context.WithoutCancel(ctx))
	handlers.Wait()
	c.giveBack(context.WithoutCancel(ctx)) // what handlers have left meanwhile
	release()
	keeper.Wait()
	if err := ctx.Err(); err != nil {
		return err
	}
	return context.Cause(reading)
}

// fail ends the consumption with an error other than the error of its context.
func (c *consumption[V]) fail(err error) {
	if err != nil {
		c.stop(err)
	}
}

// makeGroup creates the group if there is none.
func (c *consumption[V]) makeGroup(ctx context.Context, again bool) error {
	start := c.options.Start
	if c.mu.Lock(); again && start == "$" && c.last != "" {
		start = c.last
	}
	c.mu.Unlock()
	return c.retry(ctx, "XGROUP", func() error {
		err := c.streams.XGroupCreate(ctx, c.key, c.group, start, XGroupCreateOptions{MkStream: true})
		if errors.Is(err, xcache.ErrNotStored) {
			return nil
		}
		if err == nil && again {
			c.observe(ConsumeEvent{Kind: GroupMadeAgain})
		}
		return err
	})
}

// inGroup calls fn until fn succeeds, and creates the group again if the group is gone.
func (c *consumption[V]) inGroup(ctx context.Context, command string, fn func() error) error {
	for wait := firstConsumeBackoff; ; wait = min(2*wait, longestConsumeBackoff) {
		err := c.retry(ctx, command, fn)
		if !errors.Is(err, xcache.ErrNotFound) {
			return err
		}
		if err := c.makeGroup(ctx, true); err != nil {
			return err
		}
		attempt.Pause(ctx, wait/2+rand.N(wait/2)) //nolint:gosec // no secret
	}
}

// retry calls fn, which sends a command, until fn succeeds, ctx ends, or the error is
// permanent.
func (c *consumption[V]) retry(ctx context.Context, command string, fn func() error) error {
	for wait := firstConsumeBackoff; ; wait = min(2*wait, longestConsumeBackoff) {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		err := fn()
		switch {
		case err == nil:
			c.succeeded(command)
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, xcache.ErrNotFound), c.isFinal(command, err):
			return err
		}
		c.failed(err)
		attempt.Pause(ctx, wait/2+rand.N(wait/2)) //nolint:gosec // no secret
	}
}

// isFinal reports whether an error is permanent. A missing permission for a command that
// has succeeded before is not: new credentials are on their way.
func (c *consumption[V]) isFinal(command string, err error) bool {
	for _, final := range []error{xcache.ErrClosed, xcache.ErrWrongType, xcache.ErrSyntax, xcache.ErrInvalidKey, errors.ErrUnsupported} {
		if errors.Is(err, final) {
			return true
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.worked[command] && errors.Is(err, xcache.ErrAuth)
}

func (c *consumption[V]) succeeded(command string) {
	c.mu.Lock()
	told := c.told
	c.worked[command], c.told = true, false
	c.mu.Unlock()
	if told {
		c.observe(ConsumeEvent{Kind: CallsSucceed})
	}
}

func (c *consumption[V]) failed(err error) {
	c.mu.Lock()
	told := c.told
	c.told = true
	c.mu.Unlock()
	if !told {
		c.observe(ConsumeEvent{Kind: CallsFailing, Err: err})
	}
}

func (c *consumption[V]) observe(e ConsumeEvent) {
	if c.options.Observe != nil {
		c.options.Observe(e)
	}
}

// A delivery is an entry that waits for a handler.
type delivery[V any] struct {
	stored     driver.StreamEntry
	fields     map[string]V
	err        error // the error of the codec
	deliveries int
}

// readOwn hands out the entries that are pending for the consumer from an earlier run.
func (c *consumption[V]) readOwn(ctx context.Context) error {
	for last := "0"; ; {
		var found []delivery[V]
		err := c.inGroup(ctx, "XREADGROUP", func() (err error) {
			found, err = c.read(ctx, last, 0)
			return err
		})
		if err != nil || len(found) == 0 {
			return err
		}
		last = found[len(found)-1].stored.ID
		if found, err = c.counted(ctx, found); err != nil {
			return err
		}
		c.handOut(ctx, found)
	}
}

// readNew hands out the new entries of the consumer, and waits for them.
func (c *consumption[V]) readNew(ctx context.Context) error {
	const fresh = ">"
	for block := time.Duration(0); ; {
		var found []delivery[V]
		err := c.inGroup(ctx, "XREADGROUP", func() (err error) {
			found, err = c.read(ctx, fresh, block)
			return err
		})
		if err != nil {
			return err
		}
		for i := range found {
			found[i].deliveries = 1
		}
		if len(found) > 0 {
			c.mu.Lock()
			c.last = found[len(found)-1].stored.ID
			c.mu.Unlock()
		}
		c.handOut(ctx, found)
		// Only a call that waits needs a connection of its own.
		block = 0
		if len(found) == 0 {
			block = Forever
		}
	}
}

// read reads the entries of the consumer behind an ID.
func (c *consumption[V]) read(ctx context.Context, id string, block time.Duration) ([]delivery[V], error) {
	o := c.streams.readGroup(c.group, c.consumer, XReadGroupOptions{Count: c.options.Batch, Block: block}, []StreamPosition{{c.key, id}})
	return xcache.Run(ctx, o, func(o *xcache.Op) ([]delivery[V], error) {
		pairs, err := o.Reply().AsPairs()
		if err != nil || len(pairs) == 0 {
			return nil, err
		}
		return deliveriesOf[V](o, pairs[0].Value)
	})
}

// deliveriesOf reads entries. The codec may fail for some of them.
func deliveriesOf[V any](o *xcache.Op, r *driver.Reply) ([]delivery[V], error) {
	stored, err := r.AsStreamEntries()
	if err != nil {
		return nil, err
	}
	found := make([]delivery[V], len(stored))
	for i := range stored {
		fields, err := decodeFields[V](o, "", stored[i].Fields)
		found[i] = delivery[V]{stored: stored[i], fields: fields, err: err}
	}
	return found, nil
}

// claim takes over, again and again, the entries of consumers without a sign of life for
// MinIdle.
func (c *consumption[V]) claim(ctx context.Context) error {
	const begin = "0-0"
	for next := begin; ; {
		var found []delivery[V]
		err := c.inGroup(ctx, "XAUTOCLAIM", func() (err error) {
			found, next, err = c.autoClaim(ctx, next)
			return err
		})
		if err == nil {
			found, err = c.counted(ctx, found)
		}
		if err != nil {
			return err
		}
		c.handOut(ctx, found)
		if next == begin {
			attempt.Pause(ctx, c.interval())
		}
	}
}

// interval is the time between two claims, and between two signs of life.
func (c *consumption[V]) interval() time.Duration { return max(c.options.MinIdle/3, time.Millisecond) }

// autoClaim claims entries from an ID on, and returns the start of the next claim.
func (c *consumption[V]) autoClaim(ctx context.Context, start string) (found []delivery[V], next string, err error) {
	next = start
	o := c.streams.autoClaim(c.key, c.group, c.consumer, c.options.MinIdle, start, c.options.Batch)
	found, err = xcache.Run(ctx, o, func(o *xcache.Op) (found []delivery[V], err error) {
		id, items, deleted, err := claimedParts(o)
		if err != nil {
			return nil, err
		}
		for _, id := range deleted {
			c.observe(ConsumeEvent{Kind: EntryGone, ID: id})
		}
		next = id
		return deliveriesOf[V](o, items)
	})
	return found, next, err
}

// counted sets the number of deliveries of each entry. Entries that another consumer has
// acknowledged or claimed meanwhile are left out.
func (c *consumption[V]) counted(ctx context.Context, found []delivery[V]) ([]delivery[V], error) {
	if len(found) == 0 {
		return nil, nil
	}
	results := make([]*xcache.Result[[]PendingEntry], len(found))
	err := c.inGroup(ctx, "XPENDING", func() error {
		p := c.streams.cache.Pipeline()
		for i := range found {
			id := found[i].stored.ID
			results[i] = c.streams.In(p).XPendingRange(c.key, c.group, XPendingOptions{Consumer: c.consumer}, id, id, 1)
		}
		return p.Exec(ctx)
	})
	if err != nil {
		return nil, err
	}
	pending := found[:0]
	for i, d := range found {
		if entries, err := results[i].Value(); err == nil && len(entries) == 1 {
			d.deliveries = entries[0].Deliveries
			pending = append(pending, d)
		}
	}
	return pending, nil
}

// handOut gives entries to handlers, and waits until a handler has taken the last entry.
// Entries that no handler takes before ctx ends stay pending, and are given back.
func (c *consumption[V]) handOut(ctx context.Context, found []delivery[V]) {
	taken := found[:0]
	for _, d := range found { // all are held while the first waits for a handler
		if c.hold(d.stored.ID) {
			taken = append(taken, d)
		}
	}
	for _, d := range taken {
		if d.deliveries > 1 {
			c.observe(ConsumeEvent{Kind: EntryClaimed, ID: d.stored.ID, Deliveries: d.deliveries})
		}
		select {
		case c.work <- d:
		case <-ctx.Done():
			c.leave(d)
			c.release(d.stored.ID)
		}
	}
}

// leave notes an entry that no handler begins.
func (c *consumption[V]) leave(d delivery[V]) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.unbegun == nil {
		c.unbegun = make(map[int][]string)
	}
	c.unbegun[d.deliveries] = append(c.unbegun[d.deliveries], d.stored.ID)
}

// giveBack undoes the deliveries of the entries that no handler began, and lets other consumers
// claim the entries at once. After a failure these deliveries count.
func (c *consumption[V]) giveBack(ctx context.Context) {
	c.mu.Lock()
	unbegun := c.unbegun
	c.unbegun = nil
	c.mu.Unlock()
	for deliveries, ids := range unbegun {
		before := deliveries - 1
		options := XClaimOptions{Idle: c.options.MinIdle, RetryCount: &before}
		if _, err := c.streams.XClaimJustID(ctx, c.key, c.group, c.consumer, 0, options, ids...); err != nil {
			return
		}
	}
}

// hold notes that an entry is here, and reports false if the entry is noted already.
func (c *consumption[V]) hold(id string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, here := c.held[id]
	c.held[id] = struct{}{}
	return !here
}

func (c *consumption[V]) release(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.held, id)
}

// keep gives signs of life for the entries that are here, so that no consumer claims them.
func (c *consumption[V]) keep(ctx context.Context) {
	for {
		attempt.Pause(ctx, c.interval())
		if ctx.Err() != nil {
			return
		}
		c.mu.Lock()
		ids := make([]string, 0, len(c.held))
		for id := range c.held {
			ids = append(ids, id)
		}
		c.mu.Unlock()
		if len(ids) == 0 {
			continue
		}
		_, err := c.streams.XClaimJustID(ctx, c.key, c.group, c.consumer, 0, XClaimOptions{}, ids...)
		switch {
		case err == nil:
			c.succeeded("XCLAIM")
		case ctx.Err() != nil, errors.Is(err, xcache.ErrNotFound):
		case c.isFinal("XCLAIM", err):
			c.fail(err)
		default:
			c.failed(err)
		}
	}
}
