package soak

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/internal/sockets"
)

// Without a proof the test takes seconds, with a few faults.
const (
	shortRun    = time.Second
	shortFaults = 3
)

// TestSoak lets callers use caches in every way while faults follow each other.
// XCACHE_SOAK_MINUTES is the length of the run, XCACHE_SOAK_SEED repeats the faults of
// another run, XCACHE_SOAK_DEPLOYMENTS names the deployments, and XCACHE_SOAK_REPORT
// names a file for the figures.
func TestSoak(t *testing.T) {
	length, faults := shortRun, shortFaults
	if text := os.Getenv("XCACHE_SOAK_MINUTES"); text != "" {
		minutes, err := strconv.ParseFloat(text, 64)
		require.NoError(t, err)
		length = time.Duration(minutes * float64(time.Minute))
	}
	seed := rand.Uint64()
	if text := os.Getenv("XCACHE_SOAK_SEED"); text != "" {
		var err error
		seed, err = strconv.ParseUint(text, 10, 64)
		require.NoError(t, err)
	}
	names := "redis,valkey,redis+sentinel,valkey+cluster"
	if text := os.Getenv("XCACHE_SOAK_DEPLOYMENTS"); text != "" {
		names = text
	}
	t.Logf("XCACHE_SOAK_SEED=%d", seed)

	report := Report{Seed: seed}
	goroutines, connections := runtime.NumGoroutine(), len(sockets.Own())
	began := time.Now()
	heap := sampleHeap(length)
	var mu sync.Mutex
	t.Run("on", func(t *testing.T) { // ends when all deployments have ended
		for name := range strings.SplitSeq(names, ",") {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				d := open(t, name, seed)
				d.run(length, faults)
				d.stop()
				t.Log(d.figures.text())
				mu.Lock()
				defer mu.Unlock()
				report.Deployments = append(report.Deployments, d.figures.result())
			})
		}
	})
	report.Took = time.Since(began)
	samples, profiles := heap()
	report.HeapSamples = len(samples)
	report.HeapSlope, report.HeapFirst, report.HeapLast = slope(samples)
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		report.Goroutines, report.Sockets = runtime.NumGoroutine()-goroutines, len(sockets.Own())-connections
		if report.Goroutines <= 0 && report.Sockets <= 0 {
			break
		}
	}
	t.Logf("%v: %d goroutines and %d sockets more than before; heap from %.1f to %.1f MiB, slope %.1f KiB a minute, %d samples",
		report.Took.Round(time.Second), report.Goroutines, report.Sockets, report.HeapFirst/(1<<20), report.HeapLast/(1<<20), report.HeapSlope/(1<<10), report.HeapSamples)
	if file := os.Getenv("XCACHE_SOAK_REPORT"); file != "" {
		text, err := json.MarshalIndent(report, "", "\t")
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(file, append(text, '\n'), 0o644))
	}
	if report.Goroutines > 0 {
		stacks := make([]byte, 1<<20)
		t.Errorf("%d goroutines are left, seed %d:\n%s", report.Goroutines, seed, stacks[:runtime.Stack(stacks, true)])
	}
	require.LessOrEqual(t, report.Sockets, 0, "sockets that are left")
	const enough, bound = 10 * time.Minute, 8 << 20
	if length >= enough && report.HeapSlope*report.Took.Minutes() >= bound {
		t.Errorf("the heap has grown by more than %d MiB: compare the profiles by go tool pprof -diff_base %s", bound>>20, profiles.write(t))
	}
}
