package null

import (
	"bytes"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/arguments"
)

// A command has the reply of an empty database to a command of the table in package driver.
type command struct {
	answer func(arguments.List) (driver.Reply, error)
	// least and most limit the number of arguments. most may be arguments.Unlimited.
	least, most int
}

var commands = map[string]command{
	"PING": {ping, 0, 1},

	"PUBLISH":  {always(driver.IntReply(0)), 2, 2},
	"SPUBLISH": {always(driver.IntReply(0)), 2, 2},

	"DEL":             {anyKeys(driver.IntReply(0)), 1, arguments.Unlimited},
	"UNLINK":          {anyKeys(driver.IntReply(0)), 1, arguments.Unlimited},
	"EXISTS":          {anyKeys(driver.IntReply(0)), 1, arguments.Unlimited},
	"TYPE":            {always(driver.DataReply([]byte("none"))), 1, 1},
	"PTTL":            {always(driver.IntReply(-2)), 1, 1},
	"PEXPIRE":         {pexpire, 2, 4},
	"PERSIST":         {always(driver.IntReply(0)), 1, 1},
	driver.CmdPersist: {always(driver.IntReply(0)), 1, 1},
	"RENAME":          {noSuchKey, 2, 2},
	"RENAMENX":        {noSuchKey, 2, 2},
	"FLUSHDB":         {flushDB, 0, 1},
	"DUMP":            {always(driver.Reply{}), 1, 1},

	"GET":                      {always(driver.Reply{}), 1, 1},
	"MGET":                     {mget, 1, arguments.Unlimited},
	"SET":                      {set, 2, arguments.Unlimited},
	"GETDEL":                   {always(driver.Reply{}), 1, 1},
	"GETEX":                    {getEx, 1, arguments.Unlimited},
	"STRLEN":                   {always(driver.IntReply(0)), 1, 1},
	"INCR":                     {incrBy, 1, 1},
	"INCRBY":                   {incrBy, 2, 2},
	"DECR":                     {decrBy, 1, 1},
	"DECRBY":                   {decrBy, 2, 2},
	driver.CmdIncr:             {incrExisting, 2, 2},
	driver.CmdIncrInit:         {incrInit, 4, 4},
	driver.CmdSwap:             {withTTL(2, driver.Reply{}), 3, 3},
	driver.CmdCompareAndSwap:   {withTTL(3, driver.IntReply(0)), 4, 4},
	driver.CmdCompareAndDelete: {always(driver.IntReply(0)), 2, 2},
	driver.CmdGeneration:       {generation, 3, 3},

	"LPUSH":   {push, 2, arguments.Unlimited},
	"RPUSH":   {push, 2, arguments.Unlimited},
	"LPUSHX":  {always(driver.IntReply(0)), 2, arguments.Unlimited},
	"RPUSHX":  {always(driver.IntReply(0)), 2, arguments.Unlimited},
	"LPOP":    {pop, 1, 2},
	"RPOP":    {pop, 1, 2},
	"LMPOP":   {lmpop, 3, arguments.Unlimited},
	"LMOVE":   {lmove, 4, 4},
	"BLPOP":   {popWaiting, 2, arguments.Unlimited},
	"BRPOP":   {popWaiting, 2, arguments.Unlimited},
	"BLMPOP":  {blmpop, 4, arguments.Unlimited},
	"BLMOVE":  {blmove, 5, 5},
	"LRANGE":  {withRange(driver.ArrayReply()), 3, 3},
	"LTRIM":   {withRange(okReply), 3, 3},
	"LINDEX":  {always(driver.Reply{}), 2, 2},
	"LSET":    {noSuchKey, 3, 3},
	"LINSERT": {linsert, 4, 4},
	"LREM":    {lrem, 3, 3},
	"LPOS":    {lpos, 2, arguments.Unlimited},
	"LLEN":    {always(driver.IntReply(0)), 1, 1},

	"SADD":        {sadd, 2, arguments.Unlimited},
	"SREM":        {always(driver.IntReply(0)), 2, arguments.Unlimited},
	"SMOVE":       {always(driver.IntReply(0)), 3, 3},
	"SPOP":        {spop, 1, 2},
	"SRANDMEMBER": {random(false), 1, 2},
	"SCARD":       {always(driver.IntReply(0)), 1, 1},
	"SMEMBERS":    {always(driver.ArrayReply()), 1, 1},
	"SISMEMBER":   {always(driver.IntReply(0)), 2, 2},
	"SMISMEMBER":  {smisMember, 2, arguments.Unlimited},
	"SSCAN":       {scan(false), 2, arguments.Unlimited},
	"SUNION":      {anyKeys(driver.ArrayReply()), 1, arguments.Unlimited},
	"SINTER":      {anyKeys(driver.ArrayReply()), 1, arguments.Unlimited},
	"SDIFF":       {anyKeys(driver.ArrayReply()), 1, arguments.Unlimited},
	"SUNIONSTORE": {anyKeys(driver.IntReply(0)), 2, arguments.Unlimited},
	"SINTERSTORE": {anyKeys(driver.IntReply(0)), 2, arguments.Unlimited},
	"SDIFFSTORE":  {anyKeys(driver.IntReply(0)), 2, arguments.Unlimited},
	"SINTERCARD":  {interCard, 2, arguments.Unlimited},

	"HSET":         {hset, 3, arguments.Unlimited},
	"HSETNX":       {always(driver.IntReply(1)), 3, 3},
	"HGET":         {always(driver.Reply{}), 2, 2},
	"HMGET":        {hmget, 2, arguments.Unlimited},
	"HGETALL":      {always(driver.ArrayReply()), 1, 1},
	"HKEYS":        {always(driver.ArrayReply()), 1, 1},
	"HVALS":        {always(driver.ArrayReply()), 1, 1},
	"HDEL":         {always(driver.IntReply(0)), 2, arguments.Unlimited},
	"HLEN":         {always(driver.IntReply(0)), 1, 1},
	"HEXISTS":      {always(driver.IntReply(0)), 2, 2},
	"HSTRLEN":      {always(driver.IntReply(0)), 2, 2},
	"HINCRBY":      {hincrBy, 3, 3},
	"HINCRBYFLOAT": {hincrByFloat, 3, 3},
	"HRANDFIELD":   {random(true), 1, 3},
	"HSCAN":        {scan(true), 2, arguments.Unlimited},
	"HEXPIRE":      {expiresFields(time.Second, false), 5, arguments.Unlimited},
	"HPEXPIRE":     {expiresFields(time.Millisecond, false), 5, arguments.Unlimited},
	"HEXPIREAT":    {expiresFields(time.Second, true), 5, arguments.Unlimited},
	"HPEXPIREAT":   {expiresFields(time.Millisecond, true), 5, arguments.Unlimited},
	"HTTL":         {ofFields(driver.IntReply(noSuchField)), 4, arguments.Unlimited},
	"HPTTL":        {ofFields(driver.IntReply(noSuchField)), 4, arguments.Unlimited},
	"HPERSIST":     {ofFields(driver.IntReply(noSuchField)), 4, arguments.Unlimited},
	"HGETEX":       {hgetEx, 4, arguments.Unlimited},
	"HGETDEL":      {ofFields(driver.Reply{}), 4, arguments.Unlimited},
	"HSETEX":       {hsetEx, 5, arguments.Unlimited},

	"ZADD":             {zadd, 3, arguments.Unlimited},
	"ZINCRBY":          {zincrBy, 3, 3},
	"ZCARD":            {always(driver.IntReply(0)), 1, 1},
	"ZCOUNT":           {inRange(arguments.List.ScoreRange), 3, 3},
	"ZLEXCOUNT":        {inRange(arguments.List.LexRange), 3, 3},
	"ZSCORE":           {always(driver.Reply{}), 2, 2},
	"ZMSCORE":          {zmscore, 2, arguments.Unlimited},
	"ZRANK":            {zrank, 2, 3},
	"ZREVRANK":         {zrank, 2, 3},
	"ZREM":             {always(driver.IntReply(0)), 2, arguments.Unlimited},
	"ZREMRANGEBYLEX":   {inRange(arguments.List.LexRange), 3, 3},
	"ZREMRANGEBYRANK":  {inRange(arguments.List.RankRange), 3, 3},
	"ZREMRANGEBYSCORE": {inRange(arguments.List.ScoreRange), 3, 3},
	"ZPOPMAX":          {zpop, 1, 2},
	"BZPOPMIN":         {popWaiting, 2, arguments.Unlimited},
	"BZPOPMAX":         {popWaiting, 2, arguments.Unlimited},
	"BZMPOP":           {bzmpop, 4, arguments.Unlimited},
	"ZPOPMIN":          {zpop, 1, 2},
	"ZMPOP":            {zmpop, 3, arguments.Unlimited},
	"ZRANGE":           {zrange, 3, arguments.Unlimited},
	"ZRANGESTORE":      {zrangeStore, 4, arguments.Unlimited},
	"ZRANDMEMBER":      {zrandMember, 1, 3},
	"ZSCAN":            {scan(false), 2, arguments.Unlimited},
	"ZDIFF":            {combined(false), 2, arguments.Unlimited},
	"ZINTER":           {combined(true), 2, arguments.Unlimited},
	"ZUNION":           {combined(true), 2, arguments.Unlimited},
	"ZDIFFSTORE":       {storeCombined(false), 3, arguments.Unlimited},
	"ZINTERSTORE":      {storeCombined(true), 3, arguments.Unlimited},
	"ZUNIONSTORE":      {storeCombined(true), 3, arguments.Unlimited},
	"ZINTERCARD":       {interCard, 2, arguments.Unlimited},

	"XLEN":       {always(driver.IntReply(0)), 1, 1},
	"XACK":       {xack, 3, arguments.Unlimited},
	"XAUTOCLAIM": {xautoClaim, 5, arguments.Unlimited},
	"XCLAIM":     {xclaim, 5, arguments.Unlimited},
	"XDEL":       {xdel, 2, arguments.Unlimited},
	"XGROUP":     {xgroup, 2, arguments.Unlimited},
	"XINFO":      {xinfo, 2, 3},
	"XPENDING":   {xpending, 2, arguments.Unlimited},
	"XRANGE":     {xrange(false), 3, arguments.Unlimited},
	"XREAD":      {xread, 3, arguments.Unlimited},
	"XREADGROUP": {xreadGroup, 6, arguments.Unlimited},
	"XREVRANGE":  {xrange(true), 3, arguments.Unlimited},
	"XTRIM":      {xtrim, 3, arguments.Unlimited},
}

var okReply = driver.DataReply([]byte("OK"))

// always returns the reply for any arguments.
func always(reply driver.Reply) func(arguments.List) (driver.Reply, error) {
	return func(arguments.List) (driver.Reply, error) { return reply, nil }
}

// anyKeys returns the reply for arguments that are all keys.
func anyKeys(reply driver.Reply) func(arguments.List) (driver.Reply, error) {
	return func(l arguments.List) (driver.Reply, error) {
		_, err := l.Keys(0, l.Count())
		return reply, err
	}
}

// withTTL returns the reply if argument i is a TTL.
func withTTL(i int, reply driver.Reply) func(arguments.List) (driver.Reply, error) {
	return func(l arguments.List) (driver.Reply, error) {
		_, err := l.TTL(i)
		return reply, err
	}
}

func generation(l arguments.List) (driver.Reply, error) {
	ttl, err := l.TTL(2)
	if err == nil && (ttl == driver.KeepTTL || driver.Expired(ttl)) {
		err = l.Fail("a TTL must be a positive number of milliseconds, or NONE")
	}
	return driver.DataReply(bytes.Clone(l.Bytes(1))), err
}

func noSuchKey(arguments.List) (driver.Reply, error) { return driver.Reply{}, driver.ErrNotFound }

func ping(l arguments.List) (driver.Reply, error) {
	if l.Count() == 1 {
		return driver.DataReply(bytes.Clone(l.Bytes(0))), nil
	}
	return driver.DataReply([]byte("PONG")), nil
}

func pexpire(l arguments.List) (driver.Reply, error) {
	_, _, err := l.ExpireOptions()
	return driver.IntReply(0), err
}

func getEx(l arguments.List) (driver.Reply, error) { return driver.Reply{}, l.CheckGetEx() }

func flushDB(l arguments.List) (driver.Reply, error) { return okReply, l.FlushMode() }

func mget(l arguments.List) (driver.Reply, error) {
	keys, err := l.Keys(0, l.Count())
	return driver.ArrayReply(make([]driver.Reply, len(keys))...), err
}

func set(l arguments.List) (driver.Reply, error) {
	options, err := l.SetOptions()
	if options.Get || options.Cond == driver.IfPresent {
		return driver.Reply{}, err
	}
	return okReply, err
}

func incrBy(l arguments.List) (driver.Reply, error) {
	sum, err := l.Delta()
	return driver.IntReply(sum), err
}

func decrBy(l arguments.List) (driver.Reply, error) {
	sum, err := l.NegativeDelta()
	return driver.IntReply(sum), err
}

func incrExisting(l arguments.List) (driver.Reply, error) {
	_, err := l.Int(1)
	return driver.Reply{}, err
}

func incrInit(l arguments.List) (driver.Reply, error) {
	delta, init, _, err := l.IncrInit()
	if err != nil {
		return driver.Reply{}, err
	}
	sum, err := arguments.Add(init, delta)
	return driver.IntReply(sum), err
}

// push returns the length of a new list.
func push(l arguments.List) (driver.Reply, error) { return driver.IntReply(int64(l.Count() - 1)), nil }

func pop(l arguments.List) (driver.Reply, error) {
	_, err := l.PopCount()
	return driver.Reply{}, err
}

func lmpop(l arguments.List) (driver.Reply, error) {
	_, err := l.MultiPop(0)
	return driver.Reply{}, err
}

func lmove(l arguments.List) (driver.Reply, error) {
	if _, err := l.End(2); err != nil {
		return driver.Reply{}, err
	}
	_, err := l.End(3)
	return driver.Reply{}, err
}

// withRange returns the reply if arguments 1 and 2 are a range.
func withRange(reply driver.Reply) func(arguments.List) (driver.Reply, error) {
	return func(l arguments.List) (driver.Reply, error) {
		_, _, err := l.Range()
		return reply, err
	}
}

func linsert(l arguments.List) (driver.Reply, error) {
	_, err := l.InsertBefore()
	return driver.IntReply(0), err
}

func lrem(l arguments.List) (driver.Reply, error) {
	_, err := l.RemoveCount()
	return driver.IntReply(0), err
}

func lpos(l arguments.List) (driver.Reply, error) {
	options, err := l.PosOptions()
	if options.Many {
		return driver.ArrayReply(), err
	}
	return driver.Reply{}, err
}

// sadd returns the number of different members.
func sadd(l arguments.List) (driver.Reply, error) {
	return driver.IntReply(different(l, 1, 1)), nil
}

// different returns the number of different texts among the arguments first, first+step and
// so on.
func different(l arguments.List, first, step int) int64 {
	texts := make(map[string]struct{})
	for i := first; i < l.Count(); i += step {
		texts[l.Text(i)] = struct{}{}
	}
	return int64(len(texts))
}

func smisMember(l arguments.List) (driver.Reply, error) {
	return repeated(driver.IntReply(0), l.Count()-1), nil
}

func spop(l arguments.List) (driver.Reply, error) {
	count, err := l.PopCount()
	if count.Given {
		return driver.ArrayReply(), err
	}
	return driver.Reply{}, err
}
