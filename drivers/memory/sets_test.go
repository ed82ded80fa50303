package memory_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/memory"
)

var setSessions = map[string][][2]string{
	"sets": {
		{"SCARD s", "0"},
		{"SMEMBERS s", "[]"},
		{"SISMEMBER s a", "0"},
		{"SMISMEMBER s a b", "[0 0]"},
		{"SREM s a", "0"},
		{"SADD s a", "1"},
		{"SADD s a b a _", "2"},
		{"SCARD s", "3"},
		{"SISMEMBER s _", "1"},
		{"SISMEMBER s A", "0"},
		{"SMISMEMBER s a x b a", "[1 0 1 1]"},
		{"TYPE s", `"set"`},
		{"SREM s a x a", "1"},
		{"SREM s _", "1"},
		{"SMEMBERS s", `["b"]`},
		{"SREM s b", "1"},
		{"EXISTS s", "0"},
		{"SADD s", "ERR"},
		{"SREM s", "ERR"},
		{"SISMEMBER s", "ERR"},
		{"SISMEMBER s a b", "ERR"},
		{"SMISMEMBER s", "ERR"},
	},
	"sets that are none": {
		{"SET k v", `"OK"`},
		{"SADD k v", "WRONGTYPE"},
		{"SREM k v", "WRONGTYPE"},
		{"SCARD k", "WRONGTYPE"},
		{"SMEMBERS k", "WRONGTYPE"},
		{"SISMEMBER k v", "WRONGTYPE"},
		{"SMISMEMBER k v", "WRONGTYPE"},
		{"SPOP k", "WRONGTYPE"},
		{"SPOP k 1", "WRONGTYPE"},
		{"SRANDMEMBER k", "WRONGTYPE"},
		{"SSCAN k 0", "WRONGTYPE"},
		{"SUNION s k", "WRONGTYPE"},
		{"SINTER s k", "WRONGTYPE"},
		{"SDIFF s k", "WRONGTYPE"},
		{"SINTERSTORE d s k", "WRONGTYPE"},
		{"SINTERCARD 2 s k", "WRONGTYPE"},
		{"SADD s a", "1"},
		{"SMOVE k s v", "WRONGTYPE"},
		{"SMOVE s k a", "WRONGTYPE"},
		{"SMOVE none k a", "0"},
		{"GET s", "WRONGTYPE"},
		{"HGET s a", "WRONGTYPE"},
		{"GET k", `"v"`},
	},
	"moving between sets": {
		{"SADD a 1 2", "2"},
		{"PEXPIRE a 500000", "1"},
		{"SMOVE a b 1", "1"},
		{"SMOVE a b 1", "0"},
		{"SMOVE a a 2", "1"},
		{"SMOVE a a 3", "0"},
		{"SADD b 2", "1"},
		{"SMOVE a b 2", "1"},
		{"EXISTS a", "0"},
		{"SCARD b", "2"},
		{"PTTL b", "-1"},
		{"SMOVE b a", "ERR"},
	},
	"members by chance": {
		{"SPOP s", "nil"},
		{"SPOP s 2", "[]"},
		{"SRANDMEMBER s", "nil"},
		{"SRANDMEMBER s 2", "[]"},
		{"SRANDMEMBER s -2", "[]"},
		{"SADD s a", "1"},
		{"SRANDMEMBER s", `"a"`},
		{"SRANDMEMBER s 3", `["a"]`},
		{"SRANDMEMBER s -3", `["a" "a" "a"]`},
		{"SRANDMEMBER s 0", "[]"},
		{"SRANDMEMBER s text", "ERR"},
		{"SRANDMEMBER s 1 WITHVALUES", "ERR"},
		{"SPOP s 0", "[]"},
		{"SPOP s -1", "ERR"},
		{"SPOP s text", "ERR"},
		{"SPOP s 1 2", "ERR"},
		{"SPOP s 5", `["a"]`},
		{"EXISTS s", "0"},
		{"SADD s b", "1"},
		{"SPOP s", `"b"`},
		{"EXISTS s", "0"},
	},
	"combining sets": {
		{"SADD a 1 2 3", "3"},
		{"SADD b 3", "1"},
		{"SADD c 2 3", "2"},
		{"SINTER a b c", `["3"]`},
		{"SINTER a none", "[]"},
		{"SINTER b", `["3"]`},
		{"SDIFF a c", `["1"]`},
		{"SDIFF none a", "[]"},
		{"SUNION b none b", `["3"]`},
		{"SINTERCARD 2 a c", "2"},
		{"SINTERCARD 2 a c LIMIT 1", "1"},
		{"SINTERCARD 2 a c limit 0", "2"},
		{"SINTERCARD 2 a none", "0"},
		{"SINTERCARD 0 a", "ERR"},
		{"SINTERCARD 3 a c", "ERR"},
		{"SINTERCARD 2 a c LIMIT", "ERR"},
		{"SINTERCARD 2 a c LIMIT -1", "ERR"},
		{"SINTERCARD 2 a c MOST 1", "ERR"},
		{"SUNIONSTORE d a b c", "3"},
		{"SCARD d", "3"},
		{"PEXPIRE d 500000", "1"},
		{"SINTERSTORE d a c", "2"},
		{"PTTL d", "-1"},
		{"SDIFFSTORE a a c", "1"},
		{"SMEMBERS a", `["1"]`},
		{"SINTERSTORE d a none", "0"},
		{"EXISTS d", "0"},
		{"SET k v", `"OK"`},
		{"SUNIONSTORE k b", "1"},
		{"SMEMBERS k", `["3"]`},
		{"SUNION", "ERR"},
		{"SINTER", "ERR"},
		{"SDIFF", "ERR"},
		{"SUNIONSTORE d", "ERR"},
		{"SINTERSTORE d", "ERR"},
		{"SDIFFSTORE d", "ERR"},
	},
	"scanning sets": {
		{"SSCAN s 0", `["0" []]`},
		{"SADD s a", "1"},
		{"SSCAN s 0", `["0" ["a"]]`},
		{"SSCAN s 0 MATCH b COUNT 5", `["0" []]`},
		{"SSCAN s 0 match [ab]", `["0" ["a"]]`},
		{"SSCAN s text", "ERR"},
		{"SSCAN s 0 COUNT 0", "ERR"},
		{"SSCAN s 0 NOVALUES", "ERR"},
		{"SSCAN s", "ERR"},
	},
}

func TestSetThatWouldGrowTooLargeStaysAsItIs(t *testing.T) {
	store := newStore(t, memory.Options{MaxBytes: memory.MinMaxBytes})
	set, small, large := driver.Key("s"), driver.Val([]byte("small")), driver.Val([]byte(strings.Repeat("x", 3000)))
	_, err := do(t, store, "SADD", set, large)
	require.NoError(t, err)
	_, err = do(t, store, "SADD", set, small, driver.Val(large.Data[:1500]))
	require.ErrorIs(t, err, driver.ErrTooLarge)
	members, err := do(t, store, "SMEMBERS", set)
	require.NoError(t, err)
	require.Equal(t, []driver.Reply{driver.DataReply(large.Data)}, members.Items)
	n, err := do(t, store, "SADD", set, large, small, large)
	require.NoError(t, err, "members that are there take no room")
	require.EqualValues(t, 1, n.Int)
}

func TestBytesOfSets(t *testing.T) {
	store := newStore(t, memory.Options{})
	run(t, store, [2]string{"SADD s a", "1"})
	before := store.Stats().Bytes
	run(t, store, [][2]string{
		{"SADD s b c d e a", "4"}, {"SREM s b", "1"}, {"SMOVE s t c", "1"}, {"SUNIONSTORE u s t", "4"}, {"SDIFFSTORE u t t", "0"}, {"SPOP t 5", `["c"]`}, {"SREM s d e", "2"},
	}...)
	require.Equal(t, before, store.Stats().Bytes)
	run(t, store, [2]string{"SPOP s", `"a"`})
	require.Zero(t, store.Stats().Bytes)
}

func TestRandomMembersAreBounded(t *testing.T) {
	run(t, newStore(t, memory.Options{}), [2]string{"SADD s a", "1"}, [2]string{"SRANDMEMBER s -9223372036854775807", "ERR"})
}

func BenchmarkSets(b *testing.B) {
	store := newStore(b, memory.Options{})
	set, few := driver.Key("s"), driver.Key("few")
	for i := range 100_000 {
		_, err := do(b, store, "SADD", set, driver.Val([]byte(strconv.Itoa(i))))
		require.NoError(b, err)
	}
	_, err := do(b, store, "SADD", few, driver.Val([]byte("5")), driver.Val([]byte("x")))
	require.NoError(b, err)
	for _, bm := range []struct {
		name string
		cmd  *driver.Cmd
	}{
		{"SISMEMBER of 100000", driver.NewCmd("SISMEMBER", set, driver.Val([]byte("500")))},
		{"SRANDMEMBER of 100000", driver.NewCmd("SRANDMEMBER", set, driver.Int(5))},
		{"SINTER of 100000 and 2", driver.NewCmd("SINTER", set, few)},
		{"SSCAN of 100000", driver.NewCmd("SSCAN", set, driver.Int(50_000))},
	} {
		b.Run(bm.name, func(b *testing.B) {
			b.ReportAllocs()
			cmds := []*driver.Cmd{bm.cmd}
			for b.Loop() {
				if err := store.Do(b.Context(), cmds, driver.Plain); err != nil || bm.cmd.Err != nil {
					b.Fatal(err, bm.cmd.Err)
				}
			}
		})
	}
}
