package redis_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/internal/servertest"
)

func TestWrongTypeChangesNothing(t *testing.T) {
	s := open(t, "redis://"+standalone.Server(t).Addr)
	list, text := key(t, "list"), key(t, "text")
	if err := do(t.Context(), s, "RPUSH", driver.Key(list), driver.Val([]byte("v"))); err != nil {
		t.Fatal(err)
	}
	if err := put(t, s, text, "text"); err != nil {
		t.Fatal(err)
	}
	entry := &driver.Entry{Key: list, Value: []byte("v"), TTL: time.Minute}
	for name, call := range map[string]func() error{
		"Get":                func() error { _, err := get(t, s, list); return err },
		"Incr of a list":     func() error { _, err := s.Incr(t.Context(), list, 1); return err },
		"Incr of a text":     func() error { _, err := s.Incr(t.Context(), text, 1); return err },
		"IncrInit of a list": func() error { _, err := s.IncrInit(t.Context(), list, 1, 1, time.Minute); return err },
		"IncrInit of a text": func() error { _, err := s.IncrInit(t.Context(), text, 1, 1, time.Minute); return err },
		"Swap":               func() error { return s.Swap(t.Context(), entry, &driver.Value{}) },
		"CompareAndSwap":     func() error { _, err := s.CompareAndSwap(t.Context(), entry, []byte("v")); return err },
		"CompareAndDelete":   func() error { _, err := s.CompareAndDelete(t.Context(), list, []byte("v")); return err },
		"LPUSH":              func() error { return do(t.Context(), s, "LPUSH", driver.Key(text), driver.Val([]byte("v"))) },
		"GetTTL": func() error {
			v := make([]driver.Value, 1)
			return errors.Join(s.GetTTL(t.Context(), []string{list}, v), v[0].Err)
		},
		"a script in a batch": func() error { return doTwo(t, s, driver.CmdIncr, driver.Key(list), driver.Int(1)) },
	} {
		t.Run(name, func(t *testing.T) { wantErr(t, call(), driver.NotApplied, driver.ErrWrongType) })
	}
	server := standalone.Server(t)
	if n := server.Do(t, "LLEN", list); n != int64(1) {
		t.Errorf("the list has %v elements", n)
	}
	if got := server.Do(t, "GET", text); got != "text" {
		t.Errorf("the text is %v", got)
	}
}

// doTwo runs a command in a batch with another one.
func doTwo(t testing.TB, s driver.Commander, name string, args ...driver.Arg) error {
	t.Helper()
	cmds := []*driver.Cmd{driver.NewCmd("PING"), driver.NewCmd(name, args...)}
	if err := s.Do(t.Context(), cmds, driver.Plain); err != nil {
		return err
	}
	return cmds[1].Err
}

func TestOverflow(t *testing.T) {
	s := open(t, "redis://"+standalone.Server(t).Addr)
	const most, least = 1<<63 - 1, -1 << 63
	for _, tt := range []struct{ init, delta, next int64 }{{most - 1, 1, 1}, {least + 1, -1, -1}} {
		k := key(t, fmt.Sprint(tt.init))
		if got, err := s.IncrInit(t.Context(), k, tt.delta, tt.init, time.Minute); got != tt.init+tt.delta || err != nil {
			t.Errorf("IncrInit: %d, %v", got, err)
		}
		_, err := s.Incr(t.Context(), k, tt.next)
		wantErr(t, err, driver.NotApplied, driver.ErrOverflow)
		if got, err := get(t, s, k); string(got) != fmt.Sprint(tt.init+tt.delta) {
			t.Errorf("after the overflow: %s, %v", got, err)
		}
		_, err = s.IncrInit(t.Context(), k+":new", tt.next, tt.init+tt.delta, time.Minute)
		wantErr(t, err, driver.NotApplied, driver.ErrOverflow)
		if _, err := get(t, s, k+":new"); !errors.Is(err, driver.ErrNotFound) {
			t.Errorf("an overflow has left a key: %v", err)
		}
	}
}

func TestReadOnlyServer(t *testing.T) {
	server := servertest.Redis(t)
	server.Do(t, "REPLICAOF", "127.0.0.1", "1")
	s := open(t, "redis://"+server.Addr)
	for _, w := range writes {
		wantErr(t, w.run(t.Context(), s, "k"), driver.NotApplied, driver.ErrReadOnly)
	}
	if _, err := get(t, s, "k"); !errors.Is(err, driver.ErrNotFound) {
		t.Errorf("a read: %v", err)
	}
	time.AfterFunc(20*time.Millisecond, func() { _, _ = server.Try("REPLICAOF", "NO", "ONE") })
	eventually(t, func() bool { return put(t, s, "k", "v") == nil }, func() string { return "writes are refused after the failover" })
}

func TestReadOnlyForAMomentIsRetried(t *testing.T) {
	server := servertest.Redis(t)
	s := open(t, "redis://"+server.Addr)
	server.Do(t, "REPLICAOF", "127.0.0.1", "1")
	time.AfterFunc(5*time.Millisecond, func() { _, _ = server.Try("REPLICAOF", "NO", "ONE") })
	if err := put(t, s, "k", "v"); err != nil {
		t.Skipf("the machine was too slow: %v", err)
	}
}

func TestOutOfMemory(t *testing.T) {
	server := servertest.Redis(t, servertest.Config("maxmemory", "1"), servertest.Config("maxmemory-policy", "noeviction"))
	s := open(t, "redis://"+server.Addr)
	for _, w := range writes {
		wantErr(t, w.run(t.Context(), s, "k"), driver.NotApplied, driver.ErrOutOfMemory)
	}
	entries := []driver.Entry{{Key: "a", TTL: time.Minute}, {Key: "b", TTL: 0}}
	if err := s.Set(t.Context(), entries); err != nil {
		t.Fatal(err)
	}
	wantErr(t, entries[0].Err, driver.NotApplied, driver.ErrOutOfMemory)
	if entries[1].Err != nil {
		t.Errorf("deleting: %v", entries[1].Err)
	}
}

func TestLoadingServer(t *testing.T) {
	server := servertest.Redis(t, servertest.Config("key-load-delay", "1000"), servertest.Config("loading-process-events-interval-bytes", "1024"), servertest.Config("enable-debug-command", "yes"))
	server.Do(t, "DEBUG", "POPULATE", "3000", "key", "1000")
	s := open(t, "redis://"+server.Addr)
	go func() { _, _ = server.Try("DEBUG", "RELOAD") }()
	var loading error
	eventually(t, func() bool { loading = put(t, s, "k", "v"); return loading != nil }, func() string { return "the server does not load" })
	wantErr(t, loading, driver.NotApplied, driver.ErrUnavailable)
	if !strings.Contains(loading.Error(), "LOADING") {
		t.Errorf("got %v", loading)
	}
	wantErr(t, s.Do(t.Context(), []*driver.Cmd{driver.NewCmd("INCRBY", driver.Key("n"), driver.Int(1))}, driver.Atomic), driver.NotApplied, driver.ErrUnavailable)
	server.Do(t, "CONFIG", "SET", "key-load-delay", "0")
	eventually(t, func() bool { return put(t, s, "k", "v") == nil }, func() string { return "the server stays unavailable" })
	if got := server.Do(t, "GET", "n"); got != nil {
		t.Errorf("a transaction that was refused has run: %v", got)
	}
}

func TestAuthentication(t *testing.T) {
	server := servertest.Redis(t, servertest.Password("secret"), servertest.User("ann", "hers", "~ann:*", "+@all", "-flushdb"))
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
			s := open(t, "redis://"+tt.login+server.Addr+"?protocol="+protocol)
			err := put(t, s, tt.key, "v")
			if tt.kind == nil && err != nil {
				t.Errorf("%s: %v", tt.login, err)
			} else if tt.kind != nil {
				wantErr(t, err, driver.NotApplied, tt.kind)
			}
		}
	}
	wantErr(t, open(t, "redis://ann:hers@"+server.Addr).Flush(t.Context()), driver.NotApplied, driver.ErrAuth)
	s := open(t, "redis://"+standalone.Server(t).Addr)
	if err := put(t, s, key(t, "k"), "v"); err != nil {
		t.Errorf("without a password: %v", err)
	}
}

func TestPasswordForAServerWithoutOne(t *testing.T) {
	wantErr(t, put(t, open(t, "redis://ann:secret@"+standalone.Server(t).Addr), key(t, "k"), "v"), driver.NotApplied, driver.ErrAuth)
}

func TestValueOverTheServersLimit(t *testing.T) {
	server := servertest.Redis(t, servertest.Config("proto-max-bulk-len", "1mb"))
	s := open(t, "redis://"+server.Addr)
	for _, size := range []int{1<<20 + 1, 4 << 20, 32 << 20} {
		large := strings.Repeat("x", size)
		wantErr(t, put(t, s, "k", large), driver.NotApplied, driver.ErrTooLarge)
		entries := []driver.Entry{{Key: "k", Value: []byte(large), TTL: time.Minute}, {Key: "l", TTL: time.Minute}}
		if err := s.Set(t.Context(), entries); err != nil {
			wantErr(t, err, driver.NotApplied, driver.ErrTooLarge)
		} else {
			wantErr(t, entries[0].Err, driver.NotApplied, driver.ErrTooLarge)
		}
		if err := put(t, s, "small", "v"); err != nil {
			t.Errorf("after it: %v", err)
		}
	}
	if n := server.Do(t, "EXISTS", "k", "l"); n != int64(0) {
		t.Errorf("%v keys were written", n)
	}
}

// The server answers the first command with an error, runs the second, and hangs
// up over the third: what it said of the first says nothing about the others.
func TestErrorReplyBeforeAHangUpIsNoOutcomeOfOthers(t *testing.T) {
	server := servertest.Redis(t, servertest.Config("proto-max-bulk-len", "1mb"))
	s := open(t, "redis://"+server.Addr)
	server.Do(t, "SET", "text", "v")
	cmds := []*driver.Cmd{
		driver.NewCmd("LPUSH", driver.Key("text"), driver.Val([]byte("v"))),
		driver.NewCmd("SET", driver.Key("applied"), driver.Val([]byte("v"))),
		driver.NewCmd("SET", driver.Key("large"), driver.Val(make([]byte, 32<<20))),
	}
	callErr := s.Do(t.Context(), cmds, driver.Plain)
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

func TestTooManyClients(t *testing.T) {
	server := servertest.Redis(t, servertest.Config("maxclients", "1"))
	conn, err := server.Try("PING")
	if err != nil {
		t.Fatal(conn, err)
	}
	first := open(t, "redis://"+server.Addr)
	eventually(t, func() bool { return put(t, first, "k", "v") == nil }, func() string { return "no connection for the first store" })
	wantErr(t, put(t, open(t, "redis://"+server.Addr), "k", "v"), driver.NotApplied, driver.ErrUnavailable)
}

func TestUnknownCommandOfTheServer(t *testing.T) {
	server := servertest.Redis(t, servertest.Config("rename-command", "UNLINK", ""))
	_, err := open(t, "redis://"+server.Addr).Delete(t.Context(), []string{"a-key-nobody-may-see"})
	wantErr(t, err, driver.NotApplied, errors.ErrUnsupported)
	if strings.Contains(fmt.Sprintf("%+v", err), "nobody") {
		t.Errorf("the error shows the key: %v", err)
	}
}

func TestNativeErrorsAreReachable(t *testing.T) {
	s := open(t, "redis://"+standalone.Server(t).Addr)
	k := key(t, "list")
	if err := do(t.Context(), s, "RPUSH", driver.Key(k), driver.Val([]byte("v"))); err != nil {
		t.Fatal(err)
	}
	_, err := get(t, s, k)
	_, incrErr := s.Incr(t.Context(), k, 1)
	for _, err := range []error{err, incrErr} {
		var native goredis.Error
		if !errors.As(err, &native) || !strings.HasPrefix(native.Error(), "WRONGTYPE") {
			t.Errorf("got %v", err)
		}
		if _, ok := errors.AsType[*driver.Error](err); !ok {
			t.Errorf("got a %T", err)
		}
	}
}

func TestEverythingTransientHasATextOfItsOwn(t *testing.T) {
	_, err := get(t, open(t, "redis://"+refusingAddr(t)), "k")
	if text := err.Error(); !strings.HasPrefix(text, "xcache: server unavailable: ") || !strings.Contains(text, "refused") || strings.Count(text, "xcache:") != 1 {
		t.Errorf("got %q", text)
	}
}
