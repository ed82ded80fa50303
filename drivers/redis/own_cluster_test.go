package redis_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/drivertest"
	"github.com/xcache-go/xcache/drivers/redis"
)

// An ownClients opens stores on clients of the program's for DSNs of clusters that
// read from primaries, and any other store as the driver does.
type ownClients struct {
	redis.Driver
	open func(dial drivertest.Dial, timeout time.Duration, addrs []string) driver.Store
}

func (o ownClients) Open(dsn *driver.DSN) (driver.Store, error) {
	store, err := o.Driver.Open(dsn)
	if err != nil || dsn.Topology != driver.Cluster || dsn.Text("read", "primary") != "primary" {
		return store, err
	}
	if err := store.Close(); err != nil {
		return nil, err
	}
	addrs := dsn.List("addr")
	for _, host := range dsn.Hosts {
		addrs = append(addrs, host.Addr("6379"))
	}
	timeout := dsn.OpTimeout
	if timeout <= 0 {
		timeout = 3 * time.Second
	}
	return o.open(o.Dial, dsn.Duration("op_timeout", timeout), addrs), nil
}

// ownClusters are the ways to have a cluster of clients of the program's.
var ownClusters = map[string]func(dial drivertest.Dial, timeout time.Duration, addrs []string) driver.Store{
	"NewClusterStore": func(dial drivertest.Dial, timeout time.Duration, addrs []string) driver.Store {
		return redis.NewClusterStoreWith(redis.CallTimeout(timeout), func(addr string) *goredis.Client {
			return goredis.NewClient(&goredis.Options{Addr: addr, Dialer: dial, ReadTimeout: timeout, MaxRetries: 5, MinRetryBackoff: -1})
		}, addrs...)
	},
	"NewStore of a ClusterClient": func(dial drivertest.Dial, timeout time.Duration, addrs []string) driver.Store {
		client := goredis.NewClusterClient(&goredis.ClusterOptions{Addrs: addrs, Dialer: dial, ReadTimeout: timeout, MaxRetries: 5, MinRetryBackoff: -1})
		return redis.NewStore(client, redis.CloseClient(), redis.CallTimeout(timeout))
	},
}

// ofOwnClusters runs a test for each of the ways.
func ofOwnClusters(t *testing.T, test func(*drivertest.Subject, *testing.T)) {
	t.Helper()
	for name, open := range ownClusters {
		t.Run(name, func(t *testing.T) {
			test(subject.Through(func(dial drivertest.Dial) driver.Driver { return ownClients{redis.Driver{Dial: dial}, open} }), t)
		})
	}
}

func TestOwnClusterConformance(t *testing.T) {
	ofOwnClusters(t, (*drivertest.Subject).ClusterConformance)
}

func TestOwnClusterMigration(t *testing.T) { ofOwnClusters(t, (*drivertest.Subject).ClusterMigration) }
func TestOwnClusterOutage(t *testing.T)    { ofOwnClusters(t, (*drivertest.Subject).ClusterOutage) }
func TestOwnClusterClose(t *testing.T)     { ofOwnClusters(t, (*drivertest.Subject).ClusterClose) }
func TestOwnClusterScan(t *testing.T)      { ofOwnClusters(t, (*drivertest.Subject).ClusterScan) }
func TestOwnClusterRename(t *testing.T)    { ofOwnClusters(t, (*drivertest.Subject).ClusterRename) }
func TestOwnClusterCrossSlot(t *testing.T) { ofOwnClusters(t, (*drivertest.Subject).ClusterCrossSlot) }
func TestOwnClusterChaos(t *testing.T)     { ofOwnClusters(t, (*drivertest.Subject).ChaosCluster) }

func TestOwnClustersOpenWithoutIO(t *testing.T) {
	var made atomic.Int32
	refusing := drivertest.RefusingAddr(t)
	s := redis.NewClusterStore(func(addr string) *goredis.Client {
		made.Add(1)
		return goredis.NewClient(&goredis.Options{Addr: addr, MaxRetries: -1})
	}, refusing)
	require.Zero(t, made.Load(), "a client is made before the first call")
	drivertest.WantErr(t, drivertest.Put(t, s, "k", "v"), driver.NotApplied, driver.ErrUnavailable)
	require.EqualValues(t, 1, made.Load())
	require.NoError(t, s.Close())

	s = redis.NewClusterStore(func(string) *goredis.Client { return nil }, refusing)
	err := drivertest.Put(t, s, "k", "v")
	drivertest.WantErr(t, err, driver.NotApplied, driver.ErrUnavailable)
	require.ErrorContains(t, err, "no client for "+refusing)
	require.NoError(t, s.Close())
	subject.AwaitNoGoroutines(t)
}

// What the program owns is open after Close, and its hooks see the commands.
func TestOwnClusterClientStaysOpen(t *testing.T) {
	client := goredis.NewClusterClient(&goredis.ClusterOptions{Addrs: subject.Cluster(t).Addrs()})
	defer func() { _ = client.Close() }()
	hook := &countingHook{}
	client.OnNewNode(func(node *goredis.Client) { node.AddHook(hook) })
	require.NoError(t, client.Set(t.Context(), drivertest.Key(t, "before"), "v", time.Minute).Err())
	s := redis.NewStore(client)
	before := hook.seen.Load()
	for i := range 20 {
		require.NoError(t, drivertest.Put(t, s, drivertest.Key(t, fmt.Sprint(i)), "v"))
	}
	require.GreaterOrEqual(t, hook.seen.Load()-before, int32(20))
	require.Zero(t, driver.CapsOf(s).Limits.CallTimeout, "which the store cannot promise")
	require.NoError(t, s.Close())
	require.NoError(t, client.Get(t.Context(), drivertest.Key(t, "0")).Err(), "the client is closed")

	s = redis.NewStore(client)
	require.NoError(t, drivertest.Put(t, s, drivertest.Key(t, "k"), "v"))
	require.NoError(t, client.Close())
	// Nobody tells a client for a node that go-redis has left from one that the program closed.
	drivertest.WantErr(t, drivertest.Put(t, s, drivertest.Key(t, "k"), "v"), driver.NotApplied, driver.ErrUnavailable)
	require.NoError(t, s.Close())
}

type countingHook struct{ seen atomic.Int32 }

func (*countingHook) DialHook(next goredis.DialHook) goredis.DialHook { return next }

func (h *countingHook) ProcessHook(next goredis.ProcessHook) goredis.ProcessHook {
	return func(ctx context.Context, cmd goredis.Cmder) error {
		h.seen.Add(1)
		return next(ctx, cmd)
	}
}

func (*countingHook) ProcessPipelineHook(next goredis.ProcessPipelineHook) goredis.ProcessPipelineHook {
	return next
}

// A call whose context never ends is bounded, whatever the client's ReadTimeout.
func TestOwnClusterBoundsCallsWithoutADeadline(t *testing.T) {
	servers := subject.StartCluster(t)
	s := redis.NewClusterStore(func(addr string) *goredis.Client {
		return goredis.NewClient(&goredis.Options{Addr: addr, ReadTimeout: 20 * time.Second})
	}, servers.Addrs()...)
	defer func() { require.NoError(t, s.Close()) }()
	require.NoError(t, drivertest.Put(t, s, "k", "v"))
	for _, node := range servers.Nodes {
		node.Freeze(t)
	}
	began := time.Now()
	err := s.Set(context.Background(), []driver.Entry{{Key: "k", TTL: time.Minute}})
	took := time.Since(began)
	for _, node := range servers.Nodes {
		node.Thaw(t)
	}
	drivertest.WantErr(t, err, driver.Unknown, driver.ErrUnavailable)
	require.Less(t, took, 15*time.Second)
}

func TestClientOfSentinels(t *testing.T) {
	servers := subject.Sentinel(t)
	client := goredis.NewFailoverClient(&goredis.FailoverOptions{MasterName: servers.MasterName, SentinelAddrs: servers.Addrs()})
	s := redis.NewStore(client, redis.CloseClient())
	require.NoError(t, drivertest.Put(t, s, drivertest.Key(t, "k"), "v"))
	got, err := drivertest.Get(t, s, drivertest.Key(t, "k"))
	require.NoError(t, err)
	require.Equal(t, "v", string(got))
	require.NoError(t, s.Close())
}

func TestNewStoreRefuses(t *testing.T) {
	ring := goredis.NewRing(&goredis.RingOptions{Addrs: map[string]string{"a": "127.0.0.1:1"}})
	defer func() { _ = ring.Close() }()
	for _, client := range []goredis.UniversalClient{nil, (*goredis.Client)(nil), (*goredis.ClusterClient)(nil), ring} {
		require.Panics(t, func() { redis.NewStore(client) }, "%T", client)
	}
	made := func(string) *goredis.Client { return nil }
	require.Panics(t, func() { redis.NewClusterStore(nil, "h") })
	require.Panics(t, func() { redis.NewClusterStore(made) })
	require.Panics(t, func() { redis.NewClusterStore(made, "h:x") })
}
