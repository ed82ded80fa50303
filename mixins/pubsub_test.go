package mixins_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/mixins"
)

func TestSlowLoopsAreToldWhatTheyMissed(t *testing.T) {
	const published, buffer = 10, 3
	for _, tt := range []struct {
		name     string
		whenFull mixins.WhenFull
		want     []int // values, and negative numbers of missed messages
	}{
		{"oldest", mixins.DropOldest, []int{-6, 8, 9, 10}},
		{"newest", mixins.DropNewest, []int{2, 3, 4, -6}},
		{"wait", mixins.Wait, []int{2, 3, 4, 5, 6, 7, 8, 9, 10}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := openTest(t, "memory://")
				messages, err := mixins.NewPubSub[int](c)
				require.NoError(t, err)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				var got []int
				for m, err := range messages.Subscribe(ctx, mixins.SubscribeOptions{Buffer: buffer, WhenFull: tt.whenFull}, "c") {
					switch {
					case errors.Is(err, context.Canceled):
					case err != nil:
						t.Fatal(err)
					case m.Event == mixins.Subscribed:
						_, err := messages.Publish(ctx, "c", 1)
						require.NoError(t, err)
					case m.Event == mixins.Gap:
						got = append(got, -m.Missed)
					case m.Value == 1: // the loop is slow
						for i := 2; i <= published; i++ {
							_, err := messages.Publish(ctx, "c", i)
							require.NoError(t, err)
						}
						synctest.Wait()
					default:
						got = append(got, m.Value)
					}
					if len(got) == len(tt.want) {
						cancel()
					}
				}
				require.Equal(t, tt.want, got)
			})
		})
	}
}

func TestSubscriptionsEndWithTheCache(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, err := xcache.OpenDSN("memory://")
		require.NoError(t, err)
		messages, err := mixins.NewPubSub[string](c)
		require.NoError(t, err)
		ended := make(chan error)
		go func() {
			var last error
			for _, err := range messages.Subscribe(t.Context(), mixins.SubscribeOptions{}, "c") {
				last = err
			}
			ended <- last
		}()
		synctest.Wait()
		began := time.Now()
		require.NoError(t, c.Close())
		require.ErrorIs(t, <-ended, xcache.ErrClosed)
		require.Zero(t, time.Since(began), "Close waits for no subscription")
	})
}

func TestBreakEndsASubscription(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := openTest(t, "memory://")
		messages, err := mixins.NewPubSub[string](c)
		require.NoError(t, err)
		for m, err := range messages.Subscribe(t.Context(), mixins.SubscribeOptions{}, "c") {
			require.NoError(t, err)
			assert.Equal(t, mixins.Subscribed, m.Event)
			break
		}
		n, err := messages.Publish(t.Context(), "c", "m")
		require.NoError(t, err)
		require.Zero(t, n)
	})
}

func TestMessagesAreEncrypted(t *testing.T) {
	c := encrypted(t)
	messages, err := mixins.NewPubSub[string](c)
	require.NoError(t, err)
	for m, err := range messages.PSubscribe(t.Context(), mixins.SubscribeOptions{}, "*") {
		require.NoError(t, err)
		if m.Event == mixins.Subscribed {
			_, err := messages.Publish(t.Context(), "c", "secret")
			require.NoError(t, err)
			continue
		}
		require.Equal(t, "secret", m.Value)
		break
	}
}

func TestSubscribeRefusesOptionsThatAreNone(t *testing.T) {
	messages, err := mixins.NewPubSub[string](openTest(t, "memory://"))
	require.NoError(t, err)
	for _, options := range []mixins.SubscribeOptions{{Buffer: -1}, {WhenFull: 9}} {
		for _, err := range messages.Subscribe(t.Context(), options, "c") {
			require.ErrorIs(t, err, xcache.ErrSyntax)
		}
	}
}
