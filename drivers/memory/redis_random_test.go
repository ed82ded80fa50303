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

// A lineMaker makes random commands: few keys and values, so that commands meet, and
// sometimes an invalid argument.
type lineMaker struct {
	*rand.Rand
	made *int // the number of calls of later
}

func newLineMaker(source rand.Source) lineMaker { return lineMaker{rand.New(source), new(int)} }

func (m lineMaker) pick(words ...string) string { return words[m.IntN(len(words))] }
func (m lineMaker) key() string                 { return m.pick("a", "b", "c") }
func (m lineMaker) value() string {
	return m.pick("0", "1", "-5", "9223372036854775807", "text", "_", "0x1", "1.5")
}

func (m lineMaker) number() string {
	return m.pick("0", "1", "2", "-1", "-2", "100", "-9223372036854775808", "text")
}
func (m lineMaker) ttl() string { return m.pick("0", "-1", m.later(), m.later(), m.later(), "text") }

// later returns about a day in milliseconds. Two results differ by seconds at least: GT and
// LT compare times that two clocks have produced.
func (m lineMaker) later() string {
	const day, apart = 86_400_000, 5_000
	*m.made++
	distance := *m.made * apart
	if *m.made%2 == 0 {
		distance = -distance
	}
	return strconv.Itoa(day + distance%day)
}

// laterSeconds is later in seconds.
func (m lineMaker) laterSeconds() string { return strings.TrimSuffix(m.later(), "000") }

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
		"GET":    m.key,
		"MGET":   func() string { return m.key() + " " + m.key() },
		"GETDEL": m.key,
		"GETEX": func() string {
			return m.key() + " " + m.pick("", "PERSIST", "PX "+m.ttl(), "EX "+m.ttl(), "PXAT "+m.ttl(), "KEEPTTL", "PX", "PERSIST EX 1", "EX 1 PX 1")
		},
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
		"LSET":   func() string { return m.key() + " " + count() + " " + element() },
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

// hashes returns commands with the TTLs of fields, or without.
func (m lineMaker) hashes(ttls bool) map[string]func() string {
	field := func() string { return m.pick("f", "g", "h", "i") }
	value := func() string { return m.pick("0", "1", "-5", "9223372036854775807", "text", "_", "1.5", "3.0e3") }
	pair := func() string { return field() + " " + value() }
	fields := func(most int, word func() string) string {
		n := 1 + m.IntN(most)
		words := m.pick("FIELDS", "fields", "FIELDS", "FIELDS", "FIELD") + " " + m.pick(strconv.Itoa(n), strconv.Itoa(n), strconv.Itoa(n), "0", "2")
		for range n {
			words += " " + word()
		}
		return words
	}
	keyAndField := func() string { return m.key() + " " + field() }
	lines := map[string]func() string{
		"DEL":     m.key,
		"SET":     func() string { return m.pick("b", "c") + " text" },
		"EXISTS":  m.key,
		"HSET":    func() string { return m.key() + " " + m.pick(m.some(3, pair), m.some(3, pair), m.some(3, pair)+" f") },
		"HSETNX":  func() string { return m.key() + " " + pair() },
		"HGET":    keyAndField,
		"HMGET":   func() string { return m.key() + " " + m.some(3, field) },
		"HGETALL": m.key,
		"HKEYS":   m.key,
		"HVALS":   m.key,
		"HDEL":    func() string { return m.key() + " " + m.some(3, field) },
		"HLEN":    m.key,
		"HEXISTS": keyAndField,
		"HSTRLEN": keyAndField,
		"HINCRBY": func() string { return keyAndField() + " " + m.number() },
		"HINCRBYFLOAT": func() string {
			return keyAndField() + " " + m.pick("1", "0.1", "-0.3", "1e3", "3.0", "1e-7", "0x1p4", "inf", "-nan", "text", "1e5000", "_")
		},
		"HRANDFIELD": func() string {
			return m.key() + " " + m.pick("", "0", "1", "2", "-3", "9", "text") + " " + m.pick("", "", "WITHVALUES", "WHAT")
		},
		"HSCAN": func() string {
			return m.key() + " " + m.pick("", "", "MATCH [fg]", "COUNT 1", "COUNT 2 MATCH *", "COUNT 0", "COUNT", "WHAT 1")
		},
	}
	if ttls {
		expire := func(later func() string, times ...string) func() string {
			return func() string {
				return m.key() + " " + m.pick(append(times, later(), later())...) + " " + m.pick("", "", "", "NX", "XX", "GT", "lt", "ZZ") + " " + fields(3, field)
			}
		}
		ttl := func() string {
			return m.pick("", "EX "+m.laterSeconds(), "PX "+m.later(), "EXAT 1", "PXAT 1", "EX 0", "EX -1", "PX text")
		}
		maps.Copy(lines, map[string]func() string{
			"HEXPIRE":    expire(m.laterSeconds, "0", "-1", "text"),
			"HPEXPIRE":   expire(m.later, "0", "-1", "text"),
			"HEXPIREAT":  expire(func() string { return m.pick("4000000000", "5000000000") }, "1", "-1", "text"),
			"HPEXPIREAT": expire(func() string { return m.pick("4000000000000", "5000000000000") }, "1", "-1", "text"),
			"HTTL":       func() string { return m.key() + " " + fields(3, field) },
			"HPTTL":      func() string { return m.key() + " " + fields(3, field) },
			"HPERSIST":   func() string { return m.key() + " " + fields(3, field) },
			"HGETEX":     func() string { return m.key() + " " + m.pick(ttl(), "PERSIST") + " " + fields(3, field) },
			"HGETDEL":    func() string { return m.key() + " " + fields(2, field) },
			"HSETEX": func() string {
				return m.key() + " " + m.options(m.pick("FNX", "FXX"), m.pick(ttl(), "KEEPTTL")) + " " + fields(3, pair)
			},
		})
	}
	return lines
}

func (m lineMaker) sets() map[string]func() string {
	member := func() string { return m.pick("w", "x", "y", "z", "1", "_") }
	members := func() string { return m.key() + " " + m.some(4, member) }
	keys := func() string { return m.some(3, m.key) }
	return map[string]func() string{
		"DEL":         m.key,
		"SET":         func() string { return m.pick("b", "c") + " text" },
		"EXISTS":      m.key,
		"PEXPIRE":     func() string { return m.key() + " 500000" },
		"PTTL":        m.key,
		"SADD":        members,
		"SREM":        members,
		"SCARD":       m.key,
		"SMEMBERS":    m.key,
		"SISMEMBER":   func() string { return m.key() + " " + member() },
		"SMISMEMBER":  members,
		"SMOVE":       func() string { return m.key() + " " + m.key() + " " + member() },
		"SPOP":        func() string { return m.key() + " " + m.pick("", "0", "1", "2", "9", "-1", "text") },
		"SRANDMEMBER": func() string { return m.key() + " " + m.pick("", "0", "1", "2", "9", "-3", "text", "1 x") },
		"SSCAN": func() string {
			return m.key() + " " + m.pick("", "", "MATCH [xy]", "COUNT 1", "COUNT 2 MATCH *", "COUNT 0", "COUNT", "NOVALUES")
		},
		"SUNION":      keys,
		"SINTER":      keys,
		"SDIFF":       keys,
		"SUNIONSTORE": func() string { return m.key() + " " + keys() },
		"SINTERSTORE": func() string { return m.key() + " " + keys() },
		"SDIFFSTORE":  func() string { return m.key() + " " + keys() },
		"SINTERCARD": func() string {
			return m.pick("1 "+m.key(), "2 "+m.key()+" "+m.key(), "0 a", "2 a", "text a") + " " + m.pick("", "", "LIMIT 1", "LIMIT 0", "LIMIT -1", "LIMIT", "WHAT 1")
		},
	}
}

// Random commands have the same outcome on the store and on Redis.
func TestRandomCommandsDoTheSameAsOnRedis(t *testing.T) {
	conn := redis.Server(t).Dial(t)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	m := newLineMaker(rand.NewPCG(seed, 6))
	for name, lines := range map[string]map[string]func() string{
		"keys and strings": m.keysAndStrings(),
		"lists":            m.lists(),
		"hashes":           m.hashes(hasFieldTTLs(t, conn)),
		"sets":             m.sets(),
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

// compareWithRedis runs a command on the store and on Redis. log has the commands before.
func compareWithRedis(t *testing.T, store *memory.Store, conn *servertest.Conn, line string, log []string) {
	t.Helper()
	if name, rest, _ := strings.Cut(line, " "); strings.HasSuffix(name, "SCAN") {
		requireSameScan(t, store, conn, name, rest, log)
		return
	}
	cmd := command(line)
	require.NoError(t, store.Do(t.Context(), []*driver.Cmd{cmd}, driver.Plain))
	if cmd.Name == "SPOP" && cmd.Err == nil && (cmd.Reply.Kind == driver.ReplyData || len(cmd.Reply.Items) > 0) {
		requireSamePop(t, store, conn, cmd)
		return
	}
	here, there := outcome(cmd), onRedis(t, conn, command(line))
	switch {
	case cmd.Err == nil && unordered[cmd.Name] > 0 && regroup(here, unordered[cmd.Name]) == regroup(there, unordered[cmd.Name]):
	case cmd.Err == nil && strings.HasSuffix(cmd.Name, "TTL") && strings.HasPrefix(cmd.Name, "H") && nearAll(here, there):
	case cmd.Err == nil && byChance[cmd.Name] && strings.Count(here, " ") == strings.Count(there, " ") && (here == "nil") == (there == "nil") && (here == "[]") == (there == "[]"):
	case here == there:
	case here == "ERR" && there == "WRONGTYPE": // Redis has one text for a bad argument and a bad value
	case cmd.Name == "PTTL" && near(here, there):
	default:
		require.Failf(t, "Redis answers otherwise", "%s: got %s (%v), Redis answers %s; after\n%s", line, here, cmd.Err, there, strings.Join(log, "\n"))
	}
}

// requireSamePop removes at Redis the members that SPOP took from the store, and checks
// that there were no more.
func requireSamePop(t *testing.T, store *memory.Store, conn *servertest.Conn, popped *driver.Cmd) {
	t.Helper()
	members := popped.Reply.Items
	if popped.Reply.Kind == driver.ReplyData {
		members = []driver.Reply{popped.Reply}
	}
	words := []string{"SREM", popped.Key()}
	for _, member := range members {
		words = append(words, string(member.Data))
	}
	require.Equal(t, int64(len(members)), conn.Do(t, words...), "members that SPOP took, of those that Redis has")
	if count, err := strconv.Atoi(string(popped.Args[len(popped.Args)-1].Data)); err == nil && len(members) < count {
		require.Equal(t, int64(0), conn.Do(t, "EXISTS", popped.Key()), "SPOP took all")
	}
}

// unordered are the commands whose replies are in any order, with the size of a group of
// elements.
var unordered = map[string]int{"SMEMBERS": 1, "SUNION": 1, "SINTER": 1, "SDIFF": 1, "HGETALL": 2, "HKEYS": 1, "HVALS": 1}

// byChance are the commands for which only the number of elements is compared.
var byChance = map[string]bool{"SRANDMEMBER": true, "HRANDFIELD": true}

// regroup returns the text of an array with its groups of elements in order.
func regroup(text string, size int) string {
	var groups []string
	for group := range slices.Chunk(strings.Fields(strings.Trim(text, "[]")), size) {
		groups = append(groups, strings.Join(group, " "))
	}
	slices.Sort(groups)
	return strings.Join(groups, "\n")
}

// nearAll is near for the elements of arrays.
func nearAll(a, b string) bool {
	x, y := strings.Fields(strings.Trim(a, "[]")), strings.Fields(strings.Trim(b, "[]"))
	return slices.EqualFunc(x, y, func(a, b string) bool { return a == b || near(a, b) })
}

// requireSameScan runs a whole scan on the store and on Redis, and compares the elements.
func requireSameScan(t *testing.T, store *memory.Store, conn *servertest.Conn, name, rest string, log []string) {
	t.Helper()
	key, options, _ := strings.Cut(rest, " ")
	scan := func(run func(line string) (driver.Reply, string)) string {
		seen := make(map[string]bool)
		for cursor := "0"; ; {
			reply, text := run(name + " " + key + " " + cursor + " " + options)
			if reply.Kind != driver.ReplyArray {
				return text
			}
			for group := range slices.Chunk(reply.Items[1].Items, map[string]int{"HSCAN": 2, "SSCAN": 1}[name]) {
				seen[replyText(driver.ArrayReply(group...))] = true
			}
			if cursor = string(reply.Items[0].Data); cursor == "0" {
				return strings.Join(slices.Sorted(maps.Keys(seen)), " ")
			}
		}
	}
	here := scan(func(line string) (driver.Reply, string) {
		cmd := command(line)
		require.NoError(t, store.Do(t.Context(), []*driver.Cmd{cmd}, driver.Plain))
		return cmd.Reply, outcome(cmd)
	})
	there := scan(func(line string) (driver.Reply, string) {
		reply, err := conn.Try(strings.Fields(line)...)
		if err != nil {
			return driver.Reply{}, onRedis(t, conn, command(line))
		}
		return asReply(reply), ""
	})
	if here != there && !(here == "ERR" && (there == "WRONGTYPE" || there == "")) { // without a key, Redis does not read the options
		require.Failf(t, "Redis answers otherwise", "%s %s: got %s, Redis answers %s; after\n%s", name, rest, here, there, strings.Join(log, "\n"))
	}
}

func asReply(reply any) driver.Reply {
	switch reply := reply.(type) {
	case string:
		return driver.DataReply([]byte(reply))
	case []any:
		var items []driver.Reply
		for _, item := range reply {
			items = append(items, asReply(item))
		}
		return driver.ArrayReply(items...)
	}
	return driver.Reply{}
}

// requireAccounts fails the test unless an emptied store counts nothing.
func requireAccounts(t *testing.T, store *memory.Store) {
	t.Helper()
	for _, key := range []string{"a", "b", "c"} {
		_, err := store.Delete(t.Context(), []string{key})
		require.NoError(t, err)
	}
	require.Equal(t, memory.Stats{Expirations: store.Stats().Expirations}, store.Stats(), "an emptied store")
}

// near reports whether two TTLs in milliseconds may be the same: the two servers have read
// their clocks at different times.
func near(a, b string) bool {
	x, errX := strconv.Atoi(a)
	y, errY := strconv.Atoi(b)
	return errX == nil && errY == nil && x > 0 && y > 0 && max(x-y, y-x) < 60_000
}
