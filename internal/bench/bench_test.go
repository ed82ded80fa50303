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
	all := map[string]clientBench{
		"go-redis, mget":  inProcess(openGoRedis, goRedisMGet),
		"valkey-go, mget": inProcess(openValkeyGo, valkeyGoMGet),
	}
	add := func(name string, bench clientBench) { all[name] = bench }
	each("go-redis", openGoRedis, onGoRedis, add)
	each("valkey-go", openValkeyGo, onValkeyGo, add)
	each("valkey driver", openValkeyStore, onStore, add)
	each("redis", openRedisView, onXcache, add)
	each("valkey", openValkeyView, onXcache, add)
	for name, prepare := range all {
		t.Run(name, func(t *testing.T) {
			server := fakeserver.New()
			ctx := context.WithoutCancel(t.Context()) // see valkeyComparisons
			call, closeClient := prepare(server, []byte("value"))
			require.NoError(t, call(ctx)) // connects
			require.NoError(t, server.InOneRoundTrip(func() error { return call(ctx) }))
			require.NoError(t, closeClient())
		})
	}
}

func each[C any](lib string, open func(*fakeserver.Server) (C, func() error), ops operations[C], add func(string, clientBench)) {
	for name, op := range map[string]operation[C]{
		"get": ops.get, "miss": ops.miss, "set": ops.set, "delete": ops.delete, "get many": ops.getMany, "set many": ops.setMany,
	} {
		if op != nil {
			add(lib+", "+name, inProcess(open, op))
		}
	}
}
