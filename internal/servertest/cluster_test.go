package servertest_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/xcache-go/xcache/internal/servertest"
	"github.com/xcache-go/xcache/internal/servertest/release"
)

// The tests that share a cluster leave it well, but not as it was.
var clusters = map[string]*servertest.SharedCluster{
	"redis":  servertest.NewSharedCluster(),
	"valkey": servertest.NewSharedCluster(servertest.Release("valkey")),
}

func TestClusterServesAllSlots(t *testing.T) {
	for product, shared := range clusters {
		t.Run(product, func(t *testing.T) {
			c := shared.Servers(t)
			if len(c.Nodes) != 6 || len(c.Addrs()) != 6 || len(c.Primaries(t)) != 3 {
				t.Errorf("nodes %v, primaries %v", c.Addrs(), c.Primaries(t))
			}
			for i := range 20 {
				key := "all:" + strconv.Itoa(i)
				c.Primary(t, key).Do(t, "SET", key, "value")
			}
			c.AwaitReplicas(t)
			for i := range 20 {
				key := "all:" + strconv.Itoa(i)
				conn := c.Partner(c.Primary(t, key)).Dial(t)
				conn.Do(t, "READONLY")
				if got := conn.Do(t, "GET", key); got != "value" {
					t.Errorf("GET %s at the replica = %v", key, got)
				}
			}
		})
	}
}

func TestClusterReplicaLags(t *testing.T) {
	c := clusters["redis"].Servers(t)
	const key = "lag"
	primary := c.Primary(t, key)
	replica := c.Partner(primary)
	primary.Do(t, "SET", key, "old")
	c.AwaitReplicas(t)

	replica.PauseReplication(t)
	primary.Do(t, "SET", key, "new")
	conn := replica.Dial(t)
	conn.Do(t, "READONLY")
	if got := conn.Do(t, "GET", key); got != "old" {
		t.Errorf("GET at a replica that lags = %v, want the old value", got)
	}
	replica.ResumeReplication(t)
	c.AwaitReplicas(t)
	if got := conn.Do(t, "GET", key); got != "new" {
		t.Errorf("GET at a replica that caught up = %v, want the new value", got)
	}
}

func TestMigrationAsksAndMoves(t *testing.T) {
	for product, shared := range clusters {
		t.Run(product, func(t *testing.T) {
			c := shared.Servers(t)
			const stays, leaves, missing = "{migrating}1", "{migrating}2", "{migrating}3"
			from := c.Primary(t, stays)
			to := other(c.Primaries(t), from)
			slot := from.Do(t, "CLUSTER", "KEYSLOT", stays).(int64)
			from.Do(t, "MSET", stays, "1", leaves, "2")

			m := c.StartMigration(t, from, to, int(slot))
			m.MoveKeys(t, leaves)
			address := strconv.FormatInt(slot, 10) + " " + to.Addr
			onBothSides := "TRYAGAIN"
			if from.Release.Name == release.Redis60.Name {
				onBothSides = "ASK " + address // where it meets TRYAGAIN
			}
			for _, test := range []struct {
				command []string
				want    string
			}{
				{[]string{"GET", stays}, "1"},
				{[]string{"GET", leaves}, "ASK " + address},
				{[]string{"SET", missing, "3"}, "ASK " + address},
				{[]string{"MGET", stays, leaves}, onBothSides},
			} {
				if got := answer(from.Try(test.command...)); !strings.HasPrefix(got, test.want) {
					t.Errorf("%q at the source answers %q, want %q", test.command, got, test.want)
				}
			}
			conn := to.Dial(t)
			conn.Do(t, "ASKING")
			if got := conn.Do(t, "GET", leaves); got != "2" {
				t.Errorf("GET at the target after ASKING = %v", got)
			}

			m.Finish(t)
			if got, want := answer(from.Try("GET", stays)), "MOVED "+address; got != want {
				t.Errorf("GET at the source answers %q, want %q", got, want)
			}
			if got := fmt.Sprint(to.Do(t, "MGET", stays, leaves)); got != "[1 2]" {
				t.Errorf("MGET at the target = %s", got)
			}
			if got := c.Primary(t, stays); got != to {
				t.Errorf("Primary is %s, want the target", got.Addr)
			}
		})
	}
}

func TestReshardKeepsKeysReadable(t *testing.T) {
	for product, shared := range clusters {
		t.Run(product, func(t *testing.T) {
			c := shared.Servers(t)
			from, to := c.Primaries(t)[1], c.Primaries(t)[2]
			var keys []string
			for i := range 1000 {
				if key := "reshard:" + strconv.Itoa(i); c.Primary(t, key) == from {
					from.Do(t, "SET", key, key)
					keys = append(keys, key)
				}
			}
			reader := readThroughout(t, from, to, keys)
			const number = 500
			c.Reshard(t, from, to, number)
			reader.stop()

			moved := 0
			for _, key := range keys {
				if c.Primary(t, key) == to {
					moved++
				}
			}
			if moved == 0 || moved == len(keys) {
				t.Errorf("%d of %d keys moved with %d slots, want some", moved, len(keys), number)
			}
			if reader.reads < len(keys) {
				t.Errorf("only %d reads while slots moved", reader.reads)
			}
			t.Logf("%d reads of %d keys, of which %d moved: %d answered ASK, %d MOVED",
				reader.reads, len(keys), moved, reader.asked, reader.moved)
		})
	}
}

// reader reads keys of two nodes over and over.
type reader struct {
	reads, asked, moved int
	done, stopped       chan struct{}
}

// readThroughout reads until stop is called, and reports a key that cannot be
// read.
func readThroughout(t *testing.T, from, to *servertest.Server, keys []string) *reader {
	r := &reader{done: make(chan struct{}), stopped: make(chan struct{})}
	source, target := from.Dial(t), to.Dial(t)
	go func() {
		defer close(r.stopped)
		for {
			for _, key := range keys {
				select {
				case <-r.done:
					return
				default:
				}
				r.reads++
				if got := r.read(source, target, key); got != key {
					t.Errorf("GET %s answers %q", key, got)
					return
				}
			}
		}
	}()
	return r
}

func (r *reader) stop() {
	close(r.done)
	<-r.stopped
}

// read follows the source's word as a client does.
func (r *reader) read(source, target *servertest.Conn, key string) string {
	got := answer(source.Try("GET", key))
	switch {
	case strings.HasPrefix(got, "ASK "):
		r.asked++
		if _, err := target.Try("ASKING"); err != nil {
			return err.Error()
		}
	case strings.HasPrefix(got, "MOVED "):
		r.moved++
	default:
		return got
	}
	return answer(target.Try("GET", key))
}

func TestClusterFailover(t *testing.T) {
	onBoth(t, func(t *testing.T, product servertest.Option) {
		c := servertest.Cluster(t, product)
		const key = "key"
		c.Primary(t, key).Do(t, "SET", key, "value")
		c.AwaitReplicas(t)

		for _, step := range []struct {
			name     string
			failover func(old *servertest.Server) *servertest.Server
			repair   func(old *servertest.Server)
		}{
			{"on demand", func(old *servertest.Server) *servertest.Server {
				return c.Failover(t, old)
			}, func(*servertest.Server) {}},
			{"by kill", func(old *servertest.Server) *servertest.Server {
				old.Kill(t)
				return c.AwaitFailover(t, old)
			}, func(old *servertest.Server) { old.Start(t) }},
			{"by freeze", func(old *servertest.Server) *servertest.Server {
				old.Freeze(t)
				return c.AwaitFailover(t, old)
			}, func(old *servertest.Server) { old.Thaw(t) }},
		} {
			old := c.Primary(t, key)
			primary := step.failover(old)
			if primary == old || primary != c.Primary(t, key) || !slices.Contains(c.Primaries(t), primary) {
				t.Fatalf("%s: primary %s, after %s", step.name, primary.Addr, old.Addr)
			}
			if got := primary.Do(t, "GET", key); got != "value" {
				t.Errorf("%s: GET at the new primary = %v", step.name, got)
			}
			step.repair(old)
			c.AwaitOK(t)
			c.AwaitReplicas(t)
			if got := answer(old.Try("GET", key)); !strings.HasPrefix(got, "MOVED ") {
				t.Errorf("%s: GET at the old primary, now a replica, answers %q", step.name, got)
			}
		}
	})
}

func TestClusterSpeaksTLS(t *testing.T) {
	t.Parallel()
	c := servertest.Cluster(t, servertest.TLS(), servertest.Password("secret"))
	for _, node := range c.Nodes {
		if err := pingTLS(node.Addr, c.Nodes[0].Certificates.Config()); err != nil {
			t.Errorf("node at %s: %v", node.Addr, err)
		}
	}
	const key = "key"
	from := c.Primary(t, key)
	to := other(c.Primaries(t), from)
	slot := from.Do(t, "CLUSTER", "KEYSLOT", key).(int64)
	from.Do(t, "SET", key, "value")
	c.StartMigration(t, from, to, int(slot)).Finish(t)
	if got := to.Do(t, "GET", key); got != "value" {
		t.Errorf("GET of a key that moved = %v", got)
	}
}

// other returns a server that is not the one given.
func other(servers []*servertest.Server, s *servertest.Server) *servertest.Server {
	return servers[(slices.Index(servers, s)+1)%len(servers)]
}

// answer returns what a server answered, error or not.
func answer(reply any, err error) string {
	if err != nil {
		return err.Error()
	}
	return fmt.Sprint(reply)
}
