package lua_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/mixins"
)

// A pop is the result of a caller who has waited.
type pop struct {
	key, element string
	err          error
}

// waitFor waits for an element of lists in a goroutine of its own. The test is in a bubble.
func waitFor(ctx context.Context, t *testing.T, c *xcache.Cache, keys ...string) <-chan pop {
	t.Helper()
	lists, err := mixins.NewLists[string](c)
	require.NoError(t, err)
	got := make(chan pop, 1)
	go func() {
		popped, err := lists.BLPop(ctx, 0, keys...)
		got <- pop{popped.Key, popped.Element, err}
	}()
	synctest.Wait()
	return got
}

func wantWaiting(t *testing.T, callers ...<-chan pop) {
	t.Helper()
	synctest.Wait()
	for _, c := range callers {
		require.Empty(t, c, "a caller was served")
	}
}

func wantPop(t *testing.T, caller <-chan pop, want pop) {
	t.Helper()
	synctest.Wait()
	require.NotEmpty(t, caller, "a caller was not served")
	require.Equal(t, want, <-caller)
}

func TestWhatAScriptPushesIsForThoseWhoWaitWhenItHasEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, scripts := open(t)
		first, second, third := waitFor(t.Context(), t, c, "list"), waitFor(t.Context(), t, c, "list", "other"), waitFor(t.Context(), t, c, "list")
		push := mixins.NewScript(scripts, `
			redis.call('RPUSH', KEYS[1], '"taken back"') redis.call('RPOP', KEYS[1])
			redis.call('RPUSH', KEYS[1], '"b"') redis.call('LPUSH', KEYS[1], '"a"')
			return redis.call('LLEN', KEYS[1])`, mixins.AsInt)
		length, err := push.Run(t.Context(), []string{"list"})
		require.NoError(t, err)
		require.EqualValues(t, 2, length, "a caller was served before the script had ended")
		wantPop(t, first, pop{"list", "a", nil})
		wantPop(t, second, pop{"list", "b", nil})
		wantWaiting(t, third)

		// After its own error a script keeps its writes, as in Redis.
		_, err = mixins.NewScript(scripts, `redis.call('RPUSH', KEYS[1], '"c"') error('x')`, mixins.AsNothing).Run(t.Context(), []string{"list"})
		require.ErrorIs(t, err, xcache.ErrScript)
		wantPop(t, third, pop{"list", "c", nil})
	})
}

func TestAScriptThatIsUndoneServesNobody(t *testing.T) {
	for name, source := range map[string]string{
		"push":                   `redis.call('RPUSH', KEYS[1], '"x"')`,
		"push to what was there": `redis.call('DEL', KEYS[2]) redis.call('RPUSH', KEYS[1], '"x"')`,
		"move":                   `redis.call('LMOVE', KEYS[2], KEYS[1], 'LEFT', 'RIGHT')`,
		"blocking move":          `redis.call('BLMOVE', KEYS[2], KEYS[1], 'LEFT', 'RIGHT', 0)`,
		"rename":                 `redis.call('RENAME', KEYS[2], KEYS[1])`,
		"empty database":         `redis.call('FLUSHDB') redis.call('RPUSH', KEYS[1], '"x"')`,
		"empty it afterwards":    `redis.call('RPUSH', KEYS[1], '"x"') redis.call('FLUSHDB') redis.call('RPUSH', KEYS[1], '"y"')`,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, scripts := open(t)
				lists, err := mixins.NewLists[string](c)
				require.NoError(t, err)
				_, err = lists.RPush(t.Context(), "full", "a", "b")
				require.NoError(t, err)
				ctx, leave := context.WithCancel(t.Context())
				defer leave()
				stays, leaves := waitFor(t.Context(), t, c, "list"), waitFor(ctx, t, c, "list")

				_, err = mixins.NewScript(scripts, source+" return string.rep('x', 1e15)", mixins.AsNothing).Run(t.Context(), []string{"list", "full"})
				require.ErrorIs(t, err, xcache.ErrScript)
				require.NotErrorIs(t, err, xcache.ErrUnknownOutcome)
				wantWaiting(t, stays, leaves)
				there, err := lists.LRange(t.Context(), "full", 0, -1)
				require.NoError(t, err)
				require.Equal(t, []string{"a", "b"}, there)

				leave()
				synctest.Wait()
				require.ErrorIs(t, (<-leaves).err, context.Canceled)
				_, err = lists.RPush(t.Context(), "list", "after")
				require.NoError(t, err)
				wantPop(t, stays, pop{"list", "after", nil})
			})
		})
	}
}

func TestAGroupThatAScriptWouldMakeIsUndone(t *testing.T) {
	_, scripts := open(t)
	_, err := mixins.NewScript(scripts, `redis.call('XADD', KEYS[1], '1-1', 'f', 'v') redis.call('XGROUP', 'CREATE', KEYS[1], 'old', '0')`, mixins.AsNothing).Run(t.Context(), []string{"s"})
	require.NoError(t, err)
	_, err = mixins.NewScript(scripts, `redis.call('XGROUP', 'CREATE', KEYS[1], 'new', '0') redis.call('XGROUP', 'DESTROY', KEYS[1], 'old') return string.rep('x', 1e15)`, mixins.AsNothing).Run(t.Context(), []string{"s"})
	require.ErrorIs(t, err, xcache.ErrScript)
	n, err := mixins.NewScript(scripts, "return #redis.call('XINFO', 'GROUPS', KEYS[1])", mixins.AsInt).Run(t.Context(), []string{"s"})
	require.NoError(t, err)
	require.EqualValues(t, 1, n)
	_, err = mixins.NewScript(scripts, "return #redis.call('XREADGROUP', 'GROUP', 'old', 'c', 'STREAMS', KEYS[1], '>')", mixins.AsInt).Run(t.Context(), []string{"s"})
	require.NoError(t, err)
}

func TestMessagesOfAScriptAreSentWhenItHasEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, scripts := open(t)
		messages, err := mixins.NewPubSub[string](c)
		require.NoError(t, err)
		ctx, leave := context.WithCancel(t.Context())
		var got []string
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			for m, err := range messages.Subscribe(ctx, mixins.SubscribeOptions{}, "c") {
				if err == nil && m.Event == mixins.Published {
					got = append(got, m.Value)
				}
			}
		}()
		synctest.Wait()
		for _, tt := range []struct {
			source string
			want   error
		}{
			{`return redis.call('PUBLISH', KEYS[1], '"undone"') .. redis.call('SPUBLISH', KEYS[1], '"undone"') .. string.rep('x', 1e15)`, xcache.ErrScript},
			{`local n = redis.call('PUBLISH', KEYS[1], '"a"') redis.call('PUBLISH', KEYS[1], '"b"') return n`, nil},
			{`redis.call('PUBLISH', KEYS[1], '"c"') error('x')`, xcache.ErrScript},
		} {
			n, err := mixins.NewScript(scripts, tt.source, mixins.AsInt).Run(t.Context(), []string{"c"})
			require.ErrorIs(t, err, tt.want)
			if err == nil {
				require.EqualValues(t, 1, n, "subscriptions that are reached")
			}
		}
		time.Sleep(time.Second)
		leave()
		<-ended
		assert.Equal(t, []string{"a", "b", "c"}, got)
	})
}
