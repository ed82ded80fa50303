package clustered

import (
	"context"
	"errors"
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/failure"
	"github.com/xcache-go/xcache/internal/keyslot"
)

// Scan implements driver.Scanner. The primaries are scanned one after the other, each
// with a cursor of its own.
//
// A scan of all primaries misses a key that moves to a primary whose scan is over. So
// slots that have moved, or are about to move, are scanned again at the end. So are the
// slots of a primary that failed, at its successor. Scan may yield a key several times.
func (s *Store) Scan(ctx context.Context, pattern string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		scan := &scan{router: s.router, ctx: ctx, pattern: pattern, yield: yield}
		if err := scan.run(); err != nil && !scan.left {
			yield("", err)
		}
	}
}

// A scan is one loop over all keys.
type scan struct {
	router  *router
	ctx     context.Context
	pattern string
	yield   func(string, error) bool
	left    bool // by the caller, with a break
	// owned are the slots that had an owner at any time of the scan. During a failover a node
	// may know of no owner, and such slots are waited for.
	owned slotSet
}

// A slotMap tells where keys are, as each primary sees itself.
type slotMap struct {
	owner [slots]*server
	// epoch is the configuration epoch of the owner, and 0 where that is not known. While
	// a slot changes hands, two primaries claim the slot. The greater epoch is right
	// then.
	epoch [slots]uint64
	// importing are the servers to which slots are moving. Such a server has some keys
	// of the slot.
	importing [slots]*server
}

// A slotSet is a set of slots.
type slotSet [slots]bool

const (
	// maxRounds is the maximum of passes over slots that move during each pass.
	maxRounds = 20
	// settling is the longest wait for a new topology between two passes.
	settling = 50 * time.Millisecond
)

var (
	// errMoving is the error of a scan of slots that move during each pass.
	errMoving = errors.New("slots of the cluster change hands faster than they can be scanned")
	// errUnowned is the error of a scan of slots that have lost their owner.
	errUnowned = errors.New("no primary has some slots of the cluster any more")
)

func (s *scan) run() error {
	if _, err := s.router.known(s.ctx); err != nil {
		return err
	}
	before, _, err := s.slotMap()
	if err != nil {
		return err
	}
	var todo *slotSet    // nil for all
	var waiting *retrier // while servers fail
	for round := range maxRounds {
		done, failure := s.scanSlots(before, todo)
		if s.left || failure != nil && !isTransient(failure) {
			return failure
		}
		after, complete, err := s.slotMap()
		if err != nil {
			return err
		}
		next, some := remaining(before, after, done, todo)
		if failure == nil && complete && !some {
			return nil
		}
		if failure == nil && !complete {
			failure = driver.Fail(driver.ErrUnavailable, driver.NotApplied, errUnowned).Retryable()
		}
		if failure == nil {
			waiting = nil
		} else if waiting == nil {
			waiting = s.router.begin(s.ctx, s.router.now())
		}
		if waiting != nil && !waiting.pause(false) {
			return waiting.expired(failure)
		}
		if failure != nil || round > 1 {
			if err := s.relearn(); err != nil {
				return err
			}
			if after, _, err = s.slotMap(); err != nil {
				return err
			}
			next, _ = remaining(before, after, done, todo)
		}
		before, todo = after, next
	}
	return driver.Fail(driver.ErrUnavailable, driver.NotApplied, errMoving)
}

// remaining returns the slots of todo for another pass: slots that are not done, and slots
// that moved during the pass or were moving. A slot that was moving is done if its
// importing server was scanned after its owner. A later move does not matter: all keys of
// the slot were yielded before.
//
// A slot may move away and back within one pass. Its owner has a new epoch then: a server
// that takes a slot makes its own epoch the greatest of the cluster.
func remaining(before, after *slotMap, done, todo *slotSet) (*slotSet, bool) {
	next, some := new(slotSet), false
	for slot := range next {
		if todo != nil && !todo[slot] {
			continue
		}
		moving := before.owner[slot] != after.owner[slot] || before.epoch[slot] != after.epoch[slot] ||
			before.importing[slot] != after.importing[slot] && after.importing[slot] != nil ||
			todo == nil && before.importing[slot] != nil
		next[slot] = !done[slot] || moving
		some = some || next[slot]
	}
	return next, some
}

// scanSlots yields the keys in the slots of todo: first from the owners, then from the
// importing servers. The results are the slots that are done, and the failure of a
// server of another slot.
func (s *scan) scanSlots(at *slotMap, todo *slotSet) (done *slotSet, failure error) {
	done = new(slotSet)
	failed := make(map[*server]bool)
	for _, from := range []*[slots]*server{&at.owner, &at.importing} {
		scanned := make(map[*server]bool)
		for slot, server := range from {
			if server == nil || todo == nil && from == &at.importing || todo != nil && !todo[slot] || scanned[server] {
				continue
			}
			scanned[server] = true
			if err := s.server(server, todo); err != nil {
				failed[server], failure = true, err
				if !isTransient(err) {
					return done, failure
				}
			}
			if s.left {
				return done, nil
			}
		}
	}
	for slot, server := range at.owner {
		done[slot] = (server != nil || !s.owned[slot]) && !failed[server] && !failed[at.importing[slot]]
	}
	return done, failure
}

// server yields the keys of one server in the slots of todo.
func (s *scan) server(server *server, todo *slotSet) error {
	if !server.gate.Enter() {
		return driver.Fail(driver.ErrUnavailable, driver.NotApplied, errGone).Retryable()
	}
	defer server.gate.Leave()
	server.scans.Add(1)
	defer server.scans.Add(-1)
	s.router.ensureWatch()
	for key, err := range server.node.Scan(s.ctx, s.pattern) {
		if err != nil {
			return s.router.reason(err)
		}
		if todo != nil && !todo[keyslot.Of(key)] {
			continue
		}
		if !s.yield(key, nil) {
			s.left = true
			return nil
		}
	}
	return nil
}

// slotMap asks every primary for its slots. The map is complete if every slot has an owner
// that had one before, or has one in the topology.
func (s *scan) slotMap() (at *slotMap, complete bool, err error) {
	at = new(slotMap)
	t := s.router.topology.Load()
	for _, server := range t.primaries() {
		reply, err := s.ask(server)
		switch {
		case err == nil:
			at.add(server, string(reply.Data))
		case s.ctx.Err() != nil:
			return nil, false, failure.OfContext(s.ctx, false)
		case errors.Is(err, driver.ErrUnavailable) && !isTransient(err):
			return nil, false, err // the server was silent for as long as a call may take
		default:
			// The server is down, or refuses the command: the topology has to do.
			for slot := range uint16(slots) {
				if t.primary(slot) == server && at.owner[slot] == nil {
					at.owner[slot] = server
				}
			}
		}
	}
	complete = true
	for slot := range uint16(slots) {
		s.owned[slot] = s.owned[slot] || at.owner[slot] != nil || t.primary(slot) != nil
		complete = complete && (at.owner[slot] != nil || !s.owned[slot])
	}
	return at, complete, nil
}

func (s *scan) ask(server *server) (reply driver.Reply, err error) {
	if !server.gate.Enter() {
		return reply, driver.Fail(driver.ErrUnavailable, driver.NotApplied, errGone).Retryable()
	}
	s.router.ensureWatch()
	reply, err = server.node.Query(s.ctx, "CLUSTER", "NODES")
	server.leave(err == nil, err)
	return reply, s.router.reason(err)
}

// add adds the slots of a server from its reply to CLUSTER NODES. The reply has a line for
// each node, with eight words and then the slots of the node. The seventh word is the
// configuration epoch. The word [5-<-ID] stands for a slot that is moving to the server.
func (at *slotMap) add(server *server, nodes string) {
	for line := range strings.Lines(nodes) {
		words := strings.Fields(line)
		if len(words) < 8 || !strings.Contains(words[2], "myself") {
			continue
		}
		epoch, _ := strconv.ParseUint(words[6], 10, 64)
		for _, word := range words[8:] {
			if word[0] == '[' {
				slot, _, importing := strings.Cut(word[1:], "-<-")
				if n, err := strconv.ParseUint(slot, 10, 14); importing && err == nil {
					at.importing[n] = server
				}
				continue
			}
			first, last, isRange := strings.Cut(word, "-")
			if !isRange {
				last = first
			}
			from, fromErr := strconv.ParseUint(first, 10, 14)
			to, toErr := strconv.ParseUint(last, 10, 14)
			for slot := from; fromErr == nil && toErr == nil && slot <= to; slot++ {
				if at.owner[slot] == nil || epoch > at.epoch[slot] {
					at.owner[slot], at.epoch[slot] = server, epoch
				}
			}
		}
	}
}

// relearn waits until the topology is learnt again, and no longer than settling.
func (s *scan) relearn() error {
	f := s.router.refresh()
	timer := time.NewTimer(settling)
	defer timer.Stop()
	var done <-chan struct{}
	if f != nil {
		done = f.done
	}
	select {
	case <-done:
	case <-timer.C:
	case <-s.ctx.Done():
		return failure.OfContext(s.ctx, false)
	}
	return nil
}
