// Package sentinel is a store on a primary that sentinels watch, and may replace:
// it asks them who the primary is, and follows. It is written over package node,
// once for all drivers whose servers have sentinels.
//
// A watcher asks all sentinels once a second, and at once when one of them says that
// it has replaced the primary, or when calls fail as they do at a server that is no
// longer one. What sentinels say unasked only makes it ask them: nothing depends on
// messages that could be missed.
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

// Open returns a store on the primary that sentinels watch, and on its replicas
// if reads go there. It does no I/O: the first call asks the sentinels.
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

// A Store sends every call to the primary of the moment. A call that failed
// there, and is known to have changed nothing, is sent again to the server that
// takes the primary's place, within its deadline.
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

// Commands implements driver.Commander.
func (s *Store) Commands() driver.CommandSet { return s.watcher.template.Commands() }

// Do implements driver.Commander.
func (s *Store) Do(ctx context.Context, cmds []*driver.Cmd, how driver.How) error {
	if len(cmds) == 0 {
		return nil
	}
	return s.run(ctx, &operation{kind: commands, cmds: cmds, how: how})
}

// errReplaced is the cause of failures of what was under way at a primary that
// another server has taken the place of.
var errReplaced = errors.New("another server has become the primary")

// Scan implements driver.Scanner. It stays with one server, and fails when that
// is replaced: a cursor means nothing to another one.
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
				s.watcher.judge(primary, err)
				yield("", err)
				return
			case s.watcher.replaced(primary):
				yield("", driver.Fail(driver.ErrUnavailable, driver.NotApplied, errReplaced))
				return
			case !yield(key, nil):
				return
			}
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

// String names the primary as the sentinels do, and these; and where it is, if that
// is known.
func (s *Store) String() string {
	w := s.watcher.settings
	shared := w.Shared()
	text := fmt.Sprintf("%s store on the primary %s of sentinels %s, database %d", shared.Driver, w.Master, strings.Join(w.Addrs, ","), shared.DB)
	if p := s.watcher.current.Load(); p != nil {
		text += ", now at " + p.addr
	}
	return text
}

// Format writes what String returns for every verb: what is inside knows
// passwords.
func (s *Store) Format(f fmt.State, verb rune) {
	fmt.Fprintf(f, fmt.FormatString(f, verb), s.String())
}
