package memory_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/memory"
	"github.com/xcache-go/xcache/internal/servertest"
	"github.com/xcache-go/xcache/internal/servertest/release"
)

// A batch has commands that are sent at once.
type batch struct {
	how   driver.How
	lines []string
}

// A sequence has batches for an empty database.
type sequence []batch

func (s sequence) String() string {
	var b strings.Builder
	for _, batch := range s {
		if batch.how == driver.Atomic {
			fmt.Fprintf(&b, "MULTI\n%s\nEXEC\n", strings.Join(batch.lines, "\n"))
		} else {
			fmt.Fprintf(&b, "%s\n", strings.Join(batch.lines, "\n"))
		}
	}
	return b.String()
}

// without returns the sequence without a number of its commands.
func (s sequence) without(from, number int) sequence {
	var shorter sequence
	at := 0
	for _, b := range s {
		kept := batch{how: b.how}
		for _, line := range b.lines {
			if at < from || at >= from+number {
				kept.lines = append(kept.lines, line)
			}
			at++
		}
		if len(kept.lines) > 0 {
			shorter = append(shorter, kept)
		}
	}
	return shorter
}

func (s sequence) commands() int {
	n := 0
	for _, b := range s {
		n += len(b.lines)
	}
	return n
}

// shrink removes the commands that a difference does not need.
func (s sequence) shrink(differs func(sequence) bool) sequence {
	for size := s.commands() / 2; size > 0; {
		shorter := false
		for from := 0; from < s.commands(); {
			if candidate := s.without(from, size); differs(candidate) {
				s, shorter = candidate, true
			} else {
				from += size
			}
		}
		if !shorter || size > 1 {
			size /= 2
		}
	}
	return s
}

func (m lineMaker) sortedSets() map[string]func() string {
	member := func() string { return m.pick("u", "v", "w", "x", "_") }
	score := func() string {
		return m.pick("0", "1", "2", "-1", "1.5", "-0", "3e2", "inf", "-inf", "+inf", "0.1", "1e-7", "1e17", "nan", "text")
	}
	scoreLimit := func() string { // a lone ( is 0 for Redis, and an error here
		return m.pick("-inf", "+inf", "0", "1", "(1", "2", "(0", "-1", "1.5", "(inf", "text")
	}
	number := func() string { return m.pick("0", "1", "2", "3", "-1", "-2", "100", m.number()) }
	pairs := func() string {
		return m.some(3, func() string { return score() + " " + member() })
	}
	limit := func() string { return m.pick("", "", "LIMIT "+number()+" "+number(), "LIMIT 1") }
	span := func() string {
		return m.pick(number()+" "+number(), scoreLimit()+" "+scoreLimit()+" BYSCORE "+limit())
	}
	sources := func() string {
		return m.pick("1 "+m.key(), "2 "+m.key()+" "+m.key(), "2 "+m.key()+" "+m.key(), "0 a", "3 a b", "text a")
	}
	combining := func() string {
		return sources() + " " + m.pick("", "", "WEIGHTS 2", "WEIGHTS 2 -1", "WEIGHTS 1 text") + " " + m.pick("", "", "AGGREGATE MIN", "aggregate max", "AGGREGATE SUM", "AGGREGATE AVG")
	}
	withScores := func() string { return m.pick("", "WITHSCORES", "WHAT") }
	return map[string]func() string{
		"DEL":     m.key,
		"SET":     func() string { return m.pick("b", "c") + " text" },
		"SADD":    func() string { return m.pick("b", "c") + " " + m.some(3, member) },
		"PEXPIRE": func() string { return m.key() + " 500000" },
		"PTTL":    m.key,
		"ZADD": func() string {
			return m.key() + " " + m.pick("", "", m.options("NX", "XX", "GT", "LT", "CH", "INCR")) + " " + pairs()
		},
		"ZCARD":   m.key,
		"ZCOUNT":  func() string { return m.key() + " " + scoreLimit() + " " + scoreLimit() },
		"ZINCRBY": func() string { return m.key() + " " + score() + " " + member() },
		"ZSCORE":  func() string { return m.key() + " " + member() },
		"ZMSCORE": func() string { return m.key() + " " + m.some(3, member) },
		"ZRANK":   func() string { return m.key() + " " + member() },
		"ZREVRANK": func() string {
			return m.key() + " " + member()
		},
		"ZREM":    func() string { return m.key() + " " + m.some(2, member) },
		"ZPOPMIN": func() string { return m.key() + " " + m.pick("", number()) },
		"ZPOPMAX": func() string { return m.key() + " " + m.pick("", number()) },
		"ZMPOP": func() string {
			return sources() + " " + m.pick("MIN", "max", "MID") + " " + m.pick("", "COUNT "+number())
		},
		"ZRANGE":           func() string { return m.key() + " " + span() + " " + m.pick("", "REV") + " " + withScores() },
		"ZRANGESTORE":      func() string { return m.key() + " " + m.key() + " " + span() + " " + m.pick("", "REV") },
		"ZREMRANGEBYRANK":  func() string { return m.key() + " " + number() + " " + number() },
		"ZREMRANGEBYSCORE": func() string { return m.key() + " " + scoreLimit() + " " + scoreLimit() },
		"ZUNION":           func() string { return combining() + " " + withScores() },
		"ZINTER":           func() string { return combining() + " " + withScores() },
		"ZDIFF":            func() string { return sources() + " " + withScores() },
		"ZUNIONSTORE":      func() string { return m.key() + " " + combining() },
		"ZINTERSTORE":      func() string { return m.key() + " " + combining() },
		"ZDIFFSTORE":       func() string { return m.key() + " " + sources() },
		"ZINTERCARD":       func() string { return sources() + " " + m.pick("", "LIMIT "+number()) },
		"ZRANDMEMBER": func() string {
			return m.key() + " " + m.pick("", "0", "1", "2", "-3", "9", "text") + " " + m.pick("", "", "WITHSCORES", "WHAT")
		},
	}
}

// sortedSetsByMember has commands on sorted sets with one score, on keys of their own. For
// several scores Redis does not define the members between two members.
func (m lineMaker) sortedSetsByMember() map[string]func() string {
	key := func() string { return m.pick("d", "e") }
	member := func() string { return m.pick("u", "v", "w", "x", "_") }
	limit := func() string { return m.pick("-", "+", "[u", "(u", "[w", "(x", "[", "w") }
	return map[string]func() string{
		"ZADD":           func() string { return key() + " 0 " + member() + " 0 " + member() },
		"ZREM":           func() string { return key() + " " + member() },
		"ZLEXCOUNT":      func() string { return key() + " " + limit() + " " + limit() },
		"ZREMRANGEBYLEX": func() string { return key() + " " + limit() + " " + limit() },
		"ZRANGE": func() string {
			return key() + " " + limit() + " " + limit() + " BYLEX " + m.pick("", "REV") + " " + m.pick("", "LIMIT "+m.number()+" "+m.number())
		},
		"ZRANGESTORE": func() string { return key() + " " + key() + " " + limit() + " " + limit() + " BYLEX" },
	}
}

func (m lineMaker) streams() map[string]func() string {
	id := func() string {
		if m.IntN(20) == 0 {
			return m.pick("0", "9-9", "text", "1-", "-", "1-text")
		}
		return m.pick("1-1", "1-2", "2-0", "2", "3-0", "3", "5-1")
	}
	after := func() string { return m.pick("0", "1", "1-1", "2", "3", "$", "-", "text") }
	limit := func() string { return m.pick("-", "+", "-", "+", "(1-1", "(2", id()) }
	count := func() string { return m.pick("1", "2", "3", "0", "-1", "100", "text") }
	group := func() string { return m.pick("g", "g", "g", "g", "h") }
	consumer := func() string { return m.pick("alice", "bob") }
	trim := func() string {
		return m.pick("MAXLEN", "MAXLEN =", "maxlen") + " " + m.pick("0", "1", "2", "3", "-1", "text")
	}
	either := func() string { return m.pick(trim(), "MINID "+id(), "MINID = "+id(), "WHAT 1") }
	return map[string]func() string{
		"DEL": m.key,
		"SET": func() string { return m.pick("b", "c") + " text" },
		"XADD": func() string {
			return m.key() + " " + m.pick("", "", "NOMKSTREAM") + " " + m.pick("", "", "", either()) + " " +
				m.pick(id(), id(), "1-*", "3-*", "5-*", "6-*") + " " + m.some(2, func() string { return m.pick("f", "g") + " " + m.value() }) + m.pick("", "", "", "", "", "", " f")
		},
		"XLEN":  m.key,
		"XDEL":  func() string { return m.key() + " " + m.some(3, id) },
		"XTRIM": func() string { return m.key() + " " + either() },
		"XRANGE": func() string {
			return m.key() + " " + limit() + " " + limit() + " " + m.pick("", "", "COUNT "+count(), "WHAT 1")
		},
		"XREVRANGE": func() string { return m.key() + " " + limit() + " " + limit() + " " + m.pick("", "", "COUNT "+count()) },
		"XREAD": func() string {
			return m.pick("", "COUNT "+count()) + " STREAMS " + m.pick(m.key()+" "+after(), "a b "+after()+" "+after(), "a b 0")
		},
		"XGROUP": func() string {
			return m.pick("CREATE "+m.key()+" "+group()+" "+m.pick("0", "$", "1-1", "2", "text")+" "+m.pick("", "MKSTREAM"), "CREATE "+m.key()+" "+group()+" 0 MKSTREAM",
				"CREATE "+m.key()+" "+group()+" 0", "DESTROY "+m.key()+" "+group(), "SETID "+m.key()+" "+group()+" "+m.pick("0", "$", "2"),
				"CREATECONSUMER "+m.key()+" "+group()+" "+consumer(), "DELCONSUMER "+m.key()+" "+group()+" "+consumer())
		},
		"XREADGROUP": func() string {
			return "GROUP " + group() + " " + consumer() + " " + m.pick("", "COUNT "+count()) + " " + m.pick("", "", "NOACK") + " STREAMS " + m.pick(m.key()+" "+m.pick(">", ">", ">", "0", "1", "text"), "a b > >")
		},
		"XACK": func() string { return m.key() + " " + group() + " " + m.some(3, id) },
		"XPENDING": func() string {
			return m.key() + " " + group() + " " + m.pick("", limit()+" "+limit()+" "+count(), "- + 10 "+consumer(), "IDLE 0 - + 10")
		},
		"XCLAIM": func() string {
			return m.key() + " " + group() + " " + consumer() + " " + m.pick("0", "0", "100000000", "text") + " " + m.some(3, id) + " " + m.pick("", "", "JUSTID", "FORCE", "RETRYCOUNT 7", "FORCE JUSTID")
		},
		"XAUTOCLAIM": func() string {
			return m.key() + " " + group() + " " + consumer() + " " + m.pick("0", "0", "100000000") + " " + m.pick("0", "0-0", "1", "2") + " " + m.pick("", "COUNT "+count(), "JUSTID")
		},
		"XINFO": func() string { return "GROUPS " + m.key() },
	}
}

// inOrder removes commands whose results differ between servers: pops of random members,
// and scans with cursors.
func inOrder(lines map[string]func() string, m lineMaker) map[string]func() string {
	lines = maps.Clone(lines)
	for name := range lines {
		if strings.HasSuffix(name, "SCAN") {
			lines[name] = func() string { return m.key() + " 0 COUNT 1000 " + m.pick("", "MATCH [fgxy]") }
		}
	}
	if lines["SPOP"] != nil {
		lines["SPOP"] = func() string { return m.key() + " " + m.pick("0", "9", "9", "-1", "text") }
	}
	return lines
}

// The differences that are allowed, with a reason.
var allowed = []struct {
	why  string
	name *regexp.Regexp // of the command
	same func(here, there string) bool
}{
	{"Redis has one text for a bad argument and a bad value", regexp.MustCompile(``), func(here, there string) bool { return here == "ERR" && there == "WRONGTYPE" }},
	{"members of sets and fields of hashes have no order", regexp.MustCompile(`^(SMEMBERS|SUNION|SINTER|SDIFF|HKEYS|HVALS|SPOP)$`), inGroups(1)},
	{"pairs of fields and values have no order", regexp.MustCompile(`^HGETALL$`), inGroups(2)},
	{"a scan has no order", regexp.MustCompile(`^SSCAN$`), scanned(1)},
	{"a scan has no order", regexp.MustCompile(`^HSCAN$`), scanned(2)},
	{"servers do not read the arguments if there is no key, or no group", regexp.MustCompile(`SCAN$|^X`), func(here, there string) bool {
		return here == "ERR" && slices.Contains([]string{"0", "nil", "[]", "NOTFOUND", `["0" []]`, `["0-0" [] []]`}, there)
	}},
	{"servers write a score with other digits", regexp.MustCompile(`^Z`), sameNumbers},
	{"versions of servers count consumers, and entries that a group has not read, in different ways", regexp.MustCompile(`^XINFO$`), func(here, there string) bool {
		counts := regexp.MustCompile(`"(consumers|entries-read|lag)" (\d+|nil)`)
		return counts.ReplaceAllString(here, "") == counts.ReplaceAllString(there, "")
	}},
	{"RESP2 has lists of pairs where RESP3 has a map, or pairs are alternating", regexp.MustCompile(`^(ZMPOP|XREAD|XREADGROUP)$`), func(here, there string) bool {
		flat := strings.NewReplacer("[", "", "]", "")
		return sameNumbers(flat.Replace(here), flat.Replace(there))
	}},
	{"chance picks the members", regexp.MustCompile(`RAND(MEMBER|FIELD)$`), func(here, there string) bool {
		return strings.Count(here, " ") == strings.Count(there, " ") && (here == "nil") == (there == "nil") && (here == "[]") == (there == "[]")
	}},
	{"two servers look at their clocks at different times", regexp.MustCompile(`^H?P?TTL$`), nearAll},
	{"the time of an entry's delivery is that of two clocks, and RESP2 writes counts as text", regexp.MustCompile(`^XPENDING$`), func(here, there string) bool {
		const marks, idle = `[]"`, 2
		a, b := strings.Fields(here), strings.Fields(there)
		sameWith := func(clocks bool) bool {
			for i := range min(len(a), len(b)) {
				if strings.Trim(a[i], marks) != strings.Trim(b[i], marks) && !(clocks && i%4 == idle) {
					return false
				}
			}
			return len(a) == len(b)
		}
		return sameWith(false) || len(a)%4 == 0 && strings.HasPrefix(here, "[[") && sameWith(true)
	}},
	{"Redis before 7.2 does not create a consumer who reads nothing", regexp.MustCompile(`^XGROUP$`), func(here, there string) bool { return here == "0" && there == "1" }},
}

func inGroups(size int) func(here, there string) bool {
	return func(here, there string) bool {
		return strings.HasPrefix(here, "[") && regroup(here, size) == regroup(there, size)
	}
}

// scanned is inGroups for a reply that begins with a cursor.
func scanned(size int) func(here, there string) bool {
	return func(here, there string) bool {
		here, okHere := strings.CutPrefix(here, `["0" `)
		there, okThere := strings.CutPrefix(there, `["0" `)
		return okHere && okThere && regroup(here, size) == regroup(there, size)
	}
}

// sameNumbers compares word by word. Numbers are compared by value.
func sameNumbers(here, there string) bool {
	return slices.EqualFunc(strings.Fields(here), strings.Fields(there), func(a, b string) bool {
		const marks = `[]"`
		x, errX := strconv.ParseFloat(strings.Trim(a, marks), 64)
		y, errY := strconv.ParseFloat(strings.Trim(b, marks), 64)
		return a == b || errX == nil && errY == nil && x == y
	})
}

func sameOutcome(name, here, there string) bool {
	if here == there {
		return true
	}
	for _, difference := range allowed {
		if difference.name.MatchString(name) && difference.same(here, there) {
			return true
		}
	}
	return false
}

// compareSequence runs a sequence on an empty store and on an empty server, and returns the
// first difference, or "". succeeded counts the commands that were no error and found
// something.
func compareSequence(t testing.TB, conn *servertest.Conn, s sequence, succeeded map[string]int) string {
	t.Helper()
	conn.Do(t, "FLUSHDB")
	store, err := memory.NewStore(memory.Options{})
	require.NoError(t, err)
	defer func() { require.NoError(t, store.Close()) }()
	for _, b := range s {
		var cmds []*driver.Cmd
		var words [][]string
		for _, line := range b.lines {
			cmd := command(line)
			cmds = append(cmds, cmd)
			words = append(words, wordsOf(cmd))
		}
		if b.how == driver.Atomic {
			words = append(append([][]string{{"MULTI"}}, words...), []string{"EXEC"})
		}
		replies, err := conn.Pipeline(words...)
		require.NoError(t, err)
		callErr := store.Do(t.Context(), cmds, b.how)
		if b.how == driver.Atomic {
			last, ok := replies[len(replies)-1].([]any)
			if refused := !ok; refused || callErr != nil {
				if !refused || callErr == nil {
					return fmt.Sprintf("MULTI and EXEC: got %v, the server answers %v", callErr, replies[len(replies)-1])
				}
				continue
			}
			replies = last
		}
		if callErr != nil {
			return fmt.Sprintf("a pipeline fails: %v", callErr)
		}
		for i, cmd := range cmds {
			var there string
			if serverErr, ok := replies[i].(servertest.ServerError); ok {
				there = errorText(serverErr)
			} else {
				there = serverText(replies[i])
			}
			if cmd.Err == nil && !slices.Contains([]string{"nil", "0", "[]"}, outcome(cmd)) {
				succeeded[cmd.Name]++
			}
			if here := outcome(cmd); !sameOutcome(cmd.Name, here, there) {
				return fmt.Sprintf("%s: got %s (%v), the server answers %s (%v)", b.lines[i], here, cmd.Err, there, replies[i])
			}
		}
	}
	return ""
}

func wordsOf(cmd *driver.Cmd) []string {
	words := []string{cmd.Name}
	for _, arg := range cmd.Args {
		words = append(words, arg.String())
	}
	return words
}

// A family has the commands of one data structure, and the commands that fill a key, %s.
type family struct {
	lines  map[string]func() string
	builds []string
}

func (m lineMaker) families(fieldTTLs bool) []family {
	return []family{
		{m.keysAndStrings(), []string{"SET %s 5"}},
		{m.lists(), []string{"RPUSH %s x y z x y"}},
		{inOrder(m.hashes(fieldTTLs), m), []string{"HSET %s f 1 g 1.5 h text"}},
		{inOrder(m.sets(), m), []string{"SADD %s w x y 1"}},
		{m.sortedSets(), []string{"ZADD %s 0 u 1 v 2 w 1.5 x"}},
		{m.sortedSetsByMember(), []string{"ZADD d 0 u 0 v 0 w", "ZADD e 0 u 0 v 0 w"}},
		{m.streams(), []string{"XADD %s 1-1 f 1", "XADD %s 2-* f 1", "XGROUP CREATE %s g 0 MKSTREAM", "XREADGROUP GROUP g alice STREAMS %s >"}},
	}
}

// build returns a command that fills a key, or has no effect on a filled key.
func (f family) build(m lineMaker) string {
	return strings.ReplaceAll(m.pick(f.builds...), "%s", m.key())
}

// line returns a random command. Commands that remove a key are rarer than others.
func (f family) line(m lineMaker, names []string) string {
	if m.IntN(6) == 0 {
		return f.build(m)
	}
	name := m.pick(names...)
	if (name == "DEL" || name == "SET" && f.lines["GET"] == nil) && m.IntN(4) > 0 {
		name = m.pick(names...)
	}
	return strings.Join(strings.Fields(name+" "+f.lines[name]()), " ")
}

// makeSequence makes a random sequence of commands of one family, or of all.
func (m lineMaker) makeSequence(families []family) sequence {
	const batches, most = 12, 40
	from := families
	if m.IntN(4) > 0 {
		i := m.IntN(len(families))
		from = families[i : i+1]
	}
	var names [][]string
	first := batch{how: driver.Plain}
	for _, f := range from {
		names = append(names, slices.Sorted(maps.Keys(f.lines)))
		for range 2 * len(f.builds) {
			first.lines = append(first.lines, f.build(m))
		}
	}
	s := sequence{first}
	for range batches {
		b := batch{how: driver.Plain}
		if m.IntN(3) == 0 {
			b.how = driver.Atomic
		}
		for range 1 + m.IntN(most) {
			i := m.IntN(len(from))
			b.lines = append(b.lines, from[i].line(m, names[i]))
		}
		s = append(s, b)
	}
	return s
}

// TestRandomSequences compares the store with real servers, over all families of commands,
// in pipelines and in transactions. XCACHE_RANDOM_OPS is the number of commands for each
// server, and XCACHE_RANDOM_SEED is the seed: see "make test-random".
func TestRandomSequences(t *testing.T) {
	ops, seeds := 20_000, []uint64{1, rand.Uint64()}
	if text := os.Getenv("XCACHE_RANDOM_OPS"); text != "" {
		n, err := strconv.Atoi(text)
		require.NoError(t, err, "XCACHE_RANDOM_OPS")
		ops, seeds = n, seeds[1:]
	}
	if text := os.Getenv("XCACHE_RANDOM_SEED"); text != "" {
		seed, err := strconv.ParseUint(text, 10, 64)
		require.NoError(t, err, "XCACHE_RANDOM_SEED")
		seeds = []uint64{seed}
	}
	for _, name := range []string{release.Redis70.Name, release.Valkey80.Name, release.Redis8.Name} {
		t.Run(name, func(t *testing.T) {
			conn := servertest.Redis(t, servertest.Release(name)).Dial(t)
			found := make(map[string]int)
			for _, seed := range seeds {
				t.Logf("seed %d, %d commands", seed, ops)
				compareRandomly(t, conn, seed, ops, found)
			}
			for name, times := range found {
				assert.Positive(t, times, "seeds %v: how often %s found something", seeds, name)
			}
		})
	}
}

// compareRandomly counts in found the results of each command that found something.
func compareRandomly(t *testing.T, conn *servertest.Conn, seed uint64, ops int, found map[string]int) {
	t.Helper()
	m := newLineMaker(rand.NewPCG(seed, 7))
	families := m.families(hasFieldTTLs(t, conn))
	const most = 10
	for _, f := range families {
		for name := range f.lines {
			found[name] += 0
		}
	}
	differences := make(map[string]string) // by the last command of the shortest sequence
	for done := 0; done < ops && len(differences) < most; {
		s := m.makeSequence(families)
		done += s.commands()
		if compareSequence(t, conn, s, found) == "" {
			continue
		}
		s = s.shrink(func(shorter sequence) bool { return compareSequence(t, conn, shorter, found) != "" })
		difference := compareSequence(t, conn, s, found)
		name, _, _ := strings.Cut(difference, " ")
		if differences[name] == "" {
			differences[name] = fmt.Sprintf("after %d commands: %s\nThe sequence is\n%s", done, difference, s)
		}
	}
	for _, difference := range differences {
		assert.Failf(t, "the server answers otherwise", "seed %d, %s", seed, difference)
	}
}
