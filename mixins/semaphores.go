package mixins

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"time"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
)

// The errors of semaphores.
var (
	// ErrSemaphoreFull is a semaphore whose permits others hold, or wait for.
	ErrSemaphoreFull = errors.New("xcache: the semaphore has no permit left")
	// ErrPermitNotHeld is a method of a Permit that is no longer held, or was released.
	ErrPermitNotHeld = errors.New("xcache: the permit is not held")
	// ErrPermitLost is the cause of the end of the context of a permit that was lost.
	ErrPermitLost = errors.New("xcache: the permit is lost")
)

// placeLease is for how long a caller keeps its place in the queue without asking again, which
// it does each second at the latest.
const placeLease = 5 * time.Second

// Semaphores bounds how much of something is in use at a time, by all processes that use the
// cache with the same prefix and namespace. The permits of a name have weights, whose sum is
// no more than a capacity. A permit is held for the time of a lease, which is renewed as that
// of a Lock; the permit of a holder that dies is free when its lease has run out, by the
// server's clock.
//
// Those who wait are served in the order in which they came, in whatever process: a large
// permit is not passed by later small ones. A caller who died keeps its place for five seconds.
//
// All callers of a name give the same capacity. Whoever gives a smaller one waits for longer,
// and after a change there may be more permits than the new capacity until they are released.
//
// A semaphore is a key of its own, beside those of values as a lock is, and so are the limits of
// what is promised: see Locks. How much is in use is the sum of the permits that the server
// knows, and never a count that could go astray. All methods may be called concurrently.
// NewSemaphores makes one; a program has one, and closes it before the cache.
type Semaphores struct {
	holders
}

// SemaphoreOptions are those of Acquire and TryAcquire. The zero value takes a permit of weight
// 1, waits until the context ends, and renews a lease of DefaultLease.
type SemaphoreOptions struct {
	// Weight is how much of the capacity the permit takes; 0 is 1.
	Weight int
	// Lease, Wait and NoRenewal are as in LockOptions.
	Lease     time.Duration
	Wait      time.Duration
	NoRenewal bool
}

// A Permit is held until Release, or until it is lost. Its methods may be called concurrently.
type Permit struct {
	claim
	semaphores *Semaphores
	name       string
	token      string
}

// maxCapacity is the largest capacity: what servers count without loss.
const maxCapacity = 1 << 50

// NewSemaphores returns a handle on the semaphores of a cache. A driver without them is
// errors.ErrUnsupported, and so is a key layout of the program's own.
func NewSemaphores(c *xcache.Cache) (*Semaphores, error) {
	c, err := supported(c.KeySpace("semaphore"), "semaphores")
	if err != nil {
		return nil, err
	}
	s := &Semaphores{}
	s.open(c)
	return s, nil
}

// Acquire waits for a permit of the semaphore of a name, and returns it with a context that
// ends when it is lost, with the cause ErrPermitLost. The error is ErrSemaphoreFull at the end
// of Wait, that of ctx if that has ended, xcache.ErrClosed after Close, and xcache.ErrSyntax for
// a weight above the capacity. An error of the server is returned after a few attempts. A
// caller who leaves gives up its place in the background.
func (s *Semaphores) Acquire(ctx context.Context, name string, capacity int, options SemaphoreOptions) (context.Context, *Permit, error) {
	options, err := s.checked(capacity, options)
	if err != nil {
		return ctx, nil, err
	}
	waiting := ctx
	if options.Wait > 0 {
		var cancel context.CancelFunc
		waiting, cancel = context.WithTimeout(ctx, options.Wait)
		defer cancel()
	}
	permit := s.permit(name)
	signal := s.wakes.enter(permit.turn())
	defer func() { s.wakes.leave(permit.turn(), signal) }()
	for i := 0; ; i++ {
		held, left, err := permit.take(ctx, waiting, capacity, options, placeLease)
		if err == nil {
			return held, permit, nil
		}
		if errors.Is(err, errLate) {
			s.wakes.leave(permit.turn(), signal)
			permit = s.permit(name) // as the old token is released in the background
			signal = s.wakes.enter(permit.turn())
			continue
		}
		if errors.Is(err, ErrSemaphoreFull) {
			s.wakes.listen()
			err = s.wakes.sleep(waiting, signal, s.wakes.poll(i, left))
		}
		if err == nil {
			continue
		}
		s.abandon(&permit.claim)
		if waiting.Err() != nil {
			err = cmp.Or(ctx.Err(), ErrSemaphoreFull)
		}
		return ctx, nil, err
	}
}

// TryAcquire takes a permit if there is one and nobody waits, and returns ErrSemaphoreFull
// otherwise.
func (s *Semaphores) TryAcquire(ctx context.Context, name string, capacity int, options SemaphoreOptions) (context.Context, *Permit, error) {
	options, err := s.checked(capacity, options)
	if err != nil {
		return ctx, nil, err
	}
	permit := s.permit(name)
	held, _, err := permit.take(ctx, ctx, capacity, options, 0)
	switch {
	case errors.Is(err, errLate):
		return ctx, nil, ErrSemaphoreFull
	case err != nil:
		if errors.Is(err, xcache.ErrUnknownOutcome) {
			s.abandon(&permit.claim)
		}
		return ctx, nil, err
	}
	return held, permit, nil
}

// Close releases the permits that are held, ends their contexts and those who wait, with
// xcache.ErrClosed, and waits for all that runs in the background. It is called before Close
// of the cache. Calls after the first do nothing.
func (s *Semaphores) Close() error { return s.close() }

// Name returns the name that the permit was acquired by.
func (k *Permit) Name() string { return k.name }

// Left returns for how long the holder may rely on the permit without another renewal; 0 if it
// is lost or released.
func (k *Permit) Left() time.Duration { return k.left() }

// Extend is that of Lock, with ErrPermitNotHeld.
func (k *Permit) Extend(ctx context.Context, lease time.Duration) error {
	lease, err := checkLease(lease)
	if err != nil {
		return err
	}
	return k.extendBy(ctx, lease)
}

// Release is that of Lock, with ErrPermitNotHeld.
func (k *Permit) Release(ctx context.Context) error {
	return k.giveBack(ctx, ErrPermitNotHeld, context.Canceled)
}

// turn is the channel, as the handle knows it, on which the holder of a place is told that the
// place is the first.
func (k *Permit) turn() string { return k.name + ":" + k.token }

func (s *Semaphores) checked(capacity int, options SemaphoreOptions) (SemaphoreOptions, error) {
	s.mu.Lock()
	closed := s.closed
	s.mu.Unlock()
	lease, err := checkLease(options.Lease)
	options.Lease, options.Weight = lease, cmp.Or(options.Weight, 1)
	switch {
	case closed:
		return options, xcache.ErrClosed
	case err != nil:
		return options, err
	case options.Wait < 0:
		return options, syntaxError("acquire: Wait is negative; 0 waits until the context ends")
	case options.Weight < 1 || int64(capacity) > maxCapacity || options.Weight > capacity:
		return options, syntaxError("acquire: a weight of %d is not from 1 to the capacity, %d", options.Weight, capacity)
	}
	return options, nil
}

func (s *Semaphores) permit(name string) *Permit {
	k := &Permit{semaphores: s, name: name, token: rand.Text()}
	k.lost, k.notHeld = ErrPermitLost, ErrPermitNotHeld
	k.ended = func() { s.forget(&k.claim) }
	k.claim.extend = func(ctx context.Context, lease time.Duration) (bool, error) {
		return xcache.Run(ctx, xcache.NewOp(s.cache, "semaphore extend", driver.CmdSemaphoreExtend, name).Field(k.token).Int(lease.Milliseconds()), readFlag)
	}
	k.claim.release = func(ctx context.Context) (bool, error) {
		return xcache.Run(ctx, xcache.NewOp(s.cache, "semaphore release", driver.CmdSemaphoreRelease, name).Field(k.token), readFlag)
	}
	return k
}

// errLate is a permit whose lease was over when it came. It is given back.
var errLate = errors.New("xcache: the answer came too late")

// take tries to get the permit, and again with the same token while the outcome is unknown. It
// returns the context of the holder, which is made of ctx, or when to try again at the latest.
func (k *Permit) take(ctx, waiting context.Context, capacity int, options SemaphoreOptions, place time.Duration) (context.Context, time.Duration, error) {
	s := k.semaphores
	if s.wakes.ctx.Err() != nil {
		return ctx, 0, xcache.ErrClosed
	}
	var sent time.Time
	got, failed := repeated(waiting, func() ([]int64, error) {
		sent = time.Now()
		o := xcache.NewOp(s.cache, "semaphore", driver.CmdSemaphore, k.name).Field(k.token).Int(int64(options.Weight)).Int(int64(capacity))
		return xcache.Run(waiting, o.Int(options.Lease.Milliseconds()).Int(place.Milliseconds()), readPair)
	})
	switch {
	case failed.last != nil:
		return ctx, 0, failed.last
	case got[0] != 1:
		return ctx, time.Duration(got[1]) * time.Millisecond, ErrSemaphoreFull
	case time.Since(sent) >= validity(options.Lease):
		s.abandon(&k.claim)
		return ctx, 0, errLate
	}
	held, err := s.hold(ctx, &k.claim, sent, options.Lease, !options.NoRenewal)
	return held, 0, err
}

func readPair(o *xcache.Op) ([]int64, error) { return readNumbers(o, 2) }
