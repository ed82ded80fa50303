package valkey_test

import (
	"context"
	"testing"
	"time"

	valkeygo "github.com/valkey-io/valkey-go"

	"github.com/stretchr/testify/require"
	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/drivertest"
	"github.com/xcache-go/xcache/drivers/valkey"
)

func TestCloseLeavesTheClientOfTheProgram(t *testing.T) {
	client := newClient(t, valkeygo.ClientOption{InitAddress: []string{subject.Standalone(t).Addr}})
	defer client.Close()
	s := valkey.NewStore(client)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	require.NoError(t, s.Set(ctx, []driver.Entry{{Key: drivertest.Key(t, "k"), TTL: time.Minute}}))
	require.NoError(t, s.Close())
	require.NoError(t, client.Do(t.Context(), client.B().Ping().Build()).Error(), "the client was closed")
}

func TestCloseClient(t *testing.T) {
	client := newClient(t, valkeygo.ClientOption{InitAddress: []string{subject.Standalone(t).Addr}})
	require.NoError(t, valkey.NewStore(client, valkey.CloseClient()).Close())
	require.Error(t, client.Do(t.Context(), client.B().Ping().Build()).Error(), "the client is open")
	subject.AwaitNoGoroutines(t)
}
