package valkey_test

import (
	"testing"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/valkey"
	"github.com/xcache-go/xcache/internal/servertest"
	"github.com/xcache-go/xcache/xcachetest"
)

func TestConformance(t *testing.T) {
	for _, product := range []string{"valkey", "redis"} {
		t.Run(product, func(t *testing.T) {
			server := servertest.Redis(t, servertest.Release(product)) // of its own: the suite empties it
			open := func(t testing.TB, addr string) driver.Store {
				t.Helper()
				dsn, err := driver.ParseDSN("valkey://" + addr)
				if err != nil {
					t.Fatal(err)
				}
				store, err := valkey.Driver{}.Open(dsn)
				if err != nil {
					t.Fatal(err)
				}
				return store
			}
			xcachetest.Run(t, xcachetest.Harness{
				Open:      func(t testing.TB) driver.Store { return open(t, server.Addr) },
				OpenAt:    open,
				Addr:      server.Addr,
				Exclusive: true,
				Lacks:     []string{"Subscriber", "Tracker", "Replicated"},
			})
		})
	}
}
