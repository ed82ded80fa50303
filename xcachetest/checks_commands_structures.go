package xcachetest

import (
	"errors"
	"fmt"
	"math"

	"github.com/xcache-go/xcache/driver"
)

// structureChecks are the command checks of sets, hashes and
// scripts.
func structureChecks() []check {
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
		command("HGET", "answers the value of a field, nil without it or its key, ErrWrongType for a string", needs("HINCRBY"), func(s *subject) error {
			hash, text := s.slotKey("hash"), s.slotKey("text")
			return errors.Join(s.wantReply(driver.Reply{}, "HGET", hash, driver.Field("f")),
				s.wantReply(driver.IntReply(7), "HINCRBY", hash, driver.Field("f"), driver.Int(7)),
				s.wantReply(dataReply("7"), "HGET", hash, driver.Field("f")), s.wantReply(driver.Reply{}, "HGET", hash, driver.Field("g")),
				s.set(text.Text, "v", long), s.wantCommandErr(driver.ErrWrongType, "HGET", text, driver.Field("f")))
		}),
		command("HINCRBY", "adds to the number in a field, a missing one counts as 0; ErrOverflow at the end of the range, ErrWrongType for a string", needs("HGET"), func(s *subject) error {
			hash, text, f := s.slotKey("hash"), s.slotKey("text"), driver.Field("f")
			return errors.Join(s.wantReply(driver.IntReply(5), "HINCRBY", hash, f, driver.Int(5)), s.wantReply(driver.IntReply(-2), "HINCRBY", hash, f, driver.Int(-7)),
				s.wantReply(driver.IntReply(math.MaxInt64), "HINCRBY", hash, driver.Field("top"), driver.Int(math.MaxInt64)),
				s.wantCommandErr(driver.ErrOverflow, "HINCRBY", hash, driver.Field("top"), driver.Int(1)), s.wantReply(dataReply("-2"), "HGET", hash, f),
				s.set(text.Text, "v", long), s.wantCommandErr(driver.ErrWrongType, "HINCRBY", text, f, driver.Int(1)), s.wantValue(text.Text, "v"))
		}),
		command("EVAL", "runs a script on keys and arguments and answers what it returns", nil, func(s *subject) error {
			a, b := s.slotKey("a"), s.slotKey("b")
			return errors.Join(
				s.wantReply(driver.ArrayReply(driver.IntReply(2), dataReply("x"), dataReply(a.Text)), "EVAL", literal("return {#KEYS, ARGV[1], KEYS[1]}"), driver.Int(2), a, b, element("x")),
				s.wantReply(driver.Reply{}, "EVAL", literal("return false"), driver.Int(0)),
				s.wantReply(okReply, "EVAL", literal("return redis.call('SET', KEYS[1], ARGV[1])"), driver.Int(1), a, element("v")), s.wantValue(a.Text, "v"))
		}),
		command("EVALSHA", "runs a script that EVAL has run before, by the SHA-1 of its text", needs("EVAL"), func(s *subject) error {
			const source, sum = "return ARGV[1]", "098e0f0d1448c0a81dafe820f66d460eb09263da"
			key := s.slotKey("k")
			return errors.Join(s.wantReply(dataReply("x"), "EVAL", literal(source), driver.Int(1), key, element("x")),
				s.wantReply(dataReply("y"), "EVALSHA", literal(sum), driver.Int(1), key, element("y")))
		}),
	}
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
