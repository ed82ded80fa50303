package dialect_test

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/dialect"
	"github.com/xcache-go/xcache/drivers/internal/script"
	"github.com/xcache-go/xcache/drivers/internal/servererror"
)

// A server refuses the commands that its version lacks, as real servers do, and replies OK
// to all others. Package drivertest tests with real servers which commands they lack, and
// whether the scripts have the same effect.
type server struct {
	version string            // if empty, HELLO is an unknown command
	down    error             // the error of HELLO
	denies  map[string]string // the error replies to some commands
	sent    []string
}

func (s *server) Limits() driver.Limits { return driver.Limits{CallTimeout: time.Minute} }

func (s *server) Query(_ context.Context, words ...string) (driver.Reply, error) {
	s.sent = append(s.sent, strings.Join(words, " "))
	switch {
	case s.down != nil:
		return driver.Reply{}, s.down
	case s.version == "":
		return driver.Reply{}, servererror.Parse("ERR unknown command 'HELLO'", nil)
	case s.version == "6.0.16":
		return driver.Reply{}, servererror.Parse("ERR wrong number of arguments for 'hello' command", nil)
	}
	text := func(s string) driver.Reply { return driver.DataReply([]byte(s)) }
	return driver.ArrayReply(text("server"), text("redis"), text("version"), text(s.version), text("proto"), driver.IntReply(2)), nil
}

func (s *server) Do(_ context.Context, cmds []*driver.Cmd, how driver.How) error {
	var names []string
	var failed error
	for _, c := range cmds {
		names = append(names, c.Name)
		c.Reply, c.Err = driver.DataReply([]byte("OK")), nil
		if text, isDenied := s.denies[c.Name]; isDenied {
			c.Reply, c.Err = driver.Reply{}, servererror.Parse(text, nil)
			failed = c.Err
		} else if _, isScript := script.Lookup(c.Name); !isScript && s.lacks(c) {
			c.Reply, c.Err = driver.Reply{}, servererror.Parse("ERR syntax error", nil)
			failed = c.Err
		}
	}
	s.sent = append(s.sent, strings.Join(names, ","))
	if how == driver.Plain || failed == nil {
		return nil
	}
	for _, c := range cmds {
		c.Err = failed
	}
	return failed
}

func (s *server) lacks(c *driver.Cmd) bool {
	version, _ := dialect.ParseVersion("redis", cmp.Or(s.version, "6.0"))
	return slices.ContainsFunc(dialect.Forms(), func(f dialect.Form) bool { return f.Command == c.Name && f.Made(c.Args) && !f.In(version) })
}

// commands parses lines such as "SET k v GET".
func commands(lines ...string) []*driver.Cmd {
	cmds := make([]*driver.Cmd, len(lines))
	for i, line := range lines {
		words := strings.Fields(line)
		cmds[i] = driver.NewCmd(words[0])
		for j, word := range words[1:] {
			if j == 0 {
				cmds[i].Args = append(cmds[i].Args, driver.Key(word))
			} else {
				cmds[i].Args = append(cmds[i].Args, driver.Literal(word))
			}
		}
	}
	return cmds
}

func TestDo(t *testing.T) {
	for _, tt := range []struct {
		name    string
		version string
		calls   [][]string // one after the other, on one Dialect
		atomic  bool
		sent    []string
		refused []string // the texts of the errors of the last call; empty without an error
	}{
		{
			name: "a command that the server has costs nothing", version: "7.0.15",
			calls: [][]string{{"GETDEL k"}, {"SET k v GET"}},
			sent:  []string{"GETDEL", "SET"},
		},
		{
			name: "one that it lacks is found out, once", version: "6.0.16",
			calls: [][]string{{"GETDEL k"}, {"SET k v get"}, {"LPOP k 2"}, {"LPOP k"}, {"SET k v"}},
			sent:  []string{"GETDEL", "HELLO", script.GetDel, script.SetGet, script.LPopCount, "LPOP", "SET"},
		},
		{
			name: "a batch that any server understands is sent as it is", version: "6.0.16",
			calls: [][]string{{"SET k v", "LPOP k", "PEXPIRE k 1"}},
			sent:  []string{"SET,LPOP,PEXPIRE"},
		},
		{
			name: "the version is asked before a batch, once", version: "7.0.15",
			calls: [][]string{{"SET k v", "GETDEL k", "GET k"}, {"GETDEL k", "GETDEL k"}},
			sent:  []string{"HELLO", "SET,GETDEL,GET", "GETDEL,GETDEL"},
		},
		{
			name: "a batch keeps its order", version: "6.0.16",
			calls: [][]string{{"SET k v", "GETDEL k", "GET k"}},
			sent:  []string{"HELLO", "SET," + script.GetDel + ",GET"},
		},
		{
			name: "so does a transaction", version: "6.0.16", atomic: true,
			calls: [][]string{{"SET k v", "GETDEL k"}},
			sent:  []string{"HELLO", "SET," + script.GetDel},
		},
		{
			name: "a transaction may be one command", version: "6.0.16", atomic: true,
			calls: [][]string{{"GETDEL k"}},
			sent:  []string{"HELLO", script.GetDel},
		},
		{
			name: "a version in between lacks some", version: "6.2.7",
			calls: [][]string{{"SET k v GET", "SET k v NX GET"}},
			sent:  []string{"HELLO", "SET," + script.SetGet},
		},
		{
			name: "what nothing stands in for names the version", version: "6.0.16",
			calls:   [][]string{{"HTTL k FIELDS 1 f"}},
			sent:    []string{"HTTL", "HELLO"},
			refused: []string{"HTTL needs Redis 7.4 or Valkey 9.0, and this server is Redis 6.0"},
		},
		{
			name: "and leaves the rest of its batch alone", version: "6.0.16",
			calls:   [][]string{{"SET k v", "SET k v EXAT 1 GET", "GET k"}},
			sent:    []string{"HELLO", "SET,GET"},
			refused: []string{"", "SET with EXAT or PXAT needs Redis 6.2", ""},
		},
		{
			name: "but fails a transaction before it is sent", version: "6.0.16", atomic: true,
			calls:   [][]string{{"SET k v", "SET k v EXAT 1"}},
			sent:    []string{"HELLO"},
			refused: []string{"SET with EXAT or PXAT needs Redis 6.2"},
		},
		{
			name: "a server that does not tell is taken at its word", version: "",
			calls:   [][]string{{"GETDEL k"}},
			sent:    []string{"GETDEL", "HELLO"},
			refused: []string{"ERR syntax error"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := &server{version: tt.version}
			var d dialect.Dialect
			how := driver.Plain
			if tt.atomic {
				how = driver.Atomic
			}
			for i, lines := range tt.calls {
				cmds := commands(lines...)
				err := d.Do(t.Context(), s, cmds, how)
				got := []error{err}
				if err == nil {
					got = got[:0]
					for _, c := range cmds {
						got = append(got, c.Err)
					}
				}
				want := make([]string, len(got))
				if i == len(tt.calls)-1 && tt.refused != nil {
					want = tt.refused
				}
				for j, err := range got {
					require.Equal(t, want[j] == "", err == nil, "%s: got %v, want %q", lines, err, want[j])
					require.False(t, err != nil && !strings.Contains(err.Error(), want[j]), "%s: got %v, want %q", lines, err, want[j])
					require.False(t, strings.Contains(want[j], "needs") && (!errors.Is(err, errors.ErrUnsupported) || errors.Is(err, driver.ErrUnknownOutcome)), "%s: %v is not an unsupported operation that was not applied", lines, err)
				}
			}
			require.Equal(t, tt.sent, s.sent)
		})
	}
}

func TestServerThatIsReplacedByAnOlderOne(t *testing.T) {
	s := &server{version: "7.0.15"}
	var d dialect.Dialect
	do := func(lines ...string) error {
		cmds := commands(lines...)
		if err := d.Do(t.Context(), s, cmds, driver.Plain); err != nil {
			return err
		}
		for _, c := range cmds {
			if c.Err != nil {
				return c.Err
			}
		}
		return nil
	}
	require.NoError(t, do("GETDEL k", "GET k"))
	s.version = "6.0.16"
	require.ErrorIs(t, do("GETDEL k", "GET k"), driver.ErrSyntax, "the first batch")
	require.NoError(t, do("GETDEL k", "GET k"), "the next")
	s.version = "7.0.15"
	require.NoError(t, do("GETDEL k"), "after an upgrade")
}

func TestServerThatDoesNotAnswerTheQuestion(t *testing.T) {
	s := &server{down: driver.Fail(driver.ErrUnavailable, driver.Unknown, nil)}
	var d dialect.Dialect
	for _, how := range []driver.How{driver.Plain, driver.Atomic} {
		cmds := commands("GETDEL k", "GET k")
		err := d.Do(t.Context(), s, cmds, how)
		require.ErrorIs(t, err, driver.ErrUnavailable)
		require.NotErrorIs(t, err, driver.ErrUnknownOutcome)
	}
	require.Equal(t, []string{"HELLO", "HELLO"}, s.sent)
}

func TestForms(t *testing.T) {
	for _, f := range dialect.Forms() {
		_, ok := driver.LookupCommand(f.Command)
		require.True(t, ok, "%s: no such command", &f)
		_, ok = script.Lookup(f.Script)
		require.False(t, f.Script != "" && !ok, "%s: no such script", &f)
		oldest, _ := dialect.ParseVersion("redis", "6.0.0")
		require.False(t, f.In(oldest), "%s: every server has it", &f)
	}
}

func TestParseVersion(t *testing.T) {
	for _, tt := range []struct{ product, text, want string }{
		{"redis", "7.0.15", "Redis 7.0"},
		{"valkey", "9.1.2", "Valkey 9.1"},
		{"redis", "255.255.255", "Redis 255.255"},
		{"redis", "", ""},
		{"dragonfly", "1.2", ""},
	} {
		v, ok := dialect.ParseVersion(tt.product, tt.text)
		require.Equal(t, tt.want != "", ok, "%s %s: got %s", tt.product, tt.text, v)
		require.False(t, ok && v.String() != tt.want, "%s %s: got %s, %v", tt.product, tt.text, v, ok)
	}
}
