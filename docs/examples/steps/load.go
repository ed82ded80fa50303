package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/xcache-go/xcache"
)

const (
	visitors = 32
	pause    = 40 * time.Millisecond // between two pages of a visitor
	perPage  = 10
	people   = 2_000
)

// A result is what visitors saw.
type result struct {
	pages   int
	took    []time.Duration // sorted
	elapsed time.Duration
}

func (r *result) perSecond(n int) float64 { return float64(n) / r.elapsed.Seconds() }

func (r *result) percentile(p int) time.Duration {
	return r.took[(len(r.took)-1)*p/100].Round(10 * time.Microsecond)
}

// load has visitors ask the services for pages, one after the other, for a time. Each visitor sees one
// page at least. Some users are far more popular than others.
func load(ctx context.Context, services []*service, page func(context.Context, *service, []string) error, each time.Duration) (*result, error) {
	began := time.Now()
	took, errs := make([][]time.Duration, visitors), make([]error, visitors)
	var running sync.WaitGroup
	for v := range visitors {
		running.Go(func() {
			popular := rand.NewZipf(rand.New(rand.NewPCG(rand.Uint64(), 0)), 1.1, 1, people-1)
			ids := make([]string, perPage)
			for {
				for i := range ids {
					ids[i] = strconv.FormatUint(popular.Uint64(), 10)
				}
				asked := time.Now()
				if err := page(ctx, services[v%len(services)], ids); err != nil {
					errs[v] = err
					return
				}
				took[v] = append(took[v], time.Since(asked))
				time.Sleep(pause)
				if time.Since(began) >= each {
					return
				}
			}
		})
	}
	running.Wait()
	all := slices.Sorted(slices.Values(slices.Concat(took...)))
	return &result{len(all), all, time.Since(began)}, errors.Join(errs...)
}

// A hitCounter counts what reads of the cache found.
type hitCounter struct{ hits, misses atomic.Int64 }

// Start implements xcache.Observer.
func (*hitCounter) Start(ctx context.Context, _ *xcache.Operation) context.Context { return ctx }

// End implements xcache.Observer.
func (h *hitCounter) End(_ context.Context, op *xcache.Operation) {
	if op.Name == "get" || op.Name == "get many" {
		h.hits.Add(int64(op.Hits))
		h.misses.Add(int64(op.Misses))
	}
}

func (h *hitCounter) reset() {
	h.hits.Store(0)
	h.misses.Store(0)
}

func (h *hitCounter) percent() float64 {
	return 100 * float64(h.hits.Load()) / max(1, float64(h.hits.Load()+h.misses.Load()))
}
