package driver

// An Event tells an operator of a change that fails no call. A store reports events through
// DSN.Notify: one event for each change, and not one for each call that meets the change.
type Event struct {
	// Kind is the kind of the change.
	Kind EventKind
	// Server is the address of the server that the event is about, or "".
	Server string
	// Err is the cause, or has details, or is nil. The text holds no value and no password.
	Err error
}

// EventKind is the kind of an Event, in lower-case words.
type EventKind string

// The kinds of events about servers.
const (
	// ClientNameRefused: the server refuses the name that client_name asks for. The
	// connections go on without a name.
	ClientNameRefused EventKind = "client name refused"

	// ConnectionLost: a connection to the server was lost while calls waited, or could not be
	// made. Further lost connections cause no event until ConnectionRestored.
	ConnectionLost EventKind = "connection lost"
	// ConnectionRestored: the store has made a connection to the server again, or another
	// connection has got a reply.
	ConnectionRestored EventKind = "connection restored"
	// CallsRetried: calls that failed at the server are sent again, to the same server or to
	// another one. One event covers all such calls of a second. Err counts the calls, and has
	// the failure of the last one.
	CallsRetried EventKind = "calls retried"

	// CredentialsNotRenewed: living connections could not log in anew. Either there were no new
	// credentials, or the server refused the new credentials. The connections go on
	// with the old credentials, and try again once a second. One event covers all attempts
	// until the first success.
	CredentialsNotRenewed EventKind = "credentials not renewed"

	// PrimaryChanged: the server has become the primary in the place of another server. Err
	// names the former primary.
	PrimaryChanged EventKind = "primary changed"
	// TopologyChanged: the server has told of a change in the cluster: slots have other
	// servers than before, or primaries have other replicas.
	TopologyChanged EventKind = "topology changed"
	// ServerSilent: calls are in flight at the server of a cluster, and the server has
	// answered none for a while. ServerBack tells that the server answers again.
	ServerSilent EventKind = "server silent"
	// ServerBack: the server answers again.
	ServerBack EventKind = "server back"
	// ReplicaCooldown: the replica failed reads, and gets no reads for a while.
	ReplicaCooldown EventKind = "replica in cooldown"
	// ReplicaBack: the replica answers reads again.
	ReplicaBack EventKind = "replica back"
	// ListenerLost: the store does not hear the messages of the sentinel, and so may notice a
	// failover a second later.
	ListenerLost EventKind = "listener lost"
	// ListenerBack: the store hears the messages of the sentinel again.
	ListenerBack EventKind = "listener back"
)

// The kinds of events about subscriptions.
const (
	// SubscriptionLost: a subscription has lost its connection, and the library subscribes
	// again. Messages that are published meanwhile are missed.
	SubscriptionLost EventKind = "subscription lost"
	// SubscriptionRestored: the subscription is in force again.
	SubscriptionRestored EventKind = "subscription restored"
)

// The kinds of events that the core reports.
const (
	// LoadedValueNotStored: GetOrSet returned a loaded value that could not be stored.
	LoadedValueNotStored EventKind = "loaded value not stored"
	// UnreadableValueReplaced: a loaded value has replaced a stored value that no codec could
	// read as the requested type.
	UnreadableValueReplaced EventKind = "unreadable value replaced"
	// RefreshFailed: a background load of a stale value has failed, or the stale value could not
	// be deleted after the loader had found none. The stale value stays, and a call after a
	// pause tries again.
	RefreshFailed EventKind = "refresh failed"
	// StaleValueServed: a load has failed, and callers got the stale value. Err is the error of
	// the load.
	StaleValueServed EventKind = "stale value served"
	// KeyFileExposed: every user of the machine may read or change the file with the
	// encryption keys. The core reports this event when a cache is opened, and not for a
	// view with other keys.
	KeyFileExposed EventKind = "key file readable by others"

	// InvalidationsPending: a deletion has failed with Err, and is repeated in the background.
	// Further failed deletions are repeated, too, and cause no event until
	// InvalidationsDelivered.
	InvalidationsPending EventKind = "invalidations pending"
	// InvalidationsDelivered: no deletion is repeated any more.
	InvalidationsDelivered EventKind = "invalidations delivered"
	// InvalidationDropped: the server has refused repeated deletions for a lasting reason. These
	// deletions are not repeated again. Err is one of the refusals.
	InvalidationDropped EventKind = "invalidation dropped"

	// BreakerOpened: calls on the server fail at once, without asking the server. Err is the
	// last failure that was counted. Server is "" for a store that does not tell its server.
	BreakerOpened EventKind = "breaker opened"
	// BreakerClosed: the server has answered, and gets calls again.
	BreakerClosed EventKind = "breaker closed"
)
