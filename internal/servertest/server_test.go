package servertest_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/xcache-go/xcache/internal/servertest"
	"github.com/xcache-go/xcache/internal/servertest/release"
)

// What is for the tests that leave the servers as they found them.
var (
	standalone = servertest.NewShared()
	replicated = servertest.NewSharedReplicated(1)
	watched    = servertest.NewSharedSentinel()
)

func TestMain(m *testing.M) {
	servertest.Main(m, standalone, replicated, watched, clusters["redis"], clusters["valkey"])
}

func TestServerAnswers(t *testing.T) {
	srv := servertest.Redis(t)
	if want := net.JoinHostPort(srv.Host, strconv.Itoa(srv.Port)); srv.Addr != want {
		t.Errorf("Addr = %q, want %q", srv.Addr, want)
	}
	for _, listener := range []struct{ network, address string }{
		{"tcp", srv.Addr},
		{"unix", srv.Socket},
	} {
		conn, err := net.Dial(listener.network, listener.address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if got := exchange(t, conn, "PING"); got != "+PONG" {
			t.Errorf("over %s: PING answers %q, want +PONG", listener.network, got)
		}
	}
}

func TestEveryReleaseAnswers(t *testing.T) {
	for _, r := range release.All {
		t.Run(r.Name, func(t *testing.T) {
			if _, err := r.Command(); err != nil && !r.Default {
				t.Skipf(`%v, get it with "make servers-matrix"`, err) // in CI, too
			}
			srv := servertest.Redis(t, servertest.Release(r.Name))
			if srv.Release.Name != r.Name {
				t.Errorf("started %s", srv.Release.Name)
			}
			info := srv.Do(t, "INFO", "server").(string)
			if want := "\n" + r.Product + "_version:" + r.Version + "."; !strings.Contains(info, want) {
				t.Errorf("INFO lacks %q:\n%s", want, info)
			}
		})
	}
}

func TestReleaseOfTheEnvironment(t *testing.T) {
	t.Setenv(release.RedisEnv, "redis-1.0")
	outcome, message := outcomeOf(t, func(tb testing.TB) { servertest.Redis(tb) })
	if outcome != "failed" || !strings.Contains(message, release.RedisEnv) {
		t.Errorf("unknown release: test %s with message %q, want it failed with the name of the variable", outcome, message)
	}
	t.Setenv(release.RedisEnv, release.Redis70.Name)
	if got := servertest.Redis(t).Release.Name; got != release.Redis70.Name {
		t.Errorf("started %s", got)
	}
	if got := servertest.Valkey(t).Release.Product; got != "valkey" {
		t.Errorf("Valkey started %s", got)
	}
}

func TestDoDecodesReplies(t *testing.T) {
	srv := standalone.Server(t)
	key := t.Name()
	for _, test := range []struct {
		args []string
		want any
	}{
		{[]string{"SET", key, "a\r\nb\x00"}, "OK"},
		{[]string{"GET", key}, "a\r\nb\x00"},
		{[]string{"STRLEN", key}, int64(5)},
		{[]string{"GET", key + ":missing"}, nil},
		{[]string{"GETSET", key, ""}, "a\r\nb\x00"},
		{[]string{"GET", key}, ""},
		{[]string{"MGET", key, key + ":missing"}, []any{"", nil}},
		{[]string{"EVAL", "return {1, {}, 'x', redis.error_reply('ERR no')}", "0"}, []any{int64(1), []any{}, "x", servertest.ServerError("ERR no")}},
		{[]string{"BLPOP", key + ":list", "0.01"}, nil},
		{[]string{"DEL", key}, int64(1)},
	} {
		if got := srv.Do(t, test.args...); fmt.Sprintf("%#v", got) != fmt.Sprintf("%#v", test.want) {
			t.Errorf("%q = %#v, want %#v", test.args, got, test.want)
		}
	}
}

func TestTryReturnsServerErrors(t *testing.T) {
	srv := standalone.Server(t)
	_, err := srv.Try("NOSUCHCOMMAND")
	if _, ok := errors.AsType[servertest.ServerError](err); !ok {
		t.Errorf("error of an unknown command = %#v, want a ServerError", err)
	}
}

func TestDialKeepsState(t *testing.T) {
	conn := standalone.Server(t).Dial(t)
	conn.Do(t, "SELECT", "7")
	if got := conn.Do(t, "CLIENT", "LIST").(string); !strings.Contains(got, " db=7 ") {
		t.Errorf("connection after SELECT 7: %s", got)
	}
}

func TestRestartKeepsPortAndLosesUnsavedData(t *testing.T) {
	srv := servertest.Redis(t)
	before := srv.Addr
	srv.Do(t, "SET", "saved", "1")
	srv.Do(t, "SAVE")
	srv.Do(t, "SET", "unsaved", "1")
	srv.Restart(t)
	if srv.Addr != before {
		t.Errorf("address after a restart = %s, want %s", srv.Addr, before)
	}
	if got := srv.Do(t, "EXISTS", "saved"); got != int64(1) {
		t.Errorf("EXISTS saved = %v, want 1", got)
	}
	if got := srv.Do(t, "EXISTS", "unsaved"); got != int64(0) {
		t.Errorf("EXISTS unsaved = %v, want 0", got)
	}
}

func TestKilledServerRefusesConnections(t *testing.T) {
	srv := servertest.Redis(t)
	srv.Kill(t)
	srv.Kill(t) // does nothing
	requireRefused(t, srv.Addr)
	if _, err := srv.Try("PING"); err == nil {
		t.Error("a killed server answers")
	}
	srv.Start(t)
	srv.Do(t, "PING")
}

func TestStartWaitsForItsPort(t *testing.T) {
	srv := servertest.Redis(t)
	srv.Kill(t)
	other, err := net.Listen("tcp", srv.Addr)
	if err != nil {
		t.Fatal(err)
	}
	taken := make(chan bool, 1)
	go func() {
		defer other.Close()
		taken <- eventually(func() bool {
			log, _ := os.ReadFile(filepath.Join(srv.Dir, "server.log"))
			return bytes.Contains(log, []byte("Address already in use"))
		})
	}()
	srv.Start(t)
	if !<-taken {
		t.Error("the server never found its port taken")
	}
	srv.Do(t, "PING")
}

func TestFrozenServerAnswersAfterThaw(t *testing.T) {
	srv := servertest.Redis(t)
	conn, err := net.Dial("tcp", srv.Addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	exchange(t, conn, "PING")

	srv.Freeze(t)
	if _, err := io.WriteString(conn, "PING\r\n"); err != nil {
		t.Fatal(err)
	}
	if err := conn.SetReadDeadline(time.Now().Add(100 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if n, err := conn.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("frozen server: Read = %d, %v, want a timeout", n, err)
	}

	srv.Thaw(t)
	if got := readLine(t, conn); got != "+PONG" {
		t.Errorf("thawed server answers %q, want +PONG", got)
	}
}

func TestFrozenServerCanBeKilled(t *testing.T) {
	srv := servertest.Redis(t)
	srv.Freeze(t)
	srv.Restart(t)
	srv.Do(t, "PING")
}

func TestTLS(t *testing.T) {
	srv := servertest.Redis(t, servertest.TLS())
	strict := servertest.Redis(t, servertest.TLS(), servertest.Config("tls-auth-clients", "yes"))

	anonymous := func(c *tls.Config) { c.Certificates = nil }
	for _, test := range []struct {
		name   string
		server *servertest.Server
		change func(*tls.Config)
		ok     bool
	}{
		{"with client certificate", srv, func(*tls.Config) {}, true},
		{"without client certificate", srv, anonymous, true},
		{"by the name localhost", srv, func(c *tls.Config) { c.ServerName = "localhost" }, true},
		{"by another name", srv, func(c *tls.Config) { c.ServerName = "example.com" }, false},
		{"with another authority", srv, func(c *tls.Config) { c.RootCAs = readAuthority(t, srv.Certificates.OtherCAFile) }, false},
		{"with the authority's file", srv, func(c *tls.Config) { c.RootCAs = readAuthority(t, srv.Certificates.CAFile) }, true},
		{"required client certificate", strict, func(*tls.Config) {}, true},
		{"missing client certificate", strict, anonymous, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			config := test.server.Certificates.Config()
			test.change(config)
			if err := pingTLS(test.server.Addr, config); (err == nil) != test.ok {
				t.Errorf("PING over TLS: error %v, want success %v", err, test.ok)
			}
		})
	}
	t.Run("files of the client certificate", func(t *testing.T) {
		if _, err := tls.LoadX509KeyPair(srv.Certificates.ClientCertFile, srv.Certificates.ClientKeyFile); err != nil {
			t.Error(err)
		}
	})
	t.Run("no plain text", func(t *testing.T) {
		conn, err := net.Dial("tcp", srv.Addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, "PING\r\n")
		if reply, _ := io.ReadAll(conn); bytes.Contains(reply, []byte("PONG")) {
			t.Errorf("plain PING answers %q", reply)
		}
	})
}

func TestUsersAndPasswords(t *testing.T) {
	const strange = "p \"q\\ #é\x01'"
	srv := servertest.Redis(t,
		servertest.Password("default's"),
		servertest.User("reader", strange, "~open:*", "+get"),
		servertest.User("guest", "", "+ping"),
	)
	if srv.Password != "default's" {
		t.Errorf("Password = %q", srv.Password)
	}
	for _, test := range []struct {
		name           string
		user, password string // no AUTH if the user is empty
		command        string
		want           string
	}{
		{"no login", "", "", "PING", "-NOAUTH"},
		{"default user", "default", "default's", "PING", "+PONG"},
		{"wrong password", "default", "wrong", "PING", "-WRONGPASS"},
		{"allowed key", "reader", strange, "GET open:1", "$-1"},
		{"forbidden key", "reader", strange, "GET closed:1", "-NOPERM"},
		{"forbidden command", "reader", strange, "SET open:1 1", "-NOPERM"},
		{"no password", "guest", "any", "PING", "+PONG"},
	} {
		t.Run(test.name, func(t *testing.T) {
			conn, err := net.Dial("tcp", srv.Addr)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			got := "+OK"
			if test.user != "" {
				got = exchange(t, conn, fmt.Sprintf("*3\r\n$4\r\nAUTH\r\n$%d\r\n%s\r\n$%d\r\n%s",
					len(test.user), test.user, len(test.password), test.password))
			}
			if got == "+OK" {
				got = exchange(t, conn, test.command)
			}
			if !strings.HasPrefix(got, test.want) {
				t.Errorf("server answers %q, want %q", got, test.want)
			}
		})
	}
}

func TestDefaultUserCanBeClosed(t *testing.T) {
	srv := servertest.Redis(t, servertest.User("default", "", "off"))
	srv.Do(t, "PING") // the tests' own way in stays open
	conn, err := net.Dial("tcp", srv.Addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if got := exchange(t, conn, "PING"); !strings.HasPrefix(got, "-NOAUTH") {
		t.Errorf("PING answers %q, want -NOAUTH", got)
	}
}

func TestConfigReachesTheServer(t *testing.T) {
	srv := servertest.Redis(t,
		servertest.Config("maxmemory", "50mb"),
		servertest.Config("databases", "3"),
		servertest.Config("client-output-buffer-limit", "pubsub", "1mb", "1mb", "1"),
	)
	for _, test := range []struct{ directive, want string }{
		{"maxmemory", "52428800"},
		{"databases", "3"},
		{"save", ""},
		{"appendonly", "no"},
	} {
		if got := srv.Do(t, "CONFIG", "GET", test.directive); !slices.Equal(got.([]any), []any{test.directive, test.want}) {
			t.Errorf("CONFIG GET %s = %q, want %q", test.directive, got, test.want)
		}
	}
}

// exchange sends one line and returns the first line of the answer.
func exchange(t *testing.T, conn net.Conn, line string) string {
	t.Helper()
	if _, err := io.WriteString(conn, line+"\r\n"); err != nil {
		t.Fatal(err)
	}
	return readLine(t, conn)
}

func readLine(t *testing.T, conn net.Conn) string {
	t.Helper()
	if err := conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	var line []byte
	for !bytes.HasSuffix(line, []byte("\r\n")) {
		b := make([]byte, 1)
		if _, err := conn.Read(b); err != nil {
			t.Fatal(err)
		}
		line = append(line, b...)
	}
	return string(bytes.TrimSuffix(line, []byte("\r\n")))
}

func pingTLS(addr string, config *tls.Config) error {
	conn, err := tls.Dial("tcp", addr, config)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "PING\r\n"); err != nil {
		return err
	}
	reply := make([]byte, len("+PONG\r\n"))
	_, err = io.ReadFull(conn, reply)
	return err
}

func readAuthority(t *testing.T, file string) *x509.CertPool {
	t.Helper()
	pem, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		t.Fatalf("no certificate in %s", file)
	}
	return pool
}

// requireRefused waits until nobody listens on addr any more.
func requireRefused(t *testing.T, addr string) {
	t.Helper()
	if !eventually(func() bool {
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			conn.Close()
		}
		return err != nil
	}) {
		t.Errorf("somebody still listens on %s", addr)
	}
}

// eventually asks until the answer is yes, for ten seconds at most.
func eventually(yes func() bool) bool {
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if yes() {
			return true
		}
	}
	return false
}
