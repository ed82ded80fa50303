package coordination

import (
	"context"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
)

// leaseless is a store without the commands on leases.
type leaseless struct{ driver.Store }

func (s leaseless) Caps() driver.Caps {
	caps := driver.CapsOf(s.Store)
	caps.Commander = leaselessCommander{caps.Commander}
	return caps
}

type leaselessCommander struct{ driver.Commander }

func (c leaselessCommander) Commands() driver.CommandSet {
	names := c.Commander.Commands().Names()
	return driver.NewCommandSet(slices.DeleteFunc(names, func(name string) bool {
		row, _ := driver.LookupCommand(name)
		return row.Group == driver.GroupLeases
	})...)
}

// BenchmarkLeases measures what leases cost: each operation runs on a store with
// leases, and on the same store without leases.
func BenchmarkLeases(b *testing.B) {
	for _, store := range []struct{ name, dsn string }{
		{"memory", "memory://"}, {"redis", "redis://" + redis.Server(b).Addr}, {"valkey", "valkey://" + valkey.Server(b).Addr},
	} {
		open := func(b *testing.B) *xcache.Cache {
			c, err := xcache.OpenDSN(store.dsn)
			require.NoError(b, err)
			b.Cleanup(func() { require.NoError(b, c.Close()) })
			return c
		}
		for _, side := range []string{"without", "with"} {
			c := open
			if side == "without" {
				c = func(b *testing.B) *xcache.Cache {
					without, err := xcache.New(leaseless{open(b).Store()})
					require.NoError(b, err)
					return without
				}
			}
			load := func(context.Context) (string, error) { return "value", nil }
			b.Run(store.name+"/hit/"+side, func(b *testing.B) {
				v := xcache.For[string](c(b))
				require.NoError(b, v.Set(b.Context(), "k", "value"))
				for b.Loop() {
					if _, err := v.GetOrSet(b.Context(), "k", load); err != nil {
						b.Fatal(err)
					}
				}
			})
			b.Run(store.name+"/delete/"+side, func(b *testing.B) {
				c := c(b)
				for b.Loop() {
					if _, err := c.Delete(b.Context(), "user:123456789"); err != nil {
						b.Fatal(err)
					}
				}
			})
			b.Run(store.name+"/miss/"+side, func(b *testing.B) {
				v := xcache.For[string](c(b))
				for b.Loop() {
					if _, err := v.GetOrSet(b.Context(), "missing", load, xcache.TTL(-1)); err != nil { // the next read is a miss again
						b.Fatal(err)
					}
				}
			})
		}
	}
}
