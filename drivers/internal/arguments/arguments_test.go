package arguments

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/driver"
)

func list(name string, args ...driver.Arg) List { return List{driver.NewCmd(name, args...)} }

func words(words ...string) []driver.Arg {
	args := []driver.Arg{driver.Key("k")}
	for _, word := range words {
		args = append(args, driver.Literal(word))
	}
	return args
}

func TestCheckCountsArgumentsAndLooksForKeys(t *testing.T) {
	key, word := driver.Key("k"), driver.Literal("canary")
	for _, tt := range []struct {
		list        List
		least, most int
		want        string
	}{
		{list("GET", key), 1, 1, ""},
		{list("GET"), 1, 1, "xcache: bad command syntax: GET: wrong number of arguments"},
		{list("GET", key, key), 1, 1, "xcache: bad command syntax: GET: wrong number of arguments"},
		{list("MGET", key, key, key), 1, Unlimited, ""},
		{list("GET", word), 1, 1, "xcache: bad command syntax: GET: argument 1 must be a key"},
		{list("RENAME", key, word), 2, 2, "xcache: bad command syntax: RENAME: argument 2 must be a key"},
		{list("PING", word), 0, 1, ""},
	} {
		if err := tt.list.Check(tt.least, tt.most); tt.want == "" {
			require.NoError(t, err, tt.list.Cmd.Name)
		} else {
			require.EqualError(t, err, tt.want)
		}
	}
	keys, err := list("MGET", key, driver.Key("l")).Keys(0, 2)
	require.NoError(t, err)
	require.Equal(t, []string{"k", "l"}, keys)
	_, err = list("MGET", key, word).Keys(0, 2)
	require.EqualError(t, err, "xcache: bad command syntax: MGET: argument 2 must be a key")
}

func TestParseIntTakesWhatRedisTakes(t *testing.T) {
	for text, want := range map[string]int64{"0": 0, "7": 7, "-7": -7, "9223372036854775807": math.MaxInt64, "-9223372036854775808": math.MinInt64} {
		got, ok := ParseInt(text)
		require.True(t, ok, text)
		require.Equal(t, want, got, text)
	}
	for _, text := range []string{"", "-", "+1", "01", "-0", "-01", " 1", "1 ", "1.0", "1e3", "0x1", "1_0", "9223372036854775808", "-9223372036854775809", "99999999999999999999999"} {
		_, ok := ParseInt([]byte(text))
		require.False(t, ok, text)
	}
}

func TestSetOptions(t *testing.T) {
	for _, tt := range []struct {
		words []string
		want  SetOptions
	}{
		{[]string{"v"}, SetOptions{TTL: driver.NoExpiry}},
		{[]string{"v", "nx", "get"}, SetOptions{Cond: driver.IfAbsent, TTL: driver.NoExpiry, Get: true}},
		{[]string{"v", "XX", "PX", "5"}, SetOptions{Cond: driver.IfPresent, TTL: 5 * time.Millisecond}},
		{[]string{"v", "EX", "5"}, SetOptions{TTL: 5 * time.Second}},
		{[]string{"v", "KEEPTTL"}, SetOptions{TTL: driver.KeepTTL}},
	} {
		got, err := list("SET", words(tt.words...)...).SetOptions()
		require.NoError(t, err, tt.words)
		require.Equal(t, tt.want, got, tt.words)
	}
	for _, bad := range [][]string{
		{"v", "canary"}, {"v", "NX", "XX"}, {"v", "XX", "NX"}, {"v", "PX"}, {"v", "PX", "0"}, {"v", "PX", "-1"}, {"v", "EX", "canary"},
		{"v", "EX", "9223372036854775807"}, {"v", "PX", "1", "KEEPTTL"}, {"v", "KEEPTTL", "EX", "1"}, {"v", "canary", "1"},
	} {
		_, err := list("SET", words(bad...)...).SetOptions()
		require.ErrorContains(t, err, "xcache: bad command syntax: SET: ", bad)
		require.NotContains(t, err.Error(), "canary", bad)
	}
}

func TestSetOptionsWithAMomentAreATTL(t *testing.T) {
	moment := time.Now().Add(time.Hour)
	for option, number := range map[string]int64{"EXAT": moment.Unix(), "PXAT": moment.UnixMilli()} {
		got, err := list("SET", driver.Key("k"), driver.Literal("v"), driver.Literal(option), driver.Int(number)).SetOptions()
		require.NoError(t, err, option)
		require.InDelta(t, time.Hour, got.TTL, float64(time.Minute), option)
	}
}

func TestExpireOptions(t *testing.T) {
	ttl, options, err := list("PEXPIRE", words("5", "xx", "GT")...).ExpireOptions()
	require.NoError(t, err)
	require.Equal(t, 5*time.Millisecond, ttl)
	require.Equal(t, ExpireOptions{XX: true, GT: true}, options)
	for _, bad := range [][]string{{"canary"}, {"1", "canary"}, {"1", "NX", "XX"}, {"1", "NX", "GT"}, {"1", "GT", "LT"}} {
		_, _, err := list("PEXPIRE", words(bad...)...).ExpireOptions()
		require.ErrorContains(t, err, "xcache: bad command syntax: PEXPIRE: ", bad)
		require.NotContains(t, err.Error(), "canary", bad)
	}
}

func TestCountsAndDeltas(t *testing.T) {
	count, err := list("LPOP", words()...).PopCount()
	require.NoError(t, err)
	require.Equal(t, Count{N: 1}, count)
	count, err = list("LPOP", words("0")...).PopCount()
	require.NoError(t, err)
	require.Equal(t, Count{N: 0, Given: true}, count)
	_, err = list("LPOP", words("-1")...).PopCount()
	require.Error(t, err)

	delta, err := list("DECR", words()...).NegativeDelta()
	require.NoError(t, err)
	require.EqualValues(t, -1, delta)
	_, err = list("DECRBY", words("-9223372036854775808")...).NegativeDelta()
	require.ErrorIs(t, err, driver.ErrOverflow)

	_, _, _, err = list(driver.CmdIncrInit, words("1", "2", "KEEP")...).IncrInit()
	require.ErrorContains(t, err, "no TTL to keep")
}

func TestMillisecondsAreNeverASentinel(t *testing.T) {
	require.Equal(t, time.Second, Milliseconds(1000))
	for _, ms := range []int64{math.MaxInt64, math.MinInt64} {
		ttl := Milliseconds(ms)
		require.NotEqual(t, driver.NoExpiry, ttl)
		require.NotEqual(t, driver.KeepTTL, ttl)
		require.Equal(t, ms > 0, ttl > 0)
	}
}
