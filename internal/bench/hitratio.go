package main

import (
	"fmt"
	"math/rand/v2"
)

const (
	// traceKeys is how many different keys a trace may have.
	traceKeys = 1 << 17
	// traceLength is a power of two, so that a benchmark can repeat the trace with
	// a mask.
	traceLength = 1 << 20
)

// zipfTrace is for all benchmarks, and for reading only.
var zipfTrace = zipf(embeddedKeys, traceLength, 1)

// zipf returns a trace with few keys that are requested often and many that
// are requested rarely, as on a shop's site.
func zipf(keys, length int, seed uint64) []string {
	names := keyNames(keys)
	random := rand.New(rand.NewPCG(seed, 0))
	draw := rand.NewZipf(random, 1.01, 1, uint64(keys-1))
	shuffled := random.Perm(keys)
	trace := make([]string, length)
	for i := range trace {
		trace[i] = names[shuffled[draw.Uint64()]]
	}
	return trace
}

// withScans returns a trace with scans. In every fourth stretch of 10 000
// requests, each key is requested only once, as by a nightly job.
func withScans(trace []string) []string {
	const stretch = 10_000
	mixed := make([]string, len(trace))
	next := 0
	for i := range trace {
		mixed[i] = trace[i]
		if i/stretch%4 == 3 {
			mixed[i] = fmt.Sprintf("scan:%08d", next)
			next++
		}
	}
	return mixed
}

// shifting returns a trace whose popular keys change from time to time.
func shifting(keys, length int) []string {
	const periods = 8
	var trace []string
	for seed := range uint64(periods) {
		trace = append(trace, zipf(keys, length/periods, seed)...)
	}
	return trace
}

// hitRatios tells how many requests of each trace were hits, for caches with
// room for a part of the keys. Caches that are bound by bytes are left out,
// because they would hold another number of entries.
type hitRatios struct{}

func (hitRatios) title() string { return "Hit ratios" }

func (t hitRatios) record(int) (record, error) {
	base := zipf(traceKeys, traceLength, 1)
	traces := []struct {
		name     string
		requests []string
	}{
		{"Zipf", base},
		{"Zipf with scans", withScans(base)},
		{"Zipf, shifting", shifting(traceKeys, traceLength)},
	}
	r := record{Heads: []string{t.title(), "room for"}}
	for _, lib := range embeddedLibraries {
		if lib.boundByEntries {
			r.Columns = append(r.Columns, column{lib.name, percents})
		}
	}
	for _, trace := range traces {
		for _, percent := range []int{1, 10} {
			line := row{Names: []string{trace.name, fmt.Sprintf("%d %%", percent)}}
			for _, lib := range embeddedLibraries {
				if lib.boundByEntries {
					line.Cells = append(line.Cells, hitRatio(lib.open(traceKeys*percent/100), trace.requests))
				}
			}
			r.Rows = append(r.Rows, line)
		}
	}
	return r, nil
}

func hitRatio(cache embedded, trace []string) float64 {
	defer cache.close()
	value := make([]byte, valueSize)
	hits := 0
	for _, key := range trace {
		if getOrSet(cache, key, value) {
			hits++
		}
	}
	return float64(hits) / float64(len(trace))
}
