package servererror

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/address"
)

// A RedirectError is the answer of a cluster's node to a command whose keys another
// node has: MOVED or ASK. It is the cause of an error that Parse returns, found
// with errors.As. The node did nothing.
type RedirectError struct {
	// Slot is that of the command's keys.
	Slot uint16
	// Host and Port are where the other node is. An empty Host stands for that
	// of the node that answered.
	Host, Port string
	// Ask tells that only this command goes there, behind ASKING, as the slot is
	// on its way. Else the slot has moved for good.
	Ask bool

	err error // the client library's own
}

// Error says what to do to follow, as who follows does not show it.
func (r *RedirectError) Error() string {
	return r.err.Error() + "; the server is a node of a cluster, for which a DSN begins with redis+cluster:// or valkey+cluster://"
}

func (r *RedirectError) Unwrap() error { return r.err }

// Address returns the address of the other node. origin is that of the node that
// answered.
func (r *RedirectError) Address(origin string) string { return address.Of(r.Host, r.Port, origin) }

// LeadsTo reports whether a redirect leads to an address, which is that of the
// server that answered. Then another server has the address by now, and a new
// connection leads there.
func (r *RedirectError) LeadsTo(addr string) bool { return r.Address(addr) == addr }

// Anew returns err, marked as one that passes, if it is MOVED to addr, which is
// the address of the server that answered.
func Anew(err error, addr string) error {
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

// Misleads reports whether an error says that a connection leads to a server that has
// another role by now: READONLY, or MOVED to the address of the connection, which is one
// of addrs. New connections lead to another server, or soon will.
func Misleads(err error, addrs ...string) bool {
	if errors.Is(err, driver.ErrReadOnly) {
		return true
	}
	to, ok := errors.AsType[*RedirectError](err)
	return ok && !to.Ask && slices.ContainsFunc(addrs, to.LeadsTo)
}

// An adviceError is a client library's error, with what the user can do.
type adviceError struct {
	err    error
	advice string
}

func (e *adviceError) Error() string { return e.err.Error() + "; " + e.advice }
func (e *adviceError) Unwrap() error { return e.err }

// redirect returns err with what a reply says about where to go, or err itself
// if that cannot be read.
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

// IsTryAgain reports whether a cluster's node refused a command on several keys
// because some of them are on their way to another node.
func IsTryAgain(err error) bool {
	var e *driver.Error
	return errors.As(err, &e) && e.Err != nil && e.Outcome == driver.NotApplied && strings.HasPrefix(e.Err.Error(), "TRYAGAIN")
}

// IsUnblocked reports whether a server has ended the waiting of a command because it is the
// primary no longer. It closes the connection then.
func IsUnblocked(err error) bool {
	e, ok := errors.AsType[*driver.Error](err)
	return ok && e.Err != nil && e.Outcome == driver.NotApplied && strings.HasPrefix(e.Err.Error(), "UNBLOCKED")
}
