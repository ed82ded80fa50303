package valkey_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	valkeygo "github.com/valkey-io/valkey-go"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/valkey"
	"github.com/xcache-go/xcache/xcachetest"
)

// do runs one command and returns its error.
func do(ctx context.Context, s *valkey.Store, name string, args ...driver.Arg) error {
	c := driver.NewCmd(name, args...)
	if err := s.Do(ctx, []*driver.Cmd{c}, driver.Plain); err != nil {
		return err
	}
	return c.Err
}

// writes are calls that change the value behind a key each time they are run.
// The words are those that the wire shows for each run.
var writes = []struct {
	name, word string
	run        func(ctx context.Context, s *valkey.Store, key string) error
}{
	{"INCR", "EVALSHA", func(ctx context.Context, s *valkey.Store, key string) error {
		_, err := s.IncrInit(ctx, key, 1, 0, time.Minute)
		return err
	}},
	{"LPUSH", "LPUSH", func(ctx context.Context, s *valkey.Store, key string) error {
		return do(ctx, s, "LPUSH", driver.Key(key+":list"), driver.Val([]byte("v")))
	}},
	{"SET", "SET", func(ctx context.Context, s *valkey.Store, key string) error {
		entries := []driver.Entry{{Key: key + ":set", Value: []byte("v"), TTL: time.Minute}}
		return errors.Join(s.Set(ctx, entries), entries[0].Err)
	}},
	{"pipeline", "RPUSH", func(ctx context.Context, s *valkey.Store, key string) error {
		cmds := []*driver.Cmd{
			driver.NewCmd("RPUSH", driver.Key(key+":pipe"), driver.Val([]byte("v"))),
			driver.NewCmd("INCRBY", driver.Key(key+":n"), driver.Int(1)),
		}
		return errors.Join(s.Do(ctx, cmds, driver.Plain), cmds[0].Err, cmds[1].Err)
	}},
	{"transaction", "RPUSH", func(ctx context.Context, s *valkey.Store, key string) error {
		cmds := []*driver.Cmd{
			driver.NewCmd("RPUSH", driver.Key(key+":tx"), driver.Val([]byte("v"))),
			driver.NewCmd("INCRBY", driver.Key(key+":n"), driver.Int(1)),
		}
		return s.Do(ctx, cmds, driver.Atomic)
	}},
}

// stores are ways to get a store at an address: one by the driver, and one with
// a client whose own options would send writes again.
var stores = []struct {
	name string
	open func(t testing.TB, addr string) *valkey.Store
}{
	{"driver", func(t testing.TB, addr string) *valkey.Store { return open(t, "valkey://"+addr) }},
	{"own client", func(t testing.TB, addr string) *valkey.Store {
		s := valkey.NewStore(newClient(t, valkeygo.ClientOption{InitAddress: []string{addr}}), valkey.CloseClient())
		t.Cleanup(func() { _ = s.Close() })
		return s
	}},
}

func TestLostReplyIsAnUnknownOutcomeAndNothingIsSentTwice(t *testing.T) {
	server := standalone.Server(t)
	for _, store := range stores {
		for _, w := range writes {
			t.Run(store.name+"/"+w.name, func(t *testing.T) {
				proxy := xcachetest.NewProxy(t, server.Addr)
				s := store.open(t, proxy.Addr())
				k := key(t, "k")
				for range 2 { // connects, and loads the script
					if err := w.run(t.Context(), s, k); err != nil {
						t.Fatal(err)
					}
				}
				proxy.ResetStats()
				proxy.CutReply(0)
				err := w.run(t.Context(), s, k)
				wantErr(t, err, driver.Unknown, driver.ErrUnavailable)
				if n := proxy.Stats().CutReplies; n != 1 {
					t.Fatalf("%d replies were cut", n)
				}
				time.Sleep(50 * time.Millisecond) // for a late second one
				if n := bytes.Count(proxy.Transcript(), []byte("\r\n"+w.word+"\r\n")); n != 1 {
					t.Errorf("sent %d times", n)
				}
				if err := w.run(t.Context(), s, k); err != nil {
					t.Errorf("the next call: %v", err)
				}
			})
		}
	}
}

func TestReplyCutAfterEachByte(t *testing.T) {
	server := standalone.Server(t)
	proxy := xcachetest.NewProxy(t, server.Addr)
	s := open(t, "valkey://"+proxy.Addr())
	for _, w := range writes {
		t.Run(w.name, func(t *testing.T) {
			k := key(t, "k")
			for n := range 200 {
				if err := w.run(t.Context(), s, k); err != nil { // on a whole connection
					t.Fatal(err)
				}
				proxy.ResetStats()
				proxy.CutReply(n)
				err := w.run(t.Context(), s, k)
				cut := proxy.Stats().CutReplies == 1
				proxy.CutReply(-1)
				if !cut {
					if n == 0 || err != nil {
						t.Errorf("the reply was not cut after %d bytes: %v", n, err)
					}
					return
				}
				if sent := bytes.Count(proxy.Transcript(), []byte("\r\n"+w.word+"\r\n")); sent != 1 {
					t.Errorf("cut after %d bytes: sent %d times", n, sent)
				}
				// The last byte of a line may be lost without any harm.
				if err == nil && w.name != "pipeline" {
					t.Errorf("cut after %d bytes: no error", n)
				}
				if err != nil {
					wantErr(t, err, driver.Unknown, driver.ErrUnavailable)
				}
			}
			t.Error("replies of 200 bytes?")
		})
	}
}

func TestLostReplyToAReadIsAskedForAgain(t *testing.T) {
	server := standalone.Server(t)
	proxy := xcachetest.NewProxy(t, server.Addr)
	s := open(t, "valkey://"+proxy.Addr())
	k := key(t, "k")
	if err := put(t, s, k, "value"); err != nil {
		t.Fatal(err)
	}
	for n := range len("$5\r\nvalue\r\n") {
		proxy.ResetStats()
		proxy.CutReply(n)
		if got, err := get(t, s, k); string(got) != "value" || err != nil {
			t.Errorf("cut after %d bytes: %q, %v", n, got, err)
		}
		if proxy.Stats().CutReplies != 1 {
			t.Errorf("the reply was not cut after %d bytes", n)
		}
	}
}

func TestKilledServer(t *testing.T) {
	server := startServer(t)
	s := open(t, "valkey://"+server.Addr)
	for _, w := range writes {
		if err := w.run(t.Context(), s, "k"); err != nil {
			t.Fatal(err)
		}
	}
	// Between write and reply: a frozen server has the command and cannot answer.
	server.Freeze(t)
	failed := make(chan error)
	go func() { failed <- do(context.Background(), s, "INCRBY", driver.Key("n"), driver.Int(1)) }()
	time.Sleep(50 * time.Millisecond)
	server.Kill(t)
	wantErr(t, <-failed, driver.Unknown, driver.ErrUnavailable)
	// Nobody there.
	for _, w := range writes {
		wantErr(t, w.run(t.Context(), s, "k"), driver.NotApplied, driver.ErrUnavailable)
	}
	server.Start(t)
	for _, w := range writes {
		if err := w.run(t.Context(), s, "k"); err != nil {
			t.Errorf("%s after the restart: %v", w.name, err)
		}
	}
	if n := server.Do(t, "GET", "n"); n != nil {
		t.Errorf("the INCR was repeated on the new server: %v", n)
	}
}

func TestRefusedConnection(t *testing.T) {
	for _, dsn := range []string{"valkey://" + refusingAddr(t), "valkey+unix:///nonexistent/socket", "valkey://no-such-host.invalid"} {
		s := open(t, dsn)
		for range 25 { // more than connections in the pool
			_, err := get(t, s, "k")
			wantErr(t, err, driver.NotApplied, driver.ErrUnavailable)
			if strings.HasPrefix(dsn, "valkey://no") {
				break // names are slow
			}
		}
		wantErr(t, put(t, s, "k", "v"), driver.NotApplied, driver.ErrUnavailable)
	}
}

func TestServerThatComesUpIsUsedAtOnce(t *testing.T) {
	proxy := xcachetest.NewProxy(t, standalone.Server(t).Addr)
	s := open(t, "valkey://"+proxy.Addr())
	proxy.Refuse()
	for range 25 { // more than connections in the pool
		wantErr(t, put(t, s, key(t, "k"), "v"), driver.NotApplied, driver.ErrUnavailable)
	}
	if err := proxy.Accept(); err != nil {
		t.Skip(err)
	}
	if err := put(t, s, key(t, "k"), "v"); err != nil {
		t.Error(err)
	}
}

func TestFrozenServer(t *testing.T) {
	server := startServer(t)
	dsn := parse(t, "valkey://"+server.Addr)
	dsn.OpTimeout = 400 * time.Millisecond
	warm, cold := openDSN(t, dsn), openDSN(t, parse(t, "valkey://"+server.Addr+"?dial_timeout=100ms"))
	for _, w := range writes {
		if err := w.run(t.Context(), warm, "k"); err != nil {
			t.Fatal(err)
		}
	}
	server.Freeze(t)
	defer server.Thaw(t)

	start := time.Now()
	err := do(t.Context(), warm, "INCRBY", driver.Key("n"), driver.Int(1))
	wantErr(t, err, driver.Unknown, driver.ErrUnavailable, context.DeadlineExceeded)
	if took := time.Since(start); took < dsn.OpTimeout/2 || took > 5*dsn.OpTimeout {
		t.Errorf("without a deadline the call took %v", took)
	}
	for _, w := range writes {
		for name, s := range map[string]*valkey.Store{"warm": warm, "cold": cold} {
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
			wantPrompt(t, name+" "+w.name+" with a deadline", ctx, func() error { return w.run(ctx, s, "k") }, context.DeadlineExceeded)
			cancel()
			ctx, cancel = context.WithCancel(t.Context())
			time.AfterFunc(30*time.Millisecond, cancel)
			wantPrompt(t, name+" "+w.name+" that is cancelled", ctx, func() error { return w.run(ctx, s, "k") }, context.Canceled)
			cancel()
		}
	}
}

// wantPrompt fails the test unless call returns soon after ctx has ended, with
// its error.
func wantPrompt(t *testing.T, what string, ctx context.Context, call func() error, want error) { //nolint:revive // reads better
	t.Helper()
	ended := make(chan time.Time, 1)
	stop := context.AfterFunc(ctx, func() { ended <- time.Now() })
	defer stop()
	err := call()
	if !errors.Is(err, want) {
		t.Errorf("%s: got %v, want %v", what, err, want)
	}
	if late := time.Since(<-ended); late > 500*time.Millisecond { // 20 ms on a machine with nothing else to do
		t.Errorf("%s: returned %v late", what, late)
	}
}

func TestCallThatEndsWhileItConnectsIsNotSentLater(t *testing.T) {
	proxy := xcachetest.NewProxy(t, standalone.Server(t).Addr)
	s := open(t, "valkey://"+proxy.Addr())
	proxy.Stall()
	for range 20 {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
		entries := []driver.Entry{{Key: key(t, "late"), Value: []byte("v"), TTL: time.Minute}}
		wantErr(t, s.Set(ctx, entries), driver.NotApplied, context.DeadlineExceeded)
		cancel()
	}
	proxy.Resume()
	if err := put(t, s, key(t, "last"), "v"); err != nil {
		t.Error(err)
	}
	if bytes.Contains(proxy.Transcript(), []byte(":late")) {
		t.Error("a call that had returned NotApplied was sent")
	}
}

func TestCallThatEndsInTheQueueIsAnUnknownOutcome(t *testing.T) {
	proxy := xcachetest.NewProxy(t, standalone.Server(t).Addr)
	s := open(t, "valkey://"+proxy.Addr()+"?pool_size=1")
	if err := put(t, s, key(t, "warm"), "v"); err != nil {
		t.Fatal(err)
	}
	proxy.StallReplies()
	first := make(chan error)
	go func() { first <- put(t, s, key(t, "first"), "v") }() // has the connection to itself
	eventually(t, func() bool { return bytes.Contains(proxy.Transcript(), []byte(":first")) }, func() string { return "the first call was not sent" })
	for i := range 20 {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
		entries := []driver.Entry{{Key: key(t, fmt.Sprint("late", i)), Value: []byte("v"), TTL: time.Minute}}
		wantErr(t, s.Set(ctx, entries), driver.Unknown, context.DeadlineExceeded)
		cancel()
	}
	proxy.Resume()
	if err := <-first; err != nil {
		t.Error(err)
	}
	if err := put(t, s, key(t, "last"), "v"); err != nil {
		t.Error(err)
	}
	for i := range 20 {
		if n := bytes.Count(proxy.Transcript(), []byte(key(t, fmt.Sprintf("late%d\r", i)))); n > 1 {
			t.Errorf("call %d was sent %d times", i, n)
		}
	}
}

func TestEndedContextDoesNoIO(t *testing.T) {
	proxy := xcachetest.NewProxy(t, standalone.Server(t).Addr)
	s := open(t, "valkey://"+proxy.Addr())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, w := range writes {
		wantErr(t, w.run(ctx, s, "k"), driver.NotApplied, context.Canceled)
	}
	for _, err := range s.Scan(ctx, "*") {
		wantErr(t, err, driver.NotApplied, context.Canceled)
	}
	if got := proxy.Stats(); got != (xcachetest.ProxyStats{}) {
		t.Errorf("there was I/O: %+v", got)
	}
}

func TestInputsOfAnAbandonedCallMayBeChanged(t *testing.T) {
	// The race detector is the judge.
	proxy := xcachetest.NewProxy(t, standalone.Server(t).Addr)
	s := open(t, "valkey://"+proxy.Addr())
	proxy.Stall()
	value, keys := bytes.Repeat([]byte("v"), 200), []string{"a", "b", "c"}
	calls := []func(ctx context.Context) error{
		func(ctx context.Context) error { return s.Set(ctx, []driver.Entry{{Key: "k", Value: value, TTL: 1}}) },
		func(ctx context.Context) error {
			return s.Set(ctx, []driver.Entry{{Key: "k", Value: value, TTL: 1}, {Key: "l", Value: value, Cond: driver.IfAbsent, TTL: 1}})
		},
		func(ctx context.Context) error { return s.Get(ctx, keys, make([]driver.Value, len(keys))) },
		func(ctx context.Context) error { _, err := s.Delete(ctx, keys); return err },
		func(ctx context.Context) error { _, err := s.CompareAndDelete(ctx, keys[0], value); return err },
		func(ctx context.Context) error {
			return s.Do(ctx, []*driver.Cmd{driver.NewCmd("GET", driver.Key(keys[0])), driver.NewCmd("LPUSH", driver.Key(keys[1]), driver.Val(value))}, driver.Atomic)
		},
	}
	for range 3 {
		for _, call := range calls {
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Millisecond)
			wantErr(t, errors.Join(call(ctx)), driver.NotApplied, context.DeadlineExceeded)
			cancel()
			for i := range value {
				value[i]++
			}
			for i := range keys {
				keys[i] += "x"
			}
		}
	}
	proxy.Resume()
}

func TestRestartUnderLoad(t *testing.T) {
	server := startServer(t)
	s := open(t, "valkey://"+server.Addr)
	var (
		wg         sync.WaitGroup
		stop       atomic.Bool
		down, good atomic.Int64
		recovered  atomic.Int64 // nanoseconds after the restart
		restarted  atomic.Pointer[time.Time]
	)
	for i := range 16 {
		wg.Go(func() {
			for n := 0; !stop.Load(); n++ {
				err := put(t, s, fmt.Sprint("k", i, n%10), "v")
				switch at := restarted.Load(); {
				case err != nil:
					down.Add(1)
					time.Sleep(time.Millisecond)
				case at != nil:
					recovered.CompareAndSwap(0, int64(time.Since(*at)))
					good.Add(1)
				}
			}
		})
	}
	time.Sleep(100 * time.Millisecond)
	server.Kill(t)
	time.Sleep(1200 * time.Millisecond)
	failed := down.Load()
	server.Start(t)
	now := time.Now()
	restarted.Store(&now)
	eventually(t, func() bool { return good.Load() > 1000 }, func() string { return "the store does not recover" })
	stop.Store(true)
	wg.Wait()
	t.Logf("%d calls failed while the server was down; the first one succeeded %v after it was up", failed, time.Duration(recovered.Load()))
	if failed == 0 {
		t.Error("no call failed while the server was down")
	}
	if d := time.Duration(recovered.Load()); d > 1500*time.Millisecond {
		t.Errorf("recovered after %v", d)
	}
	for range 200 {
		if err := put(t, s, "k", "v"); err != nil {
			t.Fatalf("long after the restart: %v", err)
		}
	}
}
