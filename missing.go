package xcache

import (
	"strings"

	"github.com/xcache-go/xcache/driver"
)

// missingReplies has, for each command that only reads a key and may fail open, the reply
// of a server without that key. Commands with cursors are not here, because an iteration
// would end early without a trace; nor are scripts, and commands on the groups of streams.
var missingReplies = func() map[string]func(args []driver.Arg) driver.Reply {
	always := func(r driver.Reply) func([]driver.Arg) driver.Reply {
		return func([]driver.Arg) driver.Reply { return r }
	}
	// each returns a reply for each argument from the first on.
	each := func(first int, r driver.Reply) func([]driver.Arg) driver.Reply {
		return func(args []driver.Arg) driver.Reply {
			items := make([]driver.Reply, max(0, len(args)-first))
			for i := range items {
				items[i] = r
			}
			return driver.ArrayReply(items...)
		}
	}
	none, zero, empty := always(driver.Reply{}), always(driver.IntReply(0)), always(driver.ArrayReply())
	// counted returns an empty list if the caller asks for several elements, else nil.
	counted := func(asks func([]driver.Arg) bool) func([]driver.Arg) driver.Reply {
		return func(args []driver.Arg) driver.Reply {
			if asks(args) {
				return driver.ArrayReply()
			}
			return driver.Reply{}
		}
	}
	random := counted(func(args []driver.Arg) bool { return len(args) > 1 })
	const noSuchField = -2
	return map[string]func([]driver.Arg) driver.Reply{
		"EXISTS": zero, "PTTL": always(driver.IntReply(-2)), "TYPE": always(driver.DataReply([]byte("none"))),
		"GET": none, "MGET": each(0, driver.Reply{}), "STRLEN": zero,
		"LINDEX": none, "LLEN": zero, "LRANGE": empty, "LPOS": counted(asksCount),
		"SCARD": zero, "SDIFF": empty, "SINTER": empty, "SINTERCARD": zero, "SISMEMBER": zero, "SMEMBERS": empty,
		"SMISMEMBER": each(1, driver.IntReply(0)), "SRANDMEMBER": random, "SUNION": empty,
		"HEXISTS": zero, "HGET": none, "HGETALL": empty, "HKEYS": empty, "HLEN": zero, "HMGET": each(1, driver.Reply{}),
		"HPTTL": each(3, driver.IntReply(noSuchField)), "HRANDFIELD": random, "HSTRLEN": zero,
		"HTTL": each(3, driver.IntReply(noSuchField)), "HVALS": empty,
		"ZCARD": zero, "ZCOUNT": zero, "ZDIFF": empty, "ZINTER": empty, "ZINTERCARD": zero, "ZLEXCOUNT": zero,
		"ZMSCORE": each(1, driver.Reply{}), "ZRANDMEMBER": random, "ZRANGE": empty, "ZRANK": none, "ZREVRANK": none,
		"ZSCORE": none, "ZUNION": empty,
		"XLEN": zero, "XRANGE": empty, "XREAD": none, "XREVRANGE": empty,
	}
}()

// asksCount reports whether LPOS asks for a list of positions.
func asksCount(args []driver.Arg) bool {
	for i := range args {
		if args[i].Role == driver.RoleLiteral && strings.EqualFold(args[i].Text, "COUNT") {
			return true
		}
	}
	return false
}

// droppedReplies has the replies to the core's own writes that fail open: nothing was
// changed. SET has no such reply: see Op.dropped.
var droppedReplies = map[string]driver.Reply{
	"DEL": driver.IntReply(0), "EXISTS": driver.IntReply(0), "PEXPIRE": driver.IntReply(0), driver.CmdPersist: driver.IntReply(0),
}

// openReply returns the reply of an operation that fails open, and how it does so.
func (o *Op) openReply() (driver.Reply, opening) {
	name := o.held.Name
	if o.opens == dropsWrite {
		return droppedReplies[name], dropsWrite
	}
	if renews(&o.held) { // a read of a view with Sliding
		name = "GET"
	}
	if reply := missingReplies[name]; reply != nil && !o.held.Waits() {
		return reply(o.held.Args), readsNothing
	}
	return driver.Reply{}, failsClosed
}

// opened gives an operation whose command has failed the reply of a server without the key,
// if the policy of the view hides the failure. Otherwise opened returns the failure.
func (o *Op) opened(k *call, err error) error {
	if o.cache.onError == OnErrorFail || o.err != nil {
		return err
	}
	reply, how := o.openReply()
	if err = k.openedFor(o.cache, how, max(1, o.keys), err); err == nil {
		o.held.Reply, o.held.Err, o.dropped = reply, nil, how == dropsWrite
	}
	return err
}
