package drivertest

import (
	"errors"
	"strings"
	"testing"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/xcachetest"
)

// SharedConnections tests commands that belong on a connection of the caller's own, because
// the commands change the connection or wait there. The test fails if such a command is sent
// on a connection that other callers use.
func (s *Subject) SharedConnections(t *testing.T) {
	refused := []string{
		"SELECT 5", "select 5", "AUTH secret", "HELLO 3", "RESET", "QUIT", "MONITOR", "READONLY", "READWRITE", "ASKING",
		"WATCH k", "UNWATCH", "MULTI", "EXEC", "DISCARD",
		"SUBSCRIBE news", "PSUBSCRIBE n*", "SSUBSCRIBE news", "UNSUBSCRIBE", "PUNSUBSCRIBE", "SUNSUBSCRIBE",
		"CLIENT REPLY OFF", "client reply off", "CLIENT TRACKING ON", "CLIENT CACHING YES", "CLIENT NO-EVICT ON", "CLIENT NO-TOUCH ON", "CLIENT SETNAME n",
		"BRPOPLPUSH a b 0", "WAIT 1 0", "WAITAOF 0 1 0", "CLIENT",
	}
	taken := []string{"CLIENT ID", "CLIENT LIST", "CLIENT GETNAME", "CONFIG GET maxmemory", "SLOWLOG LEN"}
	proxy := xcachetest.NewProxy(t, s.Standalone(t).Addr)
	for _, kind := range s.stores() {
		t.Run(kind.name, func(t *testing.T) {
			store := kind.open(t, proxy.Addr())
			for _, line := range taken {
				if cmd := customCommand(line); run(t, store, cmd) != nil || cmd.Err != nil {
					t.Errorf("%s: %v", line, cmd.Err)
				}
			}
			for _, line := range refused {
				proxy.ResetStats()
				for _, how := range []driver.How{driver.Plain, driver.Atomic} {
					cmd := customCommand(line)
					err := store.Do(t.Context(), []*driver.Cmd{cmd}, how)
					err = errors.Join(err, cmd.Err)
					if WantErr(t, err, driver.NotApplied, driver.ErrSyntax); err != nil && (!strings.Contains(err.Error(), cmd.Name) || !strings.Contains(err.Error(), "connection of the caller's own")) {
						t.Errorf("%s: %v", line, err)
					}
				}
				if n := proxy.Stats().RequestBytes; n > 0 {
					t.Errorf("%s: %d bytes were sent", line, n)
				}
			}
			// The others of a batch are sent.
			cmds := []*driver.Cmd{driver.NewCmd("SET", driver.Key(Key(t, "k")), driver.Val([]byte("v"))), customCommand("SELECT 5"), driver.NewCmd("GET", driver.Key(Key(t, "k")))}
			if err := store.Do(t.Context(), cmds, driver.Plain); err != nil || cmds[0].Err != nil || string(cmds[2].Reply.Data) != "v" {
				t.Errorf("around a command that is refused: %v, %v, %q, %v", err, cmds[0].Err, cmds[2].Reply.Data, cmds[2].Err)
			}
			WantErr(t, cmds[1].Err, driver.NotApplied, driver.ErrSyntax)
		})
	}
}

// customCommand returns the custom command of a line, in the case of the line.
func customCommand(line string) *driver.Cmd {
	words := strings.Fields(line)
	cmd := driver.NewCustomCmd(words[0])
	for _, word := range words[1:] {
		cmd.Args = append(cmd.Args, driver.Literal(word))
	}
	return cmd
}

func run(t *testing.T, store driver.Commander, cmd *driver.Cmd) error {
	t.Helper()
	return store.Do(t.Context(), []*driver.Cmd{cmd}, driver.Plain)
}
