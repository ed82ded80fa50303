package driver

// An Event is something that an operator wants to know, and that no call fails
// of. A store reports events through DSN.Notify: one for each change, and not one for
// each call that meets it.
type Event struct {
	// Kind says what happened.
	Kind EventKind
	// Server is the address of the server that the event is about, or "".
	Server string
	// Err is the cause, or says more, or is nil. Its text holds no value and no
	// password.
	Err error
}

// EventKind names what an Event tells, in lower-case words.
type EventKind string

// The kinds of events about servers.
const (
	// ClientNameRefused: the server does not let connections have the name that
	// client_name asks for. They go on without one.
	ClientNameRefused EventKind = "client name refused"

	// ConnectionLost: a connection to the server was lost while calls waited there,
	// or could not be made. There is none for further connections until one is made.
	ConnectionLost EventKind = "connection lost"
	// ConnectionRestored: there is a connection to the server again.
	ConnectionRestored EventKind = "connection restored"
	// CallsRetried: calls that failed at the server are sent again, there or to
	// another one. There is one event for all of a second; Err counts them, and says
	// why the last one failed.
	CallsRetried EventKind = "calls retried"

	// CredentialsNotRenewed: connections that live could not log in anew, as no new
	// credentials could be had, or the server refused them. They go on with those
	// before, and try again once a second. There is one event until one has succeeded.
	CredentialsNotRenewed EventKind = "credentials not renewed"

	// PrimaryChanged: the server has taken the place of another one as the primary
	// of its data. Err names the one before.
	PrimaryChanged EventKind = "primary changed"
	// TopologyChanged: the server has told that other servers have slots of the
	// cluster, or other replicas, than before.
	TopologyChanged EventKind = "topology changed"
	// ServerSilent: calls are in flight at the server of a cluster, and none has been
	// answered for a while. ServerBack tells that it answers again.
	ServerSilent EventKind = "server silent"
	// ServerBack: the server answers again.
	ServerBack EventKind = "server back"
	// ReplicaCooldown: the replica failed reads, and gets none for a while.
	ReplicaCooldown EventKind = "replica in cooldown"
	// ReplicaBack: the replica answers reads again.
	ReplicaBack EventKind = "replica back"
	// ListenerLost: what the sentinel publishes is not heard, so that a failover may
	// be noticed a second later.
	ListenerLost EventKind = "listener lost"
	// ListenerBack: what the sentinel publishes is heard again.
	ListenerBack EventKind = "listener back"
)

// The kinds of events about subscriptions.
const (
	// SubscriptionLost: a subscription has lost its connection, and is tried to be made
	// again. What is published until then is missed.
	SubscriptionLost EventKind = "subscription lost"
	// SubscriptionRestored: the subscription is in force again.
	SubscriptionRestored EventKind = "subscription restored"
)

// The kinds of events that the core reports.
const (
	// LoadedValueNotStored: GetOrSet returned what it loaded, and could not store
	// it.
	LoadedValueNotStored EventKind = "loaded value not stored"
	// UnreadableValueReplaced: what was loaded took the place of a stored value
	// that no codec could read as the type that was asked for.
	UnreadableValueReplaced EventKind = "unreadable value replaced"
	// RefreshFailed: a value could not be loaded again in the background, or not be deleted when
	// its loader found none. The stale value stays, and a call after a pause tries again.
	RefreshFailed EventKind = "refresh failed"
	// StaleValueServed: a value could not be loaded, and callers got the stale value. Err is the
	// error of the load.
	StaleValueServed EventKind = "stale value served"
	// KeyFileExposed: every user of the machine may read or change the file that
	// the encryption keys come from. The core reports it when a cache is opened, and
	// not for a view with other keys.
	KeyFileExposed EventKind = "key file readable by others"

	// InvalidationsPending: a deletion has failed with Err, and is repeated in the background, as
	// are those that fail until InvalidationsDelivered.
	InvalidationsPending EventKind = "invalidations pending"
	// InvalidationsDelivered: no deletion is repeated any more.
	InvalidationsDelivered EventKind = "invalidations delivered"
	// InvalidationDropped: the server has refused deletions that were repeated, for a reason that does
	// not pass, and they are not repeated again. Err is the refusal of one.
	InvalidationDropped EventKind = "invalidation dropped"

	// BreakerOpened: calls on the server fail at once, without asking the server. Err is the
	// last failure that was counted. Server is "" for a store that does not tell its server.
	BreakerOpened EventKind = "breaker opened"
	// BreakerClosed: the server has answered, and gets calls again.
	BreakerClosed EventKind = "breaker closed"
)
