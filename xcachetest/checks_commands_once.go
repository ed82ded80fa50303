package xcachetest

import (
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/xcache-go/xcache/driver"
)

// wantOnce wants CmdOnce to answer a state and a value. The time is the lease if the
// token has the key now, the rest of another token's lease, or 0.
func (s *subject) wantOnce(key driver.Arg, token string, lease time.Duration, state int64, value driver.Reply) error {
	reply, err := s.do(driver.CmdOnce, key, driver.Field(token), driver.Duration(lease), driver.Int(0))
	if err != nil {
		return fmt.Errorf("%s: %w", driver.CmdOnce, err)
	}
	ok := reply.Kind == driver.ReplyArray && len(reply.Items) == 3 && sameReply(reply.Items[0], driver.IntReply(state)) && sameReply(reply.Items[2], value)
	if ok {
		left, err := reply.Items[1].AsInt()
		ok = err == nil
		switch state {
		case 0:
			ok = ok && left > 0 && left <= lease.Milliseconds()
		case 1:
			ok = ok && left == lease.Milliseconds()
		default:
			ok = ok && left == 0
		}
	}
	return that(ok, "%s of %s answers %s, want the state %d, a time and %s", driver.CmdOnce, token, replyText(reply), state, replyText(value))
}

func (s *subject) wantDone(key driver.Arg, token, value string, ttl time.Duration, want int64) error {
	return s.wantReply(driver.IntReply(want), driver.CmdOnceDone, key, driver.Field(token), driver.Val([]byte(value)), driver.Duration(ttl))
}

func worksOnce(s *subject) error {
	a, list, none := s.slotKey("a"), s.slotKey("list"), driver.Reply{}
	one, lease := driver.Field("one"), driver.Duration(long)
	err := errors.Join(s.wantOnce(a, "one", long, 1, none), s.wantOnce(a, "one", long, 1, none), s.wantOnce(a, "two", long, 0, none),
		s.wantReply(driver.IntReply(1), driver.CmdLockExtend, a, one, lease), s.wantReply(driver.IntReply(1), driver.CmdLockRelease, a, one),
		s.wantOnce(a, "two", long, 1, none), s.wantOnce(a, "one", long, 0, none),
		s.wantDone(a, "two", "v", long, 1), s.wantOnce(a, "one", long, 2, dataReply("v")), s.wantOnce(a, "two", long, 2, dataReply("v")),
		s.wantReply(driver.IntReply(0), driver.CmdLockExtend, a, driver.Field("two"), lease), s.wantReply(driver.IntReply(0), driver.CmdLockRelease, a, driver.Field("two")),
		s.wantOnce(a, "one", long, 2, dataReply("v")),
		s.push(list.Text, "x"), s.wantCommandErr(driver.ErrWrongType, driver.CmdOnce, list, one, lease, driver.Int(0)),
		s.wantSyntaxErr(driver.CmdOnce, a, one, driver.Int(0), driver.Int(0)), s.wantSyntaxErr(driver.CmdOnce, a, one, lease))
	var claims atomic.Int64
	racedErr := together(rivals, func(i int) error {
		reply, err := s.do(driver.CmdOnce, s.slotKey("raced"), driver.Field(strconv.Itoa(i)), lease, driver.Int(0))
		if err == nil && len(reply.Items) > 0 && sameReply(reply.Items[0], driver.IntReply(1)) {
			claims.Add(1)
		}
		return err
	})
	err = errors.Join(err, racedErr, expect(claims.Load(), 1, "tokens that get the key, of %d", rivals))
	key, known, lapsedErr := s.lapsedOnce()
	if known {
		err = errors.Join(err, s.wantOnce(key, "next", long, 1, none), s.wantOnce(key, "late", long, 0, none))
	}
	return errors.Join(err, lapsedErr)
}

// lapsedOnce returns a key with an expired lease of a token. ok is false if the store is
// too slow for that.
func (s *subject) lapsedOnce() (key driver.Arg, ok bool, err error) {
	lease := max(s.soon(), 100*time.Millisecond)
	key, ok, err = s.within(lease, "lapses", func(key driver.Arg) error {
		return errors.Join(s.wantOnce(key, "late", lease, 1, driver.Reply{}), s.wantOnce(key, "early", lease, 0, driver.Reply{}))
	})
	s.sleep(lease + s.resolution() + s.h.Grace)
	return key, ok, err
}

func keepsResults(s *subject) error {
	a, list, short := s.slotKey("a"), s.slotKey("list"), s.slotKey("short")
	value, ttl, soon := driver.Val([]byte("v")), driver.Duration(long), max(s.soon(), 100*time.Millisecond)
	err := errors.Join(s.wantDone(a, "one", "v", long, 0), s.wantGone(a.Text),
		s.wantOnce(a, "one", long, 1, driver.Reply{}), s.wantDone(a, "two", "v", long, 0), s.wantDone(a, "one", "v", long, 1),
		s.wantDone(a, "one", "other", long, 1), s.wantDone(a, "two", "other", long, 0), s.wantOnce(a, "two", long, 2, dataReply("v")),
		s.push(list.Text, "x"), s.wantCommandErr(driver.ErrWrongType, driver.CmdOnceDone, list, driver.Field("one"), value, ttl),
		s.wantSyntaxErr(driver.CmdOnceDone, a, driver.Field("one"), value, driver.Int(0)), s.wantSyntaxErr(driver.CmdOnceDone, a, driver.Field("one"), value))
	if s.caps.Expirer != nil {
		err = errors.Join(err, s.wantTTL(a.Text, long))
	}
	err = errors.Join(err, s.wantOnce(short, "one", long, 1, driver.Reply{}), s.wantDone(short, "one", "v", soon, 1))
	key, known, lapsedErr := s.lapsedOnce()
	s.sleep(soon + s.resolution() + s.h.Grace)
	if known { // the late token keeps the result, unless another token has the key
		err = errors.Join(err, s.wantDone(key, "late", "v", long, 1), s.wantOnce(key, "next", long, 2, dataReply("v")))
	}
	return errors.Join(err, lapsedErr, s.wantOnce(short, "two", long, 1, driver.Reply{}), s.wantDone(short, "one", "v", long, 0))
}
