package main

import (
	"bytes"
	"context"
	"errors"
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

// A serverTable times contestants at a server of its own on loopback. Beside the time
// per call it has the CPU that the process takes: with many callers the server is what
// everybody waits for.
type serverTable struct {
	name        string
	server      serverStarter
	contestants []serverContestant
	turn        *time.Duration
}

type serverContestant struct {
	lib string
	// open returns one operation, and what closes the client that does it.
	open func(addr string) (call caller, closeClient func())
	// Each caller has a context of its own that can be cancelled, as that of every HTTP
	// request; otherwise a context that never ends.
	cancellable bool
	// base is the index of the contestant to compare with.
	base int
}

type serverStarter = func(testing.TB, ...servertest.Option) *servertest.Server

// A caller does one operation.
type caller func(ctx context.Context) error

// callers are how many goroutines call at once.
var callers = []int{1, 16, 256}

// serverTables time this library against the clients that its drivers are built on.
func serverTables(turn *time.Duration) []serverTable {
	var all []serverTable
	for _, side := range []struct {
		name, client string
		server       serverStarter
		calls        func(value []byte) clientCalls
	}{
		{"redis", "go-redis", servertest.Redis, goRedisCalls},
		{"valkey", "valkey-go", servertest.Valkey, valkeyGoCalls},
	} {
		add := func(name string, size int, pick func(clientCalls) opener) {
			value := bytes.Repeat([]byte{'v'}, size)
			raw, ours := pick(side.calls(value)), pick(xcacheCalls(side.name, value))
			all = append(all, serverTable{name + " at a " + side.name + "-server", side.server, []serverContestant{
				{side.client, raw, false, 0},
				{"xcache", ours, false, 0},
				{side.client + ", cancellable context", raw, true, 2},
				{"xcache, cancellable context", ours, true, 2},
			}, turn})
		}
		for _, size := range []int{100, 1 << 10, 64 << 10} {
			add(fmt.Sprintf("Get of %d bytes", size), size, func(c clientCalls) opener { return c.get })
			add(fmt.Sprintf("Set of %d bytes", size), size, func(c clientCalls) opener { return c.set })
		}
		add("Get, a miss", 0, func(c clientCalls) opener { return c.miss })
		add("Delete of a key", 0, func(c clientCalls) opener { return c.delete })
		add("GetMany of 100 values of 100 bytes", 100, func(c clientCalls) opener { return c.getMany })
		add("SetMany of 100 values of 100 bytes", 100, func(c clientCalls) opener { return c.setMany })
	}
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

// An opener makes a client of the server at an address, and returns one operation of it.
type opener = func(addr string) (call caller, closeClient func())

// clientCalls are the operations of one library.
type clientCalls struct{ get, miss, set, delete, getMany, setMany opener }

func goRedisCalls(value []byte) clientCalls {
	_, fulls := fullKeys()
	open := withGoRedis
	fill := func(client *goredis.Client) caller {
		return func(ctx context.Context) error {
			pipeline := client.Pipeline()
			for _, key := range fulls {
				pipeline.Set(ctx, key, value, timeToLive)
			}
			_, err := pipeline.Exec(ctx)
			return err
		}
	}
	return clientCalls{
		get: open(func(client *goredis.Client) caller {
			mustDo(client.Set(context.Background(), fullKey, value, timeToLive).Err())
			return func(ctx context.Context) error {
				got, err := client.Get(ctx, fullKey).Bytes()
				return sameLength(err, len(got), len(value))
			}
		}),
		miss: open(func(client *goredis.Client) caller {
			return func(ctx context.Context) error {
				return wantMiss(errors.Is(client.Get(ctx, missing).Err(), goredis.Nil))
			}
		}),
		set: open(func(client *goredis.Client) caller {
			return func(ctx context.Context) error { return client.Set(ctx, fullKey, value, timeToLive).Err() }
		}),
		delete: open(func(client *goredis.Client) caller {
			return func(ctx context.Context) error { return client.Unlink(ctx, missing).Err() }
		}),
		getMany: open(func(client *goredis.Client) caller {
			mustDo(fill(client)(context.Background()))
			return func(ctx context.Context) error {
				got, err := client.MGet(ctx, fulls...).Result()
				found := make(map[string][]byte, len(got))
				for i, item := range got {
					if text, ok := item.(string); ok {
						found[fulls[i]] = []byte(text)
					}
				}
				return sameLength(err, len(found), many)
			}
		}),
		setMany: open(fill),
	}
}

func valkeyGoCalls(value []byte) clientCalls {
	_, fulls := fullKeys()
	open := func(prepare func(valkeygo.Client) caller) opener {
		return func(addr string) (caller, func()) {
			client := must(valkeygo.NewClient(valkeygo.ClientOption{InitAddress: []string{addr}, ForceSingleClient: true, DisableCache: true}))
			return prepare(client), client.Close
		}
	}
	set := func(client valkeygo.Client) caller {
		return func(ctx context.Context) error {
			return client.Do(ctx, client.B().Set().Key(fullKey).Value(valkeygo.BinaryString(value)).Px(timeToLive).Build()).Error()
		}
	}
	fill := func(client valkeygo.Client) caller {
		return func(ctx context.Context) error {
			commands := make(valkeygo.Commands, 0, len(fulls))
			for _, key := range fulls {
				commands = append(commands, client.B().Set().Key(key).Value(valkeygo.BinaryString(value)).Px(timeToLive).Build())
			}
			for _, result := range client.DoMulti(ctx, commands...) {
				if err := result.Error(); err != nil {
					return err
				}
			}
			return nil
		}
	}
	return clientCalls{
		get: open(func(client valkeygo.Client) caller {
			mustDo(set(client)(context.Background()))
			return func(ctx context.Context) error {
				got, err := client.Do(ctx, client.B().Get().Key(fullKey).Build()).AsBytes()
				return sameLength(err, len(got), len(value))
			}
		}),
		miss: open(func(client valkeygo.Client) caller {
			return func(ctx context.Context) error {
				return wantMiss(valkeygo.IsValkeyNil(client.Do(ctx, client.B().Get().Key(missing).Build()).Error()))
			}
		}),
		set: open(set),
		delete: open(func(client valkeygo.Client) caller {
			return func(ctx context.Context) error {
				return client.Do(ctx, client.B().Unlink().Key(missing).Build()).Error()
			}
		}),
		getMany: open(func(client valkeygo.Client) caller {
			mustDo(fill(client)(context.Background()))
			return func(ctx context.Context) error {
				got, err := client.Do(ctx, client.B().Mget().Key(fulls...).Build()).ToArray()
				found := make(map[string][]byte, len(got))
				for i := range got {
					if data, err := got[i].AsBytes(); err == nil {
						found[fulls[i]] = data
					}
				}
				return sameLength(err, len(found), many)
			}
		}),
		setMany: open(fill),
	}
}

func xcacheCalls(scheme string, value []byte) clientCalls {
	keys, _ := fullKeys()
	values := make(map[string][]byte, many)
	for _, key := range keys {
		values[key] = value
	}
	open := func(prepare func(*xcache.View[[]byte]) caller) opener {
		return func(addr string) (caller, func()) {
			view := xcache.For[[]byte](must(xcache.OpenDSN(scheme + "://" + addr + "?serializer=raw&ttl=" + timeToLive.String())))
			return prepare(view), func() { _ = view.Close() }
		}
	}
	return clientCalls{
		get: open(func(view *xcache.View[[]byte]) caller {
			mustDo(view.Set(context.Background(), clientKey, value))
			return func(ctx context.Context) error {
				got, err := view.Get(ctx, clientKey)
				return sameLength(err, len(got), len(value))
			}
		}),
		miss: open(func(view *xcache.View[[]byte]) caller {
			return func(ctx context.Context) error {
				_, err := view.Get(ctx, missing)
				return wantMiss(errors.Is(err, xcache.ErrNotFound))
			}
		}),
		set: open(func(view *xcache.View[[]byte]) caller {
			return func(ctx context.Context) error { return view.Set(ctx, clientKey, value) }
		}),
		delete: open(func(view *xcache.View[[]byte]) caller {
			return func(ctx context.Context) error { _, err := view.Delete(ctx, missing); return err }
		}),
		getMany: open(func(view *xcache.View[[]byte]) caller {
			mustDo(view.SetMany(context.Background(), values))
			return func(ctx context.Context) error {
				got, err := view.GetMany(ctx, keys)
				return sameLength(err, len(got), many)
			}
		}),
		setMany: open(func(view *xcache.View[[]byte]) caller {
			return func(ctx context.Context) error { return view.SetMany(ctx, values) }
		}),
	}
}

// missing is a key that nobody stores.
const missing = "nobody"

// fullKeys returns the keys of a batch, as users of this library write them and as they
// are on the server.
func fullKeys() (keys, fulls []string) {
	keys = keyNames(many)
	for _, key := range keys {
		fulls = append(fulls, ":1:"+key)
	}
	return keys, fulls
}

func wantMiss(missed bool) error {
	if !missed {
		return errors.New("want a miss")
	}
	return nil
}

// mustDo is for what fails only if the server is gone.
func mustDo(err error) {
	if err != nil {
		panic(err)
	}
}

// together lets so many callers call for a time. It returns the time and the CPU per call.
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

// cpuTime returns how long the process was at work so far.
func cpuTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
