package clustered

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/failure"
	"github.com/xcache-go/xcache/drivers/internal/node"
	"github.com/xcache-go/xcache/drivers/internal/servererror"
	"github.com/xcache-go/xcache/internal/keyslot"
)

// Caps implements driver.Capable. The store has driver.Exclusive if its nodes have it.
func (s *Store) Caps() driver.Caps { return s.router.caps(s) }

// Caps implements driver.Capable.
func (s readingStore) Caps() driver.Caps { return s.router.caps(s) }

func (r *router) caps(s driver.Store) driver.Caps {
	caps := driver.DetectCaps(s)
	if _, ok := r.clock.(node.Exclusive); !ok {
		caps.Exclusive = nil
	}
	return caps
}

// Exclusive implements driver.Exclusive.
func (s *Store) Exclusive(ctx context.Context, keys ...string) (driver.Session, error) {
	if ctx.Err() != nil {
		return nil, failure.OfContext(ctx, false)
	}
	key, slot := "", anySlot()
	if len(keys) > 0 && keys[0] != "" {
		key, slot = keys[0], keyslot.Of(keys[0])
	}
	for i := 1; i < len(keys); i++ {
		if keyslot.Of(keys[i]) != slot {
			return nil, crossSlot("a connection of the caller's own")
		}
	}
	c := s.router.begin(ctx, time.Now())
	defer c.end()
	for {
		session, err, again := c.exclusive(key, slot)
		if err == nil {
			s.router.tend()
			return session, nil
		}
		if !again || !c.pause(false) {
			return nil, c.expired(err)
		}
		if key == "" { // another server may be well
			slot = anySlot()
		}
	}
}

// exclusive returns a session at the server of a slot. again tells that a later attempt
// may succeed although this attempt failed.
func (c *retrier) exclusive(key string, slot uint16) (session driver.Session, err error, again bool) { //nolint:revive // the error is no outcome
	r := c.router
	server, err := r.await(c.context(), slot)
	if err != nil {
		return nil, err, isTransient(err)
	}
	// A caller that waits for a free connection is no call in flight at the server.
	server.gate.Leave()
	sessions, ok := server.node.(node.Exclusive)
	if !ok {
		return nil, errors.ErrUnsupported, false
	}
	own, err := sessions.Exclusive(c.context(), key)
	switch {
	case errors.Is(err, node.ErrNoPlace):
		return nil, err, false
	case err != nil:
		err = r.reason(err)
		verdict, _ := c.classify(err, false, server)
		return nil, err, verdict != final
	case r.topology.Load().lacks(server, key):
		_ = own.Close() // EndSessions may have run before this session existed
		return nil, errMisplaced(), true
	}
	server.answered()
	return &exclusiveSession{Session: own, router: r, server: server, key: key}, nil, false
}

// An exclusiveSession is a session at the server of a slot. Redirects in its replies update
// the topology. A single command that waits at the server follows a slot that moves to
// another server.
type exclusiveSession struct {
	driver.Session // at the server of the slot
	router         *router
	server         *server
	key            string

	mu       sync.Mutex // guards the fields below
	follows  bool       // the last batch was a single command that waits
	asked    *server    // the server to which the slot moves; nil if the slot stays
	followed driver.Session
	asking   int // replies to ASKING that are still due
	closed   bool
}

// current returns the session in use and its server.
func (s *exclusiveSession) current() (driver.Session, *server) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.followed != nil {
		return s.followed, s.asked
	}
	return s.Session, s.server
}

// Err implements driver.Session.
func (s *exclusiveSession) Err() error {
	session, _ := s.current()
	return session.Err()
}

// Close implements driver.Session.
func (s *exclusiveSession) Close() error {
	s.mu.Lock()
	s.closed = true
	followed := s.followed
	s.mu.Unlock()
	if followed != nil {
		_ = followed.Close() // Close returns nil always
	}
	return s.Session.Close()
}

// Do implements driver.Session. Commands with keys in another slot than the session's are
// refused.
func (s *exclusiveSession) Do(ctx context.Context, cmds []*driver.Cmd, how driver.How) error {
	if err := s.admit(cmds); err != nil {
		return err
	}
	session, _ := s.current()
	err := session.Do(ctx, cmds, how)
	s.notice(err)
	for _, c := range cmds {
		s.notice(c.Err)
		c.Err = passing(c.Err)
	}
	return passing(err)
}

// Send implements driver.Session.
func (s *exclusiveSession) Send(ctx context.Context, cmds []*driver.Cmd) error {
	if err := s.admit(cmds); err != nil {
		return err
	}
	s.mu.Lock()
	session := s.Session
	s.follows = len(cmds) == 1 && cmds[0].Waits()
	if s.followed != nil {
		session = s.followed
		s.asking++
		cmds = append([]*driver.Cmd{driver.NewCustomCmd("ASKING")}, cmds...)
	}
	s.mu.Unlock()
	return session.Send(ctx, cmds)
}

// Receive implements driver.Session.
func (s *exclusiveSession) Receive(ctx context.Context) (driver.Incoming, error) {
	session, _ := s.current()
	in, err := session.Receive(ctx)
	for s.isOfAsking(ctx, in, err) {
		in, err = session.Receive(ctx)
	}
	s.notice(err)
	if to, ok := errors.AsType[*servererror.RedirectError](err); ok && to.Ask {
		s.follow(ctx, to)
	}
	return in, passing(err)
}

// isOfAsking reports whether a reply answers ASKING. An error reply to ASKING closes the
// session: a user without the permission for ASKING cannot use the session.
func (s *exclusiveSession) isOfAsking(ctx context.Context, in driver.Incoming, err error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.asking == 0 || in.Pushed || err != nil && (ctx.Err() != nil || s.followed.Err() != nil) {
		return false
	}
	s.asking--
	if err != nil {
		_ = s.followed.Close() // Close returns nil always
		return false
	}
	return true
}

// follow lets a command that waits go on at the server to which the slot moves. A key that
// did not exist before the move is created there, and a push to the key wakes only clients
// of that server.
//
// The new session has no key of its own. endMisplaced would end a session with a key,
// because the new server does not own the slot before the end of the move.
func (s *exclusiveSession) follow(ctx context.Context, to *servererror.RedirectError) {
	s.mu.Lock()
	from, follows := s.server, s.follows && s.followed == nil
	s.mu.Unlock()
	if !follows || to.Host == "?" {
		return
	}
	target := s.router.enterAt(to.Address(from.addr))
	target.gate.Leave() // a caller that waits for a free connection is no call in flight
	sessions, ok := target.node.(node.Exclusive)
	if !ok {
		return
	}
	own, err := sessions.Exclusive(ctx, "")
	if err != nil {
		return // the redirect goes to the caller, who tries again
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed { // while the new session was made
		_ = own.Close() // Close returns nil always
		return
	}
	s.asked, s.followed = target, own
	_ = s.Session.Close() // Close returns nil always
}

// passing returns err, with a redirect marked as transient: a new session may be at the
// server that has the slot by then.
func passing(err error) error {
	e, ok := errors.AsType[*driver.Error](err)
	if !ok || e.Transient {
		return err
	}
	if _, ok := errors.AsType[*servererror.RedirectError](err); !ok {
		return err
	}
	again := *e
	return again.Retryable()
}

// admit returns an error for commands with keys in other slots than the session's.
func (s *exclusiveSession) admit(cmds []*driver.Cmd) error {
	if s.key == "" {
		return nil
	}
	for _, c := range cmds {
		if slot, spread := slotOfCommand(c); spread || slot >= 0 && slot != int(keyslot.Of(s.key)) {
			return crossSlot(c.Name)
		}
	}
	return nil
}

// notice starts a refresh of the topology if an error tells of a change.
func (s *exclusiveSession) notice(err error) {
	if err == nil {
		return
	}
	var redirect *servererror.RedirectError
	session, server := s.current()
	switch {
	case errors.As(err, &redirect):
		if !redirect.Ask {
			s.router.moved(redirect, server.addr)
		}
	case isStale(err), isFailure(err) && session.Err() != nil:
		s.router.refresh()
	}
}

// lacks reports whether a server has lost the slot of a session's key. A session without a
// key needs a server with any slot.
func (t *topology) lacks(s *server, key string) bool {
	if key != "" {
		return t.primary(keyslot.Of(key)) != s
	}
	for slot := range uint16(slots) {
		if t.primary(slot) == s {
			return false
		}
	}
	return true
}

// errMisplaced is the error of a session whose server has lost the slot.
func errMisplaced() *driver.Error {
	return driver.Fail(driver.ErrUnavailable, driver.NotApplied, errGone).Retryable()
}

// endMisplaced ends sessions whose servers have lost their slots in a new topology. r.mu is
// held.
func (r *router) endMisplaced(t *topology) {
	for _, s := range r.servers {
		if sessions, ok := s.node.(node.Exclusive); ok && sessions.Sessions() > 0 {
			sessions.EndSessions(errMisplaced(), func(key string) bool { return t.lacks(s, key) })
		}
	}
}

// tendInterval is the time between refreshes of the topology while there are sessions. A
// subscriber of a frozen server makes no call that would notice the failure.
const tendInterval = time.Second

// tend starts the goroutine that refreshes the topology while there are sessions, unless it
// runs.
func (r *router) tend() {
	if r.tended.Load() {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closing.Err() == nil && r.tended.CompareAndSwap(false, true) {
		r.running.Go(r.tendSessions)
	}
}

// tendSessions refreshes the topology at intervals, and returns when there are no sessions.
func (r *router) tendSessions() {
	ticker := time.NewTicker(tendInterval)
	defer ticker.Stop()
	for {
		select {
		case <-r.closing.Done():
			return
		case <-ticker.C:
		}
		if !r.hasSessions() {
			r.tended.Store(false)
			// A session may have begun just before the Store, and then started no
			// goroutine.
			if !r.hasSessions() || !r.tended.CompareAndSwap(false, true) {
				return
			}
		}
		r.refresh()
	}
}

// hasSessions reports whether any server has sessions.
func (r *router) hasSessions() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.servers {
		if sessions, ok := s.node.(node.Exclusive); ok && sessions.Sessions() > 0 {
			return true
		}
	}
	return false
}
