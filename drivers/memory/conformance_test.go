package memory_test

import (
	"testing"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/memory"
	"github.com/xcache-go/xcache/xcachetest"
)

func TestConformance(t *testing.T) {
	xcachetest.Run(t, xcachetest.Harness{
		Open: func(t testing.TB) driver.Store {
			dsn, err := driver.ParseDSN("memory://")
			if err != nil {
				t.Fatal(err)
			}
			store, err := new(memory.Driver).Open(dsn)
			if err != nil {
				t.Fatal(err)
			}
			return store
		},
		InProcess: true,
		Exclusive: true,
		Lacks:     []string{"Subscriber", "Tracker", "Replicated", "Disconnector"},

		LacksGroups: lackingGroups,
		Release:     driver.Release,
	})
}
