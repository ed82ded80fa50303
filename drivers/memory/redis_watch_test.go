package memory_test

import (
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/memory"
	"github.com/xcache-go/xcache/internal/servertest"
	"github.com/xcache-go/xcache/internal/servertest/release"
)

// A watch is an optimistic transaction on one key, on the store and on Redis. After its end
// another transaction begins.
type watch struct {
	key   string
	store *memory.Store
	here  driver.Transaction
	there *servertest.Conn
}

func newWatch(t *testing.T, store *memory.Store, server *servertest.Server, key string) *watch {
	t.Helper()
	w := &watch{key: key, store: store, there: server.Dial(t)}
	w.there.Do(t, "WATCH", key)
	w.begin(t)
	return w
}

func (w *watch) begin(t *testing.T) {
	t.Helper()
	var err error
	w.here, err = w.store.Watch(t.Context(), w.key)
	require.NoError(t, err)
}

// conflicts ends the transaction, and reports whether there was a conflict here and there.
func (w *watch) conflicts(t *testing.T) (here, there bool) {
	t.Helper()
	replies, err := w.there.Pipeline([]string{"MULTI"}, []string{"EXEC"}, []string{"WATCH", w.key})
	require.NoError(t, err)
	exists := driver.NewCmd("EXISTS", driver.Key(w.key))
	err = w.here.Do(t.Context(), []*driver.Cmd{exists}, driver.Atomic)
	if !errors.Is(err, driver.ErrConflict) {
		require.NoError(t, err)
	}
	require.NoError(t, w.here.Close())
	w.begin(t)
	return err != nil, replies[1] == nil
}

// writes makes commands of a family that write, each of them once, and between them
// commands that fill keys.
func (f family) writes(m lineMaker) (lines []string) {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(f.lines)) {
		if !driver.NewCmd(name).Command().ReadOnly {
			names = append(names, name)
		}
	}
	for range 2 * len(f.builds) {
		lines = append(lines, f.build(m))
	}
	for _, i := range m.Perm(len(names)) {
		line := names[i] + " " + f.lines[names[i]]()
		if names[i] == "SPOP" && !strings.HasSuffix(line, " 9") {
			line = "SPOP a 0" // the members are picked at random
		}
		lines = append(lines, f.build(m), line)
	}
	return lines
}

// waits makes commands that may wait.
func (m lineMaker) waits() map[string]func() string {
	const soon = "0.01"
	return map[string]func() string{
		"BLPOP":    func() string { return m.key() + " " + m.key() + " " + soon },
		"BRPOP":    func() string { return m.key() + " " + soon },
		"BLMPOP":   func() string { return soon + " 2 " + m.key() + " " + m.key() + " LEFT COUNT 2" },
		"BLMOVE":   func() string { return m.key() + " " + m.key() + " LEFT RIGHT " + soon },
		"BZPOPMIN": func() string { return m.key() + " " + m.key() + " " + soon },
		"BZPOPMAX": func() string { return m.key() + " " + soon },
		"BZMPOP":   func() string { return soon + " 2 " + m.key() + " " + m.key() + " MIN COUNT 2" },
	}
}

// A write of what has expired at once is a conflict on Redis, though there is no key before
// and afterwards.
func TestWritesThatLeaveNoKeyConflictAsOnRedis(t *testing.T) {
	server := servertest.Redis(t, servertest.Release(release.Redis8.Name))
	conn := server.Dial(t)
	store := newStore(t, memory.Options{})
	w := newWatch(t, store, server, "a")
	for _, line := range []string{
		"HSETEX a EXAT 1 FIELDS 1 f 1",
		"HSETEX a FNX PXAT 1 FIELDS 2 f 1 g 2",
		"HSETEX a FXX EXAT 1 FIELDS 1 f 1",
		"HGETEX a EXAT 1 FIELDS 1 f",
		"SET a text EXAT 1",
		"SET a text XX PXAT 1",
		"GETEX a EXAT 1",
		"EXPIREAT a 1",
	} {
		cmd := command(line)
		require.NoError(t, store.Do(t.Context(), []*driver.Cmd{cmd}, driver.Plain))
		onRedis(t, conn, cmd)
		here, there := w.conflicts(t)
		require.Equal(t, there, here, line)
		exists := command("EXISTS a")
		require.NoError(t, store.Do(t.Context(), []*driver.Cmd{exists}, driver.Plain))
		require.Zero(t, exists.Reply.Int, line)
	}
}

// A command is a conflict for the watchers of a key exactly if it is one on Redis. The
// effect on the key does not matter, and Redis overlooks some writes.
func TestRandomCommandsConflictAsOnRedis(t *testing.T) {
	const rounds = 15
	server := servertest.Redis(t, servertest.Release(release.Redis8.Name))
	conn := server.Dial(t)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	m := newLineMaker(rand.NewPCG(seed, 8))
	families := append(m.families(true), family{m.waits(), []string{"RPUSH a x y", "ZADD b 1 x 2 y"}})
	store := newStore(t, memory.Options{})
	watches := make(map[string]*watch)
	for _, key := range []string{"a", "b", "c", "d", "e"} {
		watches[key] = newWatch(t, store, server, key)
	}
	lost, kept := make(map[string]int), make(map[string]int) // transactions, by the name of the command
	for round := range rounds * len(families) {
		lines := append([]string{"DEL a b c d e"}, families[round%len(families)].writes(m)...)
		for i, line := range lines {
			cmd := command(line)
			require.NoError(t, store.Do(t.Context(), []*driver.Cmd{cmd}, driver.Plain))
			reply := onRedis(t, conn, cmd)
			for key, w := range watches {
				here, there := w.conflicts(t)
				require.Equal(t, there, here, "%s, answered by %s (%v), makes a transaction lose that watches %s; after\n%s",
					line, reply, cmd.Err, key, strings.Join(lines[:i], "\n"))
				if here {
					lost[cmd.Name]++
				} else if slices.Contains(wordsOf(cmd), key) {
					kept[cmd.Name]++
				}
			}
		}
	}
	for _, row := range driver.Commands() {
		if row.ReadOnly || row.Extension || row.Keys == driver.NoKey || slices.Contains([]driver.Group{driver.GroupMigration, driver.GroupScripts, driver.GroupFunctions, driver.GroupPubSub}, row.Group) {
			continue
		}
		require.Positive(t, lost[row.Name]+kept[row.Name], "seed %d: how often %s was compared", seed, row.Name)
	}
}
