package sentinel

import (
	"slices"
	"strings"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/status"
)

// found is the result of the last poll, for Inspect.
type found struct {
	primary   *primary // the last primary, also while that server does not answer; nil before the first
	sentinels []*sentinel
	learnt    time.Time // zero before the first poll that found the primary
	from      string    // the sentinel that named the primary then
}

// publish makes the result of a poll visible. The watcher's goroutine calls publish.
func (w *watcher) publish() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.found.primary, w.found.sentinels = w.primary, slices.Clone(w.sentinels.list)
	if w.primary != nil && w.failure == nil {
		w.found.learnt, w.found.from = time.Now(), w.told
	}
}

// Inspect implements driver.Inspector. Inspect shows the primary and the sentinels.
func (s *Store) Inspect() driver.Inspection {
	w := s.watcher
	shared := w.settings.Shared()
	w.mu.Lock()
	found, failure := w.found, w.failure
	w.mu.Unlock()
	inspection := driver.Inspection{
		Driver: shared.Driver, Topology: driver.Sentinel, Database: shared.DB,
		Learnt: found.learnt, LearntFrom: found.from,
	}
	if failure != nil {
		inspection.LearnError = strings.TrimPrefix(failure.Error(), "xcache: ")
	}
	if p := found.primary; p != nil {
		server := status.Of(p.node, p.addr)
		server.Role = driver.RolePrimary
		server.Calls, _ = p.gate.Calls()
		switch {
		case server.State == driver.StateUnreachable:
		case p.silent.Load() >= maxSilent:
			server.State, server.Since = driver.StateSilent, time.Time{}
		case failure != nil:
			server.State, server.Since = driver.StateFailing, time.Time{}
		}
		inspection.Servers = append(inspection.Servers, server)
	}
	for _, one := range found.sentinels {
		server := status.Of(one.node, one.addr)
		server.Role = driver.RoleSentinel
		inspection.Servers = append(inspection.Servers, server)
	}
	return inspection
}

// ServerAt returns the store of the primary or of the sentinel at an address, or nil.
// An empty address stands for the primary.
func (s *Store) ServerAt(addr string) driver.Store {
	w := s.watcher
	w.mu.Lock()
	defer w.mu.Unlock()
	if p := w.found.primary; p != nil && (addr == "" || addr == p.addr) {
		return p.node
	}
	for _, one := range w.found.sentinels {
		if one.addr == addr {
			return one.node
		}
	}
	return nil
}
