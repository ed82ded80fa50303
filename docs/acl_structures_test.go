package docs

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/mixins"
)

// structures has what a user does with each structure, by the category that docs/acl.md names.
var structures = map[string]func(ctx context.Context, c *xcache.Cache) error{
	"list": func(ctx context.Context, c *xcache.Cache) error {
		lists, err := mixins.NewLists[string](c)
		if err == nil {
			_, err = lists.RPush(ctx, "l", "a", "b")
		}
		if err == nil {
			_, err = lists.BLMove(ctx, "l", "l", mixins.Left, mixins.Right, time.Minute)
		}
		return err
	},
	"set": func(ctx context.Context, c *xcache.Cache) error {
		sets, err := mixins.NewSets[string](c)
		if err == nil {
			_, err = sets.SAdd(ctx, "s", "a")
		}
		return err
	},
	"hash": func(ctx context.Context, c *xcache.Cache) error {
		hashes, err := mixins.NewHashes[string](c)
		if err == nil {
			_, err = hashes.HSet(ctx, "h", "f", "a")
		}
		return err
	},
	"sortedset": func(ctx context.Context, c *xcache.Cache) error {
		sets, err := mixins.NewSortedSets[string](c)
		if err == nil {
			_, err = sets.ZIncrBy(ctx, "z", 1, "a")
		}
		return err
	},
	"stream": func(ctx context.Context, c *xcache.Cache) error {
		streams, err := mixins.NewStreams[string](c)
		if err == nil {
			_, err = streams.XAdd(ctx, "x", mixins.XAddOptions{}, map[string]string{"f": "a"})
		}
		return err
	},
}

// TestACLOfStructures holds docs/acl.md to the categories of structures.
func TestACLOfStructures(t *testing.T) {
	page := read(t, "docs/acl.md")
	eachServer(t, func(t *aclTest) {
		for category, use := range structures {
			require.Contains(t, page, "`+@"+category+"`")
			for _, allowed := range []bool{true, false} {
				t.do("FLUSHALL")
				if t.allow(); allowed {
					t.allow([]string{"@" + category})
				}
				cache, err := xcache.OpenDSN(t.dsn, longTimeout)
				require.NoError(t, err)
				if err := use(t.Context(), cache); allowed {
					require.NoError(t, err, category)
				} else {
					require.ErrorIs(t, err, xcache.ErrAuth, category)
				}
				require.NoError(t, cache.Close())
			}
		}
	})
}

// TestACLOfSubscriptions holds the pages to the permissions of a subscription, which asks a
// silent server whether the connection is alive.
func TestACLOfSubscriptions(t *testing.T) {
	commands := permissionsOn(t, "pubsub.md", "for a subscription")
	require.Equal(t, []string{"subscribe", "psubscribe", "ssubscribe", "ping"}, commands)
	for _, page := range []string{"locks.md", "semaphores.md", "once.md"} {
		require.Contains(t, strings.Join(strings.Fields(read(t, "docs/"+page)), " "), "`+publish`, `+psubscribe` and `+ping`")
	}
	eachServer(t, func(t *aclTest) {
		refusals := func() int { return strings.Count(fmt.Sprint(t.servers[0].Do(t, "ACL", "LOG")), " ping ") }
		runs := func() bool {
			return slices.ContainsFunc(strings.Split(fmt.Sprint(t.servers[0].Do(t, "CLIENT", "LIST")), "\n"), func(client string) bool {
				return strings.Contains(client, " user=probe ") && strings.Contains(client, " cmd=ping ")
			})
		}
		for _, allowed := range []bool{true, false} {
			t.do("ACL", "LOG", "RESET")
			t.allow(commands)
			if t.do("ACL", "SETUSER", "probe", "&*"); !allowed {
				t.do("ACL", "SETUSER", "probe", "-ping")
			}
			cache, err := xcache.OpenDSN(t.dsn, longTimeout)
			require.NoError(t, err)
			messages, err := mixins.NewPubSub[string](cache)
			require.NoError(t, err)
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				for _, err := range messages.Subscribe(ctx, mixins.SubscribeOptions{}, "news") {
					assert.NoError(t, ignore(err, context.Canceled))
				}
			}()
			if allowed {
				require.Eventually(t, runs, time.Minute, 50*time.Millisecond, "the server gets a PING")
				require.Zero(t, refusals())
			} else {
				require.Eventually(t, func() bool { return refusals() > 0 }, time.Minute, 50*time.Millisecond, "the server refuses a PING")
			}
			cancel()
			<-ended
			require.NoError(t, cache.Close())
		}
	})
}
