package xcachetest

import (
	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
)

func setScripts() []script {
	set := func(method string, args ...any) call { return do("sets", method, args...) }
	exists := func(key string, there bool) call { return do("cache", "Has", key).gives(there) }
	abc := set("SAdd", keyA, "a", "b", "c").gives(3)
	bcd := set("SAdd", keyB, "b", "c", "d").gives(3)
	members := func(key string, want ...string) call { return set("SMembers", key).givesAll(want...) }
	return []script{
		{"sets/add", "SAdd adds members once, and returns how many were new", needs("SADD", "SMEMBERS", "SET"), []call{
			set("SAdd", keyA, "a", "b", "a").gives(2), set("SAdd", keyA, "b", "", "a\x00b").gives(2), members(keyA, "a", "b", "", "a\x00b"),
			set("SAdd", keyA).fails(xcache.ErrSyntax), set("SAdd", "", "a").fails(xcache.ErrInvalidKey), isText(), set("SAdd", text, "a").fails(xcache.ErrWrongType),
		}},
		{"sets/rem", "SRem removes members, and returns how many there were; a set that is emptied vanishes", needs("SADD", "SREM", "SMEMBERS", "EXISTS", "SET"), []call{
			set("SRem", keyA, "a").gives(0), abc, set("SRem", keyA, "a", "z", "a").gives(1), members(keyA, "b", "c"), set("SRem", keyA, "b", "c").gives(2), exists(keyA, false),
			set("SRem", keyA).fails(xcache.ErrSyntax), isText(), set("SRem", text, "a").fails(xcache.ErrWrongType),
		}},
		{"sets/card", "SCard returns the number of members, 0 without a set", needs("SADD", "SCARD", "SET"), []call{
			set("SCard", keyA).gives(0), abc, set("SCard", keyA).gives(3), isText(), set("SCard", text).fails(xcache.ErrWrongType),
		}},
		{"sets/ismember", "SIsMember and SMIsMember tell which members there are, in the order of the question", needs("SADD", "SISMEMBER", "SMISMEMBER", "SET"), []call{
			set("SIsMember", keyA, "a").gives(false), set("SMIsMember", keyA, "a", "b").gives([]bool{false, false}), abc, set("SIsMember", keyA, "a").gives(true), set("SIsMember", keyA, "z").gives(false),
			set("SMIsMember", keyA, "c", "z", "a", "c").gives([]bool{true, false, true, true}), set("SMIsMember", keyA).fails(xcache.ErrSyntax),
			isText(), set("SIsMember", text, "a").fails(xcache.ErrWrongType), set("SMIsMember", text, "a").fails(xcache.ErrWrongType),
		}},
		{"sets/members", "SMembers returns every member once, none without a set", needs("SADD", "SMEMBERS", "SET"), []call{
			members(keyA), abc, members(keyA, "a", "b", "c"), isText(), set("SMembers", text).fails(xcache.ErrWrongType),
		}},
		{"sets/pop", "SPop takes a member; ErrNotFound without one; a set that is emptied vanishes", needs("SADD", "SPOP", "SCARD", "EXISTS", "SET"), []call{
			set("SPop", keyA).fails(xcache.ErrNotFound), set("SAdd", keyA, "a", "b").gives(2), set("SPop", keyA).givesOneOf("a", "b"), set("SCard", keyA).gives(1), set("SPop", keyA).givesOneOf("a", "b"), exists(keyA, false),
			isText(), set("SPop", text).fails(xcache.ErrWrongType),
		}},
		{"sets/pop-count", "SPopCount takes as many different members as there are", needs("SADD", "SPOP", "SCARD", "EXISTS"), []call{
			set("SPopCount", keyA, 2).gives(these()), abc, set("SPopCount", keyA, 0).gives(these()), set("SPopCount", keyA, 2).givesSome(2, true, "a", "b", "c"), set("SCard", keyA).gives(1),
			set("SPopCount", keyA, 5).givesSome(1, true, "a", "b", "c"), exists(keyA, false), set("SPopCount", keyA, -1).fails(xcache.ErrSyntax),
		}},
		{"sets/randmember", "SRandMember returns members and leaves them: different ones for a count, any for a negative one", needs("SADD", "SRANDMEMBER", "SCARD", "SET"), []call{
			set("SRandMember", keyA).fails(xcache.ErrNotFound), set("SRandMemberCount", keyA, 2).gives(these()), abc, set("SRandMember", keyA).givesOneOf("a", "b", "c"),
			set("SRandMemberCount", keyA, 2).givesSome(2, true, "a", "b", "c"), set("SRandMemberCount", keyA, 9).givesAll("a", "b", "c"), set("SRandMemberCount", keyA, -9).givesSome(9, false, "a", "b", "c"),
			set("SRandMemberCount", keyA, 0).gives(these()), set("SCard", keyA).gives(3), isText(), set("SRandMember", text).fails(xcache.ErrWrongType),
		}},
		{"sets/move", "SMove moves a member, and tells whether it was there", needs("SADD", "SMOVE", "SMEMBERS", "EXISTS", "SET"), []call{
			set("SMove", keyA, keyB, "a").gives(false), exists(keyB, false), abc, set("SMove", keyA, keyB, "a").gives(true), set("SMove", keyA, keyB, "z").gives(false), members(keyA, "b", "c"), members(keyB, "a"),
			set("SMove", keyB, keyA, "a").gives(true), exists(keyB, false), set("SMove", keyA, keyA, "a").gives(true), members(keyA, "a", "b", "c"),
			isText(), set("SMove", keyA, text, "a").fails(xcache.ErrWrongType), set("SMove", text, keyA, "a").fails(xcache.ErrWrongType), members(keyA, "a", "b", "c"),
		}},
		{"sets/diff", "SDiff returns the members of the first set that no other has; a missing set is empty", needs("SADD", "SDIFF", "SET"), []call{
			abc, bcd, set("SDiff", keyA, keyB).givesAll("a"), set("SDiff", keyB, keyA).givesAll("d"), set("SDiff", keyA, keyC).givesAll("a", "b", "c"), set("SDiff", keyC, keyA).givesAll(), set("SDiff", keyA, keyA).givesAll(),
			set("SDiff").fails(xcache.ErrSyntax), isText(), set("SDiff", keyA, text).fails(xcache.ErrWrongType),
		}},
		{"sets/inter", "SInter returns the members that all sets have; a missing set is empty", needs("SADD", "SINTER", "SET"), []call{
			abc, bcd, set("SInter", keyA, keyB).givesAll("b", "c"), set("SInter", keyA).givesAll("a", "b", "c"), set("SInter", keyA, keyC).givesAll(),
			set("SInter").fails(xcache.ErrSyntax), isText(), set("SInter", keyA, text).fails(xcache.ErrWrongType),
		}},
		{"sets/union", "SUnion returns the members that any set has", needs("SADD", "SUNION", "SET"), []call{
			abc, bcd, set("SUnion", keyA, keyB, keyC).givesAll("a", "b", "c", "d"), set("SUnion", keyC).givesAll(), set("SUnion").fails(xcache.ErrSyntax), isText(), set("SUnion", keyA, text).fails(xcache.ErrWrongType),
		}},
		{"sets/intercard", "SInterCard counts what SInter returns, up to a limit", needs("SADD", "SINTERCARD", "SET"), []call{
			abc, bcd, set("SInterCard", 0, keyA, keyB).gives(2), set("SInterCard", 1, keyA, keyB).gives(1), set("SInterCard", 9, keyA, keyB).gives(2), set("SInterCard", 0, keyA, keyC).gives(0),
			set("SInterCard", -1, keyA).fails(xcache.ErrSyntax), set("SInterCard", 0).fails(xcache.ErrSyntax), isText(), set("SInterCard", 0, keyA, text).fails(xcache.ErrWrongType),
		}},
		{"sets/store", "SDiffStore, SInterStore and SUnionStore store their result over whatever was there, without a TTL; none leaves no key", needs("SADD", "SDIFFSTORE", "SINTERSTORE", "SUNIONSTORE", "SMEMBERS", "SET", "EXISTS", "PTTL"), []call{
			abc, bcd, isText(), set("SUnionStore", text, keyA, keyB).gives(4), members(text, "a", "b", "c", "d"), do("cache", "TTL", text).gives(driver.NoExpiry),
			set("SDiffStore", keyC, keyA, keyB).gives(1), members(keyC, "a"), set("SInterStore", keyC, keyA, keyB).gives(2), members(keyC, "b", "c"), set("SDiffStore", keyC, keyA, keyA).gives(0), exists(keyC, false),
			set("SInterStore", keyA, keyA, keyB).gives(2), members(keyA, "b", "c"), set("SUnionStore", keyC).fails(xcache.ErrSyntax),
			do("texts", "Set", "{k}string", "v"), set("SUnionStore", keyC, keyA, "{k}string").fails(xcache.ErrWrongType), exists(keyC, false),
		}},
		{"sets/ttl-stays", "what changes a set leaves its TTL", needs("SADD", "SREM", "SPOP", "SMOVE", "PEXPIRE", "PTTL"), []call{
			abc, do("cache", "Expire", keyA, long).gives(true), set("SAdd", keyA, "d").gives(1), set("SRem", keyA, "a").gives(1), set("SPop", keyA).givesOneOf("b", "c", "d"), hasTTL(keyA),
		}},
		{"sets/kind", "the kind of a set is set", needs("SADD", "TYPE"), []call{abc, do("cache", "Type", keyA).gives(driver.KindSet)}},
	}
}
