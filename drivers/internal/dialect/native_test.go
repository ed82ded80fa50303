package dialect_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/dialect"
	"github.com/xcache-go/xcache/drivers/internal/script"
)

func swapped(key string, ttl time.Duration) *driver.Cmd {
	return driver.NewCmd(driver.CmdCompareAndSwap, driver.Key(key), driver.Val([]byte("old")), driver.Val([]byte("new")), driver.TTLArg(ttl))
}

func deleted(key string) *driver.Cmd {
	return driver.NewCmd(driver.CmdCompareAndDelete, driver.Key(key), driver.Val([]byte("old")))
}

func get(key string) *driver.Cmd { return driver.NewCmd("GET", driver.Key(key)) }

func TestNativesInThePlaceOfScripts(t *testing.T) {
	type calls [][]*driver.Cmd
	const cas, cad, swap = driver.CmdCompareAndSwap, driver.CmdCompareAndDelete, driver.CmdSwap
	value, minute := driver.Val([]byte("v")), driver.TTLArg(time.Minute)
	for _, tt := range []struct {
		name    string
		version string
		denies  map[string]string
		atomic  bool
		calls   calls // one after the other, on one Dialect
		sent    []string
	}{
		{
			name: "the version is asked once", version: "8.4.0",
			calls: calls{{swapped("k", time.Minute)}, {swapped("k", 0)}, {deleted("k")}},
			sent:  []string{"HELLO", "SET", "DELEX", "DELEX"},
		},
		{
			name: "an older server runs scripts", version: "8.3.9",
			calls: calls{{swapped("k", driver.KeepTTL)}, {deleted("k")}, {driver.NewCmd(swap, driver.Key("k"), value, minute)}},
			sent:  []string{"HELLO", cas, cad, "SET"},
		},
		{
			name: "so does one that does not say what it is", version: "",
			calls: calls{{swapped("k", time.Minute)}, {driver.NewCmd(swap, driver.Key("k"), value, minute)}},
			sent:  []string{"HELLO", cas, swap},
		},
		{
			name: "a command that is refused is a script from then on", version: "8.4.0",
			denies: map[string]string{"DELEX": "NOPERM User u has no permissions to run the 'delex' command"},
			calls:  calls{{deleted("k")}, {deleted("k")}, {swapped("k", 0)}, {swapped("k", time.Minute)}},
			sent:   []string{"HELLO", "DELEX", cad, cad, "DELEX", cas, "SET"},
		},
		{
			name: "one that older servers have taken the place of, too", version: "8.4.0",
			denies: map[string]string{"SET": "ERR syntax error"},
			calls:  calls{{swapped("a", time.Minute), swapped("b", time.Minute), get("c")}, {swapped("k", time.Minute)}},
			sent:   []string{"HELLO", "SET,SET,GET", cas + "," + cas, cas},
		},
		{
			name: "a user without the script either is refused again", version: "8.4.0",
			denies: map[string]string{"DELEX": "NOPERM no", cad: "NOPERM no"},
			calls:  calls{{deleted("k")}, {deleted("k")}},
			sent:   []string{"HELLO", "DELEX", cad, "DELEX", cad},
		},
		{
			name: "other errors are the reply", version: "8.4.0",
			denies: map[string]string{"DELEX": "READONLY You can't write against a read only replica."},
			calls:  calls{{deleted("k")}},
			sent:   []string{"HELLO", "DELEX"},
		},
		{
			name: "a command with a later one on its key is a script", version: "8.4.0",
			calls: calls{{swapped("k", time.Minute), get("k"), swapped("k", time.Minute), deleted("other")}},
			sent:  []string{"HELLO", cas + ",GET,SET,DELEX"},
		},
		{
			name: "or with a later one on all keys", version: "8.4.0",
			calls: calls{{swapped("k", time.Minute), driver.NewCmd("FLUSHDB"), deleted("k")}},
			sent:  []string{"HELLO", cas + ",FLUSHDB,DELEX"},
		},
		{
			name: "transactions run scripts", version: "8.4.0", atomic: true,
			calls: calls{{swapped("k", time.Minute), get("other")}},
			sent:  []string{cas + ",GET"},
		},
		{
			name: "bad arguments are the script's to judge", version: "8.4.0",
			calls: calls{
				{driver.NewCmd(cas, driver.Key("k"), value)}, {driver.NewCmd(cad)}, {driver.NewCmd(swap, driver.Key("k"), value, driver.Literal("x"))},
				{driver.NewCmd(swap, driver.Key("k"), value, driver.Literal("9223372036854775807"))}, {driver.NewCmd(cad, driver.Key("k"), driver.Literal("GET"))},
			},
			sent: []string{"HELLO", cas, cad, swap, swap, cad},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := &server{version: tt.version, denies: tt.denies}
			var d dialect.Dialect
			how := driver.Plain
			if tt.atomic {
				how = driver.Atomic
			}
			for _, cmds := range tt.calls {
				require.NoError(t, d.Do(t.Context(), s, cmds, how))
			}
			require.Equal(t, tt.sent, s.sent)
		})
	}
}

func TestNatives(t *testing.T) {
	for _, n := range dialect.Natives() {
		_, ok := script.Lookup(n.Extension)
		require.True(t, ok, "%s: no such script", n.Extension)
		require.True(t, strings.HasPrefix(n.Extension, "XCACHE."), n.Extension)
		oldest, _ := dialect.ParseVersion("redis", "6.0.0")
		require.False(t, n.In(oldest), "%s: every server has it, and the script is never run", n.Extension)
	}
}
