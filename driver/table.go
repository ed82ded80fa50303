package driver

import (
	"slices"
	"strings"
)

// A Command is one row of the table of commands: what the library knows about
// it, once, for replica routing, retries, invalidation, capability checks, the
// conformance suite and the documentation.
type Command struct {
	// Name is the command in upper case.
	Name string
	// Group is the data structure it belongs to.
	Group Group
	// Keys says how many keys it takes.
	Keys KeyCount
	// ReadOnly: it changes nothing, so it may go to a replica, and may be
	// sent again after a lost reply.
	ReadOnly bool
	// Blocking: it waits at the server until there is something to answer, or its time-out
	// has come. A store with connections of callers' own (Exclusive) runs it there alone, and
	// does not list it in Commander.Commands. See Cmd.Waits.
	Blocking bool
	// Idempotent: running it twice in a row, with nothing in between, leaves
	// what running it once leaves, and answers the same. This does not make a
	// write safe to resend: a late resend overwrites a newer value.
	Idempotent bool
	// Primary: it does not go to replicas, though it changes nothing. Its reply has a cursor
	// that means something only to the server which gave it, or tells what is not
	// replicated, as how often an entry of a stream was delivered.
	Primary bool
	// Extension: Redis has no such command; the server drivers run it as a
	// script.
	Extension bool
	// Since is the release of the table that the command came with: see Release.
	Since int

	index int // of its row, and 1: see Index
}

// Release counts the releases of the table of commands. A release may add rows, with
// that number in their Since; no row is ever changed or taken away. So a driver that
// was written for an earlier release stays complete: what it lacks came later.
const Release = 2

// Index returns the position of the row in Commands, so that what a driver keeps for
// each command can be in a slice; -1 for a row that is not in the table.
func (c *Command) Index() int { return c.index - 1 }

// AtReplica reports whether a replica may answer the command in the place of the primary.
func (c *Command) AtReplica() bool { return c.ReadOnly && !c.Blocking && !c.Primary }

// Group is the part of the command language that a command belongs to. It is
// what a cache can Require.
type Group string

// The groups of commands.
const (
	GroupConnection  Group = "connection"
	GroupKeys        Group = "keys"
	GroupMigration   Group = "migration" // of values between servers
	GroupStrings     Group = "strings"
	GroupLists       Group = "lists"
	GroupSets        Group = "sets"
	GroupHashes      Group = "hashes"
	GroupSortedSets  Group = "sortedsets"
	GroupStreams     Group = "streams"
	GroupPubSub      Group = "pubsub"
	GroupScripts     Group = "scripts"
	GroupFunctions   Group = "functions" // which the server has in libraries
	GroupTransaction Group = "transactions"
	GroupLocks       Group = "locks"
	GroupSemaphores  Group = "semaphores"
	GroupRateLimits  Group = "ratelimits"
	GroupOnce        Group = "once"
	GroupLeases      Group = "leases" // of those who load values
	GroupTags        Group = "tags"
	// GroupCustom is that of the commands that the table does not have: see
	// NewCustomCmd.
	GroupCustom Group = "custom"
)

// KeyCount says how many keys a command takes.
type KeyCount uint8

// How many keys a command takes.
const (
	NoKey KeyCount = iota
	OneKey
	TwoKeys
	ManyKeys
)

// Names of the commands that Redis lacks. Each is one atomic step. ttl is an
// argument made by TTLArg.
const (
	// CmdIncr is INCRBY that does not create: key, delta → the sum, or nil
	// when there is no key.
	CmdIncr = "XCACHE.INCR"
	// CmdIncrInit is INCRBY from a start value: key, delta, init, ttl → the
	// sum. An existing key keeps its TTL.
	CmdIncrInit = "XCACHE.INCRINIT"
	// CmdCompareAndSwap is key, old, new, ttl → 1 or 0.
	CmdCompareAndSwap = "XCACHE.CAS"
	// CmdCompareAndDelete is key, old → 1 or 0.
	CmdCompareAndDelete = "XCACHE.CAD"
	// CmdSwap is key, new, ttl → the value that was there, or nil. It is
	// SET … GET for every server version, and it knows expired TTLs.
	CmdSwap = "XCACHE.SWAP"
	// CmdPersist is key → 1 if the key exists, also when it was persistent
	// already, else 0.
	CmdPersist = "XCACHE.PERSIST"
)

// Names of the commands for those who coordinate, which Redis lacks as well. Each is one
// atomic step. Times are whole milliseconds by the clock of the server, and leases are
// positive. A token is any text, by which a holder is told from all others. What the keys hold
// is a hash, whose fields are the business of these commands alone.
const (
	// CmdLock is key, token, lease, waits → state, fence, time. The state is 1 if the token
	// holds the lock from now on for the length of the lease, which is the time then; so it is
	// if the token holds the lock already. The fence is a number greater than those of all
	// holders before, and the same for as long as one token holds the lock. The state is 0 if
	// another token holds the lock, the fence is 0 then, and the time is what that lease has
	// left. waits is 1 if the caller is to be told of the release, else 0.
	CmdLock = "XCACHE.LOCK"
	// CmdLockExtend is key, token, lease → 1 if the token holds the lock, which it does from
	// now on for the length of the lease, else 0.
	CmdLockExtend = "XCACHE.LOCK.EXTEND"
	// CmdLockRelease is key, token → 1 if the token held the lock, else 0. If somebody waits
	// who is to be told, an empty message is published on the channel that has the name of the
	// key. A message that cannot be published is no error.
	CmdLockRelease = "XCACHE.LOCK.RELEASE"

	// CmdSemaphore is key, token, weight, capacity, lease, place → state, time. The state is 1
	// if the token holds a permit of the weight from now on for the length of the lease, which is the
	// time then; so it is if the token holds one already. The weights of all permits whose leases
	// have not run out are no more than the capacity together. Otherwise the state is 0 and the
	// time is when the next of the permits and places ends. A positive place is for how long the
	// token has a place in the queue, behind those that have one, and 0 takes none: the token whose
	// place is the first is the only one to get a permit. Weight and capacity are positive.
	CmdSemaphore = "XCACHE.SEMAPHORE"
	// CmdSemaphoreExtend is key, token, lease → 1 if the token holds a permit, which it does
	// from now on for the length of the lease, else 0.
	CmdSemaphoreExtend = "XCACHE.SEMAPHORE.EXTEND"
	// CmdSemaphoreRelease is key, token → 1 if the token held a permit, else 0. A place is given
	// up as well. If others have one, the first of them is told, and so it is after a CmdSemaphore
	// that leaves some of the capacity: an empty message is published on the channel whose name is
	// the key, a colon and the token. A message that cannot be published is no error.
	CmdSemaphoreRelease = "XCACHE.SEMAPHORE.RELEASE"

	// CmdRateLimit is numkeys, key…, n, and for each key name, limit, window, burst → allowed, and
	// for each key remaining, retry, reset. It takes n units of each limit if all of them have
	// them, which is allowed = 1, and otherwise of none, which is 0. A limit is told from others
	// by its key, its name, and whether the burst is 0, and is named once. A positive window is
	// whole milliseconds. With the burst 0 no more than limit units are taken within any window;
	// a unit is free again when a window has passed, or up to a sixtieth of it later. With a burst,
	// which is no more than the limit, no more than burst + d × limit / window are taken within
	// any time d (GCRA). n is from 0, which only looks, to the burst, or to the limit without one.
	// remaining is how many units are left after the call, retry after how many microseconds this
	// limit has n units if nobody else takes any (0 if it has them before the call), and reset
	// after how many all of them are free.
	CmdRateLimit = "XCACHE.RATELIMIT"

	// CmdOnce is key, token, lease, waits → state, time, value. The state is 2 if a value is kept,
	// and the time is 0. Without one it is that of CmdLock, as is the time, the value is nil, and
	// the token holds the key as a lock that CmdLockExtend and CmdLockRelease know.
	CmdOnce = "XCACHE.ONCE"
	// CmdOnceDone is key, token, value, ttl → 1 if the token was the last to hold the key, whose
	// value is kept from now on for the TTL, a positive number of milliseconds; so it is if the
	// token has kept one before, which stays as it is. Otherwise it is 0. Who waits is told as by
	// CmdLockRelease.
	CmdOnceDone = "XCACHE.ONCE.DONE"

	// CmdGeneration is key, candidate, ttl → the generation of a tag, which is the string at
	// the key. Without one, the candidate is stored and answered. The key is kept for the ttl at
	// least: it never gets a shorter one. ttl is positive, or NoExpiry.
	CmdGeneration = "XCACHE.GENERATION"
)

// Names of the commands that keep a value which was loaded before an invalidation out of the
// cache. Each is one atomic step. A lease is what the store knows of the loads of a key: a token
// that every invalidation takes away. A lease is no value: no other command sees it under its key.
// A lease that is lost, by eviction or in a failover, costs no more than a value that is
// not stored.
//
// A token is not empty, and a duration is whole milliseconds, and positive. A lease with the empty
// token is a marker: a load has found that there is no value. The marker ends when its time has
// come, or an invalidation takes it away.
const (
	// CmdLease is key, token, duration → the token of the lease of the key: the one that is in
	// force, or else this one. The lease is in force for the duration from now on, and longer if
	// it was before. The empty token is the answer of a marker, which stays as it is.
	CmdLease = "XCACHE.LEASE"
	// CmdLeaseElect is key, token, duration → the token of the lease of the key: the one that is
	// in force, or else this one. If the lease has this token, the lease is in force for the
	// duration from now on. Every other lease, and a marker, stays as it is.
	CmdLeaseElect = "XCACHE.LEASE.ELECT"
	// CmdLeaseFill is key, token, value, ttl [, old] → 1, 0 or -1. It stores the value if the key
	// does not exist and its lease has the token; that ends the lease, and the answer is 1. An
	// expired TTL is like any other, but nothing is there afterwards. 0 tells that the key exists,
	// whatever it holds, and -1 that its lease has not that token. old is a duration, in whole
	// milliseconds and positive: a key whose TTL is not longer than old counts as one that does
	// not exist, and loses its value, of any type, to the fill.
	CmdLeaseFill = "XCACHE.LEASE.FILL"
	// CmdLeaseReplace is key, token, next, duration → 1 if the lease of the key has the token, and
	// else 0. The lease has the token next for the duration from now on: the same token again
	// renews the lease, and the empty one makes a marker of it. The duration 0 ends the lease.
	CmdLeaseReplace = "XCACHE.LEASE.REPLACE"
	// CmdLeaseRevoke is key… → how many of the keys had a lease. They have none from now on.
	CmdLeaseRevoke = "XCACHE.LEASE.REVOKE"
)

// rows is the table, sorted by name.
var rows = func() []Command {
	const (
		read       = 1 << iota // ReadOnly, and so Idempotent
		idempotent             // a write that is
		extension
		blocking
		primary
	)
	var commands []Command
	since := 1 // a later release sets it to its own number, and adds its rows behind
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
	row(GroupStrings, "SET", OneKey, 0) // NX, XX and GET answer differently the second time
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
	row(GroupLists, "BLMPOP", ManyKeys, blocking) // how many, its second argument says
	row(GroupLists, "BLPOP", ManyKeys, blocking)
	row(GroupLists, "BRPOP", ManyKeys, blocking)
	row(GroupLists, "LINDEX", OneKey, read)
	row(GroupLists, "LINSERT", OneKey, 0)
	row(GroupLists, "LLEN", OneKey, read)
	row(GroupLists, "LMOVE", TwoKeys, 0)
	row(GroupLists, "LMPOP", ManyKeys, 0) // how many, its first argument says
	row(GroupLists, "LPOP", OneKey, 0)
	row(GroupLists, "LPOS", OneKey, read)
	row(GroupLists, "LPUSH", OneKey, 0)
	row(GroupLists, "LPUSHX", OneKey, 0)
	row(GroupLists, "LRANGE", OneKey, read)
	row(GroupLists, "LREM", OneKey, 0)
	row(GroupLists, "LSET", OneKey, idempotent)
	row(GroupLists, "LTRIM", OneKey, 0) // a second time it cuts what the first has left
	row(GroupLists, "RPOP", OneKey, 0)
	row(GroupLists, "RPUSH", OneKey, 0)
	row(GroupLists, "RPUSHX", OneKey, 0)

	row(GroupSets, "SADD", OneKey, 0) // as others that write, it answers differently the second time
	row(GroupSets, "SCARD", OneKey, read)
	row(GroupSets, "SDIFF", ManyKeys, read)
	row(GroupSets, "SDIFFSTORE", ManyKeys, 0) // the destination may be one of the sources
	row(GroupSets, "SINTER", ManyKeys, read)
	row(GroupSets, "SINTERCARD", ManyKeys, read) // how many, its first argument says
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

	row(GroupSortedSets, "BZMPOP", ManyKeys, blocking) // how many, its second argument says
	row(GroupSortedSets, "BZPOPMAX", ManyKeys, blocking)
	row(GroupSortedSets, "BZPOPMIN", ManyKeys, blocking)
	row(GroupSortedSets, "ZADD", OneKey, 0)
	row(GroupSortedSets, "ZCARD", OneKey, read)
	row(GroupSortedSets, "ZCOUNT", OneKey, read)
	row(GroupSortedSets, "ZDIFF", ManyKeys, read) // how many, the first argument says, as with ZINTER and ZUNION
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
	row(GroupStreams, "XGROUP", ManyKeys, 0)           // one, behind the subcommand
	row(GroupStreams, "XINFO", ManyKeys, read|primary) // likewise
	row(GroupStreams, "XLEN", OneKey, read)
	row(GroupStreams, "XPENDING", OneKey, read|primary)
	row(GroupStreams, "XRANGE", OneKey, read)
	row(GroupStreams, "XREAD", ManyKeys, read) // with BLOCK it waits, as XREADGROUP does: see Cmd.Waits
	row(GroupStreams, "XREADGROUP", ManyKeys, 0)
	row(GroupStreams, "XREVRANGE", OneKey, read)
	row(GroupStreams, "XTRIM", OneKey, 0)

	row(GroupPubSub, "PUBLISH", OneKey, 0)  // the channel: any server of a cluster would do
	row(GroupPubSub, "SPUBLISH", OneKey, 0) // Redis 7.0

	row(GroupScripts, "EVAL", ManyKeys, 0) // how many, its second argument says
	row(GroupScripts, "EVALSHA", ManyKeys, 0)
	row(GroupScripts, "EVALSHA_RO", ManyKeys, read) // read-only ones: Redis 7.0, Valkey 7.2
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

	row(GroupRateLimits, CmdRateLimit, ManyKeys, extension) // how many, its first argument says

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

// byName finds the rows.
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

// firstOf returns the rows of a group that came with the first release which had any. Those
// that wait are none of them: a store with connections of callers' own has them there.
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
