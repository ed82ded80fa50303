package xcache_test

import (
	"context"
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/codec"
	"github.com/xcache-go/xcache/driver"
)

// An eventfulDriver opens a store that reports an event at once.
type eventfulDriver struct {
	tb    testing.TB
	event driver.Event
}

func (d eventfulDriver) Open(dsn *driver.DSN) (driver.Store, error) {
	if dsn.Notify != nil {
		dsn.Notify(d.event)
	}
	return newFakeStore(d.tb), nil
}

// A listener keeps its events.
type listener struct {
	mu     sync.Mutex
	events []xcache.Event
}

func (*listener) Start(ctx context.Context, _ *xcache.Operation) context.Context { return ctx }
func (*listener) End(context.Context, *xcache.Operation)                         {}
func (l *listener) Event(e xcache.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events = append(l.events, e)
}

func TestEventsOfAStoreReachTheObserver(t *testing.T) {
	refused := errors.New("refused")
	var registry xcache.Registry
	registry.Register("eventful", eventfulDriver{t, driver.Event{Kind: driver.ClientNameRefused, Server: "localhost:1", Err: refused}})

	var heard listener
	c, err := registry.OpenDSN("eventful://", xcache.WithObserver(&heard))
	require.NoError(t, err)
	require.NoError(t, c.Close())
	require.Equal(t, []xcache.Event{{Driver: "eventful", Kind: driver.ClientNameRefused, Server: "localhost:1", Err: refused}}, heard.events)

	c, err = registry.OpenDSN("eventful://")
	require.NoError(t, err, "nobody listens")
	require.NoError(t, c.Close())
}

func TestAFileOfKeysThatOthersMayReadIsAnEvent(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("its permissions are others")
	}
	file := filepath.Join(t.TempDir(), "keys")
	line := base64.StdEncoding.EncodeToString([]byte("32 random bytes, from a secret s"))
	require.NoError(t, os.WriteFile(file, []byte(line), 0o600))
	for mode, exposed := range map[os.FileMode]bool{0o600: false, 0o666: true} {
		require.NoError(t, os.Chmod(file, mode))
		ring, err := codec.ReadKeyRing(file)
		require.NoError(t, err)
		for _, open := range []func(xcache.Option) (*xcache.Cache, error){
			func(o xcache.Option) (*xcache.Cache, error) {
				return xcache.OpenDSN("memory://?encryption_keys="+file, o)
			},
			func(o xcache.Option) (*xcache.Cache, error) {
				return xcache.OpenDSN("memory://", xcache.WithEncryption(ring), o)
			},
			func(o xcache.Option) (*xcache.Cache, error) {
				return xcache.New(newFakeStore(t), xcache.WithEncryption(ring), o)
			},
		} {
			var heard listener
			c, err := open(xcache.WithObserver(&heard))
			require.NoError(t, err)
			require.NoError(t, c.Close())
			if !exposed {
				require.Empty(t, heard.events)
				continue
			}
			require.Len(t, heard.events, 1)
			require.Equal(t, driver.KeyFileExposed, heard.events[0].Kind)
			require.ErrorContains(t, heard.events[0].Err, file)
			require.NotContains(t, heard.events[0].Err.Error(), line[:8])
		}
	}
	c, err := xcache.OpenDSN("memory://?encryption_keys=" + file) // without a listener
	require.NoError(t, err)
	require.NoError(t, c.Close())
}

// An explosiveObserver panics at each event, and at the beginning of a ping.
type explosiveObserver struct{ listener }

func (o *explosiveObserver) Start(ctx context.Context, op *xcache.Operation) context.Context {
	if op.Name == "ping" {
		panic("broken observer")
	}
	return ctx
}

func (o *explosiveObserver) Event(e xcache.Event) {
	o.listener.Event(e)
	panic("broken observer")
}

func TestAPanicOfEventLosesTheEvent(t *testing.T) {
	for name, test := range map[string]struct {
		kind driver.EventKind
		opts []xcache.Option
		run  func(t *testing.T, s *fakeStore, v *xcache.View[string])
	}{
		"in a GetOrSet": {kind: driver.LoadedValueNotStored, run: func(t *testing.T, s *fakeStore, v *xcache.View[string]) {
			got, err := v.GetOrSet(t.Context(), "k", func(context.Context) (string, error) {
				s.failWith(errDown)
				return "loaded", nil
			})
			require.NoError(t, err)
			require.Equal(t, "loaded", got)
		}},
		"in a load of the background": {kind: driver.RefreshFailed, run: func(t *testing.T, _ *fakeStore, v *xcache.View[string]) {
			v = stale(v.Cache)
			require.NoError(t, v.Set(t.Context(), "k", "old"))
			time.Sleep(time.Hour)
			require.Equal(t, "old", first(v.GetOrSet(t.Context(), "k", unwanted)))
			synctest.Wait()
			require.Equal(t, "old", first(v.GetOrSet(t.Context(), "k", unwanted)))
		}},
		"of repeated deletions": {driver.InvalidationsDelivered, []xcache.Option{xcache.WithInvalidateRetry()}, func(t *testing.T, s *fakeStore, v *xcache.View[string]) {
			o := outage{s}
			o.begin(errAway)
			require.ErrorIs(t, second(v.Delete(t.Context(), "k")), xcache.ErrInvalidationPending)
			o.end()
			time.Sleep(time.Minute)
			require.Zero(t, v.PendingInvalidations())
		}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var heard explosiveObserver
				s, c := newFake(t, append(test.opts, xcache.WithObserver(&heard))...)
				test.run(t, s, xcache.For[string](c))
				s.failWith(nil)
				require.NoError(t, c.Close())
				heard.mu.Lock()
				defer heard.mu.Unlock()
				require.NotEmpty(t, heard.events)
				require.Equal(t, test.kind, heard.events[len(heard.events)-1].Kind)
			})
		})
	}
}

func TestAPanicOfStartLeavesNothingBehind(t *testing.T) {
	for name, caps := range map[string]func(*driver.Caps){"": nil, "with a time-out of the core's": unbounded} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newFakeStore(t)
				s.caps = caps
				c := newCache(t, s, xcache.WithObserver(new(explosiveObserver)))
				require.Panics(t, func() { _ = c.Ping(t.Context()) })
				require.NoError(t, c.Close(), "does not wait for the operation")
			})
		})
	}
}
