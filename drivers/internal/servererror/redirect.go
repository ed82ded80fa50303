package servererror

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/address"
)

// A RedirectError is the reply MOVED or ASK of a cluster's node: another node has the
// keys of the command. errors.As finds a RedirectError as the cause of an error of Parse.
// The node has not run the command.
type RedirectError struct {
	// Slot is the slot of the command's keys.
	Slot uint16
	// Host and Port are the address of the other node. An empty Host stands for the host of
	// the node that answered.
	Host, Port string
	// Ask tells that the slot moves, so that only this command goes to the other node,
	// behind ASKING. Otherwise the slot has moved.
	Ask bool

	err error // the client library's own error
}

// Error adds advice to the text, because a caller who sees the error has not used a driver
// for clusters.
func (r *RedirectError) Error() string {
	return r.err.Error() + "; the server is a node of a cluster, for which a DSN begins with redis+cluster:// or valkey+cluster://"
}

func (r *RedirectError) Unwrap() error { return r.err }

// Address returns the address of the other node. origin is the address of the node that
// answered.
func (r *RedirectError) Address(origin string) string { return address.Of(r.Host, r.Port, origin) }

// LeadsTo reports whether the redirect leads to addr, the address of the server that
// answered. Another server has the address then, and new connections lead to that server.
func (r *RedirectError) LeadsTo(addr string) bool { return r.Address(addr) == addr }

// MarkSelfRedirect returns err. A MOVED to addr, the address of the server that answered,
// is marked as transient.
func MarkSelfRedirect(err error, addr string) error {
	e, ok := errors.AsType[*driver.Error](err)
	if !ok {
		return err
	}
	if to, ok := errors.AsType[*RedirectError](e.Err); !ok || to.Ask || !to.LeadsTo(addr) {
		return err
	}
	again := *e
	return again.Retryable()
}

// IsStaleAddress reports whether an error tells that the address of the connection
// belongs to another server now, or will soon: READONLY, or MOVED to one of addrs. addrs
// are the addresses of the connection.
func IsStaleAddress(err error, addrs ...string) bool {
	if errors.Is(err, driver.ErrReadOnly) {
		return true
	}
	to, ok := errors.AsType[*RedirectError](err)
	return ok && !to.Ask && slices.ContainsFunc(addrs, to.LeadsTo)
}

// An adviceError is a client library's error with advice for the user.
type adviceError struct {
	err    error
	advice string
}

func (e *adviceError) Error() string { return e.err.Error() + "; " + e.advice }
func (e *adviceError) Unwrap() error { return e.err }

// redirect returns the RedirectError of a reply, or err if the reply has another form.
func redirect(text string, err error) error {
	words := strings.Fields(text)
	if len(words) < 3 {
		return err
	}
	slot, slotErr := strconv.ParseUint(words[1], 10, 14)
	colon := strings.LastIndexByte(words[2], ':')
	if slotErr != nil || colon < 0 || colon == len(words[2])-1 {
		return err
	}
	host := strings.Trim(words[2][:colon], "[]")
	return &RedirectError{Slot: uint16(slot), Host: host, Port: words[2][colon+1:], Ask: words[0] == "ASK", err: err}
}

// IsTryAgain reports whether a cluster's node has refused a command on several keys because
// some of the keys have moved to another node already.
func IsTryAgain(err error) bool {
	var e *driver.Error
	return errors.As(err, &e) && e.Err != nil && e.Outcome == driver.NotApplied && strings.HasPrefix(e.Err.Error(), "TRYAGAIN")
}

// IsUnblocked reports whether a server has ended the wait of a command because the server
// is not the primary any more. The server closes the connection then.
func IsUnblocked(err error) bool {
	e, ok := errors.AsType[*driver.Error](err)
	return ok && e.Err != nil && e.Outcome == driver.NotApplied && strings.HasPrefix(e.Err.Error(), "UNBLOCKED")
}
