package xcachetest

import (
	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/mixins"
)

// lua runs a script in Lua, with a reader for its result.
func lua[R any](result mixins.Reader[R], source string, keys []string, args ...any) call {
	return luaBy("Run", result, source, keys, args)
}

// luaRO is lua for a script that only reads.
func luaRO[R any](result mixins.Reader[R], source string, keys []string, args ...any) call {
	return luaBy("RunRO", result, source, keys, args)
}

func luaBy[R any](method string, result mixins.Reader[R], source string, keys []string, args []any) call {
	c := do("script "+source, method, append([]any{keys}, args...)...)
	c.open = func(cache *xcache.Cache) (any, error) {
		scripts, err := mixins.NewScripts(cache)
		if err != nil {
			return nil, err
		}
		return mixins.NewScript(scripts, source, result), nil
	}
	// The same source with another reader is another handle.
	c.on += fmtType(result)
	return c
}

func luaScripts() []script {
	var none []string
	a, ab := []string{keyA}, []string{keyA, keyB}
	text, ints, texts := mixins.AsString, mixins.AsSlice(mixins.AsInt), mixins.AsSlice(mixins.AsString)
	value, nothing := mixins.AsValue[string], mixins.AsNothing
	eval, read := needs("EVAL", "EVALSHA"), needs("EVAL_RO", "EVALSHA_RO", "EVAL", "SET", "GET")
	with := func(commands ...string) []string { return append(commands, eval...) }
	get := func(key, want string) call { return do("texts", "Get", key).gives(want) }
	return []script{
		{"scripts/numbers", "a number that a script returns loses what is behind the point; text keeps it", eval, []call{
			lua(mixins.AsInt, "return 42", none).gives(int64(42)), lua(mixins.AsInt, "return 3.99", none).gives(int64(3)), lua(mixins.AsInt, "return -3.99", none).gives(int64(-3)),
			lua(mixins.AsInt, "return 2^53", none).gives(int64(1 << 53)), lua(mixins.AsInt, "return '17'", none).gives(int64(17)), lua(mixins.AsFloat, "return tostring(3.5)", none).gives(3.5),
			lua(text, "return 7", none).gives("7"), lua(mixins.AsFloat, "return 3.5", none).gives(3.0),
		}},
		{"scripts/booleans", "true is 1; false, nil and nothing at all are no result", eval, []call{
			lua(mixins.AsInt, "return true", none).gives(int64(1)), lua(mixins.AsBool, "return true", none).gives(true), lua(mixins.AsBool, "return false", none).gives(false),
			lua(mixins.AsBool, "return nil", none).gives(false), lua(mixins.AsInt, "return false", none).fails(xcache.ErrNotFound), lua(text, "return nil", none).fails(xcache.ErrNotFound),
			lua(text, "local x = 1", none).fails(xcache.ErrNotFound), lua(mixins.AsFloat, "return false", none).fails(xcache.ErrNotFound), lua(nothing, "return", none).gives(true),
		}},
		{"scripts/lists", "a table is a list up to its first nil, whatever else is in it; an empty one is no elements", eval, []call{
			lua(ints, "return {1, 2.5, -3}", none).gives([]int64{1, 2, -3}), lua(texts, "return {'a', '', 'c'}", none).gives(these("a", "", "c")), lua(texts, "return {'a', nil, 'c'}", none).gives(these("a")),
			lua(texts, "return {'a', x = 'b', [3] = 'c'}", none).gives(these("a")), lua(texts, "return {}", none).gives(these()), lua(texts, "return false", none).gives(these()),
			lua(mixins.AsSlice(ints), "return {{1, 2}, {}, {3}}", none).gives([][]int64{{1, 2}, nil, {3}}),
			lua(mixins.AsMap(mixins.AsInt), "return {'a', 1, 'b', 2}", none).gives(map[string]int64{"a": 1, "b": 2}), lua(texts, "return {'a', false}", none).fails(xcache.ErrNotFound),
		}},
		{"scripts/statuses", "a table with ok is a status; redis.status_reply makes one", eval, []call{
			lua(text, "return {ok = 'FINE'}", none).gives("FINE"), lua(text, "return redis.status_reply('TRUE')", none).gives("TRUE"), lua(texts, "return {{ok = 'A'}, 'B'}", none).gives(these("A", "B")),
		}},
		{"scripts/replies", "what redis.call returns of a reply: a number, a text, false for nil, a table with ok for a status, a table for a list", with("SET", "GET", "RPUSH", "LRANGE", "MGET", "INCRBY", "TYPE"), []call{
			lua(texts, "local r = redis.call('SET', KEYS[1], 'v') return {type(r), r.ok}", a).gives(these("table", "OK")),
			lua(texts, "local r = redis.call('GET', KEYS[1]) return {type(r), r}", a).gives(these("string", "v")),
			lua(texts, "local r = redis.call('GET', KEYS[2]) return {type(r), tostring(r)}", ab).gives(these("boolean", "false")),
			lua(texts, "local r = redis.call('INCRBY', KEYS[2], 5) return {type(r), tostring(r)}", ab).gives(these("number", "5")),
			lua(texts, "local r = redis.call('MGET', KEYS[1], KEYS[3], KEYS[2]) return {tostring(#r), r[1], tostring(r[2]), r[3]}", []string{keyA, keyB, keyC}).gives(these("3", "v", "false", "5")),
			lua(texts, "redis.call('RPUSH', KEYS[1], 'x', 'y') return redis.call('LRANGE', KEYS[1], 0, -1)", []string{keyC}).gives(these("x", "y")),
			lua(texts, "local r = redis.call('TYPE', KEYS[1]) return {type(r), r.ok}", a).gives(these("table", "string")),
			lua(text, "return redis.call('get', KEYS[1])", a).gives("v"), lua(mixins.AsInt, "return redis.call('INCRBY', KEYS[1], 1.0)", []string{keyB}).gives(int64(6)),
		}},
		{"scripts/arguments", "texts, bytes, numbers and booleans come to a script as text; any other argument is ErrUnsupportedValue before anything is sent", eval, []call{
			lua(texts, "return ARGV", none, "text", []byte("b\x00\xff"), 42, int8(-1), uint64(1<<63), 2.5, true, false, "").gives(these("text", "b\x00\xff", "42", "-1", "9223372036854775808", "2.5", "1", "0", "")),
			lua(ints, "return {#KEYS, #ARGV}", ab, "x").gives([]int64{2, 1}), lua(ints, "return {#KEYS, #ARGV}", none).gives([]int64{0, 0}),
			lua(texts, "return ARGV", none, []string{"x"}).fails(xcache.ErrUnsupportedValue), lua(texts, "return ARGV", none, struct{}{}).fails(xcache.ErrUnsupportedValue),
			lua(text, "return ARGV[1]", []string{""}, "x").fails(xcache.ErrInvalidKey),
		}},
		{"scripts/keys", "keys are completed as those of every operation are, and read back as the program knows them", with("SET", "GET"), []call{
			lua(nothing, "redis.call('SET', KEYS[2], ARGV[1]) return 1", ab, mixins.Encoded("v")), get(keyB, "v"), lua(mixins.AsBool, "return KEYS[1] == '"+keyA+"'", a).gives(false),
			lua(mixins.AsKey, "return KEYS[2]", ab).gives(keyB), lua(mixins.AsSlice(mixins.AsKey), "return KEYS", ab).gives(ab), lua(mixins.AsKey, "return 'another'", a).fails(xcache.ErrInvalidKey),
		}},
		{"scripts/encoded", "an argument that is marked is written by the codec, and a result read by it: a script and a view share values", with("SET", "GET"), []call{
			lua(value, "redis.call('SET', KEYS[1], ARGV[1]) return redis.call('GET', KEYS[1])", a, mixins.Encoded("some \x01 \"text\"")).gives("some \x01 \"text\""), get(keyA, "some \x01 \"text\""),
			do("texts", "Set", keyB, "w"), lua(value, "return redis.call('GET', KEYS[1])", []string{keyB}).gives("w"), lua(value, "return redis.call('GET', KEYS[1])", []string{keyC}).fails(xcache.ErrNotFound),
			lua(mixins.AsSlice(value), "return {ARGV[2], ARGV[1]}", a, mixins.Encoded("x"), mixins.Encoded("y")).gives(these("y", "x")), lua(value, "return '{'", a).fails(xcache.ErrCorrupt),
			lua(mixins.AsSlice(mixins.AsBool), "return {ARGV[1] == '7', ARGV[2] == '\"t\"'}", a, mixins.Encoded(7), mixins.Encoded("t")).gives([]bool{true, true}),
		}},
		{"scripts/error-replies", "an error that a script returns is ErrScript, with its code, and of unknown outcome; what was written before stays", with("SET", "GET"), []call{
			lua(text, "return redis.error_reply('NOSTOCK sold out')", none).says("NOSTOCK"), lua(text, "return {err = 'MYCODE words'}", none).says("MYCODE"),
			lua(text, "return redis.error_reply('NOSTOCK sold out')", none).fails(xcache.ErrUnknownOutcome),
			lua(text, "redis.call('SET', KEYS[1], ARGV[1]) return redis.error_reply('LATER on')", a, mixins.Encoded("v")).says("LATER"), get(keyA, "v"),
			lua(mixins.AsInt, "return 'text'", none).fails(xcache.ErrScript), lua(text, "return {}", none).fails(xcache.ErrScript),
		}},
		{"scripts/errors-of-commands", "the error of a command ends the script, and says what it is; redis.pcall returns it instead", with("RPUSH", "GET", "SET", "INCR", "RENAME"), []call{
			lua(nothing, "redis.call('RPUSH', KEYS[1], 'x')", a), lua(text, "return redis.call('GET', KEYS[1])", a).fails(xcache.ErrWrongType), lua(text, "redis.call('GET', KEYS[1]) return 'on'", a).fails(xcache.ErrWrongType),
			lua(mixins.AsBool, "local r = redis.pcall('GET', KEYS[1]) return type(r) == 'table' and string.sub(r.err, 1, 9) == 'WRONGTYPE'", a).gives(true),
			lua(text, "return redis.pcall('GET', KEYS[1])", a).fails(xcache.ErrWrongType), lua(text, "return redis.pcall('NOSUCHCOMMAND')", none).fails(xcache.ErrScript),
			lua(text, "return redis.call('NOSUCHCOMMAND')", none).fails(xcache.ErrScript), lua(text, "return redis.call()", none).fails(xcache.ErrScript), lua(text, "return redis.call('GET')", none).fails(xcache.ErrScript),
			lua(text, "return redis.call('RENAME', KEYS[1], KEYS[2])", []string{keyB, keyC}).fails(xcache.ErrScript),
			lua(text, "redis.call('SET', KEYS[1], ARGV[1]) return redis.call('INCR', KEYS[1])", []string{keyB}, mixins.Encoded("v")).fails(xcache.ErrWrongType), get(keyB, "v"),
		}},
		{"scripts/errors-of-lua", "an error in the language is ErrScript, a script that cannot be compiled ErrSyntax", eval, []call{
			lua(text, "error('out')", none).fails(xcache.ErrScript), lua(text, "return 1 + nil", none).fails(xcache.ErrScript), lua(text, "local t = nil return t.x", none).fails(xcache.ErrScript),
			lua(text, "return 'a' < 1", none).fails(xcache.ErrScript), lua(text, "return (", none).fails(xcache.ErrSyntax), lua(text, "if x", none).fails(xcache.ErrSyntax),
			lua(texts, "local ok, e = pcall(function() error('in') end) return {tostring(ok), type(e)}", none).gives(these("false", "string")),
		}},
		{"scripts/globals", "a script makes no globals, and finds none that are not there", eval, []call{
			lua(nothing, "x = 1 return x", none).fails(xcache.ErrScript), lua(nothing, "return y", none).fails(xcache.ErrScript), lua(nothing, "function f() end", none).fails(xcache.ErrScript),
		}},
		{"scripts/library", "a script has what Redis gives to one: strings, tables, mathematics, cjson, sha1hex", eval, []call{
			lua(text, "return redis.sha1hex('abc')", none).gives("a9993e364706816aba3e25717850c26c9cd0d89d"), lua(text, "return cjson.encode({1, 'a', true})", none).gives(`[1,"a",true]`),
			lua(mixins.AsInt, "return cjson.decode(ARGV[1]).a[2]", none, `{"a": [1, 2]}`).gives(int64(2)), lua(text, "return string.rep('ab', 3)", none).gives("ababab"),
			lua(texts, "local t = {'c', 'a', 'b'} table.sort(t) return t", none).gives(these("a", "b", "c")), lua(mixins.AsInt, "return math.floor(7.9)", none).gives(int64(7)),
			lua(text, "return string.format('%d-%s', 3, 'x')", none).gives("3-x"), lua(text, "return (string.gsub('hello', 'l', 'L'))", none).gives("heLLo"), lua(mixins.AsInt, "return tonumber('0x10')", none).gives(int64(16)),
		}},
		{"scripts/same-text-twice", "a script that was run before is run again, with other keys and arguments", with("INCRBY"), []call{
			lua(mixins.AsInt, "return redis.call('INCRBY', KEYS[1], ARGV[1])", a, 2).gives(int64(2)), lua(mixins.AsInt, "return redis.call('INCRBY', KEYS[1], ARGV[1])", a, 3).gives(int64(5)),
			lua(mixins.AsInt, "return redis.call('INCRBY', KEYS[1], ARGV[1])", []string{keyB}, 4).gives(int64(4)), lua(mixins.AsInt, "return redis.call('INCRBY', KEYS[1], ARGV[1])", a, 1).gives(int64(6)),
		}},
		{"scripts/run-once", "a script that answers in the words of a server that was not ready, or does not know it, was run, and is not run again", with("INCR", "GET"), []call{
			lua(text, "redis.call('INCR', KEYS[1]) return redis.error_reply('BUSY come back')", a).says("BUSY"), lua(text, "redis.call('INCR', KEYS[1]) return redis.error_reply('TRYAGAIN later')", a).says("TRYAGAIN"),
			lua(text, "redis.call('INCR', KEYS[1]) return redis.error_reply('LOADING things')", a).says("LOADING"), lua(text, "redis.call('INCR', KEYS[1]) return redis.error_reply('NOSCRIPT here')", a).says("NOSCRIPT"),
			lua(text, "redis.call('INCR', KEYS[1]) return redis.error_reply('MOVED house')", a).says("MOVED"), lua(text, "redis.call('INCR', KEYS[1]) return redis.error_reply('CLUSTERDOWN fell')", a).says("CLUSTERDOWN"),
			lua(mixins.AsInt, "return redis.call('GET', KEYS[1])", a).gives(int64(6)),
		}},
		{"scripts/read-only", "a script that is run to read reads, and has no command that writes; nothing is changed", read, []call{
			do("texts", "Set", keyA, "v"), luaRO(value, "return redis.call('GET', KEYS[1])", a).gives("v"), luaRO(texts, "return {KEYS[1] and 'key', ARGV[1]}", a, "x").gives(these("key", "x")),
			luaRO(nothing, "return redis.call('SET', KEYS[1], 'w')", a).fails(xcache.ErrScript), luaRO(mixins.AsBool, "return redis.pcall('SET', KEYS[1], 'w').err ~= nil", a).gives(true), get(keyA, "v"),
			luaRO(text, "return redis.error_reply('MINE own')", none).says("MINE"), luaRO(text, "return (", none).fails(xcache.ErrSyntax),
		}},
		{"scripts/kinds", "a script works on lists, sets, hashes and sorted sets", with("RPUSH", "LRANGE", "SADD", "SCARD", "HSET", "HGETALL", "ZADD", "ZRANGE", "ZSCORE"), []call{
			lua(texts, "redis.call('RPUSH', KEYS[1], 'x', 'y') return redis.call('LRANGE', KEYS[1], 0, -1)", a).gives(these("x", "y")),
			lua(ints, "return {redis.call('SADD', KEYS[1], 'm', 'n'), redis.call('SCARD', KEYS[1])}", []string{keyB}).gives([]int64{2, 2}),
			lua(mixins.AsMap(text), "redis.call('HSET', KEYS[1], 'f', 'v') return redis.call('HGETALL', KEYS[1])", []string{keyC}).gives(map[string]string{"f": "v"}),
			lua(texts, "redis.call('ZADD', KEYS[1], 1.5, 'a', 2, 'b') return redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES')", []string{"{k}z"}).gives(these("a", "1.5", "b", "2")),
			lua(texts, "local s = redis.call('ZSCORE', KEYS[1], 'a') return {type(s), s}", []string{"{k}z"}).gives(these("string", "1.5")),
			do("cache", "Type", keyC).gives(driver.KindHash),
		}},
	}
}
