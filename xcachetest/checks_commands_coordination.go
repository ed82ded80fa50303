package xcachetest

import (
	"errors"
	"fmt"
	"time"

	"github.com/xcache-go/xcache/driver"
)

// coordinationCommandChecks has the checks of the commands of locks and semaphores.
func coordinationCommandChecks() []check {
	return []check{
		command(driver.CmdLock, "gives a lock to one token at a time, again to the one that has it, and to the next when the lease has run out; fences grow", needs("RPUSH", driver.CmdLockRelease), locks),
		command(driver.CmdLockExtend, "answers 1 and begins the lease anew for the token that holds the lock, 0 for any other and when the lease has run out", needs("RPUSH", driver.CmdLock), extendsLocks),
		command(driver.CmdLockRelease, "frees the lock and answers 1 for the token that holds it, 0 for any other and when the lease has run out", needs("RPUSH", driver.CmdLock), releasesLocks),
		command(driver.CmdSemaphore, "gives permits up to the capacity, in the order of the places in the queue, and again when the lease of one has run out", needs("RPUSH", driver.CmdSemaphoreRelease), givesPermits),
		command(driver.CmdSemaphoreExtend, "answers 1 and begins the lease anew for a token that holds a permit, 0 for any other and when the lease has run out", needs("RPUSH", driver.CmdSemaphore), extendsPermits),
		command(driver.CmdSemaphoreRelease, "frees the permit and answers 1 for a token that holds one, 0 for any other and when the lease has run out; it gives up a place", needs("RPUSH", driver.CmdSemaphore), releasesPermits),
		command(driver.CmdRateLimit, "takes units of all its limits or of none, tells what is left and when there is more, and frees them when the window has passed", needs("RPUSH"), limitsRates),
		command(driver.CmdOnce, "gives a key to one token at a time, as a lock, until a value is kept, which it answers then", needs("RPUSH", driver.CmdOnceDone, driver.CmdLockExtend, driver.CmdLockRelease), worksOnce),
		command(driver.CmdOnceDone, "answers 1 and keeps the first value of the token that was the last to hold the key, for its TTL, and 0 for any other", needs("RPUSH", driver.CmdOnce), keepsResults),
		command(driver.CmdLease, "answers the token that is in force, which is the first, until it is revoked or the time of the last that asked has come", needs(driver.CmdLeaseFill, driver.CmdLeaseRevoke), takesLeases),
		command(driver.CmdLeaseFill, "stores a value with its TTL and answers 1 where the lease has the token and there is no key, 0 where there is one, and else -1; a key that expires soon enough counts as none", needs("RPUSH", "PTTL", "PEXPIRE", driver.CmdLease), fillsUnderLeases),
		command(driver.CmdLeaseElect, "answers the token that is in force, which is the first, and leaves the lease of another and a marker as they are", needs(driver.CmdLease, driver.CmdLeaseFill, driver.CmdLeaseReplace), electsOne),
		command(driver.CmdLeaseReplace, "renews, marks or ends the lease that has the token, and answers 1, and else 0", needs(driver.CmdLease, driver.CmdLeaseElect, driver.CmdLeaseFill, driver.CmdLeaseRevoke), replacesLeases),
		command(driver.CmdLeaseRevoke, "takes leases away and answers how many there were; values stay", needs(driver.CmdLease, driver.CmdLeaseFill), revokesLeases),
		command(driver.CmdGeneration, "answers the generation that there is, or keeps a new one, and never shortens its TTL", needs("DEL", "RPUSH", "LRANGE"), keepsGenerations),
	}
}

// A taken is the reply of CmdLock.
type taken struct{ state, fence, time int64 }

// take runs CmdLock, and checks the parts that every reply has.
func (s *subject) take(key driver.Arg, token string, lease time.Duration) (taken, error) {
	reply, err := s.do(driver.CmdLock, key, driver.Field(token), driver.Duration(lease), driver.Int(0))
	if err != nil {
		return taken{}, fmt.Errorf("%s: %w", driver.CmdLock, err)
	}
	if reply.Kind != driver.ReplyArray || len(reply.Items) != 3 {
		return taken{}, fmt.Errorf("%s answers %s, want three numbers", driver.CmdLock, replyText(reply))
	}
	var numbers [3]int64
	for i := range numbers {
		if numbers[i], err = reply.Items[i].AsInt(); err != nil {
			return taken{}, fmt.Errorf("%s answers %s, want three numbers", driver.CmdLock, replyText(reply))
		}
	}
	return taken{numbers[0], numbers[1], numbers[2]}, nil
}

// wantTaken wants a token to have the lock, and returns the fence.
func (s *subject) wantTaken(key driver.Arg, token string, lease time.Duration) (int64, error) {
	got, err := s.take(key, token, lease)
	if err == nil {
		err = that(got.state == 1 && got.fence > 0 && got.time == lease.Milliseconds(), "%s of a lock that is free, or the token's own, answers %v, want 1, a fence and %d", driver.CmdLock, got, lease.Milliseconds())
	}
	return got.fence, err
}

// wantRefused wants another token to have the lock.
func (s *subject) wantRefused(key driver.Arg, token string, lease time.Duration) error {
	got, err := s.take(key, token, lease)
	return errors.Join(err, that(got.state == 0 && got.fence == 0 && got.time > 0 && got.time <= lease.Milliseconds(),
		"%s of a lock that another token holds answers %v, want 0, 0 and what is left of %d", driver.CmdLock, got, lease.Milliseconds()))
}

func locks(s *subject) error {
	a, list := s.slotKey("a"), s.slotKey("list")
	lease := driver.Duration(long)
	first, err := s.wantTaken(a, "one", long)
	again, againErr := s.wantTaken(a, "one", long)
	errs := []error{err, againErr, that(first == again, "the fence of one holder is %d and then %d", first, again),
		s.wantRefused(a, "two", long),
		s.wantReply(driver.IntReply(1), driver.CmdLockRelease, a, driver.Field("one"))}
	next, err := s.wantTaken(a, "two", long)
	errs = append(errs, err, that(next > first, "the fence is %d after %d", next, first), s.wantRefused(a, "one", long))

	errs = append(errs, s.push(list.Text, "x"), s.wantCommandErr(driver.ErrWrongType, driver.CmdLock, list, driver.Field("one"), lease, driver.Int(0)),
		s.wantSyntaxErr(driver.CmdLock, a, driver.Field("two"), driver.Int(0), driver.Int(0)), s.wantSyntaxErr(driver.CmdLock, a, driver.Field("two"), lease),
		s.lapses(func(key driver.Arg) error {
			got, err := s.take(key, "next", long)
			return errors.Join(err, that(got.state == 1, "%s answers %v after the lease has run out", driver.CmdLock, got))
		}))
	return errors.Join(errs...)
}

// lapses runs want on a lock whose lease has run out.
func (s *subject) lapses(want func(key driver.Arg) error) error {
	key := s.slotKey("lapses")
	lease := max(s.soon(), 100*time.Millisecond)
	began := time.Now()
	fence, err := s.wantTaken(key, "late", lease)
	if err != nil {
		return err
	}
	if err := s.wantRefused(key, "early", lease); err != nil {
		return whileThere(began, lease, err)
	}
	s.sleep(lease + s.resolution() + s.h.Grace)
	if err := want(key); err != nil {
		return err
	}
	got, err := s.take(key, "next", long)
	return errors.Join(err, that(got.state == 1 && got.fence > fence, "%s after a lease that has run out answers %v, want a fence above %d", driver.CmdLock, got, fence))
}

func extendsLocks(s *subject) error {
	a, list := s.slotKey("a"), s.slotKey("list")
	token, lease, short := driver.Field("one"), driver.Duration(long), max(s.soon(), 100*time.Millisecond)
	extended := s.slotKey("extended")
	errs := []error{s.wantReply(driver.IntReply(0), driver.CmdLockExtend, a, token, lease)}
	began := time.Now()
	_, err := s.wantTaken(extended, "one", short)
	extendErr := s.wantReply(driver.IntReply(1), driver.CmdLockExtend, extended, token, lease)
	if time.Since(began) >= short { // on a busy machine the lease has run out
		extendErr = nil
		_, _ = s.do(driver.CmdLockRelease, extended, token)
		_, err = s.wantTaken(extended, "one", long)
	}
	if errs = append(errs, err, extendErr); extendErr != nil {
		return errors.Join(errs...)
	}
	s.sleep(short + s.resolution() + s.h.Grace)
	return errors.Join(append(errs, s.wantRefused(extended, "two", long),
		s.wantReply(driver.IntReply(0), driver.CmdLockExtend, extended, driver.Field("two"), lease),
		s.push(list.Text, "x"), s.wantCommandErr(driver.ErrWrongType, driver.CmdLockExtend, list, token, lease),
		s.wantSyntaxErr(driver.CmdLockExtend, extended, token, driver.Int(-1)),
		s.lapses(func(key driver.Arg) error {
			return s.wantReply(driver.IntReply(0), driver.CmdLockExtend, key, driver.Field("late"), lease)
		}))...)
}

func releasesLocks(s *subject) error {
	a, list, token := s.slotKey("a"), s.slotKey("list"), driver.Field("one")
	errs := []error{s.wantReply(driver.IntReply(0), driver.CmdLockRelease, a, token)}
	_, err := s.wantTaken(a, "one", long)
	errs = append(errs, err,
		s.wantReply(driver.IntReply(0), driver.CmdLockRelease, a, driver.Field("two")), s.wantRefused(a, "two", long),
		s.wantReply(driver.IntReply(1), driver.CmdLockRelease, a, token), s.wantReply(driver.IntReply(0), driver.CmdLockRelease, a, token),
		s.wantReply(driver.IntReply(0), driver.CmdLockRelease, a, driver.Field("")))
	_, err = s.wantTaken(a, "two", long)
	return errors.Join(append(errs, err, s.push(list.Text, "x"), s.wantCommandErr(driver.ErrWrongType, driver.CmdLockRelease, list, token),
		s.wantSyntaxErr(driver.CmdLockRelease, a),
		s.lapses(func(key driver.Arg) error {
			return s.wantReply(driver.IntReply(0), driver.CmdLockRelease, key, driver.Field("late"))
		}))...)
}
