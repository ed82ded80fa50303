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
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

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
	require.Equal(t, net.JoinHostPort(srv.Host, strconv.Itoa(srv.Port)), srv.Addr, "Addr")
	for _, listener := range []struct{ network, address string }{
		{"tcp", srv.Addr},
		{"unix", srv.Socket},
	} {
		conn, err := net.Dial(listener.network, listener.address)
		require.NoError(t, err)
		defer conn.Close()
		require.Equal(t, "+PONG", exchange(t, conn, "PING"), "over %s: PING answers", listener.network)
	}
}

func TestEveryReleaseAnswers(t *testing.T) {
	for _, r := range release.All {
		t.Run(r.Name, func(t *testing.T) {
			if _, err := r.Command(); err != nil && !r.Default {
				t.Skipf(`%v, get it with "make servers-matrix"`, err) // in CI, too
			}
			srv := servertest.Redis(t, servertest.Release(r.Name))
			require.Equal(t, r.Name, srv.Release.Name, "started")
			info := srv.Do(t, "INFO", "server").(string)
			require.Contains(t, info, "\n"+r.Product+"_version:"+r.Version+".", "INFO lacks it")
		})
	}
}

func TestReleaseOfTheEnvironment(t *testing.T) {
	t.Setenv(release.RedisEnv, "redis-1.0")
	outcome, message := outcomeOf(t, func(tb testing.TB) { servertest.Redis(tb) })
	require.Equal(t, "failed", outcome, "unknown release: test %s with message %q, want it failed with the name of the variable", outcome, message)
	require.Contains(t, message, release.RedisEnv, "unknown release: test")
	t.Setenv(release.RedisEnv, release.Redis70.Name)
	require.Equal(t, release.Redis70.Name, servertest.Redis(t).Release.Name, "started")
	require.Equal(t, "valkey", servertest.Valkey(t).Release.Product, "Valkey started")
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
		got := srv.Do(t, test.args...)
		require.Equal(t, fmt.Sprintf("%#v", test.want), fmt.Sprintf("%#v", got), "%q = %#v, want %#v", test.args, got, test.want)
	}
}

func TestTryReturnsServerErrors(t *testing.T) {
	srv := standalone.Server(t)
	_, err := srv.Try("NOSUCHCOMMAND")
	_, ok := errors.AsType[servertest.ServerError](err)
	require.True(t, ok, "error of an unknown command = %#v, want a ServerError", err)
}

func TestDialKeepsState(t *testing.T) {
	conn := standalone.Server(t).Dial(t)
	conn.Do(t, "SELECT", "7")
	require.Contains(t, conn.Do(t, "CLIENT", "LIST").(string), " db=7 ", "connection after SELECT 7")
}

func TestRestartKeepsPortAndLosesUnsavedData(t *testing.T) {
	srv := servertest.Redis(t)
	before := srv.Addr
	srv.Do(t, "SET", "saved", "1")
	srv.Do(t, "SAVE")
	srv.Do(t, "SET", "unsaved", "1")
	srv.Restart(t)
	require.Equal(t, before, srv.Addr, "address after a restart")
	require.Equal(t, int64(1), srv.Do(t, "EXISTS", "saved"), "EXISTS saved")
	require.Equal(t, int64(0), srv.Do(t, "EXISTS", "unsaved"), "EXISTS unsaved")
}

func TestKilledServerRefusesConnections(t *testing.T) {
	srv := servertest.Redis(t)
	srv.Kill(t)
	srv.Kill(t) // does nothing
	requireRefused(t, srv.Addr)
	_, err := srv.Try("PING")
	require.Error(t, err, "a killed server answers")
	srv.Start(t)
	srv.Do(t, "PING")
}

func TestStartWaitsForItsPort(t *testing.T) {
	srv := servertest.Redis(t)
	srv.Kill(t)
	other, err := net.Listen("tcp", srv.Addr)
	require.NoError(t, err)
	taken := make(chan bool, 1)
	go func() {
		defer other.Close()
		taken <- eventually(func() bool {
			log, _ := os.ReadFile(filepath.Join(srv.Dir, "server.log"))
			return bytes.Contains(log, []byte("Address already in use"))
		})
	}()
	srv.Start(t)
	require.True(t, <-taken, "the server never found its port taken")
	srv.Do(t, "PING")
}

func TestFrozenServerAnswersAfterThaw(t *testing.T) {
	srv := servertest.Redis(t)
	conn, err := net.Dial("tcp", srv.Addr)
	require.NoError(t, err)
	defer conn.Close()
	exchange(t, conn, "PING")

	srv.Freeze(t)
	_, err = io.WriteString(conn, "PING\r\n")
	require.NoError(t, err)
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(100*time.Millisecond)))
	n, err := conn.Read(make([]byte, 1))
	require.ErrorIs(t, err, os.ErrDeadlineExceeded, "frozen server: Read = %d", n)

	srv.Thaw(t)
	require.Equal(t, "+PONG", readLine(t, conn), "thawed server answers")
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
			require.Equal(t, test.ok, pingTLS(test.server.Addr, config) == nil, "PING over TLS")
		})
	}
	t.Run("files of the client certificate", func(t *testing.T) {
		_, err := tls.LoadX509KeyPair(srv.Certificates.ClientCertFile, srv.Certificates.ClientKeyFile)
		require.NoError(t, err)
	})
	t.Run("no plain text", func(t *testing.T) {
		conn, err := net.Dial("tcp", srv.Addr)
		require.NoError(t, err)
		defer conn.Close()
		_, _ = io.WriteString(conn, "PING\r\n")
		reply, _ := io.ReadAll(conn)
		require.False(t, bytes.Contains(reply, []byte("PONG")), "plain PING answers %q", reply)
	})
}

func TestUsersAndPasswords(t *testing.T) {
	const strange = "p \"q\\ #é\x01'"
	srv := servertest.Redis(t,
		servertest.Password("default's"),
		servertest.User("reader", strange, "~open:*", "+get"),
		servertest.User("guest", "", "+ping"),
	)
	require.Equal(t, "default's", srv.Password, "Password")
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
			require.NoError(t, err)
			defer conn.Close()
			got := "+OK"
			if test.user != "" {
				got = exchange(t, conn, fmt.Sprintf("*3\r\n$4\r\nAUTH\r\n$%d\r\n%s\r\n$%d\r\n%s",
					len(test.user), test.user, len(test.password), test.password))
			}
			if got == "+OK" {
				got = exchange(t, conn, test.command)
			}
			require.True(t, strings.HasPrefix(got, test.want), "server answers %q, want %q", got, test.want)
		})
	}
}

func TestDefaultUserCanBeClosed(t *testing.T) {
	srv := servertest.Redis(t, servertest.User("default", "", "off"))
	srv.Do(t, "PING") // the tests' own way in stays open
	conn, err := net.Dial("tcp", srv.Addr)
	require.NoError(t, err)
	defer conn.Close()
	require.True(t, strings.HasPrefix(exchange(t, conn, "PING"), "-NOAUTH"), "PING answers")
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
		got := srv.Do(t, "CONFIG", "GET", test.directive)
		require.Equal(t, []any{test.directive, test.want}, got.([]any), "CONFIG GET %s = %q, want %q", test.directive, got, test.want)
	}
}

// exchange sends one line and returns the first line of the answer.
func exchange(t *testing.T, conn net.Conn, line string) string {
	t.Helper()
	_, err := io.WriteString(conn, line+"\r\n")
	require.NoError(t, err)
	return readLine(t, conn)
}

func readLine(t *testing.T, conn net.Conn) string {
	t.Helper()
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(10*time.Second)))
	var line []byte
	for !bytes.HasSuffix(line, []byte("\r\n")) {
		b := make([]byte, 1)
		_, err := conn.Read(b)
		require.NoError(t, err)
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
	require.NoError(t, err)
	pool := x509.NewCertPool()
	require.True(t, pool.AppendCertsFromPEM(pem), "no certificate in %s", file)
	return pool
}

// requireRefused waits until nobody listens on addr any more.
func requireRefused(t *testing.T, addr string) {
	t.Helper()
	require.True(t, eventually(func() bool {
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			conn.Close()
		}
		return err != nil
	}), "somebody still listens on %s", addr)
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
