package null_test

import (
	"context"
	"errors"
	"math"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/null"
)

func TestOpenRefusesWhatANullStoreDoesNotHave(t *testing.T) {
	for dsn, want := range map[string]string{
		"null://host":               "hosts",
		"null://host:6379":          "hosts",
		"null://one,two":            "hosts",
		"null:///0":                 "path",
		"null://host/0":             "hosts",
		"null://user@host":          "users",
		"null://:canary@host":       "passwords",
		"null+cluster://":           "topologies",
		"null+sentinel://":          "topologies",
		"null+unix:///tmp/sock":     "sockets",
		"nulls://":                  `unknown driver "nulls" (did you mean null?)`,
		"null://?max_entries=1":     "max_entries",
		"null://?pool_size=10":      "pool_size",
		"null://?addr=localhost":    "addr",
		"null://?ttl=soon":          "ttl",
		"null://?op_timeout=-1s":    "op_timeout",
		"null://?serializer=yaml":   "serializer",
		"null://?prefix=a:b":        "prefix",
		"null://?require=streams":   "streams",
		"null://?require=scripts":   "scripts",
		"null://?ttl=1h&ttl=2h":     "ttl",
		"null://?compress_min=4KiB": "compress_min",
	} {
		c, err := xcache.OpenDSN(dsn)
		require.ErrorContains(t, err, want, dsn)
		require.NotContains(t, err.Error(), "canary", dsn)
		require.Nil(t, c, dsn)
	}
}

func TestOpenTakesTheParametersOfEveryDriver(t *testing.T) {
	c, err := xcache.OpenDSN("null://?prefix=shop&version=2&ttl=1h&jitter=0.1&op_timeout=500ms&serializer=json,gob&max_value=1MiB" +
		"&compressor=gzip&compress_min=4KiB&format=tagged&rewrite=on&require=ttl,counters,swap,rename,scan,flush,ping,pipelines,lists,sets,hashes,sortedsets,pubsub")
	require.NoError(t, err)
	defer c.Close()
	view := xcache.For[string](c)
	require.NoError(t, view.Set(t.Context(), "k", "v"))
	require.ErrorIs(t, view.Set(t.Context(), "", "v"), xcache.ErrInvalidKey)
	require.ErrorIs(t, view.Set(t.Context(), "k", string(make([]byte, 2<<20))), xcache.ErrTooLarge)
	_, err = view.Get(t.Context(), "k")
	require.ErrorIs(t, err, xcache.ErrNotFound)
	require.NoError(t, c.Close())
	require.ErrorIs(t, view.Set(t.Context(), "k", "v"), xcache.ErrClosed)
}

// Every way to call a store, for what is true of all of them.
var calls = map[string]func(context.Context, *null.Store) error{
	"Get": func(ctx context.Context, s *null.Store) error {
		return s.Get(ctx, []string{"k"}, make([]driver.Value, 1))
	},
	"Set":    func(ctx context.Context, s *null.Store) error { return s.Set(ctx, []driver.Entry{{Key: "k"}}) },
	"Delete": func(ctx context.Context, s *null.Store) error { _, err := s.Delete(ctx, []string{"k"}); return err },
	"GetTTL": func(ctx context.Context, s *null.Store) error {
		return s.GetTTL(ctx, []string{"k"}, make([]driver.Value, 1))
	},
	"TTL": func(ctx context.Context, s *null.Store) error {
		return s.TTL(ctx, []string{"k"}, make([]driver.Value, 1))
	},
	"Expire": func(ctx context.Context, s *null.Store) error { return s.Expire(ctx, []driver.Entry{{Key: "k"}}) },
	"Incr":   func(ctx context.Context, s *null.Store) error { _, err := s.Incr(ctx, "k", 1); return notFound(err) },
	"Swap": func(ctx context.Context, s *null.Store) error {
		return s.Swap(ctx, &driver.Entry{Key: "k"}, new(driver.Value))
	},
	"Rename": func(ctx context.Context, s *null.Store) error { return notFound(s.Rename(ctx, "k", "l")) },
	"Flush":  func(ctx context.Context, s *null.Store) error { return s.Flush(ctx) },
	"Ping":   func(ctx context.Context, s *null.Store) error { return s.Ping(ctx) },
	"Do":     func(ctx context.Context, s *null.Store) error { return s.Do(ctx, nil, driver.Plain) },
	"Atomic": func(ctx context.Context, s *null.Store) error { return s.Do(ctx, nil, driver.Atomic) },
	"IncrInit": func(ctx context.Context, s *null.Store) error {
		_, err := s.IncrInit(ctx, "k", 1, 0, time.Hour)
		return err
	},
	"CompareAndSwap": func(ctx context.Context, s *null.Store) error {
		_, err := s.CompareAndSwap(ctx, &driver.Entry{Key: "k"}, nil)
		return err
	},
	"CompareAndDelete": func(ctx context.Context, s *null.Store) error {
		_, err := s.CompareAndDelete(ctx, "k", nil)
		return err
	},
	"RenameNX": func(ctx context.Context, s *null.Store) error {
		_, err := s.RenameNX(ctx, "k", "l")
		return notFound(err)
	},
	"Scan": func(ctx context.Context, s *null.Store) error {
		for _, err := range s.Scan(ctx, "*") {
			return err
		}
		return nil
	},
}

// notFound is for calls that find no key when all is well.
func notFound(err error) error {
	if errors.Is(err, driver.ErrNotFound) {
		return nil
	}
	return err
}

func TestEveryCallIsRefusedWhenItCannotBeMade(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	late, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	for name, call := range calls {
		s := null.NewStore()
		require.NoError(t, call(t.Context(), s), name)
		require.ErrorIs(t, call(ended, s), context.Canceled, name)
		require.ErrorIs(t, call(late, s), context.DeadlineExceeded, name)
		require.NotErrorIs(t, call(late, s), driver.ErrUnknownOutcome, name)
		require.NoError(t, s.Close(), name)
		require.ErrorIs(t, call(t.Context(), s), driver.ErrClosed, name)
		require.NoError(t, s.Close(), name)
	}
}

func TestCallsMayBeMadeAtTheSameTime(t *testing.T) {
	s := null.NewStore()
	var callers sync.WaitGroup
	for name, call := range calls {
		for range 4 {
			callers.Go(func() {
				for range 100 {
					assert.NoError(t, call(t.Context(), s), name)
				}
			})
		}
	}
	callers.Wait()
	for _, call := range calls {
		callers.Go(func() { _ = call(t.Context(), s) })
	}
	callers.Go(func() { assert.NoError(t, s.Close()) })
	callers.Wait()
}

func TestACommandWithBadArgumentsKeepsATransactionFromRunning(t *testing.T) {
	s := null.NewStore()
	good, bad := driver.NewCmd("GET", driver.Key("k")), driver.NewCmd("GET")
	require.ErrorContains(t, s.Do(t.Context(), []*driver.Cmd{good, bad}, driver.Atomic), "GET: wrong number of arguments")
	require.NoError(t, s.Do(t.Context(), []*driver.Cmd{good, bad}, driver.Plain))
	require.NoError(t, good.Err)
	require.ErrorContains(t, bad.Err, "GET: wrong number of arguments")

	big := driver.NewCmd("DECRBY", driver.Key("k"), driver.Int(math.MinInt64))
	require.NoError(t, s.Do(t.Context(), []*driver.Cmd{good, big}, driver.Atomic), "what fails when it runs fails alone")
	require.ErrorIs(t, big.Err, driver.ErrOverflow)
	require.Zero(t, big.Reply)
}

// What a reply holds is the caller's for as long as it likes.
func TestRepliesDoNotShareArguments(t *testing.T) {
	text := []byte("hello")
	ping := driver.NewCmd("PING", driver.Val(text))
	require.NoError(t, null.NewStore().Do(t.Context(), []*driver.Cmd{ping}, driver.Plain))
	copy(text, "XXXXX")
	require.Equal(t, "hello", string(ping.Reply.Data))
}

func TestReadsAndWritesDoNotAllocate(t *testing.T) {
	s, keys, dst, entries := null.NewStore(), []string{"a", "b"}, make([]driver.Value, 2), make([]driver.Entry, 2)
	ctx := t.Context()
	require.Zero(t, testing.AllocsPerRun(100, func() {
		_ = s.Get(ctx, keys, dst)
		_ = s.Set(ctx, entries)
		_, _ = s.Delete(ctx, keys)
	}))
}

func TestSubscriptionsToANullStoreGetNothingAndEnd(t *testing.T) {
	for name, end := range map[string]func(context.CancelFunc, *null.Store){
		"with their context": func(cancel context.CancelFunc, _ *null.Store) { cancel() },
		"with the store":     func(_ context.CancelFunc, store *null.Store) { _ = store.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			store := null.NewStore()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var got []driver.MessageEvent
			err := store.Subscribe(ctx, driver.Channels, []string{"c"}, func(m driver.Message) {
				got = append(got, m.Event)
				end(cancel, store)
			})
			require.Error(t, err)
			require.Equal(t, []driver.MessageEvent{driver.Subscribed}, got)
		})
	}
}
