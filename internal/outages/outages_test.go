package outages

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
	_ "github.com/xcache-go/xcache/drivers/redis"
	_ "github.com/xcache-go/xcache/drivers/valkey"
	"github.com/xcache-go/xcache/internal/servertest"
)

var (
	redis, valkey = servertest.NewShared(), servertest.NewShared(servertest.Release("valkey"))
	cluster       = servertest.NewSharedCluster()
)

func TestMain(m *testing.M) { servertest.Main(m, redis, valkey, cluster) }

// every is the time between two calls: 200 a second.
const every = 5 * time.Millisecond

// longTimeouts are parameters of a DSN with time-outs that are longer than a busy machine stops a
// process. Only a frozen server answers so late.
const longTimeouts = "&op_timeout=6s&dial_timeout=6s"

// enough is a number of calls that shows what becomes of calls.
const enough = 20

// frozen is for how long servers are frozen. A proof freezes them for longer, with the
// default op_timeout, and holds the durations to their bounds.
func frozen(t *testing.T) (d time.Duration, isProof bool) {
	t.Helper()
	text := os.Getenv("XCACHE_OUTAGE_SECONDS")
	if text == "" {
		return 1500 * time.Millisecond, false
	}
	n, err := strconv.Atoi(text)
	require.NoError(t, err)
	return time.Duration(n) * time.Second, true
}

func open(t *testing.T, dsn string, opts ...xcache.Option) (*xcache.View[string], *events) {
	t.Helper()
	dsn += "?on_error=miss&breaker=on"
	if _, isProof := frozen(t); !isProof {
		dsn += longTimeouts
	}
	told := new(events)
	c, err := xcache.OpenDSN(dsn, append(opts, xcache.WithPrefix(t.Name()), xcache.WithObserver(told))...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	return xcache.For[string](c), told
}

// An events is an observer that counts what has failed open, and keeps when the breaker was
// opened.
type events struct {
	failedOpen     atomic.Int64
	opened, closed atomic.Int64
	openedAt       atomic.Pointer[time.Time]
}

func (*events) Start(ctx context.Context, _ *xcache.Operation) context.Context { return ctx }

func (e *events) End(_ context.Context, op *xcache.Operation) {
	if op.FailedOpen != nil {
		e.failedOpen.Add(1)
	}
}

func (e *events) Event(event xcache.Event) {
	switch event.Kind {
	case driver.BreakerOpened:
		e.openedAt.CompareAndSwap(nil, new(time.Now()))
		e.opened.Add(1)
	case driver.BreakerClosed:
		e.closed.Add(1)
	}
}

// A sample is one call of a load.
type sample struct {
	began time.Time
	took  time.Duration
	err   error
}

func (s sample) ended() time.Time { return s.began.Add(s.took) }

// A load calls a function 200 times a second, each time in a goroutine of its own, until
// stop.
type load struct {
	end     chan struct{}
	running sync.WaitGroup

	mu      sync.Mutex
	samples []sample
}

func start(call func() error) *load {
	l := &load{end: make(chan struct{})}
	l.running.Go(func() {
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		for {
			select {
			case <-l.end:
				return
			case <-ticker.C:
			}
			l.running.Go(func() {
				began := time.Now()
				err := call()
				took := time.Since(began)
				l.mu.Lock()
				defer l.mu.Unlock()
				l.samples = append(l.samples, sample{began, took, err})
			})
		}
	})
	return l
}

// await waits until enough calls of a kind have ended.
func (l *load) await(t *testing.T, isKind func(sample) bool) {
	t.Helper()
	require.Eventually(t, func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		n := 0
		for _, s := range l.samples {
			if isKind(s) {
				n++
			}
		}
		return n >= enough
	}, time.Minute, every)
}

func anyCall(sample) bool { return true }

// stop ends the load, and waits for the calls in flight.
func (l *load) stop() []sample {
	close(l.end)
	l.running.Wait()
	return l.samples
}

// between returns the samples of the calls that began in a span of time.
func between(samples []sample, from, to time.Time) []sample {
	return slices.DeleteFunc(slices.Clone(samples), func(s sample) bool { return s.began.Before(from) || s.began.After(to) })
}

// percentile returns the latency that p of 100 calls do not exceed.
func percentile(samples []sample, p int) time.Duration {
	took := make([]time.Duration, len(samples))
	for i, s := range samples {
		took[i] = s.took
	}
	slices.Sort(took)
	return took[min(len(took)-1, len(took)*p/100)]
}

func onBoth(t *testing.T, test func(t *testing.T, dsn string, server *servertest.Server)) {
	t.Helper()
	for _, shared := range []struct {
		name   string
		server func(testing.TB) *servertest.Server
	}{{"redis", redis.Server}, {"valkey", valkey.Server}} {
		t.Run(shared.name, func(t *testing.T) {
			server := shared.server(t)
			test(t, shared.name+"://"+server.Addr, server)
		})
	}
}

// freeze freezes a server, and thaws it at the end of the test at the latest.
func freeze(t *testing.T, server *servertest.Server) (thaw func()) {
	t.Helper()
	server.Freeze(t)
	thaw = sync.OnceFunc(func() { server.Thaw(t) })
	t.Cleanup(thaw)
	return thaw
}

// passed is a time after the opening of the breaker. A call of another goroutine may have
// passed the breaker just before the breaker opened.
const passed = 20 * time.Millisecond

// A frozen server costs no caller an error, and few callers a time-out.
func TestFrozenServerUnderLoad(t *testing.T) {
	onBoth(t, func(t *testing.T, dsn string, server *servertest.Server) {
		length, isProof := frozen(t)
		v, told := open(t, dsn)
		require.NoError(t, v.Set(t.Context(), "k", "v"))
		l := start(func() error {
			_, err := v.Get(context.Background(), "k")
			return err
		})
		began := time.Now()
		time.Sleep(length / 3)
		l.await(t, anyCall)
		stopped := time.Now()
		thaw := freeze(t, server)
		time.Sleep(length)
		require.Eventually(t, func() bool { return told.opened.Load() > 0 }, time.Minute, every)
		l.await(t, func(s sample) bool { return s.began.After(told.openedAt.Load().Add(passed)) })
		thawed := time.Now()
		thaw()
		require.Eventually(t, func() bool { return told.closed.Load() == told.opened.Load() }, time.Minute, every)
		time.Sleep(length / 3)
		l.await(t, func(s sample) bool { return s.began.After(thawed) && s.err == nil })
		samples := l.stop()

		misses, opened := 0, *told.openedAt.Load()
		for _, s := range samples {
			if s.err != nil {
				require.Equal(t, xcache.ErrNotFound, s.err, "a caller got an error")
				misses++
			}
		}
		for _, s := range between(samples, began, stopped) {
			if s.ended().Before(stopped) {
				require.NoError(t, s.err, "before the server was frozen")
			}
		}
		// A call that the machine has stopped just behind its beginning may be sent later.
		whileOpen := slices.DeleteFunc(between(samples, opened.Add(passed), thawed), func(s sample) bool { return s.ended().After(thawed) })
		require.NotEmpty(t, whileOpen)
		for _, s := range whileOpen {
			require.Equal(t, xcache.ErrNotFound, s.err, "a hit while the server was frozen")
		}
		counts, circuit := v.FailedOpen(), circuits(t, v)[0]
		require.EqualValues(t, misses, counts.Reads.Total(), "each miss is counted")
		require.EqualValues(t, misses, told.failedOpen.Load(), "and the observer was told")
		require.Equal(t, counts.Reads.BreakerOpen, circuit.Rejected)
		require.Equal(t, uint64(told.opened.Load()), circuit.Opened)
		require.GreaterOrEqual(t, counts.Reads.BreakerOpen, uint64(len(whileOpen)), "while it was open, no call was sent")
		require.Equal(t, driver.CircuitClosed, circuit.State)

		var recovered time.Duration
		for _, s := range between(samples, thawed, time.Now()) {
			if s.err == nil && (recovered == 0 || s.began.Sub(thawed) < recovered) {
				recovered = s.began.Sub(thawed)
			}
		}
		require.NotZero(t, recovered, "no call found the value again")
		before := between(samples, began, stopped)
		added := percentile(whileOpen, 99) - percentile(before, 50)
		t.Logf("%d calls, frozen for %v: opened after %v, %d calls waited for a time-out, %d failed at once; p99 %v (median before: %v), added %v; recovered after %v",
			len(samples), thawed.Sub(stopped).Round(time.Millisecond), opened.Sub(stopped).Round(time.Millisecond), counts.Reads.Unavailable, counts.Reads.BreakerOpen,
			percentile(whileOpen, 99), percentile(before, 50), added, recovered)
		if isProof {
			require.Less(t, added, time.Millisecond, "added latency of 99 of 100 calls")
			require.Less(t, recovered, time.Second, "recovery")
		}
	})
}

func circuits(t *testing.T, v *xcache.View[string]) []driver.InspectedCircuit {
	t.Helper()
	inspection, err := v.Inspect()
	require.NoError(t, err)
	require.NotEmpty(t, inspection.Circuits)
	return inspection.Circuits
}

// While the server is frozen, GetOrSet serves what its loader returns. While the loader is
// down as well, callers get the error of the loader: nothing else is left to serve.
func TestFrozenServerWithALoader(t *testing.T) {
	onBoth(t, func(t *testing.T, dsn string, server *servertest.Server) {
		length, _ := frozen(t)
		v, told := open(t, dsn)
		errLoader := errors.New("the database is down")
		var down atomic.Bool
		var loads atomic.Int64
		get := func() (string, error) {
			return v.GetOrSet(context.Background(), "k", func(context.Context) (string, error) {
				loads.Add(1)
				if down.Load() {
					return "", errLoader
				}
				return "loaded", nil
			})
		}
		first, err := get()
		require.NoError(t, err)
		require.Equal(t, "loaded", first)
		down.Store(true)
		_, err = get()
		require.NoError(t, err, "a warm key needs no loader while the server answers")
		down.Store(false)

		thaw := freeze(t, server)
		l := start(func() error {
			got, err := get()
			if err == nil && got != "loaded" {
				return fmt.Errorf("got %q", got)
			}
			return err
		})
		time.Sleep(length / 2)
		require.Eventually(t, func() bool { return told.opened.Load() > 0 }, time.Minute, every)
		l.await(t, func(s sample) bool { return s.err == nil })
		loaderDown := time.Now()
		down.Store(true)
		time.Sleep(length / 2)
		l.await(t, func(s sample) bool { return s.err != nil })
		thaw()
		require.Eventually(t, func() bool { return told.closed.Load() == told.opened.Load() }, time.Minute, every)
		samples := l.stop()
		failures := 0
		for _, s := range samples {
			if s.err != nil {
				require.Equal(t, errLoader, s.err, "the error of the loader is returned as it is")
				require.True(t, s.ended().After(loaderDown), "%v", s)
				failures++
			}
		}
		require.Positive(t, failures)

		// Calls of the outage that were answered late may have opened the circuit again.
		require.Eventually(t, func() bool {
			_, err := v.Get(t.Context(), "k")
			return err == nil
		}, time.Minute, every)
		before := loads.Load()
		l = start(func() error {
			_, err := get()
			return err
		})
		time.Sleep(length / 3)
		l.await(t, anyCall)
		for _, s := range l.stop() {
			require.NoError(t, s.err, "a warm key needs no loader after the outage")
		}
		t.Logf("%d calls, %d loads, %d failed with the loader's error; %d loads after the outage: %+v", len(samples), loads.Load(), failures, loads.Load()-before, v.FailedOpen())
	})
}

// A frozen node of a cluster opens no circuit but its own.
func TestFrozenNodeOfACluster(t *testing.T) {
	servers := cluster.Servers(t)
	v, told := open(t, "redis+cluster://"+strings.Join(servers.Addrs(), ","))
	ctx := t.Context()
	victim := servers.Primary(t, "k0")
	var healthy, lost []string
	for i := range 200 {
		key := fmt.Sprintf("k%d", i)
		require.NoError(t, v.Set(ctx, key, "v"))
		full := t.Name() + ":1:" + key
		if servers.Primary(t, full).Addr == victim.Addr {
			lost = append(lost, key)
		} else {
			healthy = append(healthy, key)
		}
		if len(lost) >= 5 && len(healthy) >= 5 {
			break
		}
	}
	require.NotEmpty(t, lost)
	thaw := freeze(t, victim)
	var next atomic.Int64
	l := start(func() error {
		_, err := v.Get(context.Background(), healthy[int(next.Add(1))%len(healthy)])
		return err
	})
	waiting := start(func() error {
		_, err := v.Get(context.Background(), lost[0])
		return err
	})
	require.Eventually(t, func() bool { return told.opened.Load() > 0 }, time.Minute, every)
	for _, s := range waiting.stop() {
		if s.err != nil {
			require.Equal(t, xcache.ErrNotFound, s.err)
		}
	}
	l.await(t, anyCall)
	found, err := v.GetMany(ctx, append(slices.Clone(lost), healthy...))
	require.NoError(t, err)
	for _, key := range healthy {
		require.Contains(t, found, key, "a key of a healthy node")
	}
	for _, s := range l.stop() {
		require.NoError(t, s.err, "a key of a healthy node")
	}
	for _, c := range circuits(t, v) {
		if c.Server != victim.Addr {
			require.Zero(t, c.Opened, "%+v", c)
		}
	}
	thaw()
	require.Eventually(t, func() bool {
		_, err := v.Get(ctx, lost[0])
		return err == nil
	}, time.Minute, 10*time.Millisecond, "the node serves again")
}
