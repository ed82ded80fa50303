package xcache

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/internal/flight"
)

// The leases of a load of several keys: who loads which key, and what is remembered of missing
// values.

// lease takes the leases of keys without values, in one round trip per server: see takeLease. The
// keys that need no load have their results then. mine are to be loaded, and others load the others.
func (b *loadingMany) lease(ctx context.Context, keys []*wanted, began time.Time) (mine, others []*wanted) {
	switch {
	case !b.v.core.shared.leases:
		return keys, nil
	case b.v.core.loadWait > 0:
		return b.elect(ctx, keys, began, b.v.core.negativeTTL > 0)
	}
	if b.v.core.negativeTTL > 0 { // a marker may be the answer
		b.seal(keys)
	}
	needsNone := func(w *wanted) bool {
		return w.failure != nil || w.bad != nil && b.v.core.negativeTTL == 0 && b.v.core.stale.kept() <= 0
	}
	var cmds []*driver.Cmd
	for _, w := range keys {
		if !needsNone(w) {
			cmd := *cmdLease
			cmd.Args = []driver.Arg{driver.Key(w.full), driver.Field(newToken()), driver.Duration(leaseDuration)}
			cmds = append(cmds, &cmd)
		}
	}
	err := b.v.core.doAs(ctx, "lease many", "", len(cmds), cmds)
	var late []*wanted // see untyped.lookUpFor
	for _, w := range keys {
		if needsNone(w) {
			mine = append(mine, w)
			continue
		}
		cmd := cmds[0]
		cmds = cmds[1:]
		failed := cmp.Or(err, cmd.Err)
		var token []byte
		if failed == nil {
			token, failed = cmd.Reply.AsBytes()
		}
		if w.token = string(token); failed == nil && w.token == "" {
			if b.v.core.shared.flights.Seal(w.flight) {
				late = append(late, w)
			} else {
				w.err = ErrNotFound
			}
			continue
		}
		if !errors.Is(failed, ErrAuth) { // such a user goes without leases
			w.unstored = failed
		}
		mine = append(mine, w)
	}
	if len(late) > 0 {
		again, _ := b.lease(ctx, late, began)
		mine = append(mine, again...)
	}
	return mine, nil
}

// elect is lease for a view with OneLoader. sealed tells that no caller may join the keys.
func (b *loadingMany) elect(ctx context.Context, keys []*wanted, began time.Time, sealed bool) (mine, others []*wanted) {
	if sealed {
		b.seal(keys)
	}
	var there []*wanted
	var of []*contender
	for _, w := range keys {
		if w.contender == nil {
			w.contender = &contender{full: w.full, token: newToken()}
		}
		w.contender.bad = w.bad
		if w.failure == nil {
			of = append(of, w.contender)
		}
	}
	b.v.core.contend(ctx, "", of)
	for _, w := range keys {
		if w.contender.mayOwn() {
			b.own.add(w.full, w.contender.token)
		}
		if w.contender.gone {
			w.old = nil
		}
		if w.bad = w.contender.bad; w.contender.there {
			there = append(there, w)
		}
	}
	missing := b.lookUpFor(ctx, there)
	var needless []string // leases
	var late []*wanted    // see untyped.lookUpFor
	for _, w := range keys {
		x := w.contender
		switch {
		case x.there && !slices.Contains(missing, w):
			if x.mayOwn() {
				needless = append(needless, w.full)
			}
		case w.failure != nil, errors.Is(x.err, ErrAuth):
			mine = append(mine, w)
		case x.err != nil:
			needless = append(needless, w.full)
			w.unstored = x.err
			mine = append(mine, w)
		case x.own():
			w.token = x.token
			mine = append(mine, w)
		case x.inForce == "":
			if b.v.core.shared.flights.Seal(w.flight); !sealed && b.v.core.shared.flights.Joined(w.flight) {
				late = append(late, w)
			} else {
				w.err = ErrNotFound
			}
		case time.Since(began) >= b.v.core.loadWait, inside(ctx, x):
			w.token, w.late = x.inForce, true
			mine = append(mine, w)
		default:
			others = append(others, w)
		}
	}
	if len(needless) > 0 {
		b.own.giveUp(ctx, needless...)
	}
	if len(late) > 0 {
		m, o := b.elect(ctx, late, began, true)
		mine, others = append(mine, m...), append(others, o...)
	}
	return mine, others
}

// remember remembers the keys that the loader has left out, in one round trip per server.
func (b *loadingMany) remember(ctx context.Context, keys []*wanted) {
	var left, late []*wanted
	var flights []*flight.Flight
	for _, w := range keys {
		switch {
		case !w.left || w.token == "" || w.unstored != nil || !b.v.core.marks(w.flight):
		case w.late: // the load that has the lease may bring a value
			late = append(late, w)
		default:
			left, flights = append(left, w), append(flights, w.flight)
		}
	}
	b.askForLeases(ctx, late)
	b.v.core.shared.flights.StoreMany(flights, func(attached []*flight.Flight) {
		left = slices.DeleteFunc(left, func(w *wanted) bool { return !slices.Contains(attached, w.flight) })
		cmds := make([]*driver.Cmd, len(left))
		for i, w := range left {
			cmds[i] = b.v.core.marker(w.full, w.token)
		}
		err := b.v.core.doAs(ctx, "remember many", "", len(cmds), cmds)
		for i, w := range left {
			marked, err := wasReplaced(cmds[i], err)
			if err != nil {
				continue // the observer has heard of the error
			}
			if w.revoked = !marked; b.v.core.negativeTTL > 0 {
				b.own.end(w.full)
			}
		}
	})
}

// askForLeases finds out whether invalidations have taken the leases of keys that are not stored: see
// core.lost.
func (b *loadingMany) askForLeases(ctx context.Context, keys []*wanted) {
	keys = slices.DeleteFunc(keys, func(w *wanted) bool {
		return w.token == "" || !b.v.core.shared.flights.Joined(w.flight)
	})
	cmds := make([]*driver.Cmd, len(keys))
	for i, w := range keys {
		cmds[i] = b.v.core.leaseRenewal(w.full, w.token)
	}
	err := b.v.core.doAs(ctx, "renew lease", "", len(cmds), cmds)
	for i, w := range keys {
		renewed, err := wasReplaced(cmds[i], err)
		w.revoked = err == nil && !renewed
	}
}

// withdraw deletes the old values of keys without a value any more: see core.withdraw.
func (b *loadingMany) withdraw(ctx context.Context, keys []*wanted) {
	var gone []*wanted
	var flights []*flight.Flight
	for _, w := range keys {
		if w.old != nil && errors.Is(w.err, ErrNotFound) {
			gone, flights = append(gone, w), append(flights, w.flight)
		}
	}
	b.v.core.shared.flights.StoreMany(flights, func(attached []*flight.Flight) {
		gone = slices.DeleteFunc(gone, func(w *wanted) bool { return !slices.Contains(attached, w.flight) })
		olds := make([]*aged, len(gone))
		for i, w := range gone {
			olds[i] = w.old
		}
		b.v.core.deleteOld(ctx, "withdraw many", "", userKeys(gone), olds)
	})
}
