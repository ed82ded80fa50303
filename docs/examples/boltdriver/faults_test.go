package boltdriver_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	bolt "go.etcd.io/bbolt"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/docs/examples/boltdriver"
	"github.com/xcache-go/xcache/driver"
)

// The suite cuts, stalls and delays connections. What happens to a file, nobody but the
// author of the driver knows: it is here.

func open(t *testing.T, path, parameters string) driver.Store {
	t.Helper()
	dsn, err := driver.ParseDSN("bolt://" + path + "?" + parameters)
	require.NoError(t, err)
	store, err := boltdriver.Driver{}.Open(dsn)
	require.NoError(t, err)
	return store
}

func set(t *testing.T, store driver.Store, key, value string, ttl time.Duration) error {
	t.Helper()
	entries := []driver.Entry{{Key: key, Value: []byte(value), TTL: ttl}}
	return errors.Join(store.Set(t.Context(), entries), entries[0].Err)
}

func get(t *testing.T, store driver.Store, key string) (string, error) {
	t.Helper()
	dst := make([]driver.Value, 1)
	err := store.Get(t.Context(), []string{key}, dst)
	return string(dst[0].Data), errors.Join(err, dst[0].Err)
}

func TestValuesAreThereAfterARestart(t *testing.T) {
	for _, parameters := range []string{"sync=on", "sync=off"} {
		path := filepath.Join(t.TempDir(), "cache.db")
		store := open(t, path, parameters)
		require.NoError(t, set(t, store, "key", "value", time.Hour))
		require.NoError(t, set(t, store, "gone", "value", time.Nanosecond))
		require.NoError(t, store.Close())

		store = open(t, path, parameters)
		value, err := get(t, store, "key")
		require.NoError(t, err)
		require.Equal(t, "value", value)
		_, err = get(t, store, "gone")
		require.ErrorIs(t, err, driver.ErrNotFound)
		require.NoError(t, store.Close())
	}
}

func TestCacheByItsDSN(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cache.db")
	cache, err := xcache.OpenDSN("bolt://" + path + "?sync=off&require=ttl,counters,swap,rename,scan,flush,ping")
	require.NoError(t, err)
	require.NoFileExists(t, path, "Open does no I/O")
	users := xcache.For[int](cache.Namespace("user"))
	require.NoError(t, users.Set(t.Context(), "42", 7))
	require.FileExists(t, path)
	age, err := users.Get(t.Context(), "42")
	require.NoError(t, err)
	require.Equal(t, 7, age)
	require.NoError(t, xcache.For[string](cache).Set(t.Context(), "other", "kept"))
	removed, err := cache.Namespace("user").Clear(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, 1, removed)
	require.NoError(t, cache.Close())
}

func TestFileOfAnotherProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cache.db")
	other, err := bolt.Open(path, 0o600, nil)
	require.NoError(t, err)
	store := open(t, path, "sync=off&lock_timeout=20ms")
	defer store.Close()
	err = set(t, store, "key", "value", time.Hour)
	require.ErrorIs(t, err, driver.ErrUnavailable)
	require.NotErrorIs(t, err, driver.ErrUnknownOutcome)
	require.ErrorContains(t, err, "another process has the file open")

	require.NoError(t, other.Close())
	require.NoError(t, set(t, store, "key", "value", time.Hour), "the first call after that opens the file")
}

func TestContextThatEndsWhileTheFileIsLocked(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cache.db")
	other, err := bolt.Open(path, 0o600, nil)
	require.NoError(t, err)
	store := open(t, path, "sync=off&lock_timeout=1h")
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	err = store.Get(ctx, []string{"key"}, make([]driver.Value, 1))
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.NotErrorIs(t, err, driver.ErrUnavailable)
	require.NoError(t, other.Close()) // the writer goes on, and Close comes back
	require.NoError(t, store.Close())
}

func TestFileThatIsFull(t *testing.T) {
	store := open(t, filepath.Join(t.TempDir(), "cache.db"), "sync=off&max_size=256KiB")
	defer store.Close()
	require.NoError(t, set(t, store, "key", "value", time.Hour))
	err := set(t, store, "large", strings.Repeat("x", 1<<20), time.Hour)
	require.ErrorIs(t, err, driver.ErrOutOfMemory)
	require.NotErrorIs(t, err, driver.ErrUnknownOutcome)
	_, err = get(t, store, "large")
	require.ErrorIs(t, err, driver.ErrNotFound)
	require.NoError(t, set(t, store, "key", "another", time.Hour), "what fits is stored")
}

func TestWritesRemoveWhatHasExpired(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cache.db")
	store := open(t, path, "sync=off")
	for i := range 3 {
		entries := make([]driver.Entry, 50)
		for j := range entries {
			entries[j] = driver.Entry{Key: fmt.Sprintf("%d-%d", i, j), Value: []byte("value"), TTL: time.Nanosecond}
		}
		require.NoError(t, store.Set(t.Context(), entries))
	}
	for range 4 {
		require.NoError(t, set(t, store, "key", "value", driver.NoExpiry))
	}
	require.NoError(t, store.Close())

	db, err := bolt.Open(path, 0o600, nil)
	require.NoError(t, err)
	defer db.Close()
	require.NoError(t, db.View(func(tx *bolt.Tx) error {
		for name, keys := range map[string]int{"values": 1, "deadlines": 0} {
			require.Equal(t, keys, tx.Bucket([]byte("xcache")).Bucket([]byte(name)).Stats().KeyN, name)
		}
		return nil
	}))
}

func TestFileThatCannotBeOpened(t *testing.T) {
	folder := t.TempDir()
	garbage := filepath.Join(folder, "garbage.db")
	require.NoError(t, os.WriteFile(garbage, []byte(strings.Repeat("not a database", 1000)), 0o600))
	for _, path := range []string{filepath.Join(folder, "missing", "cache.db"), garbage, folder} {
		store := open(t, path, "lock_timeout=20ms")
		err := set(t, store, "key", "value", time.Hour)
		require.ErrorIs(t, err, driver.ErrUnavailable, path)
		require.NotErrorIs(t, err, driver.ErrUnknownOutcome, path)
		require.NoError(t, store.Close())
	}
}

func TestBucketOfSomebodyElse(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cache.db")
	db, err := bolt.Open(path, 0o600, nil)
	require.NoError(t, err)
	require.NoError(t, db.Update(func(tx *bolt.Tx) error {
		bucket, err := tx.CreateBucket([]byte("xcache"))
		require.NoError(t, err)
		values, err := bucket.CreateBucket([]byte("values"))
		require.NoError(t, err)
		return values.Put([]byte("key"), []byte("short"))
	}))
	require.NoError(t, db.Close())

	store := open(t, path, "sync=off")
	_, err = get(t, store, "key")
	require.ErrorIs(t, err, driver.ErrUnavailable)
	require.ErrorContains(t, err, "what this driver did not write")
	require.ErrorIs(t, set(t, store, "key", "value", time.Hour), driver.ErrUnavailable)
	require.NoError(t, set(t, store, "other", "value", time.Hour), "other keys are none the worse")
	require.NoError(t, store.Close())
}

func TestDSNsThatAreRefused(t *testing.T) {
	for text, want := range map[string]string{
		"bolt://":                     "write bolt:///var/cache/shop.db",
		"bolt://localhost/cache.db":   "no host",
		"bolt://user:secret@/f.db":    "no user and no password",
		"bolt+unix:///f.db":           "no host",
		"bolt:///f.db?sync=sometimes": "sync must be on or off",
		"bolt:///f.db?bucket=":        "bucket must not be empty",
		"bolt:///f.db?max_size=big":   "max_size must be a number of bytes",
		"bolt:///f.db?bukcet=a":       "did you mean bucket?",
	} {
		_, err := xcache.OpenDSN(text)
		require.ErrorContains(t, err, want, text)
		require.NotContains(t, err.Error(), "secret")
	}
}
