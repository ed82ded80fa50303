package xcachetest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/xcache-go/xcache/driver"
)

// These tests test the checks of exclusive connections, with a correct store and with
// broken stores.

func TestStoreWithSessionsPasses(t *testing.T) {
	var names []string
	for _, c := range exclusiveChecks() {
		names = append(names, c.name)
	}
	for _, r := range runChecks(t, sessionsHarness(t, sessionBugs{}), append(names, "caps/declared-equals-detected")...) {
		if r.err != nil || r.skipped != "" {
			t.Errorf("%s: %v, skipped %q", r.name, r.err, r.skipped)
		}
	}
}

func TestBrokenStoresWithSessionsAreCaught(t *testing.T) {
	for _, broken := range brokenStoresWithSessions {
		t.Run(broken.name, func(t *testing.T) {
			for _, r := range runChecks(t, sessionsHarness(t, broken.bugs), broken.caught...) {
				if r.err == nil {
					t.Errorf("%s did not catch it (skipped: %q)", r.name, r.skipped)
				}
			}
		})
	}
}

var brokenStoresWithSessions = []struct {
	name   string
	bugs   sessionBugs
	caught []string
}{
	{"a connection is used again as it is", sessionBugs{reusesAll: true}, []string{"exclusive/as-new"}},
	{"a transaction forgets what is watched", sessionBugs{ignoresConflict: true}, []string{"exclusive/watch"}},
	{"a refusal ends the session", sessionBugs{refusalEnds: true}, []string{"exclusive/runs-commands"}},
	{"a message counts as a reply", sessionBugs{pushedIsReply: true}, []string{"exclusive/subscription"}},
	{"there is no bound", sessionBugs{unbounded: true}, []string{"exclusive/bounded"}},
	{"waiting for a place ignores the context", sessionBugs{waitsForever: true}, []string{"exclusive/bounded"}},
	{"a place is never free again", sessionBugs{keepsPlaces: true}, []string{"exclusive/bounded"}},
	{"calls wait for sessions", sessionBugs{holdsUp: true}, []string{"exclusive/holds-up-nobody"}},
	{"a context that ends takes the reply with it", sessionBugs{dropsReply: true}, []string{"exclusive/receive-loses-nothing"}},
	{"a context that ends ends the session", sessionBugs{endEnds: true}, []string{"exclusive/receive-loses-nothing"}},
	{"a call that was left counts as not applied", sessionBugs{leftIsNotApplied: true}, []string{"exclusive/call-that-was-left"}},
	{"a session goes on behind a call that was left", sessionBugs{leftGoesOn: true}, []string{"exclusive/call-that-was-left"}},
	{"ended contexts are ignored", sessionBugs{ignoresEnded: true}, []string{"exclusive/ended-context"}},
	{"a pop waits on when its session is closed", sessionBugs{popsOn: true}, []string{"exclusive/waits-no-longer"}},
	{"a closed session works", sessionBugs{closedWorks: true}, []string{"exclusive/closed"}},
	{"Close of the store leaves sessions", sessionBugs{outlivesStore: true}, []string{"exclusive/closed-store", "exclusive/disconnected"}},
	{"Close of the store makes sessions ErrUnavailable", sessionBugs{closedIsUnavailable: true}, []string{"exclusive/closed-store", "exclusive/disconnected"}},
}

// sessionBugs are the possible bugs of a sessionStore.
type sessionBugs struct {
	reusesAll, ignoresConflict, refusalEnds, pushedIsReply, unbounded, waitsForever, keepsPlaces, holdsUp, dropsReply,
	endEnds, leftIsNotApplied, leftGoesOn, ignoresEnded, popsOn, closedWorks, outlivesStore, closedIsUnavailable bool
}

func sessionsHarness(t *testing.T, bugs sessionBugs) Harness {
	t.Helper()
	open := func() driver.Store {
		store := &sessionStore{correct: newCorrect(), bugs: bugs, places: make(chan struct{}, 20), over: t.Context()}
		store.closing, store.close = context.WithCancel(context.Background())
		return store
	}
	h := inProcess(open)
	h.Lacks = slices.DeleteFunc(h.Lacks, func(name string) bool { return name == "Exclusive" || name == "Disconnector" })
	if bugs.holdsUp || bugs.waitsForever || bugs.keepsPlaces || bugs.outlivesStore {
		h.InProcess = false // such a store hangs
	}
	if bugs != (sessionBugs{}) {
		h.Timeout = 3 * time.Second // a broken store may wait for ever
	}
	return h
}

// A sessionStore has sessions that look like connections.
type sessionStore struct {
	correct
	bugs    sessionBugs
	places  chan struct{}
	closing context.Context
	close   context.CancelFunc
	// over ends with the test, and ends the calls of broken stores.
	over context.Context

	waiting sync.RWMutex // held by pops, in a store whose calls wait for them

	mu       sync.Mutex
	left     *sessionState // a finished session, to be used again in its state
	messages []message
}

type message struct{ channel, text string }

// A sessionState is the state of a connection at a server.
type sessionState struct {
	watched   map[string]string
	sent      []*driver.Cmd // commands without a reply yet
	confirmed []string      // confirmed channels
	heard     int           // number of delivered messages
}

func (s *sessionStore) Exclusive(ctx context.Context, _ ...string) (driver.Session, error) {
	if s.closing.Err() != nil && !s.bugs.outlivesStore {
		return nil, s.errClosed()
	}
	if ctx.Err() != nil && !s.bugs.ignoresEnded {
		return nil, driver.Fail(ctx.Err(), driver.NotApplied, nil)
	}
	if !s.bugs.unbounded {
		ended := ctx.Done()
		if s.bugs.waitsForever {
			ended = nil
		}
		select {
		case s.places <- struct{}{}:
		case <-ended:
			return nil, driver.Fail(ctx.Err(), driver.NotApplied, nil)
		}
	}
	session := &fakeSession{store: s, state: &sessionState{watched: map[string]string{}}}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bugs.reusesAll && s.left != nil {
		session.state = s.left
	}
	session.state.heard = len(s.messages)
	session.closing, session.close = context.WithCancel(context.Background())
	return session, nil
}

func (s *sessionStore) errClosed() error {
	kind := driver.ErrClosed
	if s.bugs.closedIsUnavailable {
		kind = driver.ErrUnavailable
	}
	return driver.Fail(kind, driver.NotApplied, nil)
}

func (s *sessionStore) Get(ctx context.Context, keys []string, dst []driver.Value) error {
	if s.bugs.holdsUp {
		s.waiting.Lock()
		defer s.waiting.Unlock()
	}
	return s.correct.Get(ctx, keys, dst)
}

func (s *sessionStore) Disconnect() { s.close() }

func (s *sessionStore) Close() error {
	s.close()
	return s.correct.Close()
}

// A fakeSession runs a command when its reply is received.
type fakeSession struct {
	store   *sessionStore
	state   *sessionState
	closing context.Context
	close   context.CancelFunc
	ended   error
}

func (s *fakeSession) Err() error {
	switch {
	case s.closing.Err() != nil && !s.store.bugs.closedWorks && s.ended == nil:
		return driver.Fail(driver.ErrClosed, driver.NotApplied, nil)
	case s.store.closing.Err() != nil && !s.store.bugs.outlivesStore && s.ended == nil:
		return s.store.errClosed()
	}
	return s.ended
}

func (s *fakeSession) begin(ctx context.Context) error {
	if ctx.Err() != nil && !s.store.bugs.ignoresEnded {
		return driver.Fail(ctx.Err(), driver.NotApplied, nil)
	}
	return s.Err()
}

func (s *fakeSession) Do(ctx context.Context, cmds []*driver.Cmd, how driver.How) error {
	if err := s.begin(ctx); err != nil || len(cmds) == 0 {
		return err
	}
	if how == driver.Atomic {
		changed := false
		for key, before := range s.state.watched {
			now, _ := (&subject{store: s.store.correct}).get(key)
			changed = changed || now != before
		}
		s.state.watched = map[string]string{}
		if changed && !s.store.bugs.ignoresConflict {
			return driver.Fail(driver.ErrConflict, driver.NotApplied, nil)
		}
		return s.store.correct.Do(context.Background(), cmds, how)
	}
	for _, cmd := range cmds {
		if err := s.run(ctx, cmd); err != nil {
			if ctx.Err() != nil && !s.store.bugs.leftGoesOn {
				s.ended = driver.Fail(driver.ErrUnavailable, driver.NotApplied, nil)
			}
			return err
		}
		if cmd.Err != nil && s.store.bugs.refusalEnds {
			s.ended = driver.Fail(driver.ErrUnavailable, driver.NotApplied, cmd.Err)
		}
	}
	return nil
}

func (s *fakeSession) run(ctx context.Context, cmd *driver.Cmd) error {
	switch cmd.Name {
	case "WATCH":
		s.state.watched[cmd.Key()], _ = (&subject{store: s.store.correct}).get(cmd.Key())
	case "PUBLISH":
		s.store.mu.Lock()
		defer s.store.mu.Unlock()
		s.store.messages = append(s.store.messages, message{cmd.Args[0].Text, string(cmd.Args[1].Data)})
	case "BLPOP":
		return s.pop(ctx, cmd)
	default:
		return s.store.correct.Do(context.Background(), []*driver.Cmd{cmd}, driver.Plain)
	}
	return nil
}

// wait calls try until it reports true, or something has ended.
func (s *fakeSession) wait(ctx context.Context, outcome driver.Outcome, try func() bool) error {
	for !try() {
		select {
		case <-time.After(time.Millisecond):
		case <-ctx.Done():
			return driver.Fail(ctx.Err(), outcome, nil)
		case <-s.closing.Done():
			return driver.Fail(driver.ErrClosed, outcome, nil)
		}
		if s.store.over.Err() != nil || s.store.closing.Err() != nil && !s.store.bugs.outlivesStore {
			err, _ := errors.AsType[*driver.Error](s.store.errClosed())
			return driver.Fail(err.Kind, outcome, nil)
		}
	}
	return nil
}

func (s *fakeSession) pop(ctx context.Context, cmd *driver.Cmd) error {
	if s.store.bugs.holdsUp {
		s.store.waiting.RLock()
		defer s.store.waiting.RUnlock()
	}
	outcome := driver.Unknown
	if s.store.bugs.leftIsNotApplied {
		outcome = driver.NotApplied
	}
	return s.wait(ctx, outcome, func() bool {
		pop := driver.NewCmd("LPOP", driver.Key(cmd.Key()))
		if err := s.store.correct.Do(context.Background(), []*driver.Cmd{pop}, driver.Plain); err != nil || pop.Reply.IsNil() {
			return false
		}
		cmd.Reply = driver.ArrayReply(driver.DataReply([]byte(cmd.Key())), pop.Reply)
		return true
	})
}

func (s *fakeSession) Send(ctx context.Context, cmds []*driver.Cmd) error {
	if err := s.begin(ctx); err != nil {
		return err
	}
	for _, cmd := range cmds {
		s.state.sent = append(s.state.sent, driver.NewCustomCmd(cmd.Name, slices.Clone(cmd.Args)...))
	}
	return nil
}

func (s *fakeSession) Receive(ctx context.Context) (driver.Incoming, error) {
	if err := s.begin(ctx); err != nil {
		return driver.Incoming{}, err
	}
	if len(s.state.sent) == 0 {
		return s.message(ctx)
	}
	cmd := s.state.sent[0]
	if cmd.Name == "SUBSCRIBE" {
		s.state.sent = s.state.sent[1:]
		s.state.confirmed = append(s.state.confirmed, cmd.Args[0].Text)
		return driver.Incoming{Pushed: true, Reply: driver.ArrayReply(driver.DataReply([]byte("subscribe")), driver.DataReply([]byte(cmd.Args[0].Text)), driver.IntReply(1))}, nil
	}
	err := s.run(ctx, cmd)
	if err == nil || s.store.bugs.dropsReply {
		s.state.sent = s.state.sent[1:]
	}
	if err != nil && s.store.bugs.endEnds {
		s.ended = driver.Fail(driver.ErrUnavailable, driver.NotApplied, nil)
	}
	if err == nil {
		err = cmd.Err
	}
	return driver.Incoming{Reply: cmd.Reply}, err
}

func (s *fakeSession) message(ctx context.Context) (in driver.Incoming, err error) {
	err = s.wait(ctx, driver.NotApplied, func() bool {
		s.store.mu.Lock()
		defer s.store.mu.Unlock()
		for s.state.heard < len(s.store.messages) {
			m := s.store.messages[s.state.heard]
			s.state.heard++
			if slices.Contains(s.state.confirmed, m.channel) {
				in = driver.Incoming{Pushed: !s.store.bugs.pushedIsReply, Reply: driver.ArrayReply(
					driver.DataReply([]byte("message")), driver.DataReply([]byte(m.channel)), driver.DataReply([]byte(m.text)))}
				return true
			}
		}
		return false
	})
	return in, err
}

func (s *fakeSession) Close() error {
	select {
	case <-s.closing.Done():
		return nil
	default:
	}
	s.close()
	s.store.mu.Lock()
	s.store.left = s.state
	s.store.mu.Unlock()
	if !s.store.bugs.unbounded && !s.store.bugs.keepsPlaces {
		<-s.store.places
	}
	if s.store.bugs.popsOn && len(s.state.sent) > 0 {
		go s.popOn(s.state.sent[0])
	}
	return nil
}

// popOn continues a pop until the store is closed, or the test is over.
func (s *fakeSession) popOn(cmd *driver.Cmd) {
	for s.store.closing.Err() == nil && s.store.over.Err() == nil {
		pop := driver.NewCmd("LPOP", driver.Key(cmd.Key()))
		_ = s.store.correct.Do(context.Background(), []*driver.Cmd{pop}, driver.Plain)
		time.Sleep(time.Millisecond)
	}
}
