package mixins

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/internal/attempt"
)

// DefaultLease is the lease of locks and permits whose options have no Lease.
const DefaultLease = 30 * time.Second

// minLease is the shortest lease. A shorter lease would end in every pause of the process.
const minLease = 20 * time.Millisecond

// maxLease is the longest lease.
const maxLease = 365 * 24 * time.Hour

// checkLease returns the lease of an option, where 0 is the default.
func checkLease(lease time.Duration) (time.Duration, error) {
	switch {
	case lease == 0:
		return DefaultLease, nil
	case lease < minLease || lease > maxLease:
		return 0, syntaxError("a lease is from %v to %v, not %v", minLease, maxLease, lease)
	}
	return lease, nil
}

// validity is the time for which a holder may rely on a lease, from the moment before the
// command was sent. The difference of two clocks is subtracted from the lease.
func validity(lease time.Duration) time.Duration { return lease - lease/100 - 2*time.Millisecond }

// A claim is a lock or a permit that the server has granted to this process for the time of
// a lease. A goroutine of the claim renews the lease. The context of the claim ends with
// the claim.
type claim struct {
	// extend sends the command, and reports whether the server knew the claim.
	extend func(ctx context.Context, lease time.Duration) (bool, error)
	// releasing returns the command that gives up the claim, whose reply tells the same.
	releasing func() *xcache.Op
	// lost is the cause with which the context ends, and notHeld is the error of methods
	// after that.
	lost, notHeld error
	// ended is called once, when the claim has ended.
	ended func()
	// done is closed when the work under the claim is done, and its result is kept or the claim is
	// released. done is nil without work.
	done chan struct{}

	cancel context.CancelCauseFunc
	// renewal waits for the goroutine that renews.
	renewal sync.WaitGroup
	// extending has an element during an extension: the server and the holder see extensions in
	// the same order.
	extending chan struct{}
	// extended gets an element when a caller has extended the claim, for the goroutine that renews.
	extended chan struct{}

	mu     sync.Mutex
	lease  time.Duration
	sent   time.Time   // when the last extension was sent
	until  time.Time   // by the monotonic clock
	expiry *time.Timer // fires at until
	over   error       // the reason for the end of the claim, or nil
}

// hold begins a claim whose command was sent at the time sent, and returns the context of
// the holder.
func (k *claim) hold(ctx context.Context, sent time.Time, lease time.Duration, renews bool) context.Context {
	k.mu.Lock()
	defer k.mu.Unlock()
	ctx, k.cancel = context.WithCancelCause(ctx)
	k.extending, k.extended = make(chan struct{}, 1), make(chan struct{}, 1)
	k.lease, k.sent, k.until = lease, sent, sent.Add(validity(lease))
	k.expiry = time.AfterFunc(time.Until(k.until), k.expire)
	if renews {
		k.renewal.Go(func() { k.renew(ctx) })
	}
	return ctx
}

// expire runs when the lease has run out, unless the claim was extended meanwhile.
func (k *claim) expire() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if left := time.Until(k.until); left > 0 {
		k.expiry.Reset(left)
		return
	}
	k.end(k.notHeld, fmt.Errorf("%w: the lease has run out", k.lost))
}

// end ends the claim, once. The caller holds mu.
func (k *claim) end(over, cause error) {
	if k.over != nil {
		return
	}
	k.over = over
	k.expiry.Stop()
	k.ended() // before the holder knows: close of the handle has nothing to release after that
	k.cancel(cause)
}

// lose ends a claim that the server does not know any more.
func (k *claim) lose(cause error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.end(k.notHeld, cause)
}

// renew extends the claim at a third of each lease, until the claim or ctx ends.
func (k *claim) renew(ctx context.Context) {
	for failed := false; ; {
		k.mu.Lock()
		lease, next := k.lease, k.sent.Add(k.lease/3)
		k.mu.Unlock()
		if failed { // the next attempt is soon, and expire ends the claim at last
			next = time.Now().Add(min(lease/20, time.Second/2))
		}
		timer := time.NewTimer(time.Until(next))
		select {
		case <-timer.C:
		case <-k.extended:
			timer.Stop()
			failed = false
			continue
		case <-ctx.Done():
			timer.Stop()
			return
		}
		err := k.extendBy(ctx, 0)
		switch {
		case errors.Is(err, k.notHeld):
			return
		case errors.Is(err, xcache.ErrClosed):
			k.lose(fmt.Errorf("%w: %w", k.lost, err))
			return
		}
		failed = err != nil
	}
}

// extendAs begins the lease anew for a caller, with another length. Renewals keep the length.
func (k *claim) extendAs(ctx context.Context, lease time.Duration) error {
	err := k.extendBy(ctx, lease)
	select {
	case k.extended <- struct{}{}:
	default:
	}
	return err
}

// extendBy begins the lease anew, with another length, or with the same length for 0. After an
// error of the server the old lease goes on. After an unknown outcome the shorter lease counts.
func (k *claim) extendBy(ctx context.Context, lease time.Duration) error {
	select {
	case k.extending <- struct{}{}:
		defer func() { <-k.extending }()
	case <-ctx.Done():
		return ctx.Err()
	}
	k.mu.Lock()
	over, before := k.over, k.until
	lease = cmp.Or(lease, k.lease)
	sent := time.Now()
	until := sent.Add(validity(lease))
	if over == nil && until.Before(before) { // the shorter lease may begin at the server at any moment
		k.lasts(until)
	}
	k.mu.Unlock()
	if over != nil {
		return over
	}
	known, err := k.extend(ctx, lease)
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case errors.Is(err, xcache.ErrUnknownOutcome):
		k.lease = min(k.lease, lease)
		return err
	case err != nil:
		if k.over == nil {
			k.lasts(before)
		}
		return err
	case k.over != nil:
		return k.over
	case !known:
		k.end(k.notHeld, fmt.Errorf("%w: the server does not have it any more", k.lost))
		return k.notHeld
	}
	k.lease, k.sent = lease, sent
	k.lasts(until)
	return nil
}

// lasts sets the time until which the holder may rely on the claim. The caller holds mu.
func (k *claim) lasts(until time.Time) {
	k.until = until
	k.expiry.Reset(time.Until(until))
}

// left is the time for which the holder may still rely on the claim.
func (k *claim) left() time.Duration {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.over != nil {
		return 0
	}
	return max(0, time.Until(k.until))
}

// finish ends the claim here. The result is the earlier reason for the end of the claim, or nil.
func (k *claim) finish(over, cause error) (before error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	before = k.over
	k.end(over, cause)
	return before
}

// stop is finish that waits for a renewal in flight.
func (k *claim) stop(over, cause error) (before error) {
	before = k.finish(over, cause)
	k.renewal.Wait()
	return before
}

// leave ends the context of the holder, and with the context the renewals. The claim goes on until
// its lease runs out.
func (k *claim) leave(cause error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.cancel(cause)
}

// await waits for the work under the claim, until the lease runs out.
func (k *claim) await() {
	k.mu.Lock()
	timer := time.NewTimer(time.Until(k.until))
	k.mu.Unlock()
	defer timer.Stop()
	select {
	case <-k.done:
	case <-timer.C:
	}
}

// release sends the command that gives up the claim, and reports whether the server knew the claim.
func (k *claim) release(ctx context.Context) (bool, error) {
	return xcache.Run(ctx, k.releasing(), readFlag)
}

// giveBack ends the claim here and at the server. over is the error of methods after that. No attempt
// begins after the end of closing, except the first.
func (k *claim) giveBack(ctx, closing context.Context, over, cause error) error {
	before := k.stop(over, cause)
	if before != nil && !errors.Is(before, k.notHeld) {
		return before
	}
	until := k.until // until does not change any more
	ctx = context.WithoutCancel(ctx)
	// The attempts have no deadline of their own: op_timeout bounds each attempt, and the end
	// of op_timeout is no end of a context.
	repeating, cancel := context.WithTimeout(ctx, max(time.Second, time.Until(until)))
	defer cancel()
	defer context.AfterFunc(closing, cancel)()
	known, err := repeated(repeating, func() (bool, error) { return k.release(ctx) })
	switch {
	case err.last != nil:
		return err.last
	case before != nil, !known && !(err.unknown && time.Now().Before(until)):
		// The last attempt finds no claim if an earlier attempt with an unknown outcome has
		// released the claim. Such a release counts while the lease lasts.
		return k.notHeld
	}
	return nil
}

// failures is the history of a repeated operation.
type failures struct {
	// last is the error of the last attempt. Its outcome is unknown if an attempt before had an
	// unknown outcome.
	last    error
	unknown bool // one attempt had an unknown outcome
	// server is the last error of an attempt that no context has ended, or nil.
	server error
}

// errNoAnswer is the cause of an unavailable server whose answer has not come within Wait.
var errNoAnswer = errors.New("no answer until the end of Wait")

// of returns the error of attempts to get a claim. waiting is the context of the attempts, which
// holders.begin has made of ctx.
func (f *failures) of(ctx, waiting context.Context) error {
	ended := isEnd(f.last)
	if own := ctx.Err(); own != nil {
		if errors.Is(f.last, own) || !ended && !errors.Is(f.last, xcache.ErrUnavailable) {
			return f.last
		}
		return f.as(own, nil)
	}
	switch {
	case !ended || waiting.Err() == nil:
		return f.last
	case errors.Is(context.Cause(waiting), xcache.ErrClosed):
		return f.as(xcache.ErrClosed, nil)
	case f.server != nil:
		return f.server
	}
	return f.as(xcache.ErrUnavailable, errNoAnswer)
}

// as returns the last error as an error of another kind. reason stands before its cause, or is nil.
func (f *failures) as(kind, reason error) error {
	outcome := driver.NotApplied
	if f.unknown {
		outcome = driver.Unknown
	}
	cause := reason
	if said, ok := errors.AsType[*driver.Error](f.last); ok && said.Err != nil {
		cause = said.Err
		if reason != nil {
			cause = fmt.Errorf("%w: %w", reason, said.Err)
		}
	}
	return withCause(f.last, func(error) error { return driver.Fail(kind, outcome, cause) })
}

// isEnd reports whether err is the end of a context.
func isEnd(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// attempts is the number of attempts for a step that is safe to repeat.
const attempts = 4

// repeated repeats a step that is safe to repeat, until its outcome is known. After the end of ctx
// no attempt follows.
func repeated[R any](ctx context.Context, do func() (R, error)) (result R, f failures) {
	for i := range attempts {
		result, f.last = do()
		if f.last != nil && !isEnd(f.last) {
			f.server = f.last
		}
		unknown := errors.Is(f.last, xcache.ErrUnknownOutcome)
		f.unknown = f.unknown || unknown
		if f.last == nil || !unknown && !attempt.MayFollow(f.last) || i == attempts-1 || !attempt.Pause(ctx, minPoll<<(2*i)) {
			break
		}
	}
	if f.last != nil && f.unknown {
		f.last = withUnknownOutcome(f.last)
		if f.server != nil {
			f.server = withUnknownOutcome(f.server)
		}
	}
	return result, f
}

// withUnknownOutcome returns the error of an operation with an unknown outcome.
func withUnknownOutcome(err error) error {
	return withCause(err, func(cause error) error {
		if said, ok := cause.(*driver.Error); ok { //nolint:errorlint // a driver's error inside of the cause has an outcome of its own
			changed := *said
			changed.Outcome = driver.Unknown
			return &changed
		}
		return driver.Fail(cause, driver.Unknown, nil)
	})
}

// withCause returns the error of an operation with another cause.
func withCause(err error, change func(cause error) error) error {
	if failed, ok := errors.AsType[*xcache.OpError](err); ok {
		changed := *failed
		changed.Err = change(failed.Err)
		return &changed
	}
	return change(err)
}

// endOfWait returns the error of a caller who has waited until the end of waiting, a context that
// holders.begin has made of ctx.
func endOfWait(ctx, waiting context.Context) error {
	return cmp.Or(ctx.Err(), context.Cause(waiting), xcache.ErrClosed)
}
