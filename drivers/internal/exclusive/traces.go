package exclusive

import (
	"errors"
	"fmt"
	"strings"

	"github.com/xcache-go/xcache/driver"
)

// traces are what a session has left on its connection.
type traces struct {
	watching   bool
	subscribed bool // at some time
	other      bool // a command of which nobody knows what it leaves
}

func (t *traces) any() bool { return t.watching || t.subscribed || t.other }

// Names of commands that this package knows.
const (
	watch   = "WATCH"
	unwatch = "UNWATCH"
)

// leaves are the commands that leave something on a connection, or may, be they in the
// table of commands or not. Those that WATCH and subscribe are not among them.
var leaves = namesOf(`ASKING AUTH CLIENT HELLO MONITOR QUIT READONLY READWRITE RESET SELECT SYNC PSYNC`)

// leavesNothing are commands that are not in the table of commands, and leave nothing:
// those that wait at the server.
var leavesNothing = namesOf(`BLPOP BRPOP BLMOVE BLMPOP BRPOPLPUSH BZPOPMIN BZPOPMAX BZMPOP XREAD XREADGROUP WAIT WAITAOF`)

func namesOf(list string) map[string]bool {
	names := make(map[string]bool)
	for name := range strings.FieldsSeq(list) {
		names[name] = true
	}
	return names
}

// leave notes what commands leave that are about to be sent.
func (t *traces) leave(cmds []*driver.Cmd) {
	for _, c := range cmds {
		name := strings.ToUpper(c.Name)
		switch {
		case name == watch:
			t.watching = true
		case name == unwatch:
		case subscribes(name):
			t.subscribed = true
		case leaves[name], c.IsCustom() && !leavesNothing[name]:
			t.other = true
		}
	}
}

// settle notes what commands have done that were run by Do.
func (t *traces) settle(cmds []*driver.Cmd, how driver.How, err error) {
	if how == driver.Atomic {
		if err == nil || errors.Is(err, driver.ErrConflict) {
			t.watching = false
		}
		return
	}
	for _, c := range cmds {
		if err == nil && c.Err == nil {
			t.replied(c.Name)
		}
	}
}

// replied notes what a command has done that the server has not refused. Those before
// have their replies already.
func (t *traces) replied(name string) {
	switch strings.ToUpper(name) {
	case watch:
		t.watching = true
	case unwatch:
		t.watching = false
	}
}

// refused returns why a command is not sent, by Do or by Send.
func refused(c *driver.Cmd, do bool) error {
	name := strings.ToUpper(c.Name)
	switch {
	case name == "MULTI" || name == "EXEC" || name == "DISCARD":
		return driver.Fail(driver.ErrSyntax, driver.NotApplied, fmt.Errorf("%s is sent by Do with Atomic, and not by itself", name))
	case do && subscribes(name):
		return driver.Fail(driver.ErrSyntax, driver.NotApplied, fmt.Errorf("%s has no reply of its own: it is for Send", name))
	case !do && c.Command().Extension:
		return driver.Fail(driver.ErrSyntax, driver.NotApplied, fmt.Errorf("%s is not sent as it is: it is for Do", name))
	}
	return nil
}

// subscribes reports whether a command begins a subscription, or ends one.
func subscribes(name string) bool {
	switch name {
	case "SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE", "UNSUBSCRIBE", "PUNSUBSCRIBE", "SUNSUBSCRIBE":
		return true
	}
	return false
}

// isMessage reports whether an array that begins with a word is no reply.
func isMessage(word string) bool {
	switch word {
	case "message", "pmessage", "smessage", "invalidate":
		return true
	}
	return subscribes(strings.ToUpper(word))
}

// confirmations returns the first word of the messages that confirm a command, and how
// many of them there are; "" if it has a reply. One that ends all subscriptions has at
// least one.
func confirmations(c *driver.Cmd) (word string, count int) {
	if name := strings.ToUpper(c.Name); subscribes(name) {
		return strings.ToLower(name), max(1, len(c.Args))
	}
	return "", 0
}
