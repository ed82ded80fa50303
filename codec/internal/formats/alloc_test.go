package formats_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/xcache-go/xcache/codec"
	"github.com/xcache-go/xcache/codec/internal/formats"
	"github.com/xcache-go/xcache/internal/race"
	"github.com/xcache-go/xcache/internal/shop"
)

// A chain costs no allocation over its serializer and its compressor, called
// one after the other with buffers that are used again.
func TestAChainAllocatesNoMoreThanItsMembers(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	for _, c := range formats.Singles(1) {
		if c.Serializer == codec.Raw {
			continue // stores no orders
		}
		t.Run(c.Name, func(t *testing.T) {
			order := shop.NewOrder(1 << 10)
			text, short, out := make([]byte, 0, 4<<10), make([]byte, 0, 4<<10), make([]byte, 0, 8<<10)
			write := func() (stored []byte) {
				stored, err := c.Serializer.Append(text, order)
				if err == nil && c.Compressor != nil {
					stored, err = c.Compressor.Append(short, stored)
				}
				require.NoError(t, err)
				return stored
			}
			stored := write()
			read := func() {
				data, err := stored, error(nil)
				if c.Compressor != nil {
					data, err = c.Compressor.Decompress(text, stored, codec.DefaultMaxValue)
				}
				require.NoError(t, err)
				require.NoError(t, c.Serializer.Unmarshal(data, new(shop.Order)))
			}
			chained, err := c.Chain.Append(nil, order)
			require.NoError(t, err)
			writeChained := func() { _, err := c.Chain.Append(out, order); require.NoError(t, err) }
			readChained := func() { _, err := c.Chain.Decode(chained, new(shop.Order)); require.NoError(t, err) }
			for _, way := range []struct {
				name            string
				direct, chained func()
			}{
				{"writing", func() { write() }, writeChained},
				{"reading", read, readChained},
			} {
				require.LessOrEqual(t, allocations(way.chained), allocations(way.direct), "%s: allocations, with a chain and without", way.name)
			}
		})
	}
}

// A type is looked at once: after that, what that costs is no allocation.
func TestTypesAreLookedAtOnce(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	for _, s := range checked(t) {
		for _, of := range []reflect.Type{reflect.TypeFor[formats.Account](), reflect.TypeFor[map[string][]time.Time](), reflect.TypeFor[shop.Order]()} {
			require.LessOrEqual(t, allocations(func() { require.NoError(t, s.CheckType(of)) }), 0.0, "%s, %v: allocations", s.Name(), of)
		}
	}
}

// allocations returns the fewest allocations of a few runs: a collection in
// between empties the pools.
func allocations(f func()) float64 {
	fewest := testing.AllocsPerRun(20, f)
	for range 4 {
		fewest = min(fewest, testing.AllocsPerRun(20, f))
	}
	return fewest
}
