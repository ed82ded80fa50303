package drivertest

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/internal/servertest"
)

// Credentials tests credentials that change while connections live. The test fails if a change
// costs a call or a connection, if the driver asks for credentials too often, or if an error
// or event shows a password.
func (s *Subject) Credentials(t *testing.T) {
	t.Run("rotate under load", s.credentialsRotateUnderLoad)
	t.Run("of idle connections are renewed", s.credentialsOfIdleConnections)
	t.Run("without an end are asked for once", s.credentialsWithoutAnEnd)
	t.Run("that cannot be renewed", s.credentialsThatCannotBeRenewed)
	t.Run("that cannot be had", s.credentialsThatCannotBeHad)
	t.Run("in a file that changes", s.credentialsInAFile)
	t.Run("contradict those of the DSN", s.credentialsTwice)
	t.Run("are a certificate that changes", s.certificatesThatChange)
}

// issued has the credentials of a program, which change.
type issued struct {
	mu    sync.Mutex
	given driver.Credentials
	life  time.Duration // 0 for no end
	err   error
	asked atomic.Int32
}

func (i *issued) set(user, password string, err error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.given, i.err = driver.Credentials{Username: user, Password: password}, err
}

func (i *issued) ask(context.Context) (driver.Credentials, error) {
	i.asked.Add(1)
	i.mu.Lock()
	defer i.mu.Unlock()
	given := i.given
	if i.life > 0 {
		given.Expires = time.Now().Add(i.life)
	}
	return given, i.err
}

// openWith opens a store whose connections have a name, by which rotating finds the
// connections.
func (s *Subject) openWith(t *testing.T, server *servertest.Server, login, query string, ask *issued, notify func(driver.Event)) driver.Store {
	t.Helper()
	dsn := Parse(t, s.Scheme+"://"+login+server.Addr+"?client_name=rotating"+query)
	if ask != nil {
		dsn.Credentials = ask.ask
	}
	dsn.Notify = notify
	return s.OpenDSN(t, dsn, nil)
}

// rotating returns the ids and the users of the connections that openWith made.
func rotating(t *testing.T, server *servertest.Server) (ids, users []string) {
	t.Helper()
	list, _ := server.Do(t, "CLIENT", "LIST").(string)
	for line := range strings.Lines(list) {
		fields := map[string]string{}
		for field := range strings.FieldsSeq(line) {
			name, value, _ := strings.Cut(field, "=")
			fields[name] = value
		}
		if fields["name"] == "rotating" {
			ids, users = append(ids, fields["id"]), append(users, fields["user"])
		}
	}
	slices.Sort(ids)
	return ids, users
}

// awaitUser waits until a user is logged in on all connections that openWith made.
func awaitUser(t *testing.T, server *servertest.Server, user string) (ids []string) {
	t.Helper()
	var users []string
	Eventually(t, func() bool {
		ids, users = rotating(t, server)
		return len(users) > 0 && !slices.ContainsFunc(users, func(other string) bool { return other != user })
	}, func() string { return fmt.Sprintf("the users are %q, want %s", users, user) })
	return ids
}

// The users user0 to user3 take turns. Each user is deleted when the next user has
// taken over. The server would cut a connection of a deleted user.
func (s *Subject) credentialsRotateUnderLoad(t *testing.T) {
	server := s.StartServer(t, servertest.User("user0", "password0", "~*", "+@all"))
	ask := &issued{life: 600 * time.Millisecond}
	ask.set("user0", "password0", nil)
	store := s.openWith(t, server, "", "&pool_size=4", ask, nil)
	stop := s.loadOf(t, store, 12)
	before := awaitUser(t, server, "user0")
	for i := 1; i <= 3; i++ {
		user, password, old := fmt.Sprint("user", i), fmt.Sprint("password", i), fmt.Sprint("user", i-1)
		server.Do(t, "ACL", "SETUSER", user, "on", ">"+password, "~*", "+@all")
		ask.set(user, password, nil)
		after := awaitUser(t, server, user)
		for _, id := range before {
			if !slices.Contains(after, id) {
				t.Errorf("connection %s of %v is gone: %v", id, before, after)
			}
		}
		before = after
		server.Do(t, "ACL", "DELUSER", old)
	}
	stop()
}

// loadOf starts callers that use a store until the test calls stop. stop fails the
// test if a call has failed.
func (s *Subject) loadOf(t *testing.T, store driver.Store, callers int) (stop func()) {
	t.Helper()
	var calls, failures atomic.Int64
	var running sync.WaitGroup
	var first sync.Once
	var done atomic.Bool
	for i := range callers {
		running.Go(func() {
			key := Key(t, fmt.Sprint("load", i))
			for !done.Load() {
				err := Put(t, store, key, "v")
				if err == nil {
					_, err = Get(t, store, key)
				}
				calls.Add(1)
				if err != nil {
					failures.Add(1)
					first.Do(func() { t.Errorf("a call under load: %v", err) })
				}
				time.Sleep(time.Millisecond)
			}
		})
	}
	return func() {
		done.Store(true)
		running.Wait()
		t.Logf("%d rounds of calls", calls.Load())
		if n := failures.Load(); n > 0 || calls.Load() == 0 {
			t.Errorf("%d of %d rounds failed", n, calls.Load())
		}
	}
}

func (s *Subject) credentialsOfIdleConnections(t *testing.T) {
	server := s.StartServer(t, servertest.User("ann", "hers", "~*", "+@all"), servertest.User("bob", "his", "~*", "+@all"))
	ask := &issued{life: 500 * time.Millisecond}
	ask.set("ann", "hers", nil)
	store := s.openWith(t, server, "", "", ask, nil)
	if err := Put(t, store, "k", "v"); err != nil {
		t.Fatal(err)
	}
	before := awaitUser(t, server, "ann")
	ask.set("bob", "his", nil)
	if after := awaitUser(t, server, "bob"); !slices.Equal(before, after) {
		t.Errorf("connections %v have become %v", before, after)
	}
	server.Do(t, "ACL", "DELUSER", "ann")
	if got, err := Get(t, store, "k"); string(got) != "v" || err != nil {
		t.Errorf("Get = %q, %v", got, err)
	}
}

func (s *Subject) credentialsWithoutAnEnd(t *testing.T) {
	server := s.StartServer(t, servertest.User("ann", "hers", "~*", "+@all"))
	var ask issued
	ask.set("ann", "hers", nil)
	store := s.openWith(t, server, "", "&pool_size=1", &ask, nil)
	for range 20 {
		if err := Put(t, store, "k", "v"); err != nil {
			t.Fatal(err)
		}
	}
	if n := ask.asked.Load(); n != 1 {
		t.Errorf("the program was asked %d times for one connection", n)
	}
	server.Do(t, "CLIENT", "KILL", "USER", "ann")
	if _, err := Get(t, store, "k"); err != nil {
		t.Error(err)
	}
	if n := ask.asked.Load(); n != 2 {
		t.Errorf("the program was asked %d times for two connections", n)
	}
}

// The connections stay as they are when the server does not know a new password yet,
// and when the program has no password.
func (s *Subject) credentialsThatCannotBeRenewed(t *testing.T) {
	server := s.StartServer(t, servertest.User("ann", "hers", "~*", "+@all"))
	var e events
	ask := &issued{life: 400 * time.Millisecond}
	ask.set("ann", "hers", nil)
	store := s.openWith(t, server, "", "&pool_size=1", ask, e.notify)
	if err := Put(t, store, "k", "v"); err != nil {
		t.Fatal(err)
	}
	stop := s.loadOf(t, store, 1)
	before := awaitUser(t, server, "ann")
	put := func() {}
	ask.set("bob", secret, nil)
	e.await(t, driver.CredentialsNotRenewed, server.Addr, put)
	ask.set("", "", errors.New("no token today"))
	asked := ask.asked.Load()
	Eventually(t, func() bool { return ask.asked.Load() > asked+1 }, func() string { return "the program is not asked again" })
	told := 0
	for _, event := range e.all() {
		if event.Kind == driver.CredentialsNotRenewed {
			told++
			wantHidden(t, "the event", event.Err)
		}
	}
	if told != 1 {
		t.Errorf("there are %d events", told)
	}
	server.Do(t, "ACL", "SETUSER", "bob", "on", ">his", "~*", "+@all")
	ask.set("bob", "his", nil)
	if after := awaitUser(t, server, "bob"); !slices.Equal(before, after) {
		t.Errorf("connections %v have become %v", before, after)
	}
	stop()
}

func (s *Subject) credentialsThatCannotBeHad(t *testing.T) {
	server := s.StartServer(t, servertest.User("ann", "hers", "~*", "+@all"))
	for _, tt := range []struct {
		given driver.Credentials
		err   error
		says  string
	}{
		{driver.Credentials{}, errors.New("no token today"), "no token today"},
		{driver.Credentials{Username: "ann"}, nil, "no password"},
		{driver.Credentials{Username: "ann", Password: secret, Expires: time.Now()}, nil, "expired"},
	} {
		dsn := Parse(t, s.Scheme+"://"+server.Addr)
		dsn.Credentials = func(context.Context) (driver.Credentials, error) { return tt.given, tt.err }
		err := Put(t, s.OpenDSN(t, dsn, nil), "k", "v")
		WantErr(t, err, driver.NotApplied, driver.ErrUnavailable)
		wantHidden(t, "the error", err)
		if !strings.Contains(err.Error(), tt.says) {
			t.Errorf("the error is %v, want it to say %s", err, tt.says)
		}
		if tt.err != nil && !errors.Is(err, tt.err) {
			t.Errorf("%v does not wrap that of the program", err)
		}
	}
	dsn := Parse(t, s.Scheme+"://"+server.Addr+"?dial_timeout=100ms")
	dsn.Credentials = func(ctx context.Context) (driver.Credentials, error) {
		<-ctx.Done()
		return driver.Credentials{}, ctx.Err()
	}
	WantErr(t, Put(t, s.OpenDSN(t, dsn, nil), "k", "v"), driver.NotApplied, driver.ErrUnavailable)
}

// The user has two passwords for a while. The file is replaced, and then the server
// forgets the old password.
func (s *Subject) credentialsInAFile(t *testing.T) {
	server := s.StartServer(t, servertest.User("ann", "old", "~*", "+@all"))
	file := filepath.Join(t.TempDir(), "password")
	write := func(password string) {
		t.Helper()
		if err := os.WriteFile(file+".new", []byte(password+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(file+".new", file); err != nil {
			t.Fatal(err)
		}
	}
	write("old")
	store := s.openWith(t, server, "ann@", "&pool_size=4&password_file="+file, nil, nil)
	stop := s.loadOf(t, store, 12)
	before := awaitUser(t, server, "ann")
	logins := func() int { return commandCalls(t, server, "auth") }
	server.Do(t, "ACL", "SETUSER", "ann", ">new")
	known := logins()
	write("new")
	Eventually(t, func() bool {
		ids, _ := rotating(t, server)
		return logins() >= known+len(ids)
	}, func() string { return fmt.Sprintf("connections have logged in %d times", logins()-known) })
	server.Do(t, "ACL", "SETUSER", "ann", "<old")
	time.Sleep(50 * time.Millisecond) // under load
	after, _ := rotating(t, server)
	for _, id := range before {
		if !slices.Contains(after, id) {
			t.Errorf("connection %s of %v is gone: %v", id, before, after)
		}
	}
	stop()
	// A new connection logs in with the new password.
	server.Do(t, "CLIENT", "KILL", "USER", "ann")
	// A call fails if the call meets several closed connections, while the server closes one
	// connection after the other.
	Eventually(t, func() bool {
		left, _ := rotating(t, server)
		return !slices.ContainsFunc(left, func(id string) bool { return slices.Contains(after, id) })
	}, func() string { return "the server does not close the connections" })
	if _, err := Get(t, store, Key(t, "load0")); err != nil {
		t.Error(err)
	}
}

// commandCalls returns how often a server was sent a command.
func commandCalls(t *testing.T, server *servertest.Server, name string) int {
	t.Helper()
	info, _ := server.Do(t, "INFO", "commandstats").(string)
	calls := 0
	if _, rest, ok := strings.Cut(info, "cmdstat_"+name+":calls="); ok {
		_, _ = fmt.Sscan(rest, &calls)
	}
	return calls
}

func (s *Subject) credentialsTwice(t *testing.T) {
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte(secret), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"://:" + secret + "@h", "://ann@h", "://ann:" + secret + "@h", "://h?password_file=" + file} {
		dsn := Parse(t, s.Scheme+text)
		dsn.Credentials = new(issued).ask
		_, err := s.Driver(nil).Open(dsn)
		if err == nil || !strings.Contains(err.Error(), "cannot be combined") {
			t.Errorf("%s: %v", strings.ReplaceAll(text, secret, "…"), err)
		}
		wantHidden(t, "the error", err)
	}
}

// The server does not accept the first pair of certificate and key. While the two
// files do not belong together, the driver goes on with the earlier pair.
func (s *Subject) certificatesThatChange(t *testing.T) {
	server := s.StartServer(t, servertest.TLS(), servertest.Config("tls-auth-clients", "yes"))
	c := server.Certificates
	cert, key := filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	replace := func(file string, by []byte) {
		t.Helper()
		if err := os.WriteFile(file, by, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	read := func(file string) []byte {
		t.Helper()
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	otherCert, otherKey := selfSigned(t)
	replace(cert, otherCert)
	replace(key, otherKey)
	store := s.Open(t, fmt.Sprintf("%ss://%s?pool_size=1&tls_ca=%s&tls_cert=%s&tls_key=%s", s.Scheme, server.Addr, c.CAFile, cert, key))
	if err := Put(t, store, "k", "v"); !errors.Is(err, driver.ErrUnavailable) {
		t.Errorf("with a certificate that the server does not accept: %v", err)
	}
	replace(cert, read(c.ClientCertFile))
	replace(key, read(c.ClientKeyFile))
	if err := Put(t, store, "k", "v"); err != nil {
		t.Errorf("with the new certificate: %v", err)
	}
	for _, broken := range [][]byte{otherKey, []byte("no key"), nil} {
		replace(key, broken)
		// The first call may meet the connection that is cut.
		server.Do(t, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
		Eventually(t, func() bool { _, err := Get(t, store, "k"); return err == nil }, func() string { return "there is no connection while the files change" })
	}
}

// selfSigned returns a certificate that nobody accepts, and its key, in PEM form.
func selfSigned(t *testing.T) (cert, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})
}
