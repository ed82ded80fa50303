package xcachetest

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/xcache-go/xcache/driver"
)

// A rate is one limit of CmdRateLimit: three units in a window.
type rate struct {
	key    driver.Arg
	name   string
	window time.Duration
	burst  int64
}

// rateArgs returns the arguments of CmdRateLimit.
func rateArgs(n int64, rates ...rate) []driver.Arg {
	args := []driver.Arg{driver.Int(int64(len(rates)))}
	for _, r := range rates {
		args = append(args, r.key)
	}
	args = append(args, driver.Int(n))
	for _, r := range rates {
		args = append(args, driver.Field(r.name), driver.Int(3), driver.Duration(r.window), driver.Int(r.burst))
	}
	return args
}

// wantTook wants n units to be taken of a limit, and left units to be left.
func (s *subject) wantTook(r rate, n, left int64) error {
	reset := r.window.Microseconds()
	if r.burst == 0 {
		return s.wantReply(intReplies(1, left, 0, reset), driver.CmdRateLimit, rateArgs(n, r)...)
	}
	return s.wantRates(n, 1, []rate{r}, left)
}

// wantRates wants a reply with so many units left of each limit. A limit with fewer than
// n units has a time to wait. A limit with taken units has a time until all units are
// free.
func (s *subject) wantRates(n, allowed int64, rates []rate, left ...int64) error {
	reply, err := s.do(driver.CmdRateLimit, rateArgs(n, rates...)...)
	if err != nil {
		return err
	}
	ok := reply.Kind == driver.ReplyArray && len(reply.Items) == 1+3*len(rates)
	var numbers []int64
	for i := 0; ok && i < len(reply.Items); i++ {
		number, err := reply.Items[i].AsInt()
		numbers, ok = append(numbers, number), err == nil
	}
	ok = ok && numbers[0] == allowed
	for i := 0; ok && i < len(rates); i++ {
		most, window := int64(3), rates[i].window.Microseconds()
		if rates[i].burst > 0 {
			most = rates[i].burst
		}
		of := numbers[1+3*i:]
		refuses := allowed == 0 && of[0] < n
		ok = of[0] == left[i] && (of[1] > 0) == refuses && of[1] <= window && (of[2] > 0) == (of[0] < most) && of[2] <= window
	}
	return that(ok, "%s of %d units answers %s, want %d, and %d units left of the limits", driver.CmdRateLimit, n, replyText(reply), allowed, left)
}

func limitsRates(s *subject) error {
	a, b, list := s.slotKey("a"), s.slotKey("b"), s.slotKey("list")
	window, burst := rate{a, "name", long, 0}, rate{a, "name", long, 2}
	other, named := rate{b, "name", long, 0}, rate{a, "other", long, 0}
	return errors.Join(
		s.wantReply(intReplies(1, 3, 0, 0, 2, 0, 0), driver.CmdRateLimit, rateArgs(0, window, burst)...), s.wantGone(a.Text),
		s.wantTook(window, 1, 2), s.wantTook(window, 2, 0), s.wantRates(1, 0, []rate{window}, 0), s.wantRates(0, 1, []rate{window}, 0),
		s.wantTook(burst, 1, 1), s.wantTook(burst, 1, 0), s.wantRates(1, 0, []rate{burst}, 0), s.wantTook(named, 1, 2),
		// The command takes of all limits or of none, whichever limit refuses.
		s.wantRates(1, 0, []rate{other, window}, 3, 0), s.wantRates(1, 0, []rate{burst, other}, 0, 3), s.wantGone(b.Text),
		s.wantRates(2, 1, []rate{other, named}, 1, 0), s.wantRates(0, 1, []rate{other, named, window, burst}, 1, 0, 0, 0),
		s.push(list.Text, "x"), s.wantCommandErr(driver.ErrWrongType, driver.CmdRateLimit, rateArgs(1, other, rate{list, "name", long, 0})...), s.wantRates(0, 1, []rate{other}, 1),
		s.wantSyntaxErr(driver.CmdRateLimit, rateArgs(4, other)...), s.wantSyntaxErr(driver.CmdRateLimit, rateArgs(-1, other)...), s.wantSyntaxErr(driver.CmdRateLimit, rateArgs(1, rate{b, "name", 0, 0})...),
		s.wantSyntaxErr(driver.CmdRateLimit, rateArgs(1, rate{b, "name", long, 4})...), s.wantSyntaxErr(driver.CmdRateLimit, rateArgs(1, rate{b, "name", long, -1})...),
		s.wantSyntaxErr(driver.CmdRateLimit, rateArgs(1, other)[:4]...),
		s.lowersLimit(rate{s.slotKey("lowered"), "name", long, 0}), s.lowersLimit(rate{s.slotKey("lowered"), "name", long, 3}),
		s.wantThreeOf(rate{s.slotKey("raced"), "name", long, 0}), s.wantThreeOf(rate{s.slotKey("raced"), "name", long, 3}),
		s.freesUnits(rate{s.slotKey("lapses"), "name", s.rateWindow(), 0}, s.rateWindow()), s.freesUnits(rate{s.slotKey("leaks"), "name", s.rateWindow(), 3}, s.rateWindow()/3))
}

// lowersLimit wants nothing to be left of a limit that is lower than what was taken before.
func (s *subject) lowersLimit(r rate) error {
	if err := s.wantTook(r, 3, 0); err != nil {
		return err
	}
	burst := min(r.burst, 1)
	for n, allowed := range []int64{1, 0} {
		reply, err := s.do(driver.CmdRateLimit, driver.Int(1), r.key, driver.Int(int64(n)), driver.Field(r.name), driver.Int(1), driver.Duration(r.window), driver.Int(burst))
		if err != nil {
			return err
		}
		if len(reply.Items) != 4 {
			return fmt.Errorf("%s answers %s, want four numbers", driver.CmdRateLimit, replyText(reply))
		}
		retry, err := reply.Items[2].AsInt()
		ok := err == nil && sameReply(reply.Items[0], driver.IntReply(allowed)) && sameReply(reply.Items[1], driver.IntReply(0)) &&
			(retry > 0) == (n > 0)
		if !ok {
			return fmt.Errorf("%s of %d units of a limit that was lowered answers %s, want %d, and 0 units left", driver.CmdRateLimit, n, replyText(reply), allowed)
		}
	}
	return nil
}

// wantThreeOf wants three of rivals to get a unit.
func (s *subject) wantThreeOf(r rate) error {
	var allowed atomic.Int64
	err := together(rivals, func(int) error {
		reply, err := s.do(driver.CmdRateLimit, rateArgs(1, r)...)
		if err == nil && len(reply.Items) > 0 && sameReply(reply.Items[0], driver.IntReply(1)) {
			allowed.Add(1)
		}
		return err
	})
	return errors.Join(err, expect(allowed.Load(), 3, "callers who get a unit, of %d", rivals))
}

// rateWindow is a window that ends soon.
func (s *subject) rateWindow() time.Duration { return max(s.soon(), 150*time.Millisecond) }

// freesUnits wants the units of a limit to be free again, the first unit after a time.
func (s *subject) freesUnits(r rate, first time.Duration) error {
	began := time.Now()
	if err := s.wantTook(r, 3, 0); err != nil {
		return err
	}
	err := whileThere(began, first, s.wantRates(1, 0, []rate{r}, 0))
	s.sleep(r.window + s.resolution() + s.h.Grace)
	return errors.Join(err, s.wantTook(r, 3, 0))
}
