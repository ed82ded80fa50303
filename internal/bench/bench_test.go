package main

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/internal/fakeserver"
	"github.com/xcache-go/xcache/internal/servertest"
)

// The comparisons as benchmarks, in a form that benchstat reads: its option
// -col /lib puts the libraries beside each other.

func BenchmarkClient(b *testing.B)     { run(b, clientComparisons()) }
func BenchmarkValkey(b *testing.B)     { run(b, valkeyComparisons()) }
func BenchmarkStructures(b *testing.B) { run(b, structureComparisons()) }
func BenchmarkMemory(b *testing.B)     { run(b, memoryComparisons()) }
func BenchmarkEmbedded(b *testing.B)   { run(b, embeddedComparisons()) }

func BenchmarkCodec(b *testing.B) {
	for _, t := range codecTables() {
		for _, row := range t.rows {
			b.Run(t.name+"/write/lib="+row.lib, timed(t.size, row.encode))
			b.Run(t.name+"/read/lib="+row.lib, timed(t.size, row.decode))
		}
	}
}

func codecTables() []codecTable {
	return slices.Concat(serializerTables(), compressorTables(), levelTables(), jsonTables())
}

func TestCodecsReadWhatTheyWrite(t *testing.T) {
	for _, table := range codecTables() {
		for _, row := range table.rows {
			require.NoError(t, errors.Join(row.encode(), row.decode()), "%s, %s", table.name, row.lib)
		}
	}
}

func run(b *testing.B, comparisons []comparison) {
	for _, c := range comparisons {
		b.Run(c.name, func(b *testing.B) {
			for _, contestant := range c.contestants {
				b.Run("lib="+strings.ReplaceAll(contestant.lib, ",", ""), contestant.bench)
			}
		})
	}
}

func TestThePageIsThatOfTheResults(t *testing.T) {
	measured, err := readResults("../../docs/benchmarks/results.json")
	require.NoError(t, err)
	page, err := measured.render()
	require.NoError(t, err)
	written, err := os.ReadFile("../../docs/benchmarks.md")
	require.NoError(t, err)
	require.Equal(t, string(page), string(written), "make bench writes the page")
	var turn time.Duration
	for _, group := range groups(&turn) {
		for _, table := range group.tables {
			if group.name != "Codec" {
				_, err := measured.find(group.name, table.title())
				require.NoError(t, err)
			}
		}
	}
}

func TestLibrariesLoadWhatIsMissingAndKeepIt(t *testing.T) {
	addr := servertest.Redis(t).Addr
	for _, lib := range libraries {
		t.Run(lib.name, func(t *testing.T) {
			var loads atomic.Int64
			get, closeClient := lib.open(addr, func(context.Context) (user, error) {
				loads.Add(1)
				return ann, nil
			})
			defer closeClient()
			for range 3 {
				got, err := get(t.Context(), lib.name)
				require.NoError(t, err)
				got.Created = got.Created.UTC() // msgpack keeps the instant, and no zone
				require.Equal(t, ann, got)
			}
			if lib.name != "gocache" { // which stores later
				require.EqualValues(t, 1, loads.Load())
			}
		})
	}
}

func TestEmbeddedLibrariesHoldWhatWasSet(t *testing.T) {
	for _, lib := range embeddedLibraries {
		t.Run(lib.name, func(t *testing.T) {
			cache, keys := filled(lib.open)
			defer cache.close()
			missing := 0
			for _, key := range keys {
				value, ok := cache.get(key)
				if !ok {
					missing++
					continue
				}
				require.Equal(t, make([]byte, valueSize), value, key)
			}
			require.LessOrEqual(t, missing, len(keys)/100, "missing of %d keys", len(keys))
			_, ok := cache.get("nobody")
			require.False(t, ok, "a key that nobody set is there")
		})
	}
}

func TestClientsTakeOneRoundTrip(t *testing.T) {
	for name, prepare := range map[string]clientBench{
		"raw get": rawGet, "get": xcacheGet,
		"raw set": rawSet, "set": xcacheSet,
		"raw mget": rawMGet, "raw mget into map": rawMGetIntoMap, "get many": xcacheGetMany,
		"raw pipeline": rawSetPipeline, "set many": xcacheSetMany,
		"valkey-go get": valkeyGet, "valkey get": valkeyCacheGet, "valkey driver get": valkeyStoreGet,
		"valkey-go set": valkeySet, "valkey set": valkeyCacheSet, "valkey driver set": valkeyStoreSet,
		"valkey-go mget": valkeyMGet, "valkey-go mget into map": valkeyMGetIntoMap,
		"valkey get many": valkeyCacheGetMany, "valkey driver get many": valkeyStoreGetMany,
		"valkey-go pipeline": valkeySetPipeline, "valkey set many": valkeyCacheSetMany, "valkey driver set many": valkeyStoreSetMany,
	} {
		t.Run(name, func(t *testing.T) {
			server := fakeserver.New()
			// See compareValkey.
			op, closeClient := prepare(context.WithoutCancel(t.Context()), server, []byte("value"))
			require.NoError(t, op()) // connects
			before := server.RoundTrips()
			require.NoError(t, op())
			require.EqualValues(t, 1, server.RoundTrips()-before, "round trips")
			require.NoError(t, closeClient())
		})
	}
}
