package xcachetest

import (
	"errors"
	"strings"

	"github.com/xcache-go/xcache/driver"
)

// structureChecks has the checks of the commands of scripts.
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
				s.wantReply(dataReply("y"), "EVALSHA", literal(sum), driver.Int(1), key, element("y")),
				s.wantCommandErr(driver.ErrScript, "EVALSHA", literal(strings.Repeat("0", 40)), driver.Int(1), key, element("y")))
		}),
		command("EVAL_RO", "runs a script that only reads; what would write is refused", needs("SET"), func(s *subject) error {
			a := s.slotKey("a")
			return errors.Join(s.set(a.Text, "v", long),
				s.wantReply(dataReply("v"), "EVAL_RO", literal("return redis.call('GET', KEYS[1])"), driver.Int(1), a),
				s.wantCommandErr(driver.ErrScript, "EVAL_RO", literal("return redis.call('SET', KEYS[1], ARGV[1])"), driver.Int(1), a, element("w")), s.wantValue(a.Text, "v"))
		}),
		command("EVALSHA_RO", "runs a script that EVAL_RO has run before, by the SHA-1 of its text", needs("EVAL_RO"), func(s *subject) error {
			const source, sum = "return ARGV[1]", "098e0f0d1448c0a81dafe820f66d460eb09263da"
			key := s.slotKey("k")
			return s.eventually(func() error { // the function must reach each replica
				return errors.Join(s.wantReply(dataReply("x"), "EVAL_RO", literal(source), driver.Int(1), key, element("x")),
					s.wantReply(dataReply("y"), "EVALSHA_RO", literal(sum), driver.Int(1), key, element("y")))
			})
		}),
		command("FCALL", "calls a function that a library has; one that none has is ErrScript", needs("SET"), func(s *subject) error {
			a := s.slotKey("a")
			return errors.Join(s.wantCommandErr(driver.ErrScript, "FCALL", literal("xcachetest_nosuch"), driver.Int(1), a), s.withFunctions(a, func() error {
				return errors.Join(s.wantReply(okReply, "FCALL", literal("xcachetest_set"), driver.Int(1), a, element("v")), s.wantValue(a.Text, "v"))
			}))
		}),
		command("FCALL_RO", "calls a function that only reads; one that may write is refused", needs("FCALL", "SET"), func(s *subject) error {
			a := s.slotKey("a")
			return errors.Join(s.wantCommandErr(driver.ErrScript, "FCALL_RO", literal("xcachetest_nosuch"), driver.Int(1), a), s.withFunctions(a, func() error {
				err := errors.Join(s.set(a.Text, "v", long), s.wantReply(dataReply("v"), "FCALL_RO", literal("xcachetest_get"), driver.Int(1), a))
				_, refused := s.do("FCALL_RO", literal("xcachetest_set"), driver.Int(1), a, element("w"))
				if !errors.Is(refused, driver.ErrReadOnly) { // replicas reply so
					err = errors.Join(err, s.wantErr(refused, driver.ErrScript, "FCALL_RO of a function that may write"))
				}
				return errors.Join(err, s.wantValue(a.Text, "v"))
			}))
		}),
	}
}

// library has the functions xcachetest_get and xcachetest_set.
const library = `#!lua name=xcachetest
redis.register_function{function_name='xcachetest_get', callback=function(keys, args) return redis.call('GET', keys[1]) end, flags={'no-writes'}}
redis.register_function('xcachetest_set', function(keys, args) return redis.call('SET', keys[1], args[1]) end)`

// withFunctions runs a check of the functions of the library, on the server with key. The
// check needs the permission to load the library.
func (s *subject) withFunctions(key driver.Arg, run func() error) error {
	if !s.h.Exclusive {
		return nil
	}
	function := func(args ...driver.Arg) error {
		cmd := driver.NewCustomCmd("FUNCTION", args...)
		return cmpErr(s.caps.Commander.Do(noDeadline, []*driver.Cmd{cmd}, driver.Plain), cmd.Err)
	}
	err := s.eventually(func() error { // any server of a cluster may load the library
		err := function(literal("LOAD"), literal("REPLACE"), literal(library))
		_, callErr := s.do("FCALL", literal("xcachetest_get"), driver.Int(1), key)
		return errors.Join(err, callErr)
	})
	err = errors.Join(err, run())
	_ = function(literal("DELETE"), literal("xcachetest")) // any server may get the command, and only one server has the library
	return err
}
