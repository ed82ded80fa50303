package replicated_test

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/replicated"
	"github.com/xcache-go/xcache/drivers/internal/settings"
)

// The tests of the drivers run against real servers. The tests here are about time: their
// servers fail on demand.

// A fakeServer replies, refuses or is silent.
type fakeServer struct {
	settings *settings.Settings
	asked    atomic.Int32
	err      error         // the error of its calls
	silent   bool          // no call gets a reply
	delay    time.Duration // before a reply
	perKey   bool          // each key is refused, and not the call
	back     time.Time     // calls before are refused
	closed   bool

	disconnected atomic.Bool
}

func (s *fakeServer) Disconnect() { s.disconnected.Store(true) }

func (s *fakeServer) Get(ctx context.Context, keys []string, dst []driver.Value) error {
	s.asked.Add(1)
	if err := ctx.Err(); err != nil {
		return driver.Fail(driver.ErrUnavailable, driver.NotApplied, err)
	}
	if time.Now().Before(s.back) {
		return refused
	}
	if s.silent || s.delay > 0 {
		wait := s.settings.OpTimeout
		if deadline, ok := ctx.Deadline(); ok {
			wait = time.Until(deadline)
		}
		if s.silent || s.delay > wait {
			time.Sleep(wait)
			return driver.Fail(driver.ErrUnavailable, driver.Unknown, context.DeadlineExceeded)
		}
		time.Sleep(s.delay)
	}
	for i := range dst {
		if dst[i].Data != nil || dst[i].Err != nil {
			return errors.New("dst is not the zero Value on entry")
		}
		dst[i].Data = []byte(s.settings.Addr)
		if s.perKey {
			dst[i] = driver.Value{Err: s.err}
		}
	}
	if s.perKey {
		return nil
	}
	return s.err
}

func (s *fakeServer) Set(context.Context, []driver.Entry) error             { return s.err }
func (s *fakeServer) Delete(context.Context, []string) (int, error)         { return 0, s.err }
func (s *fakeServer) Close() error                                          { s.closed = true; return nil }
func (s *fakeServer) Track(context.Context, []string, func([]string)) error { return nil }

var refused = driver.Fail(driver.ErrUnavailable, driver.NotApplied, errors.New("LOADING"))

// opTimeout bounds a call without a deadline in these tests.
const opTimeout = 8 * time.Second

// open returns a store on n fake servers, the primary first. A server is nil before its
// opening.
func open(n int, reads settings.Reads) (driver.Store, []*fakeServer) {
	fakes := make([]*fakeServer, n)
	servers := &settings.Servers{Reads: reads}
	for i := range n {
		servers.Each = append(servers.Each, &settings.Settings{Addr: strconv.Itoa(i), OpTimeout: opTimeout})
	}
	store := replicated.Open(servers, func(s *settings.Settings) driver.Store {
		i, err := strconv.Atoi(s.Addr)
		if err != nil {
			panic(err)
		}
		fakes[i] = &fakeServer{settings: s}
		return fakes[i]
	})
	return store, fakes
}

// openAll is open with all servers opened, and without a call.
func openAll(t *testing.T, n int, reads settings.Reads) (driver.Store, []*fakeServer) {
	t.Helper()
	store, fakes := open(n, reads)
	for range 1000 {
		if !slices.Contains(fakes, nil) {
			break
		}
		_, err := get(t.Context(), store)
		require.NoError(t, err)
	}
	for _, s := range fakes {
		s.asked.Store(0)
	}
	return store, fakes
}

func get(ctx context.Context, s driver.Store) (string, error) {
	dst := make([]driver.Value, 1)
	if err := s.Get(ctx, []string{"k"}, dst); err != nil {
		return "", err
	}
	return string(dst[0].Data), dst[0].Err
}

func TestStoresAreMadeOnFirstUse(t *testing.T) {
	store, fakes := open(2, settings.PreferReplica)
	require.NotNil(t, fakes[0], "the primary's store is not made at once, or the replica's is")
	require.Nil(t, fakes[1], "the primary's store is not made at once, or the replica's is")
	require.NoError(t, store.Set(t.Context(), nil), "Set")
	require.Nil(t, fakes[1], "Set")
	got, err := get(t.Context(), store)
	require.Equal(t, "1", got, "Get")
	require.NoError(t, err, "Get")
	require.NoError(t, store.Close(), "Close")
	require.True(t, fakes[0].closed, "Close")
	require.True(t, fakes[1].closed, "Close")
}

func TestReadsAtThePrimaryNeedNoReplicatedStore(t *testing.T) {
	for _, reads := range []settings.Reads{settings.Primary, settings.PreferReplica} {
		n := 1
		if reads == settings.Primary {
			n = 3
		}
		store, fakes := open(n, reads)
		require.Same(t, fakes[0], store, "%s, %d servers", reads, n)
	}
}

func TestTrackerIsLeftOut(t *testing.T) {
	store, _ := open(2, settings.PreferReplica)
	caps := driver.CapsOf(store)
	require.Nil(t, caps.Tracker, "got %+v", caps)
	require.NotNil(t, caps.Replicated, "got %+v", caps)
	require.Nil(t, caps.Commander, "got %+v", caps)
	require.Nil(t, caps.Expirer, "got %+v", caps)
	require.NotNil(t, driver.CapsOf(driver.CapsOf(store).Replicated.Primary()).Tracker, "the primary has none either")
}

// A replica that refuses is asked once. Later only one call at a time asks the replica.
func TestReplicaThatRefusesIsLeftAlone(t *testing.T) {
	for _, perKey := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			store, fakes := openAll(t, 3, settings.PreferReplica)
			bad := fakes[1]
			bad.err, bad.perKey = refused, perKey
			for range 200 {
				got, err := get(t.Context(), store)
				require.Equal(t, "2", got, "Get")
				require.NoError(t, err, "Get")
			}
			require.EqualValues(t, 1, bad.asked.Load(), "asked")
			time.Sleep(time.Minute)
			bad.delay = 10 * time.Millisecond
			var callers sync.WaitGroup
			for range 50 {
				callers.Go(func() {
					got, err := get(t.Context(), store)
					assert.Equal(t, "2", got, "Get")
					assert.NoError(t, err, "Get")
				})
			}
			callers.Wait()
			require.EqualValues(t, 2, bad.asked.Load(), "asked")
			time.Sleep(time.Minute)
			bad.err, bad.delay = nil, 0
			for range 200 {
				_, err := get(t.Context(), store)
				require.NoError(t, err)
			}
			require.GreaterOrEqual(t, bad.asked.Load(), int32(50), "asked")
			require.Zero(t, fakes[0].asked.Load(), "the primary was asked")
		})
	}
}

func TestSilentReplicaLeavesTimeForOthers(t *testing.T) {
	for _, deadline := range []time.Duration{0, 2 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			store, fakes := openAll(t, 2, settings.PreferReplica)
			fakes[1].silent = true
			limit := opTimeout
			ask := func() time.Duration {
				ctx := t.Context()
				if deadline > 0 {
					limit = deadline
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, deadline)
					defer cancel()
				}
				start := time.Now()
				got, err := get(ctx, store)
				require.Equal(t, "0", got, "Get")
				require.NoError(t, err, "Get")
				return time.Since(start)
			}
			for range 3 {
				took := ask()
				require.Equal(t, limit/2, took, "took %v of %v", took, limit)
			}
			require.Zero(t, ask(), "took")
			require.EqualValues(t, 3, fakes[1].asked.Load(), "took")
			time.Sleep(time.Minute)
			require.Equal(t, time.Second, ask(), "after a minute it took")
			require.EqualValues(t, 4, fakes[1].asked.Load(), "after a minute it took")
			require.Zero(t, ask(), "and then")
		})
	}
}

// One call with a short deadline says little about the replica.
func TestHurriedCallsDoNotCondemnAReplica(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, fakes := openAll(t, 2, settings.PreferReplica)
		fakes[1].delay = 10 * time.Millisecond
		for range 10 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
			got, err := get(ctx, store)
			require.Equal(t, "0", got, "Get")
			require.NoError(t, err, "Get")
			cancel()
			got, err = get(t.Context(), store)
			require.Equal(t, "1", got, "Get")
			require.NoError(t, err, "Get")
		}
	})
}

func TestNobodyAnswers(t *testing.T) {
	for _, reads := range []settings.Reads{settings.Replica, settings.PreferReplica} {
		synctest.Test(t, func(t *testing.T) {
			store, fakes := openAll(t, 3, reads)
			for _, s := range fakes {
				s.silent = true
			}
			for i := range 8 {
				start := time.Now()
				_, err := get(t.Context(), store)
				require.ErrorIs(t, err, driver.ErrUnavailable, "%s, call %d", reads, i)
				require.LessOrEqual(t, time.Since(start), opTimeout, "%s, call %d", reads, i)
			}
			require.Equal(t, reads == settings.Replica, fakes[0].asked.Load() == 0, "%s: the primary was asked", reads)
			// A server that is back is used at once.
			fakes[2].silent = false
			found := false
			for range 3 {
				got, err := get(t.Context(), store)
				found = found || err == nil && got == "2"
			}
			require.True(t, found, "%s: a replica that is back is not found", reads)
		})
	}
}

// The only server that may be asked gets the whole time.
func TestOnlyReplicaIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, fakes := openAll(t, 2, settings.Replica)
		fakes[1].delay = opTimeout - time.Second
		got, err := get(t.Context(), store)
		require.Equal(t, "1", got, "Get")
		require.NoError(t, err, "Get")
	})
}

func TestFailuresThatAreTheCallersStayTheirs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, fakes := openAll(t, 3, settings.PreferReplica)
		for _, err := range []error{
			driver.Fail(driver.ErrWrongType, driver.NotApplied, nil),
			driver.Fail(driver.ErrAuth, driver.NotApplied, nil),
			driver.Fail(context.Canceled, driver.Unknown, nil),
			driver.ErrNotFound,
		} {
			for _, s := range fakes {
				s.err, s.perKey = err, true
				s.asked.Store(0)
			}
			for range 20 {
				_, got := get(t.Context(), store)
				require.ErrorIs(t, got, err)
			}
			a, b := fakes[1].asked.Load(), fakes[2].asked.Load()
			require.EqualValues(t, 20, a+b, "%v: the replicas were asked %d and %d times, the primary %d times", err, a, b, fakes[0].asked.Load())
			require.NotZero(t, min(a, b), "%v: the replicas were asked %d and %d times, the primary %d times", err, a, b, fakes[0].asked.Load())
			require.Zero(t, fakes[0].asked.Load(), "%v: the replicas were asked %d and %d times, the primary %d times", err, a, b, fakes[0].asked.Load())
		}
	})
}

func TestGetAllocatesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, fakes := openAll(t, 3, settings.PreferReplica)
		for _, s := range fakes {
			s.err, s.perKey = driver.ErrNotFound, true
		}
		ctx := context.Background()
		keys, dst := []string{"k"}, make([]driver.Value, 1)
		direct := testing.AllocsPerRun(200, func() { dst[0] = driver.Value{}; _ = fakes[1].Get(ctx, keys, dst) })
		routed := testing.AllocsPerRun(200, func() { dst[0] = driver.Value{}; _ = store.Get(ctx, keys, dst) })
		require.LessOrEqual(t, routed, direct, "allocations with replicas")
	})
}

func BenchmarkGet(b *testing.B) {
	store, fakes := open(3, settings.PreferReplica)
	ctx := context.Background()
	keys, dst := []string{"k"}, make([]driver.Value, 1)
	run := func(s driver.Store) func(b *testing.B) {
		return func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				dst[0] = driver.Value{}
				if err := s.Get(ctx, keys, dst); err != nil {
					b.Fatal(err)
				}
			}
		}
	}
	b.Run("direct", run(fakes[0]))
	b.Run("routed", run(store))
}
