// Package script holds the extension commands of package driver as Lua scripts, for servers
// that run them: Redis since 6.0, and Valkey. The package also holds scripts for commands
// that old servers lack, under its own names.
//
// A script has changed nothing if the server refuses the script's first write, or an
// earlier read. The reply is the plain error reply of the refused command then. Any other
// error ends the script with an error that names the script, and the outcome is unknown.
package script

import (
	"crypto/sha1" //nolint:gosec // the name that EVALSHA wants
	"embed"
	"encoding/hex"
	"strings"

	"github.com/xcache-go/xcache/driver"
)

// The names of scripts for commands that old servers lack. A script takes the arguments of
// its command.
const (
	GetDel    = "XCACHE.GETDEL" // GETDEL
	GetEx     = "XCACHE.GETEX"  // GETEX
	LPopCount = "XCACHE.LPOP"   // LPOP with a count
	RPopCount = "XCACHE.RPOP"   // RPOP with a count
	SetGet    = "XCACHE.SETGET" // SET with GET

	ZRankWithScore    = "XCACHE.ZRANK"    // ZRANK with WITHSCORE
	ZRevRankWithScore = "XCACHE.ZREVRANK" // ZREVRANK with WITHSCORE

	HRandField = "XCACHE.HRANDFIELD" // HRANDFIELD
	HScanNames = "XCACHE.HSCAN"      // HSCAN with NOVALUES
	PExpireIf  = "XCACHE.PEXPIRE"    // PEXPIRE with NX, XX, GT or LT

	LMove      = "XCACHE.LMOVE"      // LMOVE
	LMPop      = "XCACHE.LMPOP"      // LMPOP
	SInterCard = "XCACHE.SINTERCARD" // SINTERCARD
	SMIsMember = "XCACHE.SMISMEMBER" // SMISMEMBER

	ZAddIf      = "XCACHE.ZADD"        // ZADD with GT or LT
	ZDiff       = "XCACHE.ZDIFF"       // ZDIFF
	ZDiffStore  = "XCACHE.ZDIFFSTORE"  // ZDIFFSTORE
	ZInter      = "XCACHE.ZINTER"      // ZINTER
	ZInterCard  = "XCACHE.ZINTERCARD"  // ZINTERCARD
	ZMPop       = "XCACHE.ZMPOP"       // ZMPOP
	ZMScore     = "XCACHE.ZMSCORE"     // ZMSCORE
	ZRandMember = "XCACHE.ZRANDMEMBER" // ZRANDMEMBER
	ZPopBefore  = "XCACHE.ZPOP"        // ZPOPMIN and ZPOPMAX with a negative count
	ZRangeBy    = "XCACHE.ZRANGE"      // ZRANGE with BYSCORE, BYLEX or REV
	ZRangeStore = "XCACHE.ZRANGESTORE" // ZRANGESTORE
	ZUnion      = "XCACHE.ZUNION"      // ZUNION

	XAdd            = "XCACHE.XADD"                  // XADD with NOMKSTREAM, MINID, LIMIT or half an ID
	XAutoClaim      = "XCACHE.XAUTOCLAIM"            // XAUTOCLAIM
	XClaim          = "XCACHE.XCLAIM"                // XCLAIM that leaves nothing of deleted entries
	XCreateConsumer = "XCACHE.XGROUP.CREATECONSUMER" // XGROUP with CREATECONSUMER
	XPending        = "XCACHE.XPENDING"              // XPENDING with IDLE or an ID behind (
	XRange          = "XCACHE.XRANGE"                // XRANGE with an ID behind (
	XRevRange       = "XCACHE.XREVRANGE"             // XREVRANGE with an ID behind (
	XTrim           = "XCACHE.XTRIM"                 // XTRIM with MINID or LIMIT
)

// A Script is the Lua script for a command. KEYS are the keys of the command, and ARGV its
// other arguments, both in their order.
type Script struct {
	// Source is the argument of EVAL.
	Source string
	// SHA1 is the argument of EVALSHA.
	SHA1 string
	// ReadOnly tells that the script changes nothing.
	ReadOnly bool
}

// Lookup returns the script of a command.
func Lookup(command string) (*Script, bool) {
	s, ok := scripts[command]
	return s, ok
}

//go:embed *.lua
var files embed.FS

var scripts = map[string]*Script{
	driver.CmdIncr:             newScript("incr.lua"),
	driver.CmdIncrInit:         newScript("incrinit.lua"),
	driver.CmdCompareAndSwap:   newScript("store.lua", "cas.lua"),
	driver.CmdCompareAndDelete: newScript("cad.lua"),
	driver.CmdSwap:             newScript("store.lua", "swap.lua"),
	driver.CmdPersist:          newScript("persist.lua"),
	driver.CmdLock:             coordinating("lock.lua"),
	driver.CmdLockExtend:       coordinating("lockextend.lua"),
	driver.CmdLockRelease:      coordinating("lockrelease.lua"),
	driver.CmdSemaphore:        coordinating("semaphore.lua"),
	driver.CmdSemaphoreExtend:  coordinating("semaphoreextend.lua"),
	driver.CmdSemaphoreRelease: coordinating("semaphorerelease.lua"),
	driver.CmdRateLimit:        coordinating("keys.lua", "ratelimit.lua"),
	driver.CmdOnce:             coordinating("once.lua"),
	driver.CmdOnceDone:         coordinating("oncedone.lua"),
	driver.CmdLease:            newScript("arguments.lua", "leases.lua", "lease.lua"),
	driver.CmdLeaseElect:       newScript("arguments.lua", "leases.lua", "leaseelect.lua"),
	driver.CmdLeaseFill:        newScript("arguments.lua", "leases.lua", "store.lua", "leasefill.lua"),
	driver.CmdLeaseReplace:     newScript("arguments.lua", "leases.lua", "leasereplace.lua"),
	driver.CmdGeneration:       newScript("arguments.lua", "store.lua", "generation.lua"),
	GetDel:                     newScript("getdel.lua"),
	GetEx:                      newScript("arguments.lua", "getex.lua"),
	LPopCount:                  newScript("pop.lua", "lpop.lua"),
	RPopCount:                  newScript("pop.lua", "rpop.lua"),
	SetGet:                     newScript("setget.lua"),

	ZRankWithScore:    reading("rank.lua", "zrank.lua"),
	ZRevRankWithScore: reading("rank.lua", "zrevrank.lua"),

	HRandField: reading("arguments.lua", "random.lua", "hrandfield.lua"),
	HScanNames: reading("arguments.lua", "hscan.lua"),
	PExpireIf:  newScript("arguments.lua", "pexpire.lua"),

	LMove:      newScript("arguments.lua", "lmove.lua"),
	LMPop:      newScript("arguments.lua", "keys.lua", "pop.lua", "lmpop.lua"),
	SInterCard: reading("arguments.lua", "keys.lua", "sintercard.lua"),
	SMIsMember: reading("arguments.lua", "each.lua", "smismember.lua"),

	ZAddIf:      newScript("arguments.lua", "zadd.lua"),
	ZDiff:       reading("arguments.lua", "keys.lua", "combine.lua", "combined.lua", "zdiff.lua"),
	ZDiffStore:  newScript("arguments.lua", "combine.lua", "put.lua", "zdiffstore.lua"),
	ZInter:      reading("arguments.lua", "keys.lua", "combine.lua", "combined.lua", "zinter.lua"),
	ZInterCard:  reading("arguments.lua", "keys.lua", "combine.lua", "zintercard.lua"),
	ZMPop:       newScript("arguments.lua", "keys.lua", "zmpop.lua"),
	ZMScore:     reading("arguments.lua", "each.lua", "zmscore.lua"),
	ZRandMember: reading("arguments.lua", "random.lua", "zrandmember.lua"),
	ZPopBefore:  reading("arguments.lua", "zpop.lua"),
	ZRangeBy:    reading("arguments.lua", "range.lua", "zrange.lua"),
	ZRangeStore: newScript("arguments.lua", "range.lua", "put.lua", "zrangestore.lua"),
	ZUnion:      reading("arguments.lua", "keys.lua", "combine.lua", "combined.lua", "zunion.lua"),

	XAdd:            newScript("arguments.lua", "id.lua", "trim.lua", "xadd.lua"),
	XAutoClaim:      newScript("arguments.lua", "id.lua", "exclusive.lua", "xautoclaim.lua"),
	XClaim:          newScript("arguments.lua", "id.lua", "xclaim.lua"),
	XCreateConsumer: newScript("arguments.lua", "id.lua", "createconsumer.lua"),
	XPending:        reading("arguments.lua", "id.lua", "exclusive.lua", "xpending.lua"),
	XRange:          reading("arguments.lua", "id.lua", "exclusive.lua", "interval.lua", "xrange.lua"),
	XRevRange:       reading("arguments.lua", "id.lua", "exclusive.lua", "interval.lua", "xrevrange.lua"),
	XTrim:           newScript("arguments.lua", "id.lua", "trim.lua", "xtrim.lua"),
}

// reading is newScript for a script that changes nothing.
func reading(names ...string) *Script {
	s := newScript(names...)
	s.ReadOnly = true
	return s
}

// coordinating is newScript for a script that reads the clock of the server.
func coordinating(names ...string) *Script {
	return newScript(append([]string{"arguments.lua", "clock.lua"}, names...)...)
}

// newScript joins files to a script, behind the shared function of fail.lua. Comments are
// removed, because a batch sends the source.
func newScript(names ...string) *Script {
	var source strings.Builder
	for _, name := range append([]string{"fail.lua"}, names...) {
		text, err := files.ReadFile(name)
		if err != nil {
			panic(err) // the file is not in the folder of this package
		}
		for line := range strings.Lines(string(text)) {
			if !strings.HasPrefix(strings.TrimSpace(line), "--") {
				source.WriteString(line)
			}
		}
	}
	return &Script{Source: source.String(), SHA1: SHA1(source.String())}
}

// SHA1 returns the SHA-1 of a script for EVALSHA.
func SHA1(source string) string {
	sum := sha1.Sum([]byte(source)) //nolint:gosec // see above
	return hex.EncodeToString(sum[:])
}
