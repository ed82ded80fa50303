package exclusive

import (
	"errors"
	"fmt"
	"strings"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/dialect"
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

// leave records the state that commands leave. leave is called before the commands are
// sent. Commands that wait leave no state, and other commands outside of the table may.
func (t *traces) leave(cmds []*driver.Cmd) {
	for _, c := range cmds {
		name := strings.ToUpper(c.Name)
		switch {
		case name == watch:
			t.watching = true
		case name == unwatch:
		case dialect.Subscribes(name):
			t.subscribed = true
		case dialect.Changes(name), c.IsCustom() && !dialect.MayWait(name):
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
	case do && dialect.Subscribes(name):
		return driver.Fail(driver.ErrSyntax, driver.NotApplied, fmt.Errorf("%s has no reply of its own: it is for Send", name))
	case !do && c.Command().Extension:
		return driver.Fail(driver.ErrSyntax, driver.NotApplied, fmt.Errorf("%s is not sent as it is: it is for Do", name))
	}
	return nil
}

// isMessage reports whether an array with this first word is a message, and no reply.
func isMessage(word string) bool {
	switch word {
	case "message", "pmessage", "smessage", "invalidate":
		return true
	}
	return dialect.Subscribes(strings.ToUpper(word))
}

// confirmations returns the first word of the messages that confirm a command, and their
// number. word is "" for a command with a reply. A command that ends all subscriptions has
// at least one confirmation.
func confirmations(c *driver.Cmd) (word string, count int) {
	if name := strings.ToUpper(c.Name); dialect.Subscribes(name) {
		return strings.ToLower(name), max(1, len(c.Args))
	}
	return "", 0
}
