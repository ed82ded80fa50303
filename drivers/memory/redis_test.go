package memory_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/internal/servertest"
)

var redis = servertest.NewShared()

func TestMain(m *testing.M) { servertest.Main(m, redis) }

// onRedis runs a command on a real server and returns the reply in the form of outcome.
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
	return errorText(serverErr)
}

// errorText returns a server's error in the form of outcome.
func errorText(serverErr servertest.ServerError) string {
	for text, outcome := range map[string]string{
		"WRONGTYPE":                   "WRONGTYPE",
		"ERR value is not an integer": "WRONGTYPE",
		"ERR hash value is not":       "WRONGTYPE",
		"ERR no such key":             "NOTFOUND",
		"NOGROUP":                     "NOTFOUND",
		"ERR The XGROUP subcommand requires the key": "NOTFOUND",
		"BUSYGROUP":                      "NOTSTORED",
		"ERR increment or decrement wo":  "OVERFLOW",
		"ERR decrement would overflow":   "OVERFLOW",
		"ERR increment would produce":    "OVERFLOW",
		"ERR resulting score is not a n": "OVERFLOW",
		"ERR value is not a valid float": "WRONGTYPE",
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
	all := sessions
	if hasFieldTTLs(t, conn) {
		all = joined(sessions, fieldTTLSessions)
	}
	for name, session := range all {
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

// hasFieldTTLs reports whether a server has all commands of TTLs of fields. Redis has them
// since 8.0.
func hasFieldTTLs(t testing.TB, conn *servertest.Conn) bool {
	t.Helper()
	return conn.Do(t, "COMMAND", "INFO", "HSETEX").([]any)[0] != nil
}

func TestRedisMatchesTheSameGlobs(t *testing.T) {
	conn := redis.Server(t).Dial(t)
	for _, tt := range globs {
		conn.Do(t, "FLUSHDB")
		conn.Do(t, "SET", tt.text, "value")
		require.Equal(t, tt.want, len(conn.Do(t, "KEYS", tt.pattern).([]any)) == 1, "%q matches %q: Redis says", tt.pattern, tt.text)
	}
}
