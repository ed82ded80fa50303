// Package shape has the kinds of reply of each command. A reply of another kind answers
// another command, or comes from something else than a server. Such a reply is never a
// success.
package shape

import (
	"slices"
	"strings"

	"github.com/xcache-go/xcache/driver"
)

// A Shape is the set of kinds of reply that a command may have, besides errors.
type Shape uint16

// The kinds of reply. A Shape combines them.
const (
	// Null is nil, in any version of RESP.
	Null Shape = 1 << iota
	// Integer is a number with the type of integers in RESP.
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
	// Other is a kind that no command of the table has, such as booleans and large numbers.
	Other

	// Any is every kind but Queued.
	Any = ^Queued
	// Value is a string, or nil for a missing string.
	Value = Bulk | Null

	number = Bulk | Double | Null
)

var shapes = func() map[string]Shape {
	table := map[Shape]string{
		Integer: "DEL DELEX DELIFEQ EXISTS PERSIST PEXPIRE PTTL RENAMENX UNLINK STRLEN INCR INCRBY DECR DECRBY LLEN LPUSH RPUSH LPUSHX RPUSHX LINSERT LREM SADD SCARD SDIFFSTORE SINTERCARD SINTERSTORE SISMEMBER SMOVE SREM SUNIONSTORE HDEL HEXISTS HINCRBY HLEN HSET HSETEX HSETNX HSTRLEN XACK XDEL XLEN XTRIM " +
			"ZCARD ZCOUNT ZDIFFSTORE ZINTERCARD ZINTERSTORE ZLEXCOUNT ZRANGESTORE ZREM ZREMRANGEBYLEX ZREMRANGEBYRANK ZREMRANGEBYSCORE ZUNIONSTORE " +
			driver.CmdCompareAndSwap + " " + driver.CmdCompareAndDelete + " " + driver.CmdPersist + " " + driver.CmdLockExtend + " " + driver.CmdLockRelease + " " + driver.CmdSemaphoreExtend + " " + driver.CmdSemaphoreRelease + " " + driver.CmdOnceDone + " " + driver.CmdLeaseFill + " " + driver.CmdLeaseReplace + " " + driver.CmdLeaseRevoke,
		// The scripts return the sum as text, because Lua's numbers are not exact enough.
		Integer | Value:        driver.CmdIncr,
		Integer | Bulk:         driver.CmdIncrInit,
		OK:                     "RENAME FLUSHDB RESTORE LSET LTRIM MULTI ASKING",
		OK | Null:              "SET",
		Bulk:                   driver.CmdLease + " " + driver.CmdLeaseElect,
		Value:                  "DUMP GET GETDEL GETEX LINDEX LMOVE BLMOVE HGET HINCRBYFLOAT XADD " + driver.CmdSwap + " " + driver.CmdGeneration,
		Value | Array:          "LPOP RPOP SPOP SRANDMEMBER HRANDFIELD ZRANDMEMBER",
		Array | Integer | Null: "LPOS ZRANK ZREVRANK",
		number:                 "ZINCRBY ZSCORE",
		number | Integer:       "ZADD",
		Array:                  "MGET LRANGE SDIFF SINTER SMEMBERS SMISMEMBER SSCAN SUNION HEXPIRE HEXPIREAT HGETDEL HGETEX HKEYS HMGET HPERSIST HPEXPIRE HPEXPIREAT HPTTL HSCAN HTTL HVALS ZDIFF ZINTER ZMSCORE ZPOPMAX ZPOPMIN ZRANGE ZSCAN ZUNION XAUTOCLAIM XCLAIM XPENDING " + driver.CmdLock + " " + driver.CmdSemaphore + " " + driver.CmdRateLimit + " " + driver.CmdOnce,
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

// Of returns the shape of a command of the table, or of a command that the drivers send
// in its place. All other commands have the shape Any.
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

// Allows reports whether a reply may answer the command. kind is the type byte of RESP,
// with '_' for every nil. text is the text of a status.
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
