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
	// ErrSemaphoreFull means that others hold, or wait for, the permits of the semaphore.
	ErrSemaphoreFull = errors.New("xcache: the semaphore has no permit left")
	// ErrPermitNotHeld is the error of a method of a Permit that was lost or released.
	ErrPermitNotHeld = errors.New("xcache: the permit is not held")
	// ErrPermitLost is the cause with which the context of a lost permit ends.
	ErrPermitLost = errors.New("xcache: the permit is lost")
)

// placeLease is the time for which a caller keeps its place in the queue without another
// request. A caller sends a request at least once per second.
const placeLease = 5 * time.Second

// Semaphores bounds the use of a resource by all processes that use the cache with the same
// prefix and namespace. The permits of a name have weights, and the sum of the weights is
// at most a capacity. A permit is held for the time of a lease, which is renewed like the
// lease of a Lock. The permit of a dead holder is free when its lease has run out, by the
// server's clock.
//
// Callers who wait are served in the order of their calls, among all processes: later small
// permits do not overtake a large permit. A dead caller keeps its place for five seconds.
//
// All callers of a name must give the same capacity. A caller with a smaller capacity waits
// longer. After a change of the capacity there may be more permits than the new capacity
// until enough permits are released.
//
// A semaphore has a key beside the keys of values, like a lock, and the same limits: see
// Locks. The use is the sum of the permits that the server knows, and never a count that
// could become wrong. All methods may be called concurrently. A program makes one
// Semaphores by NewSemaphores, and closes the Semaphores before the cache.
type Semaphores struct {
	holders
}

// SemaphoreOptions are the options of Acquire and TryAcquire. The zero value takes a permit
// of weight 1, waits until the context ends, and renews a lease of DefaultLease.
type SemaphoreOptions struct {
	// Weight is the part of the capacity that the permit takes; 0 is 1.
	Weight int
	// Lease, Wait and NoRenewal are as in LockOptions.
	Lease     time.Duration
	Wait      time.Duration
	NoRenewal bool
}

// A Permit is held until Release, or until the permit is lost. All methods may be called
// concurrently.
type Permit struct {
	claim
	semaphores *Semaphores
	name       string
	token      string
}

// maxCapacity is the largest capacity that servers count exactly.
const maxCapacity = 1 << 50

// NewSemaphores returns a handle on the semaphores of a cache. A driver without semaphores,
// and a key layout of the program (WithKeyFunc), are errors.ErrUnsupported.
func NewSemaphores(c *xcache.Cache) (*Semaphores, error) {
	c, err := supported(c.KeySpace("semaphore"), "semaphores")
	if err != nil {
		return nil, err
	}
	s := &Semaphores{}
	s.open(c)
	return s, nil
}

// Acquire waits for a permit of the semaphore of a name, and returns the permit with a
// context. The context ends with the cause ErrPermitLost when the permit is lost. The error
// is ErrSemaphoreFull at the end of Wait, the error of ctx if ctx has ended,
// xcache.ErrClosed after Close, and xcache.ErrSyntax for a weight above the capacity. An
// error of the server is returned after a few attempts, or at the end of Wait if the server has
// never told that there is no permit left. A caller who leaves gives up its place in the
// background.
func (s *Semaphores) Acquire(ctx context.Context, name string, capacity int, options SemaphoreOptions) (context.Context, *Permit, error) {
	options, err := s.checked(capacity, options)
	if err != nil {
		return ctx, nil, err
	}
	waiting, done, err := s.begin(ctx, options.Wait, ErrSemaphoreFull)
	if err != nil {
		return ctx, nil, err
	}
	defer done()
	permit := s.permit(name)
	signal := s.wakes.enter(permit.turn())
	defer func() { s.wakes.leave(permit.turn(), signal) }()
	full := false // the server has told that there is no permit
	for i := 0; ; i++ {
		held, left, err := permit.take(ctx, waiting, capacity, options, placeLease)
		if err == nil {
			return held, permit, nil
		}
		if errors.Is(err, errLate) {
			s.wakes.leave(permit.turn(), signal)
			permit = s.permit(name) // the old token is released in the background
			signal = s.wakes.enter(permit.turn())
			continue
		}
		if errors.Is(err, ErrSemaphoreFull) {
			full = true
			s.wakes.listen()
			if s.wakes.sleep(waiting, signal, s.wakes.poll(i, left)) == nil {
				continue
			}
			err = endOfWait(ctx, waiting)
		}
		if errors.Is(err, errNoAnswer) && full {
			err = ErrSemaphoreFull
		}
		s.abandon(&permit.claim) // with its place in the queue
		return ctx, nil, err
	}
}

// TryAcquire takes a permit if enough of the capacity is free and no caller waits. Otherwise
// TryAcquire returns ErrSemaphoreFull.
func (s *Semaphores) TryAcquire(ctx context.Context, name string, capacity int, options SemaphoreOptions) (context.Context, *Permit, error) {
	options, err := s.checked(capacity, options)
	if err != nil {
		return ctx, nil, err
	}
	waiting, done, err := s.begin(ctx, 0, nil)
	if err != nil {
		return ctx, nil, err
	}
	defer done()
	permit := s.permit(name)
	held, _, err := permit.take(ctx, waiting, capacity, options, 0)
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

// Close ends the contexts of the held permits and the calls in flight with xcache.ErrClosed, and
// then releases all permits together, with the rules of Locks.Close. Call Close before Close of the
// cache. Calls after the first do nothing.
func (s *Semaphores) Close() error { return s.close() }

// Name returns the name of the semaphore.
func (k *Permit) Name() string { return k.name }

// Left returns the time for which the holder may rely on the permit without another
// renewal; 0 for a permit that is lost or released.
func (k *Permit) Left() time.Duration { return k.left() }

// Extend begins the lease anew, with the rules of Lock.Extend. A permit that is lost or
// released is ErrPermitNotHeld.
func (k *Permit) Extend(ctx context.Context, lease time.Duration) error {
	lease, err := checkLease(lease)
	if err != nil {
		return err
	}
	return k.extendAs(ctx, lease)
}

// Release gives back the permit, with the rules of Lock.Release. A permit that was lost or
// released before is ErrPermitNotHeld.
func (k *Permit) Release(ctx context.Context) error {
	return k.semaphores.giveBack(ctx, &k.claim, ErrPermitNotHeld)
}

// turn is the channel, without the prefix, of the message that a place is the first.
func (k *Permit) turn() string { return k.name + ":" + k.token }

func (*Semaphores) checked(capacity int, options SemaphoreOptions) (SemaphoreOptions, error) {
	lease, err := checkLease(options.Lease)
	options.Lease, options.Weight = lease, cmp.Or(options.Weight, 1)
	switch {
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
	k.claim.releasing = func() *xcache.Op {
		return xcache.NewOp(s.cache, "semaphore release", driver.CmdSemaphoreRelease, name).Field(k.token)
	}
	return k
}

// errLate is the error of a permit whose lease had run out when the reply came. The permit
// is released.
var errLate = errors.New("xcache: the answer came too late")

// take tries to get the permit, and repeats with the same token while the outcome is
// unknown. The result is the context of the holder, derived from ctx, or the latest time of
// the next attempt.
func (k *Permit) take(ctx, waiting context.Context, capacity int, options SemaphoreOptions, place time.Duration) (context.Context, time.Duration, error) {
	s := k.semaphores
	var sent time.Time
	got, failed := repeated(waiting, func() ([]int64, error) {
		sent = time.Now()
		o := xcache.NewOp(s.cache, "semaphore", driver.CmdSemaphore, k.name).Field(k.token).Int(int64(options.Weight)).Int(int64(capacity))
		return xcache.Run(waiting, o.Int(options.Lease.Milliseconds()).Int(place.Milliseconds()), readPair)
	})
	switch {
	case failed.last != nil:
		return ctx, 0, failed.of(ctx, waiting)
	case got[0] != 1:
		if failed.unknown && place == 0 { // an earlier attempt may still be on its way
			s.abandon(&k.claim)
		}
		return ctx, time.Duration(got[1]) * time.Millisecond, ErrSemaphoreFull
	case time.Since(sent) >= validity(options.Lease):
		s.abandon(&k.claim)
		return ctx, 0, errLate
	}
	held, err := s.hold(ctx, &k.claim, sent, options.Lease, !options.NoRenewal)
	return held, 0, err
}

func readPair(o *xcache.Op) ([]int64, error) { return readNumbers(o, 2) }
