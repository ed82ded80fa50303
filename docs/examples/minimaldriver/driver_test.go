package minimaldriver

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/xcachetest"
)

func TestConformance(t *testing.T) {
	xcachetest.Run(t, xcachetest.Harness{
		Open: func(t testing.TB) driver.Store {
			dsn, err := driver.ParseDSN("minimal://")
			require.NoError(t, err)
			store, err := Driver{}.Open(dsn)
			require.NoError(t, err)
			return store
		},
		InProcess: true,
		Lacks: []string{"Commander", "Expirer", "Counter", "Swapper", "Mover",
			"Scanner", "Flusher", "Pinger", "Subscriber", "Tracker", "Replicated", "Disconnector", "Exclusive"},
	})
}
