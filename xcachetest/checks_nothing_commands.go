package xcachetest

import (
	"errors"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/xcache-go/xcache/driver"
)

// A lone is a command with the reply of an empty database.
type lone struct {
	cmd  *driver.Cmd
	want driver.Reply
	err  error
}

// emptyReplies returns the commands with a reply of an empty database. The commands in
// madeUp are missing.
func emptyReplies(key driver.Arg) []lone {
	v, f, moment := element("v"), driver.Field("f"), driver.WaitSeconds(time.Millisecond)
	zero, one, null, none := driver.IntReply(0), driver.IntReply(1), driver.Reply{}, driver.ArrayReply()
	answers := func(want driver.Reply, name string, args ...driver.Arg) lone {
		return lone{cmd: driver.NewCmd(name, args...), want: want}
	}
	fails := func(err error, name string, args ...driver.Arg) lone {
		return lone{cmd: driver.NewCmd(name, args...), err: err}
	}
	return append([]lone{
		answers(dataReply("PONG"), "PING"), answers(dataReply("hello"), "PING", literal("hello")),

		answers(zero, "PUBLISH", key, v), answers(zero, "SPUBLISH", key, v),
		answers(zero, "DEL", key, key), answers(zero, "UNLINK", key, key), answers(zero, "EXISTS", key, key),
		answers(zero, "PERSIST", key), answers(zero, driver.CmdPersist, key),
		answers(zero, "PEXPIRE", key, driver.Int(1000)), answers(zero, "PEXPIRE", key, driver.Int(-1)),
		answers(driver.IntReply(-2), "PTTL", key), answers(dataReply("none"), "TYPE", key), answers(null, "DUMP", key),
		fails(driver.ErrNotFound, "RENAME", key, key), fails(driver.ErrNotFound, "RENAMENX", key, key), answers(okReply, "FLUSHDB"),

		answers(okReply, "SET", key, v), answers(okReply, "SET", key, v, literal("NX")), answers(null, "SET", key, v, literal("XX")),
		answers(null, "SET", key, v, literal("GET")), answers(okReply, "SET", key, v, literal("PX"), driver.Int(1000)), answers(okReply, "SET", key, v, literal("KEEPTTL")),
		answers(null, "GET", key), answers(driver.ArrayReply(null, null), "MGET", key, key), answers(null, "GETDEL", key), answers(null, "GETEX", key, literal("PX"), driver.Int(1000)), answers(zero, "STRLEN", key),
		answers(one, "INCR", key), answers(driver.IntReply(-1), "DECR", key), answers(driver.IntReply(5), "INCRBY", key, driver.Int(5)), answers(driver.IntReply(-5), "DECRBY", key, driver.Int(5)),
		fails(driver.ErrOverflow, "DECRBY", key, driver.Int(math.MinInt64)),
		answers(null, driver.CmdIncr, key, driver.Int(1)), answers(driver.IntReply(7), driver.CmdIncrInit, key, driver.Int(-3), driver.Int(10), driver.TTLArg(long)),
		fails(driver.ErrOverflow, driver.CmdIncrInit, key, driver.Int(1), driver.Int(math.MaxInt64), driver.TTLArg(long)),
		answers(null, driver.CmdSwap, key, v, driver.TTLArg(long)), answers(dataReply("v"), driver.CmdGeneration, key, v, driver.TTLArg(long)),
		answers(zero, driver.CmdCompareAndSwap, key, v, v, driver.TTLArg(long)), answers(zero, driver.CmdCompareAndDelete, key, v),

		answers(driver.IntReply(2), "LPUSH", key, v, v), answers(driver.IntReply(2), "RPUSH", key, v, v),
		answers(null, "LPOP", key), answers(null, "RPOP", key), answers(null, "LPOP", key, driver.Int(2)), answers(null, "RPOP", key, driver.Int(2)),
		answers(none, "LRANGE", key, driver.Int(0), driver.Int(-1)), answers(zero, "LLEN", key),
		answers(zero, "LPUSHX", key, v), answers(zero, "RPUSHX", key, v, v), answers(null, "LINDEX", key, driver.Int(0)),
		answers(okReply, "LTRIM", key, driver.Int(0), driver.Int(-1)), fails(driver.ErrNotFound, "LSET", key, driver.Int(0), v),
		answers(zero, "LINSERT", key, literal("BEFORE"), v, v), answers(zero, "LREM", key, driver.Int(0), v),
		answers(null, "LPOS", key, v), answers(none, "LPOS", key, v, literal("COUNT"), driver.Int(0)),
		answers(null, "LMOVE", key, key, literal("LEFT"), literal("RIGHT")),
		answers(null, "LMPOP", driver.Int(1), key, literal("LEFT")), answers(null, "LMPOP", driver.Int(2), key, key, literal("RIGHT"), literal("COUNT"), driver.Int(2)),

		answers(null, "BLPOP", key, key, moment), answers(null, "BRPOP", key, moment), answers(null, "BLMOVE", key, key, literal("LEFT"), literal("RIGHT"), moment),
		answers(null, "BLMPOP", moment, driver.Int(1), key, literal("LEFT")), answers(null, "BZPOPMIN", key, moment), answers(null, "BZPOPMAX", key, key, moment),
		answers(null, "BZMPOP", moment, driver.Int(2), key, key, literal("MAX"), literal("COUNT"), driver.Int(2)),

		answers(driver.IntReply(2), "SADD", key, v, element("w"), v), answers(zero, "SCARD", key), answers(none, "SMEMBERS", key),
		answers(null, "SPOP", key), answers(none, "SPOP", key, driver.Int(2)),
		answers(zero, "SREM", key, v), answers(zero, "SISMEMBER", key, v), answers(intReplies(0, 0), "SMISMEMBER", key, v, v), answers(zero, "SMOVE", key, key, v),
		answers(null, "SRANDMEMBER", key), answers(none, "SRANDMEMBER", key, driver.Int(-2)), answers(driver.ArrayReply(dataReply("0"), none), "SSCAN", key, driver.Int(0)),
		answers(none, "SUNION", key, key), answers(none, "SINTER", key, key), answers(none, "SDIFF", key, key), answers(zero, "SINTERCARD", driver.Int(2), key, key),
		answers(zero, "SUNIONSTORE", key, key), answers(zero, "SINTERSTORE", key, key), answers(zero, "SDIFFSTORE", key, key, key),

		answers(null, "HGET", key, f), answers(driver.IntReply(5), "HINCRBY", key, f, driver.Int(5)),
		answers(driver.IntReply(2), "HSET", key, f, v, driver.Field("g"), v, f, v), answers(one, "HSETNX", key, f, v), answers(driver.ArrayReply(null, null), "HMGET", key, f, f),
		answers(none, "HGETALL", key), answers(none, "HKEYS", key), answers(none, "HVALS", key), answers(zero, "HDEL", key, f), answers(zero, "HLEN", key),
		answers(zero, "HEXISTS", key, f), answers(zero, "HSTRLEN", key, f), answers(dataReply("1.5"), "HINCRBYFLOAT", key, f, driver.Float(1.5)),
		answers(null, "HRANDFIELD", key), answers(none, "HRANDFIELD", key, driver.Int(-2), literal("WITHVALUES")),
		answers(driver.ArrayReply(dataReply("0"), none), "HSCAN", key, driver.Int(0)), answers(driver.ArrayReply(dataReply("0"), none), "HSCAN", key, driver.Int(5), literal("COUNT"), driver.Int(5)),
		answers(intReplies(-2), "HEXPIRE", ofTime(key, 5, "f")...), answers(intReplies(-2), "HPEXPIRE", ofTime(key, 5, "f")...),
		answers(intReplies(-2, -2), "HEXPIREAT", ofTime(key, 5, "f", "g")...), answers(intReplies(-2), "HPEXPIREAT", ofTime(key, 5, "f")...),
		answers(intReplies(-2), "HTTL", ofFields(key, "f")...), answers(intReplies(-2), "HPTTL", ofFields(key, "f")...), answers(intReplies(-2, -2), "HPERSIST", ofFields(key, "f", "g")...),
		answers(driver.ArrayReply(null, null), "HGETEX", ofFields(key, "f", "g")...), answers(driver.ArrayReply(null), "HGETDEL", ofFields(key, "f")...),
		answers(one, "HSETEX", key, literal("FIELDS"), driver.Int(1), f, v), answers(zero, "HSETEX", key, literal("FXX"), literal("FIELDS"), driver.Int(1), f, v),
	}, slices.Concat(emptySortedSets(key), emptyStreams(key))...)
}

// emptySortedSets returns the part of emptyReplies for sorted sets.
func emptySortedSets(key driver.Arg) []lone {
	zero, null, none := driver.IntReply(0), driver.Reply{}, driver.ArrayReply()
	var replies []lone
	// A line is a command with its key, followed by words.
	answers := func(want driver.Reply, lines ...string) {
		for _, line := range lines {
			replies = append(replies, lone{cmd: onKeys(key, line), want: want})
		}
	}
	answers(driver.IntReply(2), "ZADD KEY 1 a 2 b 3 a", "ZADD KEY NX CH 1 a 2 b", "ZADD KEY GT 1 a 2 b")
	answers(driver.FloatReply(1.5), "ZINCRBY KEY 1.5 a", "ZADD KEY INCR 1.5 a", "ZADD KEY NX INCR 1.5 a")
	answers(null, "ZADD KEY XX INCR 1 a", "ZSCORE KEY a", "ZRANK KEY a", "ZREVRANK KEY a WITHSCORE", "ZRANDMEMBER KEY", "ZMPOP 2 KEY KEY MIN COUNT 2")
	answers(zero, "ZADD KEY XX 1 a", "ZCARD KEY", "ZCOUNT KEY -inf (5", "ZLEXCOUNT KEY - (b", "ZREM KEY a b", "ZREMRANGEBYLEX KEY [a +", "ZREMRANGEBYRANK KEY 0 -1", "ZREMRANGEBYSCORE KEY 1 2",
		"ZRANGESTORE KEY KEY 0 -1 REV", "ZUNIONSTORE KEY 2 KEY KEY WEIGHTS 1 2", "ZINTERSTORE KEY 1 KEY AGGREGATE MIN", "ZDIFFSTORE KEY 1 KEY", "ZINTERCARD 1 KEY LIMIT 5")
	answers(none, "ZPOPMIN KEY", "ZPOPMAX KEY 2", "ZRANDMEMBER KEY 2 WITHSCORES", "ZRANDMEMBER KEY -2", "ZRANGE KEY 0 -1 WITHSCORES", "ZRANGE KEY - + BYLEX LIMIT 0 1",
		"ZUNION 2 KEY KEY WITHSCORES", "ZINTER 1 KEY", "ZDIFF 2 KEY KEY")
	answers(driver.ArrayReply(null, null), "ZMSCORE KEY a b")
	answers(driver.ArrayReply(dataReply("0"), none), "ZSCAN KEY 0 MATCH * COUNT 10")
	return replies
}

// emptyStreams returns the part of emptyReplies for streams.
func emptyStreams(key driver.Arg) []lone {
	zero, null := driver.IntReply(0), driver.Reply{}
	var replies []lone
	answers := func(want driver.Reply, err error, lines ...string) {
		for _, line := range lines {
			replies = append(replies, lone{cmd: onKeys(key, line), want: want, err: err})
		}
	}
	answers(zero, nil, "XLEN KEY", "XACK KEY g 1-0 2-0", "XDEL KEY 1-0", "XTRIM KEY MAXLEN ~ 5 LIMIT 10", "XTRIM KEY MINID = 5-1")
	answers(driver.ArrayReply(), nil, "XRANGE KEY - +", "XREVRANGE KEY + (5 COUNT 3")
	answers(null, nil, "XREAD COUNT 5 STREAMS KEY KEY 0 $")
	answers(okReply, nil, "XGROUP CREATE KEY g $ MKSTREAM")
	answers(null, driver.ErrNotFound, "XGROUP CREATE KEY g 0", "XGROUP SETID KEY g 0", "XGROUP DESTROY KEY g", "XGROUP CREATECONSUMER KEY g c", "XGROUP DELCONSUMER KEY g c",
		"XINFO STREAM KEY", "XINFO GROUPS KEY", "XINFO CONSUMERS KEY g", "XREADGROUP GROUP g c STREAMS KEY >", "XPENDING KEY g", "XPENDING KEY g IDLE 5 - + 10 c", "XCLAIM KEY g c 0 1-0",
		"XAUTOCLAIM KEY g c 0 0")
	return replies
}

// onKeys returns the command of a line. KEY in the line is a key.
func onKeys(key driver.Arg, line string) *driver.Cmd {
	words := strings.Fields(line)
	cmd := driver.NewCmd(words[0])
	for _, word := range words[1:] {
		if word == "KEY" {
			cmd.Args = append(cmd.Args, key)
		} else {
			cmd.Args = append(cmd.Args, literal(word))
		}
	}
	return cmd
}

// ofTime returns key, time, FIELDS numfields field….
func ofTime(key driver.Arg, time int64, fields ...string) []driver.Arg {
	return append([]driver.Arg{key, driver.Int(time)}, ofFields(key, fields...)[1:]...)
}

// madeUp are commands without a reply of an empty database: the store would have to
// invent the reply. The ID of an entry must be greater than all earlier IDs. A payload is
// known only to the server that wrote the payload. Scripts may do anything. The holder of
// a lock must be the only holder. A call within a limit must be counted.
var madeUp = []string{
	"XADD", "RESTORE", "EVAL", "EVALSHA", "EVAL_RO", "EVALSHA_RO", "FCALL", "FCALL_RO",
	driver.CmdLock, driver.CmdLockExtend, driver.CmdLockRelease, driver.CmdSemaphore, driver.CmdSemaphoreExtend, driver.CmdSemaphoreRelease,
	driver.CmdRateLimit, driver.CmdOnce, driver.CmdOnceDone,
	driver.CmdLease, driver.CmdLeaseElect, driver.CmdLeaseFill, driver.CmdLeaseReplace, driver.CmdLeaseRevoke,
}

// badCommands returns commands with invalid arguments.
func badCommands(key driver.Arg) []*driver.Cmd {
	v, word := element("v"), literal("word")
	return append([]*driver.Cmd{
		driver.NewCmd("PING", v, v), driver.NewCmd("DEL"), driver.NewCmd("EXISTS"), driver.NewCmd("GET"), driver.NewCmd("GET", key, key), driver.NewCmd("MGET"),
		driver.NewCmd("SET", key), driver.NewCmd("SET", key, v, word), driver.NewCmd("SET", key, v, literal("NX"), literal("XX")),
		driver.NewCmd("SET", key, v, literal("PX")), driver.NewCmd("SET", key, v, literal("PX"), word), driver.NewCmd("SET", key, v, literal("PX"), driver.Int(0)),
		driver.NewCmd("PEXPIRE", key), driver.NewCmd("PEXPIRE", key, word), driver.NewCmd("RENAME", key), driver.NewCmd("FLUSHDB", word),
		driver.NewCmd("INCRBY", key, word), driver.NewCmd("INCRBY", key), driver.NewCmd("DECRBY", key, word), driver.NewCmd("INCRBY", key, literal("9223372036854775808")),
		driver.NewCmd(driver.CmdIncr, key, word), driver.NewCmd(driver.CmdIncrInit, key, driver.Int(1), word, driver.TTLArg(long)),
		driver.NewCmd(driver.CmdIncrInit, key, driver.Int(1), driver.Int(0), word), driver.NewCmd(driver.CmdIncrInit, key, driver.Int(1), driver.Int(0), driver.TTLArg(driver.KeepTTL)),
		driver.NewCmd(driver.CmdSwap, key, v, word), driver.NewCmd(driver.CmdCompareAndSwap, key, v, v, word), driver.NewCmd(driver.CmdCompareAndDelete, key),
		driver.NewCmd(driver.CmdGeneration, key, v, word), driver.NewCmd(driver.CmdGeneration, key, v, driver.TTLArg(0)), driver.NewCmd(driver.CmdGeneration, key, v),
		driver.NewCmd("RPUSH", key), driver.NewCmd("LPOP", key, word), driver.NewCmd("LPOP", key, driver.Int(-1)), driver.NewCmd("LRANGE", key, word, driver.Int(1)),
		driver.NewCmd("LPUSHX", key), driver.NewCmd("LTRIM", key, word, driver.Int(1)), driver.NewCmd("LREM", key, word, v), driver.NewCmd("LSET", key, driver.Int(0)),
		driver.NewCmd("LINSERT", key, word, v, v), driver.NewCmd("LMOVE", key, key, word, literal("LEFT")), driver.NewCmd("LPOS", key, v, literal("RANK"), driver.Int(0)),
		driver.NewCmd("LPOS", key, v, literal("COUNT"), driver.Int(-1)), driver.NewCmd("LPOS", key, v, word, word), driver.NewCmd("LMPOP", driver.Int(0), key, literal("LEFT")),
		driver.NewCmd("LMPOP", driver.Int(2), key, literal("LEFT")), driver.NewCmd("LMPOP", driver.Int(1), key, word), driver.NewCmd("LMPOP", driver.Int(1), key, literal("LEFT"), literal("COUNT"), driver.Int(0)),
		driver.NewCmd("SADD", key), driver.NewCmd("SPOP", key, driver.Int(-1)), driver.NewCmd("SMOVE", key, key), driver.NewCmd("SRANDMEMBER", key, word),
		driver.NewCmd("SSCAN", key, word), driver.NewCmd("SUNION"), driver.NewCmd("SDIFFSTORE", key), driver.NewCmd("SINTERCARD", driver.Int(2), key), driver.NewCmd("SINTERCARD", driver.Int(1), key, word, word), driver.NewCmd("HGET", key), driver.NewCmd("HINCRBY", key, driver.Field("f"), word),
		driver.NewCmd("HSET", key, driver.Field("f")), driver.NewCmd("HSET", key, driver.Field("f"), v, driver.Field("g")), driver.NewCmd("HINCRBYFLOAT", key, driver.Field("f"), word), driver.NewCmd("HINCRBYFLOAT", key, driver.Field("f"), literal("inf")),
		driver.NewCmd("HRANDFIELD", key, word), driver.NewCmd("HRANDFIELD", key, driver.Int(1), word), driver.NewCmd("HSCAN", key, word), driver.NewCmd("HSCAN", key, driver.Int(0), word), driver.NewCmd("HSCAN", key, driver.Int(0), literal("COUNT"), driver.Int(0)),
		driver.NewCmd("HEXPIRE", ofTime(key, -1, "f")...), driver.NewCmd("HPEXPIREAT", key, word, literal("FIELDS"), driver.Int(1), driver.Field("f")), driver.NewCmd("HTTL", key, literal("FIELDS"), driver.Int(2), driver.Field("f")),
		driver.NewCmd("HPERSIST", key, word, driver.Int(1), driver.Field("f")), driver.NewCmd("HGETEX", key, literal("EX"), word, literal("FIELDS"), driver.Int(1), driver.Field("f")), driver.NewCmd("HGETDEL", key, literal("FIELDS"), driver.Int(0), driver.Field("f")),
		driver.NewCmd("HSETEX", key, literal("FNX"), literal("FXX"), literal("FIELDS"), driver.Int(1), driver.Field("f"), v), driver.NewCmd("HSETEX", key, literal("FIELDS"), driver.Int(1), driver.Field("f"), v, v),
	}, slices.Concat(badSortedSets(key), badStreams(key))...)
}

// badSortedSets returns the part of badCommands for sorted sets.
func badSortedSets(key driver.Arg) []*driver.Cmd {
	var cmds []*driver.Cmd
	for _, line := range []string{
		"ZADD KEY 1", "ZADD KEY word a", "ZADD KEY nan a", "ZADD KEY NX XX 1 a", "ZADD KEY GT LT 1 a", "ZADD KEY INCR 1 a 2 b", "ZADD KEY 1 a 2", "ZINCRBY KEY word a", "ZINCRBY KEY nan a",
		"ZCOUNT KEY word 1", "ZLEXCOUNT KEY a b", "ZSCORE KEY", "ZMSCORE KEY", "ZRANK KEY a word", "ZREVRANK KEY a word", "ZREM KEY", "ZREMRANGEBYLEX KEY a b", "ZREMRANGEBYRANK KEY word 1",
		"ZREMRANGEBYSCORE KEY 1 word", "ZPOPMIN KEY -1", "ZPOPMAX KEY word", "ZMPOP 1 KEY", "ZMPOP 1 KEY word", "ZMPOP 2 KEY MIN", "ZMPOP 0 KEY MIN", "ZMPOP 1 KEY MIN COUNT 0", "ZRANGE KEY word 1",
		"ZRANGE KEY 0 1 LIMIT 0 1", "ZRANGE KEY - + BYLEX WITHSCORES", "ZRANGE KEY 0 1 word", "ZRANGESTORE KEY KEY 0 1 WITHSCORES", "ZRANDMEMBER KEY word", "ZRANDMEMBER KEY 1 word",
		"ZSCAN KEY word", "ZSCAN KEY 0 COUNT 0", "ZUNION 0 KEY", "ZUNION 2 KEY", "ZUNION 1 KEY WEIGHTS word", "ZINTER 1 KEY AGGREGATE word", "ZDIFF 1 KEY WEIGHTS 1", "ZUNIONSTORE KEY 1 KEY WITHSCORES",
		"ZINTERSTORE KEY word KEY", "ZDIFFSTORE KEY 1 KEY WEIGHTS 1", "ZINTERCARD 1 KEY LIMIT -1",
	} {
		cmds = append(cmds, onKeys(key, line))
	}
	return cmds
}

// badStreams returns the part of badCommands for streams.
func badStreams(key driver.Arg) []*driver.Cmd {
	cmds := []*driver.Cmd{driver.NewCmd("XLEN")}
	for _, line := range []string{
		"XACK KEY g word", "XAUTOCLAIM KEY g c word 0", "XAUTOCLAIM KEY g c 0 0 COUNT 0", "XCLAIM KEY g c word 1-0", "XCLAIM KEY g c 0 1-0 word", "XDEL KEY word", "XGROUP CREATE KEY g word",
		"XGROUP CREATE KEY g", "XGROUP SETID KEY g 0 MKSTREAM", "XGROUP DESTROY KEY", "XINFO CONSUMERS KEY", "XPENDING KEY g - +", "XPENDING KEY g word + 5", "XRANGE KEY word +", "XRANGE KEY - + COUNT word",
		"XREVRANGE KEY + - word", "XREAD STREAMS KEY KEY 0", "XREAD STREAMS KEY >", "XREADGROUP GROUP g c STREAMS KEY $", "XREADGROUP COUNT 1 NOACK STREAMS KEY 0", "XTRIM KEY MAXLEN -1", "XTRIM KEY word 1", "XTRIM KEY MAXLEN 5 LIMIT 1",
	} {
		cmds = append(cmds, onKeys(key, line))
	}
	return cmds
}

// wantEmptyReplies runs the commands of emptyReplies that the store supports, each alone,
// and all of them in a batch of either kind.
func (s *subject) wantEmptyReplies() error {
	key := s.slotKey("k")
	runs := func(l lone) bool { return s.caps.Commander.Commands().Has(l.cmd.Name) }
	var errs []error
	for range 2 {
		for _, l := range emptyReplies(key) {
			switch {
			case !runs(l):
			case l.err != nil:
				errs = append(errs, s.wantCommandErr(l.err, l.cmd.Name, l.cmd.Args...))
			default:
				errs = append(errs, s.wantReply(l.want, l.cmd.Name, l.cmd.Args...))
			}
		}
	}
	for _, how := range []driver.How{driver.Plain, driver.Atomic} {
		var batch []reply
		for _, l := range emptyReplies(key) {
			if l.err == nil && runs(l) {
				batch = append(batch, reply{l.cmd, l.want})
			}
		}
		errs = append(errs, s.wantBatch(how, batch))
	}
	return errors.Join(errs...)
}
