package lua_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
	_ "github.com/xcache-go/xcache/drivers/redis"
	"github.com/xcache-go/xcache/internal/servertest"
	"github.com/xcache-go/xcache/mixins"
)

// compared are scripts that must have the same results as on a real server.
var compared = []string{
	"return {1, 2.9, -2.9, '', 'x', true, false, 7}", "return {1, nil, 3}", "return {{{}}, {1, {2}}}", "return {ok = 'fine'}", "return {err = 'MY own'}", "return {1, {err = 'MY own'}, 2}",
	"return 1e15", "return 2^62", "return -0.5", "return 1/3", "return tostring(1/3)", "return tostring(1e15)", "return tostring(1e14)", "return tostring(123456789012345)", "return tostring(-0.1)",
	"return tostring(1e100)", "return tostring(2^53)", "return tostring(0.1 + 0.2)", "return 1 .. ''", "return 0.1 + 0.2 .. 'x'", "return 10 .. 20", "return '10' + 5", "return '0x10' + 0", "return 10 / 2",
	"return 7 % 3", "return -7 % 3", "return 2 ^ 0.5 .. ''", "return #'abc'", "return #{1, 2, 3}", "return 'a' < 'b'", "return 1 < 2", "return not nil", "return nil == false", "return 1 and 2", "return nil or 'x'", "return false and 1",
	"local t = {} t.x = 1 t['y'] = 2 t[1] = 3 t[2.5] = 4 return {t.x, t.y, t[1], t[2.5]}", "local a, b, c = 1, 2 return {a, b, tostring(c)}", "local t = {1, 2} t[1], t[2] = t[2], t[1] return t",
	"local i, t = 1, {} i, t[i] = i + 1, 20 return {i, t[1], tostring(t[2])}", "local function f(...) return select('#', ...), ... end return {f(1, nil, 3)}", "local t = {(function() return 1, 2 end)()} return t",
	"local t = {((function() return 1, 2 end)())} return t", "local t = {[1] = 'a', [2] = 'b', 'c'} return t", "local t = {x = 1, [3] = 3, 1, 2} return t", "return {unpack({1, 2, 3}, 2)}", "return select(2, 'a', 'b', 'c')",
	"return string.format('%5d|%-5d|%05d|%x|%X|%o', 42, 42, 42, 255, 255, 8)", "return string.format('%5.2f|%e|%g|%g', 3.14159, 12345.678, 0.0001, 1e20)", "return string.format('%q', 'a\"b\\\\c\\n')",
	"return string.format('%10s|%-10s|%.2s', 'abc', 'abc', 'abc')", "return string.format('%c%c', 72, 105)", "return string.format('%s %s', 1, 2.5)", "return string.format('%d', 3.7)", "return string.format('%i', -3)", "return string.format('%%')",
	"return string.format('%s', nil)", "return string.format('%d', 'x')", "return string.format('%')", "return string.format('%y', 1)", "return string.format('%123d', 1)",
	"return {string.find('hello world', 'o w')}", "return {string.find('hello', 'l+')}", "return {string.find('hello', '(l)(l)')}", "return {string.find('a.b', '.', 1, true)}", "return {string.find('abc', 'b', -1)}", "return {string.find('', '')}",
	"return {string.find('abc', '()b()')}", "return {string.match('key=value', '(%w+)=(%w+)')}", "return string.match('  trim  ', '^%s*(.-)%s*$')", "return string.match('2024-01-02', '%d+-%d+')", "return string.match('f(a(b)c)d', '%b()')",
	"return string.match('THE (quick) fox', '%((%a+)%)')", "return {string.gsub('hello', 'l', 'L')}", "return {string.gsub('hello', '', '-')}", "return {string.gsub('abc', '%w', '%0%0')}", "return {string.gsub('abc', 'b', '%%')}",
	"return {string.gsub('hello world', '%w+', '%0 %0', 1)}", "return {string.gsub('abc', '%w', {a = '1', b = true and 'x'})}", "return {string.gsub('abc', '%w', function(c) if c == 'b' then return 'B' end end)}", "return {string.gsub('abc', '^a', 'x')}",
	"return {string.gsub('THE (quick) fox', '%f[%a]%a+', 'w')}", "return {string.gsub('x', 'x', '%1')}", "return {string.gsub('x', 'x', '%2')}", "return string.gsub('x', '(', '')", "return string.match('x', '[')", "return string.match('x', '%')",
	"local t = {} for w in string.gmatch('one two three', '%a+') do t[#t + 1] = w end return t", "local t = {} for k, v in string.gmatch('a=1, b=2', '(%w+)=(%w+)') do t[#t + 1] = k .. v end return t", "local n = 0 for _ in string.gmatch('abc', '') do n = n + 1 end return n",
	"return string.match('aXb', '%u')", "return string.match('a-b', '[%-]')", "return string.match('a]b', '[]]')", "return string.match('abc', '[^a]+')", "return string.match('abc', '[a-b]+')", "return string.match('aaa', 'a-b')", "return string.match('abab', '(ab)%1')",
	"return string.sub('hello', 2, -2)", "return string.sub('hello', -3)", "return string.sub('hello', 0)", "return string.sub('hello', 10)", "return string.sub('hello', 4, 2)", "return {string.byte('abc', 1, -1)}", "return string.char(97, 98)", "return string.upper('aBc') .. string.lower('aBc')",
	"return string.rep('ab', 3)", "return string.rep('ab', -1)", "return string.reverse('abc')", "return string.len('\\0a')", "return ('x'):rep(2)", "return #string.upper('\\200')",
	"return table.concat({1, 'a', 2.5}, ', ')", "return table.concat({})", "return table.concat({1, {}})", "local t = {3, 1, 2} table.sort(t) return t", "local t = {'b', 'a'} table.sort(t, function(x, y) return x > y end) return t", "local t = {1, 2} table.insert(t, 3) table.insert(t, 1, 0) return t",
	"local t = {1, 2, 3} return {table.remove(t), table.remove(t, 1), #t}", "return table.getn({1, 2})", "local t = {} for k, v in pairs({a = 1}) do t[1], t[2] = k, v end return t", "local t = {} for i, v in ipairs({'x', 'y'}) do t[i] = v .. i end return t",
	"return {math.floor(2.7), math.ceil(2.1), math.max(1, 3, 2), math.min(2, 1), math.abs(-3), math.huge > 1}", "return tostring(math.pi)", "return math.fmod(7, 3)", "return {tonumber('12'), tonumber('1e2'), tonumber('z', 36), tostring(tonumber('x'))}", "return tostring(nil) .. tostring(true)",
	"return type(redis.call)", "return {type(KEYS), type(ARGV), #KEYS, #ARGV}", "return redis.sha1hex('')", "return redis.status_reply('X')", "return redis.error_reply('X y')", "return redis.error_reply('nocode')", "return redis.call('PING')", "return redis.call('PING', 'x')",
	"return '1e2' + 1", "return {tonumber(' 5 '), tonumber('-0x1F'), tonumber('101', 2), tonumber('1e'), 1}", "return {tostring(tonumber('')), tostring(tonumber('1_0')), tonumber('.5') * 2}", "return tonumber({})", "return {tostring(tonumber('8', 8)), tonumber('ff', 16)}", "local ok, e = pcall(error, {1}) return {type(e), e[1]}", "return {pcall(function() return 1, 2 end)}", "return select('#', pcall(error))", "local ok, e = xpcall(function() error('x', 0) end, function(m) return 'h:' .. m end) return e",
	"local t = setmetatable({}, {__index = function(t, k) return k .. '!' end}) return t.x", "local t = setmetatable({}, {__newindex = function(t, k, v) rawset(t, k, v * 2) end}) t.x = 4 return t.x", "local t = setmetatable({}, {__newindex = function(t, k, v) rawset(t, k, v * 2) end}) t[7] = 4 return t[7]",
	"local t = setmetatable({}, {__call = function(self, a) return a + 1 end}) return t(1)", "local a = setmetatable({}, {__concat = function(x, y) return 'cat' end}) return a .. 'x'", "local a = setmetatable({}, {__concat = function(x, y) return 'cat' end}) return 'x' .. 'y' .. a", "local a = setmetatable({}, {__tostring = function() return 's' end}) return tostring(a)",
	"local a = setmetatable({}, {__add = function(x, y) return 9 end}) return a + 1", "local a = setmetatable({}, {__eq = function() return true end}) return a == {}", "return {} .. 'x'", "return 'x' .. nil", "local t = {} t[nil] = 1", "local t = {} t[0/0] = 1", "local t t.x = 1", "return ({}).x.y",
	"return cjson.encode({1, 2, {a = 1}})", "return cjson.encode({})", "return cjson.encode('a/b\"\\n')", "return cjson.encode(0.5)", "return cjson.encode(1e20)", "return cjson.encode({[1] = 1, [3] = 3})", "return cjson.encode({[1] = 1, [100] = 3})", "return cjson.encode(cjson.null)", "return cjson.encode(nil)",
	"return cjson.decode('[1, 2, null]')[2]", "return cjson.decode('{\"a\": {\"b\": [true]}}').a.b[1]", "return cjson.decode('null') == cjson.null", "return cjson.decode('nonsense')", "return cjson.decode('1]')", "return cjson.decode('{\"a\": 1}}')", "return cjson.decode('\"\\\\u00e9\"')", "return cjson.decode('1.5') * 2", "return cjson.encode(cjson.decode('[]'))",
	"return redis.call('SET', KEYS[1], 'v')", "return redis.call('SET', KEYS[1], 'w', 'GET')", "return redis.call('SET', KEYS[1], 'w', 'NX')", "return redis.call('GET', KEYS[1])", "return redis.call('GET', KEYS[2])", "return redis.call('SET', KEYS[1], 3.5) and redis.call('GET', KEYS[1])", "return redis.call('SET', KEYS[1], 1e3) and redis.call('GET', KEYS[1])",
	"return redis.call('INCR', KEYS[2])", "return redis.call('INCRBY', KEYS[2], '5')", "return redis.call('INCR', KEYS[1])", "return redis.pcall('INCR', KEYS[1]).err ~= nil", "return redis.call('TYPE', KEYS[1])", "return redis.call('TYPE', KEYS[1]).ok", "return redis.call('EXISTS', KEYS[1], KEYS[2], KEYS[9])",
	"return redis.call('RPUSH', KEYS[3], 'a', 'b', 'c')", "return redis.call('LRANGE', KEYS[3], 0, -1)", "return redis.call('LPOP', KEYS[9])", "return redis.call('LPOS', KEYS[3], 'b')", "return redis.call('LMPOP', 1, KEYS[3], 'LEFT')", "return redis.call('LSET', KEYS[3], 0, 'x')", "return redis.call('LTRIM', KEYS[3], 0, 1)",
	"return redis.call('SADD', KEYS[4], 'm')", "return redis.call('SMEMBERS', KEYS[4])", "return redis.call('SMISMEMBER', KEYS[4], 'm', 'n')", "return redis.call('HSET', KEYS[5], 'f', 1, 'g', 2)", "return redis.call('HGETALL', KEYS[5])", "return redis.call('HMGET', KEYS[5], 'f', 'x')", "return redis.call('HINCRBYFLOAT', KEYS[5], 'f', 0.5)",
	"return redis.call('ZADD', KEYS[6], 1, 'a', 2.5, 'b', 'inf', 'c')", "return redis.call('ZRANGE', KEYS[6], 0, -1, 'WITHSCORES')", "return redis.call('ZSCORE', KEYS[6], 'b')", "return redis.call('ZINCRBY', KEYS[6], 0.5, 'a')", "return redis.call('ZADD', KEYS[6], 'INCR', 1, 'a')", "return redis.call('ZRANK', KEYS[6], 'b')",
	"return redis.call('ZPOPMIN', KEYS[6])", "return redis.call('ZMPOP', 1, KEYS[6], 'MIN', 'COUNT', 2)", "return redis.call('ZMSCORE', KEYS[6], 'b', 'x')", "return redis.call('XADD', KEYS[7], '5-1', 'f', 'v')", "return redis.call('XRANGE', KEYS[7], '-', '+')", "return redis.call('XREAD', 'STREAMS', KEYS[7], '0')[1][2]",
	"return redis.call('XGROUP', 'CREATE', KEYS[7], 'g', '0')", "return redis.call('XGROUP', 'CREATE', KEYS[7], 'g', '0')", "return redis.call('XREADGROUP', 'GROUP', 'g', 'c', 'STREAMS', KEYS[7], '>')[1][2]", "return redis.call('XPENDING', KEYS[7], 'g')", "return redis.call('XACK', KEYS[7], 'g', '5-1')",
	"return redis.call('RENAME', KEYS[9], KEYS[8])", "return redis.call('LPUSH', KEYS[1], 'x')", "return redis.call('SET', KEYS[1])", "return redis.call('NOSUCH')", "return redis.call('SET', KEYS[1], {})", "return redis.call('SET', KEYS[1], 'v', 'XX', 'NX')", "return redis.call('DEL', unpack(KEYS))",
	"x = 1", "return x", "return error('e')", "return (", "local", "#!lua\nreturn 1",
}

// compare returns a function that runs a script on memory and on a server and compares the
// results. empty empties both.
func compare(t *testing.T, server *servertest.Server) (run func(source string, args ...any), empty func()) {
	t.Helper()
	remote, err := xcache.OpenDSN("redis://" + server.Addr + "?op_timeout=30s&dial_timeout=30s")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, remote.Close()) })
	inMemory, ours := open(t)
	theirs, err := mixins.NewScripts(remote)
	require.NoError(t, err)
	var keys []string
	for i := range 9 {
		keys = append(keys, fmt.Sprintf("k%d", i+1))
	}
	run = func(source string, args ...any) {
		t.Helper()
		result, err := mixins.NewScript(ours, source, mixins.AsReply).Run(t.Context(), keys, args...)
		want, wantErr := mixins.NewScript(theirs, source, mixins.AsReply).Run(t.Context(), keys, args...)
		assert.Equal(t, shown(want, wantErr), shown(result, err), "%s with %q: the server says %v, memory %v", source, args, wantErr, err)
	}
	empty = func() {
		t.Helper()
		require.NoError(t, remote.FlushDB(t.Context()))
		require.NoError(t, inMemory.FlushDB(t.Context()))
	}
	return run, empty
}

// waitingInScripts are scripts with commands that wait. In a script these commands reply at
// once. Redis before 7.2 refuses these commands in scripts.
var waitingInScripts = []string{
	"return redis.call('BLPOP', KEYS[9], 0)", "return redis.call('BRPOP', KEYS[9], 5)", "return redis.call('BLMOVE', KEYS[9], KEYS[8], 'LEFT', 'RIGHT', 0)", "return redis.call('BLMPOP', 0, 1, KEYS[9], 'LEFT')", "return redis.call('BZPOPMIN', KEYS[9], 0)", "return redis.call('BZPOPMAX', KEYS[9], 0)",
	"redis.call('RPUSH', KEYS[9], 'a', 'b', 'c', 'd') return {redis.call('BLPOP', KEYS[8], KEYS[9], 0), redis.call('BRPOP', KEYS[9], 0.5), redis.call('BLMPOP', 0, 1, KEYS[9], 'LEFT'), redis.call('BLMOVE', KEYS[9], KEYS[8], 'LEFT', 'RIGHT', 1), redis.call('DEL', KEYS[8])}",
	"redis.call('ZADD', KEYS[9], 1, 'a', 2, 'b', 3, 'c', 4, 'd') return {redis.call('BZPOPMIN', KEYS[9], 0), redis.call('BZPOPMAX', KEYS[9], 1), redis.call('BZMPOP', 0, 1, KEYS[9], 'MIN', 'COUNT', 5), redis.call('BZMPOP', 0, 1, KEYS[9], 'MIN')}",
	"return redis.call('BLPOP', KEYS[1], 0)", "return redis.call('BLPOP', KEYS[9])", "return redis.call('PUBLISH', KEYS[1], 'x')", "return redis.call('SPUBLISH', KEYS[1], 'x')",
	"return redis.call('XREAD', 'BLOCK', 0, 'STREAMS', KEYS[9], '$')", "return redis.call('XREAD', 'BLOCK', 0, 'STREAMS', KEYS[7], '0')[1][2]", "return redis.call('XREADGROUP', 'GROUP', 'g', 'c', 'BLOCK', 0, 'STREAMS', KEYS[7], '>')",
}

func TestNoCommandOfAScriptWaits(t *testing.T) {
	run, _ := compare(t, servertest.Redis(t, servertest.Release("valkey")))
	run("redis.call('SET', KEYS[1], 'v') redis.call('XADD', KEYS[7], '5-1', 'f', 'v') return redis.call('XGROUP', 'CREATE', KEYS[7], 'g', '5-1')")
	for _, source := range waitingInScripts {
		run(source)
	}
}

func TestResultsAreThoseOfARealServer(t *testing.T) {
	run, empty := compare(t, servertest.Redis(t))
	for _, source := range compared {
		run(source)
	}
	empty()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for range 1500 {
		source, args := randomScript(random)
		run(source, args...)
	}
}

// shown returns the text of a reply, or of its error, without the differences that are
// allowed between stores.
func shown(r driver.Reply, err error) string {
	if err != nil {
		kinds := []error{xcache.ErrScript, xcache.ErrSyntax, xcache.ErrWrongType, xcache.ErrOverflow, xcache.ErrNotFound, errors.ErrUnsupported, xcache.ErrUnknownOutcome}
		var text []string
		for _, kind := range kinds {
			if errors.Is(err, kind) {
				text = append(text, kind.Error())
			}
		}
		if len(text) == 0 {
			text = append(text, err.Error())
		}
		return strings.Join(text, "; ")
	}
	switch r.Kind {
	case driver.ReplyInt:
		return fmt.Sprint(r.Int)
	case driver.ReplyData:
		return fmt.Sprintf("%q", r.Data)
	case driver.ReplyArray:
		var items []string
		for _, item := range r.Items {
			items = append(items, shown(item, nil))
		}
		return "[" + strings.Join(items, " ") + "]"
	case driver.ReplyError:
		return "an error"
	}
	return "nil"
}

// randomScript returns a few commands on few keys, whose errors are caught, and an
// expression.
func randomScript(random *rand.Rand) (string, []any) {
	pick := func(words ...string) string { return words[random.IntN(len(words))] }
	key := func() string { return fmt.Sprintf("KEYS[%d]", 1+random.IntN(4)) }
	value := func() string {
		return pick("1", "2.5", "'a'", "ARGV[1]", "ARGV[2]", "-3", "'x' .. 1", "tostring(0.1)", "1e3", "#KEYS")
	}
	commands := []func() string{
		func() string { return "'SET', " + key() + ", " + value() }, func() string { return "'GET', " + key() }, func() string { return "'INCRBY', " + key() + ", " + value() },
		func() string { return "'RPUSH', " + key() + ", " + value() + ", " + value() }, func() string { return "'LRANGE', " + key() + ", 0, -1" }, func() string { return "'LPOP', " + key() },
		func() string { return "'HSET', " + key() + ", " + value() + ", " + value() }, func() string { return "'HGET', " + key() + ", " + value() }, func() string { return "'HGETALL', " + key() },
		func() string { return "'ZADD', " + key() + ", " + pick("1", "2.5", "-1") + ", " + value() }, func() string { return "'ZRANGE', " + key() + ", 0, -1, 'WITHSCORES'" }, func() string { return "'ZSCORE', " + key() + ", " + value() },
		func() string { return "'SADD', " + key() + ", " + value() }, func() string { return "'SISMEMBER', " + key() + ", " + value() }, func() string { return "'DEL', " + key() }, func() string { return "'TYPE', " + key() },
		func() string { return "'EXISTS', " + key() + ", " + key() }, func() string { return "'RENAME', " + key() + ", " + key() }, func() string { return "'STRLEN', " + key() }, func() string { return "'LLEN', " + key() },
	}
	var lines []string
	for range 1 + random.IntN(3) {
		lines = append(lines, fmt.Sprintf("local ok, r = pcall(redis.call, %s) out[#out + 1] = ok and r or 'failed'", commands[random.IntN(len(commands))]()))
	}
	if random.IntN(4) == 0 {
		lines = append(lines, "out[#out + 1] = "+value()+" "+pick("+", "..", "*", "-")+" "+value())
	}
	return "local out = {} " + strings.Join(lines, " ") + " return out", []any{random.IntN(100), "y"}
}
