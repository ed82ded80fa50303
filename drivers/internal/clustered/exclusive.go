package clustered

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/failure"
	"github.com/xcache-go/xcache/drivers/internal/keyslot"
	"github.com/xcache-go/xcache/drivers/internal/node"
	"github.com/xcache-go/xcache/drivers/internal/servererror"
)

// Caps implements driver.Capable: the store gives connections away if its nodes do.
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
	}
}

// exclusive returns a session at the server that has a slot, or why there is none, and
// whether there may be one in a moment.
func (c *retrier) exclusive(key string, slot uint16) (session driver.Session, err error, again bool) { //nolint:revive // the error is no outcome
	r := c.router
	server, err := r.await(c.context(), slot)
	if err != nil {
		return nil, err, isTransient(err)
	}
	// While it waits for a place the server owes no answer.
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
		verdict, _ := c.judge(err, false, server)
		return nil, err, verdict != final
	case r.topology.Load().lacks(server, key):
		_ = own.Close() // which was not ended with the others
		return nil, errMisplaced(), true
	}
	server.answered()
	return &exclusiveSession{Session: own, router: r, server: server, key: key}, nil, false
}

// An exclusiveSession tells the router what its server says of the topology. For a command that
// waits it goes on at another server while the slot is on its way there.
type exclusiveSession struct {
	driver.Session // at the server that has the slot
	router         *router
	server         *server
	key            string

	mu       sync.Mutex // guards what follows
	follows  bool       // the last that was sent is one command that waits
	asked    *server    // where the slot is on its way to; nil if it is not
	followed driver.Session
	asking   int // replies to ASKING that are due
}

// current returns the session that is in use, and its server.
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
	session, _ := s.current()
	_ = s.Session.Close() // which returns nil
	return session.Close()
}

// Do implements driver.Session. What has keys in another slot than the session is
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

// isOfAsking reports whether something is the reply to ASKING. A user who may not send that
// has no use for the session.
func (s *exclusiveSession) isOfAsking(ctx context.Context, in driver.Incoming, err error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.asking == 0 || in.Pushed || err != nil && (ctx.Err() != nil || s.followed.Err() != nil) {
		return false
	}
	s.asking--
	if err != nil {
		_ = s.followed.Close() // which returns nil
		return false
	}
	return true
}

// follow has a command that waits go on at the server that the slot is on its way to, if a
// session there can be had: what is pushed to a key that was not there comes in there. The
// session has a key of that server's own choice, as the slot is not its own yet.
func (s *exclusiveSession) follow(ctx context.Context, to *servererror.RedirectError) {
	s.mu.Lock()
	from, follows := s.server, s.follows && s.followed == nil
	s.mu.Unlock()
	if !follows || to.Host == "?" {
		return
	}
	target := s.router.enterAt(to.Address(from.addr))
	target.gate.Leave() // as in exclusive
	sessions, ok := target.node.(node.Exclusive)
	if !ok {
		return
	}
	own, err := sessions.Exclusive(ctx, "")
	if err != nil {
		return // it is asked again
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked, s.followed = target, own
	_ = s.Session.Close() // which returns nil
}

// passing returns err, marked as one that passes if it is a redirect: another session may be
// at the server that has the slot by then.
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

// admit returns an error if commands have keys in other slots than the session's.
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

// notice has the topology learnt anew if an error says that it has changed.
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

// lacks reports whether a server is not the one for a session on a key.
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

// errMisplaced is why a session ends whose server has not its slot any more.
func errMisplaced() *driver.Error {
	return driver.Fail(driver.ErrUnavailable, driver.NotApplied, errGone).Retryable()
}

// endMisplaced ends the sessions at servers that are not the ones for them, by a new
// topology. r.mu is held.
func (r *router) endMisplaced(t *topology) {
	for _, s := range r.servers {
		if sessions, ok := s.node.(node.Exclusive); ok && sessions.Sessions() > 0 {
			sessions.EndSessions(errMisplaced(), func(key string) bool { return t.lacks(s, key) })
		}
	}
}

// tendInterval is how often the nodes are asked who has which slots while there are
// sessions: who waits for messages of a frozen server has no call that finds out.
const tendInterval = time.Second

// tend sees to it that sessions end whose server has lost its slots. It is called for
// every session.
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

// tendSessions asks the nodes from time to time, and ends when there are no sessions.
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
			// A session that began before that has not begun another goroutine.
			if !r.hasSessions() || !r.tended.CompareAndSwap(false, true) {
				return
			}
		}
		r.refresh()
	}
}

// hasSessions reports whether there are sessions at any server.
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
