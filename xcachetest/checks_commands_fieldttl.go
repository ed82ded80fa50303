package xcachetest

import (
	"errors"
	"time"

	"github.com/xcache-go/xcache/driver"
)

// fieldTTLCommandChecks has the checks of the commands for TTLs of fields.
func fieldTTLCommandChecks() []check {
	seconds, at := int64(long/time.Second), func() time.Time { return time.Now().Add(long) }
	return []check{
		command("HEXPIRE", "gives fields a TTL in seconds and answers 1 for each, 0 where NX, XX, GT or LT does not hold, 2 where it is 0 and deletes, -2 where there is none", needs("HSET", "HPTTL", "HGETALL"),
			expiresFields("HEXPIRE", func() int64 { return seconds }, 0)),
		command("HPEXPIRE", "is HEXPIRE in milliseconds; a field is gone when its time is up, and the hash with its last one", needs("HSET", "HPTTL", "HGETALL", "HLEN", "HKEYS"), func(s *subject) error {
			hash, last := s.slotKey("hash"), s.slotKey("last")
			soon := func(key driver.Arg, field string) error {
				return s.wantReply(intReplies(1), "HPEXPIRE", key, driver.Int(20), literal("FIELDS"), driver.Int(1), driver.Field(field))
			}
			return errors.Join(expiresFields("HPEXPIRE", func() int64 { return long.Milliseconds() }, 0)(s),
				s.hset(hash, "a", "1", "b", "2"), soon(hash, "a"), s.hset(last, "a", "1"), soon(last, "a"),
				s.eventually(func() error {
					return errors.Join(s.wantHash(hash, "b", "2"), s.wantReply(driver.IntReply(1), "HLEN", hash), s.wantUnordered([]string{"b"}, 1, "HKEYS", hash), s.wantGone(last.Text))
				}))
		}),
		command("HEXPIREAT", "is HEXPIRE with a point in time, in seconds since 1970", needs("HSET", "HPTTL", "HGETALL"),
			expiresFields("HEXPIREAT", func() int64 { return at().Unix() }, 1)),
		command("HPEXPIREAT", "is HEXPIRE with a point in time, in milliseconds since 1970", needs("HSET", "HPTTL", "HGETALL"),
			expiresFields("HPEXPIREAT", func() int64 { return at().UnixMilli() }, 1)),
		command("HTTL", "answers seconds for each field, -1 without a TTL, -2 without a field or key", needs("HSET", "HEXPIRE"), tellsFieldTTLs("HTTL", time.Second)),
		command("HPTTL", "answers milliseconds for each field, -1 without a TTL, -2 without a field or key", needs("HSET", "HEXPIRE"), tellsFieldTTLs("HPTTL", time.Millisecond)),
		command("HPERSIST", "takes the TTLs of fields away and answers 1 for each, -1 if there was none, -2 without a field or key", needs("HSET", "HEXPIRE", "HTTL"), func(s *subject) error {
			hash, text, none := s.slotKey("hash"), s.slotKey("text"), s.slotKey("none")
			return errors.Join(s.hset(hash, "a", "1", "b", "2"), s.wantReply(intReplies(1), "HEXPIRE", hash, driver.Int(seconds), literal("FIELDS"), driver.Int(1), driver.Field("a")),
				s.wantReply(intReplies(1, -1, -2), "HPERSIST", ofFields(hash, "a", "b", "c")...), s.wantReply(intReplies(-1), "HTTL", ofFields(hash, "a")...),
				s.wantReply(intReplies(-2), "HPERSIST", ofFields(none, "a")...), s.refusesBadFields("HPERSIST", hash),
				s.set(text.Text, "v", long), s.wantCommandErr(driver.ErrWrongType, "HPERSIST", ofFields(text, "a")...))
		}),
		command("HGETEX", "answers the values of fields, nil where there is none, and gives them a TTL, or takes it away with PERSIST, or leaves it", needs("HSET", "HPTTL"), func(s *subject) error {
			hash, text, none := s.slotKey("hash"), s.slotKey("text"), s.slotKey("none")
			null := driver.Reply{}
			ex := func(key driver.Arg, fields []string, options ...driver.Arg) []driver.Arg {
				return append(append([]driver.Arg{key}, options...), ofFields(key, fields...)[1:]...)
			}
			return errors.Join(s.hset(hash, "a", "1", "b", ""),
				s.wantReply(driver.ArrayReply(dataReply("1"), null), "HGETEX", ex(hash, []string{"a", "x"}, literal("EX"), driver.Int(seconds))...), s.wantFieldTTLs(hash, long, "a"),
				s.wantReply(dataReplies("1"), "HGETEX", ex(hash, []string{"a"})...), s.wantFieldTTLs(hash, long, "a"),
				s.wantReply(dataReplies("1", ""), "HGETEX", ex(hash, []string{"a", "b"}, literal("px"), driver.Int(medium.Milliseconds()))...), s.wantFieldTTLs(hash, medium, "a", "b"),
				s.wantReply(dataReplies("1"), "HGETEX", ex(hash, []string{"a"}, literal("PERSIST"))...), s.wantReply(intReplies(-1), "HPTTL", ofFields(hash, "a")...),
				s.wantReply(dataReplies("1"), "HGETEX", ex(hash, []string{"a"}, literal("EXAT"), driver.Int(at().Unix()))...), s.wantFieldTTLs(hash, long, "a"),
				s.wantReply(dataReplies(""), "HGETEX", ex(hash, []string{"b"}, literal("PXAT"), driver.Int(at().UnixMilli()))...), s.wantFieldTTLs(hash, long, "b"),
				s.wantReply(driver.ArrayReply(null), "HGETEX", ex(none, []string{"a"}, literal("EX"), driver.Int(seconds))...),
				s.refusesBadFields("HGETEX", hash), s.wantSyntaxErr("HGETEX", ex(hash, []string{"a"}, literal("EX"), driver.Int(-1))...), s.wantSyntaxErr("HGETEX", ex(hash, []string{"a"}, literal("KEEPTTL"))...),
				s.wantSyntaxErr("HGETEX", ex(hash, []string{"a"}, literal("EX"), driver.Int(1), literal("PERSIST"))...), s.wantFieldTTLs(hash, long, "a"),
				s.wantReply(dataReplies("1", ""), "HGETEX", ex(hash, []string{"a", "b"}, literal("PXAT"), driver.Int(1))...), s.wantGone(hash.Text),
				s.set(text.Text, "v", long), s.wantCommandErr(driver.ErrWrongType, "HGETEX", ofFields(text, "a")...))
		}),
		command("HGETDEL", "answers the values of fields, nil where there is none, and removes them; a hash that is emptied vanishes", needs("HSET", "HGETALL"), func(s *subject) error {
			hash, text, none := s.slotKey("hash"), s.slotKey("text"), s.slotKey("none")
			null := driver.Reply{}
			return errors.Join(s.hset(hash, "a", "1", "b", "2", "c", "3"), s.keepsTTL(hash.Text, func() error {
				return s.wantReply(driver.ArrayReply(dataReply("1"), null, null), "HGETDEL", ofFields(hash, "a", "x", "a")...)
			}), s.wantHash(hash, "b", "2", "c", "3"), s.refusesBadFields("HGETDEL", hash), s.wantHash(hash, "b", "2", "c", "3"),
				s.wantReply(dataReplies("3", "2"), "HGETDEL", ofFields(hash, "c", "b")...), s.wantGone(hash.Text),
				s.wantReply(driver.ArrayReply(null), "HGETDEL", ofFields(none, "a")...),
				s.set(text.Text, "v", long), s.wantCommandErr(driver.ErrWrongType, "HGETDEL", ofFields(text, "a")...), s.wantValue(text.Text, "v"))
		}),
		command("HSETEX", "sets fields with a TTL, none or their own with KEEPTTL, and answers 1; with FNX only if none of them is there, with FXX only if all are, else 0 and nothing is set", needs("HGETALL", "HPTTL"), func(s *subject) error {
			hash, text, none := s.slotKey("hash"), s.slotKey("text"), s.slotKey("none")
			set := func(key driver.Arg, pairs []string, options ...driver.Arg) []driver.Arg {
				args := append(append([]driver.Arg{key}, options...), literal("FIELDS"), driver.Int(int64(len(pairs)/2)))
				return append(args, fields(key, pairs...)[1:]...)
			}
			one, zero := driver.IntReply(1), driver.IntReply(0)
			return errors.Join(s.wantReply(one, "HSETEX", set(hash, []string{"a", "1", "b", ""}, literal("EX"), driver.Int(seconds))...), s.wantHash(hash, "a", "1", "b", ""), s.wantFieldTTLs(hash, long, "a", "b"),
				s.wantReply(one, "HSETEX", set(hash, []string{"a", "2"}, literal("keepttl"))...), s.wantFieldTTLs(hash, long, "a"),
				s.wantReply(one, "HSETEX", set(hash, []string{"a", "3"})...), s.wantReply(intReplies(-1), "HPTTL", ofFields(hash, "a")...),
				s.wantReply(zero, "HSETEX", set(hash, []string{"a", "4", "c", "4"}, literal("FNX"))...), s.wantReply(zero, "HSETEX", set(hash, []string{"a", "4", "c", "4"}, literal("FXX"), literal("PX"), driver.Int(5000))...),
				s.wantHash(hash, "a", "3", "b", ""), s.wantReply(intReplies(-1), "HPTTL", ofFields(hash, "a")...),
				s.wantReply(one, "HSETEX", set(hash, []string{"a", "5", "b", "5"}, literal("FXX"), literal("PX"), driver.Int(medium.Milliseconds()))...), s.wantFieldTTLs(hash, medium, "a", "b"),
				s.wantReply(one, "HSETEX", set(hash, []string{"c", "6"}, literal("FNX"), literal("PXAT"), driver.Int(at().UnixMilli()))...), s.wantFieldTTLs(hash, long, "c"), s.wantHash(hash, "a", "5", "b", "5", "c", "6"),
				s.wantReply(zero, "HSETEX", set(none, []string{"a", "1"}, literal("FXX"))...), s.wantGone(none.Text),
				s.wantReply(one, "HSETEX", set(none, []string{"a", "1"}, literal("EXAT"), driver.Int(1))...), s.wantGone(none.Text),
				s.wantSyntaxErr("HSETEX", hash, literal("FIELDS"), driver.Int(2), driver.Field("a"), element("7")), s.wantSyntaxErr("HSETEX", hash, literal("FIELDS"), driver.Int(1), driver.Field("a")),
				s.wantSyntaxErr("HSETEX", set(hash, []string{"a", "7"}, literal("FNX"), literal("FXX"))...), s.wantSyntaxErr("HSETEX", set(hash, []string{"a", "7"}, literal("EX"), driver.Int(-1))...),
				s.wantHash(hash, "a", "5", "b", "5", "c", "6"),
				s.set(text.Text, "v", long), s.wantCommandErr(driver.ErrWrongType, "HSETEX", set(text, []string{"a", "1"})...), s.wantValue(text.Text, "v"))
		}),
	}
}

// ofFields returns key, FIELDS numfields field….
func ofFields(key driver.Arg, fields ...string) []driver.Arg {
	args := []driver.Arg{key, literal("FIELDS"), driver.Int(int64(len(fields)))}
	for _, field := range fields {
		args = append(args, driver.Field(field))
	}
	return args
}

// wantFieldTTLs compares the TTLs of fields.
func (s *subject) wantFieldTTLs(hash driver.Arg, want time.Duration, fields ...string) error {
	got, err := s.do("HPTTL", ofFields(hash, fields...)...)
	errs := []error{err, expect(len(got.Items), len(fields), "TTLs that HPTTL answers")}
	for i := range got.Items {
		ttl, err := got.Items[i].AsInt()
		errs = append(errs, err, s.sameTTL("HPTTL", time.Duration(ttl)*time.Millisecond, want))
	}
	return errors.Join(errs...)
}

// refusesBadFields checks the arguments behind FIELDS.
func (s *subject) refusesBadFields(name string, hash driver.Arg) error {
	a := driver.Field("a")
	return errors.Join(s.wantSyntaxErr(name, hash, literal("FIELDS"), driver.Int(2), a), s.wantSyntaxErr(name, hash, literal("FIELDS"), driver.Int(1), a, a),
		s.wantSyntaxErr(name, hash, literal("FIELDS"), driver.Int(0), a), s.wantSyntaxErr(name, hash, literal("FIELD"), driver.Int(1), a), s.wantSyntaxErr(name, hash, literal("FIELDS"), driver.Int(1)))
}

// expiresFields checks HEXPIRE and its variants. longTime returns the argument for long,
// and past is a time that has passed.
func expiresFields(name string, longTime func() int64, past int64) func(s *subject) error {
	return func(s *subject) error {
		hash, text, none, gone := s.slotKey("hash"), s.slotKey("text"), s.slotKey("none"), s.slotKey("gone")
		expire := func(key driver.Arg, n int64, fields []string, options ...driver.Arg) []driver.Arg {
			return append(append([]driver.Arg{key, driver.Int(n)}, options...), ofFields(key, fields...)[1:]...)
		}
		nx, xx, gt, lt := literal("NX"), literal("XX"), literal("GT"), literal("lt")
		later := longTime() * 2
		ab := []string{"a", "b"}
		return errors.Join(s.hset(hash, "a", "1", "b", "2"), s.keepsTTL(hash.Text, func() error {
			return s.wantReply(intReplies(1, -2), name, expire(hash, longTime(), []string{"a", "x"})...)
		}), s.wantFieldTTLs(hash, long, "a"), s.wantReply(intReplies(-1), "HPTTL", ofFields(hash, "b")...),
			s.wantReply(intReplies(0, 0), name, expire(hash, longTime()/2, ab, gt)...), s.wantReply(intReplies(0), name, expire(hash, longTime(), []string{"b"}, xx)...),
			s.wantReply(intReplies(0, 1), name, expire(hash, longTime(), ab, nx)...), s.wantFieldTTLs(hash, long, "a", "b"),
			s.wantReply(intReplies(1), name, expire(hash, later, []string{"b"}, gt)...), s.wantReply(intReplies(0, 1), name, expire(hash, longTime()+1, ab, lt)...),
			s.wantReply(intReplies(1), name, expire(hash, longTime(), []string{"b"}, xx)...), s.wantFieldTTLs(hash, long, "a", "b"),
			s.wantReply(intReplies(0), name, expire(hash, past, []string{"a"}, gt)...), s.wantHash(hash, "a", "1", "b", "2"),
			s.wantReply(intReplies(2), name, expire(hash, past, []string{"a"})...), s.wantHash(hash, "b", "2"),
			s.hset(gone, "a", "1"), s.wantReply(intReplies(2), name, expire(gone, past, []string{"a"})...), s.wantGone(gone.Text),
			s.wantReply(intReplies(-2, -2), name, expire(none, longTime(), ab)...), s.wantGone(none.Text),
			s.wantSyntaxErr(name, expire(hash, -1, []string{"b"})...), s.wantSyntaxErr(name, expire(hash, 5, []string{"b"}, literal("ZZ"))...),
			s.wantSyntaxErr(name, hash, driver.Int(5), literal("FIELDS"), driver.Int(2), driver.Field("b")), s.wantSyntaxErr(name, hash, driver.Int(5)), s.wantFieldTTLs(hash, long, "b"),
			s.set(text.Text, "v", long), s.wantCommandErr(driver.ErrWrongType, name, expire(text, longTime(), ab)...), s.wantValue(text.Text, "v"))
	}
}

// tellsFieldTTLs checks HTTL or HPTTL.
func tellsFieldTTLs(name string, unit time.Duration) func(s *subject) error {
	return func(s *subject) error {
		hash, text, none := s.slotKey("hash"), s.slotKey("text"), s.slotKey("none")
		errs := []error{s.hset(hash, "a", "1", "b", "2"), s.wantReply(intReplies(1), "HEXPIRE", hash, driver.Int(int64(long/time.Second)), literal("FIELDS"), driver.Int(1), driver.Field("a"))}
		got, err := s.do(name, ofFields(hash, "a")...)
		errs = append(errs, err, expect(len(got.Items), 1, "TTLs that %s answers", name))
		for i := range got.Items {
			ttl, err := got.Items[i].AsInt()
			errs = append(errs, err, s.sameTTL(name, time.Duration(ttl)*unit, long))
		}
		return errors.Join(append(errs, s.wantReply(intReplies(-1, -2), name, ofFields(hash, "b", "x")...), s.wantReply(intReplies(-2), name, ofFields(none, "a")...), s.refusesBadFields(name, hash),
			s.set(text.Text, "v", long), s.wantCommandErr(driver.ErrWrongType, name, ofFields(text, "a")...))...)
	}
}
