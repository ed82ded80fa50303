package linearizability

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/memory"
	_ "github.com/xcache-go/xcache/drivers/redis"
	_ "github.com/xcache-go/xcache/drivers/valkey"
	"github.com/xcache-go/xcache/internal/servertest"
	"github.com/xcache-go/xcache/mixins"
)

const (
	callers = 5
	calls   = 10 // of each caller in a history
	// short is how many histories of each store "make test" records.
	short = 100
)

// histories returns how many histories of each store are recorded.
func histories(t testing.TB) int {
	t.Helper()
	text := os.Getenv("XCACHE_HISTORIES")
	if text == "" {
		return short
	}
	n, err := strconv.Atoi(text)
	require.NoError(t, err, "XCACHE_HISTORIES")
	return n
}

func TestHistoriesAreLinearizable(t *testing.T) {
	redis, valkey := servertest.Redis(t), servertest.Valkey(t)
	for name, dsn := range map[string]string{"memory": "memory://", "redis": "redis://" + redis.Addr + "?dial_timeout=1m", "valkey": "valkey://" + valkey.Addr + "?dial_timeout=1m"} {
		t.Run(name, func(t *testing.T) {
			c, err := xcache.OpenDSN(dsn, xcache.WithOpTimeout(time.Minute)) // a history has no failed calls
			require.NoError(t, err)
			defer func() { require.NoError(t, c.Close()) }()
			seed := rand.Uint64()
			t.Logf("seed %d", seed)
			for i := range histories(t) {
				history := record(t, c, strconv.Itoa(i), seed+uint64(i))
				require.Equal(t, porcupine.Ok, porcupine.CheckOperationsTimeout(model, history, time.Minute), "history %d of seed %d:\n%s", i, seed, text(history))
			}
		})
	}
}

func TestBrokenStoresAreNotLinearizable(t *testing.T) {
	for name, broken := range map[string]func(*memory.Store) driver.Store{
		"a read is of a moment before the call": func(s *memory.Store) driver.Store { return &stale{Store: s, seen: make(map[string]driver.Value)} },
		"compare and swap are two steps":        func(s *memory.Store) driver.Store { return twoSteps{s} },
		"a pop is two steps":                    func(s *memory.Store) driver.Store { return poppedTwice{s} },
	} {
		t.Run(name, func(t *testing.T) {
			store, err := memory.NewStore(memory.Options{})
			require.NoError(t, err)
			c, err := xcache.New(broken(store))
			require.NoError(t, err)
			defer func() { require.NoError(t, c.Close()) }()
			for i := range 1000 {
				if porcupine.CheckOperationsTimeout(model, record(t, c, strconv.Itoa(i), uint64(i)), time.Minute) == porcupine.Illegal {
					return
				}
			}
			t.Error("1000 histories of a broken store are linearizable")
		})
	}
}

// record makes one history: several callers at once, on a few keys that are new.
func record(t *testing.T, c *xcache.Cache, name string, seed uint64) []porcupine.Operation {
	t.Helper()
	lists, err := mixins.NewLists[int64](c)
	require.NoError(t, err)
	hashes, err := mixins.NewHashes[int64](c)
	require.NoError(t, err)
	s := session{xcache.For[int64](c), lists, hashes}
	began := time.Now()
	var mu sync.Mutex
	var history []porcupine.Operation
	var running sync.WaitGroup
	for caller := range callers {
		random := rand.New(rand.NewPCG(seed, uint64(caller)))
		running.Go(func() {
			for range calls {
				in := anyCall(random, name)
				op := porcupine.Operation{ClientId: caller, Input: in, Call: int64(time.Since(began))}
				out, err := s.do(t.Context(), in)
				op.Return, op.Output = int64(time.Since(began)), out
				if !assert.NoError(t, err, in.name) {
					return
				}
				mu.Lock()
				history = append(history, op)
				mu.Unlock()
			}
		})
	}
	running.Wait()
	return history
}

// anyCall returns a call on one of three keys.
func anyCall(random *rand.Rand, name string) call {
	kinds := [][]string{
		{"Get", "Get", "Set", "Add", "Incr", "CompareAndSwap", "CompareAndSwap", "Delete"},
		{"RPush", "LPush", "LPop", "RPop"},
		{"HGet", "HIncrBy"},
	}
	kind := random.IntN(len(kinds))
	names := kinds[kind]
	return call{names[random.IntN(len(names))], fmt.Sprintf("%d:%s", kind, name), random.Int64N(4), random.Int64N(4)}
}

// A session is the handles of a cache.
type session struct {
	values *xcache.View[int64]
	lists  *mixins.Lists[int64]
	hashes *mixins.Hashes[int64]
}

// do makes a call. What the model knows as no success is no error.
func (s *session) do(ctx context.Context, c call) (r result, err error) {
	n, ok := int64(0), true
	switch c.name {
	case "Get":
		n, err = s.values.Get(ctx, c.key)
	case "Set":
		err = s.values.Set(ctx, c.key, c.number)
	case "Add":
		ok, err = s.values.Add(ctx, c.key, c.number)
	case "Incr":
		n, err = s.values.Incr(ctx, c.key, c.number)
	case "CompareAndSwap":
		ok, err = s.values.CompareAndSwap(ctx, c.key, c.old, c.number)
	case "Delete":
		var removed int
		removed, err = s.values.Delete(ctx, c.key)
		ok = removed == 1
	case "RPush":
		var length int
		length, err = s.lists.RPush(ctx, c.key, c.number)
		n = int64(length)
	case "LPush":
		var length int
		length, err = s.lists.LPush(ctx, c.key, c.number)
		n = int64(length)
	case "LPop":
		n, err = s.lists.LPop(ctx, c.key)
	case "RPop":
		n, err = s.lists.RPop(ctx, c.key)
	case "HGet":
		n, err = s.hashes.HGet(ctx, c.key, "f")
	case "HIncrBy":
		n, err = s.hashes.HIncrBy(ctx, c.key, "f", c.number)
	}
	if errors.Is(err, xcache.ErrNotFound) {
		return result{}, nil
	}
	return result{n, ok}, err
}

func text(history []porcupine.Operation) (all string) {
	for _, op := range history {
		all += fmt.Sprintf("caller %d, %d to %d: %s\n", op.ClientId, op.Call, op.Return, model.DescribeOperation(op.Input, op.Output))
	}
	return all
}

// A stale store answers a read with what the read before it has found.
type stale struct {
	*memory.Store
	mu   sync.Mutex
	seen map[string]driver.Value
}

func (s *stale) Get(ctx context.Context, keys []string, dst []driver.Value) error {
	if err := s.Store.Get(ctx, keys, dst); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, key := range keys {
		before, ok := s.seen[key]
		s.seen[key] = dst[i]
		if ok {
			dst[i] = before
		}
	}
	return nil
}

// A twoSteps store compares, and then swaps.
type twoSteps struct{ *memory.Store }

func (s twoSteps) CompareAndSwap(ctx context.Context, e *driver.Entry, old []byte) (bool, error) {
	found := make([]driver.Value, 1)
	if err := s.Get(ctx, []string{e.Key}, found); err != nil || string(found[0].Data) != string(old) || found[0].Err != nil {
		return false, err
	}
	time.Sleep(time.Duration(rand.IntN(100)) * time.Microsecond)
	entries := []driver.Entry{*e}
	return true, s.Set(ctx, entries)
}

// A poppedTwice store reads an element, and then takes it.
type poppedTwice struct{ *memory.Store }

func (s poppedTwice) Do(ctx context.Context, cmds []*driver.Cmd, how driver.How) error {
	if len(cmds) != 1 || cmds[0].Name != "LPOP" {
		return s.Store.Do(ctx, cmds, how)
	}
	first := driver.NewCmd("LINDEX", cmds[0].Args[0], driver.Int(0))
	if err := s.Store.Do(ctx, []*driver.Cmd{first}, how); err != nil {
		return err
	}
	cmds[0].Reply, cmds[0].Err = first.Reply, first.Err
	if first.Err != nil || first.Reply.IsNil() {
		return nil
	}
	time.Sleep(time.Duration(rand.IntN(100)) * time.Microsecond)
	return s.Store.Do(ctx, []*driver.Cmd{driver.NewCmd("LTRIM", cmds[0].Args[0], driver.Int(1), driver.Int(-1))}, how)
}
