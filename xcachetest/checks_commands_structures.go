package xcachetest

import (
	"errors"

	"github.com/xcache-go/xcache/driver"
)

// structureChecks are the command checks of scripts.
func structureChecks() []check {
	return []check{
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
