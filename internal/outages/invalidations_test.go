package outages

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/internal/servertest"
	"github.com/xcache-go/xcache/xcachetest"
)

// A Delete that fails while its server cannot be reached is done when the server can be
// reached again.
func TestDeletionOutlivesAnOutage(t *testing.T) {
	onBoth(t, func(t *testing.T, dsn string, server *servertest.Server) {
		proxy := xcachetest.NewProxy(t, server.Addr)
		c, err := xcache.OpenDSN(strings.Replace(dsn, server.Addr, proxy.Addr(), 1)+"?invalidate=retry"+longTimeouts, xcache.WithPrefix("outage"))
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, c.Close()) })
		v := xcache.For[string](c)
		require.NoError(t, v.SetMany(t.Context(), map[string]string{"a": "old", "b": "old"}))

		proxy.Refuse()
		proxy.Cut()
		_, err = v.Delete(t.Context(), "a", "b")
		require.ErrorIs(t, err, xcache.ErrUnavailable)
		require.ErrorIs(t, err, xcache.ErrInvalidationPending)
		require.Equal(t, 2, v.PendingInvalidations())
		require.NoError(t, proxy.Accept())

		require.Eventually(t, func() bool { return v.PendingInvalidations() == 0 }, time.Minute, every)
		found, err := v.GetMany(t.Context(), []string{"a", "b"})
		require.NoError(t, err)
		require.Empty(t, found)
	})
}
