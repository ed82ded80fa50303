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
	// ErrInFlight is work that another caller is at.
	ErrInFlight = errors.New("xcache: another caller is at work for this key")
	// ErrOnceLost is the cause of the end of the context of work whose claim was lost, and the
	// error of work whose result is not kept for that reason.
	ErrOnceLost = errors.New("xcache: the claim on the key is lost")
)

// DefaultOnceTTL is for how long a result is kept whose options say nothing.
const DefaultOnceTTL = 24 * time.Hour

// Once does the work of an idempotency key one time, among all processes that use the cache
// with the same prefix and namespace. The first caller of a key works; callers who come later
// get that result, and those who come meanwhile wait for it, or get ErrInFlight.
//
//	receipt, err := payments.Do(ctx, request.Header.Get("Idempotency-Key"), mixins.OnceOptions{}, pay)
//
// Whoever works holds the key for the time of a lease, which is renewed as that of a Lock. Work
// that fails or panics frees the key at once, and a process that dies frees it when the lease has
// run out; then the work may be done again, by the next caller. So work may be done twice if the
// first one to do it was lost in between: what must not happen twice there either needs a
// transaction with what it changes, or passes the key on.
//
// A key is beside those of values as a lock is, and so are the limits of what is promised: see
// Locks. Results go through the codec, and are encrypted if the cache encrypts. All methods may
// be called concurrently. NewOnce makes one; a program has one for each type of result, and
// closes it before the cache.
type Once[T any] struct {
	holders
}

// OnceOptions are those of Do. The zero value keeps a result for DefaultOnceTTL, does not wait,
// and renews a lease of DefaultLease.
type OnceOptions struct {
	// TTL is for how long the result is kept, from 1 ms to a year; 0 is DefaultOnceTTL.
	TTL time.Duration
	// Lease is for how long the server keeps the key for a caller that does not renew it, as in
	// LockOptions.
	Lease time.Duration
	// Wait is how long Do waits for the result of another caller; 0 does not wait.
	Wait time.Duration
}

// NewOnce returns a handle on the idempotency keys of a cache. A driver without them, or
// without locks, is errors.ErrUnsupported, and so is a key layout of the program's own.
func NewOnce[T any](c *xcache.Cache) (*Once[T], error) {
	c, err := supported(c.KeySpace("once"), "once")
	if err != nil {
		return nil, err
	}
	o := &Once[T]{}
	o.open(c)
	return o, nil
}

// Do returns the result of a key, for which it works if there is none.
//
// work gets a context that ends when ctx does, or, with the cause ErrOnceLost, when the claim on
// the key is lost. An error of work is returned as it is, and nothing is kept. A result that
// cannot be kept is returned together with an error: ErrOnceLost if another caller may be at
// work meanwhile, xcache.ErrClosed after Close, or that of the server or the codec; in the last
// case the key stays taken until the lease has run out.
//
// The error is ErrInFlight if another caller is at work, at the end of Wait if there is one;
// that of ctx if that has ended; xcache.ErrCorrupt if a result is kept that is no T;
// xcache.ErrClosed after Close. An error of the server is returned after a few attempts; then
// nobody has worked.
func (o *Once[T]) Do(ctx context.Context, key string, options OnceOptions, work func(ctx context.Context) (T, error)) (T, error) {
	var zero T
	options, err := o.checked(options)
	if err != nil {
		return zero, err
	}
	waiting := ctx
	if options.Wait > 0 {
		var cancel context.CancelFunc
		waiting, cancel = context.WithTimeout(ctx, options.Wait)
		defer cancel()
	}
	signal := o.wakes.enter(key)
	defer o.wakes.leave(key, signal)
	for i := 0; ; i++ {
		k := o.claim(key)
		held, got, err := o.take(ctx, waiting, k, options)
		switch {
		case err == nil && got.state == kept:
			return got.value, nil
		case err == nil:
			return o.work(ctx, held, k, options, work)
		case !errors.Is(err, ErrInFlight):
			return zero, endOfWait(ctx, waiting, err, ErrInFlight)
		case options.Wait == 0:
			return zero, err
		}
		o.wakes.listen()
		if err := o.wakes.sleep(waiting, signal, o.wakes.poll(i, got.left)); err != nil {
			return zero, endOfWait(ctx, waiting, err, ErrInFlight)
		}
	}
}

// Forget drops the result of a key, so that the next caller works. A caller that is at work
// loses the key.
func (o *Once[T]) Forget(ctx context.Context, key string) error {
	_, err := o.cache.Delete(ctx, key)
	return err
}

// Close ends the contexts of work and those who wait, with xcache.ErrClosed, frees the keys that
// are held, and waits for all that runs in the background. It is called before Close of the cache.
// Calls after the first do nothing.
func (o *Once[T]) Close() error { return o.close() }

func (o *Once[T]) checked(options OnceOptions) (OnceOptions, error) {
	o.mu.Lock()
	closed := o.closed
	o.mu.Unlock()
	lease, err := checkLease(options.Lease)
	options.Lease, options.TTL = lease, cmp.Or(options.TTL, DefaultOnceTTL)
	switch {
	case closed:
		return options, xcache.ErrClosed
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
	k.ended = func() { o.forget(&k.claim) }
	k.extend = func(ctx context.Context, lease time.Duration) (bool, error) {
		return xcache.Run(ctx, xcache.NewOp(o.cache, "once extend", driver.CmdLockExtend, key).Field(k.token).Int(lease.Milliseconds()), readFlag)
	}
	k.release = func(ctx context.Context) (bool, error) {
		return xcache.Run(ctx, xcache.NewOp(o.cache, "once release", driver.CmdLockRelease, key).Field(k.token), readFlag)
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

// take finds the result of the key, or takes the key for the caller, who then has a context made
// of ctx. waiting bounds the attempt.
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
		return ctx, got, failed.last
	case got.state == kept:
		return ctx, got, nil
	case got.state == inFlight:
		return ctx, got, ErrInFlight
	case time.Since(sent) >= validity(options.Lease): // the answer came too late to be of use
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

// work works, and keeps the result. held is the context of the claim.
func (o *Once[T]) work(ctx, held context.Context, k *onceClaim, options OnceOptions, work func(ctx context.Context) (T, error)) (T, error) {
	worked := false
	defer func() {
		if !worked { // it failed, panicked or has ended its goroutine
			_ = k.giveBack(ctx, ErrOnceLost, context.Canceled)
			o.wakes.wake(k.key)
		}
	}()
	value, err := work(held)
	if err != nil {
		return value, err
	}
	worked = true
	over := k.stop(ErrOnceLost, context.Canceled) // as no renewal may come after the result
	if errors.Is(over, xcache.ErrClosed) {
		return value, xcache.ErrClosed
	}
	err = o.keep(ctx, k, options, value)
	o.wakes.wake(k.key)
	return value, err
}

// keep stores the result, also when ctx has ended. The claim may have run out meanwhile: the
// result is kept unless another caller has taken the key.
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
