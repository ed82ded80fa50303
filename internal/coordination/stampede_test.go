package coordination

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache"
)

// In a stampede, many callers in several processes ask for one key at once, just after
// the key has expired. In the proof there are a thousand callers in eight processes.
func processesOfStampede() (processes, callers int) {
	if isProof() {
		return 8, 125
	}
	return 4, 25
}

// ordeals are the ways in which the first load of a round ends. All later loads succeed.
var ordeals = map[string]func() (int, error){
	"succeeds": nil,
	"fails":    func() (int, error) { return 0, errors.New("no database") },
	"panics":   func() (int, error) { panic("no database") },
	"exits":    func() (int, error) { runtime.Goexit(); return 0, nil },
	"hangs":    func() (int, error) { select {} },
}

// A crowd is the results of the callers of one process in a round.
type crowd struct {
	loads, values, errors int64
	// longest is the time of the longest load.
	longest time.Duration
}

func (c *crowd) String() string { return fmt.Sprint(c.loads, c.values, c.errors, int64(c.longest)) }

func crowdOf(t *testing.T, text string) (c crowd) {
	t.Helper()
	var longest int64
	_, err := fmt.Sscan(text, &c.loads, &c.values, &c.errors, &longest)
	require.NoError(t, err)
	c.longest = time.Duration(longest)
	return c
}

func (c *crowd) add(other crowd) {
	c.loads += other.loads
	c.values += other.values
	c.errors += other.errors
	c.longest = max(c.longest, other.longest)
}

// stampede makes many callers ask for a key at once, and returns their results.
func stampede(ctx context.Context, c *xcache.Cache, round int, ordeal string) crowd {
	v := xcache.For[int](c).With(xcache.OneLoader(time.Minute))
	if ordeal == "hangs" {
		v = v.With(xcache.LoadTimeout(3 * time.Second))
	}
	var loads, values, failed, longest atomic.Int64
	load := func(context.Context) (int, error) {
		began := time.Now()
		defer func() { longest.Store(max(longest.Load(), int64(time.Since(began)))) }()
		if fail := ordeals[ordeal]; fail != nil {
			first, err := xcache.For[int](c.Namespace("ordeals")).Add(context.Background(), strconv.Itoa(round), 1)
			if err != nil {
				return 0, err
			}
			if first {
				return fail()
			}
		}
		loads.Add(1)
		time.Sleep(20 * time.Millisecond)
		return round, nil
	}
	_, callers := processesOfStampede()
	var all sync.WaitGroup
	for range callers {
		all.Go(func() {
			defer func() {
				if recover() != nil {
					failed.Add(1)
				}
			}()
			if got, err := v.GetOrSet(ctx, "k", load, xcache.TTL(time.Hour)); err != nil {
				failed.Add(1)
			} else if got == round {
				values.Add(1)
			}
		})
	}
	all.Wait()
	return crowd{loads.Load(), values.Load(), failed.Load(), time.Duration(longest.Load())}
}

// playStampede makes a stampede for each line on standard input. A line has the number of
// the round, and the ordeal.
func playStampede(ctx context.Context, c *xcache.Cache, _ time.Duration) error {
	fmt.Println("holds", true)
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		number, ordeal, _ := strings.Cut(lines.Text(), " ")
		round, err := strconv.Atoi(number)
		if err != nil {
			return err
		}
		seen := stampede(ctx, c, round, ordeal)
		fmt.Println("saw", &seen)
	}
	return nil
}

// playLoadAtLength loads a key until the process is killed.
func playLoadAtLength(ctx context.Context, c *xcache.Cache, _ time.Duration) error {
	v := xcache.For[int](c).With(xcache.OneLoader(time.Minute))
	_, err := v.GetOrSet(ctx, "killed", func(context.Context) (int, error) {
		fmt.Println("holds", true)
		select {}
	})
	return err
}

// wantOneLoad makes a round, and checks that every caller had an answer, and that there was one
// load. A machine may stop the process of a load, or the server, for longer than the lease of the
// load, so that another process loads, too. A round that was no shorter than the lease is therefore
// repeated.
func wantOneLoad(t *testing.T, ordeal string, round, processes int, run func() crowd) crowd {
	t.Helper()
	const tries, lease = 5, 5 * time.Second
	_, callers := processesOfStampede()
	for range tries {
		began := time.Now()
		all := run()
		took := time.Since(began)
		require.EqualValues(t, processes*callers, all.values+all.errors, "answers in round %d: %s", round, ordeal)
		if ordeal == "succeeds" {
			require.Zero(t, all.errors, "round %d", round)
		}
		if took >= lease {
			t.Logf("round %d, %s, takes %v: %d loads", round, ordeal, took, all.loads)
			continue
		}
		if ordeal != "succeeds" && all.longest < time.Second { // the errors are of callers in the process whose load failed
			require.GreaterOrEqual(t, all.errors, int64(1), "round %d: %s", round, ordeal)
			require.LessOrEqual(t, all.errors, int64(callers), "round %d: %s", round, ordeal)
		}
		require.EqualValues(t, 1, all.loads, "loads in round %d: %s", round, ordeal)
		return all
	}
	require.Fail(t, "no round is shorter than a lease", "round %d: %s", round, ordeal)
	return crowd{}
}

// expire makes the key expire by its TTL, and lets the ordeal of a round happen.
func expire(t *testing.T, c *xcache.Cache, round int) {
	t.Helper()
	_, err := c.Namespace("ordeals").Delete(t.Context(), strconv.Itoa(round))
	require.NoError(t, err)
	_, err = c.Expire(t.Context(), "k", time.Millisecond)
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		_, err := xcache.For[int](c).Get(t.Context(), "k")
		return errors.Is(err, xcache.ErrNotFound)
	}, time.Minute, time.Millisecond)
}

// rounds calls run for each round: for all ordeals, and then for successes.
func rounds(t *testing.T, run func(round int, ordeal string)) {
	t.Helper()
	n := size(t, "XCACHE_STAMPEDES", 3)
	for ordeal := range ordeals {
		run(n, ordeal)
		n++
	}
	for round := range size(t, "XCACHE_STAMPEDES", 3) {
		run(round, "succeeds")
	}
}

func TestOneLoadPerExpiry(t *testing.T) {
	processes, _ := processesOfStampede()
	for _, store := range servers {
		t.Run(store.name, func(t *testing.T) {
			dsn := store.dsn(t)
			c := openStore(t, dsn)
			holders := make([]*holder, processes)
			for i := range holders {
				holders[i] = hold(t, "stampede", dsn, 0)
				require.Equal(t, "true", holders[i].says(t, "holds"))
			}
			loads, expiries := int64(0), 0
			rounds(t, func(round int, ordeal string) {
				all := wantOneLoad(t, ordeal, round, processes, func() (all crowd) {
					expire(t, c, round)
					for _, h := range holders {
						_, err := fmt.Fprintln(h.in, round, ordeal)
						require.NoError(t, err)
					}
					for _, h := range holders {
						all.add(crowdOf(t, h.says(t, "saw")))
					}
					return all
				})
				loads, expiries = loads+all.loads, expiries+1
			})
			t.Logf("%d loads for %d expiries", loads, expiries)
			for _, h := range holders {
				require.NoError(t, h.in.Close())
			}
		})
	}
}

// TestOneLoadPerExpiry on the store in memory, by caches that know nothing of each other.
func TestOneLoadPerExpiryInMemory(t *testing.T) {
	dsn := stores[0].dsn(t)
	processes, _ := processesOfStampede()
	caches := make([]*xcache.Cache, processes)
	for i := range caches {
		var err error
		caches[i], err = xcache.OpenDSN(dsn) // the cache stays open: Close would wait for the loader that hangs
		require.NoError(t, err)
	}
	rounds(t, func(round int, ordeal string) {
		wantOneLoad(t, ordeal, round, processes, func() (all crowd) {
			expire(t, caches[0], round)
			var mu sync.Mutex
			var running sync.WaitGroup
			for _, c := range caches {
				running.Go(func() {
					seen := stampede(t.Context(), c, round, ordeal)
					mu.Lock()
					defer mu.Unlock()
					all.add(seen)
				})
			}
			running.Wait()
			return all
		})
	})
}

// A process that is killed during its load delays other processes for the time of its
// lease.
func TestTheLoadOfAKilledProcessIsTakenOver(t *testing.T) {
	for _, store := range servers {
		t.Run(store.name, func(t *testing.T) {
			dsn := store.dsn(t)
			v := xcache.For[int](openStore(t, dsn)).With(xcache.OneLoader(time.Hour))
			h, _ := holdWithoutLoss(t, "load at length", dsn, 0, func(*holder) bool {
				waiting, leave := context.WithTimeout(t.Context(), 50*time.Millisecond)
				defer leave()
				_, err := v.GetOrSet(waiting, "killed", func(context.Context) (int, error) { return 0, nil })
				if errors.Is(err, context.DeadlineExceeded) {
					return false
				}
				require.NoError(t, err)
				_, err = v.Delete(t.Context(), "killed")
				require.NoError(t, err)
				return true
			})
			h.kill()
			began := time.Now()
			got, err := v.GetOrSet(t.Context(), "killed", func(context.Context) (int, error) { return 1, nil })
			require.NoError(t, err)
			require.Equal(t, 1, got)
			limit := time.Minute
			if isProof() {
				limit = 6 * time.Second
			}
			assert.Less(t, time.Since(began), limit)
		})
	}
}
