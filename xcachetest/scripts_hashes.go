package xcachetest

import (
	"errors"
	"maps"
	"math"
	"slices"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/mixins"
)

func hashScripts() []script {
	hash := func(method string, args ...any) call { return do("hashes", method, args...) }
	count := func(method string, args ...any) call { return do("counts", method, args...) }
	exists := func(key string, there bool) call { return do("cache", "Has", key).gives(there) }
	type values = map[string]string
	ab := hash("HSetMany", keyA, values{"f": "a", "g": "b"}).gives(2)
	all := func(key string, want values) call { return hash("HGetAll", key).gives(want) }
	return append(fieldTTLScripts(), []script{
		{"hashes/set", "HSet stores a value in a field, and tells whether the field is new", needs("HSET", "HGETALL", "SET"), []call{
			hash("HSet", keyA, "f", "a").gives(true), hash("HSet", keyA, "f", "b").gives(false), hash("HSet", keyA, "", "").gives(true), hash("HSet", keyA, "g:\x00{x}", "c").gives(true),
			all(keyA, values{"f": "b", "": "", "g:\x00{x}": "c"}), hash("HSet", "", "f", "v").fails(xcache.ErrInvalidKey), isText(), hash("HSet", text, "f", "v").fails(xcache.ErrWrongType),
		}},
		{"hashes/set-many", "HSetMany stores a value in each field, and returns how many are new", needs("HSET", "HGETALL"), []call{
			ab, hash("HSetMany", keyA, values{"g": "B", "h": "c"}).gives(1), all(keyA, values{"f": "a", "g": "B", "h": "c"}), hash("HSetMany", keyA, values{}).fails(xcache.ErrSyntax),
		}},
		{"hashes/setnx", "HSetNX stores a value in a field that does not exist, and tells whether it did", needs("HSETNX", "HGETALL", "SET"), []call{
			hash("HSetNX", keyA, "f", "a").gives(true), hash("HSetNX", keyA, "f", "b").gives(false), all(keyA, values{"f": "a"}), isText(), hash("HSetNX", text, "f", "v").fails(xcache.ErrWrongType),
		}},
		{"hashes/get", "HGet returns the value of a field; ErrNotFound without it or its hash", needs("HSET", "HGET", "SET"), []call{
			hash("HGet", keyA, "f").fails(xcache.ErrNotFound), ab, hash("HGet", keyA, "f").gives("a"), hash("HGet", keyA, "none").fails(xcache.ErrNotFound), isText(), hash("HGet", text, "f").fails(xcache.ErrWrongType),
		}},
		{"hashes/mget", "HMGet returns the fields that exist", needs("HSET", "HMGET", "SET"), []call{
			hash("HMGet", keyA, "f").gives(values{}), ab, hash("HMGet", keyA, "g", "none", "f", "g").gives(values{"f": "a", "g": "b"}), hash("HMGet", keyA).fails(xcache.ErrSyntax),
			isText(), hash("HMGet", text, "f").fails(xcache.ErrWrongType),
		}},
		{"hashes/getall", "HGetAll returns every field, none without a hash", needs("HSET", "HGETALL", "SET"), []call{
			all(keyA, values{}), ab, all(keyA, values{"f": "a", "g": "b"}), isText(), hash("HGetAll", text).fails(xcache.ErrWrongType),
		}},
		{"hashes/del", "HDel removes fields, and returns how many there were; a hash that is emptied vanishes", needs("HSET", "HDEL", "HGETALL", "EXISTS", "SET"), []call{
			hash("HDel", keyA, "f").gives(0), ab, hash("HDel", keyA, "f", "none", "f").gives(1), all(keyA, values{"g": "b"}), hash("HDel", keyA, "g").gives(1), exists(keyA, false),
			hash("HDel", keyA).fails(xcache.ErrSyntax), isText(), hash("HDel", text, "f").fails(xcache.ErrWrongType),
		}},
		{"hashes/len", "HLen returns the number of fields, 0 without a hash", needs("HSET", "HLEN", "SET"), []call{
			hash("HLen", keyA).gives(0), ab, hash("HLen", keyA).gives(2), isText(), hash("HLen", text).fails(xcache.ErrWrongType),
		}},
		{"hashes/keys-and-vals", "HKeys returns every field and HVals every value, none without a hash", needs("HSET", "HKEYS", "HVALS", "SET"), []call{
			hash("HKeys", keyA).gives(these()), hash("HVals", keyA).gives(these()), ab, hash("HKeys", keyA).givesAll("f", "g"), hash("HVals", keyA).givesAll("a", "b"),
			isText(), hash("HKeys", text).fails(xcache.ErrWrongType), hash("HVals", text).fails(xcache.ErrWrongType),
		}},
		{"hashes/exists", "HExists tells whether a field exists", needs("HSET", "HEXISTS", "SET"), []call{
			hash("HExists", keyA, "f").gives(false), ab, hash("HExists", keyA, "f").gives(true), hash("HExists", keyA, "none").gives(false), isText(), hash("HExists", text, "f").fails(xcache.ErrWrongType),
		}},
		{"hashes/incrby", "HIncrBy adds to the integer in a field, a missing one counts as 0; ErrOverflow at the ends, ErrWrongType for what is no integer", needs("HSET", "HGET", "HINCRBY", "SET"), []call{
			count("HIncrBy", keyA, "n", int64(5)).gives(int64(5)), count("HIncrBy", keyA, "n", int64(-7)).gives(int64(-2)), count("HGet", keyA, "n").gives(-2), count("HSet", keyA, "m", 40).gives(true), count("HIncrBy", keyA, "m", int64(2)).gives(int64(42)),
			count("HIncrBy", keyA, "top", int64(math.MaxInt64)).gives(int64(math.MaxInt64)), count("HIncrBy", keyA, "top", int64(1)).fails(xcache.ErrOverflow), count("HIncrBy", keyA, "top", int64(0)).gives(int64(math.MaxInt64)),
			hash("HSet", keyA, "t", "text").gives(true), count("HIncrBy", keyA, "t", int64(1)).fails(xcache.ErrWrongType), isText(), count("HIncrBy", text, "n", int64(1)).fails(xcache.ErrWrongType),
		}},
		{"hashes/incrbyfloat", "HIncrByFloat adds to the number in a field, a missing one counts as 0; ErrWrongType for what is no number", needs("HSET", "HINCRBYFLOAT", "SET"), []call{
			count("HIncrByFloat", keyA, "n", 1.5).gives(1.5), count("HIncrByFloat", keyA, "n", -2.0).gives(-0.5), count("HSet", keyA, "m", 40).gives(true), count("HIncrByFloat", keyA, "m", 0.25).gives(40.25),
			hash("HSet", keyA, "t", "text").gives(true), count("HIncrByFloat", keyA, "t", 1.0).fails(xcache.ErrWrongType), isText(), count("HIncrByFloat", text, "n", 1.0).fails(xcache.ErrWrongType),
		}},
		{"hashes/strlen", "HStrLen returns how many bytes a value has as it is stored, 0 without it", needs("HSET", "HSTRLEN", "SET"), []call{
			hash("HStrLen", keyA, "f").gives(0), ab, hash("HStrLen", keyA, "f").gives(3), hash("HStrLen", keyA, "none").gives(0), isText(), hash("HStrLen", text, "f").fails(xcache.ErrWrongType),
		}},
		{"hashes/randfield", "HRandField returns fields and leaves them: different ones for a count, any for a negative one", needs("HSET", "HRANDFIELD", "HLEN", "SET"), []call{
			hash("HRandField", keyA).fails(xcache.ErrNotFound), hash("HRandFieldCount", keyA, 2).gives(these()), hash("HRandFieldValues", keyA, 2).gives([]mixins.FieldValue[string]{}), ab,
			hash("HRandField", keyA).givesOneOf("f", "g"), hash("HRandFieldCount", keyA, 1).givesSome(1, true, "f", "g"), hash("HRandFieldCount", keyA, 9).givesAll("f", "g"), hash("HRandFieldCount", keyA, -9).givesSome(9, false, "f", "g"),
			randomValues(hash("HRandFieldValues", keyA, 9), 2, values{"f": "a", "g": "b"}), randomValues(hash("HRandFieldValues", keyA, -5), 5, values{"f": "a", "g": "b"}), hash("HRandFieldCount", keyA, 0).gives(these()),
			hash("HLen", keyA).gives(2), isText(), hash("HRandField", text).fails(xcache.ErrWrongType),
		}},
		{"hashes/ttl-stays", "what changes a hash leaves its TTL", needs("HSET", "HDEL", "HINCRBY", "PEXPIRE", "PTTL"), []call{
			ab, do("cache", "Expire", keyA, long).gives(true), hash("HSet", keyA, "h", "c").gives(true), hash("HDel", keyA, "f").gives(1), count("HIncrBy", keyA, "n", int64(1)).gives(int64(1)), hasTTL(keyA),
		}},
		{"hashes/kind", "the kind of a hash is hash", needs("HSET", "TYPE"), []call{ab, do("cache", "Type", keyA).gives(driver.KindHash)}},
	}...)
}

// randomValues wants a number of fields with their values.
func randomValues(c call, number int, of map[string]string) call {
	c.compare = func(got any) error {
		fields, _ := got.([]mixins.FieldValue[string])
		var errs []error
		for _, f := range fields {
			errs = append(errs, that(of[f.Field] == f.Value && slices.Contains(slices.Collect(maps.Keys(of)), f.Field), "field %q with %q", f.Field, f.Value))
		}
		return errors.Join(append(errs, expect(len(fields), number, "fields"))...)
	}
	return c
}
