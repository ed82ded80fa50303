package memory_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/memory"
	"github.com/xcache-go/xcache/internal/servertest"
)

// streamSessions are the sessions of streams.
var streamSessions = map[string][][2]string{
	"streams": {
		{"XLEN s", "0"},
		{"XADD s NOMKSTREAM 1-1 f v", "nil"},
		{"XADD s 1-1 f v", `"1-1"`},
		{"XADD s 1-1 f v", "ERR"},
		{"XADD s 1-* f v g _", `"1-2"`},
		{"XADD s 5 f v", `"5-0"`},
		{"XADD s 0-0 f v", "ERR"},
		{"XADD s 6-0 f", "ERR"},
		{"XLEN s", "3"},
		{"XRANGE s - +", `[["1-1" ["f" "v"]] ["1-2" ["f" "v" "g" ""]] ["5-0" ["f" "v"]]]`},
		{"XRANGE s (1-1 5", `[["1-2" ["f" "v" "g" ""]] ["5-0" ["f" "v"]]]`},
		{"XREVRANGE s + - COUNT 1", `[["5-0" ["f" "v"]]]`},
		{"XREAD COUNT 1 STREAMS none s 0 5-0", "nil"},
		{"XDEL s 1-2 9-9", "1"},
		{"XTRIM s MAXLEN 1", "1"},
		{"XTRIM s MINID 9", "1"},
		{"XLEN s", "0"},
		{"EXISTS s", "1"},
		{"XADD s 5-0 f v", "ERR"},
	},
	"groups of streams": {
		{"XGROUP CREATE s g $", "NOTFOUND"},
		{"XGROUP CREATE s g $ MKSTREAM", `"OK"`},
		{"XGROUP CREATE s g 0", "NOTSTORED"},
		{"XREADGROUP GROUP none c STREAMS s >", "NOTFOUND"},
		{"XREADGROUP GROUP g c NOACK STREAMS s >", "nil"},
		{"XINFO GROUPS none", "NOTFOUND"},
		{"XPENDING s g", "[0 nil nil nil]"},
		{"XACK s g 1-0", "0"},
		{"XCLAIM s g c 0 1-0", "[]"},
		{"XAUTOCLAIM s g c 0 0", `["0-0" [] []]`},
		{"XGROUP DESTROY s none", "0"},
		{"XGROUP NOSUCH s g", "ERR"},
	},
}

// streamLines returns makers of random commands on streams.
func streamLines(m lineMaker) map[string]func() string {
	key := func() string { return m.pick("a", "a", "b", "text") }
	id := func() string {
		return m.pick("0", "1", "1-1", "2", "2-1", "3-0", "3-2", "4", "5-1", "0-0", "x", "1-x", "-", "18446744073709551615-18446744073709551615", "18446744073709551616", "_", "+")
	}
	ms := func() string { return fmt.Sprint(m.IntN(12)) }
	group := func() string { return m.pick("g", "g", "h", "none") }
	consumer := func() string { return m.pick("c", "d", "e") }
	good := func() string { return fmt.Sprintf("%d-%d", m.IntN(9), m.IntN(3)) }
	end := func() string { return m.pick("-", "+", id(), "("+good(), good(), "(-", "(0-0") }
	count := func() string { return m.pick("", "", "COUNT 1", "COUNT 2", "COUNT 0", "COUNT -1", "COUNT x", "COUNT") }
	trim := func() string {
		return m.pick("MAXLEN", "MINID", "maxlen") + " " + m.pick("", "=") + " " + m.pick("2", "5", "0", "-1", "3-1", "x", "")
	}
	return map[string]func() string{
		"XADD": func() string {
			return key() + " " + m.pick("", "", "", "NOMKSTREAM", trim(), "MAXLEN 3 LIMIT 5") + " " + m.pick(ms()+"-*", ms()+"-*", good(), id()) + " f " + m.pick("v", "_", "1") + m.pick("", "", " g w", " g")
		},
		"XLEN":      key,
		"XRANGE":    func() string { return key() + " " + end() + " " + end() + " " + count() },
		"XREVRANGE": func() string { return key() + " " + end() + " " + end() + " " + count() },
		"XDEL":      func() string { return key() + " " + m.pick(good(), id()) + " " + good() },
		"XTRIM":     func() string { return key() + " " + trim() + m.pick("", "", " x") },
		"XREAD": func() string {
			return count() + " STREAMS " + m.pick("a "+good(), "a b "+good()+" "+m.pick("x", "0", good()), "b $", // + has another meaning on each server
				"a >", "a b 0", "text 0")
		},
		"XREADGROUP": func() string {
			return m.pick("GROUP ", "GROUP ", "GROUP ", "") + group() + " " + consumer() + " " + count() + m.pick("", "", " NOACK") + " STREAMS " + m.pick("a >", "a >", "a >", "b >", "a "+good(), "a b > 0", "a $")
		},
		"XGROUP": func() string {
			return m.pick(
				"CREATE "+key()+" "+group()+" "+m.pick("$", "0", good())+" "+m.pick("", "MKSTREAM")+" "+m.pick("", "", "ENTRIESREAD 2", "ENTRIESREAD -5"),
				"SETID "+key()+" "+group()+" "+m.pick("$", good())+" "+m.pick("", "ENTRIESREAD 1"),
				"CREATECONSUMER "+key()+" "+group()+" "+consumer(), "DELCONSUMER "+key()+" "+group()+" "+consumer(),
				"CREATE a g 0", "CREATE a h $", m.pick("DESTROY a h", "DESTROY "+key()+" "+group()), "WHAT a g",
			)
		},
		"XACK": func() string { return key() + " " + group() + " " + m.pick(good(), id()) + " " + good() },
		"XPENDING": func() string {
			return key() + " " + group() + " " + m.pick("", end()+" "+end()+" 10", end()+" "+end()+" "+m.pick("2", "0", "-1", "x")+" "+consumer(), "IDLE 100000 - + 10", "- +", "IDLE 0 - + 10 c")
		},
		"XCLAIM": func() string {
			return key() + " " + group() + " " + consumer() + " " + m.pick("0", "0", "100000", "-1", "x") + " " + good() + " " + good() + " " +
				m.pick("", "", "JUSTID", "FORCE", "FORCE JUSTID", "RETRYCOUNT 5", "IDLE 1000", "TIME 5", "LASTID 3-0", "WHAT")
		},
		"XAUTOCLAIM": func() string {
			return key() + " " + group() + " " + consumer() + " " + m.pick("0", "0", "100000", "x") + " " + end() + " " + count() + m.pick("", "", " JUSTID")
		},
		"XINFO": func() string {
			return m.pick("STREAM "+key(), "GROUPS "+key(), "CONSUMERS "+key()+" "+group(), "WHAT a", "STREAM")
		},
		"SET": func() string { return "text v" },
		"DEL": func() string { return m.pick("b", "b", "a") },
	}
}

// plain converts a reply into the form of package servertest.
func plain(r driver.Reply) any {
	switch r.Kind {
	case driver.ReplyInt:
		return r.Int
	case driver.ReplyData:
		return string(r.Data)
	case driver.ReplyArray:
		items := []any{}
		for _, item := range r.Items {
			items = append(items, plain(item))
		}
		return items
	}
	return nil
}

// asHere changes a server's reply in RESP2 to the form of the store's replies.
func asHere(cmd *driver.Cmd, there any) any {
	items, ok := there.([]any)
	switch {
	case !ok:
	case cmd.Name == "XREAD" || cmd.Name == "XREADGROUP":
		return flat(items)
	case cmd.Name == "XPENDING" && len(cmd.Args) == 2 && items[3] != nil:
		items[3] = flat(items[3])
		consumers := items[3].([]any)
		for i := 1; i < len(consumers); i += 2 {
			var n int64
			_, _ = fmt.Sscan(consumers[i].(string), &n)
			consumers[i] = n
		}
	case cmd.Name == "XINFO" && strings.EqualFold(cmd.Args[0].String(), "STREAM"):
		var kept []any
		for i := 0; i < len(items); i += 2 {
			if !strings.HasPrefix(items[i].(string), "radix-tree") {
				kept = append(kept, items[i], items[i+1])
			}
		}
		return kept
	}
	return there
}

// timeless removes from a reply the parts that differ between servers: times, and the lag
// of a group. After deletions each release estimates the lag in another way.
func timeless(cmd *driver.Cmd, reply any) any {
	items, _ := reply.([]any)
	switch {
	case cmd.Name == "XPENDING" && len(cmd.Args) > 2:
		for _, item := range items {
			item.([]any)[2] = "idle"
		}
	case cmd.Name == "XINFO" && strings.EqualFold(cmd.Args[0].String(), "GROUPS"):
		for _, item := range items {
			item.([]any)[11] = "lag"
		}
	case cmd.Name == "XINFO" && strings.EqualFold(cmd.Args[0].String(), "CONSUMERS"):
		for _, item := range items {
			one := item.([]any)
			one[5] = "idle"
			if one[7] != int64(-1) {
				one[7] = "inactive"
			}
		}
	}
	return reply
}

// Valkey 8 has the features of Redis 7.2, such as the time of a consumer's activity.
func TestRandomStreamCommandsDoTheSameAsOnValkey(t *testing.T) {
	conn := servertest.Valkey(t).Dial(t)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	m := newLineMaker(rand.NewPCG(seed, 2))
	lines := streamLines(m)
	names := slices.Sorted(maps.Keys(lines))
	names = append(names, "XADD", "XADD", "XREADGROUP", "XGROUP")
	for range 40 {
		conn.Do(t, "FLUSHDB")
		store := newStore(t, memory.Options{})
		var log []string
		for range 400 {
			name := m.pick(names...)
			line := name + " " + lines[name]()
			log = append(log, line)
			cmd := command(line)
			require.NoError(t, store.Do(t.Context(), []*driver.Cmd{cmd}, driver.Plain))
			words := []string{cmd.Name}
			for _, arg := range cmd.Args {
				words = append(words, arg.String())
			}
			there, err := conn.Try(words...)
			var here any
			same := false
			if err == nil && cmd.Err == nil {
				here, there = timeless(cmd, plain(cmd.Reply)), timeless(cmd, asHere(cmd, there))
				same = assert.ObjectsAreEqual(there, here)
			} else if name == "XACK" || name == "XDEL" { // Valkey does not read these IDs without a stream
				same = errors.Is(cmd.Err, driver.ErrSyntax) && (err != nil || there == int64(0))
			}
			if err != nil && cmd.Err != nil {
				same = sameStreamError(cmd.Err, err.Error())
			}
			if !same {
				require.Failf(t, "Valkey answers otherwise", "%s: got %v (%v), Valkey answers %v (%v); after\n%s", line, here, cmd.Err, there, err, strings.Join(log, "\n"))
			}
		}
		for _, key := range []string{"a", "b", "text"} {
			_, err := store.Delete(t.Context(), []string{key})
			require.NoError(t, err)
		}
		require.Zero(t, store.Stats(), "an emptied store")
	}
}

func sameStreamError(here error, there string) bool {
	switch {
	case strings.HasPrefix(there, "WRONGTYPE"):
		return errors.Is(here, driver.ErrWrongType) || errors.Is(here, driver.ErrSyntax)
	case strings.HasPrefix(there, "NOGROUP"), strings.HasPrefix(there, "ERR no such key"), strings.Contains(there, "requires the key to exist"):
		return errors.Is(here, driver.ErrNotFound) || errors.Is(here, driver.ErrSyntax)
	case strings.HasPrefix(there, "BUSYGROUP"):
		return errors.Is(here, driver.ErrNotStored)
	}
	return errors.Is(here, driver.ErrSyntax)
}

func TestIDsOfAStreamGrowWithTheClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newStore(t, memory.Options{})
		add := func(id string) string {
			reply, err := do(t, store, "XADD", driver.Key("s"), driver.Literal(id), driver.Field("f"), element("v"))
			require.NoError(t, err)
			return string(reply.Data)
		}
		now := time.Now().UnixMilli()
		require.Equal(t, fmt.Sprintf("%d-0", now), add("*"))
		require.Equal(t, fmt.Sprintf("%d-1", now), add("*"), "in the same millisecond")
		time.Sleep(time.Millisecond)
		require.Equal(t, fmt.Sprintf("%d-0", now+1), add("*"))
		require.Equal(t, fmt.Sprintf("%d-7", now+500), add(fmt.Sprintf("%d-7", now+500)))
		require.Equal(t, fmt.Sprintf("%d-8", now+500), add("*"), "the clock is behind the last entry")
		require.Equal(t, "18446744073709551615-18446744073709551615", add("18446744073709551615-18446744073709551615"))
		for _, id := range []string{"*", "18446744073709551615-*"} {
			_, err := do(t, store, "XADD", driver.Key("s"), driver.Literal(id), driver.Field("f"), element("v"))
			require.ErrorIs(t, err, driver.ErrSyntax, "there is no greater ID")
		}
	})
}

func TestTimesOfDeliveries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newStore(t, memory.Options{})
		run := func(line string) any {
			cmd := command(line)
			require.NoError(t, store.Do(t.Context(), []*driver.Cmd{cmd}, driver.Plain))
			require.NoError(t, cmd.Err, line)
			return plain(cmd.Reply)
		}
		run("XADD s 1-0 f v")
		run("XGROUP CREATE s g 0")
		run("XREADGROUP GROUP g c STREAMS s >")
		time.Sleep(5 * time.Second)
		require.Equal(t, []any{[]any{"1-0", "c", int64(5000), int64(1)}}, run("XPENDING s g IDLE 5000 - + 9"))
		require.Empty(t, run("XPENDING s g IDLE 5001 - + 9"))
		require.Empty(t, run("XCLAIM s g d 5001 1-0"))
		require.Empty(t, run("XAUTOCLAIM s g d 5001 0").([]any)[1])
		require.Equal(t, []any{"1-0"}, run("XCLAIM s g d 5000 1-0 JUSTID"))
		require.Equal(t, []any{[]any{"1-0", "d", int64(0), int64(1)}}, run("XPENDING s g - + 9"))
		run("XCLAIM s g d 0 1-0 IDLE 700")
		require.Equal(t, []any{[]any{"1-0", "d", int64(700), int64(2)}}, run("XPENDING s g - + 9 d"))
		time.Sleep(time.Second)
		require.Equal(t, []any{"name", "c", "pending", int64(0), "idle", int64(6000), "inactive", int64(6000)}, run("XINFO CONSUMERS s g").([]any)[0])
	})
}

func TestStreamThatCannotFitIsRefused(t *testing.T) {
	store := newStore(t, memory.Options{MaxBytes: 4096})
	_, err := do(t, store, "XADD", driver.Key("s"), driver.Literal("1-0"), driver.Field("f"), element("v"))
	require.NoError(t, err)
	before := store.Stats()
	_, err = do(t, store, "XADD", driver.Key("s"), driver.Literal("2-0"), driver.Field("f"), element(strings.Repeat("x", 4000)))
	require.ErrorIs(t, err, driver.ErrTooLarge)
	require.Equal(t, before, store.Stats())
}

// The count of a stream is at least its memory in the process, and not much more.
func TestStreamCountsItsMemory(t *testing.T) {
	const n = 50_000
	store := newStore(t, memory.Options{})
	heap := func() int64 {
		runtime.GC()
		var stats runtime.MemStats
		runtime.ReadMemStats(&stats)
		return int64(stats.HeapAlloc)
	}
	before := heap()
	for i := range n {
		_, err := do(t, store, "XADD", driver.Key("s"), driver.Literal(fmt.Sprint(i+1)), driver.Field("field"), element("value"), driver.Field("other"), element("another value"))
		require.NoError(t, err)
	}
	entries := store.Stats().Bytes
	taken := heap() - before
	t.Logf("an entry takes %d bytes, and counts %d", taken/n, entries/n)
	require.LessOrEqual(t, taken, entries*5/4)
	require.LessOrEqual(t, entries, taken*2)

	_, err := do(t, store, "XGROUP", driver.Literal("CREATE"), driver.Key("s"), driver.Literal("g"), driver.Int(0))
	require.NoError(t, err)
	before = heap()
	readAll := func() {
		reply, err := do(t, store, "XREADGROUP", driver.Literal("GROUP"), driver.Literal("g"), driver.Literal("c"), driver.Literal("STREAMS"), driver.Key("s"), driver.Literal(">"))
		require.NoError(t, err)
		require.Len(t, reply.Items[1].Items, n)
	}
	readAll()
	taken = heap() - before
	deliveries := store.Stats().Bytes - entries
	t.Logf("a delivery takes %d bytes, and counts %d", taken/n, deliveries/n)
	require.LessOrEqual(t, taken, deliveries*5/4)
	require.LessOrEqual(t, deliveries, taken*2)
	runtime.KeepAlive(store)
}

func BenchmarkStream(b *testing.B) {
	b.Run("XADD, trimmed", func(b *testing.B) {
		store := newStore(b, memory.Options{})
		cmd := driver.NewCmd("XADD", driver.Key("s"), driver.Literal("MAXLEN"), driver.Int(100_000), driver.Literal("*"), driver.Field("f"), element("v"))
		b.ReportAllocs()
		for b.Loop() {
			_ = store.Do(b.Context(), []*driver.Cmd{cmd}, driver.Plain)
		}
	})
}
