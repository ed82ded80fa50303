package drivertest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/internal/servertest"
)

// Large tests values over a limit of the store or of the server, and pipelines
// with much data under way. The test fails if such a value costs much memory, or
// harms another call.
func (s *Subject) Large(t *testing.T) {
	t.Run("values over max_value are not read", s.valuesOverMaxValueAreNotRead)
	t.Run("values over max_value do no harm to others", s.valuesOverMaxValueDoNoHarmToOthers)
	t.Run("values over the server's limit do no harm to others", s.valuesOverTheServersLimitDoNoHarmToOthers)
	t.Run("long pipelines are read while they are written", s.longPipelinesAreReadWhileTheyAreWritten)
}

// limited opens a store with a max_value.
func (s *Subject) limited(t testing.TB, addr, query string, maxValue int) serverStore {
	t.Helper()
	dsn := Parse(t, s.Scheme+"://"+addr+query)
	dsn.MaxValue, dsn.OpTimeout = maxValue, time.Minute // for slow machines
	return s.OpenDSN(t, dsn, nil).(serverStore)
}

func (s *Subject) valuesOverMaxValueAreNotRead(t *testing.T) {
	const limit, size = 1 << 20, 100 << 20
	server := s.StartServer(t)
	server.Do(t, "SETRANGE", "huge", fmt.Sprint(size-1), "x")
	server.Do(t, "SETRANGE", "long", fmt.Sprint(limit), "x") // one byte more
	server.Do(t, "SETRANGE", "fits", fmt.Sprint(limit-1), "x")
	server.Do(t, "SET", "small", "v")
	for _, protocol := range []string{"2", "3"} {
		store := s.limited(t, server.Addr, "?pool_size=1&protocol="+protocol, limit)
		if n := store.Limits().ValueSize; n != limit {
			t.Errorf("the limit is %d", n)
		}
		if got, err := Get(t, store, "fits"); len(got) != limit || err != nil {
			t.Errorf("the longest value: %d bytes, %v", len(got), err)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for _, k := range []string{"huge", "long"} {
			_, err := Get(t, store, k)
			WantErr(t, err, driver.NotApplied, driver.ErrTooLarge)
			values := make([]driver.Value, 3)
			if err := store.Get(t.Context(), []string{"small", k, "fits"}, values); err != nil {
				t.Error(err)
				continue
			}
			WantErr(t, values[1].Err, driver.NotApplied, driver.ErrTooLarge)
			if string(values[0].Data) != "v" || values[0].Err != nil || len(values[2].Data) != limit {
				t.Errorf("others of the call: %q, %v, %d bytes", values[0].Data, values[0].Err, len(values[2].Data))
			}
			for _, how := range []driver.How{driver.Plain, driver.Atomic} {
				cmds := []*driver.Cmd{driver.NewCmd("GET", driver.Key("small")), driver.NewCmd("GET", driver.Key(k)), driver.NewCmd("STRLEN", driver.Key(k))}
				if err := store.Do(t.Context(), cmds, how); err != nil {
					t.Errorf("%v: %v", how, err)
					continue
				}
				WantErr(t, cmds[1].Err, driver.NotApplied, driver.ErrTooLarge)
				if cmds[1].Err == nil || string(cmds[0].Reply.Data) != "v" || cmds[2].Err != nil {
					t.Errorf("%v: %q, %v, %v", how, cmds[0].Reply.Data, cmds[1].Err, cmds[2].Err)
				}
			}
		}
		runtime.ReadMemStats(&after)
		if took := after.TotalAlloc - before.TotalAlloc; took > size/2 {
			t.Errorf("%d MiB were allocated", took>>20)
		}
		// The value is gone, so the outcome is unknown. A command that only reads has
		// no unknown outcome.
		cmd := driver.NewCmd("GETDEL", driver.Key("long"))
		if err := store.Do(t.Context(), []*driver.Cmd{cmd}, driver.Plain); err == nil {
			err = cmd.Err
			WantErr(t, err, driver.Unknown, driver.ErrTooLarge)
		} else {
			WantErr(t, err, driver.Unknown, driver.ErrTooLarge)
		}
		server.Do(t, "SETRANGE", "long", fmt.Sprint(limit), "x")
	}
}

func (s *Subject) valuesOverMaxValueDoNoHarmToOthers(t *testing.T) {
	server := s.StartServer(t)
	server.Do(t, "SETRANGE", "long", fmt.Sprint(8<<20), "x")
	store := s.limited(t, server.Addr, "?pool_size=2", 1<<20)
	done := make(chan struct{})
	var others sync.WaitGroup
	for i := range 4 {
		others.Go(func() {
			for n := int64(1); ; n++ {
				select {
				case <-done:
					return
				default:
				}
				if got, err := store.IncrInit(t.Context(), fmt.Sprint("n", i), 1, 0, time.Hour); got != n || err != nil {
					t.Errorf("got %d, %v, want %d", got, err, n)
				}
			}
		})
	}
	for range 20 {
		_, err := Get(t, store, "long")
		WantErr(t, err, driver.NotApplied, driver.ErrTooLarge)
	}
	close(done)
	others.Wait()
}

func (s *Subject) valuesOverTheServersLimitDoNoHarmToOthers(t *testing.T) {
	server := s.StartServer(t, servertest.Config("proto-max-bulk-len", "2mb"))
	store := s.limited(t, server.Addr, "?pool_size=2", 64<<20)
	var stop atomic.Bool
	var others sync.WaitGroup
	for i := range 4 {
		others.Go(func() {
			k := fmt.Sprint("k", i)
			for n := 0; !stop.Load(); n++ {
				if err := Put(t, store, k, fmt.Sprint(n)); err != nil {
					t.Errorf("another's write: %v", err)
				}
			}
		})
	}
	for i := range 12 {
		if err := Put(t, store, "fits", strings.Repeat("x", 1<<20+i*10_000)); err != nil {
			t.Errorf("a value that the server takes: %v", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // calls with and without a deadline are sent in different ways
		entries := []driver.Entry{{Key: "large", Value: make([]byte, 2<<20+1+i<<18), TTL: time.Minute}}
		if i%2 == 0 {
			ctx = context.Background()
		}
		err := errors.Join(store.Set(ctx, entries), entries[0].Err)
		cancel()
		if err == nil || !errors.Is(err, driver.ErrTooLarge) && !errors.Is(err, driver.ErrUnknownOutcome) {
			t.Errorf("a value over the limit: %v", err)
		}
	}
	stop.Store(true)
	others.Wait()
	if n := server.Do(t, "EXISTS", "large"); n != int64(0) {
		t.Error("the value was stored")
	}
}

// The server answers each command before the server reads the next command.
func (s *Subject) longPipelinesAreReadWhileTheyAreWritten(t *testing.T) {
	const n, size = 1200, 50 << 10
	value := strings.Repeat("x", size)
	reply := fmt.Sprintf("$%d\r\n%s\r\n", size, value)
	server := serveScript(t, func(_ int, words []string) said {
		if a, ok := handshake(words); ok {
			return a
		}
		if words[0] == "GET" {
			return said{text: reply}
		}
		return said{text: "+OK\r\n"}
	})
	dsn := Parse(t, s.Scheme+"://"+server.addr+"?pool_size=1")
	dsn.OpTimeout = 30 * time.Second // for slow machines: without the reading no time is enough
	store := s.OpenDSN(t, dsn, nil).(serverStore)
	for _, cancellable := range []bool{false, true} {
		ctx := context.Background()
		if cancellable {
			ctx = t.Context()
		}
		cmds := make([]*driver.Cmd, 0, 2*n)
		for range n {
			cmds = append(cmds, driver.NewCmd("SET", driver.Key("k"), driver.Val([]byte(value))), driver.NewCmd("GET", driver.Key("k")))
		}
		if err := store.Do(ctx, cmds, driver.Plain); err != nil {
			t.Errorf("cancellable is %v: %v", cancellable, err)
			continue
		}
		for i, c := range cmds {
			if c.Err != nil || i%2 == 1 && len(c.Reply.Data) != size {
				t.Errorf("command %d: %d bytes, %v", i, len(c.Reply.Data), c.Err)
			}
		}
	}
}
