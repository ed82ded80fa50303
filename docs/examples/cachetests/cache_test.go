// Package cachetests shows how a program's tests deal with its cache.
package cachetests

import (
	"cmp"
	"context"
	"crypto/rand"
	"net"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache"
	_ "github.com/xcache-go/xcache/drivers/memory"
	_ "github.com/xcache-go/xcache/drivers/redis"
	_ "github.com/xcache-go/xcache/drivers/valkey"
	"github.com/xcache-go/xcache/internal/servertest"
)

var servers = map[string]*servertest.Shared{
	"redis":  servertest.NewShared(),
	"valkey": servertest.NewShared(servertest.Release("valkey")),
}

func TestMain(m *testing.M) { servertest.Main(m, servers["redis"], servers["valkey"]) }

type User struct{ Name string }

func TestAUserIsLoadedAgainAfterAnHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cache, err := xcache.OpenDSN("memory://")
		require.NoError(t, err)
		defer cache.Close()
		users := xcache.For[User](cache.Namespace("user"))
		loads := 0
		load := func(context.Context) (User, error) {
			loads++
			return User{"Ann"}, nil
		}
		get := func() {
			user, err := users.GetOrSet(t.Context(), "42", load, xcache.TTL(time.Hour))
			require.NoError(t, err)
			require.Equal(t, "Ann", user.Name)
		}

		get()
		time.Sleep(59 * time.Minute) // takes no time
		get()
		require.Equal(t, 1, loads)

		time.Sleep(time.Minute)
		get()
		require.Equal(t, 2, loads)
	})
}

func TestAThousandCallersLoadOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cache, err := xcache.OpenDSN("memory://")
		require.NoError(t, err)
		defer cache.Close()
		users := xcache.For[User](cache.Namespace("user"))
		loads := 0
		slow := func(context.Context) (User, error) {
			loads++
			time.Sleep(time.Second) // all others come meanwhile
			return User{"Ann"}, nil
		}

		var callers sync.WaitGroup
		for range 1000 {
			callers.Go(func() {
				_, err := users.GetOrSet(t.Context(), "42", slow)
				assert.NoError(t, err)
			})
		}
		callers.Wait()
		require.Equal(t, 1, loads)
	})
}

// The clock of a bubble starts anew, and that of the process goes on.
func TestTheClockIsAFake(t *testing.T) {
	began := time.Now()
	synctest.Test(t, func(t *testing.T) {
		cache, err := xcache.OpenDSN("memory://")
		require.NoError(t, err)
		defer cache.Close()
		require.NoError(t, xcache.For[string](cache).Set(t.Context(), "k", "v", xcache.TTL(365*24*time.Hour)))
		time.Sleep(365*24*time.Hour - time.Nanosecond)
		found, err := cache.Has(t.Context(), "k")
		require.NoError(t, err)
		require.True(t, found, "a nanosecond too early")
		time.Sleep(time.Nanosecond)
		found, err = cache.Has(t.Context(), "k")
		require.NoError(t, err)
		require.False(t, found)
	})
	require.Less(t, time.Since(began), 24*time.Hour)
}

func TestAServerHasAClockOfItsOwn(t *testing.T) {
	for driver, shared := range servers {
		dsn := driver + "://" + shared.Server(t).Addr
		synctest.Test(t, func(t *testing.T) {
			cache, err := xcache.OpenDSN(dsn)
			require.NoError(t, err)
			defer cache.Close()
			require.NoError(t, xcache.For[string](cache).Set(t.Context(), "clock", "x", xcache.TTL(time.Hour)))
			time.Sleep(2 * time.Hour)
			ttl, err := cache.TTL(t.Context(), "clock")
			require.NoError(t, err)
			require.Greater(t, ttl, 50*time.Minute)
			_, err = cache.Delete(t.Context(), "clock")
			require.NoError(t, err)
		})
	}
}

func TestATransactionThatIsLost(t *testing.T) {
	c, err := xcache.OpenDSN("memory://")
	require.NoError(t, err)
	defer c.Close()
	stock := xcache.For[int](c)
	require.NoError(t, stock.Set(t.Context(), "book", 10))

	calls := 0
	err = c.Watch(t.Context(), func(ctx context.Context, tx *xcache.Tx) error {
		n, err := stock.WithTx(tx).Get(ctx, "book")
		if err != nil {
			return err
		}
		if calls++; calls == 1 { // somebody else buys one meanwhile
			require.NoError(t, stock.Set(ctx, "book", n-1))
		}
		stock.In(tx.Pipeline()).Set("book", n-1)
		return nil
	}, "book")
	require.NoError(t, err)
	require.Equal(t, 2, calls)

	left, err := stock.Get(t.Context(), "book")
	require.NoError(t, err)
	require.Equal(t, 8, left)
}

func TestACacheThatIsDown(t *testing.T) {
	cache, err := xcache.OpenDSN("redis://127.0.0.1:1") // nobody listens there
	require.NoError(t, err)
	defer cache.Close()

	_, err = xcache.For[User](cache.Namespace("user")).Get(t.Context(), "42")
	require.ErrorIs(t, err, xcache.ErrUnavailable)
}

func TestACacheThatDoesNotAnswer(t *testing.T) {
	for _, scheme := range []string{"redis", "valkey"} {
		silent, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer silent.Close()
		cache, err := xcache.OpenDSN(scheme + "://" + silent.Addr().String() + "?op_timeout=50ms")
		require.NoError(t, err)
		defer cache.Close()

		_, err = xcache.For[User](cache.Namespace("user")).Get(t.Context(), "42")
		require.ErrorIs(t, err, xcache.ErrUnavailable)
	}
}

// open returns an empty cache: in memory, or on the server that CACHE_TEST_DSN names.
func open(t *testing.T) *xcache.Cache {
	t.Helper()
	cache, err := xcache.OpenDSN(cmp.Or(os.Getenv("CACHE_TEST_DSN"), "memory://"), xcache.WithPrefix("test-"+rand.Text()))
	require.NoError(t, err)
	t.Cleanup(func() {
		_, err := cache.Clear(context.Background()) // t.Context() has ended
		assert.NoError(t, err)
		assert.NoError(t, cache.Close())
	})
	return cache
}

func TestOpenLeavesNothingBehind(t *testing.T) {
	use := func(t *testing.T) {
		names := xcache.For[string](open(t))
		require.NoError(t, names.Set(t.Context(), "name:42", "Ann", xcache.TTL(xcache.NoExpiry)))
		name, err := names.Get(t.Context(), "name:42")
		require.NoError(t, err)
		require.Equal(t, "Ann", name)
	}
	t.Run("memory", use)
	for driver, shared := range servers {
		server := shared.Server(t)
		server.Do(t, "SET", "other", "stays")
		t.Setenv("CACHE_TEST_DSN", driver+"://"+server.Addr)
		t.Run(driver, use)
		require.EqualValues(t, 1, server.Do(t, "DBSIZE"))
	}
}
