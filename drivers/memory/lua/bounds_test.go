package lua_test

import (
	"context"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/drivers/memory/lua"
	"github.com/xcache-go/xcache/mixins"
)

func open(t *testing.T) (*xcache.Cache, *mixins.Scripts) {
	t.Helper()
	c, err := xcache.OpenDSN("memory://")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	scripts, err := mixins.NewScripts(c)
	require.NoError(t, err)
	return c, scripts
}

// endless are scripts that would not end, or would take all memory.
var endless = map[string]string{
	"loop":                      "while true do end",
	"loop that catches errors":  "while true do pcall(function() while true do end end) end",
	"pcall of pcall":            "local function f() pcall(f) pcall(f) end f()",
	"repeat":                    "repeat until false",
	"goto":                      "::a:: goto a",
	"recursion":                 "local function f() return 1 + f() end while true do pcall(f) end",
	"tail calls":                "local function f() return f() end f()",
	"doubled string":            "local s = 'x' while true do s = s .. s end",
	"growing string":            "local s = '' while true do s = s .. 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx' end",
	"repeated string":           "return string.rep('x', 1e15)",
	"repeated strings kept":     "local t = {} while true do t[#t + 1] = string.rep('x', 1e6) end",
	"caught repeated strings":   "while true do pcall(string.rep, 'x', 1e12) end",
	"method of a string":        "return ('x'):rep(1e15)",
	"strings in upper case":     "local s, t = string.rep('x', 1e6), {} while true do t[#t + 1] = s:upper() end",
	"reversed strings":          "local s, t = string.rep('x', 1e6), {} while true do t[#t + 1] = s:reverse() end",
	"format":                    "local s = string.rep('x', 1e6) local t = {} while true do t[#t + 1] = string.format('%s%s', s, s) end",
	"gsub":                      "local s = string.rep('x', 1e4) while true do s = s:gsub('x', 'xx') end",
	"gsub by captures":          "return (string.rep('x', 1e5):gsub('(x+)', string.rep('%1', 1e4)))",
	"backtracking":              "return string.find(string.rep('a', 1e4), '.-.-.-.-.-b')",
	"backtracking in gsub":      "return string.gsub(string.rep('a', 1e4), 'a*a*a*a*b', '')",
	"backtracking in gmatch":    "for w in string.gmatch(string.rep('a', 1e5), 'a*a*b') do end",
	"balance":                   "local s = string.rep('(', 1e5) while true do string.find(s, '%b()') end",
	"table":                     "local t = {} while true do t[#t + 1] = {} end",
	"table of numbers":          "local t, i = {}, 0 while true do i = i + 1 t[i] = i end",
	"table of floats":           "local t, i = {}, 0.5 while true do i = i + 1 t[i] = true end",
	"table of names":            "local t, i = {}, 0 while true do i = i + 1 t['k' .. i] = true end",
	"high index":                "local t = {} for i = 1, 1000 do t[i] = {} t[i][60000000] = 1 end",
	"high index by rawset":      "local t = {} for i = 1, 1000 do t[i] = {} rawset(t[i], 60000000, 1) end",
	"high index by insert":      "local t = {} for i = 1, 1000 do t[i] = {} table.insert(t[i], 60000000, 1) end",
	"high index in constructor": "local t = {} for i = 1, 1000 do t[i] = {[60000000] = 1} end",
	"high index by newindex":    "local t = {} for i = 1, 1000 do t[i] = {} setmetatable({}, {__newindex = t[i]})[60000000] = 1 end",
	"high index of several":     "local t, x = {} for i = 1, 1000 do t[i] = {} x, t[i][60000000] = 1, 2 end",
	"table.concat":              "local t = {} for i = 1, 1000 do t[i] = string.rep('x', 1000) end local u = {} while true do u[#u + 1] = table.concat(t) end",
	"copies by unpack":          "local t = {} for i = 1, 8000 do t[i] = i end local u = {} while true do u[#u + 1] = {unpack(t)} end",
	"copies of arguments":       "local t = {} for i = 1, 8000 do t[i] = i end local u = {} (function(...) while true do u[#u + 1] = {...} end end)(unpack(t))",
	"sort":                      "local t = {} for i = 1, 1e5 do t[i] = -i end while true do table.sort(t, function(a, b) return a < b end) end",
	"closures":                  "local t = {} while true do t[#t + 1] = function() return t end end",
	"metamethods":               "local t = setmetatable({}, {}) getmetatable(t).__index = function(t, k) return t[k + 1] end while true do pcall(function() return t[1] end) end",
	"concat by metamethod":      "local t = setmetatable({}, {__concat = function(a, b) return 'x' end}) while true do local s = t .. t end",
	"json":                      "local t = {} for i = 1, 1e4 do t[i] = 'text' end local u = {} while true do u[#u + 1] = cjson.encode(t) end",
	"json decoded":              "local s = '[' .. string.rep('[],', 1e4) .. '[]]' local u = {} while true do u[#u + 1] = cjson.decode(s) end",
	"list of itself":            "local t = {} t[1] = t return t",
	"wide result":               "local t = {'x'} for i = 1, 60 do t = {t, t} end return t",
	"commands":                  "while true do redis.call('SET', KEYS[2], 'w') end",
	"long values":               "while true do redis.call('RPUSH', KEYS[3], string.rep('x', 1e6)) end",
	"replies":                   "local t = {} while true do t[#t + 1] = redis.call('LRANGE', KEYS[3], 0, -1) end",
	"equal strings":             "local a = string.rep('x', 1e7) local b = string.rep('x', 1e7) while true do local c = a == b end",
}

// All writes of a script that exceeds a bound are undone.
const writes = `
redis.call('SET', KEYS[1], 'changed')
redis.call('SET', KEYS[2], 'new')
redis.call('RPUSH', KEYS[3], 'c') redis.call('LPOP', KEYS[3])
redis.call('HSET', KEYS[4], 'f', 'changed', 'g', 'new')
redis.call('SADD', KEYS[5], 'new') redis.call('SREM', KEYS[5], 'm')
redis.call('ZADD', KEYS[6], 9, 'm', 1, 'new')
redis.call('XADD', KEYS[7], '*', 'f', 'new') redis.call('XREADGROUP', 'GROUP', 'g', 'c', 'STREAMS', KEYS[7], '>')
redis.call('DEL', KEYS[8]) redis.call('PEXPIRE', KEYS[9], 5)
`

var keys = []string{"text", "none", "list", "hash", "set", "zset", "stream", "gone", "ttl"}

func TestScriptsEndWithinTheirBoundsAndLeaveTheStoreAsItWas(t *testing.T) {
	c, scripts := open(t)
	fill := mixins.NewScript(scripts, `
		redis.call('SET', KEYS[1], 'v') redis.call('RPUSH', KEYS[3], 'a', 'b') redis.call('HSET', KEYS[4], 'f', 'v') redis.call('SADD', KEYS[5], 'm')
		redis.call('ZADD', KEYS[6], 1.5, 'm') redis.call('XADD', KEYS[7], '1-1', 'f', 'v') redis.call('XGROUP', 'CREATE', KEYS[7], 'g', '0')
		redis.call('SET', KEYS[8], 'v') redis.call('SET', KEYS[9], 'v')`, mixins.AsNothing)
	_, err := fill.Run(t.Context(), keys)
	require.NoError(t, err)
	_, err = c.Expire(t.Context(), "ttl", time.Hour)
	require.NoError(t, err)
	look := mixins.NewScript(scripts, `return cjson.encode({redis.call('GET', KEYS[1]), redis.call('EXISTS', KEYS[2]), redis.call('LRANGE', KEYS[3], 0, -1),
		redis.call('HGETALL', KEYS[4]), redis.call('SMEMBERS', KEYS[5]), redis.call('ZRANGE', KEYS[6], 0, -1, 'WITHSCORES'), redis.call('XRANGE', KEYS[7], '-', '+'),
		redis.call('XPENDING', KEYS[7], 'g')[1], redis.call('GET', KEYS[8]), redis.call('PTTL', KEYS[9]) > 1000})`, mixins.AsString)
	before, err := look.Run(t.Context(), keys)
	require.NoError(t, err)

	for name, source := range endless {
		for prefix, first := range map[string]string{"": "", ", having written": writes, ", having emptied the database": "redis.call('FLUSHDB') redis.call('SET', KEYS[1], 'x')"} {
			if prefix != "" && !strings.HasPrefix(name, "loop") && name != "list of itself" && name != "long values" {
				continue
			}
			t.Run(name+prefix, func(t *testing.T) {
				var start, end runtime.MemStats
				runtime.ReadMemStats(&start)
				_, err := mixins.NewScript(scripts, first+source, mixins.AsNothing).Run(t.Context(), keys)
				runtime.ReadMemStats(&end)
				require.ErrorIs(t, err, xcache.ErrScript)
				if name != "list of itself" { // that error is the script's own, as in Redis
					require.NotErrorIs(t, err, xcache.ErrUnknownOutcome)
					require.ErrorContains(t, err, "LIMIT")
					after, err := look.Run(t.Context(), keys)
					require.NoError(t, err)
					require.Equal(t, before, after)
				}
				require.Less(t, end.HeapSys-min(start.HeapSys, end.HeapSys), uint64(8*lua.MaxBytes), "memory of the process")
			})
			if name == "list of itself" && prefix != "" {
				require.NoError(t, c.FlushDB(t.Context()))
				_, err := fill.Run(t.Context(), keys)
				require.NoError(t, err)
				_, err = c.Expire(t.Context(), "ttl", time.Hour)
				require.NoError(t, err)
			}
		}
	}
}

func TestAContextThatEndsUndoesAScript(t *testing.T) {
	c, scripts := open(t)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Millisecond)
	defer cancel()
	_, err := mixins.NewScript(scripts, "redis.call('SET', KEYS[1], 'v') while true do end", mixins.AsNothing).Run(ctx, []string{"k"})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.NotErrorIs(t, err, xcache.ErrUnknownOutcome)
	there, err := c.Has(t.Context(), "k")
	require.NoError(t, err)
	require.False(t, there)
}

func TestDeepSourcesAreRefused(t *testing.T) {
	_, scripts := open(t)
	for name, source := range map[string]string{
		"blocks":    strings.Repeat("do ", 20000) + strings.Repeat("end ", 20000),
		"tables":    "return " + strings.Repeat("{", 50000) + strings.Repeat("}", 50000),
		"functions": strings.Repeat("return function() ", 5000) + strings.Repeat(" end", 5000),
		"not":       "return " + strings.Repeat("not ", 50000) + "1",
		"minus":     "return " + strings.Repeat("- ", 50000) + "1",
	} {
		_, err := mixins.NewScript(scripts, source, mixins.AsNothing).Run(t.Context(), nil)
		require.ErrorIs(t, err, xcache.ErrSyntax, name)
	}
	_, err := mixins.NewScript(scripts, "return '"+strings.Repeat("x", 300<<10)+"'", mixins.AsNothing).Run(t.Context(), nil)
	require.ErrorIs(t, err, xcache.ErrTooLarge)
	_, err = mixins.NewScript(scripts, "return 'a'"+strings.Repeat(" .. 'a'", 1000), mixins.AsString).Run(t.Context(), nil)
	require.NoError(t, err, "what is long is not deep")
}
