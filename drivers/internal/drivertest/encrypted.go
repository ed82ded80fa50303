package drivertest

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/internal/servertest"
	"github.com/xcache-go/xcache/xcachetest"
)

// Encrypted tests connections through TLS that fail. The test fails if a call outlasts its
// context, or if callers lose connections that answer.
func (s *Subject) Encrypted(t *testing.T) {
	server := s.StartServer(t, servertest.TLS())
	proxy := xcachetest.NewProxy(t, server.Addr)
	dsn := s.Scheme + "s://" + proxy.Addr() + "?tls_ca=" + server.Certificates.CAFile
	t.Run("a call whose request is stuck ends with its context", func(t *testing.T) {
		stuckRequestEnds(t, s.openFor(t, dsn+"&pool_size=1", longTimeout, nil), proxy)
	})
	t.Run("idle sessions outlast a caller that leaves", func(t *testing.T) {
		idleSessionsOutlastACaller(t, s.openFor(t, dsn, longTimeout, nil), proxy)
	})
}

// stuckRequestEnds sends a request that fills all buffers up to a server that reads nothing.
// TLS would say goodbye there, and wait for seconds.
func stuckRequestEnds(t *testing.T, store driver.Store, proxy *xcachetest.Proxy) {
	t.Helper()
	key, value := driver.Key(Key(t, "k")), bytes.Repeat([]byte("v"), 32<<20)
	if err := Put(t, store, key.Text, "v"); err != nil {
		t.Fatal(err)
	}
	var sessions []driver.Session
	for range 4 {
		sessions = append(sessions, openSession(t, store, key.Text))
	}
	proxy.Stall()
	defer proxy.Resume()
	call := func(name string, call func(ctx context.Context) error) {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		WantPrompt(t, name, ctx, func() error { return call(ctx) }, context.DeadlineExceeded)
	}
	call("SET", func(ctx context.Context) error { return Do(ctx, store, "SET", key, driver.Val(value)) })
	for _, session := range sessions {
		call("SET on a connection of its own", func(ctx context.Context) error {
			return sessionDo(ctx, session, "SET", key, driver.Val(value))
		})
	}
}

// idleSessionsOutlastACaller takes a session while the server is silent. The caller finds out
// about one idle connection in its time, and that is the only one to be closed.
func idleSessionsOutlastACaller(t *testing.T, store driver.Store, proxy *xcachetest.Proxy) {
	t.Helper()
	const idle = 4
	var sessions []driver.Session
	for range idle {
		session, err := driver.CapsOf(store).Exclusive.Exclusive(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		sessions = append(sessions, session)
	}
	for _, session := range sessions {
		closeSession(t, session)
	}
	connections := proxy.Stats().Connections
	proxy.StallReplies()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := driver.CapsOf(store).Exclusive.Exclusive(ctx)
	WantErr(t, err, driver.NotApplied, context.DeadlineExceeded)
	proxy.Resume()
	for range idle - 1 {
		session, err := driver.CapsOf(store).Exclusive.Exclusive(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer closeSession(t, session)
	}
	if made := proxy.Stats().Connections - connections; made > 0 {
		t.Errorf("%d connections were made in the place of %d idle ones", made, idle)
	}
}
