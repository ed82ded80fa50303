package lua_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/memory"
	_ "github.com/xcache-go/xcache/drivers/memory/lua"
	"github.com/xcache-go/xcache/xcachetest"
)

// TestConformance runs the checks of scripts. All other checks have the same result without
// the language, and are run by package memory.
func TestConformance(t *testing.T) {
	skip := make(map[string]string)
	for _, check := range xcachetest.Checks() {
		group, _, _ := strings.Cut(check.Name, "/")
		if !strings.HasPrefix(group, "scripts") && group != "caps" && !strings.HasPrefix(check.Name, "command/EVAL") {
			skip[check.Name] = "package memory runs it"
		}
	}
	xcachetest.Run(t, xcachetest.Harness{
		Open: func(t testing.TB) driver.Store {
			store, err := memory.NewStore(memory.Options{})
			require.NoError(t, err)
			return store
		},
		InProcess: true,
		Exclusive: true,
		Lacks:     []string{"Tracker", "Replicated", "Disconnector", "Exclusive"},

		LacksGroups: []driver.Group{driver.GroupMigration, driver.GroupFunctions},
		Release:     driver.Release,
		Skip:        skip,
	})
}
