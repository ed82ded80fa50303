package servertest_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

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
			require.Len(t, c.Nodes, 6, "nodes")
			require.Len(t, c.Addrs(), 6, "nodes")
			require.Len(t, c.Primaries(t), 3, "nodes")
			for i := range 20 {
				key := "all:" + strconv.Itoa(i)
				c.Primary(t, key).Do(t, "SET", key, "value")
			}
			c.AwaitReplicas(t)
			for i := range 20 {
				key := "all:" + strconv.Itoa(i)
				conn := c.Partner(c.Primary(t, key)).Dial(t)
				conn.Do(t, "READONLY")
				require.Equal(t, "value", conn.Do(t, "GET", key), "GET %s at the replica", key)
			}
		})
	}
}

// A client finds the replicas in CLUSTER SLOTS. A node leaves a replica out until the
// replica has told that node of data.
func TestEachNodeOfAClusterNamesTheReplicas(t *testing.T) {
	for product, opts := range map[string][]servertest.Option{"redis": nil, "valkey": {servertest.Release("valkey")}} {
		t.Run(product, func(t *testing.T) {
			c := servertest.Cluster(t, opts...)
			for _, node := range c.Nodes {
				named := map[string]bool{}
				for _, slots := range node.Do(t, "CLUSTER", "SLOTS").([]any) {
					for _, server := range slots.([]any)[2:] {
						named[fmt.Sprint(server.([]any)[1])] = true
					}
				}
				for _, other := range c.Nodes {
					require.True(t, named[strconv.Itoa(other.Port)], "the node at %s names the node at %s", node.Addr, other.Addr)
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
	require.Equal(t, "old", conn.Do(t, "GET", key), "GET at a replica that lags")
	replica.ResumeReplication(t)
	c.AwaitReplicas(t)
	require.Equal(t, "new", conn.Do(t, "GET", key), "GET at a replica that caught up")
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
				got := answer(from.Try(test.command...))
				require.True(t, strings.HasPrefix(got, test.want), "%q at the source answers %q, want %q", test.command, got, test.want)
			}
			conn := to.Dial(t)
			conn.Do(t, "ASKING")
			require.Equal(t, "2", conn.Do(t, "GET", leaves), "GET at the target after ASKING")

			m.Finish(t)
			got, want := answer(from.Try("GET", stays)), "MOVED "+address
			require.Equal(t, want, got, "GET at the source answers")
			require.Equal(t, "[1 2]", fmt.Sprint(to.Do(t, "MGET", stays, leaves)), "MGET at the target")
			require.Same(t, to, c.Primary(t, stays), "Primary")
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
			const number, most = 500, 10
			n := 0
			for range most {
				c.Reshard(t, from, to, number)
				n++
				if int(reader.reads.Load()) >= len(keys) {
					break // reads were quick enough
				}
			}
			reader.stop()

			moved := 0
			for _, key := range keys {
				if c.Primary(t, key) == to {
					moved++
				}
			}
			require.NotZero(t, moved, "%d of %d keys moved with %d slots, want some", moved, len(keys), n*number)
			require.NotEqual(t, len(keys), moved, "%d of %d keys moved with %d slots, want some", moved, len(keys), n*number)
			reads := int(reader.reads.Load())
			require.GreaterOrEqual(t, reads, len(keys), "only %d reads while slots moved", reads)
			t.Logf("%d reads of %d keys, of which %d moved: %d answered ASK, %d MOVED",
				reads, len(keys), moved, reader.asked, reader.moved)
		})
	}
}

// reader reads keys of two nodes over and over.
type reader struct {
	reads         atomic.Int64
	asked, moved  int
	done, stopped chan struct{}
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
				r.reads.Add(1)
				if !assert.Equal(t, key, r.read(source, target, key), "GET") {
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
			require.NotSame(t, old, primary, "%s: primary %s, after %s", step.name, primary.Addr, old.Addr)
			require.Same(t, c.Primary(t, key), primary, "%s: primary %s, after %s", step.name, primary.Addr, old.Addr)
			require.True(t, slices.Contains(c.Primaries(t), primary), "%s: primary %s, after %s", step.name, primary.Addr, old.Addr)
			require.Equal(t, "value", primary.Do(t, "GET", key), "%s: GET at the new primary", step.name)
			step.repair(old)
			c.AwaitOK(t)
			c.AwaitReplicas(t)
			require.True(t, strings.HasPrefix(answer(old.Try("GET", key)), "MOVED "), "%s: GET at the old primary, now a replica, answers", step.name)
		}
	})
}

func TestClusterSpeaksTLS(t *testing.T) {
	t.Parallel()
	c := servertest.Cluster(t, servertest.TLS(), servertest.Password("secret"))
	for _, node := range c.Nodes {
		require.NoError(t, pingTLS(node.Addr, c.Nodes[0].Certificates.Config()), "node at %s", node.Addr)
	}
	const key = "key"
	from := c.Primary(t, key)
	to := other(c.Primaries(t), from)
	slot := from.Do(t, "CLUSTER", "KEYSLOT", key).(int64)
	from.Do(t, "SET", key, "value")
	c.StartMigration(t, from, to, int(slot)).Finish(t)
	require.Equal(t, "value", to.Do(t, "GET", key), "GET of a key that moved")
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
