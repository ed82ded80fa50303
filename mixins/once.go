package mixins

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
)

// The errors of Once.
var (
	// ErrInFlight tells that another caller does the work at present.
	ErrInFlight = errors.New("xcache: another caller is at work for this key")
	// ErrOnceLost tells that a caller has lost the claim on its key. ErrOnceLost is the cause with
	// which the context of the work ends, and the error of Do, which does not keep the result.
	ErrOnceLost = errors.New("xcache: the claim on the key is lost")
)

// DefaultOnceTTL is the time for which a result is kept, unless OnceOptions.TTL says otherwise.
const DefaultOnceTTL = 24 * time.Hour

// Once does the work of an idempotency key one time, among all processes that use the cache
// with the same prefix and namespace. The first caller of a key does the work. Later callers get
// the result. Callers who come during the work wait for the result, or get ErrInFlight.
//
//	receipt, err := payments.Do(ctx, request.Header.Get("Idempotency-Key"), mixins.OnceOptions{}, pay)
//
// The caller who does the work holds the key for the time of a lease, which Once renews as a Lock
// does. Work that fails or panics frees the key at once. The key of a process that dies is free
// when the lease has run out. In both cases the next caller does the work. So work may be done
// twice if a process dies after the work and before the result is kept. Work that must not be
// done twice even then puts the key into the transaction of its changes, or passes the key on.
//
// The key is stored like the key of a lock: Clear does not drop the key, and eviction or a
// failover may lose the key. See Locks. Results go through the codec, and are encrypted if the
// cache encrypts. All methods may be called concurrently. NewOnce makes a Once. A program has a
// Once for each type of result, and closes each Once before the cache.
type Once[T any] struct {
	holders
}

// OnceOptions are the options of Do. With the zero value Do keeps a result for DefaultOnceTTL, does
// not wait, and renews a lease of DefaultLease.
type OnceOptions struct {
	// TTL is the time for which the result is kept, from 1 ms to a year; 0 is DefaultOnceTTL.
	TTL time.Duration
	// Lease is the time after which the server frees the key of a caller who does not renew the
	// lease, as in LockOptions.
	Lease time.Duration
	// Wait is the time for which Do waits for the result of another caller; with 0 Do does not
	// wait.
	Wait time.Duration
}

// NewOnce returns a handle on the idempotency keys of a cache. The error is errors.ErrUnsupported
// for a driver without idempotency keys or locks, and for a key layout of the program's own.
func NewOnce[T any](c *xcache.Cache) (*Once[T], error) {
	c, err := supported(c.KeySpace("once"), "once")
	if err != nil {
		return nil, err
	}
	o := &Once[T]{}
	o.open(c)
	return o, nil
}

// Do returns the result of a key. If no result is kept, Do calls work, and keeps the result.
//
// The context of work ends with ctx. The context ends with the cause ErrOnceLost if the claim on
// the key is lost, and with the cause xcache.ErrClosed when Close begins. Do returns an error of
// work unchanged, and keeps nothing. If the result cannot be kept, Do returns the result together
// with an error: ErrOnceLost if another caller may do the work meanwhile, xcache.ErrClosed after
// Close of the cache, or the error of the server or the codec. After an error of the server or the
// codec the key stays taken until the lease has run out.
//
// If Do has not called work, the error is one of these:
//
//   - ErrInFlight, if another caller still does the work at the end of Wait;
//   - the error of ctx, if ctx has ended;
//   - xcache.ErrCorrupt, if the kept result is no T;
//   - xcache.ErrClosed, after Close;
//   - the error of the server, after a few attempts, or at the end of Wait if the server has never
//     told that another caller does the work.
func (o *Once[T]) Do(ctx context.Context, key string, options OnceOptions, work func(ctx context.Context) (T, error)) (T, error) {
	var zero T
	options, err := o.checked(options)
	if err != nil {
		return zero, err
	}
	held, k, got, err := o.find(ctx, key, options)
	switch {
	case err != nil:
		return zero, err
	case got.state == kept:
		return got.value, nil
	}
	return o.work(ctx, held, k, options, work)
}

// find repeats attempts until the result of a key is found, or the key is taken.
func (o *Once[T]) find(ctx context.Context, key string, options OnceOptions) (context.Context, *onceClaim, onceReply[T], error) {
	waiting, done, err := o.begin(ctx, options.Wait, ErrInFlight)
	if err != nil {
		return ctx, nil, onceReply[T]{}, err
	}
	defer done()
	signal := o.wakes.enter(key)
	defer o.wakes.leave(key, signal)
	for i := 0; ; i++ {
		k := o.claim(key)
		held, got, err := o.take(ctx, waiting, k, options)
		if errors.Is(err, errNoAnswer) && i > 0 { // the last answer told that the work is in flight
			err = ErrInFlight
		}
		if !errors.Is(err, ErrInFlight) || options.Wait == 0 {
			return held, k, got, err
		}
		o.wakes.listen()
		if o.wakes.sleep(waiting, signal, o.wakes.poll(i, got.left)) != nil {
			return ctx, nil, got, endOfWait(ctx, waiting)
		}
	}
}

// Forget drops the result of a key, so that the next caller does the work. A caller who does the
// work at present loses the key.
func (o *Once[T]) Forget(ctx context.Context, key string) error {
	_, err := o.cache.Delete(ctx, key)
	return err
}

// Close ends the contexts of work, and the waits of callers, with xcache.ErrClosed. No other work
// begins. Close waits for work that runs, for as long as its lease lasts without a renewal: the
// result of work that succeeds is kept, and work that fails frees its key. The key of work that runs
// for longer is free when the lease has run out. The program calls Close before Close of the cache.
// Further calls do nothing.
func (o *Once[T]) Close() error {
	held := o.shut()
	for _, k := range held {
		k.leave(xcache.ErrClosed)
	}
	for _, k := range held {
		k.await()
	}
	o.await()
	return nil
}

func (*Once[T]) checked(options OnceOptions) (OnceOptions, error) {
	lease, err := checkLease(options.Lease)
	options.Lease, options.TTL = lease, cmp.Or(options.TTL, DefaultOnceTTL)
	switch {
	case err != nil:
		return options, err
	case options.Wait < 0:
		return options, syntaxError("once: Wait is negative; 0 does not wait")
	case options.TTL < time.Millisecond || options.TTL > maxLease:
		return options, syntaxError("once: a TTL is from 1ms to %v, not %v", maxLease, options.TTL)
	}
	return options, nil
}

// An onceClaim is a claim on a key.
type onceClaim struct {
	claim
	key, token string
}

func (o *Once[T]) claim(key string) *onceClaim {
	k := &onceClaim{key: key, token: rand.Text()}
	k.lost, k.notHeld = ErrOnceLost, ErrOnceLost
	k.ended, k.done = func() {}, make(chan struct{}) // Close waits for the work, which outlives the claim
	k.extend = func(ctx context.Context, lease time.Duration) (bool, error) {
		return xcache.Run(ctx, xcache.NewOp(o.cache, "once extend", driver.CmdLockExtend, key).Field(k.token).Int(lease.Milliseconds()), readFlag)
	}
	k.releasing = func() *xcache.Op {
		return xcache.NewOp(o.cache, "once release", driver.CmdLockRelease, key).Field(k.token)
	}
	return k
}

// The states of a key.
const (
	inFlight = iota
	mine
	kept
)

// An onceReply is the reply of CmdOnce.
type onceReply[T any] struct {
	state int64
	left  time.Duration
	value T
}

// take finds the result of the key, or takes the key for the caller. The context of a taken key is
// derived from ctx. waiting bounds the attempt.
func (o *Once[T]) take(ctx, waiting context.Context, k *onceClaim, options OnceOptions) (context.Context, onceReply[T], error) {
	var sent time.Time
	got, failed := repeated(waiting, func() (onceReply[T], error) {
		sent = time.Now()
		op := xcache.NewOp(o.cache, "once", driver.CmdOnce, k.key).Field(k.token).Int(options.Lease.Milliseconds())
		return xcache.Run(waiting, op.Int(flagOf(options.Wait > 0)), readOnceReply[T])
	})
	switch {
	case failed.last != nil:
		if failed.unknown {
			o.abandon(&k.claim)
		}
		return ctx, got, failed.of(ctx, waiting)
	case got.state == kept:
		return ctx, got, nil
	case got.state == inFlight:
		if failed.unknown { // an earlier attempt may still be on its way
			o.abandon(&k.claim)
		}
		return ctx, got, ErrInFlight
	case time.Since(sent) >= validity(options.Lease): // the answer came too late
		o.abandon(&k.claim)
		return ctx, got, ErrInFlight
	}
	held, err := o.hold(ctx, &k.claim, sent, options.Lease, true)
	return held, got, err
}

func readOnceReply[T any](o *xcache.Op) (reply onceReply[T], err error) {
	items, err := o.Reply().AsArray()
	if err == nil && len(items) != 3 {
		err = driver.Fail(xcache.ErrUnavailable, driver.Unknown, fmt.Errorf("the server answered %d elements where 3 were expected", len(items)))
	}
	if err != nil {
		return reply, err
	}
	numbers, err := readEach(items[:2], (*driver.Reply).AsInt)
	if err != nil {
		return reply, err
	}
	reply.state, reply.left = numbers[0], time.Duration(numbers[1])*time.Millisecond
	if reply.state == kept {
		reply.value, err = xcache.ReadValue[T](o, &items[2])
	}
	return reply, err
}

// work calls the caller's function, and keeps the result. held is the context of the claim.
func (o *Once[T]) work(ctx, held context.Context, k *onceClaim, options OnceOptions, work func(ctx context.Context) (T, error)) (T, error) {
	worked := false
	defer func() {
		o.forget(&k.claim)
		close(k.done)
	}()
	defer func() {
		if !worked { // work failed, panicked or has ended its goroutine
			_ = o.giveBack(ctx, &k.claim, ErrOnceLost)
			o.wakes.wake(k.key)
		}
	}()
	value, err := work(held)
	if err != nil {
		return value, err
	}
	worked = true
	_ = k.stop(ErrOnceLost, context.Canceled) // no renewal may come after the result
	err = o.keep(ctx, k, options, value)
	o.wakes.wake(k.key)
	return value, err
}

// keep stores the result, also when ctx has ended. A claim that has run out meanwhile is no
// obstacle, unless another caller has taken the key.
func (o *Once[T]) keep(ctx context.Context, k *onceClaim, options OnceOptions, value T) error {
	ctx = context.WithoutCancel(ctx)
	repeating, cancel := context.WithTimeout(ctx, max(time.Second, options.Lease)) // op_timeout bounds each attempt
	defer cancel()
	known, failed := repeated(repeating, func() (bool, error) {
		op := xcache.NewOp(o.cache, "once done", driver.CmdOnceDone, k.key).Field(k.token)
		xcache.AddValue(op, value)
		return xcache.Run(ctx, op.Int(options.TTL.Milliseconds()), readFlag)
	})
	switch {
	case failed.last != nil:
		return failed.last
	case !known:
		return ErrOnceLost
	}
	return nil
}
