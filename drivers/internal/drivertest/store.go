package drivertest

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
	"github.com/xcache-go/xcache/internal/servertest"
	"github.com/xcache-go/xcache/xcachetest"
)

// Store tests a store on one server beyond the conformance suite: the
// parameters of the DSN, the connections, and features that only these servers
// have. Each subtest fails unless the store behaves as the name of the subtest
// says.
func (s *Subject) Store(t *testing.T) {
	s.Standalone(t).Do(t, "FLUSHALL") // so that the tests can be repeated
	t.Run("capabilities", s.capabilities)
	t.Run("every command of the table that does not block is run", s.everyNonBlockingCommandOfTheTableIsRun)
	t.Run("opens without network I/O", s.opensWithoutNetworkIO)
	t.Run("database number", s.databaseNumber)
	t.Run("database out of range", s.databaseOutOfRange)
	t.Run("client name and protocol", s.clientNameAndProtocol)
	t.Run("protocols read the same replies", s.protocolsReadTheSameReplies)
	t.Run("password file is read for each connection", s.passwordFileIsReadForEachConnection)
	t.Run("TLS", s.tls)
	t.Run("counters have a TTL from the start", s.countersHaveATTLFromTheStart)
	t.Run("scripts survive SCRIPT FLUSH", s.scriptsSurviveScriptFlush)
	t.Run("value of many megabytes", s.valueOfManyMegabytes)
	t.Run("unknown command", s.unknownCommand)
	t.Run("transaction is all or nothing", s.transactionIsAllOrNothing)
	t.Run("transaction without MULTI is not called unapplied", s.transactionWithoutMULTIIsNotCalledUnapplied)
	t.Run("Close leaves no connection", s.closeLeavesNoConnection)
	t.Run("pool_size is the most connections", s.poolSizeIsTheMostConnections)
	t.Run("a clock that stands is started again", s.aClockThatStandsIsStartedAgain)
}

func (s *Subject) capabilities(t *testing.T) {
	caps := driver.CapsOf(s.open(t, s.Scheme+"://127.0.0.1:1"))
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

func (s *Subject) everyNonBlockingCommandOfTheTableIsRun(t *testing.T) {
	set := s.open(t, s.Scheme+"://127.0.0.1:1").Commands()
	for _, c := range driver.Commands() {
		if set.Has(c.Name) == c.Blocking {
			t.Errorf("%s: in the set is %v", c.Name, set.Has(c.Name))
		}
	}
}

func (s *Subject) opensWithoutNetworkIO(t *testing.T) {
	proxy := xcachetest.NewProxy(t, s.Standalone(t).Addr)
	s.open(t, s.Scheme+"://"+proxy.Addr())
	if got := proxy.Stats(); got != (xcachetest.ProxyStats{}) {
		t.Errorf("Open has done I/O: %+v", got)
	}
}

func (s *Subject) databaseNumber(t *testing.T) {
	server := s.Standalone(t)
	for _, dsn := range []string{
		s.Scheme + "://" + server.Addr + "/7",
		s.Scheme + "://" + server.Addr + "?db=7",
		s.Scheme + "://" + server.Addr + "/7?db=7",
		s.Scheme + "://?addr=" + server.Addr + "&db=7",
		s.Scheme + "+unix://" + server.Socket + "?db=7",
	} {
		if err := Put(t, s.open(t, dsn), Key(t, "k"), dsn); err != nil {
			t.Errorf("%s: %v", dsn, err)
		}
		conn := server.Dial(t)
		conn.Do(t, "SELECT", "7")
		if got := conn.Do(t, "GET", Key(t, "k")); got != dsn {
			t.Errorf("%s: database 7 holds %v", dsn, got)
		}
	}
}

func (s *Subject) databaseOutOfRange(t *testing.T) {
	_, err := Get(t, s.open(t, s.Scheme+"://"+s.Standalone(t).Addr+"/99"), Key(t, "k"))
	if err == nil || errors.Is(err, driver.ErrNotFound) {
		t.Fatalf("got %v", err)
	}
	WantErr(t, err, driver.NotApplied, errors.ErrUnsupported)
	if !strings.Contains(err.Error(), "fewer databases") {
		t.Errorf("the error does not say what to do: %v", err)
	}
}

func (s *Subject) clientNameAndProtocol(t *testing.T) {
	server := s.Standalone(t)
	for _, protocol := range []string{"2", "3"} {
		name := "name-" + protocol
		store := s.open(t, s.Scheme+"://"+server.Addr+"?protocol="+protocol+"&client_name="+name)
		if err := store.Ping(t.Context()); err != nil {
			t.Fatal(err)
		}
		list, _ := server.Do(t, "CLIENT", "LIST").(string)
		if i := strings.Index(list, "name="+name); i < 0 || !strings.Contains(strings.SplitN(list[i:], "\n", 2)[0]+" ", "resp="+protocol+" ") {
			t.Errorf("protocol %s: CLIENT LIST is\n%s", protocol, list)
		}
	}
}

func (s *Subject) protocolsReadTheSameReplies(t *testing.T) {
	server := s.Standalone(t)
	for _, protocol := range []string{"2", "3"} {
		t.Run(protocol, func(t *testing.T) {
			store := s.open(t, s.Scheme+"://"+server.Addr+"?protocol="+protocol)
			k := Key(t, "k")
			cmds := []*driver.Cmd{
				driver.NewCmd("SET", driver.Key(k), driver.Val([]byte("12"))),
				driver.NewCmd("INCRBY", driver.Key(k), driver.Int(30)),
				driver.NewCmd("MGET", driver.Key(k), driver.Key(k+"missing")),
				driver.NewCmd("GET", driver.Key(k+"missing")),
				driver.NewCmd("TYPE", driver.Key(k)),
			}
			if err := store.Do(t.Context(), cmds, driver.Plain); err != nil {
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

func (s *Subject) passwordFileIsReadForEachConnection(t *testing.T) {
	server := s.StartServer(t, servertest.Password("first"))
	file := filepath.Join(t.TempDir(), "password")
	write := func(password string) {
		if err := os.WriteFile(file, []byte(password+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("first")
	store := s.open(t, s.Scheme+"://"+server.Addr+"?password_file="+file)
	if err := Put(t, store, "k", "v"); err != nil {
		t.Fatal(err)
	}
	server.Do(t, "CONFIG", "SET", "requirepass", "second")
	server.Do(t, "CLIENT", "KILL", "TYPE", "normal")
	WantErr(t, Put(t, store, "k", "v"), driver.NotApplied, driver.ErrAuth)
	write("second")
	if err := Put(t, store, "k", "w"); err != nil {
		t.Error(err)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	server.Do(t, "CLIENT", "KILL", "TYPE", "normal")
	err := Put(t, store, "k", "v")
	if err == nil || !strings.Contains(err.Error(), "password_file") {
		t.Errorf("without the file: %v", err)
	}
	WantErr(t, err, driver.NotApplied)
}

func (s *Subject) tls(t *testing.T) {
	server := s.StartServer(t, servertest.TLS(), servertest.Config("tls-auth-clients", "yes"),
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
			store := s.open(t, s.Scheme+"s://ann:secret@"+server.Addr+"?"+tt.params)
			err := Put(t, store, "k", "v")
			if tt.ok {
				if err != nil {
					t.Error(err)
				}
				return
			}
			WantErr(t, err, driver.NotApplied, driver.ErrUnavailable)
			var failure *driver.Error
			reset := errors.Is(err, syscall.ECONNRESET) // the reset overtook the alert
			if !errors.As(err, &failure) || failure.Transient && !reset {
				t.Errorf("got %v, transient", err)
			}
		})
	}
	t.Run("in the clear", func(t *testing.T) {
		WantErr(t, Put(t, s.open(t, s.Scheme+"://ann:secret@"+server.Addr), "k", "v"), driver.NotApplied, driver.ErrUnavailable)
	})
	t.Run("TLS to a server without", func(t *testing.T) {
		store := s.open(t, s.Scheme+"s://"+s.Standalone(t).Addr+"?tls_ca="+c.CAFile)
		WantErr(t, Put(t, store, Key(t, "k"), "v"), driver.NotApplied, driver.ErrUnavailable)
	})
}

func (s *Subject) countersHaveATTLFromTheStart(t *testing.T) {
	const rivals, rounds = 30, 60
	server := s.Standalone(t)
	store := s.open(t, s.Scheme+"://"+server.Addr)
	var wg sync.WaitGroup
	for i := range rivals {
		wg.Go(func() {
			for round := range rounds {
				k := Key(t, fmt.Sprint(round%5))
				if _, err := store.IncrInit(t.Context(), k, 1, int64(i), 3*time.Millisecond); err != nil {
					t.Error(err)
				}
				if _, err := store.Incr(t.Context(), k, 1); err != nil && !errors.Is(err, driver.ErrNotFound) {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for i := range 5 {
		if ttl := server.Do(t, "PTTL", Key(t, fmt.Sprint(i))); ttl == int64(-1) {
			t.Errorf("counter %d has no TTL", i)
		}
	}
}

func (s *Subject) scriptsSurviveScriptFlush(t *testing.T) {
	server := s.Standalone(t)
	store := s.open(t, s.Scheme+"://"+server.Addr)
	k := Key(t, "k")
	for want := int64(1); want < 4; want++ {
		server.Do(t, "SCRIPT", "FLUSH")
		if got, err := store.IncrInit(t.Context(), k, 1, 0, time.Minute); got != want || err != nil {
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
		before, _ := Get(t, store, k)
		if err := store.Do(t.Context(), cmds, how); err != nil {
			t.Fatal(err)
		}
		after, err := cmds[2].Reply.AsBytes()
		if err != nil || len(after) != 2 || after[0] != before[0]+2 && len(before) == 2 {
			t.Errorf("%v: from %s to %s, %v", how, before, after, err)
		}
		server.Do(t, "SCRIPT", "FLUSH")
	}
}

func (s *Subject) valueOfManyMegabytes(t *testing.T) {
	dsn := Parse(t, s.Scheme+"://"+s.Standalone(t).Addr)
	dsn.OpTimeout, dsn.MaxValue = time.Minute, 80<<20 // for slow machines
	store := s.OpenDSN(t, dsn, nil).(serverStore)
	for _, size := range []int{1 << 20, 80 << 20} { // more than is allocated at once
		value := strings.Repeat("0123456789abcdef", size/16)
		k := Key(t, fmt.Sprint(size))
		if err := Put(t, store, k, value); err != nil {
			t.Fatal(err)
		}
		if got, err := Get(t, store, k); string(got) != value {
			t.Errorf("GET of %d bytes: %d bytes, %v", size, len(got), err)
		}
		cmd := driver.NewCmd("GET", driver.Key(k))
		if err := store.Do(t.Context(), []*driver.Cmd{cmd}, driver.Plain); err != nil || string(cmd.Reply.Data) != value {
			t.Errorf("Do of %d bytes: %d bytes, %v, %v", size, len(cmd.Reply.Data), err, cmd.Err)
		}
		if n, err := store.Delete(t.Context(), []string{k}); n != 1 || err != nil {
			t.Errorf("Delete: %d, %v", n, err)
		}
	}
}

func (s *Subject) unknownCommand(t *testing.T) {
	store := s.open(t, s.Scheme+"://"+s.Standalone(t).Addr)
	ok, unknown := driver.NewCmd("PING"), driver.NewCmd("NO.SUCH")
	if err := store.Do(t.Context(), []*driver.Cmd{unknown, ok}, driver.Plain); err != nil || ok.Err != nil {
		t.Errorf("plain: %v, %v", err, ok.Err)
	}
	if !errors.Is(unknown.Err, errors.ErrUnsupported) || !strings.Contains(unknown.Err.Error(), "NO.SUCH") {
		t.Errorf("plain: %v", unknown.Err)
	}
	if err := store.Do(t.Context(), []*driver.Cmd{ok, unknown}, driver.Atomic); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("atomic: %v", err)
	}
}

func (s *Subject) transactionIsAllOrNothing(t *testing.T) {
	server := s.StartServer(t, servertest.User("ann", "secret", "~*", "+@all", "-rpush"))
	store := s.open(t, s.Scheme+"://ann:secret@"+server.Addr)
	cmds := []*driver.Cmd{
		driver.NewCmd("SET", driver.Key("k"), driver.Val([]byte("v"))),
		driver.NewCmd("RPUSH", driver.Key("list"), driver.Val([]byte("v"))),
	}
	err := store.Do(t.Context(), cmds, driver.Atomic)
	WantErr(t, err, driver.NotApplied, driver.ErrAuth)
	for _, c := range cmds {
		WantErr(t, c.Err, driver.NotApplied, driver.ErrAuth)
	}
	if n := server.Do(t, "EXISTS", "k", "list"); n != int64(0) {
		t.Errorf("%v keys were written", n)
	}
	// A command that fails in a running transaction does not undo the other
	// commands.
	cmds = []*driver.Cmd{
		driver.NewCmd("SET", driver.Key("k"), driver.Val([]byte("v"))),
		driver.NewCmd("LPUSH", driver.Key("k"), driver.Val([]byte("v"))),
		driver.NewCmd("GET", driver.Key("k")),
	}
	if err := store.Do(t.Context(), cmds, driver.Atomic); err != nil {
		t.Fatal(err)
	}
	WantErr(t, cmds[1].Err, driver.NotApplied, driver.ErrWrongType)
	if string(cmds[2].Reply.Data) != "v" || cmds[0].Err != nil {
		t.Errorf("got %q, %v", cmds[2].Reply.Data, cmds[0].Err)
	}
}

func (s *Subject) transactionWithoutMULTIIsNotCalledUnapplied(t *testing.T) {
	server := s.StartServer(t, servertest.User("ann", "secret", "~*", "+@all", "-multi"))
	store := s.open(t, s.Scheme+"://ann:secret@"+server.Addr)
	err := store.Do(t.Context(), []*driver.Cmd{driver.NewCmd("SET", driver.Key("k"), driver.Val([]byte("v")))}, driver.Atomic)
	outcome := driver.Unknown
	if _, err := Get(t, store, "k"); errors.Is(err, driver.ErrNotFound) {
		outcome = driver.NotApplied
	} else if err != nil {
		t.Errorf("the connection is out of step: %v", err)
	}
	WantErr(t, err, outcome, driver.ErrAuth)
}

func (s *Subject) closeLeavesNoConnection(t *testing.T) {
	proxy := xcachetest.NewProxy(t, s.Standalone(t).Addr)
	store := s.unchecked(t, s.Scheme+"://"+proxy.Addr())
	if err := Put(t, store, Key(t, "k"), "v"); err != nil {
		t.Fatal(err)
	}
	if proxy.OpenConnections() == 0 {
		t.Error("there was no connection")
	}
	if err := store.Close(); err != nil {
		t.Error(err)
	}
	Eventually(t, func() bool { return proxy.OpenConnections() == 0 }, func() string { return "connections are left" })
	s.AwaitNoGoroutines(t)
	_, err := Get(t, store, Key(t, "k"))
	WantErr(t, err, driver.NotApplied, driver.ErrClosed)
}

func (s *Subject) poolSizeIsTheMostConnections(t *testing.T) {
	proxy := xcachetest.NewProxy(t, s.Standalone(t).Addr)
	store := s.open(t, s.Scheme+"://"+proxy.Addr()+"?pool_size=3")
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			k := Key(t, fmt.Sprint(i))
			if err := Put(t, store, k, "v"); err != nil {
				t.Error(err)
			}
			entries := []driver.Entry{{Key: k, TTL: time.Minute}, {Key: k + "2", TTL: time.Minute}}
			if err := store.Set(t.Context(), entries); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := proxy.Stats().Connections; n > 3 {
		t.Errorf("%d connections", n)
	}
}

func (s *Subject) aClockThatStandsIsStartedAgain(t *testing.T) {
	store := s.open(t, s.Scheme+"://"+s.Standalone(t).Addr+"?read_timeout=1s")
	for range 2 {
		if err := Put(t, store, Key(t, "k"), "v"); err != nil {
			t.Fatal(err)
		}
		Eventually(t, func() bool { return !strings.Contains(strings.Join(s.Goroutines(), ""), "(*clock).run") },
			func() string { return "the clock runs though nobody asks for the time" })
	}
}
