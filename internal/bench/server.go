package main

import (
	"bytes"
	"context"
	"fmt"
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

// A serverTable times contestants at a server of its own on loopback. The table has
// the time per call and the CPU time of the process per call. With many callers the
// time per call depends mostly on the server.
type serverTable struct {
	name        string
	server      serverStarter
	contestants []serverContestant
	turn        *time.Duration
}

type serverContestant struct {
	lib string
	// open returns one operation, and a function that closes the client of the operation.
	open func(addr string) (call caller, closeClient func())
	// With cancellable, each caller has a cancellable context of its own, such as the
	// context of an HTTP request. Otherwise the context never ends.
	cancellable bool
	// base is the index of the contestant to compare with.
	base int
}

type serverStarter = func(testing.TB, ...servertest.Option) *servertest.Server

// callers are the numbers of goroutines that call at once.
var callers = []int{1, 16, 256}

// serverTables time this library against the clients below its drivers.
func serverTables(turn *time.Duration) []serverTable {
	return append(tablesBeside("redis", "go-redis", servertest.Redis, atServer(dialGoRedis, onGoRedis), turn),
		tablesBeside("valkey", "valkey-go", servertest.Valkey, atServer(dialValkeyGo, onValkeyGo), turn)...)
}

func tablesBeside(name, client string, server serverStarter, byClient openers, turn *time.Duration) []serverTable {
	byLibrary := atServer(dialXcache(name), onXcache)
	var all []serverTable
	add := func(op string, size int, pick func(*openers) sizedOpener) {
		value := bytes.Repeat([]byte{'v'}, size)
		raw, ours := pick(&byClient)(value), pick(&byLibrary)(value)
		all = append(all, serverTable{op + " at a " + name + "-server", server, []serverContestant{
			{client, raw, false, 0},
			{"xcache", ours, false, 0},
			{client + ", cancellable context", raw, true, 2},
			{"xcache, cancellable context", ours, true, 2},
		}, turn})
	}
	for _, size := range []int{100, 1 << 10, 64 << 10} {
		add(fmt.Sprintf("Get of %d bytes", size), size, func(o *openers) sizedOpener { return o.get })
		add(fmt.Sprintf("Set of %d bytes", size), size, func(o *openers) sizedOpener { return o.set })
	}
	add("Get, a miss", 0, func(o *openers) sizedOpener { return o.miss })
	add("Delete of a key", 0, func(o *openers) sizedOpener { return o.delete })
	add("GetMany of 100 values of 100 bytes", 100, func(o *openers) sizedOpener { return o.getMany })
	add("SetMany of 100 values of 100 bytes", 100, func(o *openers) sizedOpener { return o.setMany })
	return all
}

func (t serverTable) title() string { return t.name }

func (t serverTable) record(rounds int) (r record, err error) {
	var once sync.Once
	testing.Benchmark(func(b *testing.B) { // the server needs a testing.TB
		once.Do(func() { r, err = t.measure(t.server(b).Addr, rounds) })
	})
	return r, err
}

func (t serverTable) measure(addr string, rounds int) (record, error) {
	calls := make([]caller, len(t.contestants))
	for i, c := range t.contestants {
		call, closeClient := c.open(addr)
		defer closeClient()
		calls[i] = call
	}
	r := record{Heads: []string{t.name}, Rows: make([]row, len(t.contestants))}
	for i, c := range t.contestants {
		r.Rows[i].Names = []string{c.lib}
	}
	for _, n := range callers {
		times, cpus := make([]measurement, len(calls)), make([]measurement, len(calls))
		for range rounds {
			for i, call := range calls {
				perCall, cpuPerCall, err := together(n, *t.turn, call, t.contestants[i].cancellable)
				if err != nil {
					return record{}, fmt.Errorf("%s with %s: %w", t.name, t.contestants[i].lib, err)
				}
				times[i].nanoseconds = append(times[i].nanoseconds, perCall)
				cpus[i].nanoseconds = append(cpus[i].nanoseconds, cpuPerCall)
			}
		}
		r.Columns = append(r.Columns, column{nCallers(n), nanoseconds}, column{"×", ratios}, column{"× CPU", ratios})
		for i, c := range t.contestants {
			r.Rows[i].Cells = append(r.Rows[i].Cells, median(times[i].nanoseconds), ratio(times[i], times[c.base]), ratio(cpus[i], cpus[c.base]))
		}
	}
	return r, nil
}

func nCallers(n int) string {
	if n == 1 {
		return "1 caller"
	}
	return fmt.Sprintf("%d callers", n)
}

// An opener makes a client of the server at an address, and returns one operation of the
// client.
type opener = func(addr string) (call caller, closeClient func())

// A sizedOpener is an opener of an operation on a value.
type sizedOpener func(value []byte) opener

// openers are the operations of one library at a server.
type openers struct{ get, miss, set, delete, getMany, setMany sizedOpener }

func atServer[C any](dial func(addr string) (client C, closeClient func()), ops operations[C]) openers {
	opens := func(op operation[C]) sizedOpener {
		return func(value []byte) opener {
			return func(addr string) (caller, func()) {
				client, closeClient := dial(addr)
				return op(client, value), closeClient
			}
		}
	}
	return openers{opens(ops.get), opens(ops.miss), opens(ops.set), opens(ops.delete), opens(ops.getMany), opens(ops.setMany)}
}

func dialGoRedis(addr string) (*goredis.Client, func()) {
	client := goredis.NewClient(&goredis.Options{Addr: addr})
	return client, func() { _ = client.Close() }
}

func dialValkeyGo(addr string) (valkeygo.Client, func()) {
	client := must(valkeygo.NewClient(valkeygo.ClientOption{InitAddress: []string{addr}, ForceSingleClient: true, DisableCache: true}))
	return client, client.Close
}

func dialXcache(scheme string) func(addr string) (*xcache.View[[]byte], func()) {
	return func(addr string) (*xcache.View[[]byte], func()) {
		view := xcache.For[[]byte](must(xcache.OpenDSN(scheme + "://" + addr + "?serializer=raw&ttl=" + timeToLive.String())))
		return view, func() { _ = view.Close() }
	}
}

// together lets so many callers call for a time, and returns the time and the CPU time
// per call.
func together(n int, turn time.Duration, call caller, cancellable bool) (perCall, cpuPerCall float64, err error) {
	var (
		group  sync.WaitGroup
		calls  atomic.Int64
		failed atomic.Pointer[error]
		stop   atomic.Bool
	)
	began, cpu := time.Now(), cpuTime()
	for range n {
		group.Go(func() {
			ctx := context.Background()
			if cancellable {
				var cancel context.CancelFunc
				ctx, cancel = context.WithCancel(ctx)
				defer cancel()
			}
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

// cpuTime returns the CPU time of the process so far.
func cpuTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
