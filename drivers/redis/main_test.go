package redis_test

import (
	"context"
	"errors"
	"testing"

	goredis "github.com/redis/go-redis/v9"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/drivertest"
	"github.com/xcache-go/xcache/drivers/internal/node"
	"github.com/xcache-go/xcache/drivers/internal/settings"
	"github.com/xcache-go/xcache/drivers/redis"
)

var subject = &drivertest.Subject{
	Scheme:   "redis",
	Release:  "redis",
	Driver:   func(dial drivertest.Dial) driver.Driver { return redis.Driver{Dial: dial} },
	Node:     func(s *settings.Settings) node.Node { return redis.NewNode(s, nil) },
	Packages: []string{"drivers/redis.", "redis/go-redis"},
	NewStore: func(_ testing.TB, addr, password string) driver.Store {
		// This client would send writes again.
		options := &goredis.Options{Addr: addr, Password: password, MaxRetries: 5, MinRetryBackoff: -1}
		return redis.NewStore(goredis.NewClient(options), redis.CloseClient())
	},
	OwnClusters: ownClusters,
	Native:      nativeClient,
	Raw:         rawClient,
	RawName:     "go-redis",
	ServerError: func(err error) error {
		if native, ok := errors.AsType[goredis.Error](err); ok {
			return native
		}
		return nil
	},
}

// rawClient returns a client with the options of the library.
func rawClient(_ testing.TB, servers drivertest.Topology) drivertest.RawClient {
	var client goredis.UniversalClient
	switch {
	case servers.Cluster:
		client = goredis.NewClusterClient(&goredis.ClusterOptions{Addrs: servers.Addrs})
	case servers.Master != "":
		client = goredis.NewFailoverClient(&goredis.FailoverOptions{MasterName: servers.Master, SentinelAddrs: servers.Addrs})
	default:
		client = goredis.NewClient(&goredis.Options{Addr: servers.Addrs[0]})
	}
	return drivertest.RawClient{
		Incr:  func(ctx context.Context, key string) error { return client.Incr(ctx, key).Err() },
		Close: func() { _ = client.Close() },
	}
}

func TestMain(m *testing.M) { subject.Main(m) }
