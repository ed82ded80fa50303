package drivertest

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/internal/servertest"
	"github.com/xcache-go/xcache/xcachetest"
)

// Passwords tests that passwords are shown nowhere. The test fails if an error,
// a printed store, a printed DSN or standard error shows a password.
func (s *Subject) Passwords(t *testing.T) {
	t.Run("in errors of Open", s.noPasswordInErrorsOfOpen)
	t.Run("in errors of calls", s.noPasswordInErrorsOfCalls)
	t.Run("in a store of an own client", s.noPasswordInAStoreOfAnOwnClient)
	t.Run("on standard error", s.noPasswordOnStandardError)
}

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

func (s *Subject) noPasswordInErrorsOfOpen(t *testing.T) {
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte(secret), 0o600); err != nil {
		t.Fatal(err)
	}
	logins := []string{":" + secret + "@", "user:" + secret + "@", "us%25er:" + secret + "@"}
	schemes := []string{s.Scheme, s.Scheme + "s", s.Scheme + "+cluster", s.Scheme + "+sentinel", s.Scheme + "+unix", s.Scheme + "s+cluster"}
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
				if scheme == s.Scheme+"+unix" {
					tail = "/sock" + strings.TrimPrefix(tail, "h")
				}
				dsn, err := driver.ParseDSN(scheme + "://" + login + tail)
				if err != nil {
					bad++
					wantHidden(t, "the error of ParseDSN", err)
					continue
				}
				store, err := s.Driver(nil).Open(dsn)
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
	s.AwaitNoGoroutines(t)
}

func (s *Subject) noPasswordInErrorsOfCalls(t *testing.T) {
	protected := s.StartServer(t, servertest.Password(secret+"x"), servertest.User("ann", secret, "~ann:*", "+get", "+hello"))
	tlsServer := s.StartServer(t, servertest.TLS(), servertest.Password(secret))
	silent := SilentAddr(t)
	cutting := xcachetest.NewProxy(t, protected.Addr)
	for name, dsn := range map[string]string{
		"wrong password":      s.Scheme + "://:" + secret + "@" + protected.Addr,
		"unknown user":        s.Scheme + "://bob:" + secret + "@" + protected.Addr,
		"denied command":      s.Scheme + "://ann:" + secret + "@" + protected.Addr,
		"no such user":        s.Scheme + "://bob:" + secret + "@" + s.Standalone(t).Addr,
		"refused":             s.Scheme + "://:" + secret + "@" + RefusingAddr(t),
		"no such socket":      s.Scheme + "+unix://:" + secret + "@/nonexistent/socket",
		"no such database":    s.Scheme + "://ann:" + secret + "@" + protected.Addr + "/77",
		"silent":              s.Scheme + "://:" + secret + "@" + silent,
		"silent TLS":          s.Scheme + "s://:" + secret + "@" + silent + "?dial_timeout=50ms",
		"unknown authority":   s.Scheme + "s://:" + secret + "@" + tlsServer.Addr,
		"in the clear to TLS": s.Scheme + "://:" + secret + "@" + tlsServer.Addr,
		"cut":                 s.Scheme + "://ann:" + secret + "@" + cutting.Addr(),
	} {
		t.Run(name, func(t *testing.T) {
			dsn := Parse(t, dsn)
			dsn.OpTimeout = 200 * time.Millisecond
			store := s.OpenDSN(t, dsn, nil).(serverStore)
			for _, w := range Writes() {
				if name == "cut" {
					cutting.CutReply(3)
				}
				err := w.Run(t.Context(), store, "k")
				if err == nil {
					t.Errorf("%s has no error", w.Name)
				}
				wantHidden(t, w.Name, err)
			}
			wantHidden(t, "the store", store)
			wantHidden(t, "the store's value", struct{ Store serverStore }{store})
		})
	}
}

func (s *Subject) noPasswordInAStoreOfAnOwnClient(t *testing.T) {
	server := s.StartServer(t, servertest.Password(secret))
	store := s.NewStore(t, server.Addr, secret)
	wantHidden(t, "the store", store)
	if err := Put(t, store, "k", "v"); err != nil {
		t.Error(err)
	}
	wantHidden(t, "the store in use", store)
	if err := store.Close(); err != nil {
		t.Error(err)
	}
	s.AwaitNoGoroutines(t)
}

func (s *Subject) noPasswordOnStandardError(t *testing.T) {
	old := os.Stderr
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	os.Stderr = write
	defer func() { os.Stderr = old }()
	store := s.open(t, s.Scheme+"://:"+secret+"@"+RefusingAddr(t))
	for range 30 {
		WantErr(t, Put(t, store, "k", "v"), driver.NotApplied, driver.ErrUnavailable)
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
