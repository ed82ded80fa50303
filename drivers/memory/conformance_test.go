package memory_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/memory"
	"github.com/xcache-go/xcache/internal/conformance"
	"github.com/xcache-go/xcache/xcachetest"
)

func TestConformance(t *testing.T) {
	xcachetest.Run(t, xcachetest.Harness{
		Open: func(t testing.TB) driver.Store {
			dsn, err := driver.ParseDSN("memory://")
			require.NoError(t, err)
			store, err := new(memory.Driver).Open(dsn)
			require.NoError(t, err)
			return store
		},
		InProcess: true,
		Exclusive: true,
		Lacks:     []string{"Tracker", "Replicated", "Disconnector", "Exclusive"},

		LacksGroups: lackingGroups,
		Release:     driver.Release,
		Report:      conformance.ReportPath("memory"),
	})
}
