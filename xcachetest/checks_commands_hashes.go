package xcachetest

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/xcache-go/xcache/driver"
)

// hashCommandChecks has the checks of the commands of hashes.
func hashCommandChecks() []check {
	return []check{
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
		command("HSET", "sets fields, one or many, and answers how many are new; the TTL of the key stays; ErrSyntax for a field without a value, ErrWrongType for a string, which stays", needs("HGETALL"), func(s *subject) error {
			hash, text := s.slotKey("hash"), s.slotKey("text")
			return errors.Join(s.wantReply(driver.IntReply(1), "HSET", hash, driver.Field("a"), element("1")), s.keepsTTL(hash.Text, func() error {
				return s.wantReply(driver.IntReply(2), "HSET", fields(hash, "a", "2", "b", "", "c\x00", "3", "b", "4")...)
			}), s.wantHash(hash, "a", "2", "b", "4", "c\x00", "3"), s.wantReply(driver.IntReply(0), "HSET", hash, driver.Field("a"), element("")),
				s.wantSyntaxErr("HSET", hash, driver.Field("a")), s.wantSyntaxErr("HSET", hash, driver.Field("a"), element("5"), driver.Field("d")),
				s.wantHash(hash, "a", "", "b", "4", "c\x00", "3"),
				s.set(text.Text, "v", long), s.wantCommandErr(driver.ErrWrongType, "HSET", text, driver.Field("a"), element("1")), s.wantValue(text.Text, "v"))
		}),
		command("HSETNX", "sets a field that is not there and answers 1, or 0 if it is, which stays", needs("HGETALL"), func(s *subject) error {
			hash, text := s.slotKey("hash"), s.slotKey("text")
			return errors.Join(s.wantReply(driver.IntReply(1), "HSETNX", hash, driver.Field("a"), element("1")),
				s.wantReply(driver.IntReply(0), "HSETNX", hash, driver.Field("a"), element("2")), s.wantHash(hash, "a", "1"),
				s.keepsTTL(hash.Text, func() error {
					return s.wantReply(driver.IntReply(1), "HSETNX", hash, driver.Field("b"), element(""))
				}), s.wantHash(hash, "a", "1", "b", ""),
				s.wantSyntaxErr("HSETNX", hash, driver.Field("a")),
				s.set(text.Text, "v", long), s.wantCommandErr(driver.ErrWrongType, "HSETNX", text, driver.Field("a"), element("1")), s.wantValue(text.Text, "v"))
		}),
		command("HMGET", "answers the values of fields in order, duplicates too, and nil for what is absent", needs("HSET"), func(s *subject) error {
			hash, text, none := s.slotKey("hash"), s.slotKey("text"), s.slotKey("none")
			null := driver.Reply{}
			return errors.Join(s.hset(hash, "a", "1", "b", ""),
				s.wantReply(driver.ArrayReply(dataReply(""), null, dataReply("1"), dataReply("")), "HMGET", hash, driver.Field("b"), driver.Field("x"), driver.Field("a"), driver.Field("b")),
				s.wantReply(driver.ArrayReply(null, null), "HMGET", none, driver.Field("a"), driver.Field("b")), s.wantSyntaxErr("HMGET", hash),
				s.set(text.Text, "v", long), s.wantCommandErr(driver.ErrWrongType, "HMGET", text, driver.Field("a")))
		}),
		command("HGETALL", "answers every field with its value, none without a key", needs("HSET"), listsHash("HGETALL", true, true)),
		command("HKEYS", "answers every field, none without a key", needs("HSET"), listsHash("HKEYS", true, false)),
		command("HVALS", "answers the value of every field, none without a key", needs("HSET"), listsHash("HVALS", false, true)),
		command("HDEL", "removes fields and answers how many there were; the TTL of the key stays; a hash that is emptied vanishes", needs("HSET", "HGETALL"), func(s *subject) error {
			hash, text, none := s.slotKey("hash"), s.slotKey("text"), s.slotKey("none")
			return errors.Join(s.hset(hash, "a", "1", "b", "2", "c", "3"), s.keepsTTL(hash.Text, func() error {
				return s.wantReply(driver.IntReply(1), "HDEL", hash, driver.Field("a"), driver.Field("x"), driver.Field("a"))
			}), s.wantHash(hash, "b", "2", "c", "3"), s.wantReply(driver.IntReply(2), "HDEL", hash, driver.Field("b"), driver.Field("c")), s.wantGone(hash.Text),
				s.wantReply(driver.IntReply(0), "HDEL", none, driver.Field("a")), s.wantSyntaxErr("HDEL", none),
				s.set(text.Text, "v", long), s.wantCommandErr(driver.ErrWrongType, "HDEL", text, driver.Field("a")), s.wantValue(text.Text, "v"))
		}),
		command("HLEN", "answers the number of fields, 0 without a key, ErrWrongType for a string", needs("HSET"), func(s *subject) error {
			hash, text := s.slotKey("hash"), s.slotKey("text")
			return errors.Join(s.wantReply(driver.IntReply(0), "HLEN", hash), s.hset(hash, "a", "1", "b", "2"), s.wantReply(driver.IntReply(2), "HLEN", hash),
				s.set(text.Text, "v", long), s.wantCommandErr(driver.ErrWrongType, "HLEN", text))
		}),
		command("HEXISTS", "answers whether there is a field, ErrWrongType for a string", needs("HSET"), func(s *subject) error {
			hash, text := s.slotKey("hash"), s.slotKey("text")
			return errors.Join(s.wantReply(driver.IntReply(0), "HEXISTS", hash, driver.Field("a")), s.hset(hash, "a", ""),
				s.wantReply(driver.IntReply(1), "HEXISTS", hash, driver.Field("a")), s.wantReply(driver.IntReply(0), "HEXISTS", hash, driver.Field("b")),
				s.set(text.Text, "v", long), s.wantCommandErr(driver.ErrWrongType, "HEXISTS", text, driver.Field("a")))
		}),
		command("HSTRLEN", "answers the number of bytes of a field's value, 0 without one, ErrWrongType for a string", needs("HSET"), func(s *subject) error {
			hash, text := s.slotKey("hash"), s.slotKey("text")
			return errors.Join(s.wantReply(driver.IntReply(0), "HSTRLEN", hash, driver.Field("a")), s.hset(hash, "a", "é\x00"),
				s.wantReply(driver.IntReply(3), "HSTRLEN", hash, driver.Field("a")), s.wantReply(driver.IntReply(0), "HSTRLEN", hash, driver.Field("b")),
				s.set(text.Text, "v", long), s.wantCommandErr(driver.ErrWrongType, "HSTRLEN", text, driver.Field("a")))
		}),
		command("HINCRBYFLOAT", "adds to the number in a field, a missing one counts as 0, and answers the sum as text, without an exponent and trailing zeros; ErrWrongType for a text", needs("HSET", "HGET"), func(s *subject) error {
			hash, text, f := s.slotKey("hash"), s.slotKey("text"), driver.Field("f")
			errs := []error{}
			for _, test := range []struct {
				delta driver.Arg
				want  string
			}{{literal("10.5"), "10.5"}, {literal("0.1"), "10.6"}, {driver.Float(-0.6), "10"}, {literal("5.0e3"), "5010"}, {driver.Int(-5010), "0"}} {
				errs = append(errs, s.wantReply(dataReply(test.want), "HINCRBYFLOAT", hash, f, test.delta), s.wantReply(dataReply(test.want), "HGET", hash, f))
			}
			return errors.Join(append(errs, s.keepsTTL(hash.Text, func() error { return s.wantReply(dataReply("1.5"), "HINCRBYFLOAT", hash, f, literal("1.5")) }),
				s.hset(hash, "text", "x"), s.wantCommandErr(driver.ErrWrongType, "HINCRBYFLOAT", hash, driver.Field("text"), driver.Int(1)), s.wantReply(dataReply("x"), "HGET", hash, driver.Field("text")),
				s.wantNumberErr("HINCRBYFLOAT", hash, f, literal("word")), s.wantSyntaxErr("HINCRBYFLOAT", hash, f), s.wantReply(dataReply("1.5"), "HGET", hash, f),
				s.set(text.Text, "v", long), s.wantCommandErr(driver.ErrWrongType, "HINCRBYFLOAT", text, f, driver.Int(1)), s.wantValue(text.Text, "v"))...)
		}),
		command("HRANDFIELD", "answers a field by chance, nil without a key; with a count so many different ones at most, with a negative one so many that may be the same, WITHVALUES each with its value", needs("HSET", "HGETALL"), picksFields),
		command("HSCAN", "answers a cursor, 0 at the end, and fields with their values that match; a field that is there from the first to the last step is answered", needs("HSET", "HDEL"), func(s *subject) error {
			hash, text, none := s.slotKey("hash"), s.slotKey("text"), s.slotKey("none")
			count := func(n int64) []driver.Arg { return []driver.Arg{literal("COUNT"), driver.Int(n)} }
			var all, odd []string
			for i := range scanned {
				field, value := fmt.Sprint("f", i), fmt.Sprint("v", i)
				all = append(all, field, value)
				if i%10 == 1 {
					odd = append(odd, field, value)
				}
			}
			errs := []error{s.hset(none, "a", "1"), s.hset(hash, all...)}
			return errors.Join(append(errs, s.wantKeyScan(all, 2, "HSCAN", hash), s.wantKeyScan(all, 2, "HSCAN", hash, count(7)...), s.wantKeyScan(all, 2, "HSCAN", hash, count(10_000)...),
				s.wantKeyScan(odd, 2, "HSCAN", hash, literal("MATCH"), literal("f*1"), literal("COUNT"), driver.Int(100)), s.wantKeyScan(nil, 2, "HSCAN", hash, literal("match"), literal("g*")),
				s.wantKeyScan([]string{"a", "1"}, 2, "HSCAN", none), s.wantKeyScan(nil, 2, "HSCAN", s.slotKey("absent")),
				s.wantScanOfWhatStays("HSCAN", hash, func(removed []string) error {
					args := []driver.Arg{hash}
					for _, name := range removed {
						args = append(args, driver.Field(name))
					}
					_, err := s.do("HDEL", args...)
					return err
				}, func(i int) error { return s.hset(hash, fmt.Sprint("new", i), "v") }),
				s.wantSyntaxErr("HSCAN", hash, literal("word")), s.wantSyntaxErr("HSCAN", hash, driver.Int(0), literal("COUNT"), driver.Int(0)), s.wantSyntaxErr("HSCAN", hash, driver.Int(0), literal("MATCH")),
				s.wantSyntaxErr("HSCAN", hash, driver.Int(0), literal("WHAT"), literal("x")), s.wantSyntaxErr("HSCAN", hash),
				s.set(text.Text, "v", long), s.wantCommandErr(driver.ErrWrongType, "HSCAN", text, driver.Int(0)))...)
		}),
	}
}

// fields returns a key, followed by fields and their values.
func fields(key driver.Arg, pairs ...string) []driver.Arg {
	args := []driver.Arg{key}
	for i := 0; i < len(pairs); i += 2 {
		args = append(args, driver.Field(pairs[i]), element(pairs[i+1]))
	}
	return args
}

// hset sets new fields.
func (s *subject) hset(hash driver.Arg, pairs ...string) error {
	_, err := s.do("HSET", fields(hash, pairs...)...)
	return err
}

// wantHash compares all fields and values of a hash.
func (s *subject) wantHash(hash driver.Arg, pairs ...string) error {
	return s.wantUnordered(pairs, 2, "HGETALL", hash)
}

// listsHash checks a command that returns all fields of a hash, their values, or both.
func listsHash(name string, names, values bool) func(s *subject) error {
	return func(s *subject) error {
		hash, text := s.slotKey("hash"), s.slotKey("text")
		pairs := []string{"a", "1", "b\x00", "1", "", ""}
		want, group := pairs, 2
		if !names || !values {
			want, group = nil, 1
			for i := 0; i < len(pairs); i += 2 {
				if names {
					want = append(want, pairs[i])
				} else {
					want = append(want, pairs[i+1])
				}
			}
		}
		return errors.Join(s.wantReply(driver.ArrayReply(), name, hash), s.hset(hash, pairs...), s.wantUnordered(want, group, name, hash),
			s.set(text.Text, "v", long), s.wantCommandErr(driver.ErrWrongType, name, text))
	}
}

// picksFields is the check of HRANDFIELD.
func picksFields(s *subject) error {
	hash, text, none := s.slotKey("hash"), s.slotKey("text"), s.slotKey("none")
	pairs := []string{"a", "1", "b", "2", "c", "3"}
	valueOf := map[string]string{"a": "1", "b": "2", "c": "3"}
	errs := []error{s.hset(hash, pairs...),
		s.wantReply(driver.Reply{}, "HRANDFIELD", none), s.wantReply(driver.ArrayReply(), "HRANDFIELD", none, driver.Int(2)), s.wantReply(driver.ArrayReply(), "HRANDFIELD", none, driver.Int(-2), literal("WITHVALUES")),
		s.wantReply(driver.ArrayReply(), "HRANDFIELD", hash, driver.Int(0)),
		s.wantUnordered([]string{"a", "b", "c"}, 1, "HRANDFIELD", hash, driver.Int(9)), s.wantUnordered(pairs, 2, "HRANDFIELD", hash, driver.Int(3), literal("withvalues"))}
	one, err := s.do("HRANDFIELD", hash)
	errs = append(errs, err, that(valueOf[string(one.Data)] != "", "HRANDFIELD answers %s, which is no field", replyText(one)))
	two, err := s.do("HRANDFIELD", hash, driver.Int(2))
	errs = append(errs, err, that(len(two.Items) == 2 && string(two.Items[0].Data) != string(two.Items[1].Data), "HRANDFIELD with a count of 2 answers %s, want two different fields", replyText(two)))
	many, err := s.do("HRANDFIELD", hash, driver.Int(-20), literal("WITHVALUES"))
	errs = append(errs, err, expect(len(many.Items), 40, "fields and values that HRANDFIELD with a count of -20 answers"))
	for pair := range slices.Chunk(many.Items, 2) {
		errs = append(errs, that(len(pair) == 2 && valueOf[string(pair[0].Data)] == string(pair[1].Data), "HRANDFIELD WITHVALUES answers %s, want fields with their values in turn", replyText(many)))
	}
	return errors.Join(append(errs, s.wantHash(hash, pairs...),
		s.wantSyntaxErr("HRANDFIELD", hash, driver.Int(1), literal("WITHOUTVALUES")), s.wantNumberErr("HRANDFIELD", hash, literal("word")),
		s.set(text.Text, "v", long), s.wantCommandErr(driver.ErrWrongType, "HRANDFIELD", text))...)
}

// scanned is the number of elements for scans that take several steps.
const scanned = 300

// wantScanOfWhatStays scans f0, f1… in small steps. Between the steps, all elements but
// every tenth are removed, and other elements are added.
func (s *subject) wantScanOfWhatStays(name string, key driver.Arg, remove func(names []string) error, add func(i int) error) error {
	seen := make(map[string]bool)
	cursor := dataReply("0")
	for step := 0; ; step++ {
		got, err := s.do(name, key, literal(string(cursor.Data)), literal("COUNT"), driver.Int(20))
		if err != nil || len(got.Items) != 2 {
			return fmt.Errorf("%s answers %s, %w", name, replyText(got), orNone(err))
		}
		for _, item := range got.Items[1].Items {
			seen[string(item.Data)] = true
		}
		if cursor = got.Items[0]; string(cursor.Data) == "0" {
			break
		}
		if step > 1000 {
			return fmt.Errorf("%s does not come to an end", name)
		}
		var names []string
		for i := 40 * step; i < min(scanned, 40*(step+1)); i++ {
			if i%10 != 0 {
				names = append(names, fmt.Sprint("f", i))
			}
		}
		if len(names) > 0 {
			err = remove(names)
		}
		if err = errors.Join(err, add(step)); err != nil {
			return err
		}
	}
	for i := 0; i < scanned; i += 10 {
		if !seen[fmt.Sprint("f", i)] {
			return fmt.Errorf("%s did not answer f%d, which was there from its first to its last step", name, i)
		}
	}
	return nil
}
