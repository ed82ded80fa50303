package valkey_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	valkeygo "github.com/valkey-io/valkey-go"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/valkey"
)

// When valkey-go's client of sentinels leaves a primary, calls there get the error of a
// closed client. The cache is not closed by that error.
func TestClientOfSentinelsLeavesAFrozenPrimary(t *testing.T) {
	servers := subject.StartSentinel(t)
	client, err := valkeygo.NewClient(valkeygo.ClientOption{
		InitAddress:  servers.Addrs(),
		Sentinel:     valkeygo.SentinelOption{MasterSet: servers.MasterName},
		DisableCache: true,
	})
	require.NoError(t, err)
	cache, err := xcache.New(valkey.NewStore(client, valkey.CloseClient()), xcache.WithOpTimeout(20*time.Second))
	require.NoError(t, err)
	defer func() { require.NoError(t, cache.Close()) }()
	values := xcache.For[string](cache)
	require.NoError(t, values.Set(t.Context(), "k", "v"))
	primary := servers.Primary(t)
	servers.NoticeFailures(t)
	primary.Freeze(t)
	defer primary.Thaw(t)
	end := time.Now().Add(2 * time.Minute)
	var succeeded sync.Map
	var callers sync.WaitGroup
	for i := range 8 {
		callers.Go(func() {
			k := fmt.Sprint("k", i)
			for time.Now().Before(end) {
				err := values.Set(t.Context(), k, "v")
				if err == nil {
					succeeded.Store(i, true)
					return
				}
				assert.NotErrorIs(t, err, xcache.ErrClosed)
				var failure *driver.Error
				if assert.ErrorAs(t, err, &failure) && errors.Is(err, valkeygo.ErrClosing) {
					assert.ErrorIs(t, err, xcache.ErrUnavailable)
					assert.ErrorIs(t, err, xcache.ErrUnknownOutcome)
				}
			}
		})
	}
	callers.Wait()
	for i := range 8 {
		_, ok := succeeded.Load(i)
		require.True(t, ok, "a caller had no success after the failover")
	}
}
