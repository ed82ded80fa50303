package memory_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/memory"
)

// lackingGroups are the groups without any command in the store.
var lackingGroups = []driver.Group{driver.GroupMigration, driver.GroupScripts, driver.GroupFunctions}

// lacking returns the commands that the store lacks.
func lacking() []string {
	var names []string
	for _, row := range driver.Commands() {
		if slices.Contains(lackingGroups, row.Group) {
			names = append(names, row.Name)
		}
	}
	return names
}

func TestStoreRunsEveryCommandOfItsGroups(t *testing.T) {
	var want []string
	for _, row := range driver.Commands() {
		if !slices.Contains(lacking(), row.Name) {
			want = append(want, row.Name)
		}
	}
	require.Equal(t, want, newStore(t, memory.Options{}).Commands().Names(), "Commands()")
}

// command makes a command of a line of words. Words at the places of keys become keys, by
// the table of commands; _ is the empty value.
func command(line string) *driver.Cmd {
	words := strings.Fields(line)
	row, _ := driver.LookupCommand(words[0])
	cmd := driver.NewCmd(words[0])
	from, end := keyPlaces(row, words[1:])
	for i, word := range words[1:] {
		if word == "_" {
			word = ""
		}
		if from <= i && i < end {
			cmd.Args = append(cmd.Args, driver.Key(word))
		} else {
			cmd.Args = append(cmd.Args, driver.Val([]byte(word)))
		}
	}
	return cmd
}

// keyPlaces returns the half-open range of the keys among the arguments of a command.
func keyPlaces(row driver.Command, args []string) (from, end int) {
	switch {
	case row.Keys == driver.OneKey:
		return 0, 1
	case row.Keys == driver.TwoKeys:
		return 0, 2
	case row.Keys == driver.NoKey || len(args) == 0:
		return 0, 0
	}
	switch row.Name {
	case "LMPOP", "SINTERCARD": // numkeys key…
		n, _ := strconv.Atoi(args[0])
		return 1, 1 + n
	case "XGROUP", "XINFO": // a subcommand key…
		return 1, 2
	case "XREAD", "XREADGROUP": // … STREAMS key… ID…
		streams := slices.Index(args, "STREAMS") + 1
		return streams, streams + (len(args)-streams)/2
	}
	return 0, len(args)
}

// outcome returns the reply or error of a command as text.
func outcome(cmd *driver.Cmd) string {
	switch {
	case cmd.Err == nil:
		return replyText(cmd.Reply)
	case errors.Is(cmd.Err, driver.ErrWrongType):
		return "WRONGTYPE"
	case errors.Is(cmd.Err, driver.ErrNotFound):
		return "NOTFOUND"
	case errors.Is(cmd.Err, driver.ErrNotStored):
		return "NOTSTORED"
	case errors.Is(cmd.Err, driver.ErrOverflow):
		return "OVERFLOW"
	case errors.Is(cmd.Err, errors.ErrUnsupported):
		return "UNSUPPORTED"
	case !errors.Is(cmd.Err, driver.ErrSyntax) || !strings.Contains(cmd.Err.Error(), ": "+cmd.Name+": "):
		return "an error that does not name the command: " + cmd.Err.Error()
	}
	return "ERR"
}

func replyText(r driver.Reply) string {
	switch r.Kind {
	case driver.ReplyNil:
		return "nil"
	case driver.ReplyInt:
		return strconv.FormatInt(r.Int, 10)
	case driver.ReplyFloat:
		return strconv.Quote(driver.Float(r.Float).String()) // in the form of RESP2
	case driver.ReplyData:
		return strconv.Quote(string(r.Data))
	case driver.ReplyArray:
		items := make([]string, len(r.Items))
		for i, item := range r.Items {
			items[i] = replyText(item)
		}
		return "[" + strings.Join(items, " ") + "]"
	}
	return fmt.Sprintf("%+v", r)
}

// sessions are commands with the replies of Redis, each on an empty database: see also
// TestRedisAnswersTheSame. ERR is an error without a sentinel.
var sessions = joined(basicSessions, pubSubSessions, listSessions, hashSessions, setSessions, sortedSetSessions, streamSessions)

func joined(groups ...map[string][][2]string) map[string][][2]string {
	all := make(map[string][][2]string)
	for _, group := range groups {
		maps.Copy(all, group)
	}
	return all
}

var basicSessions = map[string][][2]string{
	"connection": {
		{"PING", `"PONG"`},
		{"PING hello", `"hello"`},
		{"PING hello world", "ERR"},
	},
	"get and set": {
		{"GET k", "nil"},
		{"SET k v", `"OK"`},
		{"GET k", `"v"`},
		{"SET k _", `"OK"`},
		{"GET k", `""`},
		{"STRLEN k", "0"},
		{"GET", "ERR"},
		{"GET k k", "ERR"},
		{"SET k", "ERR"},
		{"SET k v v", "ERR"},
		{"SET k v NX XX", "ERR"},
		{"SET k v PX", "ERR"},
		{"SET k v PX 0", "ERR"},
		{"SET k v PX -1", "ERR"},
		{"SET k v EX 9223372036854775807", "ERR"},
		{"SET k v PX 1 KEEPTTL", "ERR"},
		{"SET k v KEEPTTL PX 1", "ERR"},
		{"SET k v EX 1 PX 1", "ERR"},
		{"GET k", `""`},
		{"SET k v nx", "nil"},
		{"SET k v xX", `"OK"`},
		{"SET new v XX", "nil"},
		{"EXISTS new", "0"},
		{"SET new v NX", `"OK"`},
		{"GETDEL new", `"v"`},
		{"GETDEL new", "nil"},
		{"GETEX new PX 1", "nil"},
		{"GETEX new PX 0", "nil"},
		{"GETEX k PX 0", "ERR"},
		{"GETEX k PX 1 EX 1", "ERR"},
		{"GETEX k KEEPTTL", "ERR"},
		{"SET k 12345 EX 100", `"OK"`},
		{"STRLEN k", "5"},
		{"STRLEN missing", "0"},
	},
	"set with get": {
		{"SET k 1 GET", "nil"},
		{"SET k 2 GET", `"1"`},
		{"SET k 3 NX GET", `"2"`},
		{"GET k", `"2"`},
		{"SET k 4 GET XX", `"2"`},
		{"GET k", `"4"`},
		{"SET new 1 XX GET", "nil"},
		{"EXISTS new", "0"},
		{"SET new 1 NX GET", "nil"},
		{"GET new", `"1"`},
		{"RPUSH list a", "1"},
		{"SET list v GET", "WRONGTYPE"},
		{"SET list v NX GET", "WRONGTYPE"},
		{"LLEN list", "1"},
		{"SET list v", `"OK"`},
		{"GET list", `"v"`},
	},
	"set with a time that has passed": {
		{"SET k v", `"OK"`},
		{"SET k w PXAT 1", `"OK"`},
		{"GET k", "nil"},
		{"SET k w EXAT 1", `"OK"`},
		{"EXISTS k", "0"},
		{"SET k v PXAT 0", "ERR"},
	},
	"several keys": {
		{"SET a 1", `"OK"`},
		{"SET b 2", `"OK"`},
		{"RPUSH l 3", "1"},
		{"MGET a b l missing a", `["1" "2" nil nil "1"]`},
		{"EXISTS a b l missing a", "4"},
		{"DEL a a missing", "1"},
		{"UNLINK b l", "2"},
		{"EXISTS a b l", "0"},
		{"MGET", "ERR"},
		{"DEL", "ERR"},
		{"UNLINK", "ERR"},
		{"EXISTS", "ERR"},
	},
	"counting": {
		{"INCRBY k 5", "5"},
		{"INCRBY k -7", "-2"},
		{"GET k", `"-2"`},
		{"SET k 9223372036854775807", `"OK"`},
		{"INCRBY k 1", "OVERFLOW"},
		{"GET k", `"9223372036854775807"`},
		{"INCRBY k -9223372036854775808", "-1"},
		{"INCRBY k -9223372036854775808", "OVERFLOW"},
		{"SET k text", `"OK"`},
		{"INCRBY k 1", "WRONGTYPE"},
		{"SET k 007", `"OK"`},
		{"INCRBY k 1", "WRONGTYPE"},
		{"SET k +7", `"OK"`},
		{"INCRBY k 1", "WRONGTYPE"},
		{"SET k _", `"OK"`},
		{"INCRBY k 1", "WRONGTYPE"},
		{"RPUSH l 1", "1"},
		{"INCRBY l 1", "WRONGTYPE"},
		{"INCR n", "1"},
		{"INCR n", "2"},
		{"DECR n", "1"},
		{"DECRBY n 5", "-4"},
		{"DECRBY n -5", "1"},
		{"DECRBY n -9223372036854775808", "OVERFLOW"},
		{"DECRBY n 9223372036854775807", "-9223372036854775806"},
		{"DECRBY n 3", "OVERFLOW"},
		{"DECR m", "-1"},
		{"INCR l", "WRONGTYPE"},
		{"DECR k", "WRONGTYPE"},
		{"DECRBY n text", "ERR"},
		{"INCR", "ERR"},
		{"INCR n 1", "ERR"},
		{"DECR n 1", "ERR"},
		{"DECRBY n", "ERR"},
		{"INCRBY k", "ERR"},
		{"INCRBY k 1 2", "ERR"},
	},
	"types": {
		{"SET s v", `"OK"`},
		{"RPUSH l v", "1"},
		{"TYPE s", `"string"`},
		{"TYPE l", `"list"`},
		{"TYPE missing", `"none"`},
		{"GET l", "WRONGTYPE"},
		{"GETDEL l", "WRONGTYPE"},
		{"GETEX l PX 1", "WRONGTYPE"},
		{"STRLEN l", "WRONGTYPE"},
		{"LPUSH s v", "WRONGTYPE"},
		{"RPUSH s v", "WRONGTYPE"},
		{"LPOP s", "WRONGTYPE"},
		{"LPOP s 1", "WRONGTYPE"},
		{"LRANGE s 0 1", "WRONGTYPE"},
		{"LLEN s", "WRONGTYPE"},
		{"LLEN l", "1"},
		{"GET s", `"v"`},
	},
	"expiry": {
		{"PTTL k", "-2"},
		{"PEXPIRE k 1000", "0"},
		{"PERSIST k", "0"},
		{"SET k v", `"OK"`},
		{"PTTL k", "-1"},
		{"PERSIST k", "0"},
		{"PEXPIRE k 100000 XX", "0"},
		{"PEXPIRE k 100000 GT", "0"},
		{"PTTL k", "-1"},
		{"PEXPIRE k 100000 NX", "1"},
		{"PEXPIRE k 200000 NX", "0"},
		{"PEXPIRE k 50000 GT", "0"},
		{"PEXPIRE k 200000 LT", "0"},
		{"PEXPIRE k 200000 gt", "1"},
		{"PEXPIRE k 100000 XX LT", "1"},
		{"PERSIST k", "1"},
		{"PTTL k", "-1"},
		{"PEXPIRE k 100000 LT", "1"},
		{"PEXPIRE k 100000 NX GT", "ERR"},
		{"PEXPIRE k 100000 GT LT", "ERR"},
		{"PEXPIRE k 100000 WHAT", "ERR"},
		{"PEXPIRE k", "ERR"},
		{"PEXPIRE k -1 GT", "0"},
		{"EXISTS k", "1"},
		{"PEXPIRE k -1 LT", "1"},
		{"EXISTS k", "0"},
		{"RPUSH l v", "1"},
		{"PEXPIRE l 0", "1"},
		{"EXISTS l", "0"},
	},
	"renaming": {
		{"RENAME a b", "NOTFOUND"},
		{"RENAMENX a b", "NOTFOUND"},
		{"RENAME a a", "NOTFOUND"},
		{"SET a 1", `"OK"`},
		{"RPUSH b 2", "1"},
		{"RENAMENX a b", "0"},
		{"RENAMENX a a", "0"},
		{"RENAME a a", `"OK"`},
		{"RENAME a b", `"OK"`},
		{"GET b", `"1"`},
		{"EXISTS a", "0"},
		{"RENAMENX b c", "1"},
		{"GET c", `"1"`},
		{"RENAME a", "ERR"},
		{"RENAMENX a b c", "ERR"},
	},
	"emptying": {
		{"SET k v", `"OK"`},
		{"FLUSHDB LATER", "ERR"},
		{"EXISTS k", "1"},
		{"FLUSHDB", `"OK"`},
		{"EXISTS k", "0"},
		{"SET k v", `"OK"`},
		{"FLUSHDB async", `"OK"`},
		{"EXISTS k", "0"},
		{"FLUSHDB SYNC", `"OK"`},
	},
}

// extensions are sessions with the commands that Redis lacks.
var extensions = map[string][][2]string{
	"XCACHE.INCR": {
		{"XCACHE.INCR k 1", "nil"},
		{"EXISTS k", "0"},
		{"SET k 5 PX 100000", `"OK"`},
		{"XCACHE.INCR k 2", "7"},
		{"XCACHE.PERSIST k", "1"},
		{"SET k text", `"OK"`},
		{"XCACHE.INCR k 2", "WRONGTYPE"},
		{"SET k 9223372036854775807", `"OK"`},
		{"XCACHE.INCR k 1", "OVERFLOW"},
		{"XCACHE.INCR k one", "ERR"},
		{"XCACHE.INCR k", "ERR"},
	},
	"XCACHE.INCRINIT": {
		{"XCACHE.INCRINIT k 2 10 NONE", "12"},
		{"XCACHE.INCRINIT k 2 10 100000", "14"},
		{"PTTL k", "-1"},
		{"XCACHE.INCRINIT gone 2 10 0", "12"},
		{"EXISTS gone", "0"},
		{"XCACHE.INCRINIT big 1 9223372036854775807 NONE", "OVERFLOW"},
		{"EXISTS big", "0"},
		{"XCACHE.INCRINIT new 1 1 soon", "ERR"},
		{"XCACHE.INCRINIT new 1 one NONE", "ERR"},
		{"XCACHE.INCRINIT new one 1 NONE", "ERR"},
		{"XCACHE.INCRINIT new 1 1", "ERR"},
		{"EXISTS new", "0"},
	},
	"XCACHE.SWAP": {
		{"XCACHE.SWAP k 1 NONE", "nil"},
		{"XCACHE.SWAP k 2 KEEP", `"1"`},
		{"PTTL k", "-1"},
		{"XCACHE.SWAP k 3 0", `"2"`},
		{"EXISTS k", "0"},
		{"RPUSH l v", "1"},
		{"XCACHE.SWAP l 1 NONE", "WRONGTYPE"},
		{"LLEN l", "1"},
		{"XCACHE.SWAP k 1 -1", "ERR"},
		{"XCACHE.SWAP k 1", "ERR"},
	},
	"XCACHE.CAS": {
		{"XCACHE.CAS k 1 2 NONE", "0"},
		{"SET k 1", `"OK"`},
		{"XCACHE.CAS k 2 3 NONE", "0"},
		{"XCACHE.CAS k 1 2 KEEP", "1"},
		{"GET k", `"2"`},
		{"XCACHE.CAS k 2 3 0", "1"},
		{"EXISTS k", "0"},
		{"RPUSH l v", "1"},
		{"XCACHE.CAS l v 2 NONE", "WRONGTYPE"},
		{"XCACHE.CAS k 1 2 soon", "ERR"},
		{"XCACHE.CAS k 1 2", "ERR"},
	},
	"XCACHE.CAD": {
		{"XCACHE.CAD k 1", "0"},
		{"SET k 1", `"OK"`},
		{"XCACHE.CAD k 2", "0"},
		{"XCACHE.CAD k 1", "1"},
		{"EXISTS k", "0"},
		{"RPUSH l v", "1"},
		{"XCACHE.CAD l v", "WRONGTYPE"},
		{"XCACHE.CAD k", "ERR"},
	},
	"XCACHE.GENERATION": {
		{"XCACHE.GENERATION k one 0", "ERR"},
		{"XCACHE.GENERATION k one KEEP", "ERR"},
		{"XCACHE.GENERATION k one", "ERR"},
		{"EXISTS k", "0"},
		{"XCACHE.GENERATION k one 100000", `"one"`},
		{"XCACHE.GENERATION k two NONE", `"one"`},
		{"PTTL k", "-1"},
		{"RPUSH l v", "1"},
		{"XCACHE.GENERATION l one 1000", "WRONGTYPE"},
	},
	"XCACHE.LOCK": {
		{"XCACHE.LOCK k", "ERR"},
		{"XCACHE.LOCK k one 0 0", "ERR"},
		{"XCACHE.LOCK k one 1000000000000 0", "ERR"},
		{"XCACHE.LOCK k one soon 0", "ERR"},
		{"EXISTS k", "0"},
		{"RPUSH l v", "1"},
		{"XCACHE.LOCK l one 1000 0", "WRONGTYPE"},
	},
	"XCACHE.LOCK.EXTEND": {
		{"XCACHE.LOCK.EXTEND k one 1000", "0"},
		{"XCACHE.LOCK.EXTEND k one -1", "ERR"},
		{"EXISTS k", "0"},
	},
	"XCACHE.LOCK.RELEASE": {
		{"XCACHE.LOCK.RELEASE k one", "0"},
		{"XCACHE.LOCK.RELEASE k", "ERR"},
		{"EXISTS k", "0"},
	},
	"XCACHE.RATELIMIT": {
		{"XCACHE.RATELIMIT 1 k", "ERR"},
		{"XCACHE.RATELIMIT 2 k 1 a 3 1000 0", "ERR"},
		{"XCACHE.RATELIMIT 0 1", "ERR"},
		{"XCACHE.RATELIMIT 1 k 1 a 0 1000 0", "ERR"},
		{"XCACHE.RATELIMIT 1 k 1 a 3 0 0", "ERR"},
		{"XCACHE.RATELIMIT 1 k 1 a 3 1000 4", "ERR"},
		{"XCACHE.RATELIMIT 1 k 1 a 3 1000 -1", "ERR"},
		{"XCACHE.RATELIMIT 1 k 4 a 3 1000 0", "ERR"},
		{"XCACHE.RATELIMIT 1 k 3 a 3 1000 2", "ERR"},
		{"XCACHE.RATELIMIT 1 k -1 a 3 1000 0", "ERR"},
		{"XCACHE.RATELIMIT 1 k many a 3 1000 0", "ERR"},
		{"XCACHE.RATELIMIT 1 k 0 a 3 1000 0", "[1 3 0 0]"},
		{"EXISTS k", "0"},
		{"XCACHE.RATELIMIT 1 k 1 a 3 100000 0", "[1 2 0 100000000]"},
		{"RPUSH l v", "1"},
		{"XCACHE.RATELIMIT 2 k l 1 a 3 100000 0 a 3 100000 0", "WRONGTYPE"},
		{"XCACHE.RATELIMIT 2 k m 1 b 3 100000 0 a 3 100000 2", "[1 2 0 100000000 1 0 33333334]"},
	},
	"XCACHE.ONCE": {
		{"XCACHE.ONCE k one 1000", "ERR"},
		{"XCACHE.ONCE k one 0 0", "ERR"},
		{"EXISTS k", "0"},
		{"XCACHE.ONCE k one 100000 0", "[1 100000 nil]"},
		{"XCACHE.ONCE k one 100000 0", "[1 100000 nil]"},
		{"XCACHE.LOCK.EXTEND k one 100000", "1"},
		{"XCACHE.LOCK.RELEASE k one", "1"},
		{"XCACHE.ONCE k two 100000 0", "[1 100000 nil]"},
		{"XCACHE.ONCE.DONE k two v 100000", "1"},
		{"XCACHE.ONCE k one 100000 0", `[2 0 "v"]`},
		{"XCACHE.LOCK.EXTEND k two 100000", "0"},
		{"XCACHE.LOCK.RELEASE k two", "0"},
		{"XCACHE.ONCE k one 100000 0", `[2 0 "v"]`},
		{"RPUSH l v", "1"},
		{"XCACHE.ONCE l one 1000 0", "WRONGTYPE"},
	},
	"XCACHE.ONCE.DONE": {
		{"XCACHE.ONCE.DONE k one v 1000", "0"},
		{"XCACHE.ONCE.DONE k one v 0", "ERR"},
		{"XCACHE.ONCE.DONE k one v", "ERR"},
		{"EXISTS k", "0"},
		{"RPUSH l v", "1"},
		{"XCACHE.ONCE.DONE l one v 1000", "WRONGTYPE"},
	},
	"XCACHE.SEMAPHORE": {
		{"XCACHE.SEMAPHORE k one 1 2 1000", "ERR"},
		{"XCACHE.SEMAPHORE k one 0 2 1000 0", "ERR"},
		{"XCACHE.SEMAPHORE k one 3 2 1000 0", "ERR"},
		{"XCACHE.SEMAPHORE k one 1 2 0 0", "ERR"},
		{"XCACHE.SEMAPHORE k one 1 2 1000 -1", "ERR"},
		{"EXISTS k", "0"},
		{"XCACHE.SEMAPHORE k one 1 2 100000 0", "[1 100000]"},
		{"XCACHE.SEMAPHORE k two 1 2 100000 0", "[1 100000]"},
		{"XCACHE.SEMAPHORE.RELEASE k one", "1"},
		{"XCACHE.SEMAPHORE.RELEASE k two", "1"},
		{"EXISTS k", "0"},
		{"RPUSH l v", "1"},
		{"XCACHE.SEMAPHORE l one 1 2 1000 0", "WRONGTYPE"},
	},
	"XCACHE.SEMAPHORE.EXTEND": {
		{"XCACHE.SEMAPHORE.EXTEND k one 1000", "0"},
		{"XCACHE.SEMAPHORE.EXTEND k one -1", "ERR"},
		{"EXISTS k", "0"},
	},
	"XCACHE.SEMAPHORE.RELEASE": {
		{"XCACHE.SEMAPHORE.RELEASE k one", "0"},
		{"XCACHE.SEMAPHORE.RELEASE k", "ERR"},
		{"EXISTS k", "0"},
	},
	"XCACHE.LEASE": {
		{"XCACHE.LEASE k one 0", "ERR"},
		{"XCACHE.LEASE k one 1000000000000", "ERR"},
		{"XCACHE.LEASE k one soon", "ERR"},
		{"XCACHE.LEASE k one 1000", `"one"`},
		{"XCACHE.LEASE k two 1000", `"one"`},
		{"EXISTS k", "0"},
	},
	"XCACHE.LEASE.ELECT": {
		{"XCACHE.LEASE.ELECT k one 0", "ERR"},
		{"XCACHE.LEASE.ELECT k one 1000", `"one"`},
		{"XCACHE.LEASE.ELECT k two 1000", `"one"`},
		{"XCACHE.LEASE.ELECT k one 1000", `"one"`},
	},
	"XCACHE.LEASE.FILL": {
		{"XCACHE.LEASE.FILL k one v NONE", "-1"},
		{"XCACHE.LEASE k one 1000", `"one"`},
		{"XCACHE.LEASE.FILL k one v soon", "ERR"},
		{"XCACHE.LEASE.FILL k one v NONE", "1"},
		{"XCACHE.LEASE.FILL k one v NONE", "0"},
		{"GET k", `"v"`},
	},
	"XCACHE.LEASE.REPLACE": {
		{"XCACHE.LEASE.REPLACE k one two 1000", "0"},
		{"XCACHE.LEASE k one 1000", `"one"`},
		{"XCACHE.LEASE.REPLACE k one two -1", "ERR"},
		{"XCACHE.LEASE.REPLACE k one two 1000", "1"},
		{"XCACHE.LEASE.REPLACE k one two 1000", "0"},
		{"XCACHE.LEASE.REPLACE k two two 0", "1"},
		{"XCACHE.LEASE k three 1000", `"three"`},
	},
	"XCACHE.LEASE.REVOKE": {
		{"XCACHE.LEASE k one 1000", `"one"`},
		{"XCACHE.LEASE.REVOKE k l", "1"},
		{"XCACHE.LEASE.REVOKE", "ERR"},
		{"XCACHE.LEASE.FILL k one v NONE", "-1"},
	},
	"XCACHE.PERSIST": {
		{"XCACHE.PERSIST k", "0"},
		{"SET k v PX 100000", `"OK"`},
		{"XCACHE.PERSIST k", "1"},
		{"PTTL k", "-1"},
		{"XCACHE.PERSIST k", "1"},
		{"XCACHE.PERSIST k k", "ERR"},
	},
}

func TestCommandsAnswerAsRedisDoes(t *testing.T) {
	for _, group := range []map[string][][2]string{sessions, fieldTTLSessions, extensions} {
		for name, session := range group {
			t.Run(name, func(t *testing.T) {
				store := newStore(t, memory.Options{})
				for _, step := range session {
					cmd := command(step[0])
					require.NoError(t, store.Do(t.Context(), []*driver.Cmd{cmd}, driver.Plain))
					got := outcome(cmd)
					require.Equal(t, step[1], got, "%s: got %s, want %s (%v)", step[0], got, step[1], cmd.Err)
				}
			})
		}
	}
}

func TestEverySessionIsOfACommandThereIs(t *testing.T) {
	seen := make(map[string]bool)
	for _, group := range []map[string][][2]string{sessions, fieldTTLSessions, extensions} {
		for _, session := range group {
			for _, step := range session {
				seen[command(step[0]).Name] = true
			}
		}
	}
	for _, row := range driver.Commands() {
		require.False(t, !seen[row.Name] && !row.Blocking && !slices.Contains(lacking(), row.Name), "no session runs %s", row.Name)
	}
}

func TestPTTLIsRoundedUp(t *testing.T) {
	store := newStore(t, memory.Options{})
	set(t, store, "key", "value", 100) // nanoseconds
	ttl, err := do(t, store, "PTTL", driver.Key("key"))
	require.NoError(t, err, "PTTL of a key that lives")
	require.NotZero(t, ttl.Int, "PTTL of a key that lives")
}

func TestPlainBatchRunsEachCommandOnItsOwn(t *testing.T) {
	store := newStore(t, memory.Options{})
	cmds := []*driver.Cmd{
		command("SET k v"), command("NOSUCH k"), command("LPUSH k v"), command("GET"), command("INCRBY n 1"), command("GET k"),
	}
	require.NoError(t, store.Do(t.Context(), cmds, driver.Plain))
	for i, want := range []string{`"OK"`, "UNSUPPORTED", "WRONGTYPE", "ERR", "1", `"v"`} {
		require.Equal(t, want, outcome(cmds[i]), cmds[i].Name)
	}
	require.NoError(t, store.Do(t.Context(), nil, driver.Plain), "no commands")
}

func TestArgumentThatIsNotMarkedAsAKeyIsRefused(t *testing.T) {
	store := newStore(t, memory.Options{})
	for _, cmd := range []*driver.Cmd{
		driver.NewCmd("GET", driver.Literal("k")),
		driver.NewCmd("RENAME", driver.Key("k"), driver.Literal("to")),
		driver.NewCmd("DEL", driver.Key("k"), driver.Val([]byte("k"))),
		driver.NewCmd("MGET", driver.Literal("k")),
		driver.NewCmd("EXISTS", driver.Literal("k")),
	} {
		require.NoError(t, store.Do(t.Context(), []*driver.Cmd{cmd}, driver.Plain))
		require.Equal(t, "ERR", outcome(cmd), "%s: %v", cmd.Name, cmd.Err)
	}
}

func TestAtomicBatchRunsAllOrNothing(t *testing.T) {
	store := newStore(t, memory.Options{})
	for _, bad := range []string{"NOSUCH k", "GET", "RENAME k"} {
		cmds := []*driver.Cmd{command("SET k v"), command(bad)}
		err := store.Do(t.Context(), cmds, driver.Atomic)
		require.Error(t, err, "a batch with %s: %v", bad, err)
		require.Equal(t, strings.HasPrefix(bad, "NOSUCH"), errors.Is(err, errors.ErrUnsupported), "a batch with %s", bad)
		wantMiss(t, store, "k")
	}
	// A command that fails while it runs undoes nothing, as in Redis.
	cmds := []*driver.Cmd{command("SET k v"), command("LPUSH k x"), command("INCRBY n 2"), command("GET k")}
	require.NoError(t, store.Do(t.Context(), cmds, driver.Atomic))
	for i, want := range []string{`"OK"`, "WRONGTYPE", "2", `"v"`} {
		require.Equal(t, want, outcome(cmds[i]), cmds[i].Name)
	}
	require.NoError(t, store.Do(t.Context(), nil, driver.Atomic), "no commands")
}

// Money that atomic batches move between keys is never seen in two places or in none, with
// keys in any shards.
func TestAtomicBatchHasNothingInBetween(t *testing.T) {
	store := newStore(t, memory.Options{})
	const accounts, total = 10, 1000
	sum := make([]string, accounts)
	for i := range accounts {
		sum[i] = fmt.Sprint("account", i)
		set(t, store, sum[i], strconv.Itoa(total/accounts), driver.NoExpiry)
	}
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := range 500 {
				from, to := sum[(w+i)%accounts], sum[(w*3+i*7)%accounts]
				cmds := []*driver.Cmd{command("INCRBY " + from + " -1"), command("INCRBY " + to + " 1")}
				assert.NoError(t, store.Do(t.Context(), cmds, driver.Atomic))
				assert.NoError(t, cmds[0].Err)
				assert.NoError(t, cmds[1].Err)
			}
		})
	}
	for range 500 {
		cmd := command("MGET " + strings.Join(sum, " "))
		require.NoError(t, store.Do(t.Context(), []*driver.Cmd{cmd}, driver.Plain))
		seen := int64(0)
		for _, item := range cmd.Reply.Items {
			n, err := item.AsInt()
			require.NoError(t, err)
			seen += n
		}
		require.EqualValues(t, total, seen, "the accounts hold")
	}
	wg.Wait()
}

func TestRenameIsNeverSeenHalfDone(t *testing.T) {
	store := newStore(t, memory.Options{})
	keys := []string{"a", "b", "c", "d"}
	set(t, store, keys[0], "value", driver.NoExpiry)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range 4000 {
			if !assert.NoError(t, store.Rename(t.Context(), keys[i%4], keys[(i+1)%4])) {
				return
			}
		}
	}()
	for {
		n, err := do(t, store, "EXISTS", driver.Key("a"), driver.Key("b"), driver.Key("c"), driver.Key("d"))
		require.NoError(t, err)
		require.EqualValues(t, 1, n.Int)
		select {
		case <-done:
			return
		default:
		}
	}
}

func TestListIsAsFastAtBothEnds(t *testing.T) {
	store := newStore(t, memory.Options{MaxBytes: memory.Unbounded})
	const n = 100_000
	key := driver.Key("list")
	for i := range n {
		name := "RPUSH"
		if i%2 == 0 {
			name = "LPUSH"
		}
		_, err := do(t, store, name, key, driver.Val([]byte(strconv.Itoa(i))))
		require.NoError(t, err)
	}
	for i := n - 2; i >= 0; i -= 2 {
		v, err := do(t, store, "LPOP", key)
		require.NoError(t, err, "LPOP")
		require.Equal(t, strconv.Itoa(i), string(v.Data), "LPOP")
	}
	for i := 1; i < n; i += 2 {
		v, err := do(t, store, "LPOP", key)
		require.NoError(t, err, "LPOP")
		require.Equal(t, strconv.Itoa(i), string(v.Data), "LPOP")
	}
	got := store.Stats()
	require.Equal(t, 0, got.Entries, "the emptied list left")
	require.Zero(t, got.Bytes, "the emptied list left")
}
