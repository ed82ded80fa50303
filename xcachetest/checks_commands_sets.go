package xcachetest

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/xcache-go/xcache/driver"
)

// setCommandChecks has the checks of the commands of sets.
func setCommandChecks() []check {
	return []check{
		command("SADD", "adds members that are not there yet and answers how many those were; ErrWrongType for a string, which stays", needs("SCARD"), func(s *subject) error {
			set, text := s.slotKey("set"), s.slotKey("text")
			return errors.Join(s.wantReply(driver.IntReply(2), "SADD", set, element("a"), element("b"), element("a")),
				s.wantReply(driver.IntReply(1), "SADD", set, element("b"), element("c")), s.wantReply(driver.IntReply(3), "SCARD", set),
				s.set(text.Text, "v", long), s.wantCommandErr(driver.ErrWrongType, "SADD", text, element("a")), s.wantValue(text.Text, "v"))
		}),
		command("SCARD", "answers the number of members, 0 without a key, ErrWrongType for a string", needs("SADD"), func(s *subject) error {
			set, text := s.slotKey("set"), s.slotKey("text")
			return errors.Join(s.wantReply(driver.IntReply(0), "SCARD", set), s.wantReply(driver.IntReply(2), "SADD", set, element("a"), element("")),
				s.wantReply(driver.IntReply(2), "SCARD", set), s.set(text.Text, "v", long), s.wantCommandErr(driver.ErrWrongType, "SCARD", text))
		}),
		command("SMEMBERS", "answers every member once, none without a key, ErrWrongType for a string", needs("SADD"), func(s *subject) error {
			set, text := s.slotKey("set"), s.slotKey("text")
			return errors.Join(s.wantReply(driver.ArrayReply(), "SMEMBERS", set), s.wantReply(driver.IntReply(3), "SADD", set, element("a"), element("b"), element("a\x00b")),
				s.wantMembers(set, "a", "b", "a\x00b"), s.set(text.Text, "v", long), s.wantCommandErr(driver.ErrWrongType, "SMEMBERS", text))
		}),
		command("SPOP", "takes one member, or as many as it is told, and answers what it took; nil without a key; a set that is emptied vanishes", needs("SADD", "SMEMBERS", "SCARD"), func(s *subject) error {
			set, text := s.slotKey("set"), s.slotKey("text")
			errs := []error{s.wantReply(driver.Reply{}, "SPOP", set), s.wantReply(driver.IntReply(3), "SADD", set, element("a"), element("b"), element("c"))}
			taken, err := s.do("SPOP", set)
			errs = append(errs, err, s.wantReply(driver.IntReply(2), "SCARD", set),
				s.wantReply(driver.IntReply(1), "SADD", set, driver.Val(taken.Data)), s.wantMembers(set, "a", "b", "c"))
			all, err := s.do("SPOP", set, driver.Int(5))
			return errors.Join(append(errs, err, expect(len(all.Items), 3, "members that SPOP with a count took"), s.wantGone(set.Text),
				s.set(text.Text, "v", long), s.wantCommandErr(driver.ErrWrongType, "SPOP", text), s.wantValue(text.Text, "v"))...)
		}),
		command("SREM", "removes members and answers how many there were; the TTL stays; a set that is emptied vanishes", needs("SADD", "SMEMBERS"), func(s *subject) error {
			set, text, none := s.slotKey("set"), s.slotKey("text"), s.slotKey("none")
			return errors.Join(s.sadd(set, "a", "b", "c"), s.keepsTTL(set.Text, func() error {
				return s.wantReply(driver.IntReply(1), "SREM", elements(set, "a", "x", "a")...)
			}), s.wantMembers(set, "b", "c"), s.wantReply(driver.IntReply(2), "SREM", elements(set, "b", "c")...), s.wantGone(set.Text),
				s.wantReply(driver.IntReply(0), "SREM", elements(none, "a")...), s.wantSyntaxErr("SREM", set),
				s.set(text.Text, "v", long), s.wantCommandErr(driver.ErrWrongType, "SREM", elements(text, "v")...), s.wantValue(text.Text, "v"))
		}),
		command("SISMEMBER", "answers whether a set has a member, ErrWrongType for a string", needs("SADD"), func(s *subject) error {
			set, text, none := s.slotKey("set"), s.slotKey("text"), s.slotKey("none")
			return errors.Join(s.sadd(set, "a", ""), s.wantReply(driver.IntReply(1), "SISMEMBER", elements(set, "a")...), s.wantReply(driver.IntReply(1), "SISMEMBER", elements(set, "")...),
				s.wantReply(driver.IntReply(0), "SISMEMBER", elements(set, "A")...), s.wantReply(driver.IntReply(0), "SISMEMBER", elements(none, "a")...), s.wantSyntaxErr("SISMEMBER", set),
				s.set(text.Text, "v", long), s.wantCommandErr(driver.ErrWrongType, "SISMEMBER", elements(text, "v")...))
		}),
		command("SMISMEMBER", "answers for each of many whether a set has it, ErrWrongType for a string", needs("SADD"), func(s *subject) error {
			set, text, none := s.slotKey("set"), s.slotKey("text"), s.slotKey("none")
			return errors.Join(s.sadd(set, "a", "b"), s.wantReply(intReplies(1, 0, 1, 1), "SMISMEMBER", elements(set, "a", "x", "b", "a")...),
				s.wantReply(intReplies(0, 0), "SMISMEMBER", elements(none, "a", "b")...), s.wantSyntaxErr("SMISMEMBER", set),
				s.set(text.Text, "v", long), s.wantCommandErr(driver.ErrWrongType, "SMISMEMBER", elements(text, "v")...))
		}),
		command("SMOVE", "moves a member from one set to another and answers 1, or 0 if it is not there; a source that is emptied vanishes", needs("SADD", "SMEMBERS"), func(s *subject) error {
			from, to, text, none := s.slotKey("from"), s.slotKey("to"), s.slotKey("text"), s.slotKey("none")
			one, zero := driver.IntReply(1), driver.IntReply(0)
			return errors.Join(s.sadd(from, "a", "b", "c"), s.keepsTTL(from.Text, func() error { return s.wantReply(one, "SMOVE", from, to, element("a")) }), s.wantMembers(from, "b", "c"), s.wantMembers(to, "a"),
				s.wantReply(zero, "SMOVE", from, to, element("a")), s.sadd(to, "b"), s.keepsTTL(to.Text, func() error { return s.wantReply(one, "SMOVE", from, to, element("b")) }),
				s.wantMembers(from, "c"), s.wantMembers(to, "a", "b"), s.wantReply(one, "SMOVE", from, from, element("c")), s.wantReply(zero, "SMOVE", from, from, element("d")), s.wantMembers(from, "c"),
				s.wantReply(one, "SMOVE", from, to, element("c")), s.wantGone(from.Text), s.wantReply(zero, "SMOVE", none, to, element("a")), s.wantSyntaxErr("SMOVE", to, from),
				s.set(text.Text, "v", long), s.wantCommandErr(driver.ErrWrongType, "SMOVE", text, to, element("v")), s.wantCommandErr(driver.ErrWrongType, "SMOVE", to, text, element("a")),
				s.wantMembers(to, "a", "b", "c"), s.wantValue(text.Text, "v"))
		}),
		command("SRANDMEMBER", "answers a member by chance, nil without a key; with a count so many different ones at most, with a negative one so many that may be the same", needs("SADD", "SMEMBERS"), picksMembers),
		command("SSCAN", "answers a cursor, 0 at the end, and members that match; a member that is there from the first to the last step is answered", needs("SADD", "SREM"), func(s *subject) error {
			set, text, none := s.slotKey("set"), s.slotKey("text"), s.slotKey("none")
			var all, some []string
			for i := range scanned {
				all = append(all, fmt.Sprint("f", i))
				if i%10 == 1 {
					some = append(some, fmt.Sprint("f", i))
				}
			}
			return errors.Join(s.sadd(none, "a"), s.sadd(set, all...), s.wantKeyScan(all, 1, "SSCAN", set), s.wantKeyScan(all, 1, "SSCAN", set, literal("COUNT"), driver.Int(7)), s.wantKeyScan(all, 1, "SSCAN", set, literal("COUNT"), driver.Int(10_000)),
				s.wantKeyScan(some, 1, "SSCAN", set, literal("MATCH"), literal("f*1"), literal("COUNT"), driver.Int(100)), s.wantKeyScan(nil, 1, "SSCAN", set, literal("match"), literal("g*")),
				s.wantKeyScan([]string{"a"}, 1, "SSCAN", none), s.wantKeyScan(nil, 1, "SSCAN", s.slotKey("absent")),
				s.wantScanOfWhatStays("SSCAN", set, func(removed []string) error {
					_, err := s.do("SREM", elements(set, removed...)...)
					return err
				}, func(i int) error { return s.sadd(set, fmt.Sprint("new", i)) }),
				s.wantSyntaxErr("SSCAN", set, literal("word")), s.wantSyntaxErr("SSCAN", set, driver.Int(0), literal("COUNT"), driver.Int(0)), s.wantSyntaxErr("SSCAN", set, driver.Int(0), literal("MATCH")),
				s.wantSyntaxErr("SSCAN", set, driver.Int(0), literal("WHAT"), literal("x")), s.wantSyntaxErr("SSCAN", set),
				s.set(text.Text, "v", long), s.wantCommandErr(driver.ErrWrongType, "SSCAN", text, driver.Int(0)))
		}),
		command("SUNION", "answers the members that any of the sets has", needs("SADD"), combinesSets("SUNION", "a", "b", "c", "d", "e")),
		command("SINTER", "answers the members that all of the sets have", needs("SADD"), combinesSets("SINTER", "c")),
		command("SDIFF", "answers the members of the first set that none of the others has", needs("SADD"), combinesSets("SDIFF", "a")),
		command("SUNIONSTORE", "is SUNION that stores the result over what a key held, without a TTL, and answers how many; a result without members leaves no key", needs("SADD", "SMEMBERS"), storesSets("SUNIONSTORE", "a", "b", "c", "d", "e")),
		command("SINTERSTORE", "is SINTER that stores the result over what a key held, without a TTL, and answers how many; a result without members leaves no key", needs("SADD", "SMEMBERS"), storesSets("SINTERSTORE", "c")),
		command("SDIFFSTORE", "is SDIFF that stores the result over what a key held, without a TTL, and answers how many; a result without members leaves no key", needs("SADD", "SMEMBERS"), storesSets("SDIFFSTORE", "a")),
		command("SINTERCARD", "answers how many members all of the sets have, up to a LIMIT, 0 for none", needs("SADD"), func(s *subject) error {
			a, b, text, none := s.slotKey("a"), s.slotKey("b"), s.slotKey("text"), s.slotKey("none")
			limit := func(n int64) []driver.Arg { return []driver.Arg{driver.Int(2), a, b, literal("LIMIT"), driver.Int(n)} }
			return errors.Join(s.sadd(a, "1", "2", "3", "4"), s.sadd(b, "2", "3", "4", "5"), s.wantReply(driver.IntReply(3), "SINTERCARD", driver.Int(2), a, b), s.wantReply(driver.IntReply(4), "SINTERCARD", driver.Int(1), a),
				s.wantReply(driver.IntReply(2), "SINTERCARD", limit(2)...), s.wantReply(driver.IntReply(3), "SINTERCARD", limit(0)...), s.wantReply(driver.IntReply(3), "SINTERCARD", limit(9)...), s.wantReply(driver.IntReply(3), "SINTERCARD", limit(math.MaxInt64)...),
				s.wantReply(driver.IntReply(0), "SINTERCARD", driver.Int(2), a, none), s.wantSyntaxErr("SINTERCARD", limit(-1)...), s.wantSyntaxErr("SINTERCARD", driver.Int(0), a), s.wantSyntaxErr("SINTERCARD", driver.Int(3), a, b),
				s.wantSyntaxErr("SINTERCARD", driver.Int(2), a, b, literal("LIMIT")), s.wantSyntaxErr("SINTERCARD", driver.Int(1), a, literal("MOST"), driver.Int(1)),
				s.set(text.Text, "v", long), s.wantCommandErr(driver.ErrWrongType, "SINTERCARD", driver.Int(2), a, text))
		}),
	}
}

// elements returns a key, followed by elements.
func elements(key driver.Arg, texts ...string) []driver.Arg {
	args := []driver.Arg{key}
	for _, text := range texts {
		args = append(args, element(text))
	}
	return args
}

// sadd adds members.
func (s *subject) sadd(set driver.Arg, members ...string) error {
	_, err := s.do("SADD", elements(set, members...)...)
	return err
}

// wantMembers compares a set, whose members come in any order.
func (s *subject) wantMembers(set driver.Arg, want ...string) error {
	got, err := s.do("SMEMBERS", set)
	if err != nil {
		return fmt.Errorf("SMEMBERS: %w", err)
	}
	members := make(map[string]int)
	for _, member := range got.Items {
		members[string(member.Data)]++
	}
	errs := []error{expect(len(got.Items), len(want), "members")}
	for _, member := range want {
		errs = append(errs, expect(members[member], 1, "how often SMEMBERS answers the member %q", member))
	}
	return errors.Join(errs...)
}

// picksMembers checks SRANDMEMBER.
func picksMembers(s *subject) error {
	set, text, none := s.slotKey("set"), s.slotKey("text"), s.slotKey("none")
	members := []string{"a", "b", "c"}
	errs := []error{s.sadd(set, members...),
		s.wantReply(driver.Reply{}, "SRANDMEMBER", none), s.wantReply(driver.ArrayReply(), "SRANDMEMBER", none, driver.Int(2)), s.wantReply(driver.ArrayReply(), "SRANDMEMBER", none, driver.Int(-2)),
		s.wantReply(driver.ArrayReply(), "SRANDMEMBER", set, driver.Int(0)), s.wantUnordered(members, 1, "SRANDMEMBER", set, driver.Int(9))}
	one, err := s.do("SRANDMEMBER", set)
	errs = append(errs, err, that(slices.Contains(members, string(one.Data)), "SRANDMEMBER answers %s, which is no member", replyText(one)))
	two, err := s.do("SRANDMEMBER", set, driver.Int(2))
	errs = append(errs, err, that(len(two.Items) == 2 && string(two.Items[0].Data) != string(two.Items[1].Data), "SRANDMEMBER with a count of 2 answers %s, want two different members", replyText(two)))
	many, err := s.do("SRANDMEMBER", set, driver.Int(-20))
	errs = append(errs, err, expect(len(many.Items), 20, "members that SRANDMEMBER with a count of -20 answers"))
	for _, item := range many.Items {
		errs = append(errs, that(slices.Contains(members, string(item.Data)), "SRANDMEMBER answers %s, which is no member", replyText(item)))
	}
	return errors.Join(append(errs, s.wantMembers(set, members...), s.wantNumberErr("SRANDMEMBER", set, literal("word")), s.wantSyntaxErr("SRANDMEMBER", set, driver.Int(1), literal("WITHVALUES")),
		s.set(text.Text, "v", long), s.wantCommandErr(driver.ErrWrongType, "SRANDMEMBER", text))...)
}

// combinesSets checks a command on the sets abc, bcd and ce, and on the first set alone.
func combinesSets(name string, want ...string) func(s *subject) error {
	return func(s *subject) error {
		a, b, c, text, none := s.slotKey("a"), s.slotKey("b"), s.slotKey("c"), s.slotKey("text"), s.slotKey("none")
		withNone := []string{"a", "b", "c"}
		if name == "SINTER" {
			withNone = nil
		}
		return errors.Join(s.sadd(a, "a", "b", "c"), s.sadd(b, "b", "c", "d"), s.sadd(c, "c", "e"),
			s.wantUnordered(want, 1, name, a, b, c), s.wantUnordered([]string{"a", "b", "c"}, 1, name, a), s.wantUnordered(withNone, 1, name, a, none), s.wantUnordered(nil, 1, name, none, none),
			s.wantSyntaxErr(name), s.set(text.Text, "v", long), s.wantCommandErr(driver.ErrWrongType, name, a, text), s.wantCommandErr(driver.ErrWrongType, name, none, text))
	}
}

// storesSets is combinesSets for a command that stores the result.
func storesSets(name string, want ...string) func(s *subject) error {
	return func(s *subject) error {
		a, b, c, text, none, to := s.slotKey("a"), s.slotKey("b"), s.slotKey("c"), s.slotKey("text"), s.slotKey("none"), s.slotKey("to")
		n := driver.IntReply(int64(len(want)))
		return errors.Join(s.sadd(a, "a", "b", "c"), s.sadd(b, "b", "c", "d"), s.sadd(c, "c", "e"),
			s.wantReply(n, name, to, a, b, c), s.wantMembers(to, want...), s.set(to.Text, "v", long), s.wantReply(n, name, to, a, b, c), s.wantMembers(to, want...), s.wantTTL(to.Text, driver.NoExpiry),
			s.set(text.Text, "v", long), s.wantCommandErr(driver.ErrWrongType, name, to, a, text), s.wantMembers(to, want...),
			s.wantReply(driver.IntReply(0), name, to, none, none), s.wantGone(to.Text), s.wantReply(n, name, a, a, b, c), s.wantMembers(a, want...),
			s.wantReply(driver.IntReply(2), name, text, c), s.wantMembers(text, "c", "e"), s.wantSyntaxErr(name, to))
	}
}
