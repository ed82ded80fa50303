// Package replicated is a store on a primary and its replicas. Writes go to the primary,
// reads to a replica. The package is written over driver.Store, once for all drivers whose
// servers replicate.
package replicated

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/node"
	"github.com/xcache-go/xcache/drivers/internal/settings"
	"github.com/xcache-go/xcache/drivers/internal/status"
)

// A Store reads from a random replica that answers. A read that one replica
// fails goes to another replica and, unless the settings forbid that, to
// the primary.
//
// All other calls go to the primary: writes, reads that also write, pings, messages and
// scans. A scan stays with one server, because a cursor means nothing to another
// server; the primary has all keys that a caller may want to delete.
type Store struct {
	// Discover, if set, looks for replicas and calls SetReplicas. A read that finds no
	// replicas calls Discover and waits for the result. Discover does not change after
	// the first read.
	Discover func(context.Context) error

	primary     *server
	caps        driver.Caps // of the primary
	replicas    atomic.Pointer[[]*server]
	readPrimary bool // when no replica answers
	// timeout bounds a call without a deadline.
	timeout time.Duration
	open    func(*settings.Settings) driver.Store
	closing sync.WaitGroup // goroutines that close former replicas
	// disconnecting is closed by Disconnect.
	disconnecting chan struct{}
	disconnect    sync.Once
}

// Open returns a store on servers. The function open makes the store of each server: of
// the primary at once, of a replica before the first read there. The result is the
// primary's own store if reads go to the primary.
//
// A replica has half the time of a call by its settings, so that time is left to ask
// another server. The only server to ask has all of the time.
func Open(servers *settings.Servers, open func(*settings.Settings) driver.Store) driver.Store {
	primary := servers.Each[0]
	if len(servers.Each) == 1 || servers.Reads == settings.Primary {
		return open(primary)
	}
	s := newStore(newServer(primary, open), servers.Reads, primary.OpTimeout, open)
	var replicas []*server
	for _, replica := range servers.Each[1:] {
		replicas = append(replicas, s.newReplica(replica, len(servers.Each)-1))
	}
	s.replicas.Store(&replicas)
	return s
}

// Over returns a store on a primary with a store of its own, and on the replicas of
// SetReplicas. Close closes the store of the primary, too.
func Over(primary driver.Store, reads settings.Reads, open func(*settings.Settings) driver.Store) *Store {
	first := &server{
		health: health{epoch: time.Now()},
		gate:   node.NewGate(),
		open:   func() driver.Store { return primary },
	}
	s := newStore(first, reads, driver.CapsOf(primary).Limits.CallTimeout, open)
	s.replicas.Store(new([]*server))
	return s
}

func newStore(primary *server, reads settings.Reads, timeout time.Duration, open func(*settings.Settings) driver.Store) *Store {
	return &Store{
		primary:     primary,
		caps:        primary.connected().caps,
		readPrimary: reads == settings.PreferReplica,
		timeout:     timeout,
		open:        open,

		disconnecting: make(chan struct{}),
	}
}

// SetReplicas replaces the replicas. Replicas that stay keep their connections. A replica
// that goes is closed after its last read has returned. SetReplicas may be called
// concurrently with all methods but itself and Close.
func (s *Store) SetReplicas(replicas []*settings.Settings) {
	before := *s.replicas.Load()
	after := make([]*server, 0, len(replicas))
	for _, replica := range replicas {
		at := slices.IndexFunc(before, func(known *server) bool { return known.addr == replica.Addr })
		if at >= 0 {
			after = append(after, before[at])
		} else {
			after = append(after, s.newReplica(replica, len(replicas)))
		}
	}
	s.replicas.Store(&after)
	for _, known := range before {
		if slices.Contains(after, known) {
			continue
		}
		idle := known.gate.Shut()
		s.closing.Go(func() {
			select {
			case <-idle:
			case <-s.disconnecting:
				known.disconnect()
				<-idle
			}
			_ = known.close() // no caller is left who could be told
		})
	}
}

// Caps implements driver.Capable. There is no Tracker: a near cache that drops a value
// after a change must not read the old value back from a replica.
func (s *Store) Caps() driver.Caps {
	caps := driver.Caps{
		Counter:    s.caps.Counter,
		Swapper:    s.caps.Swapper,
		Mover:      s.caps.Mover,
		Scanner:    s.caps.Scanner,
		Flusher:    s.caps.Flusher,
		Pinger:     s.caps.Pinger,
		Subscriber: s.caps.Subscriber,
		Replicated: s,
		Locator:    s.caps.Locator,
		Limits:     s.caps.Limits,
	}
	if s.caps.Disconnector != nil {
		caps.Disconnector = s
	}
	if s.caps.Inspector != nil {
		caps.Inspector = s
	}
	caps.Exclusive, caps.Watcher = s.caps.Exclusive, s.caps.Watcher // at the primary
	if s.caps.Commander != nil {
		caps.Commander = s
	}
	if s.caps.Expirer != nil {
		caps.Expirer = s
	}
	return caps
}

// Primary implements driver.Replicated.
func (s *Store) Primary() driver.Store { return s.primary.connected().store }

// Get implements driver.Store.
func (s *Store) Get(ctx context.Context, keys []string, dst []driver.Value) error {
	return s.read(ctx, &query{kind: get, keys: keys, dst: dst})
}

// Set implements driver.Store.
func (s *Store) Set(ctx context.Context, entries []driver.Entry) error {
	return s.Primary().Set(ctx, entries)
}

// Delete implements driver.Store.
func (s *Store) Delete(ctx context.Context, keys []string) (int, error) {
	return s.Primary().Delete(ctx, keys)
}

// GetTTL implements driver.Expirer.
func (s *Store) GetTTL(ctx context.Context, keys []string, dst []driver.Value) error {
	return s.read(ctx, &query{kind: getTTL, keys: keys, dst: dst})
}

// TTL implements driver.Expirer.
func (s *Store) TTL(ctx context.Context, keys []string, dst []driver.Value) error {
	return s.read(ctx, &query{kind: ttl, keys: keys, dst: dst})
}

// Expire implements driver.Expirer.
func (s *Store) Expire(ctx context.Context, entries []driver.Entry) error {
	return s.caps.Expirer.Expire(ctx, entries)
}

// Commands implements driver.Commander.
func (s *Store) Commands() driver.CommandSet { return s.caps.Commander.Commands() }

// Do implements driver.Commander. A batch goes to one server: to a replica if all its
// commands only read keys.
func (s *Store) Do(ctx context.Context, cmds []*driver.Cmd, how driver.How) error {
	if len(cmds) == 0 || !onlyReads(cmds) {
		return s.caps.Commander.Do(ctx, cmds, how)
	}
	return s.read(ctx, &query{kind: commands, cmds: cmds, how: how})
}

func onlyReads(cmds []*driver.Cmd) bool {
	for _, c := range cmds {
		if row := c.Command(); !row.AtReplica() || row.Keys == driver.NoKey {
			return false
		}
	}
	return true
}

// Disconnect implements driver.Disconnector.
func (s *Store) Disconnect() {
	s.disconnect.Do(func() { close(s.disconnecting) })
	s.primary.disconnect()
	for _, replica := range *s.replicas.Load() {
		replica.disconnect()
	}
}

// Close closes the stores of all servers.
func (s *Store) Close() error {
	errs := []error{s.primary.close()}
	s.closing.Wait()
	for _, replica := range *s.replicas.Load() {
		errs = append(errs, replica.close())
	}
	return errors.Join(errs...)
}

// String names the primary as its own store does, and the replicas.
func (s *Store) String() string {
	var replicas []string
	for _, replica := range *s.replicas.Load() {
		replicas = append(replicas, replica.addr)
	}
	if len(replicas) == 0 {
		return fmt.Sprintf("%v, without replicas", s.Primary())
	}
	return fmt.Sprintf("%v, with replicas %s", s.Primary(), strings.Join(replicas, ","))
}

// Format writes the text of String for every verb: the fields hold a password.
func (s *Store) Format(f fmt.State, verb rune) {
	fmt.Fprintf(f, fmt.FormatString(f, verb), s.String())
}

// A server is a primary or a replica, with a store of its own after the first use.
type server struct {
	addr string
	// status describes the connections to a replica; nil for a primary.
	status *status.Server
	health health
	gate   *node.Gate
	open   func() driver.Store
	// whole tells that the store of a replica allows all of the time of a call, and not half
	// of it. Replicas may come and go afterwards.
	whole bool
	// disconnecting is that of the Store; nil for a primary.
	disconnecting <-chan struct{}

	mu     sync.Mutex // orders opening
	opened atomic.Pointer[connected]
}

// connected is the store of one server, and its capabilities.
type connected struct {
	store driver.Store
	caps  driver.Caps
}

func newServer(s *settings.Settings, open func(*settings.Settings) driver.Store) *server {
	return &server{
		addr:   s.Addr,
		health: health{epoch: time.Now()},
		gate:   node.NewGate(),
		open:   func() driver.Store { return open(s) },
	}
}

// newReplica returns one of a number of replicas. Disconnect of the Store disconnects the
// replica.
func (s *Store) newReplica(settings *settings.Settings, replicas int) *server {
	whole := replicas == 1 && !s.readPrimary
	if !whole {
		half := *settings
		half.OpTimeout /= 2
		settings = &half
	}
	replica := newServer(settings, s.open)
	replica.whole = whole
	replica.status = settings.Status
	replica.disconnecting = s.disconnecting
	return replica
}

func (s *server) connected() *connected {
	if c := s.opened.Load(); c != nil {
		return c
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.opened.Load(); c != nil {
		return c
	}
	store := s.open()
	c := &connected{store, driver.CapsOf(store)}
	s.opened.Store(c)
	select {
	case <-s.disconnecting:
		c.disconnect()
	default:
	}
	return c
}

// disconnect ends the calls under way, for good.
func (s *server) disconnect() {
	if c := s.opened.Load(); c != nil {
		c.disconnect()
	}
}

func (c *connected) disconnect() {
	if c.caps.Disconnector != nil {
		c.caps.Disconnector.Disconnect()
	}
}

func (s *server) close() error {
	if c := s.opened.Load(); c != nil {
		return c.store.Close()
	}
	return nil
}
