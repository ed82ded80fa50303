package driver

import "context"

// An Exclusive store gives a caller a connection of the caller's own: for commands
// that wait at the server (BLPOP), for WATCH, and for subscriptions. On the connections
// that calls share, each of them would hold up the others.
//
// These connections are apart from those of other calls, and there are so many of them
// at most as the store says. They never hold up other calls, and other calls never hold
// them up.
type Exclusive interface {
	// Exclusive returns a connection to the primary that has the keys: in a cluster, to
	// the one with their slot. Keys in several slots are ErrCrossSlot, before any I/O. The
	// name of a sharded channel is a key in this sense, and so is what stands between
	// { and } of one. No key, or the empty one, stands for any primary; that is enough for
	// SUBSCRIBE and PSUBSCRIBE, as the servers of a cluster pass these messages on to each
	// other.
	//
	// Exclusive waits while all connections to the server are in use, and while no
	// primary is known. It takes no longer than other calls may: until ctx ends, or, if
	// ctx has no deadline, for the store's CallTimeout. Then it fails: with the error of
	// ctx, or ErrUnavailable. No error of Exclusive has an unknown outcome. ctx bounds
	// Exclusive alone, and not the life of the session.
	//
	// Whoever gets a session calls its Close. Until then it takes the place of one.
	Exclusive(ctx context.Context, keys ...string) (Session, error)
}

// A Session is a connection that belongs to one caller.
//
// A session ends when its connection is lost; when a call of it fails, or is left,
// before all replies have come; when its server says that it is not the one (READONLY,
// MOVED); when its server stops being the primary, of the session's slot in a cluster;
// when the store is closed or disconnected; and by Close. It does not come back: who
// needs another one calls Exclusive again. What the server remembered of the session,
// as WATCH and subscriptions, ends with it. What was published until there is another
// session is missed.
//
// From then on every call fails with the reason, which Err returns: an *Error that was
// NotApplied, of kind ErrClosed if the session or the store was closed, ErrReadOnly, or
// ErrUnavailable. The call that is under way when the session ends fails at once, with
// an outcome that is true. A session whose server stops being the primary ends a moment
// later if replies are due to what Send has sent: a server that lives still answers.
//
// A frozen server looks like one that has nothing to say, until another one takes its
// place. Who waits for messages and must know earlier sends a PING from time to time.
//
// The owner makes one call at a time. Only these may be made beside any other: Err, Close,
// and Send beside Receive. A call that would get between the words of another one fails, and
// sends nothing.
type Session interface {
	// Do runs commands as Commander.Do does, in order and in one round trip, and
	// returns when all replies have come. It sends nothing a second time, whatever
	// the failure. All that Commander.Do says of cmds holds.
	//
	// Do runs what the store's Commander runs, and WATCH, UNWATCH and others by
	// NewCustomCmd. MULTI, EXEC and DISCARD are left to Atomic, which runs cmds as one
	// transaction, and ends with ErrConflict if a key has changed that the session
	// watches: then nothing was applied. Either way nothing is watched any more,
	// unless the server has refused the transaction.
	//
	// ctx, or if it has no deadline the store's CallTimeout, bounds the call. If its
	// end comes first, the session ends, as a reply may be on its way. A command that
	// waits at the server needs a context that ends later than its own time-out; see
	// Send.
	//
	// A command that the server refuses fails alone, and does not end the session.
	Do(ctx context.Context, cmds []*Cmd, how How) error

	// Send writes commands, and does not wait for their replies, which Receive
	// returns. It is for commands that wait at the server, and for those that have
	// no reply of their own: SUBSCRIBE, PSUBSCRIBE, SSUBSCRIBE and what ends them. It
	// passes commands on as they are: one of the library's own (CmdIncr) is for Do,
	// and so is one that old servers lack.
	//
	// ctx bounds the writing, as it does in Do, and a failure ends the session. That
	// takes no time, as a rule: a caller with a short context who wants to keep the
	// session sends within one that lasts.
	// cmds are borrowed until Send returns; it fills in neither Reply nor Err.
	Send(ctx context.Context, cmds []*Cmd) error

	// Receive returns what the server sends next: the reply to the first command of
	// Send that has none yet, or a message. An error reply is the error of Receive. It
	// does not end the session, as any other error does but the next.
	//
	// If ctx ends first, Receive returns its error, and nothing is lost: the session
	// lives, and what was on its way is what a later Receive returns. Only ctx bounds
	// Receive. So a caller of BLPOP who must leave, and must not lose an element, has
	// it wait in short slices at the server, and receives the reply to the last one,
	// too, within a context that ends a little later. A reply that did not come by
	// then, and the outcome of its command, are unknown.
	Receive(ctx context.Context) (Incoming, error)

	// Err returns why the session has ended; nil if it has not, as far as is known.
	Err() error

	// Close gives the connection back, for the next caller, if nothing is left on it:
	// all replies were received, the session has not ended, and what it was used for
	// were commands of the table, WATCH and UNWATCH, after which no key is watched any
	// more. Any other connection is closed: that of a session that has subscribed, or
	// that has run a command of which nobody knows what it leaves behind.
	//
	// Close does not wait for the server, and returns nil. It may be called several
	// times, also after the store is closed.
	Close() error
}

// Incoming is something that a server has sent to a Session.
type Incoming struct {
	// Reply is a reply, or an array that begins with the name of what it is: "message",
	// "pmessage", "smessage", "subscribe", "unsubscribe", "invalidate". It is the
	// caller's, as are its bytes.
	Reply Reply
	// Pushed tells that it is no reply. That a subscription stands or has ended counts
	// as pushed, in RESP2 too, which has no other form for it. There, the reply to a PING
	// of a session that has subscribed is an array of "pong" and what PING was given.
	Pushed bool
}
