package xcache_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache"
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

// A listener keeps the events that it hears.
type listener struct{ events []xcache.Event }

func (*listener) Start(ctx context.Context, _ *xcache.Operation) context.Context { return ctx }
func (*listener) End(context.Context, *xcache.Operation)                         {}
func (l *listener) Event(e xcache.Event)                                         { l.events = append(l.events, e) }

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
