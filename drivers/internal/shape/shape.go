// Package shape knows which kinds of reply each command has. A reply of another
// kind answers something else: the connection is out of step, or the server is
// none. So that reply is no success, whatever it says.
package shape

import (
	"slices"
	"strings"

	"github.com/xcache-go/xcache/driver"
)

// A Shape is the kinds of reply that a command may have, errors apart.
type Shape uint16

// The kinds of reply. A Shape is any of them together.
const (
	// Null is nil, in any version of RESP.
	Null Shape = 1 << iota
	// Integer is a number that RESP marks as one.
	Integer
	// Double is a number with a fraction.
	Double
	// Bulk is a string with a length.
	Bulk
	// OK is the status OK.
	OK
	// Status is any status but QUEUED.
	Status
	// Queued is the status QUEUED, of a command inside a transaction.
	Queued
	// Array is a list or a set.
	Array
	// Map is a list of names and values.
	Map
	// Other is a kind that no command of the table has: booleans, large numbers.
	Other

	// Any is every kind but Queued.
	Any = ^Queued
	// Value is a string, or nil where there is none.
	Value = Bulk | Null

	number = Bulk | Double | Null
)

var shapes = func() map[string]Shape {
	table := map[Shape]string{
		Integer: "DEL DELEX DELIFEQ EXISTS PERSIST PEXPIRE PTTL RENAMENX UNLINK STRLEN INCR INCRBY DECR DECRBY LLEN LPUSH RPUSH LPUSHX RPUSHX LINSERT LREM SADD SCARD SDIFFSTORE SINTERCARD SINTERSTORE SISMEMBER SMOVE SREM SUNIONSTORE HDEL HEXISTS HINCRBY HLEN HSET HSETEX HSETNX HSTRLEN XACK XDEL XLEN XTRIM " +
			"ZCARD ZCOUNT ZDIFFSTORE ZINTERCARD ZINTERSTORE ZLEXCOUNT ZRANGESTORE ZREM ZREMRANGEBYLEX ZREMRANGEBYRANK ZREMRANGEBYSCORE ZUNIONSTORE " +
			driver.CmdCompareAndSwap + " " + driver.CmdCompareAndDelete + " " + driver.CmdPersist,
		// The scripts read the sum, which Lua's numbers are too short for.
		Integer | Value:        driver.CmdIncr,
		Integer | Bulk:         driver.CmdIncrInit,
		OK:                     "RENAME FLUSHDB RESTORE LSET LTRIM MULTI ASKING",
		OK | Null:              "SET",
		Value:                  "DUMP GET GETDEL LINDEX LMOVE BLMOVE HGET HINCRBYFLOAT XADD " + driver.CmdSwap,
		Value | Array:          "LPOP RPOP SPOP SRANDMEMBER HRANDFIELD ZRANDMEMBER",
		Array | Integer | Null: "LPOS ZRANK ZREVRANK",
		number:                 "ZINCRBY ZSCORE",
		number | Integer:       "ZADD",
		Array:                  "MGET LRANGE SDIFF SINTER SMEMBERS SMISMEMBER SSCAN SUNION HEXPIRE HEXPIREAT HGETDEL HGETEX HKEYS HMGET HPERSIST HPEXPIRE HPEXPIREAT HPTTL HSCAN HTTL HVALS ZDIFF ZINTER ZMSCORE ZPOPMAX ZPOPMIN ZRANGE ZSCAN ZUNION XAUTOCLAIM XCLAIM XPENDING",
		Array | Map:            "HGETALL XINFO",
		Array | Map | Null:     "XREAD XREADGROUP",
		Array | Null:           "LMPOP ZMPOP BLPOP BRPOP BLMPOP BZPOPMIN BZPOPMAX BZMPOP XRANGE XREVRANGE EXEC",
		OK | Integer:           "XGROUP",
		OK | Status:            "TYPE",
	}
	shapes := make(map[string]Shape)
	for shape, names := range table {
		for name := range strings.FieldsSeq(names) {
			shapes[name] = shape
		}
	}
	return shapes
}()

// Of returns the shape of a command of the table, or of one that the drivers send in the place
// of its commands or around them, and Any for all others.
func Of(name string, args []driver.Arg) Shape {
	shape, ok := shapes[name]
	switch {
	case !ok:
		return Any
	case name == "SET" && slices.ContainsFunc(args, func(a driver.Arg) bool { return a.Role == driver.RoleLiteral && strings.EqualFold(a.Text, "GET") }):
		return Value
	}
	return shape
}

// Allows reports whether a reply may answer the command. kind is its type byte in
// RESP, '_' for every nil; text is that of a status.
func (s Shape) Allows(kind byte, text string) bool { return s&of(kind, text) != 0 }

func of(kind byte, text string) Shape {
	switch kind {
	case '$':
		return Bulk
	case '+':
		return status(text)
	case ':':
		return Integer
	case '_':
		return Null
	case '*', '~':
		return Array
	case '%':
		return Map
	case ',':
		return Double
	}
	return Other
}

func status(text string) Shape {
	switch text {
	case "OK":
		return OK | Status
	case "QUEUED":
		return Queued
	}
	return Status
}
