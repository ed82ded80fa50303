package xcachetest

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/xcache-go/xcache/driver"
)

func keepsGenerations(s *subject) error {
	a, never, list := s.slotKey("a"), s.slotKey("never"), s.slotKey("list")
	first, second := driver.Field("first"), driver.Field("second")
	err := errors.Join(
		s.wantReply(dataReply("first"), driver.CmdGeneration, a, first, driver.TTLArg(long)), s.wantTTL(a.Text, long), s.wantValue(a.Text, "first"),
		s.wantReply(dataReply("first"), driver.CmdGeneration, a, second, driver.TTLArg(long/2)), s.wantTTL(a.Text, long),
		s.wantReply(dataReply("first"), driver.CmdGeneration, a, second, driver.TTLArg(2*long)), s.wantTTL(a.Text, 2*long),
		s.wantReply(dataReply("first"), driver.CmdGeneration, a, second, driver.TTLArg(driver.NoExpiry)), s.wantTTL(a.Text, driver.NoExpiry),
		s.wantReply(dataReply("first"), driver.CmdGeneration, a, second, driver.TTLArg(long)), s.wantTTL(a.Text, driver.NoExpiry),
		s.wantReply(dataReply("second"), driver.CmdGeneration, never, second, driver.TTLArg(driver.NoExpiry)), s.wantTTL(never.Text, driver.NoExpiry),
		s.wantReply(driver.IntReply(1), "DEL", a), s.wantReply(dataReply("second"), driver.CmdGeneration, a, second, driver.TTLArg(long)),
		s.push(list.Text, "x"), s.wantCommandErr(driver.ErrWrongType, driver.CmdGeneration, list, first, driver.TTLArg(long)), s.wantList(list.Text, "x"),
		s.wantSyntaxErr(driver.CmdGeneration, s.slotKey("b"), first, driver.TTLArg(0)), s.wantSyntaxErr(driver.CmdGeneration, s.slotKey("b"), first, driver.TTLArg(driver.KeepTTL)),
		s.wantSyntaxErr(driver.CmdGeneration, s.slotKey("b"), first), s.wantGone(s.slotKey("b").Text))
	raced := s.slotKey("raced")
	replies := make([]string, rivals)
	raceErr := together(rivals, func(i int) error {
		reply, err := s.do(driver.CmdGeneration, raced, driver.Field(strconv.Itoa(i)), driver.TTLArg(long))
		replies[i] = string(reply.Data)
		return err
	})
	for _, reply := range replies {
		err = errors.Join(err, that(reply == replies[0], "%s answers %q and %q to callers at the same time, want one generation", driver.CmdGeneration, replies[0], reply))
	}
	if raceErr != nil {
		err = errors.Join(err, fmt.Errorf("%s: %w", driver.CmdGeneration, raceErr))
	}
	return err
}
