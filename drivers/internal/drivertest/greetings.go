package drivertest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/internal/servertest"
	"github.com/xcache-go/xcache/xcachetest"
)

// Greetings tests the commands that the driver sends first on a new connection,
// and what follows when the server refuses such a command. The test fails if a
// call fails though the refusal does no harm, or if a call succeeds without the
// right password. The test also fails if HELLO is sent with hello=off.
func (s *Subject) Greetings(t *testing.T) {
	t.Run("any password for a user without one", s.anyPasswordForAUserWithoutOne)
	t.Run("a refused name is an event", s.refusedNameIsAnEvent)
	t.Run("HELLO refused", s.helloRefused)
	t.Run("HELLO left out", s.helloLeftOut)
	t.Run("HELLO left out of batches", s.helloLeftOutOfBatches)
}

func (s *Subject) anyPasswordForAUserWithoutOne(t *testing.T) {
	server := s.StartServer(t, servertest.User("ann", "", "~*", "+@all"))
	for _, login := range []string{":secret@", "default:secret@", "ann:secret@"} {
		for _, protocol := range []string{"2", "3"} {
			store := s.Open(t, s.Scheme+"://"+login+server.Addr+"?protocol="+protocol)
			if err := Put(t, store, "k", "v"); err != nil {
				t.Errorf("%s with protocol %s: %v", login, protocol, err)
			}
		}
	}
}

func (s *Subject) refusedNameIsAnEvent(t *testing.T) {
	server := s.StartServer(t, servertest.User("ann", "hers", "~*", "+@all", "-client"))
	for _, protocol := range []string{"2", "3"} {
		var e events
		dsn := Parse(t, s.Scheme+"://ann:hers@"+server.Addr+"/1?client_name=shop&pool_size=1&protocol="+protocol)
		dsn.Notify = e.notify
		store := s.OpenDSN(t, dsn, nil)
		for range 3 {
			if err := Put(t, store, "k", "v"); err != nil {
				t.Error(err)
			}
		}
		Eventually(t, func() bool { return len(e.all()) > 0 }, func() string { return "there was no event" })
		seen := e.all()
		if len(seen) != 1 || seen[0].Kind != driver.ClientNameRefused || seen[0].Server != server.Addr {
			t.Fatalf("events: %+v", seen)
		}
		WantErr(t, seen[0].Err, driver.NotApplied, driver.ErrAuth)
		// The store works without an observer, too.
		if err := Put(t, s.Open(t, s.Scheme+"://ann:hers@"+server.Addr+"?client_name=shop"), "k", "v"); err != nil {
			t.Error(err)
		}
	}
	var e events
	dsn := Parse(t, s.Scheme+"://"+server.Addr+"?client_name=shop")
	dsn.Notify = e.notify
	if err := Put(t, s.OpenDSN(t, dsn, nil), "k", "v"); err != nil || len(e.all()) > 0 {
		t.Errorf("a name that is not refused: %v, %+v", err, e.all())
	}
}

func (s *Subject) helloRefused(t *testing.T) {
	for _, tt := range []struct {
		refusal string
		ends    bool
	}{
		{"ERR unknown command 'HELLO', with args beginning with: '2' ", false},
		{"ERR unknown command `hello`", false},
		{"ERR unknown command", false},
		{"unsupported command 'HELLO'", false},
		{"ERR command 'HELLO' is not allowed", false},
		{"NOPERM this user has no permissions to run the 'hello' command", false},
		{"NOPROTO unsupported protocol version", false},
		{"ERR Syntax error in HELLO option 'AUTH'", false},
		{"NOAUTH HELLO must be called with the client already authenticated", true},
		{"WRONGPASS invalid username-password pair or user is disabled.", true},
	} {
		for _, login := range []string{"", ":secret@", "ann:secret@"} {
			t.Run(fmt.Sprintf("%.20s/%s", tt.refusal, login), func(t *testing.T) {
				server := serveScript(t, func(_ int, words []string) said {
					switch words[0] {
					case "HELLO":
						return said{text: "-" + tt.refusal + "\r\n"}
					case "AUTH":
						if tt.ends {
							return said{text: "-WRONGPASS invalid username-password pair\r\n"}
						}
						if want := map[string]string{"": "none", ":secret@": "AUTH secret", "ann:secret@": "AUTH ann secret"}[login]; strings.Join(words, " ") != want {
							t.Errorf("got %q, want %q", words, want)
						}
					case "SELECT":
						if tt.ends {
							return said{text: "-NOAUTH Authentication required.\r\n"}
						}
					}
					return said{text: "+OK\r\n"}
				})
				err := Put(t, s.Open(t, s.Scheme+"://"+login+server.addr+"/1?client_name=shop&protocol=2"), "k", "v")
				switch {
				case tt.ends:
					WantErr(t, err, driver.NotApplied, driver.ErrAuth)
					if err == nil {
						t.Error("no error")
					}
				case err != nil:
					t.Error(err)
				}
			})
		}
	}
}

func (s *Subject) helloLeftOut(t *testing.T) {
	for _, login := range []string{"", ":secret@", "ann:secret@"} {
		server := serveScript(t, func(_ int, words []string) said {
			if words[0] == "HELLO" {
				return said{hangUp: true}
			}
			return said{text: "+OK\r\n"}
		})
		if err := Put(t, s.Open(t, s.Scheme+"://"+login+server.addr+"/1?client_name=shop&hello=off"), "k", "v"); err != nil {
			t.Errorf("%s: %v", login, err)
		}
		WantErr(t, Put(t, s.Open(t, s.Scheme+"://"+login+server.addr), "k", "v"), driver.NotApplied, driver.ErrUnavailable)
	}
	server := s.StartServer(t, servertest.Password("secret"))
	proxy := xcachetest.NewProxy(t, server.Addr)
	if err := Put(t, s.Open(t, s.Scheme+"://:secret@"+proxy.Addr()+"/1?hello=off"), "k", "v"); err != nil {
		t.Error(err)
	}
	WantErr(t, Put(t, s.Open(t, s.Scheme+"://:wrong@"+proxy.Addr()+"?hello=off"), "k", "v"), driver.NotApplied, driver.ErrAuth)
	if text := strings.ToUpper(string(proxy.Transcript())); strings.Contains(text, "\r\nHELLO\r\n") {
		t.Errorf("HELLO was sent: %q", text)
	}
}

// A batch may depend on the server's version, which HELLO tells.
func (s *Subject) helloLeftOutOfBatches(t *testing.T) {
	proxy := xcachetest.NewProxy(t, s.Standalone(t).Addr)
	store := s.Open(t, s.Scheme+"://"+proxy.Addr()+"?hello=off").(serverStore)
	k := Key(t, "k")
	for _, how := range []driver.How{driver.Plain, driver.Atomic} {
		cmds := []*driver.Cmd{
			driver.NewCmd("SET", driver.Key(k), driver.Val([]byte("v"))),
			driver.NewCmd("GETDEL", driver.Key(k)),
		}
		if err := store.Do(t.Context(), cmds, how); err != nil || string(cmds[1].Reply.Data) != "v" {
			t.Errorf("got %q, %v, %v", cmds[1].Reply.Data, err, cmds[1].Err)
		}
	}
	if _, err := store.IncrInit(t.Context(), k, 1, 0, time.Minute); err != nil {
		t.Error(err)
	}
	if text := strings.ToUpper(string(proxy.Transcript())); strings.Contains(text, "\r\nHELLO\r\n") {
		t.Errorf("HELLO was sent: %q", text)
	}
}
