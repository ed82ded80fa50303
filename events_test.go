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
