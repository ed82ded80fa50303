package memory_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/memory"
	"github.com/xcache-go/xcache/internal/race"
	"github.com/xcache-go/xcache/internal/servertest"
)

// sortedSetSessions are the sessions of sorted sets.
var sortedSetSessions = map[string][][2]string{
	"sorted sets": {
		{"ZCARD z", "0"},
		{"ZADD z 1 a 2 b 2 c", "3"},
		{"ZADD z", "ERR"},
		{"ZADD z NX 9 a 3 d", "1"},
		{"ZADD z XX CH 1.5 a 3 e", "1"},
		{"ZADD z GT LT 1 a", "ERR"},
		{"ZINCRBY z 1 a", `"2.5"`},
		{"ZINCRBY z inf new", `"inf"`},
		{"ZINCRBY z -inf new", "OVERFLOW"},
		{"ZRANGE z 0 -1", `["b" "c" "a" "d" "new"]`},
		{"ZRANGE z 0 1 WITHSCORES", `["b" "2" "c" "2"]`},
		{"ZRANGE z (3 -inf BYSCORE REV LIMIT 0 2", `["a" "c"]`},
		{"ZRANK z c", "1"},
		{"ZREVRANK z c", "3"},
		{"ZRANK z none", "nil"},
		{"ZSCORE z a", `"2.5"`},
		{"ZMSCORE z a none", `["2.5" nil]`},
		{"ZCOUNT z 2 (3", "3"},
		{"ZLEXCOUNT z - +", "5"},
		{"ZRANDMEMBER none", "nil"},
		{"ZRANDMEMBER none 2", "[]"},
		{"ZSCAN none 0", `["0" []]`},
		{"ZMPOP 2 none other MIN", "nil"},
		{"ZREM z new none", "1"},
		{"ZPOPMIN z", `["b" "2"]`},
		{"ZPOPMAX z 2", `["d" "3" "a" "2.5"]`},
		{"ZPOPMAX z 2", `["c" "2"]`},
		{"ZPOPMIN z", "[]"},
		{"EXISTS z", "0"},
	},
	"several sorted sets": {
		{"ZADD a 1 x 2 y", "2"},
		{"ZADD b 10 y 20 z", "2"},
		{"ZUNION 2 a b WITHSCORES", `["x" "1" "y" "12" "z" "20"]`},
		{"ZINTER 2 a b WEIGHTS 2 1", `["y"]`},
		{"ZDIFF 2 a b", `["x"]`},
		{"ZINTERCARD 2 a b", "1"},
		{"ZINTERCARD 0 a", "ERR"},
		{"ZUNIONSTORE u 2 a b AGGREGATE MAX", "3"},
		{"ZINTERSTORE i 2 a b", "1"},
		{"ZDIFFSTORE d 2 a b", "1"},
		{"ZDIFFSTORE d 2 a a", "0"},
		{"EXISTS d", "0"},
		{"ZRANGESTORE r u 1 2", "2"},
		{"ZREMRANGEBYRANK u 0 0", "1"},
		{"ZREMRANGEBYSCORE u 20 inf", "1"},
		{"ZREMRANGEBYLEX u [a [z", "1"},
		{"EXISTS u", "0"},
		{"SET text v", `"OK"`},
		{"ZUNION 2 a text", "WRONGTYPE"},
		{"ZADD text 1 a", "WRONGTYPE"},
	},
}

// agrees reports whether a reply equals a server's reply in RESP2, where a number with a
// fraction is text.
func agrees(here driver.Reply, there any) bool {
	switch here.Kind {
	case driver.ReplyFloat:
		text, ok := there.(string)
		f, err := strconv.ParseFloat(text, 64)
		return ok && err == nil && f == here.Float
	case driver.ReplyArray:
		items, ok := there.([]any)
		return ok && slices.EqualFunc(here.Items, items, agrees)
	}
	return replyText(here) == serverText(there)
}

// flat joins the pairs in a server's reply into one list, as in the store's replies.
func flat(pairs any) any {
	all := []any{}
	for _, pair := range pairs.([]any) {
		all = append(all, pair.([]any)...)
	}
	return all
}

// wantSame runs a line on the store and on a server, and fails the test unless the replies
// are equal.
func wantSame(t testing.TB, store driver.Commander, conn *servertest.Conn, line string, log []string) {
	t.Helper()
	cmd := command(line)
	require.NoError(t, store.Do(t.Context(), []*driver.Cmd{cmd}, driver.Plain))
	words := []string{cmd.Name}
	for _, arg := range cmd.Args {
		words = append(words, arg.String())
	}
	there, err := conn.Try(words...)
	if popped, ok := there.([]any); ok && cmd.Name == "ZMPOP" {
		there = []any{popped[0], flat(popped[1])}
	}
	same := err == nil && cmd.Err == nil && agrees(cmd.Reply, there)
	if err != nil && cmd.Err != nil {
		text := err.Error()
		switch {
		case strings.HasPrefix(text, "WRONGTYPE"):
			// Redis looks at some keys before the options behind them.
			same = errors.Is(cmd.Err, driver.ErrWrongType) || errors.Is(cmd.Err, driver.ErrSyntax)
		case strings.Contains(text, "not a number (NaN)"):
			same = errors.Is(cmd.Err, driver.ErrOverflow)
		default:
			same = errors.Is(cmd.Err, driver.ErrSyntax)
		}
	}
	if !same {
		require.Failf(t, "Redis answers otherwise", "%s: got %s (%v), Redis answers %v (%v); after\n%s", line, replyText(cmd.Reply), cmd.Err, there, err, strings.Join(log, "\n"))
	}
}

// sortedSetLines returns makers of random commands on sorted sets.
func sortedSetLines(random *rand.Rand) map[string]func() string {
	pick := func(words ...string) string { return words[random.IntN(len(words))] }
	key := func() string { return pick("a", "b", "c", "text") }
	member := func() string { return pick("a", "b", "c", "ab", "a\xff", "_", "A", "0", "zz", "é") }
	score := func() string {
		return pick("0", "1", "2", "3", "-1", "1.5", "1.50", "-0", "1e3", "+2", ".5", "0x10", "inf", "-inf", "+INF", "infinity", "nan", "1e400", "1e-400", "text", "1_0", "_")
	}
	good := func() string { return pick("0", "1", "1", "2", "3", "-1", "1.5", "inf", "-inf") }
	bound := func() string {
		// A lone ( or an empty word is left out: Redis reads 0, which no caller means.
		return pick("0", "1", "2", "(1", "(2", "-inf", "+inf", "(inf", "(-inf", "1.5", "(1.5", "nan", "x", "((1")
	}
	lex := func() string {
		return pick("-", "+", "[a", "(a", "[b", "(b", "[ab", "[", "(", "[zz", "(zz", "a", "x")
	}
	rank := func() string { return pick("0", "1", "2", "3", "-1", "-2", "-3", "100", "-100", "x") }
	limit := func() string {
		return pick("", "", "LIMIT 0 2", "LIMIT 1 -1", "LIMIT 1 1", "LIMIT -1 2", "LIMIT 0 0", "LIMIT 0 -1", "LIMIT 100 1", "LIMIT 1", "LIMIT x 1")
	}
	spanned := func() string {
		switch random.IntN(4) {
		case 0:
			return rank() + " " + rank()
		case 1:
			return bound() + " " + bound() + " BYSCORE"
		case 2:
			return bound() + " " + bound() + " byscore " + pick("BYSCORE", "BYLEX", "")
		}
		return pick("- +", "+ -", lex()+" "+lex()) + " BYLEX"
	}
	keys := func() string {
		return pick("1 "+key(), "2 "+key()+" "+key(), "2 "+key()+" "+key(), "3 a b c", "0 a", "-1 a", "4 a b", "x a")
	}
	combined := func() string {
		return keys() + " " + pick("", "", "WEIGHTS "+score(), "WEIGHTS "+good()+" "+good(), "WEIGHTS 1 2 3") + " " +
			pick("", "", "AGGREGATE MIN", "AGGREGATE MAX", "aggregate sum", "AGGREGATE", "AGGREGATE x")
	}
	scores := func() string { return pick("", "WITHSCORES") }
	return map[string]func() string{
		"ZADD": func() string {
			return key() + " " + pick("", "", "", "NX", "XX", "GT", "LT", "NX GT", "GT LT", "NX XX", "GT XX") + " " +
				pick("", "", "CH", "INCR", "CH INCR") + " " + pick(good(), good(), score()) + " " + member() +
				pick("", "", " "+good()+" "+member(), " "+good()+" "+member()+" "+score()+" "+member(), " 1")
		},
		"ZINCRBY":   func() string { return key() + " " + score() + " " + member() },
		"ZCARD":     key,
		"ZCOUNT":    func() string { return key() + " " + bound() + " " + bound() },
		"ZLEXCOUNT": func() string { return key() + " " + lex() + " " + lex() },
		"ZSCORE":    func() string { return key() + " " + member() },
		"ZMSCORE":   func() string { return key() + " " + member() + " " + member() },
		"ZRANK":     func() string { return key() + " " + member() },
		"ZREVRANK":  func() string { return key() + " " + member() },
		"ZREM":      func() string { return key() + " " + member() + " " + member() },
		"ZPOPMIN":   func() string { return key() + " " + pick("", "2", "0", "-1", "x", "100") },
		"ZPOPMAX":   func() string { return key() + " " + pick("", "2", "0", "-1", "x", "100") },
		"ZMPOP": func() string {
			return keys() + " " + pick("MIN", "max", "x", "") + " " + pick("", "COUNT 2", "COUNT 0", "COUNT")
		},
		"ZRANGE":           func() string { return key() + " " + spanned() + " " + pick("", "REV") + " " + limit() + " " + scores() },
		"ZRANGESTORE":      func() string { return key() + " " + key() + " " + spanned() + " " + pick("", "REV") + " " + limit() },
		"ZREMRANGEBYRANK":  func() string { return key() + " " + rank() + " " + rank() },
		"ZREMRANGEBYSCORE": func() string { return key() + " " + bound() + " " + bound() },
		"ZREMRANGEBYLEX":   func() string { return key() + " " + lex() + " " + lex() },
		"ZUNION":           func() string { return combined() + " " + scores() },
		"ZINTER":           func() string { return combined() + " " + scores() },
		"ZDIFF":            func() string { return keys() + " " + scores() },
		"ZUNIONSTORE":      func() string { return key() + " " + combined() },
		"ZINTERSTORE":      func() string { return key() + " " + combined() },
		"ZDIFFSTORE":       func() string { return key() + " " + keys() },
		"ZINTERCARD":       func() string { return keys() + " " + pick("", "LIMIT 1", "LIMIT 0", "LIMIT -1", "LIMIT") },
		"member":           member,
		"PERSIST":          key,
		"PEXPIRE":          func() string { return key() + " 600000" },
		"TYPE":             key,
		"SET":              func() string { return "text v" },
	}
}

func TestRandomSortedSetCommandsDoTheSameAsOnRedis(t *testing.T) {
	conn := redis.Server(t).Dial(t)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	lines := sortedSetLines(random)
	var names []string
	for _, row := range driver.Commands() {
		if lines[row.Name] != nil {
			names = append(names, row.Name)
		}
	}
	for round := range 40 {
		conn.Do(t, "FLUSHDB")
		store := newStore(t, memory.Options{})
		// Every other round has one score for all members, as ranges by member need.
		equal := round%2 == 1
		var log []string
		for range 300 {
			name := names[random.IntN(len(names))]
			if random.IntN(3) == 0 {
				name = "ZADD"
			}
			line := name + " " + lines[name]()
			if byLex := strings.Contains(line, "LEX"); byLex && !equal {
				continue
			}
			if equal && (name == "ZADD" || name == "ZINCRBY" || strings.HasSuffix(name, "STORE")) {
				line = fmt.Sprintf("ZADD %c 0 %s 0 %s", "ab"[random.IntN(2)], lines["member"](), lines["member"]())
			}
			log = append(log, line)
			wantSame(t, store, conn, line, log)
		}
		for _, key := range []string{"a", "b", "c", "text"} {
			line := "ZRANGE " + key + " 0 -1 WITHSCORES"
			wantSame(t, store, conn, line, log)
		}
	}
}

// The store and Redis parse the same numbers.
func TestScoresAreReadAsRedisReadsThem(t *testing.T) {
	conn := redis.Server(t).Dial(t)
	store := newStore(t, memory.Options{})
	for i, text := range []string{
		"1", "+1", "-1", "++1", "--1", "+-1", "1.", ".1", ".", "", "1e5", "1E5", "1e", "1e+5", "e5", "1 ", "0x1F", "0X1f", "0x", "0x1p4", "-0x10", "0x.8", "inf", "Inf", "+inf", "-INF",
		"infinity", "INFINITY", "infin", "nan", "-nan", "NaN", "1e308", "1e309", "-1e309", "5e-324", "1e-323", "1e-330", "0e-400", "0.0000", "1_000", "0x_1p0", "3.0000000000000001",
		"9007199254740993", "123456789012345678901234567890", "00012", "1,5", "١",
	} {
		key := fmt.Sprint("k", i)
		_, here := do(t, store, "ZADD", driver.Key(key), driver.Literal(text), element("m"))
		_, there := conn.Try("ZADD", key, text, "m")
		require.Equal(t, there == nil, here == nil, "%q: %v, Redis says %v", text, here, there)
		if here == nil {
			got, err := do(t, store, "ZSCORE", driver.Key(key), element("m"))
			require.NoError(t, err)
			require.True(t, agrees(got, conn.Do(t, "ZSCORE", key, "m")), "%q is %v", text, got.Float)
		}
	}
}

func element(text string) driver.Arg { return driver.Val([]byte(text)) }

// members adds n members to a sorted set. Their scores are their numbers.
func members(t testing.TB, store driver.Commander, key string, n int) {
	t.Helper()
	args := []driver.Arg{driver.Key(key)}
	for i := range n {
		args = append(args, driver.Int(int64(i)), element(fmt.Sprintf("member:%07d", i)))
		if len(args) > 2000 || i == n-1 {
			_, err := do(t, store, "ZADD", args...)
			require.NoError(t, err)
			args = args[:1]
		}
	}
}

// The cost of a part of a sorted set does not grow with the whole set. Under the race
// detector the set has a tenth of its members.
func TestSortedSetOfAMillionMembers(t *testing.T) {
	n := int64(1_000_000)
	if race.Enabled {
		n /= 10
	}
	store := newStore(t, memory.Options{})
	small, large := driver.Key("small"), driver.Key("large")
	members(t, store, "small", 100)
	members(t, store, "large", int(n))
	middle, inTheMiddle := driver.Int(n/2), element(fmt.Sprintf("member:%07d", n/2))
	for name, calls := range map[string][2]*driver.Cmd{
		"ZRANK":   {driver.NewCmd("ZRANK", small, element("member:0000050")), driver.NewCmd("ZRANK", large, inTheMiddle)},
		"ZRANGE":  {driver.NewCmd("ZRANGE", small, driver.Int(50), driver.Int(52)), driver.NewCmd("ZRANGE", large, middle, driver.Int(n/2+2))},
		"ZCOUNT":  {driver.NewCmd("ZCOUNT", small, driver.Int(1), driver.Int(99)), driver.NewCmd("ZCOUNT", large, driver.Int(1), driver.Int(n-1))},
		"BYSCORE": {driver.NewCmd("ZRANGE", small, driver.Int(50), driver.Int(52), driver.Literal("BYSCORE")), driver.NewCmd("ZRANGE", large, middle, driver.Int(n/2+2), driver.Literal("BYSCORE"))},
		"LIMIT": {
			driver.NewCmd("ZRANGE", small, driver.Int(0), driver.Int(n), driver.Literal("BYSCORE"), driver.Literal("LIMIT"), driver.Int(50), driver.Int(3)),
			driver.NewCmd("ZRANGE", large, driver.Int(0), driver.Int(n), driver.Literal("BYSCORE"), driver.Literal("LIMIT"), middle, driver.Int(3)),
		},
	} {
		allocations := func(cmd *driver.Cmd) float64 {
			return testing.AllocsPerRun(20, func() {
				if err := store.Do(t.Context(), []*driver.Cmd{cmd}, driver.Plain); err != nil || cmd.Err != nil {
					require.NoError(t, errors.Join(err, cmd.Err))
				}
			})
		}
		require.LessOrEqual(t, allocations(calls[1]), allocations(calls[0]), "allocations of %s", name)
	}
	got, err := do(t, store, "ZRANK", large, inTheMiddle)
	require.NoError(t, err)
	require.Equal(t, n/2, got.Int)
	removed, err := do(t, store, "ZREMRANGEBYRANK", large, driver.Int(1), driver.Int(-2))
	require.NoError(t, err)
	require.Equal(t, n-2, removed.Int)
}

// The count of a sorted set is at least its memory in the process, and not much more.
func TestSortedSetCountsItsMemory(t *testing.T) {
	for _, n := range []int{1000, 100_000, 130_000} {
		store := newStore(t, memory.Options{})
		heap := func() int64 {
			runtime.GC()
			var stats runtime.MemStats
			runtime.ReadMemStats(&stats)
			return int64(stats.HeapAlloc)
		}
		before := heap()
		random := rand.New(rand.NewPCG(1, uint64(n)))
		for i := range n {
			_, err := do(t, store, "ZADD", driver.Key("k"), driver.Float(random.Float64()), element(fmt.Sprint("member:", i)))
			require.NoError(t, err)
		}
		taken, counted := heap()-before, store.Stats().Bytes
		t.Logf("%d members take %d bytes each, and count %d", n, taken/int64(n), counted/int64(n))
		require.LessOrEqual(t, taken, counted*5/4)
		require.LessOrEqual(t, counted, taken*5/2)
	}
}

func TestSortedSetThatCannotFitIsRefused(t *testing.T) {
	store := newStore(t, memory.Options{MaxBytes: 4096})
	key := driver.Key("k")
	_, err := do(t, store, "ZADD", key, driver.Int(1), element("a"))
	require.NoError(t, err)
	before := store.Stats()
	_, err = do(t, store, "ZADD", key, driver.Int(2), element("a"), driver.Int(3), element(strings.Repeat("x", 4096)))
	require.ErrorIs(t, err, driver.ErrTooLarge)
	require.Equal(t, before, store.Stats())
	got, err := do(t, store, "ZSCORE", key, element("a"))
	require.NoError(t, err)
	require.Equal(t, driver.FloatReply(1), got, "nothing has changed")
	for i := range 15 {
		_, err = do(t, store, "ZADD", key, driver.Int(int64(i)), element(fmt.Sprint(i)))
		require.NoError(t, err)
	}
	_, err = do(t, store, "ZADD", key, driver.Int(5), element("a"))
	require.NoError(t, err, "a new score needs no room")
	_, err = do(t, store, "ZADD", key, driver.Int(6), element(strings.Repeat("y", 2000)))
	require.ErrorIs(t, err, driver.ErrTooLarge)
}

// A scan yields each member that is in the set during the whole scan.
func TestScanOfAChangingSortedSet(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 5))
	store := newStore(t, memory.Options{})
	key := driver.Key("k")
	for i := range 500 {
		_, err := do(t, store, "ZADD", key, driver.Int(int64(i)), element(fmt.Sprint("stays", i)), driver.Int(1), element(fmt.Sprint("goes", i)))
		require.NoError(t, err)
	}
	seen := make(map[string]bool)
	cursor := "0"
	for steps := 0; steps == 0 || cursor != "0"; steps++ {
		require.Less(t, steps, 1000)
		reply, err := do(t, store, "ZSCAN", key, driver.Literal(cursor), driver.Literal("MATCH"), driver.Literal("st*"), driver.Literal("COUNT"), driver.Int(7))
		require.NoError(t, err)
		cursor = string(reply.Items[0].Data)
		found, err := reply.Items[1].AsScoredMembers()
		require.NoError(t, err)
		for _, m := range found {
			seen[string(m.Member)] = true
		}
		_, err = do(t, store, "ZREM", key, element(fmt.Sprint("goes", random.IntN(500))))
		require.NoError(t, err)
		_, err = do(t, store, "ZADD", key, driver.Int(1), element(fmt.Sprint("comes", steps)), driver.Float(random.Float64()), element(fmt.Sprint("stays", random.IntN(500))))
		require.NoError(t, err)
	}
	require.Len(t, seen, 500)
}

func TestRandomMembers(t *testing.T) {
	store := newStore(t, memory.Options{})
	key := driver.Key("k")
	members(t, store, "k", 20)
	for _, tt := range []struct{ count, want int }{{0, 0}, {1, 1}, {5, 5}, {19, 19}, {20, 20}, {50, 20}, {-5, 5}, {-50, 50}} {
		seen := make(map[string]int)
		for range 200 {
			reply, err := do(t, store, "ZRANDMEMBER", key, driver.Int(int64(tt.count)), driver.Literal("WITHSCORES"))
			require.NoError(t, err)
			found, err := reply.AsScoredMembers()
			require.NoError(t, err)
			require.Len(t, found, tt.want)
			once := make(map[string]bool)
			for _, m := range found {
				require.False(t, tt.count > 0 && once[string(m.Member)], "%s twice", m.Member)
				once[string(m.Member)] = true
				seen[string(m.Member)]++
				require.Equal(t, fmt.Sprintf("member:%07d", int(m.Score)), string(m.Member))
			}
		}
		if tt.count != 0 {
			require.Len(t, seen, 20, "each member has its chance, %d at a time", tt.count)
		}
	}
	_, err := do(t, store, "ZRANDMEMBER", key, driver.Int(math.MinInt64))
	require.ErrorIs(t, err, driver.ErrSyntax)
}

func BenchmarkSortedSet(b *testing.B) {
	for _, n := range []int{1_000, 1_000_000} {
		store := newStore(b, memory.Options{})
		key := driver.Key("k")
		members(b, store, "k", n)
		random := rand.New(rand.NewPCG(1, 2))
		for name, cmd := range map[string]func() *driver.Cmd{
			"ZRANK": func() *driver.Cmd {
				return driver.NewCmd("ZRANK", key, element(fmt.Sprintf("member:%07d", random.IntN(n))))
			},
			"ZRANGE10": func() *driver.Cmd {
				i := random.Int64N(int64(n))
				return driver.NewCmd("ZRANGE", key, driver.Int(i), driver.Int(i+9))
			},
			"ZADD": func() *driver.Cmd {
				return driver.NewCmd("ZADD", key, driver.Int(random.Int64N(int64(n))), element(fmt.Sprintf("member:%07d", random.IntN(n))))
			},
		} {
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					_ = store.Do(b.Context(), []*driver.Cmd{cmd()}, driver.Plain)
				}
			})
		}
	}
}
