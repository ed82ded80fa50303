package docs

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/internal/servertest"
)

// eachCluster is eachServer with clusters.
func eachCluster(t *testing.T, run func(t *aclTest, cluster *servertest.ClusterServers)) {
	for product, shared := range map[string]*servertest.SharedCluster{"redis": redisCluster, "valkey": valkeyCluster} {
		for _, scheme := range schemes {
			t.Run(product+"/"+scheme, func(t *testing.T) {
				cluster := shared.Servers(t)
				run(&aclTest{
					t,
					cluster.Nodes,
					func(key string) *servertest.Server { return cluster.Primary(t, key) },
					scheme + "+cluster://probe:secret@" + strings.Join(cluster.Addrs(), ","),
				}, cluster)
			})
		}
	}
}

func TestACLInAClusterOfOperations(t *testing.T) {
	page := readACLPage(t)
	eachCluster(t, func(t *aclTest, _ *servertest.ClusterServers) {
		for _, op := range aclOperations {
			commands := slices.Concat(page.rows[op.name].all(), page.cluster["every operation"], page.cluster[op.name])
			t.allow(commands)
			for i, form := range slices.Concat(op.usual, op.special) {
				require.NoError(t, t.try(form), "%s, way %d, with %v", op.name, i, commands)
			}
			for _, needless := range page.cluster[op.name] {
				if needless == "cluster|nodes" {
					continue // see TestACLInAClusterOfScans
				}
				t.allow(slices.DeleteFunc(slices.Clone(commands), func(c string) bool { return c == needless }))
				require.Error(t, t.try(op.usual[0]), "%s does not need %s", op.name, needless)
			}
		}
		t.allow([]string{"get"})
		require.Error(t, t.try(aclOperations[0].usual[0]), "Get does not need cluster|slots")

		commands := slices.Concat(page.rows["Get"].usual, page.cluster["every operation"])
		t.allow(commands)
		require.ErrorIs(t, t.try(aclOperations[0].usual[0], "?read=replica"), xcache.ErrAuth)
		t.allow(commands, page.cluster["reads from replicas, with `read=`"])
		require.NoError(t, t.try(func(ctx context.Context, v *xcache.View[string]) error {
			return ignore(without(v.Get(ctx, "text")), xcache.ErrNotFound) // which has not come to it yet
		}, "?read=replica"))
	})
}

func TestACLInAClusterWhileSlotsAreMoved(t *testing.T) {
	page := readACLPage(t)
	eachCluster(t, func(t *aclTest, cluster *servertest.ClusterServers) {
		moved := func(ctx context.Context, v *xcache.View[string]) error {
			from := t.primary(":1:text")
			to := otherPrimary(t, cluster, from)
			migration := cluster.StartMigration(t, from, to, slotOf(t, from, ":1:text"))
			migration.MoveKeys(t, ":1:text")
			defer migration.Finish(t)
			return without(v.Get(ctx, "text"))
		}
		commands := slices.Concat([]string{"get"}, page.cluster["every operation"])
		t.allow(commands)
		require.NoError(t, t.try(moved))
		t.allow(slices.DeleteFunc(commands, func(c string) bool { return c == "asking" }))
		require.ErrorIs(t, t.try(moved), xcache.ErrAuth)
	})
}

func TestACLInAClusterOfScans(t *testing.T) {
	page := readACLPage(t)
	eachCluster(t, func(t *aclTest, cluster *servertest.ClusterServers) {
		// A loop over the keys, during which a key that is yet to come moves to where
		// the loop has been.
		var found int
		scan := func(ctx context.Context, v *xcache.View[string]) error {
			var keys []string
			for _, primary := range cluster.Primaries(t) {
				for i := 0; ; i++ {
					if key := fmt.Sprint("key ", i); t.primary(":1:"+key) == primary {
						primary.Do(t, "SET", ":1:"+key, `"x"`)
						keys = append(keys, key)
						break
					}
				}
			}
			moved := map[string]bool{}
			seen := map[string]bool{}
			for key, err := range v.Keys(ctx, "key *") {
				if err != nil {
					return err
				}
				seen[key] = true
				if len(moved) == 0 {
					moved[key] = true
					to := t.primary(":1:" + key)
					last := keys[len(keys)-1]
					if last == key {
						last = keys[0]
					}
					from := t.primary(":1:" + last)
					migration := cluster.StartMigration(t, from, to, slotOf(t, from, ":1:"+last))
					migration.Finish(t)
				}
			}
			found = len(seen)
			return nil
		}
		t.allow(page.rows["Keys"].usual, page.cluster["every operation"], page.cluster["Keys"])
		require.NoError(t, t.try(scan))
		require.Equal(t, 3, found, "with cluster|nodes every key is found")
		t.allow(page.rows["Keys"].usual, page.cluster["every operation"])
		require.NoError(t, t.try(scan))
		require.Equal(t, 2, found, "without it the key that moved is missed")
	})
}

func TestACLInAClusterOfARename(t *testing.T) {
	page := readACLPage(t)
	eachCluster(t, func(t *aclTest, _ *servertest.ClusterServers) {
		commands := slices.Concat(page.rows["Rename"].all(), page.cluster["every operation"], page.cluster["Rename"])
		t.allow(slices.DeleteFunc(commands, func(c string) bool { return c == "unlink" }))
		err := t.try(func(ctx context.Context, v *xcache.View[string]) error { return v.Rename(ctx, "text", "bye") })
		require.ErrorIs(t, err, xcache.ErrUnknownOutcome)
		for _, key := range []string{":1:text", ":1:bye"} {
			require.Equal(t, `"hello"`, t.primary(key).Do(t, "GET", key))
		}
	})
}

func otherPrimary(t *aclTest, cluster *servertest.ClusterServers, than *servertest.Server) *servertest.Server {
	t.Helper()
	primaries := cluster.Primaries(t)
	return primaries[slices.IndexFunc(primaries, func(s *servertest.Server) bool { return s != than })]
}

func slotOf(t *aclTest, server *servertest.Server, key string) int {
	t.Helper()
	return int(server.Do(t, "CLUSTER", "KEYSLOT", key).(int64))
}
