package coordination

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/internal/servertest"
)

// A source is a database with one row. The row holds the number of the last invalidation
// that began. A load reads the row, and returns some time later.
type source struct {
	mu  sync.Mutex
	now int
}

func (s *source) next() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now++
	return s.now
}

func (s *source) read() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

// keysOfFills is how many keys are loaded and invalidated at a time.
const keysOfFills = 32

// invalidations are the ways to invalidate a key, in turn. The last way invalidates all
// keys.
var invalidations = []func(ctx context.Context, c *xcache.Cache, key string) error{
	func(ctx context.Context, c *xcache.Cache, key string) error { _, err := c.Delete(ctx, key); return err },
	func(ctx context.Context, c *xcache.Cache, key string) error {
		p := c.Pipeline()
		p.Delete(key)
		return p.Exec(ctx)
	},
	func(ctx context.Context, c *xcache.Cache, key string) error {
		p := c.Pipeline()
		p.Delete(key)
		return p.ExecAtomic(ctx)
	},
	func(ctx context.Context, c *xcache.Cache, key string) error {
		_, err := c.Touch(ctx, key, xcache.TTL(-1))
		return err
	},
	func(ctx context.Context, c *xcache.Cache, key string) error {
		_, err := c.DeletePattern(ctx, key[:len(key)-1]+"?")
		return err
	},
	func(ctx context.Context, c *xcache.Cache, _ string) error { _, err := c.Clear(ctx); return err },
}

// invalidate invalidates all keys, in ways that depend on the number of the round. Scans
// are rare, because a scan reads the whole keyspace.
func invalidate(ctx context.Context, c *xcache.Cache, n int) error {
	const scans = 2
	for i, key := range fillKeys() {
		way := (n + i) % (len(invalidations) - scans)
		if i == 0 {
			way = n % len(invalidations)
		}
		if err := invalidations[way](ctx, c, key); err != nil {
			return err
		}
	}
	return nil
}

func fillKeys() []string {
	keys := make([]string, keysOfFills)
	for i := range keys {
		keys[i] = fmt.Sprintf("k%02d:", i)
	}
	return keys
}

// load loads keys in random order, until the context ends. A load takes less than
// longest.
func load(ctx context.Context, v *xcache.View[int], row *source, longest time.Duration) error {
	for keys := fillKeys(); ctx.Err() == nil; {
		for _, i := range rand.Perm(len(keys)) {
			_, err := v.GetOrSet(ctx, keys[i], func(context.Context) (int, error) {
				n := row.read()
				time.Sleep(rand.N(longest))
				return n, nil
			})
			if err != nil && ctx.Err() == nil {
				return err
			}
		}
		time.Sleep(rand.N(200 * time.Microsecond))
	}
	return nil
}

// playLoad loads all missing keys. Each line on standard input is a new number of the
// row. When playLoad answers, the number is in the database.
func playLoad(ctx context.Context, c *xcache.Cache, _ time.Duration) error {
	var row source
	v := xcache.For[int](c.Namespace("fills"))
	ctx, stop := context.WithCancel(ctx)
	var loaders sync.WaitGroup
	defer loaders.Wait()
	defer stop()
	for range 4 {
		loaders.Go(func() {
			if err := load(ctx, v, &row, 20*time.Millisecond); err != nil {
				fmt.Println("failed", err)
			}
		})
	}
	fmt.Println("holds", 0)
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		n, err := strconv.Atoi(lines.Text())
		if err != nil {
			return err
		}
		row.mu.Lock()
		row.now = n
		row.mu.Unlock()
		fmt.Println("knows", n)
	}
	return nil
}

// playLoadWithoutLeases is playLoad on a store without leases.
func playLoadWithoutLeases(ctx context.Context, c *xcache.Cache, d time.Duration) error {
	without, err := xcache.New(leaseless{c.Store()})
	if err != nil {
		return err
	}
	return playLoad(ctx, without, d)
}

// Processes load keys while another process invalidates them. A value that is in the
// store after an invalidation was loaded after the invalidation began.
func TestNoLoadBringsBackWhatWasInvalidated(t *testing.T) {
	for _, store := range servers {
		t.Run(store.name, func(t *testing.T) {
			dsn := store.dsn(t)
			rounds := size(t, "XCACHE_FILLS", 640)
			old := oldValues(t, dsn, "load", rounds)
			t.Logf("%d rounds, %d old values", rounds, old)
			require.Zero(t, old, "old values in %d rounds", rounds)
			if isProof() {
				rounds = min(rounds, 3200)
				t.Logf("without leases: %d rounds, %d old values", rounds, oldValues(t, dsn, "load without leases", rounds))
			}
		})
	}
}

// oldValues returns how often processes in a role have brought an old value back.
func oldValues(t *testing.T, dsn, role string, rounds int) (old int) {
	t.Helper()
	const processes = 8
	c := openStore(t, dsn).Namespace("fills")
	loaders := make([]*holder, processes)
	for i := range loaders {
		loaders[i] = hold(t, role, dsn, 0)
		require.Equal(t, "0", loaders[i].says(t, "holds"))
	}
	for n := 1; n <= rounds/keysOfFills; n++ {
		_, err := c.Delete(t.Context(), fillKeys()...) // so that loads are under way during the invalidation
		require.NoError(t, err)
		for _, loader := range loaders {
			_, err := loader.in.WriteString(strconv.Itoa(n) + "\n")
			require.NoError(t, err)
		}
		for _, loader := range loaders {
			require.Equal(t, strconv.Itoa(n), loader.says(t, "knows"))
		}
		require.NoError(t, invalidate(t.Context(), c, n))
		old += olderThan(t, c, n)
	}
	for _, loader := range loaders {
		require.NoError(t, loader.in.Close())
	}
	return old
}

// olderThan waits until loads have stored all keys, and returns how many of the values
// are older than n.
func olderThan(t *testing.T, c *xcache.Cache, n int) (old int) {
	t.Helper()
	v, began := xcache.For[int](c), time.Now()
	for keys := fillKeys(); len(keys) > 0; time.Sleep(100 * time.Microsecond) {
		found, err := v.GetMany(t.Context(), keys)
		require.NoError(t, err)
		for _, value := range found {
			if value < n {
				old++
			}
		}
		keys = slices.DeleteFunc(keys, func(key string) bool { _, is := found[key]; return is })
		require.Less(t, time.Since(began), time.Minute, "no load stores its value")
	}
	return old
}

// TestNoLoadBringsBackWhatWasInvalidated on the store in memory, by caches that know
// nothing of each other.
func TestNoLoadInMemoryBringsBackWhatWasInvalidated(t *testing.T) {
	dsn := stores[0].dsn(t)
	rounds := size(t, "XCACHE_FILLS", 3200)
	old := oldValuesHere(t, dsn, rounds, func(c *xcache.Cache) *xcache.Cache { return c })
	t.Logf("%d rounds, %d old values", rounds, old)
	require.Zero(t, old, "old values in %d rounds", rounds)
	if isProof() {
		rounds = min(rounds, 3200)
		t.Logf("without leases: %d rounds, %d old values", rounds, oldValuesHere(t, dsn, rounds, func(c *xcache.Cache) *xcache.Cache {
			without, err := xcache.New(leaseless{c.Store()})
			require.NoError(t, err)
			return without
		}))
	}
}

// oldValuesHere is oldValues with caches of this process.
func oldValuesHere(t *testing.T, dsn string, rounds int, as func(*xcache.Cache) *xcache.Cache) (old int) {
	t.Helper()
	const caches = 8
	c := openStore(t, dsn)
	var row source
	ctx, stop := context.WithCancel(t.Context())
	var loaders sync.WaitGroup
	for range caches {
		v := xcache.For[int](as(openStore(t, dsn)))
		for range 4 {
			loaders.Go(func() { assert.NoError(t, load(ctx, v, &row, 2*time.Millisecond)) })
		}
	}
	for range rounds / keysOfFills {
		_, err := c.Delete(t.Context(), fillKeys()...)
		require.NoError(t, err)
		n := row.next()
		require.NoError(t, invalidate(t.Context(), c, n))
		old += olderThan(t, c, n)
	}
	stop()
	loaders.Wait()
	return old
}

// A slot moves from server to server, with the leases in the slot, while the slot's keys
// are loaded and invalidated.
func TestNoLoadBringsBackWhatWasInvalidatedWhileTheSlotMoves(t *testing.T) {
	servers := servertest.Cluster(t)
	dsn := "redis+cluster://" + strings.Join(servers.Addrs(), ",") + "?op_timeout=30s" // no bound is measured
	c := openStore(t, dsn).Namespace("{tag}")
	var row source
	ctx, stop := context.WithCancel(t.Context())
	var loaders sync.WaitGroup
	defer loaders.Wait()
	defer stop()
	for range 4 {
		v := xcache.For[int](openStore(t, dsn).Namespace("{tag}"))
		for range 2 {
			loaders.Go(func() { assert.NoError(t, load(ctx, v, &row, 2*time.Millisecond)) })
		}
	}
	full := ":1:{tag}:k"
	slot := int(servers.Nodes[0].Do(t, "CLUSTER", "KEYSLOT", full).(int64))
	rounds, old := size(t, "XCACHE_FILLS_MOVES", 6), 0
	for range rounds {
		from := servers.Primary(t, full)
		primaries := servers.Primaries(t)
		to := primaries[(slices.Index(primaries, from)+1)%len(primaries)]
		migration := servers.StartMigration(t, from, to, slot)
		for _, step := range []func(){
			func() {},
			func() { migration.MoveKeys(t) },
			func() {},
		} {
			n := row.next() // earlier loads may store nothing from here on
			require.NoError(t, invalidate(t.Context(), c, n))
			step()
			time.Sleep(rand.N(2 * time.Millisecond))
			found, err := xcache.For[int](c).GetMany(t.Context(), fillKeys())
			require.NoError(t, err)
			for _, value := range found {
				if value < n {
					old++
				}
			}
		}
		n := row.next()
		var invalidating sync.WaitGroup
		invalidating.Go(func() { assert.NoError(t, invalidate(t.Context(), c, n)) })
		migration.Finish(t)
		invalidating.Wait()
		old += olderThan(t, c, n)
	}
	require.Zero(t, old)
}
