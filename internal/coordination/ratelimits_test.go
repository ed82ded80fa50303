package coordination

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/mixins"
)

// The settings of all processes of the test. The limits of one call belong to two
// subjects; the hash tag puts both subjects in one slot.
const rateSubject = "{r}user"

var (
	rateWindow = mixins.RateLimit{Name: "window", Limit: 20, Window: 300 * time.Millisecond}
	rateBurst  = mixins.RateLimit{Name: "burst", Limit: 25, Window: 300 * time.Millisecond, Burst: 10, Subject: "{r}all"}
)

// A grant is one unit that was taken at some moment between sent and got, in microseconds
// since 1970.
type grant struct{ sent, got int64 }

// takeUnits makes calls that ask for one unit each, and returns the grants.
func takeUnits(ctx context.Context, c *xcache.Cache, calls int) ([]grant, error) {
	limits, err := mixins.NewRateLimits(c)
	if err != nil {
		return nil, err
	}
	var grants []grant
	for range calls {
		g := grant{sent: time.Now().UnixMicro()}
		result, err := limits.Allow(ctx, rateSubject, rateWindow, rateBurst)
		if err != nil {
			return nil, err
		}
		if g.got = time.Now().UnixMicro(); result.Allowed {
			grants = append(grants, g)
			continue
		}
		time.Sleep(min(result.RetryAfter(), 5*time.Millisecond))
	}
	return grants, nil
}

// playRates takes units, and then writes the times of the grants. A line on standard
// input is the number of calls.
func playRates(ctx context.Context, c *xcache.Cache, _ time.Duration) error {
	fmt.Println("ready")
	lines := bufio.NewScanner(os.Stdin)
	if !lines.Scan() {
		return lines.Err()
	}
	var calls int
	if _, err := fmt.Sscan(lines.Text(), &calls); err != nil {
		return err
	}
	grants, err := takeUnits(ctx, c, calls)
	if err != nil {
		return err
	}
	fmt.Println("took", len(grants))
	for _, g := range grants {
		fmt.Println("at", g.sent, g.got)
	}
	return nil
}

// most returns the largest number of grants that certainly lie within any period of a
// length.
func most(grants []grant, length time.Duration) (largest int) {
	for i, first := range grants {
		within := 0
		for _, g := range grants[i:] {
			if g.sent >= first.sent+length.Microseconds() {
				break
			}
			if g.got < first.sent+length.Microseconds() {
				within++
			}
		}
		largest = max(largest, within)
	}
	return largest
}

// Callers of several processes ask for more units than the limits allow. No period of any
// length has more units than the limits allow. The moment of a unit is only known to be
// between two times, sent and got, so that only units that lie within a period for
// certain are counted. The servers run on this machine, and so have the same clock.
func TestRatesAreNeverAboveTheLimits(t *testing.T) {
	for _, store := range stores {
		t.Run(store.name, func(t *testing.T) {
			dsn := store.dsn(t)
			calls := size(t, "XCACHE_RATE_CALLS", 200)
			var mu sync.Mutex
			var grants []grant
			add := func(more ...grant) {
				mu.Lock()
				defer mu.Unlock()
				grants = append(grants, more...)
			}
			var processes []*holder
			if store.name != "memory" {
				for range 2 {
					processes = append(processes, hold(t, "rates", dsn, time.Second))
				}
			}
			for _, p := range processes {
				require.True(t, p.lines.Scan())
				_, err := fmt.Fprintln(p.in, calls)
				require.NoError(t, err)
			}
			var all sync.WaitGroup
			for range 4 {
				c := openStore(t, dsn)
				all.Go(func() {
					taken, err := takeUnits(t.Context(), c, calls)
					assert.NoError(t, err)
					add(taken...)
				})
			}
			for _, p := range processes {
				var n int
				_, err := fmt.Sscan(p.says(t, "took"), &n)
				require.NoError(t, err)
				require.Positive(t, n, "a process that got nothing")
				for range n {
					var g grant
					_, err := fmt.Sscan(p.says(t, "at"), &g.sent, &g.got)
					require.NoError(t, err)
					add(g)
				}
			}
			all.Wait()
			slices.SortFunc(grants, func(a, b grant) int { return int(a.sent - b.sent) })
			took := time.Duration(grants[len(grants)-1].got-grants[0].sent) * time.Microsecond
			require.Greater(t, took, rateWindow.Window, "more than a window")
			require.LessOrEqual(t, most(grants, rateWindow.Window), rateWindow.Limit)
			for _, length := range []time.Duration{10 * time.Millisecond, 50 * time.Millisecond, 120 * time.Millisecond, time.Second} {
				units := rateBurst.Burst + int(length*time.Duration(rateBurst.Limit)/rateBurst.Window)
				require.LessOrEqual(t, most(grants, length), units, "within %v", length)
			}
			t.Logf("%d units in %v, at most %d in a window of %v with a limit of %d", len(grants), took, most(grants, rateWindow.Window), rateWindow.Window, rateWindow.Limit)
		})
	}
}

// A cluster store refuses limits of subjects in different slots before a command is sent.
func TestRatesOfSeveralSlotsAreRefused(t *testing.T) {
	for _, store := range servers {
		limits, err := mixins.NewRateLimits(openStore(t, store.dsn(t)))
		require.NoError(t, err)
		elsewhere := rateWindow
		elsewhere.Subject = "elsewhere"
		_, err = limits.Allow(t.Context(), "here", rateWindow, elsewhere)
		if store.name == "cluster" {
			require.ErrorIs(t, err, xcache.ErrCrossSlot)
			_, err = limits.Allow(t.Context(), "here", rateWindow, mixins.RateLimit{Limit: 5, Window: time.Minute})
		}
		require.NoError(t, err, store.name)
	}
}
