package memory_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/memory"
)

var listSessions = map[string][][2]string{
	"lists": {
		{"LLEN l", "0"},
		{"LPOP l", "nil"},
		{"LPOP l 2", "nil"},
		{"LPOP l 0", "nil"},
		{"LRANGE l 0 -1", "[]"},
		{"RPUSH l a b", "2"},
		{"LPUSH l c d", "4"},
		{"LLEN l", "4"},
		{"LRANGE l 0 -1", `["d" "c" "a" "b"]`},
		{"LRANGE l 1 2", `["c" "a"]`},
		{"LRANGE l -2 -1", `["a" "b"]`},
		{"LRANGE l -100 100", `["d" "c" "a" "b"]`},
		{"LRANGE l 2 1", "[]"},
		{"LRANGE l 4 9", "[]"},
		{"LRANGE l 0 -5", "[]"},
		{"LRANGE l -9223372036854775808 9223372036854775807", `["d" "c" "a" "b"]`},
		{"LRANGE l 0 9223372036854775808", "ERR"},
		{"LPOP l 0", "[]"},
		{"LPOP l", `"d"`},
		{"LPOP l -1", "ERR"},
		{"LPOP l 2", `["c" "a"]`},
		{"LPOP l 9223372036854775807", `["b"]`},
		{"EXISTS l", "0"},
		{"RPUSH l _", "1"},
		{"LPOP l", `""`},
		{"EXISTS l", "0"},
		{"RPOP l", "nil"},
		{"RPUSH l a b c d", "4"},
		{"RPOP l", `"d"`},
		{"RPOP l 2", `["c" "b"]`},
		{"RPOP l 0", "[]"},
		{"RPOP l -1", "ERR"},
		{"RPOP l 5", `["a"]`},
		{"RPOP l 5", "nil"},
		{"EXISTS l", "0"},
		{"RPUSH l", "ERR"},
		{"LPUSH l", "ERR"},
		{"LPOP l 1 2", "ERR"},
		{"LRANGE l 0", "ERR"},
		{"LLEN", "ERR"},
	},
	"lists that must be there": {
		{"LPUSHX l a", "0"},
		{"RPUSHX l a b", "0"},
		{"EXISTS l", "0"},
		{"RPUSH l a", "1"},
		{"LPUSHX l b c", "3"},
		{"RPUSHX l d e", "5"},
		{"LRANGE l 0 -1", `["c" "b" "a" "d" "e"]`},
		{"SET s v", `"OK"`},
		{"LPUSHX s a", "WRONGTYPE"},
		{"RPUSHX s a", "WRONGTYPE"},
		{"RPUSHX l", "ERR"},
		{"LPUSHX l", "ERR"},
	},
	"elements of a list": {
		{"LINDEX l 0", "nil"},
		{"LINDEX l text", "nil"},
		{"LSET l 0 x", "NOTFOUND"},
		{"LINSERT l BEFORE a b", "0"},
		{"RPUSH l a b a", "3"},
		{"LINDEX l -1", `"a"`},
		{"LINDEX l 3", "nil"},
		{"LINDEX l -9223372036854775808", "nil"},
		{"LINDEX l text", "ERR"},
		{"LSET l 1 bb", `"OK"`},
		{"LSET l -1 _", `"OK"`},
		{"LSET l 3 x", "ERR"},
		{"LSET l -4 x", "ERR"},
		{"LSET l text x", "ERR"},
		{"LRANGE l 0 -1", `["a" "bb" ""]`},
		{"LINSERT l before bb 1", "4"},
		{"LINSERT l AFTER bb 2", "5"},
		{"LINSERT l AFTER nowhere 2", "-1"},
		{"LINSERT l WITH bb 2", "ERR"},
		{"LRANGE l 0 -1", `["a" "1" "bb" "2" ""]`},
		{"SET s v", `"OK"`},
		{"LINDEX s 0", "WRONGTYPE"},
		{"LSET s 0 v", "WRONGTYPE"},
		{"LINSERT s AFTER v v", "WRONGTYPE"},
		{"LINDEX l", "ERR"},
		{"LSET l 0", "ERR"},
		{"LINSERT l AFTER bb", "ERR"},
	},
	"cutting lists": {
		{"LREM l 0 a", "0"},
		{"LTRIM l 0 1", `"OK"`},
		{"RPUSH l a b a c a", "5"},
		{"LREM l -2 a", "2"},
		{"LRANGE l 0 -1", `["a" "b" "c"]`},
		{"LREM l 1 c", "1"},
		{"LREM l text a", "ERR"},
		{"LREM l 0 a", "1"},
		{"LREM l -1 b", "1"},
		{"EXISTS l", "0"},
		{"RPUSH l a b c d", "4"},
		{"LTRIM l 1 -2", `"OK"`},
		{"LRANGE l 0 -1", `["b" "c"]`},
		{"LTRIM l -100 100", `"OK"`},
		{"LLEN l", "2"},
		{"LTRIM l 5 9", `"OK"`},
		{"EXISTS l", "0"},
		{"SET s v", `"OK"`},
		{"LREM s 0 v", "WRONGTYPE"},
		{"LTRIM s 0 1", "WRONGTYPE"},
		{"LTRIM l 0", "ERR"},
		{"LTRIM l 0 text", "ERR"},
		{"LREM l 0", "ERR"},
	},
	"places in a list": {
		{"LPOS l a", "nil"},
		{"LPOS l a COUNT 0", "[]"},
		{"RPUSH l a b a c a", "5"},
		{"LPOS l a", "0"},
		{"LPOS l d", "nil"},
		{"LPOS l a RANK 2", "2"},
		{"LPOS l a RANK -1", "4"},
		{"LPOS l a RANK -2 COUNT 0", "[2 0]"},
		{"LPOS l a COUNT 2", "[0 2]"},
		{"LPOS l a COUNT 9 MAXLEN 3", "[0 2]"},
		{"LPOS l a RANK -1 MAXLEN 1", "4"},
		{"LPOS l b RANK -1 MAXLEN 3", "nil"},
		{"LPOS l a RANK 9223372036854775807", "nil"},
		{"LPOS l a RANK -9223372036854775807", "nil"},
		{"LPOS l a RANK 0", "ERR"},
		{"LPOS l a COUNT -1", "ERR"},
		{"LPOS l a MAXLEN -1", "ERR"},
		{"LPOS l a COUNT", "ERR"},
		{"LPOS l a COUNT one", "ERR"},
		{"LPOS l a PLACE 1", "ERR"},
		{"LPOS l", "ERR"},
		{"SET s v", `"OK"`},
		{"LPOS s v", "WRONGTYPE"},
	},
	"moving between lists": {
		{"LMOVE a b LEFT RIGHT", "nil"},
		{"SET s v", `"OK"`},
		{"LMOVE a s LEFT RIGHT", "nil"},
		{"RPUSH a 1 2 3", "3"},
		{"LMOVE a s LEFT RIGHT", "WRONGTYPE"},
		{"LMOVE s a LEFT RIGHT", "WRONGTYPE"},
		{"LRANGE a 0 -1", `["1" "2" "3"]`},
		{"LMOVE a b left right", `"1"`},
		{"LMOVE a b RIGHT LEFT", `"3"`},
		{"LMOVE a b LEFT LEFT", `"2"`},
		{"EXISTS a", "0"},
		{"LRANGE b 0 -1", `["2" "3" "1"]`},
		{"LMOVE b b LEFT RIGHT", `"2"`},
		{"LMOVE b b LEFT LEFT", `"3"`},
		{"LRANGE b 0 -1", `["3" "1" "2"]`},
		{"RPUSH one x", "1"},
		{"LMOVE one one LEFT RIGHT", `"x"`},
		{"LRANGE one 0 -1", `["x"]`},
		{"LMOVE b one UP RIGHT", "ERR"},
		{"LMOVE b one LEFT DOWN", "ERR"},
		{"LMOVE b one LEFT", "ERR"},
	},
	"popping of several lists": {
		{"LMPOP 2 a b LEFT", "nil"},
		{"RPUSH b 1 2 3 4", "4"},
		{"LMPOP 2 a b LEFT", `["b" ["1"]]`},
		{"LMPOP 2 a b RIGHT COUNT 2", `["b" ["4" "3"]]`},
		{"LMPOP 1 b right count 100", `["b" ["2"]]`},
		{"EXISTS b", "0"},
		{"SET s v", `"OK"`},
		{"LMPOP 2 a s LEFT", "WRONGTYPE"},
		{"LMPOP 0 a LEFT", "ERR"},
		{"LMPOP -1 a LEFT", "ERR"},
		{"LMPOP x a LEFT", "ERR"},
		{"LMPOP 2 a LEFT", "ERR"},
		{"LMPOP 9223372036854775807 a LEFT", "ERR"},
		{"LMPOP 1 a UP", "ERR"},
		{"LMPOP 1 a LEFT COUNT", "ERR"},
		{"LMPOP 1 a LEFT COUNT 0", "ERR"},
		{"LMPOP 1 a LEFT COUNT 1 COUNT 1", "ERR"},
		{"LMPOP 1 a LEFT LIMIT 1", "ERR"},
	},
}

// The least integer has no opposite. Redis 7.0 counts from the front for this integer;
// later releases refuse it, as the store does.
func TestLeastIntegerIsNoCountFromTheEnd(t *testing.T) {
	store := newStore(t, memory.Options{})
	for _, line := range []string{"LREM l -9223372036854775808 a", "LPOS l a RANK -9223372036854775808"} {
		cmd := command(line)
		require.NoError(t, store.Do(t.Context(), []*driver.Cmd{cmd}, driver.Plain))
		require.Equal(t, "ERR", outcome(cmd), line)
	}
}

// The size of a write is checked before the write.
func TestListThatWouldGrowTooLargeStaysAsItIs(t *testing.T) {
	store := newStore(t, memory.Options{MaxBytes: memory.MinMaxBytes})
	large := driver.Val([]byte(strings.Repeat("x", 3000)))
	small := driver.Val([]byte("small"))
	run := func(name string, args ...driver.Arg) error {
		_, err := do(t, store, name, args...)
		return err
	}
	list, other := driver.Key("list"), driver.Key("other")
	require.NoError(t, run("RPUSH", list, large, small))
	for _, refused := range []*driver.Cmd{
		driver.NewCmd("RPUSH", list, small, large), driver.NewCmd("LPUSHX", list, large), driver.NewCmd("LSET", list, driver.Int(1), large),
		driver.NewCmd("LINSERT", list, driver.Literal("AFTER"), small, large),
	} {
		require.ErrorIs(t, run(refused.Name, refused.Args...), driver.ErrTooLarge, refused.Name)
		all, err := do(t, store, "LRANGE", list, driver.Int(0), driver.Int(-1))
		require.NoError(t, err)
		require.Equal(t, []driver.Reply{driver.DataReply(large.Data), driver.DataReply(small.Data)}, all.Items, "after %s", refused.Name)
	}
	require.NoError(t, run("LSET", list, driver.Int(0), small), "a smaller element")
	require.NoError(t, run("LSET", list, driver.Int(0), large))
	require.NoError(t, run("RPUSH", other, driver.Val(large.Data[:2000])), "which evicts the list")
	require.NoError(t, run("RPUSH", list, large))
	require.NoError(t, run("LMOVE", list, list, driver.Literal("LEFT"), driver.Literal("RIGHT")))
}

func BenchmarkLists(b *testing.B) {
	store := newStore(b, memory.Options{})
	list := driver.Key("list")
	for i := range 1000 {
		_, err := do(b, store, "RPUSH", list, driver.Val([]byte(strconv.Itoa(i))))
		require.NoError(b, err)
	}
	for _, bm := range []struct {
		name string
		cmd  *driver.Cmd
	}{
		{"LINDEX in the middle of 1000", driver.NewCmd("LINDEX", list, driver.Int(500))},
		{"LPOS in the middle of 1000", driver.NewCmd("LPOS", list, driver.Val([]byte("500")))},
		{"LMOVE", driver.NewCmd("LMOVE", list, list, driver.Literal("LEFT"), driver.Literal("RIGHT"))},
		{"LRANGE of 100", driver.NewCmd("LRANGE", list, driver.Int(0), driver.Int(99))},
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
