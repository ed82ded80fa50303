package valkey_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	valkeygo "github.com/valkey-io/valkey-go"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/internal/race"
)

// A command of the table costs at most two allocations more than valkey-go's own call.
func TestCommandsAllocateAsValkeyGoDoes(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	store, raw, server := openFake(t)
	server.Set("k", make([]byte, 100))
	value := make([]byte, 100)
	cmds := make([]*driver.Cmd, 1)
	do := func(name string, args ...driver.Arg) error {
		cmds[0] = driver.NewCmd(name, args...)
		if err := store.Do(ctx, cmds, driver.Plain); err != nil {
			return err
		}
		return cmds[0].Err
	}
	for name, tt := range map[string]struct{ raw, store func() error }{
		"HGET": {
			func() error { return raw.Do(ctx, raw.B().Hget().Key("k").Field("f").Build()).Error() },
			func() error { return do("HGET", driver.Key("k"), driver.Field("f")) },
		},
		"LPUSH": {
			func() error {
				return raw.Do(ctx, raw.B().Lpush().Key("k").Element(valkeygo.BinaryString(value)).Build()).Error()
			},
			func() error { return do("LPUSH", driver.Key("k"), driver.Val(value)) },
		},
	} {
		most := allocations(t, tt.raw) + 2
		require.LessOrEqual(t, allocations(t, tt.store), most, name)
	}
}

func allocations(t *testing.T, call func() error) float64 {
	return testing.AllocsPerRun(1000, func() {
		require.NoError(t, call())
	})
}

// A command of a pipeline costs the store less than one allocation.
func TestPipelinesAllocateLittle(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	store, _, _ := openFake(t)
	value := make([]byte, 100)
	cmds := make([]*driver.Cmd, 100)
	for i := range cmds {
		cmds[i] = driver.NewCmd("HSET", driver.Key("k"), driver.Field("f"), driver.Val(value))
	}
	require.LessOrEqual(t, allocations(t, func() error { return store.Do(t.Context(), cmds, driver.Plain) }), 20.0, "allocations")
}

// BenchmarkDo compares a command of the table with valkey-go's own call.
func BenchmarkDo(b *testing.B) {
	for _, s := range servers {
		b.Run(s.name, func(b *testing.B) {
			store, raw, server := s.open(b)
			server.Set("k", make([]byte, 100))
			compare(b, func() error { return raw.Do(context.Background(), raw.B().Hget().Key("k").Field("f").Build()).Error() }, func(ctx context.Context) error {
				cmd := driver.NewCmd("HGET", driver.Key("k"), driver.Field("f"))
				return store.Do(ctx, []*driver.Cmd{cmd}, driver.Plain)
			})
		})
	}
}
