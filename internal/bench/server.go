package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"
	valkeygo "github.com/valkey-io/valkey-go"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/internal/servertest"
)

// A serverTable times this library against the client that its driver is built on, at
// a server of its own on loopback, with a context that can be cancelled, as that of
// every HTTP request. Beside the time per call it has the CPU that the process takes:
// at many callers the server is what everybody waits for.
type serverTable struct {
	operation string
	size      int
	driver    string
	turn      *time.Duration
}

// callers are how many goroutines call at once.
var callers = []int{1, 16, 256}

func serverTables(turn *time.Duration) []table {
	var all []table
	for _, driver := range []string{"redis", "valkey"} {
		for _, size := range []int{100, 64 << 10} {
			for _, operation := range []string{"Get", "Set"} {
				all = append(all, serverTable{operation, size, driver, turn})
			}
		}
	}
	return all
}

func (t serverTable) title() string {
	return fmt.Sprintf("%s of %d bytes at a %s-server", t.operation, t.size, t.driver)
}

func (t serverTable) run(out io.Writer, rounds int) error {
	var err error
	var once sync.Once
	testing.Benchmark(func(b *testing.B) {
		once.Do(func() { err = t.measure(b, out, rounds) })
	})
	return err
}

// A caller does one operation.
type caller func(ctx context.Context) error

func (t serverTable) measure(b *testing.B, out io.Writer, rounds int) error {
	value := bytes.Repeat([]byte{'v'}, t.size)
	raw, ours := t.redis, "go-redis"
	server := servertest.Redis
	if t.driver == "valkey" {
		raw, ours, server = t.valkey, "valkey-go", servertest.Valkey
	}
	addr := server(b).Addr
	rawCall, closeRaw := raw(addr, value)
	defer closeRaw()
	view := xcache.For[[]byte](must(xcache.OpenDSN(t.driver + "://" + addr + "?serializer=raw&ttl=" + timeToLive.String())))
	defer func() { _ = view.Close() }()
	xcacheCall := func(ctx context.Context) error { return view.Set(ctx, clientKey, value) }
	if t.operation == "Get" {
		if err := xcacheCall(b.Context()); err != nil {
			return err
		}
		xcacheCall = func(ctx context.Context) error {
			got, err := view.Get(ctx, clientKey)
			return sameLength(err, len(got), len(value))
		}
	}
	fmt.Fprintf(out, "\n| %s, callers | %s | xcache | × time | × CPU |\n|---|--:|--:|--:|--:|\n", t.title(), ours)
	for _, n := range callers {
		var base, own, baseCPU, ownCPU measurement
		for range rounds {
			for _, side := range []struct {
				call      caller
				time, cpu *measurement
			}{{rawCall, &base, &baseCPU}, {xcacheCall, &own, &ownCPU}} {
				time, cpu, err := together(n, *t.turn, side.call)
				if err != nil {
					return err
				}
				side.time.nanoseconds = append(side.time.nanoseconds, time)
				side.cpu.nanoseconds = append(side.cpu.nanoseconds, cpu)
			}
		}
		fmt.Fprintf(out, "| %d | %s | %s | %.2f | %.2f |\n", n, duration(median(base.nanoseconds)), duration(median(own.nanoseconds)),
			ratio(own, base), ratio(ownCPU, baseCPU))
	}
	return nil
}

func (t serverTable) redis(addr string, value []byte) (caller, func()) {
	client := goredis.NewClient(&goredis.Options{Addr: addr})
	call := func(ctx context.Context) error { return client.Set(ctx, fullKey, value, timeToLive).Err() }
	if t.operation == "Get" {
		call = func(ctx context.Context) error {
			got, err := client.Get(ctx, fullKey).Bytes()
			return sameLength(err, len(got), len(value))
		}
	}
	return call, func() { _ = client.Close() }
}

func (t serverTable) valkey(addr string, value []byte) (caller, func()) {
	client := must(valkeygo.NewClient(valkeygo.ClientOption{InitAddress: []string{addr}, ForceSingleClient: true, DisableCache: true}))
	call := func(ctx context.Context) error {
		return client.Do(ctx, client.B().Set().Key(fullKey).Value(valkeygo.BinaryString(value)).Px(timeToLive).Build()).Error()
	}
	if t.operation == "Get" {
		call = func(ctx context.Context) error {
			got, err := client.Do(ctx, client.B().Get().Key(fullKey).Build()).AsBytes()
			return sameLength(err, len(got), len(value))
		}
	}
	return call, client.Close
}

// together lets so many callers call for a time, each with a context of its own that
// can be cancelled. It returns the time and the CPU per call.
func together(n int, turn time.Duration, call caller) (perCall, cpuPerCall float64, err error) {
	var (
		group  sync.WaitGroup
		calls  atomic.Int64
		failed atomic.Pointer[error]
		stop   atomic.Bool
	)
	began, cpu := time.Now(), cpuTime()
	for range n {
		group.Go(func() {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			done := int64(0)
			for !stop.Load() {
				if err := call(ctx); err != nil {
					failed.Store(&err)
					return
				}
				done++
			}
			calls.Add(done)
		})
	}
	time.Sleep(turn)
	stop.Store(true)
	group.Wait()
	if err := failed.Load(); err != nil {
		return 0, 0, *err
	}
	total := float64(calls.Load())
	return float64(time.Since(began)) / total, float64(cpuTime()-cpu) / total, nil
}

// cpuTime returns how long the process was at work so far.
func cpuTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
