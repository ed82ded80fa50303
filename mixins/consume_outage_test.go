package mixins_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/memory"
	"github.com/xcache-go/xcache/mixins"
)

// An outage is a store whose calls fail for a while.
type outage struct {
	*memory.Store
	refused string // the server refuses this command of the user
	mu      sync.Mutex
	away    bool
}

func (o *outage) set(away bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.away = away
}

func (o *outage) Do(ctx context.Context, cmds []*driver.Cmd, how driver.How) error {
	o.mu.Lock()
	away := o.away
	o.mu.Unlock()
	if away {
		return driver.Fail(driver.ErrUnavailable, driver.Unknown, nil)
	}
	if cmds[0].Name == o.refused {
		return driver.Fail(driver.ErrAuth, driver.NotApplied, nil)
	}
	return o.Store.Do(ctx, cmds, how)
}

func TestConsumeEndsIfItMayNotDoWhatItNeeds(t *testing.T) {
	for _, command := range []string{"XGROUP", "XREADGROUP", "XAUTOCLAIM", "XPENDING", "XCLAIM", "XACK", "XADD"} {
		t.Run(command, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store, err := memory.NewStore(memory.Options{})
				require.NoError(t, err)
				all, err := xcache.New(store)
				require.NoError(t, err)
				defer func() { assert.NoError(t, all.Close()) }()
				addEntries(t, streamsOf(t, all), 2)
				require.NoError(t, streamsOf(t, all).XGroupCreate(t.Context(), "s", "g", "0", mixins.XGroupCreateOptions{}))
				_, err = streamsOf(t, all).XReadGroup(t.Context(), "g", "c", mixins.XReadGroupOptions{Count: 1}, mixins.Behind("s", ">"))
				require.NoError(t, err)
				cache, err := xcache.New(&outage{Store: store, refused: command})
				require.NoError(t, err)
				c := consume(t, streamsOf(t, cache), "c", mixins.ConsumeOptions{DeadLetter: "dead", MaxDeliveries: 1}, func(context.Context, delivered) error {
					time.Sleep(time.Minute)
					return errors.New("it fails")
				})
				require.ErrorIs(t, <-c.done, xcache.ErrAuth)
				c.cancel()
			})
		})
	}
}

func TestConsumeOutlivesAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, err := memory.NewStore(memory.Options{})
		require.NoError(t, err)
		o := &outage{Store: store}
		cache, err := xcache.New(o)
		require.NoError(t, err)
		defer func() { assert.NoError(t, cache.Close()) }()
		streams := streamsOf(t, cache)
		addEntries(t, streams, 3)
		handling := make(chan struct{})
		c := consume(t, streams, "c", mixins.ConsumeOptions{MinIdle: time.Minute}, func(_ context.Context, e delivered) error {
			if e.ID == "2-0" {
				<-handling
			}
			return nil
		})
		synctest.Wait()
		o.set(true) // while 2-0 is handled, and 3-0 waits behind 2-0
		close(handling)
		time.Sleep(10 * time.Minute)
		o.set(false)
		time.Sleep(time.Minute)
		synctest.Wait()
		require.Equal(t, []string{"1-0 1", "2-0 1", "3-0 1"}, c.handled(), "what was done is acknowledged later, and not done again")
		wantPending(t, streams)
		addEntries(t, streams, 1)
		synctest.Wait()
		require.Len(t, c.handled(), 4)
		c.stop()
		require.Equal(t, []string{"calls failing", "calls succeed"}, c.heard())
	})
}
