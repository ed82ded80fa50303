package driver

import (
	"context"
	"iter"
	"time"
)

// Caps are the capabilities of a store beyond the four methods of Store. A nil
// field is a feature that the store lacks. The core then answers
// errors.ErrUnsupported, or falls back where a fall-back gives the same result.
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
	// Disconnector makes Close of a cache prompt.
	Disconnector Disconnector
	// Inspector shows an operator the servers of the store.
	Inspector Inspector
	// Exclusive gives connections of the caller's own.
	Exclusive Exclusive
	// Watcher runs optimistic transactions without connections of the caller's own.
	Watcher Watcher
	// Locator tells which of several servers has a key.
	Locator Locator
	Limits  Limits
}

// Capable is implemented by stores that wrap another store. A wrapper builds its
// Caps from an empty one: no feature of the wrapped store leaks past the wrapper,
// and a feature that the wrapper does not name is visibly missing.
type Capable interface {
	Caps() Caps
}

// CapsOf returns the capabilities of s: the Caps that s declares if s is Capable,
// and otherwise the optional interfaces that s implements.
func CapsOf(s Store) Caps {
	if c, ok := s.(Capable); ok {
		return c.Caps()
	}
	return DetectCaps(s)
}

// DetectCaps returns the optional interfaces that s implements, whatever s declares. A
// Capable store begins with DetectCaps if the store has methods for features that it may lack.
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

// An Expirer reads and changes the TTLs of keys.
type Expirer interface {
	// GetTTL is Get, and fills Value.TTL too, in the same round trip.
	GetTTL(ctx context.Context, keys []string, dst []Value) error

	// TTL fills dst[i].TTL and dst[i].Err for keys[i], and leaves Data nil.
	// The keys may hold any type. One round trip per server.
	TTL(ctx context.Context, keys []string, dst []Value) error

	// Expire gives each entry's key the entry's TTL. The keys may hold any
	// type; Value and Cond are ignored. Entry.Err is nil when the key existed,
	// and ErrNotFound when not. NoExpiry on a persistent key succeeds. KeepTTL
	// changes nothing, and so asks whether the key exists. An expired TTL
	// deletes the key. One round trip per server.
	Expire(ctx context.Context, entries []Entry) error
}

// A Counter counts atomically on decimal integers of 64 bits. When the key holds
// another type, or no integer, both methods return ErrWrongType and change
// nothing. When the result does not fit, both return ErrOverflow.
type Counter interface {
	// Incr adds delta to the number at key and returns the sum. delta may be
	// negative. The TTL stays. A missing key is ErrNotFound, and no key is
	// created, also when the key expires in between.
	Incr(ctx context.Context, key string, delta int64) (int64, error)

	// IncrInit is Incr, but a missing key counts as holding init, and gets
	// ttl: the first call returns init+delta. ttl is as in Entry. KeepTTL is an
	// error. With an expired ttl IncrInit returns init+delta and stores nothing.
	IncrInit(ctx context.Context, key string, delta, init int64, ttl time.Duration) (int64, error)
}

// A Swapper reads, compares and replaces a value in one atomic step. A key that
// holds another type than a string is ErrWrongType and stays.
type Swapper interface {
	// Swap stores e (e.Cond is ignored) and fills old with the value before.
	// If there was no value, old.Err is ErrNotFound, and e is stored all the
	// same. An expired TTL deletes the key.
	Swap(ctx context.Context, e *Entry, old *Value) error

	// CompareAndSwap stores e (e.Cond is ignored) if the key holds exactly
	// the bytes of old, and reports whether the key did. An expired TTL deletes
	// the key.
	CompareAndSwap(ctx context.Context, e *Entry, old []byte) (bool, error)

	// CompareAndDelete deletes key if the key holds exactly the bytes of old,
	// and reports whether the key did.
	CompareAndDelete(ctx context.Context, key string, old []byte) (bool, error)
}

// A Mover renames keys of any type, with their TTL.
type Mover interface {
	// Rename moves from to to, and replaces the value of to. A missing from is
	// ErrNotFound. from == to only asks whether the key exists.
	Rename(ctx context.Context, from, to string) error

	// RenameNX moves from to to if there is no to, and reports whether from
	// was moved. A missing from is ErrNotFound. from == to reports false.
	RenameNX(ctx context.Context, from, to string) (bool, error)
}

// A Scanner lists keys.
type Scanner interface {
	// Scan yields the keys that match pattern, of any type, on every server.
	// The pattern is Redis' glob: * ? [abc] [a-c] [^a], \ escapes. A key that
	// is there during the whole scan is yielded at least once. A key that came
	// or went meanwhile may be yielded. Scan reads in pages, stops at once when
	// the loop breaks, and yields an error as its last pair. The sequence may
	// be consumed once.
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

// A Subscriber receives published messages by means of its own. An Exclusive store
// need not be a Subscriber: the core subscribes on a session.
type Subscriber interface {
	// Subscribe delivers the messages of the named channels to handle, one at a time and
	// in the order of each channel. handle gets Subscribed first, when the subscription is
	// in force. Each message that is published from then on is delivered, or is missed, and
	// then Resubscribed tells of the gap. A slow handle holds up no publisher: the number of
	// messages that wait for handle is bounded, and further messages are missed.
	//
	// Subscribe returns when ctx ends (with its error) or the store is closed (ErrClosed).
	// Before Subscribed, Subscribe also returns when there can be no subscription, with the
	// reason. A lost connection is no reason to return. handle is not called any more after
	// the return. names has one name at least, and is borrowed until the return. Several
	// subscriptions may be in force at once.
	Subscribe(ctx context.Context, kind SubscriptionKind, names []string, handle func(Message)) error
}

// SubscriptionKind is the kind of the names of a subscription.
type SubscriptionKind uint8

// The kinds of subscriptions: SUBSCRIBE, PSUBSCRIBE and SSUBSCRIBE.
const (
	Channels SubscriptionKind = iota
	// Patterns are globs, as in Scanner. A message whose channel matches several patterns
	// is delivered once for each.
	Patterns
	// ShardChannels are the channels of SPUBLISH. In a cluster all shard channels of one
	// subscription are in one slot.
	ShardChannels
)

// A Message is one event of a subscription.
type Message struct {
	// Event is the kind of the event.
	Event MessageEvent
	// Channel is the channel of a published message. Pattern is the pattern
	// that matched, in a subscription to patterns.
	Channel, Pattern string
	// Payload is the published message. The handler may keep it, and must not change it:
	// other subscribers may have the same bytes.
	Payload []byte
}

// MessageEvent is the kind of a Message.
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

// A Tracker hears from the server when keys change, for caches in front of the store.
type Tracker interface {
	// Track calls invalidate with changed keys that start with one of prefixes,
	// until ctx ends or the store is closed. nil keys mean that any key may have
	// changed, for example after a lost connection.
	Track(ctx context.Context, prefixes []string, invalidate func(keys []string)) error
}

// A Replicated store reads from replicas, which may lack the writes of the last
// moments. Scanner, Flusher, Pinger and every write use the primary alone, also for
// the reads that belong to a write.
type Replicated interface {
	// Primary returns a store whose reads go to the primary, on the same
	// connections and with the same features and limits. That store is not
	// Replicated itself. Primary may be called at any time, does no I/O, and
	// always returns the same store. Close of the replicated store closes that
	// store, and nothing else does.
	Primary() Store
}

// A Disconnector ends calls that wait for a server. Close of a cache calls Disconnect when
// calls are still under way after op_timeout, as their contexts may last much longer.
type Disconnector interface {
	// Disconnect ends every call under way, for good, and returns when that is
	// certain. Such a call returns at once with an *Error of kind ErrClosed, or with the
	// result that the call would have had anyway, and a true outcome. Every later call
	// fails with ErrClosed.
	//
	// Disconnect may be called beside other methods, several times, and before Close. The
	// core calls Close all the same when the calls have returned.
	Disconnect()
}

// A Locator is a store on several servers with some of the keys each, or on a server that
// another server may replace. With a Locator, the circuit breaker of the core has a circuit
// for each server, so that a dead server stops no call on a healthy server. A store without
// a Locator has one circuit.
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

// Limits are limits that the core checks before any I/O. The zero value limits
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
	// CallTimeout is the longest time of a call whose context has no deadline.
	// The store bounds such a call by means of its own, and so saves the core a
	// context per call. 0 is no bound.
	CallTimeout time.Duration
	// OwnData tells that the caller may change the Data of the Values of a
	// read: the driver keeps no reference to Data. OwnData saves the core a copy.
	OwnData bool
	// DeleteRevokes tells that Delete of the store takes away the leases of its keys, as
	// CmdLeaseRevoke does, in the step that removes the values. DeleteRevokes saves the core
	// that command.
	DeleteRevokes bool
}
