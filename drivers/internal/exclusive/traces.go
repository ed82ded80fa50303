package exclusive

import (
	"errors"
	"fmt"
	"strings"

	"github.com/xcache-go/xcache/driver"
)

// traces are the state that a session has left on its connection.
type traces struct {
	watching   bool
	subscribed bool // at any time
	other      bool // a command with an unknown effect on the connection
}

func (t *traces) any() bool { return t.watching || t.subscribed || t.other }

// The commands with special rules below.
const (
	watch   = "WATCH"
	unwatch = "UNWATCH"
)

// leaves are the commands that change the state of a connection, or may change it. WATCH
// and the commands of subscriptions are not among them.
var leaves = namesOf(`ASKING AUTH CLIENT HELLO MONITOR QUIT READONLY READWRITE RESET SELECT SYNC PSYNC`)

// leavesNothing are commands outside of the table that leave no state: the commands that
// wait at the server.
var leavesNothing = namesOf(`BLPOP BRPOP BLMOVE BLMPOP BRPOPLPUSH BZPOPMIN BZPOPMAX BZMPOP XREAD XREADGROUP WAIT WAITAOF`)

func namesOf(list string) map[string]bool {
	names := make(map[string]bool)
	for name := range strings.FieldsSeq(list) {
		names[name] = true
	}
	return names
}

// leave records the state that commands leave. leave is called before the commands are
// sent.
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

// applyReplies records the effects of commands of Do.
func (t *traces) applyReplies(cmds []*driver.Cmd, how driver.How, err error) {
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

// replied records the effect of a command that the server has accepted. The earlier
// commands have their replies already.
func (t *traces) replied(name string) {
	switch strings.ToUpper(name) {
	case watch:
		t.watching = true
	case unwatch:
		t.watching = false
	}
}

// refused returns the error of a command that Do or Send does not send.
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

// subscribes reports whether a command begins or ends a subscription.
func subscribes(name string) bool {
	switch name {
	case "SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE", "UNSUBSCRIBE", "PUNSUBSCRIBE", "SUNSUBSCRIBE":
		return true
	}
	return false
}

// isMessage reports whether an array with this first word is a message, and no reply.
func isMessage(word string) bool {
	switch word {
	case "message", "pmessage", "smessage", "invalidate":
		return true
	}
	return subscribes(strings.ToUpper(word))
}

// confirmations returns the first word of the messages that confirm a command, and their
// number. word is "" for a command with a reply. A command that ends all subscriptions has
// at least one confirmation.
func confirmations(c *driver.Cmd) (word string, count int) {
	if name := strings.ToUpper(c.Name); subscribes(name) {
		return strings.ToLower(name), max(1, len(c.Args))
	}
	return "", 0
}
