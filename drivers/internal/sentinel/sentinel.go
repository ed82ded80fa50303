// Package sentinel is a store on a primary that sentinels watch, and may replace. The store
// learns the primary from the sentinels. The package is written over package node, once for
// all drivers whose servers have sentinels.
//
// A watcher asks all sentinels once a second. The watcher asks at once when a sentinel
// tells of a new primary, and when calls fail in the way of calls at a former primary.
// The messages of sentinels only make the watcher ask, so that no message is needed.
package sentinel

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/node"
	"github.com/xcache-go/xcache/drivers/internal/operations"
	"github.com/xcache-go/xcache/drivers/internal/replicated"
	"github.com/xcache-go/xcache/drivers/internal/settings"
)

// Open returns a store on the primary that sentinels watch, and on its replicas if reads
// go there. Open does no I/O: the first call asks the sentinels.
func Open(s *settings.Sentinel, open node.Open) driver.Store {
	store := &Store{watcher: newWatcher(s, open)}
	store.Operations = operations.On(store)
	if s.Reads == settings.Primary {
		return store
	}
	reader := replicated.Over(store, s.Reads, func(s *settings.Settings) driver.Store { return open(s) })
	reader.Discover = store.watcher.firstPoll
	store.watcher.replicas = reader.SetReplicas
	return reader
}

// A Store sends every call to the current primary. A call that failed there, and has
// changed nothing, is sent again to the next primary, within its deadline.
type Store struct {
	operations.Operations
	watcher *watcher
}

// Get implements driver.Store.
func (s *Store) Get(ctx context.Context, keys []string, dst []driver.Value) error {
	if len(keys) == 0 {
		return nil
	}
	return s.run(ctx, &operation{kind: get, keys: keys, dst: dst})
}

// Set implements driver.Store.
func (s *Store) Set(ctx context.Context, entries []driver.Entry) error {
	if len(entries) == 0 {
		return nil
	}
	return s.run(ctx, &operation{kind: set, entries: entries})
}

// Delete implements driver.Store.
func (s *Store) Delete(ctx context.Context, keys []string) (int, error) {
	if len(keys) == 0 {
		return 0, nil
	}
	r := operation{kind: remove, keys: keys}
	err := s.run(ctx, &r)
	return r.removed, err
}

// Locate implements driver.Locator: the current primary, whatever the key is.
func (s *Store) Locate(string) string {
	if p := s.watcher.current.Load(); p != nil {
		return p.addr
	}
	return ""
}

// Commands implements driver.Commander.
func (s *Store) Commands() driver.CommandSet { return s.watcher.template.Commands() }

// Do implements driver.Commander.
func (s *Store) Do(ctx context.Context, cmds []*driver.Cmd, how driver.How) error {
	if len(cmds) == 0 {
		return nil
	}
	return s.run(ctx, &operation{kind: commands, cmds: cmds, how: how})
}

// errReplaced is the cause of the failures of calls at a primary that was replaced
// meanwhile.
var errReplaced = errors.New("another server has become the primary")

// Scan implements driver.Scanner. A scan stays with one server, and fails when the server
// is replaced: a cursor means nothing to another server.
func (s *Store) Scan(ctx context.Context, pattern string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		primary, err := s.watcher.enter(ctx)
		if err != nil {
			yield("", err)
			return
		}
		defer primary.gate.Leave()
		for key, err := range primary.node.Scan(ctx, pattern) {
			switch {
			case err != nil:
				err = s.watcher.translate(err)
				s.watcher.noteFailure(primary, err)
				yield("", err)
				return
			case s.watcher.replaced(primary):
				yield("", driver.Fail(driver.ErrUnavailable, driver.NotApplied, errReplaced))
				return
			case !yield(key, nil):
				return
			}
		}
		if s.watcher.replaced(primary) { // after the last key, or there was none
			yield("", driver.Fail(driver.ErrUnavailable, driver.NotApplied, errReplaced))
		}
	}
}

// Limits implements driver.Limiter.
func (s *Store) Limits() driver.Limits {
	limits := s.watcher.template.Limits()
	limits.CallTimeout = s.watcher.timeout
	return limits
}

// Disconnect implements driver.Disconnector.
func (s *Store) Disconnect() { s.watcher.disconnect() }

// Close ends the watch, and closes the connections to all servers.
func (s *Store) Close() error { return s.watcher.close() }

// String has the sentinels, their name of the primary, and the address of the primary if
// known.
func (s *Store) String() string {
	w := s.watcher.settings
	shared := w.Shared()
	text := fmt.Sprintf("%s store on the primary %s of sentinels %s, database %d", shared.Driver, w.Master, strings.Join(w.Addrs, ","), shared.DB)
	if p := s.watcher.current.Load(); p != nil {
		text += ", now at " + p.addr
	}
	return text
}

// Format writes the text of String for every verb: the fields hold passwords.
func (s *Store) Format(f fmt.State, verb rune) {
	fmt.Fprintf(f, fmt.FormatString(f, verb), s.String())
}
