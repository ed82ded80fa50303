package valkey_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	valkeygo "github.com/valkey-io/valkey-go"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/valkey"
	"github.com/xcache-go/xcache/internal/servertest"
	"github.com/xcache-go/xcache/xcachetest"
)

// secret is the password that may not be shown anywhere.
const secret = "canary-7f3a"

// verbs are the ways to print something.
var verbs = []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"}

// wantHidden fails the test if printing v in any way shows the password.
func wantHidden(t *testing.T, what string, v any) {
	t.Helper()
	hex := fmt.Sprintf("%x", secret)
	for _, verb := range verbs {
		if text := fmt.Sprintf(verb, v); strings.Contains(text, secret) || strings.Contains(text, hex) {
			t.Errorf("%s shows the password with %s: %s", what, verb, text)
		}
	}
	var err error
	if e, ok := v.(error); ok {
		err = e
	}
	for err = errors.Unwrap(err); err != nil; err = errors.Unwrap(err) {
		if text := fmt.Sprintf("%+v", err); strings.Contains(text, secret) {
			t.Errorf("%s wraps an error that shows the password: %s", what, text)
		}
	}
}

func TestNoPasswordInErrorsOfOpen(t *testing.T) {
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte(secret), 0o600); err != nil {
		t.Fatal(err)
	}
	logins := []string{":" + secret + "@", "user:" + secret + "@", "us%25er:" + secret + "@"}
	schemes := []string{"valkey", "valkeys", "valkey+cluster", "valkey+sentinel", "valkey+unix", "valkeys+cluster"}
	tails := []string{
		"h/x", "h/-1", "h/99999999999", "h/1?db=2", "h?db=x", "h?db=-1", "h,i", "h,i/x", "h:99999", "h?addr=a,b", "h?addr=i",
		"?addr=&addr=b", "?addr=a:b:c", "?addr=[::1", "h?protocol=4", "h?pool_size=0", "h?pool_size=many", "h?dial_timeout=5",
		"h?read_timeout=-1s", "h?write_timeout=soon", "h?tls_ca=/nonexistent", "h?tls_cert=/nonexistent", "h?tls_key=k",
		"h?tls_cert=/nonexistent&tls_key=/nonexistent", "h?tls_ca=" + file, "h?client_name=a%20b", "h?client_name=a&client_name=b",
		"h?password_file=/nonexistent", "h?password_file=" + file, "h?nonsense=1", "h?password=" + secret, "/path", "/path?db=x",
		"h?password_file=" + filepath.Dir(file),
	}
	bad := 0
	for _, scheme := range schemes {
		for _, login := range logins {
			for _, tail := range tails {
				if scheme == "valkey+unix" {
					tail = "/sock" + strings.TrimPrefix(tail, "h")
				}
				dsn, err := driver.ParseDSN(scheme + "://" + login + tail)
				if err != nil {
					bad++
					wantHidden(t, "the error of ParseDSN", err)
					continue
				}
				store, err := valkey.Driver{}.Open(dsn)
				if err == nil {
					wantHidden(t, "the store", store)
					err = errors.Join(store.Close(), dsn.Unread())
				}
				if err != nil {
					bad++
					wantHidden(t, "the error of Open", err)
				}
				wantHidden(t, "the DSN", dsn)
			}
		}
	}
	t.Logf("%d bad DSNs", bad)
	if bad < 200 {
		t.Errorf("only %d of the DSNs are bad", bad)
	}
	awaitNoGoroutines(t)
}

func TestNoPasswordInErrorsOfCalls(t *testing.T) {
	protected := startServer(t, servertest.Password(secret+"x"), servertest.User("ann", secret, "~ann:*", "+get", "+hello"))
	tlsServer := startServer(t, servertest.TLS(), servertest.Password(secret))
	silent := silentAddr(t)
	cutting := xcachetest.NewProxy(t, protected.Addr)
	for name, dsn := range map[string]string{
		"wrong password":      "valkey://:" + secret + "@" + protected.Addr,
		"unknown user":        "valkey://bob:" + secret + "@" + protected.Addr,
		"denied command":      "valkey://ann:" + secret + "@" + protected.Addr,
		"no such user":        "valkey://bob:" + secret + "@" + standalone.Server(t).Addr,
		"refused":             "valkey://:" + secret + "@" + refusingAddr(t),
		"no such socket":      "valkey+unix://:" + secret + "@/nonexistent/socket",
		"no such database":    "valkey://ann:" + secret + "@" + protected.Addr + "/77",
		"silent":              "valkey://:" + secret + "@" + silent,
		"silent TLS":          "valkeys://:" + secret + "@" + silent + "?dial_timeout=50ms",
		"unknown authority":   "valkeys://:" + secret + "@" + tlsServer.Addr,
		"in the clear to TLS": "valkey://:" + secret + "@" + tlsServer.Addr,
		"cut":                 "valkey://ann:" + secret + "@" + cutting.Addr(),
	} {
		t.Run(name, func(t *testing.T) {
			dsn := parse(t, dsn)
			dsn.OpTimeout = 200 * time.Millisecond
			s := openDSN(t, dsn)
			for _, w := range writes {
				if name == "cut" {
					cutting.CutReply(3)
				}
				err := w.run(t.Context(), s, "k")
				if err == nil {
					t.Errorf("%s has no error", w.name)
				}
				wantHidden(t, w.name, err)
			}
			wantHidden(t, "the store", s)
			wantHidden(t, "the store's value", struct{ Store *valkey.Store }{s})
		})
	}
}

func TestNoPasswordInAStoreOfAnOwnClient(t *testing.T) {
	server := startServer(t, servertest.Password(secret))
	s := valkey.NewStore(newClient(t, valkeygo.ClientOption{InitAddress: []string{server.Addr}, Password: secret}), valkey.CloseClient())
	wantHidden(t, "the store", s)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestNoPasswordOnStandardError(t *testing.T) {
	old := os.Stderr
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	os.Stderr = write
	defer func() { os.Stderr = old }()
	s := open(t, "valkey://:"+secret+"@"+refusingAddr(t))
	for range 30 {
		wantErr(t, put(t, s, "k", "v"), driver.NotApplied, driver.ErrUnavailable)
	}
	os.Stderr = old
	if err := write.Close(); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	if _, err := log.ReadFrom(read); err != nil {
		t.Fatal(err)
	}
	if log.Len() > 0 {
		t.Errorf("written to standard error: %s", log.String())
	}
}
