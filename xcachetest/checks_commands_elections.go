package xcachetest

import (
	"errors"
	"time"

	"github.com/xcache-go/xcache/driver"
)

// wantElected wants a token to be in force after another has asked for the lease alone.
func (s *subject) wantElected(key driver.Arg, asks, want string, d time.Duration) error {
	return s.wantReply(driver.DataReply([]byte(want)), driver.CmdLeaseElect, key, driver.Field(asks), driver.Duration(d))
}

// wantReplaced wants a lease to get another token, or not.
func (s *subject) wantReplaced(key driver.Arg, token, next string, d time.Duration, want int64) error {
	return s.wantReply(driver.IntReply(want), driver.CmdLeaseReplace, key, driver.Field(token), driver.Field(next), driver.Duration(d))
}

func electsOne(s *subject) error {
	var errs []error
	for _, key := range s.leasedKeys() {
		errs = append(errs, s.wantElected(key, "one", "one", long), s.wantElected(key, "two", "one", long), s.wantElected(key, "one", "one", long), s.wantMiss(key.Text),
			s.wantLease(key, "three", "one", long), s.wantFilled(key, "two", "v", -1), s.wantFilled(key, "one", "v", 1), s.wantElected(key, "two", "two", long))
	}
	a := s.slotKey("a")
	for _, bad := range []driver.Arg{driver.Int(0), driver.Int(-1), driver.Int(1e12), driver.Field("soon")} {
		errs = append(errs, s.wantSyntaxErr(driver.CmdLeaseElect, a, driver.Field("one"), bad))
	}
	for _, name := range []string{driver.CmdLease, driver.CmdLeaseElect} {
		errs = append(errs, s.wantSyntaxErr(name, a, driver.Field(""), driver.Duration(long)))
	}
	errs = append(errs, s.wantSyntaxErr(driver.CmdLeaseElect, a, driver.Field("one")), s.wantSyntaxErr(driver.CmdLeaseFill, a, driver.Field(""), driver.Val([]byte("v")), driver.TTLArg(long)))

	short := max(s.soon(), 100*time.Millisecond)
	key, known, err := s.within(short, "short", func(key driver.Arg) error {
		return errors.Join(s.wantElected(key, "one", "one", short), s.wantElected(key, "two", "one", long))
	})
	if errs = append(errs, err); known {
		s.sleep(short + s.resolution() + s.h.Grace)
		errs = append(errs, s.wantElected(key, "two", "two", long), s.wantFilled(key, "one", "v", -1))
	}
	return errors.Join(errs...)
}

func replacesLeases(s *subject) error {
	var errs []error
	for _, key := range s.leasedKeys() {
		errs = append(errs, s.wantReplaced(key, "one", "one", long, 0), s.wantElected(key, "one", "one", long), s.wantReplaced(key, "two", "two", long, 0),
			s.wantReplaced(key, "one", "one", long, 1), s.wantReplaced(key, "two", "", 0, 0), s.wantReplaced(key, "one", "", 0, 1), s.wantElected(key, "two", "two", long),
			s.wantReplaced(key, "two", "", long, 1), s.wantLease(key, "three", "", long), s.wantElected(key, "three", "", long), s.wantReplaced(key, "two", "", long, 0),
			s.wantFilled(key, "two", "v", -1), s.wantMiss(key.Text), s.wantRevoked(1, key), s.wantReplaced(key, "two", "two", long, 0), s.wantLease(key, "four", "four", long))
	}
	a, one := s.slotKey("a"), driver.Field("one")
	for _, bad := range []driver.Arg{driver.Int(-1), driver.Int(1e12), driver.Field("soon")} {
		errs = append(errs, s.wantSyntaxErr(driver.CmdLeaseReplace, a, one, one, bad))
	}
	errs = append(errs, s.wantSyntaxErr(driver.CmdLeaseReplace, a, one, one), s.wantSyntaxErr(driver.CmdLeaseReplace, a, driver.Field(""), one, driver.Duration(long)))

	short := max(s.soon(), 100*time.Millisecond)
	renewed := func(marked driver.Arg) driver.Arg {
		key := marked.Text + " renewed"
		s.own(key)
		return driver.Key(key)
	}
	marked, known, err := s.within(short, "marked", func(key driver.Arg) error {
		return errors.Join(s.wantElected(renewed(key), "one", "one", short), s.wantReplaced(renewed(key), "one", "one", long, 1),
			s.wantElected(key, "one", "one", long), s.wantReplaced(key, "one", "", short, 1), s.wantLease(key, "two", "", long), s.wantElected(key, "two", "", long))
	})
	if errs = append(errs, err); !known {
		return errors.Join(errs...)
	}
	s.sleep(short + s.resolution() + s.h.Grace)
	return errors.Join(append(errs, s.wantLease(marked, "two", "two", long), s.wantElected(renewed(marked), "two", "one", long))...)
}
