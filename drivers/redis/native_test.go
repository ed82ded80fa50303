package redis_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/drivertest"
	"github.com/xcache-go/xcache/drivers/redis"
	"github.com/xcache-go/xcache/internal/servertest"
)

func TestNativeClients(t *testing.T) { subject.NativeClients(t) }

func nativeClient(store driver.Store, addr string) (drivertest.NativeClient, error) {
	client, ok := redis.Client(store, addr)
	if !ok {
		return drivertest.NativeClient{}, errors.ErrUnsupported
	}
	return drivertest.NativeClient{Client: client, Do: func(ctx context.Context, words ...string) (string, error) {
		args := make([]any, len(words))
		for i, word := range words {
			args[i] = word
		}
		return client.Do(ctx, args...).Text()
	}}, nil
}

// The client also uses the program's credentials.
func TestNativeClientAsksForCredentials(t *testing.T) {
	server := subject.StartServer(t, servertest.User("ann", "secret", "~*", "+@all"))
	store, err := redis.Open("redis://"+server.Addr+"?"+longTimeouts, redis.WithCredentials(func(context.Context) (redis.Credentials, error) {
		return redis.Credentials{Username: "ann", Password: "secret", Expires: time.Now().Add(time.Hour)}, nil
	}))
	require.NoError(t, err)
	defer func() { require.NoError(t, store.Close()) }()
	client, ok := redis.Client(store, server.Addr)
	require.True(t, ok)
	info, err := client.Do(t.Context(), "CLIENT", "INFO").Text()
	require.NoError(t, err)
	require.Contains(t, info, "user=ann")
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
