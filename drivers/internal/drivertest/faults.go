package drivertest

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
	"unsafe"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/internal/stopwatch"
	"github.com/xcache-go/xcache/xcachetest"
)

// Faults tests calls that fail on the way. The test fails if a call has the
// wrong error or outcome, if a write is sent twice, or if the store does not
// recover.
func (s *Subject) Faults(t *testing.T) {
	t.Run("lost reply is an unknown outcome and nothing is sent twice", s.lostReplyIsAnUnknownOutcomeAndNothingIsSentTwice)
	t.Run("reply cut after each byte", s.replyCutAfterEachByte)
	t.Run("lost reply to a read is asked for again", s.lostReplyToAReadIsAskedForAgain)
	t.Run("killed server", s.killedServer)
	t.Run("refused connection", s.refusedConnection)
	t.Run("server that comes up is used at once", s.serverThatComesUpIsUsedAtOnce)
	t.Run("frozen server", s.frozenServer)
	t.Run("call that ends while it connects is not sent later", s.callThatEndsWhileItConnectsIsNotSentLater)
	t.Run("call that ends in the queue", s.callThatEndsInTheQueue)
	t.Run("ended context does no I/O", s.endedContextDoesNoIO)
	t.Run("inputs of an abandoned call may be changed", s.inputsOfAnAbandonedCallMayBeChanged)
	t.Run("texts of an abandoned call may be changed", s.textsOfAnAbandonedCallMayBeChanged)
	t.Run("restart under load", s.restartUnderLoad)
}

func (s *Subject) lostReplyIsAnUnknownOutcomeAndNothingIsSentTwice(t *testing.T) {
	server := s.Standalone(t)
	for _, kind := range s.stores() {
		for _, w := range Writes() {
			t.Run(kind.name+"/"+w.Name, func(t *testing.T) {
				proxy := xcachetest.NewProxy(t, server.Addr)
				store := kind.open(t, proxy.Addr())
				k := Key(t, "k")
				for range 2 { // connects, and loads the script
					if err := w.Run(t.Context(), store, k); err != nil {
						t.Fatal(err)
					}
				}
				proxy.ResetStats()
				proxy.CutReply(0)
				err := w.Run(t.Context(), store, k)
				WantErr(t, err, driver.Unknown, driver.ErrUnavailable)
				if n := proxy.Stats().CutReplies; n != 1 {
					t.Fatalf("%d replies were cut", n)
				}
				time.Sleep(50 * time.Millisecond) // for a late second request
				if n := bytes.Count(proxy.Transcript(), []byte("\r\n"+w.Word+"\r\n")); n != 1 {
					t.Errorf("sent %d times", n)
				}
				if err := w.Run(t.Context(), store, k); err != nil {
					t.Errorf("the next call: %v", err)
				}
			})
		}
	}
}

func (s *Subject) replyCutAfterEachByte(t *testing.T) {
	server := s.Standalone(t)
	proxy := xcachetest.NewProxy(t, server.Addr)
	store := s.open(t, s.Scheme+"://"+proxy.Addr())
	for _, w := range Writes() {
		t.Run(w.Name, func(t *testing.T) {
			k := Key(t, "k")
			for n := range 200 {
				if err := w.Run(t.Context(), store, k); err != nil { // on a whole connection
					t.Fatal(err)
				}
				proxy.ResetStats()
				proxy.CutReply(n)
				err := w.Run(t.Context(), store, k)
				cut := proxy.Stats().CutReplies == 1
				proxy.CutReply(-1)
				if !cut {
					if n == 0 || err != nil {
						t.Errorf("the reply was not cut after %d bytes: %v", n, err)
					}
					return
				}
				if sent := bytes.Count(proxy.Transcript(), []byte("\r\n"+w.Word+"\r\n")); sent != 1 {
					t.Errorf("cut after %d bytes: sent %d times", n, sent)
				}
				// The last byte of a line may be lost without any harm.
				if err == nil && w.Name != "pipeline" {
					t.Errorf("cut after %d bytes: no error", n)
				}
				if err != nil {
					WantErr(t, err, driver.Unknown, driver.ErrUnavailable)
				}
			}
			t.Error("replies of 200 bytes?")
		})
	}
}

func (s *Subject) lostReplyToAReadIsAskedForAgain(t *testing.T) {
	server := s.Standalone(t)
	proxy := xcachetest.NewProxy(t, server.Addr)
	store := s.open(t, s.Scheme+"://"+proxy.Addr())
	k := Key(t, "k")
	if err := Put(t, store, k, "value"); err != nil {
		t.Fatal(err)
	}
	for n := range len("$5\r\nvalue\r\n") {
		var got []byte
		err := WhenQuick(func() (err error) {
			proxy.ResetStats()
			proxy.CutReply(n)
			got, err = Get(t, store, k)
			return err
		})
		if string(got) != "value" || err != nil {
			t.Errorf("cut after %d bytes: %q, %v", n, got, err)
		}
		if proxy.Stats().CutReplies != 1 {
			t.Errorf("the reply was not cut after %d bytes", n)
		}
	}
}

func (s *Subject) killedServer(t *testing.T) {
	server := s.StartServer(t)
	store := s.open(t, s.Scheme+"://"+server.Addr)
	proxy := xcachetest.NewProxy(t, server.Addr)
	seen := s.open(t, s.Scheme+"://"+proxy.Addr())
	for _, w := range Writes() {
		if err := errors.Join(w.Run(t.Context(), store, "k"), w.Run(t.Context(), seen, "k")); err != nil {
			t.Fatal(err)
		}
	}
	// Between write and reply: a frozen server has the command and cannot answer.
	server.Freeze(t)
	failed := make(chan error)
	go func() { failed <- Do(context.Background(), seen, "INCRBY", driver.Key("in flight"), driver.Int(1)) }()
	Eventually(t, func() bool { return bytes.Contains(proxy.Transcript(), []byte("in flight")) }, func() string { return "the call was not sent" })
	server.Kill(t)
	WantErr(t, <-failed, driver.Unknown, driver.ErrUnavailable)
	// Nobody is there.
	for _, w := range Writes() {
		WantErr(t, w.Run(t.Context(), store, "k"), driver.NotApplied, driver.ErrUnavailable)
	}
	server.Start(t)
	for _, w := range Writes() {
		if err := w.Run(t.Context(), store, "k"); err != nil {
			t.Errorf("%s after the restart: %v", w.Name, err)
		}
	}
	if n := server.Do(t, "GET", "in flight"); n != nil {
		t.Errorf("the INCR was repeated on the new server: %v", n)
	}
}

func (s *Subject) refusedConnection(t *testing.T) {
	for _, dsn := range []string{s.Scheme + "://" + RefusingAddr(t), s.Scheme + "+unix:///nonexistent/socket", s.Scheme + "://no-such-host.invalid"} {
		store := s.open(t, dsn)
		for range 25 { // more than connections in the pool
			_, err := Get(t, store, "k")
			WantErr(t, err, driver.NotApplied, driver.ErrUnavailable)
			if strings.HasPrefix(dsn, s.Scheme+"://no") {
				break // names are slow
			}
		}
		WantErr(t, Put(t, store, "k", "v"), driver.NotApplied, driver.ErrUnavailable)
	}
}

func (s *Subject) serverThatComesUpIsUsedAtOnce(t *testing.T) {
	proxy := xcachetest.NewProxy(t, s.Standalone(t).Addr)
	store := s.open(t, s.Scheme+"://"+proxy.Addr())
	proxy.Refuse()
	for range 25 { // more than connections in the pool
		WantErr(t, Put(t, store, Key(t, "k"), "v"), driver.NotApplied, driver.ErrUnavailable)
	}
	if err := proxy.Accept(); err != nil {
		t.Skip(err)
	}
	if err := Put(t, store, Key(t, "k"), "v"); err != nil {
		t.Error(err)
	}
}

func (s *Subject) frozenServer(t *testing.T) {
	server := s.StartServer(t)
	dsn := Parse(t, s.Scheme+"://"+server.Addr+"?dial_timeout=6s")
	dsn.OpTimeout = 6 * time.Second
	warm, cold := s.OpenDSN(t, dsn, nil), s.Open(t, withLongTimeouts(s.Scheme+"://"+server.Addr))
	for _, w := range Writes() {
		if err := w.Run(t.Context(), warm, "k"); err != nil {
			t.Fatal(err)
		}
	}
	server.Freeze(t)
	defer server.Thaw(t)

	start, watch := time.Now(), stopwatch.Start()
	err := Do(t.Context(), warm, "INCRBY", driver.Key("n"), driver.Int(1))
	WantErr(t, err, driver.Unknown, driver.ErrUnavailable)
	if took, ran := time.Since(start), watch.Stop(); took < dsn.OpTimeout/2 || ran > dsn.OpTimeout*3/2 {
		t.Errorf("without a deadline the call took %v", took)
	}
	for _, w := range Writes() {
		for name, store := range map[string]driver.Store{"warm": warm, "cold": cold} {
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
			WantPrompt(t, name+" "+w.Name+" with a deadline", ctx, func() error { return w.Run(ctx, store, "k") }, context.DeadlineExceeded)
			cancel()
			ctx, cancel = context.WithCancel(t.Context())
			time.AfterFunc(30*time.Millisecond, cancel)
			WantPrompt(t, name+" "+w.Name+" that is cancelled", ctx, func() error { return w.Run(ctx, store, "k") }, context.Canceled)
			cancel()
		}
	}
}

func (s *Subject) callThatEndsWhileItConnectsIsNotSentLater(t *testing.T) {
	proxy := xcachetest.NewProxy(t, s.Standalone(t).Addr)
	store := s.open(t, s.Scheme+"://"+proxy.Addr()+"?client_name=late") // connecting takes an answer
	proxy.Stall()
	for range 20 {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
		entries := []driver.Entry{{Key: Key(t, "late"), Value: []byte("v"), TTL: time.Minute}}
		WantErr(t, store.Set(ctx, entries), driver.NotApplied, context.DeadlineExceeded)
		cancel()
	}
	proxy.Resume()
	if err := Put(t, store, Key(t, "last"), "v"); err != nil {
		t.Error(err)
	}
	if bytes.Contains(proxy.Transcript(), []byte(":late")) {
		t.Error("a call that had returned NotApplied was sent")
	}
}

// The context of a call ends while another call has the only connection. The call
// was not sent, or, with a client that pipelines, may have been sent. No call is
// sent twice.
func (s *Subject) callThatEndsInTheQueue(t *testing.T) {
	outcome, most := driver.NotApplied, 0
	if s.Pipelines {
		outcome, most = driver.Unknown, 1
	}
	proxy := xcachetest.NewProxy(t, s.Standalone(t).Addr)
	store := s.openFor(t, s.Scheme+"://"+proxy.Addr()+"?pool_size=1", longTimeout, nil)
	if err := Put(t, store, Key(t, "warm"), "v"); err != nil {
		t.Fatal(err)
	}
	proxy.StallReplies()
	first := make(chan error)
	go func() { first <- Put(t, store, Key(t, "first"), "v") }() // has the only connection
	Eventually(t, func() bool { return bytes.Contains(proxy.Transcript(), []byte(":first")) }, func() string { return "the first call was not sent" })
	for i := range 20 {
		// On a busy machine a call may end before the call is in the queue. Such a call
		// was not sent, and the next try has more time.
		for timeout := 5 * time.Millisecond; ; timeout *= 2 {
			ctx, cancel := context.WithTimeout(t.Context(), timeout)
			entries := []driver.Entry{{Key: Key(t, fmt.Sprint("late", i)), Value: []byte("v"), TTL: time.Minute}}
			err := store.Set(ctx, entries)
			cancel()
			queued := errors.Is(err, driver.ErrUnknownOutcome) == (outcome == driver.Unknown)
			if queued || timeout > time.Second {
				WantErr(t, err, outcome, context.DeadlineExceeded)
				break
			}
		}
	}
	proxy.Resume()
	if err := <-first; err != nil {
		t.Error(err)
	}
	if err := Put(t, store, Key(t, "last"), "v"); err != nil {
		t.Error(err)
	}
	for i := range 20 {
		if n := bytes.Count(proxy.Transcript(), []byte(Key(t, fmt.Sprintf("late%d\r", i)))); n > most {
			t.Errorf("call %d was sent %d times", i, n)
		}
	}
}

func (s *Subject) endedContextDoesNoIO(t *testing.T) {
	proxy := xcachetest.NewProxy(t, s.Standalone(t).Addr)
	store := s.open(t, s.Scheme+"://"+proxy.Addr())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, w := range Writes() {
		WantErr(t, w.Run(ctx, store, "k"), driver.NotApplied, context.Canceled)
	}
	for _, err := range store.Scan(ctx, "*") {
		WantErr(t, err, driver.NotApplied, context.Canceled)
	}
	if got := proxy.Stats(); got != (xcachetest.ProxyStats{}) {
		t.Errorf("there was I/O: %+v", got)
	}
}

func (s *Subject) inputsOfAnAbandonedCallMayBeChanged(t *testing.T) {
	// The race detector is the judge.
	proxy := xcachetest.NewProxy(t, s.Standalone(t).Addr)
	store := s.open(t, s.Scheme+"://"+proxy.Addr())
	proxy.Stall()
	value, keys := bytes.Repeat([]byte("v"), 200), []string{"a", "b", "c"}
	calls := []func(ctx context.Context) error{
		func(ctx context.Context) error {
			return store.Set(ctx, []driver.Entry{{Key: "k", Value: value, TTL: 1}})
		},
		func(ctx context.Context) error {
			return store.Set(ctx, []driver.Entry{{Key: "k", Value: value, TTL: 1}, {Key: "l", Value: value, Cond: driver.IfAbsent, TTL: 1}})
		},
		func(ctx context.Context) error { return store.Get(ctx, keys, make([]driver.Value, len(keys))) },
		func(ctx context.Context) error { _, err := store.Delete(ctx, keys); return err },
		func(ctx context.Context) error { _, err := store.CompareAndDelete(ctx, keys[0], value); return err },
		func(ctx context.Context) error {
			return store.Do(ctx, []*driver.Cmd{driver.NewCmd("GET", driver.Key(keys[0])), driver.NewCmd("LPUSH", driver.Key(keys[1]), driver.Val(value))}, driver.Atomic)
		},
	}
	for range 3 {
		for _, call := range calls {
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Millisecond)
			WantErr(t, errors.Join(call(ctx)), driver.NotApplied, context.DeadlineExceeded)
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

// The texts of a call are in memory that the caller uses again, as some web servers do with
// the texts of a request. The call is sent after its caller has left, or never.
func (s *Subject) textsOfAnAbandonedCallMayBeChanged(t *testing.T) {
	proxy := xcachetest.NewProxy(t, s.Standalone(t).Addr)
	store := s.openFor(t, s.Scheme+"://"+proxy.Addr()+"?pool_size=1", longTimeout, nil).(serverStore)
	hash := Key(t, "hash")
	if err := Do(t.Context(), store, "HSET", driver.Key(hash), driver.Field("field"), driver.Val([]byte("v"))); err != nil {
		t.Fatal(err)
	}
	proxy.StallReplies()
	first := make(chan error)
	go func() { first <- Put(t, store, Key(t, "first"), "v") }() // has the only connection
	Eventually(t, func() bool { return bytes.Contains(proxy.Transcript(), []byte(":first")) }, func() string { return "the first call was not sent" })
	const field, change = "field", "other"
	calls := []func(text string) []*driver.Cmd{
		func(text string) []*driver.Cmd {
			return []*driver.Cmd{driver.NewCmd("HSET", driver.Key(hash), driver.Field(text), driver.Val([]byte("w")))}
		},
		func(text string) []*driver.Cmd {
			return []*driver.Cmd{driver.NewCmd("HINCRBY", driver.Key(hash+"2"), driver.Field(text), driver.Int(1))}
		},
		func(text string) []*driver.Cmd {
			return []*driver.Cmd{
				driver.NewCmd("HSET", driver.Key(hash), driver.Field(text), driver.Val([]byte("w"))),
				driver.NewCustomCmd("HSET", driver.Key(hash), driver.Literal(text), driver.Val([]byte("w"))),
			}
		},
	}
	for _, call := range calls {
		memory := []byte(field)
		for timeout := 5 * time.Millisecond; ; timeout *= 2 {
			ctx, cancel := context.WithTimeout(t.Context(), timeout)
			err := store.Do(ctx, call(unsafe.String(&memory[0], len(memory))), driver.Plain)
			cancel()
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v", err)
			}
			if queued := errors.Is(err, driver.ErrUnknownOutcome); queued == s.Pipelines || timeout > time.Second {
				break
			}
		}
		copy(memory, change)
	}
	proxy.Resume()
	if err := <-first; err != nil {
		t.Error(err)
	}
	for _, key := range []string{hash, hash + "2"} {
		keys := driver.NewCmd("HKEYS", driver.Key(key))
		if err := store.Do(t.Context(), []*driver.Cmd{keys}, driver.Plain); err != nil || keys.Err != nil {
			t.Fatal(err, keys.Err)
		}
		for _, got := range keys.Reply.Items {
			if string(got.Data) != field {
				t.Errorf("a call has written the field %q", got.Data)
			}
		}
	}
}

func (s *Subject) restartUnderLoad(t *testing.T) {
	server := s.StartServer(t)
	store := s.open(t, s.Scheme+"://"+server.Addr)
	var (
		wg         sync.WaitGroup
		stop       atomic.Bool
		down, good atomic.Int64
		recovered  atomic.Int64 // nanoseconds after the restart, by a stopwatch
		restarted  atomic.Pointer[stopwatch.Watch]
	)
	for i := range 16 {
		wg.Go(func() {
			for n := 0; !stop.Load(); n++ {
				err := Put(t, store, fmt.Sprint("k", i, n%10), "v")
				switch since := restarted.Load(); {
				case err != nil:
					down.Add(1)
					time.Sleep(time.Millisecond)
				case since != nil:
					recovered.CompareAndSwap(0, int64(since.Elapsed()))
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
	watch := stopwatch.Start()
	defer watch.Stop()
	restarted.Store(watch)
	Eventually(t, func() bool { return good.Load() > 1000 }, func() string { return "the store does not recover" })
	stop.Store(true)
	wg.Wait()
	measured := fmt.Sprintf("%d calls failed while the server was down; the first one succeeded %v after it was up", failed, time.Duration(recovered.Load()))
	t.Log(measured)
	t.Attr("measured", measured)
	if failed == 0 {
		t.Error("no call failed while the server was down")
	}
	if d := time.Duration(recovered.Load()); d > 3*time.Second {
		t.Errorf("recovered after %v", d)
	}
	for range 200 {
		if err := Put(t, store, "k", "v"); err != nil {
			t.Fatalf("long after the restart: %v", err)
		}
	}
}
