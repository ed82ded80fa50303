package xcachetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/xcache-go/xcache/driver"
)

// streamChecks has the checks of the commands of streams. Replies of several streams, and
// replies with names, are flat in every version of RESP: a name and its value in turn.
func streamChecks() []check {
	none, zero, one, null := driver.ArrayReply(), driver.IntReply(0), driver.IntReply(1), driver.Reply{}
	groups := needs("XADD", "XGROUP", "XREADGROUP", "XPENDING")
	return []check{
		command("XADD", "appends an entry behind all that there ever were and answers its id; cuts the stream if it is told; with NOMKSTREAM it is nil without a key; the TTL stays", needs("XRANGE", "XDEL"), func(s *subject) error {
			x, none := s.slotKey("x"), s.slotKey("none")
			add := func(options string) []driver.Arg {
				return append(literals(x, options), driver.Field("f"), element("v"))
			}
			errs := []error{s.wantReply(dataReply("5-1"), "XADD", add("5-1")...), s.wantReply(dataReply("5-2"), "XADD", add("5-*")...), s.wantReply(dataReply("6-0"), "XADD", add("6")...),
				s.keepsTTL(x.Text, func() error { return s.wantReply(dataReply("7-0"), "XADD", add("MAXLEN = 2 7-0")...) }), s.wantEntries(x, "6-0 f v", "7-0 f v"),
				s.wantReply(dataReply("8-0"), "XADD", add("MINID 7 8-0")...), s.wantEntries(x, "7-0 f v", "8-0 f v"),
				s.wantReply(dataReply("9-0"), "XADD", append(add("NOMKSTREAM MAXLEN ~ 1000 LIMIT 100 9-0"), driver.Field("g"), element(""))...), s.wantEntries(x, "7-0 f v", "8-0 f v", "9-0 f v g _"),
				s.wantReply(null, "XADD", append(literals(none, "NOMKSTREAM *"), driver.Field("f"), element("v"))...), s.wantMiss(none.Text)}
			for _, bad := range []string{"9-0", "8-9", "0-0", "word", "9-x", "MAXLEN -1 10-0", "MAXLEN 5 LIMIT 5 10-0", "NOSUCH 10-0"} {
				errs = append(errs, s.wantSyntaxErr("XADD", add(bad)...))
			}
			reply, err := s.do("XADD", add("*")...)
			return errors.Join(append(errs, err, that(len(reply.Data) >= len("100000000000-0"), "XADD with * answers %s, no time of today", replyText(reply)),
				s.wantReply(one, "XDEL", x, driver.Val(reply.Data)), s.wantEntries(x, "7-0 f v", "8-0 f v", "9-0 f v g _"),
				s.wantSyntaxErr("XADD", x, literal("*"), driver.Field("f")), s.wantNotText("XADD", literal("*"), driver.Field("f"), element("v")))...)
		}),
		command("XLEN", "answers the number of entries, 0 without a key", needs("XADD"), func(s *subject) error {
			x := s.slotKey("x")
			return errors.Join(s.wantReply(zero, "XLEN", x), s.entries(x, "1-0 f v", "2-0 f v"), s.wantReply(driver.IntReply(2), "XLEN", x), s.wantNotText("XLEN"))
		}),
		command("XRANGE", "answers the entries between two ids, either of which may be exclusive, up to a count", needs("XADD"), streamRanges("XRANGE", map[string]string{
			"- +": "1-0 1-1 2-0 3-5", "1 1": "1-0 1-1", "1-1 2": "1-1 2-0", "(1-0 (3-5": "1-1 2-0", "- + COUNT 2": "1-0 1-1", "2-1 3-4": "", "3 1": "", "(2 +": "3-5",
		})),
		command("XREVRANGE", "answers the entries between two ids from the greatest to the least, up to a count", needs("XADD"), streamRanges("XREVRANGE", map[string]string{
			"+ -": "3-5 2-0 1-1 1-0", "1 1": "1-1 1-0", "2 1-1": "2-0 1-1", "(3-5 (1-0": "2-0 1-1", "+ - COUNT 2": "3-5 2-0", "1 3": "",
		})),
		command("XREAD", "answers the entries behind an id of each of several streams, up to a count, and leaves out those without any; nil if that is all of them", needs("XADD"), func(s *subject) error {
			x, y, none, text := s.slotKey("x"), s.slotKey("y"), s.slotKey("none"), s.slotKey("text")
			read := func(words string, more ...driver.Arg) []driver.Arg {
				return append(append(literals(x, words)[1:], literal("STREAMS")), more...)
			}
			return errors.Join(s.entries(x, "1-0 f v", "2-0 f w"), s.entries(y, "5-0 g v"),
				s.wantReply(driver.ArrayReply(dataReply(x.Text), entries("2-0 f w"), dataReply(y.Text), entries("5-0 g v")), "XREAD", read("", x, y, none, literal("1-0"), literal("0"), literal("0"))...),
				s.wantReply(driver.ArrayReply(dataReply(x.Text), entries("1-0 f v")), "XREAD", read("COUNT 1", x, y, literal("0-5"), literal("5-0"))...),
				s.wantReply(null, "XREAD", read("", x, y, none, literal("$"), literal("9"), literal("0"))...),
				s.wantSyntaxErr("XREAD", read("", x, y, literal("0"))...), s.wantSyntaxErr("XREAD", read("", x, literal("word"))...), s.wantSyntaxErr("XREAD", read("", x, literal(">"))...),
				s.set(text.Text, "v", long), s.wantCommandErr(driver.ErrWrongType, "XREAD", read("", text, literal("0"))...))
		}),
		command("XDEL", "deletes entries and answers how many there were; an emptied stream stays, and remembers its last id", needs("XADD", "XRANGE"), func(s *subject) error {
			x := s.slotKey("x")
			return errors.Join(s.wantReply(zero, "XDEL", x, literal("1-0")), s.entries(x, "1-0 f v", "2-0 f v", "3-0 f v"),
				s.wantReply(driver.IntReply(2), "XDEL", x, literal("2-0"), literal("9-9"), literal("1"), literal("2-0")), s.wantEntries(x, "3-0 f v"),
				s.wantSyntaxErr("XDEL", x, literal("word")), s.wantReply(one, "XDEL", x, literal("3-0")), s.wantEntries(x),
				s.wantSyntaxErr("XADD", append(literals(x, "3-0"), driver.Field("f"), element("v"))...), s.wantNotText("XDEL", literal("1-0")))
		}),
		command("XTRIM", "deletes the first entries, until there are so many, or none is before an id, and answers how many that were", needs("XADD", "XRANGE"), func(s *subject) error {
			x := s.slotKey("x")
			return errors.Join(s.wantReply(zero, "XTRIM", literals(x, "MAXLEN 5")...), s.entries(x, "1-0 f v", "2-0 f v", "3-0 f v", "4-0 f v"),
				s.wantReply(one, "XTRIM", literals(x, "MAXLEN = 3")...), s.wantEntries(x, "2-0 f v", "3-0 f v", "4-0 f v"),
				s.wantReply(one, "XTRIM", literals(x, "MINID 3-0")...), s.wantEntries(x, "3-0 f v", "4-0 f v"), s.wantReply(zero, "XTRIM", literals(x, "MAXLEN ~ 1000")...),
				s.trimsAtMost(1, literals(s.slotKey("about"), "MINID ~ 9 LIMIT 1")),
				s.wantSyntaxErr("XTRIM", literals(x, "MAXLEN -1")...), s.wantSyntaxErr("XTRIM", literals(x, "MAXLEN word")...), s.wantSyntaxErr("XTRIM", literals(x, "NOSUCH 1")...),
				s.wantSyntaxErr("XTRIM", literals(x, "MAXLEN 1 LIMIT 1")...), s.wantReply(driver.IntReply(2), "XTRIM", literals(x, "MAXLEN 0")...), s.wantEntries(x), s.wantNotText("XTRIM", literal("MAXLEN"), driver.Int(1)))
		}),
		command("XGROUP", "makes groups and consumers, moves and removes them; what there is not is ErrNotFound, a group that there is already ErrNotStored", groups, func(s *subject) error {
			x, none := s.slotKey("x"), s.slotKey("none")
			do := func(want driver.Reply, line string) error {
				return s.wantReply(want, "XGROUP", onKeys(x, line).Args...)
			}
			fails := func(want error, key driver.Arg, line string) error {
				return s.wantCommandErr(want, "XGROUP", onKeys(key, line).Args...)
			}
			return errors.Join(fails(driver.ErrNotFound, none, "XGROUP CREATE KEY g 0"), s.wantMiss(none.Text), do(okReply, "XGROUP CREATE KEY g $ MKSTREAM"), fails(driver.ErrNotStored, x, "XGROUP CREATE KEY g 0"),
				s.entries(x, "1-0 f v", "2-0 f v"), do(okReply, "XGROUP CREATE KEY h 1-0"), s.wantRead(x, "h", "c", ">", "2-0 f v"), do(okReply, "XGROUP SETID KEY h 0"), do(okReply, "XGROUP SETID KEY g $"),
				s.wantRead(x, "g", "c", ">"), s.wantRead(x, "h", "c", ">", "1-0 f v", "2-0 f v"),
				do(one, "XGROUP CREATECONSUMER KEY h d"), do(zero, "XGROUP CREATECONSUMER KEY h c"), do(driver.IntReply(2), "XGROUP DELCONSUMER KEY h c"), do(zero, "XGROUP DELCONSUMER KEY h c"),
				s.wantReply(driver.ArrayReply(zero, null, null, null), "XPENDING", x, literal("h")),
				do(one, "XGROUP DESTROY KEY h"), do(zero, "XGROUP DESTROY KEY h"), fails(driver.ErrNotFound, x, "XGROUP SETID KEY h 0"), fails(driver.ErrNotFound, x, "XGROUP CREATECONSUMER KEY h c"),
				fails(driver.ErrNotFound, x, "XGROUP DELCONSUMER KEY h c"), fails(driver.ErrSyntax, x, "XGROUP CREATE KEY i word"), fails(driver.ErrSyntax, x, "XGROUP DESTROY KEY"),
				s.set(none.Text, "v", long), fails(driver.ErrWrongType, none, "XGROUP CREATE KEY g 0"), s.wantValue(none.Text, "v"))
		}),
		command("XREADGROUP", "delivers each entry to one consumer of a group, who has it pending unless it is told NOACK; with an id for > it answers what is pending for the consumer, without fields if the entry is deleted", append(groups, needs("XDEL")...), func(s *subject) error {
			x, text := s.slotKey("x"), s.slotKey("text")
			read := func(line string) []driver.Arg { return onKeys(x, line).Args }
			return errors.Join(s.wantCommandErr(driver.ErrNotFound, "XREADGROUP", read("XREADGROUP GROUP g c STREAMS KEY >")...), s.entries(x, "1-0 f v", "2-0 f w", "3-0 f x", "4-0 f y"), s.group(x, "g"),
				s.wantReply(driver.ArrayReply(dataReply(x.Text), entries("1-0 f v")), "XREADGROUP", read("XREADGROUP GROUP g c COUNT 1 STREAMS KEY >")...),
				s.wantReply(driver.ArrayReply(dataReply(x.Text), entries("2-0 f w")), "XREADGROUP", read("XREADGROUP GROUP g d COUNT 1 NOACK STREAMS KEY >")...),
				s.wantRead(x, "g", "c", ">", "3-0 f x", "4-0 f y"), s.wantReply(null, "XREADGROUP", read("XREADGROUP GROUP g d STREAMS KEY >")...),
				s.wantReply(driver.ArrayReply(dataReply(x.Text), none), "XREADGROUP", read("XREADGROUP GROUP g d STREAMS KEY 0")...),
				s.wantReply(one, "XDEL", x, literal("3-0")),
				s.wantReply(driver.ArrayReply(dataReply(x.Text), driver.ArrayReply(append(entries("1-0 f v").Items, driver.ArrayReply(dataReply("3-0"), null), entries("4-0 f y").Items[0])...)), "XREADGROUP", read("XREADGROUP GROUP g c STREAMS KEY 0")...),
				s.wantCommandErr(driver.ErrNotFound, "XREADGROUP", read("XREADGROUP GROUP other c STREAMS KEY >")...), s.wantSyntaxErr("XREADGROUP", read("XREADGROUP GROUP g c STREAMS KEY $")...),
				s.wantSyntaxErr("XREADGROUP", read("XREADGROUP COUNT 1 NOACK STREAMS KEY >")...), s.wantSyntaxErr("XREADGROUP", read("XREADGROUP GROUP g c STREAMS KEY KEY >")...),
				s.set(text.Text, "v", long), s.wantCommandErr(driver.ErrWrongType, "XREADGROUP", onKeys(text, "XREADGROUP GROUP g c STREAMS KEY >").Args...))
		}),
		command("XACK", "ends that entries are pending and answers how many were; 0 without a key or its group", groups, func(s *subject) error {
			x := s.slotKey("x")
			return errors.Join(s.wantReply(zero, "XACK", literals(x, "g 1-0")...), s.entries(x, "1-0 f v", "2-0 f v", "3-0 f v"), s.wantReply(zero, "XACK", literals(x, "g 1-0")...), s.group(x, "g"),
				s.wantRead(x, "g", "c", ">", "1-0 f v", "2-0 f v", "3-0 f v"), s.wantReply(driver.IntReply(2), "XACK", literals(x, "g 1-0 3-0 9-0 1-0")...),
				s.wantReply(driver.ArrayReply(one, dataReply("2-0"), dataReply("2-0"), driver.ArrayReply(dataReply("c"), one)), "XPENDING", x, literal("g")),
				s.wantSyntaxErr("XACK", literals(x, "g word")...), s.wantNotText("XACK", literal("g"), literal("1-0")))
		}),
		command("XPENDING", "answers how many entries are pending, the first and the last of them and how many each consumer has, or for a range of ids each with its consumer, how long ago and how often it was delivered", groups, func(s *subject) error {
			x := s.slotKey("x")
			return errors.Join(s.wantCommandErr(driver.ErrNotFound, "XPENDING", x, literal("g")), s.entries(x, "1-0 f v", "2-0 f v", "3-0 f v"), s.group(x, "g"), s.wantReply(driver.ArrayReply(zero, null, null, null), "XPENDING", x, literal("g")),
				s.wantReply(driver.ArrayReply(dataReply(x.Text), entries("1-0 f v")), "XREADGROUP", onKeys(x, "XREADGROUP GROUP g d COUNT 1 STREAMS KEY >").Args...), s.wantRead(x, "g", "c", ">", "2-0 f v", "3-0 f v"),
				s.wantReply(driver.ArrayReply(driver.IntReply(3), dataReply("1-0"), dataReply("3-0"), driver.ArrayReply(dataReply("c"), driver.IntReply(2), dataReply("d"), one)), "XPENDING", x, literal("g")),
				s.wantPending(x, "- + 10", "1-0 d 1", "2-0 c 1", "3-0 c 1"), s.wantPending(x, "(1-0 3 1", "2-0 c 1"), s.wantPending(x, "- + 10 d", "1-0 d 1"), s.wantPending(x, "- + 10 nobody"), s.wantPending(x, "IDLE 1000000000 - + 10"),
				s.wantPending(x, "IDLE 0 - + 1 c", "2-0 c 1"), s.wantPending(x, "- + 0"),
				s.wantCommandErr(driver.ErrNotFound, "XPENDING", x, literal("other")), s.wantSyntaxErr("XPENDING", literals(x, "g - +")...), s.wantSyntaxErr("XPENDING", literals(x, "g word + 1")...),
				s.wantSyntaxErr("XPENDING", literals(x, "g - + word")...), s.wantNotText("XPENDING", literal("g")))
		}),
		command("XCLAIM", "gives a consumer entries that are pending for others and idle long enough, and answers them, or with JUSTID their ids; of what is deleted nothing is left", append(groups, needs("XDEL")...), func(s *subject) error {
			x := s.slotKey("x")
			claim := func(line string) []driver.Arg { return literals(x, line) }
			return errors.Join(s.wantCommandErr(driver.ErrNotFound, "XCLAIM", claim("g d 0 1-0")...), s.entries(x, "1-0 f v", "2-0 f w", "3-0 f v", "4-0 f y"), s.group(x, "g"),
				s.wantReply(driver.ArrayReply(dataReply(x.Text), entries("1-0 f v", "2-0 f w", "3-0 f v")), "XREADGROUP", onKeys(x, "XREADGROUP GROUP g c COUNT 3 STREAMS KEY >").Args...),
				s.wantReply(none, "XCLAIM", claim("g d 1000000000 1-0")...), s.wantReply(entries("2-0 f w"), "XCLAIM", claim("g d 0 2-0 9-0 4-0")...), s.wantPending(x, "- + 10", "1-0 c 1", "2-0 d 2", "3-0 c 1"),
				s.wantReply(driver.ArrayReply(dataReply("1-0")), "XCLAIM", claim("g d 0 1-0 JUSTID")...), s.wantPending(x, "- + 10", "1-0 d 1", "2-0 d 2", "3-0 c 1"),
				s.wantReply(one, "XDEL", x, literal("3-0")), s.wantReply(none, "XCLAIM", claim("g d 0 3-0")...), s.wantPending(x, "- + 10", "1-0 d 1", "2-0 d 2"),
				s.wantReply(driver.ArrayReply(dataReply("4-0")), "XCLAIM", claim("g e 0 4-0 FORCE JUSTID")...), s.wantPending(x, "- + 10", "1-0 d 1", "2-0 d 2", "4-0 e 1"), // Redis counts a delivery that did not happen
				s.wantReply(entries("4-0 f y"), "XCLAIM", claim("g e 0 4-0 FORCE RETRYCOUNT 7 IDLE 5")...), s.wantPending(x, "- + 10", "1-0 d 1", "2-0 d 2", "4-0 e 7"),
				s.wantSyntaxErr("XCLAIM", claim("g d word 1-0")...), s.wantSyntaxErr("XCLAIM", claim("g d 0 1-0 NOSUCH")...), s.wantNotText("XCLAIM", literal("g"), literal("c"), driver.Int(0), literal("1-0")))
		}),
		command("XAUTOCLAIM", "gives a consumer entries that are pending for others and idle long enough, from an id on and up to a count, and answers where to go on, what it gave, and the ids of what is deleted", append(groups, needs("XDEL")...), func(s *subject) error {
			x := s.slotKey("x")
			claim := func(line string) []driver.Arg { return literals(x, line) }
			return errors.Join(s.wantCommandErr(driver.ErrNotFound, "XAUTOCLAIM", claim("g d 0 0")...), s.entries(x, "1-0 f v", "2-0 f w", "3-0 f v", "4-0 f y"), s.group(x, "g"), s.wantRead(x, "g", "c", ">", "1-0 f v", "2-0 f w", "3-0 f v", "4-0 f y"),
				s.wantReply(driver.ArrayReply(dataReply("0-0"), none, none), "XAUTOCLAIM", claim("g d 1000000000 0")...),
				s.wantReply(driver.ArrayReply(dataReply("3-0"), entries("1-0 f v", "2-0 f w"), none), "XAUTOCLAIM", claim("g d 0 - COUNT 2")...),
				s.wantReply(one, "XDEL", x, literal("3-0")),
				s.wantReply(driver.ArrayReply(dataReply("0-0"), driver.ArrayReply(dataReply("4-0")), driver.ArrayReply(dataReply("3-0"))), "XAUTOCLAIM", claim("g e 0 (2-0 JUSTID")...),
				s.wantPending(x, "- + 10", "1-0 d 2", "2-0 d 2", "4-0 e 1"),
				s.wantSyntaxErr("XAUTOCLAIM", claim("g d word 0")...), s.wantSyntaxErr("XAUTOCLAIM", claim("g d 0 0 COUNT 0")...), s.wantSyntaxErr("XAUTOCLAIM", claim("g d 0 word")...),
				s.wantNotText("XAUTOCLAIM", literal("g"), literal("c"), driver.Int(0), literal("0")))
		}),
		command("XINFO", "answers what there is to know of a stream, its groups or the consumers of one, in the same order always; what there is not is ErrNotFound", append(groups, needs("XDEL")...), func(s *subject) error {
			x, text := s.slotKey("x"), s.slotKey("text")
			info := func(line string) []driver.Arg { return onKeys(x, line).Args }
			errs := []error{s.wantCommandErr(driver.ErrNotFound, "XINFO", info("XINFO STREAM KEY")...), s.entries(x, "1-0 f v", "2-0 f w", "3-0 f v"), s.group(x, "g"), s.group(x, "a"),
				s.wantReply(driver.ArrayReply(dataReply(x.Text), entries("1-0 f v", "2-0 f w")), "XREADGROUP", onKeys(x, "XREADGROUP GROUP g c COUNT 2 STREAMS KEY >").Args...), s.wantReply(one, "XDEL", x, literal("3-0"))}
			for _, test := range []struct {
				line string
				want []driver.Reply // the first part of the expected reply
			}{
				{"XINFO STREAM KEY", []driver.Reply{dataReply("length"), driver.IntReply(2), dataReply("last-generated-id"), dataReply("3-0"), dataReply("max-deleted-entry-id"), dataReply("3-0"),
					dataReply("entries-added"), driver.IntReply(3), dataReply("recorded-first-entry-id"), dataReply("1-0"), dataReply("groups"), driver.IntReply(2),
					dataReply("first-entry"), entries("1-0 f v").Items[0], dataReply("last-entry"), entries("2-0 f w").Items[0]}},
				{"XINFO GROUPS KEY", []driver.Reply{dataReply("name"), dataReply("a"), dataReply("consumers"), zero, dataReply("pending"), zero, dataReply("last-delivered-id"), dataReply("0-0"), dataReply("entries-read"), null}},
				{"XINFO CONSUMERS KEY g", []driver.Reply{dataReply("name"), dataReply("c"), dataReply("pending"), driver.IntReply(2), dataReply("idle")}},
			} {
				test.want = s.told(test.want)
				reply, err := s.do("XINFO", info(test.line)...)
				if len(reply.Items) > 0 && reply.Items[0].Kind == driver.ReplyArray {
					reply = reply.Items[0]
				}
				got := driver.ArrayReply(reply.Items[:min(len(reply.Items), len(test.want))]...)
				errs = append(errs, err, that(sameReply(got, driver.ArrayReply(test.want...)), "%s answers %s, want %s", test.line, replyText(got), replyText(driver.ArrayReply(test.want...))))
			}
			return errors.Join(append(errs, s.wantCommandErr(driver.ErrNotFound, "XINFO", info("XINFO CONSUMERS KEY none")...), s.wantSyntaxErr("XINFO", info("XINFO CONSUMERS KEY")...),
				s.set(text.Text, "v", long), s.wantCommandErr(driver.ErrWrongType, "XINFO", onKeys(text, "XINFO STREAM KEY").Args...))...)
		}),
	}
}

// newFields are the fields in XINFO's replies that some servers lack.
var newFields = []string{"max-deleted-entry-id", "entries-added", "recorded-first-entry-id", "entries-read", "lag"}

// told returns a flat list of names and values without the fields that the server lacks.
func (s *subject) told(pairs []driver.Reply) []driver.Reply {
	var told []driver.Reply
	for i := 0; i < len(pairs); i += 2 {
		if !slices.Contains(s.h.ServerLacksFields, string(pairs[i].Data)) {
			told = append(told, pairs[i:min(i+2, len(pairs))]...)
		}
	}
	return told
}

// streamRanges checks XRANGE or XREVRANGE. want has the IDs of the returned entries.
func streamRanges(name string, want map[string]string) func(*subject) error {
	return func(s *subject) error {
		x := s.slotKey("x")
		errs := []error{s.wantReply(driver.ArrayReply(), name, literals(x, "- +")...), s.entries(x, "1-0 f v", "1-1 f v", "2-0 f v g w", "3-5 f v")}
		for line, ids := range want {
			var list []string
			for id := range strings.FieldsSeq(ids) {
				list = append(list, id+map[bool]string{false: " f v", true: " f v g w"}[id == "2-0"])
			}
			errs = append(errs, s.wantReply(entries(list...), name, literals(x, line)...))
		}
		for _, bad := range []string{"word +", "- word", "- + COUNT", "- + COUNT word", "- + NOSUCH 1"} {
			errs = append(errs, s.wantSyntaxErr(name, literals(x, bad)...))
		}
		return errors.Join(append(errs, s.wantNotText(name, literal("-"), literal("+")))...)
	}
}

// entries adds entries to a stream. Each entry is an ID, and fields with their values: "1-0
// f v".
func (s *subject) entries(x driver.Arg, entries ...string) error {
	var errs []error
	for _, text := range entries {
		words := strings.Fields(text)
		args := []driver.Arg{x, literal(words[0])}
		for i := 1; i < len(words); i += 2 {
			args = append(args, driver.Field(words[i]), element(words[i+1]))
		}
		errs = append(errs, s.wantReply(dataReply(words[0]), "XADD", args...))
	}
	return errors.Join(errs...)
}

// entries returns a reply with entries, in the form of subject.entries' arguments; _ is an
// empty value.
func entries(list ...string) driver.Reply {
	reply := driver.ArrayReply()
	for _, text := range list {
		id, fields, _ := strings.Cut(text, " ")
		pairs := texts(fields)
		for i := range pairs.Items {
			if string(pairs.Items[i].Data) == "_" {
				pairs.Items[i] = dataReply("")
			}
		}
		reply.Items = append(reply.Items, driver.ArrayReply(dataReply(id), pairs))
	}
	return reply
}

func (s *subject) wantEntries(x driver.Arg, want ...string) error {
	return s.wantReply(entries(want...), "XRANGE", x, literal("-"), literal("+"))
}

// group makes a group that reads a stream from its beginning.
func (s *subject) group(x driver.Arg, name string) error {
	return s.wantReply(okReply, "XGROUP", literal("CREATE"), x, literal(name), driver.Int(0))
}

// wantRead reads all for a consumer of a group.
func (s *subject) wantRead(x driver.Arg, group, consumer, id string, want ...string) error {
	reply := driver.Reply{}
	if len(want) > 0 {
		reply = driver.ArrayReply(dataReply(x.Text), entries(want...))
	}
	return s.wantReply(reply, "XREADGROUP", onKeys(x, fmt.Sprintf("XREADGROUP GROUP %s %s STREAMS KEY %s", group, consumer, id)).Args...)
}

// wantPending compares the pending entries of group g: IDs, consumers, and numbers of
// deliveries.
func (s *subject) wantPending(x driver.Arg, line string, want ...string) error {
	reply, err := s.do("XPENDING", literals(x, "g "+line)...)
	var got []string
	for _, item := range reply.Items {
		if len(item.Items) == 4 {
			got = append(got, fmt.Sprintf("%s %s %d", item.Items[0].Data, item.Items[1].Data, item.Items[3].Int))
		}
	}
	return errors.Join(err, that(reply.Kind == driver.ReplyArray, "XPENDING %s answers %s", line, replyText(reply)), expect(strings.Join(got, ", "), strings.Join(want, ", "), "XPENDING %s", line))
}

// trimsAtMost wants XTRIM to delete no more entries of a stream of three than its LIMIT.
func (s *subject) trimsAtMost(limit int, args []driver.Arg) error {
	if err := s.entries(args[0], "1-0 f v", "2-0 f v", "3-0 f v"); err != nil {
		return err
	}
	reply, err := s.do("XTRIM", args...)
	if err != nil {
		return err
	}
	trimmed, err := reply.AsInt()
	if err != nil {
		return err
	}
	return errors.Join(s.wantReply(driver.IntReply(3-trimmed), "XLEN", args[0]),
		that(trimmed <= int64(limit), "XTRIM with a LIMIT of %d deletes %d entries", limit, trimmed))
}
