package memory_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/memory"
)

var pubSubSessions = map[string][][2]string{
	"publishing": {
		{"PUBLISH c m", "0"},
		{"SPUBLISH c m", "0"},
		{"EXISTS c", "0"},
	},
}

// The queue of a slow handler is bounded, and the handler is told when messages are
// dropped.
func TestSubscriberThatIsTooSlowIsToldSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newStore(t, memory.Options{})
		ctx, cancel := context.WithCancel(t.Context())
		began, goOn := make(chan struct{}), make(chan struct{})
		var events []driver.MessageEvent
		ended := make(chan error)
		go func() {
			ended <- store.Subscribe(ctx, driver.Channels, []string{"c"}, func(m driver.Message) {
				events = append(events, m.Event)
				if m.Event == driver.Subscribed {
					close(began)
					<-goOn
				}
				if len(events) == 3 {
					cancel()
				}
			})
		}()
		<-began
		payload := make([]byte, 1<<20)
		for range 40 {
			reply, err := do(t, store, "PUBLISH", driver.Key("c"), driver.Val(payload))
			require.NoError(t, err)
			require.EqualValues(t, 1, reply.Int)
		}
		close(goOn)
		synctest.Wait()
		_, err := do(t, store, "PUBLISH", driver.Key("c"), driver.Val(payload))
		require.NoError(t, err)
		assert.True(t, errors.Is(<-ended, context.Canceled))
		require.Equal(t, []driver.MessageEvent{driver.Subscribed, driver.Resubscribed, driver.Published}, events)
	})
}
