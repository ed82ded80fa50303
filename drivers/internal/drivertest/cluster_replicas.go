package drivertest

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/internal/servertest"
	"github.com/xcache-go/xcache/xcachetest"
)

// ClusterConformanceOfReplicas runs the conformance suite on a cluster, with reads from
// replicas. Reads wait for earlier writes as in ConformanceOfReplicas. The test also
// fails if no replica was read from.
func (s *Subject) ClusterConformanceOfReplicas(t *testing.T) {
	servers := s.StartCluster(t)
	dsn := withLongTimeouts(s.clusterDSN(servers, "?read=prefer-replica"))
	replicas := clusterReplicationOf(t, servers)
	xcachetest.Run(t, xcachetest.Harness{
		ServerLacks:       lackedBy(t, servers.Nodes[0]),
		ServerLacksFields: fieldsLackedBy(t, servers.Nodes[0]),

		Release: driver.Release,
		Open: shared(t, func(t testing.TB) driver.Store {
			store := s.unchecked(t, dsn)
			if err := driver.CapsOf(store).Pinger.Ping(t.Context()); err != nil { // connects, because checks of short TTLs have no time for that
				t.Error(err)
			}
			return replicas.store(store)
		}),
		Exclusive: true,
		Lacks:     []string{"Subscriber", "Tracker"},
	})
	fromPrimaries, fromReplicas := 0, 0
	for i, node := range servers.Nodes {
		if i < 3 {
			fromPrimaries += timesRun(t, node, "get")
		} else {
			fromReplicas += timesRun(t, node, "get")
		}
	}
	t.Logf("GET: %d at the replicas, %d at the primaries", fromReplicas, fromPrimaries)
	if fromReplicas == 0 {
		t.Error("nothing was read from replicas")
	}
}

// ClusterReplicas reads from replicas. A slot moves, one replica goes away, and another
// replica takes the place of its primary. The test fails if a read fails, or if
// a replica that is well gets no reads.
func (s *Subject) ClusterReplicas(t *testing.T) {
	servers := s.StartCluster(t, servertest.Config("cluster-require-full-coverage", "no"))
	v := s.openClusterView(t, servers, "?read=prefer-replica&"+longQuery)
	only := s.openClusterView(t, servers, "?read=replica&"+longQuery)
	values := map[string]string{}
	var keys []string
	for i := range 60 {
		keys = append(keys, strconv.Itoa(i))
		values[keys[i]] = "v" + keys[i]
	}
	if err := v.SetMany(t.Context(), values); err != nil {
		t.Fatal(err)
	}
	servers.AwaitReplicas(t)
	var slowest time.Duration // Get
	readAll := func(v *xcache.View[string]) {
		t.Helper()
		for key, want := range values {
			began := time.Now()
			if got, err := v.Get(t.Context(), key); got != want || err != nil {
				t.Errorf("Get(%s) = %q, %v", key, got, err)
			}
			slowest = max(slowest, time.Since(began))
		}
		found, err := v.GetMany(t.Context(), keys)
		if len(found) != len(keys) || found["7"] != values["7"] || err != nil {
			t.Errorf("GetMany found %d, %v", len(found), err)
		}
		ttls, err := v.TTLMany(t.Context(), keys)
		if len(ttls) != len(keys) || err != nil {
			t.Errorf("TTLMany found %d, %v", len(ttls), err)
		}
	}
	ran := func(nodes []*servertest.Server) (n int) {
		for _, node := range nodes {
			for _, command := range []string{"get", "mget", "pttl", "eval", "evalsha"} {
				n += timesRun(t, node, command)
			}
		}
		return n
	}
	// On a busy machine nodes call a replica well only a while after the replica is
	// well. The stores hear of the replica with their next question.
	Eventually(t, func() bool {
		before := ran(servers.Nodes[:3])
		_, err := v.GetMany(t.Context(), keys)
		_, onlyErr := only.GetMany(t.Context(), keys)
		return errors.Join(err, onlyErr) == nil && ran(servers.Nodes[:3]) == before
	}, func() string { return "the stores do not find the replicas" })
	for _, node := range servers.Nodes {
		node.Do(t, "CONFIG", "RESETSTAT")
	}
	readAll(v)
	readAll(only)
	if n := ran(servers.Nodes[:3]); n > 0 {
		t.Errorf("the primaries ran %d reads", n)
	}
	if got, err := v.With(xcache.ReadPrimary()).Get(t.Context(), "1"); got != "v1" || err != nil || ran(servers.Nodes[:3]) != 1 {
		t.Errorf("ReadPrimary: %q, %v, the primaries ran %d reads", got, err, ran(servers.Nodes[:3]))
	}
	store := s.openCluster(t, servers, "?read=replica&"+longQuery)
	dst := make([]driver.Value, len(keys))
	full := make([]string, len(keys))
	for i, key := range keys {
		full[i] = ":1:" + key
	}
	if err := store.GetTTL(t.Context(), full, dst); err != nil {
		t.Error(err)
	}
	for i := range dst {
		if dst[i].Err != nil || len(dst[i].Data) == 0 || dst[i].TTL < time.Minute || dst[i].TTL > time.Hour {
			t.Errorf("GetTTL: %d is %q, %v, %v", i, dst[i].Data, dst[i].TTL, dst[i].Err)
		}
	}

	s.readsOfASlotThatMoved(t, servers)
	for _, node := range servers.Nodes {
		node.Do(t, "CONFIG", "RESETSTAT")
	}

	// A replica is gone.
	servers.Nodes[3].Kill(t)
	for range 3 {
		readAll(v)
	}
	if ran(servers.Nodes[:1]) == 0 || ran(servers.Nodes[1:3]) > 1 {
		t.Errorf("after a replica's end, its primary ran %d reads and the others %d", ran(servers.Nodes[:1]), ran(servers.Nodes[1:3]))
	}
	servers.Nodes[3].Start(t)
	servers.AwaitOK(t)
	servers.AwaitReplicas(t)
	Eventually(t, func() bool {
		before := ran(servers.Nodes[3:4])
		readAll(v)
		return ran(servers.Nodes[3:4]) > before
	}, func() string { return "nothing is read from a replica that is back" })

	// A primary is gone. A caller who only reads notices nothing.
	machine := startBystander(t, slices.Concat(servers.Nodes[:1], servers.Nodes[2:])...)
	servers.NoticeFailures(t)
	servers.Nodes[1].Kill(t)
	slowest = 0
	deadline := time.Now().Add(4 * time.Second)
	for time.Now().Before(deadline) {
		readAll(v)
	}
	if bound := machine.waited() + 2*time.Second; slowest > bound {
		t.Errorf("without a primary a Get took %v, want at most %v", slowest, bound)
	}
	servers.AwaitFailover(t, servers.Nodes[1])
	readAll(v)
	for _, key := range keys {
		if err := v.Set(t.Context(), key, "v"+key); err != nil {
			t.Errorf("Set after the failover: %v", err)
		}
	}
	if _, err := only.GetMany(t.Context(), keys); err != nil {
		t.Logf("read=replica of a shard without replica: %v", err)
	}
	servers.Nodes[1].Start(t)
	servers.AwaitOK(t)
	servers.AwaitReplicas(t)
	before := ran(servers.Nodes[1:2])
	Eventually(t, func() bool {
		_, err := only.GetMany(t.Context(), keys)
		return err == nil && ran(servers.Nodes[1:2]) > before
	},
		func() string { return "nothing is read from the former primary" })
}

// readsOfASlotThatMoved reads a key with stores that have not heard of the key's new place.
// The replica of the old place redirects them, and is as well as before.
func (s *Subject) readsOfASlotThatMoved(t *testing.T, servers *servertest.ClusterServers) {
	from, to := servers.Nodes[0], servers.Nodes[1]
	replica := servers.Partner(from)
	tag := tagOf(t, servers, from)
	key, same, other := taggedKey(t, tag, "moves"), taggedKey(t, tag, "moves, too"), taggedKey(t, tagOf(t, servers, to), "stays")
	store := s.openCluster(t, servers, "?"+longQuery)
	for _, key := range []string{key, same, other} {
		if err := Put(t, store, key, "v"); err != nil {
			t.Fatal(err)
		}
	}
	servers.AwaitReplicas(t)
	found := func(values []driver.Value) error {
		for i := range values {
			if string(values[i].Data) != "v" || values[i].Err != nil {
				return fmt.Errorf("value %d is %q, %w", i, values[i].Data, cmp.Or(values[i].Err, driver.ErrNotFound))
			}
		}
		return nil
	}
	commands := func(how driver.How, keys ...string) func(driver.Caps) error {
		return func(caps driver.Caps) error {
			var cmds []*driver.Cmd
			for _, key := range keys {
				cmds = append(cmds, driver.NewCmd("GET", driver.Key(key)))
			}
			err := caps.Commander.Do(t.Context(), cmds, how)
			values := make([]driver.Value, len(cmds))
			for i, c := range cmds {
				values[i] = driver.Value{Data: c.Reply.Data, Err: c.Err}
			}
			return errors.Join(err, found(values))
		}
	}
	reads := []struct {
		name string
		read func(driver.Store, driver.Caps) error
	}{
		{"Get", func(store driver.Store, _ driver.Caps) error {
			values := make([]driver.Value, 1)
			return errors.Join(store.Get(t.Context(), []string{key}, values), found(values))
		}},
		{"Get of several keys", func(store driver.Store, _ driver.Caps) error {
			values := make([]driver.Value, 3)
			return errors.Join(store.Get(t.Context(), []string{key, same, other}, values), found(values))
		}},
		{"GetTTL", func(_ driver.Store, caps driver.Caps) error {
			values := make([]driver.Value, 2)
			return errors.Join(caps.Expirer.GetTTL(t.Context(), []string{key, same}, values), found(values))
		}},
		{"GetTTL of several slots", func(_ driver.Store, caps driver.Caps) error {
			values := make([]driver.Value, 2)
			return errors.Join(caps.Expirer.GetTTL(t.Context(), []string{other, key}, values), found(values))
		}},
		{"TTL", func(_ driver.Store, caps driver.Caps) error {
			values := make([]driver.Value, 1)
			return errors.Join(caps.Expirer.TTL(t.Context(), []string{key}, values), values[0].Err)
		}},
		{"a command", func(_ driver.Store, caps driver.Caps) error { return commands(driver.Plain, key)(caps) }},
		{"commands", func(_ driver.Store, caps driver.Caps) error { return commands(driver.Plain, other, key, same)(caps) }},
		{"a transaction", func(_ driver.Store, caps driver.Caps) error { return commands(driver.Atomic, key, same)(caps) }},
	}
	type reader struct {
		store  driver.Store
		events *events
	}
	readers := make(map[string]reader)
	for _, setting := range []string{"replica", "prefer-replica"} {
		for _, tt := range reads {
			store, e := s.listen(t, s.clusterDSN(servers, "?read="+setting+"&"+longQuery))
			readers[setting+tt.name] = reader{store, e}
			if err := tt.read(store, driver.CapsOf(store)); err != nil {
				t.Errorf("read=%s: %s before the move: %v", setting, tt.name, err)
			}
		}
	}
	migration := servers.StartMigration(t, from, to, int(from.Do(t, "CLUSTER", "KEYSLOT", key).(int64)))
	migration.MoveKeys(t)
	migration.Finish(t)
	servers.AwaitReplicas(t)
	for _, setting := range []string{"replica", "prefer-replica"} {
		for _, tt := range reads {
			r := readers[setting+tt.name]
			before := errorReplies(t, replica, "MOVED")
			if err := tt.read(r.store, driver.CapsOf(r.store)); err != nil {
				t.Errorf("read=%s: %s after the move: %v", setting, tt.name, err)
			}
			s.wantErrorReplies(t, replica, "MOVED", before)
			if n := r.events.count(driver.ReplicaCooldown, replica.Addr); n != 0 {
				t.Errorf("read=%s: %s: the replica that redirects has a cooldown", setting, tt.name)
			}
		}
	}
}
