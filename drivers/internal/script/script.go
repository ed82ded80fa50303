// Package script holds the extension commands of package driver as Lua scripts,
// for the drivers whose servers run them: Redis since 6.0 and Valkey.
package script

import (
	"crypto/sha1" //nolint:gosec // the name that EVALSHA wants
	_ "embed"
	"encoding/hex"

	"github.com/xcache-go/xcache/driver"
)

// A Script is what a server runs for one extension command. Its keys and
// arguments are those of the command, in their order: EVAL source 1 key arg….
type Script struct {
	// Source is the text for EVAL.
	Source string
	// SHA1 is its name for EVALSHA.
	SHA1 string
}

// Keys is how many keys each of the scripts takes. The first argument of every
// extension command is its only key.
const Keys = 1

// Lookup returns the script of an extension command.
func Lookup(command string) (*Script, bool) {
	s, ok := scripts[command]
	return s, ok
}

//go:embed incr.lua
var incr string

//go:embed incrinit.lua
var incrInit string

//go:embed cas.lua
var compareAndSwap string

//go:embed cad.lua
var compareAndDelete string

//go:embed swap.lua
var swap string

//go:embed persist.lua
var persist string

//go:embed store.lua
var store string

var scripts = map[string]*Script{
	driver.CmdIncr:             newScript(incr),
	driver.CmdIncrInit:         newScript(incrInit),
	driver.CmdCompareAndSwap:   newScript(store + compareAndSwap),
	driver.CmdCompareAndDelete: newScript(compareAndDelete),
	driver.CmdSwap:             newScript(store + swap),
	driver.CmdPersist:          newScript(persist),
}

func newScript(source string) *Script {
	sum := sha1.Sum([]byte(source)) //nolint:gosec // see above
	return &Script{Source: source, SHA1: hex.EncodeToString(sum[:])}
}
