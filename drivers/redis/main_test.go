package redis_test

import (
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
	ServerError: func(err error) error {
		if native, ok := errors.AsType[goredis.Error](err); ok {
			return native
		}
		return nil
	},
}

func TestMain(m *testing.M) { subject.Main(m) }
