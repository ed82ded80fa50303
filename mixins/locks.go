package mixins

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
)

// The errors of locks.
var (
	// ErrLockHeld means that somebody else holds the lock.
	ErrLockHeld = errors.New("xcache: the lock is held by another")
	// ErrLockNotHeld is the error of a method of a Lock that was lost or released.
	ErrLockNotHeld = errors.New("xcache: the lock is not held")
	// ErrLockLost is the cause with which the context of a lost lock ends.
	ErrLockLost = errors.New("xcache: the lock is lost")
)

// Locks gives each name to one holder at a time, among all processes that use the cache
// with the same prefix and namespace. The version makes no difference. A holder has a lock
// for the time of a lease. The lease is renewed in the background after a third of its time.
// So a holder that dies blocks others for one lease at most.
//
//	ctx, lock, err := locks.Acquire(ctx, "report", mixins.LockOptions{})
//	if err != nil {
//		return err
//	}
//	defer lock.Release(ctx)
//	return write(ctx, lock.Fence()) // ends with ctx, also when the lock is lost
//
// The context ends with the cause ErrLockLost when the lease has run out without a renewal,
// or the server does not know of the lock any more. The lease is measured by the monotonic
// clock, from before the command was sent. No lease can stop a process that is frozen, or a
// write that is on its way. The fence, a number that grows from holder to holder, is for
// these cases: the system that is written to rejects a smaller fence than the last.
//
// The lock of a name has a key beside the keys of values: Keys, DeletePattern, Clear and
// ClearAllVersions do not touch this key. FlushDB and eviction remove the key, and a failover
// may lose the key. The holder notices the loss at the next renewal; somebody else may have
// the lock until then.
//
// Callers of one Locks who wait for a name are served in the order of their calls. Among
// processes no order is kept. All methods may be called concurrently. A program makes one
// Locks by NewLocks, and closes the Locks before the cache.
type Locks struct {
	holders
	lines map[string][]chan struct{} // callers who wait, by name; the first caller of each line is served
}

// LockOptions are the options of Acquire and TryAcquire. The zero value waits until the
// context ends, and renews a lease of DefaultLease.
type LockOptions struct {
	// Lease is the time for which the server keeps the lock without a renewal, from 20 ms
	// to a year; 0 is DefaultLease. A short lease frees the lock of a dead holder soon; a
	// long lease outlasts a server that is away.
	Lease time.Duration
	// Wait is the time for which Acquire waits for a held lock; 0 waits until the context
	// ends. TryAcquire does not wait.
	Wait time.Duration
	// NoRenewal leaves renewals to the holder, by Extend.
	NoRenewal bool
}

// A Lock is held until Release, or until the lock is lost. All methods may be called
// concurrently.
type Lock struct {
	claim
	locks *Locks
	name  string
	token string
	fence int64
}

// NewLocks returns a handle on the locks of a cache. A driver without locks, and a key
// layout of the program (WithKeyFunc), are errors.ErrUnsupported.
func NewLocks(c *xcache.Cache) (*Locks, error) {
	c, err := supported(c.KeySpace("lock"), "locks")
	if err != nil {
		return nil, err
	}
	l := &Locks{lines: make(map[string][]chan struct{})}
	l.open(c)
	return l, nil
}

// Acquire waits for the lock of a name, and returns the lock with a context that ends when
// the lock is lost. The error is ErrLockHeld if the lock was still held at the end of Wait, or
// if other callers of this handle still waited in front of the call, whatever they wait for;
// the error of ctx if ctx has ended, and xcache.ErrClosed after Close. An error of the
// server is returned after a few attempts, or at the end of Wait if the server has never told
// that the lock is held. If the outcome of an attempt is unknown, Acquire releases the lock in
// the background.
func (l *Locks) Acquire(ctx context.Context, name string, options LockOptions) (context.Context, *Lock, error) {
	if options.Wait < 0 {
		return ctx, nil, syntaxError("acquire: Wait is negative; 0 waits until the context ends")
	}
	lease, err := checkLease(options.Lease)
	if err != nil {
		return ctx, nil, err
	}
	options.Lease = lease
	waiting, done, err := l.begin(ctx, options.Wait, ErrLockHeld)
	if err != nil {
		return ctx, nil, err
	}
	defer done()
	turn, leave := l.queue(name)
	defer leave()
	select {
	case <-turn:
	case <-waiting.Done():
		return ctx, nil, endOfWait(ctx, waiting)
	}
	return l.wait(ctx, waiting, name, options)
}

// TryAcquire takes the lock of a name if the lock is free and no caller of this handle waits for
// the lock. Otherwise TryAcquire returns ErrLockHeld.
func (l *Locks) TryAcquire(ctx context.Context, name string, options LockOptions) (context.Context, *Lock, error) {
	waiting, done, err := l.begin(ctx, 0, nil)
	if err != nil {
		return ctx, nil, err
	}
	defer done()
	l.mu.Lock()
	waits := len(l.lines[name]) > 0
	l.mu.Unlock()
	if waits {
		return ctx, nil, ErrLockHeld
	}
	lease, err := checkLease(options.Lease)
	if err != nil {
		return ctx, nil, err
	}
	options.Lease = lease
	lock := l.lock(name)
	held, _, err := lock.take(ctx, waiting, options, false)
	if err != nil {
		return ctx, nil, err
	}
	return held, lock, nil
}

// Close ends the contexts of the held locks and the calls in flight with xcache.ErrClosed, and
// then releases all locks together. op_timeout bounds the release, which may be repeated within a
// second. Close waits for the work in the background. Call Close before Close of the cache. Calls
// after the first do nothing.
func (l *Locks) Close() error {
	return l.close()
}

// Name returns the name of the lock.
func (k *Lock) Name() string { return k.name }

// Fence returns a number that is greater than the fence of every earlier holder, and is not
// 0. The fence is the server's time in microseconds, or the last fence plus one if that is
// greater.
//
// A fence may be smaller than an earlier fence only if two things happen. The server has
// lost the lock (by eviction, FlushDB, a failover before the write was replicated, or an
// hour without a holder). And its clock is behind the clock of the earlier fence.
func (k *Lock) Fence() int64 { return k.fence }

// Left returns the time for which the holder may rely on the lock without another renewal;
// 0 for a lock that is lost or released.
func (k *Lock) Left() time.Duration { return k.left() }

// Extend begins the lease anew, with another length, which renewals keep. A lock that is
// lost or released is ErrLockNotHeld. After any other error the old lease goes on. If the
// outcome is unknown, the server has one of the two leases, and the holder relies on the
// shorter lease.
func (k *Lock) Extend(ctx context.Context, lease time.Duration) error {
	lease, err := checkLease(lease)
	if err != nil {
		return err
	}
	return k.extendAs(ctx, lease)
}

// Release frees the lock, and ends its context. The error is ErrLockNotHeld if the lock was
// released before or is lost, so that somebody else may have had the lock. The end of ctx
// does not stop Release, so the context of the lock will do; op_timeout bounds each of a
// few attempts. After any other error the lock is free at the end of its lease.
func (k *Lock) Release(ctx context.Context) error {
	err := k.locks.giveBack(ctx, &k.claim, ErrLockNotHeld)
	k.locks.wakes.wake(k.name)
	return err
}

// queue puts a caller into the line of a name. The channel is closed when the caller is the
// first.
func (l *Locks) queue(name string) (turn chan struct{}, leave func()) {
	turn = make(chan struct{})
	l.mu.Lock()
	defer l.mu.Unlock()
	line := append(l.lines[name], turn)
	l.lines[name] = line
	if len(line) == 1 {
		close(turn)
	}
	return turn, func() { l.leave(name, turn) }
}

func (l *Locks) leave(name string, turn chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	line := l.lines[name]
	for i := range line {
		if line[i] != turn {
			continue
		}
		line = append(line[:i], line[i+1:]...)
		if i == 0 && len(line) > 0 {
			close(line[0])
		}
		break
	}
	if l.lines[name] = line; len(line) == 0 {
		delete(l.lines, name)
	}
}

// wait repeats attempts until the lock is taken.
func (l *Locks) wait(ctx, waiting context.Context, name string, options LockOptions) (context.Context, *Lock, error) {
	signal := l.wakes.enter(name)
	defer l.wakes.leave(name, signal)
	for i := 0; ; i++ {
		lock := l.lock(name) // with a new token, as the last token may be released late
		held, left, err := lock.take(ctx, waiting, options, true)
		if err == nil {
			return held, lock, nil
		}
		if errors.Is(err, errNoAnswer) && i > 0 { // the last answer told that the lock was held
			err = ErrLockHeld
		}
		if !errors.Is(err, ErrLockHeld) {
			return ctx, nil, err
		}
		l.wakes.listen()
		if err := l.wakes.sleep(waiting, signal, l.wakes.poll(i, left)); err != nil {
			return ctx, nil, endOfWait(ctx, waiting)
		}
	}
}

func (l *Locks) lock(name string) *Lock {
	k := &Lock{locks: l, name: name, token: rand.Text()}
	k.lost, k.notHeld = ErrLockLost, ErrLockNotHeld
	k.ended = func() { l.forget(&k.claim) }
	k.claim.extend = func(ctx context.Context, lease time.Duration) (bool, error) {
		return xcache.Run(ctx, xcache.NewOp(l.cache, "lock extend", driver.CmdLockExtend, name).Field(k.token).Int(lease.Milliseconds()), readFlag)
	}
	k.claim.releasing = func() *xcache.Op {
		return xcache.NewOp(l.cache, "lock release", driver.CmdLockRelease, name).Field(k.token)
	}
	return k
}

// take tries once to get the lock, and repeats with the same token while the outcome is
// unknown. The result is the context of the holder, derived from ctx, or the remaining time
// of another holder's lease. waiting bounds the attempt.
func (k *Lock) take(ctx, waiting context.Context, options LockOptions, waits bool) (context.Context, time.Duration, error) {
	var sent time.Time
	got, failed := repeated(waiting, func() (lockReply, error) {
		sent = time.Now()
		o := xcache.NewOp(k.locks.cache, "lock", driver.CmdLock, k.name).Field(k.token).Int(options.Lease.Milliseconds())
		return xcache.Run(waiting, o.Int(flagOf(waits)), readLockReply)
	})
	switch {
	case failed.last != nil:
		if failed.unknown {
			k.locks.abandon(&k.claim)
		}
		return ctx, 0, failed.of(ctx, waiting)
	case !got.taken:
		if failed.unknown { // an earlier attempt may still be on its way
			k.locks.abandon(&k.claim)
		}
		return ctx, got.time, ErrLockHeld
	case time.Since(sent) >= validity(options.Lease): // the answer came too late
		k.locks.abandon(&k.claim)
		return ctx, 0, ErrLockHeld
	}
	k.fence = got.fence
	held, err := k.locks.hold(ctx, &k.claim, sent, options.Lease, !options.NoRenewal)
	return held, 0, err
}

func flagOf(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// A lockReply is the reply of CmdLock.
type lockReply struct {
	taken bool
	fence int64
	time  time.Duration
}

func readLockReply(o *xcache.Op) (lockReply, error) {
	numbers, err := readNumbers(o, 3)
	if err != nil {
		return lockReply{}, err
	}
	return lockReply{numbers[0] == 1, numbers[1], time.Duration(numbers[2]) * time.Millisecond}, nil
}

// readNumbers reads n whole numbers.
func readNumbers(o *xcache.Op, n int) ([]int64, error) {
	items, err := o.Reply().AsArray()
	if err == nil && len(items) != n {
		err = driver.Fail(xcache.ErrUnavailable, driver.Unknown, fmt.Errorf("the server answered %d elements where %d were expected", len(items), n))
	}
	if err != nil {
		return nil, err
	}
	return readEach(items, (*driver.Reply).AsInt)
}
