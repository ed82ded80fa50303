package driver

import (
	"context"
	"iter"
	"time"
)

// Caps says what a store can do beyond the four methods of Store. A nil field
// is a feature the store lacks: the core then answers errors.ErrUnsupported,
// or falls back where a fall-back gives the same result.
type Caps struct {
	Commander  Commander
	Expirer    Expirer
	Counter    Counter
	Swapper    Swapper
	Mover      Mover
	Scanner    Scanner
	Flusher    Flusher
	Pinger     Pinger
	Subscriber Subscriber
	Tracker    Tracker
	Replicated Replicated
	// Disconnector is what Close of a cache needs to be prompt.
	Disconnector Disconnector
	// Inspector shows an operator what the store is connected to.
	Inspector Inspector
	// Exclusive gives connections of the caller's own.
	Exclusive Exclusive
	// Watcher runs optimistic transactions without such connections.
	Watcher Watcher
	// Locator tells which server has a key, where there are several.
	Locator Locator
	Limits  Limits
}

// Capable is implemented by stores that wrap another one. A wrapper builds its
// Caps itself, starting from an empty one: a feature it does not name is lost
// in sight, and none leaks past it.
type Capable interface {
	Caps() Caps
}

// CapsOf returns what s can do: the Caps that s declares if it is Capable,
// else the optional interfaces that it implements.
func CapsOf(s Store) Caps {
	if c, ok := s.(Capable); ok {
		return c.Caps()
	}
	return DetectCaps(s)
}

// DetectCaps returns the optional interfaces that s implements, whatever s declares. It
// is for the Caps of a store that has methods for what it may lack.
func DetectCaps(s Store) Caps {
	var caps Caps
	caps.Commander, _ = s.(Commander)
	caps.Expirer, _ = s.(Expirer)
	caps.Counter, _ = s.(Counter)
	caps.Swapper, _ = s.(Swapper)
	caps.Mover, _ = s.(Mover)
	caps.Scanner, _ = s.(Scanner)
	caps.Flusher, _ = s.(Flusher)
	caps.Pinger, _ = s.(Pinger)
	caps.Subscriber, _ = s.(Subscriber)
	caps.Tracker, _ = s.(Tracker)
	caps.Replicated, _ = s.(Replicated)
	caps.Disconnector, _ = s.(Disconnector)
	caps.Inspector, _ = s.(Inspector)
	caps.Exclusive, _ = s.(Exclusive)
	caps.Watcher, _ = s.(Watcher)
	caps.Locator, _ = s.(Locator)
	if l, ok := s.(Limiter); ok {
		caps.Limits = l.Limits()
	}
	return caps
}

// An Expirer knows the time keys have left.
type Expirer interface {
	// GetTTL is Get that fills Value.TTL too, in the same round trip.
	GetTTL(ctx context.Context, keys []string, dst []Value) error

	// TTL fills dst[i].TTL and dst[i].Err for keys[i], whatever type they
	// hold, and leaves Data nil. One round trip per server.
	TTL(ctx context.Context, keys []string, dst []Value) error

	// Expire gives each entry's key the entry's TTL, whatever type it holds;
	// Value and Cond are ignored. Entry.Err is nil when the key existed,
	// ErrNotFound when not. NoExpiry on a persistent key succeeds; KeepTTL
	// changes nothing and so asks whether the key exists; an expired TTL
	// deletes the key. One round trip per server.
	Expire(ctx context.Context, entries []Entry) error
}

// A Counter counts atomically on decimal integers of 64 bits. Either method
// returns ErrWrongType, and changes nothing, when the key holds another type
// or something that is not an integer, and ErrOverflow when the result does
// not fit.
type Counter interface {
	// Incr adds delta (which may be negative) to the number at key and
	// returns the sum. The TTL stays. A missing key is ErrNotFound and
	// nothing is created, also when the key expires in between.
	Incr(ctx context.Context, key string, delta int64) (int64, error)

	// IncrInit is Incr, but a missing key counts as holding init and gets
	// ttl: the first call returns init+delta. ttl is as in Entry, except
	// KeepTTL, which is an error; an expired one returns init+delta and stores
	// nothing.
	IncrInit(ctx context.Context, key string, delta, init int64, ttl time.Duration) (int64, error)
}

// A Swapper replaces values depending on what is there, in one atomic step. A
// key that holds another type than a string is ErrWrongType and stays.
type Swapper interface {
	// Swap stores e (e.Cond is ignored) and fills old with the value that was
	// there; old.Err is ErrNotFound if there was none, and e is stored all
	// the same. An expired TTL deletes the key.
	Swap(ctx context.Context, e *Entry, old *Value) error

	// CompareAndSwap stores e (e.Cond is ignored) if the key holds exactly
	// the bytes of old, and reports whether it did. An expired TTL deletes.
	CompareAndSwap(ctx context.Context, e *Entry, old []byte) (bool, error)

	// CompareAndDelete deletes key if it holds exactly the bytes of old.
	CompareAndDelete(ctx context.Context, key string, old []byte) (bool, error)
}

// A Mover renames keys of any type, with their TTL.
type Mover interface {
	// Rename moves from to to, over whatever to held. ErrNotFound when there
	// is no from. from == to only asks whether it exists.
	Rename(ctx context.Context, from, to string) error

	// RenameNX moves from to to if there is no to, and reports whether it
	// did. ErrNotFound when there is no from. from == to reports false.
	RenameNX(ctx context.Context, from, to string) (bool, error)
}

// A Scanner lists keys.
type Scanner interface {
	// Scan yields the keys that match pattern, of any type, on every server.
	// The pattern is Redis' glob: * ? [abc] [a-c] [^a], \ escapes. A key that
	// is there during the whole scan is yielded at least once, one that came
	// or went may be. It reads in pages, stops at once when the loop breaks,
	// and yields an error as its last pair. It may be consumed once.
	Scan(ctx context.Context, pattern string) iter.Seq2[string, error]
}

// A Flusher empties the whole database that the store is connected to.
type Flusher interface {
	Flush(ctx context.Context) error
}

// A Pinger asks whether the server answers.
type Pinger interface {
	Ping(ctx context.Context) error
}

// A Subscriber receives published messages by means of its own. A store that is
// Exclusive need not be one: the core subscribes on a session.
type Subscriber interface {
	// Subscribe delivers the messages of the named channels to handle, one at a time and
	// in the order of each channel. handle gets Subscribed before all else, once the
	// subscription is in force: whatever is published from then on is delivered, or missed
	// and told of by Resubscribed. A slow handle holds up no publisher: what waits for it is
	// bounded, and what exceeds the bound is missed.
	//
	// Subscribe returns when ctx ends (with its error) or the store is closed (ErrClosed),
	// and before Subscribed also with the reason why there can be no subscription. handle
	// is not called any more then. A lost connection is no reason to return.
	// names are borrowed until then; there is one at least. Several subscriptions may be
	// in force at once.
	Subscribe(ctx context.Context, kind SubscriptionKind, names []string, handle func(Message)) error
}

// SubscriptionKind says what the names of a subscription are.
type SubscriptionKind uint8

// The kinds of subscriptions: SUBSCRIBE, PSUBSCRIBE and SSUBSCRIBE.
const (
	Channels SubscriptionKind = iota
	// Patterns are globs, as those of Scanner. A message whose channel matches several of
	// them is delivered once for each.
	Patterns
	// ShardChannels are those of SPUBLISH. In a cluster all of one subscription are in
	// one slot.
	ShardChannels
)

// A Message is one event of a subscription.
type Message struct {
	// Event says what happened.
	Event MessageEvent
	// Channel is where a published message came in; Pattern is the pattern
	// that matched, if the subscription is one to patterns.
	Channel, Pattern string
	// Payload is the published message. The handler may keep it, and must not change it:
	// other subscribers may have the same bytes.
	Payload []byte
}

// MessageEvent is what a Message tells.
type MessageEvent uint8

const (
	// Published is a message from a publisher.
	Published MessageEvent = iota
	// Subscribed tells that the subscription is in force, once at its start.
	Subscribed
	// Resubscribed tells that messages may have been missed: the connection was lost and
	// is back, or too many messages waited for the handler.
	Resubscribed
)

// A Tracker is told by the server when keys change, for caches in front of it.
type Tracker interface {
	// Track calls invalidate with keys that start with one of prefixes and
	// have changed, until ctx ends or the store is closed. nil keys mean that
	// anything may have changed, after a lost connection, say.
	Track(ctx context.Context, prefixes []string, invalidate func(keys []string)) error
}

// A Replicated store reads from replicas, which may not have yet what was
// written a moment ago. Everything that writes reads and writes at the primary,
// in its reading part too, and so do Scanner, Flusher and Pinger.
type Replicated interface {
	// Primary returns a store whose reads go to the primary, on the same
	// connections and with the same features and limits, but not itself
	// Replicated. It may be called at any time, does no I/O and always returns
	// the same store, which is closed by closing the replicated one, and only so.
	Primary() Store
}

// A Disconnector ends calls that wait for a server. Close of a cache calls it when
// calls are still under way after op_timeout, as their contexts may last much longer.
type Disconnector interface {
	// Disconnect ends every call under way, for good, and returns when that is
	// certain. Such a call returns at once with an *Error of kind ErrClosed, or what it
	// would have returned anyway; its outcome is true. So does every later call.
	//
	// It may be called while others are, several times, and before Close, which is
	// called all the same when the calls have returned.
	Disconnect()
}

// A Locator is a store on several servers, each of which has some of the keys, or on a
// server that another one may replace. With a Locator, the circuit breaker of the core has
// a circuit for each server, so that a dead server stops no call on a healthy one. A store
// without a Locator has one circuit.
type Locator interface {
	// Locate returns the address of the server that takes the writes of key now, or "" if
	// the store does not know the server. Locate does no I/O, and waits for no server and
	// no call.
	Locate(key string) string
}

// A Limiter has narrower limits than Redis.
type Limiter interface {
	Limits() Limits
}

// Limits are what the core checks before any I/O. The zero value limits
// nothing.
type Limits struct {
	// KeyLength is the longest full key in bytes; 0 is no limit.
	KeyLength int
	// ValidKey reports whether the driver can store a full key of legal
	// length; nil accepts all.
	ValidKey func(key string) bool
	// ValueSize is the largest value in bytes; 0 is no limit.
	ValueSize int
	// TTLResolution is the step of expiry times; 0 is a millisecond.
	TTLResolution time.Duration
	// CallTimeout is how long a call whose context has no deadline takes at
	// most, by the store's own means. A store that has such a bound saves the
	// core a context per call. 0 is no bound.
	CallTimeout time.Duration
	// OwnData tells that the Data of the Values that reads fill in is the
	// caller's to change: the driver keeps no reference to it. It saves the
	// core a copy.
	OwnData bool
	// DeleteRevokes tells that Delete of the store takes away the leases of its keys, as
	// CmdLeaseRevoke does, in the step that removes the values. It saves the core that command.
	DeleteRevokes bool
}
