package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/internal/servertest"
)

// A stampede lets many callers ask for a key that has just gone, and counts the loads
// from the database. The callers belong to several processes: here, a process is a cache
// with a client of its own.
type stampede struct{}

const (
	stampedeProcesses = 8
	stampedeCallers   = 125 // of each process
	stampedeLoadTime  = 50 * time.Millisecond
)

func (stampede) title() string {
	return fmt.Sprintf("%d callers of %d processes at a key that has expired", stampedeProcesses*stampedeCallers, stampedeProcesses)
}

func (t stampede) record(rounds int) (record, error) {
	r := record{Heads: []string{t.title()}, Columns: []column{
		{"loads per expiry", counts}, {"most", counts}, {"until all have the value", nanoseconds}, {"× the load", ratios},
	}}
	contestants := slices.Insert(slices.Clone(libraries), 2, library{"xcache, OneLoader", openLibrary("redis://%s?ttl=5m", xcache.OneLoader(stampedeLoadTime*20))})
	for _, lib := range contestants {
		var line row
		var err error
		var once sync.Once
		testing.Benchmark(func(b *testing.B) { // the server needs a testing.TB
			once.Do(func() { line, err = t.measure(servertest.Redis(b).Addr, lib, rounds) })
		})
		if err != nil {
			return record{}, fmt.Errorf("%s with %s: %w", t.title(), lib.name, err)
		}
		r.Rows = append(r.Rows, line)
	}
	return r, nil
}

func (stampede) measure(addr string, lib library, rounds int) (row, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	const key = "user:42"
	var loads atomic.Int64
	var processes []getUser
	for range stampedeProcesses {
		get, closeClient := lib.open(addr, func(ctx context.Context) (user, error) {
			loads.Add(1)
			select {
			case <-time.After(stampedeLoadTime):
				return ann, nil
			case <-ctx.Done():
				return user{}, ctx.Err()
			}
		})
		defer closeClient()
		if _, err := get(ctx, "connects"); err != nil {
			return row{}, err
		}
		processes = append(processes, get)
	}
	client := goredis.NewClient(&goredis.Options{Addr: addr})
	defer func() { _ = client.Close() }()

	var perExpiry []int64
	var took []float64
	for range rounds {
		keys := must(client.Keys(ctx, "*"+key).Result())
		if len(keys) > 0 {
			// A deletion stands for the expiry: a server tells both to clients that track the
			// key.
			mustDo(client.Del(ctx, keys...).Err())
			time.Sleep(stampedeLoadTime)
		}
		loads.Store(0)
		began := time.Now()
		if err := allAsk(ctx, processes, key); err != nil {
			return row{}, err
		}
		took = append(took, float64(time.Since(began)))
		perExpiry = append(perExpiry, loads.Load())
		time.Sleep(2 * stampedeLoadTime) // gocache stores later
	}
	return row{[]string{lib.name}, []float64{
		float64(median(perExpiry)), float64(slices.Max(perExpiry)), median(took), median(took) / float64(stampedeLoadTime),
	}}, nil
}

// allAsk makes all callers of all processes ask at once.
func allAsk(ctx context.Context, processes []getUser, key string) error {
	var group sync.WaitGroup
	var failed atomic.Pointer[error]
	start := make(chan struct{})
	for _, get := range processes {
		for range stampedeCallers {
			group.Go(func() {
				<-start
				got, err := get(ctx, key)
				if err == nil && got.Name != ann.Name {
					err = fmt.Errorf("got user %q", got.Name)
				}
				if err != nil {
					failed.Store(&err)
				}
			})
		}
	}
	close(start)
	group.Wait()
	if err := failed.Load(); err != nil {
		return *err
	}
	return nil
}
