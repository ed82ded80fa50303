package memory_test

import (
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/memory"
	"github.com/xcache-go/xcache/internal/servertest"
)

// A lineMaker makes up commands: few keys and values, so that they meet, and now and then
// something that a command does not take.
type lineMaker struct{ *rand.Rand }

func (m lineMaker) pick(words ...string) string { return words[m.IntN(len(words))] }
func (m lineMaker) key() string                 { return m.pick("a", "b", "c") }
func (m lineMaker) value() string {
	return m.pick("0", "1", "-5", "9223372036854775807", "text", "_", "0x1", "1.5")
}

func (m lineMaker) number() string {
	return m.pick("0", "1", "2", "-1", "-2", "100", "-9223372036854775808", "text")
}
func (m lineMaker) ttl() string { return m.pick("0", "-1", "500000", "600000", "700000", "text") }

// some returns from 1 to most words.
func (m lineMaker) some(most int, word func() string) string {
	words := word()
	for range m.IntN(most) {
		words += " " + word()
	}
	return words
}

// options returns some of options, in any order.
func (m lineMaker) options(options ...string) string {
	var line []string
	for _, i := range m.Perm(len(options)) {
		if m.IntN(2) == 0 {
			line = append(line, options[i])
		}
	}
	return strings.Join(line, " ")
}

func (m lineMaker) keysAndStrings() map[string]func() string {
	return map[string]func() string{
		"GET":     m.key,
		"MGET":    func() string { return m.key() + " " + m.key() },
		"GETDEL":  m.key,
		"STRLEN":  m.key,
		"INCR":    m.key,
		"INCRBY":  func() string { return m.key() + " " + m.number() },
		"DECR":    m.key,
		"DECRBY":  func() string { return m.key() + " " + m.number() },
		"DEL":     func() string { return m.key() + " " + m.key() },
		"EXISTS":  func() string { return m.key() + " " + m.key() },
		"UNLINK":  m.key,
		"PTTL":    m.key,
		"PERSIST": m.key,
		"PEXPIRE": func() string {
			return m.key() + " " + m.ttl() + " " + m.pick("", "", "NX", "XX", "GT", "LT", "NX GT", "XX LT", "GT LT", "WHAT")
		},
		"TYPE":     m.key,
		"RENAME":   func() string { return m.key() + " " + m.key() },
		"RENAMENX": func() string { return m.key() + " " + m.key() },
		"RPUSH":    func() string { return m.key() + " " + m.value() },
		"LPOP":     func() string { return m.key() + " " + m.pick("", m.number()) },
		"SET": func() string {
			return m.key() + " " + m.value() + " " + m.pick("", "NX", "XX", "GET") + " " + m.pick("", "GET", "XX", "NX") + " " +
				m.pick("", "PX "+m.ttl(), "EX "+m.ttl(), "KEEPTTL", "PXAT "+m.ttl(), "KEEPTTL PX 1")
		},
	}
}

func (m lineMaker) lists() map[string]func() string {
	element := func() string { return m.pick("x", "y", "z", "_") }
	elements := func() string { return m.key() + " " + m.some(4, element) }
	end := func() string { return m.pick("LEFT", "RIGHT", "left", "right", "LEFT", "RIGHT", "UP") }
	count := func() string { return m.pick("0", "1", "2", "3", "-1", "-2", "-3", "100", "text") }
	number := func() string { return m.pick(count(), m.number()) }
	return map[string]func() string{
		"DEL":    m.key,
		"SET":    func() string { return m.pick("b", "c") + " text" },
		"LPUSH":  elements,
		"RPUSH":  elements,
		"LPUSHX": elements,
		"RPUSHX": elements,
		"LPOP":   func() string { return m.key() + " " + m.pick("", number()) },
		"RPOP":   func() string { return m.key() + " " + m.pick("", number()) },
		"LRANGE": func() string { return m.key() + " " + number() + " " + number() },
		"LTRIM": func() string {
			return m.key() + " " + m.pick("0", "1", number()) + " " + m.pick("-1", "-2", "5", number())
		},
		"LLEN":   m.key,
		"LINDEX": func() string { return m.key() + " " + number() },
		"LSET":   func() string { return m.key() + " " + number() + " " + element() },
		"LINSERT": func() string {
			return m.key() + " " + m.pick("BEFORE", "after", "BESIDE") + " " + element() + " " + element()
		},
		"LREM": func() string { return m.key() + " " + count() + " " + element() },
		"LPOS": func() string {
			return m.key() + " " + element() + " " + m.options("RANK "+count(), "COUNT "+number(), "MAXLEN "+number(), m.pick("RANK", "WHAT", "COUNT 0", "RANK 1"))
		},
		"LMOVE": func() string { return m.key() + " " + m.key() + " " + end() + " " + end() },
		"LMPOP": func() string {
			return m.pick("1 "+m.key(), "2 "+m.key()+" "+m.key(), "0 a", "2 a", "text a") + " " + end() + " " + m.pick("", "", "COUNT "+number(), "COUNT", "WHAT 1")
		},
	}
}

// Any commands in any order have the same outcome here and there.
func TestRandomCommandsDoTheSameAsOnRedis(t *testing.T) {
	conn := redis.Server(t).Dial(t)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	m := lineMaker{rand.New(rand.NewPCG(seed, 6))}
	for name, lines := range map[string]map[string]func() string{
		"keys and strings": m.keysAndStrings(),
		"lists":            m.lists(),
	} {
		t.Run(name, func(t *testing.T) {
			names := slices.Sorted(maps.Keys(lines))
			for range 30 {
				conn.Do(t, "FLUSHDB")
				store := newStore(t, memory.Options{})
				var log []string
				for range 300 {
					name := m.pick(names...)
					text := name + " " + lines[name]()
					log = append(log, text)
					compareWithRedis(t, store, conn, text, log)
				}
				requireAccounts(t, store)
			}
		})
	}
}

// compareWithRedis runs a command here and there. log is what went before.
func compareWithRedis(t *testing.T, store *memory.Store, conn *servertest.Conn, line string, log []string) {
	t.Helper()
	cmd := command(line)
	require.NoError(t, store.Do(t.Context(), []*driver.Cmd{cmd}, driver.Plain))
	here, there := outcome(cmd), onRedis(t, conn, command(line))
	switch {
	case here == there:
	case here == "ERR" && there == "WRONGTYPE": // Redis has one text for a bad argument and a bad value
	case cmd.Name == "PTTL" && near(here, there):
	default:
		t.Fatalf("%s: got %s (%v), Redis answers %s; after\n%s", line, here, cmd.Err, there, strings.Join(log, "\n"))
	}
}

// requireAccounts fails the test unless a store that is emptied counts nothing.
func requireAccounts(t *testing.T, store *memory.Store) {
	t.Helper()
	for _, key := range []string{"a", "b", "c"} {
		_, err := store.Delete(t.Context(), []string{key})
		require.NoError(t, err)
	}
	require.Equal(t, memory.Stats{Expirations: store.Stats().Expirations}, store.Stats(), "an emptied store")
}

// near tells that two TTLs in milliseconds may be the same: the two servers
// have looked at their clocks at different times.
func near(a, b string) bool {
	x, errX := strconv.Atoi(a)
	y, errY := strconv.Atoi(b)
	return errX == nil && errY == nil && x > 0 && y > 0 && max(x-y, y-x) < 60_000
}
