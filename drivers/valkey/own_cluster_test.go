package valkey_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	valkeygo "github.com/valkey-io/valkey-go"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/drivertest"
	"github.com/xcache-go/xcache/drivers/valkey"
)

func TestOwnClusters(t *testing.T) { subject.OwnClustersOf(t) }

var ownClusters = []drivertest.OwnCluster{
	{Name: "NewStore of a client for a cluster", Connects: true, Open: func(o drivertest.ClientOptions, seeds []string) (driver.Store, error) {
		client, err := newClusterClient(o, seeds...)
		if err != nil {
			return nil, err
		}
		return valkey.NewStore(client, valkey.CloseClient(), valkey.CallTimeout(o.Timeout)), nil
	}},
}

// newClusterClient returns a client of the program for a cluster.
func newClusterClient(o drivertest.ClientOptions, seeds ...string) (valkeygo.Client, error) {
	option := valkeygo.ClientOption{InitAddress: seeds, DisableCache: true, PipelineMultiplex: -1, TLSConfig: o.TLS, Password: o.Password}
	if o.Dial != nil {
		option.DialCtxFn = func(ctx context.Context, addr string, _ *net.Dialer, _ *tls.Config) (net.Conn, error) {
			return o.Dial(ctx, "tcp", addr)
		}
	}
	client, err := valkeygo.NewClient(option)
	if err != nil && client != nil {
		client.Close()
	}
	return client, err
}

// The program's client is open after Close, and its hooks see the commands.
func TestOwnClusterClientStaysOpen(t *testing.T) {
	client, err := newClusterClient(drivertest.ClientOptions{}, subject.Cluster(t).Addrs()...)
	require.NoError(t, err)
	defer subject.AwaitNoGoroutines(t)
	defer client.Close()
	var seen atomic.Int32
	s := valkey.NewStore(hooked{client, &seen}, valkey.CallTimeout(longTimeout))
	require.Zero(t, seen.Load(), "NewStore does I/O")
	for i := range 20 {
		require.NoError(t, drivertest.Put(t, s, drivertest.Key(t, fmt.Sprint(i)), "v"))
	}
	require.GreaterOrEqual(t, seen.Load(), int32(20))
	require.Len(t, s.Inspect().Servers, 6)
	for _, server := range s.Inspect().Servers {
		if server.Role != driver.RolePrimary {
			continue
		}
		native, err := valkey.Client(s, server.Addr)
		require.NoError(t, err)
		require.NoError(t, native.Do(t.Context(), native.B().Ping().Build()).Error())
	}
	require.NoError(t, s.Close())
	require.NoError(t, client.Do(t.Context(), client.B().Get().Key(drivertest.Key(t, "0")).Build()).Error(), "the client is closed")
}

// hooked wraps a client, as packages such as valkeyhook do.
type hooked struct {
	valkeygo.Client
	seen *atomic.Int32
}

func (h hooked) Do(ctx context.Context, cmd valkeygo.Completed) valkeygo.ValkeyResult {
	h.seen.Add(1)
	return h.Client.Do(ctx, cmd)
}

func (h hooked) DoMulti(ctx context.Context, cmds ...valkeygo.Completed) []valkeygo.ValkeyResult {
	h.seen.Add(1)
	return h.Client.DoMulti(ctx, cmds...)
}

func (h hooked) Nodes() map[string]valkeygo.Client {
	nodes := h.Client.Nodes()
	for addr, node := range nodes {
		nodes[addr] = hooked{node, h.seen}
	}
	return nodes
}

// The first call finds the connections closed, the second finds all connections closed, and
// later calls know that.
func TestOwnClusterClientThatTheProgramCloses(t *testing.T) {
	client, err := newClusterClient(drivertest.ClientOptions{}, subject.Cluster(t).Addrs()...)
	require.NoError(t, err)
	s := valkey.NewStore(client, valkey.CallTimeout(longTimeout))
	k := drivertest.Key(t, "k")
	require.NoError(t, drivertest.Put(t, s, k, "v"))
	client.Close()
	drivertest.Eventually(t, func() bool {
		return errors.Is(drivertest.Put(t, s, k, "v"), driver.ErrClosed)
	}, func() string { return "calls do not say that the client is closed" })
	drivertest.WantErr(t, drivertest.Put(t, s, k, "v"), driver.NotApplied, driver.ErrClosed)
	require.NoError(t, s.Close())
	subject.AwaitNoGoroutines(t)
}
