package dialect

import (
	"fmt"
	"strings"

	"github.com/xcache-go/xcache/driver"
)

// The names of the commands below are in upper case, and most of them are not in the table
// of package driver.

// changing are the commands that change the state of a connection, or may change the state.
// Transactions and subscriptions are not among them.
var changing = namesOf(`ASKING AUTH CLIENT HELLO MONITOR QUIT READONLY READWRITE RESET SELECT SYNC PSYNC`)

// transactions are the commands of transactions.
var transactions = namesOf(`MULTI EXEC DISCARD WATCH UNWATCH`)

// subscriptions are the commands that begin or end a subscription.
var subscriptions = namesOf(`SUBSCRIBE PSUBSCRIBE SSUBSCRIBE UNSUBSCRIBE PUNSUBSCRIBE SUNSUBSCRIBE`)

// waiting are the commands that may wait at the server.
var waiting = namesOf(`BLPOP BRPOP BLMOVE BLMPOP BRPOPLPUSH BZPOPMIN BZPOPMAX BZMPOP XREAD XREADGROUP WAIT WAITAOF`)

// reading are the commands of CLIENT that leave the connection as it is.
var reading = namesOf(`GETNAME GETREDIR HELP ID INFO KILL LIST PAUSE TRACKINGINFO UNBLOCK UNPAUSE`)

func namesOf(list string) map[string]bool {
	names := make(map[string]bool)
	for name := range strings.FieldsSeq(list) {
		names[name] = true
	}
	return names
}

// Changes reports whether a command changes the state of its connection, or may change the
// state. Transactions and subscriptions do not count.
func Changes(name string) bool { return changing[name] }

// Subscribes reports whether a command begins or ends a subscription.
func Subscribes(name string) bool { return subscriptions[name] }

// MayWait reports whether a command may wait at the server.
func MayWait(name string) bool { return waiting[name] }

// ofOwnConnection returns the error of a custom command that belongs on a connection of the
// caller's own, or nil.
func ofOwnConnection(c *driver.Cmd) error {
	if !c.IsCustom() {
		return nil
	}
	switch name := strings.ToUpper(c.Name); {
	case name == "CLIENT" && len(c.Args) > 0 && reading[strings.ToUpper(c.Args[0].String())]:
	case changing[name], transactions[name], subscriptions[name], waiting[name]:
		return driver.Fail(driver.ErrSyntax, driver.NotApplied,
			fmt.Errorf("%s would change or hold up a connection that other calls share: it is for a connection of the caller's own (driver.Exclusive)", c.Name))
	}
	return nil
}
