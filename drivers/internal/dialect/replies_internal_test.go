package dialect

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/driver"
)

func data(text string) driver.Reply { return driver.DataReply([]byte(text)) }

func items(replies ...driver.Reply) driver.Reply { return driver.ArrayReply(replies...) }

// parse returns the command of a line. All arguments are words.
func parse(line string) *driver.Cmd {
	words := strings.Fields(line)
	cmd := driver.NewCmd(words[0])
	for _, word := range words[1:] {
		cmd.Args = append(cmd.Args, driver.Literal(word))
	}
	return cmd
}

// The replies of both versions of RESP get the common shape. A reply of another shape stays, so that
// the caller sees it.
func TestReshape(t *testing.T) {
	number := driver.FloatReply
	pair := func(member string, score driver.Reply) driver.Reply { return items(data(member), score) }
	nested := items(items(data("a"), data("b"), data("c")))
	for name, tt := range map[string]struct {
		line        string
		reply, want driver.Reply
	}{
		"score as text":                {"ZSCORE k m", data("1.5"), number(1.5)},
		"score as a number":            {"ZSCORE k m", number(1.5), number(1.5)},
		"score as an integer":          {"ZINCRBY k 1 m", driver.IntReply(2), number(2)},
		"infinite score":               {"ZSCORE k m", data("-inf"), number(math.Inf(-1))},
		"missing member":               {"ZSCORE k m", driver.Reply{}, driver.Reply{}},
		"score that is no number":      {"ZSCORE k m", data("canary"), data("canary")},
		"count of ZADD":                {"ZADD k 1 m", driver.IntReply(1), driver.IntReply(1)},
		"score of ZADD":                {"ZADD k INCR 1 m", data("1"), number(1)},
		"scores with a missing one":    {"ZMSCORE k m n", items(data("1"), driver.Reply{}), items(number(1), driver.Reply{})},
		"rank with a score":            {"ZRANK k m WITHSCORE", items(driver.IntReply(0), data("2")), items(driver.IntReply(0), number(2))},
		"rank alone":                   {"ZRANK k m", driver.IntReply(0), driver.IntReply(0)},
		"popped members, flat":         {"ZPOPMIN k 2", items(data("a"), data("1"), data("b"), data("2")), items(data("a"), number(1), data("b"), number(2))},
		"popped members, in pairs":     {"ZPOPMIN k 2", items(pair("a", number(1)), pair("b", number(2))), items(data("a"), number(1), data("b"), number(2))},
		"no popped members":            {"ZPOPMIN k", items(), items()},
		"pairs that are none":          {"ZPOPMIN k", nested, nested},
		"members without their scores": {"ZRANGE k 0 1", items(data("1"), data("2")), items(data("1"), data("2"))},
		"members with their scores":    {"ZRANGE k 0 1 withscores", items(data("1"), data("2")), items(data("1"), number(2))},
		"a bound named WITHSCORES":     {"ZRANGE k withscores 1", items(data("1"), data("2")), items(data("1"), data("2"))},
		"ZMPOP":                        {"ZMPOP 1 k MIN", items(data("k"), items(pair("a", data("1")))), items(data("k"), items(data("a"), number(1)))},
		"ZMPOP of three elements":      {"ZMPOP 1 k MIN", items(data("k"), data("1"), data("2")), items(data("k"), data("1"), data("2"))},
		"BZPOPMIN":                     {"BZPOPMIN k 0", items(data("k"), data("a"), data("1")), items(data("k"), data("a"), number(1))},
		"streams as a map of pairs":    {"XREAD STREAMS k 0", items(pair("k", items())), items(data("k"), items())},
		"fields with values, in pairs": {"HRANDFIELD k 1 WITHVALUES", items(pair("f", data("1"))), items(data("f"), data("1"))},
		"summary of pending entries": {
			"XPENDING k g", items(driver.IntReply(1), data("1-0"), data("1-0"), items(pair("c", data("1")))),
			items(driver.IntReply(1), data("1-0"), data("1-0"), items(data("c"), driver.IntReply(1))),
		},
		"number of a consumer that is none": {
			"XPENDING k g", items(driver.IntReply(1), data("1-0"), data("1-0"), items(pair("c", data("canary")))),
			items(driver.IntReply(1), data("1-0"), data("1-0"), items(data("c"), data("canary"))),
		},
		"names of a stream": {
			"XINFO STREAM k", items(data("canary"), data("x"), data("groups"), driver.IntReply(0), data("length"), driver.IntReply(1)),
			items(data("length"), driver.IntReply(1), data("groups"), driver.IntReply(0), data("canary"), data("x")),
		},
		"names without a value": {"XINFO STREAM k", items(data("groups"), driver.IntReply(0), data("length")), items(data("groups"), driver.IntReply(0), data("length"))},
		"names of groups": {
			"XINFO GROUPS k", items(items(data("pending"), driver.IntReply(0), data("name"), data("g"))),
			items(items(data("name"), data("g"), data("pending"), driver.IntReply(0))),
		},
	} {
		cmd := parse(tt.line)
		cmd.Reply = tt.reply
		reshape([]*driver.Cmd{cmd})
		require.Equal(t, tt.want, cmd.Reply, name)
		require.NoError(t, cmd.Err, name)
	}
}

// Some servers describe wrong arguments as another error. The caller gets ErrSyntax.
func TestReshapeNamesWrongArguments(t *testing.T) {
	for line, tt := range map[string]struct{ err, want error }{
		"XGROUP CREATE k":   {errors.ErrUnsupported, driver.ErrSyntax},
		"XGROUP CANARY k":   {errors.ErrUnsupported, errors.ErrUnsupported},
		"LMPOP 2 k LEFT":    {driver.ErrCrossSlot, driver.ErrSyntax},
		"XINFO canary k":    {errors.ErrUnsupported, errors.ErrUnsupported},
		"XINFO consumers k": {errors.ErrUnsupported, driver.ErrSyntax},
	} {
		cmd := parse(line)
		cmd.Err = driver.Fail(tt.err, driver.NotApplied, errors.New("the server's words"))
		reshape([]*driver.Cmd{cmd})
		require.ErrorIs(t, cmd.Err, tt.want, line)
		if !errors.Is(tt.err, tt.want) {
			require.NotErrorIs(t, cmd.Err, tt.err, line)
			require.NotContains(t, cmd.Err.Error(), "the server's words", line)
		}
	}
	cmd := driver.NewCmd("MGET", driver.Key("a"), driver.Key("b"))
	cmd.Err = driver.Fail(driver.ErrCrossSlot, driver.NotApplied, nil)
	reshape([]*driver.Cmd{cmd})
	require.ErrorIs(t, cmd.Err, driver.ErrCrossSlot, "keys in two slots")
}
