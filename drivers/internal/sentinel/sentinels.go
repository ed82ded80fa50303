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

// sentinels are the sentinels of the DSN, and further sentinels that other
// sentinels know. The watcher's goroutine owns the list.
type sentinels struct {
	settings *settings.Sentinel
	open     node.Open
	list     []*sentinel
}

// A sentinel is one of the sentinels, with the connections to that sentinel.
type sentinel struct {
	addr   string
	id     atomic.Pointer[string] // nil while the ID is not known
	named  bool                   // in the DSN
	node   node.Node
	status *status.Server
	busy   atomic.Bool // the last question has no answer yet
	// listener is nil before listen.
	listener *listener
	// peersIn is how many polls are left until the sentinel is asked for the other
	// sentinels again. The goroutine that asks the sentinel owns peersIn.
	peersIn int
}

// peersInterval is the number of polls after which a sentinel is asked for the other
// sentinels again.
const peersInterval = 10

// An answer is the answer of one sentinel in a poll.
type answer struct {
	sentinel string // its address
	err      error  // why the sentinel says nothing
	// primary is the address of the primary, empty if the sentinel does not know the
	// name.
	primary string
	// epoch counts the failovers that have led to this primary; 0 if the sentinel
	// does not tell.
	epoch int64
	// down tells that the sentinel gets no answers from the primary, or is replacing the
	// primary.
	down bool
	// masters are the names that the sentinel knows, if the right name is not
	// among them.
	masters []string
	// replicas are the addresses of healthy replicas; nil if nobody asked for them.
	replicas []string
	// others are the other healthy sentinels; nil if nobody asked for them.
	others []peer
}

// A peer is a sentinel that another sentinel knows.
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

// ask asks all sentinels at the same time. ask returns the channel of their answers,
// and how many answers there will be. A poll that has heard enough does not wait for a
// slow sentinel; nobody gets the late answer. Such a sentinel is busy, and is not asked
// again before its answer.
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
	// The server may refuse the other questions, which are less important.
	if reply, err = s.node.Query(ctx, "SENTINEL", "MASTER", master); err == nil {
		record := fields(&reply)
		a.epoch, a.down = epochOf(record, a.primary), !isHealthy(record)
	}
	if s.id.Load() == nil {
		if reply, err = s.node.Query(ctx, "SENTINEL", "MYID"); err == nil {
			id := text(&reply)
			s.id.Store(&id)
		}
	}
	if s.peersIn--; s.peersIn < 0 {
		if a.others = s.others(ctx, master); a.others != nil {
			s.peersIn = peersInterval
		}
	}
	if !replicas {
		return a
	}
	a.replicas = s.replicas(ctx, master)
	return a
}

// replicas returns the healthy replicas: the replicas that are connected to the primary.
// If the primary is down and no replica is connected, the replicas that answer are
// healthy. A replica that has just started is not connected yet, and has no data.
func (s *sentinel) replicas(ctx context.Context, master string) []string {
	reply, err := s.node.Query(ctx, "SENTINEL", "REPLICAS", master)
	if err != nil {
		return nil
	}
	connected, answering := []string{}, []string{}
	for i := range reply.Items {
		replica := fields(&reply.Items[i])
		if !isHealthy(replica) {
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

// others returns the other sentinels that a sentinel knows and takes for healthy.
func (s *sentinel) others(ctx context.Context, master string) (others []peer) {
	reply, err := s.node.Query(ctx, "SENTINEL", "SENTINELS", master)
	if err != nil {
		return nil
	}
	for i := range reply.Items {
		if other := fields(&reply.Items[i]); isHealthy(other) {
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

// epochOf returns the epoch of the failover that made a server the primary. During a
// failover, the sentinel that carries out the failover names another server than its
// record has. The record gets the next epoch when the failover ends.
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

// isHealthy reports whether a sentinel takes a server, or another sentinel, for healthy.
func isHealthy(fields map[string]string) bool {
	for flag := range strings.SplitSeq(fields["flags"], ",") {
		switch flag {
		case "s_down", "o_down", "disconnected", "failover_in_progress":
			return false
		}
	}
	return fields["ip"] != "" && fields["port"] != ""
}

// learn updates the list by the answers of the sentinels about each other. A sentinel
// without a name in the DSN stays while another sentinel knows that sentinel. No sentinel
// is listed twice, under two addresses.
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

// is reports whether a sentinel is a peer that another sentinel has named.
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

// isKnown reports whether the sentinel at an address has answered, or is healthy for
// another sentinel.
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

// forget closes the connections to a sentinel that is not asked any more. No question
// to that sentinel is in flight.
func (s *sentinel) forget() {
	if s.listener != nil {
		s.listener.stop()
	}
	_ = s.node.Close() // a failed Close means that the connection is closed already
}

func (s *sentinels) close() error {
	var errs []error
	for _, one := range s.list {
		errs = append(errs, one.node.Close())
	}
	return errors.Join(errs...)
}

// isDenied reports whether a sentinel has refused the credentials.
func isDenied(err error) bool { return errors.Is(err, driver.ErrAuth) }

// plain returns the text of an error that becomes part of another error.
func plain(err error) string {
	if e, ok := errors.AsType[*driver.Error](err); ok {
		err = driver.Fail(e.Kind, driver.NotApplied, e.Err) // a question has no outcome
	}
	return strings.TrimPrefix(err.Error(), "xcache: ")
}
