package driver

import (
	"fmt"
	"strconv"
	"time"
)

// This file has the operations of a store as commands, for the pipelines of the core and for
// the drivers of servers.

// SetCommand returns the command that stores e as Store.Set would. The command borrows e.Value.
// SetOutcome reads the reply.
func SetCommand(e *Entry) *Cmd {
	if Expired(e.TTL) {
		if e.Cond == IfAbsent {
			return NewCmd("EXISTS", Key(e.Key))
		}
		return NewCmd("DEL", Key(e.Key))
	}
	args := make([]Arg, 2, 5)
	args[0], args[1] = Key(e.Key), Val(e.Value)
	switch e.TTL {
	case NoExpiry:
	case KeepTTL:
		args = append(args, Literal("KEEPTTL"))
	default:
		args = append(args, Literal("PX"), Duration(e.TTL))
	}
	switch e.Cond {
	case IfAbsent:
		args = append(args, Literal("NX"))
	case IfPresent:
		args = append(args, Literal("XX"))
	}
	return NewCmd("SET", args...)
}

// SetOutcome returns the outcome of e after SetCommand(e) has run as c: nil, ErrNotStored, or
// the command's own error.
func SetOutcome(e *Entry, c *Cmd) error {
	if c.Err != nil {
		return c.Err
	}
	if !Expired(e.TTL) {
		if c.Reply.IsNil() && e.Cond != Always {
			return ErrNotStored
		}
		return c.Misread(c.Reply.AsOK())
	}
	existed, err := c.Reply.AsFlag()
	switch {
	case err != nil:
		return c.Misread(err)
	case e.Cond == IfAbsent && existed, e.Cond == IfPresent && !existed:
		return ErrNotStored
	}
	return nil
}

// ExpireCommand returns the command that gives a key a TTL as Expirer.Expire would. The reply is
// 1 if the key existed, else 0: see ExpireOutcome.
func ExpireCommand(key string, ttl time.Duration) *Cmd {
	switch {
	case ttl == NoExpiry:
		return NewCmd(CmdPersist, Key(key))
	case ttl == KeepTTL:
		return NewCmd("EXISTS", Key(key))
	case Expired(ttl):
		return NewCmd("DEL", Key(key))
	}
	return NewCmd("PEXPIRE", Key(key), Duration(ttl))
}

// ExpireOutcome returns the outcome of an ExpireCommand that has run: nil, ErrNotFound, or the
// command's own error.
func ExpireOutcome(c *Cmd) error {
	if c.Err != nil {
		return c.Err
	}
	existed, err := c.Reply.AsFlag()
	if err == nil && !existed {
		return ErrNotFound
	}
	return c.Misread(err)
}

// TTLOutcome returns the TTL in the reply to PTTL: NoExpiry for a persistent key. The error is
// ErrNotFound for a missing key, or the command's own error.
func TTLOutcome(c *Cmd) (time.Duration, error) {
	if c.Err != nil {
		return 0, c.Err
	}
	ms, err := c.Reply.AsInt()
	switch {
	case err != nil:
		return 0, c.Misread(err)
	case ms == -1:
		return NoExpiry, nil
	case ms < 0:
		return 0, ErrNotFound
	}
	return fromMilliseconds(ms), nil
}

// fromMilliseconds returns a TTL. The longest TTL below NoExpiry stands for any number of
// milliseconds beyond the range of durations: Milliseconds may have rounded a TTL up to such a
// number.
func fromMilliseconds(ms int64) time.Duration {
	if ms > int64(NoExpiry/time.Millisecond) {
		return NoExpiry - 1
	}
	return time.Duration(ms) * time.Millisecond
}

// The words for TTLs that are not a number of milliseconds.
const (
	ttlNone = "NONE"
	ttlKeep = "KEEP"
)

// TTLArg returns a TTL as an argument of the extension commands: milliseconds, 0 for an expired
// TTL, NONE for NoExpiry, KEEP for KeepTTL.
func TTLArg(ttl time.Duration) Arg {
	switch ttl {
	case NoExpiry:
		return Literal(ttlNone)
	case KeepTTL:
		return Literal(ttlKeep)
	}
	return Duration(ttl)
}

// ParseTTLArg returns the TTL of an argument that TTLArg made, or of an argument with the same
// text. Any other argument is ErrSyntax.
func ParseTTLArg(a Arg) (time.Duration, error) {
	if ms, ok := a.Integer(); ok && ms >= 0 {
		return fromMilliseconds(ms), nil
	}
	text := a.String()
	switch text {
	case ttlNone:
		return NoExpiry, nil
	case ttlKeep:
		return KeepTTL, nil
	}
	ms, err := strconv.ParseInt(text, 10, 64)
	if err != nil || ms < 0 {
		return 0, Fail(ErrSyntax, NotApplied, fmt.Errorf("a TTL of a command is milliseconds, %s or %s", ttlNone, ttlKeep))
	}
	return fromMilliseconds(ms), nil
}
