package drivertest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/dialect"
	"github.com/xcache-go/xcache/internal/servertest"
	"github.com/xcache-go/xcache/internal/servertest/release"
	"github.com/xcache-go/xcache/mixins"
)

// Dialect tests commands that some versions of the servers lack, on the version
// of the subject. The test fails if package dialect is wrong about the commands
// that the server lacks. The test fails if a script does not answer like the
// command in whose place the script runs, alone and in batches. The test also
// fails if the error of a command without a script does not say which version has
// the command.
func (s *Subject) Dialect(t *testing.T) {
	server := s.StartServer(t)
	version := versionOf(t, server)
	t.Run("the table of versions is right", func(t *testing.T) { wantForms(t, server, version) })
	for _, mode := range []struct {
		name string
		how  driver.How
		size int
	}{{"alone", driver.Plain, 1}, {"pipeline", driver.Plain, len(everyForm)}, {"transaction", driver.Atomic, len(everyForm)}} {
		t.Run("every version answers alike/"+mode.name, func(t *testing.T) {
			server.Do(t, "FLUSHALL")
			store := s.open(t, withLongTimeouts(s.Scheme+"://"+server.Addr))
			for steps := range slices.Chunk(everyForm, mode.size) {
				wantReplies(t, store, steps, mode.how)
			}
		})
	}
	t.Run("bad arguments", func(t *testing.T) {
		store := s.open(t, withLongTimeouts(s.Scheme+"://"+server.Addr))
		for _, line := range []string{"GETDEL", "GETDEL k x", "GETEX", "GETEX k PX", "GETEX k EX 1 PX 1", "GETEX k PERSIST 1", "GETEX k KEEPTTL", "LPOP k -1", "LPOP k x", "LPOP k 1 2", "RPOP k -1", "SET k", "SET k v GET PX", "SET k v GET PX x", "XGROUP CREATECONSUMER s g", "XGROUP DESTROY s", "XINFO CONSUMERS s", "XAUTOCLAIM s g c 0", "XCLAIM s g c 0", "XPENDING s g IDLE 5", "XPENDING pel g IDLE x - + 1"} {
			err := Do(t.Context(), store, strings.Fields(line)[0], command(line).Args...)
			if err == nil || errors.Is(err, errors.ErrUnsupported) || errors.Is(err, driver.ErrUnknownOutcome) {
				t.Errorf("%s: got %v, want an error of its own", line, err)
			}
		}
	})
	t.Run("what a version lacks is named", func(t *testing.T) { s.wantVersionNamed(t, server, version) })
}

// samples has a call of each form. A server with the form does not refuse the call.
var samples = map[string]string{
	"BLMOVE":                        "BLMOVE k l LEFT RIGHT 0.01",
	"BLMPOP":                        "BLMPOP 0.01 1 k LEFT",
	"BZMPOP":                        "BZMPOP 0.01 1 k MIN",
	"EVALSHA_RO":                    "EVALSHA_RO ffffffffffffffffffffffffffffffffffffffff 0",
	"EVAL_RO":                       "EVAL_RO return 0",
	"FCALL":                         "FCALL nosuch 0",
	"FCALL_RO":                      "FCALL_RO nosuch 0",
	"FLUSHDB with SYNC":             "FLUSHDB SYNC",
	"GETDEL":                        "GETDEL k",
	"GETEX":                         "GETEX k PX 100000",
	"HEXPIRE":                       "HEXPIRE k 100 FIELDS 1 f",
	"HEXPIREAT":                     "HEXPIREAT k 9999999999 FIELDS 1 f",
	"HGETDEL":                       "HGETDEL k FIELDS 1 f",
	"HGETEX":                        "HGETEX k EX 100 FIELDS 1 f",
	"HPERSIST":                      "HPERSIST k FIELDS 1 f",
	"HPEXPIRE":                      "HPEXPIRE k 100000 FIELDS 1 f",
	"HPEXPIREAT":                    "HPEXPIREAT k 9999999999999 FIELDS 1 f",
	"HPTTL":                         "HPTTL k FIELDS 1 f",
	"HRANDFIELD":                    "HRANDFIELD k",
	"HSCAN with NOVALUES":           "HSCAN k 0 NOVALUES",
	"HSETEX":                        "HSETEX k FIELDS 1 f v",
	"HTTL":                          "HTTL k FIELDS 1 f",
	"LMOVE":                         "LMOVE k l LEFT RIGHT",
	"LMPOP":                         "LMPOP 1 k LEFT",
	"LPOP with a count":             "LPOP k 2",
	"PEXPIRE with NX, XX, GT or LT": "PEXPIRE k 1000 NX",
	"RPOP with a count":             "RPOP k 2",
	"SET with EXAT or PXAT":         "SET k v EXAT 9999999999",
	"SET with GET":                  "SET k v GET",
	"SET with IFEQ":                 "SET k v IFEQ v",
	"SET with NX and GET":           "SET k v NX GET",
	"SINTERCARD":                    "SINTERCARD 1 k",
	"SMISMEMBER":                    "SMISMEMBER k v",
	"SPUBLISH":                      "SPUBLISH k v",
	"XADD with MINID":               "XADD k MINID 5 * f v",
	"XADD with NOMKSTREAM":          "XADD k NOMKSTREAM * f v",
	"XADD with half an ID (5-*)":    "XADD k 5-* f v",
	"XADD with LIMIT":               "XADD k MAXLEN ~ 5 LIMIT 5 * f v",
	"XAUTOCLAIM":                    "XAUTOCLAIM k g c 0 0",
	"XAUTOCLAIM with entries that are deleted": "XAUTOCLAIM k g c 0 0",
	"XCLAIM with entries that are deleted":     "XCLAIM k g c 0 1-0",
	"XGROUP with CREATECONSUMER":               "XGROUP CREATECONSUMER k g c",
	"XPENDING with IDLE":                       "XPENDING k g IDLE 0 - + 1",
	"XPENDING with an ID behind (":             "XPENDING k g (1 + 1",
	"XRANGE with an ID behind (":               "XRANGE k (1 +",
	"XREVRANGE with an ID behind (":            "XREVRANGE k + (1",
	"XTRIM with MINID or LIMIT":                "XTRIM k MINID 5",
	"ZADD with GT or LT":                       "ZADD k GT 1 m",
	"ZDIFF":                                    "ZDIFF 1 k",
	"ZDIFFSTORE":                               "ZDIFFSTORE k 1 l",
	"ZINTER":                                   "ZINTER 1 k",
	"ZINTERCARD":                               "ZINTERCARD 1 k",
	"ZMPOP":                                    "ZMPOP 1 k MIN",
	"ZMSCORE":                                  "ZMSCORE k m",
	"ZPOPMAX with a negative count":            "ZPOPMAX k -1",
	"ZPOPMIN with a negative count":            "ZPOPMIN k -1",
	"ZRANDMEMBER":                              "ZRANDMEMBER k",
	"ZRANGE with BYSCORE, BYLEX or REV":        "ZRANGE k 0 1 REV",
	"ZRANGESTORE":                              "ZRANGESTORE k l 0 1",
	"ZRANK with WITHSCORE":                     "ZRANK k m WITHSCORE",
	"ZREVRANK with WITHSCORE":                  "ZREVRANK k m WITHSCORE",
	"ZUNION":                                   "ZUNION 1 k",
}

// held has the commands that fill the key of a sample. Without the key, the server would
// not read all arguments of the sample.
var held = map[string]string{
	"HSCAN with NOVALUES":          "HSET k f v",
	"XGROUP with CREATECONSUMER":   "XGROUP CREATE k g $ MKSTREAM",
	"XPENDING with IDLE":           "XGROUP CREATE k g $ MKSTREAM",
	"XPENDING with an ID behind (": "XGROUP CREATE k g $ MKSTREAM",
	"XTRIM with MINID or LIMIT":    "XADD k 1-1 f v",
}

// prepare empties a server, and then fills the key that the sample of a form needs.
func prepare(t testing.TB, server *servertest.Server, form string) {
	t.Helper()
	server.Do(t, "FLUSHALL")
	if line, ok := held[form]; ok {
		server.Do(t, strings.Fields(line)...)
	}
}

// wantForms fails the test unless the server has exactly the commands and forms
// that the table has for the version.
func wantForms(t *testing.T, server *servertest.Server, version dialect.Version) {
	t.Helper()
	has := make(map[string]bool) // what the table says
	for _, row := range driver.Commands() {
		has[row.Name] = !row.Extension
	}
	for _, f := range dialect.Forms() {
		line, ok := samples[f.String()]
		if !ok || !f.Made(command(line).Args) {
			t.Errorf("no sample of %s", &f)
			continue
		}
		if f.With == "" {
			has[f.Command] = f.In(version)
			continue
		}
		if f.Silent {
			continue
		}
		prepare(t, server, f.String())
		if _, err := server.Try(strings.Fields(line)...); (err == nil) != f.In(version) {
			t.Errorf("%s says %v to %s; it has the form according to the table: %v", version, err, line, f.In(version))
		}
	}
	for name, want := range has {
		known := server.Do(t, "COMMAND", "INFO", name).([]any)
		if got := known[0] != nil; got != want {
			t.Errorf("%s has %s: %v; it has it according to the table: %v", version, name, got, want)
		}
	}
}

// A step is a command and the answer of every server.
type step struct{ line, want string }

// everyForm is one sequence of steps. Each step finds the data that the earlier steps left.
var everyForm = []step{
	{"SET k v", "OK"}, {"GETDEL k", "v"}, {"GETDEL k", "nil"}, {"EXISTS k", "0"},
	{"SET x v", "OK"}, {"GETEX x PX 100000", "v"}, {"PERSIST x", "1"}, {"GETEX x ex 100", "v"}, {"GETEX x", "v"}, {"PERSIST x", "1"}, {"GETEX x EXAT 9999999999", "v"},
	{"GETEX x persist", "v"}, {"PERSIST x", "0"}, {"GETEX x PXAT 9999999999999", "v"}, {"GETEX x PXAT 1", "v"}, {"EXISTS x", "0"}, {"GETEX x PX 1", "nil"},
	{"RPUSH list a b c d", "4"}, {"LPOP list 2", "[a b]"}, {"LPOP list 0", "[]"}, {"LRANGE list 0 -1", "[c d]"},
	{"LPOP list 999999999999", "[c d]"}, {"LPOP list 1", "nil"}, {"LPOP list 0", "nil"}, {"EXISTS list", "0"},
	{"RPUSH list a b c d", "4"}, {"RPOP list 2", "[d c]"}, {"RPOP list 0", "[]"}, {"LRANGE list 0 -1", "[a b]"},
	{"RPOP list 999999999999", "[b a]"}, {"RPOP list 1", "nil"}, {"EXISTS list", "0"},
	{"SET s 1 GET", "nil"}, {"SET s 2 get", "1"}, {"SET s 3 NX GET", "2"}, {"SET s 3 GET XX", "2"}, {"GET s", "3"},
	{"SET t 1 NX GET", "nil"}, {"SET u 1 XX GET", "nil"}, {"EXISTS t u", "1"},
	{"SET s 4 PX 100000 GET", "3"}, {"PERSIST s", "1"}, {"SET s 5 EX 100 GET", "4"}, {"SET s GET KEEPTTL GET", "5"},
	{"PERSIST s", "1"}, {"SET s 6 GET", "GET"}, {"PERSIST s", "0"},
	{"RPUSH list x", "1"}, {"GETDEL list", "wrong type"}, {"GETEX list PX 1", "wrong type"}, {"SET list v GET", "wrong type"}, {"SET list v NX GET", "wrong type"},
	{"ZINCRBY z 1 a", "1"}, {"ZINCRBY z 2.5 b", "2.5"}, {"ZRANK z b WITHSCORE", "[1 2.5]"}, {"ZREVRANK z b withscore", "[0 2.5]"},
	{"ZRANK z c WITHSCORE", "nil"}, {"ZRANK none b WITHSCORE", "nil"}, {"ZRANK list b WITHSCORE", "wrong type"}, {"ZREVRANK list b WITHSCORE", "wrong type"},
	{"LPOP s 2", "wrong type"}, {"LPOP s 0", "wrong type"}, {"LRANGE list 0 -1", "[x]"}, {"GET s", "6"},

	{"RPUSH l a b c d e", "5"}, {"LMOVE l m LEFT RIGHT", "a"}, {"LMOVE l m right left", "e"}, {"LRANGE m 0 -1", "[e a]"}, {"LMOVE l l LEFT RIGHT", "b"},
	{"LMOVE l l LEFT LEFT", "c"}, {"LRANGE l 0 -1", "[c d b]"}, {"LMOVE none l LEFT LEFT", "nil"}, {"LMOVE none s LEFT LEFT", "nil"}, {"LMOVE l s LEFT LEFT", "wrong type"},
	{"LMOVE s l LEFT LEFT", "wrong type"}, {"LRANGE l 0 -1", "[c d b]"}, {"LMPOP 2 none l LEFT COUNT 2", "[l [c d]]"}, {"LMPOP 2 l m RIGHT", "[l [b]]"}, {"LMPOP 1 l LEFT", "nil"},
	{"LMPOP 2 none s LEFT", "wrong type"}, {"LMPOP 1 m right count 9", "[m [a e]]"}, {"EXISTS l m", "0"},

	{"SADD x a b c d", "4"}, {"SADD y b c e", "3"}, {"SMISMEMBER x a e b", "[1 0 1]"}, {"SMISMEMBER none a", "[0]"}, {"SMISMEMBER s a", "wrong type"},
	{"SINTERCARD 2 x y", "2"}, {"SINTERCARD 2 x y LIMIT 1", "1"}, {"SINTERCARD 2 x y LIMIT 0", "2"}, {"SINTERCARD 2 x none", "0"}, {"SINTERCARD 1 s", "wrong type"},

	{"HSET h f 1 g 2", "2"}, {"HRANDFIELD none", "nil"}, {"HRANDFIELD none 2", "[]"}, {"HRANDFIELD h 0", "[]"}, {"HRANDFIELD s", "wrong type"}, {"HSET one f 1", "1"},
	{"HRANDFIELD one", "f"}, {"HRANDFIELD one 3", "[f]"}, {"HRANDFIELD one -3", "[f f f]"}, {"HRANDFIELD one 1 WITHVALUES", "[f 1]"}, {"HRANDFIELD one -2 withvalues", "[f 1 f 1]"},
	{"HSCAN one 0 NOVALUES", "[0 [f]]"}, {"HSCAN one 0 MATCH x* NOVALUES", "[0 []]"}, {"HSCAN none 0 NOVALUES COUNT 5", "[0 []]"}, {"HSCAN s 0 NOVALUES", "wrong type"},

	{"PEXPIRE s 100000 XX", "0"}, {"PEXPIRE s 100000 GT", "0"}, {"PEXPIRE s 100000 NX", "1"}, {"PEXPIRE s 200000 NX", "0"}, {"PEXPIRE s 50000 GT", "0"}, {"PEXPIRE s 200000 LT", "0"},
	{"PEXPIRE s 200000 XX GT", "1"}, {"PEXPIRE s 150000 LT", "1"}, {"PERSIST s", "1"}, {"PEXPIRE s 100000 LT", "1"}, {"PERSIST s", "1"}, {"PEXPIRE none 1000 NX", "0"},

	{"ZADD a 1 m 2 n 3 o", "3"}, {"ZADD a GT 0 m", "0"}, {"ZADD a GT CH 5 m 1 n 7 p", "2"}, {"ZADD a lt ch 4 m 9 n", "1"}, {"ZADD a XX GT CH 8 q 8 m", "1"}, {"ZADD a GT INCR -1 m", "nil"},
	{"ZADD a GT INCR 1 m", "9"}, {"ZADD a LT INCR -inf m", "-Inf"}, {"ZADD a XX GT INCR 1 none", "nil"}, {"ZADD a LT INCR 1 new", "1"}, {"ZADD s GT 1 m", "wrong type"},
	{"ZRANGE a 0 -1 WITHSCORES", "[m -Inf new 1 n 2 o 3 p 7]"}, {"ZRANGE a 0 1 REV", "[p o]"}, {"ZRANGE a 0 1 rev withscores", "[p 7 o 3]"}, {"ZRANGE a 2 +inf BYSCORE", "[n o p]"},
	{"ZRANGE a (7 -inf BYSCORE REV LIMIT 1 2 WITHSCORES", "[n 2 new 1]"}, {"ZRANGE none 0 1 REV", "[]"}, {"ZRANGE s 0 1 REV", "wrong type"},
	{"ZMSCORE a m x p", "[-Inf nil 7]"}, {"ZMSCORE none m", "[nil]"}, {"ZMSCORE s m", "wrong type"},
	{"ZADD b 1 n 0.1 o 5 z", "3"}, {"ZADD lex 0 a 0 b 0 c 0 \xff", "4"}, {"ZRANGE lex [b + BYLEX", "[b c \xff]"}, {"ZRANGE lex (c - BYLEX REV", "[b a]"}, {"ZRANGE lex - + BYLEX LIMIT 1 1", "[b]"},
	{"ZDIFF 2 a b", "[m new p]"}, {"ZDIFF 2 a x WITHSCORES", "[m -Inf new 1 n 2 o 3 p 7]"}, {"ZDIFF 1 none", "[]"}, {"ZDIFF 2 a s", "wrong type"},
	{"ZINTER 2 a b WITHSCORES", "[n 3 o 3.1]"}, {"ZINTER 2 a b WEIGHTS 2 0.5 AGGREGATE MAX WITHSCORES", "[n 4 o 6]"}, {"ZINTER 2 a none", "[]"}, {"ZINTER 2 x y", "[b c]"}, {"ZINTER 2 a s", "wrong type"},
	{"ZUNION 2 a b", "[m new n o z p]"}, {"ZUNION 2 x b AGGREGATE MIN WITHSCORES", "[o 0.1 a 1 b 1 c 1 d 1 n 1 z 5]"}, {"ZUNION 2 lex lex WITHSCORES", "[a 0 b 0 c 0 \xff 0]"},
	{"ZUNION 2 none none", "[]"}, {"ZINTERCARD 2 a b", "2"}, {"ZINTERCARD 2 a b LIMIT 1", "1"}, {"ZINTERCARD 2 x a", "0"}, {"ZINTERCARD 1 s", "wrong type"},
	{"ZDIFFSTORE d 2 a b", "3"}, {"ZRANGE d 0 -1 WITHSCORES", "[m -Inf new 1 p 7]"}, {"ZDIFFSTORE d 2 none a", "0"}, {"EXISTS d", "0"}, {"ZDIFFSTORE a 2 a b", "3"}, {"ZDIFFSTORE d 1 s", "wrong type"},
	{"ZRANGESTORE d a 0 1", "2"}, {"ZRANGE d 0 -1 WITHSCORES", "[m -Inf new 1]"}, {"ZRANGESTORE list lex [b (c BYLEX", "1"}, {"ZRANGE list 0 -1 WITHSCORES", "[b 0]"},
	{"ZRANGESTORE d a +inf 1 BYSCORE REV LIMIT 0 1", "1"}, {"ZRANGE d 0 -1", "[p]"}, {"ZRANGESTORE d none 0 1", "0"}, {"EXISTS d", "0"}, {"ZRANGESTORE d s 0 1", "wrong type"},
	{"ZRANDMEMBER list", "b"}, {"ZRANDMEMBER list 2 WITHSCORES", "[b 0]"}, {"ZRANDMEMBER list -2 WITHSCORES", "[b 0 b 0]"}, {"ZRANDMEMBER none", "nil"}, {"ZRANDMEMBER none 1", "[]"}, {"ZRANDMEMBER s", "wrong type"},
	{"ZMPOP 2 none a MIN", "[a [m -Inf]]"}, {"ZMPOP 1 a MAX COUNT 5", "[a [p 7 new 1]]"}, {"ZMPOP 1 a MAX", "nil"}, {"ZMPOP 1 s MAX", "wrong type"},

	{"XADD log NOMKSTREAM 5-1 f v", "nil"}, {"XADD log 5-1 f v", "5-1"}, {"XADD log NOMKSTREAM 5-2 f v", "5-2"}, {"XADD log 5-* f v", "5-3"}, {"XADD log 7-* f v", "7-0"}, {"XADD half 0-* f v", "0-1"},
	{"XADD log MINID 5-2 8-0 f v", "8-0"}, {"XLEN log", "4"}, {"XADD log MINID = 5-3 9 f v", "9-0"}, {"XLEN log", "4"}, {"XADD s NOMKSTREAM * f v", "wrong type"},
	{"XRANGE log (5-3 + COUNT 1", "[[7-0 [f v]]]"}, {"XRANGE log (5 (7", "[[5-3 [f v]] [7-0 [f v]]]"}, {"XREVRANGE log (9 (8-0", "[[9-0 [f v]]]"}, {"XREVRANGE log + (8-0", "[[9-0 [f v]]]"}, {"XRANGE none (5 +", "[]"}, {"XRANGE s (5 +", "wrong type"},
	{"XADD pel 1-0 f v", "1-0"}, {"XADD pel 2-0 f w", "2-0"}, {"XADD pel 3-0 f x", "3-0"}, {"XADD pel 4-0 f y", "4-0"}, {"XGROUP CREATE pel g 0", "OK"},
	{"XGROUP CREATECONSUMER pel g c", "1"}, {"XGROUP createconsumer pel g c", "0"}, {"XGROUP CREATECONSUMER pel g d", "1"}, {"XGROUP DELCONSUMER pel g d", "0"}, {"XGROUP CREATECONSUMER pel none c", "not found"}, {"XGROUP CREATECONSUMER none g c", "not found"},
	{"XGROUP CREATECONSUMER s g c", "wrong type"}, {"EXISTS none", "0"},
	{"XREADGROUP GROUP g c STREAMS pel >", "[pel [[1-0 [f v]] [2-0 [f w]] [3-0 [f x]] [4-0 [f y]]]]"}, {"XPENDING pel g IDLE 1000000000 - + 10", "[]"}, {"XPENDING pel g IDLE 1000000000 (1 (4 10 c", "[]"}, {"XPENDING pel g (4-0 + 10", "[]"},
	{"XPENDING pel g (1-0 (2-0 10", "[]"}, {"XPENDING pel g IDLE 0 - + 0", "[]"}, {"XPENDING pel g IDLE 0 - + -1", "[]"}, {"XPENDING pel g IDLE 0 - + 10 nobody", "[]"}, {"XPENDING pel g IDLE 0 - +", "syntax"},
	{"XPENDING pel g (x + 1", "syntax"}, {"XPENDING pel g - (0-0 1", "syntax"}, {"XPENDING pel g (18446744073709551615-18446744073709551615 + 1", "syntax"}, {"XPENDING pel none (1 + 1", "not found"}, {"XPENDING s g (1 + 1", "wrong type"},
	{"XAUTOCLAIM pel g d 1000000000 0", "[0-0 [] []]"}, {"XAUTOCLAIM pel g d 0 - COUNT 2", "[3-0 [[1-0 [f v]] [2-0 [f w]]] []]"}, {"XAUTOCLAIM pel g e 0 (2 COUNT 1 justid", "[4-0 [3-0] []]"}, {"XDEL pel 2-0 3-0", "2"},
	{"XAUTOCLAIM pel g e 1000000000 2 COUNT 1", "[3-0 [] [2-0]]"}, {"XAUTOCLAIM pel g e 0 0 JUSTID COUNT 9", "[0-0 [1-0 4-0] [3-0]]"}, {"XPENDING pel g", "[2 1-0 4-0 [e 2]]"}, {"XAUTOCLAIM pel g e -5 (4-0", "[0-0 [] []]"}, {"XAUTOCLAIM pel g e 0 +", "[0-0 [] []]"},
	{"XAUTOCLAIM pel g e 0 0 COUNT 0", "syntax"}, {"XAUTOCLAIM pel g e 0 0 COUNT x", "syntax"}, {"XAUTOCLAIM pel g e 0 0 COUNT", "syntax"}, {"XAUTOCLAIM pel g e x 0", "syntax"}, {"XAUTOCLAIM pel g e 0 x", "syntax"},
	{"XAUTOCLAIM pel g e 0 (18446744073709551615-18446744073709551615", "syntax"}, {"XAUTOCLAIM none g e 0 0", "not found"}, {"XAUTOCLAIM pel none e 0 0", "not found"}, {"XAUTOCLAIM s g e 0 0", "wrong type"},
	{"XDEL pel 4-0", "1"}, {"XCLAIM pel g f 1000000000 1-0 9-9", "[]"}, {"XCLAIM pel g f 1000000000 4-0", "[]"}, {"XPENDING pel g", "[1 1-0 1-0 [e 1]]"}, {"XCLAIM pel g f 0 1 01-00 7-7 FORCE", "[[1-0 [f v]] [1-0 [f v]]]"}, {"XPENDING pel g", "[1 1-0 1-0 [f 1]]"},
	{"XDEL pel 1-0", "1"}, {"XCLAIM pel g e 0 1-0 1-0 JUSTID", "[]"}, {"XPENDING pel g", "[0 nil nil nil]"}, {"XCLAIM pel g e 0 JUSTID", "[]"}, {"XCLAIM pel g e 0 1-0 NOSUCH", "syntax"}, {"XCLAIM pel g e x 1-0", "syntax"}, {"XCLAIM pel none e 0 1-0", "not found"}, {"XCLAIM none g e 0 1-0", "not found"}, {"XCLAIM s g e 0 1-0", "wrong type"},

	{"XTRIM log MINID 7", "1"}, {"XTRIM log MINID 7", "0"}, {"XTRIM log MAXLEN ~ 100 LIMIT 10", "0"}, {"XTRIM none MINID 7", "0"}, {"XTRIM s MINID 7", "wrong type"},
}

func wantReplies(t *testing.T, store driver.Commander, steps []step, how driver.How) {
	t.Helper()
	cmds := make([]*driver.Cmd, len(steps))
	for i := range steps {
		cmds[i] = command(steps[i].line)
	}
	if err := store.Do(t.Context(), cmds, how); err != nil {
		t.Fatal(err)
	}
	for i, c := range cmds {
		got := text(&c.Reply)
		switch {
		case errors.Is(c.Err, driver.ErrWrongType) && !errors.Is(c.Err, driver.ErrUnknownOutcome):
			got = "wrong type"
		case errors.Is(c.Err, driver.ErrNotFound) && !errors.Is(c.Err, driver.ErrUnknownOutcome):
			got = "not found"
		case errors.Is(c.Err, driver.ErrSyntax) && !errors.Is(c.Err, driver.ErrUnknownOutcome):
			got = "syntax"
		case c.Err != nil:
			got = c.Err.Error()
		}
		if got != steps[i].want {
			t.Errorf("%s: got %s, want %s", steps[i].line, got, steps[i].want)
		}
	}
}

// wantVersionNamed tests the forms that the server lacks and that have no
// script. The test fails unless such a form fails in all ways, with an error
// that names the versions with the form.
func (s *Subject) wantVersionNamed(t *testing.T, server *servertest.Server, version dialect.Version) {
	t.Helper()
	for _, f := range dialect.Forms() {
		if f.Script != "" || f.In(version) {
			continue
		}
		if wait, ok := waitsOf[f.String()]; ok {
			err := wait(t.Context(), s.OpenCache(t, withLongTimeouts(s.Scheme+"://"+server.Addr)))
			wantNamed(t, &f, "waiting", err)
			continue // waiting commands are refused as a part of any batch
		}
		for _, way := range []struct {
			name  string
			how   driver.How
			lines []string
		}{
			{"alone", driver.Plain, []string{samples[f.String()]}},
			{"pipeline", driver.Plain, []string{"SET before 1", samples[f.String()], "SET behind 1"}},
			{"transaction", driver.Atomic, []string{"SET before 1", samples[f.String()], "SET behind 1"}},
		} {
			prepare(t, server, f.String())
			before := server.Do(t, "DBSIZE").(int64)
			var cmds []*driver.Cmd
			for _, line := range way.lines {
				cmds = append(cmds, command(line))
			}
			err := s.open(t, withLongTimeouts(s.Scheme+"://"+server.Addr)).Do(t.Context(), cmds, way.how)
			stored := 0
			if way.how == driver.Plain {
				stored = len(cmds) - 1
				err = errors.Join(err, cmds[len(cmds)/2].Err)
			}
			wantNamed(t, &f, way.name, err)
			if n := server.Do(t, "DBSIZE"); n != before+int64(stored) {
				t.Errorf("%s, %s: there are %v keys, want %d", &f, way.name, n, before+int64(stored))
			}
		}
	}
}

// waitsOf has the methods that wait. Their commands are sent on connections of the callers'
// own.
var waitsOf = map[string]func(ctx context.Context, c *xcache.Cache) error{
	"BLMOVE": func(ctx context.Context, c *xcache.Cache) error {
		lists, err := mixins.NewLists[string](c)
		if err == nil {
			_, err = lists.BLMove(ctx, "k", "l", mixins.Left, mixins.Right, time.Second)
		}
		return err
	},
	"BLMPOP": func(ctx context.Context, c *xcache.Cache) error {
		lists, err := mixins.NewLists[string](c)
		if err == nil {
			_, err = lists.BLMPop(ctx, time.Second, mixins.Left, 1, "k")
		}
		return err
	},
	"BZMPOP": func(ctx context.Context, c *xcache.Cache) error {
		zsets, err := mixins.NewSortedSets[string](c)
		if err == nil {
			_, err = zsets.BZMPop(ctx, time.Second, mixins.Lowest, 1, "k")
		}
		return err
	},
}

// wantNamed fails the test unless an error says which versions have a form.
func wantNamed(t *testing.T, f *dialect.Form, way string, err error) {
	t.Helper()
	WantErr(t, err, driver.NotApplied, errors.ErrUnsupported)
	if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("needs %s or %s", f.Redis, f.Valkey)) {
		t.Errorf("%s, %s: %v does not name the version", f, way, err)
	}
}

// Refusals tests commands that are scripts on old servers or on all servers, where the server
// refuses their writes. The driver may send a script, or a command of a newer server. The test
// fails unless the error is that of a plain command, and unless nothing has changed.
func (s *Subject) Refusals(t *testing.T) {
	for _, name := range []string{s.Release, release.Redis8.Name, release.Valkey9.Name} {
		t.Run(name, s.refusals(name))
	}
}

func (s *Subject) refusals(name string) func(t *testing.T) {
	return func(t *testing.T) {
		server := s.StartServer(t, servertest.Release(name), servertest.User("reader", "secret", "~*", "+@all", "-@write"))
		for _, refusal := range []struct {
			name   string
			kind   error
			begin  []string
			end    []string
			user   string
			allows []string // beginnings of the commands that the server does not refuse
		}{
			{
				name: "replica", kind: driver.ErrReadOnly,
				begin: []string{"REPLICAOF", "127.0.0.1", "1"}, end: []string{"REPLICAOF", "NO", "ONE"},
			},
			{
				name: "memory limit", kind: driver.ErrOutOfMemory,
				begin: []string{"CONFIG", "SET", "maxmemory", "1"}, end: []string{"CONFIG", "SET", "maxmemory", "0"},
				allows: []string{"GETDEL", "GETEX", "LPOP", "RPOP", driver.CmdCompareAndDelete, driver.CmdCompareAndSwap + " n 5 6 0", driver.CmdPersist}, // these commands need no memory
			},
			{name: "permissions", kind: driver.ErrAuth, begin: []string{"PING"}, end: []string{"PING"}, user: "reader:secret@"},
		} {
			t.Run(refusal.name, func(t *testing.T) {
				server.Do(t, "FLUSHALL")
				server.Do(t, "SET", "n", "5", "PX", "1000000")
				server.Do(t, "RPUSH", "list", "a", "b", "c")
				before := contents(t, server)
				server.Do(t, refusal.begin...)
				defer server.Do(t, refusal.end...)
				store := s.open(t, withLongTimeouts(s.Scheme+"://"+refusal.user+server.Addr))
				for _, line := range []string{
					driver.CmdIncr + " n 1",
					driver.CmdIncrInit + " n 1 1 NONE", driver.CmdIncrInit + " absent 1 1 1000", driver.CmdIncrInit + " absent 1 1 NONE",
					driver.CmdCompareAndSwap + " n 5 6 NONE", driver.CmdCompareAndSwap + " n 5 6 KEEP", driver.CmdCompareAndSwap + " n 5 6 1000",
					driver.CmdCompareAndSwap + " n 5 6 0", driver.CmdCompareAndDelete + " n 5",
					driver.CmdSwap + " n 6 NONE", driver.CmdSwap + " absent 6 1000",
					driver.CmdPersist + " n",
					"GETDEL n", "GETEX n PX 1000", "LPOP list 2", "RPOP list 2", "SET n 6 GET", "SET absent 6 NX GET",
				} {
					if slices.ContainsFunc(refusal.allows, func(begin string) bool { return strings.HasPrefix(line, begin) }) {
						continue
					}
					t.Run(strings.ReplaceAll(line, " ", "_"), func(t *testing.T) {
						for _, cmds := range [][]*driver.Cmd{{command(line)}, {command("GET n"), command(line)}} {
							if err := store.Do(context.WithoutCancel(t.Context()), cmds, driver.Plain); err != nil {
								t.Fatal(err)
							}
							WantErr(t, cmds[len(cmds)-1].Err, driver.NotApplied, refusal.kind)
						}
						if now := contents(t, server); now != before {
							t.Errorf("the server has %s, it had %s", now, before)
						}
					})
				}
			})
		}
	}
}

// contents returns the values that a server has under the keys of Refusals.
func contents(t testing.TB, server *servertest.Server) string {
	t.Helper()
	persistent := server.Do(t, "TTL", "n") == int64(-1)
	return fmt.Sprint(server.Do(t, "GET", "n"), persistent, server.Do(t, "GET", "absent"), server.Do(t, "LRANGE", "list", "0", "-1"))
}

// versionOf asks a server for its version in another way than the driver does.
func versionOf(t testing.TB, server *servertest.Server) dialect.Version {
	t.Helper()
	info := server.Do(t, "INFO", "server").(string)
	for _, product := range []string{"valkey", "redis"} { // Valkey also names the version of Redis that Valkey can stand in for
		_, rest, found := strings.Cut(info, product+"_version:")
		if !found {
			continue
		}
		if v, ok := dialect.ParseVersion(product, rest); ok {
			return v
		}
	}
	t.Fatalf("INFO tells no version: %s", info)
	return dialect.Version{}
}

// command returns the command of a line. In a line, \xff stands for the byte 0xff.
func command(line string) *driver.Cmd {
	words := strings.Fields(strings.ReplaceAll(line, `\xff`, "\xff"))
	c := driver.NewCmd(words[0])
	row, _ := driver.LookupCommand(words[0])
	first, keys := 0, 0 // where the keys are
	switch {
	case row.Keys == driver.OneKey:
		keys = 1
	case row.Keys == driver.TwoKeys:
		keys = 2
	case slices.Contains(countingKeys, row.Name):
		first = 1
		keys, _ = strconv.Atoi(words[1])
	case row.Name == "ZDIFFSTORE":
		keys, _ = strconv.Atoi(words[2])
		keys += 2
	case row.Name == "XGROUP", row.Name == "XINFO":
		first, keys = 1, 1
	case row.Keys == driver.ManyKeys:
		keys = len(words)
	}
	for i, word := range words[1:] {
		switch {
		case row.Name == "ZDIFFSTORE" && i == 1:
			c.Args = append(c.Args, driver.Literal(word))
		case i >= first && i < first+keys:
			c.Args = append(c.Args, driver.Key(word))
		case row.Name == "SET" && i == 1, i >= 1 && i <= valuesOf[row.Name]:
			c.Args = append(c.Args, driver.Val([]byte(word)))
		default:
			c.Args = append(c.Args, driver.Literal(word))
		}
	}
	return c
}

// valuesOf has the number of values behind the key, for some extensions.
var valuesOf = map[string]int{driver.CmdCompareAndSwap: 2, driver.CmdCompareAndDelete: 1, driver.CmdSwap: 1}

// countingKeys are the commands whose first argument says how many keys follow.
var countingKeys = []string{driver.CmdRateLimit, "LMPOP", "SINTERCARD", "ZDIFF", "ZINTER", "ZINTERCARD", "ZMPOP", "ZUNION"}

// text returns a reply in the form of redis-cli, more or less.
func text(r *driver.Reply) string {
	switch r.Kind {
	case driver.ReplyNil:
		return "nil"
	case driver.ReplyArray:
		items := make([]string, len(r.Items))
		for i := range r.Items {
			items[i] = text(&r.Items[i])
		}
		return "[" + strings.Join(items, " ") + "]"
	case driver.ReplyInt:
		return fmt.Sprint(r.Int)
	case driver.ReplyFloat:
		return fmt.Sprint(r.Float)
	}
	return string(r.Data)
}
