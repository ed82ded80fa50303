package boltdriver_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/docs/examples/boltdriver"
	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/xcachetest"
)

func TestConformance(t *testing.T) {
	report, parameters := "", "?sync=off" // the disk's time is nobody's but the report's
	if folder := os.Getenv("XCACHE_CONFORMANCE"); folder != "" {
		report, parameters = filepath.Join(folder, "bolt"), ""
	}
	xcachetest.Run(t, xcachetest.Harness{
		Open: func(t testing.TB) driver.Store {
			dsn, err := driver.ParseDSN("bolt://" + filepath.Join(t.TempDir(), "cache.db") + parameters)
			require.NoError(t, err)
			store, err := boltdriver.Driver{}.Open(dsn)
			require.NoError(t, err)
			return store
		},
		Exclusive: true, // each store has a file of its own
		Lacks:     []string{"Commander", "Subscriber", "Tracker", "Replicated", "Disconnector", "Exclusive"},
		Driver:    "bolt",
		Server:    "bbolt",
		Report:    report,
	})
}
