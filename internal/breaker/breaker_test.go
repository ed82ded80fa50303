package breaker_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/internal/breaker"
	"github.com/xcache-go/xcache/internal/race"
)

// A fleet is a store on servers whose names begin the keys: the key a:k is on the server a.
type fleet struct {
	mu    sync.Mutex
	fails map[string]error // by server
	calls map[string]int   // keys that each server was asked for
	slow  map[string]time.Duration
}

func newFleet() *fleet {
	return &fleet{fails: make(map[string]error), calls: make(map[string]int), slow: make(map[string]time.Duration)}
}

func (f *fleet) Locate(key string) string {
	server, _, _ := strings.Cut(key, ":")
	return server
}

func (f *fleet) fail(server string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fails[server] = err
}

func (f *fleet) asked(server string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls[server]
}

// serve asks the server of a key.
func (f *fleet) serve(ctx context.Context, key string) error {
	f.mu.Lock()
	server := f.Locate(key)
	f.calls[server]++
	err, slow := f.fails[server], f.slow[server]
	f.mu.Unlock()
	if slow > 0 {
		select {
		case <-time.After(slow):
		case <-ctx.Done():
			return driver.Fail(ctx.Err(), driver.Unknown, nil)
		}
	}
	return err
}

func (f *fleet) Get(ctx context.Context, keys []string, dst []driver.Value) error {
	failures := 0
	for i, key := range keys {
		if dst[i].Err = f.serve(ctx, key); dst[i].Err != nil {
			failures++
		} else {
			dst[i].Data = []byte(key)
		}
	}
	if failures == len(keys) {
		return dst[0].Err
	}
	return nil
}

func (f *fleet) Set(ctx context.Context, entries []driver.Entry) error {
	failures := 0
	for i := range entries {
		if entries[i].Err = f.serve(ctx, entries[i].Key); entries[i].Err != nil {
			failures++
		}
	}
	if failures == len(entries) {
		return entries[0].Err
	}
	return nil
}

func (f *fleet) Delete(ctx context.Context, keys []string) (n int, err error) {
	for _, key := range keys {
		if failure := f.serve(ctx, key); failure != nil {
			err = failure
		} else {
			n++
		}
	}
	return n, err
}

func (f *fleet) Commands() driver.CommandSet {
	return driver.NewCommandSet("GET", "SET", "DEL", "PING")
}

func (f *fleet) Do(ctx context.Context, cmds []*driver.Cmd, _ driver.How) error {
	for _, cmd := range cmds {
		for _, arg := range cmd.Args {
			if arg.Role == driver.RoleKey && cmd.Err == nil {
				cmd.Err = f.serve(ctx, arg.Text)
			}
		}
	}
	return nil
}

func (f *fleet) Incr(ctx context.Context, key string, _ int64) (int64, error) {
	return 1, f.serve(ctx, key)
}

func (f *fleet) IncrInit(ctx context.Context, key string, _, _ int64, _ time.Duration) (int64, error) {
	return 1, f.serve(ctx, key)
}

func (f *fleet) Rename(ctx context.Context, from, to string) error {
	return errors.Join(f.serve(ctx, from), f.serve(ctx, to))
}

func (f *fleet) RenameNX(ctx context.Context, from, to string) (bool, error) {
	return true, f.Rename(ctx, from, to)
}

func (f *fleet) Close() error { return nil }

// nameless is a fleet that does not tell its servers.
type nameless struct{ driver.Store }

var (
	errRejected   = errors.New("rejected")
	errOverflowed = errors.New("overflowed")
	down          = driver.Fail(driver.ErrUnavailable, driver.NotApplied, errors.New("connection refused"))
)

// An events is a list of events.
type events struct {
	mu   sync.Mutex
	list []string
}

func (e *events) add(event driver.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.list = append(e.list, string(event.Kind)+" "+event.Server)
}

func options(told *events) breaker.Options {
	o := breaker.Options{
		Failures: 3, Cooldown: 100 * time.Millisecond, MaxCooldown: 400 * time.Millisecond, ProbeTimeout: time.Second,
		Rejected:   func(string, time.Duration) error { return errRejected },
		Overflowed: func(string, int) error { return errOverflowed },
	}
	if told != nil {
		o.Notify = told.add
	}
	return o
}

func open(t *testing.T, next driver.Store, o breaker.Options) *breaker.Store {
	t.Helper()
	s := breaker.New(next, o)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func get(s driver.Store, keys ...string) ([]driver.Value, error) {
	dst := make([]driver.Value, len(keys))
	err := s.Get(context.Background(), keys, dst)
	return dst, err
}

func getErr(s driver.Store, key string) error {
	dst, err := get(s, key)
	if err == nil {
		err = dst[0].Err
	}
	return err
}

// trip opens the circuit of the server a.
func trip(t *testing.T, f *fleet, s driver.Store) {
	t.Helper()
	f.fail("a", down)
	for range 3 {
		require.ErrorIs(t, getErr(s, "a:k"), driver.ErrUnavailable)
	}
	require.ErrorIs(t, getErr(s, "a:k"), errRejected)
}

func stateOf(s *breaker.Store, server string) driver.CircuitState {
	for _, c := range s.Inspect().Circuits {
		if c.Server == server {
			return c.State
		}
	}
	return ""
}

func TestFailuresInARowOpenTheCircuit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet()
		s := open(t, f, options(nil))
		f.fail("a", down)
		require.Error(t, getErr(s, "a:k"))
		require.Error(t, getErr(s, "a:k"))
		f.fail("a", nil)
		require.NoError(t, getErr(s, "a:k")) // ends the row
		trip(t, f, s)
		before := f.asked("a")
		for range 100 {
			require.ErrorIs(t, getErr(s, "a:k"), errRejected)
		}
		require.Equal(t, before, f.asked("a"), "no call is sent")
		circuits := s.Inspect().Circuits
		require.Len(t, circuits, 1)
		require.Equal(t, driver.InspectedCircuit{
			Server: "a", State: driver.CircuitOpen, Failures: 3, Opened: 1, Rejected: 101, LastError: "server unavailable: connection refused",
		}, circuits[0])
	})
}

func TestAnAnswerToTheProbeClosesTheCircuit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, told := newFleet(), new(events)
		s := open(t, f, options(told))
		trip(t, f, s)
		f.fail("a", nil)
		require.ErrorIs(t, getErr(s, "a:k"), errRejected, "a probe before the end of the cooldown")
		time.Sleep(100 * time.Millisecond)
		require.ErrorIs(t, getErr(s, "a:k"), errRejected, "the caller that starts the probe does not wait for it")
		synctest.Wait()
		require.NoError(t, getErr(s, "a:k"))
		require.Equal(t, driver.CircuitClosed, stateOf(s, "a"))
		require.Equal(t, []string{"breaker opened a", "breaker closed a"}, told.list)
	})
}

func TestThereIsOneProbeAndCooldownsGrow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet()
		s := open(t, f, options(nil))
		trip(t, f, s)
		f.mu.Lock()
		f.slow["a"] = time.Hour // frozen
		f.mu.Unlock()
		time.Sleep(100 * time.Millisecond)
		before := f.asked("a")
		for range 50 {
			require.ErrorIs(t, getErr(s, "a:k"), errRejected)
			time.Sleep(time.Millisecond)
		}
		require.Equal(t, before+1, f.asked("a"), "one probe")
		require.Equal(t, driver.CircuitHalfOpen, stateOf(s, "a"))
		time.Sleep(time.Second) // the probe has timed out
		f.mu.Lock()
		f.slow["a"] = 0
		f.mu.Unlock()
		f.fail("a", down)
		before = f.asked("a")
		const span = 10 * time.Second
		for began := time.Now(); time.Since(began) < span; time.Sleep(time.Millisecond) {
			require.ErrorIs(t, getErr(s, "a:k"), errRejected)
		}
		// Each cooldown is from 200 ms to 400 ms.
		probes := f.asked("a") - before
		require.GreaterOrEqual(t, probes, 24)
		require.LessOrEqual(t, probes, 52)
	})
}

func TestADeadServerStopsNoCallOnAHealthyOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		f := newFleet()
		s := open(t, f, options(nil))
		trip(t, f, s)
		require.NoError(t, getErr(s, "b:k"))

		dst, err := get(s, "a:1", "b:1", "a:2", "b:2")
		require.NoError(t, err)
		for i, value := range dst {
			if i%2 == 0 {
				require.ErrorIs(t, value.Err, errRejected)
			} else {
				require.NoError(t, value.Err)
				require.NotEmpty(t, value.Data)
			}
		}
		entries := []driver.Entry{{Key: "b:1"}, {Key: "a:1"}, {Key: "b:2"}}
		require.NoError(t, s.Set(ctx, entries))
		require.NoError(t, errors.Join(entries[0].Err, entries[2].Err))
		require.ErrorIs(t, entries[1].Err, errRejected)

		removed, err := s.Delete(ctx, []string{"a:1", "b:1", "b:2"})
		require.ErrorIs(t, err, errRejected)
		require.Equal(t, 2, removed)

		cmds := []*driver.Cmd{driver.NewCmd("GET", driver.Key("b:1")), driver.NewCmd("GET", driver.Key("a:1")), driver.NewCmd("DEL", driver.Key("b:1"), driver.Key("a:1"))}
		require.NoError(t, s.Do(ctx, cmds, driver.Plain))
		require.NoError(t, cmds[0].Err)
		require.ErrorIs(t, cmds[1].Err, errRejected)
		require.ErrorIs(t, cmds[2].Err, errRejected, "a part of the command would be at the dead server")

		require.ErrorIs(t, s.Rename(ctx, "b:1", "a:1"), errRejected)
		_, err = s.Incr(ctx, "a:n", 1)
		require.ErrorIs(t, err, errRejected)
		_, err = s.Incr(ctx, "b:n", 1)
		require.NoError(t, err)
		_, err = get(s, "a:1", "a:2")
		require.ErrorIs(t, err, errRejected, "nothing is known about any key")
		require.Empty(t, stateOf(s, "c"))
		require.Equal(t, driver.CircuitClosed, stateOf(s, "b"))
	})
}

// Nobody knows which server has failed a call on several, so that the next Delete asks each.
func TestDeletesOfSeveralServersOpenTheCircuitOfTheDeadOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet()
		s := open(t, f, options(nil))
		f.fail("a", down)
		for range 4 {
			_, err := s.Delete(t.Context(), []string{"a:1", "b:1"})
			require.ErrorIs(t, err, driver.ErrUnavailable)
		}
		removed, err := s.Delete(t.Context(), []string{"a:1", "b:1"})
		require.ErrorIs(t, err, errRejected)
		require.Equal(t, 1, removed)
		require.Equal(t, driver.CircuitClosed, stateOf(s, "b"))
	})
}

func TestEachClassOfErrors(t *testing.T) {
	answered := driver.Fail(driver.ErrUnavailable, driver.NotApplied, errors.New("NOREPLICAS"))
	answered.Answered = true
	for name, test := range map[string]struct {
		err   error
		opens bool
	}{
		"refused":         {down, true},
		"op_timeout":      {driver.Fail(driver.ErrUnavailable, driver.Unknown, context.DeadlineExceeded), true},
		"caller's time":   {driver.Fail(context.DeadlineExceeded, driver.Unknown, nil), true},
		"caller has left": {driver.Fail(context.Canceled, driver.Unknown, nil), false},
		"NOREPLICAS":      {answered, false},
		"miss":            {driver.ErrNotFound, false},
		"not stored":      {driver.ErrNotStored, false},
		"wrong type":      {driver.Fail(driver.ErrWrongType, driver.NotApplied, nil), false},
		"out of memory":   {driver.Fail(driver.ErrOutOfMemory, driver.NotApplied, nil), false},
		"read-only":       {driver.Fail(driver.ErrReadOnly, driver.NotApplied, nil), false},
		"not permitted":   {driver.Fail(driver.ErrAuth, driver.NotApplied, nil), false},
		"unsupported":     {errors.ErrUnsupported, false},
		"closed":          {driver.ErrClosed, false},
		"cross-slot":      {driver.ErrCrossSlot, false},
		"unknown to us":   {errors.New("?"), false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFleet()
				s := open(t, f, options(nil))
				f.fail("a", test.err)
				for range 10 {
					_ = getErr(s, "a:k")
				}
				require.Equal(t, test.opens, stateOf(s, "a") == driver.CircuitOpen)
			})
		})
	}
}

// Callers who leave a frozen server by themselves must open the circuit as well.
func TestCallersWhoWaitedAndLeftCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet()
		s := open(t, f, options(nil))
		f.slow["a"] = time.Hour
		for range 4 { // the first is not timed
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(200*time.Millisecond, cancel)
			require.ErrorIs(t, s.Get(ctx, []string{"a:k"}, make([]driver.Value, 1)), context.Canceled)
		}
		require.ErrorIs(t, getErr(s, "a:k"), errRejected)
	})
}

func TestCallsBeyondTheBoundAreNotSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := options(nil)
		o.Failures, o.MaxInFlight = 0, 2
		f := newFleet()
		s := open(t, f, o)
		f.slow["a"] = time.Second
		var slow sync.WaitGroup
		for range 2 {
			slow.Go(func() { _ = getErr(s, "a:k") })
		}
		synctest.Wait()
		require.ErrorIs(t, getErr(s, "a:k"), errOverflowed)
		require.NoError(t, getErr(s, "b:k"), "another server has a bound of its own")
		require.Equal(t, 2, f.asked("a"))
		slow.Wait()
		f.slow["a"] = 0
		require.NoError(t, getErr(s, "a:k"))
		circuits := s.Inspect().Circuits
		require.EqualValues(t, 1, circuits[0].Overflowed)
		require.Zero(t, circuits[0].InFlight)
	})
}

// A driver that panics leaves no call in flight, and no probe.
func TestAPanicLeavesNothingBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := options(nil)
		o.MaxInFlight = 1
		s := open(t, nameless{panicking{newFleet()}}, o)
		for range 3 {
			require.Panics(t, func() { _ = getErr(s, "a:k") })
		}
		require.Zero(t, s.Inspect().Circuits[0].InFlight)
	})
}

type panicking struct{ driver.Store }

func (panicking) Get(context.Context, []string, []driver.Value) error { panic("broken") }

// replicas is a store whose reads go to the server r, and all else to the server p.
type replicas struct {
	*fleet
	primary driver.Store
}

func (r replicas) Caps() driver.Caps     { return driver.Caps{Replicated: r} }
func (r replicas) Primary() driver.Store { return r.primary }
func (r replicas) Get(ctx context.Context, keys []string, dst []driver.Value) error {
	return r.fleet.Get(ctx, []string{"r:k"}, dst)
}

// An answer of a replica must not close the circuit of the primary.
func TestReadsOfReplicasHaveACircuitOfTheirOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet()
		s := open(t, replicas{f, nameless{f}}, options(nil))
		f.fail("p", down)
		set := func() error {
			e := []driver.Entry{{Key: "p:k"}}
			return errors.Join(s.Set(t.Context(), e), e[0].Err)
		}
		for range 3 {
			require.ErrorIs(t, set(), driver.ErrUnavailable)
			require.NoError(t, getErr(s, "p:k"), "replicas answer")
		}
		time.Sleep(100 * time.Millisecond)
		for range 20 {
			require.ErrorIs(t, set(), errRejected)
			require.NoError(t, getErr(s, "p:k"))
			synctest.Wait()
		}
		f.fail("p", nil)
		time.Sleep(time.Second)
		require.ErrorIs(t, set(), errRejected)
		synctest.Wait()
		require.NoError(t, set())
	})
}

func TestCloseEndsTheProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet()
		s := breaker.New(f, options(nil))
		trip(t, f, s)
		f.slow["a"] = time.Hour
		time.Sleep(100 * time.Millisecond)
		require.ErrorIs(t, getErr(s, "a:k"), errRejected)
		synctest.Wait()
		began := time.Now()
		require.NoError(t, s.Close())
		require.Zero(t, time.Since(began))
		require.ErrorIs(t, getErr(s, "a:k"), errRejected) // begins no probe any more
	})
}

// An observer may use the cache during an event, and may panic.
func TestAnEventMayUseTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet()
		o := options(nil)
		var s *breaker.Store
		var told []driver.EventKind
		o.Notify = func(e driver.Event) {
			told = append(told, e.Kind)
			f.fail("a", nil)
			_ = getErr(s, "a:k")
			_ = getErr(s, "b:k")
			panic("observer")
		}
		s = open(t, f, o)
		trip(t, f, s)
		require.Equal(t, []driver.EventKind{driver.BreakerOpened}, told)
	})
}

func TestAddressesThatAreGoneAreForgotten(t *testing.T) {
	o := options(nil)
	o.MaxInFlight = 10
	s := open(t, newFleet(), o)
	for i := range 3000 {
		require.NoError(t, getErr(s, time.Duration(i).String()+":k"))
	}
	require.LessOrEqual(t, len(s.Inspect().Circuits), 1024)
}

func TestAClosedCircuitAllocatesNothing(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	f := newFleet()
	s := open(t, f, options(nil))
	ctx := t.Context()
	keys, values, entries := []string{"a:k"}, make([]driver.Value, 1), []driver.Entry{{Key: "a:k"}}
	cmds := []*driver.Cmd{driver.NewCmd("PING")}
	for name, run := range map[string]struct{ through, direct func() }{
		"Get":  {func() { _ = s.Get(ctx, keys, values) }, func() { _ = f.Get(ctx, keys, values) }},
		"Set":  {func() { _ = s.Set(ctx, entries) }, func() { _ = f.Set(ctx, entries) }},
		"Incr": {func() { _, _ = s.Incr(ctx, "a:k", 1) }, func() { _, _ = f.Incr(ctx, "a:k", 1) }},
		"Do":   {func() { _ = s.Do(ctx, cmds, driver.Plain) }, func() { _ = f.Do(ctx, cmds, driver.Plain) }},
	} {
		require.Equal(t, testing.AllocsPerRun(100, run.direct), testing.AllocsPerRun(100, run.through), name)
	}
	require.Empty(t, slices.Collect(maps.Keys(f.fails)))
}

// A moving is a fleet that becomes one server after some questions.
type moving struct {
	*fleet
	left *int
}

func (m moving) Locate(key string) string {
	if *m.left == 0 {
		return "a"
	}
	*m.left--
	return m.fleet.Locate(key)
}

func TestATopologyThatChangesLeavesNoCallInFlight(t *testing.T) {
	o := options(nil)
	o.MaxInFlight = 1
	for n := range 12 {
		left := 1000
		s := open(t, moving{newFleet(), &left}, o)
		require.NoError(t, getErr(s, "a:k"))
		require.NoError(t, getErr(s, "b:k"))
		left = n
		cmds := []*driver.Cmd{driver.NewCmd("DEL", driver.Key("a:k"), driver.Key("b:k")), driver.NewCmd("DEL", driver.Key("a:k"), driver.Key("b:k"))}
		_ = s.Do(t.Context(), cmds, driver.Plain)
		for _, c := range s.Inspect().Circuits {
			require.Zero(t, c.InFlight, "%d, %s", n, c.Server)
		}
	}
}
