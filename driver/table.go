package driver

import (
	"slices"
	"strings"
)

// A Command is one row of the table of commands. The row is the only place with the properties
// of the command. Replica routing, retries, invalidation, capability checks, the conformance
// suite and the documentation read the properties there.
type Command struct {
	// Name is the command in upper case.
	Name string
	// Group is the group that the command belongs to, such as a data structure.
	Group Group
	// Keys is the number of keys that the command takes.
	Keys KeyCount
	// ReadOnly: the command changes nothing. So a replica may answer the command (see
	// AtReplica), and the command may be sent again after a lost reply.
	ReadOnly bool
	// Blocking: the command waits at the server until the server has a result, or until the
	// command's time-out. A store with connections of callers' own (Exclusive) runs the command
	// on these connections alone, and does not list the command in Commander.Commands. See
	// Cmd.Waits.
	Blocking bool
	// Idempotent: two runs in a row, with nothing in between, leave the same data as one run,
	// and give the same reply. A write is not safe to resend for that reason: a late resend
	// overwrites a newer value.
	Idempotent bool
	// Primary: the command does not go to replicas, though the command changes nothing. Either
	// the reply has a cursor that only the same server understands. Or the reply tells a fact
	// that is not replicated, such as the number of deliveries of an entry of a stream.
	Primary bool
	// Extension: Redis has no command of this name. The server drivers run a script, or a
	// command of the server with the same result.
	Extension bool
	// Since is the release of the table that added the command: see Release.
	Since int

	index int // the position of the row plus 1: see Index
}

// Release is the number of releases of the table of commands. A release may add rows, with
// the number of the release in their Since. No release changes or removes a row. So a driver
// for an earlier release stays complete: later releases have added the commands that the
// driver lacks.
const Release = 2

// Index returns the position of the row in Commands, so that a driver can keep its data for
// each command in a slice. Index returns -1 for a row that is not in the table.
func (c *Command) Index() int { return c.index - 1 }

// AtReplica reports whether a replica may answer the command in the place of the primary.
func (c *Command) AtReplica() bool { return c.ReadOnly && !c.Blocking && !c.Primary }

// Group is the part of the command language that a command belongs to. A cache can Require a
// group.
type Group string

// The groups of commands.
const (
	GroupConnection  Group = "connection"
	GroupKeys        Group = "keys"
	GroupMigration   Group = "migration" // to move values between servers
	GroupStrings     Group = "strings"
	GroupLists       Group = "lists"
	GroupSets        Group = "sets"
	GroupHashes      Group = "hashes"
	GroupSortedSets  Group = "sortedsets"
	GroupStreams     Group = "streams"
	GroupPubSub      Group = "pubsub"
	GroupScripts     Group = "scripts"
	GroupFunctions   Group = "functions" // in libraries of the server
	GroupTransaction Group = "transactions"
	GroupLocks       Group = "locks"
	GroupSemaphores  Group = "semaphores"
	GroupRateLimits  Group = "ratelimits"
	GroupOnce        Group = "once"
	GroupLeases      Group = "leases" // of callers that load values
	GroupTags        Group = "tags"
	// GroupCustom is the group of all commands that the table does not have: see NewCustomCmd.
	GroupCustom Group = "custom"
)

// KeyCount is the number of keys that a command takes.
type KeyCount uint8

// The numbers of keys.
const (
	NoKey KeyCount = iota
	OneKey
	TwoKeys
	ManyKeys
)

// Names of the commands that Redis lacks. Each command is one atomic step. The argument ttl is
// made by TTLArg.
const (
	// CmdIncr is key, delta → the sum, or nil for a missing key. CmdIncr is INCRBY that does
	// not create a key.
	CmdIncr = "XCACHE.INCR"
	// CmdIncrInit is key, delta, init, ttl → the sum. CmdIncrInit is INCRBY with a start value:
	// a missing key counts as holding init, and gets the ttl. An existing key keeps its TTL. With
	// an expired ttl nothing is stored for a missing key, and the reply is the sum all the same.
	// ttl is not KeepTTL.
	CmdIncrInit = "XCACHE.INCRINIT"
	// CmdCompareAndSwap is key, old, new, ttl → 1 if the key held exactly the bytes of old, else
	// 0. With the reply 1 the key holds new, with the ttl; an expired ttl has deleted the key.
	CmdCompareAndSwap = "XCACHE.CAS"
	// CmdCompareAndDelete is key, old → 1 if the key held exactly the bytes of old, else 0. With
	// the reply 1 the key is deleted.
	CmdCompareAndDelete = "XCACHE.CAD"
	// CmdSwap is key, new, ttl → the value that the key held before, or nil for a missing key.
	// CmdSwap is SET … GET that every server version runs. An expired ttl deletes the key.
	CmdSwap = "XCACHE.SWAP"
	// CmdPersist is key → 1 if the key exists, else 0. The key has no TTL from now on. The reply
	// is 1 for a key that had no TTL before, too.
	CmdPersist = "XCACHE.PERSIST"
)

// Names of the commands for callers that coordinate their work. Redis lacks these commands, too.
// Each command is one atomic step. Every time is in whole milliseconds, unless the command says
// microseconds, and is measured by the server's clock. A lease is positive. A token is any text;
// each holder has a token of its own. Every key holds a hash, except the key of CmdGeneration.
// The fields of the hash are for these commands alone.
const (
	// CmdLock is key, token, lease, waits → state, fence, time.
	//
	// The state is 1 if the token holds the lock from now on, for the length of the lease. The
	// time is the lease then. A token that holds the lock already gets state 1, too, and its
	// lease begins anew. The fence is a number. The fence is greater than the fences of all
	// earlier holders, and stays the same for as long as one token holds the lock.
	//
	// The state is 0 if another token holds the lock. The fence is 0 then, and the time is the
	// rest of the other token's lease.
	//
	// waits is 1 if the caller wants the message of the release (CmdLockRelease), else 0.
	CmdLock = "XCACHE.LOCK"
	// CmdLockExtend is key, token, lease → 1 if the token holds the lock, else 0. With the reply
	// 1 the token holds the lock from now on for the length of the lease.
	CmdLockExtend = "XCACHE.LOCK.EXTEND"
	// CmdLockRelease is key, token → 1 if the token held the lock, else 0. If the token was the
	// last holder of the lock, and a caller wants the message of the release (waits), the command
	// publishes an empty message on the channel with the name of the key. A failure to publish
	// is no error.
	CmdLockRelease = "XCACHE.LOCK.RELEASE"

	// CmdSemaphore is key, token, weight, capacity, lease, place → state, time.
	//
	// The state is 1 if the token holds a permit from now on, for the length of the lease. The
	// permit has the weight. The time is the lease then. A token that holds a permit already gets
	// state 1, too, whatever the capacity is: the permit gets the weight and the lease of this
	// call. Any other token gets a permit only if the capacity is enough for the weights of all
	// permits together, the new permit included. Permits whose leases have run out do not count.
	//
	// Otherwise the state is 0. The time is the shortest rest of all permits and places that
	// there were before the call.
	//
	// place is the time for which the token has a place in the queue if the state is 0. A new
	// place is behind all other places. A place that the token has already keeps its position,
	// and lasts for the new time. With a place of 0 the command takes no place, and leaves an
	// earlier place of the token unchanged. While the queue has places, only the token with the
	// first place gets a new permit. A place that has run out does not count. A permit ends the
	// place of its token.
	//
	// The weight is from 1 to the capacity.
	CmdSemaphore = "XCACHE.SEMAPHORE"
	// CmdSemaphoreExtend is key, token, lease → 1 if the token holds a permit, else 0. With the
	// reply 1 the token holds the permit from now on for the length of the lease.
	CmdSemaphoreExtend = "XCACHE.SEMAPHORE.EXTEND"
	// CmdSemaphoreRelease is key, token → 1 if the token held a permit, else 0. The command also
	// gives up the token's place in the queue. If the command has given up a permit or a place,
	// and other tokens have places, the command publishes an empty message for the first of these
	// tokens. CmdSemaphore publishes the same message after a new permit that leaves some of the
	// capacity. The name of the channel is the key, a colon and the token with the first place. A
	// failure to publish is no error.
	CmdSemaphoreRelease = "XCACHE.SEMAPHORE.RELEASE"

	// CmdRateLimit is numkeys, key…, n, and for each key name, limit, window, burst → allowed, and
	// for each key remaining, retry, reset.
	//
	// If every limit has n units, the command takes n units of each limit, and allowed is 1.
	// Otherwise the command takes nothing, and allowed is 0. n is at most the burst, or at most
	// the limit if the burst is 0. An n of 0 takes nothing, and reads the state.
	//
	// Two limits are the same limit if they have the same key and the same name, and if both
	// bursts are 0 or neither burst is 0. A call names each limit once. Several limits of a call
	// may have the same key, which the call then repeats. The window is positive, and in whole
	// milliseconds. The burst is from 0 to the limit:
	//
	//   - With a burst of 0 no more than limit units are taken within any window. A unit is free
	//     again after one window, or up to a sixtieth of the window later.
	//   - With any other burst no more than burst + d × limit / window units are taken within
	//     any time d (GCRA).
	//
	// remaining is the number of units that are left after the call. retry is the time in
	// microseconds until this limit has n units, if no other caller takes units. retry is 0 if
	// the limit had n units before the call. reset is the time in microseconds until all units
	// are free, if no caller takes units.
	CmdRateLimit = "XCACHE.RATELIMIT"

	// CmdOnce is key, token, lease, waits → state, time, value. If the key keeps a value, the
	// state is 2, the time is 0, and the value is the kept value. If the key keeps no value, the
	// command does the same as CmdLock, with the same state and time and without a fence, and the
	// value is nil. With the state 1 the token holds the key as a lock, which CmdLockExtend
	// extends and CmdLockRelease releases.
	CmdOnce = "XCACHE.ONCE"
	// CmdOnceDone is key, token, value, ttl → 1 if the token was the last holder of the key, else
	// 0. With the reply 1 the key keeps the value from now on for the ttl, a positive number
	// of milliseconds. If the token has kept a value before, the reply is 1, and the earlier value
	// and its TTL stay. Callers that wait get the message of CmdLockRelease.
	CmdOnceDone = "XCACHE.ONCE.DONE"

	// CmdGeneration is key, candidate, ttl → the generation of a tag. The generation is the
	// string at the key. If the key is missing, the command stores the candidate with the ttl,
	// and the candidate is the reply. An existing key gets the ttl if its own TTL is shorter, and
	// never gets a shorter TTL. ttl is made by TTLArg, and is positive or NoExpiry.
	CmdGeneration = "XCACHE.GENERATION"
)

// Names of the commands that keep outdated values out of the cache: values that were loaded
// before an invalidation. Each command is one atomic step. A lease is the store's record of the
// loads of a key: a token that every invalidation takes away. A lease is no value: no other
// command sees the lease under the key. The loss of a lease, by eviction or in a failover, costs
// no more than a value that is not stored.
//
// A token is not empty. A duration is positive, and in whole milliseconds. A lease with the empty
// token is a marker: a load has found that there is no value. The marker ends after its duration,
// or when an invalidation takes the marker away.
const (
	// CmdLease is key, token, duration → the token of the lease that the key has after the call.
	// If the key had no lease, the key gets a lease with this token. Otherwise the lease keeps
	// its token. The lease is in force for the duration from now on, or longer if the rest of an
	// earlier duration is longer. For a marker the reply is the empty token, and the marker stays
	// unchanged.
	CmdLease = "XCACHE.LEASE"
	// CmdLeaseElect is key, token, duration → the token of the lease that the key has after the
	// call. If the key had no lease, or a lease with this token, the key has a lease with this
	// token for the duration from now on. A lease with another token, and a marker, stay
	// unchanged.
	CmdLeaseElect = "XCACHE.LEASE.ELECT"
	// CmdLeaseFill is key, token, value, ttl [, old] → 1, 0 or -1.
	//
	//   - 1: the key did not exist, and its lease had the token. The command has stored the value,
	//     and has ended the lease. After an expired ttl the reply is 1, too, and the key is missing.
	//   - 0: the key exists, whatever type of value it holds, and whatever its lease is. Nothing
	//     was changed.
	//   - -1: the key does not exist, and has no lease, or a lease with another token. Nothing was
	//     changed.
	//
	// ttl is made by TTLArg. old is a duration. With old, a key whose TTL is not longer than old
	// counts as a key that does not exist. The fill replaces a value of any type at such a key.
	CmdLeaseFill = "XCACHE.LEASE.FILL"
	// CmdLeaseReplace is key, token, next, duration → 1 if the lease of the key had the token,
	// else 0. With the reply 1 the lease has the token next for the duration from now on. The same
	// token as next renews the lease, and the empty token makes a marker. The duration may be 0
	// here: a duration of 0 ends the lease.
	CmdLeaseReplace = "XCACHE.LEASE.REPLACE"
	// CmdLeaseRevoke is key… → the number of keys that had a lease or a marker. None of the keys
	// has a lease or a marker from now on.
	CmdLeaseRevoke = "XCACHE.LEASE.REVOKE"
)

// rows is the table, sorted by name.
var rows = func() []Command {
	const (
		read       = 1 << iota // ReadOnly, and so Idempotent
		idempotent             // an idempotent write
		extension
		blocking
		primary
	)
	var commands []Command
	since := 1 // a later release sets since to its own number, and adds its rows at the end
	row := func(group Group, name string, keys KeyCount, flags int) {
		commands = append(commands, Command{
			Name: name, Group: group, Keys: keys,
			ReadOnly:   flags&read != 0,
			Blocking:   flags&blocking != 0,
			Idempotent: flags&(read|idempotent) != 0,
			Primary:    flags&primary != 0,
			Extension:  flags&extension != 0,
			Since:      since,
		})
	}
	row(GroupConnection, "PING", NoKey, read)

	row(GroupKeys, "DEL", ManyKeys, 0)
	row(GroupKeys, "EXISTS", ManyKeys, read)
	row(GroupKeys, "PERSIST", OneKey, 0)
	row(GroupKeys, "PEXPIRE", OneKey, 0)
	row(GroupKeys, "PTTL", OneKey, read)
	row(GroupKeys, "RENAME", TwoKeys, 0)
	row(GroupKeys, "RENAMENX", TwoKeys, 0)
	row(GroupKeys, "TYPE", OneKey, read)
	row(GroupKeys, "UNLINK", ManyKeys, 0)
	row(GroupKeys, "FLUSHDB", NoKey, idempotent)
	row(GroupKeys, CmdPersist, OneKey, extension|idempotent)

	row(GroupMigration, "DUMP", OneKey, read)
	row(GroupMigration, "RESTORE", OneKey, 0)

	row(GroupStrings, "GET", OneKey, read)
	row(GroupStrings, "MGET", ManyKeys, read)
	row(GroupStrings, "SET", OneKey, 0) // with NX, XX or GET the second reply may differ
	row(GroupStrings, "GETDEL", OneKey, 0)
	row(GroupStrings, "STRLEN", OneKey, read)
	row(GroupStrings, "INCR", OneKey, 0)
	row(GroupStrings, "INCRBY", OneKey, 0)
	row(GroupStrings, "DECR", OneKey, 0)
	row(GroupStrings, "DECRBY", OneKey, 0)
	row(GroupStrings, CmdIncr, OneKey, extension)
	row(GroupStrings, CmdIncrInit, OneKey, extension)
	row(GroupStrings, CmdCompareAndSwap, OneKey, extension)
	row(GroupStrings, CmdCompareAndDelete, OneKey, extension)
	row(GroupStrings, CmdSwap, OneKey, extension)

	row(GroupLists, "BLMOVE", TwoKeys, blocking)
	row(GroupLists, "BLMPOP", ManyKeys, blocking) // the second argument is the number of keys
	row(GroupLists, "BLPOP", ManyKeys, blocking)
	row(GroupLists, "BRPOP", ManyKeys, blocking)
	row(GroupLists, "LINDEX", OneKey, read)
	row(GroupLists, "LINSERT", OneKey, 0)
	row(GroupLists, "LLEN", OneKey, read)
	row(GroupLists, "LMOVE", TwoKeys, 0)
	row(GroupLists, "LMPOP", ManyKeys, 0) // the first argument is the number of keys
	row(GroupLists, "LPOP", OneKey, 0)
	row(GroupLists, "LPOS", OneKey, read)
	row(GroupLists, "LPUSH", OneKey, 0)
	row(GroupLists, "LPUSHX", OneKey, 0)
	row(GroupLists, "LRANGE", OneKey, read)
	row(GroupLists, "LREM", OneKey, 0)
	row(GroupLists, "LSET", OneKey, idempotent)
	row(GroupLists, "LTRIM", OneKey, 0) // a second LTRIM removes elements that the first has left
	row(GroupLists, "RPOP", OneKey, 0)
	row(GroupLists, "RPUSH", OneKey, 0)
	row(GroupLists, "RPUSHX", OneKey, 0)

	row(GroupSets, "SADD", OneKey, 0) // the second reply differs, as with other writes
	row(GroupSets, "SCARD", OneKey, read)
	row(GroupSets, "SDIFF", ManyKeys, read)
	row(GroupSets, "SDIFFSTORE", ManyKeys, 0) // the destination may be one of the sources
	row(GroupSets, "SINTER", ManyKeys, read)
	row(GroupSets, "SINTERCARD", ManyKeys, read) // the first argument is the number of keys
	row(GroupSets, "SINTERSTORE", ManyKeys, idempotent)
	row(GroupSets, "SISMEMBER", OneKey, read)
	row(GroupSets, "SMEMBERS", OneKey, read)
	row(GroupSets, "SMISMEMBER", OneKey, read)
	row(GroupSets, "SMOVE", TwoKeys, 0)
	row(GroupSets, "SPOP", OneKey, 0)
	row(GroupSets, "SRANDMEMBER", OneKey, read)
	row(GroupSets, "SREM", OneKey, 0)
	row(GroupSets, "SSCAN", OneKey, read|primary)
	row(GroupSets, "SUNION", ManyKeys, read)
	row(GroupSets, "SUNIONSTORE", ManyKeys, idempotent)

	row(GroupHashes, "HDEL", OneKey, 0)
	row(GroupHashes, "HEXISTS", OneKey, read)
	row(GroupHashes, "HEXPIRE", OneKey, 0) // TTLs of fields: Redis 7.4, Valkey 9.0
	row(GroupHashes, "HEXPIREAT", OneKey, 0)
	row(GroupHashes, "HGET", OneKey, read)
	row(GroupHashes, "HGETALL", OneKey, read)
	row(GroupHashes, "HGETDEL", OneKey, 0) // Redis 8.0, Valkey 9.1
	row(GroupHashes, "HGETEX", OneKey, 0)  // Redis 8.0, Valkey 9.0
	row(GroupHashes, "HINCRBY", OneKey, 0)
	row(GroupHashes, "HINCRBYFLOAT", OneKey, 0)
	row(GroupHashes, "HKEYS", OneKey, read)
	row(GroupHashes, "HLEN", OneKey, read)
	row(GroupHashes, "HMGET", OneKey, read)
	row(GroupHashes, "HPERSIST", OneKey, 0)
	row(GroupHashes, "HPEXPIRE", OneKey, 0)
	row(GroupHashes, "HPEXPIREAT", OneKey, 0)
	row(GroupHashes, "HPTTL", OneKey, read)
	row(GroupHashes, "HRANDFIELD", OneKey, read)
	row(GroupHashes, "HSCAN", OneKey, read|primary)
	row(GroupHashes, "HSET", OneKey, 0)
	row(GroupHashes, "HSETEX", OneKey, 0) // Redis 8.0, Valkey 9.0
	row(GroupHashes, "HSETNX", OneKey, 0)
	row(GroupHashes, "HSTRLEN", OneKey, read)
	row(GroupHashes, "HTTL", OneKey, read)
	row(GroupHashes, "HVALS", OneKey, read)

	row(GroupSortedSets, "BZMPOP", ManyKeys, blocking) // the second argument is the number of keys
	row(GroupSortedSets, "BZPOPMAX", ManyKeys, blocking)
	row(GroupSortedSets, "BZPOPMIN", ManyKeys, blocking)
	row(GroupSortedSets, "ZADD", OneKey, 0)
	row(GroupSortedSets, "ZCARD", OneKey, read)
	row(GroupSortedSets, "ZCOUNT", OneKey, read)
	row(GroupSortedSets, "ZDIFF", ManyKeys, read) // the first argument is the number of keys, as with ZINTER and ZUNION
	row(GroupSortedSets, "ZDIFFSTORE", ManyKeys, 0)
	row(GroupSortedSets, "ZINCRBY", OneKey, 0)
	row(GroupSortedSets, "ZINTER", ManyKeys, read)
	row(GroupSortedSets, "ZINTERCARD", ManyKeys, read)
	row(GroupSortedSets, "ZINTERSTORE", ManyKeys, 0) // the destination may be one of the sources
	row(GroupSortedSets, "ZLEXCOUNT", OneKey, read)
	row(GroupSortedSets, "ZMPOP", ManyKeys, 0)
	row(GroupSortedSets, "ZMSCORE", OneKey, read)
	row(GroupSortedSets, "ZPOPMAX", OneKey, 0)
	row(GroupSortedSets, "ZPOPMIN", OneKey, 0)
	row(GroupSortedSets, "ZRANDMEMBER", OneKey, read)
	row(GroupSortedSets, "ZRANGE", OneKey, read)
	row(GroupSortedSets, "ZRANGESTORE", TwoKeys, 0)
	row(GroupSortedSets, "ZRANK", OneKey, read)
	row(GroupSortedSets, "ZREM", OneKey, 0)
	row(GroupSortedSets, "ZREMRANGEBYLEX", OneKey, 0)
	row(GroupSortedSets, "ZREMRANGEBYRANK", OneKey, 0)
	row(GroupSortedSets, "ZREMRANGEBYSCORE", OneKey, 0)
	row(GroupSortedSets, "ZREVRANK", OneKey, read)
	row(GroupSortedSets, "ZSCAN", OneKey, read|primary)
	row(GroupSortedSets, "ZSCORE", OneKey, read)
	row(GroupSortedSets, "ZUNION", ManyKeys, read)
	row(GroupSortedSets, "ZUNIONSTORE", ManyKeys, 0)

	row(GroupStreams, "XACK", OneKey, 0)
	row(GroupStreams, "XADD", OneKey, 0)
	row(GroupStreams, "XAUTOCLAIM", OneKey, 0)
	row(GroupStreams, "XCLAIM", OneKey, 0)
	row(GroupStreams, "XDEL", OneKey, 0)
	row(GroupStreams, "XGROUP", ManyKeys, 0)           // one key, behind the subcommand
	row(GroupStreams, "XINFO", ManyKeys, read|primary) // one key, behind the subcommand
	row(GroupStreams, "XLEN", OneKey, read)
	row(GroupStreams, "XPENDING", OneKey, read|primary)
	row(GroupStreams, "XRANGE", OneKey, read)
	row(GroupStreams, "XREAD", ManyKeys, read) // XREAD and XREADGROUP wait with BLOCK: see Cmd.Waits
	row(GroupStreams, "XREADGROUP", ManyKeys, 0)
	row(GroupStreams, "XREVRANGE", OneKey, read)
	row(GroupStreams, "XTRIM", OneKey, 0)

	row(GroupPubSub, "PUBLISH", OneKey, 0)  // the channel counts as a key, though any server of a cluster would do
	row(GroupPubSub, "SPUBLISH", OneKey, 0) // Redis 7.0

	row(GroupScripts, "EVAL", ManyKeys, 0) // the second argument is the number of keys
	row(GroupScripts, "EVALSHA", ManyKeys, 0)
	row(GroupScripts, "EVALSHA_RO", ManyKeys, read) // read-only scripts: Redis 7.0, Valkey 7.2
	row(GroupScripts, "EVAL_RO", ManyKeys, read)

	row(GroupFunctions, "FCALL", ManyKeys, 0) // Redis 7.0, Valkey 7.2
	row(GroupFunctions, "FCALL_RO", ManyKeys, read)

	since = 2
	row(GroupLocks, CmdLock, OneKey, extension)
	row(GroupLocks, CmdLockExtend, OneKey, extension)
	row(GroupLocks, CmdLockRelease, OneKey, extension)

	row(GroupSemaphores, CmdSemaphore, OneKey, extension)
	row(GroupSemaphores, CmdSemaphoreExtend, OneKey, extension)
	row(GroupSemaphores, CmdSemaphoreRelease, OneKey, extension)

	row(GroupRateLimits, CmdRateLimit, ManyKeys, extension) // the first argument is the number of keys

	row(GroupOnce, CmdOnce, OneKey, extension)
	row(GroupOnce, CmdOnceDone, OneKey, extension)

	row(GroupTags, CmdGeneration, OneKey, extension)

	row(GroupLeases, CmdLease, OneKey, extension)
	row(GroupLeases, CmdLeaseElect, OneKey, extension)
	row(GroupLeases, CmdLeaseFill, OneKey, extension)
	row(GroupLeases, CmdLeaseReplace, OneKey, extension)
	row(GroupLeases, CmdLeaseRevoke, ManyKeys, extension)

	row(GroupStrings, "GETEX", OneKey, 0)
	slices.SortFunc(commands, func(a, b Command) int { return strings.Compare(a.Name, b.Name) })
	for i := range commands {
		commands[i].index = i + 1
	}
	return commands
}()

// byName has the rows by the names of their commands.
var byName = func() map[string]*Command {
	index := make(map[string]*Command, len(rows))
	for i := range rows {
		index[rows[i].Name] = &rows[i]
	}
	return index
}()

// The rows of commands that the table does not have.
var (
	unknown = Command{}
	custom  = Command{Group: GroupCustom, Keys: ManyKeys}
)

// rowOf returns the row of a name, or &unknown.
func rowOf(name string) *Command {
	if c, ok := byName[name]; ok {
		return c
	}
	return &unknown
}

// LookupCommand returns the row of a name in upper case.
func LookupCommand(name string) (Command, bool) {
	c, ok := byName[name]
	if !ok {
		return Command{}, false
	}
	return *c, true
}

// Commands returns the whole table, sorted by name.
func Commands() []Command { return slices.Clone(rows) }

// firstOf returns the rows of a group in the first release that has rows of the group. The
// commands that wait are left out: a store with connections of callers' own runs these commands
// there.
func firstOf(rows []Command, group Group) []Command {
	var first []Command
	for _, c := range rows {
		switch {
		case c.Group != group || c.Blocking:
		case len(first) == 0 || c.Since < first[0].Since:
			first = append(first[:0], c)
		case c.Since == first[0].Since:
			first = append(first, c)
		}
	}
	return first
}
