package main

import (
	"slices"
	"strings"
)

// categories has the commands of each set of ACL categories, as the servers know them,
// but for the categories of speed, @fast and @slow. A command with subcommands has the
// categories of the subcommands.
var categories = []struct{ names, commands string }{
	{"@connection", `PING`},
	{"@pubsub", `PUBLISH SPUBLISH`},
	{"@read @blocking @stream", `XREAD`},
	{"@read @hash", `HEXISTS HGET HGETALL HKEYS HLEN HMGET HPTTL HRANDFIELD HSCAN HSTRLEN HTTL HVALS`},
	{"@read @keyspace", `DUMP EXISTS PTTL TYPE`},
	{"@read @list", `LINDEX LLEN LPOS LRANGE`},
	{"@read @set", `SCARD SDIFF SINTER SINTERCARD SISMEMBER SMEMBERS SMISMEMBER SRANDMEMBER SSCAN SUNION`},
	{"@read @sortedset", `ZCARD ZCOUNT ZDIFF ZINTER ZINTERCARD ZLEXCOUNT ZMSCORE ZRANDMEMBER ZRANGE ZRANK ZREVRANK
		ZSCAN ZSCORE ZUNION`},
	{"@read @stream", `XINFO XLEN XPENDING XRANGE XREVRANGE`},
	{"@read @string", `GET MGET STRLEN`},
	{"@scripting", `EVAL EVALSHA EVALSHA_RO EVAL_RO FCALL FCALL_RO`},
	{"@write @blocking @list", `BLMOVE BLMPOP BLPOP BRPOP`},
	{"@write @blocking @sortedset", `BZMPOP BZPOPMAX BZPOPMIN`},
	{"@write @blocking @stream", `XREADGROUP`},
	{"@write @dangerous @keyspace", `FLUSHDB RESTORE`},
	{"@write @hash", `HDEL HEXPIRE HEXPIREAT HGETDEL HGETEX HINCRBY HINCRBYFLOAT HPERSIST HPEXPIRE HPEXPIREAT
		HSET HSETEX HSETNX`},
	{"@write @keyspace", `DEL PERSIST PEXPIRE RENAME RENAMENX UNLINK`},
	{"@write @list", `LINSERT LMOVE LMPOP LPOP LPUSH LPUSHX LREM LSET LTRIM RPOP RPUSH RPUSHX`},
	{"@write @set", `SADD SDIFFSTORE SINTERSTORE SMOVE SPOP SREM SUNIONSTORE`},
	{"@write @sortedset", `ZADD ZDIFFSTORE ZINCRBY ZINTERSTORE ZMPOP ZPOPMAX ZPOPMIN ZRANGESTORE ZREM
		ZREMRANGEBYLEX ZREMRANGEBYRANK ZREMRANGEBYSCORE ZUNIONSTORE`},
	{"@write @stream", `XGROUP XACK XADD XAUTOCLAIM XCLAIM XDEL XTRIM`},
	{"@write @string", `DECR DECRBY GETDEL GETEX INCR INCRBY SET`},
}

// categoriesOf returns the ACL categories of a command of the servers.
func categoriesOf(command string) string {
	for _, c := range categories {
		if slices.Contains(strings.Fields(c.commands), command) {
			return c.names
		}
	}
	return ""
}
