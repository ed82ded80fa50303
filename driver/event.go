package driver

// An Event is something that an operator wants to know, and that no call fails
// of. A store reports events through DSN.Notify.
type Event struct {
	// Kind says what happened.
	Kind EventKind
	// Server is the address of the server that the event is about, or "".
	Server string
	// Err is the cause, or nil. Its text holds no value and no password.
	Err error
}

// EventKind names what an Event tells, in lower-case words.
type EventKind string

// The kinds of events.
const (
	// ClientNameRefused: the server does not let connections have the name that
	// client_name asks for. They go on without one.
	ClientNameRefused EventKind = "client name refused"

	// LoadedValueNotStored: GetOrSet returned what it loaded, and could not store
	// it. The core reports it.
	LoadedValueNotStored EventKind = "loaded value not stored"
	// UnreadableValueReplaced: what was loaded took the place of a stored value
	// that no codec could read as the type that was asked for. The core reports
	// it.
	UnreadableValueReplaced EventKind = "unreadable value replaced"
	// KeyFileExposed: every user of the machine may read or change the file that
	// the encryption keys come from. The core reports it when a cache is opened, and
	// not for a view with other keys.
	KeyFileExposed EventKind = "key file readable by others"
)
