package xcachetest

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/xcache-go/xcache/driver"
)

// sortedSetChecks has the checks of the commands of sorted sets. Replies with scores are
// flat, a member and its score in turn, in every version of RESP.
func sortedSetChecks() []check {
	none, zero, one, null := driver.ArrayReply(), driver.IntReply(0), driver.IntReply(1), driver.Reply{}
	a, b, c := element("a"), element("b"), element("c")
	checks := []check{
		command("ZADD", "adds members and sets scores, those that NX, XX, GT and LT let through, and answers how many are new, with CH how many it has changed, with INCR the score; the TTL stays", needs("ZRANGE"), func(s *subject) error {
			z, none := s.slotKey("z"), s.slotKey("none")
			errs := []error{
				s.wantReply(driver.IntReply(2), "ZADD", z, literal("1"), a, driver.Float(2.5), b), s.wantSorted(z, "1 a", "2.5 b"),
				s.wantReply(one, "ZADD", z, driver.Int(3), a, driver.Int(0), c), s.wantSorted(z, "0 c", "2.5 b", "3 a"),
			}
			if s.caps.Expirer != nil {
				errs = append(errs, s.wantExpire(z.Text, long, nil))
			}
			errs = append(errs,
				s.wantReply(one, "ZADD", z, literal("NX"), literal("9"), a, literal("9"), element("d")), s.wantSorted(z, "0 c", "2.5 b", "3 a", "9 d"),
				s.wantReply(zero, "ZADD", z, literal("xx"), literal("8"), element("d"), literal("9"), element("e")), s.wantSorted(z, "0 c", "2.5 b", "3 a", "8 d"),
				s.wantReply(one, "ZADD", z, literal("GT"), literal("CH"), literal("7"), element("d"), literal("4"), a), s.wantSorted(z, "0 c", "2.5 b", "4 a", "8 d"),
				s.wantReply(one, "ZADD", z, literal("LT"), literal("CH"), literal("7"), element("d"), literal("5"), a), s.wantSorted(z, "0 c", "2.5 b", "4 a", "7 d"),
				s.wantReply(driver.FloatReply(1.5), "ZADD", z, literal("INCR"), literal("1.5"), c),
				s.wantReply(null, "ZADD", z, literal("NX"), literal("INCR"), literal("1.5"), c),
				s.wantReply(null, "ZADD", none, literal("XX"), literal("INCR"), literal("1"), c), s.wantReply(zero, "ZADD", none, literal("XX"), literal("1"), c), s.wantMiss(none.Text),
				s.wantReply(one, "ZADD", z, literal("-inf"), element("least"), literal("1.5"), c), s.wantSorted(z, "-inf least", "1.5 c", "2.5 b", "4 a", "7 d"),
				that(s.caps.Expirer == nil || s.wantTTL(z.Text, long) == nil, "ZADD changed the TTL"))
			for _, bad := range [][]driver.Arg{
				{literal("NX"), literal("XX"), literal("1"), a}, {literal("NX"), literal("GT"), literal("1"), a}, {literal("GT"), literal("LT"), literal("1"), a},
				{literal("1"), a, literal("2")}, {literal("INCR"), literal("1"), a, literal("2"), b}, {literal("CH"), literal("XX")},
				{literal("nan"), a}, {literal("5"), a, literal("text"), b}, {literal(""), a}, {literal("1e400"), a},
			} {
				errs = append(errs, s.wantSyntaxErr("ZADD", append([]driver.Arg{z}, bad...)...))
			}
			return errors.Join(append(errs, s.wantSorted(z, "-inf least", "1.5 c", "2.5 b", "4 a", "7 d"), s.wantNotText("ZADD", literal("1"), a))...)
		}),
		command("ZINCRBY", "adds to the score of a member, a missing one counts as 0, and answers the score; what is no number is ErrOverflow", needs("ZADD", "ZRANGE"), func(s *subject) error {
			z := s.slotKey("z")
			return errors.Join(s.wantReply(driver.FloatReply(1.5), "ZINCRBY", z, literal("1.5"), a), s.wantReply(driver.FloatReply(-0.5), "ZINCRBY", z, literal("-2"), a),
				s.wantReply(driver.FloatReply(math.Inf(1)), "ZINCRBY", z, driver.Float(math.Inf(1)), b), s.wantCommandErr(driver.ErrOverflow, "ZINCRBY", z, literal("-inf"), b),
				s.wantSyntaxErr("ZINCRBY", z, literal("nan"), a), s.wantSyntaxErr("ZINCRBY", z, literal("text"), a),
				s.wantSorted(z, "-0.5 a", "inf b"), s.wantNotText("ZINCRBY", literal("1"), a))
		}),
		command("ZCARD", "answers the number of members, 0 without a key", needs("ZADD"), func(s *subject) error {
			z := s.slotKey("z")
			return errors.Join(s.wantReply(zero, "ZCARD", z), s.scored(z, "1 a", "1 b"), s.wantReply(driver.IntReply(2), "ZCARD", z), s.wantNotText("ZCARD"))
		}),
		command("ZCOUNT", "answers how many members have a score between two, either of which may be exclusive", needs("ZADD"), func(s *subject) error {
			z := s.slotKey("z")
			errs := []error{s.wantReply(zero, "ZCOUNT", z, literal("-inf"), literal("+inf")), s.scored(z, "1 a", "2 b", "2 c", "3 d")}
			for _, test := range []struct {
				min, max string
				want     int64
			}{{"-inf", "+inf", 4}, {"2", "2", 2}, {"(1", "(3", 2}, {"(2", "inf", 1}, {"-inf", "(2", 1}, {"3", "1", 0}, {"(2", "2", 0}, {"1.5", "2.5", 2}} {
				errs = append(errs, s.wantReply(driver.IntReply(test.want), "ZCOUNT", z, literal(test.min), literal(test.max)))
			}
			return errors.Join(append(errs, s.wantReply(driver.IntReply(3), "ZCOUNT", z, driver.Int(2), driver.Float(3.5)),
				s.wantSyntaxErr("ZCOUNT", z, literal("nan"), literal("1")), s.wantSyntaxErr("ZCOUNT", z, literal("1"), literal("[2")),
				s.wantNotText("ZCOUNT", literal("1"), literal("2")))...)
		}),
		command("ZLEXCOUNT", "answers how many members of equal score are between two, of which [ is in the range and ( is not", needs("ZADD"), func(s *subject) error {
			z := s.slotKey("z")
			errs := []error{s.wantReply(zero, "ZLEXCOUNT", z, literal("-"), literal("+")), s.scored(z, "0 a", "0 b", "0 ba", "0 c")}
			for _, test := range []struct {
				min, max string
				want     int64
			}{{"-", "+", 4}, {"[b", "+", 3}, {"(b", "+", 2}, {"-", "(b", 1}, {"[b", "[b", 1}, {"[b", "(c", 2}, {"+", "-", 0}, {"[c", "[a", 0}} {
				errs = append(errs, s.wantReply(driver.IntReply(test.want), "ZLEXCOUNT", z, element(test.min), element(test.max)))
			}
			return errors.Join(append(errs, s.wantSyntaxErr("ZLEXCOUNT", z, literal("a"), literal("+")), s.wantNotText("ZLEXCOUNT", literal("-"), literal("+")))...)
		}),
		command("ZSCORE", "answers the score of a member, nil without it or its key", needs("ZADD"), func(s *subject) error {
			z := s.slotKey("z")
			return errors.Join(s.wantReply(null, "ZSCORE", z, a), s.scored(z, "3 a", "inf b", "0.1 c"),
				s.wantReply(driver.FloatReply(3), "ZSCORE", z, a), s.wantReply(driver.FloatReply(math.Inf(1)), "ZSCORE", z, b), s.wantReply(driver.FloatReply(0.1), "ZSCORE", z, c),
				s.wantReply(null, "ZSCORE", z, element("d")), s.wantNotText("ZSCORE", a))
		}),
		command("ZMSCORE", "answers the scores of members in order, nil for those that there are not", needs("ZADD"), func(s *subject) error {
			z := s.slotKey("z")
			return errors.Join(s.wantReply(driver.ArrayReply(null, null), "ZMSCORE", z, a, b), s.scored(z, "3 a", "-1.5 b"),
				s.wantReply(driver.ArrayReply(driver.FloatReply(-1.5), null, driver.FloatReply(3), driver.FloatReply(-1.5)), "ZMSCORE", z, b, c, a, b), s.wantNotText("ZMSCORE", a))
		}),
		command("ZRANK", "answers how many members are before one, with WITHSCORE its score behind; nil without it or its key", needs("ZADD"), ranks("ZRANK", 0, 1, 2)),
		command("ZREVRANK", "answers how many members are behind one, with WITHSCORE its score behind; nil without it or its key", needs("ZADD"), ranks("ZREVRANK", 2, 1, 0)),
		command("ZREM", "removes members and answers how many there were; a sorted set that is emptied vanishes", needs("ZADD", "ZRANGE"), func(s *subject) error {
			z := s.slotKey("z")
			return errors.Join(s.wantReply(zero, "ZREM", z, a), s.scored(z, "1 a", "2 b", "3 c"), s.wantReply(driver.IntReply(2), "ZREM", z, a, element("d"), c, a),
				s.wantSorted(z, "2 b"), s.wantReply(one, "ZREM", z, b), s.wantGone(z.Text), s.wantNotText("ZREM", a))
		}),
		command("ZREMRANGEBYRANK", "removes the members between two ranks, negative ones counted from the end, and answers how many; a sorted set that is emptied vanishes", needs("ZADD", "ZRANGE"), func(s *subject) error {
			z := s.slotKey("z")
			return errors.Join(s.wantReply(zero, "ZREMRANGEBYRANK", z, driver.Int(0), driver.Int(-1)), s.scored(z, "1 a", "2 b", "3 c", "4 d"),
				s.wantReply(driver.IntReply(2), "ZREMRANGEBYRANK", z, driver.Int(1), driver.Int(-2)), s.wantSorted(z, "1 a", "4 d"), s.wantReply(zero, "ZREMRANGEBYRANK", z, driver.Int(2), driver.Int(9)),
				s.wantSyntaxErr("ZREMRANGEBYRANK", z, literal("x"), driver.Int(1)),
				s.wantReply(driver.IntReply(2), "ZREMRANGEBYRANK", z, driver.Int(-9), driver.Int(9)), s.wantGone(z.Text), s.wantNotText("ZREMRANGEBYRANK", driver.Int(0), driver.Int(1)))
		}),
		command("ZREMRANGEBYSCORE", "removes the members with a score between two and answers how many; a sorted set that is emptied vanishes", needs("ZADD", "ZRANGE"), func(s *subject) error {
			z := s.slotKey("z")
			return errors.Join(s.wantReply(zero, "ZREMRANGEBYSCORE", z, literal("-inf"), literal("inf")), s.scored(z, "1 a", "2 b", "3 c", "4 d"),
				s.wantReply(driver.IntReply(2), "ZREMRANGEBYSCORE", z, literal("(1"), driver.Int(3)), s.wantSorted(z, "1 a", "4 d"),
				s.wantSyntaxErr("ZREMRANGEBYSCORE", z, literal("x"), driver.Int(1)),
				s.wantReply(driver.IntReply(2), "ZREMRANGEBYSCORE", z, literal("-inf"), literal("inf")), s.wantGone(z.Text), s.wantNotText("ZREMRANGEBYSCORE", driver.Int(0), driver.Int(1)))
		}),
		command("ZREMRANGEBYLEX", "removes the members of equal score that are between two and answers how many; a sorted set that is emptied vanishes", needs("ZADD", "ZRANGE"), func(s *subject) error {
			z := s.slotKey("z")
			return errors.Join(s.wantReply(zero, "ZREMRANGEBYLEX", z, literal("-"), literal("+")), s.scored(z, "0 a", "0 b", "0 c", "0 d"),
				s.wantReply(driver.IntReply(2), "ZREMRANGEBYLEX", z, element("[b"), element("(d")), s.wantSorted(z, "0 a", "0 d"),
				s.wantSyntaxErr("ZREMRANGEBYLEX", z, literal("x"), literal("+")),
				s.wantReply(driver.IntReply(2), "ZREMRANGEBYLEX", z, literal("-"), literal("+")), s.wantGone(z.Text), s.wantNotText("ZREMRANGEBYLEX", literal("-"), literal("+")))
		}),
		command("ZPOPMIN", "takes the members with the least scores, one or as many as it is told, and answers them with their scores; none without a key; a sorted set that is emptied vanishes", needs("ZADD", "ZRANGE"), pops("ZPOPMIN", "1 a", "2 b", "3 c")),
		command("ZPOPMAX", "takes the members with the greatest scores, one or as many as it is told, and answers them with their scores; none without a key; a sorted set that is emptied vanishes", needs("ZADD", "ZRANGE"), pops("ZPOPMAX", "3 a", "2 b", "1 c")),
		command("ZMPOP", "takes members from the first of its keys that has any, and answers that key and them with their scores; nil if there is none", needs("ZADD", "ZRANGE"), func(s *subject) error {
			z, y, none := s.slotKey("z"), s.slotKey("y"), s.slotKey("none")
			two, three, MIN, MAX, COUNT := driver.Int(2), driver.Int(3), literal("MIN"), literal("max"), literal("COUNT")
			return errors.Join(s.wantReply(null, "ZMPOP", two, z, y, MIN), s.scored(z, "1 a", "2 b"), s.scored(y, "5 c"),
				s.wantReply(driver.ArrayReply(dataReply(z.Text), members("2 b")), "ZMPOP", three, none, z, y, MAX), s.wantSorted(z, "1 a"),
				s.wantReply(driver.ArrayReply(dataReply(z.Text), members("1 a")), "ZMPOP", two, z, y, MIN, COUNT, two), s.wantGone(z.Text),
				s.wantReply(driver.ArrayReply(dataReply(y.Text), members("5 c")), "ZMPOP", two, z, y, MIN, COUNT, driver.Int(9)), s.wantGone(y.Text),
				s.wantSyntaxErr("ZMPOP", driver.Int(0), z, MIN),
				s.wantSyntaxErr("ZMPOP", two, z, y), s.wantSyntaxErr("ZMPOP", two, z, y, MIN, COUNT, driver.Int(0)),
				s.set(none.Text, "v", long), s.wantCommandErr(driver.ErrWrongType, "ZMPOP", two, z, none, MIN))
		}),
		command("ZRANGE", "answers the members of a range by rank, score or member, from either end, cut by LIMIT, with their scores if it is told", needs("ZADD"), func(s *subject) error {
			z, lex := s.slotKey("z"), s.slotKey("lex")
			errs := []error{s.wantReply(none, "ZRANGE", z, driver.Int(0), driver.Int(-1)),
				s.scored(z, "2 c", "1 b", "1 a", "3 e", "2 d"), s.scored(lex, "0 a", "0 B", "0 c", "0 aa")}
			for _, test := range []struct {
				options string // options without a member
				want    string
			}{
				{"0 -1", "a b c d e"}, {"1 2", "b c"}, {"-2 -1", "d e"}, {"0 -1 REV", "e d c b a"}, {"0 1 REV", "e d"}, {"3 1", ""}, {"-100 100", "a b c d e"}, {"9 10", ""},
				{"1 2 BYSCORE", "a b c d"}, {"(1 2 byscore", "c d"}, {"-inf (2 BYSCORE", "a b"}, {"2 1 BYSCORE", ""}, {"2 1 BYSCORE REV", "d c b a"}, {"+inf (1 BYSCORE REV", "e d c"},
				{"-inf +inf BYSCORE LIMIT 1 2", "b c"}, {"-inf +inf BYSCORE LIMIT 3 -1", "d e"}, {"inf -inf BYSCORE REV LIMIT 1 2", "d c"}, {"-inf +inf BYSCORE LIMIT 9 1", ""}, {"-inf inf BYSCORE LIMIT -1 2", ""},
			} {
				errs = append(errs, s.wantReply(texts(test.want), "ZRANGE", literals(z, test.options)...))
			}
			for options, want := range map[string]string{"- + BYLEX": "B a aa c", "[a (c BYLEX": "a aa", "(a + BYLEX": "aa c", "+ - BYLEX REV": "c aa a B", "- + BYLEX LIMIT 1 2": "a aa", "+ (a BYLEX REV LIMIT 1 1": "aa"} {
				errs = append(errs, s.wantReply(texts(want), "ZRANGE", literals(lex, options)...))
			}
			for _, bad := range []string{"x 1", "0 y", "0 1 LIMIT 0 1", "0 1 BYSCORE LIMIT 0", "0 1 BYSCORE LIMIT x 1", "0 1 BYSCORE BYLEX", "- + BYLEX WITHSCORES", "a + BYLEX", "nan 1 BYSCORE", "0 1 NOSUCH"} {
				errs = append(errs, s.wantSyntaxErr("ZRANGE", literals(z, bad)...))
			}
			return errors.Join(append(errs,
				s.wantReply(members("1 a", "1 b", "2 c"), "ZRANGE", literals(z, "0 2 WITHSCORES")...),
				s.wantReply(members("3 e", "2 d"), "ZRANGE", literals(z, "inf (1 BYSCORE REV LIMIT 0 2 WITHSCORES")...),
				s.wantReply(none, "ZRANGE", literals(z, "9 9 WITHSCORES")...), s.wantNotText("ZRANGE", driver.Int(0), driver.Int(-1)))...)
		}),
		command("ZRANGESTORE", "stores what ZRANGE answers, over what the destination held, and answers how many members that are; the destination of none vanishes", needs("ZADD", "ZRANGE"), func(s *subject) error {
			z, to := s.slotKey("z"), s.slotKey("to")
			into := func(options string) []driver.Arg { return append([]driver.Arg{to}, literals(z, options)...) }
			return errors.Join(s.scored(z, "1 a", "2 b", "3 c"), s.set(to.Text, "v", long),
				s.wantReply(driver.IntReply(2), "ZRANGESTORE", into("0 1 REV")...), s.wantSorted(to, "2 b", "3 c"), s.wantPersistent(to.Text),
				s.wantReply(one, "ZRANGESTORE", into("-inf +inf BYSCORE LIMIT 1 1")...), s.wantSorted(to, "2 b"),
				s.wantSyntaxErr("ZRANGESTORE", into("0 1 WITHSCORES")...), s.wantSorted(to, "2 b"),
				s.wantReply(zero, "ZRANGESTORE", into("5 6")...), s.wantGone(to.Text), s.wantSorted(z, "1 a", "2 b", "3 c"),
				s.wantReply(driver.IntReply(2), "ZRANGESTORE", z, z, driver.Int(1), driver.Int(2)), s.wantSorted(z, "2 b", "3 c"),
				s.set(to.Text, "v", long), s.wantCommandErr(driver.ErrWrongType, "ZRANGESTORE", z, to, driver.Int(0), driver.Int(-1)), s.wantSorted(z, "2 b", "3 c"))
		}),
		command("ZRANDMEMBER", "answers a member; with a count that many different ones, or fewer if there are not so many; with a negative one just so many, perhaps the same again", needs("ZADD"), func(s *subject) error {
			z := s.slotKey("z")
			errs := []error{s.wantReply(null, "ZRANDMEMBER", z), s.wantReply(none, "ZRANDMEMBER", z, driver.Int(2)), s.scored(z, "1 a", "2 b", "3 c"), s.wantReply(none, "ZRANDMEMBER", z, driver.Int(0))}
			for _, test := range []struct{ count, want int }{{1, 1}, {2, 2}, {3, 3}, {9, 3}, {-2, 2}, {-9, 9}} {
				reply, err := s.do("ZRANDMEMBER", z, driver.Int(int64(test.count)), literal("WITHSCORES"))
				errs = append(errs, err, expect(len(reply.Items), 2*test.want, "members and scores of ZRANDMEMBER with count %d", test.count))
				seen := make(map[string]bool)
				for i := 0; i+1 < len(reply.Items); i += 2 {
					member := string(reply.Items[i].Data)
					score := float64(strings.Index(" abc", member))
					errs = append(errs, that(member != "" && sameReply(reply.Items[i+1], driver.FloatReply(score)), "ZRANDMEMBER answers %q with the score %s", member, replyText(reply.Items[i+1])),
						that(test.count < 0 || !seen[member], "ZRANDMEMBER answers %q twice", member))
					seen[member] = true
				}
			}
			reply, err := s.do("ZRANDMEMBER", z)
			return errors.Join(append(errs, err, that(reply.Kind == driver.ReplyData && strings.Contains("abc", string(reply.Data)), "ZRANDMEMBER answers %s", replyText(reply)),
				s.wantSyntaxErr("ZRANDMEMBER", z, literal("x")), s.wantSyntaxErr("ZRANDMEMBER", z, driver.Int(1), literal("x")), s.wantNotText("ZRANDMEMBER"))...)
		}),
		command("ZSCAN", "answers members with their scores a few at a time: each that is there all the time at least once", needs("ZADD", "ZREM"), func(s *subject) error {
			z := s.slotKey("z")
			const n = 600
			errs := []error{s.wantReply(driver.ArrayReply(dataReply("0"), none), "ZSCAN", z, literal("0"))}
			var all []string
			for i := range n {
				all = append(all, fmt.Sprintf("%d stays:%d", i, i), fmt.Sprintf("0.5 goes:%d", i))
			}
			errs = append(errs, s.scored(z, all...))
			seen, cursor := make(map[string]bool), "0"
			for steps := 0; steps == 0 || cursor != "0" && steps < 4*n; steps++ {
				reply, err := s.do("ZSCAN", z, literal(cursor), literal("MATCH"), literal("stays:*"), literal("COUNT"), driver.Int(100))
				if err != nil || len(reply.Items) != 2 || len(reply.Items[1].Items)%2 != 0 {
					return errors.Join(append(errs, fmt.Errorf("ZSCAN answers %.100s, %w", replyText(reply), orNone(err)))...)
				}
				cursor = string(reply.Items[0].Data)
				for items := reply.Items[1].Items; len(items) > 0; items = items[2:] {
					member := string(items[0].Data)
					seen[member] = true
					score, _ := strconv.Atoi(strings.TrimPrefix(member, "stays:"))
					errs = append(errs, that(sameReply(items[1], driver.FloatReply(float64(score))), "ZSCAN answers %q with the score %s", member, replyText(items[1])))
				}
				_, err = s.do("ZREM", z, element(fmt.Sprintf("goes:%d", steps)))
				errs = append(errs, err, s.scored(z, fmt.Sprintf("7 comes:%d", steps)))
			}
			return errors.Join(append(errs, expect(cursor, "0", "the last cursor of ZSCAN"), expect(len(seen), n, "members that ZSCAN found"),
				s.wantSyntaxErr("ZSCAN", z, literal("x")), s.wantSyntaxErr("ZSCAN", z, literal("0"), literal("COUNT"), driver.Int(0)),
				s.wantNotText("ZSCAN", literal("0")))...)
		}),
		command("ZUNION", "answers the members of any of several sorted sets, their scores weighted and put together", needs("ZADD"), combines("ZUNION", map[string][]string{
			"": {"3 c", "4 d", "5 a", "22 b"}, "WEIGHTS 2 1": {"3 c", "6 a", "8 d", "24 b"}, "AGGREGATE MIN": {"1 a", "2 b", "3 c", "4 d"}, "AGGREGATE MAX WEIGHTS 1 10": {"4 d", "30 c", "40 a", "200 b"}, "aggregate sum weights 0 -1": {"-20 b", "-4 a", "-3 c", "0 d"},
		})),
		command("ZINTER", "answers the members that each of several sorted sets has, their scores weighted and put together", needs("ZADD"), combines("ZINTER", map[string][]string{
			"": {"5 a", "22 b"}, "WEIGHTS 2 1": {"6 a", "24 b"}, "AGGREGATE MIN": {"1 a", "2 b"}, "AGGREGATE MAX WEIGHTS 1 10": {"40 a", "200 b"},
		})),
		command("ZDIFF", "answers the members of the first sorted set that no other one has", needs("ZADD"), combines("ZDIFF", map[string][]string{"": {"4 d"}})),
		command("ZUNIONSTORE", "stores what ZUNION answers, over what the destination held, and answers how many members that are", needs("ZADD", "ZRANGE"), stores("ZUNIONSTORE", "3 c", "4 d", "5 a", "22 b")),
		command("ZINTERSTORE", "stores what ZINTER answers, over what the destination held, and answers how many members that are", needs("ZADD", "ZRANGE"), stores("ZINTERSTORE", "5 a", "22 b")),
		command("ZDIFFSTORE", "stores what ZDIFF answers, over what the destination held, and answers how many members that are", needs("ZADD", "ZRANGE"), stores("ZDIFFSTORE", "4 d")),
		command("ZINTERCARD", "answers how many members each of several sorted sets has, up to a limit", needs("ZADD"), func(s *subject) error {
			z, y, none, text := s.slotKey("z"), s.slotKey("y"), s.slotKey("none"), s.slotKey("text")
			two, LIMIT := driver.Int(2), literal("LIMIT")
			return errors.Join(s.scored(z, "1 a", "2 b", "3 c"), s.scored(y, "4 b", "5 a", "6 d"),
				s.wantReply(driver.IntReply(2), "ZINTERCARD", two, z, y), s.wantReply(one, "ZINTERCARD", two, z, y, LIMIT, driver.Int(1)), s.wantReply(driver.IntReply(2), "ZINTERCARD", two, z, y, LIMIT, driver.Int(0)),
				s.wantReply(driver.IntReply(3), "ZINTERCARD", driver.Int(1), z), s.wantReply(zero, "ZINTERCARD", two, z, none),
				s.wantSyntaxErr("ZINTERCARD", two, z, y, LIMIT, driver.Int(-1)), s.wantSyntaxErr("ZINTERCARD", driver.Int(0), z),
				s.set(text.Text, "v", long), s.wantCommandErr(driver.ErrWrongType, "ZINTERCARD", two, z, text))
		}),
	}
	return checks
}

// ranks checks ZRANK or ZREVRANK. want has the ranks of a, b and c.
func ranks(name string, want ...int64) func(*subject) error {
	return func(s *subject) error {
		z := s.slotKey("z")
		errs := []error{s.wantReply(driver.Reply{}, name, z, element("a")), s.scored(z, "1 a", "2.5 b", "2.5 c")}
		for i, member := range []string{"a", "b", "c"} {
			errs = append(errs, s.wantReply(driver.IntReply(want[i]), name, z, element(member)))
		}
		return errors.Join(append(errs, s.wantReply(driver.Reply{}, name, z, element("d")),
			s.wantReply(driver.ArrayReply(driver.IntReply(want[1]), driver.FloatReply(2.5)), name, z, element("b"), literal("WITHSCORE")),
			s.wantReply(driver.Reply{}, name, z, element("d"), literal("withscore")),
			s.wantSyntaxErr(name, z, element("a"), literal("WHAT")), s.wantNotText(name, element("a")))...)
	}
}

// pops checks ZPOPMIN or ZPOPMAX. The first member is popped first.
func pops(name, first, second, third string) func(*subject) error {
	return func(s *subject) error {
		z := s.slotKey("z")
		return errors.Join(s.wantReply(driver.ArrayReply(), name, z), s.scored(z, second, first, third),
			s.wantReply(members(first), name, z), s.wantReply(driver.ArrayReply(), name, z, driver.Int(0)),
			s.wantSyntaxErr(name, z, driver.Int(-1)), s.wantSyntaxErr(name, z, literal("x")),
			s.wantReply(members(second, third), name, z, driver.Int(5)), s.wantGone(z.Text), s.wantNotText(name))
	}
}

// combines checks ZUNION, ZINTER or ZDIFF. want has the result of two sorted sets for each
// of the options.
func combines(name string, want map[string][]string) func(*subject) error {
	return func(s *subject) error {
		z, y, none, text := s.slotKey("z"), s.slotKey("y"), s.slotKey("none"), s.slotKey("text")
		two, weighted := driver.Int(2), len(want) > 1
		errs := []error{s.wantReply(driver.ArrayReply(), name, two, z, none), s.scored(z, "1 a", "2 b", "4 d"), s.scored(y, "4 a", "20 b", "3 c")}
		for options, scored := range want {
			both := append([]driver.Arg{two, z, y}, literals(z, options)[1:]...)
			errs = append(errs, s.wantReply(members(scored...), name, append(both, literal("WITHSCORES"))...))
			var alone []string
			for _, member := range scored {
				alone = append(alone, strings.Fields(member)[1])
			}
			errs = append(errs, s.wantReply(texts(strings.Join(alone, " ")), name, both...))
		}
		bad := []string{"WEIGHTS 1", "AGGREGATE AVG", "AGGREGATE", "NOSUCH", "WEIGHTS 1 x"}
		if !weighted {
			bad = append(bad, "WEIGHTS 1 2", "AGGREGATE SUM")
		}
		for _, options := range bad {
			errs = append(errs, s.wantSyntaxErr(name, append([]driver.Arg{two, z, y}, literals(z, options)[1:]...)...))
		}
		return errors.Join(append(errs, s.wantSyntaxErr(name, driver.Int(0), z), s.wantSyntaxErr(name, driver.Int(3), z, y),
			s.set(text.Text, "v", long), s.wantCommandErr(driver.ErrWrongType, name, two, z, text))...)
	}
}

// stores checks ZUNIONSTORE, ZINTERSTORE or ZDIFFSTORE.
func stores(name string, want ...string) func(*subject) error {
	return func(s *subject) error {
		z, y, to, none, text := s.slotKey("z"), s.slotKey("y"), s.slotKey("to"), s.slotKey("none"), s.slotKey("text")
		one, two, size := driver.Int(1), driver.Int(2), driver.IntReply(int64(len(want)))
		return errors.Join(s.scored(z, "1 a", "2 b", "4 d"), s.scored(y, "4 a", "20 b", "3 c"), s.set(to.Text, "v", long),
			s.wantReply(size, name, to, two, z, y), s.wantSorted(to, want...), s.wantPersistent(to.Text),
			s.wantSyntaxErr(name, to, two, z, y, literal("WITHSCORES")), s.wantSorted(to, want...),
			s.wantReply(driver.IntReply(0), name, to, one, none), s.wantGone(to.Text),
			s.set(text.Text, "v", long), s.wantCommandErr(driver.ErrWrongType, name, z, two, z, text), s.wantSorted(z, "1 a", "2 b", "4 d"),
			s.wantReply(size, name, z, two, z, y), s.wantSorted(z, want...))
	}
}

// scored adds members to a sorted set. A member follows its score: "1.5 a".
func (s *subject) scored(z driver.Arg, members ...string) error {
	args := []driver.Arg{z}
	for _, text := range members {
		score, member, _ := strings.Cut(text, " ")
		args = append(args, literal(score), element(member))
	}
	_, err := s.do("ZADD", args...)
	return err
}

// wantSorted compares a sorted set.
func (s *subject) wantSorted(z driver.Arg, want ...string) error {
	return s.wantReply(members(want...), "ZRANGE", z, driver.Int(0), driver.Int(-1), literal("WITHSCORES"))
}

// wantPersistent wants a key without a TTL.
func (s *subject) wantPersistent(key string) error {
	if s.caps.Expirer == nil {
		return nil
	}
	return s.wantTTL(key, driver.NoExpiry)
}

// wantNotText wants a command to refuse a string, and the string to stay.
func (s *subject) wantNotText(name string, args ...driver.Arg) error {
	text := s.slotKey("text")
	return errors.Join(s.set(text.Text, "v", long), s.wantCommandErr(driver.ErrWrongType, name, append([]driver.Arg{text}, args...)...), s.wantValue(text.Text, "v"))
}

// members returns a reply with members, in the form of scored's arguments.
func members(scored ...string) driver.Reply {
	reply := driver.ArrayReply()
	for _, text := range scored {
		number, member, _ := strings.Cut(text, " ")
		score, err := strconv.ParseFloat(number, 64)
		if err != nil {
			panic(err)
		}
		reply.Items = append(reply.Items, dataReply(member), driver.FloatReply(score))
	}
	return reply
}

// texts returns a reply with words.
func texts(line string) driver.Reply {
	reply := driver.ArrayReply()
	for word := range strings.FieldsSeq(line) {
		reply.Items = append(reply.Items, dataReply(word))
	}
	return reply
}

// literals returns a key and words as arguments.
func literals(key driver.Arg, line string) []driver.Arg {
	args := []driver.Arg{key}
	for word := range strings.FieldsSeq(line) {
		args = append(args, literal(word))
	}
	return args
}
