package drivertest

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/xcache-go/xcache/driver"
)

// SentinelExclusive tests sessions at the primary that sentinels watch, also of a store
// with reads from replicas. The sessions end when another server takes the place of the
// primary, even if the old primary is frozen and nobody calls. The test fails if a
// session lives on, or if no session at the new primary works.
func (s *Subject) SentinelExclusive(t *testing.T) {
	servers := s.StartSentinel(t)
	for _, read := range []string{"primary", "prefer-replica"} {
		store := s.Open(t, s.sentinelDSN(servers, "&read="+read))
		for _, loss := range failovers {
			t.Run(read+"/"+loss.name, func(t *testing.T) {
				servers.AwaitOK(t)
				primary := servers.Primary(t)
				survivesFailover(t, store, "k", func() {
					loss.begin(primary, t)
					servers.AwaitFailover(t, primary)
				})
				loss.end(primary, t)
			})
		}
	}
	t.Run("demoted", func(t *testing.T) {
		servers.AwaitOK(t)
		store := s.Open(t, s.sentinelDSN(servers, ""))
		survivesFailover(t, store, "k", func() { servers.Failover(t) })
	})
}

// survivesFailover opens sessions on a key at a server. lose then replaces the
// server by another server. The sessions must end, and a session at the new server
// must work.
func survivesFailover(t *testing.T, store driver.Store, key string, lose func()) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	subscribed, popping, watching := openSession(t, store, key), openSession(t, store, key), openSession(t, store, key)
	if err := errors.Join(
		send(ctx, subscribed, "SUBSCRIBE", driver.Literal("c")),
		send(ctx, popping, "BLPOP", driver.Key(key), driver.Int(0)),
		sessionDo(ctx, watching, "WATCH", driver.Key(key)),
	); err != nil {
		t.Fatal(err)
	}
	wantMessage(t, ctx, subscribed, "subscribe c 1")
	var waiting sync.WaitGroup
	for _, session := range []driver.Session{subscribed, popping} {
		waiting.Go(func() {
			_, err := session.Receive(ctx)
			if !errors.Is(err, driver.ErrUnavailable) && !errors.Is(err, driver.ErrReadOnly) {
				t.Errorf("Receive at a server that another has taken the place of: %v", err)
			}
		})
	}
	lose()
	waiting.Wait()
	Eventually(t, func() bool {
		return subscribed.Err() != nil && (watching.Err() != nil || sessionDo(ctx, watching, "PING") != nil)
	}, func() string { return "a session lives on at a server that another has taken the place of" })
	WantErr(t, subscribed.Err(), driver.NotApplied, driver.ErrUnavailable)

	// A session at the new primary works.
	var session driver.Session
	Eventually(t, func() (ok bool) {
		var err error
		session, err = driver.CapsOf(store).Exclusive.Exclusive(ctx, key)
		if err != nil {
			return false
		}
		err = sessionDo(ctx, session, "SET", driver.Key(key), driver.Val(nil))
		if err != nil {
			closeSession(t, session)
		}
		return err == nil
	}, func() string { return "no session at the new primary" })
	closeSession(t, session)
	if _, err := store.Delete(ctx, []string{key}); err != nil {
		t.Error(err)
	}
}

// ClusterExclusive tests sessions of a cluster. A session is at the primary of its
// key's slot. The session ends when another server gets the slot, by a move or a
// failover, even if nobody calls. The name of a sharded channel is such a key, too.
// The test fails if a session is elsewhere, lives on, or receives no messages.
func (s *Subject) ClusterExclusive(t *testing.T) {
	servers := s.StartCluster(t)
	store := s.openCluster(t, servers, "")
	t.Run("by key", func(t *testing.T) {
		for _, node := range servers.Primaries(t) {
			key := taggedKey(t, tagOf(t, servers, node), "k")
			before := errorReplies(t, node, "MOVED")
			watchAndWrite(t, store, key)
			if after := errorReplies(t, node, "MOVED"); after != before {
				t.Errorf("the session of %s was not at its primary", key)
			}
		}
		popsLoseNothing(t, store)
	})
	t.Run("key in another slot", func(t *testing.T) {
		nodes := servers.Primaries(t)
		here, there := tagOf(t, servers, nodes[0]), tagOf(t, servers, nodes[1])
		session := openSession(t, store, taggedKey(t, here, "k"))
		WantErr(t, sessionDo(t.Context(), session, "WATCH", driver.Key(taggedKey(t, there, "k"))), driver.NotApplied, driver.ErrCrossSlot)
		WantErr(t, send(t.Context(), session, "BLPOP", driver.Key(taggedKey(t, here, "k")), driver.Key(taggedKey(t, there, "k")), driver.Int(0)), driver.NotApplied, driver.ErrCrossSlot)
		if err := session.Err(); err != nil {
			t.Error(err)
		}
	})
	t.Run("sharded channel", func(t *testing.T) {
		if s.Release == "redis-6.0" {
			t.Skip("has no sharded channels")
		}
		channel := taggedKey(t, tagOf(t, servers, servers.Primaries(t)[1]), "c")
		session := openSession(t, store, channel)
		if err := send(t.Context(), session, "SSUBSCRIBE", driver.Literal(channel)); err != nil {
			t.Fatal(err)
		}
		wantMessage(t, t.Context(), session, "ssubscribe "+channel+" 1")
		servers.Primary(t, channel).Do(t, "SPUBLISH", channel, "m")
		wantMessage(t, t.Context(), session, "smessage "+channel+" m")
	})
	t.Run("channel of any node", func(t *testing.T) {
		session := openSession(t, store, "")
		if err := send(t.Context(), session, "SUBSCRIBE", driver.Literal("c")); err != nil {
			t.Fatal(err)
		}
		wantMessage(t, t.Context(), session, "subscribe c 1")
		for _, node := range servers.Primaries(t) {
			node.Do(t, "PUBLISH", "c", "m")
			wantMessage(t, t.Context(), session, "message c m")
		}
	})
	t.Run("slot on its way", func(t *testing.T) {
		from, to := servers.Primaries(t)[0], servers.Primaries(t)[1]
		key := taggedKey(t, tagOf(t, servers, from), "k")
		here := openSession(t, store, key)
		other := openSession(t, store, taggedKey(t, tagOf(t, servers, to), "k"))
		migration := servers.StartMigration(t, from, to, int(from.Do(t, "CLUSTER", "KEYSLOT", key).(int64)))
		migration.Finish(t)
		Eventually(t, func() bool { return here.Err() != nil }, func() string { return "a session lives on at a server that has lost its slot" })
		WantErr(t, here.Err(), driver.NotApplied, driver.ErrUnavailable)
		if err := other.Err(); err != nil {
			t.Errorf("a session on a slot that did not move: %v", err)
		}
		watchAndWrite(t, store, key)
	})
	t.Run("MOVED", func(t *testing.T) {
		from, to := servers.Primaries(t)[0], servers.Primaries(t)[1]
		key := taggedKey(t, tagOf(t, servers, from), "k")
		session := openSession(t, store, key)
		migration := servers.StartMigration(t, from, to, int(from.Do(t, "CLUSTER", "KEYSLOT", key).(int64)))
		migration.Finish(t)
		err := sessionDo(t.Context(), session, "INCR", driver.Key(key))
		WantErr(t, err, driver.NotApplied, driver.ErrUnavailable)
		WantErr(t, session.Err(), driver.NotApplied, driver.ErrUnavailable)
		watchAndWrite(t, store, key) // the store knows the new server without another question
	})
	for _, read := range []string{"primary", "prefer-replica"} {
		store := s.openCluster(t, servers, "?read="+read)
		for _, loss := range failovers {
			t.Run(read+"/"+loss.name, func(t *testing.T) {
				servers.AwaitOK(t)
				servers.AwaitReplicas(t)
				primary := servers.Primaries(t)[0]
				survivesFailover(t, store, taggedKey(t, tagOf(t, servers, primary), "lost"), func() {
					loss.begin(primary, t)
					servers.AwaitFailover(t, primary)
				})
				loss.end(primary, t)
			})
		}
	}
	t.Run("demoted", func(t *testing.T) {
		servers.AwaitOK(t)
		servers.AwaitReplicas(t)
		primary := servers.Primaries(t)[0]
		survivesFailover(t, store, taggedKey(t, tagOf(t, servers, primary), "lost"), func() { servers.Failover(t, primary) })
	})
	t.Run("closed", func(t *testing.T) {
		servers.AwaitOK(t)
		store := s.unchecked(t, s.Scheme+"+cluster://"+strings.Join(servers.Addrs(), ","))
		endsBlocked(t, store, servers.Primary(t, Key(t, "none")), driver.ErrClosed, func() {
			if err := store.Close(); err != nil {
				t.Error(err)
			}
		})
	})
}

// watchAndWrite makes an optimistic transaction without a conflict.
func watchAndWrite(t testing.TB, store driver.Store, key string) {
	t.Helper()
	session := openSession(t, store, key)
	defer closeSession(t, session)
	set := driver.NewCmd("SET", driver.Key(key), driver.Val([]byte("v")))
	if err := errors.Join(sessionDo(t.Context(), session, "WATCH", driver.Key(key)), session.Do(t.Context(), []*driver.Cmd{set}, driver.Atomic), set.Err); err != nil {
		t.Errorf("a transaction on %s: %v", key, err)
	}
}

// ReplicatedExclusive tests sessions of a store with replicas. The test fails unless the
// sessions are at the primary.
func (s *Subject) ReplicatedExclusive(t *testing.T) {
	servers := s.Replicated(t)
	store := s.Open(t, s.Scheme+"://"+strings.Join(servers.Addrs(), ",")+"?read=replica")
	watchAndWrite(t, store, Key(t, "k"))
	popsLoseNothing(t, replicatedPrimary(store))
	endsBlocked(t, store, servers.Primary, driver.ErrClosed, driver.CapsOf(store).Disconnector.Disconnect)
}

// replicatedPrimary returns the primary of a store as a store.
func replicatedPrimary(store driver.Store) driver.Store {
	return driver.CapsOf(store).Replicated.Primary()
}
