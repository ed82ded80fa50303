package xcachetest

import (
	"errors"
	"time"

	"github.com/xcache-go/xcache/driver"
)

// permits runs CmdSemaphore on a semaphore with a capacity of three.
func (s *subject) permits(key driver.Arg, token string, weight int64, lease, place time.Duration) (driver.Reply, error) {
	return s.do(driver.CmdSemaphore, key, driver.Field(token), driver.Int(weight), driver.Int(3), driver.Duration(lease), driver.Duration(place))
}

// wantPermit wants a token to get a permit.
func (s *subject) wantPermit(key driver.Arg, token string, weight int64, lease, place time.Duration) error {
	reply, err := s.permits(key, token, weight, lease, place)
	return errors.Join(err, that(sameReply(reply, intReplies(1, lease.Milliseconds())), "%s of %s with weight %d answers %s, want 1 and %d", driver.CmdSemaphore, token, weight, replyText(reply), lease.Milliseconds()))
}

// wantFull wants a token to get no permit, and to get the time of the next end of a claim.
func (s *subject) wantFull(key driver.Arg, token string, weight int64, place time.Duration) error {
	reply, err := s.permits(key, token, weight, long, place)
	if err != nil {
		return err
	}
	ok := reply.Kind == driver.ReplyArray && len(reply.Items) == 2
	if ok {
		state, stateErr := reply.Items[0].AsInt()
		left, leftErr := reply.Items[1].AsInt()
		ok = stateErr == nil && leftErr == nil && state == 0 && left > 0 && left <= long.Milliseconds()
	}
	return that(ok, "%s of %s with weight %d answers %s, want 0 and when the next claim ends", driver.CmdSemaphore, token, weight, replyText(reply))
}

func (s *subject) wantReleased(key driver.Arg, token string, want int64) error {
	return s.wantReply(driver.IntReply(want), driver.CmdSemaphoreRelease, key, driver.Field(token))
}

// lapsed returns a semaphore with expired permits of a token.
func (s *subject) lapsed(name string) (driver.Arg, error) {
	key := s.slotKey(name)
	lease := max(s.soon(), 100*time.Millisecond)
	began := time.Now()
	err := s.wantPermit(key, "late", 3, lease, 0)
	if err == nil {
		err = whileThere(began, lease, s.wantFull(key, "early", 1, 0))
	}
	// On a busy machine a store may have run the release after the end of the lease.
	if _, releaseErr := s.do(driver.CmdSemaphoreRelease, key, driver.Field("early")); err == nil {
		err = releaseErr
	}
	s.sleep(lease + s.resolution() + s.h.Grace)
	return key, err
}

func givesPermits(s *subject) error {
	a, list := s.slotKey("a"), s.slotKey("list")
	none, one, lease := driver.Int(0), driver.Field("one"), driver.Duration(long)
	err := errors.Join(s.wantPermit(a, "one", 2, long, 0), s.wantPermit(a, "one", 2, long, 0), s.wantPermit(a, "two", 1, long, 0),
		s.wantFull(a, "three", 1, 0), s.wantFull(a, "large", 3, long), s.wantFull(a, "small", 1, long),
		s.wantReleased(a, "two", 1), s.wantFull(a, "small", 1, long), s.wantFull(a, "other", 1, 0), // behind the large claim
		s.wantReleased(a, "one", 1), s.wantFull(a, "small", 1, long), s.wantPermit(a, "large", 3, long, long),
		s.wantFull(a, "small", 1, long), s.wantReleased(a, "large", 1), s.wantFull(a, "other", 1, 0), s.wantPermit(a, "small", 1, long, long),
		s.wantPermit(a, "other", 2, long, 0), s.wantReleased(a, "small", 1), s.wantReleased(a, "other", 1), s.wantGone(a.Text),
		s.push(list.Text, "x"), s.wantCommandErr(driver.ErrWrongType, driver.CmdSemaphore, list, one, driver.Int(1), driver.Int(1), lease, none),
		s.wantSyntaxErr(driver.CmdSemaphore, a, one, driver.Int(2), driver.Int(1), lease, none), s.wantSyntaxErr(driver.CmdSemaphore, a, one, none, driver.Int(1), lease, none),
		s.wantSyntaxErr(driver.CmdSemaphore, a, one, driver.Int(1), driver.Int(1), none, none), s.wantSyntaxErr(driver.CmdSemaphore, a, one), s.wantGone(a.Text))
	key, lapsedErr := s.lapsed("lapses")
	return errors.Join(err, lapsedErr, s.wantPermit(key, "next", 3, long, 0), s.wantFull(key, "late", 1, 0))
}

func extendsPermits(s *subject) error {
	a, list := s.slotKey("a"), s.slotKey("list")
	one, lease, short := driver.Field("one"), driver.Duration(long), max(s.soon(), 100*time.Millisecond)
	err := s.wantReply(driver.IntReply(0), driver.CmdSemaphoreExtend, a, one, lease)
	began := time.Now()
	err = errors.Join(err, s.wantPermit(a, "one", 3, short, 0))
	extended := s.wantReply(driver.IntReply(1), driver.CmdSemaphoreExtend, a, one, lease)
	inTime := time.Since(began) < short // false if the lease has run out on a busy machine
	if inTime {
		err = errors.Join(err, extended)
	}
	err = errors.Join(err, s.wantReply(driver.IntReply(0), driver.CmdSemaphoreExtend, a, driver.Field("two"), lease),
		s.push(list.Text, "x"), s.wantCommandErr(driver.ErrWrongType, driver.CmdSemaphoreExtend, list, one, lease),
		s.wantSyntaxErr(driver.CmdSemaphoreExtend, a, one, driver.Int(-1)))
	key, lapsedErr := s.lapsed("lapses")
	err = errors.Join(err, lapsedErr, s.wantReply(driver.IntReply(0), driver.CmdSemaphoreExtend, key, driver.Field("late"), lease), s.wantPermit(key, "next", 3, long, 0))
	if inTime {
		err = errors.Join(err, s.wantFull(a, "two", 1, 0))
	}
	return err
}

func releasesPermits(s *subject) error {
	a, list := s.slotKey("a"), s.slotKey("list")
	err := errors.Join(s.wantReleased(a, "one", 0), s.wantPermit(a, "one", 3, long, 0), s.wantReleased(a, "two", 0),
		s.wantFull(a, "two", 3, long), s.wantFull(a, "three", 3, long), s.wantReleased(a, "two", 0), // a place of 0 gives up the place
		s.wantReleased(a, "one", 1), s.wantReleased(a, "one", 0), s.wantFull(a, "two", 3, 0), s.wantPermit(a, "three", 3, long, long),
		s.push(list.Text, "x"), s.wantCommandErr(driver.ErrWrongType, driver.CmdSemaphoreRelease, list, driver.Field("one")),
		s.wantSyntaxErr(driver.CmdSemaphoreRelease, a))
	key, lapsedErr := s.lapsed("lapses")
	return errors.Join(err, lapsedErr, s.wantReleased(key, "late", 0), s.wantPermit(key, "next", 3, long, 0))
}
