package xcachetest

import (
	"context"
	"errors"
	"time"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
)

// wantLease wants a token to be in force after another has asked.
func (s *subject) wantLease(key driver.Arg, asks, want string, d time.Duration) error {
	return s.wantReply(driver.DataReply([]byte(want)), driver.CmdLease, key, driver.Field(asks), driver.Duration(d))
}

// wantFilled wants a fill under a token to have an answer.
func (s *subject) wantFilled(key driver.Arg, token, value string, want int64) error {
	return s.wantReply(driver.IntReply(want), driver.CmdLeaseFill, key, driver.Field(token), driver.Val([]byte(value)), driver.TTLArg(long))
}

func (s *subject) wantRevoked(want int64, keys ...driver.Arg) error {
	return s.wantReply(driver.IntReply(want), driver.CmdLeaseRevoke, keys...)
}

// leasedKeys are keys for leases. In a cluster, a lease must be in the slot of its
// key, whatever braces the key has.
func (s *subject) leasedKeys() []driver.Arg {
	var keys []driver.Arg
	for _, name := range []string{"plain", "{tag}", "a{tag}b", "{}", "{}{tag}", "open{", "close}", "}{", "a}{b}", "{a{b}}", "\x00\xff", " ", "*?[a]\\"} {
		if valid := s.caps.Limits.ValidKey; valid == nil || valid(s.prefix+name) {
			keys = append(keys, driver.Key(s.key(name)))
		}
	}
	return keys
}

func takesLeases(s *subject) error {
	var errs []error
	for _, key := range s.leasedKeys() {
		errs = append(errs, s.wantLease(key, "one", "one", long), s.wantLease(key, "two", "one", long), s.wantMiss(key.Text),
			s.wantRevoked(1, key), s.wantLease(key, "three", "three", long), s.wantFilled(key, "three", "v", 1), s.wantValue(key.Text, "v"))
	}
	a := s.slotKey("a")
	for _, bad := range []driver.Arg{driver.Int(0), driver.Int(-1), driver.Int(1e12), driver.Field("soon")} {
		errs = append(errs, s.wantSyntaxErr(driver.CmdLease, a, driver.Field("one"), bad))
	}
	errs = append(errs, s.wantSyntaxErr(driver.CmdLease, a, driver.Field("one")))

	key, short := s.slotKey("runs out"), max(s.soon(), 100*time.Millisecond)
	longer, known, err := s.within(short, "longer", func(longer driver.Arg) error {
		return errors.Join(s.wantLease(longer, "one", "one", short), s.wantLease(longer, "two", "one", long))
	})
	if known {
		errs = append(errs, s.wantLease(longer, "two", "one", short))
	}
	errs = append(errs, err, s.wantLease(key, "late", "late", short))
	s.sleep(short + s.resolution() + s.h.Grace)
	errs = append(errs, s.wantFilled(key, "late", "v", -1), s.wantMiss(key.Text), s.wantLease(key, "next", "next", long))
	if known {
		errs = append(errs, s.wantFilled(longer, "one", "v", 1))
	}
	return errors.Join(errs...)
}

func fillsUnderLeases(s *subject) error {
	a, list, gone, free := s.slotKey("a"), s.slotKey("list"), s.slotKey("gone"), s.slotKey("free")
	one, value, ttl := driver.Field("one"), driver.Val([]byte("v")), driver.TTLArg(long)
	errs := []error{
		s.wantFilled(a, "one", "v", -1), s.wantMiss(a.Text), s.wantLease(a, "one", "one", long), s.wantFilled(a, "other", "v", -1), s.wantMiss(a.Text),
		s.wantFilled(a, "one", "v", 1), s.wantValue(a.Text, "v"), s.wantFilled(a, "one", "w", 0), s.wantValue(a.Text, "v"),
		s.wantDeleted(1, a.Text), s.wantFilled(a, "one", "v", -1), s.wantMiss(a.Text), // the first fill has ended the lease
		s.wantLease(list, "one", "one", long), s.push(list.Text, "x"), s.wantFilled(list, "one", "v", 0), s.wantList(list.Text, "x"),
		s.wantLease(gone, "one", "one", long), s.wantReply(driver.IntReply(1), driver.CmdLeaseFill, gone, one, value, driver.TTLArg(-1)), s.wantMiss(gone.Text),
		s.wantSyntaxErr(driver.CmdLeaseFill, a, one, value), s.wantSyntaxErr(driver.CmdLeaseFill, a, one, value, ttl, driver.Duration(long), ttl),
		fillsOverOld(s),
	}
	for _, key := range s.leasedKeys() {
		errs = append(errs, s.wantLease(key, "one", "one", long), s.wantFilled(key, "one", "v", 1), s.wantValue(key.Text, "v"))
	}
	reply, err := s.do("PTTL", s.leasedKeys()[0])
	if err == nil {
		var left int64
		left, err = reply.AsInt()
		errs = append(errs, that(left > 0 && left <= long.Milliseconds(), "the TTL of the fill is %d ms, want %v", left, long))
	}
	errs = append(errs, err, s.wantLease(free, "one", "one", long), s.wantReply(driver.IntReply(1), driver.CmdLeaseFill, free, one, value, driver.TTLArg(driver.NoExpiry)))
	reply, err = s.do("PTTL", free)
	return errors.Join(append(errs, err, that(sameReply(reply, driver.IntReply(-1)), "the TTL of a fill without one is %s", replyText(reply)))...)
}

// fillsOverOld lets fills replace values, or not, by the remaining TTLs of the
// values.
func fillsOverOld(s *subject) error {
	fill := func(want int64, key driver.Arg, value string, old driver.Arg) error {
		return s.wantReply(driver.IntReply(want), driver.CmdLeaseFill, key, driver.Field("one"), driver.Val([]byte(value)), driver.TTLArg(long), old)
	}
	old, kept, list := s.slotKey("old"), s.slotKey("kept"), s.slotKey("old list")
	errs := []error{
		s.set(old.Text, "v", long/2), s.wantLease(old, "one", "one", long),
		fill(0, old, "w", driver.Duration(long/8)), s.wantValue(old.Text, "v"), s.wantTTL(old.Text, long/2),
		fill(1, old, "w", driver.Duration(long/2)), s.wantValue(old.Text, "w"), s.wantTTL(old.Text, long),
		fill(-1, old, "x", driver.Duration(long)), s.wantValue(old.Text, "w"), // the fill before has ended the lease
		s.wantLease(old, "one", "one", long), s.wantRevoked(1, old), fill(-1, old, "x", driver.Duration(long)), s.wantValue(old.Text, "w"),
		s.set(kept.Text, "v", driver.NoExpiry), s.wantLease(kept, "one", "one", long), fill(0, kept, "w", driver.Duration(long)), s.wantValue(kept.Text, "v"),
		s.push(list.Text, "x"), s.wantReply(driver.IntReply(1), "PEXPIRE", list, driver.Duration(long/2)), s.wantLease(list, "one", "one", long), fill(1, list, "w", driver.Duration(long)), s.wantValue(list.Text, "w"),
	}
	for _, bad := range []driver.Arg{driver.Int(0), driver.Int(-1), driver.Int(1e12), driver.Field("soon")} {
		errs = append(errs, s.wantSyntaxErr(driver.CmdLeaseFill, old, driver.Field("one"), driver.Val([]byte("v")), driver.TTLArg(long), bad))
	}
	return errors.Join(errs...)
}

func revokesLeases(s *subject) error {
	var errs []error
	keys := s.leasedKeys()
	for _, key := range keys {
		errs = append(errs, s.wantRevoked(0, key), s.wantLease(key, "one", "one", long), s.wantLease(key, "two", "one", long), s.wantRevoked(1, key), s.wantRevoked(0, key),
			s.wantFilled(key, "one", "v", -1), s.wantMiss(key.Text), s.set(key.Text, "kept", long), s.wantRevoked(0, key), s.wantValue(key.Text, "kept"))
	}
	for _, key := range keys {
		errs = append(errs, s.wantLease(key, "one", "one", long))
	}
	errs = append(errs, s.wantRevoked(int64(len(keys)), keys...), s.wantSyntaxErr(driver.CmdLeaseRevoke))
	if s.caps.Limits.DeleteRevokes {
		a := s.slotKey("deleted")
		errs = append(errs, s.wantLease(a, "one", "one", long), s.wantDeleted(0, a.Text), s.wantFilled(a, "one", "v", -1), s.wantMiss(a.Text))
	}
	return errors.Join(errs...)
}

// invalidatedElsewhere lets another cache on the store delete a key during its load.
func invalidatedElsewhere(ctx context.Context, c *cached) error {
	other, err := c.cache()
	if err != nil {
		return err
	}
	invalidations := map[string]func(key string) error{
		"Delete":       func(key string) error { return c.wantCount(0)(other.Delete(noDeadline, key)) },
		"{a}Delete}":   func(key string) error { return c.wantCount(0)(other.Delete(noDeadline, key, "never-there")) },
		"Delete}Pipe{": func(key string) error { p := other.Pipeline(); p.Delete(key); return p.Exec(noDeadline) },
		"Expired":      func(key string) error { return other.texts.Set(noDeadline, key, "", xcache.TTL(-1)) },
	}
	if c.caps.Scanner != nil {
		invalidations["DeletePattern"] = func(string) error { return c.wantCount(0)(other.DeletePattern(noDeadline, "DeleteP*")) }
		invalidations["DeletePatternOfOne"] = func(key string) error { return c.wantCount(0)(other.DeletePattern(noDeadline, key)) }
		invalidations["Clear"] = func(string) error { _, err := other.Clear(noDeadline); return err }
		invalidations["ClearAllVersions"] = func(string) error { _, err := other.ClearAllVersions(noDeadline); return err }
	}
	var errs []error
	for key, invalidate := range invalidations {
		errs = append(errs, is(c.texts.GetOrSet(ctx, key, func(context.Context) (string, error) { return "old", invalidate(key) }))("GetOrSet during "+key, "old", nil),
			c.wantNone(key), manyInvalidated(ctx, c, key, invalidate), is(c.texts.GetOrSet(ctx, key, func(context.Context) (string, error) { return "new", nil }))("GetOrSet after "+key, "new", nil), c.wantText(c.texts, key, "new"))
	}
	return errors.Join(errs...)
}

// manyInvalidated is GetOrSetMany during an invalidation of its key.
func manyInvalidated(ctx context.Context, c *cached, key string, invalidate func(key string) error) error {
	got, err := c.texts.GetOrSetMany(ctx, []string{key}, func(context.Context, []string) (map[string]string, error) {
		return map[string]string{key: "old"}, invalidate(key)
	})
	return errors.Join(err, expect(got[key], "old", "GetOrSetMany during %s", key), c.wantNone(key))
}

// wantCount wants the number of keys that an invalidation has found.
func (c *cached) wantCount(want int) func(got int, err error) error {
	return func(got int, err error) error { return errors.Join(err, expect(got, want, "keys that were removed")) }
}
