package sentinel_test

import (
	"context"
	"errors"
	"iter"
	"net"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/node"
	"github.com/xcache-go/xcache/drivers/internal/sentinel"
	"github.com/xcache-go/xcache/drivers/internal/settings"
)

// The tests of the drivers run against real servers. The tests here are about time, and
// about sentinels with outdated knowledge, which real sentinels soon correct.

var (
	errRefused  = driver.Fail(driver.ErrUnavailable, driver.NotApplied, errors.New("refused")).Retryable()
	errLost     = driver.Fail(driver.ErrUnavailable, driver.Unknown, errors.New("lost")).Retryable()
	errLoading  = driver.Fail(driver.ErrUnavailable, driver.NotApplied, errors.New("LOADING")).Retryable()
	errReadOnly = driver.Fail(driver.ErrReadOnly, driver.NotApplied, errors.New("READONLY")).Retryable()
	errNoPerm   = driver.Fail(driver.ErrAuth, driver.NotApplied, errors.New("NOPERM"))
)

// A world has servers and sentinels, by address.
type world struct {
	mu    sync.Mutex
	hosts map[string]*host
	now   func() time.Time
}

// A host is a server or a sentinel. Its fields are changed with the world locked.
type host struct {
	addr   string
	err    error // the error of all requests
	silent bool
	delay  time.Duration // before each reply

	// Of a server:
	role  string
	fates []error // the errors of the next requests; after these the host obeys
	calls int
	open  int // number of open nodes
	cut   int // number of nodes that were disconnected before Close

	// record is empty for the primary itself
	primary, record string // record is empty if it is the primary
	epoch           int
	id              string
	knows           []string // other sentinels
	denies          string   // a command without permission
	listeners       []chan string
	heard           int // number of subscriptions, and of attempts
}

func newWorld(hosts ...*host) *world {
	w := &world{hosts: map[string]*host{}, now: time.Now}
	for _, h := range hosts {
		w.hosts[h.addr] = h
	}
	return w
}

// do runs f with the world locked.
func (w *world) do(f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f()
}

// tell publishes a message of a sentinel. The world is locked.
func (h *host) tell(message string) {
	for _, l := range h.listeners {
		l <- message
	}
}

// hangUp ends all subscriptions at a sentinel. The world is locked.
func (h *host) hangUp() {
	for _, l := range h.listeners {
		close(l)
	}
	h.listeners = nil
}

func server(addr, role string) *host { return &host{addr: addr, role: role} }

func watching(addr, primary string, epoch int) *host {
	return &host{addr: addr, primary: primary, epoch: epoch, id: "id of " + addr}
}

// open opens a store on the primary m.
func (w *world) open(t testing.TB, sentinels, query string) driver.Store {
	t.Helper()
	dsn, err := driver.ParseDSN("redis+sentinel://" + sentinels + "?master=m" + query)
	require.NoError(t, err)
	dsn.OpTimeout = dsn.Duration("op_timeout", 3*time.Second) // as in the core
	s, err := settings.ReadSentinel(dsn)
	require.NoError(t, err)
	return sentinel.Open(s, func(s *settings.Settings) node.Node {
		w.mu.Lock()
		defer w.mu.Unlock()
		h := w.hosts[s.Addr]
		if h == nil {
			h = &host{addr: s.Addr, err: errRefused}
			w.hosts[s.Addr] = h
		}
		h.open++
		return &fakeNode{world: w, host: h, timeout: s.OpTimeout, cut: make(chan struct{})}
	})
}

// A fakeNode is the driver's node of a host.
type fakeNode struct {
	world   *world
	host    *host
	timeout time.Duration
	cut     chan struct{}
	once    sync.Once
}

// awaitReply waits while the host is silent, and returns the error of the host.
func (n *fakeNode) awaitReply(ctx context.Context) error {
	n.world.mu.Lock()
	silent, delay, err := n.host.silent, n.host.delay, n.host.err
	n.world.mu.Unlock()
	if delay > 0 {
		time.Sleep(delay)
	}
	if !silent {
		return err
	}
	timer := time.NewTimer(n.timeout)
	defer timer.Stop()
	select {
	case <-timer.C:
		return driver.Fail(driver.ErrUnavailable, driver.Unknown, context.DeadlineExceeded)
	case <-ctx.Done():
		if errors.Is(ctx.Err(), context.Canceled) {
			return driver.Fail(context.Canceled, driver.Unknown, nil)
		}
		return driver.Fail(driver.ErrUnavailable, driver.Unknown, ctx.Err())
	case <-n.cut:
		return driver.Fail(driver.ErrClosed, driver.Unknown, nil)
	}
}

// nextError returns the result of the next request to the host.
func (n *fakeNode) nextError() (err error) {
	n.world.do(func() {
		n.host.calls++
		if len(n.host.fates) > 0 {
			err, n.host.fates = n.host.fates[0], n.host.fates[1:]
		}
	})
	return err
}

func (n *fakeNode) Get(ctx context.Context, _ []string, dst []driver.Value) error {
	if err := n.awaitReply(ctx); err != nil {
		return err
	}
	for i := range dst {
		dst[i] = driver.Value{Data: []byte(n.host.addr), Err: n.nextError()}
	}
	return nil
}

func (n *fakeNode) Set(ctx context.Context, entries []driver.Entry) error {
	if err := n.awaitReply(ctx); err != nil {
		return err
	}
	for i := range entries {
		entries[i].Err = n.nextError()
	}
	return nil
}

func (n *fakeNode) DeleteApart(ctx context.Context, keys []string) (int, error, error) {
	removed, err := n.Delete(ctx, keys)
	return removed, err, err
}

func (n *fakeNode) Delete(ctx context.Context, keys []string) (int, error) {
	if err := n.awaitReply(ctx); err != nil {
		return 0, err
	}
	if err := n.nextError(); err != nil {
		return 0, err
	}
	return len(keys), nil
}

func (n *fakeNode) Do(ctx context.Context, cmds []*driver.Cmd, how driver.How) error {
	if err := n.awaitReply(ctx); err != nil {
		return err
	}
	if how == driver.Atomic {
		return n.nextError()
	}
	for _, c := range cmds {
		c.Reply, c.Err = driver.DataReply([]byte(n.host.addr)), n.nextError()
	}
	return nil
}

func (n *fakeNode) DoAsking(context.Context, []*driver.Cmd, driver.How) error {
	return errors.ErrUnsupported
}

func (n *fakeNode) Commands() driver.CommandSet { return driver.NewCommandSet("GET", "SET") }
func (n *fakeNode) Limits() driver.Limits       { return driver.Limits{ValueSize: 7, CallTimeout: n.timeout} }
func (n *fakeNode) Now() time.Time              { return n.world.now() }

func (n *fakeNode) Disconnect() {
	n.once.Do(func() {
		close(n.cut)
		n.world.do(func() { n.host.cut++ })
	})
}

func (n *fakeNode) Close() error {
	n.once.Do(func() { close(n.cut) })
	n.world.do(func() { n.host.open-- })
	return nil
}

// scannedKeys is how many keys each server has.
const scannedKeys = 100

func (n *fakeNode) Scan(ctx context.Context, _ string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for i := range scannedKeys {
			if err := n.awaitReply(ctx); err != nil {
				yield("", err)
				return
			}
			if !yield(strconv.Itoa(i), nil) {
				return
			}
		}
	}
}

func (n *fakeNode) Query(ctx context.Context, words ...string) (driver.Reply, error) {
	if err := n.awaitReply(ctx); err != nil {
		return driver.Reply{}, err
	}
	n.world.mu.Lock()
	defer n.world.mu.Unlock()
	h := n.host
	command := words[0]
	if command == "SENTINEL" {
		command = words[1]
	}
	if h.denies == command {
		return driver.Reply{}, errNoPerm
	}
	switch command {
	case "ROLE":
		return list(h.role), nil
	case "HELLO":
		return list("server", "redis", "role", h.role), nil
	case "GET-MASTER-ADDR-BY-NAME":
		if h.primary == "" || words[2] != "m" {
			return driver.Reply{}, nil
		}
		ip, port, _ := net.SplitHostPort(h.primary)
		return list(ip, port), nil
	case "MASTER":
		record := h.record
		if record == "" {
			record = h.primary
		}
		ip, port, _ := net.SplitHostPort(record)
		return list("ip", ip, "port", port, "flags", "master", "config-epoch", strconv.Itoa(h.epoch)), nil
	case "MASTERS":
		return driver.ArrayReply(list("name", "other")), nil
	case "MYID":
		return driver.DataReply([]byte(h.id)), nil
	case "SENTINELS":
		var others []driver.Reply
		for _, addr := range h.knows {
			ip, port, _ := net.SplitHostPort(addr)
			others = append(others, list("ip", ip, "port", port, "flags", "sentinel", "runid", n.world.hosts[addr].id))
		}
		return driver.ArrayReply(others...), nil
	}
	return driver.Reply{}, errors.New("unexpected " + command)
}

// Exclusive implements node.Exclusive. Sessions only listen.
func (n *fakeNode) Exclusive(context.Context, ...string) (driver.Session, error) {
	session := &fakeSession{host: n.host, world: n.world, messages: make(chan string, 1)}
	var err error
	n.world.do(func() {
		n.host.heard++
		err = n.host.err
	})
	return session, err
}

func (*fakeNode) EndSessions(*driver.Error, func(string) bool) {}

func (*fakeNode) Sessions() int { return 0 }

// A fakeSession listens to a sentinel.
type fakeSession struct {
	driver.Session
	host      *host
	world     *world
	messages  chan string
	confirmed int
}

func (s *fakeSession) Send(context.Context, []*driver.Cmd) error {
	var err error
	s.world.do(func() {
		if s.host.denies == "SUBSCRIBE" {
			err = errNoPerm
		} else {
			s.host.listeners = append(s.host.listeners, s.messages)
		}
	})
	return err
}

func (s *fakeSession) Receive(ctx context.Context) (driver.Incoming, error) {
	if s.confirmed < 2 {
		s.confirmed++
		return driver.Incoming{Pushed: true, Reply: list("subscribe", "channel", "1")}, nil
	}
	select {
	case message, ok := <-s.messages:
		if !ok {
			return driver.Incoming{}, errLost
		}
		return driver.Incoming{Pushed: true, Reply: list("message", "channel", message)}, nil
	case <-ctx.Done():
		return driver.Incoming{}, ctx.Err()
	}
}

func (s *fakeSession) Close() error {
	s.world.do(func() {
		s.host.listeners = slices.DeleteFunc(s.host.listeners, func(l chan string) bool { return l == s.messages })
	})
	return nil
}

func list(words ...string) driver.Reply {
	var r driver.Reply
	r.Kind = driver.ReplyArray
	for _, word := range words {
		r.Items = append(r.Items, driver.DataReply([]byte(word)))
	}
	return r
}
