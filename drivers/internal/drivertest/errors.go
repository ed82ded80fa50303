package drivertest

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/internal/servertest"
)

// Errors tests which error and which outcome a caller gets for each error of a
// server. The test fails if an error or outcome is wrong, if a refused call has
// changed something, or if a text does not say what to do.
func (s *Subject) Errors(t *testing.T) {
	s.Standalone(t).Do(t, "FLUSHALL") // so that the tests can be repeated
	t.Run("wrong type changes nothing", s.wrongTypeChangesNothing)
	t.Run("overflow", s.overflow)
	t.Run("read-only server", s.readOnlyServer)
	t.Run("read-only for a moment is retried", s.readOnlyForAMomentIsRetried)
	t.Run("out of memory", s.outOfMemory)
	t.Run("loading server", s.loadingServer)
	t.Run("authentication", s.authentication)
	t.Run("password for a server without one", s.passwordForAServerWithoutOne)
	t.Run("value over the server's limit", s.valueOverTheServersLimit)
	t.Run("error reply before a hang-up is no outcome of others", s.errorReplyBeforeAHangUpIsNoOutcomeOfOthers)
	t.Run("too many clients", s.tooManyClients)
	t.Run("unknown command of the server", s.unknownCommandOfTheServer)
	t.Run("native errors are reachable", s.nativeErrorsAreReachable)
	t.Run("texts say what to do", s.textsSayWhatToDo)
	t.Run("replies of a wrong shape", s.repliesOfAWrongShape)
	t.Run("everything transient has a text of its own", s.everythingTransientHasATextOfItsOwn)
}

func (s *Subject) wrongTypeChangesNothing(t *testing.T) {
	store := s.open(t, s.Scheme+"://"+s.Standalone(t).Addr)
	list, text := Key(t, "list"), Key(t, "text")
	if err := Do(t.Context(), store, "RPUSH", driver.Key(list), driver.Val([]byte("v"))); err != nil {
		t.Fatal(err)
	}
	if err := Put(t, store, text, "text"); err != nil {
		t.Fatal(err)
	}
	entry := &driver.Entry{Key: list, Value: []byte("v"), TTL: time.Minute}
	for name, call := range map[string]func() error{
		"Get":                func() error { _, err := Get(t, store, list); return err },
		"Incr of a list":     func() error { _, err := store.Incr(t.Context(), list, 1); return err },
		"Incr of a text":     func() error { _, err := store.Incr(t.Context(), text, 1); return err },
		"IncrInit of a list": func() error { _, err := store.IncrInit(t.Context(), list, 1, 1, time.Minute); return err },
		"IncrInit of a text": func() error { _, err := store.IncrInit(t.Context(), text, 1, 1, time.Minute); return err },
		"Swap":               func() error { return store.Swap(t.Context(), entry, &driver.Value{}) },
		"CompareAndSwap":     func() error { _, err := store.CompareAndSwap(t.Context(), entry, []byte("v")); return err },
		"CompareAndDelete":   func() error { _, err := store.CompareAndDelete(t.Context(), list, []byte("v")); return err },
		"LPUSH":              func() error { return Do(t.Context(), store, "LPUSH", driver.Key(text), driver.Val([]byte("v"))) },
		"GetTTL": func() error {
			v := make([]driver.Value, 1)
			return errors.Join(store.GetTTL(t.Context(), []string{list}, v), v[0].Err)
		},
		"a script in a batch": func() error { return doTwo(t, store, driver.CmdIncr, driver.Key(list), driver.Int(1)) },
	} {
		t.Run(name, func(t *testing.T) { WantErr(t, call(), driver.NotApplied, driver.ErrWrongType) })
	}
	server := s.Standalone(t)
	if n := server.Do(t, "LLEN", list); n != int64(1) {
		t.Errorf("the list has %v elements", n)
	}
	if got := server.Do(t, "GET", text); got != "text" {
		t.Errorf("the text is %v", got)
	}
}

// doTwo runs a command in a batch with another one.
func doTwo(t testing.TB, store driver.Commander, name string, args ...driver.Arg) error {
	t.Helper()
	cmds := []*driver.Cmd{driver.NewCmd("PING"), driver.NewCmd(name, args...)}
	if err := store.Do(t.Context(), cmds, driver.Plain); err != nil {
		return err
	}
	return cmds[1].Err
}

func (s *Subject) overflow(t *testing.T) {
	store := s.open(t, s.Scheme+"://"+s.Standalone(t).Addr)
	const most, least = 1<<63 - 1, -1 << 63
	for _, tt := range []struct{ init, delta, next int64 }{{most - 1, 1, 1}, {least + 1, -1, -1}} {
		k := Key(t, fmt.Sprint(tt.init))
		if got, err := store.IncrInit(t.Context(), k, tt.delta, tt.init, time.Minute); got != tt.init+tt.delta || err != nil {
			t.Errorf("IncrInit: %d, %v", got, err)
		}
		_, err := store.Incr(t.Context(), k, tt.next)
		WantErr(t, err, driver.NotApplied, driver.ErrOverflow)
		if got, err := Get(t, store, k); string(got) != fmt.Sprint(tt.init+tt.delta) {
			t.Errorf("after the overflow: %s, %v", got, err)
		}
		_, err = store.IncrInit(t.Context(), k+":new", tt.next, tt.init+tt.delta, time.Minute)
		WantErr(t, err, driver.NotApplied, driver.ErrOverflow)
		if _, err := Get(t, store, k+":new"); !errors.Is(err, driver.ErrNotFound) {
			t.Errorf("an overflow has left a key: %v", err)
		}
	}
}

func (s *Subject) readOnlyServer(t *testing.T) {
	server := s.StartServer(t)
	server.Do(t, "REPLICAOF", "127.0.0.1", "1")
	store := s.open(t, s.Scheme+"://"+server.Addr)
	for _, w := range Writes() {
		WantErr(t, w.Run(t.Context(), store, "k"), driver.NotApplied, driver.ErrReadOnly)
	}
	if _, err := Get(t, store, "k"); !errors.Is(err, driver.ErrNotFound) {
		t.Errorf("a read: %v", err)
	}
	time.AfterFunc(20*time.Millisecond, func() { _, _ = server.Try("REPLICAOF", "NO", "ONE") })
	Eventually(t, func() bool { return Put(t, store, "k", "v") == nil }, func() string { return "writes are refused after the failover" })
}

func (s *Subject) readOnlyForAMomentIsRetried(t *testing.T) {
	server := s.StartServer(t)
	store := s.open(t, s.Scheme+"://"+server.Addr)
	server.Do(t, "REPLICAOF", "127.0.0.1", "1")
	time.AfterFunc(5*time.Millisecond, func() { _, _ = server.Try("REPLICAOF", "NO", "ONE") })
	if err := Put(t, store, "k", "v"); err != nil {
		t.Skipf("the machine was too slow: %v", err)
	}
}

func (s *Subject) outOfMemory(t *testing.T) {
	server := s.StartServer(t, servertest.Config("maxmemory", "1"), servertest.Config("maxmemory-policy", "noeviction"))
	store := s.open(t, s.Scheme+"://"+server.Addr)
	for _, w := range Writes() {
		WantErr(t, w.Run(t.Context(), store, "k"), driver.NotApplied, driver.ErrOutOfMemory)
	}
	entries := []driver.Entry{{Key: "a", TTL: time.Minute}, {Key: "b", TTL: 0}}
	if err := store.Set(t.Context(), entries); err != nil {
		t.Fatal(err)
	}
	WantErr(t, entries[0].Err, driver.NotApplied, driver.ErrOutOfMemory)
	if entries[1].Err != nil {
		t.Errorf("deleting: %v", entries[1].Err)
	}
}

func (s *Subject) loadingServer(t *testing.T) {
	server := s.StartServer(t, servertest.Config("key-load-delay", "1000"), servertest.Config("loading-process-events-interval-bytes", "1024"), servertest.Config("enable-debug-command", "yes"))
	server.Do(t, "DEBUG", "POPULATE", "3000", "key", "1000")
	store := s.open(t, s.Scheme+"://"+server.Addr)
	go func() { _, _ = server.Try("DEBUG", "RELOAD") }()
	var loading error
	Eventually(t, func() bool { loading = Put(t, store, "k", "v"); return loading != nil }, func() string { return "the server does not load" })
	WantErr(t, loading, driver.NotApplied, driver.ErrUnavailable)
	if !strings.Contains(loading.Error(), "LOADING") {
		t.Errorf("got %v", loading)
	}
	WantErr(t, store.Do(t.Context(), []*driver.Cmd{driver.NewCmd("INCRBY", driver.Key("n"), driver.Int(1))}, driver.Atomic), driver.NotApplied, driver.ErrUnavailable)
	server.Do(t, "CONFIG", "SET", "key-load-delay", "0")
	Eventually(t, func() bool { return Put(t, store, "k", "v") == nil }, func() string { return "the server stays unavailable" })
	if got := server.Do(t, "GET", "n"); got != nil {
		t.Errorf("a transaction that was refused has run: %v", got)
	}
}

func (s *Subject) authentication(t *testing.T) {
	server := s.StartServer(t, servertest.Password("secret"), servertest.User("ann", "hers", "~ann:*", "+@all", "-flushdb"))
	for _, tt := range []struct {
		login, key string
		kind       error
	}{
		{":secret@", "any", nil},
		{"default:secret@", "any", nil},
		{"ann:hers@", "ann:k", nil},
		{"", "any", driver.ErrAuth},
		{":wrong@", "any", driver.ErrAuth},
		{"ann:secret@", "ann:k", driver.ErrAuth},
		{"bob:hers@", "any", driver.ErrAuth},
		{"ann:hers@", "bob:k", driver.ErrAuth},
	} {
		for _, protocol := range []string{"2", "3"} {
			store := s.open(t, s.Scheme+"://"+tt.login+server.Addr+"?protocol="+protocol)
			err := Put(t, store, tt.key, "v")
			if tt.kind == nil && err != nil {
				t.Errorf("%s: %v", tt.login, err)
			} else if tt.kind != nil {
				WantErr(t, err, driver.NotApplied, tt.kind)
			}
		}
	}
	WantErr(t, s.open(t, s.Scheme+"://ann:hers@"+server.Addr).Flush(t.Context()), driver.NotApplied, driver.ErrAuth)
	store := s.open(t, s.Scheme+"://"+s.Standalone(t).Addr)
	if err := Put(t, store, Key(t, "k"), "v"); err != nil {
		t.Errorf("without a password: %v", err)
	}
}

func (s *Subject) passwordForAServerWithoutOne(t *testing.T) {
	WantErr(t, Put(t, s.open(t, s.Scheme+"://ann:secret@"+s.Standalone(t).Addr), Key(t, "k"), "v"), driver.NotApplied, driver.ErrAuth)
}

// The server reads only the length of such a value, answers that the value is
// too large, and hangs up on a client that is still writing. The answer may be
// lost, because the TCP reset after the answer can overtake the answer. At most
// half of the answers may be lost.
func (s *Subject) valueOverTheServersLimit(t *testing.T) {
	server := s.StartServer(t, servertest.Config("proto-max-bulk-len", "1mb"))
	store := s.open(t, s.Scheme+"://"+server.Addr)
	refused, overtaken := 0, 0
	check := func(err error) {
		t.Helper()
		refused++
		if errors.Is(err, driver.ErrUnknownOutcome) {
			WantErr(t, err, driver.Unknown, driver.ErrUnavailable)
			overtaken++
			return
		}
		WantErr(t, err, driver.NotApplied, driver.ErrTooLarge)
	}
	for _, size := range []int{1<<20 + 1, 4 << 20, 32 << 20} {
		large := strings.Repeat("x", size)
		check(Put(t, store, "k", large))
		entries := []driver.Entry{{Key: "k", Value: []byte(large), TTL: time.Minute}, {Key: "l", TTL: time.Minute}}
		check(cmp.Or(store.Set(t.Context(), entries), entries[0].Err))
		if err := Put(t, store, "small", "v"); err != nil {
			t.Errorf("after it: %v", err)
		}
	}
	if overtaken > refused/2 {
		t.Errorf("what the server said was lost %d times of %d", overtaken, refused)
	}
	if n := server.Do(t, "EXISTS", "k", "l"); n != int64(0) {
		t.Errorf("%v keys were written", n)
	}
}

// The server answers the first command with an error, runs the second, and hangs
// up over the third. The error of the first command says nothing about the other
// commands.
func (s *Subject) errorReplyBeforeAHangUpIsNoOutcomeOfOthers(t *testing.T) {
	server := s.StartServer(t, servertest.Config("proto-max-bulk-len", "1mb"))
	store := s.open(t, s.Scheme+"://"+server.Addr)
	server.Do(t, "SET", "text", "v")
	cmds := []*driver.Cmd{
		driver.NewCmd("LPUSH", driver.Key("text"), driver.Val([]byte("v"))),
		driver.NewCmd("SET", driver.Key("applied"), driver.Val([]byte("v"))),
		driver.NewCmd("SET", driver.Key("large"), driver.Val(make([]byte, 32<<20))),
	}
	callErr := store.Do(t.Context(), cmds, driver.Plain)
	if n := server.Do(t, "EXISTS", "applied"); n != int64(1) {
		t.Fatal("the server did not run the second command")
	}
	if callErr == nil {
		callErr = cmds[1].Err
	}
	if callErr != nil && !errors.Is(callErr, driver.ErrUnknownOutcome) {
		t.Errorf("a command that was run failed with %v, which says that it was not", callErr)
	}
}

func (s *Subject) tooManyClients(t *testing.T) {
	server := s.StartServer(t, servertest.Config("maxclients", "1"))
	conn, err := server.Try("PING")
	if err != nil {
		t.Fatal(conn, err)
	}
	first := s.open(t, s.Scheme+"://"+server.Addr)
	Eventually(t, func() bool { return Put(t, first, "k", "v") == nil }, func() string { return "no connection for the first store" })
	WantErr(t, Put(t, s.open(t, s.Scheme+"://"+server.Addr), "k", "v"), driver.NotApplied, driver.ErrUnavailable)
}

func (s *Subject) unknownCommandOfTheServer(t *testing.T) {
	server := s.StartServer(t, servertest.Config("rename-command", "UNLINK", ""))
	_, err := s.open(t, s.Scheme+"://"+server.Addr).Delete(t.Context(), []string{"a-key-nobody-may-see"})
	WantErr(t, err, driver.NotApplied, errors.ErrUnsupported)
	if strings.Contains(fmt.Sprintf("%+v", err), "nobody") {
		t.Errorf("the error shows the key: %v", err)
	}
}

func (s *Subject) nativeErrorsAreReachable(t *testing.T) {
	store := s.open(t, s.Scheme+"://"+s.Standalone(t).Addr)
	k := Key(t, "list")
	if err := Do(t.Context(), store, "RPUSH", driver.Key(k), driver.Val([]byte("v"))); err != nil {
		t.Fatal(err)
	}
	_, err := Get(t, store, k)
	_, incrErr := store.Incr(t.Context(), k, 1)
	for _, err := range []error{err, incrErr} {
		if native := s.ServerError(err); native == nil || !strings.HasPrefix(native.Error(), "WRONGTYPE") {
			t.Errorf("got %v", err)
		}
		if _, ok := errors.AsType[*driver.Error](err); !ok {
			t.Errorf("got a %T", err)
		}
	}
}

func (s *Subject) everythingTransientHasATextOfItsOwn(t *testing.T) {
	_, err := Get(t, s.open(t, s.Scheme+"://"+RefusingAddr(t)), "k")
	if text := err.Error(); !strings.HasPrefix(text, "xcache: server unavailable: ") || !strings.Contains(text, "refused") || strings.Count(text, "xcache:") != 1 {
		t.Errorf("got %q", text)
	}
}
