package memory_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/memory"
)

// open opens a DSN and checks, as the core does, that all parameters were read.
func open(t testing.TB, d *memory.Driver, dsn string) (*memory.Store, error) {
	t.Helper()
	parsed, err := driver.ParseDSN(dsn)
	require.NoError(t, err)
	store, err := d.Open(parsed)
	if err != nil {
		return nil, err
	}
	require.NoError(t, parsed.Unread(), dsn)
	return store.(*memory.Store), nil
}

func mustOpen(t testing.TB, d *memory.Driver, dsn string) *memory.Store {
	t.Helper()
	store, err := open(t, d, dsn)
	require.NoError(t, err, dsn)
	t.Cleanup(func() { _ = store.Close() })
	return store
}

func TestOpenTakesTheBoundsOfTheDSN(t *testing.T) {
	for _, tt := range []struct {
		dsn       string
		valueSize int // the largest value
	}{
		{"memory://", memory.DefaultMaxBytes},
		{"memory://?max_entries=1", memory.DefaultMaxBytes},
		{"memory://?max_entries=none", memory.DefaultMaxBytes},
		{"memory://?max_bytes=64KiB", 64 << 10},
		{"memory://?max_bytes=4096&max_entries=7", 4096},
		{"memory://name?max_bytes=1GiB", 1 << 30},
		{"memory://?max_bytes=none", 0},
	} {
		store := mustOpen(t, new(memory.Driver), tt.dsn)
		got := store.Limits().ValueSize
		require.LessOrEqual(t, got, tt.valueSize, "%s: values up to %d bytes, want about %d", tt.dsn, got, tt.valueSize)
		require.GreaterOrEqual(t, got, tt.valueSize-1000, "%s: values up to %d bytes, want about %d", tt.dsn, got, tt.valueSize)
	}
	store := mustOpen(t, new(memory.Driver), "memory://?max_entries=2")
	for _, key := range []string{"a", "b", "c"} {
		set(t, store, key, "value", driver.NoExpiry)
	}
	require.Equal(t, 2, store.Stats().Entries, "max_entries=2")
}

func TestOpenRefusesWhatAMemoryStoreDoesNotHave(t *testing.T) {
	const canary = "canary"
	for dsn, want := range map[string]string{
		"redis://localhost":                     "scheme",
		"memory+cluster://":                     "topologies",
		"memory+sentinel://name":                "topologies",
		"memory+unix:///tmp/sock":               "sockets",
		"memory://user@name":                    "users",
		"memory://:" + canary + "@name":         "passwords",
		"memory://user:" + canary + "@":         "users",
		"memory://name/0":                       "path",
		"memory:///0":                           "path",
		"memory://one,two":                      "one name",
		"memory://name:6379":                    "port",
		"memory://?max_entries=0":               "max_entries",
		"memory://?max_entries=-1":              "max_entries",
		"memory://?max_entries=many":            "max_entries",
		"memory://?max_entries=1.5":             "max_entries",
		"memory://?max_entries=1e3":             "max_entries",
		"memory://?max_entries=":                "max_entries",
		"memory://?max_entries=1&max_entries=1": "max_entries",
		"memory://?max_bytes=0":                 "max_bytes",
		"memory://?max_bytes=4095":              "max_bytes",
		"memory://?max_bytes=-1":                "max_bytes",
		"memory://?max_bytes=64MB":              "max_bytes",
		"memory://?max_bytes=9999999999GiB":     "max_bytes",
	} {
		store, err := open(t, new(memory.Driver), dsn)
		if err == nil {
			_ = store.Close()
		}
		require.Error(t, err, "%s was opened", dsn)
		text := err.Error()
		require.True(t, strings.HasPrefix(text, "xcache: bad DSN: "), "%s: %q, want an error about %s", dsn, text, want)
		require.Contains(t, text, want, dsn)
		require.NotContains(t, text, canary, dsn)
	}
}

func TestOpenLeavesUnknownParametersToTheCaller(t *testing.T) {
	dsn, err := driver.ParseDSN("memory://?max_entrys=1")
	require.NoError(t, err)
	store, err := new(memory.Driver).Open(dsn)
	require.NoError(t, err)
	defer store.Close()
	err = dsn.Unread()
	require.ErrorContains(t, err, "max_entries", "Unread()")
}

func TestStoreWithoutANameIsPrivate(t *testing.T) {
	d := new(memory.Driver)
	a, b := mustOpen(t, d, "memory://"), mustOpen(t, d, "memory://")
	set(t, a, "key", "a", driver.NoExpiry)
	wantMiss(t, b, "key")
}

func TestStoresOfOneNameAreOne(t *testing.T) {
	d := new(memory.Driver)
	a, b, other := mustOpen(t, d, "memory://name"), mustOpen(t, d, "memory://name"), mustOpen(t, d, "memory://other")
	set(t, a, "key", "value", driver.NoExpiry)
	wantValue(t, b, "key", "value")
	wantMiss(t, other, "key")
	wantMiss(t, mustOpen(t, new(memory.Driver), "memory://name"), "key")

	require.NoError(t, a.Close())
	require.NoError(t, a.Close(), "the second Close")
	wantValue(t, b, "key", "value")
	wantValue(t, mustOpen(t, d, "memory://name"), "key", "value")
}

func TestLastCloseFreesANamedStore(t *testing.T) {
	d := new(memory.Driver)
	for range 2 {
		a, b := mustOpen(t, d, "memory://name?max_entries=5"), mustOpen(t, d, "memory://name")
		wantMiss(t, a, "key")
		set(t, b, "key", "value", driver.NoExpiry)
		for _, store := range []*memory.Store{a, b} {
			require.NoError(t, store.Close())
		}
		require.Equal(t, memory.Stats{}, b.Stats(), "a closed store has")
	}
	wantMiss(t, mustOpen(t, d, "memory://name?max_entries=6"), "key")
}

func TestOpenRefusesBoundsThatContradict(t *testing.T) {
	d := new(memory.Driver)
	mustOpen(t, d, "memory://name?max_bytes=64KiB")
	for dsn, contradicts := range map[string]string{
		"memory://name":                               "",
		"memory://name?max_bytes=65536":               "",
		"memory://name?max_entries=none":              "",
		"memory://name?max_bytes=none":                "max_bytes",
		"memory://name?max_bytes=64MiB":               "max_bytes",
		"memory://name?max_bytes=64KiB&max_entries=1": "max_entries",
		"memory://other?max_bytes=1MiB":               "",
	} {
		store, err := open(t, d, dsn)
		if contradicts != "" {
			require.ErrorContains(t, err, contradicts, "%s was opened", dsn)
			continue
		}
		require.NoError(t, err, dsn)
		_ = store.Close()
	}
}

func TestOpenMayBeCalledConcurrently(t *testing.T) {
	d := new(memory.Driver)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 200 {
				store, err := open(t, d, "memory://name?max_entries=10")
				if !assert.NoError(t, err) {
					return
				}
				entries := []driver.Entry{{Key: "key", TTL: driver.NoExpiry}}
				assert.NoError(t, store.Set(t.Context(), entries))
				assert.NoError(t, entries[0].Err)
				assert.NoError(t, store.Close())
			}
		})
	}
	wg.Wait()
	wantMiss(t, mustOpen(t, d, "memory://name?max_entries=11"), "key")
}
