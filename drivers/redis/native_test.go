package redis_test

import (
	"context"
	"net/url"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/drivertest"
	"github.com/xcache-go/xcache/drivers/memory"
	"github.com/xcache-go/xcache/drivers/redis"
	"github.com/xcache-go/xcache/internal/servertest"
)

// wantNative fails the test unless the client for each server that Inspect shows leads
// there, and tells the ports of those that there is one for.
func wantNative(t *testing.T, store driver.Store, lacks ...driver.ServerRole) {
	t.Helper()
	for _, server := range store.(driver.Inspector).Inspect().Servers {
		client, ok := redis.Client(store, server.Addr)
		if len(lacks) > 0 && server.Role == lacks[0] {
			require.False(t, ok, "%s", server.Addr)
			continue
		}
		require.True(t, ok, "%s", server.Addr)
		require.Equal(t, server.Addr, client.Options().Addr)
		require.NoError(t, client.Ping(t.Context()).Err(), "%s", server.Addr)
		again, _ := redis.Client(store, server.Addr)
		require.Same(t, client, again)
	}
	_, ok := redis.Client(store, "127.0.0.1:1")
	require.False(t, ok)
}

func TestClientOfAServer(t *testing.T) {
	server := subject.StartServer(t, servertest.TLS(), servertest.User("ann", "secret", "~*", "+@all"))
	for login, ask := range map[string]*redis.Credentials{"ann:secret@": nil, "": {Username: "ann", Password: "secret", Expires: time.Now().Add(time.Hour)}} {
		var opts []redis.Option
		if ask != nil {
			opts = append(opts, redis.WithCredentials(func(context.Context) (redis.Credentials, error) { return *ask, nil }))
		}
		store, err := redis.Open("rediss://"+login+server.Addr+"/3?client_name=shop&tls_ca="+url.PathEscape(server.Certificates.CAFile), opts...)
		require.NoError(t, err)
		require.NoError(t, drivertest.Put(t, store, "k", "v"))
		client, ok := redis.Client(store, "")
		require.True(t, ok)
		require.Equal(t, "v", client.Get(t.Context(), "k").Val(), "another database, or another server")
		info, err := client.Do(t.Context(), "CLIENT", "INFO").Text()
		require.NoError(t, err)
		for _, want := range []string{"name=shop", "db=3", "user=ann"} {
			require.Contains(t, info, want)
		}
		wantNative(t, store)
		require.NoError(t, store.Close())
		require.ErrorIs(t, client.Ping(t.Context()).Err(), goredis.ErrClosed)
		_, ok = redis.Client(store, "")
		require.False(t, ok, "a client after Close")
		subject.AwaitNoGoroutines(t)
	}
}

func TestClientOfEachTopology(t *testing.T) {
	primary := subject.Replicated(t)
	store := subject.Open(t, "redis://"+primary.Addrs()[0]+","+primary.Addrs()[1])
	client, ok := redis.Client(store, "")
	require.True(t, ok)
	require.Equal(t, primary.Addrs()[0], client.Options().Addr)
	wantNative(t, store)

	cluster := "redis+cluster://" + subject.Cluster(t).Addrs()[0]
	store = subject.Open(t, cluster)
	require.NoError(t, drivertest.Put(t, store, drivertest.Key(t, "k"), "v"))
	wantNative(t, store, driver.RoleReplica)
	_, ok = redis.Client(store, "")
	require.False(t, ok, "of several primaries")
	store = subject.Open(t, cluster+"?read=replica")
	require.NoError(t, drivertest.Put(t, store, drivertest.Key(t, "k"), "v"))
	wantNative(t, store)

	sentinels := subject.Sentinel(t)
	store = subject.Open(t, "redis+sentinel://"+sentinels.Addrs()[0]+"?read=prefer-replica&master="+sentinels.MasterName)
	_, ok = redis.Client(store, "")
	require.False(t, ok, "before the first call")
	require.NoError(t, drivertest.Put(t, store, drivertest.Key(t, "k"), "v"))
	wantNative(t, store)
	client, ok = redis.Client(store, "")
	require.True(t, ok)
	require.Equal(t, sentinels.Primary(t).Addr, client.Options().Addr)
}

func TestClientOfOthers(t *testing.T) {
	own := goredis.NewClient(&goredis.Options{Addr: "127.0.0.1:1"})
	store := redis.NewStore(own, redis.CloseClient())
	client, ok := redis.Client(store, "")
	require.True(t, ok)
	require.Same(t, own, client)
	require.NoError(t, store.Close())
	_, ok = redis.Client(store, "")
	require.False(t, ok, "a client after Close")
	other, err := memory.NewStore(memory.Options{})
	require.NoError(t, err)
	_, ok = redis.Client(other, "")
	require.False(t, ok)
	require.NoError(t, other.Close())
}

func TestOpenRefuses(t *testing.T) {
	for dsn, says := range map[string]string{
		"valkey://h":             "scheme",
		"redis://h?ttl=1s":       "ttl",
		"redis://h?prefix=a":     "option",
		"redis://h?max_value=0":  "at least 1",
		"redis://h?op_timeout=x": "op_timeout",
		"redis://h?nonsense=1":   "nonsense",
		"redis://h/x":            "parameter db",
	} {
		_, err := redis.Open(dsn)
		require.ErrorContains(t, err, says, dsn)
	}
	store, err := redis.Open("redis://h?op_timeout=1s&max_value=1MiB")
	require.NoError(t, err)
	limits := driver.CapsOf(store).Limits
	require.Equal(t, time.Second, limits.CallTimeout)
	require.Equal(t, 1<<20, limits.ValueSize)
	require.NoError(t, store.Close())
	require.Panics(t, func() { redis.WithCredentials(nil) })
}
