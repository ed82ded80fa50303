package xcache

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/internal/flight"
)

// OneLoader makes one of all processes load a missing key, while the others wait for its
// value: when the value of a key expires that everybody reads, the database gets one query,
// and not one from each process. It holds for GetOrSet and GetOrSetMany of a view with
// OneLoader. All processes that load a key should have it: a load without it neither waits
// nor makes others wait.
//
// A process that finds a load of another process polls for the value. The time between two
// polls grows with the wait, from a few milliseconds to 100 ms. The context of a waiting
// caller is honoured at once. A value that anybody stores ends the wait. If the load fails,
// panics or exceeds LoadTimeout, one of the waiting processes loads. If the process of the
// load has died, that takes 5 s at most. After wait, a waiting process loads itself, whatever
// the other does: also if two loaders wait for each other's keys in two processes. A loader
// that asks for its own key as another type does not wait for itself.
//
// GetOrSetMany first loads the keys that no other process is loading, in one call, and then
// waits for the others. If a load of another process fails, load is called again for the keys
// that are then still missing.
//
// The load has a lease of 5 s on its key, which it renews while the loader runs. A load costs no
// round trip more than without OneLoader, and one more if it replaces a stale value (StaleFor). A
// store that fails, and a user who may not run scripts there, elect nobody: each process loads. A
// driver without leases (Require("leases")) is refused.
func OneLoader(wait time.Duration) Option {
	return func(s *settings) error {
		if wait <= 0 {
			return errors.New("xcache: OneLoader needs a positive duration")
		}
		s.loadWait = wait
		return nil
	}
}

// checkLoads returns the error of a view whose loads need leases that the store lacks.
func (c *core) checkLoads() error {
	name := "OneLoader"
	switch {
	case c.shared.leases || c.loadWait == 0 && c.negativeTTL == 0:
		return nil
	case c.loadWait == 0:
		name = "NegativeTTL"
	}
	leases := []string{"leases"}
	return c.opError("require", "", fmt.Errorf("%s needs leases, which the driver does not have (%s): %w", name, c.whatToDo(leases, leases), errors.ErrUnsupported))
}

const (
	// ownDuration is how long a load has a lease for itself. The load renews the lease when a third
	// of the time has passed.
	ownDuration = 5 * time.Second
	// shortestPoll and longestPoll bound the time between two polls.
	shortestPoll, longestPoll = 2 * time.Millisecond, 100 * time.Millisecond
)

// A contender is a key that is to be loaded by one of all processes.
type contender struct {
	full string
	// token is that of the load, if it is the one.
	token string
	// bad is the stored value that is known not to be readable, or nil.
	bad *unreadable

	// inForce is the token that the lease of the key has. An empty one is a marker.
	inForce string
	// there tells that the key has another value than bad.
	there bool
	// gone tells that the key has no value.
	gone bool
	err  error
}

// own reports whether the load is the one.
func (x *contender) own() bool { return x.err == nil && x.inForce == x.token }

// mayOwn reports whether the load is the one, or may be: an election without a reply may have been
// applied. Giving up the lease of another load has no effect.
func (x *contender) mayOwn() bool { return x.own() || errors.Is(x.err, ErrUnknownOutcome) }

// contend asks for the leases of keys and reads their values behind that, in one round trip. So
// whoever gets a lease sees what the load before has stored.
func (c *core) contend(ctx context.Context, key string, of []*contender) {
	if len(of) == 0 {
		return
	}
	cmds := make([]*driver.Cmd, 0, 2*len(of))
	for _, x := range of {
		elect, get := *cmdLeaseElect, *cmdGet
		elect.Args = []driver.Arg{driver.Key(x.full), driver.Field(x.token), driver.Duration(ownDuration)}
		get.Args = []driver.Arg{driver.Key(x.full)}
		cmds = append(cmds, &elect, &get)
	}
	view := *c
	view.configure([]Option{ReadPrimary()})
	err := view.doAs(ctx, "elect", key, len(of), cmds)
	for i, x := range of {
		elect, get := cmds[2*i], cmds[2*i+1]
		var token []byte
		if x.err = cmp.Or(err, elect.Err); x.err == nil {
			token, x.err = elect.Reply.AsBytes()
		}
		x.inForce = string(token)
		x.gone = false
		switch {
		case err != nil:
			x.there = false
		case get.Err != nil:
			x.there = true // the lookup tells what is wrong with it
		case get.Reply.IsNil():
			x.there, x.gone, x.bad = false, true, nil
		default:
			x.there = x.bad == nil || !bytes.Equal(get.Reply.Data, x.bad.stored)
		}
	}
}

// doAs runs commands on n keys as one operation of the cache. A command with an error of its own has
// that, and the observer hears of the first one.
func (c *core) doAs(ctx context.Context, name, key string, n int, cmds []*driver.Cmd) error {
	if len(cmds) == 0 {
		return nil
	}
	ctx, call, err := c.start(ctx, name, key, n)
	if err != nil {
		return err
	}
	defer call.release()
	err = c.do(ctx, cmds, driver.Plain)
	c.wroteBy(ctx, cmds...)
	if err != nil {
		return call.end(err)
	}
	for _, cmd := range cmds {
		err = cmp.Or(err, cmd.Err)
		call.seen.wrote(filledBytes(cmd))
	}
	_ = call.end(err)
	return nil
}

// filledBytes returns the size of a loaded value that a command has stored.
func filledBytes(cmd *driver.Cmd) int {
	switch {
	case cmd.Err != nil:
	case cmd.Name == driver.CmdLeaseFill:
		if n, err := cmd.Reply.AsInt(); err == nil && filled(n) == stored {
			return len(cmd.Args[2].Data)
		}
	case cmd.Name == "SET" && !cmd.Reply.IsNil():
		return len(cmd.Args[1].Data)
	}
	return 0
}

// elect takes the lease of a load that no other process has begun, or waits for the other one: see
// takeLease.
func (v untyped) elect(ctx context.Context, fl *flight.Flight, key string, a *attempt) (value any, done bool, err error) {
	full, err := v.core.fullKey(key)
	if err != nil {
		return value, true, err
	}
	x := &contender{full: full, token: newToken(), bad: a.over}
	sealed := v.core.negativeTTL > 0 // a marker may be the answer
	for began := time.Now(); ; {
		if sealed {
			v.core.shared.flights.Seal(fl)
		}
		v.core.contend(ctx, key, []*contender{x})
		if x.mayOwn() {
			a.own.add(x.full, x.token)
		}
		if err := ctx.Err(); err != nil {
			return value, true, err
		}
		if a.over = x.bad; x.gone {
			a.old = nil
		}
		if x.there {
			found, old, bad, err := v.lookUpFor(ctx, fl, key, a.old)
			if old == nil && bad == nil && !errors.Is(err, ErrNotFound) {
				return found, true, err
			}
			if missed, ok := err.(*missedError); ok { //nolint:errorlint // that very type
				a.failed = missed.failure
				return value, false, nil
			}
			x.bad, a.over, a.old = bad, bad, old
		}
		switch {
		case errors.Is(x.err, ErrAuth): // the user may not run scripts, and goes without leases
			return value, false, nil
		case x.err != nil:
			a.own.giveUp(ctx)
			a.failed = x.err
			return value, false, nil //nolint:nilerr // the load goes on, and stores nothing
		case x.own():
			a.token = x.token
			return value, false, nil
		case x.inForce == "":
			if v.core.shared.flights.Seal(fl); !sealed && v.core.shared.flights.Joined(fl) { // see lookUpFor
				sealed = true
				continue
			}
			return value, true, ErrNotFound
		case time.Since(began) >= v.core.loadWait, inside(ctx, x):
			a.token, a.late = x.inForce, true
			return value, false, nil
		}
		v.core.shared.flights.Unseal(fl)
		sealed = v.core.negativeTTL > 0
		if err := v.core.waitToPoll(ctx, began); err != nil {
			return value, true, err
		}
	}
}

// waitToPoll waits for the next poll of a wait that began at a time.
func (c *core) waitToPoll(ctx context.Context, began time.Time) error {
	waited := time.Since(began)
	d := min(max(waited/4, shortestPoll), longestPoll)
	d = d/2 + rand.N(d) // so that processes that wait do not poll all at once
	timer := time.NewTimer(min(d, max(c.loadWait-waited, 0)))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// inside reports whether the load that has the lease of a contender waits for the contender.
func inside(ctx context.Context, x *contender) bool {
	for l, _ := ctx.Value(loadingKey{}).(*loading); l != nil; l = l.outer {
		if l.own.has(x.full, x.inForce) {
			return true
		}
	}
	return false
}

// ownLeases are the leases that a load has for itself. The methods of a nil *ownLeases do nothing.
type ownLeases struct {
	cache *core
	mu    sync.Mutex
	// tokens has the tokens by the full keys.
	tokens map[string]string
}

func (o *ownLeases) add(full, token string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.tokens == nil {
		o.tokens = make(map[string]string)
	}
	o.tokens[full] = token
}

func (o *ownLeases) has(full, token string) bool {
	if o == nil {
		return false
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.tokens[full] == token
}

// end forgets leases that have ended: those of full keys, or all of them.
func (o *ownLeases) end(fulls ...string) { o.take(fulls) }

// take forgets leases, and returns the commands that give them another duration.
func (o *ownLeases) take(fulls []string) []*driver.Cmd {
	o.mu.Lock()
	defer o.mu.Unlock()
	var cmds []*driver.Cmd
	for full, token := range o.tokens {
		if len(fulls) == 0 || slices.Contains(fulls, full) {
			cmds = append(cmds, replacement(full, token, "", 0))
			delete(o.tokens, full)
		}
	}
	return cmds
}

// replacement returns the command that gives a lease another token for a time.
func replacement(full, token, next string, d time.Duration) *driver.Cmd {
	cmd := *cmdLeaseReplace
	cmd.Args = []driver.Arg{driver.Key(full), driver.Field(token), driver.Field(next), driver.Duration(d)}
	return &cmd
}

// giveUp ends the leases of full keys, or all of them, so that others can load. A lease that the
// store does not give back runs out.
func (o *ownLeases) giveUp(ctx context.Context, fulls ...string) {
	if cmds := o.take(fulls); len(cmds) > 0 {
		_ = o.cache.doAs(context.WithoutCancel(ctx), "end lease", "", len(cmds), cmds) // the observer hears of an error
	}
}

// renew renews the leases until stop is called. When the context of the load ends, by LoadTimeout
// or as nobody waits for it, renew gives the leases up: the load may go on all the same.
func (o *ownLeases) renew(ctx context.Context) (stop func()) {
	if o == nil || !o.any() {
		return func() {}
	}
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() {
		defer close(done)
		ticker := time.NewTicker(ownDuration / 3)
		defer ticker.Stop()
		for {
			select {
			case <-running.Done():
				return
			case <-ctx.Done():
				o.giveUp(ctx)
				return
			case <-ticker.C:
				cmds := o.renewals()
				_ = o.cache.doAs(running, "renew lease", "", len(cmds), cmds) // the next one may succeed
			}
		}
	}()
	return func() {
		cancel()
		<-done
	}
}

func (o *ownLeases) any() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.tokens) > 0
}

// renewals returns the commands that renew the leases.
func (o *ownLeases) renewals() []*driver.Cmd {
	o.mu.Lock()
	defer o.mu.Unlock()
	var cmds []*driver.Cmd
	for full, token := range o.tokens {
		cmds = append(cmds, replacement(full, token, token, ownDuration))
	}
	return cmds
}
