// Package script holds the extension commands of package driver as Lua scripts,
// for the drivers whose servers run them: Redis since 6.0 and Valkey. So it does
// with commands that old servers lack, under names of its own.
//
// A script that the server refuses the first write of, or a read before it, has
// changed nothing. Its answer is the plain error reply of that command, which
// means just that. Whatever else goes wrong ends the script with an error that
// names it, and leaves the outcome unknown.
package script

import (
	"crypto/sha1" //nolint:gosec // the name that EVALSHA wants
	"embed"
	"encoding/hex"
	"strings"

	"github.com/xcache-go/xcache/driver"
)

// The commands that old servers lack, with the arguments that the servers take
// which have them.
const (
	GetDel    = "XCACHE.GETDEL" // GETDEL
	LPopCount = "XCACHE.LPOP"   // LPOP with a count
	RPopCount = "XCACHE.RPOP"   // RPOP with a count
	SetGet    = "XCACHE.SETGET" // SET with GET

	ZRankWithScore    = "XCACHE.ZRANK"    // ZRANK with WITHSCORE
	ZRevRankWithScore = "XCACHE.ZREVRANK" // ZREVRANK with WITHSCORE
)

// A Script is what a server runs for one of these commands. Its keys and
// arguments are those of the command, in their order: EVAL source 1 key arg….
type Script struct {
	// Source is the text for EVAL.
	Source string
	// SHA1 is its name for EVALSHA.
	SHA1 string
}

// Keys is how many keys each of the scripts takes. The first argument of every
// command is its only key.
const Keys = 1

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
	GetDel:                     newScript("getdel.lua"),
	LPopCount:                  newScript("pop.lua", "lpop.lua"),
	RPopCount:                  newScript("pop.lua", "rpop.lua"),
	SetGet:                     newScript("setget.lua"),
	ZRankWithScore:             newScript("rank.lua", "zrank.lua"),
	ZRevRankWithScore:          newScript("rank.lua", "zrevrank.lua"),
}

// newScript returns the script that is in files, behind the function that all
// use. Comments stay here: a batch sends the rest.
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

// SHA1 returns the name of a script for EVALSHA.
func SHA1(source string) string {
	sum := sha1.Sum([]byte(source)) //nolint:gosec // see above
	return hex.EncodeToString(sum[:])
}
