package drivertest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/internal/servertest"
	"github.com/xcache-go/xcache/internal/stopwatch"
)

// exclusiveName is the client_name of stores whose connections a test counts.
const exclusiveName = "exclusive"

// Exclusive tests the promises of driver.Exclusive on one server, in both versions
// of RESP. Blocking commands, WATCH and subscriptions use the sessions of
// driver.Exclusive. The test fails if a session loses an element or a message,
// leaves state to the next caller, or does not end with its connection or its
// store.
func (s *Subject) Exclusive(t *testing.T) {
	for _, protocol := range []string{"2", "3"} {
		t.Run("RESP"+protocol, func(t *testing.T) {
			server := s.StartServer(t)
			open := func(t *testing.T, query string) driver.Store {
				t.Helper()
				return s.Open(t, s.Scheme+"://"+server.Addr+"?dial_timeout=20s&protocol="+protocol+query)
			}
			t.Run("pops lose no element", func(t *testing.T) { popsLoseNothing(t, open(t, "")) })
			t.Run("watch", func(t *testing.T) { watches(t, open(t, "&client_name="+exclusiveName), server) })
			t.Run("subscription", func(t *testing.T) { s.subscribes(t, open(t, ""), server) })
			t.Run("commands of every kind", func(t *testing.T) { runsEveryKind(t, open(t, "&op_timeout=30s")) })
			t.Run("messages during Do", func(t *testing.T) {
				if protocol == "3" {
					keepsMessages(t, open(t, ""), server)
				}
			})
			t.Run("bound", func(t *testing.T) { isBounded(t, open(t, "&exclusive_size=2&pool_size=1")) })
			t.Run("what is left is closed", func(t *testing.T) {
				leavesNothingBehind(t, open(t, "&client_name="+exclusiveName), server)
			})
			t.Run("misuse", func(t *testing.T) { refusesMisuse(t, open(t, "")) })
			t.Run("READONLY", func(t *testing.T) {
				session := openSession(t, open(t, ""), "")
				server.Do(t, "REPLICAOF", "127.0.0.1", "1")
				defer server.Do(t, "REPLICAOF", "NO", "ONE")
				WantErr(t, sessionDo(t.Context(), session, "SET", driver.Key(Key(t, "k")), driver.Val(nil)), driver.NotApplied, driver.ErrReadOnly)
				WantErr(t, session.Err(), driver.NotApplied, driver.ErrReadOnly)
			})
			t.Run("disconnected", func(t *testing.T) {
				store := open(t, "")
				endsBlocked(t, store, server, driver.ErrClosed, driver.CapsOf(store).Disconnector.Disconnect)
			})
			t.Run("closed", func(t *testing.T) {
				store := s.unchecked(t, s.Scheme+"://"+server.Addr+"?dial_timeout=20s&protocol="+protocol)
				endsBlocked(t, store, server, driver.ErrClosed, func() {
					if err := store.Close(); err != nil {
						t.Error(err)
					}
				})
			})
			t.Run("silence", func(t *testing.T) { meetsSilence(t, open(t, ""), server) })
			t.Run("kill", func(t *testing.T) {
				store := open(t, "")
				endsBlocked(t, store, server, driver.ErrUnavailable, func() { server.Kill(t) })
				_, err := driver.CapsOf(store).Exclusive.Exclusive(t.Context(), "")
				WantErr(t, err, driver.NotApplied, driver.ErrUnavailable)
				server.Start(t)
				if err := sessionDo(t.Context(), openSession(t, store, ""), "PING"); err != nil {
					t.Error(err)
				}
			})
		})
	}
	t.Run("TLS", func(t *testing.T) {
		server := s.StartServer(t, servertest.TLS())
		open := func(query string) driver.Store {
			return s.Open(t, s.Scheme+"s://"+server.Addr+"?dial_timeout=20s&tls_ca="+server.Certificates.CAFile+query)
		}
		popsLoseNothing(t, open(""))
		watches(t, open("&client_name="+exclusiveName), server)
		s.subscribes(t, open(""), server)
	})
	t.Run("own client", func(t *testing.T) {
		store := s.openOwn(t, s.Standalone(t).Addr)
		if driver.CapsOf(store).Exclusive != nil {
			t.Error("a store on a client of the program's claims to give connections away")
		}
		if exclusive, ok := driver.Store(store).(driver.Exclusive); ok {
			_, err := exclusive.Exclusive(t.Context(), "")
			WantErr(t, err, driver.NotApplied, errors.ErrUnsupported)
		}
	})
}

// openSession returns a session that is closed at the end of the test.
func openSession(t testing.TB, store driver.Store, key string) driver.Session {
	t.Helper()
	session, err := driver.CapsOf(store).Exclusive.Exclusive(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeSession(t, session) })
	return session
}

func closeSession(t testing.TB, session driver.Session) {
	t.Helper()
	if err := session.Close(); err != nil {
		t.Errorf("Close of a session: %v", err)
	}
}

// sessionDo runs one command. The table need not have the command.
func sessionDo(ctx context.Context, session driver.Session, name string, args ...driver.Arg) error {
	cmd := driver.NewCustomCmd(name, args...)
	if err := session.Do(ctx, []*driver.Cmd{cmd}, driver.Plain); err != nil {
		return err
	}
	return cmd.Err
}

// send sends one command. The table need not have the command.
func send(ctx context.Context, session driver.Session, name string, args ...driver.Arg) error {
	return session.Send(ctx, []*driver.Cmd{driver.NewCustomCmd(name, args...)})
}

// popSlice is how long a pop waits at the server at a time, in seconds.
const popSlice = 0.02

// pop is a BLPOP that loses no element. pop waits in slices, and also takes the
// reply to the last slice.
func pop(ctx context.Context, session driver.Session, key string) (string, error) {
	for {
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), waitTimeout)
		in, err := driver.Incoming{}, send(late, session, "BLPOP", driver.Key(key), driver.Float(popSlice))
		if err == nil {
			in, err = session.Receive(late)
		}
		cancel()
		switch {
		case err != nil:
			return "", err
		case !in.Reply.IsNil():
			return string(in.Reply.Items[1].Data), nil
		case ctx.Err() != nil:
			return "", ctx.Err()
		}
	}
}

// popsLoseNothing pops with contexts that end at any time. The test fails unless each
// element that was pushed is popped once.
func popsLoseNothing(t *testing.T, store driver.Store) {
	t.Helper()
	const elements, poppers = 300, 4
	key := Key(t, "list")
	ctx, cancel := context.WithTimeout(t.Context(), waitTimeout)
	defer cancel()
	var mu sync.Mutex
	popped := make(map[string]int)
	cancelled := 0
	var popping sync.WaitGroup
	for range poppers {
		popping.Go(func() {
			for ctx.Err() == nil {
				session, err := driver.CapsOf(store).Exclusive.Exclusive(ctx, key)
				if err != nil {
					t.Error(err)
					return
				}
				for range 10 {
					short, cancel := context.WithTimeout(ctx, rand.N(3*time.Millisecond))
					element, err := pop(short, session, key)
					cancel()
					mu.Lock()
					switch {
					case err == nil:
						popped[element]++
					case errors.Is(err, context.DeadlineExceeded):
						cancelled++
					default:
						t.Error(err)
					}
					all := len(popped) == elements
					mu.Unlock()
					if all {
						break
					}
				}
				closeSession(t, session)
				mu.Lock()
				all := len(popped) == elements
				mu.Unlock()
				if all {
					return
				}
			}
		})
	}
	for i := range elements {
		if err := Do(ctx, store, "RPUSH", driver.Key(key), driver.Val([]byte(strconv.Itoa(i)))); err != nil {
			t.Error(err)
		}
		if i%10 == 0 {
			time.Sleep(time.Millisecond)
		}
	}
	popping.Wait()
	if len(popped) != elements || cancelled == 0 {
		t.Errorf("of %d elements %d were popped, with %d contexts that ended first", elements, len(popped), cancelled)
	}
	for element, times := range popped {
		if times != 1 {
			t.Errorf("element %s was popped %d times", element, times)
		}
	}
}

// watches makes optimistic transactions. A transaction that meets a conflict changes
// nothing, and all transactions use one connection.
func watches(t *testing.T, store driver.Store, server *servertest.Server) {
	t.Helper()
	ctx, key := t.Context(), Key(t, "watched")
	for i := range 20 {
		session := openSession(t, store, key)
		if err := sessionDo(ctx, session, "WATCH", driver.Key(key)); err != nil {
			t.Fatal(err)
		}
		conflict := i%2 == 1
		if conflict {
			if err := Put(t, store, key, "theirs"); err != nil {
				t.Fatal(err)
			}
		}
		set := driver.NewCmd("SET", driver.Key(key), driver.Val([]byte("ours")))
		length := driver.NewCmd("STRLEN", driver.Key(key))
		err := session.Do(ctx, []*driver.Cmd{set, length}, driver.Atomic)
		want := "ours"
		if conflict {
			want = "theirs"
			WantErr(t, err, driver.NotApplied, driver.ErrConflict)
		} else if err != nil || length.Reply.Int != 4 {
			t.Errorf("a transaction: %v, %v", length.Reply, err)
		}
		if got, err := Get(t, store, key); string(got) != want || err != nil {
			t.Errorf("after a transaction the key has %q, %v; want %q", got, err, want)
		}
		if i%4 == 0 { // a transaction that is given up
			if err := errors.Join(sessionDo(ctx, session, "WATCH", driver.Key(key)), sessionDo(ctx, session, "UNWATCH")); err != nil {
				t.Error(err)
			}
		}
		closeSession(t, session)
	}
	session := openSession(t, store, key)
	defer closeSession(t, session)
	sessions := driver.CapsOf(store).Inspector.Inspect().Servers[0].Connections.Exclusive
	if sessions != 1 {
		t.Errorf("Inspect shows %d exclusive connections, want 1", sessions)
	}
	Eventually(t, func() bool { return exclusiveConnections(server, "watch|unwatch|exec|ping") == 1 }, func() string {
		return fmt.Sprintf("transactions, one after the other, have used other connections than one:\n%v", clients(server))
	})
}

// exclusiveConnections counts the connections with the name exclusiveName. A
// connection counts if its last command is one of commands.
func exclusiveConnections(server *servertest.Server, commands string) (count int) {
	for line := range strings.Lines(clients(server)) {
		if !strings.Contains(line, "name="+exclusiveName+" ") {
			continue
		}
		if _, last, _ := strings.Cut(line, " cmd="); slices.Contains(strings.Split(commands, "|"), strings.Fields(last)[0]) {
			count++
		}
	}
	return count
}

// subscribes receives messages of channels and patterns until the connection is
// lost. The session must notice the loss.
func (s *Subject) subscribes(t *testing.T, store driver.Store, server *servertest.Server) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), waitTimeout)
	defer cancel()
	session := openSession(t, store, "")
	if err := errors.Join(
		send(ctx, session, "SUBSCRIBE", driver.Literal("news"), driver.Literal("more")),
		send(ctx, session, "PSUBSCRIBE", driver.Literal("weather.*")),
	); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"subscribe news 1", "subscribe more 2", "psubscribe weather.* 3"} {
		wantMessage(t, ctx, session, want)
	}
	server.Do(t, "PUBLISH", "news", "1")
	server.Do(t, "PUBLISH", "weather.oslo", "2")
	wantMessage(t, ctx, session, "message news 1")
	wantMessage(t, ctx, session, "pmessage weather.* weather.oslo 2")

	// A context that ends loses no message, and the server answers a PING in between.
	for i := range 20 {
		short, cancel := context.WithTimeout(ctx, time.Millisecond)
		if _, err := session.Receive(short); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Receive of nothing: %v", err)
		}
		cancel()
		if err := send(ctx, session, "PING"); err != nil {
			t.Fatal(err)
		}
		in, err := session.Receive(ctx)
		if answer := &in.Reply; err != nil || in.Pushed || answer.Kind == driver.ReplyArray && string(answer.Items[0].Data) != "pong" {
			t.Errorf("PING: %v, %v", in, err)
		}
		server.Do(t, "PUBLISH", "news", strconv.Itoa(i))
		wantMessage(t, ctx, session, "message news "+strconv.Itoa(i))
	}
	if err := send(ctx, session, "UNSUBSCRIBE", driver.Literal("more")); err != nil {
		t.Fatal(err)
	}
	wantMessage(t, ctx, session, "unsubscribe more 2")

	if err := session.Err(); err != nil {
		t.Errorf("before the connection is lost: %v", err)
	}
	server.Do(t, "CLIENT", "KILL", "TYPE", "pubsub")
	_, err := session.Receive(ctx)
	WantErr(t, err, driver.NotApplied, driver.ErrUnavailable)
	WantErr(t, session.Err(), driver.NotApplied, driver.ErrUnavailable)
	WantErr(t, send(ctx, session, "PING"), driver.NotApplied, driver.ErrUnavailable)
}

// wantMessage receives a message. The test fails unless the parts of the message are the words
// of want.
func wantMessage(t testing.TB, ctx context.Context, session driver.Session, want string) {
	t.Helper()
	in, err := session.Receive(ctx)
	if err != nil {
		t.Fatalf("Receive: %v, want %s", err, want)
	}
	var words []string
	for i := range in.Reply.Items {
		item := &in.Reply.Items[i]
		data, err := item.AsBytes()
		if err != nil {
			t.Fatal(err)
		}
		words = append(words, string(data))
	}
	if got := strings.Join(words, " "); got != want || !in.Pushed {
		t.Errorf("received %q, pushed: %v, want %q", got, in.Pushed, want)
	}
}

// runsEveryKind runs the kinds of commands that a Commander runs: scripts of the
// library's own, commands that fail, more commands than a connection takes at once,
// and a transaction that is refused.
func runsEveryKind(t *testing.T, store driver.Store) {
	t.Helper()
	ctx, session := t.Context(), openSession(t, store, "")
	number, list := Key(t, "number"), Key(t, "list")
	for i := range 3 {
		incr := driver.NewCmd(driver.CmdIncrInit, driver.Key(number), driver.Int(1), driver.Int(0), driver.TTLArg(driver.NoExpiry))
		wrong := driver.NewCmd("LPUSH", driver.Key(number), driver.Val(nil))
		if err := session.Do(ctx, []*driver.Cmd{incr, wrong}, driver.Plain); err != nil {
			t.Fatal(err)
		}
		if n, err := incr.Reply.AsInt(); n != int64(i+1) || err != nil || incr.Err != nil {
			t.Errorf("a script: %v, %v, %v", n, err, incr.Err)
		}
		WantErr(t, wrong.Err, driver.NotApplied, driver.ErrWrongType)
	}
	var many []*driver.Cmd
	for range 2000 {
		many = append(many, driver.NewCmd("RPUSH", driver.Key(list), driver.Val(make([]byte, 1000))))
	}
	many = append(many, driver.NewCmd("LRANGE", driver.Key(list), driver.Int(0), driver.Int(-1)))
	for _, how := range []driver.How{driver.Plain, driver.Atomic} {
		if err := session.Do(ctx, many, how); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(many[len(many)-1].Reply.Items); n != 4000 {
		t.Errorf("the list has %d elements, want 4000", n)
	}
	refused := []*driver.Cmd{driver.NewCmd("SET", driver.Key(number), driver.Val(nil)), driver.NewCmd("GET")}
	WantErr(t, session.Do(ctx, refused, driver.Atomic), driver.NotApplied, driver.ErrSyntax)
	if err := sessionDo(ctx, session, "PING"); err != nil {
		t.Errorf("after a transaction that was refused: %v", err)
	}
}

// keepsMessages runs commands while messages of RESP3 arrive. The session must lose no
// message.
func keepsMessages(t *testing.T, store driver.Store, server *servertest.Server) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), waitTimeout)
	defer cancel()
	session, key := openSession(t, store, ""), Key(t, "tracked")
	if err := errors.Join(sessionDo(ctx, session, "CLIENT", driver.Literal("TRACKING"), driver.Literal("ON"), driver.Literal("BCAST")), sessionDo(ctx, session, "PING")); err != nil {
		t.Fatal(err)
	}
	const times = 10
	for range times {
		server.Do(t, "SET", key, "v")
		if err := sessionDo(ctx, session, "PING"); err != nil {
			t.Fatal(err)
		}
	}
	for range times {
		in, err := session.Receive(ctx)
		if err != nil || !in.Pushed || string(in.Reply.Items[0].Data) != "invalidate" || string(in.Reply.Items[1].Items[0].Data) != key {
			t.Fatalf("received %v, %v; want the invalidation of a key", in, err)
		}
	}
}

// isBounded has more callers than exclusive_size, which is 2. The callers wait for
// their turn. A call without a session waits for no session, though such calls have
// only one connection.
func isBounded(t *testing.T, store driver.Store) {
	t.Helper()
	exclusive := driver.CapsOf(store).Exclusive
	first := openSession(t, store, "")
	second := openSession(t, store, "")
	for _, session := range []driver.Session{first, second} {
		if err := send(t.Context(), session, "BLPOP", driver.Key(Key(t, "none")), driver.Int(0)); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	WantPrompt(t, "Exclusive", ctx, func() error {
		_, err := exclusive.Exclusive(ctx, "")
		if err != nil && !strings.Contains(err.Error(), "exclusive_size") {
			t.Errorf("%v: does not name exclusive_size", err)
		}
		WantErr(t, err, driver.NotApplied)
		return err
	}, context.DeadlineExceeded)
	if err := driver.CapsOf(store).Pinger.Ping(t.Context()); err != nil {
		t.Errorf("a call beside sessions: %v", err)
	}
	waiting := make(chan error)
	go func() {
		session, err := exclusive.Exclusive(t.Context(), "")
		if err == nil {
			err = errors.Join(sessionDo(t.Context(), session, "PING"), session.Close())
		}
		waiting <- err
	}()
	time.Sleep(10 * time.Millisecond)
	closeSession(t, first)
	if err := <-waiting; err != nil {
		t.Errorf("a caller that has waited for a session: %v", err)
	}
}

// leavesNothingBehind closes sessions in every state. The next caller must get a
// session without traces of the state.
func leavesNothingBehind(t *testing.T, store driver.Store, server *servertest.Server) {
	t.Helper()
	ctx, key := t.Context(), Key(t, "k")
	id := func(session driver.Session) int64 { // after CLIENT ID, nobody may use the connection again
		cmd := driver.NewCustomCmd("CLIENT", driver.Literal("ID"))
		if err := session.Do(ctx, []*driver.Cmd{cmd}, driver.Plain); err != nil {
			t.Fatal(err)
		}
		return cmd.Reply.Int
	}
	for _, one := range []struct {
		state string
		enter func(driver.Session) error
		kept  bool
	}{
		{"nothing", func(driver.Session) error { return nil }, true},
		{"PING", func(s driver.Session) error { return sessionDo(ctx, s, "PING") }, true},
		{"a refusal", func(s driver.Session) error {
			err := sessionDo(ctx, s, "SET", driver.Key(key), driver.Val(nil))
			WantErr(t, sessionDo(ctx, s, "LPUSH", driver.Key(key), driver.Val(nil)), driver.NotApplied, driver.ErrWrongType)
			return err
		}, true},
		{"a pop that ended", func(s driver.Session) error {
			err := send(ctx, s, "BLPOP", driver.Key(Key(t, "none")), driver.Float(popSlice))
			_, receiveErr := s.Receive(ctx)
			return errors.Join(err, receiveErr)
		}, true},
		{"UNWATCH", func(s driver.Session) error {
			return errors.Join(sessionDo(ctx, s, "WATCH", driver.Key(key)), sessionDo(ctx, s, "UNWATCH"))
		}, true},
		{"WATCH", func(s driver.Session) error { return sessionDo(ctx, s, "WATCH", driver.Key(key)) }, false},
		{"WATCH behind UNWATCH", func(s driver.Session) error {
			return s.Do(ctx, []*driver.Cmd{driver.NewCustomCmd("UNWATCH"), driver.NewCustomCmd("WATCH", driver.Key(key))}, driver.Plain)
		}, false},
		{"a pop that waits", func(s driver.Session) error {
			return send(ctx, s, "BLPOP", driver.Key(Key(t, "none")), driver.Int(0))
		}, false},
		{"a reply that was not received", func(s driver.Session) error { return send(ctx, s, "PING") }, false},
		{"SELECT", func(s driver.Session) error { return sessionDo(ctx, s, "SELECT", driver.Int(1)) }, false},
		{"SUBSCRIBE", func(s driver.Session) error {
			err := send(ctx, s, "SUBSCRIBE", driver.Literal("c"))
			_, receiveErr := s.Receive(ctx)
			return errors.Join(err, receiveErr)
		}, false},
		{"UNSUBSCRIBE", func(s driver.Session) error {
			err := errors.Join(send(ctx, s, "SUBSCRIBE", driver.Literal("c")), send(ctx, s, "UNSUBSCRIBE"))
			_, firstErr := s.Receive(ctx)
			_, secondErr := s.Receive(ctx)
			return errors.Join(err, firstErr, secondErr)
		}, false},
		{"a call that was left", func(s driver.Session) error {
			leaving, leave := context.WithCancel(ctx)
			defer leave()
			left := make(chan error, 1)
			go func() { left <- sessionDo(leaving, s, "BLPOP", driver.Key(Key(t, "none")), driver.Int(0)) }()
			awaitBlocked(t, 1, server)
			leave()
			WantErr(t, <-left, driver.Unknown, context.Canceled)
			WantErr(t, s.Err(), driver.NotApplied, driver.ErrUnavailable)
			return nil
		}, false},
	} {
		t.Run(one.state, func(t *testing.T) {
			before := maxClientID(t, server)
			session := openSession(t, store, "")
			if err := one.enter(session); err != nil {
				t.Fatal(err)
			}
			closeSession(t, session)
			closeSession(t, session)
			want := driver.ErrClosed
			if one.state == "a call that was left" {
				want = driver.ErrUnavailable
			}
			WantErr(t, sessionDo(ctx, session, "PING"), driver.NotApplied, want)
			if !one.kept {
				Eventually(t, func() bool { return !strings.Contains(clients(server), "name="+exclusiveName) }, func() string {
					return "the connection is still there:\n" + clients(server)
				})
			}
			between := maxClientID(t, server)
			next := openSession(t, store, "")
			got := id(next)
			if kept := before < got && got < between; kept != one.kept {
				t.Errorf("the next caller has got the same connection: %v, want %v", kept, one.kept)
			}
			closeSession(t, next)
		})
	}
}

// maxClientID returns the ID of a new connection, which is higher than all other IDs.
func maxClientID(t testing.TB, server *servertest.Server) int64 {
	t.Helper()
	conn := server.Dial(t)
	defer conn.Close()
	return conn.Do(t, "CLIENT", "ID").(int64)
}

// refusesMisuse makes calls that are wrong. The session must send nothing, and must
// work afterwards.
func refusesMisuse(t *testing.T, store driver.Store) {
	t.Helper()
	ctx, session, key := t.Context(), openSession(t, store, ""), Key(t, "k")
	for _, name := range []string{"MULTI", "exec", "DISCARD", "SUBSCRIBE", "punsubscribe"} {
		WantErr(t, sessionDo(ctx, session, name), driver.NotApplied, driver.ErrSyntax)
	}
	WantErr(t, send(ctx, session, "MULTI"), driver.NotApplied, driver.ErrSyntax)
	own := driver.NewCmd(driver.CmdIncr, driver.Key(key), driver.Int(1))
	WantErr(t, session.Send(ctx, []*driver.Cmd{own}), driver.NotApplied, driver.ErrSyntax)
	WantErr(t, session.Send(ctx, []*driver.Cmd{driver.NewCmd("NOSUCH")}), driver.NotApplied, errors.ErrUnsupported)

	ended, cancel := context.WithCancel(ctx)
	cancel()
	_, err := session.Receive(ended)
	_, exclusiveErr := driver.CapsOf(store).Exclusive.Exclusive(ended, key)
	for _, err := range []error{err, exclusiveErr, sessionDo(ended, session, "INCR", driver.Key(key)), send(ended, session, "INCR", driver.Key(key))} {
		WantErr(t, err, driver.NotApplied, context.Canceled)
	}

	if err := send(ctx, session, "BLPOP", driver.Key(Key(t, "none")), driver.Float(0.1)); err != nil {
		t.Fatal(err)
	}
	WantErr(t, sessionDo(ctx, session, "PING"), driver.NotApplied, driver.ErrSyntax)
	received := make(chan error)
	go func() {
		_, err := session.Receive(ctx)
		received <- err
	}()
	if err := <-received; err != nil {
		t.Error(err)
	}
	if err := errors.Join(session.Do(ctx, nil, driver.Plain), session.Send(ctx, nil), sessionDo(ctx, session, "INCR", driver.Key(key))); err != nil {
		t.Error(err)
	}
	if got, err := Get(t, store, key); string(got) != "1" || err != nil {
		t.Errorf("the key has %q, %v; want 1", got, err)
	}
}

// endsBlocked runs the function end while sessions wait in calls at a server, which has
// the keys of the test. The waiting calls, and later calls, must return soon with want.
func endsBlocked(t *testing.T, store driver.Store, server *servertest.Server, want error, end func()) {
	t.Helper()
	awaitBlocked(t, 0, server) // sessions of earlier tests have ended
	exclusive, key := driver.CapsOf(store).Exclusive, Key(t, "none")
	var sessions []driver.Session
	for range 3 {
		session, err := exclusive.Exclusive(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		defer closeSession(t, session)
		sessions = append(sessions, session)
	}
	if err := errors.Join(send(t.Context(), sessions[0], "BLPOP", driver.Key(key), driver.Int(0)), send(t.Context(), sessions[2], "SUBSCRIBE", driver.Literal("c"))); err != nil {
		t.Fatal(err)
	}
	wantMessage(t, t.Context(), sessions[2], "subscribe c 1")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	failures := make([]chan error, 3)
	for i, call := range []func() error{
		func() error { _, err := sessions[0].Receive(ctx); return err },
		func() error { return sessionDo(ctx, sessions[1], "BLPOP", driver.Key(key), driver.Int(0)) },
		func() error { _, err := sessions[2].Receive(ctx); return err },
	} {
		failures[i] = make(chan error, 1)
		go func() { failures[i] <- call() }()
	}
	awaitBlocked(t, 2, server)
	stopwatch.Rest(50 * time.Millisecond) // the calls of Receive wait by now, too
	watch := stopwatch.Start()
	end()
	for i, failed := range failures {
		outcome := driver.Unknown
		if i == 2 { // a subscription changes nothing
			outcome = driver.NotApplied
		}
		WantErr(t, <-failed, outcome, want)
		WantErr(t, sessions[i].Err(), driver.NotApplied, want)
		WantErr(t, sessionDo(ctx, sessions[i], "PING"), driver.NotApplied, want)
	}
	if took := watch.Stop(); took > waitTimeout/2 {
		t.Errorf("the calls returned after %v", took)
	}
	if want == driver.ErrClosed { //nolint:errorlint // the sentinel itself
		_, err := exclusive.Exclusive(ctx, key)
		WantErr(t, err, driver.NotApplied, driver.ErrClosed)
	}
}

// meetsSilence freezes a server under calls of sessions. The calls must end with their
// contexts, and a subscription must go on when the server does.
func meetsSilence(t *testing.T, store driver.Store, server *servertest.Server) {
	t.Helper()
	key := Key(t, "k")
	receiving, doing := openSession(t, store, ""), openSession(t, store, "")
	if err := send(t.Context(), receiving, "SUBSCRIBE", driver.Literal("c")); err != nil {
		t.Fatal(err)
	}
	wantMessage(t, t.Context(), receiving, "subscribe c 1")
	server.Freeze(t)
	within := func() (context.Context, context.CancelFunc) {
		return context.WithTimeout(t.Context(), 50*time.Millisecond)
	}
	ctx, cancel := within()
	defer cancel()
	WantPrompt(t, "Receive", ctx, func() error { _, err := receiving.Receive(ctx); return err }, context.DeadlineExceeded)
	ctx, cancel = context.WithTimeout(t.Context(), 6*time.Second) // the command is written by then, on a busy machine too
	defer cancel()
	WantPrompt(t, "Do", ctx, func() error {
		err := sessionDo(ctx, doing, "INCR", driver.Key(key))
		WantErr(t, err, driver.Unknown)
		return err
	}, context.DeadlineExceeded)
	WantErr(t, doing.Err(), driver.NotApplied, driver.ErrUnavailable)
	ctx, cancel = within()
	defer cancel()
	WantPrompt(t, "Exclusive", ctx, func() error {
		_, err := driver.CapsOf(store).Exclusive.Exclusive(ctx, "")
		WantErr(t, err, driver.NotApplied)
		return err
	}, context.DeadlineExceeded)
	server.Thaw(t)
	server.Do(t, "PUBLISH", "c", "m")
	wantMessage(t, t.Context(), receiving, "message c m")
}
