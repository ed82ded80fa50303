package xcache

import (
	"errors"
	"strconv"

	"github.com/xcache-go/xcache/driver"
)

// An UnreadReplyError is the failure of a command that the server has done, and whose reply
// the codec cannot read: an element that LPop has taken out of its list, say. The command is
// not sent again, and what the reply holds is nowhere else, so the error keeps the reply:
//
//	if unread, ok := errors.AsType[*xcache.UnreadReplyError](err); ok {
//		save(unread.Reply.Data) // as it was stored: encoded, compressed, encrypted
//	}
//
// A command that only reads has no such error, as what it has read is still there.
type UnreadReplyError struct {
	// Reply is what the server answered. Its bytes are the caller's to read, and not to
	// change.
	Reply driver.Reply
	// Err is why the codec cannot read that: it matches ErrCorrupt, ErrTooLarge or
	// ErrUnsupportedValue. Swap and Take have another reason, too: the failure of the read
	// of the value's tags.
	Err error
}

// Error returns the reason, and nothing of the reply.
func (u *UnreadReplyError) Error() string {
	return "the command was done, and its reply cannot be read: " + trimPrefix(u.Err)
}

// Unwrap returns the reason.
func (u *UnreadReplyError) Unwrap() error { return u.Err }

// GoString returns the text of Error in quotes, for %#v, because Reply may hold a value.
func (u *UnreadReplyError) GoString() string { return strconv.Quote(u.Error()) }

// MarshalText returns the text of Error, for loggers and encoders, because Reply may hold a
// value.
func (u *UnreadReplyError) MarshalText() ([]byte, error) { return []byte(u.Error()), nil }

// misread returns the error of the function that reads the reply, with what is known of the
// command.
func (o *Op) misread(err error) error {
	err = o.held.Misread(err)
	if o.readsOnly() {
		return err
	}
	return unread(o.held.Reply, err)
}

// readsOnly reports whether what the operation reads is still there when the command has run.
func (o *Op) readsOnly() bool { return o.held.Command().ReadOnly || renews(&o.held) }

// unread returns err, with the reply if the codec cannot read that.
func unread(reply driver.Reply, err error) error {
	if !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrTooLarge) && !errors.Is(err, ErrUnsupportedValue) {
		return err
	}
	return &UnreadReplyError{Reply: reply, Err: err}
}
