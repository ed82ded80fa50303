package driver

import "context"

// An Exclusive store gives a caller a connection of the caller's own: for commands
// that wait at the server (BLPOP), for WATCH, and for subscriptions. On a connection
// that calls share, such a command would hold up the other calls.
//
// The store bounds the number of these connections. Other calls have connections of their own:
// neither kind of connection ever holds up the other kind.
type Exclusive interface {
	// Exclusive returns a connection to the primary that has the keys, in a cluster to the
	// primary of their slot. Keys in several slots are ErrCrossSlot, before any I/O. The
	// name of a sharded channel counts as a key, and so does a hash tag without its braces.
	// No key, or the empty key, stands for any primary. Any primary is enough for SUBSCRIBE
	// and PSUBSCRIBE, as the servers of a cluster pass these messages on to each other.
	//
	// Exclusive waits while all connections to the server are in use, and while no
	// primary is known. The wait ends with ctx, or, if ctx has no deadline, after the
	// store's CallTimeout. Then Exclusive fails with the error of ctx, or ErrUnavailable.
	// No error of Exclusive has an unknown outcome. ctx bounds Exclusive alone, and not the
	// life of the session.
	//
	// The caller calls Close of the session. Until then the session counts among the bounded
	// number of connections.
	Exclusive(ctx context.Context, keys ...string) (Session, error)
}

// A Session is a connection that belongs to one caller.
//
// A session ends by Close, and when
//
//   - its connection is lost;
//   - a call fails, or is left, before all replies have come;
//   - its server answers that another server has the keys (READONLY, MOVED);
//   - its server stops being the primary, in a cluster of the session's slot;
//   - the store is closed or disconnected.
//
// A session that has ended does not come back: the caller calls Exclusive again. The server
// forgets the watched keys and the subscriptions of the session. Messages that are published
// before the next session are missed.
//
// After the end every call fails with the reason, which Err returns: an *Error that was
// NotApplied, of kind ErrClosed if the session or the store was closed, ErrReadOnly, or
// ErrUnavailable. A call that is under way at the end fails at once, with a true outcome. If
// the server stops being the primary while replies to Send are due, the session ends a moment
// later: a living server still answers.
//
// A frozen server looks like a server with nothing to say, until another server takes its
// place. A caller who waits for messages, and must know earlier, sends a PING from time to
// time.
//
// The owner makes one call at a time. Only Err, Close, and Send beside Receive, may be called
// beside another call. A call that would get between the words of another call fails, and
// sends nothing.
type Session interface {
	// Do runs commands as Commander.Do does, in order and in one round trip, and
	// returns when all replies have come. Do sends nothing a second time, whatever
	// the failure. The rules of Commander.Do for cmds hold.
	//
	// Do runs the commands of the store's Commander, and WATCH, UNWATCH and others by
	// NewCustomCmd. MULTI, EXEC and DISCARD are left to Atomic. Atomic runs cmds as one
	// transaction. If a watched key has changed, Do returns ErrConflict, and nothing was
	// applied. Either way the session watches no key any more, unless the server has
	// refused the transaction.
	//
	// ctx bounds the call, or the store's CallTimeout if ctx has no deadline. If that end
	// comes first, the session ends, as a reply may be on its way. A command that waits at
	// the server needs a context that ends later than the command's own time-out; see
	// Send.
	//
	// A command that the server refuses fails alone, and does not end the session.
	Do(ctx context.Context, cmds []*Cmd, how How) error

	// Send writes commands, and does not wait for their replies, which Receive
	// returns. Send is for commands that wait at the server, and for commands without a
	// reply of their own: SUBSCRIBE, PSUBSCRIBE, SSUBSCRIBE and their opposites. Send
	// passes commands on unchanged. The library's own commands (CmdIncr), and commands
	// that old servers lack, are for Do.
	//
	// ctx bounds the writing as in Do, and a failure ends the session. Writing takes no
	// time, as a rule. A caller who wants to keep the session sends within a context that
	// lasts.
	// cmds are borrowed until Send returns. Send fills in neither Reply nor Err.
	Send(ctx context.Context, cmds []*Cmd) error

	// Receive returns the next thing that the server sends: the reply to the first command
	// of Send without one, or a message. An error reply is the error of Receive, and does
	// not end the session.
	//
	// If ctx ends first, Receive returns the error of ctx, and nothing is lost: the session
	// lives, and a later Receive returns the reply. Any other error ends the session. Only
	// ctx bounds Receive. A caller of BLPOP who must not lose an element has BLPOP wait in
	// short slices at the server. Before the caller leaves, the caller receives the reply to
	// the last slice within a context that ends a little later than the slice. If that reply
	// does not come, the outcome of its command is unknown.
	Receive(ctx context.Context) (Incoming, error)

	// Err returns why the session has ended, or nil if no end is known.
	Err() error

	// Close gives a clean connection back, for the next caller. A connection is clean if
	// the session has not ended, all replies were received, no key is watched any more,
	// and the session has run commands of the table, WATCH and UNWATCH alone. Close closes
	// any other connection: a session may have subscribed, or have run a command that
	// leaves something behind.
	//
	// Close does not wait for the server, and returns nil. Close may be called several
	// times, also after the store is closed.
	Close() error
}

// Incoming is a reply or a message that a server has sent to a Session.
type Incoming struct {
	// Reply is a reply, or an array that begins with the name of its kind: "message",
	// "pmessage", "smessage", "subscribe", "unsubscribe", "invalidate". Reply and its bytes
	// belong to the caller.
	Reply Reply
	// Pushed tells that Reply is no reply to a command. The confirmation of a subscription,
	// or of its end, counts as pushed, in RESP2 too. In RESP2 the reply to a PING of a session
	// with subscriptions is an array of "pong" and the argument of PING.
	Pushed bool
}
