package main

import (
	"cmp"
	"fmt"
	"slices"
	"testing"
)

// A comparison is one piece of work that several libraries do.
type comparison struct {
	name string
	// contestants do the work. The others are compared with the first.
	contestants []contestant
}

type contestant struct {
	lib   string
	bench func(b *testing.B)
}

// A measurement has the results of one contestant, one element for each
// round.
type measurement struct {
	nanoseconds []float64
	allocations int64
	bytes       int64
}

// measure lets the contestants take turns, so that a disturbance of the
// machine disturbs all contestants.
func (c comparison) measure(rounds int) ([]measurement, error) {
	measured := make([]measurement, len(c.contestants))
	for range rounds {
		for i, contestant := range c.contestants {
			result := testing.Benchmark(contestant.bench)
			if result.N == 0 {
				return nil, fmt.Errorf("%s with %s failed; the benchmark of that name in go test says why", c.name, contestant.lib)
			}
			m := &measured[i]
			m.nanoseconds = append(m.nanoseconds, float64(result.T.Nanoseconds())/float64(result.N))
			m.allocations, m.bytes = result.AllocsPerOp(), result.AllocedBytesPerOp()
		}
	}
	return measured, nil
}

func (c comparison) title() string { return c.name }

func (c comparison) record(rounds int) (record, error) {
	measured, err := c.measure(rounds)
	if err != nil {
		return record{}, err
	}
	r := record{Heads: []string{c.name}, Columns: []column{
		{"time", nanoseconds}, {"allocations", counts}, {"bytes", counts}, {"× " + c.contestants[0].lib, ratios},
	}}
	for i, m := range measured {
		r.Rows = append(r.Rows, row{[]string{c.contestants[i].lib},
			[]float64{median(m.nanoseconds), float64(m.allocations), float64(m.bytes), ratio(m, measured[0])}})
	}
	return r, nil
}

// ratio returns the median of the ratios of the rounds: each compares two
// measurements that were taken at nearly the same time.
func ratio(m, base measurement) float64 {
	ratios := make([]float64, len(m.nanoseconds))
	for i := range ratios {
		ratios[i] = m.nanoseconds[i] / base.nanoseconds[i]
	}
	return median(ratios)
}

func median[N cmp.Ordered](values []N) N {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}
