package xcachetest

import (
	"time"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/mixins"
)

// fieldTTLScripts has the scripts of hashes with TTLs of fields.
func fieldTTLScripts() []script {
	hash := func(method string, args ...any) call { return do("hashes", method, args...) }
	exists := func(key string, there bool) call { return do("cache", "Has", key).gives(there) }
	type values = map[string]string
	type ttls = map[string]time.Duration
	type get = mixins.HGetExOptions
	type set = mixins.HSetExOptions
	became := func(what ...mixins.FieldExpiry) []mixins.FieldExpiry { return what }
	flags := func(what ...bool) []bool { return what }
	always := mixins.ExpireOptions{}
	getSoon := atCall(func() any { return get{At: time.Now().Add(long)} })
	setSoon := atCall(func() any { return set{At: time.Now().Add(long)} })
	ab := hash("HSetMany", keyA, values{"f": "a", "g": "b"}).gives(2)
	all := func(key string, want values) call { return hash("HGetAll", key).gives(want) }
	// left wants fields with about the long TTL, and forEver wants fields without a TTL.
	left := func(key string, fields ...any) call {
		c := hash("HPTTL", append([]any{key}, fields...)...)
		c.compare = func(got any) error {
			found, _ := got.(ttls)
			for _, field := range fields {
				ttl, there := found[field.(string)]
				if !there || ttl > long+time.Minute || ttl < long-time.Minute {
					return that(false, "%q has %s left, want about %s", field, ttl, long)
				}
			}
			return nil
		}
		return c
	}
	forEver := func(key, field string) call { return hash("HPTTL", key, field).gives(ttls{field: driver.NoExpiry}) }
	const sets, keeps, deletes, misses = mixins.FieldExpires, mixins.FieldKept, mixins.FieldDeleted, mixins.FieldMissing
	scripts := []script{
		{"hashes/ttl", "HTTL and HPTTL return what each field has left, NoExpiry for one without a TTL, and leave missing ones out", needs("HSET", "HPEXPIRE", "HTTL", "HPTTL", "SET"), []call{
			hash("HTTL", keyA, "f").gives(ttls{}), hash("HPTTL", keyA, "f").gives(ttls{}), ab, hash("HTTL", keyA, "f", "none").gives(ttls{"f": driver.NoExpiry}), hash("HPTTL", keyA, "none", "f").gives(ttls{"f": driver.NoExpiry}),
			hash("HPExpire", keyA, long, always, "f").gives(became(sets)), left(keyA, "f"), inWholeSeconds(hash("HTTL", keyA, "f")), hash("HTTL", keyA).fails(xcache.ErrSyntax), hash("HPTTL", keyA).fails(xcache.ErrSyntax),
			isText(), hash("HTTL", text, "f").fails(xcache.ErrWrongType), hash("HPTTL", text, "f").fails(xcache.ErrWrongType),
		}},
		{"hashes/persist", "HPersist takes TTLs away, and tells which of the fields exist", needs("HSET", "HPEXPIRE", "HPERSIST", "HPTTL", "SET"), []call{
			hash("HPersist", keyA, "f").gives(flags(false)), ab, hash("HPExpire", keyA, long, always, "f").gives(became(sets)), hash("HPersist", keyA, "f", "none", "g").gives(flags(true, false, true)), forEver(keyA, "f"),
			hash("HPersist", keyA).fails(xcache.ErrSyntax), isText(), hash("HPersist", text, "f").fails(xcache.ErrWrongType),
		}},
		{"hashes/set-takes-ttl", "HSet takes the TTL of a field away, HIncrBy leaves it", needs("HSET", "HINCRBY", "HPEXPIRE", "HPTTL"), []call{
			hash("HSet", keyA, "f", "a").gives(true), do("counts", "HSet", keyA, "n", 1).gives(true), hash("HPExpire", keyA, long, always, "f", "n").gives(became(sets, sets)),
			hash("HSet", keyA, "f", "b").gives(false), forEver(keyA, "f"), do("counts", "HIncrBy", keyA, "n", int64(1)).gives(int64(2)), left(keyA, "n"),
		}},
		{"hashes/getex", "HGetEx returns values and gives the fields a TTL, leaves it, takes it away, or removes the fields", needs("HSET", "HGETEX", "HPTTL", "HGETALL", "EXISTS", "SET"), []call{
			hash("HGetEx", keyA, get{TTL: long}, "f").gives(values{}), exists(keyA, false), ab, hash("HGetEx", keyA, get{TTL: long}, "f", "none").gives(values{"f": "a"}), left(keyA, "f"), forEver(keyA, "g"),
			hash("HGetEx", keyA, get{}, "f").gives(values{"f": "a"}), left(keyA, "f"), hash("HGetEx", keyA, get{TTL: driver.NoExpiry}, "f").gives(values{"f": "a"}), forEver(keyA, "f"),
			hash("HGetEx", keyA, getSoon, "g", "f").gives(values{"f": "a", "g": "b"}), left(keyA, "f", "g"), hash("HGetEx", keyA, get{TTL: -1}, "g").gives(values{"g": "b"}), all(keyA, values{"f": "a"}),
			hash("HGetEx", keyA, get{At: time.Unix(0, 0)}, "f").gives(values{"f": "a"}), exists(keyA, false),
			hash("HGetEx", keyA, get{TTL: long, At: time.Now()}, "f").fails(xcache.ErrSyntax), hash("HGetEx", keyA, get{TTL: driver.NoExpiry, At: time.Now()}, "f").fails(xcache.ErrSyntax), hash("HGetEx", keyA, get{}).fails(xcache.ErrSyntax),
			isText(), hash("HGetEx", text, get{}, "f").fails(xcache.ErrWrongType),
		}},
		{"hashes/getdel", "HGetDel returns the values of fields and removes them; a hash that is emptied vanishes", needs("HSET", "HGETDEL", "HGETALL", "EXISTS", "SET"), []call{
			hash("HGetDel", keyA, "f").gives(values{}), ab, hash("HGetDel", keyA, "f", "none", "f").gives(values{"f": "a"}), all(keyA, values{"g": "b"}), hash("HGetDel", keyA, "g").gives(values{"g": "b"}), exists(keyA, false),
			hash("HGetDel", keyA).fails(xcache.ErrSyntax), isText(), hash("HGetDel", text, "f").fails(xcache.ErrWrongType),
		}},
		{"hashes/setex", "HSetEx stores values with a TTL, with their own, or without one", needs("HSETEX", "HPTTL", "HGETALL", "EXISTS", "SET"), []call{
			hash("HSetEx", keyA, set{TTL: long}, values{"f": "a", "g": "b"}).gives(true), left(keyA, "f", "g"), hash("HSetEx", keyA, set{KeepTTL: true}, values{"f": "c"}).gives(true), left(keyA, "f"),
			hash("HSetEx", keyA, set{}, values{"f": "d"}).gives(true), forEver(keyA, "f"), hash("HSetEx", keyA, set{TTL: driver.NoExpiry}, values{"g": "e"}).gives(true), forEver(keyA, "g"), all(keyA, values{"f": "d", "g": "e"}),
			hash("HSetEx", keyA, setSoon, values{"f": "h"}).gives(true), left(keyA, "f"), hash("HSetEx", keyA, set{TTL: -1}, values{"f": "i"}).gives(true), all(keyA, values{"g": "e"}),
			hash("HSetEx", keyA, set{At: time.Unix(0, 0)}, values{"g": "i"}).gives(true), exists(keyA, false), hash("HSetEx", keyA, set{}, values{}).fails(xcache.ErrSyntax),
			hash("HSetEx", keyA, set{TTL: long, At: time.Now()}, values{"f": "a"}).fails(xcache.ErrSyntax), hash("HSetEx", keyA, set{TTL: long, KeepTTL: true}, values{"f": "a"}).fails(xcache.ErrSyntax),
			isText(), hash("HSetEx", text, set{}, values{"f": "a"}).fails(xcache.ErrWrongType),
		}},
		{"hashes/setex-if", "with FNX HSetEx stores if none of the fields is there, with FXX if all are, else nothing", needs("HSETEX", "HGETALL", "EXISTS"), []call{
			hash("HSetEx", keyA, set{FXX: true}, values{"f": "a"}).gives(false), exists(keyA, false), hash("HSetEx", keyA, set{FNX: true}, values{"f": "a"}).gives(true),
			hash("HSetEx", keyA, set{FNX: true}, values{"f": "b", "g": "b"}).gives(false), hash("HSetEx", keyA, set{FXX: true}, values{"f": "b", "g": "b"}).gives(false), all(keyA, values{"f": "a"}),
			hash("HSetEx", keyA, set{FXX: true, TTL: long}, values{"f": "c"}).gives(true), all(keyA, values{"f": "c"}), hash("HSetEx", keyA, set{FNX: true, FXX: true}, values{"f": "d"}).fails(xcache.ErrSyntax),
		}},
	}
	for _, e := range []struct {
		method, command string
		whole           time.Duration // the time after rounding up
		at              bool
	}{{"HExpire", "HEXPIRE", time.Second, false}, {"HPExpire", "HPEXPIRE", time.Millisecond, false}, {"HExpireAt", "HEXPIREAT", time.Second, true}, {"HPExpireAt", "HPEXPIREAT", time.Millisecond, true}} {
		// when returns the argument for a time from now on.
		when := func(d time.Duration) any {
			if e.at {
				return atCall(func() any { return time.Now().Add(d) })
			}
			return d
		}
		expire := func(d time.Duration, options mixins.ExpireOptions, fields ...any) call {
			return hash(e.method, append([]any{keyA, when(d), options}, fields...)...)
		}
		past := expire(-time.Hour, always, "f", "none")
		name := "hashes/" + map[string]string{"HExpire": "expire", "HPExpire": "pexpire", "HExpireAt": "expireat", "HPExpireAt": "pexpireat"}[e.method]
		scripts = append(scripts,
			script{name, e.method + " gives fields a TTL, and tells what became of each; what has passed removes them", needs("HSET", "HPTTL", "HGETALL", "EXISTS", "SET", e.command), []call{
				expire(long, always, "f").gives(became(misses)), exists(keyA, false), ab, expire(long, always, "f", "none").gives(became(sets, misses)), left(keyA, "f"), forEver(keyA, "g"),
				past.gives(became(deletes, misses)), all(keyA, values{"g": "b"}), expire(-time.Hour, always, "g").gives(became(deletes)), exists(keyA, false),
				expire(long, always).fails(xcache.ErrSyntax), isText(), hash(e.method, text, when(long), always, "f").fails(xcache.ErrWrongType),
			}},
			script{name + "-if", "the options of " + e.method + " say which fields get the TTL", needs("HSET", "HPTTL", e.command), []call{
				ab, expire(long, mixins.ExpireOptions{XX: true}, "f").gives(became(keeps)), expire(long, mixins.ExpireOptions{GT: true}, "f").gives(became(keeps)), forEver(keyA, "f"),
				expire(2*long, mixins.ExpireOptions{NX: true}, "f", "g").gives(became(sets, sets)), expire(long, mixins.ExpireOptions{NX: true}, "f").gives(became(keeps)),
				expire(long, mixins.ExpireOptions{GT: true}, "f").gives(became(keeps)), expire(long, mixins.ExpireOptions{LT: true}, "f").gives(became(sets)), left(keyA, "f"), expire(long, mixins.ExpireOptions{XX: true}, "g").gives(became(sets)), left(keyA, "g"),
				expire(long, mixins.ExpireOptions{NX: true, LT: true}, "f").fails(xcache.ErrSyntax),
			}})
		if !e.at {
			scripts = append(scripts, script{name + "-rounds-up", e.method + " rounds up: no TTL of a field becomes 0, and 0 removes the field; NoExpiry is none", needs("HSET", "HPTTL", e.command), []call{
				ab, expire(1, always, "f").gives(became(sets)), expire(0, always, "g").gives(became(deletes)), hash("HSet", keyA, "g", "b").gives(true), expire(driver.NoExpiry, always, "g").fails(xcache.ErrSyntax), forEver(keyA, "g"),
			}})
		}
	}
	return scripts
}

// inWholeSeconds wants about the long TTL, in seconds.
func inWholeSeconds(c call) call {
	c.compare = func(got any) error {
		found, _ := got.(map[string]time.Duration)
		for field, ttl := range found {
			if ttl%time.Second != 0 || ttl > long+time.Minute || ttl < long-time.Minute {
				return that(false, "%q has %s left, want about %s in seconds", field, ttl, long)
			}
		}
		return expect(len(found), 1, "fields")
	}
	return c
}
