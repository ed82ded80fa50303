package redis_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/drivertest"
	"github.com/xcache-go/xcache/drivers/redis"
)

func TestOwnClusters(t *testing.T) { subject.OwnClustersOf(t) }

// ownClusters are the ways to make a cluster of the program's clients, which would send
// writes again.
var ownClusters = []drivertest.OwnCluster{
	{Name: "NewClusterStore", Open: func(o drivertest.ClientOptions, seeds []string) (driver.Store, error) {
		return redis.NewClusterStoreWith(redis.CallTimeout(o.Timeout), func(addr string) *goredis.Client {
			return goredis.NewClient(&goredis.Options{
				Addr: addr, Dialer: o.Dial, ReadTimeout: o.Timeout, TLSConfig: o.TLS, Password: o.Password, MaxRetries: 5, MinRetryBackoff: -1,
			})
		}, seeds...), nil
	}},
	{Name: "NewStore of a ClusterClient", Open: func(o drivertest.ClientOptions, seeds []string) (driver.Store, error) {
		client := goredis.NewClusterClient(&goredis.ClusterOptions{
			Addrs: seeds, Dialer: o.Dial, ReadTimeout: o.Timeout, TLSConfig: o.TLS, Password: o.Password, MaxRetries: 5, MinRetryBackoff: -1,
		})
		return redis.NewStore(client, redis.CloseClient(), redis.CallTimeout(o.Timeout)), nil
	}},
}

// longTimeout is a time-out that no test measures. longTimeouts are the parameters of a DSN
// with that length.
const (
	longTimeout  = 30 * time.Second
	longTimeouts = "op_timeout=30s&dial_timeout=30s"
)

func TestOwnClustersOpenWithoutIO(t *testing.T) {
	var made atomic.Int32
	refusing := drivertest.RefusingAddr(t)
	s := redis.NewClusterStoreWith(redis.CallTimeout(longTimeout), func(addr string) *goredis.Client {
		made.Add(1)
		return goredis.NewClient(&goredis.Options{Addr: addr, MaxRetries: -1})
	}, refusing)
	require.Zero(t, made.Load(), "a client is made before the first call")
	drivertest.WantErr(t, drivertest.Put(t, s, "k", "v"), driver.NotApplied, driver.ErrUnavailable)
	require.EqualValues(t, 1, made.Load())
	require.NoError(t, s.Close())

	s = redis.NewClusterStoreWith(redis.CallTimeout(longTimeout), func(string) *goredis.Client { return nil }, refusing)
	err := drivertest.Put(t, s, "k", "v")
	drivertest.WantErr(t, err, driver.NotApplied, driver.ErrUnavailable)
	require.ErrorContains(t, err, "no client for "+refusing)
	require.NoError(t, s.Close())
	subject.AwaitNoGoroutines(t)
}

// The program's client is open after Close, and its hooks see the commands.
func TestOwnClusterClientStaysOpen(t *testing.T) {
	client := goredis.NewClusterClient(&goredis.ClusterOptions{Addrs: subject.Cluster(t).Addrs(), ReadTimeout: longTimeout})
	defer func() { _ = client.Close() }()
	hook := &countingHook{}
	client.OnNewNode(func(node *goredis.Client) { node.AddHook(hook) })
	require.NoError(t, client.Set(t.Context(), drivertest.Key(t, "before"), "v", time.Minute).Err())
	s := redis.NewStore(client, redis.CallTimeout(longTimeout))
	before := hook.seen.Load()
	for i := range 20 {
		require.NoError(t, drivertest.Put(t, s, drivertest.Key(t, fmt.Sprint(i)), "v"))
	}
	require.GreaterOrEqual(t, hook.seen.Load()-before, int32(20))
	require.Zero(t, driver.CapsOf(s).Limits.CallTimeout, "which the store cannot promise")
	require.NoError(t, s.Close())
	require.NoError(t, client.Get(t.Context(), drivertest.Key(t, "0")).Err(), "the client is closed")

	s = redis.NewStore(client, redis.CallTimeout(longTimeout))
	require.NoError(t, drivertest.Put(t, s, drivertest.Key(t, "k"), "v"))
	require.NoError(t, client.Close())
	for range 2 {
		drivertest.WantErr(t, drivertest.Put(t, s, drivertest.Key(t, "k"), "v"), driver.NotApplied, driver.ErrClosed)
	}
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

// NewClusterStore closes its clients, and their hooks see the commands.
func TestNewClusterStoreOwnsItsClients(t *testing.T) {
	servers := subject.Cluster(t)
	hook := &countingHook{}
	var mu sync.Mutex
	made := make(map[string][]*goredis.Client)
	s := redis.NewClusterStoreWith(redis.CallTimeout(longTimeout), func(addr string) *goredis.Client {
		client := goredis.NewClient(&goredis.Options{Addr: addr, ReadTimeout: longTimeout})
		client.AddHook(hook)
		mu.Lock()
		defer mu.Unlock()
		made[addr] = append(made[addr], client)
		return client
	}, servers.Addrs()[0])
	for i := range 20 {
		require.NoError(t, drivertest.Put(t, s, drivertest.Key(t, fmt.Sprint(i)), "v"))
	}
	require.GreaterOrEqual(t, hook.seen.Load(), int32(20))
	require.NoError(t, s.Close())
	require.Len(t, made, 3)
	for addr, clients := range made {
		require.Len(t, clients, 1, "the clients for %s", addr)
		require.ErrorIs(t, clients[0].Ping(t.Context()).Err(), goredis.ErrClosed)
	}
	subject.AwaitNoGoroutines(t)
}

// Calls fail while go-redis looks for the new primary, and report whether they may have
// been applied.
func TestClientOfSentinelsFollowsAFailover(t *testing.T) {
	servers := subject.StartSentinel(t)
	client := goredis.NewFailoverClient(&goredis.FailoverOptions{MasterName: servers.MasterName, SentinelAddrs: servers.Addrs(), ReadTimeout: longTimeout})
	s := redis.NewStore(client, redis.CloseClient())
	require.NoError(t, drivertest.Put(t, s, "k", "v"))
	victim := servers.Primary(t)
	servers.NoticeFailures(t)
	victim.Kill(t)
	var acknowledged, unknown int64
	drivertest.Eventually(t, func() bool {
		cmd := driver.NewCmd("INCR", driver.Key("n"))
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		err := cmp.Or(s.Do(ctx, []*driver.Cmd{cmd}, driver.Plain), cmd.Err)
		switch {
		case err == nil:
			acknowledged++
		case errors.Is(err, driver.ErrUnknownOutcome):
			unknown++
		}
		require.NotErrorIs(t, err, driver.ErrClosed)
		return acknowledged == 3
	}, func() string { return "no call succeeds after the failover" })
	cmd := driver.NewCmd("GET", driver.Key("n"))
	require.NoError(t, cmp.Or(s.Do(t.Context(), []*driver.Cmd{cmd}, driver.Plain), cmd.Err))
	n, err := strconv.ParseInt(string(cmd.Reply.Data), 10, 64)
	require.NoError(t, err)
	require.GreaterOrEqual(t, n, acknowledged)
	require.LessOrEqual(t, n, acknowledged+unknown)
	servers.AwaitFailover(t, victim)
	require.NoError(t, s.Close())
}

func TestNewStoreRefuses(t *testing.T) {
	ring := goredis.NewRing(&goredis.RingOptions{Addrs: map[string]string{"a": "127.0.0.1:1"}})
	defer func() { _ = ring.Close() }()
	sentinels := goredis.NewFailoverClusterClient(&goredis.FailoverOptions{MasterName: "m", SentinelAddrs: []string{"127.0.0.1:1"}})
	defer func() { _ = sentinels.Close() }()
	replicas := goredis.NewClusterClient(&goredis.ClusterOptions{Addrs: []string{"127.0.0.1:1"}, RouteRandomly: true})
	defer func() { _ = replicas.Close() }()
	for _, tt := range []struct {
		client goredis.UniversalClient
		says   string
	}{
		{nil, "nil client"},
		{(*goredis.Client)(nil), "nil client"},
		{(*goredis.ClusterClient)(nil), "nil client"},
		{ring, "NewStore of a *redis.Ring"},
		{sentinels, "NewFailoverClient"},
		{replicas, "read=prefer-replica"},
	} {
		message := func() (text string) {
			defer func() { text = fmt.Sprint(recover()) }()
			redis.NewStore(tt.client)
			return ""
		}()
		require.Contains(t, message, tt.says)
	}
	made := func(string) *goredis.Client { return nil }
	require.Panics(t, func() { redis.NewClusterStore(nil, "h") })
	require.Panics(t, func() { redis.NewClusterStore(made) })
	require.Panics(t, func() { redis.NewClusterStore(made, "h:x") })
}
