package drivertest

import (
	"context"
	"testing"
	"time"

	"github.com/xcache-go/xcache/xcachetest"
)

// OwnClient tests stores with a client of the program's own, beyond the other
// tests of such stores. The test fails if such a store claims a CallTimeout, or
// if a call does not end soon after its context.
func (s *Subject) OwnClient(t *testing.T) {
	t.Run("has its own timeouts", s.ownClientHasItsOwnTimeouts)
	t.Run("is prompt", s.ownClientIsPrompt)
}

func (s *Subject) ownClientHasItsOwnTimeouts(t *testing.T) {
	store := s.openOwn(t, s.Standalone(t).Addr)
	if d := store.Limits().CallTimeout; d != 0 {
		t.Errorf("CallTimeout is %v, which the store cannot promise", d)
	}
}

// The store is prompt even if the client ignores contexts while reading.
func (s *Subject) ownClientIsPrompt(t *testing.T) {
	proxy := xcachetest.NewProxy(t, s.Standalone(t).Addr)
	store := s.openOwn(t, proxy.Addr())
	for _, w := range Writes() {
		if err := w.Run(t.Context(), store, Key(t, "k")); err != nil {
			t.Fatal(err)
		}
	}
	proxy.StallReplies()
	for _, w := range Writes() {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		WantPrompt(t, w.Name, ctx, func() error { return w.Run(ctx, store, Key(t, "k")) }, context.DeadlineExceeded)
		cancel()
	}
	proxy.Resume()
}
