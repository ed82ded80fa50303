package xcachetest

import (
	"errors"
	"math"

	"github.com/xcache-go/xcache/driver"
)

// listCommandChecks has the checks of the commands of lists.
func listCommandChecks() []check {
	return []check{
		command("LPUSH", "puts elements in front, the last argument first, and answers the length; ErrWrongType for a string, which stays", needs("LRANGE"), func(s *subject) error {
			list, text := s.slotKey("list"), s.slotKey("text")
			return errors.Join(s.wantReply(driver.IntReply(2), "LPUSH", list, element("a"), element("b")), s.wantReply(driver.IntReply(3), "LPUSH", list, element("c")), s.wantList(list.Text, "c", "b", "a"),
				s.set(text.Text, "v", long), s.wantCommandErr(driver.ErrWrongType, "LPUSH", text, element("a")), s.wantValue(text.Text, "v"), s.wantTTL(text.Text, long))
		}),
		command("RPUSH", "puts elements behind, in order, and answers the length; the TTL stays; ErrWrongType for a string, which stays", needs("LRANGE"), func(s *subject) error {
			list, text := s.slotKey("list"), s.slotKey("text")
			errs := []error{s.wantReply(driver.IntReply(2), "RPUSH", list, element("a"), element("b"))}
			if s.caps.Expirer != nil {
				errs = append(errs, s.wantExpire(list.Text, long, nil))
			}
			return errors.Join(append(errs, s.wantReply(driver.IntReply(3), "RPUSH", list, element("")), s.wantList(list.Text, "a", "b", ""),
				that(s.caps.Expirer == nil || s.wantTTL(list.Text, long) == nil, "RPUSH changed the TTL of the list"),
				s.set(text.Text, "v", long), s.wantCommandErr(driver.ErrWrongType, "RPUSH", text, element("a")), s.wantValue(text.Text, "v"))...)
		}),
		command("LPOP", "takes the first element, or as many as it is told; nil without a key; a list that is emptied vanishes", needs("RPUSH", "LRANGE"), func(s *subject) error {
			list, text := s.slotKey("list"), s.slotKey("text")
			return errors.Join(s.wantReply(driver.Reply{}, "LPOP", list), s.push(list.Text, "a", "b", "c", "d"),
				s.wantReply(dataReply("a"), "LPOP", list), s.wantList(list.Text, "b", "c", "d"),
				s.wantReply(driver.ArrayReply(dataReply("b"), dataReply("c")), "LPOP", list, driver.Int(2)),
				s.wantReply(dataReply("d"), "LPOP", list), s.wantGone(list.Text),
				s.set(text.Text, "v", long), s.wantCommandErr(driver.ErrWrongType, "LPOP", text), s.wantValue(text.Text, "v"))
		}),
		command("RPOP", "takes the last element, or as many as it is told, the last first; nil without a key; a list that is emptied vanishes", needs("RPUSH", "LRANGE"), func(s *subject) error {
			list, text := s.slotKey("list"), s.slotKey("text")
			return errors.Join(s.wantReply(driver.Reply{}, "RPOP", list), s.push(list.Text, "a", "b", "c", "d"),
				s.wantReply(dataReply("d"), "RPOP", list), s.wantList(list.Text, "a", "b", "c"),
				s.wantReply(driver.ArrayReply(dataReply("c"), dataReply("b")), "RPOP", list, driver.Int(2)),
				s.wantReply(dataReply("a"), "RPOP", list), s.wantGone(list.Text),
				s.set(text.Text, "v", long), s.wantCommandErr(driver.ErrWrongType, "RPOP", text), s.wantValue(text.Text, "v"))
		}),
		command("LLEN", "answers the length, 0 without a key, ErrWrongType for a string", needs("RPUSH"), func(s *subject) error {
			list, text := s.slotKey("list"), s.slotKey("text")
			return errors.Join(s.wantReply(driver.IntReply(0), "LLEN", list), s.push(list.Text, "a", "b"), s.wantReply(driver.IntReply(2), "LLEN", list),
				s.set(text.Text, "v", long), s.wantCommandErr(driver.ErrWrongType, "LLEN", text))
		}),
		command("LRANGE", "answers the elements between two places, negative ones counted from the end, cut to what there is", needs("RPUSH"), func(s *subject) error {
			list, text, none := s.slotKey("list"), s.slotKey("text"), s.slotKey("none")
			errs := []error{s.push(list.Text, "a", "b", "c", "d")}
			for _, test := range []struct {
				from, to int64
				want     string
			}{{0, -1, "abcd"}, {0, 0, "a"}, {1, 2, "bc"}, {-2, -1, "cd"}, {-100, 100, "abcd"}, {2, 1, ""}, {4, 9, ""}, {-1, -2, ""}, {3, 3, "d"}} {
				var want []driver.Reply
				for _, letter := range test.want {
					want = append(want, dataReply(string(letter)))
				}
				errs = append(errs, s.wantReply(driver.ArrayReply(want...), "LRANGE", list, driver.Int(test.from), driver.Int(test.to)))
			}
			return errors.Join(append(errs, s.wantReply(driver.ArrayReply(), "LRANGE", none, driver.Int(0), driver.Int(-1)),
				s.set(text.Text, "v", long), s.wantCommandErr(driver.ErrWrongType, "LRANGE", text, driver.Int(0), driver.Int(-1)))...)
		}),
		command("LPUSHX", "is LPUSH that makes no list: without a key it answers 0 and leaves none", needs("RPUSH", "LRANGE"), pushesToLists("LPUSHX", "c", "b", "a")),
		command("RPUSHX", "is RPUSH that makes no list: without a key it answers 0 and leaves none", needs("RPUSH", "LRANGE"), pushesToLists("RPUSHX", "a", "b", "c")),
		command("LINDEX", "answers the element at an index, which counts from the end if it is negative; nil where there is none", needs("RPUSH"), func(s *subject) error {
			list, text, none := s.slotKey("list"), s.slotKey("text"), s.slotKey("none")
			null := driver.Reply{}
			return errors.Join(s.push(list.Text, "a", "b", ""),
				s.wantReply(dataReply("a"), "LINDEX", list, driver.Int(0)), s.wantReply(dataReply(""), "LINDEX", list, driver.Int(2)),
				s.wantReply(dataReply(""), "LINDEX", list, driver.Int(-1)), s.wantReply(dataReply("a"), "LINDEX", list, driver.Int(-3)),
				s.wantReply(null, "LINDEX", list, driver.Int(3)), s.wantReply(null, "LINDEX", list, driver.Int(-4)), s.wantReply(null, "LINDEX", none, driver.Int(0)),
				s.wantNumberErr("LINDEX", list, literal("word")), s.wantSyntaxErr("LINDEX", list),
				s.set(text.Text, "v", long), s.wantCommandErr(driver.ErrWrongType, "LINDEX", text, driver.Int(0)))
		}),
		command("LSET", "replaces the element at an index; ErrSyntax beyond the ends, ErrNotFound without a key; the TTL stays", needs("RPUSH", "LRANGE"), func(s *subject) error {
			list, text, none := s.slotKey("list"), s.slotKey("text"), s.slotKey("none")
			return errors.Join(s.push(list.Text, "a", "b", "c"), s.keepsTTL(list.Text, func() error {
				return errors.Join(s.wantReply(okReply, "LSET", list, driver.Int(0), element("x")), s.wantReply(okReply, "LSET", list, driver.Int(-1), element("")))
			}), s.wantList(list.Text, "x", "b", ""),
				s.wantSyntaxErr("LSET", list, driver.Int(3), element("y")), s.wantSyntaxErr("LSET", list, driver.Int(-4), element("y")),
				s.wantSyntaxErr("LSET", list, driver.Int(0)), s.wantList(list.Text, "x", "b", ""),
				s.wantCommandErr(driver.ErrNotFound, "LSET", none, driver.Int(0), element("y")), s.wantGone(none.Text),
				s.set(text.Text, "v", long), s.wantCommandErr(driver.ErrWrongType, "LSET", text, driver.Int(0), element("y")), s.wantValue(text.Text, "v"))
		}),
		command("LINSERT", "puts an element before or after the first one that is equal to another, and answers the length; -1 if there is none, 0 without a key", needs("RPUSH", "LRANGE"), func(s *subject) error {
			list, text, none := s.slotKey("list"), s.slotKey("text"), s.slotKey("none")
			return errors.Join(s.push(list.Text, "a", "b", "a"), s.keepsTTL(list.Text, func() error {
				return errors.Join(s.wantReply(driver.IntReply(4), "LINSERT", list, literal("BEFORE"), element("a"), element("x")),
					s.wantReply(driver.IntReply(5), "LINSERT", list, literal("after"), element("a"), element("y")))
			}), s.wantList(list.Text, "x", "a", "y", "b", "a"),
				s.wantReply(driver.IntReply(-1), "LINSERT", list, literal("AFTER"), element("z"), element("y")),
				s.wantReply(driver.IntReply(0), "LINSERT", none, literal("AFTER"), element("z"), element("y")), s.wantGone(none.Text),
				s.wantSyntaxErr("LINSERT", list, literal("BESIDE"), element("a"), element("y")), s.wantSyntaxErr("LINSERT", list, literal("AFTER"), element("a")),
				s.wantList(list.Text, "x", "a", "y", "b", "a"),
				s.set(text.Text, "v", long), s.wantCommandErr(driver.ErrWrongType, "LINSERT", text, literal("AFTER"), element("v"), element("y")), s.wantValue(text.Text, "v"))
		}),
		command("LREM", "removes elements that are equal to one, as many as it is told: from the front, with a negative number from the end, with 0 all; a list that is emptied vanishes", needs("RPUSH", "LRANGE"), func(s *subject) error {
			list, text, none := s.slotKey("list"), s.slotKey("text"), s.slotKey("none")
			return errors.Join(s.push(list.Text, "a", "b", "a", "c", "a", "a"), s.keepsTTL(list.Text, func() error {
				return errors.Join(s.wantReply(driver.IntReply(1), "LREM", list, driver.Int(1), element("a")), s.wantList(list.Text, "b", "a", "c", "a", "a"),
					s.wantReply(driver.IntReply(2), "LREM", list, driver.Int(-2), element("a")), s.wantList(list.Text, "b", "a", "c"))
			}),
				s.wantReply(driver.IntReply(0), "LREM", list, driver.Int(0), element("x")), s.wantReply(driver.IntReply(1), "LREM", list, driver.Int(-5), element("a")),
				s.wantReply(driver.IntReply(1), "LREM", list, driver.Int(5), element("b")), s.wantList(list.Text, "c"),
				s.wantReply(driver.IntReply(1), "LREM", list, driver.Int(0), element("c")), s.wantGone(list.Text),
				s.wantReply(driver.IntReply(0), "LREM", none, driver.Int(0), element("c")),
				s.wantNumberErr("LREM", none, literal("word"), element("c")), s.wantSyntaxErr("LREM", none, driver.Int(0)),
				s.set(text.Text, "v", long), s.wantCommandErr(driver.ErrWrongType, "LREM", text, driver.Int(0), element("v")), s.wantValue(text.Text, "v"))
		}),
		command("LTRIM", "keeps the elements between two places, negative ones counted from the end, and answers OK; a list of which nothing is left vanishes", needs("RPUSH", "LRANGE"), func(s *subject) error {
			list, text, none := s.slotKey("list"), s.slotKey("text"), s.slotKey("none")
			trim := func(key driver.Arg, from, to int64) error {
				return s.wantReply(okReply, "LTRIM", key, driver.Int(from), driver.Int(to))
			}
			return errors.Join(s.push(list.Text, "a", "b", "c", "d", "e"), trim(list, 0, -1), s.wantList(list.Text, "a", "b", "c", "d", "e"),
				s.keepsTTL(list.Text, func() error { return trim(list, 1, -2) }), s.wantList(list.Text, "b", "c", "d"),
				trim(list, -2, 100), s.wantList(list.Text, "c", "d"), trim(list, 1, 0), s.wantGone(list.Text), trim(none, 0, 1), s.wantGone(none.Text),
				s.wantNumberErr("LTRIM", none, driver.Int(0), literal("word")), s.wantSyntaxErr("LTRIM", none, driver.Int(0)),
				s.set(text.Text, "v", long), s.wantCommandErr(driver.ErrWrongType, "LTRIM", text, driver.Int(0), driver.Int(1)), s.wantValue(text.Text, "v"))
		}),
		command("LPOS", "answers where an element is, nil if nowhere; with COUNT up to so many places, 0 for all; RANK says which comes first, from the end if it is negative, MAXLEN how many elements are compared", needs("RPUSH"), func(s *subject) error {
			list, text, none := s.slotKey("list"), s.slotKey("text"), s.slotKey("none")
			a := element("a")
			errs := []error{s.push(list.Text, "a", "b", "c", "a", "a", "b")}
			for _, test := range []struct {
				options []driver.Arg
				want    []int64
				alone   bool
			}{
				{nil, []int64{0}, true},
				{[]driver.Arg{literal("RANK"), driver.Int(2)}, []int64{3}, true},
				{[]driver.Arg{literal("RANK"), driver.Int(-1)}, []int64{4}, true},
				{[]driver.Arg{literal("RANK"), driver.Int(-3)}, []int64{0}, true},
				{[]driver.Arg{literal("rank"), driver.Int(4)}, nil, true},
				{[]driver.Arg{literal("COUNT"), driver.Int(0)}, []int64{0, 3, 4}, false},
				{[]driver.Arg{literal("COUNT"), driver.Int(2)}, []int64{0, 3}, false},
				{[]driver.Arg{literal("COUNT"), driver.Int(1)}, []int64{0}, false},
				{[]driver.Arg{literal("COUNT"), driver.Int(5), literal("RANK"), driver.Int(-2)}, []int64{3, 0}, false},
				{[]driver.Arg{literal("COUNT"), driver.Int(5), literal("RANK"), driver.Int(9)}, nil, false},
				{[]driver.Arg{literal("COUNT"), driver.Int(0), literal("MAXLEN"), driver.Int(4)}, []int64{0, 3}, false},
				{[]driver.Arg{literal("MAXLEN"), driver.Int(2), literal("RANK"), driver.Int(-1)}, []int64{4}, true},
				{[]driver.Arg{literal("MAXLEN"), driver.Int(1), literal("RANK"), driver.Int(-1)}, nil, true},
				{[]driver.Arg{literal("MAXLEN"), driver.Int(0), literal("RANK"), driver.Int(3)}, []int64{4}, true},
			} {
				var want driver.Reply
				switch {
				case !test.alone:
					want = intReplies(test.want...)
				case len(test.want) > 0:
					want = driver.IntReply(test.want[0])
				}
				errs = append(errs, s.wantReply(want, "LPOS", append([]driver.Arg{list, a}, test.options...)...))
			}
			return errors.Join(append(errs,
				s.wantReply(driver.Reply{}, "LPOS", none, a), s.wantReply(driver.ArrayReply(), "LPOS", none, a, literal("COUNT"), driver.Int(0)),
				s.wantSyntaxErr("LPOS", list, a, literal("RANK"), driver.Int(0)), s.wantSyntaxErr("LPOS", list, a, literal("COUNT"), driver.Int(-1)),
				s.wantSyntaxErr("LPOS", list, a, literal("MAXLEN"), driver.Int(-1)), s.wantSyntaxErr("LPOS", list, a, literal("PLACE"), driver.Int(1)),
				s.wantSyntaxErr("LPOS", list, a, literal("RANK")), s.wantSyntaxErr("LPOS", list),
				s.set(text.Text, "v", long), s.wantCommandErr(driver.ErrWrongType, "LPOS", text, a))...)
		}),
		command("LMOVE", "takes an element from an end of a list, puts it to an end of another or the same, and answers it; nil without a source; a source that is emptied vanishes", needs("RPUSH", "LRANGE"), func(s *subject) error {
			from, to, text, none := s.slotKey("from"), s.slotKey("to"), s.slotKey("text"), s.slotKey("none")
			left, right := literal("LEFT"), literal("RIGHT")
			return errors.Join(s.push(from.Text, "a", "b", "c"), s.keepsTTL(from.Text, func() error {
				return s.wantReply(dataReply("a"), "LMOVE", from, to, left, right)
			}), s.wantReply(dataReply("c"), "LMOVE", from, to, literal("right"), left), s.wantList(from.Text, "b"), s.wantList(to.Text, "c", "a"),
				s.keepsTTL(to.Text, func() error { return s.wantReply(dataReply("b"), "LMOVE", from, to, left, left) }),
				s.wantGone(from.Text), s.wantList(to.Text, "b", "c", "a"),
				s.wantReply(dataReply("b"), "LMOVE", to, to, left, right), s.wantList(to.Text, "c", "a", "b"),
				s.push(none.Text, "x"), s.wantReply(dataReply("x"), "LMOVE", none, none, right, right), s.wantList(none.Text, "x"),
				s.keepsTTL(none.Text, func() error { return s.wantReply(dataReply("x"), "LMOVE", none, none, left, right) }),
				s.wantReply(driver.Reply{}, "LMOVE", from, to, left, right), s.wantSyntaxErr("LMOVE", to, from, left, literal("UP")), s.wantSyntaxErr("LMOVE", to, from, left),
				s.set(text.Text, "v", long), s.wantCommandErr(driver.ErrWrongType, "LMOVE", text, to, left, right), s.wantCommandErr(driver.ErrWrongType, "LMOVE", to, text, left, right),
				s.wantValue(text.Text, "v"), s.wantList(to.Text, "c", "a", "b"))
		}),
		command("LMPOP", "takes elements from an end of the first key that is a list, one or up to COUNT, and answers the key and them; nil without one; a list that is emptied vanishes", needs("RPUSH", "LRANGE"), func(s *subject) error {
			a, b, text, none := s.slotKey("a"), s.slotKey("b"), s.slotKey("text"), s.slotKey("none")
			left, right, count := literal("LEFT"), literal("RIGHT"), literal("COUNT")
			popped := func(key driver.Arg, elements ...string) driver.Reply {
				return driver.ArrayReply(dataReply(key.Text), dataReplies(elements...))
			}
			return errors.Join(s.push(a.Text, "1", "2", "3", "4"), s.push(b.Text, "5"), s.keepsTTL(a.Text, func() error {
				return s.wantReply(popped(a, "1"), "LMPOP", driver.Int(3), none, a, b, left)
			}), s.wantReply(popped(a, "4", "3"), "LMPOP", driver.Int(2), a, b, right, count, driver.Int(2)), s.wantList(a.Text, "2"),
				s.wantReply(popped(a, "2"), "LMPOP", driver.Int(2), a, b, left, count, driver.Int(math.MaxInt64)), s.wantGone(a.Text),
				s.wantReply(popped(b, "5"), "LMPOP", driver.Int(2), a, b, left), s.wantReply(driver.Reply{}, "LMPOP", driver.Int(2), a, b, left),
				s.wantSyntaxErr("LMPOP", driver.Int(0), a, left), s.wantSyntaxErr("LMPOP", driver.Int(2), a, left), s.wantSyntaxErr("LMPOP", driver.Int(1), a, literal("UP")),
				s.wantSyntaxErr("LMPOP", driver.Int(1), a, left, count), s.wantSyntaxErr("LMPOP", driver.Int(1), a, left, count, driver.Int(0)),
				s.set(text.Text, "v", long), s.wantCommandErr(driver.ErrWrongType, "LMPOP", driver.Int(2), none, text, left), s.wantValue(text.Text, "v"))
		}),
	}
}

// pushesToLists checks LPUSHX or RPUSHX. want is the result for a list of b's.
func pushesToLists(name string, want ...string) func(s *subject) error {
	return func(s *subject) error {
		list, text, none := s.slotKey("list"), s.slotKey("text"), s.slotKey("none")
		old, pushed := want[0], want[1:]
		if name == "LPUSHX" { // LPUSHX puts the last element first
			old, pushed = want[2], []string{want[1], want[0]}
		}
		return errors.Join(s.wantReply(driver.IntReply(0), name, none, element("x"), element("y")), s.wantGone(none.Text),
			s.push(list.Text, old), s.keepsTTL(list.Text, func() error {
				return s.wantReply(driver.IntReply(3), name, list, element(pushed[0]), element(pushed[1]))
			}),
			s.wantList(list.Text, want...), s.wantSyntaxErr(name, list),
			s.set(text.Text, "v", long), s.wantCommandErr(driver.ErrWrongType, name, text, element("x")), s.wantValue(text.Text, "v"))
	}
}
