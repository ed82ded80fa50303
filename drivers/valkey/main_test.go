package valkey_test

import (
	"context"
	"errors"
	"testing"

	valkeygo "github.com/valkey-io/valkey-go"

	"github.com/stretchr/testify/require"
	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/drivertest"
	"github.com/xcache-go/xcache/drivers/internal/node"
	"github.com/xcache-go/xcache/drivers/internal/settings"
	"github.com/xcache-go/xcache/drivers/valkey"
)

var subject = &drivertest.Subject{
	Scheme:   "valkey",
	Release:  "valkey",
	Others:   []string{"redis"},
	Driver:   func(dial drivertest.Dial) driver.Driver { return valkey.Driver{Dial: dial} },
	Node:     func(s *settings.Settings) node.Node { return valkey.NewNode(s, nil) },
	Packages: []string{"drivers/valkey.", "valkey-io/valkey-go"},
	NewStore: func(t testing.TB, addr, password string) driver.Store {
		client := newClient(t, valkeygo.ClientOption{InitAddress: []string{addr}, Password: password})
		return valkey.NewStore(client, valkey.CloseClient())
	},
	ServerError: func(err error) error {
		if native, ok := errors.AsType[*valkeygo.ValkeyError](err); ok {
			return native
		}
		return nil
	},
	Pipelines:   true,
	OwnClusters: ownClusters,
	Native:      nativeClient,
	Raw:         rawClient,
	RawName:     "valkey-go",
}

// rawClient returns a client with the options of the library.
func rawClient(t testing.TB, servers drivertest.Topology) drivertest.RawClient {
	t.Helper()
	option := valkeygo.ClientOption{InitAddress: servers.Addrs}
	if servers.Master != "" {
		option.Sentinel = valkeygo.SentinelOption{MasterSet: servers.Master}
	}
	client, err := valkeygo.NewClient(option)
	require.NoError(t, err)
	return drivertest.RawClient{
		Incr: func(ctx context.Context, key string) error {
			return client.Do(ctx, client.B().Incr().Key(key).Build()).Error()
		},
		Close: client.Close,
	}
}

func TestMain(m *testing.M) { subject.Main(m) }

// newClient returns a client of the program.
func newClient(t testing.TB, option valkeygo.ClientOption) valkeygo.Client {
	t.Helper()
	option.ForceSingleClient, option.DisableCache = true, true
	client, err := valkeygo.NewClient(option)
	require.NoError(t, err)
	return client
}
