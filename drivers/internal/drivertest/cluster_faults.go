package drivertest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/internal/servertest"
)

// ClusterOutage kills a node that no replica replaces. Calls on keys of this
// node wait at first. Later such calls must fail without the wait, and must
// succeed after a restart of the node. The test fails if calls behave
// otherwise, or if a call on several keys loses a key of a healthy node.
func (s *Subject) ClusterOutage(t *testing.T) {
	servers := s.StartCluster(t, servertest.Config("cluster-require-full-coverage", "no"), servertest.Config("cluster-replica-no-failover", "yes"))
	const opTimeout = 4 * time.Second // calls wait for five seconds in an outage
	store := s.openCluster(t, servers, "?op_timeout="+opTimeout.String())
	victim := servers.Nodes[0]
	down, up := taggedKey(t, tagOf(t, servers, victim), "k"), taggedKey(t, tagOf(t, servers, servers.Nodes[1]), "k")
	for _, k := range []string{down, up} {
		if err := Put(t, store, k, "v"); err != nil {
			t.Fatal(err)
		}
	}
	victim.Kill(t)

	// A call waits until the op_timeout is over, or until the caller leaves.
	WantErr(t, Put(t, store, down, "w"), driver.NotApplied, driver.ErrUnavailable)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	WantPrompt(t, "Get", ctx, func() error {
		err := store.Get(ctx, []string{down}, make([]driver.Value, 1))
		if errors.Is(err, context.DeadlineExceeded) { // the context has ended during the last try
			return driver.ErrUnavailable
		}
		return err
	}, driver.ErrUnavailable)
	ctx, cancel = context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	WantPrompt(t, "Delete", ctx, func() error { _, err := store.Delete(ctx, []string{down}); return err }, context.Canceled)

	// A call on several keys loses only the keys of the lost server.
	values := make([]driver.Value, 2)
	if err := store.Get(t.Context(), []string{up, down}, values); err != nil || string(values[0].Data) != "v" {
		t.Errorf("Get of both: %v; %q, %v", err, values[0].Data, values[0].Err)
	}
	WantErr(t, values[1].Err, driver.NotApplied, driver.ErrUnavailable)
	n, err := store.Delete(t.Context(), []string{up, down})
	if n != 1 {
		t.Errorf("Delete of both = %d, %v", n, err)
	}
	WantErr(t, err, driver.Unknown, driver.ErrUnavailable)
	WantErr(t, store.Flush(t.Context()), driver.Unknown, driver.ErrUnavailable)
	WantErr(t, store.Ping(t.Context()), driver.NotApplied, driver.ErrUnavailable)

	Eventually(t, func() bool {
		start := time.Now()
		if err := Put(t, store, down, "w"); !errors.Is(err, driver.ErrUnavailable) {
			t.Fatalf("Set: %v", err)
		}
		return time.Since(start) < opTimeout*9/10
	}, func() string { return "calls on a server that is down for good still wait for it" })
	victim.Start(t)
	servers.AwaitOK(t)
	if err := Put(t, store, down, "w"); err != nil {
		t.Errorf("Set after the restart: %v", err)
	}
}

// ClusterDown takes a slot from all nodes, so all nodes refuse all keys. Calls must wait for
// the cluster as long as the calls have time. The test fails if a call does not wait, or does
// not succeed when the cluster is well again.
func (s *Subject) ClusterDown(t *testing.T) {
	servers := s.StartCluster(t)
	const key = "k"
	owner := servers.Primary(t, key)
	waiting, short := s.openCluster(t, servers, "?"+longQuery), s.openCluster(t, servers, "?op_timeout=4s&dial_timeout=4s")
	for _, store := range []driver.Store{waiting, short} {
		if err := Put(t, store, key, "before"); err != nil {
			t.Fatal(err)
		}
	}
	slot := fmt.Sprint(owner.Do(t, "CLUSTER", "KEYSLOT", key))
	refused := sumOfErrors(t, servers, "CLUSTERDOWN")
	for _, node := range servers.Nodes {
		node.Do(t, "CLUSTER", "DELSLOTS", slot)
	}
	WantErr(t, Put(t, short, key, "refused"), driver.NotApplied, driver.ErrUnavailable)
	waited := make(chan error, 1)
	go func() { waited <- Put(t, waiting, key, "after") }()
	Eventually(t, func() bool { return sumOfErrors(t, servers, "CLUSTERDOWN") > refused+1 }, func() string { return "no node says CLUSTERDOWN" })
	select {
	case err := <-waited:
		t.Fatalf("a call with time left did not wait: %v", err)
	default:
	}
	owner.Do(t, "CLUSTER", "ADDSLOTS", slot)
	servers.AwaitOK(t)
	if err := <-waited; err != nil {
		t.Errorf("the cluster is well again: %v", err)
	}
	if got, err := Get(t, short, key); string(got) != "after" || err != nil {
		t.Errorf("Get = %q, %v", got, err)
	}
}

// ClusterClose closes stores of a cluster in use and under faults. Each test
// fails at the end if a goroutine or a connection of a store is left.
func (s *Subject) ClusterClose(t *testing.T) {
	servers := s.StartCluster(t)
	t.Run("unused", func(t *testing.T) { s.openCluster(t, servers, "") })
	t.Run("used", func(t *testing.T) {
		store := s.openCluster(t, servers, "?read=prefer-replica&"+longQuery)
		for i := range 50 {
			if err := Put(t, store, Key(t, fmt.Sprint(i)), "v"); err != nil {
				t.Error(err)
			}
			if _, err := Get(t, store, Key(t, fmt.Sprint(i))); err != nil && !errors.Is(err, driver.ErrNotFound) {
				t.Error(err)
			}
		}
	})
	t.Run("abandoned", func(t *testing.T) {
		store := s.openCluster(t, servers, "?"+longQuery)
		tag := tagOf(t, servers, servers.Nodes[0])
		if err := Put(t, store, taggedKey(t, tag, "k"), "v"); err != nil {
			t.Error(err)
		}
		servers.Nodes[0].Freeze(t)
		defer servers.Nodes[0].Thaw(t)
		var callers sync.WaitGroup
		for range 10 {
			callers.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
				defer cancel()
				if err := store.Get(ctx, []string{taggedKey(t, tag, "k")}, make([]driver.Value, 1)); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("Get of a frozen server: %v", err)
				}
			})
		}
		callers.Wait()
	})
	servers.AwaitOK(t)
	t.Run("nobody there", func(t *testing.T) {
		store := s.open(t, s.Scheme+"+cluster://"+RefusingAddr(t)+","+SilentAddr(t)+"?op_timeout=300ms")
		err := Put(t, store, "k", "v")
		WantErr(t, err, driver.NotApplied, driver.ErrUnavailable)
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		time.Sleep(150 * time.Millisecond)
		WantPrompt(t, "Get", ctx, func() error { return store.Get(ctx, []string{"k"}, make([]driver.Value, 1)) }, driver.ErrUnavailable)
	})
}
