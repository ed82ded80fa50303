package sentinel

import (
	"context"
	"errors"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/node"
	"github.com/xcache-go/xcache/drivers/internal/settings"
	"github.com/xcache-go/xcache/drivers/internal/status"
)

// sentinels are those that the DSN names, and those that these know of. They
// belong to the watcher's goroutine.
type sentinels struct {
	settings *settings.Sentinel
	open     node.Open
	list     []*sentinel
}

// A sentinel is one of them.
type sentinel struct {
	addr   string
	id     atomic.Pointer[string] // which it has itself, or is known by; nil if unknown
	named  bool                   // in the DSN
	node   node.Node
	status *status.Server
	busy   atomic.Bool // it has not answered the last time yet
	// listener is who listens to it, nil if nobody does yet.
	listener *listener
	// rest is how often it need not be asked for the others, of which it has told.
	// It belongs to the goroutine that asks.
	rest int
}

// rarely is how often a sentinel is asked for the primary until it is asked again
// for the other sentinels.
const rarely = 10

// An answer is what one sentinel says.
type answer struct {
	sentinel string // its address
	err      error  // why it says nothing
	// primary is the address of the primary, empty if it does not know the name.
	primary string
	// epoch counts the failovers that have led to this primary; 0 if it would
	// not say.
	epoch int64
	// down tells that the sentinel gets no answers from the primary, or is
	// replacing it.
	down bool
	// masters are the names it knows, if not the right one.
	masters []string
	// replicas are those that are well; nil if it was not asked.
	replicas []string
	// others are the other sentinels that are well; nil if it was not asked.
	others []peer
}

// A peer is a sentinel that another one knows.
type peer struct{ addr, id string }

func (s *sentinels) init(settings *settings.Sentinel, open node.Open) {
	s.settings, s.open = settings, open
	for _, addr := range settings.Addrs {
		s.add(addr, "").named = true
	}
}

func (s *sentinels) add(addr, id string) *sentinel {
	settings := s.settings.SentinelAt(addr)
	added := &sentinel{addr: addr, node: s.open(settings), status: settings.Status}
	if id != "" {
		added.id.Store(&id)
	}
	s.list = append(s.list, added)
	return added
}

// ask asks all sentinels at the same time, and returns where their answers are to
// be had and how many there will be. One that does not answer is not waited for
// by those who have heard enough: its answer comes too late then, and is the last
// that it is asked for until it has come.
func (s *sentinels) ask(ctx context.Context, running *sync.WaitGroup, replicas bool) (<-chan answer, int) {
	answers := make(chan answer, len(s.list))
	for _, one := range s.list {
		if one.busy.Swap(true) {
			answers <- answer{sentinel: one.addr, err: errBusy}
			continue
		}
		running.Go(func() {
			a := one.ask(ctx, s.settings.Master, replicas)
			one.busy.Store(false)
			answers <- a
		})
	}
	return answers, len(s.list)
}

// errBusy is the failure of a sentinel that has not answered the last question.
var errBusy = driver.Fail(driver.ErrUnavailable, driver.NotApplied, errors.New("no answer yet")).Retryable()

// ask asks one sentinel.
func (s *sentinel) ask(ctx context.Context, master string, replicas bool) answer {
	a := answer{sentinel: s.addr}
	reply, err := s.node.Query(ctx, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", master)
	if err != nil {
		a.err = err
		return a
	}
	if len(reply.Items) != 2 {
		a.masters = s.names(ctx)
		return a
	}
	a.primary = net.JoinHostPort(text(&reply.Items[0]), text(&reply.Items[1]))
	// What follows is good to know, and may be refused.
	if reply, err = s.node.Query(ctx, "SENTINEL", "MASTER", master); err == nil {
		record := fields(&reply)
		a.epoch, a.down = epochOf(record, a.primary), !isWell(record)
	}
	if s.id.Load() == nil {
		if reply, err = s.node.Query(ctx, "SENTINEL", "MYID"); err == nil {
			id := text(&reply)
			s.id.Store(&id)
		}
	}
	if s.rest--; s.rest < 0 {
		if a.others = s.others(ctx, master); a.others != nil {
			s.rest = rarely
		}
	}
	if !replicas {
		return a
	}
	a.replicas = s.replicas(ctx, master)
	return a
}

// replicas returns the replicas that are well: those that are connected to the
// primary or, when none is, as when that is down, those that answer. One that has
// just started has nothing yet, and would have all keys missing.
func (s *sentinel) replicas(ctx context.Context, master string) []string {
	reply, err := s.node.Query(ctx, "SENTINEL", "REPLICAS", master)
	if err != nil {
		return nil
	}
	connected, answering := []string{}, []string{}
	for i := range reply.Items {
		replica := fields(&reply.Items[i])
		if !isWell(replica) {
			continue
		}
		addr := net.JoinHostPort(replica["ip"], replica["port"])
		answering = append(answering, addr)
		if replica["master-link-status"] == "ok" {
			connected = append(connected, addr)
		}
	}
	if len(connected) > 0 {
		return connected
	}
	return answering
}

// others returns the other sentinels that one knows and thinks well of.
func (s *sentinel) others(ctx context.Context, master string) (others []peer) {
	reply, err := s.node.Query(ctx, "SENTINEL", "SENTINELS", master)
	if err != nil {
		return nil
	}
	for i := range reply.Items {
		if other := fields(&reply.Items[i]); isWell(other) {
			others = append(others, peer{net.JoinHostPort(other["ip"], other["port"]), other["runid"]})
		}
	}
	return others
}

// names returns the names of all primaries that a sentinel watches.
func (s *sentinel) names(ctx context.Context) (names []string) {
	reply, err := s.node.Query(ctx, "SENTINEL", "MASTERS")
	if err != nil {
		return nil
	}
	for i := range reply.Items {
		names = append(names, fields(&reply.Items[i])["name"])
	}
	return names
}

// epochOf returns the epoch of the failover that made a server the primary. A
// sentinel that names another server than its record has is carrying out a
// failover, and gives the record the next epoch at its end.
func epochOf(master map[string]string, primary string) int64 {
	epoch, err := strconv.ParseInt(master["config-epoch"], 10, 64)
	if err != nil {
		return 0
	}
	if net.JoinHostPort(master["ip"], master["port"]) != primary {
		epoch++
	}
	return epoch
}

// isWell reports whether a sentinel thinks well of a server or another sentinel.
func isWell(fields map[string]string) bool {
	for flag := range strings.SplitSeq(fields["flags"], ",") {
		switch flag {
		case "s_down", "o_down", "disconnected", "failover_in_progress":
			return false
		}
	}
	return fields["ip"] != "" && fields["port"] != ""
}

// learn brings the list up to date with what the sentinels say of each other. One
// that the DSN does not name is only asked as long as another one knows it, and
// none twice, under two addresses.
func (s *sentinels) learn(heard []answer, running *sync.WaitGroup) {
	told := slices.ContainsFunc(heard, func(a answer) bool { return a.others != nil })
	var kept []*sentinel
	for _, one := range s.list {
		if one.named || one.busy.Load() || !s.isDouble(one) && (!told || isKnown(one.addr, heard)) {
			kept = append(kept, one)
		} else {
			running.Go(one.forget)
		}
	}
	s.list = kept
	for i := range heard {
		for _, other := range heard[i].others {
			if !slices.ContainsFunc(s.list, func(one *sentinel) bool { return one.is(other) }) {
				s.add(other.addr, other.id)
			}
		}
	}
}

// is reports whether a sentinel is the one that another knows.
func (s *sentinel) is(p peer) bool {
	id := s.id.Load()
	return s.addr == p.addr || id != nil && *id == p.id
}

// isDouble reports whether the DSN names a sentinel under another address.
func (s *sentinels) isDouble(one *sentinel) bool {
	id := one.id.Load()
	return id != nil && slices.ContainsFunc(s.list, func(other *sentinel) bool {
		otherID := other.id.Load()
		return other.named && otherID != nil && *otherID == *id
	})
}

// isKnown reports whether a sentinel says of another one that it is well.
func isKnown(addr string, heard []answer) bool {
	for i := range heard {
		for _, other := range heard[i].others {
			if other.addr == addr || heard[i].sentinel == addr {
				return true
			}
		}
	}
	return false
}

// forget closes a sentinel that is asked no more: no question is under way.
func (s *sentinel) forget() {
	if s.listener != nil {
		s.listener.stop()
	}
	_ = s.node.Close() // what it could not close is closed already
}

func (s *sentinels) close() error {
	var errs []error
	for _, one := range s.list {
		errs = append(errs, one.node.Close())
	}
	return errors.Join(errs...)
}

// isDenied reports whether a sentinel does not accept the credentials.
func isDenied(err error) bool { return errors.Is(err, driver.ErrAuth) }

// plain returns the text of an error that becomes part of another one.
func plain(err error) string {
	if e, ok := errors.AsType[*driver.Error](err); ok {
		err = driver.Fail(e.Kind, driver.NotApplied, e.Err) // a question has no outcome
	}
	return strings.TrimPrefix(err.Error(), "xcache: ")
}
