package valkey_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/valkey"
	"github.com/xcache-go/xcache/internal/servertest"
	"github.com/xcache-go/xcache/xcachetest"
)

func TestCapabilities(t *testing.T) {
	caps := driver.CapsOf(open(t, "valkey://127.0.0.1:1"))
	for name, there := range map[string]bool{
		"Commander": caps.Commander != nil, "Expirer": caps.Expirer != nil, "Counter": caps.Counter != nil,
		"Swapper": caps.Swapper != nil, "Mover": caps.Mover != nil, "Scanner": caps.Scanner != nil,
		"Flusher": caps.Flusher != nil, "Pinger": caps.Pinger != nil,
	} {
		if !there {
			t.Errorf("%s is missing", name)
		}
	}
	if caps.Limits.CallTimeout != 3*time.Second {
		t.Errorf("CallTimeout is %v", caps.Limits.CallTimeout)
	}
}

func TestEveryNonBlockingCommandOfTheTableIsRun(t *testing.T) {
	set := open(t, "valkey://127.0.0.1:1").Commands()
	for _, c := range driver.Commands() {
		if set.Has(c.Name) == c.Blocking {
			t.Errorf("%s: in the set is %v", c.Name, set.Has(c.Name))
		}
	}
}

func TestOpensWithoutNetworkIO(t *testing.T) {
	proxy := xcachetest.NewProxy(t, standalone.Server(t).Addr)
	open(t, "valkey://"+proxy.Addr())
	if got := proxy.Stats(); got != (xcachetest.ProxyStats{}) {
		t.Errorf("Open has done I/O: %+v", got)
	}
}

func TestDatabaseNumber(t *testing.T) {
	server := standalone.Server(t)
	for _, dsn := range []string{
		"valkey://" + server.Addr + "/7",
		"valkey://" + server.Addr + "?db=7",
		"valkey://" + server.Addr + "/7?db=7",
		"valkey://?addr=" + server.Addr + "&db=7",
		"valkey+unix://" + server.Socket + "?db=7",
	} {
		if err := put(t, open(t, dsn), key(t, "k"), dsn); err != nil {
			t.Errorf("%s: %v", dsn, err)
		}
		conn := server.Dial(t)
		conn.Do(t, "SELECT", "7")
		if got := conn.Do(t, "GET", key(t, "k")); got != dsn {
			t.Errorf("%s: database 7 holds %v", dsn, got)
		}
	}
}

func TestDatabaseOutOfRange(t *testing.T) {
	_, err := get(t, open(t, "valkey://"+standalone.Server(t).Addr+"/99"), key(t, "k"))
	if err == nil || errors.Is(err, driver.ErrNotFound) {
		t.Fatalf("got %v", err)
	}
	wantErr(t, err, driver.NotApplied)
}

func TestClientNameAndProtocol(t *testing.T) {
	server := standalone.Server(t)
	for _, protocol := range []string{"2", "3"} {
		name := "name-" + protocol
		s := open(t, "valkey://"+server.Addr+"?protocol="+protocol+"&client_name="+name)
		if err := s.Ping(t.Context()); err != nil {
			t.Fatal(err)
		}
		list, _ := server.Do(t, "CLIENT", "LIST").(string)
		if i := strings.Index(list, "name="+name); i < 0 || !strings.Contains(strings.SplitN(list[i:], "\n", 2)[0]+" ", "resp="+protocol+" ") {
			t.Errorf("protocol %s: CLIENT LIST is\n%s", protocol, list)
		}
	}
}

func TestProtocolsReadTheSameReplies(t *testing.T) {
	server := standalone.Server(t)
	for _, protocol := range []string{"2", "3"} {
		t.Run(protocol, func(t *testing.T) {
			s := open(t, "valkey://"+server.Addr+"?protocol="+protocol)
			k := key(t, "k")
			cmds := []*driver.Cmd{
				driver.NewCmd("SET", driver.Key(k), driver.Val([]byte("12"))),
				driver.NewCmd("INCRBY", driver.Key(k), driver.Int(30)),
				driver.NewCmd("MGET", driver.Key(k), driver.Key(k+"missing")),
				driver.NewCmd("GET", driver.Key(k+"missing")),
				driver.NewCmd("TYPE", driver.Key(k)),
			}
			if err := s.Do(t.Context(), cmds, driver.Plain); err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, c := range cmds {
				got = append(got, fmt.Sprintf("%v %d %s %d %v", c.Reply.Kind, c.Reply.Int, c.Reply.Data, len(c.Reply.Items), c.Err))
			}
			want := []string{"3 0 OK 0 <nil>", "1 42  0 <nil>", "4 0  2 <nil>", "0 0  0 <nil>", "3 0 string 0 <nil>"}
			if !slices.Equal(got, want) {
				t.Errorf("got %q, want %q", got, want)
			}
			if items := cmds[2].Reply.Items; len(items) == 2 && (string(items[0].Data) != "42" || !items[1].IsNil()) {
				t.Errorf("MGET: got %+v", items)
			}
		})
	}
}

func TestPasswordFileIsReadForEachConnection(t *testing.T) {
	server := startServer(t, servertest.Password("first"))
	file := filepath.Join(t.TempDir(), "password")
	write := func(password string) {
		if err := os.WriteFile(file, []byte(password+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("first")
	s := open(t, "valkey://"+server.Addr+"?password_file="+file)
	if err := put(t, s, "k", "v"); err != nil {
		t.Fatal(err)
	}
	server.Do(t, "CONFIG", "SET", "requirepass", "second")
	server.Do(t, "CLIENT", "KILL", "TYPE", "normal")
	wantErr(t, put(t, s, "k", "v"), driver.NotApplied, driver.ErrAuth)
	write("second")
	if err := put(t, s, "k", "w"); err != nil {
		t.Error(err)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	server.Do(t, "CLIENT", "KILL", "TYPE", "normal")
	err := put(t, s, "k", "v")
	if err == nil || !strings.Contains(err.Error(), "password_file") {
		t.Errorf("without the file: %v", err)
	}
	wantErr(t, err, driver.NotApplied)
}

func TestTLS(t *testing.T) {
	server := startServer(t, servertest.TLS(), servertest.Config("tls-auth-clients", "yes"),
		servertest.User("ann", "secret", "~*", "+@all"))
	c := server.Certificates
	client := "&tls_cert=" + c.ClientCertFile + "&tls_key=" + c.ClientKeyFile
	for _, tt := range []struct {
		name, params string
		ok           bool
	}{
		{"trusted", "tls_ca=" + c.CAFile + client, true},
		{"name in the certificate", "tls_server_name=localhost&tls_ca=" + c.CAFile + client, true},
		{"unknown authority", "tls_ca=" + c.OtherCAFile + client, false},
		{"system's authorities", client[1:], false},
		{"other name", "tls_server_name=other.example&tls_ca=" + c.CAFile + client, false},
		{"no client certificate", "tls_ca=" + c.CAFile, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := open(t, "valkeys://ann:secret@"+server.Addr+"?"+tt.params)
			err := put(t, s, "k", "v")
			if tt.ok {
				if err != nil {
					t.Error(err)
				}
				return
			}
			wantErr(t, err, driver.NotApplied, driver.ErrUnavailable)
			var failure *driver.Error
			reset := errors.Is(err, syscall.ECONNRESET) // overtook the alert
			if !errors.As(err, &failure) || failure.Transient && !reset {
				t.Errorf("got %v, transient", err)
			}
		})
	}
	t.Run("in the clear", func(t *testing.T) {
		wantErr(t, put(t, open(t, "valkey://ann:secret@"+server.Addr), "k", "v"), driver.NotApplied, driver.ErrUnavailable)
	})
	t.Run("TLS to a server without", func(t *testing.T) {
		s := open(t, "valkeys://"+standalone.Server(t).Addr+"?tls_ca="+c.CAFile)
		wantErr(t, put(t, s, key(t, "k"), "v"), driver.NotApplied, driver.ErrUnavailable)
	})
}

func TestCountersHaveATTLFromTheStart(t *testing.T) {
	const rivals, rounds = 30, 60
	server := standalone.Server(t)
	s := open(t, "valkey://"+server.Addr)
	var wg sync.WaitGroup
	for i := range rivals {
		wg.Go(func() {
			for round := range rounds {
				k := key(t, fmt.Sprint(round%5))
				if _, err := s.IncrInit(t.Context(), k, 1, int64(i), 3*time.Millisecond); err != nil {
					t.Error(err)
				}
				if _, err := s.Incr(t.Context(), k, 1); err != nil && !errors.Is(err, driver.ErrNotFound) {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for i := range 5 {
		if ttl := server.Do(t, "PTTL", key(t, fmt.Sprint(i))); ttl == int64(-1) {
			t.Errorf("counter %d has no TTL", i)
		}
	}
}

func TestScriptsSurviveScriptFlush(t *testing.T) {
	server := standalone.Server(t)
	s := open(t, "valkey://"+server.Addr)
	k := key(t, "k")
	for want := int64(1); want < 4; want++ {
		server.Do(t, "SCRIPT", "FLUSH")
		if got, err := s.IncrInit(t.Context(), k, 1, 0, time.Minute); got != want || err != nil {
			t.Errorf("got %d, %v, want %d", got, err, want)
		}
	}
	server.Do(t, "SCRIPT", "FLUSH")
	for _, how := range []driver.How{driver.Plain, driver.Atomic} {
		cmds := []*driver.Cmd{
			driver.NewCmd(driver.CmdIncr, driver.Key(k), driver.Int(10)),
			driver.NewCmd(driver.CmdIncr, driver.Key(k), driver.Int(10)),
			driver.NewCmd("GET", driver.Key(k)),
		}
		before, _ := get(t, s, k)
		if err := s.Do(t.Context(), cmds, how); err != nil {
			t.Fatal(err)
		}
		after, err := cmds[2].Reply.AsBytes()
		if err != nil || len(after) != 2 || after[0] != before[0]+2 && len(before) == 2 {
			t.Errorf("%v: from %s to %s, %v", how, before, after, err)
		}
		server.Do(t, "SCRIPT", "FLUSH")
	}
}

func TestValueOfManyMegabytes(t *testing.T) {
	s := open(t, "valkey://"+standalone.Server(t).Addr)
	for _, size := range []int{1 << 20, 80 << 20} { // beyond what is allocated at once
		value := strings.Repeat("0123456789abcdef", size/16)
		k := key(t, fmt.Sprint(size))
		if err := put(t, s, k, value); err != nil {
			t.Fatal(err)
		}
		if got, err := get(t, s, k); string(got) != value {
			t.Errorf("GET of %d bytes: %d bytes, %v", size, len(got), err)
		}
		cmd := driver.NewCmd("GET", driver.Key(k))
		if err := s.Do(t.Context(), []*driver.Cmd{cmd}, driver.Plain); err != nil || string(cmd.Reply.Data) != value {
			t.Errorf("Do of %d bytes: %d bytes, %v, %v", size, len(cmd.Reply.Data), err, cmd.Err)
		}
		if n, err := s.Delete(t.Context(), []string{k}); n != 1 || err != nil {
			t.Errorf("Delete: %d, %v", n, err)
		}
	}
}

func TestUnknownCommand(t *testing.T) {
	s := open(t, "valkey://"+standalone.Server(t).Addr)
	ok, unknown := driver.NewCmd("PING"), driver.NewCmd("NO.SUCH")
	if err := s.Do(t.Context(), []*driver.Cmd{unknown, ok}, driver.Plain); err != nil || ok.Err != nil {
		t.Errorf("plain: %v, %v", err, ok.Err)
	}
	if !errors.Is(unknown.Err, errors.ErrUnsupported) || !strings.Contains(unknown.Err.Error(), "NO.SUCH") {
		t.Errorf("plain: %v", unknown.Err)
	}
	if err := s.Do(t.Context(), []*driver.Cmd{ok, unknown}, driver.Atomic); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("atomic: %v", err)
	}
}

func TestTransactionIsAllOrNothing(t *testing.T) {
	server := startServer(t, servertest.User("ann", "secret", "~*", "+@all", "-rpush"))
	s := open(t, "valkey://ann:secret@"+server.Addr)
	cmds := []*driver.Cmd{
		driver.NewCmd("SET", driver.Key("k"), driver.Val([]byte("v"))),
		driver.NewCmd("RPUSH", driver.Key("list"), driver.Val([]byte("v"))),
	}
	err := s.Do(t.Context(), cmds, driver.Atomic)
	wantErr(t, err, driver.NotApplied, driver.ErrAuth)
	for _, c := range cmds {
		wantErr(t, c.Err, driver.NotApplied, driver.ErrAuth)
	}
	if n := server.Do(t, "EXISTS", "k", "list"); n != int64(0) {
		t.Errorf("%v keys were written", n)
	}
	// One that fails when it runs does not undo the others.
	cmds = []*driver.Cmd{
		driver.NewCmd("SET", driver.Key("k"), driver.Val([]byte("v"))),
		driver.NewCmd("LPUSH", driver.Key("k"), driver.Val([]byte("v"))),
		driver.NewCmd("GET", driver.Key("k")),
	}
	if err := s.Do(t.Context(), cmds, driver.Atomic); err != nil {
		t.Fatal(err)
	}
	wantErr(t, cmds[1].Err, driver.NotApplied, driver.ErrWrongType)
	if string(cmds[2].Reply.Data) != "v" || cmds[0].Err != nil {
		t.Errorf("got %q, %v", cmds[2].Reply.Data, cmds[0].Err)
	}
}

func TestTransactionWithoutMULTIIsNotCalledUnapplied(t *testing.T) {
	server := startServer(t, servertest.User("ann", "secret", "~*", "+@all", "-multi"))
	s := open(t, "valkey://ann:secret@"+server.Addr)
	err := s.Do(t.Context(), []*driver.Cmd{driver.NewCmd("SET", driver.Key("k"), driver.Val([]byte("v")))}, driver.Atomic)
	wantErr(t, err, driver.Unknown, driver.ErrAuth)
	if _, err := get(t, s, "k"); err != nil {
		t.Errorf("the connection is out of step: %v", err)
	}
}

func TestCloseLeavesNoConnection(t *testing.T) {
	proxy := xcachetest.NewProxy(t, standalone.Server(t).Addr)
	store, err := valkey.Driver{}.Open(parse(t, "valkey://"+proxy.Addr()))
	if err != nil {
		t.Fatal(err)
	}
	if err := put(t, store, key(t, "k"), "v"); err != nil {
		t.Fatal(err)
	}
	if proxy.OpenConnections() == 0 {
		t.Error("there was no connection")
	}
	if err := store.Close(); err != nil {
		t.Error(err)
	}
	eventually(t, func() bool { return proxy.OpenConnections() == 0 }, func() string { return "connections are left" })
	awaitNoGoroutines(t)
	_, err = get(t, store, key(t, "k"))
	wantErr(t, err, driver.NotApplied, driver.ErrClosed)
}

func TestPoolSizeIsTheMostConnections(t *testing.T) {
	proxy := xcachetest.NewProxy(t, standalone.Server(t).Addr)
	s := open(t, "valkey://"+proxy.Addr()+"?pool_size=3")
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			k := key(t, fmt.Sprint(i))
			if err := put(t, s, k, "v"); err != nil {
				t.Error(err)
			}
			entries := []driver.Entry{{Key: k, TTL: time.Minute}, {Key: k + "2", TTL: time.Minute}}
			if err := s.Set(t.Context(), entries); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := proxy.Stats().Connections; n > 3 {
		t.Errorf("%d connections", n)
	}
}

func TestAClockThatStandsIsStartedAgain(t *testing.T) {
	s := open(t, "valkey://"+standalone.Server(t).Addr+"?read_timeout=1s")
	for range 2 {
		if err := put(t, s, key(t, "k"), "v"); err != nil {
			t.Fatal(err)
		}
		eventually(t, func() bool { return !strings.Contains(strings.Join(driverGoroutines(), ""), "(*clock).run") },
			func() string { return "the clock runs though nobody asks for the time" })
	}
}
