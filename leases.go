package xcache

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"github.com/xcache-go/xcache/driver"
)

// What keeps a value that GetOrSet loaded before an invalidation out of the store, whichever
// process invalidates: see driver.CmdLease. An invalidation revokes the leases of its keys
// before it takes the values away, or in one round trip with that, so that a load which began
// before it stores nothing after it.

// leaseDuration is how long a load may take whose value is to be stored.
const leaseDuration = 5 * time.Minute

var (
	cmdLease        = driver.NewCmd(driver.CmdLease)
	cmdLeaseElect   = driver.NewCmd(driver.CmdLeaseElect)
	cmdLeaseFill    = driver.NewCmd(driver.CmdLeaseFill)
	cmdLeaseReplace = driver.NewCmd(driver.CmdLeaseReplace)
	cmdLeaseRevoke  = driver.NewCmd(driver.CmdLeaseRevoke)
)

// newToken returns a token that no other load has.
func newToken() string {
	return strconv.FormatUint(rand.Uint64(), 36) + strconv.FormatUint(rand.Uint64(), 36)
}

// lease returns the token of a load that is about to begin. The token is empty if a load has
// found that there is no value, and that is remembered.
func (c *core) lease(ctx context.Context, key string) (string, error) {
	o := newOp(c, "lease", cmdLease).begin(key).Field(newToken()).add(driver.Duration(leaseDuration))
	return Run(ctx, o, func(o *Op) (string, error) {
		text, err := o.Reply().AsBytes()
		return string(text), err
	})
}

// A filled is what became of a loaded value.
type filled int64

const (
	overtaken filled = iota - 1 // an invalidation came meanwhile, or the load took too long
	occupied                    // somebody stored a value meanwhile
	stored
)

// fill stores what was loaded under a lease, over a value whose remaining TTL is not longer than
// over as well.
func (v untyped) fill(ctx context.Context, key, token string, value any, opts []SetOption, over time.Duration) (filled, error) {
	o := newOp(v.core, "fill", cmdLeaseFill).begin(key).Field(token)
	if o.err == nil {
		o.add(driver.Val(o.encode(v.encoder(value))))
	}
	ttl, err := v.core.ttlOf(driver.IfAbsent, opts)
	if err != nil {
		o.fail(err)
	}
	ttl = v.core.serverTTL(ttl)
	o.addTags(opts, ttl).add(driver.TTLArg(ttl))
	if over > 0 {
		o.add(driver.Duration(over))
	}
	return Run(ctx, o, func(o *Op) (filled, error) {
		n, err := o.Reply().AsInt()
		if filled(n) == stored {
			o.seen.wrote(len(o.held.Args[2].Data))
		}
		return filled(n), err
	})
}

// revoke takes away the leases of full keys, which are about to lose their values. A user who may
// not do that goes without leases.
func (c *core) revoke(ctx context.Context, fulls ...string) error {
	if !c.shared.leases || len(fulls) == 0 {
		return nil
	}
	return c.runRevocation(ctx, revocation(fulls))
}

// runRevocation runs a revocation on its own.
func (c *core) runRevocation(ctx context.Context, cmd *driver.Cmd) error {
	if err := c.shared.primary.caps.Commander.Do(ctx, []*driver.Cmd{cmd}, driver.Plain); err != nil {
		return err
	}
	return revoked(cmd)
}

// revoked returns the error of a revocation, if it is one.
func revoked(cmd *driver.Cmd) error {
	if isForbidden(cmd.Err) {
		return nil
	}
	return cmd.Err
}

// isForbidden reports whether the server has not run a command because its user may not.
func isForbidden(err error) bool {
	return errors.Is(err, ErrAuth) && !errors.Is(err, ErrUnknownOutcome)
}

func revocation(fulls []string) *driver.Cmd {
	cmd := *cmdLeaseRevoke
	cmd.Args = make([]driver.Arg, len(fulls))
	for i, full := range fulls {
		cmd.Args[i] = driver.Key(full)
	}
	return &cmd
}

// revokeExpired is revoke for those of the entries whose write takes away what is there.
func (c *core) revokeExpired(ctx context.Context, entries []driver.Entry) error {
	if !c.shared.leases {
		return nil
	}
	var fulls []string
	for i := range entries {
		if driver.Expired(entries[i].TTL) {
			fulls = append(fulls, entries[i].Key)
		}
	}
	return c.revoke(ctx, fulls...)
}

// revokeMatching takes away the leases of the keys that match a pattern of full keys and are
// ours. A load that began before stores nothing from then on, or has done so already, and
// then a scan that begins now finds the value.
func (c *core) revokeMatching(ctx context.Context, pattern string, ours func(full string) bool) error {
	if !c.shared.leases {
		return nil
	}
	const batch = 1000
	var fulls []string
	var failed error
	err := c.scan(ctx, driver.LeasePattern(pattern), func(name string) bool {
		if full, ok := driver.LeasedKey(name); ok && ours(full) {
			fulls = append(fulls, full)
		}
		if len(fulls) == batch {
			failed = c.revoke(ctx, fulls...)
			fulls = fulls[:0]
		}
		return failed == nil
	})
	if err := errors.Join(err, failed); err != nil {
		return err
	}
	return c.revoke(ctx, fulls...)
}

// isLease reports whether a full key that a scan found is no key of the user's, but the lease
// of one.
func (c *core) isLease(full string) bool {
	if !c.shared.leases {
		return false
	}
	_, is := driver.LeasedKey(full)
	return is
}

// takesAway reports whether a command may remove the value of a key that it names.
func takesAway(cmd *driver.Cmd) bool {
	switch cmd.Name {
	case "DEL", "UNLINK", "GETDEL", "RENAME", "RENAMENX", "RESTORE", driver.CmdCompareAndDelete:
		return true
	case "GETEX":
		return !renews(cmd)
	case driver.CmdSwap, driver.CmdCompareAndSwap: // with a TTL that has expired
		ttl, err := driver.ParseTTLArg(cmd.Args[len(cmd.Args)-1])
		return err == nil && driver.Expired(ttl)
	}
	return cmd.IsCustom()
}

// appendTaken appends the full keys of which a command may remove the value.
func appendTaken(fulls []string, cmd *driver.Cmd) []string {
	if !takesAway(cmd) {
		return fulls
	}
	for i := range cmd.Args {
		if cmd.Args[i].Role == driver.RoleKey {
			fulls = append(fulls, cmd.Args[i].Text)
		}
	}
	return fulls
}

// A revocation goes in one batch with the commands that take values away, in front of them.
type batchRevocation struct {
	cmd    *driver.Cmd
	taking []*driver.Cmd
}

// withRevocations returns a batch with the revocations that it needs: one for all commands of
// a transaction, and else one in front of each command that takes values away, so that each
// succeeds or fails alone.
func (c *core) withRevocations(cmds []*driver.Cmd, how driver.How) (all []*driver.Cmd, revocations []batchRevocation) {
	if !c.shared.leases || !slices.ContainsFunc(cmds, takesAway) {
		return cmds, nil
	}
	all = make([]*driver.Cmd, 0, 2*len(cmds))
	if how == driver.Atomic {
		var r batchRevocation
		var fulls []string
		for _, cmd := range cmds {
			if taken := appendTaken(fulls, cmd); len(taken) > len(fulls) {
				fulls, r.taking = taken, append(r.taking, cmd)
			}
		}
		if len(fulls) == 0 {
			return cmds, nil
		}
		r.cmd = revocation(fulls)
		return append(append(all, r.cmd), cmds...), []batchRevocation{r}
	}
	for _, cmd := range cmds {
		if fulls := appendTaken(nil, cmd); len(fulls) > 0 {
			r := batchRevocation{revocation(fulls), []*driver.Cmd{cmd}}
			all, revocations = append(all, r.cmd), append(revocations, r)
		}
		all = append(all, cmd)
	}
	return all, revocations
}

// settle gives the commands that took values away the failure of the revocation: a load that began
// before may still store its value.
func (r *batchRevocation) settle() {
	err := revoked(r.cmd)
	if err == nil {
		return
	}
	for _, cmd := range r.taking {
		if cmd.Err == nil {
			cmd.Err = unsettled(cmd, err)
		}
	}
}

// unsettled returns the failure of a command that has taken a value away, and whose revocation has
// failed. The value is nowhere else, so the error keeps the value.
func unsettled(cmd *driver.Cmd, err error) error {
	if cmd.Reply.IsNil() || cmd.Name != "GETDEL" && cmd.Name != driver.CmdSwap {
		return driver.Fail(err, driver.Unknown, nil)
	}
	return &UnreadReplyError{Reply: cmd.Reply, Err: driver.Fail(err, driver.Unknown, nil)}
}

// doWithLeases is do for a batch with revocations. A transaction that the server refuses, as the user
// may not run one of its commands, is run without the revocation.
func (c *core) doWithLeases(ctx context.Context, cmds []*driver.Cmd, how driver.How) error {
	err := c.do(ctx, cmds, how)
	if how == driver.Atomic && isForbidden(err) && isRevoking(cmds) {
		cmds[0].Err = nil
		return c.do(ctx, cmds[1:], how)
	}
	return err
}

// isRevoking reports whether a transaction begins with a revocation.
func isRevoking(cmds []*driver.Cmd) bool {
	return len(cmds) > 1 && cmds[0].Name == driver.CmdLeaseRevoke
}

// delete removes full keys and their leases, and returns how many keys there were.
func (c *core) delete(ctx context.Context, fulls []string) (int, error) {
	if !c.target.caps.Limits.DeleteRevokes {
		if err := c.revoke(ctx, fulls...); err != nil {
			return 0, err
		}
	}
	return c.target.store.Delete(ctx, fulls)
}
