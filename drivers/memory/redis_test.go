package memory_test

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/memory"
	"github.com/xcache-go/xcache/internal/servertest"
)

var redis = servertest.NewShared()

func TestMain(m *testing.M) { servertest.Main(m, redis) }

// onRedis runs a command on a real server and writes what it answered as
// outcome does.
func onRedis(t testing.TB, conn *servertest.Conn, cmd *driver.Cmd) string {
	t.Helper()
	words := []string{cmd.Name}
	for _, arg := range cmd.Args {
		words = append(words, arg.String())
	}
	reply, err := conn.Try(words...)
	if err == nil {
		return serverText(reply)
	}
	var serverErr servertest.ServerError
	require.ErrorAs(t, err, &serverErr, cmd.Name)
	for text, outcome := range map[string]string{
		"WRONGTYPE":                     "WRONGTYPE",
		"ERR value is not an integer":   "WRONGTYPE",
		"ERR no such key":               "NOTFOUND",
		"ERR increment or decrement wo": "OVERFLOW",
		"ERR decrement would overflow":  "OVERFLOW",
	} {
		if strings.HasPrefix(string(serverErr), text) {
			return outcome
		}
	}
	return "ERR"
}

func serverText(reply any) string {
	switch reply := reply.(type) {
	case nil:
		return "nil"
	case int64:
		return strconv.FormatInt(reply, 10)
	case string:
		return strconv.Quote(reply)
	case []any:
		items := make([]string, len(reply))
		for i, item := range reply {
			items[i] = serverText(item)
		}
		return "[" + strings.Join(items, " ") + "]"
	}
	return fmt.Sprint(reply)
}

func TestRedisAnswersTheSame(t *testing.T) {
	conn := redis.Server(t).Dial(t)
	for name, session := range sessions {
		t.Run(name, func(t *testing.T) {
			conn.Do(t, "FLUSHDB")
			for _, step := range session {
				got := onRedis(t, conn, command(step[0]))
				if got == "WRONGTYPE" && step[1] == "ERR" {
					continue // Redis has one text for a bad argument and a bad value
				}
				require.Equal(t, step[1], got, "%s: Redis answers", step[0])
			}
		})
	}
}

func TestRedisMatchesTheSameGlobs(t *testing.T) {
	conn := redis.Server(t).Dial(t)
	for _, tt := range globs {
		conn.Do(t, "FLUSHDB")
		conn.Do(t, "SET", tt.text, "value")
		require.Equal(t, tt.want, len(conn.Do(t, "KEYS", tt.pattern).([]any)) == 1, "%q matches %q: Redis says", tt.pattern, tt.text)
	}
}

// Any commands in any order have the same outcome here and there.
func TestRandomCommandsDoTheSameAsOnRedis(t *testing.T) {
	conn := redis.Server(t).Dial(t)
	random := rand.New(rand.NewPCG(5, 6))
	pick := func(words ...string) string { return words[random.IntN(len(words))] }
	key := func() string { return pick("a", "b", "c") }
	value := func() string { return pick("0", "1", "-5", "9223372036854775807", "text", "_", "0x1", "1.5") }
	number := func() string { return pick("0", "1", "2", "-1", "-2", "100", "-9223372036854775808", "text") }
	ttl := func() string { return pick("0", "-1", "500000", "600000", "700000", "text") }
	line := map[string]func() string{
		"GET":     key,
		"MGET":    func() string { return key() + " " + key() },
		"GETDEL":  key,
		"STRLEN":  key,
		"INCR":    key,
		"INCRBY":  func() string { return key() + " " + number() },
		"DECR":    key,
		"DECRBY":  func() string { return key() + " " + number() },
		"DEL":     func() string { return key() + " " + key() },
		"EXISTS":  func() string { return key() + " " + key() },
		"UNLINK":  key,
		"PTTL":    key,
		"PERSIST": key,
		"PEXPIRE": func() string {
			return key() + " " + ttl() + " " + pick("", "", "NX", "XX", "GT", "LT", "NX GT", "XX LT", "GT LT", "WHAT")
		},
		"TYPE":     key,
		"RENAME":   func() string { return key() + " " + key() },
		"RENAMENX": func() string { return key() + " " + key() },
		"LPUSH":    func() string { return key() + " " + value() + " " + value() },
		"RPUSH":    func() string { return key() + " " + value() },
		"LPOP":     func() string { return key() + " " + pick("", number()) },
		"RPOP":     func() string { return key() + " " + pick("", number()) },
		"LRANGE":   func() string { return key() + " " + number() + " " + number() },
		"LLEN":     key,
		"SET": func() string {
			return key() + " " + value() + " " + pick("", "NX", "XX", "GET") + " " + pick("", "GET", "XX", "NX") + " " +
				pick("", "PX "+ttl(), "EX "+ttl(), "KEEPTTL", "PXAT "+ttl(), "KEEPTTL PX 1")
		},
	}
	var names []string
	for _, row := range driver.Commands() {
		if line[row.Name] != nil {
			names = append(names, row.Name)
		}
	}
	for range 30 {
		conn.Do(t, "FLUSHDB")
		store := newStore(t, memory.Options{})
		var log []string
		for range 300 {
			name := pick(names...)
			text := name + " " + line[name]()
			log = append(log, text)
			cmd := command(text)
			require.NoError(t, store.Do(t.Context(), []*driver.Cmd{cmd}, driver.Plain))
			here, there := outcome(cmd), onRedis(t, conn, command(text))
			if here != there && !(here == "ERR" && there == "WRONGTYPE") && !(name == "PTTL" && near(here, there)) {
				t.Fatalf("%s: got %s (%v), Redis answers %s; after\n%s", text, here, cmd.Err, there, strings.Join(log, "\n"))
			}
		}
	}
}

// near tells that two TTLs in milliseconds may be the same: the two servers
// have looked at their clocks at different times.
func near(a, b string) bool {
	x, errX := strconv.Atoi(a)
	y, errY := strconv.Atoi(b)
	return errX == nil && errY == nil && x > 0 && y > 0 && max(x-y, y-x) < 60_000
}
