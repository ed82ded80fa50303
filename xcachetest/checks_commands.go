package xcachetest

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/xcache-go/xcache/driver"
)

// commandChecks has one check for each row of the table of commands, with the name of the
// row. So every command that a store declares is checked.
func commandChecks() []check {
	checks := []check{
		command("PING", "answers PONG, or its argument", nil, func(s *subject) error {
			return errors.Join(s.wantReply(dataReply("PONG"), "PING"), s.wantReply(dataReply("hello"), "PING", literal("hello")))
		}),
		command("DEL", "removes keys of any type and answers how many there were", needs("RPUSH"), deletes("DEL")),
		command("UNLINK", "removes keys of any type and answers how many there were", needs("RPUSH"), deletes("UNLINK")),
		command("EXISTS", "answers how many of its arguments exist, duplicates counted each time", needs("RPUSH"), func(s *subject) error {
			a, list, none := s.slotKey("a"), s.slotKey("list"), s.slotKey("none")
			return errors.Join(s.set(a.Text, "v", long), s.push(list.Text, "x"),
				s.wantReply(driver.IntReply(1), "EXISTS", a), s.wantReply(driver.IntReply(0), "EXISTS", none),
				s.wantReply(driver.IntReply(3), "EXISTS", a, none, a, list))
		}),
		command("DUMP", "answers what RESTORE makes the key of again, nil without a key", needs("RESTORE"), dumpsAndRestores),
		command("RESTORE", "makes a key of what DUMP answered, with the TTL in milliseconds that is given, 0 for none; not over one that exists unless it is told REPLACE", needs("DUMP"), dumpsAndRestores),
		command("TYPE", "answers the kind of value, none for an absent key", needs("RPUSH"), func(s *subject) error {
			a, list, none := s.slotKey("a"), s.slotKey("list"), s.slotKey("none")
			return errors.Join(s.set(a.Text, "v", long), s.push(list.Text, "x"),
				s.wantReply(dataReply("string"), "TYPE", a), s.wantReply(dataReply("list"), "TYPE", list), s.wantReply(dataReply("none"), "TYPE", none))
		}),
		command("PTTL", "answers milliseconds, -1 without a TTL, -2 without a key", nil, func(s *subject) error {
			a, b, none := s.slotKey("a"), s.slotKey("b"), s.slotKey("none")
			err := errors.Join(s.wantReply(driver.IntReply(-2), "PTTL", none), s.set(a.Text, "v", long), s.set(b.Text, "v", driver.NoExpiry))
			reply, doErr := s.do("PTTL", a)
			ttl, ttlErr := driver.TTLOutcome(&driver.Cmd{Reply: reply, Err: doErr})
			return errors.Join(err, ttlErr, s.sameTTL("PTTL", ttl, long), s.wantReply(driver.IntReply(-1), "PTTL", b))
		}),
		command("PEXPIRE", "sets a TTL in milliseconds and answers 1, or 0 without a key; a number <= 0 deletes", nil, func(s *subject) error {
			a, none := s.slotKey("a"), s.slotKey("none")
			return errors.Join(s.set(a.Text, "v", driver.NoExpiry),
				s.wantReply(driver.IntReply(1), "PEXPIRE", a, driver.Int(long.Milliseconds())), s.wantTTL(a.Text, long), s.wantValue(a.Text, "v"),
				s.wantReply(driver.IntReply(0), "PEXPIRE", none, driver.Int(1000)), s.wantMiss(none.Text),
				s.wantReply(driver.IntReply(1), "PEXPIRE", a, driver.Int(0)), s.wantGone(a.Text),
				s.set(a.Text, "v", long), s.wantReply(driver.IntReply(1), "PEXPIRE", a, driver.Int(-5)), s.wantGone(a.Text))
		}),
		command("PERSIST", "takes the TTL away and answers 1, or 0 if there was none", nil, func(s *subject) error {
			a, none := s.slotKey("a"), s.slotKey("none")
			return errors.Join(s.set(a.Text, "v", long), s.wantReply(driver.IntReply(1), "PERSIST", a), s.wantTTL(a.Text, driver.NoExpiry), s.wantValue(a.Text, "v"),
				s.wantReply(driver.IntReply(0), "PERSIST", a), s.wantReply(driver.IntReply(0), "PERSIST", none))
		}),
		command(driver.CmdPersist, "takes the TTL away and answers 1 for every key that exists, 0 for an absent one", needs("RPUSH"), func(s *subject) error {
			a, list, none := s.slotKey("a"), s.slotKey("list"), s.slotKey("none")
			return errors.Join(s.set(a.Text, "v", long), s.push(list.Text, "x"),
				s.wantReply(driver.IntReply(1), driver.CmdPersist, a), s.wantTTL(a.Text, driver.NoExpiry),
				s.wantReply(driver.IntReply(1), driver.CmdPersist, a), s.wantReply(driver.IntReply(1), driver.CmdPersist, list),
				s.wantReply(driver.IntReply(0), driver.CmdPersist, none), s.wantValue(a.Text, "v"))
		}),
		command("RENAME", "moves a key with its TTL over another one; without a key it is ErrNotFound", needs("RPUSH", "LRANGE"), func(s *subject) error {
			a, b, list := s.slotKey("a"), s.slotKey("b"), s.slotKey("list")
			return errors.Join(s.set(a.Text, "v", long), s.push(list.Text, "x"),
				s.wantReply(okReply, "RENAME", a, b), s.wantGone(a.Text), s.wantValue(b.Text, "v"), s.wantTTL(b.Text, long),
				s.wantReply(okReply, "RENAME", list, b), s.wantList(b.Text, "x"), s.wantTTL(b.Text, driver.NoExpiry),
				s.wantCommandErr(driver.ErrNotFound, "RENAME", a, b), s.wantList(b.Text, "x"))
		}),
		command("RENAMENX", "moves a key with its TTL to a name that is free and answers 1, or 0 if it is not; without a key it is ErrNotFound", nil, func(s *subject) error {
			a, b, none := s.slotKey("a"), s.slotKey("b"), s.slotKey("none")
			return errors.Join(s.set(a.Text, "v", long),
				s.wantReply(driver.IntReply(1), "RENAMENX", a, b), s.wantGone(a.Text), s.wantValue(b.Text, "v"), s.wantTTL(b.Text, long),
				s.set(a.Text, "w", long), s.wantReply(driver.IntReply(0), "RENAMENX", a, b), s.wantValue(b.Text, "v"), s.wantValue(a.Text, "w"),
				s.wantCommandErr(driver.ErrNotFound, "RENAMENX", none, b))
		}),
		command("FLUSHDB", "empties the database", needs(wholeDatabase), func(s *subject) error {
			a := s.slotKey("a")
			return errors.Join(s.set(a.Text, "v", long), s.wantCommandErr(driver.ErrSyntax, "FLUSHDB", literal("NOSUCH")), s.wantValue(a.Text, "v"),
				s.wantReply(okReply, "FLUSHDB"), s.wantMiss(a.Text), s.set(a.Text, "v", long), s.wantValue(a.Text, "v"))
		}),
		command("GET", "answers the string, nil without a key, ErrWrongType for another type", needs("RPUSH"), func(s *subject) error {
			a, list, none := s.slotKey("a"), s.slotKey("list"), s.slotKey("none")
			return errors.Join(s.set(a.Text, "v", long), s.push(list.Text, "x"),
				s.wantReply(dataReply("v"), "GET", a), s.wantReply(driver.Reply{}, "GET", none), s.wantCommandErr(driver.ErrWrongType, "GET", list),
				s.set(a.Text, "", long), s.wantReply(dataReply(""), "GET", a))
		}),
		command("MGET", "answers the strings in order, duplicates too, and nil for what is absent or of another type", needs("RPUSH"), func(s *subject) error {
			a, b, list, none := s.slotKey("a"), s.slotKey("b"), s.slotKey("list"), s.slotKey("none")
			null := driver.Reply{}
			return errors.Join(s.set(a.Text, "A", long), s.set(b.Text, "", long), s.push(list.Text, "x"),
				s.wantReply(driver.ArrayReply(dataReply("A"), null, null, dataReply(""), dataReply("A")), "MGET", a, none, list, b, a))
		}),
		command("SET", "stores with PX, KEEPTTL, NX, XX and GET, and answers OK, or nil where the condition does not hold", needs("RPUSH"), func(s *subject) error {
			a, list, none, v := s.slotKey("a"), s.slotKey("list"), s.slotKey("none"), driver.Val([]byte("v"))
			null, px := driver.Reply{}, func(args ...driver.Arg) []driver.Arg {
				return append(args, literal("PX"), driver.Int(long.Milliseconds()))
			}
			return errors.Join(
				s.wantReply(okReply, "SET", a, v), s.wantTTL(a.Text, driver.NoExpiry),
				s.wantReply(okReply, "SET", px(a, v)...), s.wantTTL(a.Text, long),
				s.wantReply(okReply, "SET", a, driver.Val([]byte("w")), literal("KEEPTTL")), s.wantTTL(a.Text, long), s.wantValue(a.Text, "w"),
				s.wantReply(null, "SET", a, v, literal("NX")), s.wantValue(a.Text, "w"),
				s.wantReply(okReply, "SET", a, v, literal("XX")), s.wantValue(a.Text, "v"), s.wantTTL(a.Text, driver.NoExpiry),
				s.wantReply(null, "SET", none, v, literal("XX")), s.wantMiss(none.Text),
				s.wantReply(okReply, "SET", none, v, literal("NX")), s.wantValue(none.Text, "v"),
				s.wantReply(dataReply("v"), "SET", a, driver.Val([]byte("x")), literal("GET")), s.wantValue(a.Text, "x"),
				s.push(list.Text, "x"), s.wantReply(okReply, "SET", list, v), s.wantValue(list.Text, "v"))
		}),
		command("GETDEL", "answers the string and deletes it, nil without a key, ErrWrongType for another type", needs("RPUSH", "LRANGE"), func(s *subject) error {
			a, list := s.slotKey("a"), s.slotKey("list")
			return errors.Join(s.set(a.Text, "v", long), s.push(list.Text, "x"),
				s.wantReply(dataReply("v"), "GETDEL", a), s.wantGone(a.Text), s.wantReply(driver.Reply{}, "GETDEL", a),
				s.wantCommandErr(driver.ErrWrongType, "GETDEL", list), s.wantList(list.Text, "x"))
		}),
		command("GETEX", "answers the string and gives it a TTL, or takes it away with PERSIST, or leaves it; nil without a key, ErrWrongType for another type", needs("RPUSH", "PTTL"), func(s *subject) error {
			a, list, none := s.slotKey("a"), s.slotKey("list"), s.slotKey("none")
			return errors.Join(s.set(a.Text, "v", driver.NoExpiry), s.push(list.Text, "x"),
				s.wantReply(dataReply("v"), "GETEX", a), s.wantTTL(a.Text, driver.NoExpiry), s.wantReply(dataReply("v"), "GETEX", a, literal("PX"), driver.Duration(long)), s.wantTTL(a.Text, long),
				s.wantReply(dataReply("v"), "GETEX", a), s.wantTTL(a.Text, long), s.wantReply(dataReply("v"), "GETEX", a, literal("ex"), driver.Int(int64(medium.Seconds()))), s.wantTTL(a.Text, medium),
				s.wantReply(dataReply("v"), "GETEX", a, literal("PERSIST")), s.wantTTL(a.Text, driver.NoExpiry), s.wantValue(a.Text, "v"),
				s.wantReply(driver.Reply{}, "GETEX", none, literal("PX"), driver.Duration(long)), s.wantMiss(none.Text),
				s.wantSyntaxErr("GETEX", a, literal("KEEPTTL")), s.wantSyntaxErr("GETEX", a, literal("PX")), s.wantSyntaxErr("GETEX", a, literal("PERSIST"), literal("EX"), driver.Int(1)), s.wantTTL(a.Text, driver.NoExpiry),
				s.wantReply(dataReply("v"), "GETEX", a, literal("PXAT"), driver.Int(1)), s.wantGone(a.Text),
				s.wantCommandErr(driver.ErrWrongType, "GETEX", list, literal("PX"), driver.Duration(long)), s.wantList(list.Text, "x"))
		}),
		command("STRLEN", "answers the number of bytes, 0 without a key, ErrWrongType for another type", needs("RPUSH"), func(s *subject) error {
			a, list := s.slotKey("a"), s.slotKey("list")
			return errors.Join(s.wantReply(driver.IntReply(0), "STRLEN", a), s.set(a.Text, "é\x00", long), s.wantReply(driver.IntReply(3), "STRLEN", a),
				s.push(list.Text, "x"), s.wantCommandErr(driver.ErrWrongType, "STRLEN", list))
		}),
		command("INCR", "adds 1 to a number, a missing key counts as 0, the TTL stays; otherwise ErrWrongType or ErrOverflow", nil, counts("INCR", 1, math.MaxInt64)),
		command("DECR", "takes 1 from a number, a missing key counts as 0, the TTL stays; otherwise ErrWrongType or ErrOverflow", nil, counts("DECR", -1, math.MinInt64)),
		command("DECRBY", "takes from a number, a missing key counts as 0, the TTL stays; otherwise ErrWrongType or ErrOverflow", nil, func(s *subject) error {
			a, top := s.slotKey("a"), s.slotKey("top")
			return errors.Join(s.wantReply(driver.IntReply(-5), "DECRBY", a, driver.Int(5)), s.wantTTL(a.Text, driver.NoExpiry),
				s.set(a.Text, "5", long), s.wantReply(driver.IntReply(12), "DECRBY", a, driver.Int(-7)), s.wantTTL(a.Text, long), s.wantValue(a.Text, "12"),
				s.set(a.Text, "text", long), s.wantCommandErr(driver.ErrWrongType, "DECRBY", a, driver.Int(1)), s.wantValue(a.Text, "text"),
				s.set(top.Text, driver.Int(math.MinInt64).String(), long), s.wantCommandErr(driver.ErrOverflow, "DECRBY", top, driver.Int(1)))
		}),
		command("INCRBY", "adds to a number, a missing key counts as 0, the TTL stays; otherwise ErrWrongType or ErrOverflow", needs("RPUSH"), func(s *subject) error {
			a, text, list, top := s.slotKey("a"), s.slotKey("text"), s.slotKey("list"), s.slotKey("top")
			return errors.Join(s.wantReply(driver.IntReply(5), "INCRBY", a, driver.Int(5)), s.wantTTL(a.Text, driver.NoExpiry),
				s.set(a.Text, "5", long), s.wantReply(driver.IntReply(-2), "INCRBY", a, driver.Int(-7)), s.wantTTL(a.Text, long), s.wantValue(a.Text, "-2"),
				s.set(text.Text, "text", long), s.wantCommandErr(driver.ErrWrongType, "INCRBY", text, driver.Int(1)), s.wantValue(text.Text, "text"),
				s.push(list.Text, "x"), s.wantCommandErr(driver.ErrWrongType, "INCRBY", list, driver.Int(1)),
				s.set(top.Text, driver.Int(math.MaxInt64).String(), long), s.wantCommandErr(driver.ErrOverflow, "INCRBY", top, driver.Int(1)))
		}),
		command(driver.CmdIncr, "is INCRBY that answers nil for a missing key and creates nothing", needs("RPUSH"), func(s *subject) error {
			a, text, list := s.slotKey("a"), s.slotKey("text"), s.slotKey("list")
			return errors.Join(s.wantReply(driver.Reply{}, driver.CmdIncr, a, driver.Int(1)), s.wantMiss(a.Text),
				s.set(a.Text, "41", long), s.wantReply(driver.IntReply(42), driver.CmdIncr, a, driver.Int(1)), s.wantTTL(a.Text, long), s.wantValue(a.Text, "42"),
				s.set(text.Text, "text", long), s.wantCommandErr(driver.ErrWrongType, driver.CmdIncr, text, driver.Int(1)),
				s.push(list.Text, "x"), s.wantCommandErr(driver.ErrWrongType, driver.CmdIncr, list, driver.Int(1)),
				s.set(a.Text, driver.Int(math.MaxInt64).String(), long), s.wantCommandErr(driver.ErrOverflow, driver.CmdIncr, a, driver.Int(1)))
		}),
		command(driver.CmdIncrInit, "adds to a number or, without a key, to init, with the TTL that is given; an existing TTL stays", nil, func(s *subject) error {
			a, b, gone := s.slotKey("a"), s.slotKey("b"), s.slotKey("gone")
			one, ten := driver.Int(1), driver.Int(10)
			return errors.Join(
				s.wantReply(driver.IntReply(11), driver.CmdIncrInit, a, one, ten, driver.TTLArg(long)), s.wantTTL(a.Text, long), s.wantValue(a.Text, "11"),
				s.wantReply(driver.IntReply(12), driver.CmdIncrInit, a, one, ten, driver.TTLArg(driver.NoExpiry)), s.wantTTL(a.Text, long),
				s.wantReply(driver.IntReply(11), driver.CmdIncrInit, b, one, ten, driver.TTLArg(driver.NoExpiry)), s.wantTTL(b.Text, driver.NoExpiry),
				s.wantReply(driver.IntReply(11), driver.CmdIncrInit, gone, one, ten, driver.TTLArg(-1)), s.wantGone(gone.Text))
		}),
		command(driver.CmdCompareAndSwap, "stores the new value and answers 1 if the key holds the old one, else 0", needs("RPUSH", "LRANGE"), func(s *subject) error {
			a, none, list := s.slotKey("a"), s.slotKey("none"), s.slotKey("list")
			old, next := driver.Val([]byte("old")), driver.Val([]byte("new"))
			return errors.Join(s.set(a.Text, "old", long), s.push(list.Text, "old"),
				s.wantReply(driver.IntReply(0), driver.CmdCompareAndSwap, a, next, next, driver.TTLArg(medium)), s.wantValue(a.Text, "old"), s.wantTTL(a.Text, long),
				s.wantReply(driver.IntReply(1), driver.CmdCompareAndSwap, a, old, next, driver.TTLArg(driver.KeepTTL)), s.wantValue(a.Text, "new"), s.wantTTL(a.Text, long),
				s.wantReply(driver.IntReply(1), driver.CmdCompareAndSwap, a, next, old, driver.TTLArg(driver.NoExpiry)), s.wantTTL(a.Text, driver.NoExpiry),
				s.wantReply(driver.IntReply(0), driver.CmdCompareAndSwap, none, old, next, driver.TTLArg(long)), s.wantMiss(none.Text),
				s.wantCommandErr(driver.ErrWrongType, driver.CmdCompareAndSwap, list, old, next, driver.TTLArg(long)), s.wantList(list.Text, "old"),
				s.wantReply(driver.IntReply(1), driver.CmdCompareAndSwap, a, old, next, driver.TTLArg(0)), s.wantGone(a.Text))
		}),
		command(driver.CmdCompareAndDelete, "deletes the key and answers 1 if it holds the old value, else 0", needs("RPUSH", "LRANGE"), func(s *subject) error {
			a, list := s.slotKey("a"), s.slotKey("list")
			return errors.Join(s.set(a.Text, "old", long), s.push(list.Text, "old"),
				s.wantReply(driver.IntReply(0), driver.CmdCompareAndDelete, a, driver.Val([]byte("ol"))), s.wantValue(a.Text, "old"),
				s.wantReply(driver.IntReply(1), driver.CmdCompareAndDelete, a, driver.Val([]byte("old"))), s.wantGone(a.Text),
				s.wantReply(driver.IntReply(0), driver.CmdCompareAndDelete, a, driver.Val([]byte("old"))),
				s.wantCommandErr(driver.ErrWrongType, driver.CmdCompareAndDelete, list, driver.Val([]byte("old"))), s.wantList(list.Text, "old"))
		}),
		command(driver.CmdSwap, "stores the new value and answers the old one, or nil", needs("RPUSH", "LRANGE"), func(s *subject) error {
			a, list := s.slotKey("a"), s.slotKey("list")
			return errors.Join(s.push(list.Text, "old"),
				s.wantReply(driver.Reply{}, driver.CmdSwap, a, driver.Val([]byte("1")), driver.TTLArg(long)), s.wantTTL(a.Text, long),
				s.wantReply(dataReply("1"), driver.CmdSwap, a, driver.Val([]byte("2")), driver.TTLArg(driver.KeepTTL)), s.wantTTL(a.Text, long), s.wantValue(a.Text, "2"),
				s.wantReply(dataReply("2"), driver.CmdSwap, a, driver.Val([]byte("3")), driver.TTLArg(-1)), s.wantGone(a.Text),
				s.wantCommandErr(driver.ErrWrongType, driver.CmdSwap, list, driver.Val([]byte("new")), driver.TTLArg(long)), s.wantList(list.Text, "old"))
		}),
	}
	return withNeeds(slices.Concat(checks, listCommandChecks(), hashCommandChecks(), fieldTTLCommandChecks(), setCommandChecks(), structureChecks(), sortedSetChecks(), streamChecks(), coordinationCommandChecks()), commander)
}

// command returns the check of one row of the table.
func command(name, rule string, others []string, run func(s *subject) error) check {
	return check{name: "command/" + name, rule: name + " " + rule, needs: append(needs(name), others...), run: run}
}

func deletes(name string) func(s *subject) error {
	return func(s *subject) error {
		a, list, none := s.slotKey("a"), s.slotKey("list"), s.slotKey("none")
		return errors.Join(s.set(a.Text, "v", long), s.push(list.Text, "x"),
			s.wantReply(driver.IntReply(2), name, a, none, list, a), s.wantGone(a.Text), s.wantGone(list.Text),
			s.wantReply(driver.IntReply(0), name, a))
	}
}

// counts checks INCR or DECR by a step and the end of the range.
func counts(name string, step, end int64) func(s *subject) error {
	return func(s *subject) error {
		a, last := s.slotKey("a"), s.slotKey("last")
		return errors.Join(s.wantReply(driver.IntReply(step), name, a), s.wantTTL(a.Text, driver.NoExpiry),
			s.set(a.Text, "5", long), s.wantReply(driver.IntReply(5+step), name, a), s.wantTTL(a.Text, long),
			s.set(a.Text, "text", long), s.wantCommandErr(driver.ErrWrongType, name, a), s.wantValue(a.Text, "text"),
			s.set(last.Text, driver.Int(end).String(), long), s.wantCommandErr(driver.ErrOverflow, name, last))
	}
}

// dumpsAndRestores checks DUMP and RESTORE together, because neither has a meaning alone.
func dumpsAndRestores(s *subject) error {
	a, b, none := s.slotKey("a"), s.slotKey("b"), s.slotKey("none")
	errs := []error{s.wantReply(driver.Reply{}, "DUMP", none), s.set(a.Text, "v", long)}
	dump, err := s.do("DUMP", a)
	value := driver.Val(dump.Data)
	errs = append(errs, err, s.wantReply(okReply, "RESTORE", b, driver.Int(long.Milliseconds()), value), s.wantValue(b.Text, "v"), s.wantTTL(b.Text, long))
	_, err = s.do("RESTORE", b, driver.Int(0), value)
	return errors.Join(append(errs, that(err != nil, "RESTORE wrote over a key that exists"),
		s.set(b.Text, "w", long), s.wantReply(okReply, "RESTORE", b, driver.Int(0), value, literal("REPLACE")),
		s.wantValue(b.Text, "v"), s.wantTTL(b.Text, driver.NoExpiry))...)
}

// slotKey returns a key as an argument. All slotKeys of a check are in the same slot of a
// cluster.
func (s *subject) slotKey(name string) driver.Arg { return driver.Key(s.key("{t}" + name)) }

// keepsTTL runs a change of the value of an existing key, and compares the TTL.
func (s *subject) keepsTTL(key string, change func() error) error {
	if s.caps.Expirer == nil {
		return change()
	}
	return errors.Join(s.wantExpire(key, long, nil), change(), s.wantTTL(key, long))
}

func (s *subject) wantSyntaxErr(name string, args ...driver.Arg) error {
	return s.wantCommandErr(driver.ErrSyntax, name, args...)
}

// wantNumberErr is wantSyntaxErr for an argument that is no number. Servers have the same
// text for such an argument and for such a value, so ErrWrongType is correct as well.
func (s *subject) wantNumberErr(name string, args ...driver.Arg) error {
	_, err := s.do(name, args...)
	if errors.Is(err, driver.ErrWrongType) {
		return nil
	}
	return s.wantErr(err, driver.ErrSyntax, "%s", s.commandText(name, args))
}

// wantUnordered compares an array whose elements come in any order, in groups of a size.
func (s *subject) wantUnordered(want []string, group int, name string, args ...driver.Arg) error {
	got, err := s.do(name, args...)
	if err != nil {
		return fmt.Errorf("%s: %w", s.commandText(name, args), err)
	}
	return sameUnordered(got, want, group, s.commandText(name, args))
}

func sameUnordered(got driver.Reply, want []string, group int, what string) error {
	var texts []string
	for _, item := range got.Items {
		if item.Kind != driver.ReplyData {
			return fmt.Errorf("%s answers %s, want texts", what, replyText(got))
		}
		texts = append(texts, string(item.Data))
	}
	if got.Kind != driver.ReplyArray || len(texts) != len(want) {
		return fmt.Errorf("%s answers %s, want %q in any order", what, replyText(got), want)
	}
	return that(slices.Equal(sortedGroups(texts, group), sortedGroups(want, group)), "%s answers %s, want %q in any order", what, replyText(got), want)
}

func sortedGroups(texts []string, group int) []string {
	var groups []string
	for part := range slices.Chunk(texts, group) {
		groups = append(groups, fmt.Sprintf("%q", part))
	}
	slices.Sort(groups)
	return groups
}

// wantKeyScan runs a whole scan of a key, and compares the elements without repetitions.
func (s *subject) wantKeyScan(want []string, group int, name string, key driver.Arg, options ...driver.Arg) error {
	seen := make(map[string]bool)
	var all []driver.Reply
	cursor := dataReply("0")
	for steps := 0; ; steps++ {
		got, err := s.do(name, append([]driver.Arg{key, literal(string(cursor.Data))}, options...)...)
		switch {
		case err != nil:
			return fmt.Errorf("%s: %w", name, err)
		case got.Kind != driver.ReplyArray || len(got.Items) != 2 || got.Items[0].Kind != driver.ReplyData || got.Items[1].Kind != driver.ReplyArray:
			return fmt.Errorf("%s answers %s, want a cursor and what was found", name, replyText(got))
		case steps > 10*(len(want)+100):
			return fmt.Errorf("%s does not come to an end", name)
		}
		for part := range slices.Chunk(got.Items[1].Items, group) {
			if first := string(part[0].Data); !seen[first] {
				seen[first] = true
				all = append(all, part...)
			}
		}
		if cursor = got.Items[0]; string(cursor.Data) == "0" {
			return sameUnordered(driver.ArrayReply(all...), want, group, name)
		}
	}
}

func dataReplies(texts ...string) driver.Reply {
	items := make([]driver.Reply, len(texts))
	for i, text := range texts {
		items[i] = dataReply(text)
	}
	return driver.ArrayReply(items...)
}

func intReplies(numbers ...int64) driver.Reply {
	items := make([]driver.Reply, len(numbers))
	for i, n := range numbers {
		items[i] = driver.IntReply(n)
	}
	return driver.ArrayReply(items...)
}

func literal(word string) driver.Arg { return driver.Literal(word) }

func element(text string) driver.Arg { return driver.Val([]byte(text)) }
