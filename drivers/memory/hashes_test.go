package memory_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/memory"
)

var hashSessions = map[string][][2]string{
	"hashes": {
		{"HGET h f", "nil"},
		{"HGETALL h", "[]"},
		{"HKEYS h", "[]"},
		{"HVALS h", "[]"},
		{"HLEN h", "0"},
		{"HMGET h f g", "[nil nil]"},
		{"HDEL h f", "0"},
		{"HEXISTS h f", "0"},
		{"HSTRLEN h f", "0"},
		{"HSET h f 1", "1"},
		{"HSET h f 2 g _ f 3", "1"},
		{"HSETNX h f 4", "0"},
		{"HSETNX h i 4", "1"},
		{"HGETALL h", `["f" "3" "g" "" "i" "4"]`},
		{"HKEYS h", `["f" "g" "i"]`},
		{"HVALS h", `["3" "" "4"]`},
		{"HMGET h g x f f", `["" nil "3" "3"]`},
		{"HLEN h", "3"},
		{"HEXISTS h g", "1"},
		{"HSTRLEN h g", "0"},
		{"HSTRLEN h f", "1"},
		{"HDEL h f x f", "1"},
		{"TYPE h", `"hash"`},
		{"HDEL h g i", "2"},
		{"EXISTS h", "0"},
		{"HSET h f", "ERR"},
		{"HSET h f 1 g", "ERR"},
		{"HMGET h", "ERR"},
		{"HSETNX h f", "ERR"},
		{"HDEL h", "ERR"},
	},
	"hashes that are none": {
		{"SET s v", `"OK"`},
		{"HSET s f v", "WRONGTYPE"},
		{"HSETNX s f v", "WRONGTYPE"},
		{"HGET s f", "WRONGTYPE"},
		{"HMGET s f", "WRONGTYPE"},
		{"HGETALL s", "WRONGTYPE"},
		{"HDEL s f", "WRONGTYPE"},
		{"HLEN s", "WRONGTYPE"},
		{"HEXISTS s f", "WRONGTYPE"},
		{"HSTRLEN s f", "WRONGTYPE"},
		{"HINCRBY s f 1", "WRONGTYPE"},
		{"HINCRBYFLOAT s f 1", "WRONGTYPE"},
		{"HRANDFIELD s", "WRONGTYPE"},
		{"HSCAN s 0", "WRONGTYPE"},
		{"HSET h f v", "1"},
		{"GET h", "WRONGTYPE"},
		{"LPUSH h v", "WRONGTYPE"},
		{"RENAME h s", `"OK"`},
		{"HGET s f", `"v"`},
	},
	"counting in hashes": {
		{"HINCRBY h f 5", "5"},
		{"HINCRBY h f -7", "-2"},
		{"HINCRBY h f 9223372036854775807", "9223372036854775805"},
		{"HINCRBY h f 3", "OVERFLOW"},
		{"HGET h f", `"9223372036854775805"`},
		{"HSET h t text e _", "2"},
		{"HINCRBY h t 1", "WRONGTYPE"},
		{"HINCRBY h e 1", "WRONGTYPE"},
		{"HINCRBY h f text", "ERR"},
		{"HINCRBYFLOAT h t 1", "WRONGTYPE"},
		{"HINCRBYFLOAT h e 1", "WRONGTYPE"},
		{"HINCRBYFLOAT h x 10.5", `"10.5"`},
		{"HINCRBYFLOAT h x 0.1", `"10.6"`},
		{"HINCRBYFLOAT h x -10.6", `"0"`},
		{"HINCRBYFLOAT h x 5.0e3", `"5000"`},
		{"HINCRBYFLOAT h x 1e-20", `"5000"`},
		{"HINCRBYFLOAT h y 3.14159265358979323846", `"3.14159265358979324"`},
		{"HINCRBYFLOAT h z 1e300", `"1000000000000000000008997324079559193870523944273290747938260082321265646596180935755849152083750497190350372508614274835903592556184672983913096260520748646287327135641843653294084255107606016789726652932370030551382947620994540294772781889620606179267611627097410650567187386105690089424915104006144"`},
		{"HINCRBYFLOAT h x inf", "ERR"},
		{"HINCRBYFLOAT h x nan", "ERR"},
		{"HINCRBYFLOAT h x 1e", "ERR"},
		{"HINCRBYFLOAT h x text", "ERR"},
		{"HSET h inf inf", "1"},
		{"HINCRBYFLOAT h inf 1", "OVERFLOW"},
	},
	"fields by chance": {
		{"HRANDFIELD h", "nil"},
		{"HRANDFIELD h 2", "[]"},
		{"HRANDFIELD h -2 WITHVALUES", "[]"},
		{"HSET h f 1", "1"},
		{"HRANDFIELD h", `"f"`},
		{"HRANDFIELD h 5", `["f"]`},
		{"HRANDFIELD h -3", `["f" "f" "f"]`},
		{"HRANDFIELD h -2 withvalues", `["f" "1" "f" "1"]`},
		{"HRANDFIELD h 0", "[]"},
		{"HRANDFIELD h 9223372036854775807", `["f"]`},
		{"HRANDFIELD h text", "ERR"},
		{"HRANDFIELD h 1 WITHSCORES", "ERR"},
		{"HRANDFIELD h 1 WITHVALUES 1", "ERR"},
	},
	"scanning hashes": {
		{"HSCAN h 0", `["0" []]`},
		{"HSET h f 1", "1"},
		{"HSCAN h 0", `["0" ["f" "1"]]`},
		{"HSCAN h 0 MATCH g COUNT 5", `["0" []]`},
		{"HSCAN h 0 match [fg]", `["0" ["f" "1"]]`},
		{"HSCAN h text", "ERR"},
		{"HSCAN h 0 COUNT 0", "ERR"},
		{"HSCAN h 0 COUNT text", "ERR"},
		{"HSCAN h 0 COUNT", "ERR"},
		{"HSCAN h 0 MATCH", "ERR"},
		{"HSCAN h 0 WHAT 1", "ERR"},
		{"HSCAN h", "ERR"},
	},
}

// fieldTTLSessions are the sessions with commands that Redis has since 8.0.
var fieldTTLSessions = map[string][][2]string{
	"TTLs of fields": {
		{"HEXPIRE h 10 FIELDS 1 f", "[-2]"},
		{"HTTL h FIELDS 2 f g", "[-2 -2]"},
		{"HPERSIST h FIELDS 1 f", "[-2]"},
		{"HSET h f 1 g 2 i 3", "3"},
		{"HEXPIRE h 100 NX FIELDS 2 f x", "[1 -2]"},
		{"HTTL h FIELDS 3 f g x", "[100 -1 -2]"},
		{"HEXPIRE h 50 NX FIELDS 1 f", "[0]"},
		{"HEXPIRE h 50 GT FIELDS 2 f g", "[0 0]"},
		{"HEXPIRE h 50 LT FIELDS 2 f g", "[1 1]"},
		{"HEXPIRE h 500 xx FIELDS 2 f i", "[1 0]"},
		{"HPEXPIRE h 900000 gt FIELDS 1 f", "[1]"},
		{"HTTL h FIELDS 2 f g", "[900 50]"},
		{"HPERSIST h FIELDS 3 f f x", "[1 -1 -2]"},
		{"HPTTL h FIELDS 1 f", "[-1]"},
		{"HEXPIREAT h 4000000000 FIELDS 1 f", "[1]"},
		{"HPEXPIREAT h 4000000000000 GT FIELDS 1 f", "[0]"},
		{"HPEXPIREAT h 4000000000000 LT FIELDS 1 f", "[0]"},
		{"HPEXPIREAT h 4000000000100 GT FIELDS 1 f", "[1]"},
		{"HEXPIRE h 0 GT FIELDS 1 f", "[0]"},
		{"HEXPIRE h 0 LT FIELDS 1 f", "[2]"},
		{"HEXISTS h f", "0"},
		{"HEXPIREAT h 1 FIELDS 1 g", "[2]"},
		{"HPEXPIREAT h 1 FIELDS 2 i i", "[2 -2]"},
		{"EXISTS h", "0"},
	},
	"TTLs of fields that are written to": {
		{"HSET h f 1", "1"},
		{"HEXPIRE h 100 FIELDS 1 f", "[1]"},
		{"HINCRBY h f 1", "2"},
		{"HINCRBYFLOAT h f 1", `"3"`},
		{"HSETNX h f 1", "0"},
		{"HTTL h FIELDS 1 f", "[100]"},
		{"HSET h f 1", "0"},
		{"HTTL h FIELDS 1 f", "[-1]"},
		{"HEXPIRE h 100 FIELDS 1 f", "[1]"},
		{"HDEL h f", "1"},
		{"HSET h f 1", "1"},
		{"HTTL h FIELDS 1 f", "[-1]"},
		{"HEXPIRE h 100 FIELDS 1 f", "[1]"},
		{"RENAME h i", `"OK"`},
		{"HTTL i FIELDS 1 f", "[100]"},
	},
	"bad TTLs of fields": {
		{"HSET h f 1", "1"},
		{"HEXPIRE h -1 FIELDS 1 f", "ERR"},
		{"HEXPIRE h text FIELDS 1 f", "ERR"},
		{"HEXPIRE h 9223372036854775807 FIELDS 1 f", "ERR"},
		{"HEXPIRE h 5 FIELDS 2 f", "ERR"},
		{"HEXPIRE h 5 FIELDS 1 f g", "ERR"},
		{"HEXPIRE h 5 FIELDS 0 f", "ERR"},
		{"HEXPIRE h 5 FIELDS x f", "ERR"},
		{"HEXPIRE h 5 FIELDS 1", "ERR"},
		{"HEXPIRE h 5 FIELD 1 f", "ERR"},
		{"HEXPIRE h 5", "ERR"},
		{"HTTL h FIELDS 2 f", "ERR"},
		{"HTTL h FIELD 1 f", "ERR"},
		{"HTTL h", "ERR"},
		{"HPTTL h FIELDS 0 f", "ERR"},
		{"HPERSIST h FIELDS 2 f", "ERR"},
		{"HTTL h FIELDS 1 f", "[-1]"},
		{"SET s v", `"OK"`},
		{"HEXPIRE s 1 FIELDS 1 f", "WRONGTYPE"},
		{"HTTL s FIELDS 1 f", "WRONGTYPE"},
		{"HPERSIST s FIELDS 1 f", "WRONGTYPE"},
		{"HGETEX s FIELDS 1 f", "WRONGTYPE"},
		{"HGETDEL s FIELDS 1 f", "WRONGTYPE"},
		{"HSETEX s FIELDS 1 f v", "WRONGTYPE"},
	},
	"getting fields with a TTL": {
		{"HGETEX h FIELDS 1 f", "[nil]"},
		{"HSET h f 1 g 2", "2"},
		{"HGETEX h EX 100 FIELDS 2 f x", `["1" nil]`},
		{"HTTL h FIELDS 2 f g", "[100 -1]"},
		{"HGETEX h FIELDS 1 f", `["1"]`},
		{"HTTL h FIELDS 1 f", "[100]"},
		{"HGETEX h px 200000 FIELDS 2 g g", `["2" "2"]`},
		{"HTTL h FIELDS 1 g", "[200]"},
		{"HGETEX h PERSIST FIELDS 1 f", `["1"]`},
		{"HTTL h FIELDS 1 f", "[-1]"},
		{"HGETEX h EX -1 FIELDS 1 f", "ERR"},
		{"HGETEX h EX text FIELDS 1 f", "ERR"},
		{"HGETEX h EX 1 PX 1 FIELDS 1 f", "ERR"},
		{"HGETEX h EX 1 PERSIST FIELDS 1 f", "ERR"},
		{"HGETEX h KEEPTTL FIELDS 1 f", "ERR"},
		{"HGETEX h FIELDS 1 f EX 1", "ERR"},
		{"HGETEX h FIELDS 2 f", "ERR"},
		{"HGETEX h EX 0 FIELDS 1 f", `["1"]`},
		{"HGETEX h EXAT 1 FIELDS 1 g", `["2"]`},
		{"EXISTS h", "0"},
		{"HSET h f 1 g 2", "2"},
		{"HGETDEL h FIELDS 3 f x f", `["1" nil nil]`},
		{"HGETDEL h FIELDS 2 g", "ERR"},
		{"HGETDEL h FIELDS 0 g", "ERR"},
		{"HGETDEL h g", "ERR"},
		{"HGETDEL h FIELDS 1 g", `["2"]`},
		{"EXISTS h", "0"},
		{"HGETDEL h FIELDS 1 g", "[nil]"},
	},
	"setting fields with a TTL": {
		{"HSETEX h EX 100 FIELDS 2 f 1 g 2", "1"},
		{"HTTL h FIELDS 2 f g", "[100 100]"},
		{"HSETEX h KEEPTTL FIELDS 1 f 3", "1"},
		{"HTTL h FIELDS 1 f", "[100]"},
		{"HSETEX h FNX FIELDS 2 f 3 n 3", "0"},
		{"HSETEX h FXX FIELDS 2 f 3 n 3", "0"},
		{"HSETEX h fxx FIELDS 2 f 3 g 4", "1"},
		{"HGETALL h", `["f" "3" "g" "4"]`},
		{"HTTL h FIELDS 2 f g", "[-1 -1]"},
		{"HSETEX h PX 100000 FNX FIELDS 1 n 5", "1"},
		{"HTTL h FIELDS 1 n", "[100]"},
		{"HSETEX h FNX FXX FIELDS 1 f 6", "ERR"},
		{"HSETEX h FIELDS 2 f 6", "ERR"},
		{"HSETEX h FIELDS 1 f", "ERR"},
		{"HSETEX h FIELDS 1 f 6 g", "ERR"},
		{"HSETEX h FIELDS 1 f 6 EX 3", "ERR"},
		{"HSETEX h EX 1 KEEPTTL FIELDS 1 f 6", "ERR"},
		{"HSETEX h EX -1 FIELDS 1 f 6", "ERR"},
		{"HSETEX h WHAT FIELDS 1 f 6", "ERR"},
		{"HSETEX h EX 0 FIELDS 1 f 6", "1"},
		{"HSETEX h PXAT 1 FIELDS 2 g 6 n 6", "1"},
		{"EXISTS h", "0"},
		{"HSETEX no EXAT 1 FIELDS 1 g 6", "1"},
		{"HSETEX no FXX FIELDS 1 g 6", "0"},
		{"EXISTS no", "0"},
	},
}

// run runs commands, and fails the test unless each reply is the expected one.
func run(t *testing.T, store *memory.Store, steps ...[2]string) {
	t.Helper()
	for _, step := range steps {
		cmd := command(step[0])
		require.NoError(t, store.Do(t.Context(), []*driver.Cmd{cmd}, driver.Plain))
		require.Equal(t, step[1], outcome(cmd), "%s (%v)", step[0], cmd.Err)
	}
}

// Valkey accepts several conditions, and Redis one.
func TestOneConditionOnTheTTLOfAField(t *testing.T) {
	run(t, newStore(t, memory.Options{}), [2]string{"HSET h f 1", "1"}, [2]string{"HEXPIRE h 5 XX GT FIELDS 1 f", "ERR"})
}

func TestFieldsGoWhenTheirTimeIsUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newStore(t, memory.Options{})
		run(t, store, [][2]string{
			{"HSET h a 1 b 2 c 3 d 4", "4"}, {"HPEXPIRE h 10 FIELDS 1 a", "[1]"}, {"HPEXPIRE h 20 FIELDS 2 b c", "[1 1]"}, {"HPEXPIRE h 30 FIELDS 1 d", "[1]"},
		}...)
		time.Sleep(10*time.Millisecond - 1)
		run(t, store, [2]string{"HLEN h", "4"}, [2]string{"HPTTL h FIELDS 1 a", "[1]"})
		time.Sleep(time.Nanosecond)
		run(t, store, [][2]string{
			{"HLEN h", "3"}, {"HGET h a", "nil"}, {"HTTL h FIELDS 1 a", "[-2]"}, {"HSETNX h a 5", "1"}, {"HTTL h FIELDS 1 a", "[-1]"}, {"HDEL h a", "1"},
		}...)
		time.Sleep(10 * time.Millisecond)
		run(t, store, [2]string{"HKEYS h", `["d"]`}, [2]string{"HRANDFIELD h 5", `["d"]`}, [2]string{"HSCAN h 0", `["0" ["d" "4"]]`})
		time.Sleep(10 * time.Millisecond)
		run(t, store, [][2]string{{"EXISTS h", "0"}, {"TYPE h", `"none"`}, {"HLEN h", "0"}, {"DEL h", "0"}, {"RENAME h i", "NOTFOUND"}}...)
		require.EqualValues(t, 1, store.Stats().Expirations)
		require.Zero(t, store.Stats().Bytes)
	})
}

// A hash whose last field has expired is a missing key for every command.
func TestHashOfExpiredFieldsIsGone(t *testing.T) {
	for name, gone := range map[string]func(t *testing.T, store *memory.Store){
		"Get": func(t *testing.T, store *memory.Store) {
			_, err := get(t, store, "h")
			require.ErrorIs(t, err, driver.ErrNotFound)
		},
		"Scan":   func(t *testing.T, store *memory.Store) { require.Empty(t, scan(t, store, "*")) },
		"a hash": func(t *testing.T, store *memory.Store) { run(t, store, [2]string{"HSET h f 1", "1"}) },
		"SET NX": func(t *testing.T, store *memory.Store) { run(t, store, [2]string{"SET h v NX", `"OK"`}) },
		"writes": func(t *testing.T, store *memory.Store) {
			for i := range 500 {
				set(t, store, strconv.Itoa(i), "v", driver.NoExpiry)
			}
			require.Equal(t, 500, store.Stats().Entries)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := newStore(t, memory.Options{MaxBytes: 1 << 20})
				run(t, store, [2]string{"HSETEX h PX 10 FIELDS 2 a 1 b 2", "1"}, [2]string{"PEXPIRE h 100000", "1"})
				time.Sleep(10 * time.Millisecond)
				gone(t, store)
			})
		})
	}
}

// The counts are right after any writes, also when fields expire unseen.
func TestBytesOfHashes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newStore(t, memory.Options{})
		run(t, store, [2]string{"HSET h a 1", "1"})
		before := store.Stats().Bytes
		run(t, store, [][2]string{
			{"HSET h b 12345 c 1", "2"}, {"HSET h b 1", "0"}, {"HEXPIRE h 100 FIELDS 1 a", "[1]"}, {"HPERSIST h FIELDS 1 a", "[1]"}, {"HINCRBY h c 100", "101"},
			{"HSETEX h EX 10 FIELDS 2 d 1 e 2", "1"}, {"HGETEX h EX 10 FIELDS 1 a", `["1"]`}, {"HSET h a 2", "0"}, {"HGETDEL h FIELDS 2 b c", `["1" "101"]`},
		}...)
		require.Greater(t, store.Stats().Bytes, before)
		time.Sleep(10 * time.Second)
		require.Equal(t, []string{"h"}, scan(t, store, "*"))
		require.Equal(t, before, store.Stats().Bytes)
		run(t, store, [2]string{"HDEL h a", "1"})
		require.Zero(t, store.Stats().Bytes)
	})
}

func TestHashThatWouldGrowTooLargeStaysAsItIs(t *testing.T) {
	store := newStore(t, memory.Options{MaxBytes: memory.MinMaxBytes})
	hash, large := driver.Key("h"), driver.Val([]byte(strings.Repeat("x", 3000)))
	f, g := driver.Field("f"), driver.Field("g")
	_, err := do(t, store, "HSET", hash, f, large, g, driver.Int(1))
	require.NoError(t, err)
	fields := driver.Literal("FIELDS")
	for _, refused := range []*driver.Cmd{
		driver.NewCmd("HSET", hash, g, large), driver.NewCmd("HSET", hash, g, driver.Int(2), driver.Field("i"), large), driver.NewCmd("HSETNX", hash, driver.Field("i"), large),
		driver.NewCmd("HSETEX", hash, fields, driver.Int(1), driver.Field("i"), large),
	} {
		_, err := do(t, store, refused.Name, refused.Args...)
		require.ErrorIs(t, err, driver.ErrTooLarge, refused.Name)
		all, err := do(t, store, "HVALS", hash)
		require.NoError(t, err)
		require.Equal(t, []driver.Reply{driver.DataReply(large.Data), driver.DataReply([]byte("1"))}, all.Items, "after %s", refused.Name)
	}
	// TTLs use memory, too.
	for i := range 100 {
		if _, err = do(t, store, "HSET", hash, driver.Field(strconv.Itoa(i)), driver.Int(1)); err != nil {
			break
		}
	}
	require.ErrorIs(t, err, driver.ErrTooLarge, "HSET")
	for i := range 100 {
		if _, err = do(t, store, "HEXPIRE", hash, driver.Int(100), fields, driver.Int(1), driver.Field(strconv.Itoa(i))); err != nil {
			break
		}
	}
	require.ErrorIs(t, err, driver.ErrTooLarge, "HEXPIRE")
	require.LessOrEqual(t, store.Stats().Bytes, int64(memory.MinMaxBytes))
	_, err = do(t, store, "HSET", hash, f, large)
	require.NoError(t, err, "a value as long as before")
}

func TestRandomFieldsAreBounded(t *testing.T) {
	store := newStore(t, memory.Options{})
	run(t, store, [2]string{"HSET h f 1", "1"}, [2]string{"HRANDFIELD h -9223372036854775807", "ERR"})
}

// Every field is picked, and none twice, for every count.
func TestRandomFieldsAreDifferent(t *testing.T) {
	store := newStore(t, memory.Options{})
	const n = 60
	for i := range n {
		run(t, store, [2]string{fmt.Sprintf("HSET h f%d %d", i, i), "1"})
	}
	for _, count := range []int{1, 5, 19, 20, 21, 40, 59, 60} {
		seen := make(map[string]int)
		for range 400 {
			picked, err := do(t, store, "HRANDFIELD", driver.Key("h"), driver.Int(int64(count)))
			require.NoError(t, err)
			require.Len(t, picked.Items, count)
			once := make(map[string]bool)
			for _, item := range picked.Items {
				once[string(item.Data)] = true
				seen[string(item.Data)]++
			}
			require.Len(t, once, count)
		}
		require.GreaterOrEqual(t, len(seen), min(n, 10*count), "of a count of %d", count)
	}
}

func BenchmarkHashes(b *testing.B) {
	store := newStore(b, memory.Options{})
	hash := driver.Key("h")
	const n = 100_000
	for i := range n {
		_, err := do(b, store, "HSET", hash, driver.Field(strconv.Itoa(i)), driver.Val([]byte("value")))
		require.NoError(b, err)
	}
	for _, bm := range []struct {
		name string
		cmd  *driver.Cmd
	}{
		{"HGET of 100000", driver.NewCmd("HGET", hash, driver.Field("500"))},
		{"HSET of 100000", driver.NewCmd("HSET", hash, driver.Field("500"), driver.Val([]byte("value")))},
		{"HINCRBY", driver.NewCmd("HINCRBY", hash, driver.Field("n"), driver.Int(1))},
		{"HRANDFIELD of 100000", driver.NewCmd("HRANDFIELD", hash, driver.Int(5))},
		{"HEXPIRE", driver.NewCmd("HEXPIRE", hash, driver.Int(100), driver.Literal("FIELDS"), driver.Int(1), driver.Field("500"))},
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
