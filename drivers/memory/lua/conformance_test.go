package lua_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/memory"
	_ "github.com/xcache-go/xcache/drivers/memory/lua"
	"github.com/xcache-go/xcache/xcachetest"
)

func TestConformance(t *testing.T) {
	xcachetest.Run(t, xcachetest.Harness{
		Open: func(t testing.TB) driver.Store {
			store, err := memory.NewStore(memory.Options{})
			require.NoError(t, err)
			return store
		},
		InProcess: true,
		Exclusive: true,
		Lacks:     []string{"Subscriber", "Tracker", "Replicated", "Disconnector", "Exclusive"},

		LacksGroups: []driver.Group{driver.GroupMigration, driver.GroupFunctions},
		Release:     driver.Release,
	})
}
