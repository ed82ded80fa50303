package null_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/null"
	"github.com/xcache-go/xcache/internal/conformance"
	"github.com/xcache-go/xcache/xcachetest"
)

func TestConformance(t *testing.T) {
	xcachetest.Run(t, xcachetest.Harness{
		Open: func(t testing.TB) driver.Store {
			dsn, err := driver.ParseDSN("null://")
			require.NoError(t, err)
			store, err := null.Driver{}.Open(dsn)
			require.NoError(t, err)
			return store
		},
		KeepsNothing: true,
		InProcess:    true,
		Exclusive:    true,
		Lacks:        []string{"Tracker", "Replicated", "Disconnector", "Exclusive"},

		LacksCommands: []string{"XADD", "RESTORE"},
		LacksGroups:   []driver.Group{driver.GroupScripts, driver.GroupFunctions, driver.GroupLocks, driver.GroupSemaphores, driver.GroupRateLimits, driver.GroupOnce, driver.GroupLeases},
		Report:        conformance.ReportPath("null"),
	})
}
